//! Sigmoid and binary cross-entropy in one, from logits.
//! Source: `torch.nn.functional.binary_cross_entropy_with_logits` (mean over all elements).

use super::activation::sigmoid;
use super::softmax_cross_entropy::{batch_totals, loss_outputs, loss_params, write_totals};
use super::{
    Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, input, output,
};
use crate::equation::{
    Equation, Function, apply, element, exp, index, indices, less, ln, number, positive, scalar,
    size, sum,
};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

/// `L = 1/(B·K) Σ_n Σ_k (max(z, 0) − z·t + ln(1 + exp(−|z|)))` over the `B` valid rows; nats.
///
/// z (N, K) logits, t (N, K) targets from 0 to 1. A row's loss is the mean of its elements. A row is right when every
/// probability is on its target's side of one half. With a weight of positives `w`
/// an element is `(1 − t)·z + (1 + (w − 1)·t)·(max(−z, 0) + ln(1 + exp(−|z|)))`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BinaryCrossEntropy {
    /// PyTorch's `pos_weight`, one for all columns.
    #[serde(default = "one")]
    pub pos_weight: f32,
}

impl Default for BinaryCrossEntropy {
    fn default() -> Self {
        Self { pos_weight: one() }
    }
}

fn one() -> f32 {
    1.0
}

fn check_weight(pos_weight: f32) -> Result<(), String> {
    if pos_weight.is_finite() && pos_weight > 0.0 {
        return Ok(());
    }
    Err(format!(
        "pos_weight is {pos_weight}, expected a number above 0"
    ))
}

impl Operation for BinaryCrossEntropy {
    const NAME: &'static str = "binary_cross_entropy";

    fn inputs(&self) -> Vec<Input> {
        vec![input("z", &["N", "K"]), input("t", &["N", "K"])]
    }

    fn outputs(&self) -> Vec<Output> {
        loss_outputs()
    }

    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        check_weight(self.pos_weight)
    }

    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        use GradientOperand::{GradientOf, Input, Output};
        let pos_weight = self.pos_weight;
        vec![GradientStep {
            op: Op::BinaryCrossEntropyBackward(BinaryCrossEntropyBackward { pos_weight }),
            operands: vec![Output(2), Input(1), GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, k] = indices(["n", "k"]);
        let z = || element("z", [index("n"), index("k")]);
        let t = || element("t", [index("n"), index("k")]);
        let valid = || less(index("n"), size("B"));
        let [total, correct] = batch_totals();
        let tail = || ln(number(1.0) + exp(-apply(Function::Absolute, z())));
        let one = if self.pos_weight == 1.0 {
            apply(Function::PositivePart, z()) - z() * t() + tail()
        } else {
            let weight = number(1.0) + number(f64::from(self.pos_weight) - 1.0) * t();
            z() * (number(1.0) - t()) + weight * (apply(Function::PositivePart, -z()) + tail())
        };
        // Wrong elements: on the other side of one half than the target.
        let side = positive(z()) - positive(t() - number(0.5));
        let wrong = sum("k", "K", apply(Function::Absolute, side));
        vec![
            total,
            correct,
            apply(Function::Sigmoid, element("z", [n, k])).defines("p", [("n", "N"), ("k", "K")]),
            (valid() * (sum("k", "K", one) / scalar("K"))).defines("loss_of_row", [("n", "N")]),
            (valid() * (number(1.0) - positive(wrong))).defines("correct_of_row", [("n", "N")]),
        ]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("p", "σ(z)"),
            ("L", "mean(− t ⊙ ln(p) − (1 − t) ⊙ ln(1 − p))"),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, k] = dims.all(["N", "K"]);
        Cost::new(10 * n * k)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [n, k] = dims.all(["N", "K"]);
        let (z, t, valid) = (io.input(0), io.input(1), io.valid());
        let half = T::from_f64(0.5);
        let width = T::from_f64(k as f64);
        let more = T::from_f64(f64::from(self.pos_weight) - 1.0);
        for row in 0..n {
            let mut loss = T::ZERO;
            let mut right = true;
            for at in row * k..(row + 1) * k {
                io.output(2)[at] = sigmoid(z[at]);
                let positive_part = if z[at] < T::ZERO { T::ZERO } else { z[at] };
                let tail = (-z[at].abs()).exp().ln_1p();
                // The weight's part is apart: 0 for a weight of 1.
                loss += positive_part - z[at] * t[at]
                    + tail
                    + more * t[at] * (positive_part - z[at] + tail);
                right &= (z[at] > T::ZERO) == (t[at] > half);
            }
            let counts = row < valid;
            io.output(3)[row] = if counts { loss / width } else { T::ZERO };
            io.output(4)[row] = if counts && right { T::ONE } else { T::ZERO };
        }
        write_totals(io);
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let (row_params, row_workgroups) = loss_params(dims, dims.get("N"));
        let (params, _) = loss_params(dims, 1);
        vec![
            KernelCall {
                shader: Self::NAME,
                constants: vec![("POS_WEIGHT", f64::from(self.pos_weight))],
                params: row_params,
                operands: vec![Input(0), Input(1), Output(2), Output(3), Output(4)],
                workgroups: row_workgroups,
            },
            KernelCall {
                shader: "mean_of_rows",
                constants: Vec::new(),
                params,
                operands: vec![Output(3), Output(4), Output(0), Output(1)],
                workgroups: [1, 1, 1],
            },
        ]
    }
}

