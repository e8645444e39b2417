//! Optimizers by name, and their hyperparameters; the updates themselves are
//! operations in `ops/optimizer.rs`.

use serde::{Deserialize, Serialize};

/// The largest learning rate that a run takes: far beyond what trains, so that its effect can be seen.
pub const MAX_LEARNING_RATE: f32 = 1e3;

/// Which update rule a run uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OptimizerKind {
    Sgd,
    /// SGD with momentum.
    Momentum,
    Adam,
}

impl OptimizerKind {
    pub const ALL: [Self; 3] = [Self::Sgd, Self::Momentum, Self::Adam];

    /// Its spelling in links and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Momentum => "momentum",
            Self::Adam => "adam",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
