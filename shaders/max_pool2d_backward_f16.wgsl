//! max_pool2d_backward_f16: the gradient goes to the cell that won, and to no other; stored as float16.
//!
//!     dx[n, c, u, v] = Σ_i Σ_j dy[n, c, p, q] · 1[a[n, c, p, q] = i·L + j]
//!
//! with p = (u + top − d·i)/s and q = (v + left − d·j)/s, where s divides and the window exists.
//! Shapes (row-major): a (N, C, P, Q) u32, dy (N, C, P, Q) f16, dx (N, C, H, W) f16.
//! One invocation per element of dx. `dx` is overwritten, not accumulated; windows that overlap are summed in float32.
//! Twin: `ops/pool2d/max.rs`, `MaxPool2dBackward`.

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
@group(0) @binding(1) var<storage, read> a: array<u32>;
@group(0) @binding(2) var<storage, read> dy: array<f16>;
@group(0) @binding(3) var<storage, read_write> dx: array<f16>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn max_pool2d_backward_f16(@builtin(global_invocation_id) gid: vec3<u32>) {
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
            let source = (map * params.out_height + p) * params.out_width + q;
            if a[source] == i * params.kernel_width + j {
                sum += f32(dy[source]);
            }
        }
    }
    dx[index] = f16(sum);
}
