//! max_pool2d: the largest value of each window, and which cell of the window it was in.
//!
//!     y[n, c, p, q] = max_{i, j} x[n, c, s·p + i, s·q + j],   a[n, c, p, q] = i·K + j of the first maximum
//!
//! Shapes (row-major): x (N, C, H, W) f32, y (N, C, P, Q) f32, a (N, C, P, Q) u32.
//! One invocation per element of y. `y` and `a` are overwritten.
//! Twin: `ops/max_pool2d.rs`, `MaxPool2d`.

struct MaxPool2dParams {
    maps: u32,        // N · C
    in_height: u32,   // H
    in_width: u32,    // W
    out_height: u32,  // P
    out_width: u32,   // Q
    kernel: u32,      // K
    stride: u32,      // s
    row_length: u32,  // invocations in one row of workgroups
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: MaxPool2dParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> a: array<u32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn max_pool2d(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.maps * params.out_height * params.out_width {
        return;
    }
    let q = index % params.out_width;
    let p = (index / params.out_width) % params.out_height;
    let map = index / (params.out_width * params.out_height);
    let corner = (map * params.in_height + params.stride * p) * params.in_width + params.stride * q;

    var best = x[corner];
    var winner = 0u;
    for (var i = 0u; i < params.kernel; i += 1u) {
        for (var j = 0u; j < params.kernel; j += 1u) {
            let value = x[corner + i * params.in_width + j];
            if value > best {
                best = value;
                winner = i * params.kernel + j;
            }
        }
    }
    y[index] = best;
    a[index] = winner;
}
