//! What can go wrong in the lab.

use super::precision::PrecisionError;
use crate::exec::gpu::GpuError;
use crate::session::SessionError;

/// Why an instrument refused a setting or stopped.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    #[error("{name} is {actual}; expected {expected}")]
    BadSetting {
        name: &'static str,
        actual: String,
        expected: String,
    },
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
    NoTime { runs: usize },
    #[error(transparent)]
    Precision(#[from] PrecisionError),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Gpu(#[from] GpuError),
}
