//! linear_backward_bias: gradient of the loss with respect to a linear layer's bias.
//!
//!     db[o] = Σ_n dy[n, o]
//!
//! Shapes (row-major f32): dy (N, O), db (O).
//! One invocation per element of db. `db` is overwritten, not accumulated.
//! Twin: `ops/linear.rs`, `LinearBackwardBias`.

struct LinearParams {
    batch: u32,         // N
    in_features: u32,   // I
    out_features: u32,  // O
    row_length: u32,    // invocations in one row of workgroups
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: LinearParams;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> db: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn linear_backward_bias(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.out_features {
        return;
    }
    var sum = 0.0;
    for (var n = 0u; n < params.batch; n += 1u) {
        sum += dy[n * params.out_features + index];
    }
    db[index] = sum;
}
