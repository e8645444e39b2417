//! Softmax and cross-entropy at every step of a sequence: what comes next, over and over.
//! Source: `torch.nn.functional.cross_entropy` of logits (N, V, T) and classes (N, T).

use super::{
    Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, Role, index_input, input, linear_workgroups, output, params,
};
use crate::equation::{
    Equation, Expression, Function, Position, apply, arg_maximum, element, equal, exp, index,
    indices, less, ln, lookup, maximum, number, positive, scalar, size, sum,
};
use crate::platform::{for_each_chunk, for_each_chunk_pair};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `SequenceLossParams` of the shaders.
    SequenceLossParams { batch: u32, steps: u32, classes: u32, row_length: u32 }
}

/// Tokens that one task of the CPU takes.
const CHUNK: usize = 64;

/// PyTorch's own.
fn default_ignored() -> i32 {
    -100
}

fn call(
    shader: &'static str,
    dims: &Dims,
    count: usize,
    constants: Vec<(&'static str, f64)>,
    operands: Vec<Operand>,
) -> KernelCall {
    let [n, t, v] = dims.all(["N", "T", "V"]);
    let (workgroups, row_length) = linear_workgroups(count, super::kernel::WORKGROUP_SIZE);
    let params = SequenceLossParams {
        batch: n as u32,
        steps: t as u32,
        classes: v as u32,
        row_length,
    };
    KernelCall {
        shader,
        constants,
        params: params.params(),
        operands,
        workgroups,
    }
}

/// The token that comes next: `y[n, t]`.
fn target() -> Position {
    lookup("y", [index("n"), index("t")])
}

/// 1 where the token counts: its sample is valid, and its label is not the ignored one.
fn counts() -> Expression {
    let distance = Expression::Value(target()) - scalar("ignored");
    less(index("n"), size("B")) * positive(apply(Function::Absolute, distance))
}

fn logit(class: Position) -> Expression {
    element("z", [index("n"), index("t"), class])
}

fn largest() -> Expression {
    maximum([("j", "V")], logit(index("j")))
}

/// `exp(z[n, t, v] − max_j z[n, t, j])`
fn shifted(class: &'static str) -> Expression {
    exp(logit(index(class)) - largest())
}

fn labels() -> Input {
    index_input("y", &["N", "T"]).below("V")
}

/// `L = (1/D) Σ_n Σ_t (ln Σ_v exp(z[n, t, v] − m) + m − z[n, t, y[n, t]])` with `m = max_v z[n, t, v]`, over the `D`
/// tokens that count; nats. `exp(L)` is the perplexity.
///
/// z (N, T, V) logits, y (N, T) the tokens that come next. A token counts if its sample is among the first B and it is
/// not `ignore_index`; a negative one, such as PyTorch's −100, is stored in 32 bits as 2³² − 100. Where none counts D
/// is 1 and the loss 0, so that training goes on; PyTorch gives NaN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequenceCrossEntropy {
    #[serde(default = "default_ignored")]
    pub ignore_index: i32,
}

impl Default for SequenceCrossEntropy {
    fn default() -> Self {
        Self {
            ignore_index: default_ignored(),
        }
    }
}

impl SequenceCrossEntropy {
    /// The label that does not count, as labels are stored.
    fn ignored(&self) -> u32 {
        self.ignore_index.cast_unsigned()
    }

    fn constants(&self) -> Vec<(&'static str, f64)> {
        vec![("IGNORED", f64::from(self.ignored()))]
    }
}

impl Operation for SequenceCrossEntropy {
    const NAME: &'static str = "sequence_cross_entropy";

    fn inputs(&self) -> Vec<Input> {
        vec![input("z", &["N", "T", "V"]), labels().or(self.ignored())]
    }

