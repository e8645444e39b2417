//! Mixed precision: training in float32, in float16, and in float16 with float32 master weights and a scaled loss
//! (Micikevicius et al. 2018), side by side from the same weights on the same batches.
//!
//! # Layout
//! - `float16`: rounding, and what becomes of one number.
//! - `mode`: the three ways, and the memory that each takes.
//! - `scaler`: dynamic loss scaling.
//! - `stepper`: training steps of any graph in one of the modes, emulated on the CPU executor.
//! - `device`: the same on a GPU that stores float16.
//! - `trainer`: one of the two, and which of them it is to be.
//! - `timing`: whole steps of all modes on a device, timed in turns.
//! - `gradients`: exponents of gradients, and how many float16 loses.
//! - `kernels`: single kernels with float16 storage, measured against those of float32.
//! - `message`: what is asked and answered.

mod device;
#[cfg(test)]
mod device_tests;
pub mod float16;
mod gradients;
mod kernels;
mod message;
mod mode;
mod scaler;
mod stepper;
#[cfg(test)]
mod tests;
mod timing;
mod trainer;

pub use device::DeviceStepper;
pub use gradients::{BINS, Fates, HIGHEST_EXPONENT, LOWEST_EXPONENT, LayerGradients, exponent};
pub use kernels::{HALF_SHADERS, KernelBench, KernelCase, KernelFigures, KernelReport, Window};
pub use message::*;
pub use mode::{MemoryParts, PrecisionMode};
pub use scaler::{LossScale, SMALLEST_SCALE};
pub use stepper::{StepOutcome, Stepper};

use timing::Timing;
use trainer::Trainer;

use crate::data::{BatchSchedule, DataError, SampleSet};
use crate::exec::gpu::GpuDevice;
use crate::graph::ValueId;
use crate::layers::Model;
use crate::models::{self, Preset, PresetData};
use crate::ops::StepValues;
use crate::optim::{MAX_LEARNING_RATE, Options, Schedule};
use crate::platform::now_millis;
use crate::session::{
    OptimizerChoice, build_model, given_values, initial_parameters, order_values,
};
use crate::tensor::Values;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Steps between two looks at the gradients.
const GRADIENT_INTERVAL: u32 = 20;

/// Passes on what happens.
pub type Emit<'a> = dyn FnMut(Event) + 'a;

/// The instrument: at most one comparison at a time, and kernels that are measured.
#[derive(Default)]
pub struct Precision {
    comparison: Option<Comparison>,
    kernels: Option<KernelBench>,
    /// Kept from one comparison to the next.
    gpu: Option<GpuDevice>,
}

impl Precision {
    /// Carries out a command. `samples` finds what a preset learns from.
    ///
    /// # Errors
    /// When a setting or the data does not fit; the comparison under way goes on.
    pub async fn handle(
        &mut self,
        command: Command,
        samples: &mut dyn FnMut(&Preset) -> Result<Arc<SampleSet>, PrecisionError>,
        emit: &mut Emit<'_>,
    ) -> Result<(), PrecisionError> {
        match command {
            Command::Start { run, mut config } => {
                // Before a device is asked for anything.
                resolve(&mut config)?;
                let place = trainer::choose(&mut self.gpu, config.device).await?;
                let mut comparison = Comparison::new(run, config, samples, place).await?;
                self.stop(emit);
                comparison.announce(emit);
                self.comparison = Some(comparison);
            }
            Command::Stop => self.stop(emit),
            Command::Measure => match KernelBench::begin().await {
                Ok(kernels) => self.kernels = Some(kernels),
                Err(report) => emit(Event::Kernels(report)),
            },
            Command::StopMeasuring => {
                if let Some(kernels) = self.kernels.take() {
                    emit(Event::Kernels(KernelReport {
                        is_stopped: true,
                        ..kernels.report()
                    }));
                }
            }
        }
        Ok(())
    }

    fn stop(&mut self, emit: &mut Emit<'_>) {
        if let Some(comparison) = self.comparison.take() {
            emit(Event::Done {
                run: comparison.run,
                is_complete: false,
            });
        }
    }

