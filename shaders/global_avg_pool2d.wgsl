//! global_avg_pool2d: the mean of each map.
//!
//!     y[n, c] = Σ_i Σ_j x[n, c, i, j] / (H·W)
//!
//! Shapes (row-major f32): x (N, C, H, W), y (N, C).
//! One invocation per element of y: the maps at the end of a network are small. `y` is overwritten.
//! Twin: `ops/pool2d/average.rs`, `GlobalAvgPool2d`.

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
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn global_avg_pool2d(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let map = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if map >= params.maps {
        return;
    }
    let pixels = params.in_height * params.in_width;
    var sum = 0.0;
    for (var pixel = 0u; pixel < pixels; pixel += 1u) {
        sum += x[map * pixels + pixel];
    }
    y[map] = sum / f32(pixels);
}
