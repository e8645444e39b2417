//! gather_rows: a batch of standardised rows from a table of f32 values.
//!
//!     x[n, i] = (rows[order[first + n], i] − mean[i]) / deviation[i]
//!
//! Rows from B (`step.valid`) on are padding and become 0.
//! Shapes (row-major): rows (M, I) f32; order (R) u32; mean, deviation (I) f32; x (N, I) f32.
//! One invocation per element of x. `x` is overwritten.
//! Twin: `ops/gather.rs`, `GatherRows`.

struct GatherRowsParams {
    batch: u32,       // N
    features: u32,    // I
    row_length: u32,  // invocations in one row of workgroups
    padding: u32,
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

@group(0) @binding(0) var<uniform> params: GatherRowsParams;
@group(0) @binding(1) var<storage, read> rows: array<f32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> mean: array<f32>;
@group(0) @binding(4) var<storage, read> deviation: array<f32>;
@group(0) @binding(5) var<storage, read_write> x: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(WORKGROUP_SIZE)
fn gather_rows(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.features {
        return;
    }
    let n = index / params.features;
    let i = index % params.features;
    if n >= step.valid {
        x[index] = 0.0;
        return;
    }
    let sample = order[step.first + n];
    x[index] = (rows[sample * params.features + i] - mean[i]) / deviation[i];
}
