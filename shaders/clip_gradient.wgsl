//! clip_gradient: scales all gradients so that their norm is at most c.
//!
//!     clipped[i] = g[i] · min(1, c / (norm + 10⁻⁶))
//!
//! Shapes (f32): g and clipped of any one shape, norm (). One invocation per element.
//! Twin: `ops/clip.rs`, `ClipGradient`.

struct ElementwiseParams {
    count: u32,       // elements
    row_length: u32,  // invocations in one row of workgroups
    unused_0: u32,
    unused_1: u32,
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;
/// c
override MAX_NORM: f32 = 1.0;

@group(0) @binding(0) var<uniform> params: ElementwiseParams;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read> norm: array<f32>;
@group(0) @binding(3) var<storage, read_write> clipped: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn clip_gradient(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    clipped[index] = g[index] * min(1.0, MAX_NORM / (norm[0] + 1e-6));
}
