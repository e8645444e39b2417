//! gru: a GRU cell over whole sequences.
//!
//!     s[q] = bh[q] + Σ_k wh[q, k] · h[n, t − 1, k] for the columns q of r, z and n
//!     r = σ(a + s),   z = σ(a + s),   n = tanh(a + r · s)
//!     h[n, t, k] = (1 − z) · n + z · h[n, t − 1, k]
//!
//! With h0 before the first step; 0 behind a sequence's length. `gates` keeps r, z, n and n's s.
//! Shapes (row-major f32): a (N, T, 3H), wh (3H, H), bh (3H), h0 (N, H), h (N, T, H),
//! gates (N, T, 4H), lengths (N) u32. One workgroup per sequence, which loops over time; an
//! invocation takes every WORKGROUP_SIZE-th unit with its gates. `h` and `gates` are overwritten.
//! Twin: `ops/recurrent/gru.rs`, `Gru`.

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
@group(0) @binding(3) var<storage, read> bh: array<f32>;
@group(0) @binding(4) var<storage, read> h0: array<f32>;
@group(0) @binding(5) var<storage, read> lengths: array<u32>;
@group(0) @binding(6) var<storage, read_write> h: array<f32>;
@group(0) @binding(7) var<storage, read_write> gates: array<f32>;

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

@compute @workgroup_size(WORKGROUP_SIZE)
fn gru(
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
        for (var k = local; k < hidden; k += WORKGROUP_SIZE) {
            // r, z, n and n's recurrent sum.
            var values = vec4<f32>();
            var next = 0.0;
            if order < length {
                var sum = vec3(bh[k], bh[hidden + k], bh[2u * hidden + k]);
                for (var j = 0u; j < hidden; j += 1u) {
                    let weight = k * hidden + j;
                    let block = hidden * hidden;
                    let weights = vec3(wh[weight], wh[weight + block], wh[weight + 2u * block]);
                    sum += weights * state(n, order, length, j);
                }
                let own = place * 3u * hidden + k;
                let r = logistic(a[own] + sum.x);
                let z = logistic(a[own + hidden] + sum.y);
                let candidate = safe_tanh(a[own + 2u * hidden] + r * sum.z);
                values = vec4(r, z, candidate, sum.z);
                next = (1.0 - z) * candidate + z * state(n, order, length, k);
            }
            let gate = place * 4u * hidden + k;
            gates[gate] = values.x;
            gates[gate + hidden] = values.y;
            gates[gate + 2u * hidden] = values.z;
            gates[gate + 3u * hidden] = values.w;
            h[place * hidden + k] = next;
        }
        // The next step reads what all invocations have written.
        storageBarrier();
    }
}