    /// Works for about `budget_millis`, at least one step of one mode, or one submit of a kernel; whether there is more
    /// to do.
    ///
    /// # Errors
    /// When the device of a comparison is lost; the comparison has ended.
    pub async fn advance(
        &mut self,
        budget_millis: f64,
        emit: &mut Emit<'_>,
    ) -> Result<bool, PrecisionError> {
        let deadline = now_millis() + budget_millis;
        // First the kernels, which are done in a few seconds: nothing else is to run beside what is timed.
        while let Some(kernels) = &mut self.kernels {
            if !kernels.piece().await
                && let Some(kernels) = self.kernels.take()
            {
                emit(Event::Kernels(kernels.report()));
            }
            if now_millis() > deadline {
                return Ok(self.kernels.is_some() || self.comparison.is_some());
            }
        }
        let Some(comparison) = &mut self.comparison else {
            return Ok(false);
        };
        let has_more = comparison.advance(deadline, emit).await;
        if !matches!(has_more, Ok(true)) {
            emit(Event::Done {
                run: comparison.run,
                is_complete: has_more.is_ok(),
            });
            self.comparison = None;
        }
        has_more
    }
}

/// One mode of a comparison.
struct Lane {
    mode: PrecisionMode,
    trainer: Trainer,
    /// Not told yet.
    records: Vec<StepRecord>,
    steps: u32,
    skipped: u32,
    has_diverged: bool,
    /// Held-out samples judged, and how many of them rightly.
    judged: u32,
    right: f32,
}

struct Comparison {
    run: u32,
    config: PrecisionConfig,
    preset: &'static Preset,
    samples: Arc<SampleSet>,
    model: Model,
    order: BatchSchedule,
    rates: Schedule,
    learning_rate: f32,
    batch: u32,
    place: Place,
    lanes: Vec<Lane>,
    /// Where the lanes are on a device: float32 on the CPU, to look at gradients.
    looker: Option<Box<Stepper>>,
    /// Under way once all lanes have been measured on a device.
    timing: Option<Timing>,
    /// The lane whose turn it is.
    turn: usize,
    /// Steps before which the gradients were looked at last.
    looked_at: Option<u32>,
}

impl PrecisionConfig {
    /// The same with the preset's defaults filled in.
    ///
    /// # Errors
    /// All settings that cannot be used.
    pub fn resolved(mut self) -> Result<Self, Vec<PrecisionError>> {
        fill_in(&mut self)?;
        Ok(self)
    }
}

/// What a preset learns from, out of the files that were given.
///
/// # Errors
/// When a file is missing or cannot be read.
pub fn samples_of(
    preset: &Preset,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<Arc<SampleSet>, PrecisionError> {
    let engine = |error: DataError| PrecisionError::Engine {
        message: error.to_string(),
    };
    let samples = match preset.data {
        PresetData::Images { source, subset, .. } => {
            let whole = source.assemble(files).map_err(engine)?;
            SampleSet::Images(whole.choose(subset))
        }
        PresetData::Toy(source) => SampleSet::Table(source.draw().map_err(engine)?),
        _ => return Err(PrecisionError::setting(Setting::Preset, preset.id)),
    };
    Ok(Arc::new(samples))
}

/// Files below `assets/data/` that a command needs.
pub fn needed_files(command: &Command) -> Vec<&'static str> {
    let Command::Start { config, .. } = command else {
        return Vec::new();
    };
    match models::find(&config.preset).map(|preset| preset.data) {
        Some(PresetData::Images { source, .. }) => {
            source.page_files().iter().map(|file| file.path).collect()
        }
        _ => Vec::new(),
    }
}

