//! Dropout: in training some elements become 0, and the others grow by as much on average.
//! Source: `torch.nn.Dropout`; Srivastava and others (2014), "Dropout".
//!
//! Which ones is a hash of the run's seed, the layer, the step and the element: the same on
//! every device, and the same again when a step is replayed.

use super::activation::elementwise_call;
use super::{
    ANY, Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, Role, input, linear_workgroups, output, params,
};
use crate::equation::{
    Equation, Position, element, equal, index, number, positive, random, scalar, size,
};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `DropoutParams` of `dropout`.
    DropoutParams { count: u32, row_length: u32, key: u32, rate: f32 }
}

/// A permutation of the 32-bit numbers in which every bit depends on all.
/// Source: C. Wellons, "Prospecting for Hash Functions" (lowbias32).
fn mix(number: u32) -> u32 {
    let mut hash = number;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x7feb_352d);
    hash = (hash ^ (hash >> 15)).wrapping_mul(0x846c_a68b);
    hash ^ (hash >> 16)
}

/// Uniform in (0, 1], in steps of 2⁻²⁴, for an element of a step.
pub(super) fn uniform(key: u32, step: u32, element: u32) -> f64 {
    let hash = mix(mix(mix(key) ^ step) ^ element);
    // 24 bits are what an f32 holds exactly.
    f64::from((hash >> 8) + 1) / f64::from(1 << 24)
}

/// `y[i] = x[i] · m[i]` with `m[i] = 1[u(i) > rate] / (1 − rate)` in training and 1 in inference;
/// u uniform in (0, 1].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dropout {
    /// Probability that an element becomes 0.
    pub rate: f32,
    /// The run's seed.
    #[serde(default)]
    pub seed: u64,
    /// Tells layers of one model apart.
    #[serde(default)]
    pub stream: u32,
}

impl Dropout {
    /// What the seed and the layer make of the hash.
    fn key(&self) -> u32 {
        let (low, high) = (self.seed as u32, (self.seed >> 32) as u32);
        mix(mix(mix(self.stream) ^ high) ^ low)
    }
}

impl Operation for Dropout {
    const NAME: &'static str = "dropout";

    fn inputs(&self) -> Vec<Input> {
        vec![input("x", ANY)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", ANY), output("m", ANY).role(Role::Saved)]
    }

    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        if (0.0..=1.0).contains(&self.rate) {
            return Ok(());
        }
        Err(format!("expected a rate from 0 to 1, got {}", self.rate))
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("rate", f64::from(self.rate)),
            ("key", f64::from(self.key())),
        ]
    }

    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        vec![GradientStep {
            op: Op::DropoutBackward(DropoutBackward {}),
            operands: vec![GradientOperand::Output(1), GradientOperand::GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        let at = |tensor| element(tensor, [index("i")]);
        let training = equal(size("train"), Position::Number(1));
        let inference = equal(size("train"), Position::Number(0));
        let stays = positive(random(index("i")) - scalar("rate"));
        let factor = number(1.0) / (number(1.0) - scalar("rate"));
        vec![
            (at("x") * at("m")).defines("y", [("i", "count")]),
            (training * stays * factor + inference).defines("m", [("i", "count")]),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(dims.get("count"))
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let x = io.input(0);
        let (key, step, training) = (self.key(), io.step.step, io.step.is_training());
        let rate = f64::from(self.rate);
        let factor = T::ONE / (T::ONE - T::from_f64(rate));
        let (y, m) = io.two_outputs(0, 1);
        let outputs = y.real().iter_mut().zip(m.real());
        for ((y, m), (at, &x)) in outputs.zip(x.iter().enumerate()) {
            *m = if !training {
                T::ONE
            } else if uniform(key, step, at as u32) > rate {
                factor
            } else {
                T::ZERO
            };
            *y = x * *m;
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let count = dims.get("count");
        let (workgroups, row_length) = linear_workgroups(count, super::kernel::WORKGROUP_SIZE);
        vec![KernelCall {
            shader: Self::NAME,
            constants: Vec::new(),
            params: DropoutParams {
                count: count as u32,
                row_length,
                key: self.key(),
                rate: self.rate,
            }
            .params(),
            operands: vec![Operand::Input(0), Operand::Output(0), Operand::Output(1)],
            workgroups,
        }]
    }
}

/// `dx[i] = dy[i] · m[i]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DropoutBackward {}

impl Operation for DropoutBackward {
    const NAME: &'static str = "dropout_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![input("m", ANY), input("dy", ANY)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dx", ANY)]
    }

    fn equations(&self) -> Vec<Equation> {
        let at = |tensor| element(tensor, [index("i")]);
        vec![(at("dy") * at("m")).defines("dx", [("i", "count")])]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(dims.get("count"))
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let (m, dy) = (io.input(0), io.input(1));
        for ((dx, &m), &dy) in io.output(0).iter_mut().zip(m).zip(dy) {
            *dx = dy * m;
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let operands = vec![Operand::Input(0), Operand::Input(1), Operand::Output(0)];
        vec![elementwise_call(Self::NAME, dims, operands)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_drop_at_the_rate_and_independently() {
        let count = 100_000u32;
        let dropped = |key, step| -> Vec<bool> {
            (0..count).map(|at| uniform(key, step, at) <= 0.3).collect()
        };
        let share =
            |drops: &[bool]| drops.iter().filter(|&&drop| drop).count() as f64 / f64::from(count);
        let both = |a: &[bool], b: &[bool]| -> Vec<bool> {
            a.iter().zip(b).map(|(a, b)| *a && *b).collect()
        };
        let first = dropped(1, 0);
        // Standard errors: 0.0014 and 0.0009.
        assert!((share(&first) - 0.3).abs() < 0.006, "{}", share(&first));
        for other in [dropped(1, 1), dropped(2, 0)] {
            assert!((share(&other) - 0.3).abs() < 0.006);
            let together = share(&both(&first, &other));
            assert!((together - 0.09).abs() < 0.004, "{together}");
        }
        // Neighbours neither.
        let together = share(&both(&first[1..], &first));
        assert!((together - 0.09).abs() < 0.004, "{together}");
        assert_eq!(first, dropped(1, 0));
    }

    #[test]
    fn seeds_and_layers_have_their_own_numbers() {
        let key = |seed, stream| {
            Dropout {
                rate: 0.5,
                seed,
                stream,
            }
            .key()
        };
        let keys = [key(0, 0), key(1, 0), key(0, 1), key(1 << 32, 0)];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key));
        }
    }
}
