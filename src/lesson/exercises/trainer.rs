//! Training on the CPU, for exercises whose measurement is what a network learned.

use crate::data::{BatchSchedule, SampleSet};
use crate::exec::cpu::CpuExecutor;
use crate::exec::{Mode, Plan};
use crate::graph::Phase;
use crate::layers::{Model, ModelSpec};
use crate::lesson::LessonError;
use crate::models::Preset;
use crate::ops::StepValues;
use crate::session::{OptimizerChoice, build_spec, given_values, initial_parameters, order_values};
use crate::tensor::Values;
use std::ops::Range;
use std::sync::Arc;

/// A network that learns.
pub(super) struct Trainer {
    preset: &'static Preset,
    model: Model,
    executor: CpuExecutor<f32>,
    batches: BatchSchedule,
    seed: u64,
    step: u64,
}

/// What some samples say of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Score {
    pub loss: f64,
    /// Share of right answers.
    pub accuracy: f64,
}

impl Trainer {
    /// A network of a layer list with initial weights of the seed; data, batch and optimizer are the preset's.
    ///
    /// # Errors
    /// When the layers do not fit the samples.
    pub(super) fn new(
        preset: &'static Preset,
        spec: &ModelSpec,
        samples: &SampleSet,
        seed: u64,
    ) -> Result<Self, LessonError> {
        let batch = preset.defaults.batch;
        let choice = OptimizerChoice::of(preset);
        let model = build_spec(spec, preset, Some(samples), batch, choice)?;
        let graph = Arc::new(model.graph.clone());
        let keep: Vec<_> = [model.loss].into_iter().chain(model.correct).collect();
        let plan = Plan::new(&graph, Mode::Train, &keep);
        let mut executor = CpuExecutor::new(graph, Arc::new(plan));
        for (value, values) in given_values(&model, preset, Some(samples)) {
            executor.give(value, values);
        }
        let initial = initial_parameters(preset, &model, seed);
        for (parameter, values) in model.parameters.iter().zip(&initial) {
            executor.write(parameter.value, values);
        }
        Ok(Self {
            preset,
            model,
            executor,
            batches: BatchSchedule::shuffled(seed, samples.train_count(), batch)?,
            seed,
            step: 0,
        })
    }

    fn run(&mut self, samples: &[u32], valid: u32, last: Phase) {
        let gathered = self.model.gathered.expect("samples are gathered");
        let order: Vec<(u64, u32)> = samples.iter().map(|&sample| (0, sample)).collect();
        for (value, values) in order_values(&gathered, self.preset, self.seed, &order) {
            self.executor.write(value, &values);
        }
        let update = self.model.graph.update();
        let [bias_correction_1, bias_correction_2] =
            update.map_or([1.0; 2], |op| op.bias_corrections(self.step + 1));
        let values = StepValues {
            step: self.step as u32,
            learning_rate: self.preset.defaults.learning_rate,
            bias_correction_1,
            bias_correction_2,
            ..StepValues::forward(valid)
        };
        let values = match last {
            Phase::Update => values.in_training(),
            _ => values,
        };
        let groups = self.executor.plan().phases(Phase::Data, last);
        self.executor.run(groups, &values);
    }

    /// One update; the mean loss of its batch before it.
    pub(super) fn step(&mut self) -> f64 {
        let batch = self.batches.at(self.step);
        let (valid, samples) = (batch.valid(), batch.padded().collect::<Vec<u32>>());
        self.run(&samples, valid, Phase::Update);
        self.step += 1;
        f64::from(self.executor.reals(self.model.loss)[0])
    }

    /// Updates done.
    pub(super) fn steps(&self) -> u64 {
        self.step
    }

    /// What these samples say of the network as it stands; held-out samples are numbered behind the others.
    pub(super) fn score(&mut self, samples: Range<u32>) -> Score {
        let count = f64::from(samples.end - samples.start);
        let samples: Vec<u32> = samples.collect();
        let (mut loss, mut right) = (0.0, 0.0);
        for part in samples.chunks(self.model.batch) {
            self.run(part, part.len() as u32, Phase::Loss);
            loss += f64::from(self.executor.reals(self.model.loss)[0]) * part.len() as f64;
            right += match self.model.correct {
                Some(correct) => f64::from(self.executor.reals(correct)[0]),
                None => f64::NAN,
            };
        }
        Score {
            loss: loss / count,
            accuracy: right / count,
        }
    }

    pub(super) fn parameter_count(&self) -> u64 {
        self.model.parameter_count()
    }

    /// All parameters as they stand, in the model's order.
    pub(super) fn parameters(&self) -> Vec<Values> {
        let parameters = self.model.parameters.iter();
        parameters
            .map(|parameter| self.executor.read(parameter.value))
            .collect()
    }
}
