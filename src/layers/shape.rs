//! Layers that give their input another shape.

use super::{BuildLayer, LayerBuilder, ModelError};
use crate::graph::ValueId;
use crate::ops::{self, Op};
use serde::{Deserialize, Serialize};

/// Samples as rows: (N, …) -> (N, F).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flatten {}

impl BuildLayer for Flatten {
    const KIND: &'static str = "flatten";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        layer.apply(Op::Flatten(ops::Flatten {}), &[input])
    }
}
