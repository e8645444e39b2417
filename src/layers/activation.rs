//! Activations.

use super::{BuildLayer, LayerBuilder, ModelError};
use crate::graph::ValueId;
use crate::ops::{self, Op};
use serde::{Deserialize, Serialize};

/// Layers of one input and no attributes.
macro_rules! plain_layers {
    ($($(#[$doc:meta])* $name:ident $kind:literal: $op:expr;)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name {}

            impl BuildLayer for $name {
                const KIND: &'static str = $kind;

                fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
                    let input = layer.input()?;
                    layer.apply($op, &[input])
                }
            }
        )+
    };
}

pub(super) use plain_layers;

plain_layers! {
    /// `max(0, x)`
    Relu "relu": Op::Relu(ops::Relu {});
    /// `1 / (1 + exp(−x))`
    Sigmoid "sigmoid": Op::Sigmoid(ops::Sigmoid {});
    /// The hyperbolic tangent.
    Tanh "tanh": Op::Tanh(ops::Tanh {});
}

/// `x` where it is positive, else `negative_slope · x`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeakyRelu {
    pub negative_slope: f32,
}

impl Default for LeakyRelu {
    fn default() -> Self {
        let negative_slope = ops::LeakyRelu::default().negative_slope;
        Self { negative_slope }
    }
}

impl BuildLayer for LeakyRelu {
    const KIND: &'static str = "leaky_relu";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        let negative_slope = self.negative_slope;
        layer.apply(Op::LeakyRelu(ops::LeakyRelu { negative_slope }), &[input])
    }
}

/// `x · Φ(x)`, exact or by tanh.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gelu {
    pub approximate: ops::Approximate,
}

impl BuildLayer for Gelu {
    const KIND: &'static str = "gelu";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        let approximate = self.approximate;
        layer.apply(Op::Gelu(ops::Gelu { approximate }), &[input])
    }
}

plain_layers! {
    /// Probabilities along the last axis.
    Softmax "softmax": Op::Softmax(ops::Softmax::default());
    /// Their logarithms.
    LogSoftmax "log_softmax": Op::LogSoftmax(ops::LogSoftmax::default());
}
