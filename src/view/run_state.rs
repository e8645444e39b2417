//! What the page knows of its run: events in, state out.
//!
//! A run is replaced in two moves: [`RunState::ask`] notes what was asked for, and the engine's
//! `Started` puts it in place of what is shown. A start that fails leaves the old run on the page,
//! as it leaves it in the engine.

use std::sync::Arc;

use super::presets;
use super::texts::{Reason, Trouble};
use super::url::{DEFAULT_SEED, Hyperparameters, PageState};
use super::writing::{OwnText, Writing};
use crate::optim::{OptimizerKind, ScheduleKind};
use crate::plot::{self, CurveSet};
use crate::session::{
    BestFacts, Boundary, Cause, DeviceInfo, DevicePreference, Evaluation, Event, ExecutionFigures,
    Failure, FailureKind, Forecast, Landscape, LaneRecord, ModelSummary, NoLandscape,
    ResolvedConfig, RunConfig, RunId, RunStatus, Stage, StepRecord, TablePoints,
};

/// What `Started` tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Started {
    pub config: ResolvedConfig,
    pub model: ModelSummary,
    pub device: DeviceInfo,
}

impl Started {
    /// Whether the samples are images, which can be shown and drawn.
    pub fn has_images(&self) -> bool {
        self.model.input_shape.len() == 3 && !self.model.classes.is_empty()
    }
}

impl Started {
    /// Whether the classes are the ten digits, which can be drawn by hand.
    pub fn has_digits(&self) -> bool {
        let names = self.model.classes.iter().enumerate();
        self.has_images()
            && self.model.input_shape[0] == 1
            && names.clone().count() == 10
            && names
                .clone()
                .all(|(class, (name, _))| *name == class.to_string())
    }
}

/// What can be measured of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measures {
    /// The loss is in nats and counts what is right.
    pub is_cross_entropy: bool,
    /// Held-out samples have classes.
    pub has_classes: bool,
    pub has_held_out: bool,
}

/// How far a long stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub stage: Stage,
    pub done: u64,
    pub total: u64,
}

/// A pass over the held-out split.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// Training steps done before it.
    pub step: u64,
    pub evaluation: Evaluation,
}

/// Held-out samples that are watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Samples {
    /// (C, H, W) of one.
    pub shape: Vec<usize>,
    /// All of them, row-major, 0 = background.
    pub pixels: Vec<u8>,
    pub labels: Vec<u32>,
}

impl Samples {
    /// The pixels of one sample.
    pub fn image(&self, index: usize) -> Option<&[u8]> {
        let length = self.shape.iter().product::<usize>();
        self.pixels.get(index * length..(index + 1) * length)
    }
}

/// Held-out rows of a table that are watched.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchedRows {
    pub columns: Vec<String>,
    /// (rows, columns), row-major.
    pub rows: Vec<f32>,
    /// Name of the column that is predicted.
    pub target: String,
    /// Empty where numbers are predicted.
    pub labels: Vec<u32>,
    /// Empty where classes are predicted.
    pub numbers: Vec<f32>,
}

/// Held-out images of a cell of the confusion matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellSamples {
    /// Training steps done before the evaluation.
    pub step: u64,
    /// True and predicted class.
    pub cell: (u32, u32),
    /// How many the cell counts.
    pub count: u32,
    /// Those that were sent; all of the true class.
    pub samples: Samples,
}

/// What the network says between the points of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// Training steps done before it.
    pub step: u64,
    pub boundary: Boundary,
}

/// What is known of the learner's own table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnTable {
    /// The file's name.
    pub name: String,
    pub columns: Vec<String>,
    /// The column to predict.
    pub target: String,
    pub train_count: u32,
    pub test_count: u32,
}

/// What is known of the learner's own series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSeries {
    /// The file's name.
    pub name: String,
    pub window: u32,
    pub train_count: u32,
    pub test_count: u32,
}

/// What the network says of the held-out part of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecasted {
    /// Training steps done before it.
    pub step: u64,
    pub forecast: Forecast,
}

/// Probabilities of every class, for one sample or for several in a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Probabilities {
    /// Training steps done before them.
    pub step: u64,
    pub values: Vec<f32>,
}

/// What an event asks of the page beyond showing the new state.
#[derive(Clone, Debug, PartialEq)]
pub enum Consequence {
    /// A new run stands in place of the old one.
    Began,
    /// A safetensors file is to be given to the learner.
    Save(Vec<u8>),
    /// Weights were loaded.
    Loaded,
    /// The run went back to a checkpoint.
    WentBack,
    /// Something is to be explained.
    Explain(Trouble),
}

