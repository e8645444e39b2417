//! The twins against PyTorch: outputs and gradients of single operations, and ten optimizer steps.

use std::collections::{BTreeMap, BTreeSet};

use glassbox::exec::single::SingleOperation;
use glassbox::ops::{
    AdamUpdate, BinaryCrossEntropy, Buffer, Conv2d, Linear, MaxPool2d, MomentumUpdate, Op, Relu,
    SgdUpdate, Sigmoid, SoftmaxCrossEntropy, StepValues, Tanh,
};
use glassbox::tensor::{ElementType, Shape};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::support::{Tolerance, assert_close, assert_not_close, numbers, with_one_off};

/// Expected values carry 9 significant digits, so half a unit of the ninth is 5e-9;
/// both sides computed in f64, whose own error is the absolute part.
const OPERATIONS: Tolerance = Tolerance {
    absolute: 1e-13,
    relative: 6e-9,
};

/// Hyperparameters are f32 in the engine and f64 in PyTorch: 0.1, 0.9 and 0.999 differ by up
/// to 3e-8 of themselves, which ten steps of up to 0.1 in all parameters add up.
const UPDATES: Tolerance = Tolerance {
    absolute: 2e-7,
    relative: 1e-7,
};

#[derive(Deserialize)]
struct Operations {
    cases: Vec<TorchCase>,
}

#[derive(Deserialize)]
struct TorchCase {
    name: String,
    operation: String,
    attributes: Json,
    inputs: BTreeMap<String, TorchTensor>,
    output_gradient: TorchTensor,
    output: TorchTensor,
    gradients: BTreeMap<String, TorchTensor>,
}

#[derive(Clone, Deserialize)]
struct TorchTensor {
    shape: Vec<usize>,
    data: Vec<f64>,
    #[serde(default)]
    integer: bool,
}

impl TorchTensor {
    fn zeros(count: usize) -> Self {
        Self {
            shape: vec![count],
            data: vec![0.0; count],
            integer: false,
        }
    }

    fn described(&self) -> (Shape, ElementType) {
        let element = if self.integer {
            ElementType::U32
        } else {
            ElementType::F32
        };
        (Shape::new(self.shape.clone()).unwrap(), element)
    }

    fn buffer(&self) -> Buffer<f64> {
        if self.integer {
            Buffer::Index(self.data.iter().map(|&value| value as u32).collect())
        } else {
            Buffer::Real(self.data.clone())
        }
    }
}

impl TorchCase {
    fn size(&self, attribute: &str) -> usize {
        self.attributes[attribute].as_u64().expect("a size") as usize
    }

    /// The operation, and PyTorch's names of its inputs in the operation's order.
    fn translate(&self) -> (Op, Vec<&'static str>) {
        match self.operation.as_str() {
            "linear" => (Op::Linear(Linear {}), vec!["x", "weight", "bias"]),
            "conv2d" => {
                let (stride, padding) = (self.size("stride"), self.size("padding"));
                let op = Op::Conv2d(Conv2d { stride, padding });
                (op, vec!["x", "weight", "bias"])
            }
            "max_pool2d" => {
                let (kernel, stride) = (self.size("kernel_size"), self.size("stride"));
                (Op::MaxPool2d(MaxPool2d { kernel, stride }), vec!["x"])
            }
            "relu" => (Op::Relu(Relu {}), vec!["x"]),
            "sigmoid" => (Op::Sigmoid(Sigmoid {}), vec!["x"]),
            "tanh" => (Op::Tanh(Tanh {}), vec!["x"]),
            "cross_entropy" => (
                Op::SoftmaxCrossEntropy(SoftmaxCrossEntropy {}),
                vec!["logits", "labels"],
            ),
            "binary_cross_entropy_with_logits" => (
                Op::BinaryCrossEntropy(BinaryCrossEntropy {}),
                vec!["logits", "target"],
            ),
            other => panic!("{}: no operation stands for {other}", self.name),
        }
    }

    /// An input by PyTorch's name; a layer without bias has one of zeros here.
    fn input(&self, name: &str) -> TorchTensor {
        match self.inputs.get(name) {
            Some(tensor) => tensor.clone(),
            None if name == "bias" => TorchTensor::zeros(self.inputs["weight"].shape[0]),
            None => panic!("{}: no input {name}", self.name),
        }
    }
}

fn compare(what: &str, actual: &Buffer<f64>, expected: &TorchTensor) {
    let actual = numbers(actual);
    assert_close(what, &actual, &expected.data, OPERATIONS);
    let wrong = with_one_off(
        &actual,
        actual.len() - 1,
        1e-6 + 1e-6 * actual[actual.len() - 1].abs(),
    );
    assert_not_close(what, &wrong, &expected.data, OPERATIONS);
}

