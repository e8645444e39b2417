//! Gradients of mini-batches: the logistic regression `logreg`, whose two parameters make a plane.
//!
//! Every gradient is that of the preset's own graph, run on the CPU with the samples of one mini-batch.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::{BatchSchedule, DataError, SampleSet};
use crate::exec::cpu::CpuExecutor;
use crate::exec::{Mode, Plan};
use crate::graph::{Phase, ValueId};
use crate::models::{self, PresetData};
use crate::ops::StepValues;
use crate::session::{
    OptimizerChoice, SessionError, build_model, given_values, initial_parameters,
};
use crate::tensor::Values;

const PRESET: &str = "logreg";

/// Mini-batches whose gradients are shown, for each batch size.
pub const BATCHES: u32 = 200;

/// Steps of the descent.
pub const STEPS: u32 = 100;

/// Samples of the data set, and so the largest batch.
pub const SAMPLES: u32 = 200;

/// Batch sizes whose spread is measured.
pub const SIZES: [u32; 8] = [1, 2, 5, 10, 20, 50, 100, 200];

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoiseRequest {
    /// Samples of a mini-batch, 1 to [`SAMPLES`].
    pub batch: u32,
    /// Of the order of the samples.
    pub seed: u64,
    /// After how many steps of the mini-batch descent the gradients are taken, 0 to [`STEPS`].
    pub at: u32,
}

/// Derivatives of the loss by weight and bias.
pub type Gradient = [f32; 2];

/// How far mini-batch gradients of one size lie from the full one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub batch: u32,
    /// Root of the mean squared distance, over [`BATCHES`] mini-batches.
    pub measured: f64,
    /// What [`expected_spread`] says.
    pub expected: f64,
}

/// What drawing a batch without putting back leads to: `σ √((N − B) / (B (N − 1)))`, σ being the spread of single
/// samples.
pub fn expected_spread(sigma: f64, batch: u32) -> f64 {
    let (count, size) = (f64::from(SAMPLES), f64::from(batch));
    sigma * ((count - size) / (size * (count - 1.0))).sqrt()
}

/// Where a descent is after a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    pub weight: f32,
    pub bias: f32,
    /// Over all samples; nats.
    pub loss: f32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoiseReport {
    pub request: NoiseRequest,
    pub learning_rate: f32,
    /// Where the gradients are taken.
    pub place: Place,
    /// Of all samples at once.
    pub full: Gradient,
    /// Of each mini-batch.
    pub gradients: Vec<Gradient>,
    /// Of the batch size that was asked for.
    pub spread: Spread,
    /// For each of [`SIZES`].
    pub spreads: Vec<Spread>,
    /// By mini-batches: [`STEPS`] + 1 places.
    pub path: Vec<Place>,
    /// By all samples at once.
    pub full_path: Vec<Place>,
}

/// Why there is no report.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NoiseError {
    #[error("{name} is {actual}, expected a whole number from {least} to {most}")]
    Setting {
        name: &'static str,
        actual: u32,
        least: u32,
        most: u32,
    },
    #[error("the preset {PRESET}: {0}")]
    Preset(String),
}

impl From<SessionError> for NoiseError {
    fn from(error: SessionError) -> Self {
        Self::Preset(error.to_string())
    }
}

impl From<DataError> for NoiseError {
    fn from(error: DataError) -> Self {
        Self::Preset(error.to_string())
    }
}

/// Gradients, spreads and paths.
///
/// # Errors
/// When a setting is outside its range, or the preset cannot be built.
pub fn report(request: NoiseRequest) -> Result<NoiseReport, NoiseError> {
    check("batch", request.batch, 1, SAMPLES)?;
    check("at", request.at, 0, STEPS)?;
    let mut runner = Runner::new()?;
    let start = runner.parameters();
    let all: Vec<u32> = (0..SAMPLES).collect();
    let order = batches(request.seed, request.batch, STEPS)?;
    let path = runner.descend(start, &order, &all);
    let full_path = runner.descend(start, &vec![all.clone(); STEPS as usize], &all);
    let place = path[request.at as usize];
    runner.set_parameters([place.weight, place.bias]);
    let full = runner.gradient(&all);
    let singles: Vec<Gradient> = all
        .iter()
        .map(|&sample| runner.gradient(&[sample]))
        .collect();
    let sigma = distance(&singles, full);
    let mut spread_of = |batch: u32| -> Result<(Vec<Gradient>, Spread), NoiseError> {
        let batches = batches(request.seed, batch, BATCHES)?;
        let gradients: Vec<Gradient> = batches.iter().map(|batch| runner.gradient(batch)).collect();
        let spread = Spread {
            batch,
            measured: distance(&gradients, full),
            expected: expected_spread(sigma, batch),
        };
        Ok((gradients, spread))
    };
    let (gradients, spread) = spread_of(request.batch)?;
    let spreads: Result<Vec<Spread>, NoiseError> = SIZES
        .into_iter()
        .map(|batch| Ok(spread_of(batch)?.1))
        .collect();
    Ok(NoiseReport {
        request,
        learning_rate: runner.learning_rate,
        place,
        full,
        gradients,
        spread,
        spreads: spreads?,
        path,
        full_path,
    })
}

