//! The contract between the course's pages and their engine: [`LessonCommand`] in, [`LessonEvent`] out, as postcard
//! bytes.

use serde::{Deserialize, Serialize};

use super::exercises::{ExerciseId, Outcome};
use super::operation::{OperationRequest, OperationResult};

/// A question with a number of its own, by which its answers are told from those of others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LessonCommand {
    pub id: u32,
    pub ask: Ask,
}

/// What the engine is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Ask {
    /// Answered by [`Answer::Operation`].
    Operation(OperationRequest),
    /// Answered by [`Answer::Progress`] where it takes long, then by [`Answer::Exercise`].
    Exercise(ExerciseId),
    /// Ends what the question of this number has under way, which is answered by [`Answer::Stopped`]; the command
    /// itself is not answered.
    Stop { id: u32 },
}

/// An answer to the question of that number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LessonEvent {
    pub id: u32,
    pub answer: Answer,
}

/// What is answered. All but `Loading` and `Progress` end the question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// Data files loaded, of all that are needed.
    Loading {
        done: u64,
        total: u64,
    },
    /// Pieces of work done, of all.
    Progress {
        done: u32,
        total: u32,
    },
    Operation(OperationResult),
    Exercise(Outcome),
    /// It was asked to end.
    Stopped,
    /// Why it cannot be answered.
    Failed {
        message: String,
    },
}

impl Answer {
    /// Whether nothing more follows.
    pub fn is_last(&self) -> bool {
        !matches!(self, Self::Loading { .. } | Self::Progress { .. })
    }
}
