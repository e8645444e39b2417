//! recurrent_backward_weight_blocked: gradient of the recurrent weights, 16 of them at a time.
//!
//!     dwh[q, k] = Σ_n Σ_t dz[n, t, q] · h[n, t − 1, k], with h0 before the first step
//!
//! Shapes (row-major f32): dz (N, T, J), h (N, T, H), h0 (N, H), lengths (N) u32, dwh (J, H); 4 divides
//! J and H. One invocation for 4 rows and 4 columns of dwh: 2 loads of 4 numbers feed 16
//! multiply-adds, where `recurrent_backward_weight` needs 32 loads of one. `dwh` is overwritten.
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
@group(0) @binding(1) var<storage, read> dz: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> h: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> h0: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> lengths: array<u32>;
@group(0) @binding(5) var<storage, read_write> dwh: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn recurrent_backward_weight_blocked(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    let rows = params.columns / 4u;
    let columns = params.hidden / 4u;
    // The last workgroup is usually only partly used.
    if index >= rows * columns {
        return;
    }
    let q = index / columns;
    let k = index % columns;
    // A column for each of four rows of dwh.
    var total = mat4x4<f32>();
    for (var n = 0u; n < params.batch; n += 1u) {
        let first = n * params.steps;
        // In reverse nothing ran before the last of a sequence's steps.
        let end = select(params.steps, min(lengths[n], params.steps), params.reverse == 1u);
        var before = first + params.reverse;
        var after = first + 1u - params.reverse;
        for (var t = 1u; t < end; t += 1u) {
            let gradients = dz[after * rows + q];
            let state = h[before * columns + k];
            total += mat4x4(
                gradients.x * state,
                gradients.y * state,
                gradients.z * state,
                gradients.w * state,
            );
            before += 1u;
            after += 1u;
        }
        if params.reverse == 0u || lengths[n] > 0u {
            let start = first + select(0u, lengths[n] - 1u, params.reverse == 1u);
            let gradients = dz[start * rows + q];
            let state = h0[n * columns + k];
            total += mat4x4(
                gradients.x * state,
                gradients.y * state,
                gradients.z * state,
                gradients.w * state,
            );
        }
    }
    for (var row = 0u; row < 4u; row += 1u) {
        dwh[(4u * q + row) * columns + k] = total[row];
    }
}
