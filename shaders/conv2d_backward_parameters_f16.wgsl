//! conv2d_backward_parameters_f16: gradients of a convolution's weight and bias from float16 numbers, first pass.
//!
//!     partial[r, o, k] = Σ_n Σ_position dy[n, o, position] · x[n, pixel of tap k at the position]
//!
//! over every so many positions (p, q) and samples n, others for each part r. k counts the taps
//! (c, i, j) of a window and then one more whose pixel is always 1: the bias.
//! `conv2d_backward_parameters_reduce_f16` adds the parts up in order, and rounds.
//! Shapes (row-major): x (N, C, H, W) and dy (N, O, P, Q) f16, partial (R, O, C·K·L + 1) f32.
//! As `conv2d_backward_parameters`, with half the bytes to read. `partial` is overwritten.
//! Twin: `ops/conv2d/mod.rs`, `Conv2dBackwardWeight` and `Conv2dBackwardBias`, of rounded inputs.

enable f16;

struct Conv2dBlockedParams {
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

@group(0) @binding(0) var<uniform> params: Conv2dBlockedParams;
@group(0) @binding(1) var<storage, read> x: array<f16>;
@group(0) @binding(2) var<storage, read> dy: array<f16>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

/// Where a tap lies in the window.
struct Taps {
    k: vec4<u32>,
    c: vec4<u32>,
    i: vec4<u32>,
    j: vec4<u32>,
}

fn taps_from(first: u32) -> Taps {
    let k = first + vec4(0u, 1u, 2u, 3u);
    let c = k / (params.kernel_height * params.kernel_width);
    let i = (k / params.kernel_width) % params.kernel_height;
    return Taps(k, c, i, k % params.kernel_width);
}

/// Whether the taps have a pixel at the position (p, q), and which; 0 where they have none.
fn pixels_at(taps: Taps, p: u32, q: u32) -> Pixels {
    // Rows above the image wrap to huge numbers, so one comparison covers both sides.
    let u = params.stride * p + taps.i - params.padding;
    let v = params.stride * q + taps.j - params.padding;
    let window = params.in_channels * params.kernel_height * params.kernel_width;
    let inside = (u < vec4(params.in_height)) & (v < vec4(params.in_width)) & (taps.k < vec4(window));
    let index = (taps.c * params.in_height + u) * params.in_width + v;
    return Pixels(select(vec4(0u), index, inside), inside);
}

struct Pixels {
    index: vec4<u32>,
    inside: vec4<bool>,
}

/// Writes 8 taps of one output channel, if the tensor has them.
fn store(part: u32, o: u32, tap: u32, low: vec4<f32>, high: vec4<f32>) {
    let taps = params.in_channels * params.kernel_height * params.kernel_width + 1u;
    if o >= params.out_channels {
        return;
    }
    let first = (part * params.out_channels + o) * taps + tap;
    for (var k = 0u; k < min(4u, taps - tap); k += 1u) {
        partial[first + k] = low[k];
    }
    for (var k = 4u; k < min(8u, taps - tap); k += 1u) {
        partial[first + k] = high[k - 4u];
    }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn conv2d_backward_parameters_f16(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    let window = params.in_channels * params.kernel_height * params.kernel_width;
    let tap_blocks = (window + 8u) / 8u;
    let part = index % params.partials;
    let tap = 8u * ((index / params.partials) % tap_blocks);
    let o = 4u * (index / (params.partials * tap_blocks));
    // The last workgroup is usually only partly used.
    if o >= params.out_channels {
        return;
    }
    let positions = params.out_height * params.out_width;
    let channels = positions * min(o + vec4(0u, 1u, 2u, 3u), vec4(params.out_channels - 1u));
    let out_sample = params.out_channels * positions;
    let sample = params.in_channels * params.in_height * params.in_width;

    let low_taps = taps_from(tap);
    let high_taps = taps_from(tap + 4u);
    // What a tap counts as where it has no pixel: 0 in the padding, 1 for the bias.
    let low_constant = select(vec4(0.0), vec4(1.0), low_taps.k == vec4(window));
    let high_constant = select(vec4(0.0), vec4(1.0), high_taps.k == vec4(window));

    // Sums of each output channel, for the first and the last 4 taps.
    var low_0 = vec4(0.0);
    var low_1 = vec4(0.0);
    var low_2 = vec4(0.0);
    var low_3 = vec4(0.0);
    var high_0 = vec4(0.0);
    var high_1 = vec4(0.0);
    var high_2 = vec4(0.0);
    var high_3 = vec4(0.0);
    let sample_parts = params.partials / params.position_parts;
    let first_n = part / params.position_parts;
    for (var position = part % params.position_parts; position < positions; position += params.position_parts) {
        let p = position / params.out_width;
        let q = position % params.out_width;
        let low_pixels = pixels_at(low_taps, p, q);
        let high_pixels = pixels_at(high_taps, p, q);
        var low = sample * first_n + low_pixels.index;
        var high = sample * first_n + high_pixels.index;
        var source = out_sample * first_n + channels + position;
        for (var n = first_n; n < params.batch; n += sample_parts) {
            let low_x = select(low_constant, vec4<f32>(vec4(x[low.x], x[low.y], x[low.z], x[low.w])), low_pixels.inside);
            let high_x = select(high_constant, vec4<f32>(vec4(x[high.x], x[high.y], x[high.z], x[high.w])), high_pixels.inside);
            let gradients = vec4<f32>(vec4(dy[source.x], dy[source.y], dy[source.z], dy[source.w]));
            low_0 += gradients.x * low_x;
            low_1 += gradients.y * low_x;
            low_2 += gradients.z * low_x;
            low_3 += gradients.w * low_x;
            high_0 += gradients.x * high_x;
            high_1 += gradients.y * high_x;
            high_2 += gradients.z * high_x;
            high_3 += gradients.w * high_x;
            low += sample * sample_parts;
            high += sample * sample_parts;
            source += out_sample * sample_parts;
        }
    }
    store(part, o, tap, low_0, high_0);
    store(part, o + 1u, tap, low_1, high_1);
    store(part, o + 2u, tap, low_2, high_2);
    store(part, o + 3u, tap, low_3, high_3);
}
