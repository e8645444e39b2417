//! The list of presets; those of digits and of the worked example.

use super::{
    FixedExample, Hyperparameters, Preset, PresetData, images, race, residual, sequences, tables,
    texts,
};
use crate::data::{DataSource, Subset};
use crate::layers::{Conv2d, Flatten, Layer, Linear, Loss, MaxPool2d, ModelSpec, Relu};
use crate::optim::{OptimizerKind, Options, ScheduleKind};

/// The committed subset of MNIST: 1,000 training and 200 held-out digits of each class.
pub(super) const MNIST: PresetData = PresetData::Images {
    source: DataSource::Mnist,
    subset: Subset::THOUSAND_OF_EACH,
    augmentation: None,
};

/// All presets, in the order in which they are offered.
pub const PRESETS: &[Preset] = &[
    Preset {
        id: "lenet5-mnist",
        spec: lenet5,
        data: MNIST,
        initial: &[],
        // Test accuracy after 5 epochs, seeds 1 to 10: 97.85 to 98.35 %, 98.1 % on average; at a
        // constant rate, seeds 1 to 20: 96.8 to 98.3 %, one of them below 97 %.
        defaults: Hyperparameters::new(OptimizerKind::Adam, 3e-3, 64, 5).with(Options {
            schedule: Some(ScheduleKind::Cosine),
            // Who trains on after the end still learns a little.
            lr_min: Some(3e-5),
            ..Options::NONE
        }),
        article: Some(
            Hyperparameters::new(OptimizerKind::Momentum, 1e-3, 64, 10).with(Options {
                schedule: Some(ScheduleKind::Constant),
                ..Options::NONE
            }),
        ),
    },
    Preset {
        id: "mlp-mnist",
        spec: mlp,
        data: MNIST,
        initial: &[],
        defaults: Hyperparameters::new(OptimizerKind::Adam, 1e-3, 64, 5),
        article: None,
    },
    Preset {
        id: "worked-2-3-1",
        spec: worked,
        data: PresetData::Fixed(FixedExample {
            features: &[1.0, 0.5],
            targets: &[1.0],
        }),
        initial: &[
            ("fc1.weight", &[0.2, -0.4, -0.6, 0.1, 0.5, 0.3]),
            ("fc1.bias", &[0.1, 0.05, -0.2]),
            ("fc2.weight", &[0.7, -0.3, 0.4]),
            ("fc2.bias", &[-0.1]),
        ],
        defaults: Hyperparameters::new(OptimizerKind::Sgd, 0.1, 1, 1),
        article: None,
    },
    images::LENET5_FASHION,
    tables::LOGREG,
    tables::LOGREG_MSE,
    tables::LOGREG_GAUSSIANS,
    tables::MLP_MOONS,
    tables::MLP_CIRCLES,
    tables::MLP_SPIRALS,
    tables::MLP_XOR,
    tables::MLP_CSV,
    sequences::RNN_SINE,
    sequences::RNN_RELU,
    sequences::LSTM_TREND,
    sequences::OWN_SERIES,
    sequences::RNN_MNIST,
    sequences::LSTM_MNIST,
    sequences::GRU_MNIST,
    texts::LSTM_TEXT,
    texts::LSTM_TEXT_ZH,
    texts::GPT_TEXT,
    texts::GPT_TEXT_ZH,
    texts::OWN_TEXT,
    race::OPTIM_RACE,
    images::CNN_SHAPES,
    images::VGG_S,
    images::VGG_S_BN,
    residual::RESNET_S,
    images::VGG16_THIN,
    images::VGG16_CIFAR10,
];

/// The preset called `id`.
pub fn find(id: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.id == id)
}

pub(super) fn conv2d(name: &str, out_channels: usize, kernel: usize, padding: usize) -> Layer {
    Layer::new(
        name,
        Conv2d::new(out_channels, kernel).with_padding(padding),
    )
}

pub(super) fn relu(name: &str) -> Layer {
    Layer::new(name, Relu {})
}

pub(super) fn max_pool(name: &str) -> Layer {
    let pooling = MaxPool2d::new(2);
    Layer::new(name, pooling)
}

pub(super) fn flatten() -> Layer {
    Layer::new("flatten", Flatten {})
}

pub(super) fn linear(name: &str, out_features: usize) -> Layer {
    Layer::new(name, Linear { out_features })
}

/// LeNet-5 with ReLU and max pooling: 1-6-16-120-84-10, 61,706 parameters.
/// After LeCun, Bottou, Bengio, Haffner (1998), "Gradient-based learning applied
/// to document recognition", with today's activations and pooling.
pub(super) fn lenet5() -> ModelSpec {
    ModelSpec {
        layers: vec![
            conv2d("conv1", 6, 5, 2),
            relu("relu1"),
            max_pool("pool1"),
            conv2d("conv2", 16, 5, 0),
            relu("relu2"),
            max_pool("pool2"),
            flatten(),
            linear("fc1", 120),
            relu("relu3"),
            linear("fc2", 84),
            relu("relu4"),
            linear("fc3", 10),
        ],
        loss: Loss::SoftmaxCrossEntropy,
    }
}

/// 784-128-10 with ReLU, 101,770 parameters.
fn mlp() -> ModelSpec {
    ModelSpec {
        layers: vec![
            flatten(),
            linear("fc1", 128),
            relu("relu1"),
            linear("fc2", 10),
        ],
        loss: Loss::SoftmaxCrossEntropy,
    }
}

/// The worked example: 2-3-1, ReLU, one sigmoid output with binary cross-entropy.
fn worked() -> ModelSpec {
    ModelSpec {
        layers: vec![linear("fc1", 3), relu("relu1"), linear("fc2", 1)],
        loss: Loss::BinaryCrossEntropy,
    }
}
