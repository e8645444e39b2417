//! A small residual network for 32 by 32 colour images.
//!
//! After He, Zhang, Ren, Sun (2016), "Deep residual learning for image recognition",
//! section 4.2, with one block for each width.

use super::images::{CIFAR10, HE};
use super::{Hyperparameters, Preset};
use crate::layers::{Add, BatchNorm, Conv2d, Layer, Linear, Loss, Mean, ModelSpec, Relu};
use crate::optim::{OptimizerKind, Options, ScheduleKind};

/// Residual blocks on small photographs.
pub(super) const RESNET_S: Preset = Preset {
    id: "resnet-s",
    spec: resnet_s,
    data: CIFAR10,
    initial: &[],
    // Test accuracy after 6 epochs from seed 1: 62 %; at a constant 1e-3 it is 55 %.
    defaults: Hyperparameters::new(OptimizerKind::Adam, 3e-3, 64, 6).with(Options {
        schedule: Some(ScheduleKind::Cosine),
        // Who trains on after the end still learns a little.
        lr_min: Some(3e-5),
        ..HE
    }),
    article: None,
};

/// A convolution that keeps the size at stride 1. Normalization follows, so it has no bias.
fn conv(name: &str, out_channels: usize, kernel: usize, stride: usize) -> Layer {
    let conv = Conv2d::new(out_channels, kernel)
        .with_stride(stride)
        .with_padding(kernel / 2)
        .without_bias();
    Layer::new(name, conv)
}

fn batch_norm(name: impl Into<String>) -> Layer {
    Layer::new(name, BatchNorm::default())
}

/// A block's layers: two 3x3 convolutions, each normalized, and what the block reads added to them. Where the
/// stride or the width changes, a 1x1 convolution, normalized too, fits the shortcut to them.
fn block(number: usize, reads: &str, width: usize, stride: usize) -> Vec<Layer> {
    let name = |part: &str| format!("block{number}.{part}");
    let (bn2, shortcut) = (name("bn2"), name("shortcut_bn"));
    let mut layers = vec![
        conv(&name("conv1"), width, 3, stride).with_inputs(&[reads]),
        batch_norm(name("bn1")),
        Layer::new(name("relu1"), Relu {}),
        conv(&name("conv2"), width, 3, 1),
        batch_norm(bn2.clone()),
    ];
    let other = match stride {
        1 => reads,
        _ => {
            layers.push(conv(&name("shortcut"), width, 1, stride).with_inputs(&[reads]));
            layers.push(batch_norm(shortcut.clone()));
            &shortcut
        }
    };
    layers.push(Layer::new(name("sum"), Add {}).with_inputs(&[&bn2, other]));
    layers.push(Layer::new(name("relu2"), Relu {}));
    layers
}

/// 3x3 convolution to 16, blocks of 16, 32 and 64 channels, the mean of each channel, 10
/// classes; batch normalization behind every convolution. 78,042 parameters.
pub fn resnet_s() -> ModelSpec {
    let mut layers = vec![
        conv("conv1", 16, 3, 1),
        batch_norm("bn1"),
        Layer::new("relu1", Relu {}),
    ];
    let mut reads = String::from("relu1");
    for (number, width, stride) in [(1, 16, 1), (2, 32, 2), (3, 64, 2)] {
        layers.extend(block(number, &reads, width, stride));
        reads = format!("block{number}.relu2");
    }
    let pool = Mean {
        axes: vec![2, 3],
        keepdim: false,
    };
    layers.push(Layer::new("pool", pool));
    layers.push(Layer::new("fc", Linear { out_features: 10 }));
    ModelSpec {
        layers,
        loss: Loss::SoftmaxCrossEntropy,
    }
}
