//! mean_absolute_error: the loss of each row of predictions.
//!
//!     loss_of_row[n] = factor/K · Σ_k |a[n, k] − t[n, k]|
//!
//! Without 1/K where the batch is reduced by sum. Rows from B (`step.valid`) on have loss 0.
//! `total_of_rows` makes the total.
//! Shapes (row-major f32): a, t (N, K), loss_of_row (N). One invocation per row. The output is overwritten.
//! Twin: `ops/regression.rs`, `MeanAbsoluteError`.

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

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;
/// What every element is multiplied by.
override FACTOR: f32 = 1.0;
/// 1: a mean over rows and elements; 0: their sum.
override IS_MEAN: u32 = 1u;

@group(0) @binding(0) var<uniform> params: LossParams;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> t: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss_of_row: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(WORKGROUP_SIZE)
fn mean_absolute_error(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch {
        return;
    }
    if index >= step.valid {
        loss_of_row[index] = 0.0;
        return;
    }
    var total = 0.0;
    for (var k = 0u; k < params.classes; k += 1u) {
        let at = index * params.classes + k;
        let difference = a[at] - t[at];
        total += abs(difference);
    }
    let width = select(1.0, f32(params.classes), IS_MEAN == 1u);
    loss_of_row[index] = FACTOR * total / width;
}
