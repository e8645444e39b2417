//! Presets that read sequences: series number by number, and digits row by row.

use super::presets::{MNIST, linear};
use super::{Hyperparameters, Preset, PresetData};
use crate::data::SeriesSource;
use crate::layers::{Gru, Kind, Layer, Loss, Lstm, ModelSpec, Reshape, Rnn};
use crate::ops::{MeanSquaredError, RnnActivation};
use crate::optim::{OptimizerKind, Options, ScheduleKind};
use crate::tensor::init::InitializerKind;

/// The next number of a sine from the twenty before it.
pub(super) const RNN_SINE: Preset = Preset {
    id: "rnn-sine",
    spec: || sine(RnnActivation::Tanh),
    data: PresetData::Series(SeriesSource {
        step: 0.1,
        slope: 0.0,
        noise: 0.0,
        seed: 1,
        window: 20,
        train: 800,
        test: 200,
    }),
    initial: &[],
    defaults: Hyperparameters::new(OptimizerKind::Adam, 1e-2, 32, 100),
    article: None,
};

/// The same with ReLU, whose derivative of 1 holds no gradient back: what is left of it after twenty steps is decided by
/// the recurrent matrix alone. With all weights at 0.14 the ten units make each step's gradient 1.4 times the next one's.
pub(super) const RNN_RELU: Preset = Preset {
    id: "rnn-relu",
    spec: || sine(RnnActivation::Relu),
    defaults: RNN_SINE.defaults.with(Options {
        clip: Some(1.0),
        ..Options::NONE
    }),
    ..RNN_SINE
};

/// An LSTM on a series that climbs and is noisy. The noise's variance is 0.01, below which no forecast of the next
/// number comes; repeating the last number gives (2 sin 0.1)² / 2 + 2 · 0.01 = 0.04.
pub(super) const LSTM_TREND: Preset = Preset {
    id: "lstm-trend",
    spec: || series_spec(20),
    data: PresetData::Series(SeriesSource {
        step: 0.2,
        slope: 0.00025,
        noise: 0.1,
        seed: 1,
        window: 20,
        train: 4_000,
        test: 400,
    }),
    initial: &[],
    defaults: Hyperparameters::new(OptimizerKind::Adam, 1e-2, 32, 20).with(CLIPPED),
    article: None,
};

pub(super) const OWN_SERIES: Preset = Preset {
    id: "own-series",
    data: PresetData::OwnSeries,
    ..LSTM_TREND
};

/// Clipped gradients, and a rate that follows a cosine to the end of the last epoch.
const CLIPPED: Options = Options {
    schedule: Some(ScheduleKind::Cosine),
    // Who trains on after the end still learns a little.
    lr_min: Some(3e-5),
    clip: Some(1.0),
    ..Options::NONE
};

const fn digits(learning_rate: f32) -> Hyperparameters {
    Hyperparameters::new(OptimizerKind::Adam, learning_rate, 64, 5).with(CLIPPED)
}

/// Digits as 28 rows of 28 pixels, read from the top.
pub(super) const RNN_MNIST: Preset = Preset {
    id: "rnn-mnist",
    spec: || rows_of_digits("rnn", Rnn::new(128).returning_last()),
    data: MNIST,
    initial: &[],
    // Held-out digits after 5 epochs, seed 1: 92.3 %; from PyTorch's weights 84.8 %. An orthogonal recurrent matrix
    // hands gradients on without making them longer or shorter.
    defaults: Hyperparameters {
        options: Options {
            init: Some(InitializerKind::Orthogonal),
            ..CLIPPED
        },
        ..digits(1e-3)
    },
    article: None,
};

/// Held-out digits after 5 epochs, seed 1: 97.1 %.
pub(super) const LSTM_MNIST: Preset = Preset {
    id: "lstm-mnist",
    spec: || rows_of_digits("lstm", Lstm::new(128).returning_last()),
    data: MNIST,
    initial: &[],
    defaults: digits(3e-3),
    article: None,
};

/// Held-out digits after 5 epochs, seed 1: 97.7 %.
pub(super) const GRU_MNIST: Preset = Preset {
    id: "gru-mnist",
    spec: || rows_of_digits("gru", Gru::new(128).returning_last()),
    data: MNIST,
    initial: &[],
    defaults: digits(3e-3),
    article: None,
};

/// Each sample as a sequence of (steps, features).
fn sequence(steps: i64, features: i64) -> Layer {
    let shape = vec![steps, features];
    Layer::new("sequence", Reshape { shape })
}

/// 1-10-1, 141 parameters.
fn sine(nonlinearity: RnnActivation) -> ModelSpec {
    let rnn = Rnn {
        nonlinearity,
        ..Rnn::new(10).returning_last()
    };
    ModelSpec {
        layers: vec![sequence(20, 1), Layer::new("rnn", rnn), linear("fc", 1)],
        loss: Loss::MeanSquaredError(MeanSquaredError::default()),
    }
}

/// The layer list for windows of `window` numbers: 16 hidden units, and the number behind the window.
pub fn series_spec(window: usize) -> ModelSpec {
    ModelSpec {
        layers: vec![
            sequence(window as i64, 1),
            Layer::new("lstm", Lstm::new(16).returning_last()),
            linear("fc", 1),
        ],
        loss: Loss::MeanSquaredError(MeanSquaredError::default()),
    }
}

/// 28 features a step, 128 hidden units, ten classes from the last state.
fn rows_of_digits(name: &str, recurrent: impl Into<Kind>) -> ModelSpec {
    ModelSpec {
        layers: vec![
            sequence(28, 28),
            Layer::new(name, recurrent),
            linear("fc", 10),
        ],
        loss: Loss::SoftmaxCrossEntropy,
    }
}