#[test]
fn twins_give_the_outputs_and_gradients_of_pytorch() {
    let text = include_str!("../fixtures/ops_forward_backward.json");
    let fixture: Operations = serde_json::from_str(text).unwrap();
    assert_eq!(fixture.cases.len(), 32);
    let mut compared = 0;
    for case in &fixture.cases {
        let (op, names) = case.translate();
        let tensors: Vec<TorchTensor> = names.iter().map(|name| case.input(name)).collect();
        let described: Vec<_> = tensors.iter().map(TorchTensor::described).collect();
        let inputs: Vec<_> = tensors.iter().map(TorchTensor::buffer).collect();
        let single = SingleOperation::with_gradient(op, &described).unwrap();
        let batch = tensors[0].shape[0] as u32;
        let upstream = [case.output_gradient.buffer()];
        let run = single
            .run(&inputs, &upstream, &StepValues::forward(batch))
            .unwrap_or_else(|error| panic!("{}: {error}", case.name));

        compare(&case.name, &run.outputs[0], &case.output);
        for (name, gradient) in names.iter().zip(&run.gradients) {
            match (gradient, case.gradients.get(*name)) {
                (Some(gradient), Some(expected)) => {
                    compare(&format!("{}: d{name}", case.name), gradient, expected);
                    compared += 1;
                }
                (None, None) => {}
                // The bias that PyTorch's layer does not have.
                (Some(_), None) if !case.inputs.contains_key(*name) => {}
                _ => panic!("{}: only one side has a gradient of {name}", case.name),
            }
        }
    }
    assert_eq!(
        compared,
        fixture
            .cases
            .iter()
            .map(|case| case.gradients.len())
            .sum::<usize>()
    );
}

#[derive(Deserialize)]
struct Optimizers {
    initial: Vec<f64>,
    gradients: Vec<Vec<f64>>,
    runs: Vec<OptimizerRun>,
}

#[derive(Deserialize)]
struct OptimizerRun {
    name: String,
    arguments: Json,
    parameters: Vec<Vec<f64>>,
}

/// Rules that the engine does not have.
const ABSENT: [&str; 4] = ["sgd_weight_decay", "sgd_nesterov", "rmsprop", "adamw"];

fn update(run: &OptimizerRun) -> Option<Op> {
    let number = |json: &Json| json.as_f64().expect("a number") as f32;
    match run.name.as_str() {
        "sgd" => Some(Op::SgdUpdate(SgdUpdate {})),
        "sgd_momentum" => Some(Op::MomentumUpdate(MomentumUpdate {
            momentum: number(&run.arguments["momentum"]),
        })),
        "adam" => Some(Op::AdamUpdate(AdamUpdate {
            beta_1: number(&run.arguments["betas"][0]),
            beta_2: number(&run.arguments["betas"][1]),
            epsilon: number(&run.arguments["eps"]),
        })),
        _ => None,
    }
}

#[test]
fn ten_updates_end_where_pytorch_ends() {
    let text = include_str!("../fixtures/optimizers.json");
    let fixture: Optimizers = serde_json::from_str(text).unwrap();
    let mut absent = BTreeSet::new();
    let mut compared = 0;
    for run in &fixture.runs {
        let Some(op) = update(run) else {
            absent.insert(run.name.as_str());
            continue;
        };
        let count = fixture.initial.len();
        let described = vec![(Shape::from([count]), ElementType::F32); op.inputs().len()];
        let single = SingleOperation::forward(op.clone(), &described).unwrap();
        let mut parameters = Buffer::Real(fixture.initial.clone());
        let mut states = vec![Buffer::Real(vec![0.0; count]); op.inputs().len() - 2];
        assert_eq!(fixture.gradients.len(), 10);
        for (number, gradient) in fixture.gradients.iter().enumerate() {
            let mut step = StepValues::forward(0);
            step.step = number as u32;
            step.learning_rate = run.arguments["lr"].as_f64().unwrap() as f32;
            if let Op::AdamUpdate(adam) = &op {
                [step.bias_correction_1, step.bias_correction_2] =
                    adam.bias_corrections(number as u64 + 1);
            }
            let mut inputs = vec![parameters, Buffer::Real(gradient.clone())];
            inputs.extend(states);
            let mut outputs = single.run(&inputs, &[], &step).unwrap().outputs.into_iter();
            parameters = outputs.next().unwrap();
            states = outputs.collect();

            let what = format!("{} after step {}", run.name, number + 1);
            let (actual, expected) = (numbers(&parameters), &run.parameters[number]);
            assert_close(&what, &actual, expected, UPDATES);
            assert_not_close(&what, &with_one_off(&actual, 2, 1e-5), expected, UPDATES);
            compared += 1;
        }
    }
    assert_eq!(compared, 30);
    assert_eq!(absent, BTreeSet::from(ABSENT));
}

#[test]
fn adam_adds_epsilon_outside_of_the_corrected_root() {
    // Ten steps with PyTorch's ε of 1e-8 hardly show where it stands. In the first step
    // from empty states m̂ = g and v̂ = g², so PyTorch moves w by η · g / (|g| + ε).
    let adam = AdamUpdate {
        epsilon: 0.5,
        ..AdamUpdate::default()
    };
    let mut step = StepValues::forward(0);
    step.learning_rate = 0.25;
    [step.bias_correction_1, step.bias_correction_2] = adam.bias_corrections(1);
    let gradient = [1.5, -0.5, 0.0, 0.25];
    let reals = |values: [f64; 4]| Buffer::Real(values.to_vec());
    let inputs = [[1.0; 4], gradient, [0.0; 4], [0.0; 4]].map(reals);
    let described = vec![(Shape::from([4]), ElementType::F32); 4];
    let single = SingleOperation::forward(Op::AdamUpdate(adam), &described).unwrap();
    let actual = numbers(&single.run(&inputs, &[], &step).unwrap().outputs[0]);
    let expected = gradient.map(|g| 1.0 - 0.25 * g / (g.abs() + 0.5));
    // The corrections 1 − β are rounded to f32.
    let tolerance = Tolerance {
        absolute: 1e-7,
        relative: 0.0,
    };
    assert_close("adam", &actual, &expected, tolerance);
    let inside = gradient.map(|g| 1.0 - 0.25 * g / (g * g + 0.5).sqrt());
    assert_not_close("adam", &actual, &inside, tolerance);
}
