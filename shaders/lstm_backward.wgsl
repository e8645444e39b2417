//! lstm_backward: backpropagation through time of an LSTM.
//!
//!     dh[n, t, k] = dh_out[n, t, k] + Σ_q da[n, t + 1, q] · wh[q, k]
//!     dc[n, t, k] = dc_out[n, t, k] + dh · o · (1 − tanh²(c)) + dc[n, t + 1, k] · f[n, t + 1, k]
//!     da of i = dc · g · i(1 − i), of f = dc · c[n, t − 1, k] · f(1 − f), of g = dc · i · (1 − g²),
//!     of o = dh · tanh(c) · o(1 − o)
//!
//! 0 behind a sequence's length. `lstm_backward_seed` has written dc_out to `dc`, and c0 to the
//! place of f in `da` at the first step.
//! Shapes (row-major f32): gates and da (N, T, 4H), wh (4H, H), c, dh_out, dh and dc (N, T, H),
//! lengths (N) u32. One workgroup per sequence, which loops back over time; an invocation takes
//! every WORKGROUP_SIZE-th unit. `da`, `dh` and `dc` are overwritten.
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
@group(0) @binding(1) var<storage, read> gates: array<f32>;
@group(0) @binding(2) var<storage, read> c: array<f32>;
@group(0) @binding(3) var<storage, read> wh: array<f32>;
@group(0) @binding(4) var<storage, read> lengths: array<u32>;
@group(0) @binding(5) var<storage, read> dh_out: array<f32>;
@group(0) @binding(6) var<storage, read_write> da: array<f32>;
@group(0) @binding(7) var<storage, read_write> dh: array<f32>;
@group(0) @binding(8) var<storage, read_write> dc: array<f32>;

/// Beyond ±9.01 tanh is ±1 in f32, but some drivers overflow there.
fn safe_tanh(x: f32) -> f32 {
    return tanh(clamp(x, -9.01, 9.01));
}

/// The step that runs as number `order`; behind the sequence's length, that step.
fn step_of(order: u32, length: u32) -> u32 {
    return select(order, length - 1u - order, params.reverse == 1u && order < length);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn lstm_backward(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = workgroup.y * (params.row_length / WORKGROUP_SIZE) + workgroup.x;
    // The last row of workgroups is usually only partly used.
    if n >= params.batch {
        return;
    }
    let length = min(lengths[n], params.steps);
    let hidden = params.hidden;
    for (var left = params.steps; left > 0u; left -= 1u) {
        let order = left - 1u;
        let place = n * params.steps + step_of(order, length);
        let is_cut = params.truncate > 0u && left % max(params.truncate, 1u) == 0u;
        let flows = left < length && !is_cut;
        let later = n * params.steps + step_of(left, length);
        for (var k = local; k < hidden; k += WORKGROUP_SIZE) {
            let at = place * hidden + k;
            let gate = place * 4u * hidden + k;
            if order >= length {
                da[gate] = 0.0;
                da[gate + hidden] = 0.0;
                da[gate + 2u * hidden] = 0.0;
                da[gate + 3u * hidden] = 0.0;
                dh[at] = 0.0;
                dc[at] = 0.0;
                continue;
            }
            var gradient = dh_out[at];
            var cell_gradient = dc[at];
            if flows {
                for (var q = 0u; q < 4u * hidden; q += 1u) {
                    gradient += da[later * 4u * hidden + q] * wh[q * hidden + k];
                }
                let forget = gates[later * 4u * hidden + hidden + k];
                cell_gradient += dc[later * hidden + k] * forget;
            }
            let i = gates[gate];
            let f = gates[gate + hidden];
            let g = gates[gate + 2u * hidden];
            let o = gates[gate + 3u * hidden];
            let squashed = safe_tanh(c[at]);
            cell_gradient += gradient * o * (1.0 - squashed * squashed);
            var before = da[gate + hidden];
            if order > 0u {
                before = c[(n * params.steps + step_of(order - 1u, length)) * hidden + k];
            }
            dh[at] = gradient;
            dc[at] = cell_gradient;
            da[gate] = cell_gradient * g * i * (1.0 - i);
            da[gate + hidden] = cell_gradient * before * f * (1.0 - f);
            da[gate + 2u * hidden] = cell_gradient * i * (1.0 - g * g);
            da[gate + 3u * hidden] = gradient * squashed * o * (1.0 - o);
        }
        // The step before reads what all invocations have written.
        storageBarrier();
    }
}
