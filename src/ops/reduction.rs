//! Sums and means over chosen axes. Source: `torch.sum`, `torch.mean`.
//!
//! # Batches
//! A plan's batch may hold fewer samples than it has rows. An operation that adds up
//! axis 0 of activations must leave the rows behind the `B` valid ones out: so it does
//! with `valid_rows`, and then a mean over axis 0 divides by `B`, not by the number of
//! rows. The rows that were left out get a gradient of 0. Layers set `valid_rows`;
//! without it every row counts.

use super::axes::{
    Axes, INDICES, MAX_RANK, ONLY, accumulate, all_indices, bind_extents, check_rank, resolve_axes,
    strides, uniform, walk,
};
use super::{
    Cost, Dims, FREE, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, StepValues, input, linear_workgroups, output, params,
};
use crate::equation::{Equation, Expression, Position, index, less, number, scalar, size};
use crate::tensor::{Real, Shape};
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `SumParams` of the shaders of sums and means.
    SumParams {
        kept_sizes: [u32; 4],
        summed_sizes: [u32; 4],
        x_strides: [u32; 4],
        kept: u32,
        summed: u32,
        part_length: u32,
        row_length: u32,
        valid_rows: u32,
        divisor: f32,
        divide_by_valid: u32,
        unused: u32,
    }
}

params! {
    /// Mirrors `SumBackwardParams` of the shaders of sums and means.
    SumBackwardParams {
        sizes: [u32; 4],
        dy_strides: [u32; 4],
        count: u32,
        row_length: u32,
        valid_rows: u32,
        divisor: f32,
    }
}

/// Terms that one invocation adds up at most, where there are parts.
const PART: usize = 256;

/// What is added up: `y = Σ x` over axes, or its mean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sum {
    /// Negative ones count from the end; all axes if none is given.
    pub axes: Option<Vec<i64>>,
    /// Whether summed axes stay, with size 1.
    pub keepdim: bool,
    /// Whether axis 0 is a batch, of which only the valid samples count.
    pub valid_rows: bool,
}

/// `y = (1 / count) Σ x` over axes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mean {
    /// Negative ones count from the end; all axes if none is given.
    pub axes: Option<Vec<i64>>,
    /// Whether averaged axes stay, with size 1.
    pub keepdim: bool,
    /// Whether axis 0 is a batch, of which only the valid samples count.
    pub valid_rows: bool,
}

/// `dx[…] = dy[…]` for every element that was added up; 0 in rows that did not count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SumBackward {
    /// Of x.
    pub shape: Vec<usize>,
    pub axes: Vec<i64>,
    pub keepdim: bool,
    pub valid_rows: bool,
}

/// `dx[…] = dy[…] / count` for every element that was averaged; 0 in rows that did not count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanBackward {
    /// Of x.
    pub shape: Vec<usize>,
    pub axes: Vec<i64>,
    pub keepdim: bool,
    pub valid_rows: bool,
}

/// Which axes of which shape are added up.
struct Reduced {
    shape: Shape,
    axes: Vec<usize>,
    keepdim: bool,
    /// Whether the rows behind the valid ones do not count: axis 0 is summed.
    valid_rows: bool,
}

impl Reduced {
    fn new(
        shape: &Shape,
        axes: Option<&[i64]>,
        keepdim: bool,
        valid_rows: bool,
    ) -> Result<Self, String> {
        check_rank("x", shape)?;
        let axes = match axes {
            // As in PyTorch, an empty list takes them all, too.
            Some([]) | None => (0..shape.rank()).collect(),
            Some(axes) => resolve_axes(axes, shape.rank())?,
        };
        Ok(Self {
            shape: shape.clone(),
            valid_rows: valid_rows && axes.contains(&0),
            axes,
            keepdim,
        })
    }

    fn is_summed(&self, axis: usize) -> bool {
        self.axes.contains(&axis)
    }

    /// The result's shape.
    fn result(&self) -> Shape {
        let sizes = self.shape.dims().iter().enumerate();
        let kept = sizes.filter_map(|(axis, &size)| match (self.is_summed(axis), self.keepdim) {
            (false, _) => Some(size),
            (true, true) => Some(1),
            (true, false) => None,
        });
        Shape::new(kept.collect::<Vec<_>>()).expect("a part of a shape is no larger")
    }

