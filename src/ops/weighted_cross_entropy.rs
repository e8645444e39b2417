//! Softmax cross-entropy with class weights, ignored labels and label smoothing.
//! Source: `torch.nn.functional.cross_entropy`.
//!
//! A room of its own, so that the plain loss stays as small and fast as it is.

use super::regression::Reduction;
use super::softmax_cross_entropy::{loss_outputs, loss_params};
use super::{
    Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, Role, index_input, input, output,
};
use crate::equation::{
    Equation, Expression, Function, Position, apply, arg_maximum, element, equal, exp, index,
    indices, less, ln, lookup, maximum, number, positive, scalar, size, sum,
};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

/// PyTorch's own.
fn default_ignored() -> i32 {
    -100
}

/// The variants of the loss.
#[derive(Clone, Copy)]
struct Variant {
    label_smoothing: f32,
    ignore_index: i32,
}

impl Variant {
    fn check(self) -> Result<(), String> {
        if (0.0..=1.0).contains(&self.label_smoothing) {
            return Ok(());
        }
        Err(format!(
            "label_smoothing is {}, expected a number from 0 to 1",
            self.label_smoothing
        ))
    }

    /// The label that does not count, as labels are stored.
    fn ignored(self) -> u32 {
        self.ignore_index.cast_unsigned()
    }

    fn scalars(self) -> Vec<(&'static str, f64)> {
        vec![
            ("ε", f64::from(self.label_smoothing)),
            ("ignored", f64::from(self.ignored())),
        ]
    }

    fn constants(self) -> Vec<(&'static str, f64)> {
        vec![
            ("SMOOTHING", f64::from(self.label_smoothing)),
            ("IGNORED", f64::from(self.ignored())),
        ]
    }

    /// `hard·(1 − ε) + (ε/K)·soft`, or what is left of it without smoothing.
    fn smoothed(self, hard: Expression, soft: Expression) -> Expression {
        if self.label_smoothing == 0.0 {
            return hard;
        }
        hard * (number(1.0) - scalar("ε")) + scalar("ε") / scalar("K") * soft
    }

    /// (1 − ε, ε / K)
    fn shares<T: Real>(self, classes: usize) -> (T, T) {
        let smoothing = T::from_f64(f64::from(self.label_smoothing));
        (T::ONE - smoothing, smoothing / T::from_f64(classes as f64))
    }
}

fn target() -> Position {
    lookup("t", [index("n")])
}

/// 1 where the row counts: it is valid, and its label is not the ignored one.
fn counts() -> Expression {
    let distance = Expression::Value(target()) - scalar("ignored");
    less(index("n"), size("B")) * positive(apply(Function::Absolute, distance))
}

fn labels() -> Input {
    index_input("t", &["N"]).below("K")
}

/// With `q[n, k] = (1 − ε)·w[t[n]]·1[k = t[n]] + (ε/K)·w[k]`:
/// `L = (1/D) Σ_n Σ_k q[n, k]·(ln Σ_j exp(z[n, j]) − z[n, k])` over the rows that count, and
/// `D = Σ_n w[t[n]]` over the same.
///
/// z (N, K) logits, t (N) classes, w (K) class weights (ones where there are none). A row
/// counts if it is among the first B and its label is not `ignore_index`; a negative
/// one, such as PyTorch's −100, is stored in a label's 32 bits as 2³² − 100.
/// Where no weight counts (every label ignored) D is 1 and the loss 0, so
/// that training goes on; PyTorch gives NaN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightedCrossEntropy {
    /// ε, from 0 to 1.
    #[serde(default)]
    pub label_smoothing: f32,
    #[serde(default = "default_ignored")]
    pub ignore_index: i32,
    /// A sum has D = 1.
    #[serde(default)]
    pub reduction: Reduction,
}

impl Default for WeightedCrossEntropy {
    fn default() -> Self {
        Self {
            label_smoothing: 0.0,
            ignore_index: default_ignored(),
            reduction: Reduction::default(),
        }
    }
}

impl WeightedCrossEntropy {
    fn variant(&self) -> Variant {
        Variant {
            label_smoothing: self.label_smoothing,
            ignore_index: self.ignore_index,
        }
    }
}

