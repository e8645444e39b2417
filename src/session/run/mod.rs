//! A run: one model, its data and how far its training has come.

mod checkpoint;
mod evaluate;
mod evaluator;
mod forecast;
mod generate;
mod race;
mod train;

use super::generator::TextGenerator;
use super::inspect::Inspector;
use super::start::check_learning_rate;
use super::*;
use crate::data::{BatchSchedule, SampleSet};
use crate::exec::Executor;
use crate::exec::gpu::GpuDevice;
use crate::graph::ValueId;
use crate::layers::{Model, ModelSpec};
use crate::models::Preset;
use crate::optim::Schedule;
use crate::platform::now_millis;
use crate::tensor::Values;
use std::collections::VecDeque;
use std::ops::Range;

/// A submit should take about this long: long enough to hide its overhead, short
/// enough that the page's own drawing gets its turn.
const SUBMIT_MILLIS: Range<f64> = 15.0..45.0;

/// Submits under way while the host prepares the next.
const SUBMITS_IN_FLIGHT: usize = 2;

/// Steps between two evaluations while playing, unless asked otherwise.
const EVALUATION_INTERVAL: u32 = 50;

/// Steps after which everything that is made lazily has been made.
const WARM_UP_STEPS: u64 = 2;

/// Samples per second are taken over this long.
const RATE_WINDOW_MILLIS: f64 = 1_500.0;

pub(super) type Emit = Box<dyn FnMut(Event)>;

/// What a run is made of.
pub(super) struct RunParts {
    pub id: RunId,
    pub preset: &'static Preset,
    /// Another layer list than the preset's.
    pub spec: Option<ModelSpec>,
    pub config: ResolvedConfig,
    pub model: Model,
    pub executor: Executor,
    pub gpu: Option<GpuDevice>,
    pub samples: Option<Arc<SampleSet>>,
    pub schedule: BatchSchedule,
    /// Memory that no plan of this model could do without.
    pub needed_bytes: u64,
}

/// Steps sent to the GPU whose losses have not come back.
struct Submit {
    steps: Vec<PlannedStep>,
    sent_at: f64,
}

/// One training step, as it was sent.
#[derive(Clone, Copy)]
struct PlannedStep {
    /// Counted from 0.
    step: u64,
    valid: u32,
    /// Predictions that are right or wrong.
    judged: usize,
    learning_rate: f32,
}

/// What can be gone back to when training breaks: host copies.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub step: u64,
    /// `None`: the initial ones, which are drawn again when they are asked for.
    parameters: Option<Arc<Vec<Values>>>,
    pub states: Arc<Vec<Values>>,
    /// What forward operations gather, in the graph's order.
    pub buffers: Arc<Vec<Values>>,
}

impl Snapshot {
    /// Before any step: what is absent starts as 0, buffers as they say.
    fn initial() -> Self {
        Self {
            step: 0,
            parameters: None,
            states: Arc::default(),
            buffers: Arc::default(),
        }
    }

    /// Given values: of the parameters, the optimizer's states and the buffers.
    fn kept(step: u64, parameters: Vec<Values>, states: Vec<Values>, buffers: Vec<Values>) -> Self {
        Self {
            step,
            parameters: Some(Arc::new(parameters)),
            states: Arc::new(states),
            buffers: Arc::new(buffers),
        }
    }

    /// What an executor of the model holds after `step` steps.
    ///
    /// # Errors
    /// When the GPU is lost or out of memory.
    pub async fn read(model: &Model, executor: &Executor, step: u64) -> Result<Self, SessionError> {
        let mut values: Vec<ValueId> = model.parameters.iter().map(|p| p.value).collect();
        let parameters = values.len();
        values.extend(
            model
                .graph
                .optimizer_states()
                .iter()
                .map(|(_, state)| *state),
        );
        let states = values.len() - parameters;
        values.extend(model.graph.buffers());
        let mut read = executor.read_many(&values).await?;
        let mut states_and_buffers = read.split_off(parameters);
        let buffers = states_and_buffers.split_off(states);
        Ok(Self::kept(step, read, states_and_buffers, buffers))
    }

