//! linear: a dense layer.
//!
//!     y[n, o] = Σ_i x[n, i] · w[o, i] + b[o]
//!
//! Shapes (row-major f32): x (N, I), w (O, I), b (O), y (N, O).
//! One invocation per element of y. `y` is overwritten.
//! Twin: `ops/linear.rs`, `Linear`.

struct LinearParams {
    batch: u32,         // N
    in_features: u32,   // I
    out_features: u32,  // O
    row_length: u32,    // invocations in one row of workgroups
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: LinearParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn linear(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.out_features {
        return;
    }
    let n = index / params.out_features;
    let o = index % params.out_features;

    var sum = b[o];
    for (var i = 0u; i < params.in_features; i += 1u) {
        sum += x[n * params.in_features + i] * w[o * params.in_features + i];
    }
    y[index] = sum;
}
