//! float16_widen: numbers of 16 bits, two to a word, to the same numbers of 32.
//!
//!     y[i] = x[i]
//!
//! Shapes: x (count) as the bits of f16, the first of a pair in the lower half; y (count) as the bits of f32.
//! Exact, and by whole numbers alone: a device may make subnormal numbers 0 when it converts them. One invocation for each
//! pair. `y` is overwritten.
//! Twin: `lab/precision/float16.rs`, `from_bytes`.

struct Float16Params {
    count: u32,      // numbers
    row_length: u32, // invocations in one row of workgroups
    unused_0: u32,
    unused_1: u32,
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Float16Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

/// The bits of an f16's number as f32.
fn widened(bits: u32) -> u32 {
    let sign = (bits & 0x8000u) << 16u;
    let exponent = (bits >> 10u) & 0x1fu;
    let fraction = bits & 0x3ffu;
    if exponent == 0x1fu {
        return sign | 0x7f800000u | (fraction << 13u);
    }
    if exponent > 0u {
        return sign | ((exponent + 112u) << 23u) | (fraction << 13u);
    }
    if fraction == 0u {
        return sign;
    }
    // Subnormal: `fraction` times 2⁻²⁴, which f32 has as a normal number.
    let first = firstLeadingBit(fraction);
    return sign | ((103u + first) << 23u) | ((fraction << (23u - first)) & 0x7fffffu);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn float16_widen(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    let first = 2u * index;
    // The last workgroup is usually only partly used.
    if first >= params.count {
        return;
    }
    let pair = x[index];
    y[first] = widened(pair & 0xffffu);
    if first + 1u < params.count {
        y[first + 1u] = widened(pair >> 16u);
    }
}
