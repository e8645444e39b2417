//! The lines of `--json`: one object a line on stdout.
//!
//! Numbers that are not finite are strings (`"NaN"`, `"Infinity"`, `"-Infinity"`), which
//! JSON has no numbers for; what is not defined (a precision of 0/0) is null.

use super::CliError;
use crate::exec::request::Answer;
use crate::lab::compress::Part;
use crate::models::{Length, Target};
use crate::session::{Candidate, ExecutionFigures, FailureKind, Forecast, StepRecord};
use crate::train::Evaluation;
use serde::{Serialize, Serializer};
use std::io::Write;

/// A line. Its `event` says what it is.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Line<'a> {
    Preset {
        id: &'a str,
        /// Left out, and the shape empty, where a table of the learner's own decides them.
        #[serde(skip_serializing_if = "Option::is_none")]
        parameters: Option<u64>,
        /// The name of the data set, or of the shape of points.
        data: &'static str,
        input_shape: Vec<usize>,
        batch: u32,
        learning_rate: Number,
        optimizer: &'static str,
        schedule: &'static str,
        init: &'static str,
        epochs: u32,
        has_article: bool,
        /// Empty for a table of the learner's own.
        targets: Vec<TargetLine>,
    },
    Layer {
        name: &'a str,
        operation: &'a str,
        inputs: &'a [String],
        output_shape: &'a [usize],
        parameters: u64,
        flops: u64,
    },
    Summary {
        preset: &'a str,
        batch: usize,
        input_shape: Vec<usize>,
        parameters: u64,
        flops: u64,
        bytes: MemoryBytes,
    },
    Device {
        device: &'static str,
        adapter: &'a str,
        backend: &'a str,
        driver: &'a str,
        is_software: bool,
        features: Vec<&'a str>,
        limits: std::collections::BTreeMap<&'a str, u64>,
    },
    /// A figure of a device.
    Measurement {
        device: &'static str,
        name: &'static str,
        size: u64,
        unit: &'static str,
        #[serde(flatten)]
        figure: Figure,
    },
    /// A figure that would have taken too long, and how long a single run.
    LeftOut {
        device: &'static str,
        name: &'static str,
        size: u64,
        expected_millis: Number,
    },
    /// An operation that is not measured, because a single run takes so long.
    OperationLeftOut {
        name: &'a str,
        millis: Number,
    },
    Roof {
        device: &'static str,
        peak_gflops: Number,
        memory_gigabytes_per_second: Number,
        cache_gigabytes_per_second: Number,
    },
    /// The model whose operations follow.
    #[serde(rename = "model")]
    MeasuredModel {
        preset: &'a str,
        device: &'static str,
        batch: u32,
        wanted_batch: u32,
        operations: u32,
    },
    /// FLOPs and bytes are counted, the time is measured.
    #[serde(rename = "operation")]
    MeasuredOperation {
        name: &'a str,
        operation: &'a str,
        phase: &'static str,
        flops: u64,
        bytes: u64,
        bytes_apart: u64,
        /// FLOPs for each byte.
        intensity: Number,
        gflops: Number,
        /// What the roof allows at this intensity.
        roof_gflops: Number,
        unit: &'static str,
        #[serde(flatten)]
        figure: Figure,
    },
    /// A group of a step, and what is alive while it runs.
    Moment {
        #[serde(skip_serializing_if = "Option::is_none")]
        recompute: Option<u32>,
        number: usize,
        name: &'a str,
        phase: &'static str,
        bytes: std::collections::BTreeMap<&'static str, u64>,
        total: u64,
    },
    #[serde(rename = "memory")]
    StepMemory {
        #[serde(skip_serializing_if = "Option::is_none")]
        recompute: Option<u32>,
        peak_bytes: u64,
        peak_at: &'a str,
        reserved_bytes: u64,
        flops: u64,
        /// At the peak.
        bytes: std::collections::BTreeMap<&'static str, u64>,
    },
    /// Of a step without recomputation and with it, measured in turns.
    StepTime {
        plain_millis: Figure,
        /// Layers from one that is kept to the next.
        recompute: u32,
        recomputing_millis: Figure,
    },
    #[serde(rename = "done")]
    MeasureDone {
        millis: Number,
        pieces: u32,
    },
    Step {
        step: u64,
        epoch: Number,
        loss: Number,
        /// Left out where the loss knows no classes.
        #[serde(skip_serializing_if = "Option::is_none")]
        accuracy: Option<Number>,
        learning_rate: Number,
        step_millis: Number,
        /// Where gradients are clipped: their norm before.
        #[serde(skip_serializing_if = "Option::is_none")]
        gradient_norm: Option<Number>,
    },
    /// One optimizer of `glassbox race`.
    Lane {
        optimizer: &'static str,
        schedule: &'static str,
        learning_rate: Number,
        /// Updates done: fewer than asked for where the loss stopped being a number.
        steps: u32,
        last_loss: Number,
        goal: Option<Number>,
        first_below: Option<u32>,
        diverged_at: Option<u32>,
    },
    /// The plane that holds most of the paths of a race, where there are more than two weights.
    Plane {
        weights: u32,
        /// Of the squared distances from the start, along each direction.
        shares: [Number; 2],
        /// Losses measured along each side, and the least and the largest one.
        size: u32,
        least_loss: Number,
        largest_loss: Number,
        /// By lane, in the order asked for.
        ends: Vec<PlaneEnd>,
    },
    StoppedEarly {
        step: u64,
        best_step: u64,
        best_loss: Number,
        best_accuracy: Option<Number>,
    },
    Evaluation {
        split: &'static str,
        step: u64,
        loss: Number,
        /// Of classes, or of numbers: what a run does not have is left out.
        #[serde(flatten)]
        classes: Option<ClassMetrics<'a>>,
        #[serde(flatten)]
        numbers: Option<NumberMetrics>,
    },
    /// Of the held-out part of a series, in the square of its unit.
    Forecast(ForecastErrors),
    Done(Done<'a>),
    Bench {
        preset: &'a str,
        batch: u32,
        optimizer: &'static str,
        step_millis_median: Number,
        step_millis_least: Number,
        #[serde(flatten)]
        done: Done<'a>,
    },
    Node {
        name: &'a str,
        operation: &'a str,
        method: &'static str,
        elements: usize,
        kinks: usize,
        largest_error: Number,
        tolerance: Number,
    },
    Checked {
        preset: &'a str,
        device: &'static str,
        adapter: &'a str,
        comparisons: usize,
        elements: usize,
        kinks: usize,
    },
    Operation {
        /// Batches trained before this one.
        step: u64,
        /// Within the batch, from 1.
        number: u32,
        node: &'a str,
        operation: &'a str,
        phase: &'static str,
        layer: &'a str,
        inputs: Vec<Tensor<'a>>,
        outputs: Vec<Tensor<'a>>,
        equations: Vec<&'a str>,
    },
    /// The terms of one element.
    Explanation {
        tensor: &'a str,
        index: &'a [u32],
        stored: Number,
        total: Number,
        term_count: u32,
        groups: Vec<GroupLine<'a>>,
        /// Where the element is a function of a sum, such as a gate.
        #[serde(skip_serializing_if = "Option::is_none")]
        inside: Option<InsideLine<'a>>,
    },
    GradientCheck {
        tensor: &'a str,
        index: &'a [u32],
        stored: Option<Number>,
        analytic: Number,
        nudges: Vec<NudgeLine>,
    },
    /// A batch that was walked through.
    Batch {
        step: u64,
        samples: u32,
        loss: Option<Number>,
        /// Of the same batch, with the updated weights.
        loss_after: Option<Number>,
    },
    Prediction {
        class: &'a str,
        probabilities: Vec<Number>,
        preset: &'a str,
        /// Left out for a compressed network, whose file does not say it.
        #[serde(skip_serializing_if = "Option::is_none")]
        step: Option<u64>,
        is_inverted: bool,
        is_centred: bool,
    },
    /// The network that `glassbox compress` starts from.
    Base {
        network: &'a str,
        steps: u64,
        parameters: u64,
        /// Without biases.
        weights: u64,
    },
    /// A compressed network, measured; number 0 is the network as trained.
    Try {
        number: u32,
        network: &'a str,
        sparsity: Number,
        scope: &'static str,
        /// 32 where nothing was quantized.
        bits: u32,
        per: &'static str,
        fine_tune_steps: u64,
        /// Length of the file.
        bytes: u64,
        accuracy: Number,
        /// On the half of the held-out samples that chooses among tries, and on the other one.
        choosing_accuracy: Number,
        reporting_accuracy: Number,
        loss: Number,
        weights: u64,
        zeros: u64,
        /// The largest weight that was pruned.
        #[serde(skip_serializing_if = "Option::is_none")]
        threshold: Option<Number>,
        parts: Vec<CompressedPart<'a>>,
    },
    /// The try within a budget that is most accurate on the half of the held-out samples that chooses.
    Best {
        number: u32,
        budget: u64,
        bytes: u64,
        choosing_accuracy: Number,
        /// On the other half, which had no say.
        accuracy: Number,
    },
    CompressedSaved {
        path: &'a str,
        number: u32,
        bytes: u64,
    },
    /// A text that was continued.
    Generated {
        preset: &'a str,
        /// Training steps of the weights.
        step: u64,
        prompt: &'a str,
        /// What was added.
        text: &'a str,
        steps: Vec<GeneratedLine>,
    },
    /// A step of `glassbox ddp`: numbers of every replica, null for one that told none.
    ReplicaStep {
        step: u64,
        losses: Vec<Option<Number>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        summed_loss: Option<Number>,
        measured_losses: Vec<Option<Number>>,
        distance_l2: Option<Number>,
        distance_largest: Option<Number>,
        compute_millis: Number,
        communication_millis: Option<Number>,
        step_millis: Option<Number>,
    },
    /// The end of `glassbox ddp`, and of the single replica beside it.
    ReplicasDone {
        preset: &'a str,
        mode: &'static str,
        replicas: u32,
        threads: u32,
        steps: u64,
        parameters: u64,
        samples_per_second: Number,
        compute_millis_median: Number,
        communication_millis_median: Number,
        bytes_per_replica_and_step: u64,
        /// From bandwidth and latency, not measured.
        modelled_all_reduce_seconds: Number,
        distance_l2: Option<Number>,
        /// Of the parameters from those of the single replica, over the latter's norm.
        #[serde(skip_serializing_if = "Option::is_none")]
        relative_to_single: Option<Number>,
    },
    Exported {
        format: &'static str,
        files: Vec<String>,
        steps: u32,
        batch: u32,
    },
    /// Of `glassbox op`.
    Answer(Answer),
    /// A request of `glassbox op` that could not be run.
    Refused {
        line: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        message: String,
    },
    Failed {
        kind: &'static str,
        message: String,
    },
}

