//! conv2d_backward_parameters: gradients of a convolution's weight and bias in one, first pass.
//!
//!     partial[r, o, k] = Σ_n Σ_position dy[n, o, position] · x[n, pixel of tap k at the position]
//!
//! over the positions (p, q) = r, r + R, r + 2R, …. k counts the taps (c, i, j) of a window and
//! then one more whose pixel is always 1: the bias. `conv2d_backward_parameters_reduce` adds the
//! parts up in order.
//! Shapes (row-major f32): x (N, C, H, W), dy (N, O, P, Q), partial (R, O, C·K·L + 1).
//! One invocation for 4 output channels and 4 taps of one part: 8 loads feed 16 multiply-adds,
//! and where a position lies is found once for all samples. `partial` is overwritten.
//! Twin: `ops/conv2d.rs`, `Conv2dBackwardWeight` and `Conv2dBackwardBias`.

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
    partials: u32,       // parts that a sum over the batch is split into
    row_length: u32,     // invocations in one row of workgroups
    unused_0: u32,
    unused_1: u32,
    unused_2: u32,
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Conv2dParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

/// Writes 4 taps of one output channel, if the window has them.
fn store(first: u32, tap: u32, taps: u32, value: vec4<f32>) {
    partial[first] = value.x;
    if tap + 1u < taps {
        partial[first + 1u] = value.y;
    }
    if tap + 2u < taps {
        partial[first + 2u] = value.z;
    }
    if tap + 3u < taps {
        partial[first + 3u] = value.w;
    }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn conv2d_backward_parameters(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    let window = params.in_channels * params.kernel_height * params.kernel_width;
    let taps = window + 1u;
    let tap_blocks = (taps + 3u) / 4u;
    let part = index % params.partials;
    let tap = 4u * ((index / params.partials) % tap_blocks);
    let o = 4u * (index / (params.partials * tap_blocks));
    // The last workgroup is usually only partly used.
    if o >= params.out_channels {
        return;
    }
    let positions = params.out_height * params.out_width;
    let channels = positions * min(o + vec4(0u, 1u, 2u, 3u), vec4(params.out_channels - 1u));
    let out_sample = params.out_channels * positions;
    let sample = params.in_channels * params.in_height * params.in_width;

    let k = tap + vec4(0u, 1u, 2u, 3u);
    let c = k / (params.kernel_height * params.kernel_width);
    let i = (k / params.kernel_width) % params.kernel_height;
    let j = k % params.kernel_width;
    // What a tap counts as where it has no pixel: 0 in the padding, 1 for the bias.
    let constant = select(vec4(0.0), vec4(1.0), k == vec4(window));

    // A row of sums for each output channel.
    var sum_0 = vec4(0.0);
    var sum_1 = vec4(0.0);
    var sum_2 = vec4(0.0);
    var sum_3 = vec4(0.0);
    for (var position = part; position < positions; position += params.partials) {
        // Rows above the image wrap to huge numbers, so one comparison covers both sides.
        let u = params.stride * (position / params.out_width) + i - params.padding;
        let v = params.stride * (position % params.out_width) + j - params.padding;
        let inside = (u < vec4(params.in_height)) & (v < vec4(params.in_width)) & (k < vec4(window));
        var pixel = select(vec4(0u), (c * params.in_height + u) * params.in_width + v, inside);
        var source = channels + position;
        for (var n = 0u; n < params.batch; n += 1u) {
            let loaded = vec4(x[pixel.x], x[pixel.y], x[pixel.z], x[pixel.w]);
            let pixels = select(constant, loaded, inside);
            sum_0 += dy[source.x] * pixels;
            sum_1 += dy[source.y] * pixels;
            sum_2 += dy[source.z] * pixels;
            sum_3 += dy[source.w] * pixels;
            pixel += sample;
            source += out_sample;
        }
    }

    let first = (part * params.out_channels + o) * taps + tap;
    store(first, tap, taps, sum_0);
    if o + 1u < params.out_channels {
        store(first + taps, tap, taps, sum_1);
    }
    if o + 2u < params.out_channels {
        store(first + 2u * taps, tap, taps, sum_2);
    }
    if o + 3u < params.out_channels {
        store(first + 3u * taps, tap, taps, sum_3);
    }
}
