//! Backpropagation through time of the LSTM.

use super::lstm::{CELL, FORGET, INPUT, OUTPUT};
use super::*;

/// From the last step that ran to the first, with i, f, g, o the gates of unit k at step t:
/// - `dh[n, t, k] = dh_out[n, t, k] + Σ_q da[n, t + 1, q] · wh[q, k]`
/// - `dc[n, t, k] = dc_out[n, t, k] + dh[n, t, k] · o · (1 − tanh²(c[n, t, k])) + dc[n, t + 1, k] · f[n, t + 1, k]`
/// - `da`: for i `dc · g · i(1 − i)`, for f `dc · c[n, t − 1, k] · f(1 − f)`, for g `dc · i · (1 − g²)`,
///   for o `dh · tanh(c) · o(1 − o)`.
///
/// `dh_out` and `dc_out` are the gradients that arrive from the layers above, `dh` and `dc` the whole ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LstmBackward {
    pub reverse: bool,
    pub truncate: Option<usize>,
}

impl LstmBackward {
    fn course(&self) -> Course {
        Course {
            reverse: self.reverse,
            truncate: self.truncate,
        }
    }

    /// What the loop finds where it starts.
    fn seed(&self, dims: &Dims) -> KernelCall {
        use Operand::{Input, Output};
        let [n, t, h] = dims.all(["N", "T", "H"]);
        let operands = vec![Input(3), Input(4), Input(6), Output(0), Output(2)];
        self.course()
            .by_element("lstm_backward_seed", dims, n * t * h, operands)
    }

    /// What both loops bind.
    fn operands() -> Vec<Operand> {
        let inputs = [0, 1, 2, 4, 5].map(Operand::Input).into_iter();
        inputs.chain((0..3).map(Operand::Output)).collect()
    }

    /// The faster kernels; `None` where the sizes do not suit them.
    pub(crate) fn blocked(&self, dims: &Dims) -> Option<Vec<KernelCall>> {
        let hidden = dims.get("H");
        let fits = hidden.is_multiple_of(4) && hidden <= MOST_UNITS;
        fits.then(|| {
            let (course, operands) = (self.course(), Self::operands());
            let shader = "lstm_backward_blocked";
            let loops = course.by_four(shader, dims, hidden / 4, operands);
            vec![self.seed(dims), loops]
        })
    }
}

/// Units whose gradients the faster kernel has room for.
const MOST_UNITS: usize = 256;

impl Operation for LstmBackward {
    const NAME: &'static str = "lstm_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("gates", &["N", "T", "J"]),
            input("c", &["N", "T", "H"]),
            input("wh", &["J", "H"]),
            input("c0", &["N", "H"]),
            lengths(),
            input("dh_out", &["N", "T", "H"]),
            input("dc_out", &["N", "T", "H"]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![
            output("da", &["N", "T", "J"]),
            output("dh", &["N", "T", "H"]).role(Role::Saved),
            output("dc", &["N", "T", "H"]).role(Role::Saved),
        ]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        derive_columns(dims, 4)?;
        self.course().check()
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        self.course().scalars()
    }

