//! The LSTM cell over a whole sequence. Source: `torch.nn.LSTM`.

use super::*;

/// Gates in PyTorch's order.
pub(super) const INPUT: i64 = 0;
pub(super) const FORGET: i64 = 1;
pub(super) const CELL: i64 = 2;
pub(super) const OUTPUT: i64 = 3;

/// `gates[n, t, q] = σ(a[n, t, q] + Σ_k wh[q, k] · h[n, t − 1, k])`, with tanh for the third of the
/// four gates i, f, g, o; `c[n, t, k] = f · c[n, t − 1, k] + i · g` and `h[n, t, k] = o · tanh(c[n, t, k])`,
/// with h0 and c0 before the first step.
///
/// a (N, T, 4H): the inputs' part of the sums, biases included. wh (4H, H), h0 and c0 (N, H), lengths (N).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lstm {
    /// The last step runs first.
    pub reverse: bool,
    /// Truncated backpropagation through time: gradients stop every so many steps.
    pub truncate: Option<usize>,
}

impl Lstm {
    fn course(&self) -> Course {
        Course {
            reverse: self.reverse,
            truncate: self.truncate,
        }
    }

    /// Inputs, then outputs, as both kernels bind them.
    fn operands() -> Vec<Operand> {
        let inputs = (0..5).map(Operand::Input);
        inputs.chain((0..3).map(Operand::Output)).collect()
    }

    /// The faster kernel; `None` where the sizes do not suit it.
    pub(crate) fn blocked(&self, dims: &Dims) -> Option<Vec<KernelCall>> {
        let hidden = dims.get("H");
        let fits = hidden.is_multiple_of(4) && hidden <= MOST_UNITS;
        fits.then(|| {
            let course = self.course();
            vec![course.by_four("lstm_blocked", dims, hidden, Self::operands())]
        })
    }
}

/// Units whose states the faster kernel has room for.
const MOST_UNITS: usize = 512;

impl Operation for Lstm {
    const NAME: &'static str = "lstm";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("a", &["N", "T", "J"]),
            input("wh", &["J", "H"]),
            input("h0", &["N", "H"]),
            input("c0", &["N", "H"]),
            lengths(),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![
            output("h", &["N", "T", "H"]),
            output("c", &["N", "T", "H"]),
            output("gates", &["N", "T", "J"]).role(Role::Saved),
        ]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        derive_columns(dims, 4)?;
        self.course().check()
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        self.course().scalars()
    }

    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        use GradientOperand::{GradientOrZero, Input, Output, Step};
        let Self { reverse, truncate } = *self;
        vec![
            GradientStep {
                op: Op::LstmBackward(LstmBackward { reverse, truncate }),
                operands: vec![
                    Output(2),
                    Output(1),
                    Input(1),
                    Input(3),
                    Input(4),
                    GradientOrZero(0),
                    GradientOrZero(1),
                ],
                target: 0,
            },
            GradientStep {
                op: Op::RecurrentBackwardWeight(RecurrentBackwardWeight { reverse }),
                operands: vec![Step(0, 0), Output(0), Input(2), Input(4)],
                target: 1,
            },
            GradientStep {
                op: Op::RecurrentBackwardState(RecurrentBackwardState { reverse }),
                operands: vec![Step(0, 0), Input(1), Input(4)],
                target: 2,
            },
            GradientStep {
                op: Op::LstmBackwardCell(LstmBackwardCell { reverse }),
                operands: vec![Output(2), Step(0, 2), Input(4)],
                target: 3,
            },
        ]
    }

    fn equations(&self) -> Vec<Equation> {
        let (k, q) = (index("k"), index("q"));
        let course = self.course();
        let sums = || {
            let before = course.state_before("h", "h0", k.clone());
            now("a", q.clone()) + sum("k", "H", element("wh", [q.clone(), k.clone()]) * before)
        };
        let cell = different(gate_of_column(), Position::Number(CELL));
        let sigmoids = is_step() * cell * apply(Function::Sigmoid, sums());
        let tanhs = is_step() * is_gate(CELL) * apply(Function::Tanh, sums());
        let of = |number| gate(number, index("t"), k.clone());
        let all = [("n", "N"), ("t", "T"), ("k", "H")];
        let kept = of(FORGET) * course.state_before("c", "c0", k.clone());
        vec![
            (of(OUTPUT) * apply(Function::Tanh, now("c", k.clone()))).defines("h", all),
            (kept + of(INPUT) * of(CELL)).defines("c", all),
            (sigmoids + tanhs).defines("gates", [("n", "N"), ("t", "T"), ("q", "J")]),
        ]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("gates", "σ(a + before(h) · whᵀ)"),
            ("c", "gates[f] ⊙ before(c) + gates[i] ⊙ gates[g]"),
            ("h", "gates[o] ⊙ tanh(c)"),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, t, h] = dims.all(["N", "T", "H"]);
        Cost::product([n, t, 8 * h * h + 10 * h])
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let (a, wh, h0, c0) = (io.input(0), io.input(1), io.input(2), io.input(3));
        let walk = Walk::new(dims, self.course(), io.index_input(4));
        let (steps, hidden) = (walk.steps, walk.hidden);
        let columns = 4 * hidden;
        for_each_part(dims.get("N"), &mut io.outputs, |part| {
            let (first, count) = (part.first, part.count);
            let [h, c, gates] = &mut part.outputs[..] else {
                unreachable!("three outputs")
            };
            let of_part = first * hidden..(first + count) * hidden;
            let mut state = h0[of_part.clone()].to_vec();
            let mut cells = c0[of_part].to_vec();
            let mut sums = vec![T::ZERO; count * columns];
            for order in 0..steps {
                for (row, sums) in sums.chunks_exact_mut(columns).enumerate() {
                    if let Some(t) = walk.step(first + row, order) {
                        let at = ((first + row) * steps + t) * columns;
                        sums.copy_from_slice(&a[at..at + columns]);
                    }
                }
                walk.add_recurrent(count, &state, wh, &mut sums);
                for (row, sums) in sums.chunks_exact_mut(columns).enumerate() {
                    let step = walk.step(first + row, order);
                    let at = row * steps + step.unwrap_or(order);
                    let h = &mut h[at * hidden..][..hidden];
                    let c = &mut c[at * hidden..][..hidden];
                    let gates = &mut gates[at * columns..][..columns];
                    if step.is_none() {
                        h.fill(T::ZERO);
                        c.fill(T::ZERO);
                        gates.fill(T::ZERO);
                        continue;
                    }
                    for (number, (gates, sums)) in gates
                        .chunks_exact_mut(hidden)
                        .zip(sums.chunks_exact(hidden))
                        .enumerate()
                    {
                        for (gate, &sum) in gates.iter_mut().zip(sums) {
                            *gate = match number as i64 {
                                CELL => sum.tanh(),
                                _ => sigmoid(sum),
                            };
                        }
                    }
                    for k in 0..hidden {
                        let [i, f, g, o] = [0, 1, 2, 3].map(|gate| gates[gate * hidden + k]);
                        c[k] = f * cells[row * hidden + k] + i * g;
                        h[k] = o * c[k].tanh();
                        cells[row * hidden + k] = c[k];
                        state[row * hidden + k] = h[k];
                    }
                }
            }
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let course = self.course();
        vec![course.by_sequence(Self::NAME, dims, Self::operands())]
    }
}
