//! linear_backward_parameters_f16: gradients of a dense layer's weight and bias, stored as float16 and summed in float32.
//!
//!     dw[o, i] = round(Σ_n dy[n, o] · x[n, i]),   db[o] = round(Σ_n dy[n, o])
//!
//! Shapes (row-major f16): x (N, I), dy (N, O), dw (O, I), db (O); 4 divides I.
//! As `linear_backward_parameters`, with half the bytes to move. `dw` and `db` are overwritten, not accumulated.
//! Twin: `ops/linear.rs`, `LinearBackwardWeight` and `LinearBackwardBias`, of rounded inputs.

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
@group(0) @binding(2) var<storage, read> dy: array<f16>;
@group(0) @binding(3) var<storage, read_write> dw: array<vec4<f16>>;
@group(0) @binding(4) var<storage, read_write> db: array<f16>;

/// Writes 4 weights of one output, if there is one, and its bias next to the first of them.
fn store(o: u32, i: u32, weights: vec4<f32>, bias: f32) {
    if o >= params.out_features {
        return;
    }
    dw[o * (params.in_features / 4u) + i] = vec4<f16>(weights);
    if i == 0u {
        db[o] = f16(bias);
    }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn linear_backward_parameters_f16(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    let quads = params.in_features / 4u;
    let o = 4u * (index / quads);
    let i = index % quads;
    // The last workgroup is usually only partly used.
    if o >= params.out_features {
        return;
    }

    // Outputs past the end repeat the last; what comes of them is not written.
    var outs = min(o + vec4(0u, 1u, 2u, 3u), vec4(params.out_features - 1u));
    var bias = vec4(0.0);
    var sum_0 = vec4(0.0);
    var sum_1 = vec4(0.0);
    var sum_2 = vec4(0.0);
    var sum_3 = vec4(0.0);
    for (var n = 0u; n < params.batch; n += 1u) {
        let inputs = vec4<f32>(x[n * quads + i]);
        let gradients = vec4<f32>(vec4(dy[outs.x], dy[outs.y], dy[outs.z], dy[outs.w]));
        bias += gradients;
        sum_0 += gradients.x * inputs;
        sum_1 += gradients.y * inputs;
        sum_2 += gradients.z * inputs;
        sum_3 += gradients.w * inputs;
        outs += params.out_features;
    }
    store(o, i, sum_0, bias.x);
    store(o + 1u, i, sum_1, bias.y);
    store(o + 2u, i, sum_2, bias.z);
    store(o + 3u, i, sum_3, bias.w);
}
