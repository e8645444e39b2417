//! float16_unscale: gradients of a scaled loss without the scale, and whether one of them is infinite or not a number.
//!
//!     g[i] ← g[i] / s,   is_bad ← 1 where some g[i] is not finite
//!
//! Shapes (f32): g (count) as bits, s (1); is_bad (1) as u32, which is 0 before.
//! What is finite is told by the bits: a device need not know infinite numbers when it computes. A gradient that is not
//! finite stays as it is. One invocation for each number; all that write to `is_bad` write the same.
//! Twin: `lab/precision/stepper.rs`, `step`.

struct Float16Params {
    count: u32,      // numbers
    row_length: u32, // invocations in one row of workgroups
    unused_0: u32,
    unused_1: u32,
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Float16Params;
@group(0) @binding(1) var<storage, read> s: array<f32>;
@group(0) @binding(2) var<storage, read_write> g: array<u32>;
@group(0) @binding(3) var<storage, read_write> is_bad: array<atomic<u32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn float16_unscale(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    let bits = g[index];
    if (bits & 0x7f800000u) == 0x7f800000u {
        atomicStore(&is_bad[0], 1u);
        return;
    }
    g[index] = bitcast<u32>(bitcast<f32>(bits) / s[0]);
}
