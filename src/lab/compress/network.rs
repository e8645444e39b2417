//! Which networks can be compressed.

use super::{CompressError, Student};
use crate::data::{DataSource, Subset};
use crate::export::NamedTensor;
use crate::layers::{Conv2d, Flatten, Layer, Linear, Loss, MaxPool2d, Model, ModelSpec, Relu};
use crate::models::{self, Hyperparameters, Preset, PresetData};
use crate::optim::{OptimizerKind, Options};
use crate::session::outline;
use crate::tensor::Shape;

/// Whether a tensor is pruned and quantized: weights are, biases are not. A bias has one axis.
pub(super) fn is_weight(tensor: &NamedTensor) -> bool {
    tensor.shape.rank() >= 2
}

/// A network that classifies images, told by its id in files.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    pub preset: &'static Preset,
    pub source: DataSource,
    pub subset: Subset,
}

impl PartialEq for Network {
    fn eq(&self, other: &Self) -> bool {
        self.preset.id == other.preset.id
    }
}

const DIGITS: PresetData = PresetData::Images {
    source: DataSource::Mnist,
    subset: Subset::THOUSAND_OF_EACH,
    augmentation: None,
};

const ADAM: Hyperparameters = Hyperparameters {
    batch: 64,
    learning_rate: 3e-3,
    optimizer: OptimizerKind::Adam,
    momentum: 0.9,
    epochs: 5,
    options: Options::NONE,
};

/// Widths of exercise X15.
const SIZES: [usize; 6] = [2, 4, 8, 16, 32, 64];

/// 784-d-10 for each width.
static SIZED: [Preset; 6] = [
    sized("sized-2", mlp::<2>),
    sized("sized-4", mlp::<4>),
    sized("sized-8", mlp::<8>),
    sized("sized-16", mlp::<16>),
    sized("sized-32", mlp::<32>),
    sized("sized-64", mlp::<64>),
];

const fn sized(id: &'static str, spec: fn() -> ModelSpec) -> Preset {
    Preset {
        id,
        spec,
        data: DIGITS,
        initial: &[],
        defaults: ADAM,
        article: None,
    }
}

/// The network number `number` of exercise X15, and its width; `None` behind the last.
pub(super) fn sized_network(number: usize) -> Option<(Network, u32)> {
    let network = Network::of(SIZED.get(number)?)?;
    Some((network, SIZES[number] as u32))
}

/// The students that distillation teaches.
static STUDENTS: [Preset; 2] = [
    Preset {
        id: "student-mlp",
        spec: mlp::<32>,
        data: DIGITS,
        initial: &[],
        defaults: ADAM,
        article: None,
    },
    Preset {
        id: "student-lenet",
        spec: student_lenet,
        data: DIGITS,
        initial: &[],
        defaults: ADAM,
        article: None,
    },
];

impl Student {
    pub(super) fn preset(self) -> &'static Preset {
        match self {
            Self::Mlp => &STUDENTS[0],
            Self::Lenet => &STUDENTS[1],
        }
    }
}

fn linear(name: &str, out_features: usize) -> Layer {
    Layer::new(name, Linear { out_features })
}

/// 784-d-10 with ReLU; of 32 units 25,450 parameters.
fn mlp<const D: usize>() -> ModelSpec {
    ModelSpec {
        layers: vec![
            Layer::new("flatten", Flatten {}),
            linear("fc1", D),
            Layer::new("relu1", Relu {}),
            linear("fc2", 10),
        ],
        loss: Loss::SoftmaxCrossEntropy,
    }
}

/// LeNet-5 with half the channels and one dense layer between: 1-3-8-32-10, 7,448 parameters.
fn student_lenet() -> ModelSpec {
    ModelSpec {
        layers: vec![
            Layer::new("conv1", Conv2d::new(3, 5).with_padding(2)),
            Layer::new("relu1", Relu {}),
            Layer::new("pool1", MaxPool2d::new(2)),
            Layer::new("conv2", Conv2d::new(8, 5)),
            Layer::new("relu2", Relu {}),
            Layer::new("pool2", MaxPool2d::new(2)),
            Layer::new("flatten", Flatten {}),
            linear("fc1", 32),
            Layer::new("relu3", Relu {}),
            linear("fc2", 10),
        ],
        loss: Loss::SoftmaxCrossEntropy,
    }
}

impl Network {
    /// The network called `id`: a preset that classifies images, or a student.
    ///
    /// # Errors
    /// When there is none, it does not classify images, or has running statistics, which the compressed file has no
    /// place for.
    pub fn find(id: &str) -> Result<Self, CompressError> {
        let refused = |problem: &str| CompressError::UnknownNetwork {
            name: id.chars().take(64).collect(),
            problem: problem.into(),
        };
        let student = STUDENTS.iter().find(|student| student.id == id);
        let preset = student
            .or(models::find(id))
            .ok_or_else(|| refused("no network is called that"))?;
        let network = Self::of(preset).ok_or_else(|| refused("it does not classify images"))?;
        if !network.outline()?.graph.buffers().is_empty() {
            return Err(refused("it has batch normalization"));
        }
        Ok(network)
    }

    pub(super) fn of(preset: &'static Preset) -> Option<Self> {
        match preset.data {
            PresetData::Images { source, subset, .. } => Some(Self {
                preset,
                source,
                subset,
            }),
            _ => None,
        }
    }

    pub fn id(&self) -> &'static str {
        self.preset.id
    }

    /// The model for one sample, without data.
    fn outline(&self) -> Result<Model, CompressError> {
        Ok(outline(self.preset)?.expect("images decide all sizes"))
    }

    /// Names and shapes of the learned tensors, in the order of PyTorch's state_dict.
    ///
    /// # Errors
    /// Never for a network of the list.
    pub fn tensors(&self) -> Result<Vec<(String, Shape)>, CompressError> {
        let model = self.outline()?;
        let value = |parameter: &crate::layers::Parameter| {
            let value = model.graph.value(parameter.value);
            (value.name.clone(), value.shape.clone())
        };
        Ok(model.parameters.iter().map(value).collect())
    }

    /// How it is trained where nothing else is said, at a constant rate. LeNet-5 as the figures in docs/LAB.md
    /// start from; the others by their own optimizer.
    pub fn usual(&self) -> Hyperparameters {
        let defaults = self.preset.defaults;
        let article = self.preset.article.filter(|_| self.id() == "lenet5-mnist");
        Hyperparameters {
            learning_rate: article.map_or(defaults.learning_rate, |_| 0.01),
            epochs: defaults.epochs,
            options: Options::NONE,
            ..article.unwrap_or(defaults)
        }
    }
}
