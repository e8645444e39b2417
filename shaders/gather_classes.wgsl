//! gather_classes: the classes of a batch, from those of all samples.
//!
//!     t[n] = classes[order[first + n]]
//!
//! Rows from B (`step.valid`) on are padding and become 0.
//! Shapes: classes (M) u32; order (R) u32; t (N) u32.
//! One invocation per element of t. `t` is overwritten.
//! Twin: `ops/gather.rs`, `GatherClasses`.

struct GatherClassesParams {
    batch: u32,       // N
    row_length: u32,  // invocations in one row of workgroups
    padding_1: u32,
    padding_2: u32,
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

@group(0) @binding(0) var<uniform> params: GatherClassesParams;
@group(0) @binding(1) var<storage, read> classes: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read_write> t: array<u32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(WORKGROUP_SIZE)
fn gather_classes(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let n = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if n >= params.batch {
        return;
    }
    if n >= step.valid {
        t[n] = 0u;
        return;
    }
    t[n] = classes[order[step.first + n]];
}
