//! Over- and underfitting on a few points of the plane: a network of a chosen size learns some, and is measured on
//! others that it never sees.
//!
//! # Layout
//! - `points`: the points of both parts, and what one who knew their distribution would score.
//! - `run`: the network as it learns, stretch by stretch.
//! - `verdict`: which case this is, by a rule over the measured losses.

mod points;
mod run;
mod verdict;

#[cfg(test)]
mod tests;

pub use run::Fit;
pub use verdict::{Judgement, OVER_FACTOR, OVER_LEAST, SETTLED_SHARE, SETTLED_STEPS, Verdict};
pub use verdict::{UNDER_LEAST, judge};

use serde::{Deserialize, Serialize};

use super::LessonError;
use crate::session::{Boundary, TablePoints};

/// Held-out points.
pub const HELD_OUT: u32 = 200;

/// Steps of a run; each is one update by all training points.
pub const STEPS: u32 = 2000;

/// Steps between two measurements.
pub const EVERY: u32 = 10;

/// Of AdamW.
pub const LEARNING_RATE: f32 = 5e-3;

pub const POINTS: (u32, u32) = (20, 400);
pub const NOISE: (f64, f64) = (0.05, 0.6);
/// Share of the labels that are turned to the other class.
pub const FLIPPED: (f64, f64) = (0.0, 0.4);
pub const LAYERS: (u32, u32) = (0, 3);
pub const HIDDEN: (u32, u32) = (1, 64);
pub const DECAY: (f64, f64) = (0.0, 5.0);

/// How the points lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cloud {
    /// Two half circles that reach into each other.
    #[default]
    Moons,
    /// One circle inside another of twice its radius.
    Circles,
}

impl Cloud {
    pub const ALL: [(&'static str, Self); 2] = [("moons", Self::Moons), ("circles", Self::Circles)];
}

/// What is to be learned, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FitRequest {
    pub cloud: Cloud,
    /// Training points, [`POINTS`].
    pub points: u32,
    /// Standard deviation of what is added to both coordinates, [`NOISE`].
    pub noise: f64,
    /// Share of the labels of both parts that are wrong, [`FLIPPED`].
    pub flipped: f64,
    /// Hidden layers, [`LAYERS`]; without any the boundary is a straight line.
    pub layers: u32,
    /// Units of each hidden layer, [`HIDDEN`].
    pub hidden: u32,
    /// λ of AdamW, [`DECAY`].
    pub decay: f64,
    /// Of the points and of the initial weights.
    pub seed: u64,
}

impl Default for FitRequest {
    fn default() -> Self {
        Self {
            cloud: Cloud::Moons,
            points: 40,
            noise: 0.25,
            flipped: 0.0,
            layers: 2,
            hidden: 32,
            decay: 0.0,
            seed: 1,
        }
    }
}

impl FitRequest {
    /// # Errors
    /// When a setting is outside its range.
    fn check(&self) -> Result<(), LessonError> {
        let whole = |name, actual: u32, (low, high): (u32, u32)| {
            let expected = format!("a whole number from {low} to {high}");
            in_range(
                (low..=high).contains(&actual),
                name,
                actual.to_string(),
                expected,
            )
        };
        let number = |name, actual: f64, (low, high): (f64, f64)| {
            let expected = format!("a number from {low} to {high}");
            // NaN is in no range.
            in_range(
                (low..=high).contains(&actual),
                name,
                actual.to_string(),
                expected,
            )
        };
        whole("points", self.points, POINTS)?;
        whole("layers", self.layers, LAYERS)?;
        whole("hidden", self.hidden, HIDDEN)?;
        number("noise", self.noise, NOISE)?;
        number("flipped", self.flipped, FLIPPED)?;
        number("decay", self.decay, DECAY)
    }
}

fn in_range(
    is_in: bool,
    name: &'static str,
    actual: String,
    expected: String,
) -> Result<(), LessonError> {
    match is_in {
        true => Ok(()),
        false => Err(LessonError::Setting {
            name,
            actual,
            expected,
        }),
    }
}

/// What some points say of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Mean cross-entropy, nats.
    pub loss: f64,
    /// Share of the points that are right.
    pub accuracy: f64,
}

/// A measurement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Updates done.
    pub step: u32,
    pub train: Score,
    pub held_out: Score,
}

/// A run as far as it has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FitReport {
    pub request: FitRequest,
    /// Learned numbers of the network.
    pub parameters: u64,
    pub points: TablePoints,
    /// What one who knew the distribution of the points would score on the held-out ones.
    pub floor: Score,
    /// A place every [`EVERY`] steps, from step 0.
    pub curve: Vec<Place>,
    /// As the network stands.
    pub boundary: Boundary,
    /// As it stood where the held-out loss was least.
    pub best_boundary: Boundary,
}

impl FitReport {
    /// The latest measurement.
    pub fn now(&self) -> Place {
        *self.curve.last().expect("step 0 is measured")
    }

    /// The first measurement with the least held-out loss.
    pub fn best(&self) -> Place {
        best(&self.curve)
    }

    pub fn is_done(&self) -> bool {
        self.now().step >= STEPS
    }
}

/// The first measurement with the least held-out loss.
fn best(curve: &[Place]) -> Place {
    let lower = |best: Place, place: &Place| match place.held_out.loss < best.held_out.loss {
        true => *place,
        false => best,
    };
    curve.iter().fold(curve[0], lower)
}
