//! Small models with their losses.

use glassbox::graph::{Graph, Phase, ValueId};
use glassbox::ops::{
    BatchNorm, Conv2d, Flatten, LastStep, Linear, Lstm, MaxPool2d, Op, Relu, Reshape,
    SoftmaxCrossEntropy, Tanh,
};
use glassbox::tensor::init::{generator, uniform};
use glassbox::tensor::{ElementType, Shape, Tensor, Values};

use crate::support::{Random, tensor};

/// A small model with its loss: batch of `images` x and classes t.
pub struct Model {
    pub graph: Graph,
    pub x: ValueId,
    pub t: ValueId,
    pub loss: ValueId,
    pub correct: ValueId,
    pub classes: usize,
}

impl Model {
    fn start(shape: &[usize], classes: usize) -> Self {
        let mut graph = Graph::default();
        let x = graph.input("x", Shape::new(shape).unwrap(), ElementType::F32);
        let t = graph.input("t", [shape[0]].into(), ElementType::U32);
        Self {
            graph,
            x,
            t,
            loss: x,
            correct: x,
            classes,
        }
    }

    fn apply(&mut self, op: Op, name: &str, inputs: &[ValueId]) -> ValueId {
        self.graph.apply(op, name, inputs).unwrap()[0]
    }

    fn linear(&mut self, name: &str, x: ValueId, out_features: usize) -> ValueId {
        let in_features = self.graph.value(x).shape.dims()[1];
        let w = self
            .graph
            .parameter(format!("{name}.weight"), [out_features, in_features].into());
        let b = self
            .graph
            .parameter(format!("{name}.bias"), [out_features].into());
        self.apply(Op::Linear(Linear {}), name, &[x, w, b])
    }

    fn conv2d(
        &mut self,
        name: &str,
        x: ValueId,
        out: usize,
        kernel: usize,
        padding: usize,
    ) -> ValueId {
        let channels = self.graph.value(x).shape.dims()[1];
        let w = self.graph.parameter(
            format!("{name}.weight"),
            [out, channels, kernel, kernel].into(),
        );
        let b = self.graph.parameter(format!("{name}.bias"), [out].into());
        self.apply(Op::Conv2d(Conv2d::new(1, padding)), name, &[x, w, b])
    }

    /// A convolution without a bias, batch normalization, ReLU.
    fn normalized(&mut self, number: usize, x: ValueId, out: usize) -> ValueId {
        let channels = self.graph.value(x).shape.dims()[1];
        let weight = format!("conv{number}.weight");
        let w = self.graph.parameter(weight, [out, channels, 3, 3].into());
        let none = Tensor::f32([out], vec![0.0; out]).unwrap();
        let none = self.graph.constant(format!("conv{number}.no_bias"), none);
        let op = Op::Conv2d(Conv2d::new(1, 1));
        let x = self.apply(op, &format!("conv{number}"), &[x, w, none]);
        let bn = |part: &str| format!("bn{number}.{part}");
        let inputs = [
            x,
            self.graph.parameter(bn("weight"), [out].into()),
            self.graph.parameter(bn("bias"), [out].into()),
            self.graph.buffer(bn("running_mean"), [out].into(), 0.0),
            self.graph.buffer(bn("running_var"), [out].into(), 1.0),
        ];
        let op = Op::BatchNorm(BatchNorm::default());
        let x = self.apply(op, &format!("bn{number}"), &inputs);
        self.relu(&format!("relu{number}"), x)
    }

    fn pool(&mut self, name: &str, x: ValueId) -> ValueId {
        self.apply(Op::MaxPool2d(MaxPool2d::new(2, 2)), name, &[x])
    }

    fn relu(&mut self, name: &str, x: ValueId) -> ValueId {
        self.apply(Op::Relu(Relu {}), name, &[x])
    }

    fn finish(mut self, logits: ValueId) -> Self {
        let op = Op::SoftmaxCrossEntropy(SoftmaxCrossEntropy {});
        let inputs = [logits, self.t];
        let outputs = self
            .graph
            .apply_in(Phase::Loss, None, op, "loss".into(), &inputs)
            .unwrap();
        (self.loss, self.correct) = (outputs[0], outputs[1]);
        self
    }