/// How the page stands with the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineLink {
    #[default]
    Starting,
    Ready,
    /// It broke, fell silent or never came up.
    Lost,
}

/// What is going on, in one word for the status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    EngineStarting,
    EngineLost,
    /// A run is being built; the long stage of it, if one is under way.
    Starting(Option<Progress>),
    /// No run stands: the last start failed, or none was asked for.
    Empty,
    /// At step 0.
    Ready,
    Playing,
    Paused,
    /// Stopped by an error; a reset leaves it.
    Stopped,
}

impl Phase {
    /// Whether a run stands that takes commands.
    pub fn takes_commands(self) -> bool {
        matches!(
            self,
            Self::Ready | Self::Playing | Self::Paused | Self::Stopped
        )
    }
}

/// The run that the page shows.
#[derive(Clone, Debug, Default)]
pub struct RunState {
    last_id: RunId,
    asked: Option<(RunId, RunConfig)>,
    current: Option<(RunId, RunConfig)>,
    /// What is known of the model, the device and the settings.
    pub started: Option<Arc<Started>>,
    pub status: Option<RunStatus>,
    /// The long stage under way.
    pub progress: Option<Progress>,
    /// Training steps done.
    pub step: u64,
    /// The last step, if one was done since the run began or weights were loaded.
    pub last: Option<StepRecord>,
    pub curves: CurveSet,
    /// Changes with every change of the curves.
    pub curves_revision: u64,
    pub samples_per_second: Option<f32>,
    pub figures: Option<ExecutionFigures>,
    pub evaluated: Option<Arc<Evaluated>>,
    pub samples: Option<Arc<Samples>>,
    pub cell: Option<Arc<CellSamples>>,
    pub rows: Option<Arc<WatchedRows>>,
    pub points: Option<Arc<TablePoints>>,
    pub boundary: Option<Arc<Drawn>>,
    /// Outlives the run: the next one may learn from it.
    pub own_table: Option<Arc<OwnTable>>,
    /// Outlives the run, as the table does.
    pub own_series: Option<Arc<OwnSeries>>,
    /// Outlives the run, as the table does.
    pub own_text: Option<Arc<OwnText>>,
    /// The text that the run learns from, and what it writes.
    pub writing: Writing,
    pub forecast: Option<Arc<Forecasted>>,
    pub sample_predictions: Option<Arc<Probabilities>>,
    /// Step of the last good checkpoint that the engine keeps, and the best one.
    pub kept: (u64, Option<BestFacts>),
    /// Step at which training stopped because nothing got better; `None` once it goes on.
    pub stopped_early: Option<u64>,
    /// The lanes of the last race, by number.
    pub lanes: Vec<Option<Arc<LaneRecord>>>,
    /// The loss around their paths.
    pub landscape: Option<Arc<Landscape>>,
    /// Why there is none.
    pub no_landscape: Option<NoLandscape>,
    /// What the network says of the image it was last given.
    pub prediction: Option<Arc<Probabilities>>,
}

impl RunState {
    /// Notes that a run is asked for, and gives it its number.
    pub fn ask(&mut self, config: RunConfig) -> RunId {
        self.last_id += 1;
        self.asked = Some((self.last_id, config));
        self.progress = None;
        self.last_id
    }

    /// The number of the run that is shown; `None` before the first one stands.
    pub fn id(&self) -> Option<RunId> {
        self.current.as_ref().map(|(id, _)| *id)
    }

    /// What can be measured of the run that stands.
    pub fn measures(&self) -> Option<Measures> {
        let started = self.started.as_ref()?;
        let loss = started.model.loss.as_str();
        Some(Measures {
            is_cross_entropy: loss.contains("cross_entropy"),
            has_classes: !started.model.classes.is_empty(),
            has_held_out: started.config.test_count > 0,
        })
    }

    /// Whether the run that stands learns from images, which can be shown and drawn.
    pub fn has_images(&self) -> bool {
        let started = self.started.as_ref();
        started.is_some_and(|started| started.has_images())
    }

    /// Whether the run that stands has an attention.
    pub fn has_attention(&self) -> bool {
        let layers = self
            .started
            .iter()
            .flat_map(|started| &started.model.layers);
        let mut operations = layers.map(|layer| layer.operation.as_str());
        operations.any(|operation| operation == "attention_weights")
    }

