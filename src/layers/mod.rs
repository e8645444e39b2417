//! Models as data: a list of layers becomes a graph with its parameters, loss,
//! backward pass and update.

mod summary;

pub use summary::{LayerSummary, summarize};

use crate::graph::{Graph, GraphError, Phase, ValueId};
use crate::ops::{
    BinaryCrossEntropy, Conv2d, Flatten, GatherBatch, Linear, MaxPool2d, Op, Relu, Sigmoid,
    SoftmaxCrossEntropy, Tanh,
};
use crate::tensor::{ElementType, Shape, Tensor, TensorError};
use serde::{Deserialize, Serialize};

/// One layer of a sequential model. Sizes that follow from the layer before are not given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    Conv2d {
        name: String,
        out_channels: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
    },
    MaxPool2d {
        name: String,
        kernel: usize,
        stride: usize,
    },
    Relu {
        name: String,
    },
    Sigmoid {
        name: String,
    },
    Tanh {
        name: String,
    },
    Flatten {
        name: String,
    },
    Linear {
        name: String,
        out_features: usize,
    },
}

impl Layer {
    pub fn name(&self) -> &str {
        match self {
            Self::Conv2d { name, .. }
            | Self::MaxPool2d { name, .. }
            | Self::Relu { name }
            | Self::Sigmoid { name }
            | Self::Tanh { name }
            | Self::Flatten { name }
            | Self::Linear { name, .. } => name,
        }
    }
}

/// What is minimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Targets are classes (N), u32.
    SoftmaxCrossEntropy,
    /// Targets are probabilities (N, K), f32.
    BinaryCrossEntropy,
}

/// Where batches come from.
#[derive(Clone, Debug, PartialEq)]
pub enum BatchSource {
    /// Gathered on the device from `samples` images of (C, H, W) bytes.
    Images {
        samples: usize,
        shape: [usize; 3],
        mean: Vec<f32>,
        standard_deviation: Vec<f32>,
        /// Places in the uploaded order: batches of one submit times the batch.
        order_length: usize,
    },
    /// Written from outside once: (features) for each sample.
    Features { features: usize, targets: usize },
}

/// A layer list with its loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelSpec {
    pub layers: Vec<Layer>,
    pub loss: Loss,
}

/// How many inputs feed one output, for the initialiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub value: ValueId,
    pub fan_in: usize,
}

/// Values of a gathered batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageInputs {
    /// (M, C, H, W) u8
    pub bytes: ValueId,
    /// (M) u32
    pub classes: ValueId,
    /// (R) u32
    pub order: ValueId,
}

/// A model's graph, and the values that training reads and writes.
#[derive(Clone, Debug)]
pub struct Model {
    pub graph: Graph,
    pub batch: usize,
    pub images: Option<ImageInputs>,
    /// (N, …) what the first layer reads.
    pub input: ValueId,
    /// (N) classes or (N, K) targets.
    pub target: ValueId,
    /// (N, K)
    pub logits: ValueId,
    /// (N, K)
    pub probabilities: ValueId,
    pub loss: ValueId,
    pub correct: ValueId,
    /// (N)
    pub loss_of_row: ValueId,
    /// In the order of PyTorch's state_dict.
    pub parameters: Vec<Parameter>,
}

