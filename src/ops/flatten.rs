//! Flattening samples into rows: the same memory under another shape.

use super::{
    ANY, Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operation, Output,
    Role, input, output,
};
use crate::equation::{Equation, element, index};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

/// `(N, …) -> (N, F)`, row-major, with `F` the product of the other sizes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Flatten {}

impl Operation for Flatten {
    const NAME: &'static str = "flatten";

    fn inputs(&self) -> Vec<Input> {
        vec![input("x", ANY)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", &["N", "F"]).role(Role::Alias(0))]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        let shape = dims.any().expect("x is bound").clone();
        let Some((&batch, rest)) = shape.dims().split_first() else {
            return Err("expected at least one dimension, got a scalar".into());
        };
        dims.set("N", batch);
        dims.set("F", rest.iter().product());
        Ok(())
    }

    fn gradient(&self, dims: &Dims) -> Vec<GradientStep> {
        let shape = dims.any().expect("x is bound").dims().to_vec();
        vec![GradientStep {
            op: Op::FlattenBackward(FlattenBackward { shape }),
            operands: vec![GradientOperand::GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        vec![element("x", [index("i")]).defines("y", [("i", "count")])]
    }

    fn cost(&self, _dims: &Dims) -> Cost {
        Cost::new(0)
    }

    /// Nothing to do: the output is the input's memory.
    fn twin<T: Real>(&self, _dims: &Dims, _io: &mut Io<'_, T>) {}

    fn kernels(&self, _dims: &Dims) -> Vec<KernelCall> {
        Vec::new()
    }
}

/// `(N, F) -> shape`: the gradient takes the input's shape again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlattenBackward {
    pub shape: Vec<usize>,
}

impl Operation for FlattenBackward {
    const NAME: &'static str = "flatten_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![input("dy", &["N", "F"])]
    }

    fn outputs(&self) -> Vec<Output> {
        const LETTERS: [&[&str]; 5] = [
            &["N"],
            &["N", "C"],
            &["N", "C", "H"],
            &["N", "C", "H", "W"],
            &["N", "C", "D", "H", "W"],
        ];
        let letters = LETTERS[self.shape.len().clamp(1, LETTERS.len()) - 1];
        vec![output("dx", letters).role(Role::Alias(0))]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        let [n, f] = dims.all(["N", "F"]);
        let count = self
            .shape
            .iter()
            .try_fold(1usize, |product, &size| product.checked_mul(size));
        let fits = (1..=5).contains(&self.shape.len()) && self.shape[0] == n;
        if !fits || count != Some(n * f) {
            return Err(format!(
                "cannot make {:?} of dy (N = {n}, F = {f})",
                self.shape
            ));
        }
        let letters = self.outputs()[0].dims;
        for (&letter, &size) in letters.iter().zip(&self.shape) {
            dims.set(letter, size);
        }
        dims.set("count", n * f);
        Ok(())
    }

    fn equations(&self) -> Vec<Equation> {
        vec![element("dy", [index("i")]).defines("dx", [("i", "count")])]
    }

    fn cost(&self, _dims: &Dims) -> Cost {
        Cost::new(0)
    }

    /// Nothing to do: the output is the input's memory.
    fn twin<T: Real>(&self, _dims: &Dims, _io: &mut Io<'_, T>) {}

    fn kernels(&self, _dims: &Dims) -> Vec<KernelCall> {
        Vec::new()
    }
}
