//! Element-wise activations.

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
