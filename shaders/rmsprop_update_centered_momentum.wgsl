//! rmsprop_update_centered_momentum: RMSprop, divided by the root of the recent variance, with momentum.
//!
//!     d = g[i] + λ · w[i],   v[i] ← ρ·v[i] + (1 − ρ)·d²
//!     m[i] ← ρ·m[i] + (1 − ρ)·d
//!     b[i] ← μ·b[i] + d / (√max(v[i] − m[i]², 0) + ε),   w[i] ← w[i] − η · b[i]
//!
//! Shapes: g, w, v, m, b of any one shape (f32). One invocation per element, in place.
//! Twin: `ops/optimizer_rms.rs`, `RmspropUpdate`.

struct ElementwiseParams {
    count: u32,       // elements
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
/// ρ, ε and λ
override ALPHA: f32 = 0.99;
override EPSILON: f32 = 1e-8;
override WEIGHT_DECAY: f32 = 0.0;
/// μ
override MOMENTUM: f32 = 0.9;

@group(0) @binding(0) var<uniform> params: ElementwiseParams;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> w: array<f32>;
@group(0) @binding(3) var<storage, read_write> v: array<f32>;
@group(0) @binding(4) var<storage, read_write> m: array<f32>;
@group(0) @binding(5) var<storage, read_write> b: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(WORKGROUP_SIZE)
fn rmsprop_update_centered_momentum(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    let gradient = g[index] + WEIGHT_DECAY * w[index];
    let second = ALPHA * v[index] + (1.0 - ALPHA) * gradient * gradient;
    v[index] = second;
    let first = ALPHA * m[index] + (1.0 - ALPHA) * gradient;
    m[index] = first;
    // Rounding may leave a hair less than 0.
    let variance = max(second - first * first, 0.0);
    let velocity = MOMENTUM * b[index] + gradient / (sqrt(variance) + EPSILON);
    b[index] = velocity;
    w[index] -= step.learning_rate * velocity;
}
