//! What can be typed after `glassbox`.

use super::CliError;
use crate::lab::compress::{Granularity, Scope, Student};
use crate::lab::precision::PrecisionMode;
use crate::lab::replicas::{MAX_STEPS, Mode};
use crate::layers::ModelSpec;
use crate::optim::{OptimizerKind, OptionKey, Options, ScheduleKind};
use crate::session::{DevicePreference, Lane};
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
    Train(Box<TrainArguments>),
    /// Train a small preset by several optimizers side by side
    Race(RaceArguments),
    /// Train in float32, float16 and mixed precision side by side
    Precision(PrecisionArguments),
    /// Show the layers of a network, their parameters, work and memory
    Summary(SummaryArguments),
    /// Check equations, gradients and kernels of a preset, operation by operation
    Check(CheckArguments),
    /// Measure how fast a preset trains
    Bench(BenchArguments),
    /// Prune, quantize and distil a network, and measure what each try costs and saves
    Compress(Box<CompressArguments>),
    /// Measure this device: products, copies, dispatches, and the operations of a preset below its roofline
    Measure(MeasureArguments),
    /// Show where the bytes of a training step go, and what computing activations again saves
    Memory(MemoryArguments),
    /// Predict what is on an image, with weights saved by `train --save` or `compress --out`
    Predict(PredictArguments),
    /// Walk through one training batch, operation by operation
    Step(StepArguments),
    /// Run single operations on values of your own: JSON requests, one a line
    Op(OpArguments),
    /// Continue a text, with weights of a text preset saved by `train --save`
    Generate(GenerateArguments),
    /// Train several replicas of one model on shards of the samples, their gradients combined by a ring
    Ddp(DdpArguments),
    /// Check the texts of the course: every mistake with its file and line
    Course(CourseArguments),
    /// Write a preset as a PyTorch script with its weights and batches
    Export(ExportArguments),
}

impl Command {
    pub fn is_json(&self) -> bool {
        match self {
            Self::Presets(arguments) | Self::Devices(arguments) => arguments.json,
            Self::Summary(arguments) => arguments.json,
            Self::Train(arguments) => arguments.json,
            Self::Course(_) => false,
            Self::Race(arguments) => arguments.json,
            Self::Precision(arguments) => arguments.json,
            Self::Check(arguments) => arguments.json,
            Self::Bench(arguments) => arguments.json,
            Self::Compress(arguments) => arguments.json,
            Self::Measure(arguments) => arguments.json,
            Self::Memory(arguments) => arguments.json,
            Self::Predict(arguments) => arguments.json,
            Self::Step(arguments) => arguments.json,
            // Every line answers a request; what else goes wrong is said on stderr.
            Self::Op(_) => false,
            Self::Generate(arguments) => arguments.json,
            Self::Ddp(arguments) => arguments.json,
            Self::Export(arguments) => arguments.json,
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
    /// A CSV file to learn from, with the preset mlp-csv; with own-series a file of one number a line
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// A text file in UTF-8 to learn from, with the preset own-text
    #[arg(long, value_name = "FILE")]
    pub text: Option<PathBuf>,
    /// Numbers that own-series reads to predict the next [default: 20]
    #[arg(long, value_name = "N", conflicts_with = "target")]
    pub window: Option<u32>,
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
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = whole::<u32>)]
    pub batch: Option<u32>,
    /// Learning rate [default: the preset's]
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = real)]
    pub lr: Option<f32>,
    /// Optimizer: sgd, momentum, nesterov, rmsprop, adagrad, adam or adamw [default: the preset's]
    #[arg(long, value_name = "NAME", value_parser = optimizer)]
    pub optimizer: Option<OptimizerKind>,
    /// Momentum, for the optimizers momentum and nesterov
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = real)]
    pub momentum: Option<f32>,
    #[command(flatten)]
    pub options: OptionArguments,
    /// Seed of the initial weights and of the order of the batches [default: 1]
    #[arg(long, value_name = "S", allow_hyphen_values = true, value_parser = whole::<u64>)]
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
pub struct RaceArguments {
    /// The network that all optimizers train, from the same weights on the same batches
    #[arg(default_value = "optim-race")]
    pub preset: String,
    /// An optimizer with its learning rate, such as adam:0.1, or with a schedule too, such as sgd+cosine:0.039; can be
    /// repeated [default: all that the page offers]
    #[arg(long, value_name = "OPTIMIZER[+SCHEDULE]:LR", value_parser = lane)]
    pub lane: Vec<Lane>,
    /// Updates of each lane [default: 700]
    #[arg(long, value_name = "N")]
    pub steps: Option<u32>,
    /// Tell after how many updates the loss is first below this [default: 1e-6 for optim-race]
    #[arg(long, value_name = "X")]
    pub goal: Option<f32>,
    /// Seed of the initial weights and of the order of the batches
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PrecisionArguments {
    /// lenet5-mnist, mlp-mnist or mlp-moons
    #[arg(default_value = "lenet5-mnist")]
    pub preset: String,
    /// float32, float16 or mixed; can be repeated [default: all three]
    #[arg(long, value_name = "MODE", value_parser = precision_mode)]
    pub mode: Vec<PrecisionMode>,
    /// auto: a GPU that stores float16, else emulated; gpu: a GPU, be it a software one; cpu: emulated
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = device)]
    pub device: DevicePreference,
    /// Steps of training [default: 300]
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = whole::<u32>)]
    pub steps: Option<u32>,
    /// Samples in a batch [default: the preset's]
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = whole::<u32>)]
    pub batch: Option<u32>,
    /// Learning rate [default: the preset's]
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = real)]
    pub lr: Option<f32>,
    /// Optimizer [default: the preset's]
    #[arg(long, value_name = "NAME", value_parser = optimizer)]
    pub optimizer: Option<OptimizerKind>,
    /// By which the loss is multiplied at first, in mixed precision [default: 1024]
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = real)]
    pub scale: Option<f32>,
    /// Good steps after which the scale doubles [default: 20]
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = whole::<u32>)]
    pub growth_interval: Option<u32>,
    /// Seed of the initial weights and of the order of the batches
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Train nothing, but measure kernels with float16 storage on the GPU, if it has it
    #[arg(long)]
    pub kernels: bool,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

