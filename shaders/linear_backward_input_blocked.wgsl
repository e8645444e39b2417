//! linear_backward_input_blocked: gradient with respect to a dense layer's input, and to what
//! an activation in front of it read, 16 elements at a time.
//!
//!     dx[n, i] = f′ · Σ_o dy[n, o] · w[o, i],   f′ from the activation's output x
//!
//! Shapes (row-major f32): w (O, I), dy (N, O), x and dx (N, I); 4 divides I.
//! One invocation for 4 neighbouring inputs of 4 samples: one load of 4 numbers and 4 of one feed
//! 16 multiply-adds. Without an activation, x is not read and any tensor may be bound.
//! `dx` is overwritten, not accumulated.
//! Twin: `ops/linear.rs`, `LinearBackwardInput`, then the activation's.

struct LinearParams {
    batch: u32,         // N
    in_features: u32,   // I
    out_features: u32,  // O
    row_length: u32,    // invocations in one row of workgroups
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;
/// Activation in front of it: 0 none, 1 ReLU, 2 sigmoid, 3 tanh.
override ACTIVATION: u32 = 0u;

@group(0) @binding(0) var<uniform> params: LinearParams;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4<f32>>;

/// Derivative of the activation, from its output.
fn slope(y: vec4<f32>) -> vec4<f32> {
    if ACTIVATION == 1u {
        return select(vec4(0.0), vec4(1.0), y > vec4(0.0));
    }
    if ACTIVATION == 2u {
        return y * (1.0 - y);
    }
    return 1.0 - y * y;
}

/// Writes 4 elements of one sample, if the batch has it.
fn store(n: u32, index: u32, value: vec4<f32>) {
    if n >= params.batch {
        return;
    }
    if ACTIVATION == 0u {
        dx[index] = value;
    } else {
        dx[index] = value * slope(x[index]);
    }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn linear_backward_input_blocked(@builtin(global_invocation_id) gid: vec3<u32>) {
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
        let weights = w[o * quads + i];
        sum_0 += dy[samples.x + o] * weights;
        sum_1 += dy[samples.y + o] * weights;
        sum_2 += dy[samples.z + o] * weights;
        sum_3 += dy[samples.w + o] * weights;
    }
    let first = n * quads + i;
    store(n, first, sum_0);
    store(n + 1u, first + quads, sum_1);
    store(n + 2u, first + 2u * quads, sum_2);
    store(n + 3u, first + 3u * quads, sum_3);
}
