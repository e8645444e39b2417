//! A run: one model, its data and how far its training has come.

use super::inspect::Inspector;
use super::start::check_learning_rate;
use super::*;
use crate::data::BatchSchedule;
use crate::exec::cpu::CpuExecutor;
use crate::exec::gpu::{GpuDevice, MAX_STEPS_PER_SUBMIT};
use crate::exec::{Executor, Mode, Plan};
use crate::export::{Checkpoint, NamedTensor, RunFacts};
use crate::graph::{Phase, ValueId};
use crate::layers::Model;
use crate::models::Preset;
use crate::ops::{AdamUpdate, StepValues};
use crate::platform::now_millis;
use crate::tensor::{Shape, Values};
use crate::train::Tally;
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
    pub config: ResolvedConfig,
    pub model: Model,
    pub executor: Executor,
    pub gpu: Option<GpuDevice>,
    pub dataset: Option<Arc<Dataset>>,
    pub schedule: BatchSchedule,
    /// In the order of the model's parameters.
    pub initial: Vec<Values>,
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
    learning_rate: f32,
}

/// An evaluation under way.
struct Evaluating {
    step: u64,
    next: u32,
    tally: Tally,
    probabilities: Vec<f32>,
}

/// What can be gone back to when training breaks: host copies.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub step: u64,
    pub parameters: Vec<Values>,
    pub states: Vec<Values>,
}

pub(super) struct Run {
    pub id: RunId,
    pub(super) preset: &'static Preset,
    pub(super) config: ResolvedConfig,
    pub(super) model: Model,
    pub(super) executor: Executor,
    /// The device of a GPU executor.
    pub(super) gpu: Option<GpuDevice>,
    pub(super) dataset: Option<Arc<Dataset>>,
    pub(super) schedule: BatchSchedule,
    initial: Vec<Values>,
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
    evaluating: Option<Evaluating>,
    watched: Vec<u32>,
    image: Option<Vec<u8>>,
    pub(super) snapshot: Snapshot,
    /// Stepping through a batch; training waits while it is there.
    pub(super) inspector: Option<Inspector>,
    /// The step at which the microscope takes over again.
    pub(super) reenter_at: Option<u64>,
    rate: VecDeque<(f64, u32)>,
    last_collect: f64,
    training_dispatches: u64,
    training_submits: u64,
    /// Steps that those took; goes on through resets and loads.
    training_steps: u64,
    warm_up_allocations: Option<u64>,
}

/// One row per parameter of an arena-shaped state.
fn part(values: &Values, range: Range<usize>) -> Vec<f32> {
    match values {
        Values::F32(values) => values[range].to_vec(),
        _ => unreachable!("parameters and states are f32"),
    }
}

fn reals(values: &Values) -> &[f32] {
    match values {
        Values::F32(values) => values,
        _ => unreachable!("losses and probabilities are f32"),
    }
}

