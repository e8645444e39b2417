//! avg_pool2d: the mean of each window.
//!
//!     y[n, c, p, q] = Σ_i Σ_j x[n, c, s·p + i − top, s·q + j − left] / cells
//!
//! Pixels outside of the image are 0; whether they count among the cells is PyTorch's
//! `count_include_pad`. What a last window has beyond the padding never counts.
//! Shapes (row-major f32): x (N, C, H, W), y (N, C, P, Q).
//! One invocation per element of y. `y` is overwritten.
//! Twin: `ops/pool2d/average.rs`, `AvgPool2d`.

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
/// Whether padding counts as cells, of value 0.
override COUNT_INCLUDE_PAD: u32 = 1u;

@group(0) @binding(0) var<uniform> params: Pool2dParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

/// Cells of one side of a window that count: never those beyond the padding.
fn counted(start: u32, kernel: u32, before: u32, size: u32, after: u32) -> u32 {
    let end = start + kernel;
    if COUNT_INCLUDE_PAD != 0u {
        return min(end, before + size + after) - start;
    }
    return min(end, before + size) - max(start, before);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn avg_pool2d(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.maps * params.out_height * params.out_width {
        return;
    }
    let q = index % params.out_width;
    let p = (index / params.out_width) % params.out_height;
    let map = index / (params.out_width * params.out_height);

    var sum = 0.0;
    for (var i = 0u; i < params.kernel_height; i += 1u) {
        // Rows above the image wrap to huge numbers, so one comparison covers both sides.
        let u = params.stride_height * p + i - params.padding_top;
        if u >= params.in_height {
            continue;
        }
        for (var j = 0u; j < params.kernel_width; j += 1u) {
            let v = params.stride_width * q + j - params.padding_left;
            if v < params.in_width {
                sum += x[(map * params.in_height + u) * params.in_width + v];
            }
        }
    }
    let rows = counted(params.stride_height * p, params.kernel_height, params.padding_top, params.in_height, params.padding_bottom);
    let columns = counted(params.stride_width * q, params.kernel_width, params.padding_left, params.in_width, params.padding_right);
    y[index] = sum / f32(rows * columns);
}
