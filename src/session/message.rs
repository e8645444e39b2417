//! What the page and the command line say to the engine, and what it answers.
//!
//! Plain enums without internal tags or skipped fields, so that postcard can
//! carry them between the page and its worker. Every message about a run names
//! it by [`RunId`]: answers to a run that was replaced can be told apart.

use super::forecast::Forecast;
use super::generation::{GenerateRequest, GeneratedStep, TextAttention, TextFacts};
use super::inspection::{Inspection, InspectionReport};
use super::points::{Boundary, TablePoints};
use super::race::{Landscape, Lane, LaneRecord, NoLandscape};
pub use crate::layers::LayerSummary;
use crate::optim::{OptimizerKind, Options, Schedule};
pub use crate::train::Evaluation;
use serde::{Deserialize, Serialize};

/// A run of training: chosen by the asker, one number for each `Start`.
pub type RunId = u32;

/// What to compute on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DevicePreference {
    /// A real GPU where there is one; the CPU where there is none or only a software adapter.
    #[default]
    Auto,
    /// WebGPU (natively: any adapter of wgpu), be it a software one.
    Gpu,
    Cpu,
}

impl DevicePreference {
    pub const ALL: [Self; 3] = [Self::Auto, Self::Gpu, Self::Cpu];

    /// Its spelling in links and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Gpu => "gpu",
            Self::Cpu => "cpu",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|preference| preference.name() == name)
    }
}

/// Everything that decides a run; `None` takes the preset's default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    pub preset: String,
    pub device: DevicePreference,
    /// Seed of the initial weights and of the order of the batches.
    pub seed: u64,
    pub batch: Option<u32>,
    pub learning_rate: Option<f32>,
    pub optimizer: Option<OptimizerKind>,
    /// Used by SGD with momentum alone.
    pub momentum: Option<f32>,
    /// Everything else that governs the run.
    pub options: Options,
    /// How long the run is meant to be; what comes first counts. A schedule may depend on it.
    pub epochs: Option<u64>,
    pub steps: Option<u64>,
    /// Steps of an earlier run that this one goes on from; `epochs` and `steps` count from there.
    pub resumed_step: u64,
}

/// A request to the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// The first message: the engine answers [`Event::Ready`] with its own build.
    Hello {
        build_id: String,
    },
    /// A file of a data set, under its path below `assets/data/` (`mnist/train-images-idx3-ubyte.gz`).
    ProvideFile {
        path: String,
        bytes: Vec<u8>,
    },
    /// The learner's own table as CSV text, for the next start of a preset that learns from one; answered by
    /// [`Event::TableRead`]. `target` is the column to predict, by name or number; the last one without it.
    ProvideTable {
        name: String,
        bytes: Vec<u8>,
        target: Option<String>,
    },
    /// The learner's own series, one number a line, for the next start of a preset that learns from one; answered by
    /// [`Event::SeriesRead`]. `window` is how many numbers the network reads, [`DEFAULT_WINDOW`] without it.
    ///
    /// [`DEFAULT_WINDOW`]: crate::data::own_series::DEFAULT_WINDOW
    ProvideSeries {
        name: String,
        bytes: Vec<u8>,
        window: Option<u32>,
    },
    /// The learner's own text in UTF-8, for the next start of a preset that learns from one; answered by
    /// [`Event::TextRead`].
    ProvideText {
        name: String,
        bytes: Vec<u8>,
    },
    /// Builds the model and replaces the current run; it starts paused, at step 0.
    /// Fails, leaving the current run as it was, when the configuration is not valid.
    Start {
        run: RunId,
        config: RunConfig,
    },
    Play {
        run: RunId,
    },
    Pause {
        run: RunId,
    },
    /// Trains `count` batches, then pauses.
    StepBatches {
        run: RunId,
        count: u32,
    },
    /// Back to the same initial weights and the same order of batches; pauses.
    Reset {
        run: RunId,
    },
    SetLearningRate {
        run: RunId,
        learning_rate: f32,
    },
    /// Measures the held-out split now; the engine also does so by itself.
    Evaluate {
        run: RunId,
    },
    /// How many steps lie between two evaluations while playing; 0 for only once an epoch.
    SetEvaluationInterval {
        run: RunId,
        steps: u32,
    },
    /// Sends `count` held-out samples (pixels or rows) once, and their predictions
    /// after every evaluation from then on.
    WatchSamples {
        run: RunId,
        count: u32,
    },
    /// Forecasts the held-out part of a series now, and after every evaluation from then on: every number from those
    /// before it, and `free_run` numbers from nothing but the window before the first; 0 ends it. Answered by
    /// [`Event::Forecast`].
    WatchForecast {
        run: RunId,
        free_run: u32,
    },
    /// Sends the first `most` held-out images of a cell of the confusion matrix: those of class `actual` that the last
    /// evaluation took for class `predicted`. Answered by [`Event::CellSamples`].
    ShowCell {
        run: RunId,
        actual: u32,
        predicted: u32,
        most: u32,
    },
    /// Predicts one image (row-major, channel-first, 0 = background) now, and
    /// again after every evaluation until another image or an empty one is given.
    Predict {
        run: RunId,
        pixels: Vec<u8>,
    },
    /// Continues a prompt now, and again after every evaluation until another request or none is given. Answered by
    /// [`Event::Generated`]; takes the place of a text under way.
    Generate {
        run: RunId,
        request: Option<GenerateRequest>,
    },
    /// Asks for the weights that every attention gives the characters of a text, of which the network reads the last
    /// ones, as many as its window holds. Answered by [`Event::Attention`].
    ShowAttention {
        run: RunId,
        text: String,
    },
    /// Asks for the weights and the optimiser's state as a safetensors file.
    Save {
        run: RunId,
    },
    /// As `Save`, of a checkpoint that the engine has kept; also after the run was stopped.
    SaveKept {
        run: RunId,
        which: Kept,
    },
    /// Back to the weights, the optimiser's state and the step of a checkpoint that the engine
    /// has kept; pauses, and leaves `Stopped`.
    GoBack {
        run: RunId,
        to: Kept,
    },
    /// Replaces weights and optimiser state; leaves the run as it was when the file does not fit.
    Load {
        run: RunId,
        bytes: Vec<u8>,
    },
    /// Trains the run's model anew by each of these optimizers, `steps` updates long, from the same weights on the
    /// same batches, beside the run; answered by an [`Event::LaneDone`] for each, and by [`Event::Landscape`] or
    /// [`Event::NoLandscape`]. Takes the place of a race under way.
    Race {
        run: RunId,
        lanes: Vec<Lane>,
        steps: u32,
    },
    /// A request of the microscope; answered by [`Event::Inspected`].
    Inspect {
        run: RunId,
        inspection: Inspection,
    },
    /// Answered by [`Event::Pong`] with the same number.
    Ping {
        nonce: u32,
    },
}

