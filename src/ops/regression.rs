//! Losses of numbers rather than classes. Sources: `torch.nn.functional.mse_loss`, `l1_loss`.

use super::softmax_cross_entropy::loss_params;
use super::{
    Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, Role, input, output,
};
use crate::equation::{
    Equation, Expression, Function, apply, element, index, less, number, positive, power, scalar,
    size, sum,
};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

/// How a batch's loss comes from its elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// The mean over the rows that count, and over what a row is made of.
    #[default]
    Mean,
    Sum,
}

impl Reduction {
    /// In the shaders.
    pub(super) fn constant(self) -> (&'static str, f64) {
        ("IS_MEAN", f64::from(u8::from(self == Self::Mean)))
    }

    /// What the sum over rows is divided by.
    pub(super) fn rows(self, valid: usize) -> usize {
        match self {
            Self::Mean => valid.max(1),
            Self::Sum => 1,
        }
    }

    /// What the sum over a row's `width` elements is divided by.
    fn elements(self, width: usize) -> usize {
        match self {
            Self::Mean => width,
            Self::Sum => 1,
        }
    }

    /// An expression, divided by scalars when it is a mean.
    pub(super) fn over<const N: usize>(
        self,
        divisors: [&'static str; N],
        expression: Expression,
    ) -> Expression {
        let divisors = divisors.map(scalar).into_iter().reduce(|a, b| a * b);
        match (self, divisors) {
            (Self::Mean, Some(divisors)) => expression / divisors,
            _ => expression,
        }
    }

    /// `L` of a loss without classes: the mean or the sum of its rows.
    pub(super) fn total(self) -> Equation {
        let rows = sum("n", "N", element("loss_of_row", [index("n")]));
        self.over(["B"], rows).defines("L", [])
    }

    /// Sums the rows in order, on the CPU; `L` is output 0.
    pub(super) fn write_total<T: Real>(self, io: &mut Io<'_, T>, rows: usize) {
        let divisor = self.rows(io.valid());
        let total: T = io.output(rows).iter().copied().sum();
        io.output(0)[0] = total / T::from_f64(divisor as f64);
    }

    /// The kernel that adds up the rows; `L` is output 0.
    pub(super) fn total_call(self, dims: &Dims, rows: usize) -> KernelCall {
        KernelCall {
            shader: "total_of_rows",
            constants: vec![self.constant()],
            params: loss_params(dims, 1).0,
            operands: vec![Operand::Output(rows), Operand::Output(0)],
            workgroups: [1, 1, 1],
        }
    }
}

fn one() -> f32 {
    1.0
}

fn check_factor(factor: f32) -> Result<(), String> {
    if factor.is_finite() && factor > 0.0 {
        return Ok(());
    }
    Err(format!("factor is {factor}, expected a number above 0"))
}

/// `factor · expression`, without a factor of 1.
fn scaled(factor: f32, expression: Expression) -> Expression {
    if factor == 1.0 {
        return expression;
    }
    number(f64::from(factor)) * expression
}

fn difference() -> Expression {
    let at = |tensor| element(tensor, [index("n"), index("k")]);
    at("a") - at("t")
}

/// A loss of predictions and targets, element by element, and its backward
/// operation. `$loss` and `$slope` are functions of the difference a − t.
macro_rules! elementwise_loss {
    (
        $(#[$doc:meta])* $forward:ident $name:literal: $equation:expr, $loss:expr;
        $(#[$backward_doc:meta])* $backward:ident $backward_name:literal: $slope_equation:expr, $slope:expr;
        flops $flops:literal
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $forward {
            /// ½ for the textbook's half of the squares.
            #[serde(default = "one")]
            pub factor: f32,
            #[serde(default)]
            pub reduction: Reduction,
        }

        impl Default for $forward {
            fn default() -> Self {
                Self { factor: one(), reduction: Reduction::default() }
            }
        }

        impl Operation for $forward {
            const NAME: &'static str = $name;

            fn inputs(&self) -> Vec<Input> {
                vec![input("a", &["N", "K"]), input("t", &["N", "K"])]
            }

            fn outputs(&self) -> Vec<Output> {
                vec![
                    output("L", &[]),
                    output("loss_of_row", &["N"]).role(Role::Saved),
                ]
            }

            fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
                check_factor(self.factor)
            }

            fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
                use GradientOperand::{GradientOf, Input};
                let op = $backward { factor: self.factor, reduction: self.reduction };
                vec![GradientStep {
                    op: Op::$backward(op),
                    operands: vec![Input(0), Input(1), GradientOf(0)],
                    target: 0,
                }]
            }

            fn equations(&self) -> Vec<Equation> {
                let elements = sum("k", "K", $equation);
                let row = self.reduction.over(["K"], scaled(self.factor, elements));
                let valid = less(index("n"), size("B"));
                vec![
                    self.reduction.total(),
                    (valid * row).defines("loss_of_row", [("n", "N")]),
                ]
            }

            fn cost(&self, dims: &Dims) -> Cost {
                let [n, k] = dims.all(["N", "K"]);
                Cost::new($flops * n * k)
            }

            fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
                let [n, k] = dims.all(["N", "K"]);
                let (a, t, valid) = (io.input(0), io.input(1), io.valid());
                let loss: fn(T) -> T = $loss;
                let factor = T::from_f64(f64::from(self.factor));
                let width = T::from_f64(self.reduction.elements(k) as f64);
                for row in 0..n {
                    let elements = row * k..(row + 1) * k;
                    let total: T = elements.map(|at| loss(a[at] - t[at])).sum();
                    io.output(1)[row] = if row < valid {
                        factor * total / width
                    } else {
                        T::ZERO
                    };
                }
                self.reduction.write_total(io, 1);
            }

            fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
                let (params, workgroups) = loss_params(dims, dims.get("N"));
                let rows = KernelCall {
                    shader: Self::NAME,
                    constants: vec![("FACTOR", f64::from(self.factor)), self.reduction.constant()],
                    params,
                    operands: vec![Operand::Input(0), Operand::Input(1), Operand::Output(1)],
                    workgroups,
                };
                vec![rows, self.reduction.total_call(dims, 1)]
            }
        }

