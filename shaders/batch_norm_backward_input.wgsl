//! batch_norm_backward_input: gradient of the loss with respect to what is normalized.
//!
//!     dx = γ[c] / √(variance[c] + ε) · (dy − (dβ[c] + x̂ · dγ[c]) / m),   x̂ = (x − mean[c]) / √(variance[c] + ε)
//!
//! with m = B·H·W; what is subtracted goes through the batch's mean and variance, so it is
//! absent in inference and in rows that do not count. dβ and dγ are from `batch_norm_backward_sums`.
//! Shapes (row-major f32): x, dy, dx (N, C, H, W) or (N, C), all others (C).
//! One invocation per element of dx. `dx` is overwritten, not accumulated.
//! Twin: `ops/normalization/batch_backward.rs`, `BatchNormBackwardInput`.

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

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: BatchNormParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> γ: array<f32>;
@group(0) @binding(3) var<storage, read> mean: array<f32>;
@group(0) @binding(4) var<storage, read> variance: array<f32>;
@group(0) @binding(5) var<storage, read> dy: array<f32>;
@group(0) @binding(6) var<storage, read> dβ: array<f32>;
@group(0) @binding(7) var<storage, read> dγ: array<f32>;
@group(0) @binding(8) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(WORKGROUP_SIZE)
fn batch_norm_backward_input(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.channels * params.positions {
        return;
    }
    let c = (index / params.positions) % params.channels;
    let n = index / (params.positions * params.channels);
    let scale = 1.0 / sqrt(variance[c] + params.epsilon);
    var through = 0.0;
    if step.training != 0u && n < step.valid {
        let size = f32(step.valid * params.positions);
        let normalized = (x[index] - mean[c]) * scale;
        through = (dβ[c] + normalized * dγ[c]) / size;
    }
    dx[index] = γ[c] * scale * (dy[index] - through);
}