    /// The text whose attention is to be asked for; `None` where what is shown holds, or nobody would answer.
    pub fn attention_due(&self) -> Option<String> {
        let answers = matches!(self.status, Some(RunStatus::Paused | RunStatus::Playing));
        let is_asked = answers && !self.is_starting() && self.has_attention();
        is_asked.then(|| self.writing.attention_due(self.step))?
    }

    /// The step after which training is to stop, where the address asks for steps or epochs.
    pub fn last_step(&self, wanted: &Hyperparameters) -> Option<u64> {
        let steps_per_epoch = self.started.as_ref()?.config.steps_per_epoch;
        let of_epochs = wanted
            .epochs
            .map(|epochs| epochs.saturating_mul(steps_per_epoch.into()));
        [wanted.steps, of_epochs].into_iter().flatten().min()
    }

    /// What was asked for last, whether it stands already or not.
    pub fn wanted(&self) -> Option<&RunConfig> {
        let latest = self.asked.as_ref().or(self.current.as_ref());
        latest.map(|(_, config)| config)
    }

    /// Whether a run was asked for that does not stand yet.
    pub fn is_starting(&self) -> bool {
        self.asked.is_some()
    }

    /// What is going on.
    pub fn phase(&self, link: EngineLink) -> Phase {
        match (link, self.status) {
            (EngineLink::Lost, _) => Phase::EngineLost,
            (EngineLink::Starting, _) => Phase::EngineStarting,
            _ if self.is_starting() => Phase::Starting(self.progress),
            (_, None) => Phase::Empty,
            (_, Some(RunStatus::Playing)) => Phase::Playing,
            (_, Some(RunStatus::Stopped)) => Phase::Stopped,
            (_, Some(RunStatus::Paused)) if self.step == 0 => Phase::Ready,
            (_, Some(RunStatus::Paused)) => Phase::Paused,
        }
    }

    /// Whether `config` asks for another model or device: the run is replaced at once.
    pub fn is_replaced_by(&self, config: &RunConfig) -> bool {
        self.wanted()
            .is_none_or(|wanted| (&wanted.preset, wanted.device) != (&config.preset, config.device))
    }

    /// Whether `config` differs from the run in a setting that only a new start can change.
    pub fn needs_restart_for(&self, config: &RunConfig) -> bool {
        let Some(wanted) = self.wanted() else {
            return false;
        };
        let resolved = self.started.as_ref().map(|started| &started.config);
        let batch = |c: &RunConfig| c.batch.or(resolved.map(|r| r.batch));
        let preset = presets::defaults(&wanted.preset);
        let usual = preset.map(|preset| preset.optimizer);
        let optimizer = |c: &RunConfig| c.optimizer.or(usual);
        let options = |c: &RunConfig| {
            let (preset, optimizer) = (preset?, optimizer(c)?);
            let resolved = c
                .options
                .resolve(optimizer, &preset.options, preset.optimizer);
            Some(resolved)
        };
        // The cosine alone spans the whole run, where no other length is given.
        let length = |c: &RunConfig| {
            let options = options(c)?;
            let spans = options.schedule_kind() == ScheduleKind::Cosine && options.t_max.is_none();
            spans.then_some((c.epochs, c.steps))
        };
        let momentum = |c: &RunConfig| c.momentum.or(resolved.map(|r| r.momentum));
        wanted.seed != config.seed
            || batch(wanted) != batch(config)
            || optimizer(wanted) != optimizer(config)
            || options(wanted) != options(config)
            || length(wanted) != length(config)
            || (momentum(wanted) != momentum(config)
                && optimizer(config).is_some_and(OptimizerKind::has_momentum))
    }

    /// The engine was lost: what is shown stays, and nothing runs.
    pub fn lose_engine(&mut self) {
        self.status = None;
        self.progress = None;
    }

    /// Takes in an event; those of other runs change nothing.
    pub fn apply(&mut self, event: Event) -> Option<Consequence> {
        match event {
            Event::Ready { .. } | Event::Pong { .. } => None,
            Event::Progress { stage, done, total } => {
                self.progress = self
                    .is_starting()
                    .then_some(Progress { stage, done, total });
                None
            }
            Event::Started {
                run,
                config,
                model,
                device,
            } => self.begin(
                run,
                Started {
                    config,
                    model,
                    device,
                },
            ),
            Event::Failed { run, failure } => self.fail(run, &failure),
            Event::TableRead {
                name,
                columns,
                target,
                train_count,
                test_count,
            } => {
                self.own_table = Some(Arc::new(OwnTable {
                    name,
                    columns,
                    target,
                    train_count,
                    test_count,
                }));
                None
            }
            Event::TextRead {
                name,
                characters,
                vocabulary,
            } => {
                self.own_text = Some(Arc::new(OwnText {
                    name,
                    characters,
                    vocabulary,
                }));
                None
            }
            Event::SeriesRead {
                name,
                window,
                train_count,
                test_count,
            } => {
                self.own_series = Some(Arc::new(OwnSeries {
                    name,
                    window,
                    train_count,
                    test_count,
                }));
                None
            }
            event => self.apply_to_current(event),
        }
    }

