//! Elementwise activations: ReLU, sigmoid, tanh. Their gradients use the output
//! alone, so the input need not be kept.

use super::{
    ANY, Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, input, linear_workgroups, output, params,
};
use crate::equation::{
    Equation, Expression, Function, apply, element, index, number, positive, power,
};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `ElementwiseParams` of the elementwise shaders.
    ElementwiseParams { count: u32, row_length: u32, unused_0: u32, unused_1: u32 }
}

/// One invocation for each element of tensors of one shape.
pub(super) fn elementwise_call(
    shader: &'static str,
    dims: &Dims,
    operands: Vec<Operand>,
) -> KernelCall {
    let count = dims.get("count");
    let (workgroups, row_length) = linear_workgroups(count, super::kernel::WORKGROUP_SIZE);
    KernelCall {
        shader,
        constants: Vec::new(),
        params: ElementwiseParams {
            count: count as u32,
            row_length,
            unused_0: 0,
            unused_1: 0,
        }
        .params(),
        operands,
        workgroups,
    }
}

fn x() -> Expression {
    element("x", [index("i")])
}

fn y() -> Expression {
    element("y", [index("i")])
}

fn dy() -> Expression {
    element("dy", [index("i")])
}

/// An activation and its backward operation, each with its formula; `$derivative` in terms of the output.
macro_rules! activation {
    (
        $(#[$doc:meta])* $forward:ident $name:literal = $formula:literal: $equation:expr, $function:expr;
        $(#[$backward_doc:meta])* $backward:ident $backward_name:literal = $derivative_formula:literal: $derivative_equation:expr, $derivative:expr;
        flops $flops:literal
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
                    operands: vec![GradientOperand::Output(0), GradientOperand::GradientOf(0)],
                    target: 0,
                }]
            }

            fn equations(&self) -> Vec<Equation> {
                vec![$equation.defines("y", [("i", "count")])]
            }

            fn formulas(&self) -> &'static [(&'static str, &'static str)] {
                &[("y", $formula)]
            }

            fn cost(&self, dims: &Dims) -> Cost {
                Cost::new($flops * dims.get("count"))
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
                vec![input("y", ANY), input("dy", ANY)]
            }

            fn outputs(&self) -> Vec<Output> {
                vec![output("dx", ANY)]
            }

            fn equations(&self) -> Vec<Equation> {
                vec![$derivative_equation.defines("dx", [("i", "count")])]
            }

            fn formulas(&self) -> &'static [(&'static str, &'static str)] {
                &[("dx", $derivative_formula)]
            }

            fn cost(&self, dims: &Dims) -> Cost {
                Cost::new(2 * dims.get("count"))
            }

            fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
                let (y, dy) = (io.input(0), io.input(1));
                let derivative: fn(T) -> T = $derivative;
                for (dx, (&y, &dy)) in io.output(0).iter_mut().zip(y.iter().zip(dy)) {
                    *dx = dy * derivative(y);
                }
            }

            fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
                let operands = vec![Operand::Input(0), Operand::Input(1), Operand::Output(0)];
                vec![elementwise_call($backward_name, dims, operands)]
            }
        }
    };
}

activation! {
    /// `y = max(0, x)`. NaN stays NaN, so that a fault is not hidden.
    Relu "relu" = "ReLU(x)": apply(Function::PositivePart, x()),
        |x| if x < T::ZERO { T::ZERO } else { x };
    /// `dx = dy · 1[y > 0]`; at 0 the gradient is 0, as in PyTorch.
    ReluBackward "relu_backward" = "dy ⊙ [y > 0]": dy() * positive(y()),
        |y| if y > T::ZERO { T::ONE } else { T::ZERO };
    flops 1
}

activation! {
    /// `y = 1 / (1 + exp(−x))`
    Sigmoid "sigmoid" = "σ(x)": apply(Function::Sigmoid, x()), sigmoid;
    /// `dx = dy · y · (1 − y)`
    SigmoidBackward "sigmoid_backward" = "dy ⊙ y ⊙ (1 − y)": dy() * y() * (number(1.0) - y()),
        |y| y * (T::ONE - y);
    flops 4
}

activation! {
    /// `y = tanh(x)`
    Tanh "tanh_activation" = "tanh(x)": apply(Function::Tanh, x()), T::tanh;
    /// `dx = dy · (1 − y²)`
    TanhBackward "tanh_backward" = "dy ⊙ (1 − y ⊙ y)": dy() * (number(1.0) - power(y(), number(2.0))),
        |y| T::ONE - y * y;
    flops 4
}

/// Without overflow on either side: the exponential is of a negative number.
pub(super) fn sigmoid<T: Real>(x: T) -> T {
    let tail = (-x.abs()).exp();
    if x < T::ZERO {
        tail / (T::ONE + tail)
    } else {
        T::ONE / (T::ONE + tail)
    }
}
