//! Presets that learn from points and from the learner's own table.

use super::presets::{linear, relu};
use super::{Hyperparameters, Preset, PresetData};
use crate::data::{TableSet, ToyShape, ToySource};
use crate::layers::{Layer, Loss, ModelSpec, Sigmoid};
use crate::ops::MeanSquaredError;
use crate::optim::OptimizerKind;

/// Points of a shape, drawn with seed 1.
const fn toy(shape: ToyShape, noise: f64, train: u32, test: u32) -> PresetData {
    PresetData::Toy(ToySource {
        shape,
        noise,
        train,
        test,
        seed: 1,
    })
}

/// One sigmoid unit, started on the wrong side, by gradient descent on all 200 points at once.
pub(super) const LOGREG: Preset = Preset {
    id: "logreg",
    spec: logistic,
    data: toy(ToyShape::LineGaussians, 0.5, 200, 200),
    initial: &[("fc.weight", &[-6.0]), ("fc.bias", &[0.0])],
    defaults: Hyperparameters::new(OptimizerKind::Sgd, 0.5, 200, 100),
    article: None,
};

/// The same with half the squared error of the sigmoid in place of the cross-entropy: where the unit is
/// saturated, σ′ is nearly 0 and learning stalls.
pub(super) const LOGREG_MSE: Preset = Preset {
    id: "logreg-mse",
    spec: logistic_squared,
    defaults: Hyperparameters::new(OptimizerKind::Sgd, 0.5, 200, 1_000),
    ..LOGREG
};

pub(super) const LOGREG_GAUSSIANS: Preset = Preset {
    id: "logreg-gaussians",
    spec: logistic,
    data: toy(ToyShape::Gaussians, 1.0, 400, 400),
    initial: &[],
    defaults: Hyperparameters::new(OptimizerKind::Sgd, 0.5, 32, 20),
    article: None,
};

/// Two inputs, 64 hidden ReLU units and one sigmoid on two moons with noise 0.25.
pub(super) const MLP_MOONS: Preset = Preset {
    id: "mlp-moons",
    spec: mlp_64,
    data: toy(ToyShape::TwoMoons, 0.25, 800, 2_000),
    initial: &[],
    defaults: Hyperparameters::new(OptimizerKind::Adam, 1e-3, 32, 100),
    article: None,
};

pub(super) const MLP_CIRCLES: Preset = Preset {
    id: "mlp-circles",
    spec: mlp_64,
    data: toy(ToyShape::Circles, 0.1, 400, 1_000),
    initial: &[],
    defaults: Hyperparameters::new(OptimizerKind::Adam, 1e-2, 32, 30),
    article: None,
};

pub(super) const MLP_SPIRALS: Preset = Preset {
    id: "mlp-spirals",
    spec: mlp_64_64,
    data: toy(ToyShape::Spirals, 0.02, 600, 1_000),
    initial: &[],
    defaults: Hyperparameters::new(OptimizerKind::Adam, 1e-2, 32, 100),
    article: None,
};

pub(super) const MLP_XOR: Preset = Preset {
    id: "mlp-xor",
    spec: mlp_64,
    data: toy(ToyShape::Xor, 0.1, 400, 1_000),
    initial: &[],
    defaults: Hyperparameters::new(OptimizerKind::Adam, 1e-2, 32, 30),
    article: None,
};

pub(super) const MLP_CSV: Preset = Preset {
    id: "mlp-csv",
    spec: mlp_64,
    data: PresetData::OwnTable,
    initial: &[],
    defaults: Hyperparameters::new(OptimizerKind::Adam, 1e-2, 32, 30),
    article: None,
};

/// The layer list for a table of the learner's own: 64 hidden units, and a logit for each class or the number that is
/// predicted.
pub fn table_spec(table: &TableSet) -> ModelSpec {
    let (outputs, loss) = match table.classes.len() {
        0 => (1, Loss::MeanSquaredError(MeanSquaredError::default())),
        classes => (classes, Loss::SoftmaxCrossEntropy),
    };
    ModelSpec {
        layers: vec![linear("fc1", 64), relu("relu1"), linear("fc2", outputs)],
        loss,
    }
}

/// One unit; its sigmoid is part of the loss.
fn logistic() -> ModelSpec {
    ModelSpec {
        layers: vec![linear("fc", 1)],
        loss: Loss::BinaryCrossEntropy,
    }
}

/// One unit with its sigmoid as a layer; ½ (a − y)², the mean over the batch.
fn logistic_squared() -> ModelSpec {
    ModelSpec {
        layers: vec![linear("fc", 1), Layer::new("sigmoid", Sigmoid {})],
        loss: Loss::MeanSquaredError(MeanSquaredError {
            factor: 0.5,
            ..MeanSquaredError::default()
        }),
    }
}

/// 64 hidden units with ReLU and one output; its sigmoid is part of the loss.
fn mlp_64() -> ModelSpec {
    ModelSpec {
        layers: vec![linear("fc1", 64), relu("relu1"), linear("fc2", 1)],
        loss: Loss::BinaryCrossEntropy,
    }
}

/// Two hidden layers.
fn mlp_64_64() -> ModelSpec {
    ModelSpec {
        layers: vec![
            linear("fc1", 64),
            relu("relu1"),
            linear("fc2", 64),
            relu("relu2"),
            linear("fc3", 1),
        ],
        loss: Loss::BinaryCrossEntropy,
    }
}