/// Fills in the preset's defaults. All settings that cannot be used, in the order in which they are asked for.
fn fill_in(config: &mut PrecisionConfig) -> Result<&'static Preset, Vec<PrecisionError>> {
    let mut refused = Vec::new();
    let mut check = |fits: bool, setting: Setting, actual: &dyn std::fmt::Display| {
        if !fits {
            refused.push(PrecisionError::setting(setting, actual));
        }
    };
    let known = PRESETS.contains(&config.preset.as_str());
    let preset = models::find(&config.preset).filter(|_| known);
    check(preset.is_some(), Setting::Preset, &config.preset);
    let modes = &config.modes;
    let is_double = |at: usize| modes[..at].contains(&modes[at]);
    let names: Vec<&str> = modes.iter().map(|mode| mode.name()).collect();
    check(
        !modes.is_empty() && !(0..modes.len()).any(is_double),
        Setting::Modes,
        &format!("\"{}\"", names.join(",")),
    );
    if let Some(preset) = preset {
        config.optimizer.get_or_insert(preset.defaults.optimizer);
        config
            .learning_rate
            .get_or_insert(preset.defaults.learning_rate);
        config.batch.get_or_insert(preset.defaults.batch);
    }
    if let Some(rate) = config.learning_rate {
        let fits = rate.is_finite() && rate > 0.0 && rate <= MAX_LEARNING_RATE;
        check(fits, Setting::LearningRate, &rate);
    }
    if let Some(batch) = config.batch {
        check((1..=MAX_BATCH).contains(&batch), Setting::Batch, &batch);
    }
    let PrecisionConfig {
        steps,
        scale,
        growth_interval,
        ..
    } = config;
    check((1..=MAX_STEPS).contains(steps), Setting::Steps, steps);
    let scales = SMALLEST_SCALE..=LARGEST_SCALE;
    check(scales.contains(scale), Setting::Scale, scale);
    let intervals = 1..=MAX_GROWTH_INTERVAL;
    let fits = intervals.contains(growth_interval);
    check(fits, Setting::GrowthInterval, growth_interval);
    match preset {
        Some(preset) if refused.is_empty() => Ok(preset),
        _ => Err(refused),
    }
}

/// As [`fill_in`]; the first setting that cannot be used.
fn resolve(config: &mut PrecisionConfig) -> Result<&'static Preset, PrecisionError> {
    fill_in(config).map_err(|mut refused| refused.swap_remove(0))
}

impl Comparison {
    async fn new(
        run: u32,
        mut config: PrecisionConfig,
        samples: &mut dyn FnMut(&Preset) -> Result<Arc<SampleSet>, PrecisionError>,
        (gpu, place): (Option<GpuDevice>, Place),
    ) -> Result<Self, PrecisionError> {
        let preset = resolve(&mut config)?;
        let engine = |error: &dyn std::fmt::Display| PrecisionError::Engine {
            message: error.to_string(),
        };
        let samples = samples(preset)?;
        let defaults = preset.defaults;
        let kind = config.optimizer.unwrap_or(defaults.optimizer);
        let options = Options::NONE.resolve(kind, &defaults.options, defaults.optimizer);
        let optimizer = OptimizerChoice {
            kind,
            momentum: defaults.momentum,
            options,
        };
        let batch = config.batch.unwrap_or(defaults.batch);
        let model = build_model(preset, Some(&*samples), batch, optimizer)
            .map_err(|error| engine(&error))?;
        let order = BatchSchedule::shuffled(config.seed, samples.train_count(), batch)
            .map_err(|error| engine(&error))?;
        let rates = Schedule::new(
            &options,
            order.steps_per_epoch().into(),
            config.steps.into(),
        );
        let mut comparison = Self {
            run,
            preset,
            samples,
            order,
            rates,
            learning_rate: config.learning_rate.unwrap_or(defaults.learning_rate),
            batch,
            place,
            lanes: Vec::new(),
            looker: None,
            timing: None,
            turn: 0,
            looked_at: None,
            model,
            config,
        };
        comparison.add_lanes(gpu.as_ref()).await?;
        Ok(comparison)
    }

    async fn add_lanes(&mut self, gpu: Option<&GpuDevice>) -> Result<(), PrecisionError> {
        let (graph, loss) = (Arc::new(self.model.graph.clone()), self.model.loss);
        let scale = LossScale::new(self.config.scale, self.config.growth_interval);
        let emulated = |mode| Box::new(Stepper::new(Arc::clone(&graph), loss, mode, scale));
        let keep: Vec<ValueId> = self.model.correct.into_iter().collect();
        for &mode in &self.config.modes {
            let trainer = match gpu {
                None => Trainer::Emulated(emulated(mode)),
                Some(gpu) => {
                    let stepper = DeviceStepper::new(gpu, &graph, loss, &keep, mode, scale);
                    Trainer::Device(Box::new(stepper.await?))
                }
            };
            self.lanes.push(Lane {
                mode,
                trainer,
                records: Vec::new(),
                steps: 0,
                skipped: 0,
                has_diverged: false,
                judged: 0,
                right: 0.0,
            });
        }
        if gpu.is_some() {
            self.looker = Some(emulated(PrecisionMode::Float32));
        }
        for (value, values) in given_values(&self.model, self.preset, Some(&self.samples)) {
            for lane in &mut self.lanes {
                lane.trainer.write(value, &values);
            }
            if let Some(looker) = &mut self.looker {
                looker.give(value, values);
            }
        }
        self.write_initial();
        Ok(())
    }

