//! The GRU cell over a whole sequence. Source: `torch.nn.GRU`, whose reset gate acts on the
//! recurrent sum, its bias included.

use super::*;

/// What `gates` holds: reset and update gate, candidate, and the candidate's recurrent sum.
pub(super) const RESET: i64 = 0;
pub(super) const UPDATE: i64 = 1;
pub(super) const CANDIDATE: i64 = 2;
pub(super) const SUM: i64 = 3;

/// With `s[n, t, q] = bh[q] + Σ_k wh[q, k] · h[n, t − 1, k]` in three blocks of H columns:
/// `r = σ(a + s)`, `z = σ(a + s)`, `n = tanh(a + r · s)` and
/// `h[n, t, k] = (1 − z) · n + z · h[n, t − 1, k]`, with h0 before the first step.
///
/// a (N, T, 3H): the inputs' part of the sums with its bias, in the order r, z, n. wh (3H, H), bh (3H),
/// h0 (N, H), lengths (N). `gates` (N, T, 4H) keeps r, z, n and the last block of s.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gru {
    /// The last step runs first.
    pub reverse: bool,
    /// Truncated backpropagation through time: gradients stop every so many steps.
    pub truncate: Option<usize>,
}

impl Gru {
    fn course(&self) -> Course {
        Course {
            reverse: self.reverse,
            truncate: self.truncate,
        }
    }
}

impl Operation for Gru {
    const NAME: &'static str = "gru";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("a", &["N", "T", "J"]),
            input("wh", &["J", "H"]),
            input("bh", &["J"]),
            input("h0", &["N", "H"]),
            lengths(),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![
            output("h", &["N", "T", "H"]),
            output("gates", &["N", "T", "G"]).role(Role::Saved),
        ]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        derive_columns(dims, 3)?;
        dims.set("G", 4 * dims.get("H"));
        self.course().check()
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        self.course().scalars()
    }

    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        use GradientOperand::{GradientOf, Input, Output, Step};
        let Self { reverse, truncate } = *self;
        vec![
            GradientStep {
                op: Op::GruBackward(GruBackward { reverse, truncate }),
                operands: vec![
                    Output(1),
                    Output(0),
                    Input(1),
                    Input(3),
                    Input(4),
                    GradientOf(0),
                ],
                target: 0,
            },
            GradientStep {
                op: Op::RecurrentBackwardWeight(RecurrentBackwardWeight { reverse }),
                operands: vec![Step(0, 1), Output(0), Input(3), Input(4)],
                target: 1,
            },
            GradientStep {
                op: Op::Sum(crate::ops::Sum {
                    axes: Some(vec![0, 1]),
                    ..crate::ops::Sum::default()
                }),
                operands: vec![Step(0, 1)],
                target: 2,
            },
            GradientStep {
                op: Op::GruBackwardState(GruBackwardState { reverse }),
                operands: vec![Output(1), Step(0, 2), Step(0, 1), Input(1), Input(4)],
                target: 3,
            },
        ]
    }

    fn equations(&self) -> Vec<Equation> {
        let (k, q) = (index("k"), index("q"));
        let course = self.course();
        // The recurrent sum of a column of wh.
        let recurrent = |column: Position| {
            let before = course.state_before("h", "h0", k.clone());
            let product = element("wh", [column.clone(), k.clone()]) * before;
            element("bh", [column]) + sum("k", "H", product)
        };
        let of = |number, unit| gate(number, index("t"), unit);
        let is_sigmoid = less(q.clone(), Position::Number(2) * size("H"));
        let gates = now("a", q.clone()) + recurrent(q.clone());
        let reset = of(RESET, unit_of_column()) * of(SUM, unit_of_column());
        let candidate = now("a", q.clone()) + reset;
        let h = (number(1.0) - of(UPDATE, k.clone())) * of(CANDIDATE, k.clone())
            + of(UPDATE, k.clone()) * course.state_before("h", "h0", k.clone());
        vec![
            h.defines("h", [("n", "N"), ("t", "T"), ("k", "H")]),
            (is_step() * is_sigmoid * apply(Function::Sigmoid, gates)
                + is_step() * is_gate(CANDIDATE) * apply(Function::Tanh, candidate)
                + is_step() * is_gate(SUM) * recurrent(q - size("H")))
            .defines("gates", [("n", "N"), ("t", "T"), ("q", "G")]),
        ]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("gates", "σ(a + before(h) · whᵀ + bh)"),
            ("h", "(1 − gates[z]) ⊙ gates[n] + gates[z] ⊙ before(h)"),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, t, h] = dims.all(["N", "T", "H"]);
        Cost::product([n, t, 6 * h * h + 12 * h])
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let (a, wh, bh, h0) = (io.input(0), io.input(1), io.input(2), io.input(3));
        let walk = Walk::new(dims, self.course(), io.index_input(4));
        let (steps, hidden) = (walk.steps, walk.hidden);
        let columns = 3 * hidden;
        for_each_part(dims.get("N"), &mut io.outputs, |part| {
            let (first, count) = (part.first, part.count);
            let [h, gates] = &mut part.outputs[..] else {
                unreachable!("two outputs")
            };
            h.fill(T::ZERO);
            gates.fill(T::ZERO);
            let mut state = h0[first * hidden..(first + count) * hidden].to_vec();
            let mut sums = vec![T::ZERO; count * columns];
            for order in 0..steps {
                for sums in sums.chunks_exact_mut(columns) {
                    sums.copy_from_slice(bh);
                }
                walk.add_recurrent(count, &state, wh, &mut sums);
                for (row, sums) in sums.chunks_exact(columns).enumerate() {
                    let Some(t) = walk.step(first + row, order) else {
                        continue;
                    };
                    let at = row * steps + t;
                    let a = &a[((first + row) * steps + t) * columns..][..columns];
                    let h = &mut h[at * hidden..][..hidden];
                    let gates = &mut gates[at * 4 * hidden..][..4 * hidden];
                    let state = &mut state[row * hidden..][..hidden];
                    for k in 0..hidden {
                        let column = |gate: usize| gate * hidden + k;
                        let reset = sigmoid(a[column(0)] + sums[column(0)]);
                        let update = sigmoid(a[column(1)] + sums[column(1)]);
                        let sum = sums[column(2)];
                        let candidate = (a[column(2)] + reset * sum).tanh();
                        h[k] = (T::ONE - update) * candidate + update * state[k];
                        state[k] = h[k];
                        for (gate, value) in [reset, update, candidate, sum].into_iter().enumerate()
                        {
                            gates[column(gate)] = value;
                        }
                    }
                }
            }
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let inputs = (0..5).map(Input);
        let operands = inputs.chain((0..2).map(Output)).collect();
        vec![self.course().by_sequence(Self::NAME, dims, operands)]
    }
}
