//! batch_norm_statistics: mean and variance of each channel, and the running ones.
//!
//!     mean[c] = Σ_n Σ_position x[n, c, position] / m,   variance[c] = Σ_n Σ_position (x − mean[c])² / m
//!     running_mean[c] ← running_mean[c] + α · (mean[c] − running_mean[c])
//!     running_var[c] ← running_var[c] + α · (variance[c] · m / (m − 1) − running_var[c])
//!
//! in training, over the B samples that count, m = B·H·W; in inference mean and variance are the
//! running ones, which stay.
//! Shapes (row-major f32): x (N, C, H, W) or (N, C), all others (C).
//! One workgroup per channel, which reads it twice: a variance from a sum of squares loses its digits.
//! Twin: `ops/normalization/batch.rs`, `BatchNorm`.

struct BatchNormParams {
    batch: u32,       // N
    channels: u32,    // C
    positions: u32,   // H·W, or 1
    epsilon: f32,     // ε
    momentum: f32,    // α
    row_length: u32,  // invocations in one row of workgroups
    unused_0: u32,
    unused_1: u32,
}

struct StepValues {
    step: u32,               // updates done before this step
    valid: u32,              // B, samples of the batch that count
    first: u32,              // where the batch's indices begin in `order`
    slot: u32,               // place of this step's record in the ring of losses
    learning_rate: f32,      // η
    bias_correction_1: f32,  // 1 − β₁ᵗ
    bias_correction_2: f32,  // 1 − β₂ᵗ
    training: u32,           // 1 in training, 0 in inference
}

/// Invocations of the workgroup of a channel.
const WORKGROUP_SIZE: u32 = 256u;

@group(0) @binding(0) var<uniform> params: BatchNormParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> mean: array<f32>;
@group(0) @binding(3) var<storage, read_write> variance: array<f32>;
@group(0) @binding(4) var<storage, read_write> running_mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> running_var: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

var<workgroup> sums: array<f32, 256>;
var<workgroup> parts: array<f32, 16>;

/// The sum over the workgroup, always in the same order.
fn total(local: u32, value: f32) -> f32 {
    sums[local] = value;
    workgroupBarrier();
    if local < 16u {
        var part = 0.0;
        for (var other = 0u; other < 16u; other += 1u) {
            part += sums[16u * local + other];
        }
        parts[local] = part;
    }
    workgroupBarrier();
    var sum = 0.0;
    for (var other = 0u; other < 16u; other += 1u) {
        sum += parts[other];
    }
    // The next sum may use the same memory.
    workgroupBarrier();
    return sum;
}

/// Where element number `at` of a channel lies: sample by sample, position by position.
fn place(channel: u32, at: u32) -> u32 {
    let n = at / params.positions;
    return (n * params.channels + channel) * params.positions + at % params.positions;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn batch_norm_statistics(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let c = workgroup.y * (params.row_length / WORKGROUP_SIZE) + workgroup.x;
    // The last row of workgroups is usually only partly used.
    if c >= params.channels {
        return;
    }
    if step.training == 0u {
        if local == 0u {
            mean[c] = running_mean[c];
            variance[c] = running_var[c];
        }
        return;
    }
    let count = step.valid * params.positions;
    let size = f32(max(count, 1u));
    var sum = 0.0;
    for (var at = local; at < count; at += WORKGROUP_SIZE) {
        sum += x[place(c, at)];
    }
    let centre = total(local, sum) / size;
    var squares = 0.0;
    for (var at = local; at < count; at += WORKGROUP_SIZE) {
        let difference = x[place(c, at)] - centre;
        squares += difference * difference;
    }
    let spread = total(local, squares) / size;
    if local == 0u {
        mean[c] = centre;
        variance[c] = spread;
        // A single value has no spread to correct.
        let unbiased = spread * (size / max(size - 1.0, 1.0));
        running_mean[c] += params.momentum * (centre - running_mean[c]);
        running_var[c] += params.momentum * (unbiased - running_var[c]);
    }
}
