//! Functions of one number: negate, exponential, logarithm, square root, square, power.
//! Source: `torch.neg`, `torch.exp`, `torch.log`, `torch.sqrt`, `torch.square`, `torch.pow`.

use super::activation::elementwise_call;
use super::{
    ANY, Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, input, linear_workgroups, output, params,
};
use crate::equation::{Equation, Expression, element, exp, index, ln, number, power, scalar, sqrt};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `PowerParams` of the shaders of powers.
    PowerParams { count: u32, row_length: u32, exponent: f32, unused: u32 }
}

fn at(name: &'static str) -> Expression {
    element(name, [index("i")])
}

/// A function, and its backward operation in terms of `$saved`: its input "x" or output "y".
macro_rules! function {
    (
        $(#[$doc:meta])* $forward:ident $name:literal: $equation:expr, $function:expr;
        $(#[$backward_doc:meta])* $backward:ident $backward_name:literal of $saved:literal ($operand:expr):
            $derivative_equation:expr, $derivative:expr;
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        pub struct $forward {}

        impl Operation for $forward {
            const NAME: &'static str = $name;

            fn inputs(&self) -> Vec<Input> {
                vec![input("x", ANY)]
            }

            fn outputs(&self) -> Vec<Output> {
                vec![output("y", ANY)]
            }

            fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
                vec![GradientStep {
                    op: Op::$backward($backward {}),
                    operands: vec![$operand, GradientOperand::GradientOf(0)],
                    target: 0,
                }]
            }

            fn equations(&self) -> Vec<Equation> {
                let equation: fn(Expression) -> Expression = $equation;
                vec![equation(at("x")).defines("y", [("i", "count")])]
            }

            fn cost(&self, dims: &Dims) -> Cost {
                Cost::new(dims.get("count"))
            }

            fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
                let x = io.input(0);
                let function: fn(T) -> T = $function;
                for (y, &x) in io.output(0).iter_mut().zip(x) {
                    *y = function(x);
                }
            }

            fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
                vec![elementwise_call($name, dims, vec![Operand::Input(0), Operand::Output(0)])]
            }
        }

        $(#[$backward_doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        pub struct $backward {}

        impl Operation for $backward {
            const NAME: &'static str = $backward_name;

            fn inputs(&self) -> Vec<Input> {
                vec![input($saved, ANY), input("dy", ANY)]
            }

            fn outputs(&self) -> Vec<Output> {
                vec![output("dx", ANY)]
            }

            fn equations(&self) -> Vec<Equation> {
                let equation: fn(Expression, Expression) -> Expression = $derivative_equation;
                vec![equation(at($saved), at("dy")).defines("dx", [("i", "count")])]
            }

            fn cost(&self, dims: &Dims) -> Cost {
                Cost::new(2 * dims.get("count"))
            }

            fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
                let (saved, dy) = (io.input(0), io.input(1));
                let function: fn(T, T) -> T = $derivative;
                for (dx, (&saved, &dy)) in io.output(0).iter_mut().zip(saved.iter().zip(dy)) {
                    *dx = function(saved, dy);
                }
            }

            fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
                let operands = vec![Operand::Input(0), Operand::Input(1), Operand::Output(0)];
                vec![elementwise_call($backward_name, dims, operands)]
            }
        }
    };
}

function! {
    /// `y = exp(x)`
    Exponential "exponential": exp, T::exp;
    /// `dx = dy · y`
    ExponentialBackward "exponential_backward" of "y" (GradientOperand::Output(0)):
        |y, dy| dy * y, |y, dy| dy * y;
}

function! {
    /// `y = ln(x)`; not a number below 0.
    Logarithm "logarithm": ln, T::ln;
    /// `dx = dy / x`
    LogarithmBackward "logarithm_backward" of "x" (GradientOperand::Input(0)):
        |x, dy| dy / x, |x, dy| dy / x;
}

function! {
    /// `y = √x`; not a number below 0, and without a finite gradient at 0.
    SquareRoot "square_root": sqrt, T::sqrt;
    /// `dx = dy / (2 · y)`
    SquareRootBackward "square_root_backward" of "y" (GradientOperand::Output(0)):
        |y, dy| dy / (number(2.0) * y), |y, dy| dy / (T::from_f64(2.0) * y);
}

