//! Element-wise arithmetic of two tensors, with broadcasting: subtract, multiply, divide,
//! maximum, minimum. Addition is in `add.rs`. Source: `torch.sub`, `torch.mul`, `torch.div`,
//! `torch.maximum`, `torch.minimum`.
//!
//! The gradient of an input that was repeated is the sum over its copies, in a fixed order.

use super::axes::{
    accumulate, all_indices, bind_extents, broadcast, broadcast_element, broadcast_strides,
    check_broadcasts, check_rank, padded, strides, summed_equation, uniform, walk,
};
use super::{
    Cost, Dims, FREE, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, input, linear_workgroups, output, params,
};
use crate::equation::{Equation, Expression, Function, apply, number, positive};
use crate::tensor::{Real, Shape};
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `BroadcastParams` of the arithmetic shaders.
    BroadcastParams {
        sizes: [u32; 4],
        a_strides: [u32; 4],
        b_strides: [u32; 4],
        count: u32,
        row_length: u32,
        unused_0: u32,
        unused_1: u32,
    }
}

params! {
    /// Mirrors `BroadcastBackwardParams` of the arithmetic shaders.
    BroadcastBackwardParams {
        kept_sizes: [u32; 4],
        summed_sizes: [u32; 4],
        dy_strides: [u32; 4],
        other_strides: [u32; 4],
        kept: u32,
        summed: u32,
        part_length: u32,
        row_length: u32,
    }
}

/// Terms that one invocation of a backward kernel adds up at most, where there are parts.
const PART: usize = 256;

/// What an operation of two tensors has in common with the others.
pub(super) fn two_inputs() -> Vec<Input> {
    vec![input("a", FREE), input("b", FREE)]
}

/// Broadcasts the two inputs and binds the output's letters.
pub(super) fn derive_broadcast(dims: &mut Dims) -> Result<(), String> {
    let shape = broadcast(dims.input(0), dims.input(1))?;
    bind_extents(dims, &shape);
    dims.set("count", shape.count());
    dims.set_output(0, shape);
    Ok(())
}

/// `y[…] = combined(a, b)`
pub(super) fn broadcast_equation(
    dims: &Dims,
    combined: impl Fn(Expression, Expression) -> Expression,
) -> Vec<Equation> {
    let shape = dims.output(0);
    let a = broadcast_element("a", dims.input(0), shape);
    let b = broadcast_element("b", dims.input(1), shape);
    vec![Equation {
        output: "y",
        indices: all_indices(shape.rank()),
        expression: combined(a, b),
    }]
}

pub(super) fn broadcast_twin<T: Real>(dims: &Dims, io: &mut Io<'_, T>, function: fn(T, T) -> T) {
    let (a, b) = (io.input(0), io.input(1));
    let (a_shape, b_shape, shape) = (dims.input(0), dims.input(1), dims.output(0));
    let y = io.output(0);
    if a_shape == b_shape {
        for (y, (&a, &b)) in y.iter_mut().zip(a.iter().zip(b)) {
            *y = function(a, b);
        }
        return;
    }
    let read = [broadcast_strides(a_shape), broadcast_strides(b_shape)];
    let mut place = 0;
    walk(padded(shape.dims()), read, |[a_at, b_at]| {
        y[place] = function(a[a_at], b[b_at]);
        place += 1;
    });
}

pub(super) fn broadcast_call(shader: &'static str, dims: &Dims) -> KernelCall {
    let shape = dims.output(0);
    let (workgroups, row_length) = linear_workgroups(shape.count(), super::kernel::WORKGROUP_SIZE);
    KernelCall {
        shader,
        constants: Vec::new(),
        params: BroadcastParams {
            sizes: uniform(padded(shape.dims())),
            a_strides: uniform(broadcast_strides(dims.input(0))),
            b_strides: uniform(broadcast_strides(dims.input(1))),
            count: shape.count() as u32,
            row_length,
            unused_0: 0,
            unused_1: 0,
        }
        .params(),
        operands: vec![Operand::Input(0), Operand::Input(1), Operand::Output(0)],
        workgroups,
    }
}

/// The sum of a backward operation: which axes of dy are added up.
struct Summed {
    /// The gradient's sizes; 1 along axes that are summed.
    kept: [usize; 4],
    /// The sizes along axes that are summed; 1 along the others.
    summed: [usize; 4],
    dy_strides: [usize; 4],
}