    /// Sizes of x, its strides, and those of the result, 0 along summed axes; axis 0 stays
    /// in front, missing axes are behind.
    fn walks(&self) -> [Axes; 3] {
        let mut all = [[1; MAX_RANK], [0; MAX_RANK], [0; MAX_RANK]];
        let own = strides(self.shape.dims());
        let kept: Vec<usize> = (0..self.shape.rank())
            .map(|axis| {
                if self.is_summed(axis) {
                    1
                } else {
                    self.shape.dims()[axis]
                }
            })
            .collect();
        let result = strides(&kept);
        for axis in 0..self.shape.rank() {
            all[0][axis] = self.shape.dims()[axis];
            all[1][axis] = own[axis];
            if !self.is_summed(axis) {
                all[2][axis] = result[axis];
            }
        }
        all
    }

    /// Elements that are averaged, without the axis of the valid rows.
    fn fixed_count(&self) -> usize {
        let axes = self
            .axes
            .iter()
            .filter(|&&axis| axis != 0 || !self.valid_rows);
        axes.map(|&axis| self.shape.dims()[axis]).product()
    }

    fn divisor<T: Real>(&self, step: &StepValues) -> T {
        let rows = if self.valid_rows {
            step.valid.max(1)
        } else {
            1
        };
        T::from_f64(self.fixed_count() as f64 * f64::from(rows))
    }

    /// Offset in x from which on nothing counts.
    fn end(&self, step: &StepValues) -> usize {
        let rows = self.shape.dims().first().copied().unwrap_or(1);
        let row = self.shape.count() / rows.max(1);
        match self.valid_rows {
            true => (step.valid as usize).min(rows) * row,
            false => self.shape.count(),
        }
    }

    /// Indices of an element of the result.
    fn result_indices(&self) -> Vec<(&'static str, &'static str)> {
        let all = all_indices(self.shape.rank()).into_iter().enumerate();
        all.filter_map(|(axis, pair)| match (self.is_summed(axis), self.keepdim) {
            (false, _) => Some(pair),
            (true, true) => Some(ONLY),
            (true, false) => None,
        })
        .collect()
    }

    /// 1 where a row counts; nothing to multiply with where all do.
    fn counts(&self) -> Option<Expression> {
        self.valid_rows.then(|| less(index(INDICES[0]), size("B")))
    }

    /// How many elements are averaged.
    fn count_expression(&self) -> Expression {
        let sizes = self.axes.iter().map(|&axis| match (axis, self.valid_rows) {
            (0, true) => scalar("B"),
            _ => scalar(super::axes::EXTENTS[axis]),
        });
        sizes
            .reduce(|product, size| product * size)
            .unwrap_or_else(|| number(1.0))
    }

    fn forward_equation(&self, is_mean: bool) -> Equation {
        let rank = self.shape.rank();
        let x = Expression::Element {
            tensor: "x",
            indices: INDICES
                .into_iter()
                .take(rank)
                .map(Position::Index)
                .collect(),
        };
        let mut expression = match self.counts() {
            Some(counts) => counts * x,
            None => x,
        };
        for &axis in self.axes.iter().rev() {
            let (index, extent) = all_indices(rank)[axis];
            expression = Expression::Sum {
                index,
                extent,
                body: Box::new(expression),
            };
        }
        if is_mean {
            expression = number(1.0) / self.count_expression() * expression;
        }
        Equation {
            output: "y",
            indices: self.result_indices(),
            expression,
        }
    }

    fn backward_equation(&self, is_mean: bool) -> Equation {
        let kept = (0..self.shape.rank()).filter(|&axis| self.keepdim || !self.is_summed(axis));
        let dy = Expression::Element {
            tensor: "dy",
            indices: kept
                .map(|axis| match self.is_summed(axis) {
                    true => Position::Number(0),
                    false => Position::Index(INDICES[axis]),
                })
                .collect(),
        };
        let share = match is_mean {
            true => dy / self.count_expression(),
            false => dy,
        };
        let expression = match self.counts() {
            Some(counts) => counts * share,
            None => share,
        };
        Equation {
            output: "dx",
            indices: all_indices(self.shape.rank()),
            expression,
        }
    }

