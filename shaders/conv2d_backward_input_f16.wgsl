//! conv2d_backward_input_f16: gradient with respect to a convolution's input, stored as float16 and summed in float32.
//!
//!     dx[n, c, u, v] = round(Σ_o Σ_i Σ_j dy[n, o, (u + pad − i)/s, (v + pad − j)/s] · w[o, c, i, j])
//!
//! over the (i, j) for which s divides and the position exists.
//! Shapes (row-major f16): w (O, C, K, L), dy (N, O, P, Q), dx (N, C, H, W).
//! As `conv2d_backward_input_blocked`, with half the bytes to move. `dx` is overwritten, not accumulated.
//! Twin: `ops/conv2d/mod.rs`, `Conv2dBackwardInput`, of rounded inputs.

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
@group(0) @binding(1) var<storage, read> w: array<f16>;
@group(0) @binding(2) var<storage, read> dy: array<f16>;
@group(0) @binding(3) var<storage, read_write> dx: array<f16>;

/// Writes 4 channels of one sample, if the tensor has them.
fn store(n: u32, c: u32, position: u32, sum: vec4<f32>) {
    if n >= params.batch {
        return;
    }
    let value = vec4<f16>(sum);
    let positions = params.in_height * params.in_width;
    let first = (n * params.in_channels + c) * positions + position;
    dx[first] = value.x;
    if c + 1u < params.in_channels {
        dx[first + positions] = value.y;
    }
    if c + 2u < params.in_channels {
        dx[first + 2u * positions] = value.z;
    }
    if c + 3u < params.in_channels {
        dx[first + 3u * positions] = value.w;
    }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn conv2d_backward_input_f16(
    @builtin(global_invocation_id) gid: vec3<u32>,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    let positions = params.in_height * params.in_width;
    let n = 8u * (index / positions);
    // The last workgroup is usually only partly used.
    if n >= params.batch {
        return;
    }
    let position = index % positions;
    let u = position / params.in_width;
    let v = position % params.in_width;
    let c = 4u * workgroup.z;

    // Samples and channels past the end repeat the last; what comes of them is not written.
    let out_positions = params.out_height * params.out_width;
    let sample = params.out_channels * out_positions;
    let last = vec4(params.batch - 1u);
    let near = sample * min(n + vec4(0u, 1u, 2u, 3u), last);
    let far = sample * min(n + vec4(4u, 5u, 6u, 7u), last);
    let taps = params.kernel_height * params.kernel_width;
    let windows = taps * min(c + vec4(0u, 1u, 2u, 3u), vec4(params.in_channels - 1u));

    var sum_0 = vec4(0.0);
    var sum_1 = vec4(0.0);
    var sum_2 = vec4(0.0);
    var sum_3 = vec4(0.0);
    var sum_4 = vec4(0.0);
    var sum_5 = vec4(0.0);
    var sum_6 = vec4(0.0);
    var sum_7 = vec4(0.0);
    // Rows of the kernel whose position exists: (u + pad − i) / s is whole and below P.
    let row = u + params.padding;
    let highest = params.stride * (params.out_height - 1u);
    var i = row % params.stride;
    if row > highest + i {
        i = row - highest;
    }
    for (; i <= min(row, params.kernel_height - 1u); i += params.stride) {
        let p = (row - i) / params.stride;
        for (var j = 0u; j < params.kernel_width; j += 1u) {
            let column = v + params.padding - j;
            let q = column / params.stride;
            // Past the edge the weights count as 0: no branch, so neighbours stay together.
            let inside = q < params.out_width && column % params.stride == 0u;
            var source = select(0u, p * params.out_width + q, inside);
            var tap = i * params.kernel_width + j;
            for (var o = 0u; o < params.out_channels; o += 1u) {
                let loaded = vec4(w[windows.x + tap], w[windows.y + tap], w[windows.z + tap], w[windows.w + tap]);
                let weight = select(vec4(0.0), vec4<f32>(loaded), inside);
                sum_0 += f32(dy[near.x + source]) * weight;
                sum_1 += f32(dy[near.y + source]) * weight;
                sum_2 += f32(dy[near.z + source]) * weight;
                sum_3 += f32(dy[near.w + source]) * weight;
                sum_4 += f32(dy[far.x + source]) * weight;
                sum_5 += f32(dy[far.y + source]) * weight;
                sum_6 += f32(dy[far.z + source]) * weight;
                sum_7 += f32(dy[far.w + source]) * weight;
                source += out_positions;
                tap += params.in_channels * taps;
            }
        }
    }
    store(n, c, position, sum_0);
    store(n + 1u, c, position, sum_1);
    store(n + 2u, c, position, sum_2);
    store(n + 3u, c, position, sum_3);
    store(n + 4u, c, position, sum_4);
    store(n + 5u, c, position, sum_5);
    store(n + 6u, c, position, sum_6);
    store(n + 7u, c, position, sum_7);
}
