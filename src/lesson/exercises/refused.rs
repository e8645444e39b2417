//! Why the engine refused what an exercise tried, as data: the page words it in the learner's language.

use serde::{Deserialize, Serialize};

use crate::exec::single::SingleError;
use crate::graph::GraphError;
use crate::lesson::LessonError;
use crate::ops::OpError;

/// What the engine said, and what is behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// In the engine's own words.
    pub message: String,
    /// Of the kinds that exercises meet.
    pub misfit: Option<Misfit>,
}

/// What does not fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Misfit {
    /// An input that has another shape than its operation takes.
    Input {
        operation: String,
        tensor: String,
        actual: Vec<usize>,
        /// As the engine writes it: `(N = 2, H = 10)`.
        expected: String,
    },
    /// Operands that an elementwise operation cannot repeat to one shape.
    Elementwise { left: Vec<usize>, right: Vec<usize> },
    /// Numbers that do not fill a shape, of which one size may be -1.
    View { from: Vec<usize>, to: Vec<i64> },
}

impl Refused {
    /// `tried` is what was asked of an operation whose error has no more than words for it.
    pub(super) fn new(error: impl Into<LessonError>, tried: Option<Misfit>) -> Self {
        let error = error.into();
        let misfit = match cause(&error) {
            Some(OpError::Shape {
                op,
                tensor,
                actual,
                expected,
            }) => Some(Misfit::Input {
                operation: (*op).to_string(),
                tensor: (*tensor).to_string(),
                actual: actual.dims().to_vec(),
                expected: expected.clone(),
            }),
            Some(OpError::Attribute { .. }) => tried,
            _ => None,
        };
        Self {
            message: error.to_string(),
            misfit,
        }
    }
}

/// The error of the operation itself.
fn cause(error: &LessonError) -> Option<&OpError> {
    match error {
        LessonError::Single(SingleError::Op(cause)) => Some(cause),
        LessonError::Single(SingleError::Graph(GraphError::Op { source, .. }))
        | LessonError::Graph(GraphError::Op { source, .. }) => Some(source),
        _ => None,
    }
}
