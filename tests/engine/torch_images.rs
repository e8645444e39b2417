//! Convolution, pooling, normalization and dropout in general form against PyTorch, and ten
//! training steps of a network with both kinds of batch normalization.

use crate::support::{Tolerance, assert_close, assert_not_close, numbers, with_one_off};
use glassbox::exec::cpu::CpuExecutor;
use glassbox::exec::single::SingleOperation;
use glassbox::exec::{Mode, Plan};
use glassbox::graph::{Graph, Phase, ValueId};
use glassbox::ops::{
    AdamUpdate, BatchNorm, Buffer, Conv2d, Flatten, Linear, MaxPool2d, Op, Positions, Relu,
    SoftmaxCrossEntropy, StepValues,
};
use glassbox::tensor::{ElementType, Shape, Values};
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Expected values carry 9 significant digits, so half a unit of the ninth is 5e-9;
/// both sides computed in f64; ε = 2⁻⁷ and momenta are exact in f32, but for 0.1, which
/// is off by 1.5e-9 there.
const OPERATIONS: Tolerance = Tolerance {
    absolute: 1e-8,
    relative: 6e-9,
};

/// Adam's settings, ε and the momentum 0.1 are f32 in the engine and f64 in PyTorch, off by
/// up to 3e-8 of themselves; ten steps of up to 0.01 in all parameters.
const STEPS: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 1e-6,
};

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<TorchCase>,
}

#[derive(Deserialize)]
struct TorchCase {
    operation: String,
    attributes: Json,
    training: bool,
    inputs: Vec<TorchTensor>,
    upstream: TorchTensor,
    outputs: Vec<TorchTensor>,
    gradients: Vec<Option<TorchTensor>>,
}

#[derive(Clone, Deserialize)]
struct TorchTensor {
    shape: Vec<usize>,
    data: Vec<f64>,
}

impl TorchTensor {
    fn described(&self) -> (Shape, ElementType) {
        (Shape::new(self.shape.clone()).unwrap(), ElementType::F32)
    }

    fn buffer(&self) -> Buffer<f64> {
        Buffer::Real(self.data.clone())
    }
}

fn compare(what: &str, actual: &[f64], expected: &[f64], tolerance: Tolerance) {
    assert_close(what, actual, expected, tolerance);
    let wrong = with_one_off(
        actual,
        actual.len() - 1,
        1e-4 * (1.0 + actual[actual.len() - 1].abs()),
    );
    assert_not_close(what, &wrong, expected, tolerance);
}

/// The outputs of the engine that PyTorch has, too: where it saves statistics, the running ones.
fn compared_outputs(operation: &str) -> &'static [usize] {
    match operation {
        "batch_norm" => &[0, 3, 4],
        _ => &[0],
    }
}

#[test]
fn general_forms_give_the_outputs_and_gradients_of_pytorch() {
    let text = include_str!("../fixtures/image_operations.json");
    let fixture: Fixture = serde_json::from_str(text).unwrap();
    let mut seen = BTreeSet::new();
    for case in &fixture.cases {
        let op = Op::from_json(&case.operation, &case.attributes).unwrap();
        let described: Vec<_> = case.inputs.iter().map(TorchTensor::described).collect();
        let inputs: Vec<_> = case.inputs.iter().map(TorchTensor::buffer).collect();
        let what = format!("{} {}", case.operation, case.attributes);
        let single = SingleOperation::with_gradient(op, &described)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let mut step = StepValues::forward(case.inputs[0].shape[0] as u32);
        if case.training {
            step = step.in_training();
        }
        let run = single
            .run(&inputs, &[case.upstream.buffer()], &step)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let outputs = compared_outputs(&case.operation);
        assert_eq!(outputs.len(), case.outputs.len(), "{what}");
        for (&output, expected) in outputs.iter().zip(&case.outputs) {
            let shape = &single.graph().value(single.outputs()[output]).shape;
            assert_eq!(shape.dims(), expected.shape, "{what}");
            let actual = numbers(&run.outputs[output]);
            compare(&what, &actual, &expected.data, OPERATIONS);
        }
        assert_eq!(run.gradients.len(), case.gradients.len(), "{what}");
        for (number, (actual, expected)) in run.gradients.iter().zip(&case.gradients).enumerate() {
            let what = format!("{what}: gradient of input {number}");
            match (actual, expected) {
                (Some(actual), Some(expected)) => {
                    compare(&what, &numbers(actual), &expected.data, OPERATIONS);
                }
                (None, None) => {}
                _ => panic!("{what}: only one side has one"),
            }
        }
        seen.insert(case.operation.as_str());
    }
    let expected = [
        "avg_pool2d",
        "batch_norm",
        "conv2d",
        "dropout",
        "global_avg_pool2d",
        "layer_norm",
        "max_pool2d",
    ];
    assert_eq!(seen, BTreeSet::from(expected));
}

