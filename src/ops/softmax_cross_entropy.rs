//! Softmax and cross-entropy in one: stable, from logits, with the count of
//! right answers. Source: `torch.nn.functional.cross_entropy` (mean over the batch).

use super::{
    Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, Params, Role, index_input, input, linear_workgroups, output, params,
};
use crate::equation::{
    Equation, Expression, Position, arg_maximum, element, equal, exp, index, indices, less, ln,
    lookup, maximum, scalar, size, sum,
};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `LossParams` of the loss shaders.
    LossParams { batch: u32, classes: u32, row_length: u32, unused: u32 }
}

/// Sizes for the loss kernels and the workgroups of one with `count` invocations.
pub(super) fn loss_params(dims: &Dims, count: usize) -> (Params, [u32; 3]) {
    let [n, k] = dims.all(["N", "K"]);
    let (workgroups, row_length) = linear_workgroups(count, super::kernel::WORKGROUP_SIZE);
    let params = LossParams {
        batch: n as u32,
        classes: k as u32,
        row_length,
        unused: 0,
    };
    (params.params(), workgroups)
}

/// Parameters of a kernel that adds up `rows` of a loss.
pub(super) fn totals_params(rows: usize) -> Params {
    let (_, row_length) = linear_workgroups(1, super::kernel::WORKGROUP_SIZE);
    let params = LossParams {
        batch: rows as u32,
        classes: 1,
        row_length,
        unused: 0,
    };
    params.params()
}

/// `softmax_cross_entropy` and its backward operation: inputs z, t, dL, outputs
/// those of the loss, then dz.
pub(crate) fn with_gradient(dims: &Dims) -> Vec<KernelCall> {
    use Operand::{Input, Output};
    let mut calls = SoftmaxCrossEntropy {}.kernels(dims);
    calls[0].shader = "softmax_cross_entropy_with_gradient";
    calls[0].operands = vec![
        Input(0),
        Input(1),
        Input(2),
        Output(2),
        Output(3),
        Output(4),
        Output(5),
    ];
    calls
}

/// The outputs of every loss over a batch: the mean, the number of right
/// answers, the predicted probabilities, and both by row.
pub(super) fn loss_outputs() -> Vec<Output> {
    vec![
        output("L", &[]),
        output("correct", &[]),
        output("p", &["N", "K"]).role(Role::Saved),
        output("loss_of_row", &["N"]).role(Role::Saved),
        output("correct_of_row", &["N"]).role(Role::Saved),
    ]
}

/// `L = (1/B) Σ_n loss_of_row[n]` and `correct = Σ_n correct_of_row[n]`.
pub(super) fn batch_totals() -> [Equation; 2] {
    let rows = |name| sum("n", "N", element(name, [index("n")]));
    [
        (rows("loss_of_row") / scalar("B")).defines("L", []),
        rows("correct_of_row").defines("correct", []),
    ]
}

/// Sums the rows of a loss in order, on the CPU.
pub(super) fn write_totals<T: Real>(io: &mut Io<'_, T>) {
    let loss: T = io.output(3).iter().copied().sum();
    let correct: T = io.output(4).iter().copied().sum();
    io.output(0)[0] = loss / T::from_f64(io.valid().max(1) as f64);
    io.output(1)[0] = correct;
}

/// `L = (1/B) Σ_n (ln Σ_k exp(z[n, k] − m[n]) + m[n] − z[n, t[n]])` with
/// `m[n] = max_k z[n, k]`, over the `B` valid rows; nats.
///
/// z (N, K) logits, t (N) classes. Rows from B on count nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SoftmaxCrossEntropy {}

impl SoftmaxCrossEntropy {
    /// `exp(z[n, k] − max_j z[n, j])`
    fn shifted(class: &'static str) -> Expression {
        exp(element("z", [index("n"), index(class)]) - Self::largest())
    }

    fn largest() -> Expression {
        maximum([("j", "K")], element("z", [index("n"), index("j")]))
    }

