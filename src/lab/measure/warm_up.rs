//! Every group of a plan run once before it is measured, one group a piece.

use super::{Counted, HOLD_MILLIS, Probe, Roof};
use crate::exec::gpu::GpuError;
use crate::graph::Phase;

/// A single run that would take longer is not begun.
pub const MOST_MILLIS: f64 = 0.8 * HOLD_MILLIS;

/// A group that took longer is run twice.
const AGAIN_MILLIS: f64 = 0.1 * HOLD_MILLIS;

/// Runs the groups of a plan in order, so that each finds values of its own kind, and tells how long each takes.
pub struct WarmUp {
    probe: Probe,
    /// Milliseconds that each group takes at the least, by its counts.
    expected: Vec<f64>,
    /// Of the groups that have run.
    millis: Vec<f64>,
}

impl WarmUp {
    /// A group that is expected to hold the device for more than [`HOLD_MILLIS`] is not run; what is expected counts as
    /// its time.
    pub fn new(probe: Probe, expected: Vec<f64>) -> Self {
        Self {
            probe,
            expected,
            millis: Vec::new(),
        }
    }

    /// Runs the next group; true once all have run.
    ///
    /// # Errors
    /// When the GPU is lost.
    pub async fn piece(&mut self) -> Result<bool, GpuError> {
        let group = self.millis.len();
        if let Some(&expected) = self.expected.get(group) {
            let mut millis = expected;
            if expected <= HOLD_MILLIS {
                millis = self.probe.once(group).await?;
                if millis > AGAIN_MILLIS {
                    // Perhaps something else held it up, or it was the first of its kind: the shorter run counts.
                    millis = millis.min(self.probe.once(group).await?);
                }
            }
            self.millis.push(millis);
        }
        Ok(self.millis.len() >= self.expected.len())
    }

    /// The probe, and milliseconds of each group.
    pub fn finish(self) -> (Probe, Vec<f64>) {
        (self.probe, self.millis)
    }
}

impl Counted {
    /// Milliseconds that it takes at the least below a roof.
    pub fn expected(&self, roof: &Roof) -> f64 {
        let products = self.flops as f64 / roof.peak;
        let memory = self.bytes as f64 / roof.memory;
        products.max(memory) / 1e6
    }

    /// Whether its work grows with the batch.
    pub fn grows(&self) -> bool {
        self.phase != Phase::Update
    }
}

/// The largest of `wanted`, half of it, a quarter of it and so on at which what took `millis` for a batch of `batch`
/// stays within `most`, if it grows as the batch does; never less than `batch`.
pub fn fitting(wanted: u32, batch: u32, millis: f64, most: f64) -> u32 {
    let allowed = f64::from(batch) * most / millis;
    let mut fitting = wanted;
    while fitting > batch && f64::from(fitting) > allowed {
        fitting /= 2;
    }
    fitting.max(batch)
}