    /// The parameters of a run, one after the other.
    pub fn parameters<'a>(
        &'a self,
        preset: &'a Preset,
        config: &'a ResolvedConfig,
        model: &'a Model,
    ) -> Box<dyn Iterator<Item = Values> + 'a> {
        match &self.parameters {
            Some(kept) => Box::new(kept.iter().cloned()),
            None => {
                let initializer = start::initializer(&config.options);
                let initial = start::initial_values(preset, model, config.seed, initializer);
                Box::new(initial)
            }
        }
    }

    /// Writes everything; absent states become 0, absent buffers what they are at first.
    pub fn write(
        &self,
        preset: &Preset,
        config: &ResolvedConfig,
        model: &Model,
        executor: &mut Executor,
    ) {
        let graph = &model.graph;
        let values = self.parameters(preset, config, model);
        for (parameter, values) in model.parameters.iter().zip(values) {
            executor.write(parameter.value, &values);
        }
        for (number, (_, state)) in graph.optimizer_states().into_iter().enumerate() {
            match self.states.get(number) {
                Some(values) => executor.write(state, values),
                None => executor.write_zeros(state),
            }
        }
        for (number, buffer) in graph.buffers().into_iter().enumerate() {
            match self.buffers.get(number) {
                Some(values) => executor.write(buffer, values),
                None => executor.write(buffer, &graph.initial_buffer(buffer)),
            }
        }
    }

    /// Whether training can go on from here.
    fn is_finite(&self) -> bool {
        // Initial values are finite.
        let parameters = self.parameters.iter().flat_map(|kept| kept.iter());
        let all = parameters.chain(self.states.iter());
        let mut all = all.chain(self.buffers.iter());
        all.all(|values| reals(values).iter().all(|value| value.is_finite()))
    }
}

/// The snapshot that did best on the held-out samples.
struct Best {
    snapshot: Snapshot,
    facts: BestFacts,
}

pub(super) struct Run {
    pub id: RunId,
    pub(super) preset: &'static Preset,
    spec: Option<ModelSpec>,
    pub(super) config: ResolvedConfig,
    pub(super) model: Model,
    pub(super) executor: Executor,
    /// The device of a GPU executor.
    pub(super) gpu: Option<GpuDevice>,
    pub(super) samples: Option<Arc<SampleSet>>,
    pub(super) schedule: BatchSchedule,
    /// Memory that no plan of this model could do without.
    needed_bytes: u64,
    status: RunStatus,
    /// Where to pause; `None` plays on.
    pause_at: Option<u64>,
    /// Steps sent and steps whose losses are known.
    sent: u64,
    done: u64,
    submits: VecDeque<Submit>,
    steps_per_submit: usize,
    /// CPU: the next group of the step under way.
    cpu_group: usize,
    cpu_step_millis: f64,
    evaluation_interval: u32,
    evaluated_at: Option<u64>,
    evaluating: Option<evaluate::Evaluating>,
    /// Made when it is first needed; nothing inside where training's own plan serves as well.
    evaluator: Option<Option<Box<evaluator::Evaluator>>>,
    /// The schedule of the learning rate.
    rates: Schedule,
    watched: Vec<u32>,
    /// Length of the free runs that are watched.
    watched_free_run: u32,
    forecasting: Option<forecast::Forecasting>,
    /// The class that the last evaluation took each held-out sample for.
    judged: Vec<u32>,
    image: Option<Vec<u8>>,
    /// What is continued after every evaluation.
    text_request: Option<GenerateRequest>,
    generating: Option<generate::Generating>,
    /// Whether weights have been measured since the text under way began.
    is_rewriting_due: bool,
    /// Between two texts.
    idle_generator: Option<TextGenerator>,
    /// The last one without an infinite or NaN value.
    pub(super) snapshot: Snapshot,
    best: Option<Best>,
    /// The step from which early stopping counts its patience, if later than the best one.
    patient_from: u64,
    /// Stepping through a batch; training waits while it is there.
    pub(super) inspector: Option<Inspector>,
    /// The step at which the microscope takes over again.
    pub(super) reenter_at: Option<u64>,
    rate: VecDeque<(f64, u32)>,
    last_collect: f64,
    training_dispatches: u64,
    training_submits: u64,
    /// Time of the host to encode them.
    encode_nanos: u64,
    /// Steps that those took; goes on through resets and loads.
    training_steps: u64,
    warm_up_allocations: Option<u64>,
}

fn reals(values: &Values) -> &[f32] {
    match values {
        Values::F32(values) => values,
        _ => unreachable!("losses and probabilities are f32"),
    }
}

impl Run {
    pub fn new(parts: RunParts) -> Self {
        let snapshot = Snapshot::initial();
        let rates = parts.config.schedule();
        let mut run = Self {
            id: parts.id,
            preset: parts.preset,
            spec: parts.spec,
            config: parts.config,
            model: parts.model,
            executor: parts.executor,
            gpu: parts.gpu,
            samples: parts.samples,
            schedule: parts.schedule,
            needed_bytes: parts.needed_bytes,
            status: RunStatus::Paused,
            pause_at: None,
            sent: 0,
            done: 0,
            submits: VecDeque::new(),
            steps_per_submit: 1,
            cpu_group: 0,
            cpu_step_millis: 0.0,
            evaluation_interval: EVALUATION_INTERVAL,
            evaluated_at: None,
            evaluating: None,
            evaluator: None,
            rates,
            watched: Vec::new(),
            watched_free_run: 0,
            forecasting: None,
            judged: Vec::new(),
            image: None,
            text_request: None,
            generating: None,
            is_rewriting_due: false,
            idle_generator: None,
            snapshot,
            best: None,
            patient_from: 0,
            inspector: None,
            reenter_at: None,
            rate: VecDeque::new(),
            last_collect: 0.0,
            training_dispatches: 0,
            training_submits: 0,
            encode_nanos: 0,
            training_steps: 0,
            warm_up_allocations: None,
        };
        run.restore_initial();
        run
    }

