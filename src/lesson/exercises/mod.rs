//! Exercises X1 to X16 of the course: each runs the form with the mistake and the right form through the engine and
//! compares what they gave.
//!
//! # Layout
//! - `outcome`: what is told of an exercise: measured values by row, curves, the verdict; `refused`: why the engine
//!   refused, as data.
//! - `bench`: small graphs in f64, with finite differences; `worked`: the worked example 2-3-1.
//! - `trainer`: training on the CPU, for the exercises that need it.
//! - the exercises by what they are about: `network` (X1, X2, X3, X13), `gradient` (X4, X5, X6), `schedule` (X7),
//!   `shape` (X8, X9, X10), `overfit` (X11), `writing` (X12), `parallel` (X14, X16), `budget` (X15).
//!
//! An exercise measures either form by the same function, and its verdict is a function of the two measurements: put
//! the right form in the place of the faulty one and the verdict is another one (`tests`).

mod bench;
mod budget;
mod gradient;
mod network;
mod outcome;
mod overfit;
mod parallel;
mod refused;
mod schedule;
mod shape;
#[cfg(test)]
mod tests;
mod trainer;
mod worked;
mod writing;

pub use outcome::{Curve, ExerciseId, Form, Measure, Measures, Outcome, Row};
pub use refused::{Misfit, Refused};

use super::LessonError;

/// The data file that an exercise reads, below `assets/data/`.
pub fn needed_file(id: ExerciseId) -> Option<&'static str> {
    match id {
        ExerciseId::X12 => Some(writing::file()),
        _ => None,
    }
}

/// What takes long: it is done piece by piece, once for both forms.
trait Work {
    /// Works for about `budget_millis`; pieces done, of all.
    fn advance(&mut self, budget_millis: f64) -> Result<(u32, u32), LessonError>;

    /// What a form gave, after all is done.
    fn measures(&mut self, form: Form) -> Result<Measures, LessonError>;
}

/// How an exercise is done.
enum Experiment {
    /// At once, each form by itself.
    Direct(fn(Form) -> Result<Measures, LessonError>),
    /// Given the bytes of its file, empty where it needs none.
    Long(Begin),
}

/// Begins what takes long.
type Begin = fn(&[u8]) -> Result<Box<dyn Work>, LessonError>;

/// What follows from the measurements of the faulty and of the right form: whether they show the mistake and its
/// correction.
type Verdict = fn(&Measures, &Measures) -> bool;

/// How an exercise is done, and what its verdict is.
fn experiment(id: ExerciseId) -> (Experiment, Verdict) {
    use Experiment::{Direct, Long};
    match id {
        ExerciseId::X1 => (Direct(network::x1), network::x1_verdict),
        ExerciseId::X2 => (Direct(network::x2), network::x2_verdict),
        ExerciseId::X3 => (Direct(network::x3), network::x3_verdict),
        ExerciseId::X4 => (Direct(gradient::x4), gradient::x4_verdict),
        ExerciseId::X5 => (Direct(gradient::x5), gradient::x5_verdict),
        ExerciseId::X6 => (Direct(gradient::x6), gradient::x6_verdict),
        ExerciseId::X7 => (Direct(schedule::x7), schedule::x7_verdict),
        ExerciseId::X8 => (Direct(shape::x8), shape::x8_verdict),
        ExerciseId::X9 => (Direct(shape::x9), shape::x9_verdict),
        ExerciseId::X10 => (Direct(shape::x10), shape::x10_verdict),
        ExerciseId::X11 => (
            Long(|_| Ok(Box::new(overfit::Overfit::new(1)?))),
            overfit::x11_verdict,
        ),
        ExerciseId::X12 => (
            Long(|bytes| Ok(Box::new(writing::Letters::new(bytes)?))),
            writing::x12_verdict,
        ),
        ExerciseId::X13 => (Direct(network::x13), network::x13_verdict),
        ExerciseId::X14 => (Direct(parallel::x14), parallel::x14_verdict),
        ExerciseId::X15 => (
            Long(|_| Ok(Box::new(budget::Sizes::new()?))),
            budget::x15_verdict,
        ),
        ExerciseId::X16 => (Direct(parallel::x16), parallel::x16_verdict),
    }
}

/// An exercise under way.
pub struct Run {
    id: ExerciseId,
    verdict: Verdict,
    stage: Stage,
}

enum Stage {
    Direct(fn(Form) -> Result<Measures, LessonError>),
    Long(Box<dyn Work>),
}

/// How far an exercise is.
#[derive(Debug)]
pub enum Progress {
    /// Pieces of work done, of all.
    Working {
        done: u32,
        total: u32,
    },
    Done(Outcome),
}

impl Run {
    /// Begins an exercise; `file` are the bytes of its data file, where it needs one.
    ///
    /// # Errors
    /// When a file is missing or damaged.
    pub fn new(id: ExerciseId, file: Option<&[u8]>) -> Result<Self, LessonError> {
        let (experiment, verdict) = experiment(id);
        let stage = match experiment {
            Experiment::Direct(measure) => Stage::Direct(measure),
            Experiment::Long(begin) => Stage::Long(begin(file.unwrap_or_default())?),
        };
        Ok(Self { id, verdict, stage })
    }

    /// Works for about `budget_millis`.
    ///
    /// # Errors
    /// When the engine refuses what an exercise needs.
    pub fn advance(&mut self, budget_millis: f64) -> Result<Progress, LessonError> {
        let [faulty, right] = match &mut self.stage {
            Stage::Direct(measure) => [measure(Form::Faulty)?, measure(Form::Right)?],
            Stage::Long(work) => {
                let (done, total) = work.advance(budget_millis)?;
                if done < total {
                    return Ok(Progress::Working { done, total });
                }
                [work.measures(Form::Faulty)?, work.measures(Form::Right)?]
            }
        };
        let verdict = (self.verdict)(&faulty, &right);
        Ok(Progress::Done(Outcome::new(
            self.id, faulty, right, verdict,
        )))
    }
}
