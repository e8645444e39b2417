//! The GPU executor: runs a plan's kernels through wgpu, natively and in the page.
//!
//! - `device`: finding an adapter, its device, and what goes wrong with it later.
//! - `objects`: the one wrapper that makes GPU objects and counts them.
//! - `pipelines`: shaders to pipelines and bind groups, once for each plan.
//! - `executor`: memory, submits and reading back.
//! - `loose`: kernels outside any plan, to measure them.
//! - `timer`: how long the kernels of a group take, where the device can tell.

mod device;
mod executor;
mod loose;
mod objects;
mod pipelines;
mod timer;

pub use device::{AdapterSummary, GpuDevice, adapters};
pub use executor::{GpuExecutor, MAX_IN_FLIGHT, MAX_STEPS_PER_SUBMIT, Record, Recorded};
pub use loose::{LooseCall, LooseKernels};
pub use objects::GpuCounters;

/// WebGPU's default limit on one storage binding: 128 MiB.
pub const MAX_BUFFER_BYTES: u64 = 128 << 20;

/// What can go wrong with a GPU.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GpuError {
    #[error("this browser has no WebGPU")]
    NoWebGpu,
    #[error("no GPU adapter was found")]
    NoAdapter,
    #[error("the GPU gave no device: {message}")]
    NoDevice { message: String },
    #[error("the GPU device was lost: {message}")]
    Lost { message: String },
    #[error("{what}: out of GPU memory: {message}")]
    OutOfMemory { what: String, message: String },
    #[error("{what}: the GPU refused it: {message}")]
    Validation { what: String, message: String },
    #[error("{name} needs {bytes} bytes, expected at most {MAX_BUFFER_BYTES} in one buffer")]
    TooLarge { name: String, bytes: u64 },
    #[error("reading from the GPU failed: {message}")]
    Read { message: String },
}

impl GpuError {
    /// Names what was being done when wgpu reported `error`.
    fn from_wgpu(what: &str, error: wgpu::Error) -> Self {
        let what = what.to_string();
        match error {
            wgpu::Error::OutOfMemory { source } => Self::OutOfMemory {
                what,
                message: source.to_string(),
            },
            wgpu::Error::Validation { description, .. }
            | wgpu::Error::Internal { description, .. } => Self::Validation {
                what,
                message: description,
            },
        }
    }
}
