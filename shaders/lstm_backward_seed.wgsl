//! lstm_backward_seed: what the loop of lstm_backward finds where it starts, so that it binds no
//! more buffers than every device has.
//!
//!     dc[n, t, k] = dc_out[n, t, k],   da[n, s, H + k] = c0[n, k] at the first step s
//!
//! Shapes (row-major f32): c0 (N, H), dc_out and dc (N, T, H), da (N, T, 4H), lengths (N) u32.
//! One invocation per element of dc. `dc` is overwritten, and one step of `da`.
//! Twin: `ops/recurrent/lstm_backward.rs`, `LstmBackward`.

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
@group(0) @binding(1) var<storage, read> c0: array<f32>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read> dc_out: array<f32>;
@group(0) @binding(4) var<storage, read_write> da: array<f32>;
@group(0) @binding(5) var<storage, read_write> dc: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn lstm_backward_seed(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.steps * params.hidden {
        return;
    }
    dc[index] = dc_out[index];
    let k = index % params.hidden;
    let place = index / params.hidden;
    let n = place / params.steps;
    let start = select(0u, lengths[n] - 1u, params.reverse == 1u);
    if place % params.steps == start {
        da[(place * 4u + 1u) * params.hidden + k] = c0[n * params.hidden + k];
    }
}
