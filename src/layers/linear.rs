//! Linear (dense) layers.

use super::{BuildLayer, Initial, LayerBuilder, ModelError};
use crate::graph::ValueId;
use crate::ops::{self, Op};
use serde::{Deserialize, Serialize};

/// (N, I) -> (N, O) with weight (O, I) and bias (O).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    pub out_features: usize,
}

impl BuildLayer for Linear {
    const KIND: &'static str = "linear";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        let &[_, features] = layer.dims(input) else {
            return Err(layer.wrong_input(input, "(N, I): flatten first"));
        };
        let out = self.out_features;
        layer.at_least_one(out, "out_features")?;
        let initial = Initial::FanIn(features);
        let weight = layer.parameter("weight", [out, features], initial)?;
        let bias = layer.parameter("bias", [out], initial)?;
        layer.apply(Op::Linear(ops::Linear {}), &[input, weight, bias])
    }
}