#[derive(Deserialize)]
struct Steps {
    initial: BTreeMap<String, TorchTensor>,
    batches: Vec<TorchBatch>,
    losses: Vec<f64>,
    #[serde(rename = "final")]
    last: BTreeMap<String, TorchTensor>,
    held_out: HeldOut,
}

#[derive(Deserialize)]
struct TorchBatch {
    x: TorchTensor,
    labels: Vec<u32>,
}

#[derive(Deserialize)]
struct HeldOut {
    x: TorchTensor,
    labels: Vec<u32>,
    loss: f64,
}

const CAPACITY: usize = 8;

/// The fixture's network, with its update.
struct Network {
    graph: Graph,
    x: ValueId,
    labels: ValueId,
    loss: ValueId,
}

impl Network {
    fn new() -> Self {
        let mut graph = Graph::default();
        let x = graph.input("x", [CAPACITY, 2, 4, 4].into(), ElementType::F32);
        let labels = graph.input("labels", [CAPACITY].into(), ElementType::U32);
        let w = graph.parameter("conv1.weight", [3, 2, 3, 3].into());
        let b = graph.parameter("conv1.bias", [3].into());
        let apply = |graph: &mut Graph, op, name: &str, inputs: &[ValueId]| {
            graph.apply(op, name, inputs).unwrap()[0]
        };
        let y = apply(
            &mut graph,
            Op::Conv2d(Conv2d::new(1, 1)),
            "conv1",
            &[x, w, b],
        );
        let y = Self::normalize(&mut graph, "bn1", y, 3, Positions::Map);
        let y = apply(&mut graph, Op::Relu(Relu {}), "relu1", &[y]);
        let y = apply(
            &mut graph,
            Op::MaxPool2d(MaxPool2d::new(2, 2)),
            "pool1",
            &[y],
        );
        let y = apply(&mut graph, Op::Flatten(Flatten {}), "flatten", &[y]);
        let w = graph.parameter("fc1.weight", [5, 12].into());
        let b = graph.parameter("fc1.bias", [5].into());
        let y = apply(&mut graph, Op::Linear(Linear {}), "fc1", &[y, w, b]);
        let y = Self::normalize(&mut graph, "bn2", y, 5, Positions::Single);
        let y = apply(&mut graph, Op::Relu(Relu {}), "relu2", &[y]);
        let w = graph.parameter("fc2.weight", [4, 5].into());
        let b = graph.parameter("fc2.bias", [4].into());
        let logits = apply(&mut graph, Op::Linear(Linear {}), "fc2", &[y, w, b]);
        let loss_op = Op::SoftmaxCrossEntropy(SoftmaxCrossEntropy {});
        let loss = graph
            .apply_in(Phase::Loss, None, loss_op, "loss".into(), &[logits, labels])
            .unwrap()[0];
        let parameters = graph.parameters();
        graph.differentiate(loss, &parameters).unwrap();
        graph
            .append_update(Op::AdamUpdate(AdamUpdate::default()))
            .unwrap();
        Self {
            graph,
            x,
            labels,
            loss,
        }
    }

