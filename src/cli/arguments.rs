//! What can be typed after `glassbox`.

use super::CliError;
use crate::layers::ModelSpec;
use crate::optim::OptimizerKind;
use crate::session::DevicePreference;
use clap::{Args, Parser, Subcommand};
use std::io::Read;
use std::path::PathBuf;

/// See how neural networks learn: train, step through and check small networks.
#[derive(Debug, Parser)]
#[command(name = "glassbox", version, about)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the networks that can be trained
    Presets(ListArguments),
    /// List what there is to compute on
    Devices(ListArguments),
    /// Train a preset
    Train(TrainArguments),
    /// Show the layers of a network, their parameters, work and memory
    Summary(SummaryArguments),
    /// Check equations, gradients and kernels of a preset, operation by operation
    Check(CheckArguments),
    /// Measure how fast a preset trains
    Bench(BenchArguments),
    /// Predict what is on an image, with weights saved by `train --save`
    Predict(PredictArguments),
    /// Walk through one training batch, operation by operation
    Step(StepArguments),
    /// Write text (with presets that are not there yet)
    Generate(GenerateArguments),
}

impl Command {
    pub fn is_json(&self) -> bool {
        match self {
            Self::Presets(arguments) | Self::Devices(arguments) => arguments.json,
            Self::Summary(arguments) => arguments.json,
            Self::Train(arguments) => arguments.json,
            Self::Check(arguments) => arguments.json,
            Self::Bench(arguments) => arguments.json,
            Self::Predict(arguments) => arguments.json,
            Self::Step(arguments) => arguments.json,
            Self::Generate(_) => false,
        }
    }
}

#[derive(Debug, Args)]
pub struct ListArguments {
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// The learner's own table.
#[derive(Debug, Default, Args)]
pub struct TableArguments {
    /// A CSV file to learn from, with the preset mlp-csv
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// The column of the CSV file to predict, by name or by number from 1 [default: the last]
    #[arg(long, value_name = "COLUMN", requires = "csv")]
    pub target: Option<String>,
}

#[derive(Debug, Args)]
pub struct TrainArguments {
    /// The network to train; `glassbox presets` lists them
    pub preset: String,
    #[command(flatten)]
    pub table: TableArguments,
    /// What to compute on: auto, gpu or cpu. `auto` takes a real GPU where there is one
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = device)]
    pub device: DevicePreference,
    /// Train this many batches
    #[arg(long, value_name = "N", conflicts_with = "epochs", value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: Option<u32>,
    /// Train this many times through the data [default: the preset's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: Option<u32>,
    /// Samples in a batch [default: the preset's]
    #[arg(long, value_name = "N")]
    pub batch: Option<u32>,
    /// Learning rate [default: the preset's]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub lr: Option<f32>,
    /// Optimizer: sgd, momentum or adam [default: the preset's]
    #[arg(long, value_name = "NAME", value_parser = optimizer)]
    pub optimizer: Option<OptimizerKind>,
    /// Momentum, for the optimizer of that name
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub momentum: Option<f32>,
    /// How the learning rate changes: constant
    #[arg(long, value_name = "NAME", default_value = "constant", value_parser = schedule)]
    pub schedule: Schedule,
    /// Seed of the initial weights and of the order of the batches [default: 1]
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// Start from the settings of the article that the preset comes from
    #[arg(long, conflicts_with = "resume")]
    pub article: bool,
    /// Draw the curves into F.svg or F.png
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Write weights and the optimizer's state to a safetensors file at the end
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Go on from a file written by --save, with its seed, batch size, optimizer and
    /// learning rate unless others are given; --steps and --epochs count from there
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// Another network in place of the preset's, on the preset's data.
#[derive(Debug, Args)]
pub struct ModelArguments {
    /// A layer list as JSON, in place of the preset's
    #[arg(long = "model", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl ModelArguments {
    /// The layer list to build instead of the preset's, if one is named.
    pub fn spec(&self) -> Result<Option<ModelSpec>, CliError> {
        let Some(path) = &self.file else {
            return Ok(None);
        };
        let file = std::fs::File::open(path).map_err(|error| CliError::file(path, error))?;
        // A byte more than a layer list may have, so that a longer one is refused as such.
        let mut text = String::new();
        file.take(ModelSpec::MAX_JSON_BYTES as u64 + 1)
            .read_to_string(&mut text)
            .map_err(|error| CliError::file(path, error))?;
        let spec = ModelSpec::from_json(&text).map_err(|error| CliError::file(path, error))?;
        Ok(Some(spec))
    }
}

