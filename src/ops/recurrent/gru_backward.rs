//! Backpropagation through time of the GRU.

use super::gru::{CANDIDATE, RESET, SUM, UPDATE};
use super::*;

/// From the last step that ran to the first, with r, z, n the gates of unit k at step t and s the
/// candidate's recurrent sum:
/// - `dh[n, t, k] = dh_out[n, t, k] + dh[n, t + 1, k] · z[n, t + 1, k] + Σ_q dz[n, t + 1, q] · wh[q, k]`
/// - `da`: for n `dh · (1 − z) · (1 − n²)`, for r `da_n · s · r(1 − r)`, for z `dh · (h[n, t − 1, k] − n) · z(1 − z)`
/// - `dz`, the gradient of the recurrent sums: as `da`, for n `da_n · r`.
///
/// `dh_out` is the gradient that arrives from the layers above, `dh` the whole one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GruBackward {
    pub reverse: bool,
    pub truncate: Option<usize>,
}

impl GruBackward {
    fn course(&self) -> Course {
        Course {
            reverse: self.reverse,
            truncate: self.truncate,
        }
    }
}

/// Checks the sizes of `gates` and `wh`.
fn derive_gates(dims: &mut Dims) -> Result<(), String> {
    derive_lengths(dims);
    let [kept, columns, hidden] = dims.all(["G", "J", "H"]);
    if kept != 4 * hidden || columns != 3 * hidden {
        return Err(format!(
            "gates have {kept} columns and wh has {columns} rows for {hidden} units, expected 4 and 3 for each"
        ));
    }
    Ok(())
}

impl Operation for GruBackward {
    const NAME: &'static str = "gru_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("gates", &["N", "T", "G"]),
            input("h", &["N", "T", "H"]),
            input("wh", &["J", "H"]),
            input("h0", &["N", "H"]),
            lengths(),
            input("dh_out", &["N", "T", "H"]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![
            output("da", &["N", "T", "J"]),
            output("dz", &["N", "T", "J"]).role(Role::Saved),
            output("dh", &["N", "T", "H"]).role(Role::Saved),
        ]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        derive_gates(dims)?;
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
        let candidate = || now("da", Position::Number(2) * size("H") + unit());
        let dh = || now("dh", unit());
        let change = course.state_before("h", "h0", unit()) - of(CANDIDATE);
        let gradients = is_gate(RESET) * candidate() * of(SUM) * sigmoid_slope(own)
            + is_gate(UPDATE) * dh() * change * sigmoid_slope(own)
            + is_gate(CANDIDATE) * dh() * (number(1.0) - of(UPDATE)) * tanh_slope(own);
        let is_sigmoid = less(q.clone(), Position::Number(2) * size("H"));
        let recurrent =
            is_sigmoid * now("da", q.clone()) + is_gate(CANDIDATE) * candidate() * of(RESET);
        let later = element("dz", [index("n"), course.after(), q.clone()]);
        let through_sums = sum("q", "J", later * element("wh", [q, k.clone()]));
        let through_state = element("dh", [index("n"), course.after(), k.clone()])
            * gate(UPDATE, course.after(), k.clone());
        let columns = [("n", "N"), ("t", "T"), ("q", "J")];
        let arriving = now("dh_out", k) + course.flow(through_state) + course.flow(through_sums);
        vec![
            gradients.defines("da", columns),
            recurrent.defines("dz", columns),
            (is_step() * arriving).defines("dh", [("n", "N"), ("t", "T"), ("k", "H")]),
        ]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("dh", "dh_out + after(dh ⊙ gates[z]) + after(dz) · wh")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, t, h] = dims.all(["N", "T", "H"]);
        Cost::product([n, t, 6 * h * h + 20 * h])
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let (gates, h, wh, h0) = (io.input(0), io.input(1), io.input(2), io.input(3));
        let walk = Walk::new(dims, self.course(), io.index_input(4));
        let dh_out = io.input(5);
        let (steps, hidden) = (walk.steps, walk.hidden);
        let columns = 3 * hidden;
        for_each_part(dims.get("N"), &mut io.outputs, |part| {
            let (first, count) = (part.first, part.count);
            let [da, dz, dh] = &mut part.outputs[..] else {
                unreachable!("three outputs")
            };
            for output in [&mut **da, dz, dh] {
                output.fill(T::ZERO);
            }
            // What comes from the step after through the sums and through the state itself.
            let mut flow = vec![T::ZERO; count * hidden];
            let mut state_flow = vec![T::ZERO; count * hidden];
            let mut later = vec![T::ZERO; count * columns];
            for order in (0..steps).rev() {
                if walk.course.is_cut(order + 1) {
                    flow.fill(T::ZERO);
                    state_flow.fill(T::ZERO);
                }
                for row in 0..count {
                    let sequence = first + row;
                    let Some(t) = walk.step(sequence, order) else {
                        continue;
                    };
                    let at = sequence * steps + t;
                    let gates = &gates[at * 4 * hidden..][..4 * hidden];
                    let before = match order.checked_sub(1) {
                        None => &h0[sequence * hidden..][..hidden],
                        Some(order) => {
                            let t = walk.step(sequence, order).expect("it ran before");
                            &h[(sequence * steps + t) * hidden..][..hidden]
                        }
                    };
                    let own = row * steps + t;
                    let da = &mut da[own * columns..][..columns];
                    let dz = &mut later[row * columns..][..columns];
                    for k in 0..hidden {
                        let column = |gate: usize| gate * hidden + k;
                        let [r, z, n, s] = [0, 1, 2, 3].map(|gate| gates[column(gate)]);
                        let flows = flow[row * hidden + k] + state_flow[row * hidden + k];
                        let gradient = dh_out[at * hidden + k] + flows;
                        dh[own * hidden + k] = gradient;
                        state_flow[row * hidden + k] = gradient * z;
                        let candidate = gradient * (T::ONE - z) * (T::ONE - n * n);
                        da[column(0)] = candidate * s * r * (T::ONE - r);
                        da[column(1)] = gradient * (before[k] - n) * z * (T::ONE - z);
                        da[column(2)] = candidate;
                        dz[column(0)] = da[column(0)];
                        dz[column(1)] = da[column(1)];
                        dz[column(2)] = candidate * r;
                    }
                }
                for (row, later) in later.chunks_exact(columns).enumerate() {
                    if let Some(t) = walk.step(first + row, order) {
                        dz[(row * steps + t) * columns..][..columns].copy_from_slice(later);
                    }
                }
                walk.back(count, &later, wh, &mut flow);
            }
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [n, h] = dims.all(["N", "H"]);
        let course = self.course();
        let seeds = vec![Input(3), Input(4), Output(0)];
        let loops = vec![
            Input(0),
            Input(1),
            Input(2),
            Input(4),
            Input(5),
            Output(0),
            Output(1),
            Output(2),
        ];
        vec![
            course.by_element("gru_backward_seed", dims, n * h, seeds),
            course.by_sequence(Self::NAME, dims, loops),
        ]
    }
}

/// `dh0[n, k] = dh[n, s, k] · z[n, s, k] + Σ_q dz[n, s, q] · wh[q, k]` at the first step s that ran; 0 for a
/// sequence without steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GruBackwardState {
    pub reverse: bool,
}

