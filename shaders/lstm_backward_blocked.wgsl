//! lstm_backward_blocked: backpropagation through time of an LSTM, four sequences at a time.
//!
//!     dh[n, t, k] = dh_out[n, t, k] + Σ_q da[n, t + 1, q] · wh[q, k]
//!     dc[n, t, k] = dc_out[n, t, k] + dh · o · (1 − tanh²(c)) + dc[n, t + 1, k] · f[n, t + 1, k]
//!     da of i = dc · g · i(1 − i), of f = dc · c[n, t − 1, k] · f(1 − f), of g = dc · i · (1 − g²),
//!     of o = dh · tanh(c) · o(1 − o)
//!
//! 0 behind a sequence's length. `lstm_backward_seed` has written dc_out to `dc`, and c0 to the
//! place of f in `da` at the first step.
//! Shapes (row-major f32): gates and da (N, T, 4H), wh (4H, H), c, dh_out, dh and dc (N, T, H),
//! lengths (N) u32; 4 divides H, which is at most 256. A workgroup loops back over time with the da of
//! its four sequences in workgroup memory; an invocation takes four units: 2 loads of 4 numbers feed
//! 16 multiply-adds, where `lstm_backward` needs 32 loads of one. `da`, `dh` and `dc` are overwritten.
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
@group(0) @binding(1) var<storage, read> gates: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> c: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> wh: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> lengths: array<u32>;
@group(0) @binding(5) var<storage, read> dh_out: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> da: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> dh: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> dc: array<vec4<f32>>;

/// da of the step after, for each column: one of each sequence.
var<workgroup> later: array<vec4<f32>, 1024>;

/// Beyond ±9.01 tanh is ±1 in f32, but some drivers overflow there.
fn safe_tanh(x: vec4<f32>) -> vec4<f32> {
    return tanh(clamp(x, vec4(-9.01), vec4(9.01)));
}

/// The steps that run as number `order`; behind a sequence's length, that step.
fn steps_of(order: u32, length: vec4<u32>) -> vec4<u32> {
    let is_turned = vec4(params.reverse == 1u) & (vec4(order) < length);
    return select(vec4(order), length - 1u - order, is_turned);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn lstm_backward_blocked(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let first = 4u * (workgroup.y * (params.row_length / WORKGROUP_SIZE) + workgroup.x);
    // The last row of workgroups is usually only partly used.
    if first >= params.batch {
        return;
    }
    // Sequences past the end are read as the last one, but not written: each is taken once.
    let n = min(first + vec4(0u, 1u, 2u, 3u), vec4(params.batch - 1u));
    let length = min(vec4(lengths[n.x], lengths[n.y], lengths[n.z], lengths[n.w]), vec4(params.steps));
    let quads = params.hidden / 4u;
    // dc · f of the step after, for four units of each sequence.
    var cell_flows: array<vec4<f32>, 4>;
    for (var left = params.steps; left > 0u; left -= 1u) {
        let order = left - 1u;
        let steps = steps_of(order, length);
        let before_steps = steps_of(max(order, 1u) - 1u, length);
        let is_cut = params.truncate > 0u && left % max(params.truncate, 1u) == 0u;
        // One invocation for each four units: H is at most four times their number.
        let k = local;
        // What comes from the step after, for four units: a column for each sequence.
        var flows = mat4x4<f32>();
        if k < quads && left < params.steps && !is_cut {
            for (var q = 0u; q < 4u * params.hidden; q += 1u) {
                let weights = wh[q * quads + k];
                let gradients = later[q];
                flows += mat4x4(
                    gradients.x * weights,
                    gradients.y * weights,
                    gradients.z * weights,
                    gradients.w * weights,
                );
            }
        }
        // `later` is read, and may be written.
        workgroupBarrier();
        if k < quads {
            var of_gates: array<mat4x4<f32>, 4>;
            for (var s = 0u; s < min(4u, params.batch - first); s += 1u) {
                let place = n[s] * params.steps + steps[s];
                let at = place * quads + k;
                let own = place * 4u * quads + k;
                if order >= length[s] {
                    for (var gate = 0u; gate < 4u; gate += 1u) {
                        da[own + gate * quads] = vec4(0.0);
                    }
                    dh[at] = vec4(0.0);
                    dc[at] = vec4(0.0);
                    cell_flows[s] = vec4(0.0);
                    continue;
                }
                let i = gates[own];
                let f = gates[own + quads];
                let g = gates[own + 2u * quads];
                let o = gates[own + 3u * quads];
                let squashed = safe_tanh(c[at]);
                var before = da[own + quads];
                if order > 0u {
                    before = c[(n[s] * params.steps + before_steps[s]) * quads + k];
                }
                let flow = select(flows[s], vec4(0.0), left >= length[s]);
                let gradient = dh_out[at] + flow;
                let cell_flow = select(cell_flows[s], vec4(0.0), is_cut || left >= length[s]);
                let cell = dc[at] + cell_flow + gradient * o * (1.0 - squashed * squashed);
                cell_flows[s] = cell * f;
                let of_i = cell * g * i * (1.0 - i);
                let of_f = cell * before * f * (1.0 - f);
                let of_g = cell * i * (1.0 - g * g);
                let of_o = gradient * squashed * o * (1.0 - o);
                dh[at] = gradient;
                dc[at] = cell;
                da[own] = of_i;
                da[own + quads] = of_f;
                da[own + 2u * quads] = of_g;
                da[own + 3u * quads] = of_o;
                of_gates[0][s] = of_i;
                of_gates[1][s] = of_f;
                of_gates[2][s] = of_g;
                of_gates[3][s] = of_o;
            }
            for (var gate = 0u; gate < 4u; gate += 1u) {
                let turned = transpose(of_gates[gate]);
                let column = gate * params.hidden + 4u * k;
                later[column] = turned[0];
                later[column + 1u] = turned[1];
                later[column + 2u] = turned[2];
                later[column + 3u] = turned[3];
            }
        }
        workgroupBarrier();
    }
}
