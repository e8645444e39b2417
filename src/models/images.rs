//! Presets that learn from Fashion-MNIST and CIFAR-10.

use super::presets::{conv2d, flatten, lenet5, linear, max_pool, relu};
use super::{Hyperparameters, Preset, PresetData};
use crate::data::{DataSource, Subset};
use crate::layers::{Layer, Loss, ModelSpec};
use crate::optim::OptimizerKind;

/// The first 10,000 training images and 200 held-out images of each class.
pub(super) const CIFAR10: PresetData = PresetData::Images {
    source: DataSource::Cifar10,
    subset: Subset::FIRST_TEN_THOUSAND,
    augmentation: None,
};

/// LeNet-5 on clothes.
pub(super) const LENET5_FASHION: Preset = Preset {
    id: "lenet5-fashion",
    spec: lenet5,
    data: PresetData::Images {
        source: DataSource::FashionMnist,
        subset: Subset::THOUSAND_OF_EACH,
        augmentation: None,
    },
    initial: &[],
    defaults: Hyperparameters::new(OptimizerKind::Adam, 3e-3, 64, 5),
    article: None,
};

/// CURRICULUM L1, in the browser: 16-16-M-32-32-M-64-64-M-128-10.
pub(super) const VGG_S: Preset = Preset {
    id: "vgg-s",
    spec: vgg_s,
    data: CIFAR10,
    initial: &[],
    defaults: Hyperparameters::new(OptimizerKind::Adam, 1e-3, 64, 6),
    article: None,
};

/// CURRICULUM L1 with all widths divided by eight.
pub(super) const VGG16_THIN: Preset = Preset {
    id: "vgg16-thin",
    spec: vgg16_thin,
    data: CIFAR10,
    initial: &[],
    defaults: Hyperparameters::new(OptimizerKind::Adam, 1e-3, 64, 10),
    article: None,
};

/// CURRICULUM L1: all of CIFAR-10 that is there.
pub(super) const VGG16_CIFAR10: Preset = Preset {
    id: "vgg16-cifar10",
    spec: vgg16,
    data: PresetData::Images {
        source: DataSource::Cifar10,
        subset: Subset::WHOLE,
        augmentation: None,
    },
    initial: &[],
    defaults: Hyperparameters::new(OptimizerKind::Adam, 1e-3, 64, 10),
    article: None,
};

/// Blocks of 3 x 3 convolutions with padding 1, each followed by ReLU; a block ends in a pooling that halves the
/// image. `blocks` holds the widths of each block's convolutions. Simonyan, Zisserman (2014), "Very deep
/// convolutional networks for large-scale image recognition".
fn convolutions(blocks: &[&[usize]]) -> Vec<Layer> {
    let mut layers = Vec::new();
    let mut number = 0;
    for (block, widths) in blocks.iter().enumerate() {
        for &width in *widths {
            number += 1;
            layers.push(conv2d(&format!("conv{number}"), width, 3, 1));
            layers.push(relu(&format!("relu{number}")));
        }
        layers.push(max_pool(&format!("pool{}", block + 1)));
    }
    layers.push(flatten());
    layers
}

/// 204,570 parameters, 10.0 million multiply-adds a sample.
fn vgg_s() -> ModelSpec {
    let mut layers = convolutions(&[&[16, 16], &[32, 32], &[64, 64]]);
    layers.extend([linear("fc1", 128), relu("relu7"), linear("fc2", 10)]);
    ModelSpec {
        layers,
        loss: Loss::SoftmaxCrossEntropy,
    }
}

/// Thirteen convolutions and one dense layer, all widths divided by `divisor`.
fn vgg16_divided_by(divisor: usize) -> ModelSpec {
    let [a, b, c, d] = [64, 128, 256, 512].map(|width| width / divisor);
    let mut layers = convolutions(&[&[a, a], &[b, b], &[c, c, c], &[d, d, d], &[d, d, d]]);
    layers.push(linear("fc", 10));
    ModelSpec {
        layers,
        loss: Loss::SoftmaxCrossEntropy,
    }
}

/// 14,719,818 parameters, 313.2 million multiply-adds a sample.
fn vgg16() -> ModelSpec {
    vgg16_divided_by(1)
}

/// 231,218 parameters, 5.09 million multiply-adds a sample.
fn vgg16_thin() -> ModelSpec {
    vgg16_divided_by(8)
}
