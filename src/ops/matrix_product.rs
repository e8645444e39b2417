//! Products of matrices, single or in batches. Source: `torch.matmul`.

use super::axes::{EXTENTS, MAX_RANK, check_rank};
use super::{
    Cost, Dims, FREE, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, input, linear_workgroups, output, params,
};
use crate::equation::{Equation, Expression, Position};
use crate::tensor::{Real, Shape};
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `MatrixProductParams` of the shader.
    MatrixProductParams {
        rows: u32,
        columns: u32,
        inner: u32,
        summed: u32,
        a_batch_stride: u32,
        a_row_stride: u32,
        a_inner_stride: u32,
        b_batch_stride: u32,
        b_inner_stride: u32,
        b_column_stride: u32,
        count: u32,
        row_length: u32,
    }
}

/// `y[…, i, j] = Σ_k a[…, i, k] · b[…, k, j]`, with a or b read the other way round where
/// it is transposed.
///
/// a (…, I, K), b (…, K, J), y (…, I, J). The axes in front are the same in a and b, or
/// one of them is a single matrix that every product uses. With `sum_batch` the products
/// of a batch are added up: y is (I, J).
///
/// Its gradients are matrix products again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MatrixProduct {
    /// a is (…, K, I).
    pub transpose_a: bool,
    /// b is (…, J, K).
    pub transpose_b: bool,
    pub sum_batch: bool,
}

/// Letters of the axes in front of the matrices, and of their sizes.
const BATCH_INDICES: [&str; 2] = ["p", "q"];
const BATCH_EXTENTS: [&str; 2] = ["P", "Q"];

/// The axes in front of the matrices, and (rows, columns).
fn split(name: &str, shape: &Shape) -> Result<(Vec<usize>, [usize; 2]), String> {
    check_rank(name, shape)?;
    match shape.dims() {
        [batch @ .., rows, columns] => Ok((batch.to_vec(), [*rows, *columns])),
        _ => Err(format!(
            "{name} is {shape}, expected 2 to {MAX_RANK} dimensions"
        )),
    }
}

/// What a product comes down to.
struct Plan {
    /// Axes in front of the result's matrices, and how many matrices it has.
    batch: Vec<usize>,
    batches: usize,
    /// Products that are added up for each matrix of the result.
    summed: usize,
    rows: usize,
    columns: usize,
    inner: usize,
    /// (from matrix to matrix, along I, along K)
    a_strides: [usize; 3],
    /// (from matrix to matrix, along K, along J)
    b_strides: [usize; 3],
}

impl MatrixProduct {
    fn plan(&self, a: &Shape, b: &Shape) -> Result<Plan, String> {
        let (a_batch, a_size) = split("a", a)?;
        let (b_batch, b_size) = split("b", b)?;
        if !a_batch.is_empty() && !b_batch.is_empty() && a_batch != b_batch {
            return Err(format!(
                "a is {a} and b is {b}: expected the same sizes in front of the matrices, \
                 or a single matrix"
            ));
        }
        let strides = |[_, columns]: [usize; 2], transposed: bool| match transposed {
            false => [columns, 1],
            true => [1, columns],
        };
        let turned = |[rows, columns]: [usize; 2], transposed: bool| match transposed {
            false => [rows, columns],
            true => [columns, rows],
        };
        let [rows, inner] = turned(a_size, self.transpose_a);
        let [b_inner, columns] = turned(b_size, self.transpose_b);
        if inner != b_inner {
            return Err(format!(
                "a is {a}{} and b is {b}{}: {inner} columns meet {b_inner} rows",
                if self.transpose_a { " transposed" } else { "" },
                if self.transpose_b { " transposed" } else { "" },
            ));
        }
        let a_step = if a_batch.is_empty() { 0 } else { rows * inner };
        let b_step = if b_batch.is_empty() {
            0
        } else {
            inner * columns
        };
        let batch = if a_batch.is_empty() { b_batch } else { a_batch };
        let matrices = batch.iter().product();
        let ([a_row, a_inner], [b_row, b_column]) = (
            strides(a_size, self.transpose_a),
            strides(b_size, self.transpose_b),
        );
        let (batch, batches, summed) = match self.sum_batch {
            true => (Vec::new(), 1, matrices),
            false => (batch, matrices, 1),
        };
        Ok(Plan {
            batch,
            batches,
            summed,
            rows,
            columns,
            inner,
            a_strides: [a_step, a_row, a_inner],
            b_strides: [b_step, b_row, b_column],
        })
    }

    fn resolved(&self, dims: &Dims) -> Plan {
        self.plan(dims.input(0), dims.input(1))
            .expect("the shapes were checked when the graph was built")
    }

    /// Elements of a factor, with its own indices in the order in which it has them.
    fn factor(name: &'static str, shape: &Shape, matrix: [&'static str; 2]) -> Expression {
        let batch = shape.rank() - 2;
        let indices = BATCH_INDICES.into_iter().take(batch).chain(matrix);
        Expression::Element {
            tensor: name,
            indices: indices.map(Position::Index).collect(),
        }
    }
}

impl Operation for MatrixProduct {
    const NAME: &'static str = "matrix_product";

