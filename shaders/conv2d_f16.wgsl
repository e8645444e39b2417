//! conv2d_f16: a convolution whose numbers are stored as float16 and summed in float32, 32 outputs at a time.
//!
//!     y[n, o, p, q] = round(Σ_c Σ_i Σ_j x[n, c, s·p + i − pad, s·q + j − pad] · w[o, c, i, j] + b[o])
//!
//! Shapes (row-major f16): x (N, C, H, W), w (O, C, K, L), b (O), y (N, O, P, Q).
//! As `conv2d_blocked`, with half the bytes to move. Sums are f32 and rounded once, when they are stored.
//! `y` is overwritten.
//! Twin: `ops/conv2d/mod.rs`, `Conv2d`, of rounded inputs.

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
@group(0) @binding(2) var<storage, read> w: array<f16>;
@group(0) @binding(3) var<storage, read> b: array<f16>;
@group(0) @binding(4) var<storage, read_write> y: array<f16>;

/// Writes 4 channels of one sample, if the tensor has them.
fn store(n: u32, o: u32, position: u32, sum: vec4<f32>) {
    if n >= params.batch {
        return;
    }
    let value = vec4<f16>(sum);
    let positions = params.out_height * params.out_width;
    let first = (n * params.out_channels + o) * positions + position;
    y[first] = value.x;
    if o + 1u < params.out_channels {
        y[first + positions] = value.y;
    }
    if o + 2u < params.out_channels {
        y[first + 2u * positions] = value.z;
    }
    if o + 3u < params.out_channels {
        y[first + 3u * positions] = value.w;
    }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn conv2d_f16(
    @builtin(global_invocation_id) gid: vec3<u32>,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    let positions = params.out_height * params.out_width;
    let n = 8u * (index / positions);
    // The last workgroup is usually only partly used.
    if n >= params.batch {
        return;
    }
    let position = index % positions;
    let p = position / params.out_width;
    let q = position % params.out_width;
    let o = 4u * workgroup.z;

    // Samples and channels past the end repeat the last; what comes of them is not written.
    let sample = params.in_channels * params.in_height * params.in_width;
    let last = vec4(params.batch - 1u);
    let near = sample * min(n + vec4(0u, 1u, 2u, 3u), last);
    let far = sample * min(n + vec4(4u, 5u, 6u, 7u), last);
    let channels = min(o + vec4(0u, 1u, 2u, 3u), vec4(params.out_channels - 1u));
    let windows = params.in_channels * params.kernel_height * params.kernel_width * channels;

    let bias = vec4<f32>(vec4(b[channels.x], b[channels.y], b[channels.z], b[channels.w]));
    var sum_0 = bias;
    var sum_1 = bias;
    var sum_2 = bias;
    var sum_3 = bias;
    var sum_4 = bias;
    var sum_5 = bias;
    var sum_6 = bias;
    var sum_7 = bias;
    var tap = 0u;
    for (var c = 0u; c < params.in_channels; c += 1u) {
        for (var i = 0u; i < params.kernel_height; i += 1u) {
            // Rows above the image wrap to huge numbers, so one comparison covers both sides.
            let u = params.stride * p + i - params.padding;
            let row = (c * params.in_height + u) * params.in_width;
            for (var j = 0u; j < params.kernel_width; j += 1u) {
                let v = params.stride * q + j - params.padding;
                let loaded = vec4(w[windows.x + tap], w[windows.y + tap], w[windows.z + tap], w[windows.w + tap]);
                // In the padding the weights count as 0: no branch, so neighbours stay together.
                let inside = u < params.in_height && v < params.in_width;
                let weight = select(vec4(0.0), vec4<f32>(loaded), inside);
                let pixel = select(0u, row + v, inside);
                sum_0 += f32(x[near.x + pixel]) * weight;
                sum_1 += f32(x[near.y + pixel]) * weight;
                sum_2 += f32(x[near.z + pixel]) * weight;
                sum_3 += f32(x[near.w + pixel]) * weight;
                sum_4 += f32(x[far.x + pixel]) * weight;
                sum_5 += f32(x[far.y + pixel]) * weight;
                sum_6 += f32(x[far.z + pixel]) * weight;
                sum_7 += f32(x[far.w + pixel]) * weight;
                tap += 1u;
            }
        }
    }
    store(n, o, position, sum_0);
    store(n + 1u, o, position, sum_1);
    store(n + 2u, o, position, sum_2);
    store(n + 3u, o, position, sum_3);
    store(n + 4u, o, position, sum_4);
    store(n + 5u, o, position, sum_5);
    store(n + 6u, o, position, sum_6);
    store(n + 7u, o, position, sum_7);
}
