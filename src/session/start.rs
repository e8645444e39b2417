//! Starting a run: configuration, data, device, model.

use super::run::{Run, RunParts};
use super::*;
use crate::data::BatchSchedule;
use crate::exec::cpu::CpuExecutor;
use crate::exec::gpu::{GpuDevice, GpuError, GpuExecutor, MAX_STEPS_PER_SUBMIT};
use crate::exec::{Executor, Mode, Plan};
use crate::graph::ValueId;
use crate::layers::{BatchSource, Model, ModelError, ModelSpec, summarize};
use crate::models::{Preset, optimizer_op};
use crate::optim::MAX_LEARNING_RATE;
use crate::tensor::Values;

/// Largest batch that a run may ask for.
pub const MAX_BATCH: u32 = 4_096;

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
    let optimizer = config.optimizer.unwrap_or(defaults.optimizer);
    let learning_rate = config.learning_rate.unwrap_or(defaults.learning_rate);
    Ok(ResolvedConfig {
        preset: preset.id.into(),
        seed: config.seed,
        batch,
        learning_rate: check_learning_rate(learning_rate)?,
        optimizer,
        momentum,
        train_count,
        test_count,
        steps_per_epoch: train_count.div_ceil(batch),
    })
}

/// The model of a preset for batches of up to `batch` samples.
///
/// # Errors
/// When a layer does not fit.
pub fn build_model(
    preset: &Preset,
    dataset: Option<&Dataset>,
    batch: u32,
    optimizer: OptimizerChoice,
) -> Result<Model, SessionError> {
    build_spec(&(preset.spec)(), preset, dataset, batch, optimizer)
}

/// A layer list on the data of a preset, for batches of up to `batch` samples.
///
/// # Errors
/// When a layer does not fit, or there are more classes than the last layer tells apart.
pub fn build_spec(
    spec: &ModelSpec,
    preset: &Preset,
    dataset: Option<&Dataset>,
    batch: u32,
    optimizer: OptimizerChoice,
) -> Result<Model, SessionError> {
    let source = match (&preset.data, dataset) {
        (PresetData::Images { .. }, Some(dataset)) => {
            let shape = dataset.train.shape();
            BatchSource::Images {
                samples: (dataset.train.count() + dataset.test.count()) as usize,
                shape: [shape.channels, shape.height, shape.width].map(|size| size as usize),
                mean: dataset.normalization.mean.to_vec(),
                standard_deviation: dataset.normalization.standard_deviation.to_vec(),
                order_length: MAX_STEPS_PER_SUBMIT * batch as usize,
            }
        }
        (PresetData::Images { source, .. }, None) => {
            return Err(SessionError::MissingData {
                dataset: source.name(),
                path: source.files()[0].path,
            });
        }
        (PresetData::Fixed(example), _) => BatchSource::Features {
            features: example.features.len(),
            targets: example.targets.len(),
        },
    };
    let update = optimizer_op(optimizer.kind, optimizer.momentum);
    let model = Model::build(spec, &source, batch as usize, update)?;
    let outputs = &model.graph.value(model.logits).shape;
    if let Some(dataset) = dataset
        && model.correct.is_some()
        && outputs.dims()[1..].iter().product::<usize>() < dataset.classes.len()
    {
        let layer = spec.layers.last().map_or("input", |layer| &layer.name);
        return Err(SessionError::Model(ModelError::Attribute {
            layer: layer.into(),
            message: format!(
                "its output is {outputs}, expected a value for each of the {} classes",
                dataset.classes.len()
            ),
        }));
    }
    Ok(model)
}

/// An optimizer with the one setting that its operation holds.
#[derive(Clone, Copy, Debug)]
pub struct OptimizerChoice {
    pub kind: crate::optim::OptimizerKind,
    pub momentum: f32,
}

/// The initial weights: the preset's own, or PyTorch's default from the seed.
pub fn initial_parameters(preset: &Preset, model: &Model, seed: u64) -> Vec<Values> {
    model
        .parameters
        .iter()
        .enumerate()
        .map(|(stream, parameter)| {
            let value = model.graph.value(parameter.value);
            let given = match &preset.data {
                PresetData::Fixed(example) => example
                    .parameters
                    .iter()
                    .find(|(name, _)| *name == value.name),
                PresetData::Images { .. } => None,
            };
            // A layer of the same name in another network may have another shape.
            let given = given.filter(|(_, values)| values.len() == value.shape.count());
            Values::F32(match given {
                Some((_, values)) => values.to_vec(),
                None => parameter
                    .initial
                    .draw(seed, stream as u64, value.shape.count()),
            })
        })
        .collect()
}

