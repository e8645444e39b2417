//! binary_cross_entropy: probabilities, loss and rightness of each row, from logits.
//!
//!     p[n, k] = σ(z[n, k])
//!     loss_of_row[n] = 1/K Σ_k (max(z, 0) − z·t + ln(1 + exp(−|z|)))   with z = z[n, k], t = t[n, k]
//!     correct_of_row[n] = 1 where every z > 0 agrees with t > 1/2
//!
//! A weight of positives w adds (w − 1) · t · (max(z, 0) − z + ln(1 + exp(−|z|))) to an element.
//! Rows from B (`step.valid`) on have loss 0 and are not right. `mean_of_rows` makes the totals.
//! Shapes (row-major f32): z, t, p (N, K), loss_of_row (N), correct_of_row (N).
//! One invocation per row. The outputs are overwritten.
//! Twin: `ops/binary_cross_entropy.rs`, `BinaryCrossEntropy`.

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
/// w
override POS_WEIGHT: f32 = 1.0;

/// ln(1 + x) for x in [0, 1]; WGSL has no log1p, and log(1 + x) loses small x.
fn log_1_plus(x: f32) -> f32 {
    let rounded = 1.0 + x;
    let part = rounded - 1.0;
    // Kahan: what rounding added to x is divided out again.
    return select(log(rounded) * (x / part), x, part == 0.0);
}

@group(0) @binding(0) var<uniform> params: LossParams;
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read> t: array<f32>;
@group(0) @binding(3) var<storage, read_write> p: array<f32>;
@group(0) @binding(4) var<storage, read_write> loss_of_row: array<f32>;
@group(0) @binding(5) var<storage, read_write> correct_of_row: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(WORKGROUP_SIZE)
fn binary_cross_entropy(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch {
        return;
    }
    var loss = 0.0;
    var right = true;
    for (var k = 0u; k < params.classes; k += 1u) {
        let at = index * params.classes + k;
        let logit = z[at];
        let tail = exp(-abs(logit));
        p[at] = select(1.0, tail, logit < 0.0) / (1.0 + tail);
        let part = max(logit, 0.0);
        let rest = log_1_plus(tail);
        loss += part - logit * t[at] + rest + (POS_WEIGHT - 1.0) * t[at] * (part - logit + rest);
        right = right && ((logit > 0.0) == (t[at] > 0.5));
    }
    let counts = index < step.valid;
    loss_of_row[index] = select(0.0, loss / f32(params.classes), counts);
    correct_of_row[index] = select(0.0, 1.0, counts && right);
}
