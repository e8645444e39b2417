//! relu_backward_f16: elementwise, from the activation's output, of numbers stored as float16.
//!
//!     dx[i] = dy[i] · 1[y[i] > 0]
//!
//! Shapes: y, dy, dx of any one shape (f16). One invocation per element. `dx` is overwritten.
//! A number is only chosen, never computed, so nothing is rounded.
//! Twin: `ops/activation.rs`, `ReluBackward`.

enable f16;

struct ElementwiseParams {
    count: u32,       // elements
    row_length: u32,  // invocations in one row of workgroups
    unused_0: u32,
    unused_1: u32,
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: ElementwiseParams;
@group(0) @binding(1) var<storage, read> y: array<f16>;
@group(0) @binding(2) var<storage, read> dy: array<f16>;
@group(0) @binding(3) var<storage, read_write> dx: array<f16>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn relu_backward_f16(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    dx[index] = select(0.0h, dy[index], f32(y[index]) > 0.0);
}
