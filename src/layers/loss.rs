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
    /// The operation of logits and targets whose first outputs are the loss, the
    /// number of right answers, the probabilities and the loss of each row.
    pub fn op(self) -> Op {
        match self {
            Self::SoftmaxCrossEntropy => Op::SoftmaxCrossEntropy(SoftmaxCrossEntropy {}),
            Self::BinaryCrossEntropy => Op::BinaryCrossEntropy(BinaryCrossEntropy {}),
        }
    }
}
