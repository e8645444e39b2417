//! A preset with one small batch of its data: what `step` walks through and `check` checks.

use super::arguments::TableArguments;
use super::{CliError, data};
use crate::data::{BatchSchedule, SampleSet};
use crate::graph::ValueId;
use crate::layers::{Model, ModelSpec};
use crate::models::Preset;
use crate::ops::StepValues;
use crate::session::{
    OptimizerChoice, build_model, build_spec, given_values, initial_parameters, order_values,
};
use crate::tensor::Values;

/// A model and everything that its first batch reads.
pub struct Subject {
    pub model: Model,
    pub given: Vec<(ValueId, Values)>,
    pub step: StepValues,
}

impl Subject {
    /// The first batch of `seed`, of at most `batch` samples.
    /// With `spec` another layer list on the preset's data; `own` names the learner's own table.
    pub fn new(
        preset: &'static Preset,
        own: &TableArguments,
        spec: Option<&ModelSpec>,
        batch: u32,
        seed: u64,
    ) -> Result<Self, CliError> {
        let samples = data::samples(preset, own)?;
        let count = samples.as_ref().map_or(1, SampleSet::train_count);
        let batch = batch.min(count);
        let defaults = preset.defaults;
        let optimizer = OptimizerChoice::of(preset);
        let mut model = match spec {
            Some(spec) => build_spec(spec, preset, samples.as_ref(), batch, optimizer)?,
            None => build_model(preset, samples.as_ref(), batch, optimizer)?,
        };
        model.graph.set_seed(seed);
        let mut given = given_values(&model, preset, samples.as_ref());
        if let Some(gathered) = model.gathered {
            let mut schedule = BatchSchedule::shuffled(seed, count, batch)?;
            let order: Vec<(u64, u32)> = schedule.at(0).padded().map(|at| (0, at)).collect();
            given.extend(order_values(&gathered, preset, seed, &order));
        }
        let parameters = model.parameters.iter().map(|parameter| parameter.value);
        given.extend(parameters.zip(initial_parameters(preset, &model, seed)));
        let update = model.graph.update();
        let [bias_correction_1, bias_correction_2] =
            update.map_or([1.0; 2], |op| op.bias_corrections(1));
        let step = StepValues {
            learning_rate: defaults.learning_rate,
            bias_correction_1,
            bias_correction_2,
            ..StepValues::forward(batch).in_training()
        };
        Ok(Self { model, given, step })
    }
}