    fn write_initial(&mut self) {
        let initial = initial_parameters(self.preset, &self.model, self.config.seed);
        for (parameter, values) in self.model.parameters.iter().zip(&initial) {
            if let Values::F32(values) = values {
                for lane in &mut self.lanes {
                    lane.trainer.write_parameter(parameter.value, values);
                }
            }
        }
    }

    fn announce(&mut self, emit: &mut Emit<'_>) {
        let graph = &self.model.graph;
        let lanes = self.lanes.iter_mut();
        let memory = lanes.map(|lane| match lane.trainer.device() {
            Some(stepper) => stepper.memory(),
            None => MemoryParts::new(graph, lane.mode),
        });
        emit(Event::Started {
            run: self.run,
            config: self.config.clone(),
            parameters: self.model.parameter_count(),
            memory: memory.collect(),
            place: self.place.clone(),
        });
    }

    /// The step after `done` steps; its batch is written into a lane.
    fn prepare(&mut self, lane: usize, done: u32) -> StepValues {
        let step = u64::from(done);
        let batch = self.order.at(step);
        let (epoch, valid) = (batch.epoch, batch.valid());
        let order: Vec<(u64, u32)> = batch.padded().map(|sample| (epoch, sample)).collect();
        self.write_order(lane, &order);
        let rate = self.rates.rate(self.learning_rate.into(), step) as f32;
        StepValues {
            step: done,
            learning_rate: rate,
            ..StepValues::forward(valid).in_training()
        }
    }

    fn write_order(&mut self, lane: usize, order: &[(u64, u32)]) {
        let gathered = self.model.gathered.expect("presets gather their samples");
        for (value, values) in order_values(&gathered, self.preset, self.config.seed, order) {
            self.lanes[lane].trainer.write(value, &values);
            if let Some(looker) = &mut self.looker {
                looker.give(value, values);
            }
        }
    }

    async fn advance(
        &mut self,
        deadline: f64,
        emit: &mut Emit<'_>,
    ) -> Result<bool, PrecisionError> {
        let mut has_more = Ok(true);
        while matches!(has_more, Ok(true)) {
            has_more = self.take_turn(emit).await;
            if now_millis() > deadline {
                break;
            }
        }
        self.tell_steps(emit);
        has_more
    }

    /// Tells the steps that were not told yet; before anything that happened after them.
    fn tell_steps(&mut self, emit: &mut Emit<'_>) {
        let run = self.run;
        for lane in &mut self.lanes {
            if !lane.records.is_empty() {
                let records = std::mem::take(&mut lane.records);
                let mode = lane.mode;
                emit(Event::Steps { run, mode, records });
            }
        }
    }

    /// One step, one batch of the evaluation, or one timed submit, of the next lane; whether there is more to do.
    async fn take_turn(&mut self, emit: &mut Emit<'_>) -> Result<bool, PrecisionError> {
        let test_count = self.samples.test_count();
        let steps = self.config.steps;
        let trains = |lane: &Lane| lane.steps < steps && !lane.has_diverged;
        let count = self.lanes.len();
        let next = |is_due: &dyn Fn(&Lane) -> bool| {
            let mut turns = (0..count).map(|further| (self.turn + further) % count);
            turns.find(|&lane| is_due(&self.lanes[lane]))
        };
        // All modes train side by side before the first one is measured.
        if let Some(lane) = next(&trains) {
            self.look_at_gradients(emit).await?;
            self.train(lane, emit).await?;
            self.turn = lane + 1;
            return Ok(true);
        }
        if let Some(lane) = next(&|lane| lane.judged < test_count) {
            self.tell_steps(emit);
            self.judge(lane, emit).await?;
            // One after the other.
            self.turn = lane;
            let is_judged = self.lanes.iter().all(|lane| lane.judged == test_count);
            if is_judged && !self.place.is_emulated() {
                // Weights that are no numbers any more are not what is to be timed.
                self.write_initial();
                self.timing = Some(Timing::new(count));
            }
            return Ok(!is_judged || self.timing.is_some());
        }
        self.time(emit).await
    }

