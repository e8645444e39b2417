//! lstm_backward_cell: gradient of the loss with respect to an LSTM's initial cell state.
//!
//!     dc0[n, k] = dc[n, s, k] · f[n, s, k] at the first step s; 0 for a sequence without steps
//!
//! Shapes (row-major f32): gates (N, T, 4H), dc (N, T, H), lengths (N) u32, dc0 (N, H).
//! One invocation per element of dc0, which is overwritten.
//! Twin: `ops/recurrent/lstm_backward.rs`, `LstmBackwardCell`.

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
@group(0) @binding(1) var<storage, read> gates: array<f32>;
@group(0) @binding(2) var<storage, read> dc: array<f32>;
@group(0) @binding(3) var<storage, read> lengths: array<u32>;
@group(0) @binding(4) var<storage, read_write> dc0: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn lstm_backward_cell(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.hidden {
        return;
    }
    let n = index / params.hidden;
    let k = index % params.hidden;
    if params.reverse == 1u && lengths[n] == 0u {
        dc0[index] = 0.0;
        return;
    }
    let place = n * params.steps + select(0u, lengths[n] - 1u, params.reverse == 1u);
    dc0[index] = dc[place * params.hidden + k] * gates[(place * 4u + 1u) * params.hidden + k];
}
