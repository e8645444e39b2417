//! What can go wrong in the lab.

use super::precision::PrecisionError;
use super::subject::offered_presets;
use crate::exec::gpu::GpuError;
use crate::session::{Failure, MAX_BATCH, SessionError};
use serde::{Deserialize, Serialize};

/// Why an instrument refused a setting or stopped: plain data, so that the page words it in the learner's language.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum LabError {
    #[error(
        "the preset is {}; expected one of {}",
        match .actual.as_str() { "" => "empty", actual => actual },
        offered_presets()
    )]
    UnknownPreset { actual: String },
    #[error("the batch size is {actual}; expected a whole number from 1 to {MAX_BATCH}")]
    BadBatch { actual: u32 },
    /// Layers from one that is kept to the next.
    #[error("the distance of kept layers is {actual}; expected a whole number of at least 1")]
    BadDistance { actual: u32 },
    #[error(
        "the model is {preset}; expected a preset that brings its own data, because those decide the size of the model"
    )]
    NeedsData { preset: String },
    /// Executors would need more memory than they may have.
    #[error(
        "{bytes} bytes would be needed at once, expected at most {most}: choose a smaller batch"
    )]
    TooLarge { bytes: u64, most: u64 },
    /// Timing a step would hold the device for too long; `most` samples would not, 0: any batch would.
    #[error(
        "a step of {batch} samples is not timed: one of its operations would hold the device for about {} ms, expected at most {most_millis}{}",
        .millis.ceil(),
        match most { 0 => String::new(), most => format!("; a batch of {most} stays below that") }
    )]
    TooLong {
        batch: u32,
        millis: f64,
        most_millis: f64,
        most: u32,
    },
    #[error("the device's clock shows no time even for {runs} runs in a row")]
    NoTime { runs: u64 },
    #[error(transparent)]
    Precision(#[from] PrecisionError),
    #[error("{}", .0.message)]
    /// Boxed, since it is larger than all others together.
    Session(Box<Failure>),
}

impl From<SessionError> for LabError {
    fn from(error: SessionError) -> Self {
        Self::Session(Box::new(error.failure()))
    }
}

impl From<GpuError> for LabError {
    fn from(error: GpuError) -> Self {
        SessionError::from(error).into()
    }
}
