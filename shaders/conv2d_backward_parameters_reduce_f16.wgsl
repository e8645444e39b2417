//! conv2d_backward_parameters_reduce_f16: gradients of a convolution's weight and bias as float16, second pass.
//!
//!     dw[o, c, i, j] = round(Σ_r partial[r, o, k]),   k = (c·K + i)·L + j
//!     db[o] = round(Σ_r partial[r, o, C·K·L])
//!
//! Shapes (row-major): partial (R, O, C·K·L + 1) f32, dw (O, C, K, L) and db (O) f16.
//! One invocation per sum, adding in order. `dw` and `db` are overwritten, not accumulated.
//! Twin: `ops/conv2d/mod.rs`, `Conv2dBackwardWeight` and `Conv2dBackwardBias`.

enable f16;

struct Conv2dBlockedParams {
    batch: u32,          // N
    in_channels: u32,    // C
    in_height: u32,      // H
    in_width: u32,       // W
    out_channels: u32,   // O
    out_height: u32,     // P
    out_width: u32,      // Q
    kernel_height: u32,  // K
    kernel_width: u32,   // L
    stride: u32,         // s
    padding: u32,        // pad
    partials: u32,       // parts that a sum is split into
    position_parts: u32, // of them by position, the rest by sample
    row_length: u32,     // invocations in one row of workgroups
    unused_0: u32,
    unused_1: u32,
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Conv2dBlockedParams;
@group(0) @binding(1) var<storage, read> partial_sums: array<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<f16>;
@group(0) @binding(3) var<storage, read_write> db: array<f16>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn conv2d_backward_parameters_reduce_f16(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    let window = params.in_channels * params.kernel_height * params.kernel_width;
    let count = params.out_channels * (window + 1u);
    // The last workgroup is usually only partly used.
    if index >= count {
        return;
    }
    var sum = 0.0;
    for (var part = 0u; part < params.partials; part += 1u) {
        sum += partial_sums[part * count + index];
    }
    let o = index / (window + 1u);
    let k = index % (window + 1u);
    if k < window {
        dw[o * window + k] = f16(sum);
    } else {
        db[o] = f16(sum);
    }
}
