//! dropout_backward: the gradient goes where the forward pass went.
//!
//!     dx[i] = dy[i] · m[i]
//!
//! Shapes: m, dy, dx any, all the same. One invocation per element. `dx` is overwritten, not accumulated.
//! Twin: `ops/dropout.rs`, `DropoutBackward`.

struct ElementwiseParams {
    count: u32,
    row_length: u32,  // invocations in one row of workgroups
    unused_0: u32,
    unused_1: u32,
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: ElementwiseParams;
@group(0) @binding(1) var<storage, read> m: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn dropout_backward(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    dx[index] = dy[index] * m[index];
}