fn largest() -> Expression {
    maximum([("j", "K")], element("z", [index("n"), index("j")]))
}

/// `exp(z[n, k] − max_j z[n, j])`
fn shifted(class: &'static str) -> Expression {
    exp(element("z", [index("n"), index(class)]) - largest())
}

/// `−ln p[n, k]` from the logits.
fn surprise(class: Position) -> Expression {
    ln(sum("l", "K", shifted("l"))) + largest() - element("z", [index("n"), class])
}

impl Operation for WeightedCrossEntropy {
    const NAME: &'static str = "weighted_cross_entropy";

    fn inputs(&self) -> Vec<Input> {
        let ignored = self.variant().ignored();
        vec![
            input("z", &["N", "K"]),
            labels().or(ignored),
            input("w", &["K"]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        let mut outputs = loss_outputs();
        outputs.push(output("D", &[]).role(Role::Saved));
        outputs.push(output("weight_of_row", &["N"]).role(Role::Saved));
        outputs
    }

    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        self.variant().check()
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        self.variant().scalars()
    }

    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        use GradientOperand::{GradientOf, Input, Output};
        let op = WeightedCrossEntropyBackward {
            label_smoothing: self.label_smoothing,
            ignore_index: self.ignore_index,
        };
        vec![GradientStep {
            op: Op::WeightedCrossEntropyBackward(op),
            operands: vec![Output(2), Input(1), Input(2), Output(5), GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        let rows = |name| sum("n", "N", element(name, [index("n")]));
        let weight = |class| element("w", [class]);
        let hard = weight(target()) * surprise(target());
        let soft = sum("k", "K", weight(index("k")) * surprise(index("k")));
        let row = self.variant().smoothed(hard, soft);
        let divisor = match self.reduction {
            // 1 where the weights add up to 0.
            Reduction::Mean => {
                let is_some = positive(apply(Function::Absolute, rows("weight_of_row")));
                rows("weight_of_row") + number(1.0) - is_some
            }
            Reduction::Sum => number(1.0),
        };
        let predicted = arg_maximum("k", "K", element("z", [index("n"), index("k")]));
        vec![
            (rows("loss_of_row") / element("D", [])).defines("L", []),
            rows("correct_of_row").defines("correct", []),
            (shifted("k") / sum("l", "K", shifted("l"))).defines("p", [("n", "N"), ("k", "K")]),
            (counts() * row).defines("loss_of_row", [("n", "N")]),
            (counts() * equal(predicted, target())).defines("correct_of_row", [("n", "N")]),
            divisor.defines("D", []),
            (counts() * weight(target())).defines("weight_of_row", [("n", "N")]),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, k] = dims.all(["N", "K"]);
        Cost::new(8 * n * k)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [n, k] = dims.all(["N", "K"]);
        let (z, t, w) = (io.input(0), io.index_input(1), io.input(2));
        let variant = self.variant();
        let (hard, soft) = variant.shares::<T>(k);
        let (valid, ignored) = (io.valid(), variant.ignored());
        for row in 0..n {
            let z = &z[row * k..(row + 1) * k];
            let largest = z.iter().fold(z[0], |m, &v| m.maximum(v));
            let p = &mut io.output(2)[row * k..(row + 1) * k];
            let mut total = T::ZERO;
            for (p, &z) in p.iter_mut().zip(z) {
                *p = (z - largest).exp();
                total += *p;
            }
            for p in p {
                *p = *p / total;
            }
            let [mut loss, mut correct, mut weight] = [T::ZERO; 3];
            if row < valid && t[row] != ignored {
                let target = t[row] as usize;
                let normalizer = total.ln() + largest;
                weight = w[target];
                loss = hard * weight * (normalizer - z[target]);
                if variant.label_smoothing > 0.0 {
                    let all = w.iter().zip(z).map(|(&w, &z)| w * (normalizer - z));
                    loss += soft * all.sum();
                }
                if winner(z) == target {
                    correct = T::ONE;
                }
            }
            io.output(3)[row] = loss;
            io.output(4)[row] = correct;
            io.output(6)[row] = weight;
        }
        let mut totals = [3, 4, 6].map(|rows| io.output(rows).iter().copied().sum::<T>());
        if self.reduction == Reduction::Sum || totals[2] == T::ZERO {
            totals[2] = T::ONE;
        }
        let [loss, correct, weight] = totals;
        io.output(0)[0] = loss / weight;
        io.output(1)[0] = correct;
        io.output(5)[0] = weight;
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let (row_params, row_workgroups) = loss_params(dims, dims.get("N"));
        let (params, _) = loss_params(dims, 1);
        vec![
            KernelCall {
                shader: Self::NAME,
                constants: self.variant().constants(),
                params: row_params,
                operands: vec![
                    Input(0),
                    Input(1),
                    Input(2),
                    Output(2),
                    Output(3),
                    Output(4),
                    Output(6),
                ],
                workgroups: row_workgroups,
            },
            KernelCall {
                shader: "weighted_mean_of_rows",
                constants: vec![self.reduction.constant()],
                params,
                operands: vec![
                    Output(3),
                    Output(4),
                    Output(6),
                    Output(0),
                    Output(1),
                    Output(5),
                ],
                workgroups: [1, 1, 1],
            },
        ]
    }
}

/// The first of the largest logits.
fn winner<T: Real>(z: &[T]) -> usize {
    let mut winner = 0;
    for class in 1..z.len() {
        if z[class] > z[winner] {
            winner = class;
        }
    }
    winner
}

/// `dz[n, k] = (dL/D) · (p[n, k]·Σ_j q[n, j] − q[n, k])` in the rows that count, with `q` as in
/// the loss: `(1 − ε)·w[t]·(p[k] − 1[k = t]) + (ε/K)·(p[k]·Σ_j w[j] − w[k])`; 0 in the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightedCrossEntropyBackward {
    #[serde(default)]
    pub label_smoothing: f32,
    #[serde(default = "default_ignored")]
    pub ignore_index: i32,
}

impl WeightedCrossEntropyBackward {
    fn variant(&self) -> Variant {
        Variant {
            label_smoothing: self.label_smoothing,
            ignore_index: self.ignore_index,
        }
    }
}

impl Operation for WeightedCrossEntropyBackward {
    const NAME: &'static str = "weighted_cross_entropy_backward";

    fn inputs(&self) -> Vec<Input> {
        let ignored = self.variant().ignored();
        vec![
            input("p", &["N", "K"]),
            labels().or(ignored),
            input("w", &["K"]),
            input("D", &[]),
            input("dL", &[]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dz", &["N", "K"])]
    }

    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        self.variant().check()
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        self.variant().scalars()
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, k] = indices(["n", "k"]);
        let p = || element("p", [n.clone(), k.clone()]);
        let weight = |class| element("w", [class]);
        let hard = weight(target()) * (p() - equal(k.clone(), target()));
        let soft = p() * sum("j", "K", weight(index("j"))) - weight(k.clone());
        let difference = self.variant().smoothed(hard, soft);
        let scale = element("dL", []) / element("D", []);
        vec![(counts() * scale * difference).defines("dz", [("n", "N"), ("k", "K")])]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, k] = dims.all(["N", "K"]);
        Cost::new(7 * n * k)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let k = dims.get("K");
        let (p, t, w) = (io.input(0), io.index_input(1), io.input(2));
        let scale = io.input(4)[0] / io.input(3)[0];
        let variant = self.variant();
        let (hard, soft) = variant.shares::<T>(k);
        let (valid, ignored) = (io.valid(), variant.ignored());
        let weights: T = w.iter().copied().sum();
        for (row, dz) in io.output(0).chunks_exact_mut(k).enumerate() {
            if row >= valid || t[row] == ignored {
                dz.fill(T::ZERO);
                continue;
            }
            let target = t[row] as usize;
            for (class, dz) in dz.iter_mut().enumerate() {
                let p = p[row * k + class];
                let right = if class == target { T::ONE } else { T::ZERO };
                let difference = hard * w[target] * (p - right) + soft * (p * weights - w[class]);
                *dz = scale * difference;
            }
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let (params, workgroups) = loss_params(dims, dims.get("N"));
        vec![KernelCall {
            shader: Self::NAME,
            constants: self.variant().constants(),
            params,
            operands: vec![Input(0), Input(1), Input(2), Input(3), Input(4), Output(0)],
            workgroups,
        }]
    }
}
