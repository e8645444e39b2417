//! Work under way, in pieces short enough that the page keeps its turn.

use super::trainer::Rounding;
use super::{
    CompressError, CompressedModel, DistilSettings, Evaluator, Masks, Measured, Network, Recipe,
    Stage, Teacher, Trainer, gradual_sparsity,
};
use crate::data::Dataset;
use crate::export::NamedTensor;
use crate::models::Hyperparameters;
use std::sync::Arc;

/// Prunings on the way to the last sparsity.
const PRUNINGS: u32 = 8;

/// What the work is for.
pub(super) enum Goal {
    Base,
    Student(DistilSettings),
    Try(Recipe),
    /// A compressed file, and its length.
    Load(u64),
    /// Exercise X15: number of the network, its width, and the seed.
    Size(usize, u32, u64),
}

pub(super) struct Job {
    pub goal: Goal,
    pub network: Network,
    /// The weights that are compressed; empty where training makes them.
    pub before: Vec<NamedTensor>,
    pub work: Work,
}

/// The piece of work that is due.
pub(super) enum Work {
    /// Asks the teacher, then teaches.
    Asking {
        evaluator: Evaluator,
        lesson: Box<Lesson>,
    },
    Tuning(Box<Tuning>),
    Measuring {
        evaluator: Evaluator,
        subject: Box<Subject>,
    },
}

/// A student about to be taught.
pub(super) struct Lesson {
    pub data: Arc<Dataset>,
    pub hyperparameters: Hyperparameters,
    pub settings: DistilSettings,
}

/// A network about to be measured.
pub(super) struct Subject {
    pub model: CompressedModel,
    pub threshold: Option<f32>,
    /// Updates done for it.
    pub steps: u64,
}

/// How far a piece of work has come.
pub(super) enum Outcome {
    Working,
    /// These weights were trained.
    Trained {
        weights: Vec<NamedTensor>,
        threshold: Option<f32>,
        steps: u64,
    },
    Measured(Box<Subject>, Measured),
}

/// Training with what compression does between the steps.
pub(super) struct Tuning {
    pub trainer: Trainer,
    /// Steps to take.
    pub total: u64,
    pub stage: Stage,
    pub masks: Option<Masks>,
    /// Prunes further as training goes on.
    pub gradual: Option<Gradual>,
    pub rounding: Option<Rounding>,
    /// Sum and number of the losses since the last report.
    pub losses: (f64, u32),
}

/// Pruning in steps, over the first three quarters of the training; the rest trains what is left.
pub(super) struct Gradual {
    pub recipe: Recipe,
    pub done: u32,
}

impl Gradual {
    /// How many prunings are due before step number `step` of `total`.
    fn due(step: u64, total: u64) -> u32 {
        let window = (total * 3 / 4).max(1);
        let due = step * u64::from(PRUNINGS) / window + 1;
        due.min(PRUNINGS.into()) as u32
    }
}

impl Tuning {
    pub fn new(trainer: Trainer, epochs: u32, stage: Stage) -> Self {
        Self {
            total: trainer.steps_per_epoch() * u64::from(epochs),
            trainer,
            stage,
            masks: None,
            gradual: None,
            rounding: None,
            losses: (0.0, 0),
        }
    }

    /// Prunes as far as `due` of all prunings lead.
    pub(super) fn prune(&mut self, due: u32) -> Result<(), CompressError> {
        let Some(gradual) = self.gradual.as_mut().filter(|gradual| gradual.done < due) else {
            return Ok(());
        };
        gradual.done = due;
        let Recipe {
            sparsity, scope, ..
        } = gradual.recipe;
        // What is pruned already is 0, so it is the smallest and stays pruned.
        let sparsity = gradual_sparsity(sparsity, due, PRUNINGS);
        let mut masks = Masks::new(&self.trainer.weights(), sparsity, scope)?;
        self.trainer.mask(&masks);
        // An earlier pruning may have taken a larger weight than this one.
        let before = self.masks.take().and_then(|masks| masks.threshold);
        masks.threshold = masks.threshold.into_iter().chain(before).reduce(f32::max);
        self.masks = Some(masks);
        Ok(())
    }

    /// One step; true once all are done.
    fn step(&mut self) -> Result<bool, CompressError> {
        self.prune(Gradual::due(self.trainer.step_count(), self.total))?;
        let loss = self.trainer.step(self.rounding, self.masks.as_ref())?;
        self.losses.0 += f64::from(loss);
        self.losses.1 += 1;
        let is_done = self.trainer.step_count() >= self.total;
        if is_done {
            // Where there are fewer steps than prunings.
            self.prune(PRUNINGS)?;
        }
        Ok(is_done)
    }
}

impl Job {
    /// Works for some milliseconds at most.
    pub fn work(&mut self) -> Result<Outcome, CompressError> {
        match &mut self.work {
            Work::Asking { evaluator, lesson } => {
                let Some(measured) = evaluator.pass() else {
                    return Ok(Outcome::Working);
                };
                let Lesson {
                    data,
                    hyperparameters,
                    settings,
                } = &**lesson;
                let teacher = Teacher {
                    logits: measured.logits,
                    lambda: settings.lambda,
                    temperature: settings.temperature,
                };
                let seed = settings.seed;
                let trainer = Trainer::new(
                    self.network,
                    data,
                    hyperparameters,
                    seed,
                    None,
                    Some(teacher),
                )?;
                let tuning = Tuning::new(trainer, settings.epochs, Stage::Distilling);
                self.work = Work::Tuning(Box::new(tuning));
                Ok(Outcome::Working)
            }
            Work::Tuning(tuning) => Ok(if tuning.step()? {
                Outcome::Trained {
                    weights: tuning.trainer.weights(),
                    threshold: tuning.masks.as_ref().and_then(|masks| masks.threshold),
                    steps: tuning.trainer.step_count(),
                }
            } else {
                Outcome::Working
            }),
            Work::Measuring { evaluator, subject } => Ok(match evaluator.pass() {
                None => Outcome::Working,
                Some(measured) => {
                    let model = subject.model.clone();
                    let subject = Subject { model, ..**subject };
                    Outcome::Measured(Box::new(subject), measured)
                }
            }),
        }
    }

    /// Stage, done and all of what is under way, and the mean loss since the last call.
    pub fn progress(&mut self) -> (Stage, u64, u64, Option<f32>) {
        match &mut self.work {
            Work::Asking { evaluator, .. } => {
                let (done, total) = evaluator.progress();
                (Stage::Teacher, done, total, None)
            }
            Work::Tuning(tuning) => {
                let (sum, count) = std::mem::take(&mut tuning.losses);
                let loss = (count > 0).then(|| (sum / f64::from(count)) as f32);
                let done = tuning.trainer.step_count();
                (tuning.stage, done, tuning.total, loss)
            }
            Work::Measuring { evaluator, .. } => {
                let (done, total) = evaluator.progress();
                (Stage::Measuring, done, total, None)
            }
        }
    }
}
