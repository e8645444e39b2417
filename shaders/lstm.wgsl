//! lstm: an LSTM cell over whole sequences.
//!
//!     gates[n, t, q] = σ(a[n, t, q] + Σ_k wh[q, k] · h[n, t − 1, k]), tanh for the third of i, f, g, o
//!     c[n, t, k] = f · c[n, t − 1, k] + i · g
//!     h[n, t, k] = o · tanh(c[n, t, k])
//!
//! With h0 and c0 before the first step; 0 behind a sequence's length.
//! Shapes (row-major f32): a and gates (N, T, 4H), wh (4H, H), h0 and c0 (N, H), h and c (N, T, H),
//! lengths (N) u32. One workgroup per sequence, which loops over time; an invocation takes every
//! WORKGROUP_SIZE-th unit with its four gates. `h`, `c` and `gates` are overwritten.
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
@group(0) @binding(2) var<storage, read> wh: array<f32>;
@group(0) @binding(3) var<storage, read> h0: array<f32>;
@group(0) @binding(4) var<storage, read> c0: array<f32>;
@group(0) @binding(5) var<storage, read> lengths: array<u32>;
@group(0) @binding(6) var<storage, read_write> h: array<f32>;
@group(0) @binding(7) var<storage, read_write> c: array<f32>;
@group(0) @binding(8) var<storage, read_write> gates: array<f32>;

/// The logistic function; its exponential is of a negative number on either side: no overflow.
fn logistic(x: f32) -> f32 {
    let tail = exp(-abs(x));
    return select(1.0, tail, x < 0.0) / (1.0 + tail);
}

/// Beyond ±9.01 tanh is ±1 in f32, but some drivers overflow there.
fn safe_tanh(x: f32) -> f32 {
    return tanh(clamp(x, -9.01, 9.01));
}

/// The step that runs as number `order`; behind the sequence's length, that step.
fn step_of(order: u32, length: u32) -> u32 {
    return select(order, length - 1u - order, params.reverse == 1u && order < length);
}

/// Unit k of sequence n after the step that runs before number `order`.
fn state(n: u32, order: u32, length: u32, k: u32) -> f32 {
    if order == 0u {
        return h0[n * params.hidden + k];
    }
    return h[(n * params.steps + step_of(order - 1u, length)) * params.hidden + k];
}

/// The same of the cell.
fn cell(n: u32, order: u32, length: u32, k: u32) -> f32 {
    if order == 0u {
        return c0[n * params.hidden + k];
    }
    return c[(n * params.steps + step_of(order - 1u, length)) * params.hidden + k];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn lstm(
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
    for (var order = 0u; order < params.steps; order += 1u) {
        let place = n * params.steps + step_of(order, length);
        let sums = place * 4u * hidden;
        for (var k = local; k < hidden; k += WORKGROUP_SIZE) {
            var values = vec4<f32>();
            var kept = 0.0;
            if order < length {
                // The sums of i, f, g and o.
                var sum = vec4(
                    a[sums + k],
                    a[sums + hidden + k],
                    a[sums + 2u * hidden + k],
                    a[sums + 3u * hidden + k],
                );
                for (var j = 0u; j < hidden; j += 1u) {
                    let weight = k * hidden + j;
                    let block = hidden * hidden;
                    let weights = vec4(
                        wh[weight],
                        wh[weight + block],
                        wh[weight + 2u * block],
                        wh[weight + 3u * block],
                    );
                    sum += weights * state(n, order, length, j);
                }
                values = vec4(
                    logistic(sum.x),
                    logistic(sum.y),
                    safe_tanh(sum.z),
                    logistic(sum.w),
                );
                kept = values.y * cell(n, order, length, k) + values.x * values.z;
            }
            gates[sums + k] = values.x;
            gates[sums + hidden + k] = values.y;
            gates[sums + 2u * hidden + k] = values.z;
            gates[sums + 3u * hidden + k] = values.w;
            c[place * hidden + k] = kept;
            h[place * hidden + k] = values.w * safe_tanh(kept);
        }
        // The next step reads what all invocations have written.
        storageBarrier();
    }
}
