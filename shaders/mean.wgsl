//! mean: mean over some axes.
//!
//!     y[…] = (1 / count) Σ x[…]
//!
//! Shapes: x (f32, up to 4 dimensions), y without the summed axes or with size 1 there. One
//! invocation per element of y and part of its terms; where there are several parts, a
//! second dispatch adds them up in order. `y` is overwritten.
//! Twin: `ops/reduction.rs`, `Mean`.

struct SumParams {
    kept_sizes: vec4<u32>,    // of x; 1 along axes that are summed
    summed_sizes: vec4<u32>,  // of x along axes that are summed; 1 along the others
    x_strides: vec4<u32>,
    kept: u32,                // elements of y
    summed: u32,              // terms of each
    part_length: u32,         // terms that one invocation adds up
    row_length: u32,          // invocations in one row of workgroups
    valid_rows: u32,          // 1 where only the first B rows count
    divisor: f32,             // elements that are averaged, without the valid rows
    divide_by_valid: u32,     // 1 where a mean is over the valid rows too
    unused: u32,
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

@group(0) @binding(0) var<uniform> params: SumParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
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
fn mean(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.kept * ((params.summed + params.part_length - 1u) / params.part_length) {
        return;
    }
    let first = index / params.kept * params.part_length;
    let last = min(first + params.part_length, params.summed);
    let kept = coordinates(index % params.kept, params.kept_sizes);

    var sum = 0.0;
    for (var term = first; term < last; term += 1u) {
        let at = kept + coordinates(term, params.summed_sizes);
        // Rows behind the valid ones are padding.
        if params.valid_rows == 1u && at.x >= step.valid {
            continue;
        }
        sum += x[offset(at, params.x_strides)];
    }
    let rows = select(1.0, f32(max(step.valid, 1u)), params.divide_by_valid == 1u);
    y[index] = sum / (params.divisor * rows);
}
