//! The list of all kinds of layers, and the one enum that holds any of them.

use super::*;

/// A kind of layer: attributes that say which operations to apply to which inputs.
pub trait BuildLayer: Serialize + serde::de::DeserializeOwned {
    /// `snake_case`, as in layer lists.
    const KIND: &'static str;

    /// Applies the layer; returns its output.
    ///
    /// # Errors
    /// When attributes or inputs do not fit, naming the layer and the numbers.
    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError>;
}

/// Generates `enum Kind` with methods that delegate to the layer inside.
macro_rules! kinds {
    ($($variant:ident),+ $(,)?) => {
        /// Any kind of layer, with its attributes.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Kind {
            $($variant($variant)),+
        }

        $(impl From<$variant> for Kind {
            fn from(kind: $variant) -> Self {
                Self::$variant(kind)
            }
        })+

        impl Kind {
            /// Names of all kinds.
            pub const NAMES: &'static [&'static str] = &[$(<$variant as BuildLayer>::KIND),+];

            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => <$variant as BuildLayer>::KIND),+ }
            }

            /// The kind called `name` with its attributes, of the layer called `layer`.
            ///
            /// # Errors
            /// When there is no such kind, or the attributes are not its own.
            pub fn from_json(
                layer: &str,
                name: &str,
                attributes: serde_json::Value,
            ) -> Result<Self, ModelError> {
                match name {
                    $(<$variant as BuildLayer>::KIND => serde_json::from_value(attributes)
                        .map(Self::$variant)
                        .map_err(|error| ModelError::Attributes {
                            layer: layer.into(),
                            kind: <$variant as BuildLayer>::KIND,
                            message: error.to_string(),
                        }),)+
                    _ => Err(ModelError::UnknownKind {
                        layer: layer.into(),
                        kind: name.into(),
                        known: Self::NAMES.join(", "),
                    }),
                }
            }

            /// The attributes as JSON.
            pub fn attributes(&self) -> serde_json::Map<String, serde_json::Value> {
                let value = match self { $(Self::$variant(kind) => serde_json::to_value(kind)),+ };
                match value {
                    Ok(serde_json::Value::Object(attributes)) => attributes,
                    other => panic!("{}: attributes are an object, not {other:?}", self.name()),
                }
            }

            pub(super) fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
                match self { $(Self::$variant(kind) => kind.build(layer)),+ }
            }
        }
    };
}

kinds! {
    Linear,
    Scale,
    Conv2d,
    MaxPool2d,
    AvgPool2d,
    GlobalAvgPool2d,
    BatchNorm,
    LayerNorm,
    Dropout,
    Embedding,
    SelfAttention,
    PositionalEmbedding,
    Rnn,
    Lstm,
    Gru,
    Relu,
    Sigmoid,
    Tanh,
    LeakyRelu,
    Gelu,
    Softmax,
    LogSoftmax,
    Flatten,
    Reshape,
    Transpose,
    Concatenate,
    Slice,
    Add,
    Subtract,
    Multiply,
    Divide,
    Maximum,
    Minimum,
    Negate,
    Exponential,
    Logarithm,
    SquareRoot,
    Square,
    Power,
    Sum,
    Mean,
    MatrixProduct,
}
