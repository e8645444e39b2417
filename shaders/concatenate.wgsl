//! concatenate: tensors one after the other along one axis.
//!
//!     y[…, offset + j, …] = x[…, j, …]
//!
//! Shapes: x, y of the same sizes except along the axis (f32). One dispatch for each input, one
//! invocation per element of it. `y` is overwritten where the input stands.
//! Twin: `ops/slice.rs`, `Concatenate`.

struct ConcatenateParams {
    length: u32,      // elements of x along the axis
    y_length: u32,    // elements of y along the axis
    offset: u32,      // where x begins in y along the axis
    inner: u32,       // elements of one step along the axis
    count: u32,       // elements of x
    row_length: u32,  // invocations in one row of workgroups
    unused_0: u32,
    unused_1: u32,
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: ConcatenateParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn concatenate(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    let block = index / (params.length * params.inner);
    let within = index % (params.length * params.inner);
    y[(block * params.y_length + params.offset) * params.inner + within] = x[index];
}
