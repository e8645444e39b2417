//! Exercises X1 to X16 of the course: each runs the form with the mistake and the right form through the engine and
//! compares what they gave.
//!
//! # Layout
//! - `outcome`: what is told of an exercise: measured values by row, curves, the verdict.
//! - `bench`: small graphs in f64, with finite differences; `worked`: the worked example 2-3-1.
//! - `trainer`: training on the CPU, for the exercises that need it.
//! - the exercises by what they are about: `network` (X1, X2, X3, X13), `gradient` (X4, X5, X6), `schedule` (X7),
//!   `shape` (X8, X9, X10), `overfit` (X11), `writing` (X12), `parallel` (X14, X16), `budget` (X15).
//!
//! An exercise measures either form by the same function, and its verdict is a function of the two measurements: put
//! the right form in the place of the faulty one and the verdict is another one (`tests`).

mod bench;
mod gradient;
mod outcome;
mod schedule;
#[cfg(test)]
mod tests;
mod worked;

pub use outcome::{Curve, ExerciseId, Form, Measure, Measures, Outcome, Row};

use super::LessonError;

/// The data file that the exercise reads, below `assets/data/`.
pub fn needed_file(_id: ExerciseId) -> Option<&'static str> {
    None
}

/// How an exercise is done.
enum Experiment {
    /// At once, each form by itself.
    Direct(fn(Form) -> Result<Measures, LessonError>),
}

/// How the exercise is done, and what its verdict is.
fn experiment(id: ExerciseId) -> Option<(Experiment, fn(&Measures, &Measures) -> bool)> {
    use Experiment::Direct;
    Some(match id {
        ExerciseId::X4 => (Direct(gradient::x4), gradient::x4_verdict),
        ExerciseId::X5 => (Direct(gradient::x5), gradient::x5_verdict),
        ExerciseId::X6 => (Direct(gradient::x6), gradient::x6_verdict),
        ExerciseId::X7 => (Direct(schedule::x7), schedule::x7_verdict),
        _ => return None,
    })
}

/// An exercise under way.
pub struct Run {
    id: ExerciseId,
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
    pub fn new(id: ExerciseId, _file: Option<&[u8]>) -> Result<Self, LessonError> {
        Ok(Self { id })
    }

    /// Works for about `budget_millis`.
    ///
    /// # Errors
    /// When the engine refuses what the right form does, or accepts what the faulty one must not do.
    pub fn advance(&mut self, _budget_millis: f64) -> Result<Progress, LessonError> {
        let (experiment, verdict) = experiment(self.id).ok_or(LessonError::NoExperiment {
            name: self.id.name(),
        })?;
        let [faulty, right] = match experiment {
            Experiment::Direct(measure) => [measure(Form::Faulty)?, measure(Form::Right)?],
        };
        let verdict = verdict(&faulty, &right);
        Ok(Progress::Done(Outcome::new(
            self.id, faulty, right, verdict,
        )))
    }
}
