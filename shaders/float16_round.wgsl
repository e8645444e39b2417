//! float16_round: numbers of 32 bits rounded to what 16 can hold, where they lie.
//!
//!     y[i] ← round(y[i])
//!
//! Shapes: y (count) as the bits of f32.
//! To the nearest, ties to even; from 65520 on infinite; subnormal numbers are kept. By whole numbers alone, so that it is
//! the same on every device. One invocation for each number.
//! Twin: `lab/precision/float16.rs`, `round`.

struct Float16Params {
    count: u32,      // numbers
    row_length: u32, // invocations in one row of workgroups
    unused_0: u32,
    unused_1: u32,
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Float16Params;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

/// The bits, as f32, of the nearest number that f16 has.
fn rounded(bits: u32) -> u32 {
    let sign = bits & 0x80000000u;
    let magnitude = bits & 0x7fffffffu;
    if magnitude > 0x7f800000u {
        // Not a number stays one.
        return bits;
    }
    if magnitude >= 0x477ff000u {
        // From 65520 on: infinite.
        return sign | 0x7f800000u;
    }
    if magnitude >= 0x38800000u {
        // Half of the last bit that stays is added, or a little less before an even one.
        return sign | ((magnitude + 0x0fffu + ((magnitude >> 13u) & 1u)) & 0xffffe000u);
    }
    let exponent = magnitude >> 23u;
    if exponent < 102u {
        // Below 2⁻²⁵.
        return sign;
    }
    // Subnormal: a whole number of 2⁻²⁴.
    let fraction = (magnitude & 0x7fffffu) | 0x800000u;
    let shift = 126u - exponent;
    let half = (1u << (shift - 1u)) - 1u;
    let whole = (fraction + half + ((fraction >> shift) & 1u)) >> shift;
    if whole == 0u {
        return sign;
    }
    let first = firstLeadingBit(whole);
    return sign | ((103u + first) << 23u) | ((whole << (23u - first)) & 0x7fffffu);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn float16_round(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    y[index] = rounded(y[index]);
}
