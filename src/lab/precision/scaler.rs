//! Dynamic loss scaling. Micikevicius et al. 2018, "Mixed Precision Training", arXiv 1710.03740, section 3.2.

use serde::{Deserialize, Serialize};

/// Below it no scale helps: what overflows then is the forward pass.
pub const SMALLEST_SCALE: f32 = 1.0 / 16_384.0;

/// The scale s of the loss: doubled after a number of good steps, halved after a bad one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossScale {
    scale: f32,
    /// Good steps after which the scale doubles.
    growth_interval: u32,
    good_steps: u32,
}

impl LossScale {
    pub fn new(scale: f32, growth_interval: u32) -> Self {
        Self {
            scale,
            growth_interval,
            good_steps: 0,
        }
    }

    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Notes whether all gradients of a step were finite; a step whose gradients were not is skipped by the caller.
    pub fn note(&mut self, is_finite: bool) {
        if !is_finite {
            self.scale /= 2.0;
            self.good_steps = 0;
            return;
        }
        self.good_steps += 1;
        if self.good_steps == self.growth_interval {
            // Twice the largest float32 would stay infinite for ever.
            let doubled = self.scale * 2.0;
            self.scale = if doubled.is_finite() {
                doubled
            } else {
                self.scale
            };
            self.good_steps = 0;
        }
    }

    /// Whether the scale has fallen so far that it is not what makes gradients overflow.
    pub fn is_exhausted(&self) -> bool {
        self.scale < SMALLEST_SCALE
    }
}
