//! Batch normalization: each channel by the mean and variance of the batch in training, of
//! all batches so far in inference. Source: `torch.nn.BatchNorm1d`, `torch.nn.BatchNorm2d`;
//! Ioffe and Szegedy (2015), "Batch Normalization".
//!
//! Rows of a batch that are padding take no part in the statistics; they are normalized all the
//! same, so that nothing behind them has to know.

use super::*;
use crate::equation::{element, equal, index, less, number, power, scalar, size, sqrt};
use crate::ops::{GradientOperand, GradientStep, Op, Role, linear_workgroups};
use crate::platform;
use serde::{Deserialize, Serialize};

/// Invocations of the workgroup that adds up a channel.
const CHANNEL_INVOCATIONS: u32 = 256;

params! {
    /// Mirrors `BatchNormParams` of the batch normalization shaders.
    BatchNormParams {
        batch: u32,
        channels: u32,
        positions: u32,
        epsilon: f32,
        momentum: f32,
        row_length: u32,
        unused_0: u32,
        unused_1: u32,
    }
}

/// What the statistics of a channel run over, beside the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Positions {
    /// x (N, C): one value of each channel in each sample.
    #[serde(rename = "1d")]
    Single,
    /// x (N, C, H, W): a map of each channel in each sample.
    #[default]
    #[serde(rename = "2d")]
    Map,
}

impl Positions {
    /// Letters of the input's sizes.
    pub(super) fn dims(self) -> &'static [&'static str] {
        match self {
            Self::Single => &["N", "C"],
            Self::Map => &["N", "C", "H", "W"],
        }
    }

    /// All indices of the input.
    pub(super) fn indices(self) -> Indices {
        let letters = ["n", "c", "i", "j"];
        letters
            .into_iter()
            .zip(self.dims().iter().copied())
            .collect()
    }

    /// The indices that a channel's statistics run over.
    pub(super) fn summed(self) -> Indices {
        let mut indices = self.indices();
        indices.remove(1);
        indices
    }

    /// Elements of a channel in one sample.
    pub(super) fn count(self, dims: &Dims) -> usize {
        match self {
            Self::Single => 1,
            Self::Map => dims.get("H") * dims.get("W"),
        }
    }

    /// Elements that a channel's statistics run over: B, or B·H·W.
    pub(super) fn size(self) -> Expression {
        match self {
            Self::Single => scalar("B"),
            Self::Map => scalar("B") * scalar("H") * scalar("W"),
        }
    }
}

/// Sizes that the twins and kernels work with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub batch: usize,
    pub channels: usize,
    pub positions: usize,
}

impl Geometry {
    pub fn new(dims: &Dims, positions: Positions) -> Self {
        let [batch, channels] = dims.all(["N", "C"]);
        Self {
            batch,
            channels,
            positions: positions.count(dims),
        }
    }

    pub fn count(&self) -> usize {
        self.batch * self.channels * self.positions
    }

    /// Elements of a channel of which a statistic is the mean; at least 1.
    pub fn size(&self, valid: usize) -> usize {
        (valid.min(self.batch) * self.positions).max(1)
    }

    /// The runs of `channel` in the first `samples` samples.
    pub fn runs<'a, T>(
        &self,
        values: &'a [T],
        channel: usize,
        samples: usize,
    ) -> impl Iterator<Item = &'a [T]> {
        let Self {
            channels,
            positions,
            ..
        } = *self;
        (0..samples.min(self.batch)).map(move |n| {
            let start = (n * channels + channel) * positions;
            &values[start..start + positions]
        })
    }

    fn params(&self, [epsilon, momentum]: [f32; 2], row_length: u32) -> crate::ops::Params {
        BatchNormParams {
            batch: self.batch as u32,
            channels: self.channels as u32,
            positions: self.positions as u32,
            epsilon,
            momentum,
            row_length,
            unused_0: 0,
            unused_1: 0,
        }
        .params()
    }

    /// A kernel with one invocation for each element.
    pub fn elementwise(
        &self,
        shader: &'static str,
        epsilon: f32,
        operands: Vec<Operand>,
    ) -> KernelCall {
        let (workgroups, row_length) =
            linear_workgroups(self.count(), crate::ops::kernel::WORKGROUP_SIZE);
        KernelCall {
            shader,
            constants: Vec::new(),
            params: self.params([epsilon, 0.0], row_length),
            operands,
            workgroups,
        }
    }

    /// A kernel with one workgroup for each channel.
    pub fn by_channel(
        &self,
        shader: &'static str,
        attributes: [f32; 2],
        operands: Vec<Operand>,
    ) -> KernelCall {
        let (workgroups, row_length) = linear_workgroups(
            self.channels * CHANNEL_INVOCATIONS as usize,
            CHANNEL_INVOCATIONS,
        );
        KernelCall {
            shader,
            constants: Vec::new(),
            params: self.params(attributes, row_length),
            operands,
            workgroups,
        }
    }
}

