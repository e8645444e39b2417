//! Layers that multiply by weights: linear (dense) ones, and one weight for each feature.

use super::recurrent::reshaped;
use super::{BuildLayer, Initial, LayerBuilder, ModelError};
use crate::graph::ValueId;
use crate::ops::{self, Op};
use serde::{Deserialize, Serialize};

/// (N, I) -> (N, O), or at every step (N, T, I) -> (N, T, O), with weight (O, I) and bias (O).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    pub out_features: usize,
}

impl BuildLayer for Linear {
    const KIND: &'static str = "linear";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        let (steps, features) = match *layer.dims(input) {
            [_, features] => (None, features),
            [batch, steps, features] => (Some([batch, steps]), features),
            _ => return Err(layer.wrong_input(input, "(N, I) or (N, T, I): flatten first")),
        };
        let out = self.out_features;
        layer.at_least_one(out, "out_features")?;
        let initial = Initial::FanIn(features);
        let weight = layer.parameter("weight", [out, features], initial)?;
        let bias = layer.parameter("bias", [out], initial)?;
        let op = Op::Linear(ops::Linear {});
        let Some([batch, steps]) = steps else {
            return layer.apply(op, &[input, weight, bias]);
        };
        // The steps of all sequences are the rows of one product.
        let rows = reshaped(layer, "rows", input, &[batch * steps, features])?;
        let rows = layer.apply(op, &[rows, weight, bias])?;
        reshaped(layer, "steps", rows, &[batch, steps, out])
    }
}

/// Each feature times a weight of its own: (N, K) -> (N, K) with weight (K), which starts as 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {}

impl BuildLayer for Scale {
    const KIND: &'static str = "scale";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        let &[_, features] = layer.dims(input) else {
            return Err(layer.wrong_input(input, "(N, K): flatten first"));
        };
        let weight = layer.parameter("weight", [features], Initial::Constant(1.0))?;
        layer.apply(Op::Multiply(ops::Multiply {}), &[input, weight])
    }
}