/// Held-out metrics of classes; a ratio of 0/0 is null.
#[derive(Debug, Serialize)]
pub struct ClassMetrics<'a> {
    pub accuracy: Number,
    pub precision: Vec<Option<Number>>,
    pub recall: Vec<Option<Number>>,
    pub f1: Vec<Option<Number>>,
    pub macro_precision: Option<Number>,
    pub macro_recall: Option<Number>,
    pub macro_f1: Option<Number>,
    /// Left out for fewer than three classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k_accuracy: Option<Number>,
    pub confusion: &'a [Vec<u32>],
    /// exp(loss), of texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub perplexity: Option<Number>,
}

/// Where a path of a race ends beside its plane.
#[derive(Debug, Serialize)]
pub struct PlaneEnd {
    pub loss: Number,
    pub loss_on_plane: Number,
    /// Euclidean, from the plane and from the start.
    pub distance: Number,
    pub travelled: Number,
}

/// Held-out errors of numbers, in the target's unit.
#[derive(Debug, Serialize)]
pub struct NumberMetrics {
    pub mse: Number,
    pub mae: Number,
}

/// Mean squared errors of forecasts, and of repeating the last known number.
#[derive(Debug, Serialize)]
pub struct ForecastErrors {
    pub step: u64,
    pub one_step_mse: Number,
    pub repeat_mse: Number,
    /// Numbers of the free run.
    pub free_run_steps: usize,
    pub free_run_mse: Number,
    pub repeat_free_run_mse: Number,
    /// Left out where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_variance: Option<Number>,
}