fn precision_mode(text: &str) -> Result<PrecisionMode, String> {
    let names = PrecisionMode::ALL.map(PrecisionMode::name);
    PrecisionMode::from_name(text).ok_or_else(|| format!("expected one of {}", names.join(", ")))
}

#[derive(Debug, Args)]
pub struct DdpArguments {
    /// linear (256 samples in four dimensions) or a preset such as lenet5-mnist
    #[arg(long, value_name = "NAME", default_value = "linear")]
    pub preset: String,
    #[arg(long, value_name = "N", default_value_t = 4, allow_hyphen_values = true, value_parser = whole::<u32>)]
    pub replicas: u32,
    /// How gradients are combined: mean, sum, rank0 (the first replica alone takes steps) or federated
    #[arg(long, value_name = "MODE", default_value = "mean", value_parser = mode)]
    pub mode: Mode,
    /// Steps, or rounds of the federated mode
    #[arg(long, value_name = "N", default_value_t = 50, allow_hyphen_values = true, value_parser = replica_steps)]
    pub steps: u64,
    /// Samples of a step, of all replicas together [default: the preset's]
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = whole::<u32>)]
    pub batch: Option<u32>,
    /// Learning rate, constant [default: the preset's]
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = real)]
    pub lr: Option<f32>,
    /// Optimizer [default: the preset's]
    #[arg(long, value_name = "NAME", value_parser = optimizer)]
    pub optimizer: Option<OptimizerKind>,
    /// Federated: updates of each replica between two averagings
    #[arg(long, value_name = "N", default_value_t = 5, allow_hyphen_values = true, value_parser = whole::<u32>)]
    pub local_steps: u32,
    /// Federated: how the samples are shared out, such as 1,2,3,2 [default: equally]
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', allow_hyphen_values = true, value_parser = whole::<u32>)]
    pub shares: Vec<u32>,
    /// Between neighbours of the ring, in bytes a second, for the modelled time
    #[arg(
        long,
        value_name = "X",
        default_value_t = 1.25e9,
        allow_hyphen_values = true,
        value_parser = number
    )]
    pub bandwidth: f64,
    /// Of one message, in seconds, for the modelled time
    #[arg(
        long,
        value_name = "X",
        default_value_t = 50e-6,
        allow_hyphen_values = true,
        value_parser = number
    )]
    pub latency: f64,
    /// Seed of the samples, of the initial weights and of the order of the batches
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Threads for the replicas to run in [default: one for each replica, as far as there are cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub threads: Option<u32>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// What a preset is written as.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum ExportFormat {
    /// A script for PyTorch, also under torchrun
    Torch,
}