#[derive(Debug, Args)]
pub struct SummaryArguments {
    pub preset: String,
    #[command(flatten)]
    pub table: TableArguments,
    #[command(flatten)]
    pub model: ModelArguments,
    /// Samples in a batch, for the memory [default: the preset's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub batch: Option<u32>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CheckArguments {
    pub preset: String,
    #[command(flatten)]
    pub model: ModelArguments,
    #[command(flatten)]
    pub table: TableArguments,
    /// cpu: equations and gradients in f64; gpu: and every kernel against the CPU
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = fixed_device)]
    pub device: DevicePreference,
    /// Samples in the batch that is looked at
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub batch: u32,
    /// Seed of the initial weights and of the batch
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct BenchArguments {
    pub preset: String,
    #[command(flatten)]
    pub table: TableArguments,
    /// Samples in a batch [default: the preset's]
    #[arg(long, value_name = "N")]
    pub batch: Option<u32>,
    /// Steps to measure, after some to warm up
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: u32,
    /// What to compute on: auto, gpu or cpu
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = device)]
    pub device: DevicePreference,
    /// Optimizer: sgd, momentum or adam [default: the preset's]
    #[arg(long, value_name = "NAME", value_parser = optimizer)]
    pub optimizer: Option<OptimizerKind>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PredictArguments {
    /// A file written by `train --save`
    pub weights: PathBuf,
    /// A PNG or JPEG file of one drawn or photographed digit, or an IDX file of images
    pub image: PathBuf,
    /// Which image of an IDX file, from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub index: u32,
    /// What to compute on: auto, gpu or cpu
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = device)]
    pub device: DevicePreference,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct StepArguments {
    pub preset: String,
    #[command(flatten)]
    pub model: ModelArguments,
    #[command(flatten)]
    pub table: TableArguments,
    /// What to compute on: gpu or cpu
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = fixed_device)]
    pub device: DevicePreference,
    /// Samples in the batch
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub batch: u32,
    /// Seed of the initial weights and of the batch
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Values to show of each tensor
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub values: usize,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct GenerateArguments {
    pub weights: PathBuf,
    #[arg(long)]
    pub prompt: Option<String>,
    #[arg(long)]
    pub length: Option<u32>,
}

/// How the learning rate changes during training.
#[derive(Clone, Copy, Debug)]
pub enum Schedule {
    Constant,
}

fn device(text: &str) -> Result<DevicePreference, String> {
    DevicePreference::from_name(text).ok_or_else(|| {
        format!(
            "there are: {}",
            DevicePreference::ALL.map(|d| d.name()).join(", ")
        )
    })
}

fn fixed_device(text: &str) -> Result<DevicePreference, String> {
    match device(text) {
        Ok(DevicePreference::Auto) | Err(_) => Err("there are: gpu, cpu".into()),
        chosen => chosen,
    }
}

fn optimizer(text: &str) -> Result<OptimizerKind, String> {
    OptimizerKind::from_name(text).ok_or_else(|| {
        format!(
            "there are: {}",
            OptimizerKind::ALL.map(|o| o.name()).join(", ")
        )
    })
}

fn schedule(text: &str) -> Result<Schedule, String> {
    match text {
        "constant" => Ok(Schedule::Constant),
        _ => Err("there is only: constant".into()),
    }
}