impl ForecastErrors {
    pub fn of(step: u64, forecast: &Forecast) -> Self {
        Self {
            step,
            one_step_mse: forecast.one_step_mse.into(),
            repeat_mse: forecast.repeat_mse.into(),
            free_run_steps: forecast.free_run.len(),
            free_run_mse: forecast.free_run_mse.into(),
            repeat_free_run_mse: forecast.repeat_free_run_mse.into(),
            noise_variance: forecast.noise_variance.map(Number::from),
        }
    }
}

/// One character that was added, and those that could have been, most probable first.
#[derive(Debug, Serialize)]
pub struct GeneratedLine {
    pub character: char,
    pub candidates: Vec<CandidateLine>,
}

/// A character that could come next: as the network has it, and as it is drawn.
#[derive(Debug, Serialize)]
pub struct CandidateLine {
    pub character: char,
    pub probability: Number,
    pub drawn: Number,
}

impl From<&Candidate> for CandidateLine {
    fn from(candidate: &Candidate) -> Self {
        Self {
            character: candidate.character,
            probability: candidate.probability.into(),
            drawn: candidate.drawn.into(),
        }
    }
}

/// What a preset is to reach.
#[derive(Debug, Serialize)]
pub struct TargetLine {
    /// Beyond the preset's own settings, as `glassbox train` takes them.
    pub settings: &'static [&'static str],
    /// One of the two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    pub metric: &'static str,
    /// One of the two, or both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    pub source: &'static str,
}