impl Summed {
    fn new(target: &Shape, dy: &Shape) -> Self {
        let (kept, full) = (padded(target.dims()), padded(dy.dims()));
        let mut summed = [1; 4];
        for axis in 0..4 {
            if kept[axis] != full[axis] {
                summed[axis] = full[axis];
            }
        }
        Self {
            kept,
            summed,
            dy_strides: dense_strides(dy),
        }
    }

    /// Parts that the terms of one element are split into.
    fn parts(&self) -> usize {
        self.summed.iter().product::<usize>().div_ceil(PART)
    }

    fn workspaces(&self) -> Vec<usize> {
        match self.parts() {
            1 => Vec::new(),
            parts => vec![parts * self.kept.iter().product::<usize>()],
        }
    }

    /// The call of `shader` with the operands in front of its output, and, where there
    /// are parts, the call that adds them up.
    fn calls(
        &self,
        shader: &'static str,
        other_strides: [usize; 4],
        mut operands: Vec<Operand>,
    ) -> Vec<KernelCall> {
        let [kept, summed]: [usize; 2] =
            [&self.kept, &self.summed].map(|sizes| sizes.iter().product());
        let call = |shader, params: BroadcastBackwardParams, invocations, operands| {
            let (workgroups, row_length) =
                linear_workgroups(invocations, super::kernel::WORKGROUP_SIZE);
            KernelCall {
                shader,
                constants: Vec::new(),
                params: BroadcastBackwardParams {
                    row_length,
                    ..params
                }
                .params(),
                operands,
                workgroups,
            }
        };
        let parts = self.parts();
        let params = BroadcastBackwardParams {
            kept_sizes: uniform(self.kept),
            summed_sizes: uniform(self.summed),
            dy_strides: uniform(self.dy_strides),
            other_strides: uniform(other_strides),
            kept: kept as u32,
            summed: summed as u32,
            part_length: summed.min(PART) as u32,
            row_length: 0,
        };
        if parts == 1 {
            operands.push(Operand::Output(0));
            return vec![call(shader, params, kept, operands)];
        }
        operands.push(Operand::Workspace(0));
        let (kept_u32, parts_u32) = (kept as u32, parts as u32);
        let add_up = BroadcastBackwardParams {
            kept_sizes: [1, 1, 1, kept_u32],
            summed_sizes: [1, 1, parts_u32, 1],
            dy_strides: [0, 0, kept_u32, 1],
            other_strides: [0; 4],
            kept: kept_u32,
            summed: parts_u32,
            part_length: parts_u32,
            row_length: 0,
        };
        let both = vec![Operand::Workspace(0), Operand::Output(0)];
        vec![
            call(shader, params, kept * parts, operands),
            call(BroadcastBackward::NAME, add_up, kept, both),
        ]
    }
}

/// Row-major strides of a tensor, padded with axes of stride 0.
fn dense_strides(shape: &Shape) -> [usize; 4] {
    let mut axes = [0; 4];
    let own = strides(shape.dims());
    axes[4 - own.len()..].copy_from_slice(&own);
    axes
}

/// Checks that the gradient's shape broadcasts to dy's (input number `dy`), and binds letters.
fn derive_target(dims: &mut Dims, target: Shape, dy: usize) -> Result<(), String> {
    let full = dims.input(dy).clone();
    check_rank("dy", &full)?;
    check_broadcasts(&target, &full)?;
    bind_extents(dims, &full);
    dims.set("count", full.count());
    dims.set_output(0, target);
    Ok(())
}

/// `dx[…] = Σ dy` over the axes along which x was repeated: the gradient of an addend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BroadcastBackward {
    /// Of x.
    pub shape: Vec<usize>,
}

/// `dx[…] = −Σ dy` over the axes along which x was repeated: the gradient of what is subtracted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubtractBackward {
    /// Of x.
    pub shape: Vec<usize>,
}