#[derive(Debug, Args)]
pub struct ExportArguments {
    /// The network to write; also linear, the linear regression of `glassbox ddp`
    pub preset: String,
    #[command(flatten)]
    pub table: TableArguments,
    #[arg(long, value_enum, default_value_t = ExportFormat::Torch)]
    pub format: ExportFormat,
    /// Folder to write the files into
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Batches to write [default: the preset's epochs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: Option<u32>,
    /// Samples in a batch [default: the preset's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub batch: Option<u32>,
    /// Learning rate [default: the preset's]
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = real)]
    pub lr: Option<f32>,
    /// Optimizer [default: the preset's]
    #[arg(long, value_name = "NAME", value_parser = optimizer)]
    pub optimizer: Option<OptimizerKind>,
    /// Seed of the initial weights and of the order of the batches
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
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
    pub model: ModelArguments,
    #[command(flatten)]
    pub table: TableArguments,
    /// Samples in a batch [default: the preset's]
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = whole::<u32>)]
    pub batch: Option<u32>,
    /// Steps to measure, after some to warm up
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: u32,
    /// What to compute on: auto, gpu or cpu
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = device)]
    pub device: DevicePreference,
    /// Optimizer: sgd, momentum, nesterov, rmsprop, adagrad, adam or adamw [default: the preset's]
    #[arg(long, value_name = "NAME", value_parser = optimizer)]
    pub optimizer: Option<OptimizerKind>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct MemoryArguments {
    pub preset: String,
    /// Keep the output of every Nth layer and compute the other activations again in the backward pass
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = whole::<u32>)]
    pub recompute: Option<u32>,
    /// Time a step both ways as well; without --recompute every 3rd layer's output is kept
    #[arg(long)]
    pub time: bool,
    /// What it is planned for and timed on: auto, gpu or cpu
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = device)]
    pub device: DevicePreference,
    /// Samples in a batch [default: the preset's]
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = whole::<u32>)]
    pub batch: Option<u32>,
    /// Optimizer: sgd, momentum, nesterov, rmsprop, adagrad, adam or adamw [default: the preset's]
    #[arg(long, value_name = "NAME", value_parser = optimizer)]
    pub optimizer: Option<OptimizerKind>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct MeasureArguments {
    /// The network whose operations are measured
    #[arg(long, value_name = "PRESET", default_value = "lenet5-mnist")]
    pub preset: String,
    /// What its operations run on: auto, gpu or cpu. The CPU's figures are measured beside a GPU's
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = device)]
    pub device: DevicePreference,
    /// Samples in a batch [default: the preset's, or fewer on a slow device]
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = whole::<u32>)]
    pub batch: Option<u32>,
    /// Draw the roofline into F.svg or F.png
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PredictArguments {
    /// A file written by `train --save` or `compress --out`
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
pub struct CompressArguments {
    /// A file written by `train --save`, or a preset to train first, such as lenet5-mnist
    #[arg(value_name = "FILE|PRESET")]
    pub source: String,
    /// Share of the weights that become 0; several are tried one after the other: 0.5,0.8,0.9
    #[arg(long, value_name = "X", value_delimiter = ',', allow_hyphen_values = true, value_parser = whole::<f64>)]
    pub sparsity: Vec<f64>,
    /// Bits of a weight, 2 to 8, or 32 for none taken; several are tried with every sparsity: 8,4,3
    #[arg(long, value_name = "B", value_delimiter = ',', allow_hyphen_values = true, value_parser = whole::<u32>)]
    pub bits: Vec<u32>,
    /// Where the smallest weights are looked for: global or layer
    #[arg(long, value_name = "SCOPE", default_value = "global", value_parser = scope)]
    pub scope: Scope,
    /// What has a scale of its own: tensor or channel
    #[arg(long, value_name = "PART", default_value = "tensor", value_parser = granularity)]
    pub per: Granularity,
    /// Train what is left, this many times through the data, before it is quantized
    #[arg(long, value_name = "EPOCHS", allow_hyphen_values = true, value_parser = whole::<u32>)]
    pub finetune: Option<u32>,
    /// Learning rate of that [default: the network's]
    #[arg(long, value_name = "X", requires = "finetune", allow_hyphen_values = true, value_parser = real)]
    pub finetune_lr: Option<f32>,
    /// Prune in steps while fine-tuning (Zhu and Gupta, 2017)
    #[arg(long)]
    pub gradual: bool,
    /// Fine-tune through quantized weights (straight-through estimator)
    #[arg(long)]
    pub through_quantized: bool,
    /// Teach a small network what the trained one knows, and compress that: mlp or lenet
    #[arg(long, value_name = "STUDENT", value_parser = student)]
    pub distil: Option<Student>,
    /// Share of the teacher in the student's loss, 0 to 1
    #[arg(long, value_name = "X", default_value_t = 0.5, allow_hyphen_values = true, value_parser = real)]
    pub lambda: f32,
    /// Temperature that teacher and student are softened by
    #[arg(long, value_name = "T", default_value_t = 4.0, allow_hyphen_values = true, value_parser = real)]
    pub temperature: f32,
    /// Times through the data for the student [default: 5]
    #[arg(long, value_name = "N", requires = "distil", allow_hyphen_values = true, value_parser = whole::<u32>)]
    pub distil_epochs: Option<u32>,
    /// The file may have this many bytes: the most accurate try that fits is saved
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true, value_parser = byte_budget)]
    pub budget: Option<u64>,
    /// Where to write the compressed network
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Times through the data for a preset that is trained first [default: its own]
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = whole::<u32>)]
    pub epochs: Option<u32>,
    /// Learning rate of that [default: 0.01 for lenet5-mnist, else its own]
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = real)]
    pub lr: Option<f32>,
    /// Seed of initial weights and of the order of the batches
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
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
    /// Samples in the batch [default: 4, or all there are]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub batch: Option<u32>,
    /// Walk through this many batches, one after the other
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub batches: u32,
    /// Learning rate [default: the preset's]
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = real)]
    pub lr: Option<f32>,
    /// Optimizer: sgd, momentum or adam [default: the preset's]
    #[arg(long, value_name = "NAME", value_parser = optimizer)]
    pub optimizer: Option<OptimizerKind>,
    /// Momentum, for the optimizer of that name
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = real)]
    pub momentum: Option<f32>,
    /// Seed of the initial weights and of the batch
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Values to show of each tensor
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub values: usize,
    /// Show the terms that make an element, such as conv1.weight.grad[0,0,2,2]; can be repeated
    #[arg(long, value_name = "TENSOR[I,J]", value_parser = element)]
    pub explain: Vec<Element>,
    /// Compare the gradient of a parameter's element with finite differences; can be repeated
    #[arg(long, value_name = "PARAMETER[I,J]", value_parser = element)]
    pub check_gradient: Vec<Element>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct OpArguments {
    /// A file with one JSON object a line (docs/OPERATIONS.md) [default: stdin]
    pub file: Option<PathBuf>,
    /// cpu: the twins; gpu: the kernels
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = fixed_device)]
    pub device: DevicePreference,
    /// What the CPU computes in: f32 or f64
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    pub precision: Precision,
}

