//! Models as data: a list of layers becomes a graph with its parameters, loss,
//! backward pass and update.
//!
//! # Layout
//! - `spec.rs`, `layer.rs`: what is written down; `loss.rs`: what is minimised.
//! - `kind.rs`: the list of all kinds of layers. A kind is a struct of attributes
//!   with [`BuildLayer`], in the file of its family (`convolution.rs`, …), and one
//!   line in the list.
//! - `builder.rs`: what a kind builds with; `parameter.rs`: what learned values start as.
//! - `batch.rs`: where batches come from; `model.rs`: the whole graph; `summary.rs`: the table that describes it.
//!
//! Layers work on samples: axis 0 of every activation is the batch.

mod activation;
mod arithmetic;
mod attention;
mod batch;
mod builder;
mod convolution;
mod embedding;
mod error;
mod kind;
mod layer;
mod linear;
mod loss;
mod model;
mod normalization;
mod parameter;
mod recurrent;
mod shape;
mod spec;
mod summary;

pub use activation::{Gelu, LeakyRelu, LogSoftmax, Relu, Sigmoid, Softmax, Tanh};
pub use arithmetic::{
    Add, Divide, Exponential, Logarithm, MatrixProduct, Maximum, Mean, Minimum, Multiply, Negate,
    Power, Square, SquareRoot, Subtract, Sum,
};
pub use attention::{PositionalEmbedding, SelfAttention};
pub use batch::{BatchSource, GatheredInputs, TableTargets};
pub use builder::LayerBuilder;
pub use convolution::{AvgPool2d, Conv2d, GlobalAvgPool2d, MaxPool2d};
pub use embedding::Embedding;
pub use error::ModelError;
pub use kind::{BuildLayer, Kind};
pub use layer::Layer;
pub use linear::{Linear, Scale};
pub use loss::Loss;
pub use model::Model;
pub use normalization::{BatchNorm, Dropout, LayerNorm};
pub use parameter::{Initial, Parameter};
pub use recurrent::{Gru, Lstm, Returns, Rnn};
pub use shape::{Concatenate, Flatten, Reshape, Slice, Transpose};
pub use spec::{INPUT, MAX_LAYERS, ModelSpec};
pub use summary::{LayerSummary, summarize};

use crate::graph::ValueId;
use serde::Serialize;