    pub(super) fn parameter_values(&self) -> Vec<ValueId> {
        self.model
            .parameters
            .iter()
            .map(|parameter| parameter.value)
            .collect()
    }

    pub(super) fn states(&self) -> Vec<(String, ValueId)> {
        self.model.graph.optimizer_states()
    }

    /// Initial weights and buffers, zero states, step 0.
    fn restore_initial(&mut self) {
        self.restore(Snapshot::initial());
        self.best = None;
        self.patient_from = 0;
    }

    /// Everything that a snapshot holds, and its step.
    pub(super) fn restore(&mut self, snapshot: Snapshot) {
        snapshot.write(self.preset, &self.config, &self.model, &mut self.executor);
        self.sent = snapshot.step;
        self.done = snapshot.step;
        self.cpu_group = 0;
        self.inspector = None;
        self.reenter_at = None;
        self.evaluating = None;
        self.generating = None;
        self.forecasting = None;
        self.evaluated_at = None;
        self.judged.clear();
        self.rate.clear();
        if snapshot.is_finite() {
            self.snapshot = snapshot;
        }
    }

    /// Ends training after an error. What is still under way is waited for and
    /// thrown away, so that its losses are not taken for those of a later step.
    pub async fn stop(&mut self) {
        self.status = RunStatus::Stopped;
        self.evaluating = None;
        self.generating = None;
        self.forecasting = None;
        while let Ok(Some(_)) = self.collect().await {}
        self.submits.clear();
    }

    pub(super) fn set_status(&mut self, status: RunStatus, emit: &mut Emit) {
        self.status = status;
        emit(Event::Status {
            run: self.id,
            status,
        });
    }

    /// Carries out a command about this run.
    pub async fn carry_out(
        &mut self,
        command: Command,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        let is_training = !matches!(
            command,
            Command::Inspect { .. }
                | Command::SetLearningRate { .. }
                | Command::ShowCell { .. }
                | Command::SetEvaluationInterval { .. }
        );
        if is_training && self.inspector.is_some() {
            // Training takes its weights back; the batch that was begun is finished first.
            self.leave(emit).await?;
        }
        match command {
            Command::Play { .. } => {
                self.refuse_if_stopped()?;
                self.pause_at = None;
                self.reenter_at = None;
                self.set_status(RunStatus::Playing, emit);
            }
            Command::StepBatches { count, .. } => {
                self.refuse_if_stopped()?;
                self.drain(emit).await?;
                self.pause_at = Some(self.done + u64::from(count));
                self.set_status(RunStatus::Playing, emit);
            }
            Command::Pause { .. } => {
                self.drain(emit).await?;
                self.reenter_at = None;
                if self.status == RunStatus::Playing {
                    self.set_status(RunStatus::Paused, emit);
                }
            }
            Command::Reset { .. } => {
                // What is still under way is thrown away with the run's progress.
                while self.collect().await?.is_some() {}
                self.restore_initial();
                self.report_kept(emit);
                emit(Event::ResetDone { run: self.id });
                self.set_status(RunStatus::Paused, emit);
                self.predict_image(emit).await?;
                self.rewrite_text().await?;
            }
            Command::SetLearningRate { learning_rate, .. } => {
                self.config.learning_rate = check_learning_rate(learning_rate)?;
            }
            Command::SetEvaluationInterval { steps, .. } => self.evaluation_interval = steps,
            Command::Evaluate { .. } => {
                self.refuse_if_stopped()?;
                self.drain(emit).await?;
                self.begin_evaluation();
            }
            Command::WatchSamples { count, .. } => {
                self.watch(count, emit)?;
                self.refuse_if_stopped()?;
                self.drain(emit).await?;
                self.begin_evaluation();
            }
            Command::WatchForecast { free_run, .. } => {
                self.watch_forecast(free_run)?;
                self.refuse_if_stopped()?;
                self.drain(emit).await?;
                self.begin_evaluation();
            }
            Command::ShowCell {
                actual,
                predicted,
                most,
                ..
            } => self.show_cell(actual, predicted, most, emit)?,
            Command::Predict { pixels, .. } => {
                self.set_image(pixels)?;
                self.predict_image(emit).await?;
            }
            Command::Generate { request, .. } => self.request_text(request, emit).await?,
            Command::ShowAttention { text, .. } => self.show_attention(text, emit).await?,
            Command::Save { .. } => {
                self.refuse_if_stopped()?;
                self.drain(emit).await?;
                let bytes = self.checkpoint().await?.to_bytes()?;
                emit(Event::Saved {
                    run: self.id,
                    bytes,
                });
            }
            Command::SaveKept { which, .. } => {
                let bytes = self.checkpoint_of(&self.kept(which)?).to_bytes()?;
                emit(Event::Saved {
                    run: self.id,
                    bytes,
                });
            }
            Command::GoBack { to, .. } => self.go_back(to, emit).await?,
            Command::Load { bytes, .. } => {
                self.load(&bytes, emit).await?;
            }
            Command::Inspect { inspection, .. } => self.inspect(inspection, emit).await?,
            Command::Hello { .. }
            | Command::ProvideFile { .. }
            | Command::ProvideTable { .. }
            | Command::ProvideSeries { .. }
            | Command::ProvideText { .. }
            | Command::Start { .. }
            | Command::Race { .. }
            | Command::Ping { .. } => unreachable!("the session itself answers these"),
        }
        Ok(())
    }