    fn equations(&self) -> Vec<Equation> {
        let course = self.course();
        let (k, q) = (index("k"), index("q"));
        let unit = unit_of_column;
        let own = || now("gates", q.clone());
        let of = |number| gate(number, index("t"), unit());
        let tanh_of_c = |unit| apply(Function::Tanh, now("c", unit));
        let dc = || now("dc", unit());
        let gradients = is_gate(INPUT) * dc() * of(CELL) * sigmoid_slope(own)
            + is_gate(FORGET) * dc() * course.state_before("c", "c0", unit()) * sigmoid_slope(own)
            + is_gate(CELL) * dc() * of(INPUT) * tanh_slope(own)
            + is_gate(OUTPUT) * now("dh", unit()) * tanh_of_c(unit()) * sigmoid_slope(own);
        let later = element("da", [index("n"), course.after(), q.clone()]);
        let through_time = sum("q", "J", later * element("wh", [q.clone(), k.clone()]));
        let through_cell = element("dc", [index("n"), course.after(), k.clone()])
            * gate(FORGET, course.after(), k.clone());
        let through_output = now("dh", k.clone())
            * gate(OUTPUT, index("t"), k.clone())
            * tanh_slope(|| tanh_of_c(k.clone()));
        let all = [("n", "N"), ("t", "T"), ("k", "H")];
        vec![
            gradients.defines("da", [("n", "N"), ("t", "T"), ("q", "J")]),
            (is_step() * (now("dh_out", k.clone()) + course.flow(through_time))).defines("dh", all),
            (is_step() * (now("dc_out", k) + through_output + course.flow(through_cell)))
                .defines("dc", all),
        ]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("dh", "dh_out + after(da) · wh"),
            (
                "dc",
                "dc_out + dh ⊙ gates[o] ⊙ (1 − tanh(c) ⊙ tanh(c)) + after(dc ⊙ gates[f])",
            ),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, t, h] = dims.all(["N", "T", "H"]);
        Cost::product([n, t, 8 * h * h + 22 * h])
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let (gates, c, wh, c0) = (io.input(0), io.input(1), io.input(2), io.input(3));
        let walk = Walk::new(dims, self.course(), io.index_input(4));
        let (dh_out, dc_out) = (io.input(5), io.input(6));
        let (steps, hidden) = (walk.steps, walk.hidden);
        let columns = 4 * hidden;
        for_each_part(dims.get("N"), &mut io.outputs, |part| {
            let (first, count) = (part.first, part.count);
            let [da, dh, dc] = &mut part.outputs[..] else {
                unreachable!("three outputs")
            };
            // What comes from the step after by way of h and of c, and that step's da.
            let mut flow = vec![T::ZERO; count * hidden];
            let mut cell_flow = vec![T::ZERO; count * hidden];
            let mut later = vec![T::ZERO; count * columns];
            for order in (0..steps).rev() {
                if walk.course.is_cut(order + 1) {
                    flow.fill(T::ZERO);
                    cell_flow.fill(T::ZERO);
                }
                for row in 0..count {
                    let sequence = first + row;
                    let Some(t) = walk.step(sequence, order) else {
                        let at = row * steps + order;
                        da[at * columns..][..columns].fill(T::ZERO);
                        dh[at * hidden..][..hidden].fill(T::ZERO);
                        dc[at * hidden..][..hidden].fill(T::ZERO);
                        continue;
                    };
                    let at = sequence * steps + t;
                    let gates = &gates[at * columns..][..columns];
                    let cells = &c[at * hidden..][..hidden];
                    let before = match order.checked_sub(1) {
                        None => &c0[sequence * hidden..][..hidden],
                        Some(order) => {
                            let t = walk.step(sequence, order).expect("it ran before");
                            &c[(sequence * steps + t) * hidden..][..hidden]
                        }
                    };
                    let (dh_out, dc_out) = (&dh_out[at * hidden..], &dc_out[at * hidden..]);
                    let flow = &flow[row * hidden..][..hidden];
                    let cell_flow = &mut cell_flow[row * hidden..][..hidden];
                    let own = row * steps + t;
                    let dh = &mut dh[own * hidden..][..hidden];
                    let dc = &mut dc[own * hidden..][..hidden];
                    let sums = &mut later[row * columns..][..columns];
                    for k in 0..hidden {
                        let [i, f, g, o] = [0, 1, 2, 3].map(|gate| gates[gate * hidden + k]);
                        let squashed = cells[k].tanh();
                        dh[k] = dh_out[k] + flow[k];
                        let slope = T::ONE - squashed * squashed;
                        dc[k] = dc_out[k] + dh[k] * o * slope + cell_flow[k];
                        cell_flow[k] = dc[k] * f;
                        sums[k] = dc[k] * g * i * (T::ONE - i);
                        sums[hidden + k] = dc[k] * before[k] * f * (T::ONE - f);
                        sums[2 * hidden + k] = dc[k] * i * (T::ONE - g * g);
                        sums[3 * hidden + k] = dh[k] * squashed * o * (T::ONE - o);
                    }
                    da[own * columns..][..columns].copy_from_slice(sums);
                }
                walk.back(count, &later, wh, &mut flow);
            }
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let loops = self
            .course()
            .by_sequence(Self::NAME, dims, Self::operands());
        vec![self.seed(dims), loops]
    }
}

/// `dc0[n, k] = dc[n, s, k] · f[n, s, k]` at the first step s that ran; 0 for a sequence without steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LstmBackwardCell {
    pub reverse: bool,
}

impl LstmBackwardCell {
    fn course(&self) -> Course {
        Course {
            reverse: self.reverse,
            truncate: None,
        }
    }
}

impl Operation for LstmBackwardCell {
    const NAME: &'static str = "lstm_backward_cell";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("gates", &["N", "T", "J"]),
            input("dc", &["N", "T", "H"]),
            lengths(),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dc0", &["N", "H"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        derive_columns(dims, 4)
    }

    fn equations(&self) -> Vec<Equation> {
        let start = self.course().start();
        let arriving = element("dc", [index("n"), start.clone(), index("k")]);
        vec![(arriving * gate(FORGET, start, index("k"))).defines("dc0", [("n", "N"), ("k", "H")])]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, h] = dims.all(["N", "H"]);
        Cost::new(n * h)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let (gates, dc) = (io.input(0), io.input(1));
        let walk = Walk::new(dims, self.course(), io.index_input(2));
        let (steps, hidden) = (walk.steps, walk.hidden);
        let dc0 = io.output(0);
        for (n, dc0) in dc0.chunks_exact_mut(hidden).enumerate() {
            let Some(t) = walk.start(n) else {
                dc0.fill(T::ZERO);
                continue;
            };
            let at = n * steps + t;
            for (k, dc0) in dc0.iter_mut().enumerate() {
                *dc0 = dc[at * hidden + k] * gates[at * 4 * hidden + hidden + k];
            }
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [n, h] = dims.all(["N", "H"]);
        let operands = vec![Input(0), Input(1), Input(2), Output(0)];
        vec![self.course().by_element(Self::NAME, dims, n * h, operands)]
    }
}