/// A checkpoint that the engine keeps in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kept {
    /// The last one without an infinite or NaN value, taken before an evaluation.
    Last,
    /// The one that did best on the held-out samples, as the setting `monitor` measures.
    Best,
}

/// How well the best checkpoint did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestFacts {
    pub step: u64,
    /// On the held-out samples.
    pub loss: f32,
    /// `None` where numbers are predicted.
    pub accuracy: Option<f32>,
}

/// Whether a run is training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunStatus {
    Paused,
    Playing,
    /// Stopped by an error that is reported in an event of its own; `Reset` leaves it.
    Stopped,
}

/// What kind of device computes a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceKind {
    /// A real GPU.
    Gpu,
    /// A GPU interface emulated on the CPU (SwiftShader, lavapipe, WARP).
    SoftwareGpu,
    /// Glassbox's own CPU executor.
    Cpu,
}

/// The device that computes a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    pub kind: DeviceKind,
    /// Name as the driver gives it; may be empty in browsers that hide it.
    pub adapter: String,
    /// `WebGPU`, `Vulkan`, `Metal`, `Dx12`, `CPU`.
    pub backend: String,
    /// Why `auto` did not take a GPU; `None` when it did or was not asked.
    pub fallback: Option<Fallback>,
}

/// Why the CPU executor stands in for a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fallback {
    /// The browser has no WebGPU at all.
    NoWebGpu,
    /// WebGPU is there, but no adapter was offered.
    NoAdapter,
    /// Only a software adapter, which is slower than the CPU executor.
    SoftwareAdapter,
    /// The adapter refused to make a device.
    NoDevice,
}

/// The facts about a model that a page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelSummary {
    pub preset: String,
    /// (C, H, W) or (features) of one sample.
    pub input_shape: Vec<usize>,
    pub layers: Vec<LayerSummary>,
    pub parameters: u64,
    /// The operation of the loss, such as `softmax_cross_entropy`.
    pub loss: String,
    /// Names of the classes in English and Chinese; empty when there are none.
    pub classes: Vec<(String, String)>,
}

