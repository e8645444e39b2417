//! linear_backward_input: gradient of the loss with respect to a linear layer's input.
//!
//!     dx[n, i] = Σ_o dy[n, o] · w[o, i]
//!
//! Shapes (row-major f32): w (O, I), dy (N, O), dx (N, I).
//! One invocation per element of dx. `dx` is overwritten, not accumulated.
//! Twin: `ops/linear.rs`, `LinearBackwardInput`.

struct LinearParams {
    batch: u32,         // N
    in_features: u32,   // I
    out_features: u32,  // O
    row_length: u32,    // invocations in one row of workgroups
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: LinearParams;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn linear_backward_input(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.in_features {
        return;
    }
    let n = index / params.in_features;
    let i = index % params.in_features;

    var sum = 0.0;
    for (var o = 0u; o < params.out_features; o += 1u) {
        sum += dy[n * params.out_features + o] * w[o * params.in_features + i];
    }
    dx[index] = sum;
}