/// √(variance[c] + ε)
pub(super) fn deviation() -> Expression {
    sqrt(element("variance", [index("c")]) + scalar("ε"))
}

/// x̂ = (x − mean[c]) / √(variance[c] + ε)
pub(super) fn normalized(x: Expression) -> Expression {
    (x - element("mean", [index("c")])) / deviation()
}

/// `y = γ[c] · (x − mean[c]) / √(variance[c] + ε) + β[c]`.
///
/// In training `mean` and `variance` are those of the batch (divided by the count), and the running ones move
/// towards them by `momentum` (the variance divided by the count less one); in inference they are the
/// running ones, which stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BatchNorm {
    pub over: Positions,
    /// ε
    pub epsilon: f32,
    /// α: the part of a batch's statistics in the running ones.
    pub momentum: f32,
}

impl Default for BatchNorm {
    fn default() -> Self {
        Self {
            over: Positions::default(),
            epsilon: 1e-5,
            momentum: 0.1,
        }
    }
}

/// ε and α are numbers that leave the variance positive and the average an average.
fn check_attributes(epsilon: f32, momentum: f32) -> Result<(), String> {
    if !(epsilon.is_finite() && epsilon > 0.0) {
        return Err(format!("expected an epsilon above 0, got {epsilon}"));
    }
    if !(0.0..=1.0).contains(&momentum) {
        return Err(format!("expected a momentum from 0 to 1, got {momentum}"));
    }
    Ok(())
}

