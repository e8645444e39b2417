//! max_pool2d_backward: the gradient goes to the cell that won, and to no other.
//!
//!     dx[n, c, u, v] = Σ_i Σ_j dy[n, c, (u − i)/s, (v − j)/s] · 1[a[n, c, (u − i)/s, (v − j)/s] = i·K + j]
//!
//! over the (i, j) for which s divides and the window exists.
//! Shapes (row-major): a (N, C, P, Q) u32, dy (N, C, P, Q) f32, dx (N, C, H, W) f32.
//! One invocation per element of dx. `dx` is overwritten, not accumulated.
//! Twin: `ops/max_pool2d.rs`, `MaxPool2dBackward`.

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
@group(0) @binding(1) var<storage, read> a: array<u32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn max_pool2d_backward(@builtin(global_invocation_id) gid: vec3<u32>) {
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
    for (var i = 0u; i < params.kernel; i += 1u) {
        // Offsets beyond the edge wrap to huge numbers and fail the comparison below.
        let row = u - i;
        let p = row / params.stride;
        if row % params.stride != 0u || p >= params.out_height {
            continue;
        }
        for (var j = 0u; j < params.kernel; j += 1u) {
            let column = v - j;
            let q = column / params.stride;
            if column % params.stride != 0u || q >= params.out_width {
                continue;
            }
            let source = (map * params.out_height + p) * params.out_width + q;
            if a[source] == i * params.kernel + j {
                sum += dy[source];
            }
        }
    }
    dx[index] = sum;
}
