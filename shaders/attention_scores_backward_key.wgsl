//! attention_scores_backward_key: the gradient of the keys, head by head.
//!
//!     dk[n, u, d] = scale · Σ_t ds[n, h, t, u] · q[n, t, d],   h the head of column d,   scale = 1 / √E
//!
//! Shapes (row-major f32): ds (N, H, T, S), q (N, T, D), dk (N, S, D); head h owns the E = D / H columns from h·E on.
//! One invocation for one column of 4 keys: a query's number feeds 4 multiply-adds. `dk` is overwritten.
//! Twin: `ops/attention.rs`, `AttentionScoresBackwardKey`.

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
@group(0) @binding(1) var<storage, read> ds: array<f32>;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read_write> dk: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn attention_scores_backward_key(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    let d = index % params.width;
    let blocks = (params.keys + 3u) / 4u;
    let u = 4u * (index / params.width % blocks);
    let n = index / (params.width * blocks);
    // The last workgroup is usually only partly used.
    if n >= params.batch {
        return;
    }
    let matrix = n * params.heads + d / (params.width / params.heads);
    // Keys past the end repeat the last; what comes of them is not written.
    let columns = min(vec4(u, u + 1u, u + 2u, u + 3u), vec4(params.keys - 1u));

    var sums = vec4(0.0);
    for (var t = 0u; t < params.queries; t += 1u) {
        let value = q[(n * params.queries + t) * params.width + d];
        let line = columns + (matrix * params.queries + t) * params.keys;
        sums += value * vec4(ds[line.x], ds[line.y], ds[line.z], ds[line.w]);
    }
    sums *= params.scale;

    let first = (n * params.keys + u) * params.width + d;
    dk[first] = sums.x;
    if u + 1u < params.keys {
        dk[first + params.width] = sums.y;
    }
    if u + 2u < params.keys {
        dk[first + 2u * params.width] = sums.z;
    }
    if u + 3u < params.keys {
        dk[first + 3u * params.width] = sums.w;
    }
}