function! {
    /// `y = x²`
    Square "square": |x| power(x, number(2.0)), |x| x * x;
    /// `dx = dy · 2 · x`
    SquareBackward "square_backward" of "x" (GradientOperand::Input(0)):
        |x, dy| dy * number(2.0) * x, |x, dy| dy * T::from_f64(2.0) * x;
}

/// `y = −x`; its gradient is the same operation on dy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Negate {}

impl Operation for Negate {
    const NAME: &'static str = "negate";

    fn inputs(&self) -> Vec<Input> {
        vec![input("x", ANY)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", ANY)]
    }

    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        vec![GradientStep {
            op: Op::Negate(Negate {}),
            operands: vec![GradientOperand::GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        vec![(-at("x")).defines("y", [("i", "count")])]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(dims.get("count"))
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let x = io.input(0);
        for (y, &x) in io.output(0).iter_mut().zip(x) {
            *y = -x;
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let operands = vec![Operand::Input(0), Operand::Output(0)];
        vec![elementwise_call(Self::NAME, dims, operands)]
    }
}

/// `y = xᵖ`. A negative x has a power where p is a whole number; elsewhere it is not a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Power {
    /// p
    pub exponent: f32,
}

/// `dx = dy · p · xᵖ⁻¹`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PowerBackward {
    /// p
    pub exponent: f32,
}

/// A power with a finite exponent.
fn check_exponent(exponent: f32) -> Result<(), String> {
    if exponent.is_finite() {
        return Ok(());
    }
    Err(format!(
        "the exponent is {exponent}, expected a finite number"
    ))
}

fn power_call(
    shader: &'static str,
    dims: &Dims,
    exponent: f32,
    operands: Vec<Operand>,
) -> KernelCall {
    let count = dims.get("count");
    let (workgroups, row_length) = linear_workgroups(count, super::kernel::WORKGROUP_SIZE);
    KernelCall {
        shader,
        constants: Vec::new(),
        params: PowerParams {
            count: count as u32,
            row_length,
            exponent,
            unused: 0,
        }
        .params(),
        operands,
        workgroups,
    }
}

impl Operation for Power {
    const NAME: &'static str = "power";

    fn inputs(&self) -> Vec<Input> {
        vec![input("x", ANY)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", ANY)]
    }

    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        check_exponent(self.exponent)
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![("p", f64::from(self.exponent))]
    }

    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        vec![GradientStep {
            op: Op::PowerBackward(PowerBackward {
                exponent: self.exponent,
            }),
            operands: vec![GradientOperand::Input(0), GradientOperand::GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        vec![power(at("x"), scalar("p")).defines("y", [("i", "count")])]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(dims.get("count"))
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let (x, exponent) = (io.input(0), T::from_f64(f64::from(self.exponent)));
        for (y, &x) in io.output(0).iter_mut().zip(x) {
            *y = x.powf(exponent);
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let operands = vec![Operand::Input(0), Operand::Output(0)];
        vec![power_call(Self::NAME, dims, self.exponent, operands)]
    }
}

impl Operation for PowerBackward {
    const NAME: &'static str = "power_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![input("x", ANY), input("dy", ANY)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dx", ANY)]
    }

    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        check_exponent(self.exponent)
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![("p", f64::from(self.exponent))]
    }

    fn equations(&self) -> Vec<Equation> {
        let slope = scalar("p") * power(at("x"), scalar("p") - number(1.0));
        vec![(at("dy") * slope).defines("dx", [("i", "count")])]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(3 * dims.get("count"))
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let (x, dy) = (io.input(0), io.input(1));
        let p = T::from_f64(f64::from(self.exponent));
        for (dx, (&x, &dy)) in io.output(0).iter_mut().zip(x.iter().zip(dy)) {
            // A constant has no slope, at 0 either.
            *dx = if p == T::ZERO {
                T::ZERO
            } else {
                dy * p * x.powf(p - T::ONE)
            };
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let operands = vec![Operand::Input(0), Operand::Input(1), Operand::Output(0)];
        vec![power_call(Self::NAME, dims, self.exponent, operands)]
    }
}
