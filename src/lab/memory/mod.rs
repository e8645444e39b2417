//! Where the bytes of a training step go, and what recomputing activations saves and costs.
//!
//! # Layout
//! - `checkpoints`: which activations are kept when every k-th layer's are
//! - `report`: bytes by tensor and over the step, from the plan's lifetimes
//! - `instrument`: [`Memory`], which reports, and times a step with and without recomputation
//!
//! Bytes are counted from the plan that trains: nothing of them is measured. Times are.

mod checkpoints;
mod instrument;
mod report;
#[cfg(test)]
mod tests;

pub use checkpoints::{kept_activations, with_checkpoints};
pub use instrument::Memory;
pub use report::{Holds, KINDS, Moment, Report, TensorRow, report};

use crate::lab::measure::{Place, Spread};
use crate::optim::OptimizerKind;
use crate::session::DevicePreference;
use serde::{Deserialize, Serialize};

/// Whose memory is looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub preset: String,
    /// Where a step is timed.
    pub device: DevicePreference,
    /// `None`: the preset's own.
    pub batch: Option<u32>,
    /// `None`: the preset's own.
    pub optimizer: Option<OptimizerKind>,
    /// Of every so many layers one keeps its output for the backward pass; the others' are computed again.
    pub every: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            preset: "lenet5-mnist".into(),
            device: DevicePreference::Auto,
            batch: None,
            optimizer: None,
            every: 3,
        }
    }
}

/// What the instrument is asked to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Counts where the bytes go, with and without recomputation.
    Look(Settings),
    /// The same, and then times a step both ways.
    Time(Settings),
    /// Ends what is under way; what was found stays.
    Stop,
}

/// What the instrument reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// Without recomputation, and with.
    Reports {
        settings: Settings,
        batch: u32,
        optimizer: OptimizerKind,
        layers: u32,
        plain: Report,
        recomputing: Report,
    },
    /// What the steps run on.
    Device {
        place: Place,
        name: String,
        is_software: bool,
    },
    /// Pieces measured, of all.
    Progress {
        done: u32,
        total: u32,
    },
    /// Milliseconds of a step, both ways measured in turns: the sum of its parts, which hold the device for a short time
    /// each.
    Timed {
        settings: Settings,
        plain: Spread,
        recomputing: Spread,
    },
    Stopped,
}
