//! attention_mixture_backward_weight: the gradient of the weights that mix values, head by head.
//!
//!     da[n, h, t, u] = Σ_e dy[n, t, h·E + e] · v[n, u, h·E + e]
//!
//! Shapes (row-major f32): dy (N, T, D), v (N, S, D), da (N, H, T, S); head h owns the E = D / H columns from h·E on.
//! One invocation for 4 keys of one query: a number of dy feeds 4 multiply-adds. `da` is overwritten.
//! Twin: `ops/attention.rs`, `AttentionMixtureBackwardWeight`.

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
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read_write> da: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn attention_mixture_backward_weight(@builtin(global_invocation_id) gid: vec3<u32>) {
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
        sums += dy[query + e] * vec4(v[keys.x + e], v[keys.y + e], v[keys.z + e], v[keys.w + e]);
    }
    sums *= params.scale;

    let first = line * params.keys + u;
    da[first] = sums.x;
    if u + 1u < params.keys {
        da[first + 1u] = sums.y;
    }
    if u + 2u < params.keys {
        da[first + 2u] = sums.z;
    }
    if u + 3u < params.keys {
        da[first + 3u] = sums.w;
    }
}
