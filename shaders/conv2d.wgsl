//! conv2d: two-dimensional convolution (cross-correlation) with stride, zero padding, dilation and groups.
//!
//!     y[n, o, p, q] = Σ_c Σ_i Σ_j x[n, g·C/G + c, s·p + d·i − top, s·q + d·j − left] · w[o, c, i, j] + b[o]
//!
//! with g the group of o: the o-th output channel reads the input channels of its group alone.
//! Shapes (row-major f32): x (N, C, H, W), w (O, C/G, K, L), b (O), y (N, O, P, Q).
//! One invocation per element of y. `y` is overwritten.
//! Twin: `ops/conv2d/mod.rs`, `Conv2d`.

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
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn conv2d(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.out_channels * params.out_height * params.out_width {
        return;
    }
    let q = index % params.out_width;
    let p = (index / params.out_width) % params.out_height;
    let o = (index / (params.out_width * params.out_height)) % params.out_channels;
    let n = index / (params.out_width * params.out_height * params.out_channels);

    let first_channel = (o / params.group_outputs) * params.group_channels;
    var sum = b[o];
    for (var c = 0u; c < params.group_channels; c += 1u) {
        for (var i = 0u; i < params.kernel_height; i += 1u) {
            // Rows above the image wrap to huge numbers, so one comparison covers both sides.
            let u = params.stride_height * p + params.dilation_height * i - params.padding_top;
            if u >= params.in_height {
                continue;
            }
            let x_row = ((n * params.in_channels + first_channel + c) * params.in_height + u) * params.in_width;
            let w_row = ((o * params.group_channels + c) * params.kernel_height + i) * params.kernel_width;
            for (var j = 0u; j < params.kernel_width; j += 1u) {
                let v = params.stride_width * q + params.dilation_width * j - params.padding_left;
                if v < params.in_width {
                    sum += x[x_row + v] * w[w_row + j];
                }
            }
        }
    }
    y[index] = sum;
}
