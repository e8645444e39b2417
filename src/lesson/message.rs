//! The contract between the course's pages and their engine: [`LessonCommand`] in, [`LessonEvent`] out, as postcard
//! bytes.

use serde::{Deserialize, Serialize};

use super::digits::Digit;
use super::exercises::{ExerciseId, Outcome};
use super::fit::{FitReport, FitRequest};
use super::noise::{NoiseReport, NoiseRequest};
use super::operation::{OperationRequest, OperationResult};
use super::pipeline::{Fault, Report};
use super::shapes::{NetworkId, Walk};

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
    /// Answered by [`Answer::Digits`].
    Digits,
    /// Answered by [`Answer::Shapes`].
    Shapes { network: NetworkId, batch: u32 },
    /// Answered by [`Answer::Pipeline`] again and again as the run goes on.
    Pipeline { fault: Fault, seed: u64 },
    /// Answered by [`Answer::Noise`].
    Noise(NoiseRequest),
    /// Answered by [`Answer::Fit`] at step 0, and again after each stretch that [`Ask::Onward`] asks for.
    Fit(FitRequest),
    /// Lets the run that the question of this number began learn for so many steps more; not answered itself.
    Onward { id: u32, steps: u32 },
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

/// What is answered. All but `Loading`, `Progress` and the report of a run that can go on end the question.
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
    Digits(Vec<Digit>),
    Shapes(Box<Walk>),
    /// As far as it has come.
    Pipeline(Box<Report>),
    Noise(Box<NoiseReport>),
    /// As far as it has come; it waits.
    Fit(Box<FitReport>),
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
        match self {
            Self::Loading { .. } | Self::Progress { .. } => false,
            Self::Pipeline(report) => report.is_done(),
            Self::Fit(report) => report.is_done(),
            _ => true,
        }
    }
}