impl Run {
    pub fn new(parts: RunParts) -> Self {
        let snapshot = Snapshot {
            step: 0,
            parameters: parts.initial.clone(),
            states: Vec::new(),
        };
        let mut run = Self {
            id: parts.id,
            preset: parts.preset,
            config: parts.config,
            model: parts.model,
            executor: parts.executor,
            gpu: parts.gpu,
            dataset: parts.dataset,
            schedule: parts.schedule,
            initial: parts.initial,
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
            watched: Vec::new(),
            image: None,
            snapshot,
            inspector: None,
            reenter_at: None,
            rate: VecDeque::new(),
            last_collect: 0.0,
            training_dispatches: 0,
            training_submits: 0,
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

    /// Initial weights, zero states, step 0.
    fn restore_initial(&mut self) {
        let initial = Snapshot {
            step: 0,
            parameters: self.initial.clone(),
            states: Vec::new(),
        };
        self.restore(initial);
    }

    /// Parameters, states and step of a snapshot; absent states become 0.
    pub(super) fn restore(&mut self, snapshot: Snapshot) {
        for (value, values) in self
            .parameter_values()
            .into_iter()
            .zip(&snapshot.parameters)
        {
            self.executor.write(value, values);
        }
        for (number, (_, state)) in self.states().into_iter().enumerate() {
            let zeros = || Values::F32(vec![0.0; self.model.graph.value(state).shape.count()]);
            let values = snapshot.states.get(number).cloned().unwrap_or_else(zeros);
            self.executor.write(state, &values);
        }
        self.sent = snapshot.step;
        self.done = snapshot.step;
        self.cpu_group = 0;
        self.inspector = None;
        self.reenter_at = None;
        self.evaluating = None;
        self.evaluated_at = None;
        self.rate.clear();
        self.snapshot = snapshot;
    }

    /// Ends training after an error. What is still under way is waited for and
    /// thrown away, so that its losses are not taken for those of a later step.
    pub async fn stop(&mut self) {
        self.status = RunStatus::Stopped;
        self.evaluating = None;
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
                emit(Event::ResetDone { run: self.id });
                self.set_status(RunStatus::Paused, emit);
                self.predict_image(emit).await?;
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
            Command::Predict { pixels, .. } => {
                self.set_image(pixels)?;
                self.predict_image(emit).await?;
            }
            Command::Save { .. } => {
                self.refuse_if_stopped()?;
                self.drain(emit).await?;
                let bytes = self.checkpoint().await?.to_bytes()?;
                emit(Event::Saved {
                    run: self.id,
                    bytes,
                });
            }
            Command::Load { bytes, .. } => {
                self.load(&bytes, emit).await?;
            }
            Command::Inspect { inspection, .. } => self.inspect(inspection, emit).await?,
            Command::Hello { .. }
            | Command::ProvideFile { .. }
            | Command::Start { .. }
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
        if self.evaluating.is_some() {
            self.advance_evaluation(deadline, emit).await?;
            return Ok(self.has_work());
        }
        if self.status != RunStatus::Playing {
            return Ok(false);
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
        self.status == RunStatus::Playing || self.evaluating.is_some()
    }

    /// The next step at which training has to halt for an evaluation or a pause.
    fn boundary(&self) -> u64 {
        let next_multiple = |step: u64, of: u64| (step / of + 1) * of;
        // Without held-out samples there is nothing to halt for, and an epoch may be one step:
        // halting at each would send an event for each.
        let mut boundary = match self.dataset {
            Some(_) => next_multiple(self.done, u64::from(self.config.steps_per_epoch.max(1))),
            None => u64::MAX,
        };
        if self.dataset.is_some() && self.evaluation_interval > 0 {
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
            self.begin_evaluation();
        }
        if self.reenter_at.is_some_and(|step| self.done >= step) {
            self.reenter(emit).await?;
        }
        Ok(())
    }

    /// The values of step number `step` (from 0), in place `place` of its submit.
    pub(super) fn step_values(&self, step: u64, place: usize, valid: u32) -> StepValues {
        let [bias_correction_1, bias_correction_2] =
            AdamUpdate::default().bias_corrections(step + 1);
        StepValues {
            step: step as u32,
            valid,
            first: place as u32 * self.config.batch,
            slot: step as u32,
            learning_rate: self.config.learning_rate,
            bias_correction_1,
            bias_correction_2,
            padding: 0,
        }
    }

    /// Plans `count` steps: their values, and the order of their samples.
    fn plan_steps(&mut self, count: usize) -> (Vec<StepValues>, Vec<PlannedStep>) {
        let mut order = Vec::with_capacity(count * self.config.batch as usize);
        let mut values = Vec::with_capacity(count);
        let mut planned = Vec::with_capacity(count);
        for place in 0..count {
            let step = self.sent + place as u64;
            let batch = self.schedule.at(step);
            let valid = batch.valid();
            order.extend(batch.padded());
            values.push(self.step_values(step, place, valid));
            planned.push(PlannedStep {
                step,
                valid,
                learning_rate: self.config.learning_rate,
            });
        }
        if let Some(images) = self.model.images {
            self.executor.write(images.order, &Values::U32(order));
        }
        (values, planned)
    }

    fn training_groups(&self) -> Range<usize> {
        self.executor.plan().phases(Phase::Data, Phase::Update)
    }

    fn advance_cpu(&mut self, deadline: f64, emit: &mut Emit) -> Result<(), SessionError> {
        let groups = self.training_groups();
        let mut records = Vec::new();
        let mut failure = None;
        // Taken once: the boundary moves on as soon as it is reached.
        let boundary = self.boundary();
        while self.done < boundary || self.cpu_group > 0 {
            let started = now_millis();
            if self.cpu_group == 0 {
                self.cpu_step_millis = 0.0;
            }
            let (values, planned) = self.plan_steps(1);
            loop {
                let group = groups.start + self.cpu_group;
                self.executor.run(group..group + 1, &values[0]);
                self.cpu_group = (self.cpu_group + 1) % groups.len();
                if self.cpu_group == 0 || now_millis() > deadline {
                    break;
                }
            }
            self.cpu_step_millis += now_millis() - started;
            if self.cpu_group > 0 {
                break;
            }
            self.sent += 1;
            let Executor::Cpu(cpu) = &self.executor else {
                unreachable!("called on the CPU executor")
            };
            let result = (
                cpu.reals(self.model.loss)[0],
                cpu.reals(self.model.correct)[0],
            );
            let millis = self.cpu_step_millis as f32;
            let record = self.record(planned[0], result, millis);
            records.push(record);
            if !record.loss.is_finite() {
                failure = Some(record.step);
                break;
            }
            if now_millis() > deadline {
                break;
            }
        }
        self.report(records, emit);
        match failure {
            Some(step) => Err(self.locate_non_finite(step)),
            None => Ok(()),
        }
    }

    async fn advance_gpu(&mut self, deadline: f64, emit: &mut Emit) -> Result<(), SessionError> {
        // Taken once, as on the CPU.
        let boundary = self.boundary();
        loop {
            while self.submits.len() < SUBMITS_IN_FLIGHT && self.sent < boundary {
                let count = (boundary - self.sent).min(self.steps_per_submit as u64) as usize;
                self.submit(count);
            }
            match self.collect().await? {
                None => return Ok(()),
                Some(records) => self.accept(records, emit)?,
            }
            if now_millis() > deadline {
                return Ok(());
            }
        }
    }

    fn submit(&mut self, count: usize) {
        let (values, steps) = self.plan_steps(count);
        let groups = self.training_groups();
        let Executor::Gpu(gpu) = &mut self.executor else {
            unreachable!("called on the GPU executor")
        };
        let before = gpu.counters();
        gpu.submit_recorded(groups, &values);
        let after = gpu.counters();
        self.training_dispatches += after.dispatches - before.dispatches;
        self.training_submits += after.submits - before.submits;
        self.training_steps += count as u64;
        self.sent += count as u64;
        self.submits.push_back(Submit {
            steps,
            sent_at: now_millis(),
        });
    }

    /// Waits for the oldest submit; `None` when none is under way.
    async fn collect(&mut self) -> Result<Option<Vec<StepRecord>>, SessionError> {
        let Some(submit) = self.submits.pop_front() else {
            return Ok(None);
        };
        let Executor::Gpu(gpu) = &mut self.executor else {
            unreachable!("only the GPU has submits under way")
        };
        let results = gpu.collect().await?;
        let now = now_millis();
        let millis = now - submit.sent_at.max(self.last_collect);
        self.last_collect = now;
        let count = submit.steps.len();
        if millis < SUBMIT_MILLIS.start && count == self.steps_per_submit {
            self.steps_per_submit = (self.steps_per_submit * 2).min(MAX_STEPS_PER_SUBMIT);
        } else if millis > SUBMIT_MILLIS.end {
            self.steps_per_submit = (self.steps_per_submit / 2).max(1);
        }
        let per_step = (millis / count as f64) as f32;
        let records = submit.steps.iter().zip(results);
        Ok(Some(
            records
                .map(|(&step, result)| self.record(step, result, per_step))
                .collect(),
        ))
    }

    /// Reports records up to and with the first non-finite one, which is an error.
    fn accept(
        &mut self,
        mut records: Vec<StepRecord>,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        let broken = records.iter().position(|record| !record.loss.is_finite());
        let step = broken.map(|at| records[at].step);
        records.truncate(broken.map_or(records.len(), |at| at + 1));
        self.report(records, emit);
        match step {
            Some(step) => Err(self.locate_non_finite(step)),
            None => Ok(()),
        }
    }

    /// Waits for everything under way and reports it; a step half done on the CPU is finished.
    pub(super) async fn drain(&mut self, emit: &mut Emit) -> Result<(), SessionError> {
        while let Some(records) = self.collect().await? {
            self.accept(records, emit)?;
        }
        if self.cpu_group > 0 {
            let pause_at = self.pause_at.replace(self.done);
            self.advance_cpu(f64::INFINITY, emit)?;
            self.pause_at = pause_at;
        }
        Ok(())
    }

    fn record(
        &mut self,
        step: PlannedStep,
        (loss, correct): (f32, f32),
        step_millis: f32,
    ) -> StepRecord {
        self.done = step.step + 1;
        self.rate.push_back((now_millis(), step.valid));
        StepRecord {
            step: step.step + 1,
            epoch: (self.done as f64 / f64::from(self.config.steps_per_epoch.max(1))) as f32,
            loss,
            accuracy: correct / step.valid.max(1) as f32,
            learning_rate: step.learning_rate,
            step_millis,
        }
    }

    fn report(&mut self, records: Vec<StepRecord>, emit: &mut Emit) {
        if records.is_empty() {
            return;
        }
        let samples_per_second = self.samples_per_second(&records);
        let figures = self.figures();
        emit(Event::Steps {
            run: self.id,
            records,
            samples_per_second,
            figures,
        });
    }

    /// Samples over the time they took, in the last moments.
    fn samples_per_second(&mut self, records: &[StepRecord]) -> f32 {
        let now = now_millis();
        while self
            .rate
            .front()
            .is_some_and(|&(at, _)| now - at > RATE_WINDOW_MILLIS)
        {
            self.rate.pop_front();
        }
        let samples: u32 = self.rate.iter().map(|&(_, valid)| valid).sum();
        let span = self.rate.front().map_or(0.0, |&(first, _)| now - first);
        // The first record's own duration lies before its time stamp.
        let first_millis = f64::from(records[0].step_millis);
        if span + first_millis <= 0.0 {
            return 0.0;
        }
        (f64::from(samples) / (span + first_millis) * 1e3) as f32
    }

    pub(super) fn figures(&mut self) -> ExecutionFigures {
        match &self.executor {
            Executor::Cpu(cpu) => ExecutionFigures {
                peak_bytes: cpu.bytes(),
                ..ExecutionFigures::default()
            },
            Executor::Gpu(gpu) => {
                let counters = gpu.counters();
                let allocations = counters.allocations();
                if self.training_steps <= WARM_UP_STEPS || self.warm_up_allocations.is_none() {
                    self.warm_up_allocations = Some(allocations);
                }
                let warm_up = self.warm_up_allocations.unwrap_or(allocations);
                let steps = self.training_steps.max(1) as f32;
                ExecutionFigures {
                    dispatches_per_step: self.training_dispatches as f32 / steps,
                    submits_per_step: self.training_submits as f32 / steps,
                    allocations_in_warm_up: warm_up,
                    allocations_after_warm_up: allocations - warm_up,
                    peak_bytes: counters.bytes,
                }
            }
        }
    }

    fn begin_evaluation(&mut self) {
        let Some(dataset) = &self.dataset else {
            return;
        };
        self.evaluating = Some(Evaluating {
            step: self.done,
            next: 0,
            tally: Tally::new(dataset.classes.len()),
            probabilities: Vec::new(),
        });
    }

    async fn advance_evaluation(
        &mut self,
        deadline: f64,
        emit: &mut Emit,
    ) -> Result<(), SessionError> {
        let Some(mut evaluating) = self.evaluating.take() else {
            return Ok(());
        };
        let test_count = self.config.test_count;
        while evaluating.next < test_count {
            self.evaluate_batch(&mut evaluating).await?;
            if now_millis() > deadline && evaluating.next < test_count {
                self.evaluating = Some(evaluating);
                return Ok(());
            }
        }
        let step = evaluating.step;
        self.evaluated_at = Some(step);
        emit(Event::Evaluated {
            run: self.id,
            step,
            evaluation: evaluating.tally.finish(),
        });
        if !self.watched.is_empty() {
            let classes = self
                .model
                .graph
                .value(self.model.probabilities)
                .shape
                .dims()[1];
            let row = |&sample: &u32| {
                let start = sample as usize * classes;
                evaluating.probabilities[start..start + classes]
                    .iter()
                    .copied()
            };
            emit(Event::SamplePredictions {
                run: self.id,
                step,
                probabilities: self.watched.iter().flat_map(row).collect(),
            });
        }
        self.predict_image(emit).await
    }

    /// Runs the forward pass and the loss on the next held-out batch.
    async fn evaluate_batch(&mut self, evaluating: &mut Evaluating) -> Result<(), SessionError> {
        let (Some(dataset), Some(images)) = (self.dataset.clone(), self.model.images) else {
            return Ok(());
        };
        let first = evaluating.next;
        let last = (first + self.config.batch).min(self.config.test_count);
        let behind = self.config.train_count;
        let order: Vec<u32> = (first..last).map(|sample| behind + sample).collect();
        self.executor.write(images.order, &Values::U32(order));
        let groups = self.executor.plan().phases(Phase::Data, Phase::Loss);
        self.executor
            .run(groups, &StepValues::forward(last - first));
        let read = [self.model.probabilities, self.model.loss_of_row];
        let read = self.executor.read_many(&read).await?;
        let (probabilities, losses) = (reals(&read[0]), reals(&read[1]));
        let labels = &dataset.test.labels()[first as usize..last as usize];
        let classes = dataset.classes.len();
        let rows = &probabilities[..labels.len() * classes];
        evaluating.tally.add(rows, &losses[..labels.len()], labels);
        evaluating.probabilities.extend_from_slice(rows);
        evaluating.next = last;
        Ok(())
    }

    fn watch(&mut self, count: u32, emit: &mut Emit) -> Result<(), SessionError> {
        let Some(dataset) = &self.dataset else {
            return Err(SessionError::NoImages {
                preset: self.preset.id,
                what: "watch",
            });
        };
        let test = &dataset.test;
        let count = count.min(test.count());
        // Evenly spaced: the file's halves come from different groups of writers.
        self.watched = (0..count)
            .map(|number| {
                (u64::from(number) * u64::from(test.count()) / u64::from(count.max(1))) as u32
            })
            .collect();
        let shape = test.shape();
        emit(Event::Samples {
            run: self.id,
            shape: vec![
                shape.channels as usize,
                shape.height as usize,
                shape.width as usize,
            ],
            pixels: self
                .watched
                .iter()
                .flat_map(|&sample| test.image(sample).to_vec())
                .collect(),
            labels: self
                .watched
                .iter()
                .map(|&sample| test.labels()[sample as usize])
                .collect(),
        });
        Ok(())
    }

    fn set_image(&mut self, pixels: Vec<u8>) -> Result<(), SessionError> {
        if pixels.is_empty() {
            self.image = None;
            return Ok(());
        }
        let Some(dataset) = &self.dataset else {
            return Err(SessionError::NoImages {
                preset: self.preset.id,
                what: "predict",
            });
        };
        let expected = dataset.train.shape().values();
        if pixels.len() != expected {
            return Err(SessionError::BadImage {
                expected,
                actual: pixels.len(),
            });
        }
        self.image = Some(pixels);
        Ok(())
    }

    /// Predicts the image that was given, if any.
    async fn predict_image(&mut self, emit: &mut Emit) -> Result<(), SessionError> {
        let (Some(pixels), Some(dataset)) = (&self.image, &self.dataset) else {
            return Ok(());
        };
        // A step half done on the CPU would lose its activations.
        if self.cpu_group > 0 {
            return Ok(());
        }
        let channel_size = pixels.len() / dataset.train.shape().channels as usize;
        let normalized = pixels
            .iter()
            .enumerate()
            .map(|(at, &pixel)| dataset.normalization.apply(at / channel_size, pixel))
            .collect();
        self.executor
            .write(self.model.input, &Values::F32(normalized));
        // Before the first batch the classes are unwritten; the loss reads them all.
        let batch = self.config.batch as usize;
        self.executor
            .write(self.model.target, &Values::U32(vec![0; batch]));
        let groups = self.executor.plan().phases(Phase::Forward, Phase::Loss);
        self.executor.run(groups, &StepValues::forward(1));
        let read = self.executor.read_many(&[self.model.probabilities]).await?;
        let classes = dataset.classes.len();
        emit(Event::Prediction {
            run: self.id,
            step: self.done,
            probabilities: reals(&read[0])[..classes].to_vec(),
        });
        Ok(())
    }

    /// Parameters and states as they stand.
    async fn read_state(&self) -> Result<(Vec<Values>, Vec<Values>), SessionError> {
        let parameters = self.parameter_values();
        let mut values = parameters.clone();
        values.extend(self.states().iter().map(|(_, state)| *state));
        let mut read = self.executor.read_many(&values).await?;
        let states = read.split_off(parameters.len());
        Ok((read, states))
    }

    /// Keeps parameters and states as they are now.
    pub async fn take_snapshot(&mut self) -> Result<(), SessionError> {
        let (parameters, states) = self.read_state().await?;
        self.snapshot = Snapshot {
            step: self.done,
            parameters,
            states,
        };
        Ok(())
    }

    /// Names and shapes of the parameters.
    fn named_parameters(&self) -> Vec<(String, Shape)> {
        let values = self.parameter_values().into_iter();
        values
            .map(|value| {
                let value = self.model.graph.value(value);
                (value.name.clone(), value.shape.clone())
            })
            .collect()
    }

    /// Where each parameter lies in the arena that states are parallel to.
    pub(super) fn arena_ranges(&self) -> Vec<Range<usize>> {
        let values = self.parameter_values().into_iter();
        values
            .map(|value| {
                let (_, offset) = self.model.graph.storage(value);
                offset..offset + self.model.graph.value(value).shape.count()
            })
            .collect()
    }

    async fn checkpoint(&self) -> Result<Checkpoint, SessionError> {
        let (parameters, states) = self.read_state().await?;
        let names = self.named_parameters();
        let ranges = self.arena_ranges();
        let mut tensors: Vec<NamedTensor> = names
            .iter()
            .zip(&parameters)
            .map(|((name, shape), values)| NamedTensor {
                name: name.clone(),
                shape: shape.clone(),
                values: reals(values).to_vec(),
            })
            .collect();
        for ((symbol, _), state) in self.states().iter().zip(&states) {
            for ((name, shape), range) in names.iter().zip(&ranges) {
                let values = part(state, range.clone());
                tensors.push(NamedTensor::state(symbol, name, shape.clone(), values));
            }
        }
        Ok(Checkpoint {
            facts: RunFacts {
                preset: self.preset.id.into(),
                optimizer: self.config.optimizer.name().into(),
                step: self.done,
                seed: self.config.seed,
                batch: self.config.batch,
                learning_rate: self.config.learning_rate,
            },
            tensors,
        })
    }

    async fn load(&mut self, bytes: &[u8], emit: &mut Emit) -> Result<(), SessionError> {
        let names = self.named_parameters();
        let states = self.states();
        let symbols: Vec<String> = states.iter().map(|(symbol, _)| symbol.clone()).collect();
        let file = Checkpoint::from_bytes(bytes, self.preset.id, &names, &symbols)?;
        // From here on nothing can fail but the device: the run may change.
        while self.collect().await?.is_some() {}
        let ranges = self.arena_ranges();
        let parameters = names
            .iter()
            .map(|(name, _)| {
                let tensor = file.find(name).expect("from_bytes checked every parameter");
                Values::F32(tensor.values.clone())
            })
            .collect();
        let states = states
            .iter()
            .map(|(symbol, state)| {
                let mut row = vec![0.0; self.model.graph.value(*state).shape.count()];
                for ((name, _), range) in names.iter().zip(&ranges) {
                    if let Some(tensor) = file.find_state(symbol, name) {
                        row[range.clone()].copy_from_slice(&tensor.values);
                    }
                }
                Values::F32(row)
            })
            .collect();
        self.restore(Snapshot {
            step: file.facts.step,
            parameters,
            states,
        });
        emit(Event::Loaded {
            run: self.id,
            step: self.done,
        });
        self.set_status(RunStatus::Paused, emit);
        self.begin_evaluation();
        Ok(())
    }

    /// Names the first operation that produced an infinite or NaN value: goes back
    /// to the last snapshot and replays on the CPU, where every value can be seen.
    fn locate_non_finite(&mut self, step: u64) -> SessionError {
        let graph = Arc::new(self.model.graph.clone());
        let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
        let cpu = CpuExecutor::new(Arc::clone(&graph), Arc::clone(&plan));
        let mut executor = Executor::Cpu(Box::new(cpu));
        super::start::write_data(
            &mut executor,
            &self.model,
            self.preset,
            self.dataset.as_deref(),
        );
        let snapshot = &self.snapshot;
        for (value, values) in self
            .parameter_values()
            .into_iter()
            .zip(&snapshot.parameters)
        {
            executor.write(value, values);
        }
        for ((_, state), values) in self.states().into_iter().zip(&snapshot.states) {
            executor.write(state, values);
        }
        let mut found = None;
        let first = snapshot.step;
        'replay: for replayed in first..step {
            let batch = self.schedule.at(replayed);
            let valid = batch.valid();
            let order: Vec<u32> = batch.padded().collect();
            if let Some(images) = self.model.images {
                executor.write(images.order, &Values::U32(order));
            }
            let values = self.step_values(replayed, 0, valid);
            for group in 0..plan.groups.len() {
                executor.run(group..group + 1, &values);
                let Executor::Cpu(cpu) = &executor else {
                    unreachable!("made as the CPU executor above")
                };
                if let Some(value) = cpu.find_non_finite(group) {
                    let node = graph.node(plan.groups[group].nodes[0]).name.clone();
                    found = Some((replayed + 1, node, graph.value(value).name.clone()));
                    break 'replay;
                }
            }
        }
        let (step, node, tensor) = found.unwrap_or_else(|| {
            (
                step,
                "loss".into(),
                graph.value(self.model.loss).name.clone(),
            )
        });
        SessionError::NonFinite { step, node, tensor }
    }
}
