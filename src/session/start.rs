//! Starting a run: configuration, data, device, model.

use super::run::{Run, RunParts};
use super::*;
use crate::data::{BatchSchedule, TableSet, Targets, Transform};
use crate::exec::cpu::CpuExecutor;
use crate::exec::gpu::{GpuDevice, GpuError, GpuExecutor, MAX_STEPS_PER_SUBMIT};
use crate::exec::{Executor, Mode, Plan};
use crate::graph::ValueId;
use crate::layers::{
    BatchSource, GatheredInputs, Model, ModelError, ModelSpec, TableTargets, summarize,
};
use crate::models::{Preset, series_spec, table_spec, text_spec};
use crate::ops::Op;
use crate::optim::{MAX_LEARNING_RATE, OptimizerKind, OptionKey, Options};
use crate::tensor::{ElementType, Values, init::Initializer};

/// Largest batch that a run may ask for.
pub const MAX_BATCH: u32 = 65_536;

/// The GPU, once it was asked for.
#[derive(Default)]
pub(super) struct DeviceCache {
    gpu: Option<GpuDevice>,
}

impl DeviceCache {
    /// The GPU; asked for again when there was none or it was lost.
    async fn gpu(&mut self) -> Result<GpuDevice, GpuError> {
        if let Some(device) = self.gpu.as_ref().filter(|device| device.lost().is_none()) {
            return Ok(device.clone());
        }
        let device = GpuDevice::request().await?;
        self.gpu = Some(device.clone());
        Ok(device)
    }
}

/// A device to run on, or the CPU with the reason why.
enum Choice {
    Gpu(GpuDevice),
    Cpu(Option<Fallback>),
}

fn cpu_info(fallback: Option<Fallback>) -> DeviceInfo {
    DeviceInfo {
        kind: DeviceKind::Cpu,
        adapter: String::new(),
        backend: "CPU".into(),
        fallback,
    }
}

fn gpu_info(device: &GpuDevice) -> DeviceInfo {
    DeviceInfo {
        kind: if device.is_software() {
            DeviceKind::SoftwareGpu
        } else {
            DeviceKind::Gpu
        },
        adapter: device.name(),
        backend: device.backend(),
        fallback: None,
    }
}

/// The preset that a configuration names.
fn find_preset(config: &RunConfig) -> Result<&'static Preset, SessionError> {
    models::find(&config.preset).ok_or_else(|| SessionError::UnknownPreset {
        name: config.preset.clone(),
    })
}

/// That a learning rate is a positive number.
pub(super) fn check_learning_rate(learning_rate: f32) -> Result<f32, SessionError> {
    if learning_rate.is_finite() && learning_rate > 0.0 && learning_rate <= MAX_LEARNING_RATE {
        return Ok(learning_rate);
    }
    Err(SessionError::BadConfig {
        name: "the learning rate",
        actual: learning_rate.to_string(),
        expected: format!("a number above 0 and at most {MAX_LEARNING_RATE}"),
    })
}

/// Fills in defaults and checks ranges.
fn resolve(
    preset: &Preset,
    config: &RunConfig,
    counts: (u32, u32),
) -> Result<ResolvedConfig, SessionError> {
    let defaults = preset.defaults;
    let (train_count, test_count) = counts;
    let batch = config.batch.unwrap_or(defaults.batch.min(train_count));
    let largest = train_count.min(MAX_BATCH);
    if batch == 0 || batch > largest {
        return Err(SessionError::BadConfig {
            name: "the batch size",
            actual: batch.to_string(),
            expected: format!("a whole number from 1 to {largest}"),
        });
    }
    let momentum = config.momentum.unwrap_or(defaults.momentum);
    if !(0.0..1.0).contains(&momentum) {
        return Err(SessionError::BadConfig {
            name: "the momentum",
            actual: momentum.to_string(),
            expected: "a number from 0 to below 1".into(),
        });
    }
    if config.options.patience.is_some() && test_count == 0 {
        return Err(SessionError::BadConfig {
            name: "the patience",
            actual: format!("given for {}", preset.id),
            expected: "a preset with held-out samples to measure".into(),
        });
    }
    let optimizer = config.optimizer.unwrap_or(defaults.optimizer);
    let learning_rate = config.learning_rate.unwrap_or(defaults.learning_rate);
    let options = config
        .options
        .resolve(optimizer, &defaults.options, defaults.optimizer);
    check_options(&options)?;
    let steps_per_epoch = train_count.div_ceil(batch);
    let of_epochs = config
        .epochs
        .map(|epochs| epochs.saturating_mul(steps_per_epoch.into()));
    let usual = u64::from(defaults.epochs) * u64::from(steps_per_epoch);
    let planned = [config.steps, of_epochs].into_iter().flatten().min();
    let total_steps = config.resumed_step.saturating_add(planned.unwrap_or(usual));
    Ok(ResolvedConfig {
        preset: preset.id.into(),
        seed: config.seed,
        batch,
        learning_rate: check_learning_rate(learning_rate)?,
        optimizer,
        momentum,
        train_count,
        test_count,
        steps_per_epoch,
        options,
        total_steps,
    })
}

