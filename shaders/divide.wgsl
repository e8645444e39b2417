//! divide: elementwise quotient, with broadcasting.
//!
//!     y[…] = a[…] / b[…]
//!
//! Shapes: a, b of shapes that broadcast to that of y (f32, up to 4 dimensions). One invocation
//! per element of y. `y` is overwritten.
//! Twin: `ops/arithmetic.rs`, `Divide`.

struct BroadcastParams {
    sizes: vec4<u32>,      // of y, outermost first; missing axes in front have size 1
    a_strides: vec4<u32>,  // 0 along axes where a is repeated
    b_strides: vec4<u32>,  // 0 along axes where b is repeated
    count: u32,            // elements of y
    row_length: u32,       // invocations in one row of workgroups
    unused_0: u32,
    unused_1: u32,
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: BroadcastParams;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

/// The coordinates of an element, row-major.
fn coordinates(index: u32, sizes: vec4<u32>) -> vec4<u32> {
    let plane = sizes.z * sizes.w;
    return vec4<u32>(
        index / (sizes.y * plane),
        index / plane % sizes.y,
        index / sizes.w % sizes.z,
        index % sizes.w,
    );
}

/// Where an element lies.
fn offset(at: vec4<u32>, strides: vec4<u32>) -> u32 {
    return at.x * strides.x + at.y * strides.y + at.z * strides.z + at.w * strides.w;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn divide(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    let at = coordinates(index, params.sizes);
    let left = a[offset(at, params.a_strides)];
    let right = b[offset(at, params.b_strides)];
    y[index] = left / right;
}