    pub(super) fn refuse_if_stopped(&self) -> Result<(), SessionError> {
        match self.status {
            RunStatus::Stopped => Err(SessionError::Stopped),
            _ => Ok(()),
        }
    }

    /// Works for about `budget_millis`; whether there is more to do.
    pub async fn advance(
        &mut self,
        budget_millis: f64,
        emit: &mut Emit,
    ) -> Result<bool, SessionError> {
        let deadline = now_millis() + budget_millis;
        self.advance_text(deadline, emit).await?;
        if self.evaluating.is_some() {
            self.advance_evaluation(deadline, emit).await?;
            return Ok(self.has_work());
        }
        if self.forecasting.is_some() {
            self.advance_forecast(deadline, emit).await?;
            return Ok(self.has_work());
        }
        if self.status != RunStatus::Playing {
            return Ok(self.has_work());
        }
        match &self.executor {
            Executor::Cpu(_) => self.advance_cpu(deadline, emit)?,
            Executor::Gpu(_) => self.advance_gpu(deadline, emit).await?,
        }
        if self.submits.is_empty() && self.cpu_group == 0 {
            self.arrive(emit).await?;
        }
        Ok(self.has_work())
    }

    /// Steps done.
    pub(super) fn done(&self) -> u64 {
        self.done
    }

    /// Stops playing, for the microscope.
    pub(super) fn pause_here(&mut self, emit: &mut Emit) {
        self.pause_at = None;
        if self.status == RunStatus::Playing {
            self.set_status(RunStatus::Paused, emit);
        }
    }

    /// Trains until `step` and then gives the microscope the run again.
    pub(super) fn play_until(&mut self, step: u64, emit: &mut Emit) {
        self.pause_at = Some(step);
        self.reenter_at = Some(step);
        self.set_status(RunStatus::Playing, emit);
    }

    fn has_work(&self) -> bool {
        self.status == RunStatus::Playing
            || self.evaluating.is_some()
            || self.forecasting.is_some()
            || self.generating.is_some()
    }

    /// The next step at which training has to halt for an evaluation or a pause.
    fn boundary(&self) -> u64 {
        let next_multiple = |step: u64, of: u64| (step / of + 1) * of;
        // Without held-out samples there is nothing to halt for, and an epoch may be one step:
        // halting at each would send an event for each.
        let mut boundary = match self.samples {
            Some(_) => next_multiple(self.done, u64::from(self.config.steps_per_epoch.max(1))),
            None => u64::MAX,
        };
        if self.samples.is_some() && self.evaluation_interval > 0 {
            boundary = boundary.min(next_multiple(
                self.done,
                u64::from(self.evaluation_interval),
            ));
        }
        self.pause_at
            .map_or(boundary, |pause| boundary.min(pause.max(self.done)))
    }

    /// Everything sent has come back: evaluates and pauses where due.
    async fn arrive(&mut self, emit: &mut Emit) -> Result<(), SessionError> {
        let pause = self.pause_at.is_some_and(|pause| self.done >= pause);
        if pause {
            self.pause_at = None;
            self.set_status(RunStatus::Paused, emit);
        }
        let of_epoch = self
            .done
            .is_multiple_of(u64::from(self.config.steps_per_epoch.max(1)));
        let interval = u64::from(self.evaluation_interval);
        let due = of_epoch || (interval > 0 && self.done.is_multiple_of(interval));
        if self.done > 0 && due && self.evaluated_at != Some(self.done) {
            self.take_snapshot().await?;
            self.report_kept(emit);
            self.begin_evaluation();
        }
        if self.reenter_at.is_some_and(|step| self.done >= step) {
            self.reenter(emit).await?;
        }
        Ok(())
    }
}
