//! last_step_backward: hands a gradient back to each sequence's last step.
//!
//!     dx[n, t, k] = dy[n, k] at t = lengths[n] − 1, in reverse at t = 0; 0 at all other steps
//!
//! Shapes (row-major f32): lengths (N) u32, dy (N, H), dx (N, T, H).
//! One invocation per element of dx, which is overwritten.
//! Twin: `ops/recurrent/last_step.rs`, `LastStepBackward`.

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
@group(0) @binding(1) var<storage, read> lengths: array<u32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn last_step_backward(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.steps * params.hidden {
        return;
    }
    let k = index % params.hidden;
    let t = index / params.hidden % params.steps;
    let n = index / params.hidden / params.steps;
    // Of a sequence without steps this is no step.
    let last = select(lengths[n] - 1u, 0u, params.reverse == 1u);
    dx[index] = select(0.0, dy[n * params.hidden + k], t == last);
}
