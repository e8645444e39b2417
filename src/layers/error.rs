//! Why a model cannot be built.

use crate::graph::GraphError;
use crate::tensor::{Shape, TensorError};

/// Why a model could not be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    #[error(transparent)]
    Graph(#[from] GraphError),
    #[error(transparent)]
    Tensor(#[from] TensorError),
    #[error("the layer list has {bytes} bytes, expected at most {limit}")]
    TooLong { bytes: usize, limit: usize },
    #[error("the layer list is not valid: {message}")]
    Json { message: String },
    #[error("the model has {actual} layers, expected 1 to {}", super::MAX_LAYERS)]
    LayerCount { actual: usize },
    #[error("two layers are called \"{name}\"; every layer needs its own name")]
    DuplicateName { name: String },
    #[error("no layer may be called \"{name}\": the model has other things of that name")]
    ReservedName { name: String },
    #[error(
        "\"{name}\" is not a layer's name: expected 1 to {limit} letters, digits, \".\", \"_\" or \"-\""
    )]
    BadName { name: String, limit: usize },
    #[error("layer {layer} reads \"{input}\", which {problem}")]
    UnknownInput {
        layer: String,
        input: String,
        problem: &'static str,
    },
    #[error("layer {layer}: nothing reads its output, and the model ends with {last}")]
    UnusedLayer { layer: String, last: String },
    #[error("layer {layer}: there is no kind \"{kind}\"; there are: {known}")]
    UnknownKind {
        layer: String,
        kind: String,
        known: String,
    },
    #[error("layer {layer} ({kind}): {message}")]
    Attributes {
        layer: String,
        kind: &'static str,
        message: String,
    },
    #[error("layer {layer}: {message}")]
    Attribute { layer: String, message: String },
    #[error("layer {layer}: expected {expected} inputs, got {actual}")]
    InputCount {
        layer: String,
        expected: String,
        actual: usize,
    },
    #[error("layer {layer}: expected an input of {expected}, got {actual}")]
    LayerInput {
        layer: String,
        expected: String,
        actual: Shape,
    },
    #[error("layer {layer}: {size} must be at least 1")]
    EmptyLayer { layer: String, size: &'static str },
    #[error("layer {layer}: {parameter}: {source}")]
    Parameter {
        layer: String,
        parameter: String,
        source: TensorError,
    },
    #[error(
        "layer {layer}: with it the model takes {bytes} bytes for batches of {batch}, before any \
         gradient; expected at most {limit}"
    )]
    TooLarge {
        layer: String,
        bytes: u64,
        batch: usize,
        limit: u64,
    },
    #[error("layer {layer} has no parameters that it could take from {owner}")]
    NothingToShare { layer: String, owner: String },
    #[error("layer {layer}: it shares {parameter}, which is {actual}, expected {expected}")]
    SharedParameter {
        layer: String,
        parameter: String,
        expected: Shape,
        actual: String,
    },
}
