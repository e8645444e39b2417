//! X11 (R17): what an evaluation on the training data says.

use super::trainer::Trainer;
use super::{Form, Measure, Measures, Work};
use crate::data::{SampleSet, ToyShape, ToySource};
use crate::layers::{Layer, Linear, Loss, ModelSpec, Relu};
use crate::lesson::LessonError;
use crate::models::{Hyperparameters, Preset, PresetData};
use crate::optim::{OptimizerKind, Options};
use crate::platform::now_millis;

/// 40 points with noise 0.35, learned for 3,000 steps of all of them.
const TRAIN: u32 = 40;
const TEST: u32 = 2_000;
const STEPS: u64 = 3_000;
/// Steps between two places of the curve.
const EVERY: u64 = 100;

const POINTS: ToySource = ToySource {
    shape: ToyShape::TwoMoons,
    noise: 0.35,
    train: TRAIN,
    test: TEST,
    seed: 1,
};

static PRESET: Preset = Preset {
    id: "exercise-x11",
    spec,
    data: PresetData::Toy(POINTS),
    initial: &[],
    defaults: Hyperparameters {
        batch: TRAIN,
        learning_rate: 1e-2,
        optimizer: OptimizerKind::Adam,
        momentum: 0.9,
        epochs: 3_000,
        options: Options::NONE,
    },
    article: None,
};

fn spec() -> ModelSpec {
    ModelSpec {
        layers: vec![
            Layer::new("fc1", Linear { out_features: 64 }),
            Layer::new("relu1", Relu {}),
            Layer::new("fc2", Linear { out_features: 1 }),
        ],
        loss: Loss::BinaryCrossEntropy,
    }
}

/// A network that learns 40 points by heart, evaluated on them and on points that it has never seen.
pub(super) struct Overfit {
    trainer: Trainer,
    /// (step, accuracy) on the training points and on the others.
    curves: [Vec<[f64; 2]>; 2],
}

/// The samples of a part, in the numbering of the trainer.
fn part(is_test: bool) -> std::ops::Range<u32> {
    match is_test {
        false => 0..TRAIN,
        true => TRAIN..TRAIN + TEST,
    }
}

impl Overfit {
    pub(super) fn new(seed: u64) -> Result<Self, LessonError> {
        let samples: SampleSet = POINTS.draw()?.into();
        let mut overfit = Self {
            trainer: Trainer::new(&PRESET, &spec(), &samples, seed)?,
            curves: Default::default(),
        };
        overfit.tell();
        Ok(overfit)
    }

    /// Adds a place to the curves.
    fn tell(&mut self) {
        let step = self.trainer.steps() as f64;
        for (curve, is_test) in self.curves.iter_mut().zip([false, true]) {
            curve.push([step, self.trainer.score(part(is_test)).accuracy]);
        }
    }
}

impl Work for Overfit {
    fn advance(&mut self, budget_millis: f64) -> Result<(u32, u32), LessonError> {
        let deadline = now_millis() + budget_millis;
        while self.trainer.steps() < STEPS && now_millis() < deadline {
            self.trainer.step();
            if self.trainer.steps().is_multiple_of(EVERY) {
                self.tell();
            }
        }
        Ok((self.trainer.steps() as u32, STEPS as u32))
    }

    fn measures(&mut self, form: Form) -> Result<Measures, LessonError> {
        let is_test = form == Form::Right;
        let score = self.trainer.score(part(is_test));
        Ok(Measures::default()
            .count("learned_from", u64::from(TRAIN))
            .count("parameters", self.trainer.parameter_count())
            .count(
                "evaluated_on",
                u64::from(part(is_test).end - part(is_test).start),
            )
            .with("accuracy", Measure::Share(score.accuracy))
            .number("loss", score.loss)
            .curve("accuracy", self.curves[usize::from(is_test)].clone()))
    }
}

pub(super) fn x11_verdict(faulty: &Measures, right: &Measures) -> bool {
    faulty.get("accuracy") - right.get("accuracy") > 0.05
}
