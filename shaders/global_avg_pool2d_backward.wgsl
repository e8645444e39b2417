//! global_avg_pool2d_backward: every pixel of a map gets an equal share of its gradient.
//!
//!     dx[n, c, u, v] = dy[n, c] / (H·W)
//!
//! Shapes (row-major f32): dy (N, C), dx (N, C, H, W).
//! One invocation per element of dx. `dx` is overwritten, not accumulated.
//! Twin: `ops/pool2d/average.rs`, `GlobalAvgPool2dBackward`.

struct Pool2dParams {
    maps: u32,             // N · C
    in_height: u32,        // H
    in_width: u32,         // W
    out_height: u32,       // P
    out_width: u32,        // Q
    kernel_height: u32,    // K
    kernel_width: u32,     // L
    stride_height: u32,    // s for rows
    stride_width: u32,     // s for columns
    padding_top: u32,      // top
    padding_bottom: u32,   // bottom
    padding_left: u32,     // left
    padding_right: u32,    // right
    dilation_height: u32,  // d for rows
    dilation_width: u32,   // d for columns
    row_length: u32,       // invocations in one row of workgroups
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Pool2dParams;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn global_avg_pool2d_backward(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    let pixels = params.in_height * params.in_width;
    // The last workgroup is usually only partly used.
    if index >= params.maps * pixels {
        return;
    }
    dx[index] = dy[index / pixels] / f32(pixels);
}
