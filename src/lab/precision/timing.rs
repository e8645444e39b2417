//! Whole training steps of all modes on one device, timed in turns.

use super::device::DeviceStepper;
use super::message::StepTime;
use super::mode::PrecisionMode;
use crate::exec::gpu::{GpuError, MAX_STEPS_PER_SUBMIT};
use crate::ops::StepValues;

/// Milliseconds of one submit: long enough for the clock.
const SUBMIT_MILLIS: f64 = 40.0;
/// Times that each mode is measured; the median counts.
const ROUNDS: usize = 9;

/// What the next submit is for, and of which mode.
enum Stage {
    /// Twice as many steps, as long as all modes stay short; the slowest so far took these milliseconds.
    Growing(usize, f64),
    /// In turns, so that what else the machine does meets all alike.
    Round(usize),
}

/// Steps that are being timed.
pub(super) struct Timing {
    /// Of one submit.
    steps: usize,
    stage: Stage,
    /// Milliseconds of one step, by mode and round.
    millis: Vec<Vec<f64>>,
}

impl Timing {
    pub fn new(modes: usize) -> Self {
        Self {
            steps: 1,
            stage: Stage::Growing(0, 0.0),
            millis: vec![Vec::new(); modes],
        }
    }

    /// The mode whose turn it is.
    pub fn turn(&self) -> usize {
        match self.stage {
            Stage::Growing(at, _) | Stage::Round(at) => at,
        }
    }

    /// One submit of the mode whose turn it is; whether there are more to do.
    ///
    /// # Errors
    /// When the device is lost.
    pub async fn submit(
        &mut self,
        stepper: &mut DeviceStepper,
        step: &StepValues,
    ) -> Result<bool, GpuError> {
        let millis = stepper.time(step, self.steps).await?;
        let count = self.millis.len();
        self.stage = match self.stage {
            Stage::Growing(at, before) => {
                let slowest = millis.max(before);
                let is_last = at + 1 == count;
                let is_long = slowest >= SUBMIT_MILLIS || self.steps >= MAX_STEPS_PER_SUBMIT;
                match (is_last, is_long) {
                    (false, _) => Stage::Growing(at + 1, slowest),
                    (true, true) => Stage::Round(0),
                    (true, false) => {
                        self.steps = (2 * self.steps).min(MAX_STEPS_PER_SUBMIT);
                        Stage::Growing(0, 0.0)
                    }
                }
            }
            Stage::Round(at) => {
                self.millis[at].push(millis / self.steps as f64);
                Stage::Round((at + 1) % count)
            }
        };
        Ok(self.millis.iter().any(|millis| millis.len() < ROUNDS))
    }

    /// Medians, with the fastest and the slowest round.
    pub fn times(mut self, modes: &[PrecisionMode]) -> Vec<StepTime> {
        let steps = self.steps as u32;
        let pairs = modes.iter().zip(&mut self.millis);
        pairs
            .map(|(&mode, millis)| {
                millis.sort_by(f64::total_cmp);
                StepTime {
                    mode,
                    median_millis: millis[millis.len() / 2],
                    fastest_millis: millis[0],
                    slowest_millis: millis[millis.len() - 1],
                    rounds: millis.len() as u32,
                    steps,
                }
            })
            .collect()
    }
}
