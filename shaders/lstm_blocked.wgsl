//! lstm_blocked: an LSTM cell over four sequences at a time.
//!
//!     gates[n, t, q] = σ(a[n, t, q] + Σ_k wh[q, k] · h[n, t − 1, k]), tanh for the third of i, f, g, o
//!     c[n, t, k] = f · c[n, t − 1, k] + i · g
//!     h[n, t, k] = o · tanh(c[n, t, k])
//!
//! With h0 and c0 before the first step; 0 behind a sequence's length.
//! Shapes (row-major f32): a and gates (N, T, 4H), wh (4H, H), h0 and c0 (N, H), h and c (N, T, H),
//! lengths (N) u32; 4 divides H, which is at most 512. A workgroup loops over time with the states of
//! its four sequences in workgroup memory, a vector of four for each unit: 8 loads of 4 numbers feed
//! 64 multiply-adds, where `lstm` needs 80 loads of one. `h`, `c` and `gates` are overwritten.
//! Twin: `ops/recurrent/lstm.rs`, `Lstm`.

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
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> wh: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> h0: array<f32>;
@group(0) @binding(4) var<storage, read> c0: array<f32>;
@group(0) @binding(5) var<storage, read> lengths: array<u32>;
@group(0) @binding(6) var<storage, read_write> h: array<f32>;
@group(0) @binding(7) var<storage, read_write> c: array<f32>;
@group(0) @binding(8) var<storage, read_write> gates: array<f32>;

/// Unit k of the four sequences: read in one half, written to the other one, in turn.
var<workgroup> states: array<vec4<f32>, 1024>;

/// The logistic function; its exponential is of a negative number on either side: no overflow.
fn logistic(x: vec4<f32>) -> vec4<f32> {
    let tail = exp(-abs(x));
    return select(vec4(1.0), tail, x < vec4(0.0)) / (1.0 + tail);
}

/// Beyond ±9.01 tanh is ±1 in f32, but some drivers overflow there.
fn safe_tanh(x: vec4<f32>) -> vec4<f32> {
    return tanh(clamp(x, vec4(-9.01), vec4(9.01)));
}

/// The steps that run as number `order`; behind a sequence's length, that step.
fn steps_of(order: u32, length: vec4<u32>) -> vec4<u32> {
    let is_turned = vec4(params.reverse == 1u) & (vec4(order) < length);
    return select(vec4(order), length - 1u - order, is_turned);
}

/// Four elements of the sums, one of each sequence.
fn sums_at(at: vec4<u32>) -> vec4<f32> {
    return vec4(a[at.x], a[at.y], a[at.z], a[at.w]);
}

fn store_gate(at: vec4<u32>, values: vec4<f32>) {
    gates[at.x] = values.x;
    gates[at.y] = values.y;
    gates[at.z] = values.z;
    gates[at.w] = values.w;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn lstm_blocked(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let first = 4u * (workgroup.y * (params.row_length / WORKGROUP_SIZE) + workgroup.x);
    // The last row of workgroups is usually only partly used.
    if first >= params.batch {
        return;
    }
    // Sequences past the end repeat the last one: what comes of them is what it has anyway.
    let n = min(first + vec4(0u, 1u, 2u, 3u), vec4(params.batch - 1u));
    let length = min(vec4(lengths[n.x], lengths[n.y], lengths[n.z], lengths[n.w]), vec4(params.steps));
    let hidden = params.hidden;
    let quads = hidden / 4u;
    for (var k = local; k < hidden; k += WORKGROUP_SIZE) {
        let at = n * hidden + k;
        states[k] = vec4(h0[at.x], h0[at.y], h0[at.z], h0[at.w]);
    }
    workgroupBarrier();

    for (var order = 0u; order < params.steps; order += 1u) {
        let is_step = vec4(order) < length;
        let place = n * params.steps + steps_of(order, length);
        let before = n * params.steps + steps_of(max(order, 1u) - 1u, length);
        let from_half = 512u * (order % 2u);
        let to_half = 512u - from_half;
        for (var k = local; k < hidden; k += WORKGROUP_SIZE) {
            let own = place * 4u * hidden + k;
            var i = sums_at(own);
            var f = sums_at(own + hidden);
            var g = sums_at(own + 2u * hidden);
            var o = sums_at(own + 3u * hidden);
            var weight = k * quads;
            for (var j = 0u; j < quads; j += 1u) {
                let unit = from_half + 4u * j;
                let four = mat4x4(states[unit], states[unit + 1u], states[unit + 2u], states[unit + 3u]);
                i += four * wh[weight];
                f += four * wh[weight + hidden * quads];
                g += four * wh[weight + 2u * hidden * quads];
                o += four * wh[weight + 3u * hidden * quads];
                weight += 1u;
            }
            i = select(vec4(0.0), logistic(i), is_step);
            f = select(vec4(0.0), logistic(f), is_step);
            g = select(vec4(0.0), safe_tanh(g), is_step);
            o = select(vec4(0.0), logistic(o), is_step);
            // An invocation reads the cells that it has written itself.
            var cell: vec4<f32>;
            if order == 0u {
                let at = n * hidden + k;
                cell = vec4(c0[at.x], c0[at.y], c0[at.z], c0[at.w]);
            } else {
                let at = before * hidden + k;
                cell = vec4(c[at.x], c[at.y], c[at.z], c[at.w]);
            }
            cell = f * cell + i * g;
            let state = o * safe_tanh(cell);
            states[to_half + k] = state;
            store_gate(own, i);
            store_gate(own + hidden, f);
            store_gate(own + 2u * hidden, g);
            store_gate(own + 3u * hidden, o);
            let at = place * hidden + k;
            c[at.x] = cell.x;
            c[at.y] = cell.y;
            c[at.z] = cell.z;
            c[at.w] = cell.w;
            h[at.x] = state.x;
            h[at.y] = state.y;
            h[at.z] = state.z;
            h[at.w] = state.w;
        }
        workgroupBarrier();
    }
}
