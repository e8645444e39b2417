//! A bowl of two parameters to race optimizers on.

use super::{FixedExample, Hyperparameters, Preset, PresetData};
use crate::layers::{Layer, Loss, ModelSpec, Scale};
use crate::ops::{MeanSquaredError, Reduction};
use crate::optim::OptimizerKind;

/// √50 as f32: its square is 50 within 6e-7.
const ROOT_OF_50: f32 = 7.071_068;

/// The bowl `f = ½ (w₁² + 50 w₂²)` from (1, 1), written as least squares: the inputs (1, √50), each times a
/// weight of its own, against the targets (0, 0).
pub(super) const OPTIM_RACE: Preset = Preset {
    id: "optim-race",
    spec: bowl,
    data: PresetData::Fixed(FixedExample {
        features: &[1.0, ROOT_OF_50],
        targets: &[0.0, 0.0],
    }),
    initial: &[("scale.weight", &[1.0, 1.0])],
    defaults: Hyperparameters::new(OptimizerKind::Sgd, 0.039, 1, 200),
    article: None,
};

fn bowl() -> ModelSpec {
    ModelSpec {
        layers: vec![Layer::new("scale", Scale {})],
        loss: Loss::MeanSquaredError(MeanSquaredError {
            factor: 0.5,
            reduction: Reduction::Sum,
        }),
    }
}
