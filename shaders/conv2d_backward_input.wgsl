//! conv2d_backward_input: gradient of the loss with respect to a convolution's input.
//!
//!     dx[n, c, u, v] = Σ_o Σ_i Σ_j dy[n, o, (u + top − d·i)/s, (v + left − d·j)/s] · w[o, c mod C/G, i, j]
//!
//! over the o of the group of c, and the (i, j) for which s divides and the position exists.
//! Shapes (row-major f32): w (O, C/G, K, L), dy (N, O, P, Q), dx (N, C, H, W).
//! One invocation per element of dx. `dx` is overwritten, not accumulated.
//! Twin: `ops/conv2d/mod.rs`, `Conv2dBackwardInput`.

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

    let first_output = (c / params.group_channels) * params.group_outputs;
    var sum = 0.0;
    for (var i = 0u; i < params.kernel_height; i += 1u) {
        // Offsets beyond the edge wrap to huge numbers and fail the comparison below.
        let row = u + params.padding_top - params.dilation_height * i;
        let p = row / params.stride_height;
        if row % params.stride_height != 0u || p >= params.out_height {
            continue;
        }
        for (var j = 0u; j < params.kernel_width; j += 1u) {
            let column = v + params.padding_left - params.dilation_width * j;
            let q = column / params.stride_width;
            if column % params.stride_width != 0u || q >= params.out_width {
                continue;
            }
            for (var o = first_output; o < first_output + params.group_outputs; o += 1u) {
                let y_index = ((n * params.out_channels + o) * params.out_height + p) * params.out_width + q;
                let w_index = ((o * params.group_channels + c % params.group_channels) * params.kernel_height + i) * params.kernel_width + j;
                sum += dy[y_index] * w[w_index];
            }
        }
    }
    dx[index] = sum;
}
