//! What the course computes: single operations for its widgets, and the exercises that run a mistake beside its
//! correction.
//!
//! # Layout
//! - `message`: what the page asks and what it is answered.
//! - `session`: [`LessonSession`], the only door, as `session` is that of training.
//! - `operation`: one operation of the registry with given inputs, forward and backward.
//! - `digits`: a digit of each kind; `shapes`: networks line by line; `pipeline`: the six steps on a small real run.
//! - `fit/`: over- and underfitting on a few points.
//! - `noise`: gradients of mini-batches and their spread.
//! - `exercises/`: X1 to X16, each run by the engine, with a verdict that follows from what was measured.

pub mod digits;
mod error;
pub mod exercises;
pub mod fit;
mod message;
pub mod noise;
mod operation;
pub mod pipeline;
mod session;
pub mod shapes;

pub use error::LessonError;
pub use message::{Answer, Ask, LessonCommand, LessonEvent};
pub use operation::{MAX_NUMBERS, Numbers, OperationRequest, OperationResult, run_operation};
pub use session::LessonSession;
