//! augment: each image shifted, and mirrored where its `flip` is 1.
//!
//!     y[n, c, h, w] = x[n, c, h + top[first + n] − P, v + left[first + n] − P]
//!     v = w, or W − 1 − w where flip[first + n] is 1
//!
//! This is a crop of (H, W) at (top, left) of the image with P zeros on every side, then mirrored.
//! x counts as 0 outside; rows from B (`step.valid`) on are padding and become 0. In inference y = x.
//! Shapes (row-major): x, y (N, C, H, W) f32; top, left, flip (R) u32.
//! One invocation per element of y. `y` is overwritten.
//! Twin: `ops/augment.rs`, `Augment`.

struct AugmentParams {
    batch: u32,       // N
    channels: u32,    // C
    height: u32,      // H
    width: u32,       // W
    margin: u32,      // P
    row_length: u32,  // invocations in one row of workgroups
    padding_1: u32,
    padding_2: u32,
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

@group(0) @binding(0) var<uniform> params: AugmentParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> top: array<u32>;
@group(0) @binding(3) var<storage, read> left: array<u32>;
@group(0) @binding(4) var<storage, read> flip: array<u32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(WORKGROUP_SIZE)
fn augment(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    let plane = params.height * params.width;
    // The last workgroup is usually only partly used.
    if index >= params.batch * params.channels * plane {
        return;
    }
    let n = index / (params.channels * plane);
    if n >= step.valid {
        y[index] = 0.0;
        return;
    }
    if step.training == 0u {
        y[index] = x[index];
        return;
    }
    let h = index % plane / params.width;
    let w = index % params.width;
    let place = step.first + n;
    let mirrored = select(w, params.width - 1u - w, flip[place] == 1u);
    // One margin too far, so that no number is below 0.
    let row = h + top[place];
    let column = mirrored + left[place];
    let inside = row >= params.margin && row < params.margin + params.height
        && column >= params.margin && column < params.margin + params.width;
    var value = 0.0;
    if inside {
        let image_plane = index / plane;
        value = x[image_plane * plane + (row - params.margin) * params.width + column - params.margin];
    }
    y[index] = value;
}