impl From<&Target> for TargetLine {
    fn from(target: &Target) -> Self {
        let (epochs, steps) = match target.length {
            Length::Epochs(epochs) => (Some(epochs), None),
            Length::Steps(steps) => (None, Some(steps)),
        };
        let (at_least, at_most) = target.bound.range();
        Self {
            settings: target.settings,
            epochs,
            steps,
            metric: target.metric.name(),
            at_least,
            at_most,
            source: target.source,
        }
    }
}

/// What the memory of a training plan holds, in bytes.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct MemoryBytes {
    pub parameters: u64,
    pub gradients: u64,
    pub optimizer_state: u64,
    /// And workspaces of kernels; values share memory in turn.
    pub activations: u64,
    pub data: u64,
}

/// What repeated measurements gave.
#[derive(Debug, Serialize)]
pub struct Figure {
    pub median: Number,
    pub lower_quartile: Number,
    pub upper_quartile: Number,
    pub repeats: u32,
}

/// How a run went.
#[derive(Debug, Serialize)]
pub struct Done<'a> {
    pub device: &'static str,
    pub adapter: &'a str,
    pub backend: &'a str,
    pub is_software: bool,
    pub train_count: u32,
    pub test_count: u32,
    pub steps: u64,
    pub samples_per_second: Number,
    pub dispatches_per_step: Number,
    pub submits_per_step: Number,
    pub encode_micros_per_dispatch: Number,
    pub allocations_after_warm_up: u64,
    /// As planned.
    pub peak_bytes: u64,
    /// What no plan could do without.
    pub needed_bytes: u64,
    /// Physical memory at the most, without that of the program and its data before the run; left out where the
    /// system does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resident_bytes: Option<u64>,
    /// Of a series: mean squared error of the free run behind the last step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_run_mse: Option<Number>,
}

