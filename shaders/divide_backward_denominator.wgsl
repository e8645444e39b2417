//! divide_backward_denominator: gradient with respect to a denominator.
//!
//!     dx[…] = −Σ dy[…] · y[…] / x[…]
//!
//! Shapes: x, dx of the denominator, y, dy of the output (f32, up to 4 dimensions).
//! The sum is over the axes along which the input was repeated. One invocation per element of
//! the gradient and part of its terms; where there are several parts, `broadcast_backward`
//! adds them up in order. `dx` is overwritten.
//! Twin: `ops/arithmetic.rs`, `DivideBackwardDenominator`.

struct BroadcastBackwardParams {
    kept_sizes: vec4<u32>,     // of the gradient; 1 along axes that are summed
    summed_sizes: vec4<u32>,   // of dy along axes that are summed; 1 along the others
    dy_strides: vec4<u32>,
    other_strides: vec4<u32>,  // of the other input; 0 along axes where it is repeated
    kept: u32,                 // elements of the gradient
    summed: u32,               // terms of each
    part_length: u32,          // terms that one invocation adds up
    row_length: u32,           // invocations in one row of workgroups
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: BroadcastBackwardParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

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
fn divide_backward_denominator(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.kept * ((params.summed + params.part_length - 1u) / params.part_length) {
        return;
    }
    let element = index % params.kept;
    let first = index / params.kept * params.part_length;
    let last = min(first + params.part_length, params.summed);
    let kept = coordinates(element, params.kept_sizes);
    let denominator = x[element];

    var sum = 0.0;
    for (var term = first; term < last; term += 1u) {
        let at = kept + coordinates(term, params.summed_sizes);
        let place = offset(at, params.dy_strides);
        sum -= dy[place] * (y[place] / denominator);
    }
    dx[index] = sum;
}
