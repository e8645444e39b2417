//! A preset's model on made-up data: what the lab counts and measures when no data set is at hand.
//!
//! How long a kernel takes does not depend on what an image shows. Images and texts are therefore drawn at random, of
//! the preset's own sizes; points and series are the preset's own, which are drawn from a seed in any case.

use crate::data::SampleSet;
use crate::exec::gpu::MAX_STEPS_PER_SUBMIT;
use crate::graph::ValueId;
use crate::layers::{BatchSource, Model, ModelSpec};
use crate::models::{self, Preset, PresetData};
use crate::ops::StepValues;
use crate::session::{MAX_BATCH, OptimizerChoice, build_model, given_values, initial_parameters};
use crate::tensor::{Values, init};

use super::LabError;

/// Images, or windows of a text, that are drawn where no other number is asked for.
pub const SAMPLES: usize = 256;

/// Seed of the drawn data and of the weights.
const SEED: u64 = 1;

/// A preset's model for batches of one size.
#[derive(Debug)]
pub struct Subject {
    pub preset: &'static Preset,
    pub model: Model,
    samples: Option<SampleSet>,
}

/// The preset of this name.
///
/// # Errors
/// When there is none, or it learns from data that only the learner has.
pub fn find_preset(name: &str) -> Result<&'static Preset, LabError> {
    models::find(name)
        .filter(|preset| !preset.data.is_own())
        .ok_or_else(|| LabError::UnknownPreset {
            actual: name.into(),
        })
}

/// Names of the presets that [`find_preset`] finds, as text.
pub fn offered_presets() -> String {
    let presets = models::PRESETS.iter();
    let names: Vec<&str> = presets
        .filter(|preset| !preset.data.is_own())
        .map(|preset| preset.id)
        .collect();
    names.join(", ")
}

/// That a batch is one that a run may have.
///
/// # Errors
/// When it is 0 or too large.
pub fn check_batch(batch: u32) -> Result<u32, LabError> {
    if (1..=MAX_BATCH).contains(&batch) {
        return Ok(batch);
    }
    Err(LabError::BadBatch { actual: batch })
}

impl Subject {
    /// The model of `preset` for batches of `batch` samples, with `samples` images or windows to gather from.
    /// Nothing is allocated for its values yet.
    ///
    /// # Errors
    /// When a layer does not fit, or the model would be too large.
    pub fn new(
        preset: &'static Preset,
        batch: u32,
        samples: usize,
        optimizer: OptimizerChoice,
    ) -> Result<Self, LabError> {
        match preset.data {
            PresetData::Images { .. } | PresetData::Text { .. } => {
                Self::of(&(preset.spec)(), preset, batch, samples, optimizer)
            }
            _ => Self::drawn(preset, batch, optimizer),
        }
    }

    /// As [`Subject::new`], another layer list on the images or texts of a preset.
    ///
    /// # Errors
    /// As [`Subject::new`].
    pub fn of(
        spec: &ModelSpec,
        preset: &'static Preset,
        batch: u32,
        samples: usize,
        optimizer: OptimizerChoice,
    ) -> Result<Self, LabError> {
        let order_length = MAX_STEPS_PER_SUBMIT * batch as usize;
        let source = match preset.data {
            PresetData::Images { source, .. } => {
                let shape = source.shape();
                let normalization = source.normalization();
                BatchSource::Images {
                    samples,
                    shape: [shape.channels, shape.height, shape.width].map(|size| size as usize),
                    mean: normalization.mean.to_vec(),
                    standard_deviation: normalization.standard_deviation.to_vec(),
                    order_length,
                    margin: preset.augmentation().map(|moved| moved.margin as usize),
                }
            }
            PresetData::Text { window, .. } => BatchSource::Text {
                tokens: samples * window + 1,
                windows: samples,
                window,
                order_length,
            },
            _ => return Self::drawn(preset, batch, optimizer),
        };
        let update = optimizer
            .kind
            .update(optimizer.momentum, &optimizer.options);
        let model = Model::build(spec, &source, batch as usize, update)
            .map_err(crate::session::SessionError::from)?;
        Ok(Self {
            preset,
            model,
            samples: None,
        })
    }

