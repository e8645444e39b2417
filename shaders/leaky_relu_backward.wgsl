//! leaky_relu_backward: elementwise, from the activation's input.
//!
//!     dx[i] = dy[i] where x[i] > 0, else α · dy[i]
//!
//! Shapes: x, dy, dx of any one shape (f32). One invocation per element. `dx` is overwritten.
//! Twin: `ops/leaky_relu.rs`, `LeakyReluBackward`.

struct ElementwiseParams {
    count: u32,       // elements
    row_length: u32,  // invocations in one row of workgroups
    unused_0: u32,
    unused_1: u32,
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;
/// α
override NEGATIVE_SLOPE: f32 = 0.01;

@group(0) @binding(0) var<uniform> params: ElementwiseParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn leaky_relu_backward(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    dx[index] = dy[index] * select(NEGATIVE_SLOPE, 1.0, x[index] > 0.0);
}
