//! batch_norm_backward_bias: gradient of the loss with respect to the shifts β.
//!
//!     dβ[c] = Σ_n Σ_position dy
//!
//! Shapes (row-major f32): dy (N, C, H, W) or (N, C), dβ (C).
//! One workgroup per channel. `dβ` is overwritten, not accumulated.
//! Twin: `ops/normalization/batch_backward.rs`, `BatchNormBackwardBias`.

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

/// Invocations of the workgroup of a channel.
const WORKGROUP_SIZE: u32 = 256u;

@group(0) @binding(0) var<uniform> params: BatchNormParams;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dβ: array<f32>;

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
fn batch_norm_backward_bias(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let c = workgroup.y * (params.row_length / WORKGROUP_SIZE) + workgroup.x;
    // The last row of workgroups is usually only partly used.
    if c >= params.channels {
        return;
    }
    var sum = 0.0;
    for (var at = local; at < params.batch * params.positions; at += WORKGROUP_SIZE) {
        sum += dy[place(c, at)];
    }
    let whole = total(local, sum);
    if local == 0u {
        dβ[c] = whole;
    }
}