    fn target() -> Position {
        lookup("t", [index("n")])
    }
}

impl Operation for SoftmaxCrossEntropy {
    const NAME: &'static str = "softmax_cross_entropy";

    fn inputs(&self) -> Vec<Input> {
        vec![input("z", &["N", "K"]), index_input("t", &["N"]).below("K")]
    }

    fn outputs(&self) -> Vec<Output> {
        loss_outputs()
    }

    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        use GradientOperand::{GradientOf, Input, Output};
        vec![GradientStep {
            op: Op::SoftmaxCrossEntropyBackward(SoftmaxCrossEntropyBackward {}),
            operands: vec![Output(2), Input(1), GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        let valid = || less(index("n"), size("B"));
        let [total, correct] = batch_totals();
        let row_loss = ln(sum("k", "K", Self::shifted("k"))) + Self::largest()
            - element("z", [index("n"), Self::target()]);
        let predicted = arg_maximum("k", "K", element("z", [index("n"), index("k")]));
        vec![
            total,
            correct,
            (Self::shifted("k") / sum("l", "K", Self::shifted("l")))
                .defines("p", [("n", "N"), ("k", "K")]),
            (valid() * row_loss).defines("loss_of_row", [("n", "N")]),
            (valid() * equal(predicted, Self::target())).defines("correct_of_row", [("n", "N")]),
        ]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("p", "softmax(z)"), ("L", "mean(− ln(p[t]))")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, k] = dims.all(["N", "K"]);
        Cost::new(5 * n * k)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [n, k] = dims.all(["N", "K"]);
        let (z, t, valid) = (io.input(0), io.index_input(1), io.valid());
        for row in 0..n {
            let z = &z[row * k..(row + 1) * k];
            let mut winner = 0;
            for class in 1..k {
                if z[class] > z[winner] {
                    winner = class;
                }
            }
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
            let target = t[row] as usize;
            let counts = row < valid;
            io.output(3)[row] = if counts {
                total.ln() + largest - z[target]
            } else {
                T::ZERO
            };
            io.output(4)[row] = if counts && winner == target {
                T::ONE
            } else {
                T::ZERO
            };
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
                constants: Vec::new(),
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

/// `dz[n, k] = dL · (p[n, k] − 1[k = t[n]]) / B`; 0 in the rows from B on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SoftmaxCrossEntropyBackward {}

impl Operation for SoftmaxCrossEntropyBackward {
    const NAME: &'static str = "softmax_cross_entropy_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("p", &["N", "K"]),
            index_input("t", &["N"]).below("K"),
            input("dL", &[]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dz", &["N", "K"])]
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, k] = indices(["n", "k"]);
        let difference =
            element("p", [n.clone(), k.clone()]) - equal(k, SoftmaxCrossEntropy::target());
        vec![
            (less(n, size("B")) * element("dL", []) * (difference / scalar("B")))
                .defines("dz", [("n", "N"), ("k", "K")]),
        ]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("dz", "dL · (p − onehot(t)) / B")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, k] = dims.all(["N", "K"]);
        Cost::new(2 * n * k)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let k = dims.get("K");
        let (p, t, upstream) = (io.input(0), io.index_input(1), io.input(2)[0]);
        let valid = io.valid();
        let scale = upstream / T::from_f64(valid.max(1) as f64);
        for (row, dz) in io.output(0).chunks_exact_mut(k).enumerate() {
            if row >= valid {
                dz.fill(T::ZERO);
                continue;
            }
            for (class, dz) in dz.iter_mut().enumerate() {
                let target = if class == t[row] as usize {
                    T::ONE
                } else {
                    T::ZERO
                };
                *dz = (p[row * k + class] - target) * scale;
            }
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [n, k] = dims.all(["N", "K"]);
        let (params, workgroups) = loss_params(dims, n * k);
        vec![KernelCall {
            shader: Self::NAME,
            constants: Vec::new(),
            params,
            operands: vec![Input(0), Input(1), Input(2), Output(0)],
            workgroups,
        }]
    }
}
