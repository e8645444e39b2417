//! max_pool2d_backward_windows: gradient of windows that do not overlap, and of an activation in
//! front of them.
//!
//!     dx[n, c, u, v] = f′ · dy[n, c, p, q] · 1[a[n, c, p, q] = i·K + j],   u = K·p + i, v = K·q + j
//!
//! and 0 in rows and columns left over; f′ from the activation's output x.
//! Shapes (row-major): a (N, C, P, Q) u32, dy (N, C, P, Q) f32, x and dx (N, C, H, W) f32; s = K.
//! One invocation for one window, a last partly filled row and column included: each gradient is
//! loaded once, where `max_pool2d_backward` searches every window that may hold an element.
//! Without an activation, x is not read and any tensor may be bound. `dx` is overwritten.
//! Twin: `ops/pool2d/max.rs`, `MaxPool2dBackward`, then the activation's.

struct MaxPool2dWindowsParams {
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
/// Activation in front of it: 0 none, 1 ReLU, 2 sigmoid, 3 tanh.
override ACTIVATION: u32 = 0u;

@group(0) @binding(0) var<uniform> params: MaxPool2dWindowsParams;
@group(0) @binding(1) var<storage, read> a: array<u32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

/// Derivative of the activation, from its output.
fn slope(y: f32) -> f32 {
    if ACTIVATION == 1u {
        return select(0.0, 1.0, y > 0.0);
    }
    if ACTIVATION == 2u {
        return y * (1.0 - y);
    }
    return 1.0 - y * y;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn max_pool2d_backward_windows(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    let rows = (params.in_height + params.kernel - 1u) / params.kernel;
    let columns = (params.in_width + params.kernel - 1u) / params.kernel;
    // The last workgroup is usually only partly used.
    if index >= params.maps * rows * columns {
        return;
    }
    let q = index % columns;
    let p = (index / columns) % rows;
    let map = index / (columns * rows);

    // Windows that pass the edge have no gradient and no winner.
    var winner = params.kernel * params.kernel;
    var gradient = 0.0;
    if p < params.out_height && q < params.out_width {
        let source = (map * params.out_height + p) * params.out_width + q;
        winner = a[source];
        gradient = dy[source];
    }
    let corner = (map * params.in_height + params.kernel * p) * params.in_width + params.kernel * q;
    let height = min(params.kernel, params.in_height - params.kernel * p);
    let width = min(params.kernel, params.in_width - params.kernel * q);
    for (var i = 0u; i < height; i += 1u) {
        for (var j = 0u; j < width; j += 1u) {
            let cell = corner + i * params.in_width + j;
            var value = select(0.0, gradient, winner == i * params.kernel + j);
            if ACTIVATION != 0u {
                value *= slope(x[cell]);
            }
            dx[cell] = value;
        }
    }
}
