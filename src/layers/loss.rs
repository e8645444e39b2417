//! What is minimised.

use super::ModelError;
use crate::graph::{Graph, Phase, ValueId};
use crate::ops::{
    BinaryCrossEntropy, KullbackLeibler, MeanAbsoluteError, MeanSquaredError, Op,
    SequenceCrossEntropy, SoftmaxCrossEntropy, WeightedCrossEntropy,
};
use crate::tensor::{ElementType, Tensor};
use serde::{Deserialize, Serialize};

/// What is minimised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Targets are classes (N), u32.
    SoftmaxCrossEntropy,
    /// Targets are classes (N), u32.
    WeightedCrossEntropy {
        /// For each class; none for a weight of 1 each.
        #[serde(default)]
        class_weights: Vec<f32>,
        /// Label smoothing, ignored label, reduction.
        #[serde(flatten)]
        variant: WeightedCrossEntropy,
    },
    /// Targets are the tokens that come next (N, T), u32; predictions are (N, T, V).
    SequenceCrossEntropy(SequenceCrossEntropy),
    /// Targets are probabilities (N, K), f32.
    BinaryCrossEntropy,
    /// Targets are numbers (N, K), f32; there are no classes.
    MeanSquaredError(MeanSquaredError),
    /// Targets are numbers (N, K), f32; there are no classes.
    MeanAbsoluteError(MeanAbsoluteError),
    /// Targets are a teacher's logits (N, K), f32.
    KullbackLeibler(KullbackLeibler),
}

impl Loss {
    /// The operation of predictions and targets. Its first output `L` is the loss; all
    /// have a `loss_of_row`, those that know classes `p` too, and those that know the
    /// right one `correct`.
    pub fn op(&self) -> Op {
        match self {
            Self::SoftmaxCrossEntropy => Op::SoftmaxCrossEntropy(SoftmaxCrossEntropy {}),
            Self::WeightedCrossEntropy { variant, .. } => Op::WeightedCrossEntropy(variant.clone()),
            Self::SequenceCrossEntropy(op) => Op::SequenceCrossEntropy(op.clone()),
            Self::BinaryCrossEntropy => Op::BinaryCrossEntropy(BinaryCrossEntropy::default()),
            Self::MeanSquaredError(op) => Op::MeanSquaredError(op.clone()),
            Self::MeanAbsoluteError(op) => Op::MeanAbsoluteError(op.clone()),
            Self::KullbackLeibler(op) => Op::KullbackLeibler(op.clone()),
        }
    }

    /// What the targets are: classes as u32, or f32.
    pub fn target_element(&self) -> ElementType {
        match self {
            Self::SoftmaxCrossEntropy
            | Self::WeightedCrossEntropy { .. }
            | Self::SequenceCrossEntropy(_) => ElementType::U32,
            _ => ElementType::F32,
        }
    }

    /// Adds the loss of `prediction` (N, K) to the graph; the operation's outputs.
    pub(super) fn apply(
        &self,
        graph: &mut Graph,
        prediction: ValueId,
        target: ValueId,
    ) -> Result<Vec<ValueId>, ModelError> {
        let mut inputs = vec![prediction, target];
        if let Self::WeightedCrossEntropy { class_weights, .. } = self {
            let weights = if class_weights.is_empty() {
                let classes = graph.value(prediction).shape.dims().last();
                vec![1.0; classes.copied().unwrap_or(1)]
            } else {
                class_weights.clone()
            };
            if let Some(weight) = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
                return Err(ModelError::Attribute {
                    layer: "loss".into(),
                    message: format!("a class weight is {weight}, expected numbers from 0"),
                });
            }
            let weights = Tensor::f32([weights.len()], weights)?;
            inputs.push(graph.constant("loss.class_weights", weights));
        }
        Ok(graph.apply_in(Phase::Loss, None, self.op(), "loss".into(), &inputs)?)
    }
}
