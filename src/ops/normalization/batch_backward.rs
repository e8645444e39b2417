//! The backward operations of batch normalization. In training they go through the batch's
//! mean and variance, too; in inference those are given.

use super::batch::{Geometry, Positions, deviation, normalized, scales};
use super::*;
use crate::equation::{element, equal, index, less, number, size};
use crate::platform;
use serde::{Deserialize, Serialize};

/// Σ dy and Σ dy·x̂ of each channel, over all rows.
fn sums<T: Real>(g: &Geometry, x: &[T], means: &[T], scales: &[T], dy: &[T]) -> Vec<[T; 2]> {
    let mut sums = vec![[T::ZERO; 2]; g.channels];
    platform::for_each_chunk(&mut sums, 1, |c, sums| {
        let pairs = g.runs(x, c, g.batch).zip(g.runs(dy, c, g.batch));
        for (x, dy) in pairs {
            // Run by run, as in the forward pass.
            let (mut total, mut product) = (T::ZERO, T::ZERO);
            for (&x, &dy) in x.iter().zip(dy) {
                total += dy;
                product += dy * (x - means[c]) * scales[c];
            }
            sums[0][0] += total;
            sums[0][1] += product;
        }
    });
    sums
}

/// `dγ[c] = Σ_n Σ_i Σ_j dy · x̂`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchNormBackwardWeight {
    #[serde(default)]
    pub over: Positions,
    pub epsilon: f32,
}

impl Operation for BatchNormBackwardWeight {
    const NAME: &'static str = "batch_norm_backward_weight";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("x", self.over.dims()),
            input("mean", &["C"]),
            input("variance", &["C"]),
            input("dy", self.over.dims()),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dγ", &["C"])]
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![("ε", f64::from(self.epsilon))]
    }

    fn equations(&self) -> Vec<Equation> {
        let all = self.over.indices();
        let product = at("dy", &all) * normalized(at("x", &all));
        vec![define(
            "dγ",
            vec![("c", "C")],
            sum_over(&self.over.summed(), product),
        )]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(4 * Geometry::new(dims, self.over).count())
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let g = Geometry::new(dims, self.over);
        let (x, means, dy) = (io.input(0), io.input(1), io.input(3));
        let scales = scales(io.input(2), self.epsilon);
        let sums = sums(&g, x, means, &scales, dy);
        for (dgamma, [_, product]) in io.output(0).iter_mut().zip(sums) {
            *dgamma = product;
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        vec![Geometry::new(dims, self.over).by_channel(
            Self::NAME,
            [self.epsilon, 0.0],
            vec![Input(0), Input(1), Input(2), Input(3), Output(0)],
        )]
    }
}

/// `dβ[c] = Σ_n Σ_i Σ_j dy`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchNormBackwardBias {
    #[serde(default)]
    pub over: Positions,
}

impl Operation for BatchNormBackwardBias {
    const NAME: &'static str = "batch_norm_backward_bias";

    fn inputs(&self) -> Vec<Input> {
        vec![input("dy", self.over.dims())]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dβ", &["C"])]
    }

    fn equations(&self) -> Vec<Equation> {
        let total = sum_over(&self.over.summed(), at("dy", &self.over.indices()));
        vec![define("dβ", vec![("c", "C")], total)]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(Geometry::new(dims, self.over).count())
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let g = Geometry::new(dims, self.over);
        let dy = io.input(0);
        for (c, dbeta) in io.output(0).iter_mut().enumerate() {
            let runs = g.runs(dy, c, g.batch);
            *dbeta = runs.map(|run| run.iter().copied().sum()).sum();
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        vec![Geometry::new(dims, self.over).by_channel(
            Self::NAME,
            [0.0, 0.0],
            vec![Input(0), Output(0)],
        )]
    }
}

/// `dx = γ[c] / √(variance[c] + ε) · (dy − (Σ dy + x̂ · Σ dy·x̂) / m)` with m the values of the channel in the
/// batch; in inference, and in rows that are padding, without what is subtracted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchNormBackwardInput {
    #[serde(default)]
    pub over: Positions,
    pub epsilon: f32,
}

