//! weighted_mean_of_rows: the totals of a weighted loss over the batch.
//!
//!     D = Σ_n weight_of_row[n],   L = Σ_n loss_of_row[n] / D,   correct = Σ_n correct_of_row[n]
//!
//! D is 1 where the weights add up to 0, and where the batch is reduced by sum.
//! Shapes (f32): loss_of_row, correct_of_row, weight_of_row (N), L, correct, D ().
//! One workgroup: each invocation adds every 64th row, then the first adds up their sums,
//! always in the same order, so a run repeats bit for bit.
//! Twin: `ops/weighted_cross_entropy.rs`, `WeightedCrossEntropy`.

struct LossParams {
    batch: u32,       // N
    classes: u32,     // K
    row_length: u32,  // invocations in one row of workgroups
    unused: u32,
}

const WORKGROUP_SIZE: u32 = 64u;
/// 1: a mean by weight; 0: the sum.
override IS_MEAN: u32 = 1u;

@group(0) @binding(0) var<uniform> params: LossParams;
@group(0) @binding(1) var<storage, read> loss_of_row: array<f32>;
@group(0) @binding(2) var<storage, read> correct_of_row: array<f32>;
@group(0) @binding(3) var<storage, read> weight_of_row: array<f32>;
@group(0) @binding(4) var<storage, read_write> L: array<f32>;
@group(0) @binding(5) var<storage, read_write> correct: array<f32>;
@group(0) @binding(6) var<storage, read_write> D: array<f32>;

/// (loss, correct, weight)
var<workgroup> sums: array<vec3<f32>, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn weighted_mean_of_rows(@builtin(local_invocation_index) local: u32) {
    var total = vec3<f32>();
    for (var n = local; n < params.batch; n += WORKGROUP_SIZE) {
        total += vec3<f32>(loss_of_row[n], correct_of_row[n], weight_of_row[n]);
    }
    sums[local] = total;
    workgroupBarrier();
    if local != 0u {
        return;
    }
    for (var other = 1u; other < WORKGROUP_SIZE; other += 1u) {
        total += sums[other];
    }
    let divisor = select(total.z, 1.0, IS_MEAN == 0u || total.z == 0.0);
    L[0] = total.x / divisor;
    correct[0] = total.y;
    D[0] = divisor;
}
