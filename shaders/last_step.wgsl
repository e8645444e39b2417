//! last_step: the state after each sequence's last step.
//!
//!     y[n, k] = x[n, lengths[n] − 1, k], in reverse x[n, 0, k]; 0 for a sequence without steps
//!
//! Shapes (row-major f32): x (N, T, H), lengths (N) u32, y (N, H).
//! One invocation per element of y, which is overwritten.
//! Twin: `ops/recurrent/last_step.rs`, `LastStep`.

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
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn last_step(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.hidden {
        return;
    }
    let n = index / params.hidden;
    let k = index % params.hidden;
    var value = 0.0;
    if params.reverse == 1u || lengths[n] > 0u {
        let place = n * params.steps + select(lengths[n] - 1u, 0u, params.reverse == 1u);
        value = x[place * params.hidden + k];
    }
    y[index] = value;
}