    fn outputs(&self) -> Vec<Output> {
        let saved = |name, dims| output(name, dims).role(Role::Saved);
        vec![
            output("L", &[]),
            output("correct", &[]),
            saved("p", &["N", "T", "V"]),
            saved("loss_of_token", &["N", "T"]),
            saved("correct_of_token", &["N", "T"]),
            saved("loss_of_row", &["N"]),
            saved("correct_of_row", &["N"]),
            saved("weight_of_row", &["N"]),
            saved("D", &[]),
        ]
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![("ignored", f64::from(self.ignored()))]
    }

    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        use GradientOperand::{GradientOf, Input, Output};
        let op = SequenceCrossEntropyBackward {
            ignore_index: self.ignore_index,
        };
        vec![GradientStep {
            op: Op::SequenceCrossEntropyBackward(op),
            operands: vec![Output(2), Input(1), Output(8), GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        let rows = |name| sum("n", "N", element(name, [index("n")]));
        let steps = |name| sum("t", "T", element(name, [index("n"), index("t")]));
        let surprise = ln(sum("v", "V", shifted("v"))) + largest() - logit(target());
        let predicted = arg_maximum("v", "V", logit(index("v")));
        let is_some = positive(apply(Function::Absolute, rows("weight_of_row")));
        let (row, token) = ([("n", "N")], [("n", "N"), ("t", "T")]);
        vec![
            (rows("loss_of_row") / element("D", [])).defines("L", []),
            rows("correct_of_row").defines("correct", []),
            (shifted("v") / sum("l", "V", shifted("l")))
                .defines("p", [("n", "N"), ("t", "T"), ("v", "V")]),
            (counts() * surprise).defines("loss_of_token", token),
            (counts() * equal(predicted, target())).defines("correct_of_token", token),
            steps("loss_of_token").defines("loss_of_row", row),
            steps("correct_of_token").defines("correct_of_row", row),
            sum("t", "T", counts()).defines("weight_of_row", row),
            // 1 where no token counts.
            (rows("weight_of_row") + number(1.0) - is_some).defines("D", []),
        ]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("p", "softmax(z)"), ("L", "mean(− ln(p[y]))")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, t, v] = dims.all(["N", "T", "V"]);
        Cost::new(5 * n * t * v)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [steps, classes] = dims.all(["T", "V"]);
        let (z, y) = (io.input(0), io.index_input(1));
        let (tokens, ignored) = (io.valid() * steps, self.ignored());
        // The label of a token that counts.
        let label = |at: usize| (at < tokens && y[at] != ignored).then(|| y[at] as usize);
        let (p, losses) = io.two_outputs(2, 3);
        let pairs = ((p.real(), CHUNK * classes), (losses.real(), CHUNK));
        for_each_chunk_pair(pairs.0, pairs.1, |chunk, p, losses| {
            for (row, (p, loss)) in p.chunks_exact_mut(classes).zip(losses).enumerate() {
                let at = chunk * CHUNK + row;
                let z = &z[at * classes..][..classes];
                let largest = z.iter().fold(z[0], |m, &z| m.maximum(z));
                let mut total = T::ZERO;
                for (p, &z) in p.iter_mut().zip(z) {
                    *p = (z - largest).exp();
                    total += *p;
                }
                for p in p {
                    *p = *p / total;
                }
                *loss = match label(at) {
                    Some(label) => total.ln() + largest - z[label],
                    None => T::ZERO,
                };
            }
        });
        for_each_chunk(io.output(4), CHUNK, |chunk, correct| {
            for (row, correct) in correct.iter_mut().enumerate() {
                let at = chunk * CHUNK + row;
                let z = &z[at * classes..][..classes];
                // The first of the largest logits.
                let is_first = |label: usize| {
                    let (before, after) = z.split_at(label);
                    let largest = z[label];
                    before.iter().all(|&z| z < largest) && after.iter().all(|&z| z <= largest)
                };
                *correct = match label(at) {
                    Some(label) if is_first(label) => T::ONE,
                    _ => T::ZERO,
                };
            }
        });
        for (of_token, of_row) in [(3, 5), (4, 6)] {
            let (tokens, rows) = io.two_outputs(of_token, of_row);
            for (row, tokens) in rows.real().iter_mut().zip(tokens.real().chunks(steps)) {
                *row = tokens.iter().copied().sum();
            }
        }
        for (row, weight) in io.output(7).iter_mut().enumerate() {
            let counted = (0..steps).filter(|step| label(row * steps + step).is_some());
            *weight = T::from_f64(counted.count() as f64);
        }
        let [loss, correct, weight] =
            [5, 6, 7].map(|rows| io.output(rows).iter().copied().sum::<T>());
        let divisor = if weight == T::ZERO { T::ONE } else { weight };
        io.output(0)[0] = loss / divisor;
        io.output(1)[0] = correct;
        io.output(8)[0] = divisor;
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [n, t] = dims.all(["N", "T"]);
        // As `weighted_mean_of_rows` declares them: batch, classes, row length, unused.
        let mut totals = call("weighted_mean_of_rows", dims, 1, Vec::new(), Vec::new());
        totals.params = super::softmax_cross_entropy::totals_params(n);
        totals.constants = vec![super::Reduction::Mean.constant()];
        totals.operands = vec![
            Output(5),
            Output(6),
            Output(7),
            Output(0),
            Output(1),
            Output(8),
        ];
        vec![
            call(
                Self::NAME,
                dims,
                n * t,
                self.constants(),
                vec![Input(0), Input(1), Output(2), Output(3), Output(4)],
            ),
            call(
                "sequence_cross_entropy_rows",
                dims,
                n,
                self.constants(),
                vec![
                    Input(1),
                    Output(3),
                    Output(4),
                    Output(5),
                    Output(6),
                    Output(7),
                ],
            ),
            totals,
        ]
    }
}

/// `dz[n, t, v] = dL · (p[n, t, v] − 1[v = y[n, t]]) / D` where the token counts; 0 elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequenceCrossEntropyBackward {
    #[serde(default = "default_ignored")]
    pub ignore_index: i32,
}

