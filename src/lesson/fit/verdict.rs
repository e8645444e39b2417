//! Which case a run is, by a rule over its losses alone.

use super::{FitReport, Place, best};

/// A run overfits where the held-out loss is at least this many times its least value ...
pub const OVER_FACTOR: f64 = 1.2;

/// ... and at least so many nats above it, while the training loss is below what it was there.
pub const OVER_LEAST: f64 = 0.05;

/// A run underfits where both losses are at least so many nats above what one who knew the distribution would score.
pub const UNDER_LEAST: f64 = 0.1;

/// The training loss has settled when it has fallen by less than this share ...
pub const SETTLED_SHARE: f64 = 0.05;

/// ... over so many steps.
pub const SETTLED_STEPS: u32 = 500;

/// Which case it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The training loss still falls, and the held-out loss has not risen.
    Learning,
    Underfits,
    Overfits,
    /// The training loss has settled; neither of the two.
    Fits,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::Learning => "learning",
            Self::Underfits => "underfits",
            Self::Overfits => "overfits",
            Self::Fits => "fits",
        }
    }
}

/// The case with the numbers it follows from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    pub verdict: Verdict,
    pub now: Place,
    /// Where the held-out loss was least.
    pub best: Place,
    /// Share by which the training loss has fallen over the last [`SETTLED_STEPS`]; none before that.
    pub fallen: Option<f64>,
}

/// The case that a run is, as far as it has come.
pub fn judge(report: &FitReport) -> Judgement {
    judge_curve(&report.curve, report.floor.loss)
}

/// The same of a curve and the loss of one who knows the distribution.
pub(super) fn judge_curve(curve: &[Place], floor: f64) -> Judgement {
    let (now, best) = (curve[curve.len() - 1], best(curve));
    let before = now.step.checked_sub(SETTLED_STEPS);
    let before = before.and_then(|step| curve.iter().find(|place| place.step == step));
    let fallen = before.map(|before| 1.0 - now.train.loss / before.train.loss);
    let rise = now.held_out.loss - best.held_out.loss;
    let has_risen = now.held_out.loss >= OVER_FACTOR * best.held_out.loss && rise >= OVER_LEAST;
    let has_settled = fallen.is_some_and(|fallen| fallen < SETTLED_SHARE);
    let is_high = |loss: f64| loss >= floor + UNDER_LEAST;
    let verdict = if has_risen && now.train.loss < best.train.loss {
        Verdict::Overfits
    } else if !has_settled {
        Verdict::Learning
    } else if is_high(now.train.loss) && is_high(now.held_out.loss) {
        Verdict::Underfits
    } else {
        Verdict::Fits
    };
    Judgement {
        verdict,
        now,
        best,
        fallen,
    }
}