    fn begin(&mut self, run: RunId, started: Started) -> Option<Consequence> {
        if self.asked.as_ref().is_none_or(|(id, _)| *id != run) {
            return None;
        }
        *self = Self {
            last_id: self.last_id,
            status: Some(RunStatus::Paused),
            current: self.asked.take(),
            started: Some(Arc::new(started)),
            curves_revision: self.curves_revision + 1,
            own_table: self.own_table.take(),
            own_text: self.own_text.take(),
            own_series: self.own_series.take(),
            ..Self::default()
        };
        Some(Consequence::Began)
    }

    fn fail(&mut self, run: Option<RunId>, failure: &Failure) -> Option<Consequence> {
        let asked = self.asked.as_ref().map(|(id, _)| *id);
        if run.is_some() && run != asked && run != self.id() {
            return None;
        }
        let preset = self.wanted().map(|config| config.preset.clone());
        let mut failure = failure.clone();
        if run.is_some() && run == asked {
            self.asked = None;
            self.progress = None;
            // The files of a start are those of its data set, not the learner's own.
            if failure.kind == FailureKind::BadFile {
                failure.kind = FailureKind::MissingData;
            }
        }
        Some(Consequence::Explain(trouble_of(
            &failure,
            preset.unwrap_or_default(),
        )))
    }

    fn apply_to_current(&mut self, event: Event) -> Option<Consequence> {
        let current = self.id();
        let is_ours = |run: RunId| current == Some(run);
        match event {
            Event::Status { run, status } if is_ours(run) => self.status = Some(status),
            Event::Steps {
                run,
                records,
                samples_per_second,
                figures,
            } if is_ours(run) => {
                for record in &records {
                    self.curves.push(record.step, record.loss);
                }
                self.stopped_early = None;
                if let Some(last) = records.last() {
                    self.step = last.step;
                    self.last = Some(*last);
                    self.curves_revision += 1;
                }
                self.samples_per_second = Some(samples_per_second);
                self.figures = Some(figures);
            }
            Event::ResetDone { run } if is_ours(run) => {
                self.stopped_early = None;
                self.step = 0;
                self.last = None;
                self.curves.clear();
                self.curves_revision += 1;
                self.samples_per_second = None;
                self.evaluated = None;
                self.cell = None;
                self.boundary = None;
                self.forecast = None;
                self.sample_predictions = None;
                self.prediction = None;
                self.writing.forget();
            }
            Event::Evaluated {
                run,
                step,
                evaluation,
            } if is_ours(run) => {
                self.curves.push_evaluation(plot::Evaluation {
                    step,
                    loss: evaluation.loss,
                    accuracy: evaluation.accuracy,
                });
                self.curves_revision += 1;
                self.evaluated = Some(Arc::new(Evaluated { step, evaluation }));
            }
            Event::Samples {
                run,
                shape,
                pixels,
                labels,
            } if is_ours(run) => {
                self.samples = Some(Arc::new(Samples {
                    shape,
                    pixels,
                    labels,
                }));
            }
            Event::CellSamples {
                run,
                step,
                actual,
                predicted,
                count,
                shape,
                pixels,
            } if is_ours(run) => {
                let images = pixels.len() / shape.iter().product::<usize>().max(1);
                self.cell = Some(Arc::new(CellSamples {
                    step,
                    cell: (actual, predicted),
                    count,
                    samples: Samples {
                        shape,
                        pixels,
                        labels: vec![actual; images],
                    },
                }));
            }
            Event::Rows {
                run,
                columns,
                rows,
                target,
                labels,
                numbers,
            } if is_ours(run) => {
                self.rows = Some(Arc::new(WatchedRows {
                    columns,
                    rows,
                    target,
                    labels,
                    numbers,
                }));
            }
            Event::LaneDone { run, lane, record } if is_ours(run) => {
                let lane = lane as usize;
                if self.lanes.len() <= lane {
                    self.lanes.resize(lane + 1, None);
                }
                self.lanes[lane] = Some(Arc::new(record));
            }
            Event::Landscape { run, landscape } if is_ours(run) => {
                self.landscape = Some(Arc::new(landscape));
                self.no_landscape = None;
            }
            Event::NoLandscape { run, reason } if is_ours(run) => {
                self.landscape = None;
                self.no_landscape = Some(reason);
            }
            Event::Points { run, points } if is_ours(run) => self.points = Some(Arc::new(points)),
            Event::Boundary {
                run,
                step,
                boundary,
            } if is_ours(run) => self.boundary = Some(Arc::new(Drawn { step, boundary })),
            Event::Forecast {
                run,
                step,
                forecast,
            } if is_ours(run) => self.forecast = Some(Arc::new(Forecasted { step, forecast })),
            Event::SamplePredictions {
                run,
                step,
                probabilities,
            } if is_ours(run) => {
                self.sample_predictions = Some(Arc::new(Probabilities {
                    step,
                    values: probabilities,
                }));
            }
            Event::Prediction {
                run,
                step,
                probabilities,
            } if is_ours(run) => {
                self.prediction = Some(Arc::new(Probabilities {
                    step,
                    values: probabilities,
                }));
            }
            Event::Saved { run, bytes } if is_ours(run) => return Some(Consequence::Save(bytes)),
            Event::Loaded { run, step } if is_ours(run) => {
                self.rewind(step);
                return Some(Consequence::Loaded);
            }
            Event::WentBack { run, step } if is_ours(run) => {
                self.rewind(step);
                return Some(Consequence::WentBack);
            }
            Event::Kept { run, last, best } if is_ours(run) => self.kept = (last, best),
            Event::StoppedEarly { run, step, .. } if is_ours(run) => {
                self.stopped_early = Some(step);
            }
            event => self.writing.apply(current, event),
        }
        None
    }

