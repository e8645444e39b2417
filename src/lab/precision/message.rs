//! What is asked of the instrument and what it answers.

use super::gradients::LayerGradients;
use super::kernels::KernelReport;
use super::mode::{MemoryParts, PrecisionMode};
use super::scaler::SMALLEST_SCALE;
use crate::optim::{MAX_LEARNING_RATE, OptimizerKind};
use crate::session::DevicePreference;
use serde::{Deserialize, Serialize};

/// The networks that can be trained: a convolutional one, a wide one, and one that takes a moment.
pub const PRESETS: [&str; 3] = ["lenet5-mnist", "mlp-mnist", "mlp-moons"];

pub const MAX_STEPS: u32 = 5_000;
pub const MAX_BATCH: u32 = 1_024;
/// 2⁴⁰
pub const LARGEST_SCALE: f32 = 1_099_511_627_776.0;
pub const MAX_GROWTH_INTERVAL: u32 = 100_000;

/// Everything that decides a comparison; `None` takes the preset's default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrecisionConfig {
    pub preset: String,
    pub modes: Vec<PrecisionMode>,
    /// `Auto`: on a device where it stores float16 and is no software adapter, else emulated. `Gpu`: on a device, be it a
    /// software one. `Cpu`: emulated.
    pub device: DevicePreference,
    pub optimizer: Option<OptimizerKind>,
    pub learning_rate: Option<f32>,
    pub batch: Option<u32>,
    pub steps: u32,
    /// By which the loss is multiplied at first, in mixed precision.
    pub scale: f32,
    /// Good steps after which the scale doubles.
    pub growth_interval: u32,
    pub seed: u64,
}

impl Default for PrecisionConfig {
    fn default() -> Self {
        Self {
            preset: PRESETS[0].into(),
            modes: PrecisionMode::ALL.into(),
            device: DevicePreference::Auto,
            optimizer: None,
            learning_rate: None,
            batch: None,
            steps: 300,
            scale: 1_024.0,
            growth_interval: 20,
            seed: 1,
        }
    }
}

/// A setting that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Setting {
    Preset,
    Modes,
    Optimizer,
    LearningRate,
    Batch,
    Steps,
    Scale,
    GrowthInterval,
}

impl Setting {
    fn name(self) -> &'static str {
        match self {
            Self::Preset => "the network",
            Self::Modes => "the modes",
            Self::Optimizer => "the optimizer",
            Self::LearningRate => "the learning rate",
            Self::Batch => "the batch size",
            Self::Steps => "the number of steps",
            Self::Scale => "the loss scale",
            Self::GrowthInterval => "the growth interval",
        }
    }

    fn expected(self) -> String {
        match self {
            Self::Preset => format!("one of {}", PRESETS.join(", ")),
            Self::Optimizer => {
                let names: Vec<&str> = OptimizerKind::ALL.iter().map(|kind| kind.name()).collect();
                format!("one of {}", names.join(", "))
            }
            Self::Modes => "one to three different ones of float32, float16, mixed".into(),
            Self::LearningRate => format!("a number above 0 and at most {MAX_LEARNING_RATE}"),
            Self::Batch => format!("a whole number from 1 to {MAX_BATCH}"),
            Self::Steps => format!("a whole number from 1 to {MAX_STEPS}"),
            Self::Scale => format!("a number from {SMALLEST_SCALE} to {LARGEST_SCALE}"),
            Self::GrowthInterval => format!("a whole number from 1 to {MAX_GROWTH_INTERVAL}"),
        }
    }
}

/// Why a comparison could not begin or go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum PrecisionError {
    #[error("{} is {actual}, expected {}", .setting.name(), .setting.expected())]
    Setting { setting: Setting, actual: String },
    /// Of an adapter that was asked for by name.
    #[error(
        "{adapter} has no float16 in its shaders (shader-f16), expected an adapter that has it: elsewhere float16 can be emulated"
    )]
    NoFloat16 { adapter: String },
    #[error("{message}")]
    Engine { message: String },
}

impl PrecisionError {
    pub(super) fn setting(setting: Setting, actual: impl ToString) -> Self {
        Self::Setting {
            setting,
            actual: actual.to_string(),
        }
    }
}

/// Why float16 is emulated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Why {
    /// It was asked for.
    Wanted,
    NoGpu,
    /// The adapter has no `shader-f16`.
    NoFloat16 {
        adapter: String,
    },
    /// The adapter has it, but computes on the CPU itself.
    Software {
        adapter: String,
    },
}

/// Where a comparison is computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Place {
    /// On the CPU, every result rounded.
    Emulated { why: Why },
    /// By kernels with float16 storage.
    Device { adapter: String, is_software: bool },
}

impl Place {
    pub fn is_emulated(&self) -> bool {
        matches!(self, Self::Emulated { .. })
    }
}

/// A whole training step of a mode on a device, timed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepTime {
    pub mode: PrecisionMode,
    /// Of one step; over the rounds.
    pub median_millis: f64,
    pub fastest_millis: f64,
    pub slowest_millis: f64,
    /// In turns with the other modes.
    pub rounds: u32,
    /// In one submit of a round.
    pub steps: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Trains the chosen modes side by side; takes the place of a comparison under way. One that cannot begin leaves it.
    Start { run: u32, config: PrecisionConfig },
    /// Ends the comparison under way; what it told stays.
    Stop,
    /// Says whether the GPU stores float16, and if so measures its kernels.
    Measure,
    /// Ends the measuring; what was measured is told.
    StopMeasuring,
}

/// One step of one mode.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Counted from 1.
    pub step: u32,
    /// Mean over the batch, before the update; nats.
    pub loss: f32,
    /// By which the loss was multiplied; 1 but in mixed precision.
    pub scale: f32,
    pub is_skipped: bool,
}

/// What a mode is worth and costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModeResult {
    pub mode: PrecisionMode,
    /// On the held-out samples, in the mode's own precision.
    pub accuracy: f32,
    /// Steps after which it was measured.
    pub step: u32,
    pub skipped: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The settings with defaults filled in.
    Started {
        run: u32,
        config: PrecisionConfig,
        parameters: u64,
        place: Place,
        /// For each mode in the order of the settings, where 16 bits are stored as such.
        memory: Vec<MemoryParts>,
    },
    /// Steps of one mode, in order.
    Steps {
        run: u32,
        mode: PrecisionMode,
        records: Vec<StepRecord>,
    },
    /// The float32 gradients of a step, and what float16 makes of them without and with a scale.
    Gradients {
        run: u32,
        /// Steps done before.
        step: u32,
        scale: f32,
        layers: Vec<LayerGradients>,
    },
    /// A mode cannot go on: its loss is not a finite number, or no scale keeps its gradients finite.
    Diverged {
        run: u32,
        mode: PrecisionMode,
        /// The step that was the last.
        step: u32,
    },
    Finished {
        run: u32,
        result: ModeResult,
    },
    /// Steps of all modes, in the order of the settings; where they are not emulated.
    Timed {
        run: u32,
        times: Vec<StepTime>,
    },
    /// All modes are done, or the comparison was stopped.
    Done {
        run: u32,
        is_complete: bool,
    },
    Kernels(KernelReport),
}
