//! What happened in a run of several replicas.

use crate::lab::ring::Receipt;
use serde::{Deserialize, Serialize};

/// How far the replicas' parameters lie apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Distance {
    /// The largest L2 distance of a replica from the mean of all.
    pub l2: f64,
    /// The largest difference of one parameter of a replica from its mean.
    pub largest: f64,
}

/// The larger of two numbers; NaN where one is, which `f64::max` would pass over.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

/// How far these parameters lie apart; each list is one replica's.
pub fn distance(parameters: &[&[f32]]) -> Distance {
    let length = parameters.first().map_or(0, |first| first.len());
    let count = parameters.len() as f64;
    let mut squares = vec![0.0; parameters.len()];
    let mut largest = 0.0_f64;
    for at in 0..length {
        let sum: f64 = parameters.iter().map(|values| f64::from(values[at])).sum();
        let mean = sum / count;
        for (square, values) in squares.iter_mut().zip(parameters) {
            let difference = f64::from(values[at]) - mean;
            *square += difference * difference;
            largest = larger(largest, difference.abs());
        }
    }
    Distance {
        l2: squares.into_iter().fold(0.0, larger).sqrt(),
        largest,
    }
}

/// One message of the ring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RingRecord {
    pub round: usize,
    /// Places in the ring.
    pub from: usize,
    pub to: usize,
    pub chunk: usize,
    pub first: usize,
    pub elements: usize,
    pub receipt: Receipt,
    pub bytes: usize,
    /// L2 norm of what it carries.
    pub norm: f64,
    /// Its first values.
    pub values: Vec<f32>,
    /// Whether it has arrived.
    pub delivered: bool,
}

/// One step: a forward and backward pass of every replica, the ring, and the update. Federated: a whole round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// From 1.
    pub step: u64,
    /// By replica, on its own samples, before the update; `None` for one that is lost.
    pub losses: Vec<Option<f64>>,
    /// Mode `rank0`: the sum of the losses, as every replica holds it after the ring.
    pub summed_loss: Option<f64>,
    /// By replica, on the samples that all are measured on, after the update; where the replicas told it.
    pub measured: Vec<Option<f64>>,
    pub distance: Option<Distance>,
    /// Measured: the slowest replica's forward and backward passes.
    pub compute_millis: f64,
    /// Measured: from the last replica that had computed to the last that held the result; `None` where the ring was
    /// stepped through.
    pub communication_millis: Option<f64>,
    /// Measured: all of it, without the telling; `None` as above.
    pub step_millis: Option<f64>,
    /// Samples of all replicas together.
    pub samples: u64,
    /// Bytes that a replica sent, the mean over the ring: chunks may differ by one number.
    pub bytes: u64,
}
