//! Convolutions and the pooling between them.

use super::{BuildLayer, Initial, LayerBuilder, ModelError};
use crate::graph::ValueId;
use crate::ops::{self, Op, Padding, Pair};
use crate::tensor::Tensor;
use serde::{Deserialize, Serialize};

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

/// (N, C, H, W) -> (N, O, P, Q) with weight (O, C/G, K, L) and bias (O).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    pub out_channels: usize,
    pub kernel: Pair,
    #[serde(default)]
    pub stride: Pair,
    #[serde(default)]
    pub padding: Padding,
    #[serde(default)]
    pub dilation: Pair,
    /// Groups of channels that do not see each other; as many as channels: depthwise.
    #[serde(default = "one")]
    pub groups: usize,
    /// Whether a learned bias is added: batch normalization behind it would take it out again.
    #[serde(default = "yes")]
    pub bias: bool,
}

impl Conv2d {
    /// Stride 1, no padding, no dilation, one group, with a bias.
    pub fn new(out_channels: usize, kernel: impl Into<Pair>) -> Self {
        Self {
            out_channels,
            kernel: kernel.into(),
            stride: Pair::ONE,
            padding: Padding::default(),
            dilation: Pair::ONE,
            groups: 1,
            bias: true,
        }
    }

    #[must_use]
    pub fn with_stride(mut self, stride: impl Into<Pair>) -> Self {
        self.stride = stride.into();
        self
    }

    #[must_use]
    pub fn with_padding(mut self, padding: impl Into<Padding>) -> Self {
        self.padding = padding.into();
        self
    }

    #[must_use]
    pub fn with_dilation(mut self, dilation: impl Into<Pair>) -> Self {
        self.dilation = dilation.into();
        self
    }

    #[must_use]
    pub fn with_groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    #[must_use]
    pub fn without_bias(mut self) -> Self {
        self.bias = false;
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
        let (out, Pair { height, width }) = (self.out_channels, self.kernel);
        layer.at_least_one(out, "out_channels")?;
        layer.at_least_one(height.min(width), "kernel")?;
        layer.at_least_one(self.groups, "groups")?;
        if !channels.is_multiple_of(self.groups) || !out.is_multiple_of(self.groups) {
            return Err(layer.wrong_attribute(format!(
                "expected groups that divide {channels} input and {out} output channels, got {}",
                self.groups
            )));
        }
        let of_group = channels / self.groups;
        let fan_in = of_group.saturating_mul(height).saturating_mul(width);
        let initial = Initial::FanIn(fan_in);
        let weight = layer.parameter("weight", [out, of_group, height, width], initial)?;
        let bias = if self.bias {
            layer.parameter("bias", [out], initial)?
        } else {
            layer.constant("no_bias", Tensor::f32([out], vec![0.0; out])?)
        };
        let op = Op::Conv2d(ops::Conv2d {
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            groups: self.groups,
        });
        layer.apply(op, &[input, weight, bias])
    }
}

/// The largest value of each window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool2d {
    pub kernel: Pair,
    /// The window's size, if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<Pair>,
    #[serde(default)]
    pub padding: Padding,
    #[serde(default)]
    pub dilation: Pair,
    #[serde(default)]
    pub ceil_mode: bool,
}

impl MaxPool2d {
    /// Windows side by side.
    pub fn new(kernel: impl Into<Pair>) -> Self {
        Self {
            kernel: kernel.into(),
            stride: None,
            padding: Padding::default(),
            dilation: Pair::ONE,
            ceil_mode: false,
        }
    }
}

impl BuildLayer for MaxPool2d {
    const KIND: &'static str = "max_pool2d";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        let op = Op::MaxPool2d(ops::MaxPool2d {
            kernel: self.kernel,
            stride: self.stride.unwrap_or(self.kernel),
            padding: self.padding,
            dilation: self.dilation,
            ceil_mode: self.ceil_mode,
        });
        layer.apply(op, &[input])
    }
}

/// The mean of each window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvgPool2d {
    pub kernel: Pair,
    /// The window's size, if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<Pair>,
    #[serde(default)]
    pub padding: Padding,
    #[serde(default)]
    pub ceil_mode: bool,
    #[serde(default = "yes")]
    pub count_include_pad: bool,
}

impl AvgPool2d {
    /// Windows side by side.
    pub fn new(kernel: impl Into<Pair>) -> Self {
        Self {
            kernel: kernel.into(),
            stride: None,
            padding: Padding::default(),
            ceil_mode: false,
            count_include_pad: true,
        }
    }
}

impl BuildLayer for AvgPool2d {
    const KIND: &'static str = "avg_pool2d";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        let op = Op::AvgPool2d(ops::AvgPool2d {
            kernel: self.kernel,
            stride: self.stride.unwrap_or(self.kernel),
            padding: self.padding,
            ceil_mode: self.ceil_mode,
            count_include_pad: self.count_include_pad,
        });
        layer.apply(op, &[input])
    }
}

/// The mean of each map: (N, C, H, W) -> (N, C).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalAvgPool2d {}

impl BuildLayer for GlobalAvgPool2d {
    const KIND: &'static str = "global_avg_pool2d";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        layer.apply(Op::GlobalAvgPool2d(ops::GlobalAvgPool2d {}), &[input])
    }
}
