//! rnn_backward: backpropagation through time of a plain recurrent cell.
//!
//!     dh[n, t, k] = dh_out[n, t, k] + Σ_q da[n, t + 1, q] · wh[q, k]
//!     da[n, t, k] = dh[n, t, k] · (1 − h[n, t, k]²)   or dh[n, t, k] · 1[h[n, t, k] > 0]
//!
//! 0 behind a sequence's length.
//! Shapes (row-major f32): h, dh_out, da and dh (N, T, H), wh (H, H), lengths (N) u32.
//! One workgroup per sequence, which loops back over time; an invocation takes every
//! WORKGROUP_SIZE-th unit. `da` and `dh` are overwritten.
//! Twin: `ops/recurrent/rnn.rs`, `RnnBackward`.

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
/// 0: tanh, 1: ReLU.
override ACTIVATION: u32 = 0u;

@group(0) @binding(0) var<uniform> params: RecurrentParams;
@group(0) @binding(1) var<storage, read> h: array<f32>;
@group(0) @binding(2) var<storage, read> wh: array<f32>;
@group(0) @binding(3) var<storage, read> lengths: array<u32>;
@group(0) @binding(4) var<storage, read> dh_out: array<f32>;
@group(0) @binding(5) var<storage, read_write> da: array<f32>;
@group(0) @binding(6) var<storage, read_write> dh: array<f32>;

/// The step that runs as number `order`; behind the sequence's length, that step.
fn step_of(order: u32, length: u32) -> u32 {
    return select(order, length - 1u - order, params.reverse == 1u && order < length);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn rnn_backward(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = workgroup.y * (params.row_length / WORKGROUP_SIZE) + workgroup.x;
    // The last row of workgroups is usually only partly used.
    if n >= params.batch {
        return;
    }
    let length = min(lengths[n], params.steps);
    for (var left = params.steps; left > 0u; left -= 1u) {
        let order = left - 1u;
        let row = (n * params.steps + step_of(order, length)) * params.hidden;
        let is_cut = params.truncate > 0u && left % max(params.truncate, 1u) == 0u;
        let later = (n * params.steps + step_of(left, length)) * params.hidden;
        for (var k = local; k < params.hidden; k += WORKGROUP_SIZE) {
            var gradient = 0.0;
            if order < length {
                gradient = dh_out[row + k];
                if left < length && !is_cut {
                    for (var q = 0u; q < params.hidden; q += 1u) {
                        gradient += da[later + q] * wh[q * params.hidden + k];
                    }
                }
            }
            let value = h[row + k];
            let slope = select(f32(value > 0.0), 1.0 - value * value, ACTIVATION == 0u);
            dh[row + k] = gradient;
            da[row + k] = gradient * slope;
        }
        // The step before reads what all invocations have written.
        storageBarrier();
    }
}
