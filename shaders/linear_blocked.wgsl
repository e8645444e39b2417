//! linear_blocked: a dense layer and the activation behind it, 16 outputs at a time.
//!
//!     y[n, o] = f(Σ_i x[n, i] · w[o, i] + b[o])
//!
//! Shapes (row-major f32): x (N, I), w (O, I), b (O), y (N, O); 4 divides I.
//! One invocation for 4 outputs of 4 samples: 8 loads of 4 numbers feed 64 multiply-adds, where
//! `linear` needs 128 loads of one. No workgroup memory: on software adapters barriers cost more
//! than they save. `y` is overwritten.
//! Twin: `ops/linear.rs`, `Linear`, then the activation's.

struct LinearParams {
    batch: u32,         // N
    in_features: u32,   // I
    out_features: u32,  // O
    row_length: u32,    // invocations in one row of workgroups
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;
/// Activation behind it: 0 none, 1 ReLU, 2 sigmoid, 3 tanh.
override ACTIVATION: u32 = 0u;

@group(0) @binding(0) var<uniform> params: LinearParams;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

fn activate(z: vec4<f32>) -> vec4<f32> {
    if ACTIVATION == 1u {
        return max(z, vec4(0.0));
    }
    if ACTIVATION == 2u {
        // The exponential is of a negative number on either side: no overflow.
        let tail = exp(-abs(z));
        return select(vec4(1.0), tail, z < vec4(0.0)) / (1.0 + tail);
    }
    if ACTIVATION == 3u {
        // Beyond ±9.01 tanh is ±1 in f32, but some drivers overflow there.
        return tanh(clamp(z, vec4(-9.01), vec4(9.01)));
    }
    return z;
}

/// Writes 4 outputs of one sample, if the tensor has them.
fn store(n: u32, o: u32, z: vec4<f32>) {
    if n >= params.batch {
        return;
    }
    let value = activate(z);
    let first = n * params.out_features + o;
    y[first] = value.x;
    if o + 1u < params.out_features {
        y[first + 1u] = value.y;
    }
    if o + 2u < params.out_features {
        y[first + 2u] = value.z;
    }
    if o + 3u < params.out_features {
        y[first + 3u] = value.w;
    }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn linear_blocked(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    let out_blocks = (params.out_features + 3u) / 4u;
    let n = 4u * (index / out_blocks);
    let o = 4u * (index % out_blocks);
    // The last workgroup is usually only partly used.
    if n >= params.batch {
        return;
    }

    // Samples and outputs past the end repeat the last; what comes of them is not written.
    let quads = params.in_features / 4u;
    let outs = min(o + vec4(0u, 1u, 2u, 3u), vec4(params.out_features - 1u));
    let samples = quads * min(n + vec4(0u, 1u, 2u, 3u), vec4(params.batch - 1u));
    let rows = quads * outs;

    let bias = vec4(b[outs.x], b[outs.y], b[outs.z], b[outs.w]);
    var sum_0 = bias;
    var sum_1 = bias;
    var sum_2 = bias;
    var sum_3 = bias;
    for (var i = 0u; i < quads; i += 1u) {
        let weights = mat4x4(w[rows.x + i], w[rows.y + i], w[rows.z + i], w[rows.w + i]);
        sum_0 += x[samples.x + i] * weights;
        sum_1 += x[samples.y + i] * weights;
        sum_2 += x[samples.z + i] * weights;
        sum_3 += x[samples.w + i] * weights;
    }
    store(n, o, sum_0);
    store(n + 1u, o, sum_1);
    store(n + 2u, o, sum_2);
    store(n + 3u, o, sum_3);
}
