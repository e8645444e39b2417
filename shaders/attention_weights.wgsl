//! attention_weights: the softmax of each query's scores.
//!
//!     a[n, h, t, u] = exp(s[n, h, t, u] − m) / Σ_w exp(s[n, h, t, w] − m),   m = max_w s[n, h, t, w]
//!
//! Causal: over the keys w ≤ t alone, and 0 beyond. Shapes (row-major f32): s, a (N, H, T, S).
//! One invocation per query and head. `a` is overwritten.
//! Twin: `ops/attention.rs`, `AttentionWeights`.

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
@group(0) @binding(1) var<storage, read> s: array<f32>;
@group(0) @binding(2) var<storage, read_write> a: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn attention_weights(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.heads * params.queries {
        return;
    }
    let start = index * params.keys;
    let end = start + params.keys;
    var seen = end;
    if params.is_causal == 1u {
        seen = min(end, start + index % params.queries + 1u);
    }
    var largest = s[start];
    for (var at = start; at < seen; at += 1u) {
        largest = max(largest, s[at]);
    }
    var total = 0.0;
    for (var at = start; at < seen; at += 1u) {
        total += exp(s[at] - largest);
    }
    for (var at = start; at < seen; at += 1u) {
        a[at] = exp(s[at] - largest) / total;
    }
    for (var at = seen; at < end; at += 1u) {
        a[at] = 0.0;
    }
}
