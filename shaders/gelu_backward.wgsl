//! gelu_backward: elementwise, from the activation's input.
//!
//!     dx[i] = dy[i] · (Φ(x) + x · exp(−x²/2) / √(2π)),   Φ(x) = ½ · (1 + erf(x / √2))
//!     by tanh:   dx = dy · (½·(1 + tanh u) + ½·x·(1 − tanh² u)·√(2/π)·(1 + 3·0.044715·x²))
//!     with u = √(2/π) · (x + 0.044715·x³)
//!
//! Shapes: x, dy, dx of any one shape (f32). One invocation per element. `dx` is overwritten.
//! Twin: `ops/gelu.rs`, `GeluBackward`.

struct ElementwiseParams {
    count: u32,       // elements
    row_length: u32,  // invocations in one row of workgroups
    unused_0: u32,
    unused_1: u32,
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;
/// 1: by tanh; 0: by the error function.
override BY_TANH: u32 = 0u;

const ROOT_2_OVER_PI: f32 = 0.7978845608;
const CUBE: f32 = 0.044715;

/// erfc(a) for a ≥ 1, to about 1e-7 of 1: polynomials of the Cephes library (`erfcf`).
fn upper_tail(a: f32) -> f32 {
    let q = 1.0 / a;
    let s = q * q;
    var p: f32;
    if a < 2.0 {
        p = 2.326819970068386e-2;
        p = p * s - 1.387039388740657e-1;
        p = p * s + 3.687424674597105e-1;
        p = p * s - 5.824733027278666e-1;
        p = p * s + 6.210004621745983e-1;
        p = p * s - 4.944515323274145e-1;
        p = p * s + 3.404879937665872e-1;
        p = p * s - 2.741127028184656e-1;
        p = p * s + 5.638259427386472e-1;
    } else {
        p = -1.047766399936249e+1;
        p = p * s + 1.297719955372516e+1;
        p = p * s - 7.495518717768503;
        p = p * s + 2.921019019210786;
        p = p * s - 1.015265279202700;
        p = p * s + 4.218463358204948e-1;
        p = p * s - 2.820767439740514e-1;
        p = p * s + 5.641895067754075e-1;
    }
    return exp(-a * a) * q * p;
}

/// Φ(x) = ½ · (1 + erf(x / √2)). WGSL has no error function. Below 0 it is half of a
/// tail, which keeps its digits.
fn normal_below(x: f32) -> f32 {
    let a = abs(x) * 0.7071067812;
    if a >= 1.0 {
        // Beyond 13 the tail is 0 in f32, and the square must not overflow.
        let tail = 0.5 * upper_tail(min(a, 13.0));
        return select(1.0 - tail, tail, x < 0.0);
    }
    let s = a * a;
    var p = 7.853861353153693e-5;
    p = p * s - 8.010193625184903e-4;
    p = p * s + 5.188327685732524e-3;
    p = p * s - 2.685381193529856e-2;
    p = p * s + 1.128358514861418e-1;
    p = p * s - 3.761262582423300e-1;
    p = p * s + 1.128379165726710;
    let half_erf = 0.5 * a * p;
    return select(0.5 + half_erf, 0.5 - half_erf, x < 0.0);
}

/// tanh(√(2/π) · (x + 0.044715·x³)); beyond ±9.01 tanh is ±1 in f32, but some drivers overflow there.
fn tanh_of(x: f32) -> f32 {
    // Beyond ±10 the argument is far beyond ±9.01 already.
    let near = clamp(x, -10.0, 10.0);
    return tanh(clamp(ROOT_2_OVER_PI * (near + CUBE * near * near * near), -9.01, 9.01));
}

@group(0) @binding(0) var<uniform> params: ElementwiseParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn gelu_backward(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    let value = x[index];
    // Beyond ±20 both forms are flat, and squares must not overflow.
    let near = clamp(value, -20.0, 20.0);
    var slope: f32;
    if BY_TANH == 1u {
        let height = tanh_of(value);
        let steepness = ROOT_2_OVER_PI * (1.0 + 3.0 * CUBE * near * near);
        slope = 0.5 * (1.0 + height) + 0.5 * near * (1.0 - height * height) * steepness;
    } else {
        slope = normal_below(value) + near * exp(-0.5 * near * near) * (0.5 * ROOT_2_OVER_PI);
    }
    dx[index] = dy[index] * slope;
}
