//! recurrent_backward_state: gradient of the loss with respect to the initial state.
//!
//!     dh0[n, k] = Σ_q dz[n, s, q] · wh[q, k] at the first step s; 0 for a sequence without steps
//!
//! Shapes (row-major f32): dz (N, T, J), wh (J, H), lengths (N) u32, dh0 (N, H).
//! One invocation per element of dh0, which is overwritten.
//! Twin: `ops/recurrent/products.rs`, `RecurrentBackwardState`.

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
@group(0) @binding(2) var<storage, read> wh: array<f32>;
@group(0) @binding(3) var<storage, read> lengths: array<u32>;
@group(0) @binding(4) var<storage, read_write> dh0: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn recurrent_backward_state(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.hidden {
        return;
    }
    let n = index / params.hidden;
    let k = index % params.hidden;
    var sum = 0.0;
    if params.reverse == 0u || lengths[n] > 0u {
        let place = n * params.steps + select(0u, lengths[n] - 1u, params.reverse == 1u);
        for (var q = 0u; q < params.columns; q += 1u) {
            sum += dz[place * params.columns + q] * wh[q * params.hidden + k];
        }
    }
    dh0[index] = sum;
}
