//! X15 (R32): which size wins by its loss alone, and which within a budget.

use super::trainer::{Score, Trainer};
use super::{Form, Measures, Work};
use crate::data::{SampleSet, ToyShape, ToySource};
use crate::layers::{Layer, Linear, Loss, ModelSpec, Relu};
use crate::lesson::LessonError;
use crate::models::{Hyperparameters, Preset, PresetData};
use crate::optim::{OptimizerKind, Options};
use crate::platform::now_millis;

/// Hidden units of the networks.
const WIDTHS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

/// C_max: bytes of the parameters in float32.
const BUDGET_BYTES: u64 = 300;

/// Updates of every network, each with all points.
const STEPS: u64 = 600;

const TRAIN: u32 = 200;
const POINTS: ToySource = ToySource {
    shape: ToyShape::Spirals,
    noise: 0.02,
    train: TRAIN,
    test: TRAIN,
    seed: 1,
};

static PRESET: Preset = Preset {
    id: "exercise-x15",
    spec: || spec(1),
    data: PresetData::Toy(POINTS),
    initial: &[],
    defaults: Hyperparameters {
        batch: TRAIN,
        learning_rate: 2e-2,
        optimizer: OptimizerKind::Adam,
        momentum: 0.9,
        epochs: 600,
        options: Options::NONE,
    },
    article: None,
};

fn spec(width: usize) -> ModelSpec {
    ModelSpec {
        layers: vec![
            Layer::new(
                "fc1",
                Linear {
                    out_features: width,
                },
            ),
            Layer::new("relu1", Relu {}),
            Layer::new("fc2", Linear { out_features: 1 }),
        ],
        loss: Loss::BinaryCrossEntropy,
    }
}

/// A network that has learned.
#[derive(Clone, Copy)]
struct Candidate {
    width: usize,
    bytes: u64,
    train: Score,
    held_out: Score,
}

/// Networks of growing width, one trained after the other.
pub(super) struct Sizes {
    samples: SampleSet,
    trainer: Option<Trainer>,
    done: Vec<Candidate>,
}

impl Sizes {
    pub(super) fn new() -> Result<Self, LessonError> {
        Ok(Self {
            samples: POINTS.draw()?.into(),
            trainer: None,
            done: Vec::new(),
        })
    }
}

impl Work for Sizes {
    fn advance(&mut self, budget_millis: f64) -> Result<(u32, u32), LessonError> {
        let deadline = now_millis() + budget_millis;
        while let Some(&width) = WIDTHS.get(self.done.len()) {
            let trainer = match &mut self.trainer {
                Some(trainer) => trainer,
                none => none.insert(Trainer::new(&PRESET, &spec(width), &self.samples, 1)?),
            };
            while trainer.steps() < STEPS && now_millis() < deadline {
                trainer.step();
            }
            if trainer.steps() < STEPS {
                break;
            }
            self.done.push(Candidate {
                width,
                bytes: 4 * trainer.parameter_count(),
                train: trainer.score(0..TRAIN),
                held_out: trainer.score(TRAIN..2 * TRAIN),
            });
            self.trainer = None;
        }
        let steps = self.trainer.as_ref().map_or(0, Trainer::steps);
        let done = self.done.len() as u64 * STEPS + steps;
        Ok((done as u32, (WIDTHS.len() as u64 * STEPS) as u32))
    }

    fn measures(&mut self, form: Form) -> Result<Measures, LessonError> {
        let fits = |candidate: &&Candidate| match form {
            Form::Faulty => true,
            Form::Right => candidate.bytes <= BUDGET_BYTES,
        };
        let allowed: Vec<Candidate> = self.done.iter().filter(fits).copied().collect();
        let best = allowed
            .iter()
            .min_by(|a, b| a.train.loss.total_cmp(&b.train.loss));
        let curve = allowed.iter().map(|of| [of.width as f64, of.train.loss]);
        let measures = Measures::default()
            .count("largest_width", WIDTHS[WIDTHS.len() - 1] as u64)
            .count("budget_bytes", BUDGET_BYTES)
            .curve("loss_of_width", curve.collect());
        Ok(match best {
            Some(best) => measures
                .count("chosen_width", best.width as u64)
                .count("chosen_bytes", best.bytes)
                .number("chosen_loss", best.train.loss)
                .number("held_out_loss", best.held_out.loss),
            None => measures,
        })
    }
}

pub(super) fn x15_verdict(faulty: &Measures, right: &Measures) -> bool {
    faulty.get("chosen_width") == faulty.get("largest_width")
        && faulty.get("chosen_bytes") > faulty.get("budget_bytes")
        && right.get("chosen_bytes") <= right.get("budget_bytes")
}
