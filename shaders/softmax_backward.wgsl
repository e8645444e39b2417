//! softmax_backward: along one axis, from the softmax's output.
//!
//!     dx[k] = y[k] · (dy[k] − Σ_j dy[j] · y[j])
//!
//! Shapes: y, dy, dx of any one shape (f32). One invocation per line. `dx` is overwritten.
//! Twin: `ops/softmax.rs`, `SoftmaxBackward`.

struct LineParams {
    lines: u32,       // lines along the axis
    length: u32,      // K, elements of a line
    stride: u32,      // S, the distance between two neighbours on a line
    row_length: u32,  // invocations in one row of workgroups
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: LineParams;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn softmax_backward(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.lines {
        return;
    }
    let start = index / params.stride * params.stride * params.length + index % params.stride;
    let end = start + params.stride * params.length;
    var total = 0.0;
    for (var at = start; at < end; at += params.stride) {
        total += dy[at] * y[at];
    }
    for (var at = start; at < end; at += params.stride) {
        dx[at] = y[at] * (dy[at] - total);
    }
}
