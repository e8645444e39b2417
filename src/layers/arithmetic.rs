//! Layers that compute with the outputs of other layers.
//!
//! Axis 0 of an activation is the batch. Layers of two inputs want the same number of
//! dimensions, so that broadcasting never takes a batch for something else; a size of 1
//! may stand for a whole batch, as sums and means over axis 0 leave it.

use super::activation::plain_layers;
use super::{BuildLayer, LayerBuilder, ModelError};
use crate::graph::ValueId;
use crate::ops::{self, Op};
use serde::{Deserialize, Serialize};

/// Layers of two inputs and no attributes.
macro_rules! binary_layers {
    ($($(#[$doc:meta])* $name:ident $kind:literal: $op:expr;)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name {}

            impl BuildLayer for $name {
                const KIND: &'static str = $kind;

                fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
                    let inputs = layer.exactly::<2>()?;
                    let [a, b] = inputs.map(|input| layer.dims(input).len());
                    if a != b {
                        return Err(layer.wrong_input(
                            inputs[1],
                            format!("{a} dimensions, as the first input has"),
                        ));
                    }
                    layer.apply($op, &inputs)
                }
            }
        )+
    };
}

binary_layers! {
    /// The sum of two inputs: where a residual connection meets its branch.
    Add "add": Op::Add(ops::Add {});
    /// The first input less the second.
    Subtract "subtract": Op::Subtract(ops::Subtract {});
    /// The product, element by element: a gate.
    Multiply "multiply": Op::Multiply(ops::Multiply {});
    /// The first input over the second.
    Divide "divide": Op::Divide(ops::Divide {});
    /// The larger of each two elements.
    Maximum "maximum": Op::Maximum(ops::Maximum {});
    /// The smaller of each two elements.
    Minimum "minimum": Op::Minimum(ops::Minimum {});
}

plain_layers! {
    /// `−x`
    Negate "negate": Op::Negate(ops::Negate {});
    /// `exp(x)`
    Exponential "exponential": Op::Exponential(ops::Exponential {});
    /// The natural logarithm; not a number below 0.
    Logarithm "logarithm": Op::Logarithm(ops::Logarithm {});
    /// `√x`; not a number below 0.
    SquareRoot "square_root": Op::SquareRoot(ops::SquareRoot {});
    /// `x²`
    Square "square": Op::Square(ops::Square {});
}

/// Products of matrices, sample by sample: (N, …, I, K) and (N, …, K, J) to (N, …, I, J).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatrixProduct {
    /// The first input is (N, …, K, I).
    pub transpose_a: bool,
    /// The second input is (N, …, J, K).
    pub transpose_b: bool,
}

impl BuildLayer for MatrixProduct {
    const KIND: &'static str = "matrix_product";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let inputs = layer.exactly::<2>()?;
        for input in inputs {
            // The first two axes of a single matrix would be the batch.
            if layer.dims(input).len() < 3 {
                return Err(layer.wrong_input(input, "(N, …, rows, columns)"));
            }
        }
        let op = Op::MatrixProduct(ops::MatrixProduct {
            transpose_a: self.transpose_a,
            transpose_b: self.transpose_b,
            sum_batch: false,
        });
        layer.apply(op, &inputs)
    }
}

/// `xᵖ`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Power {
    /// p
    pub exponent: f32,
}

impl BuildLayer for Power {
    const KIND: &'static str = "power";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        let op = Op::Power(ops::Power {
            exponent: self.exponent,
        });
        layer.apply(op, &[input])
    }
}

/// Layers that add up or average over axes of one input.
macro_rules! reduction_layers {
    ($($(#[$doc:meta])* $name:ident $kind:literal;)+) => {
        $(
            $(#[$doc])*
            ///
            /// Axis 0 is the batch: over it only the valid samples count, and summed axes
            /// should stay (`keepdim`), so that the result still fits the batch.
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                /// Negative ones count from the end.
                pub axes: Vec<i64>,
                /// Whether these axes stay, with size 1.
                #[serde(default)]
                pub keepdim: bool,
            }

            impl BuildLayer for $name {
                const KIND: &'static str = $kind;

                fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
                    let input = layer.input()?;
                    if self.axes.is_empty() {
                        // The operation would take them all, with the batch among them.
                        let message = "axes is empty: name at least one axis of the samples";
                        return Err(layer.wrong_attribute(message));
                    }
                    let op = Op::$name(ops::$name {
                        axes: Some(self.axes.clone()),
                        keepdim: self.keepdim,
                        valid_rows: true,
                    });
                    layer.apply(op, &[input])
                }
            }
        )+
    };
}

reduction_layers! {
    /// Sums over axes.
    Sum "sum";
    /// Means over axes.
    Mean "mean";
}
