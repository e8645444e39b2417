//! recurrent_backward_weight: gradient of the loss with respect to the recurrent weights.
//!
//!     dwh[q, k] = Σ_n Σ_t dz[n, t, q] · h[n, t − 1, k], with h0 before the first step
//!
//! Shapes (row-major f32): dz (N, T, J), h (N, T, H), h0 (N, H), lengths (N) u32, dwh (J, H).
//! One invocation per element of dwh, which is overwritten.
//! Twin: `ops/recurrent/products.rs`, `RecurrentBackwardWeight`.

struct RecurrentParams {
    batch: u32,       // N
    steps: u32,       // T
    hidden: u32,      // H
    columns: u32,     // J: sums a step
    truncate: u32,    // gradients stop behind every so many steps; 0: never
    reverse: u32,     // 1: the last step runs first
    row_length: u32,  // invocations in one row of workgroups
    unused: u32,
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;
@group(0) @binding(0) var<uniform> params: RecurrentParams;
@group(0) @binding(1) var<storage, read> dz: array<f32>;
@group(0) @binding(2) var<storage, read> h: array<f32>;
@group(0) @binding(3) var<storage, read> h0: array<f32>;
@group(0) @binding(4) var<storage, read> lengths: array<u32>;
@group(0) @binding(5) var<storage, read_write> dwh: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn recurrent_backward_weight(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.columns * params.hidden {
        return;
    }
    let q = index / params.hidden;
    let k = index % params.hidden;
    var total = 0.0;
    for (var n = 0u; n < params.batch; n += 1u) {
        let first = n * params.steps;
        // Every step but the last, with the one that runs after it.
        var sum = 0.0;
        for (var t = 1u; t < params.steps; t += 1u) {
            let before = first + select(t - 1u, t, params.reverse == 1u);
            let after = first + select(t, t - 1u, params.reverse == 1u);
            // In reverse nothing ran before the last of a sequence's steps.
            if params.reverse == 0u || t < lengths[n] {
                sum += dz[after * params.columns + q] * h[before * params.hidden + k];
            }
        }
        if params.reverse == 0u || lengths[n] > 0u {
            let start = first + select(0u, lengths[n] - 1u, params.reverse == 1u);
            sum += dz[start * params.columns + q] * h0[n * params.hidden + k];
        }
        total += sum;
    }
    dwh[index] = total;
}
