//! Judging tries: which are worth having, which fits a budget, how the weights lie.

use super::Try;
use super::network::is_weight;
use crate::export::NamedTensor;
use serde::{Deserialize, Serialize};

/// Bars of a histogram; odd, so that zero lies in the middle of one.
pub const HISTOGRAM_BINS: usize = 41;

/// How often weights lie where; biases are not counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// The bins go from -`largest` to `largest`, all equally wide.
    pub largest: f32,
    /// Weights other than 0.
    pub counts: Vec<u32>,
    /// Weights that are exactly 0.
    pub zeros: u32,
}

impl Histogram {
    /// Of all weights together, over bins up to `largest`, or up to the largest of them.
    pub fn new(tensors: &[NamedTensor], largest: Option<f32>) -> Self {
        let weights = || {
            let tensors = tensors.iter().filter(|tensor| is_weight(tensor));
            tensors.flat_map(|tensor| tensor.values.iter().copied())
        };
        let largest = largest.unwrap_or_else(|| weights().fold(0.0f32, |m, w| m.max(w.abs())));
        let mut histogram = Self {
            largest,
            counts: vec![0; HISTOGRAM_BINS],
            zeros: 0,
        };
        let width = 2.0 * f64::from(largest) / HISTOGRAM_BINS as f64;
        for weight in weights() {
            if weight == 0.0 {
                histogram.zeros += 1;
                continue;
            }
            // What lies beyond counts in the outermost bin.
            let bin = ((f64::from(weight) + f64::from(largest)) / width).floor();
            histogram.counts[(bin.max(0.0) as usize).min(HISTOGRAM_BINS - 1)] += 1;
        }
        histogram
    }
}

/// The tries that none beats: no other has at most as many bytes and at least its accuracy on the choosing half of the
/// held-out samples, and is better in one of the two. Places in `tries`, by size; of equals only the first.
pub fn pareto_front(tries: &[Try]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..tries.len()).collect();
    order.sort_by(|&one, &other| {
        let (one, other) = (&tries[one], &tries[other]);
        let by_accuracy = other.halves.choosing.total_cmp(&one.halves.choosing);
        one.bytes.cmp(&other.bytes).then(by_accuracy)
    });
    let mut best = f32::NEG_INFINITY;
    order.retain(|&at| {
        let is_better = tries[at].halves.choosing > best;
        best = best.max(tries[at].halves.choosing);
        is_better
    });
    order
}

/// What a budget allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budgeted {
    /// Nothing was tried.
    NoTries,
    /// The place of the most accurate try that fits; of equals the smallest.
    Best(usize),
    /// Even the smallest try is larger: its bytes.
    TooSmall { smallest: u64 },
}

/// `θ* = argmin L(θ) subject to C(θ) ≤ C_max`, over the tries, by accuracy on the choosing half of the held-out samples.
pub fn best_under(tries: &[Try], most_bytes: u64) -> Budgeted {
    let fitting = pareto_front(tries)
        .into_iter()
        .rfind(|&at| tries[at].bytes <= most_bytes);
    match (fitting, tries.iter().map(|tried| tried.bytes).min()) {
        (Some(best), _) => Budgeted::Best(best),
        (None, Some(smallest)) => Budgeted::TooSmall { smallest },
        (None, None) => Budgeted::NoTries,
    }
}
