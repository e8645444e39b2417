//! matrix_product: products of matrices, single or in batches.
//!
//!     y[p, i, j] = Σ_k a[p, i, k] · b[p, k, j]
//!
//! Shapes: a (…, I, K), b (…, K, J), y (…, I, J) (f32); strides say which way round a and b are
//! read, and whether a single matrix is used by all. Where a batch is summed there are
//! `summed` products for each matrix of y. One invocation per element. `y` is overwritten.
//! Twin: `ops/matrix_product.rs`, `MatrixProduct`.

struct MatrixProductParams {
    rows: u32,             // I
    columns: u32,          // J
    inner: u32,            // K
    summed: u32,           // products that are added up for each matrix of y
    a_batch_stride: u32,   // 0 for a single matrix
    a_row_stride: u32,
    a_inner_stride: u32,
    b_batch_stride: u32,   // 0 for a single matrix
    b_inner_stride: u32,
    b_column_stride: u32,
    count: u32,            // elements of y
    row_length: u32,       // invocations in one row of workgroups
}

/// Invocations per workgroup; set from Rust when the pipeline is built.
override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(0) var<uniform> params: MatrixProductParams;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn matrix_product(@builtin(global_invocation_id) gid: vec3<u32>) {
    // Large tensors use several rows of workgroups.
    let index = gid.y * params.row_length + gid.x;
    // The last workgroup is usually only partly used.
    if index >= params.count {
        return;
    }
    let column = index % params.columns;
    let row = index / params.columns % params.rows;
    let matrix = index / (params.columns * params.rows);

    var sum = 0.0;
    for (var part = 0u; part < params.summed; part += 1u) {
        let a_start = (matrix + part) * params.a_batch_stride + row * params.a_row_stride;
        let b_start = (matrix + part) * params.b_batch_stride + column * params.b_column_stride;
        for (var k = 0u; k < params.inner; k += 1u) {
            sum += a[a_start + k * params.a_inner_stride] * b[b_start + k * params.b_inner_stride];
        }
    }
    y[index] = sum;
}
