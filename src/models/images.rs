//! Presets that learn from Fashion-MNIST and CIFAR-10.

use super::presets::{conv2d, flatten, lenet5, linear, max_pool, relu};
use super::{Hyperparameters, Preset, PresetData};
use crate::data::{Augmentation, DataSource, Subset};
use crate::layers::{BatchNorm, Conv2d, Layer, Loss, ModelSpec};
use crate::optim::{OptimizerKind, Options, ScheduleKind};
use crate::tensor::init::InitializerKind;

/// The first 10,000 training images and 200 held-out images of each class.
pub(super) const CIFAR10: PresetData = PresetData::Images {
    source: DataSource::Cifar10,
    subset: Subset::FIRST_TEN_THOUSAND,
    augmentation: None,
};

/// He's normal initialisation keeps the spread of signals and gradients through many layers of ReLU; from PyTorch's
/// default weights the spread between samples falls from 1.2e-1 behind the first convolution of VGG16 to 3.9e-7
/// behind the last (16 images, chapter 8 of the course).
pub(super) const HE: Options = Options {
    init: Some(InitializerKind::HeNormal),
    ..Options::NONE
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

/// Colour images for pages without the files of CIFAR-10: drawn shapes, and a network small enough to step through.
pub(super) const CNN_SHAPES: Preset = Preset {
    id: "cnn-shapes",
    spec: cnn_shapes,
    data: PresetData::Images {
        source: DataSource::Shapes,
        subset: Subset::WHOLE,
        augmentation: None,
    },
    initial: &[],
    defaults: Hyperparameters::new(OptimizerKind::Adam, 3e-3, 32, 10),
    article: None,
};

/// A VGG for the browser: 16-16-M-32-32-M-64-64-M-128-10.
pub(super) const VGG_S: Preset = Preset {
    id: "vgg-s",
    spec: vgg_s,
    data: CIFAR10,
    initial: &[],
    defaults: Hyperparameters::new(OptimizerKind::Adam, 1e-3, 64, 6).with(HE),
    article: None,
};

/// `vgg-s` with batch normalization behind every convolution, on images that are shifted by up to four pixels and
/// mirrored: more epochs on the same 10,000 photographs before they are learned by heart.
pub(super) const VGG_S_BN: Preset = Preset {
    id: "vgg-s-bn",
    spec: vgg_s_bn,
    data: PresetData::Images {
        source: DataSource::Cifar10,
        subset: Subset::FIRST_TEN_THOUSAND,
        augmentation: Some(Augmentation {
            margin: 4,
            flip: true,
        }),
    },
    initial: &[],
    defaults: Hyperparameters::new(OptimizerKind::Adam, 3e-3, 64, 10).with(Options {
        schedule: Some(ScheduleKind::Cosine),
        // Who trains on after the end still learns a little.
        lr_min: Some(3e-5),
        ..HE
    }),
    article: None,
};

/// VGG16 with all widths divided by eight.
pub(super) const VGG16_THIN: Preset = Preset {
    id: "vgg16-thin",
    spec: vgg16_thin,
    data: CIFAR10,
    initial: &[],
    defaults: Hyperparameters::new(OptimizerKind::Adam, 1e-3, 64, 10).with(HE),
    article: None,
};

/// VGG16 on all of CIFAR-10 that is there.
pub(super) const VGG16_CIFAR10: Preset = Preset {
    id: "vgg16-cifar10",
    spec: vgg16,
    data: PresetData::Images {
        source: DataSource::Cifar10,
        subset: Subset::WHOLE,
        augmentation: None,
    },
    initial: &[],
    // At the article's 1e-3 the full width does not learn: Adam's first steps, which move every weight by the whole
    // rate, take the loss from 2.7 to 11 and then to 2.303, a guess, where it stays.
    defaults: Hyperparameters::new(OptimizerKind::Adam, 1e-4, 64, 10).with(HE),
    article: Some(Hyperparameters::new(OptimizerKind::Adam, 1e-3, 64, 10).with(HE)),
};

/// What stands between a convolution and its ReLU.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Normalization {
    None,
    /// The convolutions have no bias, which it would take out again.
    Batch,
}

/// Blocks of 3 x 3 convolutions with padding 1, each followed by ReLU; a block ends in a pooling that halves the
/// image. `blocks` holds the widths of each block's convolutions. Simonyan, Zisserman (2014), "Very deep
/// convolutional networks for large-scale image recognition".
fn convolutions(blocks: &[&[usize]], normalization: Normalization) -> Vec<Layer> {
    let mut layers = Vec::new();
    let mut number = 0;
    for (block, widths) in blocks.iter().enumerate() {
        for &width in *widths {
            number += 1;
            let name = format!("conv{number}");
            match normalization {
                Normalization::None => layers.push(conv2d(&name, width, 3, 1)),
                Normalization::Batch => {
                    let conv = Conv2d::new(width, 3).with_padding(1).without_bias();
                    layers.push(Layer::new(name, conv));
                    layers.push(Layer::new(format!("bn{number}"), BatchNorm::default()));
                }
            }
            layers.push(relu(&format!("relu{number}")));
        }
        layers.push(max_pool(&format!("pool{}", block + 1)));
    }
    layers.push(flatten());
    layers
}

/// 8-M-16-M-6: 7,542 parameters.
fn cnn_shapes() -> ModelSpec {
    let mut layers = convolutions(&[&[8], &[16]], Normalization::None);
    layers.push(linear("fc", 6));
    ModelSpec {
        layers,
        loss: Loss::SoftmaxCrossEntropy,
    }
}

/// 204,570 parameters, 10.0 million multiply-adds a sample.
fn vgg_s() -> ModelSpec {
    small_vgg(Normalization::None)
}

/// 204,794 parameters: weight and bias of each normalization in place of a convolution's bias.
fn vgg_s_bn() -> ModelSpec {
    small_vgg(Normalization::Batch)
}

fn small_vgg(normalization: Normalization) -> ModelSpec {
    let mut layers = convolutions(&[&[16, 16], &[32, 32], &[64, 64]], normalization);
    layers.extend([linear("fc1", 128), relu("relu7"), linear("fc2", 10)]);
    ModelSpec {
        layers,
        loss: Loss::SoftmaxCrossEntropy,
    }
}

/// Thirteen convolutions and one dense layer, all widths divided by `divisor`.
fn vgg16_divided_by(divisor: usize) -> ModelSpec {
    let [a, b, c, d] = [64, 128, 256, 512].map(|width| width / divisor);
    let blocks: [&[usize]; 5] = [&[a, a], &[b, b], &[c, c, c], &[d, d, d], &[d, d, d]];
    let mut layers = convolutions(&blocks, Normalization::None);
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