    fn normalize(
        graph: &mut Graph,
        name: &str,
        x: ValueId,
        channels: usize,
        over: Positions,
    ) -> ValueId {
        let gamma = graph.parameter(format!("{name}.weight"), [channels].into());
        let beta = graph.parameter(format!("{name}.bias"), [channels].into());
        let mean = graph.buffer(format!("{name}.running_mean"), [channels].into(), 0.0);
        let variance = graph.buffer(format!("{name}.running_var"), [channels].into(), 1.0);
        let op = Op::BatchNorm(BatchNorm {
            over,
            ..BatchNorm::default()
        });
        graph
            .apply(op, name, &[x, gamma, beta, mean, variance])
            .unwrap()[0]
    }

    /// Writes a batch; the rows behind it hold what must not matter.
    fn write(&self, executor: &mut CpuExecutor<f64>, x: &TorchTensor, labels: &[u32]) {
        let values = executor.reals_mut(self.x);
        values.fill(1e3);
        values[..x.data.len()].copy_from_slice(&x.data);
        let mut padded = labels.to_vec();
        padded.resize(CAPACITY, 0);
        executor.write(self.labels, &Values::U32(padded));
    }
}

#[test]
fn ten_steps_with_batch_normalization_and_adam_are_pytorchs() {
    let text = include_str!("../fixtures/batch_norm_steps.json");
    let fixture: Steps = serde_json::from_str(text).unwrap();
    let network = Network::new();
    let graph = Arc::new(network.graph.clone());
    let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
    let mut executor = CpuExecutor::<f64>::new(Arc::clone(&graph), Arc::clone(&plan));
    let find = |name: &str| {
        graph
            .find_value(name)
            .unwrap_or_else(|| panic!("no {name}"))
    };
    assert_eq!(fixture.initial.len(), graph.parameters().len());
    for (name, tensor) in &fixture.initial {
        executor.reals_mut(find(name)).copy_from_slice(&tensor.data);
    }
    assert_eq!(fixture.batches.len(), 10);
    let mut losses = Vec::new();
    for (number, batch) in fixture.batches.iter().enumerate() {
        network.write(&mut executor, &batch.x, &batch.labels);
        let [bias_correction_1, bias_correction_2] =
            AdamUpdate::default().bias_corrections(number as u64 + 1);
        let step = StepValues {
            step: number as u32,
            learning_rate: 0.01,
            bias_correction_1,
            bias_correction_2,
            ..StepValues::forward(batch.labels.len() as u32).in_training()
        };
        executor.run(0..plan.groups.len(), &step);
        losses.push(executor.reals(network.loss)[0]);
    }
    compare("losses", &losses, &fixture.losses, STEPS);
    // Control: without partial batches the losses are others.
    assert!(
        fixture
            .batches
            .iter()
            .any(|batch| batch.labels.len() < CAPACITY)
    );
    assert!(
        fixture.last.len() > fixture.initial.len(),
        "running statistics are among them"
    );
    for (name, expected) in &fixture.last {
        compare(name, executor.reals(find(name)), &expected.data, STEPS);
    }

    // In inference the running statistics count, and stay.
    let held_out = &fixture.held_out;
    network.write(&mut executor, &held_out.x, &held_out.labels);
    let forward = plan.phases(Phase::Data, Phase::Loss);
    let step = StepValues::forward(CAPACITY as u32);
    executor.run(forward.clone(), &step);
    compare(
        "held out",
        executor.reals(network.loss),
        &[held_out.loss],
        STEPS,
    );
    for (name, expected) in &fixture.last {
        compare(name, executor.reals(find(name)), &expected.data, STEPS);
    }
    // Control: in training the same batch has another loss.
    executor.run(forward, &step.in_training());
    assert_not_close(
        "held out",
        executor.reals(network.loss),
        &[held_out.loss],
        STEPS,
    );
}
