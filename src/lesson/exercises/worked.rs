//! The worked example: a network 2-3-1 with given weights and one sample.

use super::bench::Bench;
use crate::graph::{Graph, Phase, ValueId};
use crate::lesson::LessonError;
use crate::ops::{BinaryCrossEntropy, Linear, Negate, Op, Relu, SoftmaxCrossEntropy};
use crate::tensor::ElementType;

pub(super) const X: [f64; 2] = [1.0, 0.5];
pub(super) const Y: f64 = 1.0;
pub(super) const W1: [f64; 6] = [0.2, -0.4, -0.6, 0.1, 0.5, 0.3];
pub(super) const B1: [f64; 3] = [0.1, 0.05, -0.2];
pub(super) const W2: [f64; 3] = [0.7, -0.3, 0.4];
pub(super) const B2: [f64; 1] = [-0.1];
pub(super) const LEARNING_RATE: f32 = 0.1;

/// What the loss compares.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// σ(z) of the one unit with y.
    Sigmoid,
    /// The softmax over the one unit with class 0.
    Softmax,
}

/// How the network is built.
#[derive(Clone, Copy)]
pub(super) struct Build {
    /// Samples of a batch.
    pub rows: usize,
    /// Whether a ReLU stands between the layers.
    pub relu: bool,
    pub head: Head,
    /// Whether the backward pass goes down the negated loss: every δ has the other sign.
    pub negated: bool,
}

impl Default for Build {
    fn default() -> Self {
        Self {
            rows: 1,
            relu: true,
            head: Head::Sigmoid,
            negated: false,
        }
    }
}

/// The network with the values of the worked example, before anything has run.
pub(super) struct Worked {
    pub bench: Bench,
    /// (N, 2)
    pub x: ValueId,
    pub w1: ValueId,
    pub b1: ValueId,
    pub w2: ValueId,
    pub b2: ValueId,
    /// (N, 3)
    pub a1: ValueId,
    /// (N, 3), the same as `a1` without ReLU.
    pub z1: ValueId,
    /// (N, 1)
    pub z2: ValueId,
    /// (N, 1)
    pub p: ValueId,
    pub loss: ValueId,
}

impl Worked {
    pub(super) fn new(build: Build) -> Result<Self, LessonError> {
        let rows = build.rows;
        let mut graph = Graph::default();
        let mut real = |name: &str, dims: &[usize]| {
            Ok::<_, LessonError>(graph.input(
                name,
                crate::tensor::Shape::new(dims.to_vec())?,
                ElementType::F32,
            ))
        };
        let x = real("x", &[rows, 2])?;
        let w1 = real("W1", &[3, 2])?;
        let b1 = real("b1", &[3])?;
        let w2 = real("W2", &[1, 3])?;
        let b2 = real("b2", &[1])?;
        let target = match build.head {
            Head::Sigmoid => real("y", &[rows, 1])?,
            Head::Softmax => graph.input("y", [rows].into(), ElementType::U32),
        };
        let z1 = graph.apply(Op::Linear(Linear {}), "z1", &[x, w1, b1])?[0];
        let a1 = match build.relu {
            true => graph.apply(Op::Relu(Relu {}), "a1", &[z1])?[0],
            false => z1,
        };
        let z2 = graph.apply(Op::Linear(Linear {}), "z2", &[a1, w2, b2])?[0];
        let op = match build.head {
            Head::Sigmoid => Op::BinaryCrossEntropy(BinaryCrossEntropy::default()),
            Head::Softmax => Op::SoftmaxCrossEntropy(SoftmaxCrossEntropy {}),
        };
        let outputs = graph.apply_in(Phase::Loss, None, op, "loss".into(), &[z2, target])?;
        let loss = outputs[0];
        let minimised = match build.negated {
            true => {
                let negate = Op::Negate(Negate {});
                graph.apply_in(Phase::Loss, None, negate, "negated".into(), &[loss])?[0]
            }
            false => loss,
        };
        graph.differentiate(minimised, &[x, w1, b1, w2, b2])?;
        let mut bench = Bench::new(graph, rows);
        bench.write(x, &X.repeat(rows));
        for (value, numbers) in [(w1, &W1[..]), (b1, &B1), (w2, &W2), (b2, &B2)] {
            bench.write(value, numbers);
        }
        match build.head {
            Head::Sigmoid => bench.write(target, &vec![Y; rows]),
            Head::Softmax => bench.write_classes(target, &vec![0; rows]),
        }
        Ok(Self {
            bench,
            x,
            w1,
            b1,
            w2,
            b2,
            a1,
            z1,
            z2,
            p: outputs[2],
            loss,
        })
    }

    /// Weights and biases, in the order of the layers.
    pub(super) fn parameters(&self) -> [ValueId; 4] {
        [self.w1, self.b1, self.w2, self.b2]
    }

    pub(super) fn loss(&self) -> f64 {
        self.bench.read(self.loss)[0]
    }
}
