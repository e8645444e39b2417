//! Updates that divide by the root of past squared gradients, without Adam's corrections.
//! Sources: `torch.optim.RMSprop` and `torch.optim.Adagrad` (ε outside the root).

use super::optimizer::{at, check, decayed, real, row, update_call, update_inputs, update_outputs};
use super::{Cost, Dims, Input, Io, KernelCall, Operation, Output};
use crate::equation::{Equation, Expression, Function, apply, number, power, scalar, sqrt};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

/// `v ← ρv + (1−ρ)g²`, `w ← w − η · g / (√v + ε)`; centred, the root is of `v − m²` with
/// `m ← ρm + (1−ρ)g`; with momentum, `b ← μb + g / (√v + ε)` and `w ← w − η·b`.
/// The gradient is that with L2 regularisation, `g + λ·w`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RmspropUpdate {
    /// ρ
    pub alpha: f32,
    /// ε
    pub eps: f32,
    /// λ
    pub weight_decay: f32,
    /// μ
    pub momentum: f32,
    pub centered: bool,
}

impl Default for RmspropUpdate {
    fn default() -> Self {
        Self {
            alpha: 0.99,
            eps: 1e-8,
            weight_decay: 0.0,
            momentum: 0.0,
            centered: false,
        }
    }
}

impl RmspropUpdate {
    /// v, then m and b where they are used.
    fn states(&self) -> &'static [&'static str] {
        match (self.centered, self.momentum != 0.0) {
            (false, false) => &["v"],
            (true, false) => &["v", "m"],
            (false, true) => &["v", "b"],
            (true, true) => &["v", "m", "b"],
        }
    }

    fn average(&self, state: &'static str, of: Expression) -> Expression {
        scalar("ρ") * at(state) + (number(1.0) - scalar("ρ")) * of
    }

    fn second(&self) -> Expression {
        self.average("v", power(decayed(self.weight_decay), number(2.0)))
    }

    fn first(&self) -> Expression {
        self.average("m", decayed(self.weight_decay))
    }

    /// `g / (√… + ε)`
    fn normalized(&self) -> Expression {
        let variance = if self.centered {
            // Rounding may leave a hair less than 0.
            let variance = self.second() - power(self.first(), number(2.0));
            apply(Function::PositivePart, variance)
        } else {
            self.second()
        };
        decayed(self.weight_decay) / (sqrt(variance) + scalar("ε"))
    }

    fn velocity(&self) -> Expression {
        scalar("μ") * at("b") + self.normalized()
    }
}

impl Operation for RmspropUpdate {
    const NAME: &'static str = "rmsprop_update";

    fn inputs(&self) -> Vec<Input> {
        update_inputs(self.states())
    }

