//! What is behind a failure, as data: the page words it in the learner's language, the command
//! line prints [`super::Failure::message`].

use super::{Fallback, PromptProblem, SessionError};
use crate::data::{CsvProblem, DataError, FileProblem, TextProblem};
use crate::exec::gpu::GpuError;
use crate::export::ExportError;
use serde::{Deserialize, Serialize};

/// The facts of an error that a learner can meet on the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Cause {
    /// A setting outside its range, both in English where the page has no other words for them.
    Setting {
        name: String,
        actual: String,
        expected: String,
    },
    MissingData {
        dataset: String,
        path: String,
    },
    NonFinite {
        step: u64,
        node: String,
        tensor: String,
    },
    BadImage {
        expected: u64,
        actual: u64,
    },
    /// The preset trains on numbers, not on images.
    NoImages {
        preset: String,
    },
    /// The preset does not learn from a text.
    NoText {
        preset: String,
    },
    /// The run must be reset first.
    Stopped,
    /// No checkpoint was measured yet.
    NothingKept,
    /// The preset learns from the learner's own table.
    NoTable {
        preset: String,
    },
    /// The preset learns from the learner's own text.
    NoOwnText {
        preset: String,
    },
    /// What is wrong with the learner's text.
    Text {
        file: String,
        problem: TextProblem,
    },
    /// What is wrong with a prompt.
    Prompt(PromptProblem),
    /// The preset learns from the learner's own series.
    NoOwnSeries {
        preset: String,
    },
    /// The preset does not learn from a series.
    NoSeries {
        preset: String,
    },
    /// What is wrong with the learner's table.
    Table {
        file: String,
        problem: CsvProblem,
    },
    /// The command came too late or too early for the run.
    WrongRun,
    File {
        /// Empty for a file given without a name.
        file: String,
        problem: FileFault,
    },
    /// WebGPU is missing, or gives no adapter or no device.
    NoGpu(Fallback),
    /// A file of a data set that the server did not give.
    NotServed {
        path: String,
        /// Of HTTP; `None` where there is no such file.
        status: Option<u16>,
    },
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FileFault {
    Truncated {
        expected: u64,
        actual: u64,
    },
    WrongFormat,
    TooLarge {
        most: u64,
    },
    TrailingBytes {
        expected: u64,
        actual: u64,
    },
    NotSavedByGlassbox {
        key: String,
    },
    BadMetadata {
        key: String,
        value: String,
    },
    OtherModel {
        expected: String,
        actual: String,
    },
    MissingTensor {
        name: String,
    },
    OtherShape {
        name: String,
        expected: String,
        actual: String,
    },
    NonFinite {
        name: String,
    },
    /// Of a network that reads another text.
    OtherVocabulary {
        expected: u64,
        actual: u64,
    },
}

impl Cause {
    /// The facts of an error; `None` where only its message says more.
    pub fn of(error: &SessionError) -> Option<Self> {
        Some(match error {
            SessionError::BadConfig {
                name,
                actual,
                expected,
            } => Self::Setting {
                name: (*name).into(),
                actual: actual.clone(),
                expected: expected.clone(),
            },
            SessionError::MissingData { dataset, path } => Self::MissingData {
                dataset: (*dataset).into(),
                path: (*path).into(),
            },
            SessionError::NonFinite { step, node, tensor } => Self::NonFinite {
                step: *step,
                node: node.clone(),
                tensor: tensor.clone(),
            },
            SessionError::BadImage { expected, actual } => Self::BadImage {
                expected: *expected as u64,
                actual: *actual as u64,
            },
            SessionError::NoImages { preset, .. } => Self::NoImages {
                preset: (*preset).into(),
            },
            SessionError::NoText { preset } => Self::NoText {
                preset: (*preset).into(),
            },
            SessionError::Stopped => Self::Stopped,
            SessionError::NothingKept => Self::NothingKept,
            SessionError::NoTable { preset } => Self::NoTable {
                preset: (*preset).into(),
            },
            SessionError::NoOwnText { preset } => Self::NoOwnText {
                preset: (*preset).into(),
            },
            SessionError::Prompt(problem) => Self::Prompt(problem.clone()),
            SessionError::NoOwnSeries { preset } => Self::NoOwnSeries {
                preset: (*preset).into(),
            },
            SessionError::NoSeries { preset } => Self::NoSeries {
                preset: (*preset).into(),
            },
            SessionError::WrongRun { .. } => Self::WrongRun,
            SessionError::Data(DataError::File { file, problem }) => Self::File {
                file: file.clone(),
                problem: FileFault::of_data(problem)?,
            },
            SessionError::Data(DataError::Csv { file, problem }) => Self::Table {
                file: file.clone(),
                problem: problem.clone(),
            },
            SessionError::Data(DataError::Text { file, problem }) => Self::Text {
                file: file.clone(),
                problem: problem.clone(),
            },
            SessionError::Export(error) => Self::File {
                file: String::new(),
                problem: FileFault::of_weights(error),
            },
            SessionError::Gpu(GpuError::NoWebGpu) => Self::NoGpu(Fallback::NoWebGpu),
            SessionError::Gpu(GpuError::NoAdapter) => Self::NoGpu(Fallback::NoAdapter),
            SessionError::Gpu(GpuError::NoDevice { .. }) => Self::NoGpu(Fallback::NoDevice),
            SessionError::UnknownPreset { .. }
            | SessionError::Data(_)
            | SessionError::Model(_)
            | SessionError::Gpu(_) => return None,
        })
    }
}

impl FileFault {
    fn of_data(problem: &FileProblem) -> Option<Self> {
        Some(match problem {
            FileProblem::Truncated { expected, got, .. } => Self::Truncated {
                expected: *expected,
                actual: *got,
            },
            FileProblem::WrongMagic { .. } => Self::WrongFormat,
            FileProblem::TooLarge { limit, .. } => Self::TooLarge { most: *limit },
            FileProblem::TrailingBytes { expected, got } => Self::TrailingBytes {
                expected: *expected,
                actual: *got,
            },
            FileProblem::Gzip(_) => Self::WrongFormat,
            FileProblem::PartialRecord { .. } => return None,
        })
    }

    fn of_weights(error: &ExportError) -> Self {
        match error {
            ExportError::TooLarge { .. } => Self::TooLarge {
                most: crate::export::MAX_FILE_BYTES as u64,
            },
            ExportError::Unreadable { .. } => Self::WrongFormat,
            ExportError::MissingMetadata { key } => Self::NotSavedByGlassbox { key: (*key).into() },
            ExportError::BadMetadata { key, value, .. } => Self::BadMetadata {
                key: (*key).into(),
                value: value.clone(),
            },
            ExportError::WrongPreset { expected, actual } => Self::OtherModel {
                expected: expected.clone(),
                actual: actual.clone(),
            },
            ExportError::MissingTensor { name } => Self::MissingTensor { name: name.clone() },
            ExportError::WrongShape {
                name,
                expected,
                actual,
            } => Self::OtherShape {
                name: name.clone(),
                expected: expected.clone(),
                actual: actual.clone(),
            },
            ExportError::OtherVocabulary { expected, actual } => Self::OtherVocabulary {
                expected: *expected as u64,
                actual: *actual as u64,
            },
            ExportError::NonFinite { name } => Self::NonFinite { name: name.clone() },
        }
    }
}
