//! What is minimised.

use crate::ops::{BinaryCrossEntropy, Op, SoftmaxCrossEntropy};
use serde::{Deserialize, Serialize};

/// What is minimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Targets are classes (N), u32.
    SoftmaxCrossEntropy,
    /// Targets are probabilities (N, K), f32.
    BinaryCrossEntropy,
}

impl Loss {
    /// The operation of logits and targets. Its first output `L` is the loss; all have
    /// a `loss_of_row`, those that know classes `p` and `correct` too.
    pub fn op(self) -> Op {
        match self {
            Self::SoftmaxCrossEntropy => Op::SoftmaxCrossEntropy(SoftmaxCrossEntropy {}),
            Self::BinaryCrossEntropy => Op::BinaryCrossEntropy(BinaryCrossEntropy {}),
        }
    }
}
