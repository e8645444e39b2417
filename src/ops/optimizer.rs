//! Optimizer updates, in place, over all parameters as one flat row.
//! Sources: `torch.optim.SGD`, `torch.optim.Adam` (ε outside the corrected root).

use super::activation::elementwise_call;
use super::{
    ANY, Cost, Dims, Input, Io, KernelCall, Operand, Operation, Output, Role, input, output,
};
use crate::equation::{Equation, Expression, element, index, number, power, scalar, sqrt};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

fn at(tensor: &'static str) -> Expression {
    element(tensor, [index("i")])
}

/// `w ← w − η · g`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SgdUpdate {}

impl Operation for SgdUpdate {
    const NAME: &'static str = "sgd_update";

    fn inputs(&self) -> Vec<Input> {
        vec![input("w", ANY), input("g", ANY)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("w′", ANY).role(Role::Alias(0))]
    }

    fn equations(&self) -> Vec<Equation> {
        vec![(at("w") - scalar("η") * at("g")).defines("w′", [("i", "count")])]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(2 * dims.get("count"))
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let rate = T::from_f64(f64::from(io.step.learning_rate));
        let g = io.input(1);
        for (w, &g) in io.output(0).iter_mut().zip(g) {
            *w -= rate * g;
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        vec![elementwise_call(
            Self::NAME,
            dims,
            vec![Operand::Input(1), Operand::Output(0)],
        )]
    }
}

/// `v ← μ·v + g`, `w ← w − η·v`. Source: `torch.optim.SGD` without dampening.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MomentumUpdate {
    /// μ
    pub momentum: f32,
}

impl Operation for MomentumUpdate {
    const NAME: &'static str = "momentum_update";

    fn inputs(&self) -> Vec<Input> {
        vec![input("w", ANY), input("g", ANY), input("v", ANY)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![
            output("w′", ANY).role(Role::Alias(0)),
            output("v′", ANY).role(Role::Alias(2)),
        ]
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![("μ", f64::from(self.momentum))]
    }

    fn equations(&self) -> Vec<Equation> {
        let velocity = || scalar("μ") * at("v") + at("g");
        vec![
            (at("w") - scalar("η") * velocity()).defines("w′", [("i", "count")]),
            velocity().defines("v′", [("i", "count")]),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(4 * dims.get("count"))
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let rate = T::from_f64(f64::from(io.step.learning_rate));
        let momentum = T::from_f64(f64::from(self.momentum));
        let g = io.input(1);
        let (w, v) = io.two_outputs(0, 1);
        for ((w, v), &g) in w.real().iter_mut().zip(v.real()).zip(g) {
            *v = momentum * *v + g;
            *w -= rate * *v;
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let operands = vec![Operand::Input(1), Operand::Output(0), Operand::Output(1)];
        let mut call = elementwise_call(Self::NAME, dims, operands);
        call.constants = vec![("MOMENTUM", f64::from(self.momentum))];
        vec![call]
    }
}

/// `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`, `w ← w − η · m̂ / (√v̂ + ε)` with
/// `m̂ = m / (1 − β₁ᵗ)` and `v̂ = v / (1 − β₂ᵗ)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdamUpdate {
    /// β₁
    pub beta_1: f32,
    /// β₂
    pub beta_2: f32,
    /// ε
    pub epsilon: f32,
}

impl Default for AdamUpdate {
    fn default() -> Self {
        Self {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
        }
    }
}

impl AdamUpdate {
    /// `1 − β₁ᵗ` and `1 − β₂ᵗ` for the update number `t`, from 1.
    pub fn bias_corrections(&self, t: u64) -> [f32; 2] {
        [self.beta_1, self.beta_2].map(|beta| {
            // The difference is taken in f64: in f32 most of its digits would be lost.
            (1.0 - f64::from(beta).powf(t as f64)) as f32
        })
    }
}

impl Operation for AdamUpdate {
    const NAME: &'static str = "adam_update";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("w", ANY),
            input("g", ANY),
            input("m", ANY),
            input("v", ANY),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![
            output("w′", ANY).role(Role::Alias(0)),
            output("m′", ANY).role(Role::Alias(2)),
            output("v′", ANY).role(Role::Alias(3)),
        ]
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("β₁", f64::from(self.beta_1)),
            ("β₂", f64::from(self.beta_2)),
            ("ε", f64::from(self.epsilon)),
        ]
    }

    fn equations(&self) -> Vec<Equation> {
        let one_minus = |scalar| number(1.0) - scalar;
        let first = || scalar("β₁") * at("m") + one_minus(scalar("β₁")) * at("g");
        let second =
            || scalar("β₂") * at("v") + one_minus(scalar("β₂")) * power(at("g"), number(2.0));
        let corrected = |moment, beta| moment / one_minus(power(scalar(beta), scalar("t")));
        let step = corrected(first(), "β₁") / (sqrt(corrected(second(), "β₂")) + scalar("ε"));
        vec![
            (at("w") - scalar("η") * step).defines("w′", [("i", "count")]),
            first().defines("m′", [("i", "count")]),
            second().defines("v′", [("i", "count")]),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(12 * dims.get("count"))
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let real = |value: f32| T::from_f64(f64::from(value));
        let (rate, epsilon) = (real(io.step.learning_rate), real(self.epsilon));
        let (beta_1, beta_2) = (real(self.beta_1), real(self.beta_2));
        let correction_1 = real(io.step.bias_correction_1);
        let correction_2 = real(io.step.bias_correction_2);
        let g = io.input(1);
        let [w, m, v] = &mut io.outputs[..] else {
            panic!("adam_update has three outputs");
        };
        let state = w.real().iter_mut().zip(m.real()).zip(v.real());
        for (((w, m), v), &g) in state.zip(g) {
            *m = beta_1 * *m + (T::ONE - beta_1) * g;
            *v = beta_2 * *v + (T::ONE - beta_2) * g * g;
            *w -= rate * (*m / correction_1) / ((*v / correction_2).sqrt() + epsilon);
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let operands = vec![Input(1), Output(0), Output(1), Output(2)];
        let mut call = elementwise_call(Self::NAME, dims, operands);
        call.constants = vec![
            ("BETA_1", f64::from(self.beta_1)),
            ("BETA_2", f64::from(self.beta_2)),
            ("EPSILON", f64::from(self.epsilon)),
        ];
        vec![call]
    }
}
