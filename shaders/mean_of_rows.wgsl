//! mean_of_rows: the totals of a loss over the batch.
//!
//!     L = Σ_n loss_of_row[n] / B,   correct = Σ_n correct_of_row[n]
//!
//! Shapes (f32): loss_of_row (N), correct_of_row (N), L (), correct ().
//! One workgroup: each invocation adds every 64th row, then the first adds up their sums,
//! always in the same order, so a run repeats bit for bit.
//! Twin: `ops/softmax_cross_entropy.rs`, `write_totals`.

struct LossParams {
    batch: u32,       // N
    classes: u32,     // K
    row_length: u32,  // invocations in one row of workgroups
    unused: u32,
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

const WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: LossParams;
@group(0) @binding(1) var<storage, read> loss_of_row: array<f32>;
@group(0) @binding(2) var<storage, read> correct_of_row: array<f32>;
@group(0) @binding(3) var<storage, read_write> L: array<f32>;
@group(0) @binding(4) var<storage, read_write> correct: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

var<workgroup> loss_sums: array<f32, WORKGROUP_SIZE>;
var<workgroup> correct_sums: array<f32, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn mean_of_rows(@builtin(local_invocation_index) local: u32) {
    var loss_sum = 0.0;
    var correct_sum = 0.0;
    for (var n = local; n < params.batch; n += WORKGROUP_SIZE) {
        loss_sum += loss_of_row[n];
        correct_sum += correct_of_row[n];
    }
    loss_sums[local] = loss_sum;
    correct_sums[local] = correct_sum;
    workgroupBarrier();
    if local != 0u {
        return;
    }
    for (var other = 1u; other < WORKGROUP_SIZE; other += 1u) {
        loss_sum += loss_sums[other];
        correct_sum += correct_sums[other];
    }
    L[0] = loss_sum / f32(max(step.valid, 1u));
    correct[0] = correct_sum;
}
