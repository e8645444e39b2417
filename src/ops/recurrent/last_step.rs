//! The state after a sequence's last step, whichever that is.

use super::*;

/// `y[n, k] = x[n, lengths[n] − 1, k]`, or with `reverse` `x[n, 0, k]`: the state after the step that
/// ran last. 0 for a sequence without steps.
///
/// x (N, T, H), lengths (N), y (N, H).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LastStep {
    pub reverse: bool,
}

/// The step that ran last, as the equations have it.
fn last(reverse: bool) -> Position {
    Course {
        reverse: !reverse,
        truncate: None,
    }
    .start()
}

/// The same as a number: for each sequence, if it has one.
fn walk<'a>(dims: &Dims, reverse: bool, lengths: &'a [u32]) -> Walk<'a> {
    let course = Course {
        reverse: !reverse,
        truncate: None,
    };
    Walk::new(dims, course, lengths)
}

impl Operation for LastStep {
    const NAME: &'static str = "last_step";

    fn inputs(&self) -> Vec<Input> {
        vec![input("x", &["N", "T", "H"]), lengths()]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", &["N", "H"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        derive_lengths(dims);
        Ok(())
    }

    fn gradient(&self, dims: &Dims) -> Vec<GradientStep> {
        use GradientOperand::{GradientOf, Input};
        vec![GradientStep {
            op: Op::LastStepBackward(LastStepBackward {
                reverse: self.reverse,
                steps: dims.get("T"),
            }),
            operands: vec![Input(1), GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, k] = [index("n"), index("k")];
        vec![element("x", [n, last(self.reverse), k]).defines("y", [("n", "N"), ("k", "H")])]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("y", "last(x)")]
    }

    fn cost(&self, _dims: &Dims) -> Cost {
        Cost::new(0)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let x = io.input(0);
        let walk = walk(dims, self.reverse, io.index_input(1));
        let hidden = walk.hidden;
        for (n, y) in io.output(0).chunks_exact_mut(hidden).enumerate() {
            match walk.start(n) {
                Some(t) => y.copy_from_slice(&x[(n * walk.steps + t) * hidden..][..hidden]),
                None => y.fill(T::ZERO),
            }
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [n, h] = dims.all(["N", "H"]);
        let course = Course {
            reverse: self.reverse,
            truncate: None,
        };
        let operands = vec![Input(0), Input(1), Output(0)];
        vec![course.by_element(Self::NAME, dims, n * h, operands)]
    }
}

/// `dx[n, t, k] = dy[n, k]` at the step that ran last, 0 at all others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastStepBackward {
    #[serde(default)]
    pub reverse: bool,
    /// T
    pub steps: usize,
}

impl Operation for LastStepBackward {
    const NAME: &'static str = "last_step_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![lengths(), input("dy", &["N", "H"])]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dx", &["N", "T", "H"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        dims.set("T", self.steps);
        derive_lengths(dims);
        Ok(())
    }

    fn equations(&self) -> Vec<Equation> {
        let dy = element("dy", [index("n"), index("k")]);
        vec![
            (equal(index("t"), last(self.reverse)) * dy)
                .defines("dx", [("n", "N"), ("t", "T"), ("k", "H")]),
        ]
    }

    fn cost(&self, _dims: &Dims) -> Cost {
        Cost::new(0)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let walk = walk(dims, self.reverse, io.index_input(0));
        let dy = io.input(1);
        let (steps, hidden) = (walk.steps, walk.hidden);
        let dx = io.output(0);
        dx.fill(T::ZERO);
        for (n, dy) in dy.chunks_exact(hidden).enumerate() {
            if let Some(t) = walk.start(n) {
                dx[(n * steps + t) * hidden..][..hidden].copy_from_slice(dy);
            }
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [n, t, h] = dims.all(["N", "T", "H"]);
        let course = Course {
            reverse: self.reverse,
            truncate: None,
        };
        let operands = vec![Input(0), Input(1), Output(0)];
        vec![course.by_element(Self::NAME, dims, n * t * h, operands)]
    }
}
