//! layer_norm_backward_bias: gradient of the loss with respect to the shifts β.
//!
//!     dβ[i] = Σ_n dy[n, i]
//!
//! Shapes (row-major f32): dy (N, I), dβ (I).
//! One invocation per element of dβ. `dβ` is overwritten, not accumulated.
//! Twin: `ops/normalization/layer.rs`, `LayerNormBackwardBias`.

struct LayerNormParams {
    rows: u32,        // samples, or samples · time steps
    size: u32,        // I, or C·H·W
    epsilon: f32,     // ε
    row_length: u32,  // invocations in one row of workgroups
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: LayerNormParams;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dβ: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn layer_norm_backward_bias(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let i = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if i >= params.size {
        return;
    }
    var sum = 0.0;
    for (var row = 0u; row < params.rows; row += 1u) {
        sum += dy[row * params.size + i];
    }
    dβ[i] = sum;
}