/// What a model reads besides parameters: the data set, or the fixed example.
pub fn given_values(
    model: &Model,
    preset: &Preset,
    dataset: Option<&Dataset>,
) -> Vec<(ValueId, Values)> {
    let mut given = Vec::new();
    if let (Some(images), Some(dataset)) = (model.images, dataset) {
        // Held-out samples stand behind the training samples.
        let bytes = [dataset.train.images(), dataset.test.images()].concat();
        let classes = [dataset.train.labels(), dataset.test.labels()].concat();
        given.push((images.bytes, Values::U8(bytes)));
        given.push((images.classes, Values::U32(classes)));
    }
    if let PresetData::Fixed(example) = &preset.data {
        given.push((model.input, Values::F32(example.features.to_vec())));
        given.push((model.target, Values::F32(example.targets.to_vec())));
    }
    given
}

/// Writes the [`given_values`].
pub(super) fn write_data(
    executor: &mut Executor,
    model: &Model,
    preset: &Preset,
    dataset: Option<&Dataset>,
) {
    for (value, values) in given_values(model, preset, dataset) {
        executor.write(value, &values);
    }
}

impl Session {
    /// The data set of a preset, made of the given files where it was not before.
    fn dataset(&mut self, preset: &Preset) -> Result<Option<Arc<Dataset>>, SessionError> {
        let PresetData::Images { source, per_class } = preset.data else {
            return Ok(None);
        };
        if let Some((_, dataset)) = self.datasets.iter().find(|(known, _)| *known == source) {
            return Ok(Some(Arc::clone(dataset)));
        }
        if let Some(&path) = self.missing_files(preset.id).first() {
            return Err(SessionError::MissingData {
                dataset: source.name(),
                path,
            });
        }
        let whole = source.assemble(&self.files)?;
        for file in source.files() {
            self.files.remove(file.path);
        }
        let dataset = Arc::new(whole.subset(per_class.0 as usize, per_class.1 as usize));
        self.datasets.push((source, Arc::clone(&dataset)));
        Ok(Some(dataset))
    }

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
        let preset = find_preset(config)?;
        let dataset = self.dataset(preset)?;
        let counts = dataset.as_ref().map_or((1, 0), |dataset| {
            (dataset.train.count(), dataset.test.count())
        });
        let resolved = resolve(preset, config, counts)?;
        let optimizer = OptimizerChoice {
            kind: resolved.optimizer,
            momentum: resolved.momentum,
        };
        let model = build_model(preset, dataset.as_deref(), resolved.batch, optimizer)?;
        let graph = Arc::new(model.graph.clone());
        let mut keep = vec![model.loss, model.loss_of_row];
        keep.extend(model.correct);
        keep.extend(model.probabilities);
        let plan = Arc::new(Plan::new(&graph, Mode::Train, &keep));
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
        write_data(&mut executor, &model, preset, dataset.as_deref());
        let schedule =
            BatchSchedule::shuffled(resolved.seed, resolved.train_count, resolved.batch)?;
        let summary = ModelSummary {
            preset: preset.id.into(),
            input_shape: model.graph.value(model.input).shape.dims()[1..].to_vec(),
            layers: summarize(&model),
            parameters: model.parameter_count(),
            classes: dataset.as_ref().map_or_else(Vec::new, |dataset| {
                let names = dataset.classes.iter();
                names
                    .map(|class| (class.en.into(), class.zh.into()))
                    .collect()
            }),
        };
        let initial = initial_parameters(preset, &model, resolved.seed);
        let mut run = Run::new(RunParts {
            id,
            preset,
            config: resolved.clone(),
            model,
            executor,
            gpu,
            dataset,
            schedule,
            initial,
        });
        // The first reading makes the buffer that later ones use.
        run.take_snapshot().await?;
        self.run = Some(run);
        self.emit(Event::Started {
            run: id,
            config: resolved,
            model: summary,
            device,
        });
        self.emit(Event::Status {
            run: id,
            status: RunStatus::Paused,
        });
        Ok(())
    }
}
