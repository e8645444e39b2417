//! The plain recurrent cell over a whole sequence. Source: `torch.nn.RNN`.

use super::*;

/// What a plain cell applies to its sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    #[default]
    Tanh,
    Relu,
}

impl Activation {
    fn number(self) -> f64 {
        match self {
            Self::Tanh => 0.0,
            Self::Relu => 1.0,
        }
    }
}

/// `h[n, t, j] = tanh(a[n, t, j] + Σ_k wh[j, k] · h[n, t − 1, k])`, with h0 before the first step;
/// ReLU instead of tanh where asked for.
///
/// a (N, T, H): the inputs' part of the sums, biases included. wh (H, H), h0 (N, H), lengths (N).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rnn {
    pub activation: Activation,
    /// The last step runs first.
    pub reverse: bool,
    /// Truncated backpropagation through time: gradients stop every so many steps.
    pub truncate: Option<usize>,
}

impl Rnn {
    fn course(&self) -> Course {
        Course {
            reverse: self.reverse,
            truncate: self.truncate,
        }
    }
}

impl Operation for Rnn {
    const NAME: &'static str = "rnn";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("a", &["N", "T", "H"]),
            input("wh", &["H", "H"]),
            input("h0", &["N", "H"]),
            lengths(),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("h", &["N", "T", "H"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        derive_lengths(dims);
        self.course().check()
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        self.course().scalars()
    }

    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        use GradientOperand::{GradientOf, Input, Output, Step};
        let Self {
            activation,
            reverse,
            truncate,
        } = *self;
        vec![
            GradientStep {
                op: Op::RnnBackward(RnnBackward {
                    activation,
                    reverse,
                    truncate,
                }),
                operands: vec![Output(0), Input(1), Input(3), GradientOf(0)],
                target: 0,
            },
            GradientStep {
                op: Op::RecurrentBackwardWeight(RecurrentBackwardWeight { reverse }),
                operands: vec![Step(0, 0), Output(0), Input(2), Input(3)],
                target: 1,
            },
            GradientStep {
                op: Op::RecurrentBackwardState(RecurrentBackwardState { reverse }),
                operands: vec![Step(0, 0), Input(1), Input(3)],
                target: 2,
            },
        ]
    }

    fn equations(&self) -> Vec<Equation> {
        let (j, k) = (index("j"), index("k"));
        let before = self.course().state_before("h", "h0", k.clone());
        let sums = now("a", j.clone()) + sum("k", "H", element("wh", [j, k]) * before);
        let function = match self.activation {
            Activation::Tanh => Function::Tanh,
            Activation::Relu => Function::PositivePart,
        };
        vec![(is_step() * apply(function, sums)).defines("h", [("n", "N"), ("t", "T"), ("j", "H")])]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        match self.activation {
            Activation::Tanh => &[("h", "tanh(a + before(h) · whᵀ)")],
            Activation::Relu => &[("h", "max(0, a + before(h) · whᵀ)")],
        }
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, t, h] = dims.all(["N", "T", "H"]);
        Cost::product([2, n, t, h, h + 1])
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let (a, wh, h0) = (io.input(0), io.input(1), io.input(2));
        let walk = Walk::new(dims, self.course(), io.index_input(3));
        let (steps, hidden) = (walk.steps, walk.hidden);
        let activation = self.activation;
        for_each_part(dims.get("N"), &mut io.outputs, |part| {
            let (first, count) = (part.first, part.count);
            let [h] = &mut part.outputs[..] else {
                unreachable!("one output")
            };
            h.fill(T::ZERO);
            let mut state = h0[first * hidden..(first + count) * hidden].to_vec();
            let mut sums = vec![T::ZERO; count * hidden];
            for order in 0..steps {
                for (row, sums) in sums.chunks_exact_mut(hidden).enumerate() {
                    if let Some(t) = walk.step(first + row, order) {
                        let at = ((first + row) * steps + t) * hidden;
                        sums.copy_from_slice(&a[at..at + hidden]);
                    }
                }
                walk.add_recurrent(count, &state, wh, &mut sums);
                let rows = state
                    .chunks_exact_mut(hidden)
                    .zip(sums.chunks_exact(hidden));
                for (row, (state, sums)) in rows.enumerate() {
                    let Some(t) = walk.step(first + row, order) else {
                        continue;
                    };
                    let h = &mut h[(row * steps + t) * hidden..][..hidden];
                    for ((h, state), &sum) in h.iter_mut().zip(state).zip(sums) {
                        *h = match activation {
                            Activation::Tanh => sum.tanh(),
                            Activation::Relu => sum.maximum(T::ZERO),
                        };
                        *state = *h;
                    }
                }
            }
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let operands = vec![Input(0), Input(1), Input(2), Input(3), Output(0)];
        let mut call = self.course().by_sequence(Self::NAME, dims, operands);
        call.constants
            .push(("ACTIVATION", self.activation.number()));
        vec![call]
    }
}

/// Backpropagation through time of [`Rnn`], from the last step that ran to the first:
/// `dh[n, t, k] = dh_out[n, t, k] + Σ_q da[n, t + 1, q] · wh[q, k]` and
/// `da[n, t, j] = dh[n, t, j] · (1 − h[n, t, j]²)`, or with ReLU `dh[n, t, j] · 1[h[n, t, j] > 0]`.
///
/// `dh_out` is the gradient that arrives from the layers above, `dh` the whole one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RnnBackward {
    pub activation: Activation,
    pub reverse: bool,
    pub truncate: Option<usize>,
}

