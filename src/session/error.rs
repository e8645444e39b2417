//! What can go wrong in a session, and how it is told.

use super::{Cause, Failure, FailureKind, PromptProblem};
use crate::data::DataError;
use crate::exec::gpu::GpuError;
use crate::export::ExportError;
use crate::layers::ModelError;
use crate::models::{PRESETS, Preset, PresetData};

/// Why a command was refused or a run stopped.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error("no preset is called \"{name}\"; there are: {}", preset_names())]
    UnknownPreset { name: String },
    #[error("{name} is {actual}; expected {expected}")]
    BadConfig {
        name: &'static str,
        actual: String,
        expected: String,
    },
    #[error("the data set {dataset} needs the file {path}, which was not given")]
    MissingData {
        dataset: &'static str,
        path: &'static str,
    },
    #[error("the preset {preset} learns from a table of your own, which was not given")]
    NoTable { preset: &'static str },
    #[error("the preset {preset} learns from a text of your own, which was not given")]
    NoOwnText { preset: &'static str },
    #[error("the preset {preset} learns from a series of your own, which was not given")]
    NoOwnSeries { preset: &'static str },
    #[error("the preset {preset} does not learn from a series, so there is none to forecast")]
    NoSeries { preset: &'static str },
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Gpu(#[from] GpuError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error("{node} became infinite or NaN in step {step} (first seen in {tensor})")]
    NonFinite {
        step: u64,
        node: String,
        tensor: String,
    },
    #[error("the command is for run {asked}, but {current}")]
    WrongRun { asked: u32, current: String },
    #[error("an image of {expected} pixels was expected, got {actual}")]
    BadImage { expected: usize, actual: usize },
    #[error("the preset {preset} has no images to {what}")]
    NoImages {
        preset: &'static str,
        what: &'static str,
    },
    #[error("the preset {preset} does not learn from a text, so it has none to continue")]
    NoText { preset: &'static str },
    #[error("the prompt {0}")]
    Prompt(PromptProblem),
    #[error("the run has stopped: go back to a checkpoint or reset it before going on")]
    Stopped,
    #[error("no checkpoint was measured on held-out samples yet, so none is the best")]
    NothingKept,
}

fn preset_names() -> String {
    let names: Vec<&str> = PRESETS.iter().map(|preset| preset.id).collect();
    names.join(", ")
}

impl SessionError {
    /// What the learner has to bring for a preset was not given.
    pub(super) fn nothing_own(preset: &Preset) -> Self {
        let preset_id = preset.id;
        match preset.data {
            PresetData::OwnSeries => Self::NoOwnSeries { preset: preset_id },
            PresetData::OwnText { .. } => Self::NoOwnText { preset: preset_id },
            _ => Self::NoTable { preset: preset_id },
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::UnknownPreset { .. } => FailureKind::UnknownPreset,
            Self::BadConfig { .. } => FailureKind::BadConfig,
            Self::MissingData { .. }
            | Self::NoTable { .. }
            | Self::NoOwnText { .. }
            | Self::NoOwnSeries { .. } => FailureKind::MissingData,
            Self::Data(_) | Self::Export(_) => FailureKind::BadFile,
            Self::Model(_) => FailureKind::Internal,
            Self::Gpu(error) => match error {
                GpuError::NoWebGpu | GpuError::NoAdapter | GpuError::NoDevice { .. } => {
                    FailureKind::NoGpu
                }
                GpuError::Lost { .. } => FailureKind::DeviceLost,
                GpuError::OutOfMemory { .. } => FailureKind::OutOfMemory,
                _ => FailureKind::Internal,
            },
            Self::NonFinite { .. } => FailureKind::NonFinite,
            Self::WrongRun { .. }
            | Self::BadImage { .. }
            | Self::NoImages { .. }
            | Self::NoText { .. }
            | Self::Prompt(_)
            | Self::NoSeries { .. }
            | Self::Stopped
            | Self::NothingKept => FailureKind::BadCommand,
        }
    }

    /// Whether a run that met this error has to stop, rather than go on as it was.
    pub(super) fn ends_training(&self) -> bool {
        matches!(self, Self::NonFinite { .. } | Self::Gpu(_))
    }

    pub fn failure(&self) -> Failure {
        Failure {
            kind: self.kind(),
            message: self.to_string(),
            cause: Cause::of(self),
        }
    }
}
