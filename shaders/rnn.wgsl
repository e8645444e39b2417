//! rnn: a plain recurrent cell over whole sequences.
//!
//!     h[n, t, j] = tanh(a[n, t, j] + Σ_k wh[j, k] · h[n, t − 1, k])   or max(0, …)
//!
//! With h0 before the first step; 0 behind a sequence's length.
//! Shapes (row-major f32): a and h (N, T, H), wh (H, H), h0 (N, H), lengths (N) u32.
//! One workgroup per sequence, which loops over time; an invocation takes every
//! WORKGROUP_SIZE-th unit. `h` is overwritten.
//! Twin: `ops/recurrent/rnn.rs`, `Rnn`.

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
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> wh: array<f32>;
@group(0) @binding(3) var<storage, read> h0: array<f32>;
@group(0) @binding(4) var<storage, read> lengths: array<u32>;
@group(0) @binding(5) var<storage, read_write> h: array<f32>;

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
fn rnn(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = workgroup.y * (params.row_length / WORKGROUP_SIZE) + workgroup.x;
    // The last row of workgroups is usually only partly used.
    if n >= params.batch {
        return;
    }
    let length = min(lengths[n], params.steps);
    for (var order = 0u; order < params.steps; order += 1u) {
        let row = (n * params.steps + step_of(order, length)) * params.hidden;
        for (var j = local; j < params.hidden; j += WORKGROUP_SIZE) {
            var value = 0.0;
            if order < length {
                var sum = a[row + j];
                for (var k = 0u; k < params.hidden; k += 1u) {
                    sum += wh[j * params.hidden + k] * state(n, order, length, k);
                }
                value = select(max(sum, 0.0), safe_tanh(sum), ACTIVATION == 0u);
            }
            h[row + j] = value;
        }
        // The next step reads what all invocations have written.
        storageBarrier();
    }
}
