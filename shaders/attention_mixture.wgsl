//! attention_mixture: values mixed by weights, head by head.
//!
//!     y[n, t, d] = Σ_u a[n, h, t, u] · v[n, u, d],   h the head of column d
//!
//! Shapes (row-major f32): a (N, H, T, S), v (N, S, D), y (N, T, D); head h owns the E = D / H columns from h·E on.
//! One invocation for one column of 4 queries: a value feeds 4 multiply-adds. `y` is overwritten.
//! Twin: `ops/attention.rs`, `AttentionMixture`.

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
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn attention_mixture(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    let d = index % params.width;
    let blocks = (params.queries + 3u) / 4u;
    let t = 4u * (index / params.width % blocks);
    let n = index / (params.width * blocks);
    // The last workgroup is usually only partly used.
    if n >= params.batch {
        return;
    }
    let matrix = n * params.heads + d / (params.width / params.heads);
    // Queries past the end repeat the last; what comes of them is not written.
    let rows = min(vec4(t, t + 1u, t + 2u, t + 3u), vec4(params.queries - 1u));
    let lines = (matrix * params.queries + rows) * params.keys;

    var sums = vec4(0.0);
    for (var u = 0u; u < params.keys; u += 1u) {
        let value = v[(n * params.keys + u) * params.width + d];
        sums += value * vec4(a[lines.x + u], a[lines.y + u], a[lines.z + u], a[lines.w + u]);
    }
    sums *= params.scale;

    let first = (n * params.queries + t) * params.width + d;
    y[first] = sums.x;
    if t + 1u < params.queries {
        y[first + params.width] = sums.y;
    }
    if t + 2u < params.queries {
        y[first + 2u * params.width] = sums.z;
    }
    if t + 3u < params.queries {
        y[first + 3u * params.width] = sums.w;
    }
}