    fn forward_twin<T: Real>(&self, io: &mut Io<'_, T>) {
        let [sizes, x_strides, y_strides] = self.walks();
        let (x, end) = (io.input(0), self.end(&io.step));
        accumulate(io.output(0), y_strides, sizes, [x_strides], |[at]| {
            if at < end { x[at] } else { T::ZERO }
        });
    }

    fn backward_twin<T: Real>(&self, io: &mut Io<'_, T>, divisor: T) {
        let [sizes, x_strides, y_strides] = self.walks();
        let (dy, end) = (io.input(0), self.end(&io.step));
        let dx = io.output(0);
        walk(sizes, [x_strides, y_strides], |[at, dy_at]| {
            dx[at] = if at < end {
                dy[dy_at] / divisor
            } else {
                T::ZERO
            };
        });
    }

    /// Elements of the result, and terms of each.
    fn counted(&self) -> [usize; 2] {
        let summed = self
            .axes
            .iter()
            .map(|&axis| self.shape.dims()[axis])
            .product();
        [self.shape.count() / summed, summed]
    }

    fn workspaces(&self) -> Vec<usize> {
        let [kept, summed] = self.counted();
        match summed.div_ceil(PART) {
            1 => Vec::new(),
            parts => vec![kept * parts],
        }
    }

    /// The calls of `sum`, or of `mean` for the last one.
    fn forward_calls(&self, is_mean: bool) -> Vec<KernelCall> {
        let [kept, summed] = self.counted();
        let [sizes, x_strides, _] = self.walks();
        let mut kept_sizes = sizes;
        let mut summed_sizes = [1; MAX_RANK];
        for &axis in &self.axes {
            summed_sizes[axis] = sizes[axis];
            kept_sizes[axis] = 1;
        }
        let last = if is_mean { Mean::NAME } else { Sum::NAME };
        let call = |shader, params: SumParams, operands| {
            let parts = params.summed.div_ceil(params.part_length) as usize;
            let (workgroups, row_length) =
                linear_workgroups(kept * parts, super::kernel::WORKGROUP_SIZE);
            KernelCall {
                shader,
                constants: Vec::new(),
                params: SumParams {
                    row_length,
                    ..params
                }
                .params(),
                operands,
                workgroups,
            }
        };
        let params = SumParams {
            kept_sizes: uniform(kept_sizes),
            summed_sizes: uniform(summed_sizes),
            x_strides: uniform(x_strides),
            kept: kept as u32,
            summed: summed as u32,
            part_length: summed.min(PART) as u32,
            row_length: 0,
            valid_rows: u32::from(self.valid_rows),
            divisor: self.fixed_count() as f32,
            divide_by_valid: u32::from(self.valid_rows),
            unused: 0,
        };
        let parts = summed.div_ceil(PART);
        if parts == 1 {
            return vec![call(
                last,
                params,
                vec![Operand::Input(0), Operand::Output(0)],
            )];
        }
        let add_up = SumParams {
            kept_sizes: [1, kept as u32, 1, 1],
            summed_sizes: [parts as u32, 1, 1, 1],
            x_strides: [kept as u32, 1, 0, 0],
            summed: parts as u32,
            part_length: parts as u32,
            valid_rows: 0,
            ..params
        };
        vec![
            call(
                Sum::NAME,
                params,
                vec![Operand::Input(0), Operand::Workspace(0)],
            ),
            call(
                last,
                add_up,
                vec![Operand::Workspace(0), Operand::Output(0)],
            ),
        ]
    }

    fn backward_call(&self, shader: &'static str) -> KernelCall {
        let [sizes, _, dy_strides] = self.walks();
        let count = self.shape.count();
        let (workgroups, row_length) = linear_workgroups(count, super::kernel::WORKGROUP_SIZE);
        KernelCall {
            shader,
            constants: Vec::new(),
            params: SumBackwardParams {
                sizes: uniform(sizes),
                dy_strides: uniform(dy_strides),
                count: count as u32,
                row_length,
                valid_rows: u32::from(self.valid_rows),
                divisor: self.fixed_count() as f32,
            }
            .params(),
            operands: vec![Operand::Input(0), Operand::Output(0)],
            workgroups,
        }
    }
}

