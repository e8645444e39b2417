//! Median and quartiles of repeated measurements.

use serde::{Deserialize, Serialize};

/// Where the middle half of some repeats lies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub median: f64,
    /// First quartile: a quarter of the repeats lies below.
    pub lower: f64,
    /// Third quartile.
    pub upper: f64,
    pub repeats: u32,
}

impl Spread {
    /// Of some values; `None` of none, or where one is not a number.
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() || values.iter().any(|value| value.is_nan()) {
            return None;
        }
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            median: quantile(&sorted, 0.5),
            lower: quantile(&sorted, 0.25),
            upper: quantile(&sorted, 0.75),
            repeats: values.len() as u32,
        })
    }

    /// The spread of `function` of each value, where it falls as values rise: of rates, from times.
    #[must_use]
    pub fn falling(self, function: impl Fn(f64) -> f64) -> Self {
        Self {
            median: function(self.median),
            lower: function(self.upper),
            upper: function(self.lower),
            repeats: self.repeats,
        }
    }
}

/// Linear between the neighbours of position `share · (n − 1)`, as in NumPy's `quantile`.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (below, above) = (at.floor() as usize, at.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * (at - at.floor())
}
