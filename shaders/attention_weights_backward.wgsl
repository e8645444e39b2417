//! attention_weights_backward: from the weights' gradient to that of the scores.
//!
//!     ds[n, h, t, u] = a[n, h, t, u] · (da[n, h, t, u] − Σ_w da[n, h, t, w] · a[n, h, t, w])
//!
//! A masked weight is 0, and so is its score's gradient. Shapes (row-major f32): a, da, ds (N, H, T, S).
//! One invocation per query and head. `ds` is overwritten.
//! Twin: `ops/attention.rs`, `AttentionWeightsBackward`.

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
@group(0) @binding(2) var<storage, read> da: array<f32>;
@group(0) @binding(3) var<storage, read_write> ds: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn attention_weights_backward(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.heads * params.queries {
        return;
    }
    let start = index * params.keys;
    let end = start + params.keys;
    var total = 0.0;
    for (var at = start; at < end; at += 1u) {
        total += da[at] * a[at];
    }
    for (var at = start; at < end; at += 1u) {
        ds[at] = a[at] * (da[at] - total);
    }
}
