//! Tokens as vectors.

use super::{BuildLayer, Initial, LayerBuilder, ModelError};
use crate::graph::ValueId;
use crate::ops::{self, Op};
use crate::tensor::ElementType;
use serde::{Deserialize, Serialize};

/// (N, T) whole numbers -> (N, T, E): the row of a table for each token. Parameter `weight` (V, E), standard normal as
/// PyTorch's `nn.Embedding` unless the layer or the run asks for another initialiser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// V: tokens are below it.
    pub vocabulary: usize,
    /// E
    pub features: usize,
}

impl BuildLayer for Embedding {
    const KIND: &'static str = "embedding";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        let is_tokens = layer.graph.value(input).element == ElementType::U32;
        if !is_tokens || layer.dims(input).len() != 2 {
            return Err(layer.wrong_input(input, "(N, T) whole numbers: the tokens of a text"));
        }
        layer.at_least_one(self.vocabulary, "vocabulary")?;
        layer.at_least_one(self.features, "features")?;
        let shape = [self.vocabulary, self.features];
        let weight = layer.parameter("weight", shape, Initial::Table)?;
        layer.apply(Op::Embedding(ops::Embedding {}), &[input, weight])
    }
}
