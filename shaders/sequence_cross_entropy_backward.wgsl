//! sequence_cross_entropy_backward: gradient of the mean loss with respect to the logits of each token.
//!
//!     dz[n, t, v] = dL · (p[n, t, v] − 1[v = y[n, t]]) / D
//!
//! Tokens of samples from B (`step.valid`) on, and those with the ignored label, have gradient 0.
//! Shapes (row-major): p, dz (N, T, V) f32, y (N, T) u32, D, dL () f32.
//! One invocation per element of dz. `dz` is overwritten.
//! Twin: `ops/sequence_cross_entropy.rs`, `SequenceCrossEntropyBackward`.

struct SequenceLossParams {
    batch: u32,       // N
    steps: u32,       // T
    classes: u32,     // V
    row_length: u32,  // invocations in one row of workgroups
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
/// The label that does not count.
override IGNORED: u32 = 0xffffff9cu;

@group(0) @binding(0) var<uniform> params: SequenceLossParams;
@group(0) @binding(1) var<storage, read> p: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<u32>;
@group(0) @binding(3) var<storage, read> D: array<f32>;
@group(0) @binding(4) var<storage, read> dL: array<f32>;
@group(0) @binding(5) var<storage, read_write> dz: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(WORKGROUP_SIZE)
fn sequence_cross_entropy_backward(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.steps * params.classes {
        return;
    }
    let token = index / params.classes;
    let label = y[token];
    if token / params.steps >= step.valid || label == IGNORED {
        dz[index] = 0.0;
        return;
    }
    let is_target = index % params.classes == label;
    dz[index] = dL[0] / D[0] * (p[index] - select(0.0, 1.0, is_target));
}
