//! conv2d: two-dimensional convolution (cross-correlation) with stride and zero padding.
//!
//!     y[n, o, p, q] = Σ_c Σ_i Σ_j x[n, c, s·p + i − pad, s·q + j − pad] · w[o, c, i, j] + b[o]
//!
//! Shapes (row-major f32): x (N, C, H, W), w (O, C, K, L), b (O), y (N, O, P, Q).
//! One invocation per element of y. `y` is overwritten.
//! Twin: `ops/conv2d.rs`, `Conv2d`.

struct Conv2dParams {
    batch: u32,          // N
    in_channels: u32,    // C
    in_height: u32,      // H
    in_width: u32,       // W
    out_channels: u32,   // O
    out_height: u32,     // P
    out_width: u32,      // Q
    kernel_height: u32,  // K
    kernel_width: u32,   // L
    stride: u32,         // s
    padding: u32,        // pad
    partials: u32,       // parts that a sum is split into
    position_parts: u32, // of them by position, the rest by sample
    row_length: u32,     // invocations in one row of workgroups
    unused_0: u32,
    unused_1: u32,
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

    var sum = b[o];
    for (var c = 0u; c < params.in_channels; c += 1u) {
        for (var i = 0u; i < params.kernel_height; i += 1u) {
            // Rows above the image wrap to huge numbers, so one comparison covers both sides.
            let u = params.stride * p + i - params.padding;
            if u >= params.in_height {
                continue;
            }
            let x_row = ((n * params.in_channels + c) * params.in_height + u) * params.in_width;
            let w_row = ((o * params.in_channels + c) * params.kernel_height + i) * params.kernel_width;
            for (var j = 0u; j < params.kernel_width; j += 1u) {
                let v = params.stride * q + j - params.padding;
                if v < params.in_width {
                    sum += x[x_row + v] * w[w_row + j];
                }
            }
        }
    }
    y[index] = sum;
}
