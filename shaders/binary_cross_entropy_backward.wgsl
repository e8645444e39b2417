//! binary_cross_entropy_backward: gradient of the mean loss with respect to the logits.
//!
//!     dz[n, k] = dL · (p[n, k] − t[n, k]) / (B·K);   0 in the rows from B (`step.valid`) on
//!
//! A weight of positives w adds (w − 1) · t · (p − 1) to p − t.
//! Shapes (row-major f32): p, t (N, K), dL (), dz (N, K).
//! One invocation per element of dz. `dz` is overwritten.
//! Twin: `ops/binary_cross_entropy.rs`, `BinaryCrossEntropyBackward`.

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
/// w
override POS_WEIGHT: f32 = 1.0;

@group(0) @binding(0) var<uniform> params: LossParams;
@group(0) @binding(1) var<storage, read> p: array<f32>;
@group(0) @binding(2) var<storage, read> t: array<f32>;
@group(0) @binding(3) var<storage, read> dL: array<f32>;
@group(0) @binding(4) var<storage, read_write> dz: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(WORKGROUP_SIZE)
fn binary_cross_entropy_backward(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.classes {
        return;
    }
    let n = index / params.classes;
    if n >= step.valid {
        dz[index] = 0.0;
        return;
    }
    let more = (POS_WEIGHT - 1.0) * t[index] * (p[index] - 1.0);
    dz[index] = dL[0] * (p[index] - t[index] + more) / f32(step.valid * params.classes);
}
