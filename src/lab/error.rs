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
    #[error(transparent)]
    Precision(#[from] PrecisionError),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Gpu(#[from] GpuError),
}
