//! Measuring this device: how fast it multiplies, moves and starts, and where the operations of a model stand below
//! that (a roofline; Williams, Waterman and Patterson 2009, "Roofline: an insightful visual performance model for
//! multicore architectures").
//!
//! # Layout
//! - `quantity`: what is measured, each by an operation that trains, through the plan that trains
//! - `probe`: timing a group of a plan in pieces
//! - `points`: FLOPs and bytes of a plan's groups, by the operations' own cost functions
//! - `warm_up`: every group run once, so that it is known how long each holds the device
//! - `statistics`: median and quartiles
//! - `instrument`: [`Measure`], which does one piece after the other
//!
//! Work is done in pieces of about 12 ms, so that it can be stopped at any time and holds no device for long: every
//! measurement begins with a single run, and the size of a piece follows from the time that took. A size whose single
//! run would take more than 80 ms, by the time of the size below, is left out and said to be. A network's batch is
//! chosen in the same way: as large as is wanted, or as no operation of it is expected to take longer.

mod instrument;
mod points;
mod probe;
mod quantity;
mod statistics;
#[cfg(test)]
mod tests;
mod warm_up;

pub use instrument::Measure;
pub use points::{Counted, count};
pub use probe::{HOLD_MILLIS, Pieces, Probe};
pub use quantity::{Place, Quantity, check_bytes, executor};
pub use statistics::Spread;
pub use warm_up::{MOST_MILLIS, WarmUp, fitting};

use crate::graph::Phase;
use crate::session::DevicePreference;
use serde::{Deserialize, Serialize};

/// What is to be measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Whose operations are placed on the roofline.
    pub preset: String,
    /// Where they run. The CPU's figures are measured in any case, a real GPU's unless the CPU is asked for, and those
    /// of a software adapter if a GPU is asked for.
    pub device: DevicePreference,
    /// Samples of a batch; `None`: the preset's own, or fewer where the device is too slow for it.
    pub batch: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            preset: "lenet5-mnist".into(),
            device: DevicePreference::Auto,
            batch: None,
        }
    }
}

/// What the instrument is asked to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Measures from the beginning.
    Start(Settings),
    /// Ends what is under way; what was found stays.
    Stop,
}

/// Something to compute on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Device {
    pub place: Place,
    /// Name of the adapter; of the CPU executor `CPU`.
    pub name: String,
    /// `WebGPU`, `Vulkan`, …, `CPU`.
    pub backend: String,
    pub driver: String,
    pub is_software: bool,
    /// Whether times are the device's own, by timestamps; else they are the host's, without the time that an empty
    /// submit takes.
    pub has_timestamps: bool,
    /// Optional WebGPU features that it has, of those that matter to computing.
    pub features: Vec<String>,
    /// (name in WebGPU, value); of the CPU its threads.
    pub limits: Vec<(String, u64)>,
}

/// A figure of a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    pub place: Place,
    pub quantity: Quantity,
    /// What it counts, [`Quantity`] says.
    pub size: u64,
    /// In [`Quantity::unit`].
    pub figure: Spread,
}

/// An operation of the model, or several that one kernel does together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    pub name: String,
    pub operation: String,
    pub phase: Phase,
    /// Counted.
    pub flops: u64,
    /// Counted, see [`Counted::bytes`].
    pub bytes: u64,
    /// Counted, see [`Counted::bytes_apart`].
    pub bytes_apart: u64,
    /// Measured microseconds.
    pub micros: Spread,
}

impl Operation {
    /// FLOPs for each byte.
    pub fn intensity(&self) -> f64 {
        self.flops as f64 / self.bytes as f64
    }

    /// 10⁹ floating-point operations a second, at the median.
    pub fn gflops(&self) -> f64 {
        self.flops as f64 / self.micros.median / 1e3
    }

    /// Gigabytes a second, at the median.
    pub fn bandwidth(&self) -> f64 {
        self.bytes as f64 / self.micros.median / 1e3
    }
}

/// What limits operations, as measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Roof {
    pub place: Place,
    /// The fastest product or convolution, in GFLOP/s.
    pub peak: f64,
    /// Copying the largest tensor that was measured, in GB/s, read and written.
    pub memory: f64,
    /// The fastest copy: small tensors stay in the caches.
    pub cache: f64,
}

impl Roof {
    /// What is counted with where nothing is known of a device yet: slower than any that is met.
    pub fn slow(place: Place) -> Self {
        Self {
            place,
            peak: 0.2,
            memory: 1.0,
            cache: 1.0,
        }
    }

    /// GFLOP/s that an operation of this intensity reaches at most: what it reads may stand in a cache.
    pub fn at(&self, intensity: f64) -> f64 {
        self.peak.min(self.cache * intensity)
    }

    /// FLOPs for each byte from which on products limit, even where every byte comes from memory.
    pub fn ridge(&self) -> f64 {
        self.peak / self.memory
    }
}

/// What the instrument reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    Started(Settings),
    Device(Device),
    /// Why no GPU is measured.
    NoGpu {
        reason: NoGpu,
    },
    Measured(Measurement),
    /// A size that was left out, and how long a single run would have taken.
    LeftOut {
        place: Place,
        quantity: Quantity,
        size: u64,
        millis: f64,
    },
    Roof(Roof),
    /// The model whose operations follow.
    Model {
        preset: String,
        place: Place,
        batch: u32,
        /// The batch that was asked for, or the preset's own: larger where an operation would have taken too long.
        wanted_batch: u32,
        operations: u32,
    },
    Operation(Operation),
    /// An operation that is not measured, because a single run takes so many milliseconds.
    OperationLeftOut {
        name: String,
        millis: f64,
    },
    /// Measurements done, of all.
    Progress {
        done: u32,
        total: u32,
    },
    /// Milliseconds from the beginning, and pieces that ran.
    Done {
        millis: f64,
        pieces: u32,
    },
    Stopped,
}

/// Why no GPU is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoGpu {
    /// The CPU was asked for.
    NotWanted,
    /// There is no interface or no adapter.
    None,
    /// Only an adapter that computes on the CPU, slower than the CPU executor.
    Software,
}
