//! Training: measuring a model on held-out data.

pub mod evaluation;

pub use evaluation::{Evaluation, Tally};
