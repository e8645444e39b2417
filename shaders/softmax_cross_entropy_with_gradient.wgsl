//! softmax_cross_entropy_with_gradient: probabilities, loss and rightness of each row, and the
//! gradient of the mean loss with respect to the logits, in one.
//!
//!     p[n, k] = exp(z[n, k] − m) / s,   m = max_k z[n, k],   s = Σ_k exp(z[n, k] − m)
//!     loss_of_row[n] = ln s + m − z[n, t[n]],   correct_of_row[n] = 1[argmax_k z[n, k] = t[n]]
//!     dz[n, k] = dL · (p[n, k] − 1[k = t[n]]) / B
//!
//! Rows from B (`step.valid`) on have loss 0, are not right and have gradient 0. `mean_of_rows`
//! makes the totals.
//! Shapes (row-major): z (N, K) f32, t (N) u32, dL () f32, p and dz (N, K), loss_of_row and
//! correct_of_row (N) f32. One invocation per row. The outputs are overwritten.
//! One dispatch instead of two; the probabilities are still at hand.
//! Twin: `ops/softmax_cross_entropy.rs`, `SoftmaxCrossEntropy` and `SoftmaxCrossEntropyBackward`.

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

@group(0) @binding(0) var<uniform> params: LossParams;
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read> t: array<u32>;
@group(0) @binding(3) var<storage, read> dL: array<f32>;
@group(0) @binding(4) var<storage, read_write> p: array<f32>;
@group(0) @binding(5) var<storage, read_write> loss_of_row: array<f32>;
@group(0) @binding(6) var<storage, read_write> correct_of_row: array<f32>;
@group(0) @binding(7) var<storage, read_write> dz: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(WORKGROUP_SIZE)
fn softmax_cross_entropy_with_gradient(@builtin(global_invocation_id) gid: vec3<u32>) {
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
    let counts = index < step.valid;
    let scale = select(0.0, dL[0] / f32(max(step.valid, 1u)), counts);
    for (var k = 0u; k < params.classes; k += 1u) {
        let probability = exp(z[row + k] - largest) / total;
        p[row + k] = probability;
        dz[row + k] = scale * (probability - select(0.0, 1.0, k == t[index]));
    }
    if counts {
        loss_of_row[index] = log(total) + largest - z[row + t[index]];
        correct_of_row[index] = select(0.0, 1.0, winner == t[index]);
    } else {
        loss_of_row[index] = 0.0;
        correct_of_row[index] = 0.0;
    }
}
