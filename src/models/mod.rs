//! Presets: the systems that Glassbox teaches with, as data.

mod presets;
mod residual;

pub use presets::{PRESETS, find};
pub use residual::resnet_s;

use crate::data::DataSource;
use crate::layers::ModelSpec;
use crate::ops::{AdamUpdate, MomentumUpdate, Op, SgdUpdate};
use crate::optim::OptimizerKind;

/// One sample given with the preset, and its initial weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FixedExample {
    pub features: &'static [f32],
    pub targets: &'static [f32],
    /// By parameter name.
    pub parameters: &'static [(&'static str, &'static [f32])],
}

/// What a preset learns from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PresetData {
    /// Images of a data set, of which this many of each class are used:
    /// (training, held out).
    Images {
        source: DataSource,
        per_class: (u32, u32),
    },
    Fixed(FixedExample),
}

/// Hyperparameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hyperparameters {
    pub batch: u32,
    pub learning_rate: f32,
    pub optimizer: OptimizerKind,
    /// Used by SGD with momentum alone.
    pub momentum: f32,
    pub epochs: u32,
}

/// A system to look at and train.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    pub id: &'static str,
    /// Builds the layer list.
    pub spec: fn() -> ModelSpec,
    pub data: PresetData,
    pub defaults: Hyperparameters,
    /// The article's own settings, where they differ.
    pub article: Option<Hyperparameters>,
}

/// The update operation of an optimizer.
pub fn optimizer_op(kind: OptimizerKind, momentum: f32) -> Op {
    match kind {
        OptimizerKind::Sgd => Op::SgdUpdate(SgdUpdate {}),
        OptimizerKind::Momentum => Op::MomentumUpdate(MomentumUpdate { momentum }),
        OptimizerKind::Adam => Op::AdamUpdate(AdamUpdate::default()),
    }
}
