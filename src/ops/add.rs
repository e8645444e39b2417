//! Addition, with broadcasting; also how gradients of shared tensors meet.
//!
//! Tensors of one shape take a kernel of their own: residual connections and sums of
//! gradients are of that kind, and it need not work out where an element is repeated.

use super::activation::elementwise_call;
use super::arithmetic::{
    addend_step, broadcast_call, broadcast_equation, broadcast_twin, derive_broadcast, two_inputs,
};
use super::{
    ANY, Cost, Dims, FREE, GradientStep, Input, Io, KernelCall, Operand, Operation, Output, input,
    output,
};
use crate::equation::{Equation, element, index};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

/// `y = a + b`. Source: `torch.add`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Add {}

impl Operation for Add {
    const NAME: &'static str = "add";

    fn inputs(&self) -> Vec<Input> {
        two_inputs()
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", FREE)]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        // Tensors of one shape may have any rank.
        if dims.input(0) == dims.input(1) {
            let shape = dims.input(0).clone();
            dims.set("count", shape.count());
            dims.set_output(0, shape);
            return Ok(());
        }
        derive_broadcast(dims)
    }

    /// Each input gets the output's gradient, summed over its copies.
    fn gradient(&self, dims: &Dims) -> Vec<GradientStep> {
        vec![addend_step(dims, 0), addend_step(dims, 1)]
    }

    fn equations_for(&self, dims: &Dims) -> Vec<Equation> {
        if dims.input(0) == dims.input(1) {
            let [a, b] = ["a", "b"].map(|name| element(name, [index("i")]));
            return vec![(a + b).defines("y", [("i", "count")])];
        }
        broadcast_equation(dims, |a, b| a + b)
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("y", "a + b")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(dims.get("count"))
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        broadcast_twin(dims, io, |a, b| a + b);
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        if dims.input(0) == dims.input(1) {
            let operands = vec![Operand::Input(0), Operand::Input(1), Operand::Output(0)];
            return vec![elementwise_call("add", dims, operands)];
        }
        vec![broadcast_call("add_broadcast", dims)]
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
