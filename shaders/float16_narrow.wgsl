//! float16_narrow: numbers of 32 bits to 16, two to a word, to the nearest, ties to even.
//!
//!     y[i] = round(x[i])
//!
//! Shapes: x (count) as the bits of f32; y (count) as the bits of f16, the first of a pair in the lower half.
//! By whole numbers alone: what a device does with ties, subnormal, infinite and other numbers when it converts them is its
//! own affair, and here it must be the same everywhere. One invocation for each pair. `y` is overwritten; behind an odd
//! count stands 0.
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
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

/// The bits of the nearest f16 of an f32's bits.
fn nearest(bits: u32) -> u32 {
    let sign = (bits >> 16u) & 0x8000u;
    let magnitude = bits & 0x7fffffffu;
    if magnitude > 0x7f800000u {
        // Not a number stays one.
        return sign | 0x7e00u | ((magnitude >> 13u) & 0x3ffu);
    }
    if magnitude >= 0x477ff000u {
        // From 65520 on: infinite.
        return sign | 0x7c00u;
    }
    if magnitude >= 0x38800000u {
        // Half of the last bit that stays is added, or a little less before an even one.
        let rounded = magnitude + 0x0fffu + ((magnitude >> 13u) & 1u);
        return sign | ((rounded >> 13u) - 0x1c000u);
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
    return sign | ((fraction + half + ((fraction >> shift) & 1u)) >> shift);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn float16_narrow(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    let first = 2u * index;
    // The last workgroup is usually only partly used.
    if first >= params.count {
        return;
    }
    var pair = nearest(x[first]);
    if first + 1u < params.count {
        pair |= nearest(x[first + 1u]) << 16u;
    }
    y[index] = pair;
}
