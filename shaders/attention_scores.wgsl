//! attention_scores: how well each key answers each query, head by head.
//!
//!     s[n, h, t, u] = scale · Σ_e q[n, t, h·E + e] · k[n, u, h·E + e],   scale = 1 / √E
//!
//! Shapes (row-major f32): q (N, T, D), k (N, S, D), s (N, H, T, S); head h owns the E = D / H columns from h·E on.
//! One invocation for 4 keys of one query: a query's number feeds 4 multiply-adds. `s` is overwritten.
//! Twin: `ops/attention.rs`, `AttentionScores`.

struct AttentionParams {
    batch: u32,       // N
    heads: u32,       // H
    queries: u32,     // T
    keys: u32,        // S
    width: u32,       // D, the columns of all heads together; 0 where no operand has them
    row_length: u32,  // invocations in one row of workgroups
    scale: f32,       // that the sums are multiplied with
    is_causal: u32,   // 1 where a query sees only the keys up to its own place
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: AttentionParams;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read_write> s: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn attention_scores(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    let key_blocks = (params.keys + 3u) / 4u;
    let u = 4u * (index % key_blocks);
    let line = index / key_blocks;  // (n · H + h) · T + t
    // The last workgroup is usually only partly used.
    if line >= params.batch * params.heads * params.queries {
        return;
    }
    let t = line % params.queries;
    let h = line / params.queries % params.heads;
    let n = line / (params.queries * params.heads);
    let head_width = params.width / params.heads;
    let query = (n * params.queries + t) * params.width + h * head_width;
    // Keys past the end repeat the last; what comes of them is not written.
    let rows = n * params.keys + min(vec4(u, u + 1u, u + 2u, u + 3u), vec4(params.keys - 1u));
    let keys = rows * params.width + h * head_width;

    var sums = vec4(0.0);
    for (var e = 0u; e < head_width; e += 1u) {
        sums += q[query + e] * vec4(k[keys.x + e], k[keys.y + e], k[keys.z + e], k[keys.w + e]);
    }
    sums *= params.scale;

    let first = line * params.keys + u;
    s[first] = sums.x;
    if u + 1u < params.keys {
        s[first + 1u] = sums.y;
    }
    if u + 2u < params.keys {
        s[first + 2u] = sums.z;
    }
    if u + 3u < params.keys {
        s[first + 3u] = sums.w;
    }
}
