//! kullback_leibler: softened probabilities of student and teacher, and how far they are apart.
//!
//!     p[n, k] = softmax_k(z[n, k] / T),   q[n, k] = softmax_k(t[n, k] / T)
//!     loss_of_row[n] = T² · Σ_k q[n, k] · (ln q[n, k] − ln p[n, k])
//!
//! Rows from B (`step.valid`) on have loss 0. `total_of_rows` makes the total.
//! Shapes (row-major f32): z, t, p, q (N, K), loss_of_row (N). One invocation per row.
//! The outputs are overwritten.
//! Twin: `ops/kullback_leibler.rs`, `KullbackLeibler`.

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
/// T
override TEMPERATURE: f32 = 1.0;

@group(0) @binding(0) var<uniform> params: LossParams;
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read> t: array<f32>;
@group(0) @binding(3) var<storage, read_write> p: array<f32>;
@group(0) @binding(4) var<storage, read_write> q: array<f32>;
@group(0) @binding(5) var<storage, read_write> loss_of_row: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(WORKGROUP_SIZE)
fn kullback_leibler(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch {
        return;
    }
    let row = index * params.classes;
    var largest_z = z[row];
    var largest_t = t[row];
    for (var k = 1u; k < params.classes; k += 1u) {
        largest_z = max(largest_z, z[row + k]);
        largest_t = max(largest_t, t[row + k]);
    }
    var total_z = 0.0;
    var total_t = 0.0;
    for (var k = 0u; k < params.classes; k += 1u) {
        total_z += exp((z[row + k] - largest_z) / TEMPERATURE);
        total_t += exp((t[row + k] - largest_t) / TEMPERATURE);
    }
    let normalizer_z = log(total_z);
    let normalizer_t = log(total_t);
    var divergence = 0.0;
    for (var k = 0u; k < params.classes; k += 1u) {
        let shifted_z = (z[row + k] - largest_z) / TEMPERATURE;
        let shifted_t = (t[row + k] - largest_t) / TEMPERATURE;
        let teacher = exp(shifted_t) / total_t;
        p[row + k] = exp(shifted_z) / total_z;
        q[row + k] = teacher;
        divergence += teacher * ((shifted_t - normalizer_t) - (shifted_z - normalizer_z));
    }
    loss_of_row[index] = select(0.0, TEMPERATURE * TEMPERATURE * divergence, index < step.valid);
}
