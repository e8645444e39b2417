//! Addition of tensors of one shape; also how gradients of shared tensors meet.

use super::activation::elementwise_call;
use super::{
    ANY, Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, input, output,
};
use crate::equation::{Equation, element, index};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

/// `y = a + b`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Add {}

impl Operation for Add {
    const NAME: &'static str = "add";

    fn inputs(&self) -> Vec<Input> {
        vec![input("a", ANY), input("b", ANY)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", ANY)]
    }

    /// Both inputs get the output's gradient as it is.
    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        [0, 1]
            .map(|target| GradientStep {
                op: Op::AddBackward(AddBackward {}),
                operands: vec![GradientOperand::GradientOf(0)],
                target,
            })
            .into()
    }

    fn equations(&self) -> Vec<Equation> {
        vec![
            (element("a", [index("i")]) + element("b", [index("i")]))
                .defines("y", [("i", "count")]),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(dims.get("count"))
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let (a, b) = (io.input(0), io.input(1));
        for (y, (&a, &b)) in io.output(0).iter_mut().zip(a.iter().zip(b)) {
            *y = a + b;
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let operands = vec![Operand::Input(0), Operand::Input(1), Operand::Output(0)];
        vec![elementwise_call("add", dims, operands)]
    }
}

/// `dx = dy`: addition hands its gradient on to each addend.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AddBackward {}

impl Operation for AddBackward {
    const NAME: &'static str = "add_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![input("dy", ANY)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dx", ANY)]
    }

    fn equations(&self) -> Vec<Equation> {
        vec![element("dy", [index("i")]).defines("dx", [("i", "count")])]
    }

    fn cost(&self, _dims: &Dims) -> Cost {
        Cost::new(0)
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let dy = io.input(0);
        io.output(0).copy_from_slice(dy);
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let operands = vec![Operand::Input(0), Operand::Output(0)];
        vec![elementwise_call("add_backward", dims, operands)]
    }
}
