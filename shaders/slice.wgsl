//! slice: every step-th part of a tensor along one axis.
//!
//!     y[…, j, …] = x[…, start + step · j, …]
//!
//! Shapes: x, y of the same sizes except along the axis (f32). One invocation per element of y.
//! `y` is overwritten.
//! Twin: `ops/slice.rs`, `Slice`.

struct SliceParams {
    axis_size: u32,   // elements of x along the axis
    length: u32,      // elements of y along the axis
    start: u32,
    step: u32,
    inner: u32,       // elements of one step along the axis
    count: u32,       // invocations that write an element
    row_length: u32,  // invocations in one row of workgroups
    unused: u32,
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: SliceParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn slice(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    let within = index % params.inner;
    let along = index / params.inner % params.length;
    let block = index / (params.inner * params.length);
    let place = params.start + params.step * along;
    y[index] = x[(block * params.axis_size + place) * params.inner + within];
}