/// What the CPU computes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Precision {
    F32,
    F64,
}

#[derive(Debug, Args)]
pub struct GenerateArguments {
    /// A file written by `train --save`
    pub weights: PathBuf,
    /// How the text begins; characters that the network knows
    #[arg(long, value_name = "TEXT")]
    pub prompt: String,
    /// Characters to add
    #[arg(long, value_name = "N", default_value_t = 200, allow_hyphen_values = true, value_parser = whole::<u32>)]
    pub length: u32,
    /// Divides the logits: below 1 bolder, above 1 wilder; 0 takes the most probable character every time
    #[arg(long, value_name = "X", default_value_t = 0.8, allow_hyphen_values = true, value_parser = real)]
    pub temperature: f32,
    /// Draw only from so many of the most probable characters, at most as many as the network knows [default: from
    /// all]
    #[arg(long, value_name = "K", allow_hyphen_values = true, value_parser = whole::<u32>)]
    pub top_k: Option<u32>,
    /// Seed of the draws
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// Declares a flag for each setting of [`Options`], checked as links are.
macro_rules! option_arguments {
    ($($(#[doc = $doc:literal])+ $field:ident $key:ident $value:literal;)+) => {
        /// What governs a run beside learning rate, batch size and optimizer.
        #[derive(Debug, Default, Args)]
        pub struct OptionArguments {
            $(
                $(#[doc = $doc])+
                #[arg(long, value_name = $value, allow_negative_numbers = true, value_parser = setting(OptionKey::$key))]
                pub $field: Option<String>,
            )+
        }

        impl OptionArguments {
            /// The settings that were typed.
            pub fn options(&self) -> Options {
                let mut options = Options::NONE;
                $(
                    if let Some(text) = &self.$field {
                        options
                            .set(OptionKey::$key, text)
                            .expect("the value was checked when it was typed");
                    }
                )+
                options
            }
        }

        #[cfg(test)]
        const DECLARED: &[OptionKey] = &[$(OptionKey::$key),+];
    };
}

option_arguments! {
    /// Weight decay: L2 regularisation; with adamw decoupled from the gradient [default: 0; adamw: 0.01]
    weight_decay WeightDecay "X";
    /// Dampening of momentum [default: 0]
    dampening Dampening "X";
    /// Smoothing of rmsprop [default: 0.99]
    alpha Alpha "X";
    /// Whether rmsprop divides by the root of the variance: true or false [default: false]
    centered Centered "BOOL";
    /// Momentum of rmsprop [default: 0]
    rmsprop_momentum RmspropMomentum "X";
    /// β₁ of adam and adamw [default: 0.9]
    beta1 Beta1 "X";
    /// β₂ of adam and adamw [default: 0.999]
    beta2 Beta2 "X";
    /// ε of rmsprop, adagrad, adam and adamw [default: 1e-8; adagrad: 1e-10]
    eps Eps "X";
    /// Decay of adagrad's learning rate [default: 0]
    lr_decay LrDecay "X";
    /// How the learning rate changes: constant, inverse, step, exponential or cosine [default: the preset's]
    schedule Schedule "NAME";
    /// What the schedule counts: step or epoch [default: step]
    schedule_unit ScheduleUnit "UNIT";
    /// k of the inverse schedule, lr / (1 + k·t) [default: 0.01]
    schedule_k ScheduleK "X";
    /// Factor of the step and the exponential schedule [default: 0.5]
    gamma Gamma "X";
    /// Steps or epochs from one drop of the step schedule to the next [default: 100]
    step_size StepSize "N";
    /// Steps or epochs of the cosine after warm-up [default: the run's]
    t_max TMax "N";
    /// Learning rate at the end of the cosine [default: 0]
    lr_min LrMin "X";
    /// Steps or epochs in which the learning rate rises to its value [default: 0]
    warmup Warmup "N";
    /// Scale gradients down to this norm where theirs is larger [default: do not]
    clip Clip "X";
    /// Stop after so many epochs without improvement on the test samples; --save then keeps the best
    patience Patience "N";
    /// What has to improve: loss or accuracy [default: loss]
    monitor Monitor "NAME";
    /// Initial weights: pytorch, xavier-uniform, xavier-normal, he-uniform, he-normal, orthogonal or constant [default: the preset's]
    init Init "NAME";
    /// The value of constant initial weights [default: 0]
    init_value InitValue "X";
}

/// A parser that leaves what it accepts as it is.
fn setting(key: OptionKey) -> impl Fn(&str) -> Result<String, String> + Clone {
    move |text: &str| match Options::default().set(key, text) {
        Ok(()) => Ok(text.to_string()),
        Err(expected) => Err(format!("expected {expected}")),
    }
}

/// An element of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    pub tensor: String,
    /// Empty for a scalar.
    pub index: Vec<u32>,
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

fn mode(text: &str) -> Result<Mode, String> {
    Mode::from_name(text).ok_or_else(|| {
        let known = Mode::ALL.map(Mode::name).join(", ");
        format!("expected one of {known}")
    })
}

/// A number; whether it is in range, the session says.
fn real(text: &str) -> Result<f32, String> {
    let number = text.parse();
    number.map_err(|_| "expected a number such as 0.001".into())
}

/// A whole number, as far as the type reaches.
fn whole<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    let number = text.parse();
    number.map_err(|_| "expected a whole number from 0, such as 64".into())
}

/// As [`real`], of any size.
fn number(text: &str) -> Result<f64, String> {
    let number = text.parse();
    number.map_err(|_| "expected a number such as 1.25e9".into())
}

/// Steps of replicas.
fn replica_steps(text: &str) -> Result<u64, String> {
    let steps = text.parse::<u64>().ok();
    let steps = steps.filter(|steps| (1..=MAX_STEPS).contains(steps));
    steps.ok_or_else(|| format!("expected a whole number from 1 to {MAX_STEPS}"))
}

/// A size that some file can have: a network is not trained for a budget that none has.
fn byte_budget(text: &str) -> Result<u64, String> {
    let bytes = text.parse::<u64>().ok().filter(|&bytes| bytes > 0);
    bytes.ok_or_else(|| "expected a whole number of bytes from 1, such as 20000".into())
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::from_name(text).ok_or_else(|| "expected global or layer".into())
}

fn granularity(text: &str) -> Result<Granularity, String> {
    Granularity::from_name(text).ok_or_else(|| "expected tensor or channel".into())
}

fn student(text: &str) -> Result<Student, String> {
    Student::from_name(text).ok_or_else(|| "expected mlp or lenet".into())
}

/// `adam:0.1`, `sgd+inverse:0.039`
fn lane(text: &str) -> Result<Lane, String> {
    let problem =
        || format!("expected an optimizer and a learning rate such as adam:0.1, got {text}");
    let (name, rate) = text.split_once(':').ok_or_else(problem)?;
    let (name, schedule) = name.split_once('+').unwrap_or((name, "constant"));
    let schedule = ScheduleKind::from_name(schedule)
        .ok_or_else(|| format!("there are: {}", ScheduleKind::NAMES.join(", ")))?;
    Ok(Lane {
        optimizer: optimizer(name)?,
        learning_rate: rate.parse().map_err(|_| problem())?,
        momentum: None,
        options: Options {
            schedule: Some(schedule),
            ..Options::NONE
        },
    })
}

/// `conv1.weight[0,0,2,2]`; a scalar has no brackets.
fn element(text: &str) -> Result<Element, String> {
    let problem =
        || format!("expected a tensor and an index such as conv1.weight[0,0,2,2], got {text}");
    let Some((tensor, rest)) = text.split_once('[') else {
        return Ok(Element {
            tensor: text.into(),
            index: Vec::new(),
        });
    };
    let inside = rest.strip_suffix(']').ok_or_else(problem)?;
    let index: Result<Vec<u32>, _> = inside.split(',').map(|at| at.trim().parse()).collect();
    Ok(Element {
        tensor: tensor.into(),
        index: index.map_err(|_| problem())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_flag_of_its_name() {
        assert_eq!(DECLARED.len(), OptionKey::ALL.len());
        let command = <Arguments as clap::CommandFactory>::command();
        let train = command.find_subcommand("train").expect("the command");
        for key in OptionKey::ALL {
            assert!(DECLARED.contains(key), "{key:?}");
            let mut flags = train.get_arguments();
            assert!(
                flags.any(|flag| flag.get_long() == Some(key.name())),
                "{key:?}"
            );
        }
    }

    #[test]
    fn settings_of_targets_can_be_typed() {
        for target in crate::models::TARGETS {
            let words = ["glassbox", "train", target.preset];
            let parsed = Arguments::try_parse_from(words.iter().chain(target.settings));
            assert!(parsed.is_ok(), "{target:?}");
        }
    }

    #[test]
    fn typed_settings_are_taken_over_or_refused() {
        let parse = |flags: &[&str]| {
            let words = ["glassbox", "train", "mlp-mnist"].iter().chain(flags);
            Arguments::try_parse_from(words)
        };
        let parsed = parse(&["--schedule", "cosine", "--clip", "1", "--dampening", "-0.5"]);
        let Command::Train(train) = parsed.expect("they are valid").command else {
            panic!("train was typed");
        };
        let options = train.options.options();
        assert_eq!((options.clip, options.dampening), (Some(1.0), Some(-0.5)));
        assert_eq!(options.schedule.map(|kind| kind.name()), Some("cosine"));
        for bad in ["0", "inf", "NaN", "much", "-1"] {
            let error = parse(&["--clip", bad])
                .expect_err("out of range")
                .to_string();
            assert!(error.contains("above 0 and at most 1000"), "{error}");
        }
    }
}

#[derive(Debug, Args)]
pub struct CourseArguments {
    /// Folder of the content
    #[arg(long, value_name = "DIR", default_value = "assets/course")]
    pub dir: PathBuf,
}
