//! The command line, `glassbox`: native only.
//!
//! # Layout
//! - `arguments`: what can be typed.
//! - `driver`: runs a [`crate::session::Session`], the one that the page runs too.
//! - `lines`: the JSON lines of `--json`, types of their own.
//! - `memory`: what the system says the program takes.
//! - `data`: the embedded MNIST subset, and where other data sets lie.
//! - `picture`: image files to pixels, for `predict`.
//! - `subject`: a preset with a small batch, for `step` and `check`.
//! - one file for each command.
//!
//! Results go to stdout, progress and errors to stderr. Exit codes: 0 done, 1 failed,
//! 2 wrongly used.

mod arguments;
mod bench;
mod check;
mod compress;
mod course;
mod data;
mod ddp;
mod devices;
mod driver;
mod export;
mod generate;
mod lines;
mod measure;
mod memory;
mod operation;
mod picture;
mod precision;
mod predict;
mod presets;
mod race;
mod step;
mod step_memory;
mod subject;
mod summary;
mod train;

use crate::data::DataError;
use crate::exec::gpu::GpuError;
use crate::export::ExportError;
use crate::export::torch::TorchError;
use crate::lab::LabError;
use crate::lab::compress::CompressError;
use crate::lab::precision::PrecisionError;
use crate::lab::replicas::{Problem, ReplicaError, SettingsError};
use crate::plot::PlotError;
use crate::session::{Failure, FailureKind, SessionError};
use arguments::{Arguments, Command};
use clap::Parser;
use lines::Line;
use std::path::Path;
use std::process::ExitCode;

/// Why a command ends without its result.
#[derive(Debug, thiserror::Error)]
enum CliError {
    /// What was typed makes no sense.
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Engine(Box<Failure>),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Gpu(#[from] GpuError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Torch(#[from] TorchError),
    #[error(transparent)]
    ReplicaSettings(#[from] SettingsError),
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    #[error(transparent)]
    Replicas(#[from] Problem),
    #[error(transparent)]
    Plot(#[from] PlotError),
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error("{path}: {message}")]
    File { path: String, message: String },
    #[error(transparent)]
    Compress(#[from] CompressError),
    /// No try is small enough.
    #[error(
        "nothing fits into {budget} bytes: the smallest try has {smallest}; prune more, or take fewer bits"
    )]
    Budget { budget: u64, smallest: u64 },
    #[error("{0}")]
    Check(String),
    /// Nobody reads the output any more.
    #[error("the output was closed")]
    OutputClosed,
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        Self::Engine(Box::new(failure))
    }
}

impl CliError {
    fn file(path: &Path, error: impl std::fmt::Display) -> Self {
        Self::File {
            path: path.display().to_string(),
            message: error.to_string(),
        }
    }

    /// In the words of `failed` lines.
    fn kind(&self) -> &'static str {
        let kind = match self {
            Self::Usage(_) => return "usage",
            Self::Check(_) => return "mismatch",
            Self::File { .. } => return "file",
            Self::OutputClosed => return "output",
            Self::Budget { .. } => return "budget",
            Self::Compress(error) => compress::kind_of(error),
            Self::Engine(failure) => failure.kind,
            Self::Session(error) => error.failure().kind,
            Self::Gpu(error) => SessionError::from(error.clone()).failure().kind,
            Self::Data(_) | Self::Export(_) => FailureKind::BadFile,
            Self::Torch(_) | Self::ReplicaSettings(_) | Self::Replica(_) => FailureKind::BadConfig,
            Self::Replicas(_) => FailureKind::NonFinite,
            Self::Plot(_) => FailureKind::Internal,
            Self::Lab(error) => lab_kind(error),
        };
        lines::kind_name(kind)
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::ReplicaSettings(_) => 2,
            Self::Engine(failure) => match failure.kind {
                FailureKind::UnknownPreset | FailureKind::BadConfig => 2,
                _ => 1,
            },
            Self::Session(SessionError::Prompt(_) | SessionError::BadConfig { .. }) => 2,
            Self::Compress(error) => match compress::kind_of(error) {
                FailureKind::UnknownPreset | FailureKind::BadConfig => 2,
                _ => 1,
            },
            Self::Torch(
                TorchError::Count { .. }
                | TorchError::Order { .. }
                | TorchError::LearningRate { .. },
            ) => 2,
            Self::Lab(
                LabError::UnknownPreset { .. }
                | LabError::BadBatch { .. }
                | LabError::BadDistance { .. }
                | LabError::NeedsData { .. }
                | LabError::TooLarge { .. }
                | LabError::Precision(PrecisionError::Setting { .. }),
            ) => 2,
            _ => 1,
        }
    }
}

/// What kind of failure the lab's is, in the words of the session.
fn lab_kind(error: &LabError) -> FailureKind {
    match error {
        LabError::UnknownPreset { .. } => FailureKind::UnknownPreset,
        LabError::BadBatch { .. }
        | LabError::BadDistance { .. }
        | LabError::NeedsData { .. }
        | LabError::TooLarge { .. }
        | LabError::TooLong { .. }
        | LabError::Precision(PrecisionError::Setting { .. }) => FailureKind::BadConfig,
        LabError::Precision(_) | LabError::NoTime { .. } => FailureKind::Internal,
        LabError::Session(failure) => failure.kind,
    }
}

/// Runs what was typed.
pub fn main() -> ExitCode {
    // Parsing ends the program by itself: with 0 after --help, with 2 on bad usage.
    let arguments = Arguments::parse();
    let json = arguments.command.is_json();
    let Err(error) = run(arguments.command) else {
        return ExitCode::SUCCESS;
    };
    if matches!(error, CliError::OutputClosed) {
        return ExitCode::SUCCESS;
    }
    if json {
        let line = Line::Failed {
            kind: error.kind(),
            message: error.to_string(),
        };
        // Where even this cannot be written, stderr still says it.
        let _ = line.print();
    }
    eprintln!("glassbox: {error}");
    ExitCode::from(error.exit_code())
}

fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Presets(arguments) => presets::run(&arguments),
        Command::Devices(arguments) => devices::run(&arguments),
        Command::Train(arguments) => train::run(&arguments),
        Command::Race(arguments) => race::run(&arguments),
        Command::Precision(arguments) => precision::run(&arguments),
        Command::Summary(arguments) => summary::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Compress(arguments) => compress::run(&arguments),
        Command::Measure(arguments) => measure::run(&arguments),
        Command::Memory(arguments) => step_memory::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Step(arguments) => step::run(&arguments),
        Command::Op(arguments) => operation::run(&arguments),
        Command::Generate(arguments) => generate::run(&arguments),
        Command::Course(arguments) => course::run(&arguments),
        Command::Ddp(arguments) => ddp::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
    }
}
