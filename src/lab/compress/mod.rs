//! Compression under a budget: a trained network pruned, quantized, fine-tuned and distilled, its size counted in the
//! bytes of the file that is saved.
//!
//! # Layout
//! - `network`: which networks can be compressed, and which of their tensors are weights.
//! - `prune`, `quantize`: the two operations on weights.
//! - `file`: the compressed file; its length is the size that is shown. Its format is told in `docs/LAB.md`.
//! - `trainer`: training, fine-tuning under a mask or through quantized weights, distillation.
//! - `evaluator`: held-out accuracy, logits.
//! - `tries`: what was tried, the Pareto front, the best under a budget, histograms.
//! - `message`, `error`, `instrument`: the commands, what can go wrong, and [`Compress`], which carries them out.

mod bits;
mod error;
mod evaluator;
mod file;
mod instrument;
mod job;
mod message;
mod network;
mod prune;
mod quantize;
mod trainer;
mod tries;

#[cfg(test)]
mod tests;

pub use error::{CompressError, FileError};
pub use evaluator::{Evaluator, Halves, Measured, class_probabilities};
pub use file::{CompressedModel, Layout, MAGIC, MAX_COMPRESSED_BYTES, Part, Stored};
pub use instrument::{Compress, MAX_TRIES};
pub use message::{
    BaseFacts, Command, DistilSettings, Event, FineTune, Loaded, Origin, Recipe, Sized, Stage,
    Student, TrainSettings, Try,
};
pub use network::Network;
pub use prune::{MAX_SPARSITY, Masks, Scope, gradual_sparsity};
pub use quantize::{BITS, Granularity, Quantized, levels};
pub use trainer::{Teacher, Trainer};
pub use tries::{Budgeted, HISTOGRAM_BINS, Histogram, best_under, pareto_front};
