//! gather_windows: windows of a text, and the token behind each of theirs.
//!
//!     x[n, i] = tokens[starts[order[first + n]] + i]
//!     t[n, i] = tokens[starts[order[first + n]] + i + 1]
//!
//! Rows from B (`step.valid`) on are padding and become 0, as does what would lie behind the text's end.
//! Shapes: tokens (L), starts (M), order (R); x, t (N, T); all u32.
//! One invocation per element. `x` and `t` are overwritten.
//! Twin: `ops/gather_windows.rs`, `GatherWindows`.

struct GatherWindowsParams {
    batch: u32,       // N
    window: u32,      // T
    tokens: u32,      // L
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

@group(0) @binding(0) var<uniform> params: GatherWindowsParams;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read> order: array<u32>;
@group(0) @binding(4) var<storage, read_write> x: array<u32>;
@group(0) @binding(5) var<storage, read_write> t: array<u32>;
@group(1) @binding(0) var<uniform> step: StepValues;

/// The token at a place of the text; 0 behind its end.
fn token(place: u32) -> u32 {
    if place >= params.tokens {
        return 0u;
    }
    return tokens[place];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn gather_windows(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    let n = index / params.window;
    // The last workgroup is usually only partly used.
    if n >= params.batch {
        return;
    }
    if n >= step.valid {
        x[index] = 0u;
        t[index] = 0u;
        return;
    }
    let place = starts[order[step.first + n]] + index % params.window;
    x[index] = token(place);
    t[index] = token(place + 1u);
}
