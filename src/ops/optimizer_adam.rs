//! Adam and AdamW. Sources: `torch.optim.Adam`, `torch.optim.AdamW` (ε outside the corrected root).

use super::optimizer::{at, check, decayed, real, row, update_call, update_inputs, update_outputs};
use super::{Cost, Dims, Input, Io, KernelCall, Operation, Output};
use crate::equation::{Equation, Expression, number, power, scalar, sqrt};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

/// `1 − β₁ᵗ` and `1 − β₂ᵗ`.
fn bias_corrections(betas: [f32; 2], t: u64) -> [f32; 2] {
    betas.map(|beta| {
        // The difference is taken in f64: in f32 most of its digits would be lost.
        (1.0 - f64::from(beta).powf(t as f64)) as f32
    })
}

/// An average of the past, `β·state + (1 − β)·of`.
fn average(beta: &'static str, state: &'static str, of: Expression) -> Expression {
    scalar(beta) * at(state) + (number(1.0) - scalar(beta)) * of
}

fn first(gradient: Expression) -> Expression {
    average("β₁", "m", gradient)
}

fn second(gradient: Expression) -> Expression {
    average("β₂", "v", power(gradient, number(2.0)))
}

/// `m̂ / (√v̂ + ε)`
fn step(gradient: impl Fn() -> Expression) -> Expression {
    let corrected = |moment, beta| moment / (number(1.0) - power(scalar(beta), scalar("t")));
    corrected(first(gradient()), "β₁") / (sqrt(corrected(second(gradient()), "β₂")) + scalar("ε"))
}

/// `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`, `w ← w − η · m̂ / (√v̂ + ε)` with
/// `m̂ = m / (1 − β₁ᵗ)` and `v̂ = v / (1 − β₂ᵗ)`. The gradient is that with L2
/// regularisation, `g + λ·w`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamUpdate {
    /// β₁ and β₂
    pub betas: [f32; 2],
    /// ε
    pub eps: f32,
    /// λ
    pub weight_decay: f32,
}

impl Default for AdamUpdate {
    fn default() -> Self {
        Self {
            betas: [0.9, 0.999],
            eps: 1e-8,
            weight_decay: 0.0,
        }
    }
}

/// As Adam, with a weight decay that is not mixed into the gradient:
/// `w ← w − η·λ·w − η · m̂ / (√v̂ + ε)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamwUpdate {
    /// β₁ and β₂
    pub betas: [f32; 2],
    /// ε
    pub eps: f32,
    /// λ
    pub weight_decay: f32,
}

impl Default for AdamwUpdate {
    fn default() -> Self {
        Self {
            betas: [0.9, 0.999],
            eps: 1e-8,
            weight_decay: 1e-2,
        }
    }
}

/// What the two have in common: attributes, states, cost, and the arithmetic but for the decay.
macro_rules! adam {
    ($name:ident, $text:literal, $weights:expr, $gradient:expr, |$g:ident, $w:ident, $rate:ident, $decay:ident| $decayed:block) => {
        impl $name {
            /// `1 − β₁ᵗ` and `1 − β₂ᵗ` for the update number `t`, from 1.
            pub fn bias_corrections(&self, t: u64) -> [f32; 2] {
                bias_corrections(self.betas, t)
            }
        }

        impl Operation for $name {
            const NAME: &'static str = $text;

            fn inputs(&self) -> Vec<Input> {
                update_inputs(&["m", "v"])
            }

            fn outputs(&self) -> Vec<Output> {
                update_outputs(&["m", "v"])
            }

            fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
                check("the first of betas", self.betas[0], true)?;
                check("the second of betas", self.betas[1], true)?;
                check("eps", self.eps, false)?;
                check("weight_decay", self.weight_decay, false)
            }

            fn scalars(&self) -> Vec<(&'static str, f64)> {
                vec![
                    ("β₁", f64::from(self.betas[0])),
                    ("β₂", f64::from(self.betas[1])),
                    ("ε", f64::from(self.eps)),
                    ("λ", f64::from(self.weight_decay)),
                ]
            }

            fn equations(&self) -> Vec<Equation> {
                let gradient = || $gradient(self);
                let moved = scalar("η") * step(gradient);
                vec![
                    row("w′", $weights(self) - moved),
                    row("m′", first(gradient())),
                    row("v′", second(gradient())),
                ]
            }

            fn cost(&self, dims: &Dims) -> Cost {
                Cost::new(14 * dims.get("count"))
            }

            fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
                let ($rate, epsilon) = (real::<T>(io.step.learning_rate), real::<T>(self.eps));
                let (beta_1, beta_2) = (real::<T>(self.betas[0]), real::<T>(self.betas[1]));
                let correction_1 = real::<T>(io.step.bias_correction_1);
                let correction_2 = real::<T>(io.step.bias_correction_2);
                let $decay = real::<T>(self.weight_decay);
                let g = io.input(1);
                let [w, m, v] = &mut io.outputs[..] else {
                    panic!("{} has three outputs", $text);
                };
                let state = w.real().iter_mut().zip(m.real()).zip(v.real());
                for ((($w, m), v), &g) in state.zip(g) {
                    #[allow(unused_mut)] // only L2 regularisation changes it
                    let mut $g = g;
                    $decayed * m = beta_1 * *m + (T::ONE - beta_1) * $g;
                    *v = beta_2 * *v + (T::ONE - beta_2) * $g * $g;
                    *$w -= $rate * (*m / correction_1) / ((*v / correction_2).sqrt() + epsilon);
                }
            }

            fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
                let constants = [
                    ("BETA_1", self.betas[0]),
                    ("BETA_2", self.betas[1]),
                    ("EPSILON", self.eps),
                    ("WEIGHT_DECAY", self.weight_decay),
                ];
                update_call(Self::NAME, dims, 2, &constants)
            }
        }
    };
}

adam! {
    AdamUpdate, "adam_update",
    |_: &Self| at("w"),
    |op: &Self| decayed(op.weight_decay),
    |g, w, rate, decay| { g += decay * *w; }
}

adam! {
    AdamwUpdate, "adamw_update",
    |op: &Self| if op.weight_decay == 0.0 {
        at("w")
    } else {
        at("w") - scalar("η") * scalar("λ") * at("w")
    },
    |_: &Self| at("g"),
    |g, w, rate, decay| { *w -= rate * decay * *w; }
}