/// That every option lies in its range, as one read from a link does.
fn check_options(options: &Options) -> Result<(), SessionError> {
    for &key in OptionKey::ALL {
        let Some(text) = options.text(key) else {
            continue;
        };
        if let Err(expected) = Options::default().set(key, &text) {
            return Err(SessionError::BadConfig {
                name: key.name(),
                actual: text,
                expected: expected.to_string(),
            });
        }
    }
    Ok(())
}

/// The model of a preset for batches of up to `batch` samples.
///
/// # Errors
/// When a layer does not fit.
pub fn build_model(
    preset: &Preset,
    samples: Option<&SampleSet>,
    batch: u32,
    optimizer: OptimizerChoice,
) -> Result<Model, SessionError> {
    let spec = match (&preset.data, samples.and_then(SampleSet::table)) {
        (PresetData::OwnTable, Some(table)) => table_spec(table),
        (PresetData::OwnSeries, Some(table)) => series_spec(table.columns.len()),
        _ => match (&preset.data, samples.and_then(SampleSet::text)) {
            (PresetData::OwnText { .. }, Some(text)) => text_spec(text),
            _ => (preset.spec)(),
        },
    };
    build_spec(&spec, preset, samples, batch, optimizer)
}

/// A layer list on the data of a preset, for batches of up to `batch` samples.
///
/// # Errors
/// When a layer does not fit, or there are more classes than the last layer tells apart.
pub fn build_spec(
    spec: &ModelSpec,
    preset: &Preset,
    samples: Option<&SampleSet>,
    batch: u32,
    optimizer: OptimizerChoice,
) -> Result<Model, SessionError> {
    let source = batch_source(preset, spec, samples, batch)?;
    let update = optimizer
        .kind
        .update(optimizer.momentum, &optimizer.options);
    let model = Model::build(spec, &source, batch as usize, update)?;
    if let Some(text) = samples.and_then(SampleSet::text) {
        check_vocabulary(&model, text.vocabulary.len())?;
    }
    let outputs = &model.graph.value(model.logits).shape;
    let width: usize = match model.correct_of_row {
        // A value for each class at every step.
        Some(_) => outputs.dims().last().copied().unwrap_or(1),
        None => outputs.dims()[1..].iter().product(),
    };
    let classes = samples.map_or(0, |samples| samples.class_names().len());
    // One probability tells two classes apart.
    let told = if width == 1 { 2 } else { width };
    if model.correct.is_some() && told < classes {
        let layer = spec.layers.last().map_or("input", |layer| &layer.name);
        return Err(SessionError::Model(ModelError::Attribute {
            layer: layer.into(),
            message: format!(
                "its output is {outputs}, expected a value for each of the {classes} classes"
            ),
        }));
    }
    Ok(model)
}

/// That every table of vectors that the tokens are looked up in has a row for each.
fn check_vocabulary(model: &Model, vocabulary: usize) -> Result<(), SessionError> {
    for node in model.graph.nodes() {
        let Op::Embedding(_) = node.op else {
            continue;
        };
        let rows = node.dims.get("V");
        if node.inputs[0] == model.input && rows < vocabulary {
            return Err(SessionError::Model(ModelError::Attribute {
                layer: node.name.clone(),
                message: format!(
                    "vocabulary is {rows}, expected at least the text's {vocabulary} different characters: a token \
                     outside the table has no vector"
                ),
            }));
        }
    }
    Ok(())
}

