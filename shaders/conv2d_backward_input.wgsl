//! conv2d_backward_input: gradient of the loss with respect to a convolution's input.
//!
//!     dx[n, c, u, v] = Σ_o Σ_i Σ_j dy[n, o, (u + pad − i)/s, (v + pad − j)/s] · w[o, c, i, j]
//!
//! over the (i, j) for which s divides and the position exists.
//! Shapes (row-major f32): w (O, C, K, L), dy (N, O, P, Q), dx (N, C, H, W).
//! One invocation per element of dx. `dx` is overwritten, not accumulated.
//! Twin: `ops/conv2d.rs`, `Conv2dBackwardInput`.

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
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn conv2d_backward_input(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.in_channels * params.in_height * params.in_width {
        return;
    }
    let v = index % params.in_width;
    let u = (index / params.in_width) % params.in_height;
    let c = (index / (params.in_width * params.in_height)) % params.in_channels;
    let n = index / (params.in_width * params.in_height * params.in_channels);

    var sum = 0.0;
    for (var i = 0u; i < params.kernel_height; i += 1u) {
        // Offsets beyond the edge wrap to huge numbers and fail the comparison below.
        let row = u + params.padding - i;
        let p = row / params.stride;
        if row % params.stride != 0u || p >= params.out_height {
            continue;
        }
        for (var j = 0u; j < params.kernel_width; j += 1u) {
            let column = v + params.padding - j;
            let q = column / params.stride;
            if column % params.stride != 0u || q >= params.out_width {
                continue;
            }
            for (var o = 0u; o < params.out_channels; o += 1u) {
                let y_index = ((n * params.out_channels + o) * params.out_height + p) * params.out_width + q;
                let w_index = ((o * params.in_channels + c) * params.kernel_height + i) * params.kernel_width + j;
                sum += dy[y_index] * w[w_index];
            }
        }
    }
    dx[index] = sum;
}