/// Backward operations that need dy and a shape alone; `$sign` of a number or an expression.
macro_rules! sum_of_copies {
    ($name:ident $literal:literal: $sign:expr, $expression:expr) => {
        impl Operation for $name {
            const NAME: &'static str = $literal;

            fn inputs(&self) -> Vec<Input> {
                vec![input("dy", FREE)]
            }

            fn outputs(&self) -> Vec<Output> {
                vec![output("dx", FREE)]
            }

            fn derive(&self, dims: &mut Dims) -> Result<(), String> {
                let shape = Shape::new(self.shape.clone()).map_err(|error| error.to_string())?;
                derive_target(dims, shape, 0)
            }

            fn equations_for(&self, dims: &Dims) -> Vec<Equation> {
                let full = dims.input(0);
                let expression: fn(Expression) -> Expression = $expression;
                let term = expression(broadcast_element("dy", full, full));
                vec![summed_equation("dx", dims.output(0), full, term)]
            }

            fn cost(&self, dims: &Dims) -> Cost {
                Cost::new(dims.get("count"))
            }

            fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
                let dy = io.input(0);
                let sign: fn(T) -> T = $sign;
                let (full, target) = (dims.input(0), dims.output(0));
                accumulate(
                    io.output(0),
                    broadcast_strides(target),
                    padded(full.dims()),
                    [dense_strides(full)],
                    |[at]| sign(dy[at]),
                );
            }

            fn workspaces(&self, dims: &Dims) -> Vec<usize> {
                Summed::new(dims.output(0), dims.input(0)).workspaces()
            }

            fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
                Summed::new(dims.output(0), dims.input(0)).calls(
                    Self::NAME,
                    [0; 4],
                    vec![Operand::Input(0)],
                )
            }
        }
    };
}

sum_of_copies!(BroadcastBackward "broadcast_backward": |dy| dy, |dy| dy);
sum_of_copies!(SubtractBackward "subtract_backward": |dy| -dy, |dy| -dy);

/// The gradient of an addend: a copy, or a sum of copies.
pub(super) fn addend_step(dims: &Dims, target: usize) -> GradientStep {
    let shape = dims.input(target);
    let op = if shape == dims.output(0) {
        Op::AddBackward(super::AddBackward {})
    } else {
        Op::BroadcastBackward(BroadcastBackward {
            shape: shape.dims().to_vec(),
        })
    };
    GradientStep {
        op,
        operands: vec![GradientOperand::GradientOf(0)],
        target,
    }
}

/// Operations of two tensors.
macro_rules! binary {
    (
        $(#[$doc:meta])* $name:ident $literal:literal: $equation:expr, $function:expr;
        gradient $gradient:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        pub struct $name {}

        impl Operation for $name {
            const NAME: &'static str = $literal;

            fn inputs(&self) -> Vec<Input> {
                two_inputs()
            }

            fn outputs(&self) -> Vec<Output> {
                vec![output("y", FREE)]
            }

            fn derive(&self, dims: &mut Dims) -> Result<(), String> {
                derive_broadcast(dims)
            }

            fn gradient(&self, dims: &Dims) -> Vec<GradientStep> {
                let steps: fn(&Dims) -> Vec<GradientStep> = $gradient;
                steps(dims)
            }

            fn equations_for(&self, dims: &Dims) -> Vec<Equation> {
                broadcast_equation(dims, $equation)
            }

            fn cost(&self, dims: &Dims) -> Cost {
                Cost::new(dims.get("count"))
            }

            fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
                broadcast_twin(dims, io, $function);
            }

            fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
                vec![broadcast_call(Self::NAME, dims)]
            }
        }
    };
}

binary! {
    /// `y = a − b`
    Subtract "subtract": |a, b| a - b, |a, b| a - b;
    gradient |dims| vec![
        addend_step(dims, 0),
        GradientStep {
            op: Op::SubtractBackward(SubtractBackward {
                shape: dims.input(1).dims().to_vec(),
            }),
            operands: vec![GradientOperand::GradientOf(0)],
            target: 1,
        },
    ]
}

binary! {
    /// `y = a · b`
    Multiply "multiply": |a, b| a * b, |a, b| a * b;
    gradient |dims| symmetric(|target| Op::MultiplyBackward(MultiplyBackward {
        shape: dims.input(target).dims().to_vec(),
    }), |target| GradientOperand::Input(1 - target))
}

binary! {
    /// `y = a / b`
    Divide "divide": |a, b| a / b, |a, b| a / b;
    gradient |dims| {
        use GradientOperand::{GradientOf, Input, Output};
        vec![
            GradientStep {
                op: Op::DivideBackwardNumerator(DivideBackwardNumerator {
                    shape: dims.input(0).dims().to_vec(),
                }),
                operands: vec![Input(1), GradientOf(0)],
                target: 0,
            },
            GradientStep {
                op: Op::DivideBackwardDenominator(DivideBackwardDenominator {}),
                operands: vec![Input(1), Output(0), GradientOf(0)],
                target: 1,
            },
        ]
    }
}