/// Why a model could not be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    #[error(transparent)]
    Graph(#[from] GraphError),
    #[error(transparent)]
    Tensor(#[from] TensorError),
    #[error("two layers are called \"{name}\"; every layer needs its own name")]
    DuplicateName { name: String },
    #[error("layer {layer}: expected an input of {expected}, got {actual}")]
    LayerInput {
        layer: String,
        expected: &'static str,
        actual: Shape,
    },
    #[error("layer {layer}: {size} must be at least 1")]
    EmptyLayer { layer: String, size: &'static str },
}

impl Model {
    /// Builds forward pass, loss, backward pass and update for batches of up to `batch` samples.
    ///
    /// # Errors
    /// When a layer does not fit what comes before it, naming the layer.
    pub fn build(
        spec: &ModelSpec,
        source: &BatchSource,
        batch: usize,
        optimizer: Op,
    ) -> Result<Self, ModelError> {
        let mut graph = Graph::default();
        let (images, input, target) = add_batch(&mut graph, source, batch)?;
        let mut parameters = Vec::new();
        let mut value = input;
        for (position, layer) in spec.layers.iter().enumerate() {
            if spec.layers[..position]
                .iter()
                .any(|other| other.name() == layer.name())
            {
                return Err(ModelError::DuplicateName {
                    name: layer.name().into(),
                });
            }
            value = add_layer(&mut graph, layer, value, &mut parameters)?;
        }
        let logits = value;
        let loss_op = match spec.loss {
            Loss::SoftmaxCrossEntropy => Op::SoftmaxCrossEntropy(SoftmaxCrossEntropy {}),
            Loss::BinaryCrossEntropy => Op::BinaryCrossEntropy(BinaryCrossEntropy {}),
        };
        let outputs =
            graph.apply_in(Phase::Loss, None, loss_op, "loss".into(), &[logits, target])?;
        let mut targets: Vec<ValueId> =
            parameters.iter().map(|parameter| parameter.value).collect();
        if images.is_none() {
            // A handful of features: their gradient is worth seeing too.
            targets.push(input);
        }
        graph.differentiate(outputs[0], &targets)?;
        graph.append_update(optimizer)?;
        Ok(Self {
            graph,
            batch,
            images,
            input,
            target,
            logits,
            probabilities: outputs[2],
            loss: outputs[0],
            correct: outputs[1],
            loss_of_row: outputs[3],
            parameters,
        })
    }

    /// Number of learned values.
    pub fn parameter_count(&self) -> u64 {
        self.parameters
            .iter()
            .map(|parameter| self.graph.value(parameter.value).shape.count() as u64)
            .sum()
    }
}

/// Adds what a batch is gathered from; returns (image inputs, x, target).
fn add_batch(
    graph: &mut Graph,
    source: &BatchSource,
    batch: usize,
) -> Result<(Option<ImageInputs>, ValueId, ValueId), ModelError> {
    match source {
        BatchSource::Images {
            samples,
            shape: [channels, height, width],
            mean,
            standard_deviation,
            order_length,
        } => {
            let shape = Shape::new([*samples, *channels, *height, *width])?;
            let bytes = graph.input("data.bytes", shape, ElementType::U8);
            let classes = graph.input("data.classes", Shape::new([*samples])?, ElementType::U32);
            let order = graph.input("data.order", Shape::new([*order_length])?, ElementType::U32);
            let per_channel = |values: &Vec<f32>| Tensor::f32([*channels], values.clone());
            let mean = graph.constant("data.mean", per_channel(mean)?);
            let deviation = graph.constant("data.std", per_channel(standard_deviation)?);
            let gather = Op::GatherBatch(GatherBatch { batch });
            let inputs = [bytes, classes, order, mean, deviation];
            let outputs = graph.apply_in(Phase::Data, None, gather, "batch".into(), &inputs)?;
            let images = ImageInputs {
                bytes,
                classes,
                order,
            };
            Ok((Some(images), outputs[0], outputs[1]))
        }
        BatchSource::Features { features, targets } => {
            let input = graph.input("x", Shape::new([batch, *features])?, ElementType::F32);
            let target = graph.input("y", Shape::new([batch, *targets])?, ElementType::F32);
            Ok((None, input, target))
        }
    }
}

/// Adds one layer and its parameters; returns its output.
fn add_layer(
    graph: &mut Graph,
    layer: &Layer,
    input: ValueId,
    parameters: &mut Vec<Parameter>,
) -> Result<ValueId, ModelError> {
    let shape = graph.value(input).shape.clone();
    let mut parameter =
        |graph: &mut Graph, layer: &str, kind: &str, dims: Vec<usize>, fan_in: usize| {
            let value = graph.parameter(format!("{layer}.{kind}"), Shape::new(dims)?);
            parameters.push(Parameter { value, fan_in });
            Ok::<ValueId, ModelError>(value)
        };
    let at_least_one = |size: usize, what: &'static str| {
        if size == 0 {
            return Err(ModelError::EmptyLayer {
                layer: layer.name().into(),
                size: what,
            });
        }
        Ok(())
    };
    let (op, inputs) = match layer {
        Layer::Conv2d {
            name,
            out_channels,
            kernel,
            stride,
            padding,
        } => {
            let &[_, channels, _, _] = shape.dims() else {
                return Err(wrong_input(layer, "(N, C, H, W)", shape));
            };
            at_least_one(*out_channels, "out_channels")?;
            let fan_in = channels * kernel * kernel;
            let dims = vec![*out_channels, channels, *kernel, *kernel];
            let weight = parameter(graph, name, "weight", dims, fan_in)?;
            let bias = parameter(graph, name, "bias", vec![*out_channels], fan_in)?;
            let op = Op::Conv2d(Conv2d {
                stride: *stride,
                padding: *padding,
            });
            (op, vec![input, weight, bias])
        }
        Layer::Linear { name, out_features } => {
            let &[_, features] = shape.dims() else {
                return Err(wrong_input(layer, "(N, I): flatten first", shape));
            };
            at_least_one(*out_features, "out_features")?;
            let weight = parameter(
                graph,
                name,
                "weight",
                vec![*out_features, features],
                features,
            )?;
            let bias = parameter(graph, name, "bias", vec![*out_features], features)?;
            (Op::Linear(Linear {}), vec![input, weight, bias])
        }
        Layer::MaxPool2d { kernel, stride, .. } => {
            let op = Op::MaxPool2d(MaxPool2d {
                kernel: *kernel,
                stride: *stride,
            });
            (op, vec![input])
        }
        Layer::Relu { .. } => (Op::Relu(Relu {}), vec![input]),
        Layer::Sigmoid { .. } => (Op::Sigmoid(Sigmoid {}), vec![input]),
        Layer::Tanh { .. } => (Op::Tanh(Tanh {}), vec![input]),
        Layer::Flatten { .. } => (Op::Flatten(Flatten {}), vec![input]),
    };
    Ok(graph.apply(op, layer.name(), &inputs)?[0])
}

fn wrong_input(layer: &Layer, expected: &'static str, actual: Shape) -> ModelError {
    ModelError::LayerInput {
        layer: layer.name().into(),
        expected,
        actual,
    }
}
