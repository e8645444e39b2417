//! A preset with one small batch of its data: what `step` walks through and `check` checks.

use super::{CliError, data};
use crate::data::BatchSchedule;
use crate::graph::ValueId;
use crate::layers::{Model, ModelSpec};
use crate::models::Preset;
use crate::ops::{AdamUpdate, StepValues};
use crate::session::{OptimizerChoice, build_spec, given_values, initial_parameters};
use crate::tensor::Values;

/// A model and everything that its first batch reads.
pub struct Subject {
    pub model: Model,
    pub given: Vec<(ValueId, Values)>,
    pub step: StepValues,
}

impl Subject {
    /// The first batch of `seed`, of at most `batch` samples.
    pub fn new(preset: &'static Preset, batch: u32, seed: u64) -> Result<Self, CliError> {
        Self::with_spec(preset, &(preset.spec)(), batch, seed)
    }

    /// Another layer list on the preset's data.
    pub fn with_spec(
        preset: &'static Preset,
        spec: &ModelSpec,
        batch: u32,
        seed: u64,
    ) -> Result<Self, CliError> {
        let dataset = data::dataset(preset)?.map(|(_, dataset)| dataset);
        let count = dataset.as_ref().map_or(1, |dataset| dataset.train.count());
        let batch = batch.min(count);
        let defaults = preset.defaults;
        let optimizer = OptimizerChoice {
            kind: defaults.optimizer,
            momentum: defaults.momentum,
        };
        let model = build_spec(spec, preset, dataset.as_ref(), batch, optimizer)?;
        let mut given = given_values(&model, preset, dataset.as_ref());
        if let Some(images) = model.images {
            let mut schedule = BatchSchedule::shuffled(seed, count, batch)?;
            given.push((images.order, Values::U32(schedule.at(0).padded().collect())));
        }
        let parameters = model.parameters.iter().map(|parameter| parameter.value);
        given.extend(parameters.zip(initial_parameters(preset, &model, seed)));
        let [bias_correction_1, bias_correction_2] = AdamUpdate::default().bias_corrections(1);
        let step = StepValues {
            learning_rate: defaults.learning_rate,
            bias_correction_1,
            bias_correction_2,
            ..StepValues::forward(batch).in_training()
        };
        Ok(Self { model, given, step })
    }
}