fn check(name: &'static str, actual: u32, least: u32, most: u32) -> Result<(), NoiseError> {
    if (least..=most).contains(&actual) {
        return Ok(());
    }
    Err(NoiseError::Setting {
        name,
        actual,
        least,
        most,
    })
}

/// The first `count` whole batches of a run in this order; what is left over at the end of an epoch is left out.
fn batches(seed: u64, batch: u32, count: u32) -> Result<Vec<Vec<u32>>, NoiseError> {
    let mut schedule = BatchSchedule::shuffled(seed, SAMPLES, batch)?;
    let mut whole = Vec::new();
    let mut step = 0;
    while whole.len() < count as usize {
        let batch_of_step = schedule.at(step);
        if batch_of_step.valid() == batch {
            whole.push(batch_of_step.indices.to_vec());
        }
        step += 1;
    }
    Ok(whole)
}

/// Root of the mean squared distance of gradients from one.
fn distance(gradients: &[Gradient], from: Gradient) -> f64 {
    let squares = gradients.iter().map(|gradient| {
        let parts = gradient.iter().zip(from);
        let squares = parts.map(|(&own, other)| (f64::from(own) - f64::from(other)).powi(2));
        squares.sum::<f64>()
    });
    (squares.sum::<f64>() / gradients.len().max(1) as f64).sqrt()
}

/// The preset's graph in host memory.
struct Runner {
    executor: CpuExecutor<f32>,
    order: ValueId,
    order_length: usize,
    loss: ValueId,
    /// `fc.weight` and `fc.bias`.
    parameters: [ValueId; 2],
    gradients: [ValueId; 2],
    learning_rate: f32,
}

impl Runner {
    fn new() -> Result<Self, NoiseError> {
        let missing = |what: &str| NoiseError::Preset(format!("{what} is missing"));
        let preset = models::find(PRESET).ok_or_else(|| missing("the preset"))?;
        let PresetData::Toy(source) = preset.data else {
            return Err(missing("a drawn data set"));
        };
        let samples = SampleSet::Table(source.draw()?);
        let model = build_model(preset, Some(&samples), SAMPLES, OptimizerChoice::of(preset))?;
        let graph = &model.graph;
        let gathered = model
            .gathered
            .ok_or_else(|| missing("the order of samples"))?;
        let parameter = |name: &str| {
            let value = graph.find_value(name).ok_or_else(|| missing(name))?;
            let gradient = graph.value(value).gradient.ok_or_else(|| missing(name))?;
            Ok::<_, NoiseError>((value, gradient))
        };
        let (weight, bias) = (parameter("fc.weight")?, parameter("fc.bias")?);
        let plan = Plan::new(graph, Mode::Inspect, &[]);
        let order_length = graph.value(gathered.order).shape.count();
        let contents = given_values(&model, preset, Some(&samples));
        let initial = initial_parameters(preset, &model, 0);
        let values: Vec<ValueId> = model.parameters.iter().map(|known| known.value).collect();
        let mut executor = CpuExecutor::new(Arc::new(model.graph.clone()), Arc::new(plan));
        for (value, contents) in contents.into_iter().chain(values.into_iter().zip(initial)) {
            executor.give(value, contents);
        }
        Ok(Self {
            executor,
            order: gathered.order,
            order_length,
            loss: model.loss,
            parameters: [weight.0, bias.0],
            gradients: [weight.1, bias.1],
            learning_rate: preset.defaults.learning_rate,
        })
    }

    fn parameters(&self) -> [f32; 2] {
        self.parameters.map(|value| self.executor.reals(value)[0])
    }

    fn set_parameters(&mut self, values: [f32; 2]) {
        for (parameter, value) in self.parameters.into_iter().zip(values) {
            self.executor.reals_mut(parameter)[0] = value;
        }
    }

    /// Runs the phases from data to `last` on some samples.
    fn run(&mut self, samples: &[u32], last: Phase) {
        let mut order = samples.to_vec();
        order.resize(self.order_length, 0);
        self.executor.write(self.order, &Values::U32(order));
        let step = StepValues {
            learning_rate: self.learning_rate,
            ..StepValues::forward(samples.len() as u32).in_training()
        };
        let groups = self.executor.plan().phases(Phase::Data, last);
        self.executor.run(groups, &step);
    }

    fn gradient(&mut self, samples: &[u32]) -> Gradient {
        self.run(samples, Phase::Backward);
        self.gradients.map(|value| self.executor.reals(value)[0])
    }

