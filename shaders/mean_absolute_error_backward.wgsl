//! mean_absolute_error_backward: gradient of the loss with respect to the predictions.
//!
//!     da[n, k] = dL · factor · sign(a[n, k] − t[n, k]) / (B·K)
//!
//! Without 1/(B·K) where the batch is reduced by sum. Rows from B (`step.valid`) on have gradient 0.
//! Shapes (row-major f32): a, t, da (N, K), dL (). One invocation per element. `da` is overwritten.
//! Twin: `ops/regression.rs`, `MeanAbsoluteErrorBackward`.

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
@group(0) @binding(3) var<storage, read> dL: array<f32>;
@group(0) @binding(4) var<storage, read_write> da: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(WORKGROUP_SIZE)
fn mean_absolute_error_backward(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.classes {
        return;
    }
    if index / params.classes >= step.valid {
        da[index] = 0.0;
        return;
    }
    let difference = a[index] - t[index];
    let count = select(1.0, f32(step.valid * params.classes), IS_MEAN == 1u);
    da[index] = sign(difference) * (dL[0] * FACTOR / count);
}
