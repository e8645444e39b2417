//! linear_f16: a dense layer whose numbers are stored as float16 and summed in float32, 16 outputs at a time.
//!
//!     y[n, o] = round(Σ_i x[n, i] · w[o, i] + b[o])
//!
//! Shapes (row-major f16): x (N, I), w (O, I), b (O), y (N, O); 4 divides I.
//! As `linear_blocked`, with half the bytes to move. Sums are f32 and rounded once, when they are stored.
//! `y` is overwritten.
//! Twin: `ops/linear.rs`, `Linear`, of rounded inputs.

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
@group(0) @binding(1) var<storage, read> x: array<vec4<f16>>;
@group(0) @binding(2) var<storage, read> w: array<vec4<f16>>;
@group(0) @binding(3) var<storage, read> b: array<f16>;
@group(0) @binding(4) var<storage, read_write> y: array<f16>;

/// Writes 4 outputs of one sample, if the tensor has them.
fn store(n: u32, o: u32, sum: vec4<f32>) {
    if n >= params.batch {
        return;
    }
    let value = vec4<f16>(sum);
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
fn linear_f16(@builtin(global_invocation_id) gid: vec3<u32>) {
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

    let bias = vec4<f32>(vec4(b[outs.x], b[outs.y], b[outs.z], b[outs.w]));
    var sum_0 = bias;
    var sum_1 = bias;
    var sum_2 = bias;
    var sum_3 = bias;
    for (var i = 0u; i < quads; i += 1u) {
        let weights = mat4x4<f32>(
            vec4<f32>(w[rows.x + i]),
            vec4<f32>(w[rows.y + i]),
            vec4<f32>(w[rows.z + i]),
            vec4<f32>(w[rows.w + i]),
        );
        sum_0 += vec4<f32>(x[samples.x + i]) * weights;
        sum_1 += vec4<f32>(x[samples.y + i]) * weights;
        sum_2 += vec4<f32>(x[samples.z + i]) * weights;
        sum_3 += vec4<f32>(x[samples.w + i]) * weights;
    }
    store(n, o, sum_0);
    store(n + 1u, o, sum_1);
    store(n + 2u, o, sum_2);
    store(n + 3u, o, sum_3);
}
