//! avg_pool2d_backward: every cell of a window gets an equal share of its gradient.
//!
//!     dx[n, c, u, v] = Σ_p Σ_q dy[n, c, p, q] / cells[p, q]
//!
//! over the windows (p, q) that show the pixel; cells as in `avg_pool2d`.
//! Shapes (row-major f32): dy (N, C, P, Q), dx (N, C, H, W).
//! One invocation per element of dx. `dx` is overwritten, not accumulated.
//! Twin: `ops/pool2d/average.rs`, `AvgPool2dBackward`.

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
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

/// Cells of one side of a window that count: never those beyond the padding.
fn counted(start: u32, kernel: u32, before: u32, size: u32, after: u32) -> u32 {
    let end = start + kernel;
    if COUNT_INCLUDE_PAD != 0u {
        return min(end, before + size + after) - start;
    }
    return min(end, before + size) - max(start, before);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn avg_pool2d_backward(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.maps * params.in_height * params.in_width {
        return;
    }
    let v = index % params.in_width;
    let u = (index / params.in_width) % params.in_height;
    let map = index / (params.in_width * params.in_height);

    var sum = 0.0;
    for (var i = 0u; i < params.kernel_height; i += 1u) {
        // Offsets beyond the edge wrap to huge numbers and fail the comparison below.
        let row = u + params.padding_top - i;
        let p = row / params.stride_height;
        if row % params.stride_height != 0u || p >= params.out_height {
            continue;
        }
        let rows = counted(row, params.kernel_height, params.padding_top, params.in_height, params.padding_bottom);
        for (var j = 0u; j < params.kernel_width; j += 1u) {
            let column = v + params.padding_left - j;
            let q = column / params.stride_width;
            if column % params.stride_width != 0u || q >= params.out_width {
                continue;
            }
            let columns = counted(column, params.kernel_width, params.padding_left, params.in_width, params.padding_right);
            sum += dy[(map * params.out_height + p) * params.out_width + q] / f32(rows * columns);
        }
    }
    dx[index] = sum;
}
