//! gather_batch: a batch of standardised images from the data set's bytes.
//!
//!     x[n, c, h, w] = (bytes[order[first + n], c, h, w] / 255 − mean[c]) / deviation[c]
//!     t[n] = classes[order[first + n]]
//!
//! Rows from B (`step.valid`) on are padding and become 0.
//! Shapes (row-major): bytes (M, C, H, W) u8, four to a word; classes (M) u32; order (R) u32;
//! mean, deviation (C) f32; x (N, C, H, W) f32; t (N) u32.
//! One invocation per element of x. `x` and `t` are overwritten.
//! Twin: `ops/gather.rs`, `GatherBatch`.

struct GatherParams {
    batch: u32,       // N
    channels: u32,    // C
    pixels: u32,      // H · W
    row_length: u32,  // invocations in one row of workgroups
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

@group(0) @binding(0) var<uniform> params: GatherParams;
@group(0) @binding(1) var<storage, read> bytes: array<u32>;
@group(0) @binding(2) var<storage, read> classes: array<u32>;
@group(0) @binding(3) var<storage, read> order: array<u32>;
@group(0) @binding(4) var<storage, read> mean: array<f32>;
@group(0) @binding(5) var<storage, read> deviation: array<f32>;
@group(0) @binding(6) var<storage, read_write> x: array<f32>;
@group(0) @binding(7) var<storage, read_write> t: array<u32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(WORKGROUP_SIZE)
fn gather_batch(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    let sample_size = params.channels * params.pixels;
    if index >= params.batch * sample_size {
        return;
    }
    let n = index / sample_size;
    let place = index % sample_size;
    if n >= step.valid {
        x[index] = 0.0;
        if place == 0u {
            t[n] = 0u;
        }
        return;
    }
    let sample = order[step.first + n];
    let byte_index = sample * sample_size + place;
    // Little-endian: byte 0 is the lowest of its word.
    let byte = (bytes[byte_index / 4u] >> (8u * (byte_index % 4u))) & 0xffu;
    let c = place / params.pixels;
    x[index] = (f32(byte) / 255.0 - mean[c]) / deviation[c];
    if place == 0u {
        t[n] = classes[sample];
    }
}