/// `dz[n, k] = dL · (p[n, k] − t[n, k]) / (B·K)`; 0 in the rows from B on. With a weight of
/// positives `w` the difference is `p·(1 + (w − 1)·t) − w·t`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BinaryCrossEntropyBackward {
    /// As in the forward operation.
    #[serde(default = "one")]
    pub pos_weight: f32,
}

impl Operation for BinaryCrossEntropyBackward {
    const NAME: &'static str = "binary_cross_entropy_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("p", &["N", "K"]),
            input("t", &["N", "K"]),
            input("dL", &[]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dz", &["N", "K"])]
    }

    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        check_weight(self.pos_weight)
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, k] = indices(["n", "k"]);
        let p = || element("p", [n.clone(), k.clone()]);
        let t = || element("t", [n.clone(), k.clone()]);
        let difference = if self.pos_weight == 1.0 {
            p() - t()
        } else {
            let weight = f64::from(self.pos_weight);
            p() * (number(1.0) + number(weight - 1.0) * t()) - number(weight) * t()
        };
        vec![
            (less(n.clone(), size("B"))
                * element("dL", [])
                * (difference / (scalar("B") * scalar("K"))))
            .defines("dz", [("n", "N"), ("k", "K")]),
        ]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("dz", "dL · (p − t) / (B · K)")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, k] = dims.all(["N", "K"]);
        Cost::new(3 * n * k)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let k = dims.get("K");
        let (p, t, upstream) = (io.input(0), io.input(1), io.input(2)[0]);
        let valid = io.valid();
        let scale = upstream / T::from_f64((valid * k).max(1) as f64);
        let more = T::from_f64(f64::from(self.pos_weight) - 1.0);
        for (at, dz) in io.output(0).iter_mut().enumerate() {
            *dz = if at / k < valid {
                ((p[at] - t[at]) + more * t[at] * (p[at] - T::ONE)) * scale
            } else {
                T::ZERO
            };
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [n, k] = dims.all(["N", "K"]);
        let (params, workgroups) = loss_params(dims, n * k);
        vec![KernelCall {
            shader: Self::NAME,
            constants: vec![("POS_WEIGHT", f64::from(self.pos_weight))],
            params,
            operands: vec![Input(0), Input(1), Input(2), Output(0)],
            workgroups,
        }]
    }
}
