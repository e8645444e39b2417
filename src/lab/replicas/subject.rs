//! What replicas train: the seed's linear regression, or a preset.

use super::message::ReplicaError;
use crate::data::{SampleSet, Standardization, Table, TableSet, Targets};
use crate::layers::{Layer, Linear, Loss, Model, ModelSpec};
use crate::models::{self, Hyperparameters, Preset, PresetData};
use crate::ops::MeanSquaredError;
use crate::optim::{OptimizerKind, Options};
use crate::session::{OptimizerChoice, build_spec};
use crate::tensor::init::standard_normal;
use std::sync::Arc;

/// Samples of the linear regression, all of which make one batch.
pub const LINEAR_SAMPLES: u32 = 256;

/// Held-out rows of the linear regression: the engine keeps some beside every table.
const LINEAR_HELD_OUT: u32 = 64;

/// What the linear regression is to find: weights, bias, and the deviation of the noise on top.
const LINEAR_WEIGHTS: [f32; 4] = [1.0, -2.0, 3.0, 0.5];
const LINEAR_BIAS: f32 = 1.0;
const LINEAR_NOISE: f32 = 0.1;

/// Streams of the seed that nothing else draws from.
const ROWS_STREAM: u64 = 0x6c69_6e00;

/// Most samples of a preset's held-out part that replicas are measured on.
const MAX_MEASURED: u32 = 256;

/// The usual size: 256 samples in four dimensions, started at 0.
pub const LINEAR: Preset = Preset {
    id: "linear",
    spec: linear_spec,
    data: PresetData::OwnTable,
    initial: &[("fc.weight", &[0.0; 4]), ("fc.bias", &[0.0])],
    defaults: Hyperparameters {
        batch: LINEAR_SAMPLES,
        learning_rate: 0.05,
        optimizer: OptimizerKind::Sgd,
        momentum: 0.9,
        epochs: 50,
        options: Options::NONE,
    },
    article: None,
};

static LINEAR_PRESET: Preset = LINEAR;

fn linear_spec() -> ModelSpec {
    ModelSpec {
        layers: vec![Layer::new("fc", Linear { out_features: 1 })],
        loss: Loss::MeanSquaredError(MeanSquaredError::default()),
    }
}

/// `y = x · (1, −2, 3, 0.5) + 1 + noise`, x from N(0, 1), noise of standard deviation 0.1.
pub fn linear_samples(seed: u64) -> SampleSet {
    let part = |name: &str, stream: u64, count: u32| {
        let rows = standard_normal(seed, ROWS_STREAM + stream, count as usize * 4);
        let noise = standard_normal(seed, ROWS_STREAM + stream + 1, count as usize);
        let targets = rows.chunks(4).zip(&noise).map(|(row, noise)| {
            let products = row.iter().zip(LINEAR_WEIGHTS).map(|(x, weight)| x * weight);
            products.sum::<f32>() + LINEAR_BIAS + LINEAR_NOISE * noise
        });
        let targets = Targets::Numbers(targets.collect());
        Table::new(name, 4, rows, targets, 0).expect("normal numbers are finite")
    };
    SampleSet::Table(TableSet {
        name: LINEAR.id.into(),
        columns: (1..=4).map(|column| format!("x{column}")).collect(),
        target: "y".into(),
        classes: Vec::new(),
        train: part("linear", 0, LINEAR_SAMPLES),
        test: part("linear, held out", 2, LINEAR_HELD_OUT),
        standardization: Standardization::identity(4),
        target_standardization: Standardization::identity(1),
    })
}

/// What replicas train, with its samples.
#[derive(Clone)]
pub struct Subject {
    pub preset: &'static Preset,
    pub samples: Arc<SampleSet>,
}

impl Subject {
    /// The preset called `name`, or the linear regression.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn preset(name: &str) -> Result<&'static Preset, ReplicaError> {
        if name == LINEAR.id {
            return Ok(&LINEAR_PRESET);
        }
        models::find(name).ok_or_else(|| ReplicaError::Subject {
            name: name.chars().take(64).collect(),
        })
    }

    /// The linear regression of that seed.
    pub fn linear(seed: u64) -> Self {
        Self {
            preset: &LINEAR_PRESET,
            samples: Arc::new(linear_samples(seed)),
        }
    }

    /// Samples to learn from.
    pub fn train_count(&self) -> u32 {
        self.samples.train_count()
    }

    /// The samples that every replica is measured on: all 256 of the linear regression, of a preset the first held-out
    /// ones. Held-out samples are numbered behind the training samples.
    pub fn measured(&self) -> std::ops::Range<u32> {
        let train = self.train_count();
        if self.preset.id == LINEAR.id {
            return 0..train;
        }
        train..train + self.samples.test_count().min(MAX_MEASURED)
    }

    /// The model for batches of up to `batch` samples.
    pub(super) fn model(
        &self,
        batch: u32,
        optimizer: OptimizerKind,
        seed: u64,
    ) -> Result<Model, ReplicaError> {
        let spec = (self.preset.spec)();
        // What a layer draws or counts by place in the batch would differ between one batch and its shards.
        let unfit = spec
            .layers
            .iter()
            .find(|layer| matches!(layer.kind.name(), "batch_norm" | "dropout"));
        if let Some(layer) = unfit {
            return Err(ReplicaError::Layer {
                layer: layer.name.clone(),
                kind: layer.kind.name().into(),
            });
        }
        // Weight decay, the optimizer's constants and clipping are the preset's; its schedule is not, since the rate is
        // constant. Clipping belongs to the update, so it sees what came out of the ring.
        let defaults = self.preset.defaults;
        let own = &defaults.options;
        let choice = OptimizerChoice {
            kind: optimizer,
            momentum: defaults.momentum,
            options: Options::NONE.resolve(optimizer, own, defaults.optimizer),
        };
        let model = build_spec(&spec, self.preset, Some(&self.samples), batch, choice);
        let mut model = model.map_err(|error| ReplicaError::Model {
            message: error.to_string(),
        })?;
        model.graph.set_seed(seed);
        Ok(model)
    }
}