/// A [`RunConfig`] with every default filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResolvedConfig {
    pub preset: String,
    pub seed: u64,
    pub batch: u32,
    pub learning_rate: f32,
    pub optimizer: OptimizerKind,
    pub momentum: f32,
    pub train_count: u32,
    pub test_count: u32,
    pub steps_per_epoch: u32,
    /// With defaults, without what has no effect.
    pub options: Options,
    /// The step at which the run is meant to end.
    pub total_steps: u64,
}

impl ResolvedConfig {
    /// The schedule of the learning rate.
    pub fn schedule(&self) -> Schedule {
        let steps_per_epoch = self.steps_per_epoch.into();
        Schedule::new(&self.options, steps_per_epoch, self.total_steps)
    }
}

/// One training step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Counted from 1.
    pub step: u64,
    /// Epochs done after this step, with fraction.
    pub epoch: f32,
    /// Mean over the batch, before the update; nats for cross-entropy.
    pub loss: f32,
    /// Share of the batch that was right, before the update; `None` where the loss
    /// knows no classes.
    pub accuracy: Option<f32>,
    /// As the schedule had it at this step.
    pub learning_rate: f32,
    /// Wall time of the submit divided by its steps.
    pub step_millis: f32,
    /// Of all gradients together, before they were clipped; only where they are.
    pub gradient_norm: Option<f32>,
}

/// Counters and figures that describe how a run executes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExecutionFigures {
    /// 0 on the CPU executor.
    pub dispatches_per_step: f32,
    pub submits_per_step: f32,
    /// Time of the host to encode a training step, over its dispatches; 0 on the CPU executor.
    pub encode_micros_per_dispatch: f32,
    /// GPU objects (buffers, bind groups, pipelines) made while warming up.
    pub allocations_in_warm_up: u64,
    pub allocations_after_warm_up: u64,
    /// What the plan's values and workspaces take.
    pub peak_bytes: u64,
    /// What no plan could do without: parameters, gradients, optimizer states, data, and the
    /// activations that are alive at once.
    pub needed_bytes: u64,
}

/// What the engine reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The engine runs; `build_id` is the worker's own.
    Ready {
        build_id: String,
    },
    /// Something long is under way: bytes of files, pipelines built.
    Progress {
        stage: Stage,
        done: u64,
        total: u64,
    },
    /// A run stands at step 0, paused.
    Started {
        run: RunId,
        config: ResolvedConfig,
        model: ModelSummary,
        device: DeviceInfo,
    },
    Status {
        run: RunId,
        status: RunStatus,
    },
    /// New training steps, in order; none is left out.
    Steps {
        run: RunId,
        records: Vec<StepRecord>,
        samples_per_second: f32,
        figures: ExecutionFigures,
    },
    /// Run went back to step 0 with its initial weights.
    ResetDone {
        run: RunId,
    },
    Evaluated {
        run: RunId,
        step: u64,
        evaluation: Evaluation,
    },
    /// Pixels of the watched samples: `count` images of `shape` (C, H, W), 0 = background.
    Samples {
        run: RunId,
        shape: Vec<usize>,
        pixels: Vec<u8>,
        labels: Vec<u32>,
    },
    /// Watched rows of a table, (count, columns) row-major, in the table's own units.
    Rows {
        run: RunId,
        columns: Vec<String>,
        rows: Vec<f32>,
        /// Name of the column that is predicted.
        target: String,
        /// Their classes; empty where numbers are predicted.
        labels: Vec<u32>,
        /// Their numbers; empty where classes are predicted.
        numbers: Vec<f32>,
    },
    /// The points of a table that can be drawn; once, after `Started`.
    Points {
        run: RunId,
        points: TablePoints,
    },
    /// What the network says between those points; after every evaluation.
    Boundary {
        run: RunId,
        step: u64,
        boundary: Boundary,
    },
    /// The learner's table was read; the next start learns from it.
    TableRead {
        name: String,
        /// All columns of the file.
        columns: Vec<String>,
        /// The one to predict.
        target: String,
        train_count: u32,
        test_count: u32,
    },
    /// The learner's series was read; the next start learns from it.
    SeriesRead {
        name: String,
        /// Numbers that the network reads to predict the next.
        window: u32,
        train_count: u32,
        test_count: u32,
    },
    /// The learner's text was read; the next start learns from it.
    TextRead {
        name: String,
        characters: u32,
        /// Different characters.
        vocabulary: u32,
    },
    /// The text that the run learns from; once, after `Started`.
    Text {
        run: RunId,
        facts: TextFacts,
    },
    /// Characters that continue a prompt.
    Generated {
        run: RunId,
        /// Training steps done before.
        step: u64,
        request: GenerateRequest,
        /// Place of the first of `steps` in the continuation; 0 begins a new one.
        first: u32,
        steps: Vec<GeneratedStep>,
        is_done: bool,
    },
    /// The answer to [`Command::ShowAttention`].
    Attention {
        run: RunId,
        attention: TextAttention,
    },
    /// Probabilities of the watched samples, (count, classes) row-major; one number each where the model gives one.
    /// Predicted numbers are in the target's unit.
    SamplePredictions {
        run: RunId,
        step: u64,
        probabilities: Vec<f32>,
    },
    /// What the network says of the held-out part of a series.
    Forecast {
        run: RunId,
        /// Training steps done before.
        step: u64,
        forecast: Forecast,
    },
    /// Held-out images of a cell of the confusion matrix, `pixels` as in [`Event::Samples`].
    CellSamples {
        run: RunId,
        /// Training steps done before the evaluation.
        step: u64,
        actual: u32,
        predicted: u32,
        /// How many the cell counts; at most as many as were asked for are sent.
        count: u32,
        shape: Vec<usize>,
        pixels: Vec<u8>,
    },
    /// Probabilities for the image of [`Command::Predict`].
    Prediction {
        run: RunId,
        step: u64,
        probabilities: Vec<f32>,
    },
    /// A safetensors file.
    Saved {
        run: RunId,
        bytes: Vec<u8>,
    },
    Loaded {
        run: RunId,
        step: u64,
    },
    /// Which checkpoints can be gone back to: the last good one, and the best.
    Kept {
        run: RunId,
        last: u64,
        best: Option<BestFacts>,
    },
    /// Training paused because nothing got better for as long as `patience` says.
    StoppedEarly {
        run: RunId,
        step: u64,
        best: BestFacts,
    },
    /// The answer to [`Command::GoBack`].
    WentBack {
        run: RunId,
        step: u64,
    },
    /// A lane of a race, by its number in the command.
    LaneDone {
        run: RunId,
        lane: u32,
        record: LaneRecord,
    },
    /// The loss over a plane of weights, around the paths of a race.
    Landscape {
        run: RunId,
        landscape: Landscape,
    },
    /// The race's losses are all there is.
    NoLandscape {
        run: RunId,
        reason: NoLandscape,
    },
    /// What the microscope hears.
    Inspected {
        run: RunId,
        report: InspectionReport,
    },
    /// Something failed; what still holds is said by `failure`.
    Failed {
        run: Option<RunId>,
        failure: Failure,
    },
    Pong {
        nonce: u32,
    },
}

