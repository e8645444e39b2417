//! Layers that compute with the outputs of other layers.

use super::{BuildLayer, LayerBuilder, ModelError};
use crate::graph::ValueId;
use crate::ops::{self, Op};
use serde::{Deserialize, Serialize};

/// The sum of two inputs: where a residual connection meets its branch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {}

impl BuildLayer for Add {
    const KIND: &'static str = "add";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let inputs = layer.exactly::<2>()?;
        layer.apply(Op::Add(ops::Add {}), &inputs)
    }
}
