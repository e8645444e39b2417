//! sum_backward: gradient of a sum over some axes.
//!
//!     dx[…] = dy[…]
//!
//! Shapes: dx (f32, up to 4 dimensions), dy without the summed axes or with size 1 there.
//! One invocation per element of dx. `dx` is overwritten.
//! Twin: `ops/reduction.rs`, `SumBackward`.

struct SumBackwardParams {
    sizes: vec4<u32>,       // of dx
    dy_strides: vec4<u32>,  // 0 along axes that were summed
    count: u32,             // elements of dx
    row_length: u32,        // invocations in one row of workgroups
    valid_rows: u32,        // 1 where only the first B rows counted
    divisor: f32,           // elements that were averaged, without the valid rows
}

struct StepValues {
    step: u32,               // updates done before this step
    valid: u32,              // B, samples of the batch that count
    first: u32,              // where the batch's indices begin in `order`
    slot: u32,               // place of this step's record in the ring of losses
    learning_rate: f32,      // η
    bias_correction_1: f32,  // 1 − β₁ᵗ
    bias_correction_2: f32,  // 1 − β₂ᵗ
    training: u32,           // 1 in training, 0 in inference
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: SumBackwardParams;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

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
fn sum_backward(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    let at = coordinates(index, params.sizes);
    // Rows behind the valid ones did not count.
    if params.valid_rows == 1u && at.x >= step.valid {
        dx[index] = 0.0;
        return;
    }
    dx[index] = dy[offset(at, params.dy_strides)];
}
