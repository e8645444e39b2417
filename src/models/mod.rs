//! Presets: the systems that Glassbox teaches with, as data.

mod images;
mod presets;
mod race;
mod residual;
mod sequences;
mod tables;
mod targets;
mod texts;

pub use presets::{PRESETS, find};
pub use residual::resnet_s;
pub use sequences::series_spec;
pub use tables::table_spec;
pub use targets::{Bound, Length, Metric, TARGETS, Target};
pub use texts::{TEXT_WINDOW, text_spec, vocabulary_spec};

use crate::data::{Augmentation, DataSource, SeriesSource, Subset, TextSource, ToySource};
use crate::layers::ModelSpec;
use crate::optim::{OptimizerKind, Options};

/// One sample given with the preset, and its initial weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FixedExample {
    pub features: &'static [f32],
    pub targets: &'static [f32],
}

/// What a preset learns from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PresetData {
    /// Images of a data set, or of a part of it.
    Images {
        source: DataSource,
        subset: Subset,
        /// How training images are moved and mirrored; `None` leaves them alone.
        augmentation: Option<Augmentation>,
    },
    /// Points drawn from a seed.
    Toy(ToySource),
    /// Windows of a series, each with the number behind it.
    Series(SeriesSource),
    /// The learner's own table: the layer list ends in what its target needs, see [`table_spec`].
    OwnTable,
    /// Windows of a text, each with the character behind every one of its own.
    Text {
        source: TextSource,
        /// Characters of a window.
        window: usize,
    },
    /// The learner's own text: its characters decide the sizes, see [`text_spec`].
    OwnText {
        window: usize,
    },
    /// The learner's own series: the length of its windows decides the layer list, see [`series_spec`].
    OwnSeries,
    Fixed(FixedExample),
}

impl PresetData {
    /// Windows of a series, one step apart.
    pub fn is_series(&self) -> bool {
        matches!(self, Self::Series(_) | Self::OwnSeries)
    }

    /// The learner brings it.
    pub fn is_own(&self) -> bool {
        matches!(
            self,
            Self::OwnTable | Self::OwnSeries | Self::OwnText { .. }
        )
    }
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
    /// Settings that differ from the usual ones.
    pub options: Options,
}

impl Hyperparameters {
    /// With momentum 0.9 for the optimizer of that name.
    const fn new(optimizer: OptimizerKind, learning_rate: f32, batch: u32, epochs: u32) -> Self {
        Self {
            batch,
            learning_rate,
            optimizer,
            momentum: 0.9,
            epochs,
            options: Options::NONE,
        }
    }

    /// The same with these settings.
    const fn with(self, options: Options) -> Self {
        Self { options, ..self }
    }
}

/// A system to look at and train.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    pub id: &'static str,
    /// Builds the layer list.
    pub spec: fn() -> ModelSpec,
    pub data: PresetData,
    /// Initial weights by parameter name; the others are drawn from the seed.
    pub initial: &'static [(&'static str, &'static [f32])],
    pub defaults: Hyperparameters,
    /// The article's own settings, where they differ.
    pub article: Option<Hyperparameters>,
}

impl Preset {
    /// How training images are moved and mirrored.
    pub fn augmentation(&self) -> Option<Augmentation> {
        match self.data {
            PresetData::Images { augmentation, .. } => augmentation,
            _ => None,
        }
    }
}
