//! weighted_cross_entropy: probabilities, loss, rightness and weight of each row, from logits.
//!
//!     p[n, k] = exp(z[n, k] − m) / s,   m = max_k z[n, k],   s = Σ_k exp(z[n, k] − m)
//!     loss_of_row[n] = (1 − ε)·w[t]·(ln s + m − z[n, t]) + ε/K · Σ_k w[k]·(ln s + m − z[n, k])   with t = t[n]
//!     correct_of_row[n] = 1[argmax_k z[n, k] = t],   weight_of_row[n] = w[t]
//!
//! Rows from B (`step.valid`) on, and rows whose label is the ignored one, have 0 in all three.
//! `weighted_mean_of_rows` makes the totals.
//! Shapes (row-major): z, p (N, K) f32, t (N) u32, w (K) f32, loss_of_row, correct_of_row,
//! weight_of_row (N) f32. One invocation per row. The outputs are overwritten.
//! Twin: `ops/weighted_cross_entropy.rs`, `WeightedCrossEntropy`.

struct LossParams {
    batch: u32,       // N
    classes: u32,     // K
    row_length: u32,  // invocations in one row of workgroups
    unused: u32,
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
/// ε, the share of the label that is spread over all classes.
override SMOOTHING: f32 = 0.0;
/// The label that does not count.
override IGNORED: u32 = 0xffffff9cu;

@group(0) @binding(0) var<uniform> params: LossParams;
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read> t: array<u32>;
@group(0) @binding(3) var<storage, read> w: array<f32>;
@group(0) @binding(4) var<storage, read_write> p: array<f32>;
@group(0) @binding(5) var<storage, read_write> loss_of_row: array<f32>;
@group(0) @binding(6) var<storage, read_write> correct_of_row: array<f32>;
@group(0) @binding(7) var<storage, read_write> weight_of_row: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(WORKGROUP_SIZE)
fn weighted_cross_entropy(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch {
        return;
    }
    let row = index * params.classes;

    // The first of equal maxima, as argmax does.
    var largest = z[row];
    var winner = 0u;
    for (var k = 1u; k < params.classes; k += 1u) {
        if z[row + k] > largest {
            largest = z[row + k];
            winner = k;
        }
    }
    var total = 0.0;
    for (var k = 0u; k < params.classes; k += 1u) {
        total += exp(z[row + k] - largest);
    }
    let normalizer = log(total) + largest;
    var all = 0.0;
    for (var k = 0u; k < params.classes; k += 1u) {
        p[row + k] = exp(z[row + k] - largest) / total;
        all += w[k] * (normalizer - z[row + k]);
    }
    let label = t[index];
    if index >= step.valid || label == IGNORED {
        loss_of_row[index] = 0.0;
        correct_of_row[index] = 0.0;
        weight_of_row[index] = 0.0;
        return;
    }
    let alone = w[label] * (normalizer - z[row + label]);
    loss_of_row[index] = (1.0 - SMOOTHING) * alone + SMOOTHING / f32(params.classes) * all;
    correct_of_row[index] = select(0.0, 1.0, winner == label);
    weight_of_row[index] = w[label];
}
