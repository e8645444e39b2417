//! conv2d_backward_bias: gradient of the loss with respect to a convolution's bias, first pass.
//!
//!     partial[r, o] = Σ_n Σ_p Σ_q dy[n, o, p, q]   over the samples n of part r
//!
//! Shapes (row-major f32): dy (N, O, P, Q), partial (R, O).
//! One invocation per element of partial. `partial` is overwritten.
//! Twin: `ops/conv2d/mod.rs`, `Conv2dBackwardBias`.

struct Conv2dParams {
    batch: u32,            // N
    in_channels: u32,      // C
    in_height: u32,        // H
    in_width: u32,         // W
    out_channels: u32,     // O
    out_height: u32,       // P
    out_width: u32,        // Q
    kernel_height: u32,    // K
    kernel_width: u32,     // L
    stride_height: u32,    // s for rows
    stride_width: u32,     // s for columns
    padding_top: u32,      // top
    padding_left: u32,     // left
    dilation_height: u32,  // d for rows
    dilation_width: u32,   // d for columns
    group_channels: u32,   // C/G
    group_outputs: u32,    // O/G
    partials: u32,         // parts that a sum is split into
    row_length: u32,       // invocations in one row of workgroups
    unused: u32,
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Conv2dParams;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial_db: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn conv2d_backward_bias(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.partials * params.out_channels {
        return;
    }
    let o = index % params.out_channels;
    let part = index / params.out_channels;
    let positions = params.out_height * params.out_width;

    let samples = (params.batch + params.partials - 1u) / params.partials;
    let first = part * samples;
    let last = min(first + samples, params.batch);
    var sum = 0.0;
    for (var n = first; n < last; n += 1u) {
        let start = (n * params.out_channels + o) * positions;
        for (var position = 0u; position < positions; position += 1u) {
            sum += dy[start + position];
        }
    }
    partial_db[index] = sum;
}
