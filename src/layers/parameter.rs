//! Learned values and what they start as.

use crate::graph::{Value, ValueId};
use crate::tensor::init::{Initializer, standard_normal};

/// A learned value of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    pub value: ValueId,
    pub initial: Initial,
    /// Its layer's own initialiser, which goes before the run's.
    pub initializer: Option<Initializer>,
}

/// What a learned value starts as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initial {
    /// Drawn by an initialiser, for layers where `fan_in` inputs feed one output.
    FanIn(usize),
    /// Drawn for a table with a row for each token: standard normal where the initialiser is PyTorch's.
    Table,
    /// The same number everywhere.
    Constant(f32),
}

impl Parameter {
    /// The initial values of `value`, which is this parameter's; random ones from
    /// (seed, stream). `of_run` draws where the layer has no initialiser of its own.
    pub fn values(&self, value: &Value, seed: u64, stream: u64, of_run: Initializer) -> Vec<f32> {
        match self.initial {
            Initial::FanIn(fan_in) => {
                let initializer = self.initializer.unwrap_or(of_run);
                initializer.values(seed, stream, &value.shape, fan_in)
            }
            Initial::Table => {
                let (count, columns) = (value.shape.count(), value.shape.dims()[1]);
                match self.initializer.unwrap_or(of_run) {
                    Initializer::Pytorch => standard_normal(seed, stream, count),
                    other => other.values(seed, stream, &value.shape, columns),
                }
            }
            Initial::Constant(number) => vec![number; value.shape.count()],
        }
    }
}