/// The model of a preset for one sample, without its data: layers, sizes, parameters. `None` where a table of the
/// learner's own decides them.
///
/// # Errors
/// When a layer does not fit.
pub fn outline(preset: &Preset) -> Result<Option<Model>, SessionError> {
    let optimizer = OptimizerChoice::of(preset);
    let update = optimizer
        .kind
        .update(optimizer.momentum, &optimizer.options);
    if let PresetData::Text { window, .. } = preset.data {
        let source = BatchSource::Text {
            tokens: window + 1,
            windows: 1,
            window,
            order_length: 1,
        };
        return Ok(Some(Model::build(&(preset.spec)(), &source, 1, update)?));
    }
    let PresetData::Images { source, .. } = preset.data else {
        let samples = match preset.data {
            PresetData::OwnTable | PresetData::OwnSeries | PresetData::OwnText { .. } => {
                return Ok(None);
            }
            PresetData::Toy(source) => Some(SampleSet::Table(source.draw()?)),
            PresetData::Series(source) => Some(SampleSet::Table(source.draw()?)),
            _ => None,
        };
        return build_model(preset, samples.as_ref(), 1, optimizer).map(Some);
    };
    let shape = source.shape();
    let normalization = source.normalization();
    let source = BatchSource::Images {
        samples: 1,
        shape: [shape.channels, shape.height, shape.width].map(|size| size as usize),
        mean: normalization.mean.to_vec(),
        standard_deviation: normalization.standard_deviation.to_vec(),
        order_length: 1,
        margin: preset.augmentation().map(|moved| moved.margin as usize),
    };
    Ok(Some(Model::build(&(preset.spec)(), &source, 1, update)?))
}

/// Where the batches of a preset come from.
fn batch_source(
    preset: &Preset,
    spec: &ModelSpec,
    samples: Option<&SampleSet>,
    batch: u32,
) -> Result<BatchSource, SessionError> {
    let order_length = MAX_STEPS_PER_SUBMIT * batch as usize;
    let count = |samples: &SampleSet| (samples.train_count() + samples.test_count()) as usize;
    Ok(match (&preset.data, samples) {
        (PresetData::Fixed(example), _) => BatchSource::Features {
            features: example.features.len(),
            targets: example.targets.len(),
        },
        (PresetData::Images { source, .. }, None) => {
            return Err(SessionError::MissingData {
                dataset: source.name(),
                path: source.page_files()[0].path,
            });
        }
        (PresetData::Text { source, .. }, None) => {
            return Err(SessionError::MissingData {
                dataset: source.name(),
                path: source.path(),
            });
        }
        (_, None) => return Err(SessionError::nothing_own(preset)),
        (_, Some(samples @ SampleSet::Images(images))) => {
            let shape = images.train.shape();
            BatchSource::Images {
                samples: count(samples),
                shape: [shape.channels, shape.height, shape.width].map(|size| size as usize),
                mean: images.normalization.mean.to_vec(),
                standard_deviation: images.normalization.standard_deviation.to_vec(),
                order_length,
                margin: preset.augmentation().map(|moved| moved.margin as usize),
            }
        }
        (_, Some(samples @ SampleSet::Text(text))) => BatchSource::Text {
            tokens: text.tokens().len(),
            windows: count(samples),
            window: text.window(),
            order_length,
        },
        (_, Some(samples @ SampleSet::Table(table))) => BatchSource::Table {
            samples: count(samples),
            mean: table.standardization.mean.clone(),
            standard_deviation: table.standardization.deviation.clone(),
            targets: table_targets(spec, table),
            order_length,
        },
    })
}

/// What a table's batches are compared with: classes where the loss reads whole numbers.
fn table_targets(spec: &ModelSpec, table: &TableSet) -> TableTargets {
    let reads_classes = spec.loss.op().inputs()[1].element == ElementType::U32;
    let standard = &table.target_standardization;
    if reads_classes {
        TableTargets::Classes
    } else {
        TableTargets::Numbers {
            mean: standard.mean[0],
            standard_deviation: standard.deviation[0],
        }
    }
}

/// An optimizer with the settings that its operations hold.
#[derive(Clone, Copy, Debug)]
pub struct OptimizerChoice {
    pub kind: OptimizerKind,
    pub momentum: f32,
    pub options: Options,
}

impl OptimizerChoice {
    /// A preset's own.
    pub fn of(preset: &Preset) -> Self {
        let defaults = preset.defaults;
        Self {
            kind: defaults.optimizer,
            momentum: defaults.momentum,
            options: defaults.options,
        }
    }
}

/// The initial weights: the preset's own, or drawn from the seed by the preset's initialiser.
pub fn initial_parameters(preset: &Preset, model: &Model, seed: u64) -> Vec<Values> {
    initial_values(preset, model, seed, initializer(&preset.defaults.options)).collect()
}

/// The initialiser that settings name; PyTorch's default where they name none.
pub(super) fn initializer(options: &Options) -> Initializer {
    let kind = options.init.unwrap_or_default();
    kind.with_value(options.init_value.unwrap_or_default())
}