    fn outputs(&self) -> Vec<Output> {
        update_outputs(self.states())
    }

    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        check("alpha", self.alpha, true)?;
        check("eps", self.eps, false)?;
        check("weight_decay", self.weight_decay, false)?;
        check("momentum", self.momentum, false)
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("ρ", f64::from(self.alpha)),
            ("ε", f64::from(self.eps)),
            ("λ", f64::from(self.weight_decay)),
            ("μ", f64::from(self.momentum)),
        ]
    }

    fn equations(&self) -> Vec<Equation> {
        let step = if self.momentum == 0.0 {
            self.normalized()
        } else {
            self.velocity()
        };
        let weights = row("w′", at("w") - scalar("η") * step);
        let states = self.states().iter().map(|state| match *state {
            "v" => row("v′", self.second()),
            "m" => row("m′", self.first()),
            _ => row("b′", self.velocity()),
        });
        std::iter::once(weights).chain(states).collect()
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let extra = 5 * usize::from(self.centered) + 2 * usize::from(self.momentum != 0.0);
        Cost::new((11 + extra) * dims.get("count"))
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let (rate, epsilon) = (real::<T>(io.step.learning_rate), real::<T>(self.eps));
        let (alpha, decay) = (real::<T>(self.alpha), real::<T>(self.weight_decay));
        let momentum = real::<T>(self.momentum);
        let g = io.input(1);
        let mut rows = io.outputs.iter_mut().map(|output| output.real());
        let mut next = || rows.next().expect("an update has as many outputs as rows");
        let (w, v) = (next(), next());
        let mut m = self.centered.then(&mut next);
        let mut b = (self.momentum != 0.0).then(&mut next);
        for (i, &g) in g.iter().enumerate() {
            let g = g + decay * w[i];
            v[i] = alpha * v[i] + (T::ONE - alpha) * g * g;
            let mut variance = v[i];
            if let Some(m) = &mut m {
                m[i] = alpha * m[i] + (T::ONE - alpha) * g;
                variance -= m[i] * m[i];
                if variance < T::ZERO {
                    variance = T::ZERO;
                }
            }
            let normalized = g / (variance.sqrt() + epsilon);
            w[i] -= rate
                * match &mut b {
                    Some(b) => {
                        b[i] = momentum * b[i] + normalized;
                        b[i]
                    }
                    None => normalized,
                };
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let states = self.states();
        let shader = match (self.centered, self.momentum != 0.0) {
            (false, false) => "rmsprop_update",
            (true, false) => "rmsprop_update_centered",
            (false, true) => "rmsprop_update_momentum",
            (true, true) => "rmsprop_update_centered_momentum",
        };
        let mut constants = vec![
            ("ALPHA", self.alpha),
            ("EPSILON", self.eps),
            ("WEIGHT_DECAY", self.weight_decay),
        ];
        if self.momentum != 0.0 {
            constants.push(("MOMENTUM", self.momentum));
        }
        update_call(shader, dims, states.len(), &constants)
    }
}

/// `s ← s + g²`, `w ← w − η / (1 + (t−1)·κ) · g / (√s + ε)`, with the gradient `g + λ·w`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdagradUpdate {
    /// κ
    pub lr_decay: f32,
    /// λ
    pub weight_decay: f32,
    /// ε
    pub eps: f32,
}

impl Default for AdagradUpdate {
    fn default() -> Self {
        Self {
            lr_decay: 0.0,
            weight_decay: 0.0,
            eps: 1e-10,
        }
    }
}

impl Operation for AdagradUpdate {
    const NAME: &'static str = "adagrad_update";

    fn inputs(&self) -> Vec<Input> {
        update_inputs(&["s"])
    }

    fn outputs(&self) -> Vec<Output> {
        update_outputs(&["s"])
    }

    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        check("lr_decay", self.lr_decay, false)?;
        check("weight_decay", self.weight_decay, false)?;
        check("eps", self.eps, false)
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("κ", f64::from(self.lr_decay)),
            ("λ", f64::from(self.weight_decay)),
            ("ε", f64::from(self.eps)),
        ]
    }

    fn equations(&self) -> Vec<Equation> {
        let sum = || at("s") + power(decayed(self.weight_decay), number(2.0));
        let rate = if self.lr_decay == 0.0 {
            scalar("η")
        } else {
            scalar("η") / (number(1.0) + (scalar("t") - number(1.0)) * scalar("κ"))
        };
        let step = decayed(self.weight_decay) / (sqrt(sum()) + scalar("ε"));
        vec![row("w′", at("w") - rate * step), row("s′", sum())]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(9 * dims.get("count"))
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let done = T::from_f64(f64::from(io.step.step));
        let rate = real::<T>(io.step.learning_rate) / (T::ONE + done * real(self.lr_decay));
        let (epsilon, decay) = (real::<T>(self.eps), real::<T>(self.weight_decay));
        let g = io.input(1);
        let (w, s) = io.two_outputs(0, 1);
        for ((w, s), &g) in w.real().iter_mut().zip(s.real()).zip(g) {
            let g = g + decay * *w;
            *s += g * g;
            *w -= rate * g / (s.sqrt() + epsilon);
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let constants = [
            ("LR_DECAY", self.lr_decay),
            ("EPSILON", self.eps),
            ("WEIGHT_DECAY", self.weight_decay),
        ];
        update_call(Self::NAME, dims, 1, &constants)
    }
}
