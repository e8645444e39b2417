//! Gradients of the recurrent weights and of the initial state: products with what came before
//! each step.

use super::*;

/// `dwh[q, k] = Σ_n Σ_t dz[n, t, q] · h[n, t − 1, k]`, with h0 before the first step.
///
/// dz (N, T, J): gradients of the recurrent sums, 0 behind a sequence's length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecurrentBackwardWeight {
    pub reverse: bool,
}

impl RecurrentBackwardWeight {
    fn course(&self) -> Course {
        Course {
            reverse: self.reverse,
            truncate: None,
        }
    }

    fn operands() -> Vec<Operand> {
        let inputs = (0..4).map(Operand::Input);
        inputs.chain([Operand::Output(0)]).collect()
    }

    /// The faster kernel; `None` where the sizes do not suit it.
    pub(crate) fn blocked(&self, dims: &Dims) -> Option<Vec<KernelCall>> {
        let [j, h] = dims.all(["J", "H"]);
        let fits = j.is_multiple_of(4) && h.is_multiple_of(4);
        fits.then(|| {
            let (shader, count) = ("recurrent_backward_weight_blocked", j * h / 16);
            let operands = Self::operands();
            vec![self.course().by_element(shader, dims, count, operands)]
        })
    }
}

/// Rows of dwh that one task of the CPU takes.
const TASK_ROWS: usize = 128;

impl Operation for RecurrentBackwardWeight {
    const NAME: &'static str = "recurrent_backward_weight";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("dz", &["N", "T", "J"]),
            input("h", &["N", "T", "H"]),
            input("h0", &["N", "H"]),
            lengths(),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dwh", &["J", "H"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        derive_lengths(dims);
        Ok(())
    }

    fn equations(&self) -> Vec<Equation> {
        let (q, k) = (index("q"), index("k"));
        let before = self.course().state_before("h", "h0", k);
        let product = now("dz", q) * before;
        vec![sum("n", "N", sum("t", "T", product)).defines("dwh", [("q", "J"), ("k", "H")])]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("dwh", "Σ dzᵀ · before(h)")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, t, j, h] = dims.all(["N", "T", "J", "H"]);
        Cost::product([2, n, t, j, h])
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [n, columns] = dims.all(["N", "J"]);
        let (dz, h, h0) = (io.input(0), io.input(1), io.input(2));
        let walk = Walk::new(dims, self.course(), io.index_input(3));
        let (steps, hidden) = (walk.steps, walk.hidden);
        // The state before each step: 0 where there is none.
        let mut before = vec![T::ZERO; n * steps * hidden];
        for (sequence, before) in before.chunks_exact_mut(steps * hidden).enumerate() {
            let h = &h[sequence * steps * hidden..][..steps * hidden];
            match self.reverse {
                false => before[hidden..].copy_from_slice(&h[..(steps - 1) * hidden]),
                true => {
                    let kept = walk.length(sequence).saturating_sub(1) * hidden;
                    before[..kept].copy_from_slice(&h[hidden..][..kept]);
                }
            }
            if let Some(t) = walk.start(sequence) {
                let initial = &h0[sequence * hidden..][..hidden];
                for (before, &initial) in before[t * hidden..].iter_mut().zip(initial) {
                    *before += initial;
                }
            }
        }
        platform::for_each_chunk(io.output(0), TASK_ROWS * hidden, |number, dwh| {
            let first = number * TASK_ROWS;
            T::matrix_product(
                [dwh.len() / hidden, n * steps, hidden],
                &dz[first..],
                [1, columns],
                &before,
                [hidden, 1],
                T::ZERO,
                dwh,
                [hidden, 1],
            );
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let [j, h] = dims.all(["J", "H"]);
        let course = self.course();
        vec![course.by_element(Self::NAME, dims, j * h, Self::operands())]
    }
}

/// `dh0[n, k] = Σ_q dz[n, s, q] · wh[q, k]` at the first step s that ran; 0 for a sequence without steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecurrentBackwardState {
    pub reverse: bool,
}

impl RecurrentBackwardState {
    fn course(&self) -> Course {
        Course {
            reverse: self.reverse,
            truncate: None,
        }
    }
}

impl Operation for RecurrentBackwardState {
    const NAME: &'static str = "recurrent_backward_state";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("dz", &["N", "T", "J"]),
            input("wh", &["J", "H"]),
            lengths(),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dh0", &["N", "H"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        derive_lengths(dims);
        Ok(())
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, k, q] = [index("n"), index("k"), index("q")];
        let first = element("dz", [n, self.course().start(), q.clone()]);
        vec![sum("q", "J", first * element("wh", [q, k])).defines("dh0", [("n", "N"), ("k", "H")])]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("dh0", "first(dz) · wh")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, j, h] = dims.all(["N", "J", "H"]);
        Cost::product([2, n, j, h])
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let columns = dims.get("J");
        let (dz, wh) = (io.input(0), io.input(1));
        let walk = Walk::new(dims, self.course(), io.index_input(2));
        let hidden = walk.hidden;
        for (n, dh0) in io.output(0).chunks_exact_mut(hidden).enumerate() {
            dh0.fill(T::ZERO);
            if let Some(t) = walk.start(n) {
                let dz = &dz[(n * walk.steps + t) * columns..][..columns];
                walk.back(1, dz, wh, dh0);
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
