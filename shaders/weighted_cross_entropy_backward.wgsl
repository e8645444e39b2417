//! weighted_cross_entropy_backward: gradient of the loss with respect to the logits.
//!
//!     dz[n, k] = dL/D · ((1 − ε)·w[t]·(p[n, k] − 1[k = t]) + ε/K · (p[n, k]·Σ_j w[j] − w[k]))   with t = t[n]
//!
//! Rows from B (`step.valid`) on, and rows whose label is the ignored one, have gradient 0.
//! Shapes (row-major): p, dz (N, K) f32, t (N) u32, w (K), D, dL () f32. One invocation per row.
//! `dz` is overwritten.
//! Twin: `ops/weighted_cross_entropy.rs`, `WeightedCrossEntropyBackward`.

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
/// ε, the share of the label that is spread over all classes.
override SMOOTHING: f32 = 0.0;
/// The label that does not count.
override IGNORED: u32 = 0xffffff9cu;

@group(0) @binding(0) var<uniform> params: LossParams;
@group(0) @binding(1) var<storage, read> p: array<f32>;
@group(0) @binding(2) var<storage, read> t: array<u32>;
@group(0) @binding(3) var<storage, read> w: array<f32>;
@group(0) @binding(4) var<storage, read> D: array<f32>;
@group(0) @binding(5) var<storage, read> dL: array<f32>;
@group(0) @binding(6) var<storage, read_write> dz: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(WORKGROUP_SIZE)
fn weighted_cross_entropy_backward(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch {
        return;
    }
    let row = index * params.classes;
    let label = t[index];
    if index >= step.valid || label == IGNORED {
        for (var k = 0u; k < params.classes; k += 1u) {
            dz[row + k] = 0.0;
        }
        return;
    }
    var weights = 0.0;
    for (var k = 0u; k < params.classes; k += 1u) {
        weights += w[k];
    }
    let scale = dL[0] / D[0];
    let alone = (1.0 - SMOOTHING) * w[label];
    let share = SMOOTHING / f32(params.classes);
    for (var k = 0u; k < params.classes; k += 1u) {
        let probability = p[row + k];
        let difference = alone * (probability - select(0.0, 1.0, k == label));
        dz[row + k] = scale * (difference + share * (probability * weights - w[k]));
    }
}
