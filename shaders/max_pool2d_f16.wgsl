//! max_pool2d_f16: the largest value of each window, and which cell of the window it was in, stored as float16.
//!
//!     y[n, c, p, q] = max_{i, j} x[n, c, s·p + d·i − top, s·q + d·j − left]
//!     a[n, c, p, q] = i·L + j of the first maximum
//!
//! Cells outside of the image take no part. NaN wins over every number, as in PyTorch.
//! Shapes (row-major): x (N, C, H, W) f16, y (N, C, P, Q) f16, a (N, C, P, Q) u32.
//! One invocation per element of y. `y` and `a` are overwritten.
//! A number is only chosen, never computed, so nothing is rounded.
//! Twin: `ops/pool2d/max.rs`, `MaxPool2d`.

enable f16;

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
@group(0) @binding(1) var<storage, read> x: array<f16>;
@group(0) @binding(2) var<storage, read_write> y: array<f16>;
@group(0) @binding(3) var<storage, read_write> a: array<u32>;

/// No cell yet.
const NONE: u32 = 0xffffffffu;

/// By its bits: comparisons may assume that there is no NaN.
fn is_nan(value: f32) -> bool {
    return (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn max_pool2d_f16(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.maps * params.out_height * params.out_width {
        return;
    }
    let q = index % params.out_width;
    let p = (index / params.out_width) % params.out_height;
    let map = index / (params.out_width * params.out_height);

    var best = 0.0;
    var winner = NONE;
    for (var i = 0u; i < params.kernel_height; i += 1u) {
        // Rows above the image wrap to huge numbers, so one comparison covers both sides.
        let u = params.stride_height * p + params.dilation_height * i - params.padding_top;
        if u >= params.in_height {
            continue;
        }
        for (var j = 0u; j < params.kernel_width; j += 1u) {
            let v = params.stride_width * q + params.dilation_width * j - params.padding_left;
            if v >= params.in_width {
                continue;
            }
            let value = f32(x[(map * params.in_height + u) * params.in_width + v]);
            // Only another NaN replaces NaN.
            if winner == NONE || is_nan(value) || (!is_nan(best) && value > best) {
                best = value;
                winner = i * params.kernel_width + j;
            }
        }
    }
    y[index] = f16(best);
    a[index] = winner;
}