impl GruBackwardState {
    fn course(&self) -> Course {
        Course {
            reverse: self.reverse,
            truncate: None,
        }
    }
}

impl Operation for GruBackwardState {
    const NAME: &'static str = "gru_backward_state";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("gates", &["N", "T", "G"]),
            input("dh", &["N", "T", "H"]),
            input("dz", &["N", "T", "J"]),
            input("wh", &["J", "H"]),
            lengths(),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dh0", &["N", "H"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        derive_gates(dims)
    }

    fn equations(&self) -> Vec<Equation> {
        let start = || self.course().start();
        let [n, k, q] = [index("n"), index("k"), index("q")];
        let kept =
            element("dh", [n.clone(), start(), k.clone()]) * gate(UPDATE, start(), k.clone());
        let product = element("dz", [n, start(), q.clone()]) * element("wh", [q, k]);
        vec![(kept + sum("q", "J", product)).defines("dh0", [("n", "N"), ("k", "H")])]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("dh0", "first(dh ⊙ gates[z]) + first(dz) · wh")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, j, h] = dims.all(["N", "J", "H"]);
        Cost::product([2, n, h, j + 1])
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let columns = dims.get("J");
        let (gates, dh, dz, wh) = (io.input(0), io.input(1), io.input(2), io.input(3));
        let walk = Walk::new(dims, self.course(), io.index_input(4));
        let hidden = walk.hidden;
        for (n, dh0) in io.output(0).chunks_exact_mut(hidden).enumerate() {
            dh0.fill(T::ZERO);
            let Some(t) = walk.start(n) else { continue };
            let at = n * walk.steps + t;
            walk.back(1, &dz[at * columns..][..columns], wh, dh0);
            for (k, dh0) in dh0.iter_mut().enumerate() {
                *dh0 += dh[at * hidden + k] * gates[at * 4 * hidden + hidden + k];
            }
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [n, h] = dims.all(["N", "H"]);
        let operands = vec![Input(0), Input(1), Input(2), Input(3), Input(4), Output(0)];
        vec![self.course().by_element(Self::NAME, dims, n * h, operands)]
    }
}
