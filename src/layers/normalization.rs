//! Normalization and dropout: what training needs and inference does in another way.

use super::{BuildLayer, Initial, LayerBuilder, ModelError};
use crate::graph::ValueId;
use crate::ops::{self, Axes, Op, Positions};
use serde::{Deserialize, Serialize};

/// Each channel of (N, C) or (N, C, H, W) by the statistics of the batch; in inference by the running
/// ones, `running_mean` and `running_var`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchNorm {
    pub epsilon: f32,
    pub momentum: f32,
}

impl Default for BatchNorm {
    fn default() -> Self {
        let ops::BatchNorm {
            epsilon, momentum, ..
        } = ops::BatchNorm::default();
        Self { epsilon, momentum }
    }
}

impl BuildLayer for BatchNorm {
    const KIND: &'static str = "batch_norm";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        let (over, channels, values) = match *layer.dims(input) {
            [batch, channels] => (Positions::Single, channels, batch),
            [batch, channels, height, width] => (Positions::Map, channels, batch * height * width),
            _ => return Err(layer.wrong_input(input, "(N, C) or (N, C, H, W)")),
        };
        if values < 2 {
            return Err(layer.wrong_input(
                input,
                "more than one value of each channel: a batch of at least 2, or larger maps",
            ));
        }
        let weight = layer.parameter("weight", [channels], Initial::Constant(1.0))?;
        let bias = layer.parameter("bias", [channels], Initial::Constant(0.0))?;
        let running_mean = layer.buffer("running_mean", [channels], 0.0)?;
        let running_var = layer.buffer("running_var", [channels], 1.0)?;
        let op = Op::BatchNorm(ops::BatchNorm {
            over,
            epsilon: self.epsilon,
            momentum: self.momentum,
        });
        layer.apply(op, &[input, weight, bias, running_mean, running_var])
    }
}

/// The last axes of each sample by their own mean and variance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LayerNorm {
    /// How many of the last axes; all but the batch, if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub axes: Option<usize>,
    pub epsilon: f32,
}

impl Default for LayerNorm {
    fn default() -> Self {
        Self {
            axes: None,
            epsilon: ops::LayerNorm::default().epsilon,
        }
    }
}

impl BuildLayer for LayerNorm {
    const KIND: &'static str = "layer_norm";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        let dims = layer.dims(input).to_vec();
        let last = dims.len().saturating_sub(1);
        let axes = self.axes.unwrap_or(last);
        if axes > last {
            return Err(layer.wrong_attribute(format!(
                "expected at most {last} axes of samples to normalize, got {axes}"
            )));
        }
        let count = |axes: usize| {
            Axes::try_from(axes)
                .map_err(|message| layer.wrong_attribute(format!("axes: {message}")))
        };
        let (leading, normalized) = (count(dims.len() - axes)?, count(axes)?);
        let shape = &dims[dims.len() - axes..];
        let weight = layer.parameter("weight", shape, Initial::Constant(1.0))?;
        let bias = layer.parameter("bias", shape, Initial::Constant(0.0))?;
        let op = Op::LayerNorm(ops::LayerNorm {
            leading,
            normalized,
            epsilon: self.epsilon,
        });
        layer.apply(op, &[input, weight, bias])
    }
}

/// In training, elements that become 0 with probability `rate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    pub rate: f32,
}

impl BuildLayer for Dropout {
    const KIND: &'static str = "dropout";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        let op = Op::Dropout(ops::Dropout {
            rate: self.rate,
            seed: 0,
            stream: layer.number(),
        });
        layer.apply(op, &[input])
    }
}