impl SequenceCrossEntropyBackward {
    fn forward(&self) -> SequenceCrossEntropy {
        SequenceCrossEntropy {
            ignore_index: self.ignore_index,
        }
    }
}

impl Operation for SequenceCrossEntropyBackward {
    const NAME: &'static str = "sequence_cross_entropy_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("p", &["N", "T", "V"]),
            labels().or(self.forward().ignored()),
            input("D", &[]),
            input("dL", &[]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dz", &["N", "T", "V"])]
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        self.forward().scalars()
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, t, v] = indices(["n", "t", "v"]);
        let difference = element("p", [n, t, v.clone()]) - equal(v, target());
        let scale = element("dL", []) / element("D", []);
        vec![(counts() * scale * difference).defines("dz", [("n", "N"), ("t", "T"), ("v", "V")])]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("dz", "dL · (p − onehot(y)) / D")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, t, v] = dims.all(["N", "T", "V"]);
        Cost::new(2 * n * t * v)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [steps, classes] = dims.all(["T", "V"]);
        let (p, y) = (io.input(0), io.index_input(1));
        let scale = io.input(3)[0] / io.input(2)[0];
        let (tokens, ignored) = (io.valid() * steps, self.forward().ignored());
        for_each_chunk(io.output(0), CHUNK * classes, |chunk, dz| {
            for (row, dz) in dz.chunks_exact_mut(classes).enumerate() {
                let at = chunk * CHUNK + row;
                if at >= tokens || y[at] == ignored {
                    dz.fill(T::ZERO);
                    continue;
                }
                for (dz, &p) in dz.iter_mut().zip(&p[at * classes..]) {
                    *dz = scale * p;
                }
                let label = y[at] as usize;
                dz[label] = scale * (p[at * classes + label] - T::ONE);
            }
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [n, t, v] = dims.all(["N", "T", "V"]);
        let operands = vec![Input(0), Input(1), Input(2), Input(3), Output(0)];
        let constants = self.forward().constants();
        vec![call(Self::NAME, dims, n * t * v, constants, operands)]
    }
}
