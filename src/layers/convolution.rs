//! Convolutions and the pooling between them.

use super::{BuildLayer, Initial, LayerBuilder, ModelError};
use crate::graph::ValueId;
use crate::ops::{self, Op};
use serde::{Deserialize, Serialize};

/// (N, C, H, W) -> (N, O, P, Q) with weight (O, C, K, K) and bias (O).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    pub out_channels: usize,
    pub kernel: usize,
    #[serde(default = "one")]
    pub stride: usize,
    #[serde(default)]
    pub padding: usize,
}

fn one() -> usize {
    1
}

impl Conv2d {
    /// A square kernel, stride 1, no padding.
    pub fn new(out_channels: usize, kernel: usize) -> Self {
        Self {
            out_channels,
            kernel,
            stride: 1,
            padding: 0,
        }
    }

    #[must_use]
    pub fn with_stride(mut self, stride: usize) -> Self {
        self.stride = stride;
        self
    }

    #[must_use]
    pub fn with_padding(mut self, padding: usize) -> Self {
        self.padding = padding;
        self
    }
}

impl BuildLayer for Conv2d {
    const KIND: &'static str = "conv2d";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        let &[_, channels, _, _] = layer.dims(input) else {
            return Err(layer.wrong_input(input, "(N, C, H, W)"));
        };
        let (out, kernel) = (self.out_channels, self.kernel);
        layer.at_least_one(out, "out_channels")?;
        layer.at_least_one(kernel, "kernel")?;
        let fan_in = channels.saturating_mul(kernel).saturating_mul(kernel);
        let initial = Initial::FanIn(fan_in);
        let weight = layer.parameter("weight", [out, channels, kernel, kernel], initial)?;
        let bias = layer.parameter("bias", [out], initial)?;
        let op = Op::Conv2d(ops::Conv2d {
            stride: self.stride,
            padding: self.padding,
        });
        layer.apply(op, &[input, weight, bias])
    }
}

/// The largest value of each window; windows inside the image alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool2d {
    pub kernel: usize,
    pub stride: usize,
}

impl BuildLayer for MaxPool2d {
    const KIND: &'static str = "max_pool2d";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        let op = Op::MaxPool2d(ops::MaxPool2d {
            kernel: self.kernel,
            stride: self.stride,
        });
        layer.apply(op, &[input])
    }
}