        $(#[$backward_doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $backward {
            #[serde(default = "one")]
            pub factor: f32,
            #[serde(default)]
            pub reduction: Reduction,
        }

        impl Operation for $backward {
            const NAME: &'static str = $backward_name;

            fn inputs(&self) -> Vec<Input> {
                vec![
                    input("a", &["N", "K"]),
                    input("t", &["N", "K"]),
                    input("dL", &[]),
                ]
            }

            fn outputs(&self) -> Vec<Output> {
                vec![output("da", &["N", "K"])]
            }

            fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
                check_factor(self.factor)
            }

            fn equations(&self) -> Vec<Equation> {
                let valid = less(index("n"), size("B"));
                let slope = self.reduction.over(["B", "K"], scaled(self.factor, $slope_equation));
                vec![
                    (valid * element("dL", []) * slope).defines("da", [("n", "N"), ("k", "K")]),
                ]
            }

            fn cost(&self, dims: &Dims) -> Cost {
                let [n, k] = dims.all(["N", "K"]);
                Cost::new(3 * n * k)
            }

            fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
                let k = dims.get("K");
                let (a, t, upstream) = (io.input(0), io.input(1), io.input(2)[0]);
                let slope: fn(T) -> T = $slope;
                let valid = io.valid();
                let divisor = self.reduction.rows(valid) * self.reduction.elements(k);
                let factor = T::from_f64(f64::from(self.factor));
                let scale = upstream * factor / T::from_f64(divisor as f64);
                for (at, da) in io.output(0).iter_mut().enumerate() {
                    *da = if at / k < valid {
                        slope(a[at] - t[at]) * scale
                    } else {
                        T::ZERO
                    };
                }
            }

            fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
                use Operand::{Input, Output};
                let [n, k] = dims.all(["N", "K"]);
                let (params, workgroups) = loss_params(dims, n * k);
                vec![KernelCall {
                    shader: Self::NAME,
                    constants: vec![("FACTOR", f64::from(self.factor)), self.reduction.constant()],
                    params,
                    operands: vec![Input(0), Input(1), Input(2), Output(0)],
                    workgroups,
                }]
            }
        }
    };
}

elementwise_loss! {
    /// `L = factor/(B·K) Σ_n Σ_k (a[n, k] − t[n, k])²` over the `B` valid rows.
    ///
    /// a (N, K) predictions, t (N, K) targets. A reduction by sum divides by nothing.
    MeanSquaredError "mean_squared_error":
        power(difference(), number(2.0)), |d| d * d;
    /// `da[n, k] = dL · factor · 2 · (a[n, k] − t[n, k]) / (B·K)`; 0 in the rows from B on.
    MeanSquaredErrorBackward "mean_squared_error_backward":
        number(2.0) * difference(), |d| d + d;
    flops 3
}

elementwise_loss! {
    /// `L = factor/(B·K) Σ_n Σ_k |a[n, k] − t[n, k]|` over the `B` valid rows.
    ///
    /// a (N, K) predictions, t (N, K) targets. A reduction by sum divides by nothing.
    MeanAbsoluteError "mean_absolute_error":
        apply(Function::Absolute, difference()), T::abs;
    /// `da[n, k] = dL · factor · sign(a[n, k] − t[n, k]) / (B·K)`, with sign 0 where they
    /// are equal, as in PyTorch; 0 in the rows from B on.
    MeanAbsoluteErrorBackward "mean_absolute_error_backward":
        positive(difference()) - positive(-difference()),
        |d| if d > T::ZERO {
            T::ONE
        } else if d < T::ZERO {
            -T::ONE
        } else {
            // 0, or NaN, which must not be hidden.
            d
        };
    flops 2
}
