//! Learned values and what they start as.

use crate::graph::ValueId;
use crate::tensor::init;

/// A learned value of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    pub value: ValueId,
    pub initial: Initial,
}

/// What a learned value starts as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initial {
    /// PyTorch's default of layers where `fan_in` inputs feed one output.
    FanIn(usize),
    /// The same number everywhere.
    Constant(f32),
}

impl Initial {
    /// `count` values; random ones from (seed, stream).
    pub fn draw(self, seed: u64, stream: u64, count: usize) -> Vec<f32> {
        match self {
            Self::FanIn(fan_in) => init::pytorch_default(seed, stream, fan_in, count),
            Self::Constant(value) => vec![value; count],
        }
    }
}