    /// One submit of whole steps.
    async fn time(&mut self, emit: &mut Emit<'_>) -> Result<bool, PrecisionError> {
        let Some(mut timing) = self.timing.take() else {
            return Ok(false);
        };
        let at = timing.turn();
        let step = self.prepare(at, 0);
        let Some(stepper) = self.lanes[at].trainer.device() else {
            return Ok(false);
        };
        if timing.submit(stepper, &step).await? {
            self.timing = Some(timing);
            return Ok(true);
        }
        let run = self.run;
        let times = timing.times(&self.config.modes);
        emit(Event::Timed { run, times });
        Ok(false)
    }

    async fn train(&mut self, at: usize, emit: &mut Emit<'_>) -> Result<(), PrecisionError> {
        let step = self.prepare(at, self.lanes[at].steps);
        let lane = &mut self.lanes[at];
        let outcome = lane.trainer.step(step).await?;
        lane.steps += 1;
        lane.skipped += u32::from(outcome.is_skipped);
        lane.records.push(StepRecord {
            step: lane.steps,
            loss: outcome.loss,
            scale: outcome.scale,
            is_skipped: outcome.is_skipped,
        });
        // In mixed precision a smaller scale may help, until it is exhausted.
        lane.has_diverged = match lane.mode {
            PrecisionMode::Mixed => lane.trainer.scale().is_exhausted(),
            _ => !outcome.loss.is_finite(),
        };
        if lane.has_diverged {
            let (mode, step) = (lane.mode, lane.steps);
            let run = self.run;
            self.tell_steps(emit);
            emit(Event::Diverged { run, mode, step });
        }
        Ok(())
    }

    /// The gradients of the first lane that trains, every [`GRADIENT_INTERVAL`] steps: in float32, on the CPU in any
    /// case.
    async fn look_at_gradients(&mut self, emit: &mut Emit<'_>) -> Result<(), PrecisionError> {
        let steps = self.config.steps;
        let due = |lane: &Lane| lane.steps < steps && !lane.has_diverged;
        let Some(at) = self.lanes.iter().position(due) else {
            return Ok(());
        };
        let done = self.lanes[at].steps;
        if !done.is_multiple_of(GRADIENT_INTERVAL) || self.looked_at == Some(done) {
            return Ok(());
        }
        self.looked_at = Some(done);
        self.tell_steps(emit);
        let mut lanes = self.lanes.iter();
        let mixed = lanes.find(|lane| lane.mode == PrecisionMode::Mixed);
        let scale = mixed.map_or(self.config.scale, |lane| lane.trainer.scale().scale());
        let step = self.prepare(at, done);
        let row = match (&mut self.lanes[at].trainer, &mut self.looker) {
            (Trainer::Device(stepper), Some(looker)) => {
                let weights = stepper.weights().await?;
                for parameter in self.model.graph.parameters() {
                    let (_, offset) = self.model.graph.storage(parameter);
                    let count = self.model.graph.value(parameter).shape.count();
                    looker.write_parameter(parameter, &weights[offset..offset + count]);
                }
                looker.gradients_in_float32(&step)
            }
            (Trainer::Emulated(stepper), _) => stepper.gradients_in_float32(&step),
            (Trainer::Device(_), None) => return Ok(()),
        };
        emit(Event::Gradients {
            run: self.run,
            step: done,
            scale,
            layers: LayerGradients::of_graph(&self.model.graph, &row, scale),
        });
        Ok(())
    }

    /// One batch of held-out samples.
    async fn judge(&mut self, at: usize, emit: &mut Emit<'_>) -> Result<(), PrecisionError> {
        let test_count = self.samples.test_count();
        let first = self.lanes[at].judged;
        let valid = self.batch.min(test_count - first);
        let train_count = self.samples.train_count();
        let order: Vec<(u64, u32)> = (first..first + valid)
            .map(|sample| (0, train_count + sample))
            .collect();
        self.write_order(at, &order);
        let correct = self.model.correct.expect("presets tell classes apart");
        let lane = &mut self.lanes[at];
        let step = StepValues::forward(valid);
        lane.right += lane.trainer.evaluate(&step, correct).await?;
        lane.judged += valid;
        if lane.judged == test_count {
            emit(Event::Finished {
                run: self.run,
                result: ModeResult {
                    mode: lane.mode,
                    accuracy: lane.right / test_count as f32,
                    step: lane.steps,
                    skipped: lane.skipped,
                },
            });
        }
        Ok(())
    }
}
