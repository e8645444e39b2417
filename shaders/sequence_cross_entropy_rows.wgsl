//! sequence_cross_entropy_rows: the sums of a loss over the steps of each sample.
//!
//!     loss_of_row[n] = Σ_t loss_of_token[n, t],   correct_of_row[n] = Σ_t correct_of_token[n, t]
//!     weight_of_row[n] = Σ_t 1[y[n, t] is not the ignored label],   0 in samples from B (`step.valid`) on
//!
//! Shapes (row-major): y (N, T) u32, loss_of_token, correct_of_token (N, T) f32, the outputs (N) f32.
//! One invocation per sample. The outputs are overwritten. `weighted_mean_of_rows` makes the totals.
//! Twin: `ops/sequence_cross_entropy.rs`, `SequenceCrossEntropy`.

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
@group(0) @binding(1) var<storage, read> y: array<u32>;
@group(0) @binding(2) var<storage, read> loss_of_token: array<f32>;
@group(0) @binding(3) var<storage, read> correct_of_token: array<f32>;
@group(0) @binding(4) var<storage, read_write> loss_of_row: array<f32>;
@group(0) @binding(5) var<storage, read_write> correct_of_row: array<f32>;
@group(0) @binding(6) var<storage, read_write> weight_of_row: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(WORKGROUP_SIZE)
fn sequence_cross_entropy_rows(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let n = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if n >= params.batch {
        return;
    }
    var loss = 0.0;
    var correct = 0.0;
    var weight = 0.0;
    for (var t = 0u; t < params.steps; t += 1u) {
        let index = n * params.steps + t;
        loss += loss_of_token[index];
        correct += correct_of_token[index];
        weight += select(1.0, 0.0, n >= step.valid || y[index] == IGNORED);
    }
    loss_of_row[n] = loss;
    correct_of_row[n] = correct;
    weight_of_row[n] = weight;
}
