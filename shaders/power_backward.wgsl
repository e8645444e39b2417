//! power_backward: gradient of an elementwise power.
//!
//!     dx[i] = dy[i] · p · x[i]ᵖ⁻¹
//!
//! Shapes: x, dy, dx of any one shape (f32). One invocation per element. `dx` is overwritten.
//! Twin: `ops/elementwise.rs`, `PowerBackward`.

struct PowerParams {
    count: u32,       // elements
    row_length: u32,  // invocations in one row of workgroups
    exponent: f32,    // p
    unused: u32,
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: PowerParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

/// WGSL's `pow` takes no negative base: a whole power of one has the sign of its parity.
fn raised(base: f32, exponent: f32) -> f32 {
    if exponent == 0.0 {
        return 1.0;
    }
    let size = pow(abs(base), exponent);
    if base >= 0.0 {
        return size;
    }
    if exponent != floor(exponent) {
        // Not a number: pow would not say so everywhere.
        return log(base);
    }
    return select(size, -size, exponent * 0.5 != floor(exponent * 0.5));
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn power_backward(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    // A constant has no slope, at 0 either.
    if params.exponent == 0.0 {
        dx[index] = 0.0;
        return;
    }
    dx[index] = dy[index] * params.exponent * raised(x[index], params.exponent - 1.0);
}