impl Operation for BatchNormBackwardInput {
    const NAME: &'static str = "batch_norm_backward_input";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("x", self.over.dims()),
            input("γ", &["C"]),
            input("mean", &["C"]),
            input("variance", &["C"]),
            input("dy", self.over.dims()),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dx", self.over.dims())]
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![("ε", f64::from(self.epsilon))]
    }

    fn equations(&self) -> Vec<Equation> {
        let all = self.over.indices();
        // The sums run over the same channel, by indices of their own.
        let renamed = |letter| match letter {
            "n" => "m",
            "i" => "k",
            _ => "l",
        };
        let own: Indices = self
            .over
            .indices()
            .into_iter()
            .map(|(letter, extent)| match letter {
                "c" => ("c", extent),
                letter => (renamed(letter), extent),
            })
            .collect();
        let over: Indices = own
            .iter()
            .copied()
            .filter(|(letter, _)| *letter != "c")
            .collect();
        let total = sum_over(&over, at("dy", &own));
        let product = sum_over(&over, at("dy", &own) * normalized(at("x", &own)));
        let through_statistics = equal(size("train"), Position::Number(1))
            * less(index("n"), size("B"))
            * (number(-1.0) / self.over.size())
            * (total + normalized(at("x", &all)) * product);
        let dx = (element("γ", [index("c")]) / deviation()) * (at("dy", &all) + through_statistics);
        vec![define("dx", all, dx)]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(9 * Geometry::new(dims, self.over).count())
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let g = Geometry::new(dims, self.over);
        let (x, gamma, means, dy) = (io.input(0), io.input(1), io.input(2), io.input(4));
        let scales = scales(io.input(3), self.epsilon);
        let valid = if io.step.is_training() { io.valid() } else { 0 };
        let sums = sums(&g, x, means, &scales, dy);
        let share = T::ONE / T::from_f64(g.size(valid) as f64);
        platform::for_each_chunk(io.output(0), g.positions, |map, dx| {
            let (n, c) = (map / g.channels, map % g.channels);
            let range = map * g.positions..(map + 1) * g.positions;
            let [total, product] = sums[c];
            for ((dx, &x), &dy) in dx.iter_mut().zip(&x[range.clone()]).zip(&dy[range]) {
                let mut through = T::ZERO;
                if n < valid {
                    through = share * (total + (x - means[c]) * scales[c] * product);
                }
                *dx = gamma[c] * scales[c] * (dy - through);
            }
        });
    }

    fn workspaces(&self, dims: &Dims) -> Vec<usize> {
        vec![dims.get("C"); 2]
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        self.with_sums(dims, [Operand::Workspace(0), Operand::Workspace(1)])
    }
}

impl BatchNormBackwardInput {
    /// The kernels, with the sums (dβ, dγ) where they are wanted.
    fn with_sums(&self, dims: &Dims, [bias, weight]: [Operand; 2]) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let g = Geometry::new(dims, self.over);
        vec![
            g.by_channel(
                "batch_norm_backward_sums",
                [self.epsilon, 0.0],
                vec![Input(0), Input(2), Input(3), Input(4), bias, weight],
            ),
            g.elementwise(
                Self::NAME,
                self.epsilon,
                vec![
                    Input(0),
                    Input(1),
                    Input(2),
                    Input(3),
                    Input(4),
                    bias,
                    weight,
                    Output(0),
                ],
            ),
        ]
    }
}

/// All three backward operations: inputs those of [`BatchNormBackwardInput`], outputs dx, dβ, dγ. The first
/// kernel's sums are the gradients of bias and weight.
pub(crate) fn backward_fused(op: &BatchNormBackwardInput, dims: &Dims) -> Vec<KernelCall> {
    op.with_sums(dims, [Operand::Output(1), Operand::Output(2)])
}
