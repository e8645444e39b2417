//! batch_norm_backward_sums: what the gradients of a channel's values add up to.
//!
//!     dβ[c] = Σ_n Σ_position dy,   dγ[c] = Σ_n Σ_position dy · (x − mean[c]) / √(variance[c] + ε)
//!
//! for `batch_norm_backward_input`: the gradients of the layer's bias and weight, which training takes from here.
//! Shapes (row-major f32): x and dy (N, C, H, W) or (N, C), all others (C).
//! One workgroup per channel. `dβ` and `dγ` are overwritten, not accumulated.
//! Twin: `ops/normalization/batch_backward.rs`, `sums`.

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
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dβ: array<f32>;
@group(0) @binding(6) var<storage, read_write> dγ: array<f32>;

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
fn batch_norm_backward_sums(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let c = workgroup.y * (params.row_length / WORKGROUP_SIZE) + workgroup.x;
    // The last row of workgroups is usually only partly used.
    if c >= params.channels {
        return;
    }
    let scale = 1.0 / sqrt(variance[c] + params.epsilon);
    var sum = 0.0;
    var product = 0.0;
    for (var at = local; at < params.batch * params.positions; at += WORKGROUP_SIZE) {
        let index = place(c, at);
        sum += dy[index];
        product += dy[index] * (x[index] - mean[c]) * scale;
    }
    let whole = total(local, sum);
    let whole_product = total(local, product);
    if local == 0u {
        dβ[c] = whole;
        dγ[c] = whole_product;
    }
}
