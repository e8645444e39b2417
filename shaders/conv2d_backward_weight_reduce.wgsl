//! conv2d_backward_weight_reduce: gradient of a convolution's weight, second pass.
//!
//!     dw[o, c, i, j] = Σ_r partial[r, o, c, i, j]
//!
//! Shapes (row-major f32): partial (R, O, C/G, K, L), dw (O, C/G, K, L).
//! One invocation per element of dw, adding in order. `dw` is overwritten, not accumulated.
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
@group(0) @binding(1) var<storage, read> partial_dw: array<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn conv2d_backward_weight_reduce(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.out_channels * params.group_channels * params.kernel_height * params.kernel_width {
        return;
    }
    let weights = params.out_channels * params.group_channels * params.kernel_height * params.kernel_width;

    var sum = 0.0;
    for (var part = 0u; part < params.partials; part += 1u) {
        sum += partial_dw[part * weights + index];
    }
    dw[index] = sum;
}
