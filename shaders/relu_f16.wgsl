//! relu_f16: elementwise, of numbers stored as float16.
//!
//!     y[i] = max(0, x[i])
//!
//! Shapes: x, y of any one shape (f16). One invocation per element. `y` is overwritten.
//! A number is only chosen, never computed, so nothing is rounded.
//! Twin: `ops/activation.rs`, `Relu`.

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
@group(0) @binding(1) var<storage, read> x: array<f16>;
@group(0) @binding(2) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn relu_f16(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    let value = x[index];
    // NaN stays, so that a fault is not hidden.
    y[index] = select(value, 0.0h, f32(value) < 0.0);
}
