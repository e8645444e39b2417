//! gru_backward_seed: what the loop of gru_backward finds where it starts, so that it binds no more
//! buffers than every device has.
//!
//!     da[n, s, H + k] = h0[n, k] at the first step s
//!
//! Shapes (row-major f32): h0 (N, H), da (N, T, 3H), lengths (N) u32. One invocation per element of
//! h0. One step of `da` is overwritten.
//! Twin: `ops/recurrent/gru_backward.rs`, `GruBackward`.

struct RecurrentParams {
    batch: u32,       // N
    steps: u32,       // T
    hidden: u32,      // H
    columns: u32,     // J: sums a step
    truncate: u32,    // gradients stop behind every so many steps; 0: never
    reverse: u32,     // 1: the last step runs first
    row_length: u32,  // invocations in one row of workgroups
    unused: u32,
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;
@group(0) @binding(0) var<uniform> params: RecurrentParams;
@group(0) @binding(1) var<storage, read> h0: array<f32>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read_write> da: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn gru_backward_seed(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.hidden {
        return;
    }
    let n = index / params.hidden;
    let k = index % params.hidden;
    let length = lengths[n];
    if length == 0u {
        return;
    }
    let place = n * params.steps + select(0u, length - 1u, params.reverse == 1u);
    da[(place * 3u + 1u) * params.hidden + k] = h0[index];
}