/// As [`initial_parameters`], with the initialiser that the run asks for, one after the other.
pub(super) fn initial_values<'a>(
    preset: &'a Preset,
    model: &'a Model,
    seed: u64,
    initializer: Initializer,
) -> impl Iterator<Item = Values> + 'a {
    model
        .parameters
        .iter()
        .enumerate()
        .map(move |(stream, parameter)| {
            let value = model.graph.value(parameter.value);
            let mut initial = preset.initial.iter();
            let given = initial.find(|(name, _)| *name == value.name);
            // A layer of the same name in another network may have another shape.
            let given = given.filter(|(_, values)| values.len() == value.shape.count());
            Values::F32(match given {
                Some((_, values)) => values.to_vec(),
                None => parameter.values(value, seed, stream as u64, initializer),
            })
        })
}

/// What a model reads besides parameters and the order of samples: the data set, or the fixed example.
pub fn given_values(
    model: &Model,
    preset: &Preset,
    samples: Option<&SampleSet>,
) -> Vec<(ValueId, Values)> {
    let mut given = Vec::new();
    // Held-out samples stand behind the training samples.
    if let (Some(gathered), Some(samples)) = (model.gathered, samples) {
        let (values, targets) = match samples {
            SampleSet::Images(images) => (
                Values::U8([images.train.images(), images.test.images()].concat()),
                Values::U32([images.train.labels(), images.test.labels()].concat()),
            ),
            SampleSet::Text(text) => (
                Values::U32(text.tokens().to_vec()),
                Values::U32(text.starts().to_vec()),
            ),
            SampleSet::Table(table) => (
                Values::F32([table.train.rows(), table.test.rows()].concat()),
                targets_of(table, model.graph.value(gathered.targets).element),
            ),
        };
        given.push((gathered.samples, values));
        given.push((gathered.targets, targets));
    }
    if let PresetData::Fixed(example) = &preset.data {
        given.push((model.input, Values::F32(example.features.to_vec())));
        given.push((model.target, Values::F32(example.targets.to_vec())));
    }
    given
}

/// The targets of all rows: classes as whole numbers, or as the numbers 0 and 1 for a loss that compares
/// probabilities.
fn targets_of(table: &TableSet, element: ElementType) -> Values {
    let mut classes = Vec::new();
    let mut numbers = Vec::new();
    for part in [&table.train, &table.test] {
        match part.targets() {
            Targets::Classes(of_part) => {
                classes.extend_from_slice(of_part);
                numbers.extend(of_part.iter().map(|&class| class as f32));
            }
            Targets::Numbers(of_part) => numbers.extend_from_slice(of_part),
        }
    }
    match element {
        ElementType::U32 => Values::U32(classes),
        _ => Values::F32(numbers),
    }
}

/// The order of some samples, given as (epoch, sample), and how their images are moved in training.
pub fn order_values(
    gathered: &GatheredInputs,
    preset: &Preset,
    seed: u64,
    order: &[(u64, u32)],
) -> Vec<(ValueId, Values)> {
    let samples = order.iter().map(|&(_, sample)| sample).collect();
    let mut values = vec![(gathered.order, Values::U32(samples))];
    if let (Some([top, left, flip]), Some(moved)) = (gathered.transforms, preset.augmentation()) {
        let drawn: Vec<Transform> = order
            .iter()
            .map(|&(epoch, sample)| moved.draw(seed, epoch, sample))
            .collect();
        let each = |select: fn(&Transform) -> u32| Values::U32(drawn.iter().map(select).collect());
        values.push((top, each(|drawn| drawn.top)));
        values.push((left, each(|drawn| drawn.left)));
        values.push((flip, each(|drawn| drawn.flip)));
    }
    values
}

/// Writes the [`given_values`].
pub(super) fn write_data(
    executor: &mut Executor,
    model: &Model,
    preset: &Preset,
    samples: Option<&SampleSet>,
) {
    for (value, values) in given_values(model, preset, samples) {
        executor.give(value, values);
    }
}

/// The operation that computes the loss.
fn loss_name(model: &Model) -> String {
    let nodes = model.graph.nodes();
    let loss = nodes.iter().find(|node| node.outputs.contains(&model.loss));
    loss.map_or_else(String::new, |node| node.op.name().into())
}

impl Session {
    async fn choose_device(&mut self, preference: DevicePreference) -> Result<Choice, GpuError> {
        Ok(match preference {
            DevicePreference::Cpu => Choice::Cpu(None),
            DevicePreference::Gpu => Choice::Gpu(self.device.gpu().await?),
            DevicePreference::Auto => match self.device.gpu().await {
                Ok(device) if device.is_software() => Choice::Cpu(Some(Fallback::SoftwareAdapter)),
                Ok(device) => Choice::Gpu(device),
                Err(GpuError::NoWebGpu) => Choice::Cpu(Some(Fallback::NoWebGpu)),
                Err(GpuError::NoAdapter) => Choice::Cpu(Some(Fallback::NoAdapter)),
                Err(_) => Choice::Cpu(Some(Fallback::NoDevice)),
            },
        })
    }

