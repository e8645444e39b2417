//! momentum_update: stochastic gradient descent with momentum, also Nesterov's.
//!
//!     d = g[i] + λ · w[i]
//!     v[i] ← μ · v[i] + (1 − τ) · d   (in the first update v[i] ← μ · v[i] + d)
//!     w[i] ← w[i] − η · v[i],   Nesterov: w[i] ← w[i] − η · (d + μ · v[i])
//!
//! Shapes: g, w, v of any one shape (f32). One invocation per element, in place.
//! Twin: `ops/optimizer.rs`, `MomentumUpdate`.

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
/// μ, τ and λ
override MOMENTUM: f32 = 0.9;
override DAMPENING: f32 = 0.0;
override WEIGHT_DECAY: f32 = 0.0;
/// 1 looks ahead, as Nesterov does.
override NESTEROV: u32 = 0u;

@group(0) @binding(0) var<uniform> params: ElementwiseParams;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> w: array<f32>;
@group(0) @binding(3) var<storage, read_write> v: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(WORKGROUP_SIZE)
fn momentum_update(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    let gradient = g[index] + WEIGHT_DECAY * w[index];
    // The first update is not damped.
    let share = select(1.0 - DAMPENING, 1.0, step.step == 0u);
    let velocity = MOMENTUM * v[index] + share * gradient;
    v[index] = velocity;
    let ahead = gradient + MOMENTUM * velocity;
    w[index] -= step.learning_rate * select(velocity, ahead, NESTEROV == 1u);
}
