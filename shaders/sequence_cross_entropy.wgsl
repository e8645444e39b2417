//! sequence_cross_entropy: probabilities, loss and rightness of each token, from logits.
//!
//!     p[n, t, v] = exp(z[n, t, v] − m) / s,   m = max_v z[n, t, v],   s = Σ_v exp(z[n, t, v] − m)
//!     loss_of_token[n, t] = ln s + m − z[n, t, y[n, t]]
//!     correct_of_token[n, t] = 1[argmax_v z[n, t, v] = y[n, t]]
//!
//! Tokens of samples from B (`step.valid`) on, and those with the ignored label, have 0 in the last two.
//! `sequence_cross_entropy_rows` adds them up.
//! Shapes (row-major): z, p (N, T, V) f32, y (N, T) u32, loss_of_token, correct_of_token (N, T) f32.
//! One invocation per token. The outputs are overwritten.
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
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<u32>;
@group(0) @binding(3) var<storage, read_write> p: array<f32>;
@group(0) @binding(4) var<storage, read_write> loss_of_token: array<f32>;
@group(0) @binding(5) var<storage, read_write> correct_of_token: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(WORKGROUP_SIZE)
fn sequence_cross_entropy(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.steps {
        return;
    }
    let row = index * params.classes;

    // The first of equal maxima, as argmax does.
    var largest = z[row];
    var winner = 0u;
    for (var v = 1u; v < params.classes; v += 1u) {
        if z[row + v] > largest {
            largest = z[row + v];
            winner = v;
        }
    }
    var total = 0.0;
    for (var v = 0u; v < params.classes; v += 1u) {
        total += exp(z[row + v] - largest);
    }
    for (var v = 0u; v < params.classes; v += 1u) {
        p[row + v] = exp(z[row + v] - largest) / total;
    }
    let label = y[index];
    if index / params.steps >= step.valid || label == IGNORED {
        loss_of_token[index] = 0.0;
        correct_of_token[index] = 0.0;
        return;
    }
    loss_of_token[index] = log(total) + largest - z[row + label];
    correct_of_token[index] = select(0.0, 1.0, winner == label);
}
