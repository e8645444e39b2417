//! slice_backward: gradient of a slice.
//!
//!     dx[…, start + step · j, …] = dy[…, j, …], and 0 elsewhere
//!
//! Shapes: dx, dy of the same sizes except along the axis (f32). One invocation per element of
//! dx. `dx` is overwritten.
//! Twin: `ops/slice.rs`, `SliceBackward`.

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
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn slice_backward(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    let within = index % params.inner;
    let place = index / params.inner % params.axis_size;
    let block = index / (params.inner * params.axis_size);
    let distance = place - params.start;
    let along = distance / params.step;
    if place < params.start || distance % params.step != 0u || along >= params.length {
        dx[index] = 0.0;
        return;
    }
    dx[index] = dy[(block * params.length + along) * params.inner + within];
}
