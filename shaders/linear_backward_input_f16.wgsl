//! linear_backward_input_f16: gradient with respect to a dense layer's input, stored as float16 and summed in float32.
//!
//!     dx[n, i] = round(Σ_o dy[n, o] · w[o, i])
//!
//! Shapes (row-major f16): w (O, I), dy (N, O), dx (N, I); 4 divides I.
//! As `linear_backward_input_blocked`, with half the bytes to move. `dx` is overwritten, not accumulated.
//! Twin: `ops/linear.rs`, `LinearBackwardInput`, of rounded inputs.

enable f16;

struct LinearParams {
    batch: u32,         // N
    in_features: u32,   // I
    out_features: u32,  // O
    row_length: u32,    // invocations in one row of workgroups
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: LinearParams;
@group(0) @binding(1) var<storage, read> w: array<vec4<f16>>;
@group(0) @binding(2) var<storage, read> dy: array<f16>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4<f16>>;

/// Writes 4 elements of one sample, if the batch has it.
fn store(n: u32, index: u32, sum: vec4<f32>) {
    if n >= params.batch {
        return;
    }
    dx[index] = vec4<f16>(sum);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn linear_backward_input_f16(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    let quads = params.in_features / 4u;
    let n = 4u * (index / quads);
    let i = index % quads;
    // The last workgroup is usually only partly used.
    if n >= params.batch {
        return;
    }

    // Samples past the end repeat the last; what comes of them is not written.
    let samples = params.out_features * min(n + vec4(0u, 1u, 2u, 3u), vec4(params.batch - 1u));
    var sum_0 = vec4(0.0);
    var sum_1 = vec4(0.0);
    var sum_2 = vec4(0.0);
    var sum_3 = vec4(0.0);
    for (var o = 0u; o < params.out_features; o += 1u) {
        let weights = vec4<f32>(w[o * quads + i]);
        sum_0 += f32(dy[samples.x + o]) * weights;
        sum_1 += f32(dy[samples.y + o]) * weights;
        sum_2 += f32(dy[samples.z + o]) * weights;
        sum_3 += f32(dy[samples.w + o]) * weights;
    }
    let first = n * quads + i;
    store(n, first, sum_0);
    store(n + 1u, first + quads, sum_1);
    store(n + 2u, first + 2u * quads, sum_2);
    store(n + 3u, first + 3u * quads, sum_3);
}