    fn loss(&mut self, samples: &[u32]) -> f32 {
        self.run(samples, Phase::Loss);
        self.executor.reals(self.loss)[0]
    }

    /// The places of a descent: the start, and one after each batch.
    fn descend(&mut self, start: [f32; 2], batches: &[Vec<u32>], all: &[u32]) -> Vec<Place> {
        self.set_parameters(start);
        let mut places = vec![self.place(all)];
        for batch in batches {
            self.run(batch, Phase::Update);
            places.push(self.place(all));
        }
        places
    }

    fn place(&mut self, all: &[u32]) -> Place {
        let loss = self.loss(all);
        let [weight, bias] = self.parameters();
        Place { weight, bias, loss }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(batch: u32, at: u32) -> NoiseRequest {
        NoiseRequest { batch, seed: 1, at }
    }

    fn near(actual: f64, expected: f64, tolerance: f64) {
        assert!(
            (actual - expected).abs() <= tolerance,
            "{actual} is not {expected}"
        );
    }

    /// `(1/N) Σ (σ(w·x + b) − y) · (x, 1)` in f64, from the preset's own points.
    fn by_hand(place: Place) -> [f64; 2] {
        let preset = models::find(PRESET).unwrap();
        let PresetData::Toy(source) = preset.data else {
            panic!("drawn points");
        };
        let table = source.draw().unwrap();
        let standard = &table.standardization;
        let mut sum = [0.0; 2];
        let crate::data::Targets::Classes(classes) = table.train.targets() else {
            panic!("classes");
        };
        for (row, &class) in table.train.rows().iter().zip(classes) {
            let x = f64::from((row - standard.mean[0]) / standard.deviation[0]);
            let z = f64::from(place.weight) * x + f64::from(place.bias);
            let delta = 1.0 / (1.0 + (-z).exp()) - f64::from(class);
            sum[0] += delta * x;
            sum[1] += delta;
        }
        sum.map(|part| part / f64::from(SAMPLES))
    }

    #[test]
    fn gradients_are_those_of_the_formula_and_average_to_the_full_one() {
        for at in [0, 10] {
            let report = report(request(1, at)).unwrap();
            let expected = by_hand(report.place);
            for (part, expected) in report.full.into_iter().zip(expected) {
                near(part.into(), expected, 1e-5);
            }
            // 200 batches of one sample are one epoch: every sample once.
            for part in 0..2 {
                let sum: f64 = report.gradients.iter().map(|g| f64::from(g[part])).sum();
                near(sum / f64::from(BATCHES), report.full[part].into(), 1e-5);
            }
            near(report.spread.measured, report.spread.expected, 1e-5);
        }
    }

    #[test]
    fn the_spread_falls_with_the_root_of_the_batch_size_to_nothing() {
        let report = report(request(20, 0)).unwrap();
        assert_eq!(report.gradients.len(), BATCHES as usize);
        assert_eq!(report.spreads.len(), SIZES.len());
        for spread in &report.spreads {
            // 200 draws of two numbers tell a spread to about 1/√400.
            near(
                spread.measured,
                spread.expected,
                0.2 * spread.expected + 1e-6,
            );
        }
        let spreads = report.spreads;
        assert!(
            spreads[0].measured > 3.0 * spreads[3].measured,
            "√10 = 3.16"
        );
        assert_eq!(spreads.last().unwrap().expected, 0.0);
    }

    #[test]
    fn a_full_batch_walks_the_path_of_all_samples_and_a_small_one_does_not() {
        let whole = report(request(SAMPLES, 0)).unwrap();
        for (own, full) in whole.path.iter().zip(&whole.full_path) {
            near(own.weight.into(), full.weight.into(), 1e-4);
        }
        assert_eq!((whole.place.weight, whole.place.bias), (-6.0, 0.0));
        let small = report(request(1, STEPS)).unwrap();
        assert_eq!(small.path.len(), STEPS as usize + 1);
        assert_ne!(small.path, small.full_path);
        assert_eq!(small.place, small.path[STEPS as usize]);
        let losses = [0, STEPS as usize].map(|step| small.full_path[step].loss);
        assert!(losses[1] < 0.05 * losses[0], "{losses:?}");
        assert_eq!(
            report(request(1, STEPS)).unwrap(),
            small,
            "the seed decides"
        );
    }

    #[test]
    fn settings_outside_their_range_are_refused_by_name() {
        for (request, name) in [
            (request(0, 0), "batch"),
            (request(201, 0), "batch"),
            (request(1, 101), "at"),
        ] {
            let error = report(request).unwrap_err().to_string();
            assert!(
                error.starts_with(name) && error.contains("expected a whole number"),
                "{error}"
            );
        }
    }
}
