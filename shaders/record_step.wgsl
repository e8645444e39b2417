//! record_step: writes a step's loss, count of right answers and norm of the gradients into the
//! ring that the host reads.
//!
//!     ring[slot] = (L, correct, norm)
//!
//! Shapes (f32): L (), correct (), norm (), ring (S, 3). One invocation. Without a norm, −1.

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

struct RecordParams {
    slots: u32,     // S
    has_norm: u32,  // 1 where it is computed
    unused_0: u32,
    unused_1: u32,
}

@group(0) @binding(0) var<uniform> params: RecordParams;
@group(0) @binding(1) var<storage, read> L: array<f32>;
@group(0) @binding(2) var<storage, read> correct: array<f32>;
@group(0) @binding(3) var<storage, read> norm: array<f32>;
@group(0) @binding(4) var<storage, read_write> ring: array<f32>;
@group(1) @binding(0) var<uniform> step: StepValues;

@compute @workgroup_size(1)
fn record_step() {
    let slot = step.slot % params.slots;
    ring[3u * slot] = L[0];
    ring[3u * slot + 1u] = correct[0];
    ring[3u * slot + 2u] = select(-1.0, norm[0], params.has_norm == 1u);
}
