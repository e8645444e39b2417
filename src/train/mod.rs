//! Training: measuring a model on held-out data, and checking its gradients.

pub mod check;
pub mod evaluation;

pub use evaluation::{Evaluation, NumberTally, Tally, TopK, predicted_class};
