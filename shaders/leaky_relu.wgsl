//! leaky_relu: elementwise.
//!
//!     y[i] = x[i] where x[i] > 0, else α · x[i]
//!
//! Shapes: x, y of any one shape (f32). One invocation per element. `y` is overwritten.
//! Twin: `ops/leaky_relu.rs`, `LeakyRelu`.

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
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn leaky_relu(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    let value = x[index];
    y[index] = select(NEGATIVE_SLOPE * value, value, value > 0.0);
}
