//! gradient_norm: the norm of all gradients as one row, from the sums of its parts.
//!
//!     squares = Σ_p parts[p],   norm = √squares
//!
//! Shapes (f32): parts (P), norm (), squares (). One invocation, always in the same order.
//! Twin: `ops/clip.rs`, `GradientNorm`.

struct NormParams {
    count: u32,  // elements
    part: u32,   // elements in a part
    parts: u32,  // P
    unused: u32,
}

@group(0) @binding(0) var<uniform> params: NormParams;
@group(0) @binding(1) var<storage, read> parts: array<f32>;
@group(0) @binding(2) var<storage, read_write> norm: array<f32>;
@group(0) @binding(3) var<storage, read_write> squares: array<f32>;

@compute @workgroup_size(1)
fn gradient_norm() {
    var sum = 0.0;
    for (var p = 0u; p < params.parts; p += 1u) {
        sum += parts[p];
    }
    squares[0] = sum;
    norm[0] = sqrt(sum);
}
