//! batch_norm_activated: `batch_norm` and the activation behind it.
//!
//!     y[n, c, i, j] = f(γ[c] · (x[n, c, i, j] − mean[c]) / √(variance[c] + ε) + β[c])
//!
//! with the statistics from `batch_norm_statistics`. The normalized map is neither written nor read again:
//! one dispatch and one map of memory less than with a kernel of its own for f.
//! Shapes (row-major f32): x and y (N, C, H, W) or (N, C), all others (C).
//! One invocation per element of y. `y` is overwritten.
//! Twin: `ops/normalization/batch.rs`, `BatchNorm`, and then the activation's.

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

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;
/// Activation behind it: 0 none, 1 ReLU, 2 sigmoid, 3 tanh.
override ACTIVATION: u32 = 0u;

@group(0) @binding(0) var<uniform> params: BatchNormParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> γ: array<f32>;
@group(0) @binding(3) var<storage, read> β: array<f32>;
@group(0) @binding(4) var<storage, read> mean: array<f32>;
@group(0) @binding(5) var<storage, read> variance: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;

fn activate(z: f32) -> f32 {
    if ACTIVATION == 1u {
        return max(z, 0.0);
    }
    if ACTIVATION == 2u {
        // The exponential is of a negative number on either side: no overflow.
        let tail = exp(-abs(z));
        return select(1.0, tail, z < 0.0) / (1.0 + tail);
    }
    if ACTIVATION == 3u {
        // Beyond ±9.01 tanh is ±1 in f32, but some drivers overflow there.
        return tanh(clamp(z, -9.01, 9.01));
    }
    return z;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn batch_norm_activated(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.channels * params.positions {
        return;
    }
    let c = (index / params.positions) % params.channels;
    let normalized = (x[index] - mean[c]) * (γ[c] / sqrt(variance[c] + params.epsilon));
    y[index] = activate(normalized + β[c]);
}
