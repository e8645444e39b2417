//! log_softmax: along one axis.
//!
//!     y[k] = x[k] − m − ln Σ_j exp(x[j] − m),   m = max_j x[j]
//!
//! Shapes: x, y of any one shape (f32). One invocation per line. `y` is overwritten.
//! Twin: `ops/softmax.rs`, `LogSoftmax`.

struct LineParams {
    lines: u32,       // lines along the axis
    length: u32,      // K, elements of a line
    stride: u32,      // S, the distance between two neighbours on a line
    row_length: u32,  // invocations in one row of workgroups
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: LineParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn log_softmax(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.lines {
        return;
    }
    let start = index / params.stride * params.stride * params.length + index % params.stride;
    let end = start + params.stride * params.length;
    var largest = x[start];
    for (var at = start; at < end; at += params.stride) {
        largest = max(largest, x[at]);
    }
    var total = 0.0;
    for (var at = start; at < end; at += params.stride) {
        total += exp(x[at] - largest);
    }

    let normalizer = log(total);
    for (var at = start; at < end; at += params.stride) {
        y[at] = x[at] - largest - normalizer;
    }
}