/// A long stage of starting a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Bytes of data files.
    Data,
    /// GPU pipelines.
    Pipelines,
}

/// An error as the page explains it: the kind decides the advice, `message` holds the particulars.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub kind: FailureKind,
    /// In English.
    pub message: String,
    /// The facts in the message, for other languages; `None` where there are no more than that.
    pub cause: Option<super::Cause>,
}

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// `--device gpu` or `device=gpu` where there is none.
    NoGpu,
    UnknownPreset,
    /// A hyperparameter outside its range; the run is as it was.
    BadConfig,
    /// A file that could not be read as what it should be; the run is as it was.
    BadFile,
    /// A data set's file that has not been provided.
    MissingData,
    /// Loss or a tensor became infinite or NaN; training stopped.
    NonFinite,
    DeviceLost,
    OutOfMemory,
    /// A command for a run that is not the current one, or that does not fit the run's state.
    BadCommand,
    /// The worker stopped on a bug (panic).
    Crash,
    /// A fault of Glassbox itself.
    Internal,
}

impl Command {
    /// The run that the command is about.
    pub fn run(&self) -> Option<RunId> {
        match self {
            Self::Hello { .. }
            | Self::ProvideFile { .. }
            | Self::ProvideTable { .. }
            | Self::ProvideSeries { .. }
            | Self::ProvideText { .. }
            | Self::Ping { .. } => None,
            Self::Start { run, .. }
            | Self::Play { run }
            | Self::Pause { run }
            | Self::StepBatches { run, .. }
            | Self::Reset { run }
            | Self::SetLearningRate { run, .. }
            | Self::Evaluate { run }
            | Self::SetEvaluationInterval { run, .. }
            | Self::WatchSamples { run, .. }
            | Self::WatchForecast { run, .. }
            | Self::ShowCell { run, .. }
            | Self::Race { run, .. }
            | Self::Predict { run, .. }
            | Self::Generate { run, .. }
            | Self::ShowAttention { run, .. }
            | Self::Save { run }
            | Self::SaveKept { run, .. }
            | Self::GoBack { run, .. }
            | Self::Load { run, .. }
            | Self::Inspect { run, .. } => Some(*run),
        }
    }
}