binary! {
    /// `y = max(a, b)`; NaN where either is.
    Maximum "maximum": |a, b| b.clone() + apply(Function::PositivePart, a - b),
        |a, b| a.maximum(b);
    gradient |_| ties(Op::MaximumBackward(MaximumBackward {}))
}

binary! {
    /// `y = min(a, b)`; NaN where either is.
    Minimum "minimum": |a, b| a.clone() - apply(Function::PositivePart, a - b),
        |a, b| -(-a).maximum(-b);
    gradient |_| ties(Op::MinimumBackward(MinimumBackward {}))
}

/// The steps of an operation whose two inputs have the same kind of gradient.
fn symmetric(
    op: impl Fn(usize) -> Op,
    other: impl Fn(usize) -> GradientOperand,
) -> Vec<GradientStep> {
    [0, 1]
        .map(|target| GradientStep {
            op: op(target),
            operands: vec![other(target), GradientOperand::GradientOf(0)],
            target,
        })
        .into()
}

/// The steps of a maximum or minimum: the input itself decides, against the other one.
fn ties(op: Op) -> Vec<GradientStep> {
    use GradientOperand::{GradientOf, Input};
    [0, 1]
        .map(|target| GradientStep {
            op: op.clone(),
            operands: vec![Input(target), Input(1 - target), GradientOf(0)],
            target,
        })
        .into()
}

/// Backward operations whose term is made of dy and another input, with the shape of
/// the gradient as an attribute.
macro_rules! of_other {
    (
        $(#[$doc:meta])* $name:ident $literal:literal ($other:literal): $term:expr, $function:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $name {
            /// Of the gradient.
            pub shape: Vec<usize>,
        }

        impl Operation for $name {
            const NAME: &'static str = $literal;

            fn inputs(&self) -> Vec<Input> {
                vec![input($other, FREE), input("dy", FREE)]
            }

            fn outputs(&self) -> Vec<Output> {
                vec![output("dx", FREE)]
            }

            fn derive(&self, dims: &mut Dims) -> Result<(), String> {
                check_broadcasts(dims.input(0), dims.input(1))?;
                let shape = Shape::new(self.shape.clone()).map_err(|error| error.to_string())?;
                derive_target(dims, shape, 1)
            }

            fn equations_for(&self, dims: &Dims) -> Vec<Equation> {
                let full = dims.input(1);
                let other = broadcast_element($other, dims.input(0), full);
                let term: fn(Expression, Expression) -> Expression = $term;
                let term = term(other, broadcast_element("dy", full, full));
                vec![summed_equation("dx", dims.output(0), full, term)]
            }

            fn cost(&self, dims: &Dims) -> Cost {
                Cost::new(2 * dims.get("count"))
            }

            fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
                let (other, dy) = (io.input(0), io.input(1));
                let function: fn(T, T) -> T = $function;
                let full = dims.input(1);
                accumulate(
                    io.output(0),
                    broadcast_strides(dims.output(0)),
                    padded(full.dims()),
                    [broadcast_strides(dims.input(0)), dense_strides(full)],
                    |[at, dy_at]| function(other[at], dy[dy_at]),
                );
            }

            fn workspaces(&self, dims: &Dims) -> Vec<usize> {
                Summed::new(dims.output(0), dims.input(1)).workspaces()
            }

            fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
                Summed::new(dims.output(0), dims.input(1)).calls(
                    Self::NAME,
                    broadcast_strides(dims.input(0)),
                    vec![Operand::Input(0), Operand::Input(1)],
                )
            }
        }
    };
}

of_other! {
    /// `dx[…] = Σ dy · b` over the axes along which x was repeated, with b the other factor.
    MultiplyBackward "multiply_backward" ("b"): |b, dy| dy * b, |b, dy| dy * b
}

of_other! {
    /// `dx[…] = Σ dy / b` over the axes along which the numerator x was repeated.
    DivideBackwardNumerator "divide_backward_numerator" ("b"): |b, dy| dy / b, |b, dy| dy / b
}

/// `dx[…] = −Σ dy · y / x` over the axes along which the denominator x was repeated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DivideBackwardDenominator {}

impl Operation for DivideBackwardDenominator {
    const NAME: &'static str = "divide_backward_denominator";

