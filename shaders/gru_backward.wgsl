//! gru_backward: backpropagation through time of a GRU.
//!
//!     dh[n, t, k] = dh_out[n, t, k] + dh[n, t + 1, k] · z[n, t + 1, k] + Σ_q dz[n, t + 1, q] · wh[q, k]
//!     da of n = dh · (1 − z) · (1 − n²), of r = da_n · s · r(1 − r), of z = dh · (h[n, t − 1, k] − n) · z(1 − z)
//!     dz = da, for n da_n · r
//!
//! 0 behind a sequence's length. `gru_backward_seed` has written h0 to the place of z in `da` at the
//! first step.
//! Shapes (row-major f32): gates (N, T, 4H), wh (3H, H), h, dh_out and dh (N, T, H), da and dz
//! (N, T, 3H), lengths (N) u32. One workgroup per sequence, which loops back over time; an invocation
//! takes every WORKGROUP_SIZE-th unit. `da`, `dz` and `dh` are overwritten.
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
@group(0) @binding(1) var<storage, read> gates: array<f32>;
@group(0) @binding(2) var<storage, read> h: array<f32>;
@group(0) @binding(3) var<storage, read> wh: array<f32>;
@group(0) @binding(4) var<storage, read> lengths: array<u32>;
@group(0) @binding(5) var<storage, read> dh_out: array<f32>;
@group(0) @binding(6) var<storage, read_write> da: array<f32>;
@group(0) @binding(7) var<storage, read_write> dz: array<f32>;
@group(0) @binding(8) var<storage, read_write> dh: array<f32>;

/// The step that runs as number `order`; behind the sequence's length, that step.
fn step_of(order: u32, length: u32) -> u32 {
    return select(order, length - 1u - order, params.reverse == 1u && order < length);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn gru_backward(
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
            let own = place * 3u * hidden + k;
            // Of r, z and n.
            var gradients = vec3<f32>();
            var gradient = 0.0;
            var reset = 0.0;
            if order < length {
                gradient = dh_out[at];
                if flows {
                    gradient += dh[later * hidden + k] * gates[(later * 4u + 1u) * hidden + k];
                    for (var q = 0u; q < 3u * hidden; q += 1u) {
                        gradient += dz[later * 3u * hidden + q] * wh[q * hidden + k];
                    }
                }
                let gate = place * 4u * hidden + k;
                reset = gates[gate];
                let z = gates[gate + hidden];
                let candidate = gates[gate + 2u * hidden];
                let sum = gates[gate + 3u * hidden];
                var before = da[own + hidden];
                if order > 0u {
                    before = h[(n * params.steps + step_of(order - 1u, length)) * hidden + k];
                }
                let inner = gradient * (1.0 - z) * (1.0 - candidate * candidate);
                gradients = vec3(
                    inner * sum * reset * (1.0 - reset),
                    gradient * (before - candidate) * z * (1.0 - z),
                    inner,
                );
            }
            dh[at] = gradient;
            da[own] = gradients.x;
            da[own + hidden] = gradients.y;
            da[own + 2u * hidden] = gradients.z;
            dz[own] = gradients.x;
            dz[own + hidden] = gradients.y;
            dz[own + 2u * hidden] = gradients.z * reset;
        }
        // The step before reads what all invocations have written.
        storageBarrier();
    }
}
