//! embedding_backward: gradient of the loss with respect to the table of vectors.
//!
//!     dw[v, e] = Σ_n Σ_t 1[tokens[n, t] = v] · dy[n, t, e]
//!
//! Shapes (row-major f32): tokens (N, T) u32 below V, dy (N, T, E), dw (V, E).
//! One invocation per element of dw looks through all tokens, so that sums have one order and need
//! no atomics. `dw` is overwritten.
//! Twin: `ops/embedding.rs`, `EmbeddingBackward`.

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
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dw: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn embedding_backward(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.vocabulary * params.features {
        return;
    }
    let v = index / params.features;
    let e = index % params.features;
    var sum = 0.0;
    for (var at = 0u; at < params.tokens; at += 1u) {
        if tokens[at] == v {
            sum += dy[at * params.features + e];
        }
    }
    dw[index] = sum;
}