/// A tensor of a walked operation.
#[derive(Debug, Serialize)]
pub struct Tensor<'a> {
    /// In the equation.
    pub symbol: &'a str,
    pub name: &'a str,
    pub shape: &'a [u32],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistics: Option<Statistics>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Number>,
}

/// The sum inside a function, its terms written out.
#[derive(Debug, Serialize)]
pub struct InsideLine<'a> {
    /// `σ`, `tanh`, `max(0, ·)`
    pub function: &'a str,
    pub total: Number,
    pub term_count: u32,
    pub groups: Vec<GroupLine<'a>>,
}

/// Terms that share a value of the outermost summed index.
#[derive(Debug, Serialize)]
pub struct GroupLine<'a> {
    pub key: Option<(&'a str, i64)>,
    pub subtotal: Number,
    pub term_count: u32,
    pub terms: Vec<TermLine<'a>>,
}

#[derive(Debug, Serialize)]
pub struct TermLine<'a> {
    pub value: Number,
    pub references: Vec<ReferenceLine<'a>>,
}

#[derive(Debug, Serialize)]
pub struct ReferenceLine<'a> {
    pub tensor: &'a str,
    pub index: &'a [u32],
    pub value: Number,
}

/// One step size of a gradient check.
#[derive(Debug, Serialize)]
pub struct NudgeLine {
    pub step_size: Number,
    pub loss_minus: Number,
    pub loss_plus: Number,
    pub slope: Number,
    pub slope_f32: Number,
}

/// Of all finite elements of a tensor.
#[derive(Debug, Serialize)]
pub struct Statistics {
    pub min: Number,
    pub max: Number,
    pub mean: Number,
    /// Share of elements that are exactly 0.
    pub zeros: Number,
    /// Root of the sum of squares.
    pub norm: Number,
    /// Elements that are infinite or NaN.
    pub non_finite: u64,
}

/// A number, finite or not. f32 values are written with the digits that f32 needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Single(f32),
    Double(f64),
}

impl Number {
    pub fn get(self) -> f64 {
        match self {
            Self::Single(value) => value.into(),
            Self::Double(value) => value,
        }
    }
}

impl From<f32> for Number {
    fn from(value: f32) -> Self {
        Self::Single(value)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            _ if self.get().is_nan() => serializer.serialize_str("NaN"),
            _ if self.get() == f64::INFINITY => serializer.serialize_str("Infinity"),
            _ if self.get() == f64::NEG_INFINITY => serializer.serialize_str("-Infinity"),
            Self::Single(value) => serializer.serialize_f32(value),
            Self::Double(value) => serializer.serialize_f64(value),
        }
    }
}

impl Line<'_> {
    pub fn step(record: &StepRecord) -> Self {
        Self::Step {
            step: record.step,
            epoch: record.epoch.into(),
            loss: record.loss.into(),
            accuracy: record.accuracy.map(Number::from),
            learning_rate: record.learning_rate.into(),
            step_millis: record.step_millis.into(),
            gradient_norm: record.gradient_norm.map(Number::from),
        }
    }

    pub fn print(&self) -> Result<(), CliError> {
        print(&serde_json::to_string(self).expect("a line has no keys but strings"))
    }
}

impl<'a> Line<'a> {
    pub fn evaluation(step: u64, evaluation: &'a Evaluation) -> Self {
        let number = |value: Option<f32>| value.map(Number::from);
        let numbers = |values: &[Option<f32>]| values.iter().copied().map(number).collect();
        let classes = evaluation.accuracy.map(|accuracy| ClassMetrics {
            accuracy: accuracy.into(),
            precision: numbers(&evaluation.precision),
            recall: numbers(&evaluation.recall),
            f1: numbers(&evaluation.f1),
            macro_precision: number(evaluation.macro_precision),
            macro_recall: number(evaluation.macro_recall),
            macro_f1: number(evaluation.macro_f1),
            top_k: evaluation.top_k.map(|top| top.k),
            top_k_accuracy: evaluation.top_k.map(|top| top.share.into()),
            confusion: &evaluation.confusion,
            perplexity: number(evaluation.perplexity),
        });
        let errors = evaluation.mse.zip(evaluation.mae);
        Self::Evaluation {
            split: "test",
            step,
            loss: evaluation.loss.into(),
            classes,
            numbers: errors.map(|(mse, mae)| NumberMetrics {
                mse: mse.into(),
                mae: mae.into(),
            }),
        }
    }
}

