//! SGD and its momenta: updates in place, over all parameters as one flat row.
//! Attributes are called as in PyTorch. Source: `torch.optim.SGD`.
//!
//! Weight decay here and in `optimizer_rms.rs` is L2 regularisation: `λ·w` joins the gradient.
//! Only AdamW decouples it from the gradient.

use super::activation::elementwise_call;
use super::{
    ANY, Cost, Dims, Input, Io, KernelCall, Op, Operand, Operation, Output, Role, input, output,
};
use crate::equation::{Equation, Expression, Position, element, index, less, number, scalar, size};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

/// An element of the row.
pub(super) fn at(tensor: &'static str) -> Expression {
    element(tensor, [index("i")])
}

/// An equation over the row.
pub(super) fn row(output: &'static str, expression: Expression) -> Equation {
    expression.defines(output, [("i", "count")])
}

/// The gradient with L2 regularisation, `g + λ·w`; without a weight decay, `g`.
pub(super) fn decayed(weight_decay: f32) -> Expression {
    if weight_decay == 0.0 {
        at("g")
    } else {
        at("g") + scalar("λ") * at("w")
    }
}

/// Inputs w and g, then the states, which are called as in the equations.
pub(super) fn update_inputs(states: &[&'static str]) -> Vec<Input> {
    ["w", "g"]
        .iter()
        .chain(states)
        .map(|&name| input(name, ANY))
        .collect()
}

/// The updated weights and states, each in the memory of its input.
pub(super) fn update_outputs(states: &[&'static str]) -> Vec<Output> {
    let weights = output("w′", ANY).role(Role::Alias(0));
    let states = states.iter().zip(2..).map(|(state, input)| {
        let name = match *state {
            "m" => "m′",
            "v" => "v′",
            "s" => "s′",
            "b" => "b′",
            other => panic!("no updated state is called {other}′"),
        };
        output(name, ANY).role(Role::Alias(input))
    });
    std::iter::once(weights).chain(states).collect()
}

/// The kernel of an update with `states` states: g, then w and the states in place.
pub(super) fn update_call(
    shader: &'static str,
    dims: &Dims,
    states: usize,
    constants: &[(&'static str, f32)],
) -> Vec<KernelCall> {
    let mut operands = vec![Operand::Input(1)];
    operands.extend((0..=states).map(Operand::Output));
    let mut call = elementwise_call(shader, dims, operands);
    call.constants = constants
        .iter()
        .map(|&(name, value)| (name, f64::from(value)))
        .collect();
    vec![call]
}

pub(super) fn real<T: Real>(value: f32) -> T {
    T::from_f64(f64::from(value))
}

/// That an attribute lies in its range: from 0, and below 1 where it is a share.
pub(super) fn check(name: &str, value: f32, is_share: bool) -> Result<(), String> {
    let fits = value.is_finite() && value >= 0.0 && (!is_share || value < 1.0);
    let expected = if is_share {
        "a number from 0 to below 1"
    } else {
        "a number from 0"
    };
    fits.then_some(())
        .ok_or_else(|| format!("{name} is {value}, expected {expected}"))
}

impl Op {
    /// Adam's `1 − β₁ᵗ` and `1 − β₂ᵗ` for the update number `t`, from 1; 1 for every other update.
    pub fn bias_corrections(&self, t: u64) -> [f32; 2] {
        match self {
            Self::AdamUpdate(adam) => adam.bias_corrections(t),
            Self::AdamwUpdate(adam) => adam.bias_corrections(t),
            _ => [1.0, 1.0],
        }
    }
}

/// `w ← w − η · (g + λ·w)`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SgdUpdate {
    /// λ
    pub weight_decay: f32,
}

impl Operation for SgdUpdate {
    const NAME: &'static str = "sgd_update";

    fn inputs(&self) -> Vec<Input> {
        update_inputs(&[])
    }

    fn outputs(&self) -> Vec<Output> {
        update_outputs(&[])
    }

    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        check("weight_decay", self.weight_decay, false)
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![("λ", f64::from(self.weight_decay))]
    }

    fn equations(&self) -> Vec<Equation> {
        vec![row(
            "w′",
            at("w") - scalar("η") * decayed(self.weight_decay),
        )]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(4 * dims.get("count"))
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let rate = real::<T>(io.step.learning_rate);
        let decay = real::<T>(self.weight_decay);
        let g = io.input(1);
        for (w, &g) in io.output(0).iter_mut().zip(g) {
            *w -= rate * (g + decay * *w);
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        update_call(Self::NAME, dims, 0, &[("WEIGHT_DECAY", self.weight_decay)])
    }
}

/// `v ← μ·v + (1 − τ)·(g + λ·w)`, `w ← w − η·v`; with Nesterov's look ahead
/// `w ← w − η·(g + λ·w + μ·v)`. As in PyTorch, the first update takes `v = g + λ·w`, undamped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MomentumUpdate {
    /// μ
    pub momentum: f32,
    /// τ
    #[serde(default)]
    pub dampening: f32,
    /// λ
    #[serde(default)]
    pub weight_decay: f32,
    #[serde(default)]
    pub nesterov: bool,
}

impl MomentumUpdate {
    fn velocity(&self) -> Expression {
        let carried = scalar("μ") * at("v");
        if self.dampening == 0.0 {
            return carried + decayed(self.weight_decay);
        }
        // The first update is not damped.
        let damped = less(Position::Number(1), size("t")) * scalar("τ");
        carried + (number(1.0) - damped) * decayed(self.weight_decay)
    }
}

impl Operation for MomentumUpdate {
    const NAME: &'static str = "momentum_update";

    fn inputs(&self) -> Vec<Input> {
        update_inputs(&["v"])
    }

    fn outputs(&self) -> Vec<Output> {
        update_outputs(&["v"])
    }

    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        check("momentum", self.momentum, false)?;
        check("weight_decay", self.weight_decay, false)?;
        if !self.dampening.is_finite() {
            return Err(format!(
                "dampening is {}, expected a number",
                self.dampening
            ));
        }
        if self.nesterov && (self.momentum == 0.0 || self.dampening != 0.0) {
            return Err(format!(
                "nesterov needs a momentum above 0 and a dampening of 0, got {} and {}",
                self.momentum, self.dampening
            ));
        }
        Ok(())
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("μ", f64::from(self.momentum)),
            ("τ", f64::from(self.dampening)),
            ("λ", f64::from(self.weight_decay)),
        ]
    }

    fn equations(&self) -> Vec<Equation> {
        let step = if self.nesterov {
            decayed(self.weight_decay) + scalar("μ") * self.velocity()
        } else {
            self.velocity()
        };
        vec![
            row("w′", at("w") - scalar("η") * step),
            row("v′", self.velocity()),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new((7 + 2 * usize::from(self.nesterov)) * dims.get("count"))
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let rate = real::<T>(io.step.learning_rate);
        let (momentum, decay) = (real::<T>(self.momentum), real::<T>(self.weight_decay));
        let share = match io.step.step {
            0 => T::ONE,
            _ => T::ONE - real(self.dampening),
        };
        let g = io.input(1);
        let (w, v) = io.two_outputs(0, 1);
        for ((w, v), &g) in w.real().iter_mut().zip(v.real()).zip(g) {
            let g = g + decay * *w;
            *v = momentum * *v + share * g;
            *w -= rate * if self.nesterov { g + momentum * *v } else { *v };
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let constants = [
            ("MOMENTUM", self.momentum),
            ("DAMPENING", self.dampening),
            ("WEIGHT_DECAY", self.weight_decay),
            ("NESTEROV", f32::from(u8::from(self.nesterov))),
        ];
        update_call(Self::NAME, dims, 1, &constants)
    }
}