impl RnnBackward {
    fn course(&self) -> Course {
        Course {
            reverse: self.reverse,
            truncate: self.truncate,
        }
    }
}

impl Operation for RnnBackward {
    const NAME: &'static str = "rnn_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("h", &["N", "T", "H"]),
            input("wh", &["H", "H"]),
            lengths(),
            input("dh_out", &["N", "T", "H"]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![
            output("da", &["N", "T", "H"]),
            output("dh", &["N", "T", "H"]).role(Role::Saved),
        ]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        derive_lengths(dims);
        self.course().check()
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        self.course().scalars()
    }

    fn equations(&self) -> Vec<Equation> {
        let (j, k, q) = (index("j"), index("k"), index("q"));
        let h = || now("h", j.clone());
        let slope = match self.activation {
            Activation::Tanh => tanh_slope(h),
            Activation::Relu => positive(h()),
        };
        let course = self.course();
        let later = element("da", [index("n"), course.after(), q.clone()]);
        let through_time = sum("q", "H", later * element("wh", [q, k.clone()]));
        vec![
            (now("dh", j.clone()) * slope).defines("da", [("n", "N"), ("t", "T"), ("j", "H")]),
            (is_step() * (now("dh_out", k) + course.flow(through_time)))
                .defines("dh", [("n", "N"), ("t", "T"), ("k", "H")]),
        ]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        match self.activation {
            Activation::Tanh => &[
                ("da", "dh ⊙ (1 − h ⊙ h)"),
                ("dh", "dh_out + after(da) · wh"),
            ],
            Activation::Relu => &[("da", "dh ⊙ (h > 0)"), ("dh", "dh_out + after(da) · wh")],
        }
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, t, h] = dims.all(["N", "T", "H"]);
        Cost::product([2, n, t, h, h + 2])
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let (h, wh, dh_out) = (io.input(0), io.input(1), io.input(3));
        let walk = Walk::new(dims, self.course(), io.index_input(2));
        let (steps, hidden) = (walk.steps, walk.hidden);
        let activation = self.activation;
        for_each_part(dims.get("N"), &mut io.outputs, |part| {
            let (first, count) = (part.first, part.count);
            let [da, dh] = &mut part.outputs[..] else {
                unreachable!("two outputs")
            };
            da.fill(T::ZERO);
            dh.fill(T::ZERO);
            // What comes from the step after, and that step's da.
            let mut flow = vec![T::ZERO; count * hidden];
            let mut later = vec![T::ZERO; count * hidden];
            for order in (0..steps).rev() {
                if walk.course.is_cut(order + 1) {
                    flow.fill(T::ZERO);
                }
                for row in 0..count {
                    let Some(t) = walk.step(first + row, order) else {
                        continue;
                    };
                    for k in 0..hidden {
                        let at = ((first + row) * steps + t) * hidden + k;
                        let own = (row * steps + t) * hidden + k;
                        let slope = match activation {
                            Activation::Tanh => T::ONE - h[at] * h[at],
                            Activation::Relu if h[at] > T::ZERO => T::ONE,
                            Activation::Relu => T::ZERO,
                        };
                        dh[own] = dh_out[at] + flow[row * hidden + k];
                        da[own] = dh[own] * slope;
                        later[row * hidden + k] = da[own];
                    }
                }
                walk.back(count, &later, wh, &mut flow);
            }
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let operands = vec![Input(0), Input(1), Input(2), Input(3), Output(0), Output(1)];
        let mut call = self.course().by_sequence(Self::NAME, dims, operands);
        call.constants
            .push(("ACTIVATION", self.activation.number()));
        vec![call]
    }
}
