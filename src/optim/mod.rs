//! How a run is governed: optimizers by name, learning-rate schedules, and the settings of both.
//!
//! - `options`: every setting beyond learning rate, batch and momentum, with its name and range.
//! - `schedule`: the learning rate of each step, computed here alone, in f64.
//!
//! The updates themselves are operations: `ops/optimizer*.rs`; clipping is in `ops/clip.rs`.

mod options;
mod schedule;

pub use options::{Expected, Monitor, OptionKey, Options};
pub use schedule::{Schedule, ScheduleKind, ScheduleUnit};

use crate::graph::Update;
use crate::ops::SgdUpdate;
use crate::ops::{AdagradUpdate, AdamUpdate, AdamwUpdate, MomentumUpdate, Op, RmspropUpdate};
use serde::{Deserialize, Serialize};

/// The largest learning rate that a run takes: far beyond what trains, so that its effect can be seen.
pub const MAX_LEARNING_RATE: f32 = 1e3;

/// Which update rule a run uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OptimizerKind {
    Sgd,
    /// SGD with momentum.
    Momentum,
    /// SGD with Nesterov's momentum.
    Nesterov,
    RmsProp,
    Adagrad,
    Adam,
    AdamW,
}

impl OptimizerKind {
    pub const ALL: [Self; 7] = [
        Self::Sgd,
        Self::Momentum,
        Self::Nesterov,
        Self::RmsProp,
        Self::Adagrad,
        Self::Adam,
        Self::AdamW,
    ];

    /// Its spelling in links and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Momentum => "momentum",
            Self::Nesterov => "nesterov",
            Self::RmsProp => "rmsprop",
            Self::Adagrad => "adagrad",
            Self::Adam => "adam",
            Self::AdamW => "adamw",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether the states of the two are the same quantities.
    pub fn shares_states_with(self, other: Self) -> bool {
        let family = |kind| match kind {
            Self::Nesterov => Self::Momentum,
            Self::AdamW => Self::Adam,
            kind => kind,
        };
        family(self) == family(other)
    }

    /// Whether `momentum` has an effect.
    pub fn has_momentum(self) -> bool {
        matches!(self, Self::Momentum | Self::Nesterov)
    }

    /// The settings of its own that have an effect.
    pub fn options(self) -> &'static [OptionKey] {
        use OptionKey::{
            Alpha, Beta1, Beta2, Centered, Dampening, Eps, LrDecay, RmspropMomentum, WeightDecay,
        };
        match self {
            Self::Sgd | Self::Nesterov => &[WeightDecay],
            Self::Momentum => &[Dampening, WeightDecay],
            Self::RmsProp => &[Alpha, Eps, Centered, RmspropMomentum, WeightDecay],
            Self::Adagrad => &[LrDecay, Eps, WeightDecay],
            Self::Adam | Self::AdamW => &[Beta1, Beta2, Eps, WeightDecay],
        }
    }

    /// Its settings as PyTorch has them where none are given.
    pub fn defaults(self) -> Options {
        let none = Options {
            weight_decay: Some(0.0),
            ..Options::NONE
        };
        match self {
            Self::Sgd | Self::Nesterov => none,
            Self::Momentum => Options {
                dampening: Some(0.0),
                ..none
            },
            Self::RmsProp => {
                let update = RmspropUpdate::default();
                Options {
                    alpha: Some(update.alpha),
                    eps: Some(update.eps),
                    centered: Some(update.centered),
                    rmsprop_momentum: Some(update.momentum),
                    ..none
                }
            }
            Self::Adagrad => {
                let update = AdagradUpdate::default();
                Options {
                    lr_decay: Some(update.lr_decay),
                    eps: Some(update.eps),
                    ..none
                }
            }
            Self::Adam | Self::AdamW => {
                let update = AdamwUpdate::default();
                let decay = match self {
                    Self::AdamW => update.weight_decay,
                    _ => 0.0,
                };
                Options {
                    beta1: Some(update.betas[0]),
                    beta2: Some(update.betas[1]),
                    eps: Some(update.eps),
                    weight_decay: Some(decay),
                    ..none
                }
            }
        }
    }

    /// The update that it stands for; settings that are not given are PyTorch's.
    pub fn update(self, momentum: f32, options: &Options) -> Update {
        let given = options.or(&self.defaults());
        let number = |value: Option<f32>| value.unwrap_or_default();
        let weight_decay = number(given.weight_decay);
        let eps = number(given.eps);
        let betas = [number(given.beta1), number(given.beta2)];
        let op = match self {
            Self::Sgd => Op::SgdUpdate(SgdUpdate { weight_decay }),
            Self::Momentum | Self::Nesterov => Op::MomentumUpdate(MomentumUpdate {
                momentum,
                dampening: number(given.dampening),
                weight_decay,
                // Without momentum there is nothing to look ahead along.
                nesterov: self == Self::Nesterov && momentum > 0.0,
            }),
            Self::RmsProp => Op::RmspropUpdate(RmspropUpdate {
                alpha: number(given.alpha),
                eps,
                weight_decay,
                momentum: number(given.rmsprop_momentum),
                centered: given.centered.unwrap_or_default(),
            }),
            Self::Adagrad => Op::AdagradUpdate(AdagradUpdate {
                lr_decay: number(given.lr_decay),
                weight_decay,
                eps,
            }),
            Self::Adam => Op::AdamUpdate(AdamUpdate {
                betas,
                eps,
                weight_decay,
            }),
            Self::AdamW => Op::AdamwUpdate(AdamwUpdate {
                betas,
                eps,
                weight_decay,
            }),
        };
        Update {
            op,
            max_norm: given.clip,
        }
    }
}