    /// Appends gradients of all parameters and, if given, their update.
    pub fn differentiated(mut self, update: Option<Op>) -> Self {
        let parameters = self.graph.parameters();
        assert!(!parameters.is_empty());
        self.graph.differentiate(self.loss, &parameters).unwrap();
        if let Some(update) = update {
            self.graph.append_update(update).unwrap();
        }
        self
    }

    /// Initial values of all parameters, as PyTorch draws them.
    pub fn initial(&self, seed: u64) -> Vec<(ValueId, Values)> {
        let mut fan_in = 1;
        let mut initial = Vec::new();
        for (stream, id) in self.graph.parameters().into_iter().enumerate() {
            let value = self.graph.value(id);
            if value.name.ends_with("weight") {
                fan_in = value.shape.dims()[1..].iter().product();
            }
            let count = value.shape.count();
            let bound = 1.0 / (fan_in as f32).sqrt();
            let drawn = uniform(&mut generator(seed, stream as u64), bound, count);
            initial.push((id, Values::F32(drawn)));
        }
        initial
    }

    /// A random batch: images and classes.
    pub fn batch(&self, seed: u64) -> (Vec<f32>, Vec<u32>) {
        let shape = &self.graph.value(self.x).shape;
        let mut random = Random::new(seed);
        let x = random.values(1.0, shape.count());
        let t = random.below(shape.dims()[0], self.classes);
        (x, t)
    }
}

/// Three linear layers with a ReLU and a tanh between them, on images of 4 by 5.
pub fn mlp(batch: usize) -> Model {
    let mut model = Model::start(&[batch, 1, 4, 5], 5);
    let x = model.apply(Op::Flatten(Flatten {}), "flatten", &[model.x]);
    let x = model.linear("fc1", x, 9);
    let x = model.relu("relu1", x);
    let x = model.linear("fc2", x, 7);
    let x = model.apply(Op::Tanh(Tanh {}), "tanh2", &[x]);
    let x = model.linear("fc3", x, 5);
    model.finish(x)
}

/// An LSTM with four units over five steps of four features, and a linear layer behind its last step.
pub fn recurrent(batch: usize) -> Model {
    let mut model = Model::start(&[batch, 5, 4], 3);
    let reshape = |shape: Vec<i64>| Op::Reshape(Reshape { shape });
    let rows = model.apply(reshape(vec![-1, 4]), "rows", &[model.x]);
    let sums = model.linear("cell", rows, 16);
    let sums = model.apply(reshape(vec![batch as i64, 5, 16]), "steps", &[sums]);
    let wh = model
        .graph
        .parameter("cell.recurrent.weight", [16, 4].into());
    let zeros = || tensor([batch, 4], vec![0.0; 4 * batch]);
    let h0 = model.graph.constant("h0", zeros());
    let c0 = model.graph.constant("c0", zeros());
    let lengths = Tensor::u32([batch], vec![5; batch]).unwrap();
    let lengths = model.graph.constant("lengths", lengths);
    let lstm = Op::Lstm(Lstm::default());
    let h = model.apply(lstm, "lstm", &[sums, wh, h0, c0, lengths]);
    let last = model.apply(Op::LastStep(LastStep::default()), "last", &[h, lengths]);
    let logits = model.linear("fc", last, 3);
    model.finish(logits)
}

/// LeNet's sequence of layers, with fewer channels, on images of 12 by 12.
pub fn lenet(batch: usize) -> Model {
    let mut model = Model::start(&[batch, 1, 12, 12], 6);
    let x = model.conv2d("conv1", model.x, 3, 5, 2);
    let x = model.relu("relu1", x);
    let x = model.pool("pool1", x);
    let x = model.conv2d("conv2", x, 4, 3, 0);
    let x = model.relu("relu2", x);
    let x = model.pool("pool2", x);
    let x = model.apply(Op::Flatten(Flatten {}), "flatten", &[x]);
    let x = model.linear("fc1", x, 11);
    let x = model.relu("relu3", x);
    let x = model.linear("fc2", x, 6);
    model.finish(x)
}

/// Two normalized convolutions without biases, on images of 8 by 8.
pub fn normalized(batch: usize) -> Model {
    let mut model = Model::start(&[batch, 2, 8, 8], 5);
    let x = model.normalized(1, model.x, 3);
    let x = model.pool("pool1", x);
    let x = model.normalized(2, x, 4);
    let x = model.apply(Op::Flatten(Flatten {}), "flatten", &[x]);
    let x = model.linear("fc1", x, 5);
    model.finish(x)
}