impl<'a> Done<'a> {
    pub fn new(
        started: &'a super::driver::Started,
        steps: u64,
        samples_per_second: f64,
        figures: &ExecutionFigures,
    ) -> Self {
        Self {
            device: started.device_name(),
            adapter: started.adapter(),
            backend: &started.device.backend,
            is_software: started.device.kind == crate::session::DeviceKind::SoftwareGpu,
            train_count: started.config.train_count,
            test_count: started.config.test_count,
            steps,
            samples_per_second: samples_per_second.into(),
            dispatches_per_step: figures.dispatches_per_step.into(),
            submits_per_step: figures.submits_per_step.into(),
            encode_micros_per_dispatch: figures.encode_micros_per_dispatch.into(),
            allocations_after_warm_up: figures.allocations_after_warm_up,
            peak_bytes: figures.peak_bytes,
            needed_bytes: figures.needed_bytes,
            resident_bytes: started.memory.growth(),
            free_run_mse: None,
        }
    }
}

/// Writes a line to stdout.
pub fn print(text: &str) -> Result<(), CliError> {
    writeln!(std::io::stdout().lock(), "{text}").map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => CliError::OutputClosed,
        _ => CliError::File {
            path: "stdout".into(),
            message: error.to_string(),
        },
    })
}

/// A tensor's share of a compressed file.
#[derive(Debug, Serialize)]
pub struct CompressedPart<'a> {
    name: &'a str,
    count: u32,
    kept: u32,
    bits: u8,
    layout: &'static str,
    bytes: u64,
}

impl<'a> From<&'a Part> for CompressedPart<'a> {
    fn from(part: &'a Part) -> Self {
        Self {
            name: &part.name,
            count: part.count,
            kept: part.kept,
            bits: part.bits,
            layout: part.layout.name(),
            bytes: part.bytes,
        }
    }
}

/// A kind of failure as JSON names it.
pub fn kind_name(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::NoGpu => "no_gpu",
        FailureKind::UnknownPreset => "unknown_preset",
        FailureKind::BadConfig => "bad_config",
        FailureKind::BadFile => "bad_file",
        FailureKind::MissingData => "missing_data",
        FailureKind::NonFinite => "non_finite",
        FailureKind::DeviceLost => "device_lost",
        FailureKind::OutOfMemory => "out_of_memory",
        FailureKind::BadCommand => "bad_command",
        FailureKind::Crash => "crash",
        FailureKind::Internal => "internal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_cannot_write_are_strings() {
        let text = |value: Number| serde_json::to_string(&value).expect("a number");
        assert_eq!(text(0.1f32.into()), "0.1");
        assert_eq!(text(f32::NAN.into()), "\"NaN\"");
        assert_eq!(text(f64::INFINITY.into()), "\"Infinity\"");
        assert_eq!(text(f32::NEG_INFINITY.into()), "\"-Infinity\"");
    }

    #[test]
    fn a_step_line_has_the_documented_keys_in_order() {
        let record = StepRecord {
            step: 3,
            epoch: 0.5,
            loss: f32::NAN,
            accuracy: Some(0.25),
            learning_rate: 0.01,
            step_millis: 1.5,
            gradient_norm: None,
        };
        assert_eq!(
            serde_json::to_string(&Line::step(&record)).expect("a line"),
            r#"{"event":"step","step":3,"epoch":0.5,"loss":"NaN","accuracy":0.25,"learning_rate":0.01,"step_millis":1.5}"#
        );
    }
}
