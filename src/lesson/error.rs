//! Why a question cannot be answered.

use super::noise::NoiseError;
use crate::data::DataError;
use crate::exec::single::SingleError;
use crate::export::ExportError;
use crate::graph::GraphError;
use crate::lab::compress::CompressError;
use crate::lab::replicas::SettingsError;
use crate::layers::ModelError;
use crate::session::SessionError;
use crate::tensor::TensorError;

/// Why a question cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum LessonError {
    #[error("{operation}: its attributes are no JSON object: {message}")]
    Attributes { operation: String, message: String },
    #[error(
        "{operation}: {what} has {actual} numbers, expected at most {}",
        super::MAX_NUMBERS
    )]
    TooLarge {
        operation: String,
        what: &'static str,
        actual: usize,
    },
    #[error("{operation}: a tensor of shape {shape:?} has {actual} numbers")]
    Numbers {
        operation: String,
        shape: Vec<usize>,
        actual: usize,
    },
    #[error("the data file {path} could not be had: {message}")]
    MissingFile { path: &'static str, message: String },
    #[error("{name} is {actual}; expected {expected}")]
    Setting {
        name: &'static str,
        actual: String,
        expected: String,
    },
    #[error(transparent)]
    Training(#[from] CompressError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error("the replicas did not finish their steps: {message}")]
    Replicas { message: String },
    #[error(transparent)]
    Noise(#[from] NoiseError),
    #[error(transparent)]
    Single(#[from] SingleError),
    #[error(transparent)]
    Graph(#[from] GraphError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Tensor(#[from] TensorError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Session(#[from] SessionError),
}