    /// Builds a run and puts it in place of the current one.
    pub(super) async fn start(
        &mut self,
        id: RunId,
        config: &RunConfig,
    ) -> Result<(), SessionError> {
        self.start_preset(id, find_preset(config)?, config).await
    }

    /// As [`Command::Start`], of a preset that need not be in the list, whatever the
    /// configuration calls it.
    ///
    /// # Errors
    /// When configuration, data or device do not fit; the current run goes on.
    pub async fn start_preset(
        &mut self,
        id: RunId,
        preset: &'static Preset,
        config: &RunConfig,
    ) -> Result<(), SessionError> {
        let (run, model, device) = self.build_run(id, preset, config).await?;
        let resolved = run.config.clone();
        self.run = Some(run);
        self.race = None;
        self.emit(Event::Started {
            run: id,
            config: resolved,
            model,
            device,
        });
        if let Some(run) = &self.run {
            run.send_points(&mut self.emit);
            run.send_text(&mut self.emit);
        }
        self.emit(Event::Status {
            run: id,
            status: RunStatus::Paused,
        });
        Ok(())
    }

    /// A run of a preset at step 0, which nobody has heard of yet.
    pub(super) async fn build_run(
        &mut self,
        id: RunId,
        preset: &'static Preset,
        config: &RunConfig,
    ) -> Result<(Run, ModelSummary, DeviceInfo), SessionError> {
        let samples = self.samples.samples(preset)?;
        let counts = samples.as_ref().map_or((1, 0), |samples| {
            (samples.train_count(), samples.test_count())
        });
        let resolved = resolve(preset, config, counts)?;
        let optimizer = OptimizerChoice {
            kind: resolved.optimizer,
            momentum: resolved.momentum,
            options: resolved.options,
        };
        let samples_given = samples.as_deref();
        let mut model = match &self.spec {
            Some(spec) => build_spec(spec, preset, samples_given, resolved.batch, optimizer)?,
            None => build_model(preset, samples_given, resolved.batch, optimizer)?,
        };
        model.graph.set_seed(resolved.seed);
        let graph = Arc::new(model.graph.clone());
        let mut keep = vec![model.loss, model.loss_of_row];
        keep.extend(model.correct);
        keep.extend(model.weight_of_row);
        keep.push(model.told());
        keep.extend(model.graph.gradient_norm());
        let plan = Arc::new(Plan::new(&graph, Mode::Train, &keep));
        let needed_bytes = plan.needed_bytes(&graph);
        let (mut executor, gpu, device) = match self.choose_device(config.device).await? {
            Choice::Cpu(fallback) => {
                let executor = CpuExecutor::new(Arc::clone(&graph), Arc::clone(&plan));
                let executor = Executor::Cpu(Box::new(executor));
                (executor, None, cpu_info(fallback))
            }
            Choice::Gpu(device) => {
                let emit = &mut self.emit;
                let mut progress = |done: u32, total: u32| {
                    emit(Event::Progress {
                        stage: Stage::Pipelines,
                        done: u64::from(done),
                        total: u64::from(total),
                    });
                };
                let record = Some((model.loss, model.correct));
                let executor = GpuExecutor::new(
                    &device,
                    Arc::clone(&graph),
                    Arc::clone(&plan),
                    record,
                    &mut progress,
                )
                .await?;
                let info = gpu_info(&device);
                (Executor::Gpu(Box::new(executor)), Some(device), info)
            }
        };
        write_data(&mut executor, &model, preset, samples.as_deref());
        let schedule =
            BatchSchedule::shuffled(resolved.seed, resolved.train_count, resolved.batch)?;
        let summary = ModelSummary {
            preset: preset.id.into(),
            input_shape: model.graph.value(model.input).shape.dims()[1..].to_vec(),
            layers: summarize(&model),
            parameters: model.parameter_count(),
            loss: loss_name(&model),
            classes: samples
                .as_ref()
                .map_or_else(Vec::new, |samples| samples.class_names()),
        };
        let mut run = Run::new(RunParts {
            id,
            preset,
            spec: self.spec.clone(),
            config: resolved,
            model,
            executor,
            gpu,
            samples,
            schedule,
            needed_bytes,
        });
        if run.gpu.is_some() {
            // The first reading makes the buffer that later ones use.
            run.take_snapshot().await?;
        }
        Ok((run, summary, device))
    }
}
