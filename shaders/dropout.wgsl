//! dropout: in training some elements become 0, and the others grow by as much on average.
//!
//!     m[i] = 1[u(i) > rate] / (1 − rate) in training, 1 in inference,   y[i] = x[i] · m[i]
//!
//! with u uniform in (0, 1], a hash of (key, step, i): the same on every device, and when a step
//! is run again. Shapes: x, y, m any, all the same. One invocation per element. `y` and `m` are overwritten.
//! Twin: `ops/dropout.rs`, `Dropout`.

struct DropoutParams {
    count: u32,       // elements
    row_length: u32,  // invocations in one row of workgroups
    key: u32,         // of the run's seed and the layer
    rate: f32,        // probability that an element becomes 0
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

@group(0) @binding(0) var<uniform> params: DropoutParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> m: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

/// A permutation of the 32-bit numbers in which every bit depends on all.
fn mix(number: u32) -> u32 {
    var hash = number;
    hash = (hash ^ (hash >> 16u)) * 0x7feb352du;
    hash = (hash ^ (hash >> 15u)) * 0x846ca68bu;
    return hash ^ (hash >> 16u);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn dropout(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    var factor = 1.0;
    if step.training != 0u {
        // 24 bits are what an f32 holds exactly.
        let hash = mix(mix(mix(params.key) ^ step.step) ^ index);
        let uniform_number = f32((hash >> 8u) + 1u) / 16777216.0;
        factor = select(0.0, 1.0 / (1.0 - params.rate), uniform_number > params.rate);
    }
    m[index] = factor;
    y[index] = x[index] * factor;
}