impl Operation for BatchNorm {
    const NAME: &'static str = "batch_norm";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("x", self.over.dims()),
            input("γ", &["C"]),
            input("β", &["C"]),
            input("running_mean", &["C"]),
            input("running_var", &["C"]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![
            output("y", self.over.dims()),
            output("mean", &["C"]).role(Role::Saved),
            output("variance", &["C"]).role(Role::Saved),
            output("running_mean′", &["C"]).role(Role::Alias(3)),
            output("running_var′", &["C"]).role(Role::Alias(4)),
        ]
    }

    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        check_attributes(self.epsilon, self.momentum)
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("ε", f64::from(self.epsilon)),
            ("α", f64::from(self.momentum)),
        ]
    }

    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        use GradientOperand::{GradientOf, Input, Output};
        let (over, epsilon) = (self.over, self.epsilon);
        vec![
            GradientStep {
                op: Op::BatchNormBackwardWeight(BatchNormBackwardWeight { over, epsilon }),
                operands: vec![Input(0), Output(1), Output(2), GradientOf(0)],
                target: 1,
            },
            GradientStep {
                op: Op::BatchNormBackwardBias(BatchNormBackwardBias { over }),
                operands: vec![GradientOf(0)],
                target: 2,
            },
            GradientStep {
                op: Op::BatchNormBackwardInput(BatchNormBackwardInput { over, epsilon }),
                operands: vec![Input(0), Input(1), Output(1), Output(2), GradientOf(0)],
                target: 0,
            },
        ]
    }

    fn equations(&self) -> Vec<Equation> {
        let c = || index("c");
        let channel = || vec![("c", "C")];
        let x = || at("x", &self.over.indices());
        let centred = || x() - element("mean", [c()]);
        let training = || equal(size("train"), Position::Number(1));
        let inference = || equal(size("train"), Position::Number(0));
        // The mean of the batch in training, what has been gathered so far in inference.
        let statistic = |body: Expression, running: &'static str| {
            let valid = less(index("n"), size("B")) * body;
            let mean = training()
                * (number(1.0) / self.over.size())
                * sum_over(&self.over.summed(), valid);
            mean + inference() * element(running, [c()])
        };
        let moved = |running: &'static str, batch: Expression| {
            element(running, [c()]) + training() * scalar("α") * (batch - element(running, [c()]))
        };
        let unbiased =
            self.over.size() / (self.over.size() - number(1.0)) * element("variance", [c()]);
        vec![
            define(
                "y",
                self.over.indices(),
                element("γ", [c()]) * normalized(x()) + element("β", [c()]),
            ),
            define("mean", channel(), statistic(x(), "running_mean")),
            define(
                "variance",
                channel(),
                statistic(power(centred(), number(2.0)), "running_var"),
            ),
            define(
                "running_mean′",
                channel(),
                moved("running_mean", element("mean", [c()])),
            ),
            define("running_var′", channel(), moved("running_var", unbiased)),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(8 * Geometry::new(dims, self.over).count())
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let g = Geometry::new(dims, self.over);
        let (x, gamma, beta) = (io.input(0), io.input(1), io.input(2));
        let training = io.step.is_training();
        let valid = io.valid();
        let size = T::from_f64(g.size(valid) as f64);
        let momentum = T::from_f64(f64::from(self.momentum));
        // A single value has no spread to correct.
        let unbiased =
            T::from_f64(g.size(valid) as f64 / g.size(valid).saturating_sub(1).max(1) as f64);
        for c in 0..g.channels {
            if !training {
                io.output(1)[c] = io.output(3)[c];
                io.output(2)[c] = io.output(4)[c];
                continue;
            }
            // Run by run: a sum of tens of thousands of numbers one after the other would round too often.
            let runs = || g.runs(x, c, valid);
            let mean = runs().map(|run| run.iter().copied().sum()).sum::<T>() / size;
            let square = |&value: &T| (value - mean) * (value - mean);
            let squares = runs().map(|run| run.iter().map(square).sum());
            let variance = squares.sum::<T>() / size;
            io.output(1)[c] = mean;
            io.output(2)[c] = variance;
            let running_mean = &mut io.output(3)[c];
            *running_mean += momentum * (mean - *running_mean);
            let running_variance = &mut io.output(4)[c];
            *running_variance += momentum * (unbiased * variance - *running_variance);
        }
        let scales = scales(io.output(2), self.epsilon);
        let means = io.output(1).to_vec();
        platform::for_each_chunk(io.output(0), g.positions, |map, y| {
            let c = map % g.channels;
            let (mean, scale) = (means[c], gamma[c] * scales[c]);
            let x = &x[map * g.positions..(map + 1) * g.positions];
            for (y, &x) in y.iter_mut().zip(x) {
                *y = (x - mean) * scale + beta[c];
            }
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let g = Geometry::new(dims, self.over);
        vec![
            g.by_channel(
                "batch_norm_statistics",
                [self.epsilon, self.momentum],
                vec![Input(0), Output(1), Output(2), Output(3), Output(4)],
            ),
            g.elementwise(
                Self::NAME,
                self.epsilon,
                vec![
                    Input(0),
                    Input(1),
                    Input(2),
                    Output(1),
                    Output(2),
                    Output(0),
                ],
            ),
        ]
    }
}

/// `batch_norm` and the activation behind it (by its number in the shader): the first output is the activation's.
pub(crate) fn activated(op: &BatchNorm, dims: &Dims, activation: u32) -> Vec<KernelCall> {
    let mut calls = op.kernels(dims);
    let last = calls.last_mut().expect("it has kernels");
    last.shader = "batch_norm_activated";
    last.constants.push(("ACTIVATION", f64::from(activation)));
    calls
}

/// 1 / √(variance + ε) of each channel.
pub(super) fn scales<T: Real>(variances: &[T], epsilon: f32) -> Vec<T> {
    let epsilon = T::from_f64(f64::from(epsilon));
    variances
        .iter()
        .map(|&variance| T::ONE / (variance + epsilon).sqrt())
        .collect()
}
