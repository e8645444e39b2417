//! embedding: looks up a vector for each token.
//!
//!     y[n, t, e] = w[tokens[n, t], e]
//!
//! Shapes (row-major f32): tokens (N, T) u32 below V, w (V, E), y (N, T, E).
//! One invocation per element of y, which is overwritten.
//! Twin: `ops/embedding.rs`, `Embedding`.

struct EmbeddingParams {
    tokens: u32,      // N · T
    features: u32,    // E
    vocabulary: u32,  // V
    row_length: u32,  // invocations in one row of workgroups
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: EmbeddingParams;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn embedding(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.tokens * params.features {
        return;
    }
    let token = tokens[index / params.features];
    y[index] = w[token * params.features + index % params.features];
}
