//! Attention over sequences (N, T, D), batch-first, and what tells it the places of its tokens.
//!
//! A self-attention's nodes: `<name>.query`, `.key` and `.value` multiply the tokens with their weights, `.scores`,
//! `.weights` and `.mixture` are what they are called, and the node with the layer's own name projects the mixture.

use super::recurrent::reshaped;
use super::{BuildLayer, Initial, LayerBuilder, ModelError};
use crate::graph::ValueId;
use crate::ops::{self, Op};
use serde::{Deserialize, Serialize};

/// (N, T, D) -> (N, T, D): every token asks all others, or those up to its own place, and gets their values mixed.
///
/// Parameters: `query.weight` (D, D), `query.bias` (D), the same of `key`, `value` and `out_proj`.
/// Source: Vaswani et al. (2017), "Attention is all you need", section 3.2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfAttention {
    /// Divides D.
    #[serde(default = "one")]
    pub heads: usize,
    /// Whether a token sees only those up to its own place.
    #[serde(default)]
    pub causal: bool,
}

fn one() -> usize {
    1
}

impl SelfAttention {
    /// With a mask that hides what comes later.
    pub fn causal(heads: usize) -> Self {
        Self {
            heads,
            causal: true,
        }
    }
}

impl BuildLayer for SelfAttention {
    const KIND: &'static str = "self_attention";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        let &[batch, steps, width] = layer.dims(input) else {
            return Err(layer.wrong_input(input, "(N, T, D): sequences of T tokens"));
        };
        layer.at_least_one(self.heads, "heads")?;
        if !width.is_multiple_of(self.heads) {
            return Err(layer.wrong_attribute(format!(
                "heads is {}, expected a divisor of the {width} columns",
                self.heads
            )));
        }
        let rows = reshaped(layer, "rows", input, &[batch * steps, width])?;
        let parameters = |layer: &mut LayerBuilder<'_>, name: &str| {
            let initial = Initial::FanIn(width);
            let weight = layer.parameter(&format!("{name}.weight"), [width, width], initial)?;
            let bias = layer.parameter(&format!("{name}.bias"), [width], initial)?;
            Ok::<_, ModelError>([weight, bias])
        };
        let linear = || Op::Linear(ops::Linear {});
        let tokens = |layer: &mut LayerBuilder<'_>, name: &str| {
            let [weight, bias] = parameters(layer, name)?;
            let projected = layer.apply_step(name, linear(), &[rows, weight, bias])?;
            let shape = [batch, steps, width];
            reshaped(layer, &format!("{name}s"), projected, &shape)
        };
        let query = tokens(layer, "query")?;
        let key = tokens(layer, "key")?;
        let value = tokens(layer, "value")?;
        let heads = self.heads;
        let scores = Op::AttentionScores(ops::AttentionScores { heads });
        let scores = layer.apply_step("scores", scores, &[query, key])?;
        let weights = Op::AttentionWeights(ops::AttentionWeights {
            causal: self.causal,
        });
        let weights = layer.apply_step("weights", weights, &[scores])?;
        let mixture = Op::AttentionMixture(ops::AttentionMixture { heads });
        let mixture = layer.apply_step("mixture", mixture, &[weights, value])?;
        let rows = reshaped(layer, "mixture_rows", mixture, &[batch * steps, width])?;
        let [weight, bias] = parameters(layer, "out_proj")?;
        let projected = layer.apply(linear(), &[rows, weight, bias])?;
        reshaped(layer, "steps", projected, &[batch, steps, width])
    }
}

/// (N, T, D) -> (N, T, D): adds a learned row to the token at each place. Parameter `weight` (T, D).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PositionalEmbedding {}

impl BuildLayer for PositionalEmbedding {
    const KIND: &'static str = "positional_embedding";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        let &[_, steps, width] = layer.dims(input) else {
            return Err(layer.wrong_input(input, "(N, T, D): sequences of T tokens"));
        };
        let weight = layer.parameter("weight", [steps, width], Initial::FanIn(width))?;
        layer.apply(Op::Add(ops::Add {}), &[input, weight])
    }
}