/// A sum or mean, and its backward operation.
macro_rules! reduction {
    ($forward:ident $name:literal, $backward:ident $backward_name:literal, is mean: $is_mean:literal) => {
        impl $forward {
            fn reduced(&self, shape: &Shape) -> Result<Reduced, String> {
                Reduced::new(shape, self.axes.as_deref(), self.keepdim, self.valid_rows)
            }

            fn resolved(&self, dims: &Dims) -> Reduced {
                self.reduced(dims.input(0))
                    .expect("the axes were checked when the graph was built")
            }
        }

        impl Operation for $forward {
            const NAME: &'static str = $name;

            fn inputs(&self) -> Vec<Input> {
                vec![input("x", FREE)]
            }

            fn outputs(&self) -> Vec<Output> {
                vec![output("y", FREE)]
            }

            fn derive(&self, dims: &mut Dims) -> Result<(), String> {
                let reduced = self.reduced(dims.input(0))?;
                bind_extents(dims, &reduced.shape);
                if reduced.valid_rows {
                    // How many samples may count at most.
                    dims.set("N", reduced.shape.dims()[0]);
                }
                dims.set_output(0, reduced.result());
                Ok(())
            }

            fn gradient(&self, dims: &Dims) -> Vec<GradientStep> {
                let reduced = self.resolved(dims);
                vec![GradientStep {
                    op: Op::$backward($backward {
                        shape: reduced.shape.dims().to_vec(),
                        axes: reduced.axes.iter().map(|&axis| axis as i64).collect(),
                        keepdim: self.keepdim,
                        valid_rows: self.valid_rows,
                    }),
                    operands: vec![GradientOperand::GradientOf(0)],
                    target: 0,
                }]
            }

            fn equations_for(&self, dims: &Dims) -> Vec<Equation> {
                vec![self.resolved(dims).forward_equation($is_mean)]
            }

            fn cost(&self, dims: &Dims) -> Cost {
                Cost::new(dims.input(0).count())
            }

            fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
                let reduced = self.resolved(dims);
                reduced.forward_twin(io);
                if $is_mean {
                    let divisor = reduced.divisor::<T>(&io.step);
                    for y in io.output(0) {
                        *y = *y / divisor;
                    }
                }
            }

            fn workspaces(&self, dims: &Dims) -> Vec<usize> {
                self.resolved(dims).workspaces()
            }

            fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
                self.resolved(dims).forward_calls($is_mean)
            }
        }

        impl $backward {
            fn reduced(&self) -> Result<Reduced, String> {
                let shape = Shape::new(self.shape.clone()).map_err(|error| error.to_string())?;
                // A scalar has no axes to name.
                let axes = (!self.shape.is_empty()).then_some(&self.axes[..]);
                Reduced::new(&shape, axes, self.keepdim, self.valid_rows)
            }

            fn resolved(&self) -> Reduced {
                self.reduced()
                    .expect("the axes were checked when the graph was built")
            }
        }

        impl Operation for $backward {
            const NAME: &'static str = $backward_name;

            fn inputs(&self) -> Vec<Input> {
                vec![input("dy", FREE)]
            }

            fn outputs(&self) -> Vec<Output> {
                vec![output("dx", FREE)]
            }

            fn derive(&self, dims: &mut Dims) -> Result<(), String> {
                let reduced = self.reduced()?;
                let (expected, actual) = (reduced.result(), dims.input(0));
                if *actual != expected {
                    return Err(format!("dy is {actual}, expected {expected}"));
                }
                bind_extents(dims, &reduced.shape);
                if reduced.valid_rows {
                    dims.set("N", reduced.shape.dims()[0]);
                }
                dims.set_output(0, reduced.shape);
                Ok(())
            }

            fn equations_for(&self, _dims: &Dims) -> Vec<Equation> {
                vec![self.resolved().backward_equation($is_mean)]
            }

            fn cost(&self, dims: &Dims) -> Cost {
                Cost::new(usize::from($is_mean) * dims.output(0).count())
            }

            fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
                let reduced = self.resolved();
                let divisor = match $is_mean {
                    true => reduced.divisor(&io.step),
                    false => T::ONE,
                };
                reduced.backward_twin(io, divisor);
            }

            fn kernels(&self, _dims: &Dims) -> Vec<KernelCall> {
                vec![self.resolved().backward_call($backward_name)]
            }
        }
    };
}

reduction!(Sum "sum", SumBackward "sum_backward", is mean: false);
reduction!(Mean "mean", MeanBackward "mean_backward", is mean: true);