    /// Of a preset whose data is drawn from a seed, or given with it.
    fn drawn(
        preset: &'static Preset,
        batch: u32,
        optimizer: OptimizerChoice,
    ) -> Result<Self, LabError> {
        use crate::session::SessionError;
        let samples = match preset.data {
            PresetData::Toy(source) => {
                Some(SampleSet::Table(source.draw().map_err(SessionError::from)?))
            }
            PresetData::Series(source) => {
                Some(SampleSet::Table(source.draw().map_err(SessionError::from)?))
            }
            _ => None,
        };
        let model = build_model(preset, samples.as_ref(), batch, optimizer)?;
        Ok(Self {
            preset,
            model,
            samples,
        })
    }

    /// Everything that a step reads: data, order of the samples, initial weights.
    pub fn contents(&self) -> Vec<(ValueId, Values)> {
        let model = &self.model;
        let count = |value: ValueId| model.graph.value(value).shape.count();
        let mut contents = given_values(model, self.preset, self.samples.as_ref());
        if let Some(gathered) = model.gathered {
            let targets = count(gathered.targets);
            if contents.is_empty() {
                contents.push((gathered.samples, self.random_samples(gathered.samples)));
                contents.push((gathered.targets, self.random_targets(targets)));
            }
            let order = random_below(3, count(gathered.order), targets);
            contents.push((gathered.order, Values::U32(order)));
            for value in gathered.transforms.iter().flatten() {
                contents.push((*value, Values::U32(vec![0; count(*value)])));
            }
        }
        let parameters = model.parameters.iter().map(|parameter| parameter.value);
        contents.extend(parameters.zip(initial_parameters(self.preset, model, SEED)));
        contents
    }

    fn classes(&self) -> usize {
        let logits = &self.model.graph.value(self.model.logits).shape;
        logits.dims().last().copied().unwrap_or(1)
    }

    /// Bytes of images, or tokens of a text.
    fn random_samples(&self, samples: ValueId) -> Values {
        let count = self.model.graph.value(samples).shape.count();
        if self.model.correct_of_row.is_some() {
            return Values::U32(random_below(1, count, self.classes()));
        }
        let bytes = random_below(1, count, 256).into_iter();
        Values::U8(bytes.map(|byte| byte as u8).collect())
    }

    /// Classes of images, or where the windows of a text begin.
    fn random_targets(&self, count: usize) -> Values {
        let starts = |window: usize| (0..count).map(|number| (number * window) as u32).collect();
        Values::U32(match self.preset.data {
            PresetData::Text { window, .. } => starts(window),
            _ => random_below(2, count, self.classes()),
        })
    }

    /// The values of a step in training that leaves the weights as they are, however often it runs.
    pub fn step(&self) -> StepValues {
        let update = self.model.graph.update();
        let [bias_correction_1, bias_correction_2] =
            update.map_or([1.0; 2], |op| op.bias_corrections(1));
        StepValues {
            learning_rate: 0.0,
            bias_correction_1,
            bias_correction_2,
            ..StepValues::forward(self.model.batch as u32).in_training()
        }
    }

    /// The values that a run keeps readable.
    pub fn kept(&self) -> Vec<ValueId> {
        let model = &self.model;
        let mut keep = vec![model.loss, model.loss_of_row];
        keep.extend(model.correct);
        keep.extend(model.weight_of_row);
        keep.push(model.told());
        keep.extend(model.graph.gradient_norm());
        keep
    }
}

/// Whole numbers below `bound`.
fn random_below(stream: u64, count: usize, bound: usize) -> Vec<u32> {
    let values = init::uniform(&mut init::generator(SEED, stream), 0.5, count);
    values
        .into_iter()
        .map(|value| ((value + 0.5) * bound as f32) as u32 % bound as u32)
        .collect()
}