    fn inputs(&self) -> Vec<Input> {
        vec![input("a", FREE), input("b", FREE)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", FREE)]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        let plan = self.plan(dims.input(0), dims.input(1))?;
        let (a, b) = (dims.input(0), dims.input(1));
        let larger = if a.rank() >= b.rank() { a } else { b };
        let batch = larger.dims()[..larger.rank() - 2].to_vec();
        for (&letter, &size) in BATCH_EXTENTS.iter().zip(&batch) {
            dims.set(letter, size);
        }
        let [row, column, inner, _] = EXTENTS;
        dims.set(row, plan.rows);
        dims.set(column, plan.columns);
        dims.set(inner, plan.inner);
        let mut sizes = plan.batch;
        sizes.extend([plan.rows, plan.columns]);
        let shape = Shape::new(sizes).map_err(|error| error.to_string())?;
        dims.set_output(0, shape);
        Ok(())
    }

    fn gradient(&self, dims: &Dims) -> Vec<GradientStep> {
        use GradientOperand::{GradientOf, Input};
        let (a_turned, b_turned) = (self.transpose_a, self.transpose_b);
        let is_single = |input: usize| dims.input(input).rank() == 2;
        let has_batch = !is_single(0) || !is_single(1);
        let product = |transpose_a, transpose_b, input: usize| {
            Op::MatrixProduct(Self {
                transpose_a,
                transpose_b,
                sum_batch: is_single(input) && has_batch,
            })
        };
        // dA = dY · Bᵀ, or its transpose; dB = Aᵀ · dY, or its transpose.
        let da = match a_turned {
            false => (product(false, !b_turned, 0), vec![GradientOf(0), Input(1)]),
            true => (product(b_turned, true, 0), vec![Input(1), GradientOf(0)]),
        };
        let db = match b_turned {
            false => (product(!a_turned, false, 1), vec![Input(0), GradientOf(0)]),
            true => (product(true, a_turned, 1), vec![GradientOf(0), Input(0)]),
        };
        [da, db]
            .into_iter()
            .enumerate()
            .map(|(target, (op, operands))| GradientStep {
                op,
                operands,
                target,
            })
            .collect()
    }

    fn equations_for(&self, dims: &Dims) -> Vec<Equation> {
        let order = |turned: bool, [one, other]: [&'static str; 2]| match turned {
            false => [one, other],
            true => [other, one],
        };
        let (a, b) = (dims.input(0), dims.input(1));
        let product = Self::factor("a", a, order(self.transpose_a, ["i", "k"]))
            * Self::factor("b", b, order(self.transpose_b, ["k", "j"]));
        let over = |index, extent, body| Expression::Sum {
            index,
            extent,
            body: Box::new(body),
        };
        let mut expression = over("k", "K", product);
        let batch = a.rank().max(b.rank()) - 2;
        let mut indices = vec![("i", "I"), ("j", "J")];
        for axis in (0..batch).rev() {
            let (index, extent) = (BATCH_INDICES[axis], BATCH_EXTENTS[axis]);
            match self.sum_batch {
                true => expression = over(index, extent, expression),
                false => indices.insert(0, (index, extent)),
            }
        }
        vec![Equation {
            output: "y",
            indices,
            expression,
        }]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let plan = self.resolved(dims);
        Cost::product([
            2,
            plan.batches,
            plan.summed,
            plan.rows,
            plan.columns,
            plan.inner,
        ])
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let plan = self.resolved(dims);
        let (a, b) = (io.input(0), io.input(1));
        let size = [plan.rows, plan.inner, plan.columns];
        let [a_step, a_row, a_inner] = plan.a_strides;
        let [b_step, b_inner, b_column] = plan.b_strides;
        let matrices = io.output(0).chunks_exact_mut(plan.rows * plan.columns);
        for (matrix, y) in matrices.enumerate() {
            for part in 0..plan.summed {
                let at = matrix + part;
                let beta = if part == 0 { T::ZERO } else { T::ONE };
                T::matrix_product(
                    size,
                    &a[at * a_step..],
                    [a_row, a_inner],
                    &b[at * b_step..],
                    [b_inner, b_column],
                    beta,
                    y,
                    [plan.columns, 1],
                );
            }
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let plan = self.resolved(dims);
        let count = plan.batches * plan.rows * plan.columns;
        let (workgroups, row_length) = linear_workgroups(count, super::kernel::WORKGROUP_SIZE);
        let [a_batch_stride, a_row_stride, a_inner_stride] = plan.a_strides.map(|s| s as u32);
        let [b_batch_stride, b_inner_stride, b_column_stride] = plan.b_strides.map(|s| s as u32);
        vec![KernelCall {
            shader: Self::NAME,
            constants: Vec::new(),
            params: MatrixProductParams {
                rows: plan.rows as u32,
                columns: plan.columns as u32,
                inner: plan.inner as u32,
                summed: plan.summed as u32,
                a_batch_stride,
                a_row_stride,
                a_inner_stride,
                b_batch_stride,
                b_inner_stride,
                b_column_stride,
                count: count as u32,
                row_length,
            }
            .params(),
            operands: vec![Input(0), Input(1), Output(0)],
            workgroups,
        }]
    }
}
