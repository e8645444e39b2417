//! gradient_norm_parts: sums of squares over parts of a row; `gradient_norm` adds them up.
//!
//!     parts[p] = Σ_i g[i]²   over the elements of part p
//!
//! Shapes (f32): g of any shape, as one row; parts (P). One workgroup for each part: each
//! invocation adds every 64th element, then the first adds up their sums, always in the
//! same order, so a run repeats bit for bit.
//! Twin: `ops/clip.rs`, `GradientNorm`.

struct NormParams {
    count: u32,  // elements
    part: u32,   // elements in a part
    parts: u32,  // P
    unused: u32,
}

const WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: NormParams;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> parts: array<f32>;

var<workgroup> sums: array<f32, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn gradient_norm_parts(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let first = workgroup.x * params.part;
    let last = min(first + params.part, params.count);
    var sum = 0.0;
    for (var i = first + local; i < last; i += WORKGROUP_SIZE) {
        sum += g[i] * g[i];
    }
    sums[local] = sum;
    workgroupBarrier();
    if local != 0u {
        return;
    }
    for (var other = 1u; other < WORKGROUP_SIZE; other += 1u) {
        sum += sums[other];
    }
    parts[workgroup.x] = sum;
}