    /// The run stands at another step than it did.
    fn rewind(&mut self, step: u64) {
        self.step = step;
        self.last = None;
        self.stopped_early = None;
        self.curves.rewind(step + 1);
        self.curves_revision += 1;
    }

    /// The drawing was cleared: an old answer must not stay beside it.
    pub fn forget_prediction(&mut self) {
        self.prediction = None;
    }
}

/// The message for a failure; `subject` is the preset it happened with.
fn trouble_of(failure: &Failure, subject: String) -> Trouble {
    let reason = Reason::from(failure);
    match failure.kind {
        FailureKind::NoGpu => Trouble::NoGpu { reason },
        FailureKind::UnknownPreset => Trouble::UnknownPreset { name: subject },
        FailureKind::BadConfig => Trouble::BadSetting { reason },
        FailureKind::BadFile if matches!(reason.cause(), Some(Cause::Table { .. })) => {
            Trouble::BadTable { reason }
        }
        FailureKind::BadFile if matches!(reason.cause(), Some(Cause::Text { .. })) => {
            Trouble::BadText { reason }
        }
        FailureKind::BadFile => Trouble::BadFile { reason },
        FailureKind::MissingData => Trouble::DataMissing { reason },
        FailureKind::NonFinite => Trouble::NonFinite { reason },
        FailureKind::DeviceLost => Trouble::DeviceLost { reason },
        FailureKind::OutOfMemory => Trouble::OutOfMemory { reason },
        FailureKind::Crash => Trouble::WorkerCrash { reason },
        FailureKind::BadCommand if matches!(reason.cause(), Some(Cause::Prompt(_))) => {
            Trouble::BadPrompt { reason }
        }
        FailureKind::BadCommand | FailureKind::Internal => Trouble::Other { reason },
    }
}

/// The run that a page's address asks for; `None` on a page that has no preset.
pub fn run_config(state: &PageState) -> Option<RunConfig> {
    let run = &state.hyperparameters;
    let optimizer = run.optimizer.map(|optimizer| optimizer.name());
    Some(RunConfig {
        preset: state.route.preset()?.to_string(),
        device: DevicePreference::from_name(state.device.name()).unwrap_or_default(),
        seed: state.seed.unwrap_or(DEFAULT_SEED),
        batch: run.batch,
        learning_rate: run.learning_rate,
        optimizer: optimizer.and_then(OptimizerKind::from_name),
        momentum: run.momentum,
        options: run.options,
        epochs: run.epochs,
        steps: run.steps,
        resumed_step: 0,
    })
}

#[cfg(test)]
#[path = "run_state_tests.rs"]
mod tests;
