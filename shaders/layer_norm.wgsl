//! layer_norm: each row with mean 0 and variance 1, then scaled and shifted element by element.
//!
//!     mean[n] = Σ_i x[n, i] / I,   variance[n] = Σ_i (x[n, i] − mean[n])² / I
//!     y[n, i] = γ[i] · (x[n, i] − mean[n]) / √(variance[n] + ε) + β[i]
//!
//! Shapes (row-major f32): x and y (N, I), γ and β (I), mean and variance (N); N and I may stand for
//! several dimensions each. One workgroup per row. `y`, `mean` and `variance` are overwritten.
//! Twin: `ops/normalization/layer.rs`, `LayerNorm`.

struct LayerNormParams {
    rows: u32,        // samples, or samples · time steps
    size: u32,        // I, or C·H·W
    epsilon: f32,     // ε
    row_length: u32,  // invocations in one row of workgroups
}

@group(0) @binding(0) var<uniform> params: LayerNormParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> γ: array<f32>;
@group(0) @binding(3) var<storage, read> β: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> mean: array<f32>;
@group(0) @binding(6) var<storage, read_write> variance: array<f32>;

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
fn layer_norm(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let row = workgroup.y * (params.row_length / WORKGROUP_SIZE) + workgroup.x;
    // The last row of workgroups is usually only partly used.
    if row >= params.rows {
        return;
    }
    let first = row * params.size;
    var sum = 0.0;
    for (var i = local; i < params.size; i += WORKGROUP_SIZE) {
        sum += x[first + i];
    }
    let centre = total(local, sum) / f32(params.size);
    var squares = 0.0;
    for (var i = local; i < params.size; i += WORKGROUP_SIZE) {
        let difference = x[first + i] - centre;
        squares += difference * difference;
    }
    let spread = total(local, squares) / f32(params.size);
    let scale = 1.0 / sqrt(spread + params.epsilon);
    for (var i = local; i < params.size; i += WORKGROUP_SIZE) {
        y[first + i] = γ[i] * ((x[first + i] - centre) * scale) + β[i];
    }
    if local == 0u {
        mean[row] = centre;
        variance[row] = spread;
    }
}