    fn inputs(&self) -> Vec<Input> {
        vec![input("x", FREE), input("y", FREE), input("dy", FREE)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dx", FREE)]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        check_same(dims, 1, 2)?;
        let shape = dims.input(0).clone();
        derive_target(dims, shape, 2)
    }

    fn equations_for(&self, dims: &Dims) -> Vec<Equation> {
        let (shape, full) = (dims.input(0), dims.input(2));
        let [y, dy] = ["y", "dy"].map(|name| broadcast_element(name, full, full));
        let term = -(dy * (y / broadcast_element("x", shape, full)));
        vec![summed_equation("dx", shape, full, term)]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(4 * dims.get("count"))
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let (x, y, dy) = (io.input(0), io.input(1), io.input(2));
        let (shape, full) = (dims.input(0), dims.input(2));
        let target = broadcast_strides(shape);
        accumulate(
            io.output(0),
            target,
            padded(full.dims()),
            [target, dense_strides(full)],
            |[x_at, at]| -(dy[at] * (y[at] / x[x_at])),
        );
    }

    fn workspaces(&self, dims: &Dims) -> Vec<usize> {
        Summed::new(dims.output(0), dims.input(2)).workspaces()
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let operands = vec![Operand::Input(0), Operand::Input(1), Operand::Input(2)];
        Summed::new(dims.output(0), dims.input(2)).calls(Self::NAME, [0; 4], operands)
    }
}

/// Refuses two inputs of different shapes.
fn check_same(dims: &Dims, one: usize, other: usize) -> Result<(), String> {
    if dims.input(one) != dims.input(other) {
        return Err(format!(
            "expected two inputs of one shape, got {} and {}",
            dims.input(one),
            dims.input(other)
        ));
    }
    Ok(())
}

/// Backward operations of maximum and minimum: at a tie each input gets half.
macro_rules! of_winner {
    ($(#[$doc:meta])* $name:ident $literal:literal: $difference:expr, $wins:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        pub struct $name {}

        impl Operation for $name {
            const NAME: &'static str = $literal;

            fn inputs(&self) -> Vec<Input> {
                vec![input("x", FREE), input("b", FREE), input("dy", FREE)]
            }

            fn outputs(&self) -> Vec<Output> {
                vec![output("dx", FREE)]
            }

            fn derive(&self, dims: &mut Dims) -> Result<(), String> {
                check_broadcasts(dims.input(1), dims.input(2))?;
                let shape = dims.input(0).clone();
                derive_target(dims, shape, 2)
            }

            fn equations_for(&self, dims: &Dims) -> Vec<Equation> {
                let full = dims.input(2);
                let x = broadcast_element("x", dims.input(0), full);
                let b = broadcast_element("b", dims.input(1), full);
                let difference: fn(Expression, Expression) -> Expression = $difference;
                let ahead = positive(difference(x.clone(), b.clone()));
                let behind = positive(difference(b, x));
                // 1, or 1/2 at a tie, or 0.
                let share = (number(1.0) + ahead - behind) / number(2.0);
                let term = broadcast_element("dy", full, full) * share;
                vec![summed_equation("dx", dims.output(0), full, term)]
            }

            fn cost(&self, dims: &Dims) -> Cost {
                Cost::new(2 * dims.get("count"))
            }

            fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
                let (x, b, dy) = (io.input(0), io.input(1), io.input(2));
                let wins: fn(T, T) -> bool = $wins;
                let half = T::from_f64(0.5);
                let full = dims.input(2);
                let target = broadcast_strides(dims.input(0));
                accumulate(
                    io.output(0),
                    target,
                    padded(full.dims()),
                    [target, broadcast_strides(dims.input(1)), dense_strides(full)],
                    |[x_at, b_at, at]| match (wins(x[x_at], b[b_at]), wins(b[b_at], x[x_at])) {
                        (true, _) => dy[at],
                        (_, true) => T::ZERO,
                        _ => half * dy[at],
                    },
                );
            }

            fn workspaces(&self, dims: &Dims) -> Vec<usize> {
                Summed::new(dims.output(0), dims.input(2)).workspaces()
            }

            fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
                let operands = vec![Operand::Input(0), Operand::Input(1), Operand::Input(2)];
                let other = broadcast_strides(dims.input(1));
                Summed::new(dims.output(0), dims.input(2)).calls(Self::NAME, other, operands)
            }
        }
    };
}

of_winner! {
    /// `dx[…] = Σ dy · (1 + 1[x > b] − 1[b > x]) / 2` over the axes along which x was repeated.
    MaximumBackward "maximum_backward": |x, b| x - b, |x, b| x > b
}

of_winner! {
    /// `dx[…] = Σ dy · (1 + 1[x < b] − 1[b < x]) / 2` over the axes along which x was repeated.
    MinimumBackward "minimum_backward": |x, b| b - x, |x, b| x < b
}
