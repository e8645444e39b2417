//! layer_norm_backward_input: gradient of the loss with respect to what is normalized.
//!
//!     dx[n, i] = (γ[i]·dy[n, i] − (Σ_k γ[k]·dy[n, k] + x̂[n, i] · Σ_k γ[k]·dy[n, k]·x̂[n, k]) / I) / √(variance[n] + ε)
//!
//! with x̂ = (x − mean[n]) / √(variance[n] + ε).
//! Shapes (row-major f32): x, dy, dx (N, I), γ (I), mean and variance (N).
//! One workgroup per row. `dx` is overwritten, not accumulated.
//! Twin: `ops/normalization/layer.rs`, `LayerNormBackwardInput`.

struct LayerNormParams {
    rows: u32,        // samples, or samples · time steps
    size: u32,        // I, or C·H·W
    epsilon: f32,     // ε
    row_length: u32,  // invocations in one row of workgroups
}

@group(0) @binding(0) var<uniform> params: LayerNormParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> γ: array<f32>;
@group(0) @binding(3) var<storage, read> mean: array<f32>;
@group(0) @binding(4) var<storage, read> variance: array<f32>;
@group(0) @binding(5) var<storage, read> dy: array<f32>;
@group(0) @binding(6) var<storage, read_write> dx: array<f32>;

/// Invocations of the workgroup of a row.
const WORKGROUP_SIZE: u32 = 64u;

var<workgroup> sums: array<f32, WORKGROUP_SIZE>;

/// The sum over the workgroup, always in the same order.
fn total(local: u32, value: f32) -> f32 {
    sums[local] = value;
    workgroupBarrier();
    var sum = 0.0;
    for (var other = 0u; other < WORKGROUP_SIZE; other += 1u) {
        sum += sums[other];
    }
    // The next sum may use the same memory.
    workgroupBarrier();
    return sum;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn layer_norm_backward_input(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let row = workgroup.y * (params.row_length / WORKGROUP_SIZE) + workgroup.x;
    // The last row of workgroups is usually only partly used.
    if row >= params.rows {
        return;
    }
    let first = row * params.size;
    let centre = mean[row];
    let scale = 1.0 / sqrt(variance[row] + params.epsilon);
    var sum = 0.0;
    var product = 0.0;
    for (var i = local; i < params.size; i += WORKGROUP_SIZE) {
        let gradient = γ[i] * dy[first + i];
        sum += gradient;
        product += gradient * (x[first + i] - centre) * scale;
    }
    let share = total(local, sum) / f32(params.size);
    let share_product = total(local, product) / f32(params.size);
    for (var i = local; i < params.size; i += WORKGROUP_SIZE) {
        let normalized = (x[first + i] - centre) * scale;
        dx[first + i] = scale * (γ[i] * dy[first + i] - (share + normalized * share_product));
    }
}
