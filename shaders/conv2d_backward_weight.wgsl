//! conv2d_backward_weight: gradient of the loss with respect to a convolution's weight, first pass.
//!
//!     partial[r, o, c, i, j] = Σ_n Σ_p Σ_q dy[n, o, p, q] · x[n, g·C/G + c, s·p + d·i − top, s·q + d·j − left]
//!
//! over the samples n of part r, with g the group of o. `conv2d_backward_weight_reduce` adds the parts up in order:
//! a few weights with long sums would leave most of the device idle in one pass.
//! Shapes (row-major f32): x (N, C, H, W), dy (N, O, P, Q), partial (R, O, C/G, K, L).
//! One invocation per element of partial. `partial` is overwritten.
//! Twin: `ops/conv2d/mod.rs`, `Conv2dBackwardWeight`.

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
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> partial_dw: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn conv2d_backward_weight(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.partials * params.out_channels * params.group_channels * params.kernel_height * params.kernel_width {
        return;
    }
    let j = index % params.kernel_width;
    let i = (index / params.kernel_width) % params.kernel_height;
    let window = params.kernel_height * params.kernel_width;
    let c = (index / window) % params.group_channels;
    let o = (index / (window * params.group_channels)) % params.out_channels;
    let part = index / (window * params.group_channels * params.out_channels);
    let channel = (o / params.group_outputs) * params.group_channels + c;

    let samples = (params.batch + params.partials - 1u) / params.partials;
    let first = part * samples;
    let last = min(first + samples, params.batch);
    var sum = 0.0;
    for (var n = first; n < last; n += 1u) {
        for (var p = 0u; p < params.out_height; p += 1u) {
            // Rows above the image wrap to huge numbers, so one comparison covers both sides.
            let u = params.stride_height * p + params.dilation_height * i - params.padding_top;
            if u >= params.in_height {
                continue;
            }
            let x_row = ((n * params.in_channels + channel) * params.in_height + u) * params.in_width;
            let y_row = ((n * params.out_channels + o) * params.out_height + p) * params.out_width;
            for (var q = 0u; q < params.out_width; q += 1u) {
                let v = params.stride_width * q + params.dilation_width * j - params.padding_left;
                if v < params.in_width {
                    sum += dy[y_row + q] * x[x_row + v];
                }
            }
        }
    }
    partial_dw[index] = sum;
}
