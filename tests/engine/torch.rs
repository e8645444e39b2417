//! The twins against PyTorch: outputs and gradients of single operations, and ten optimizer steps.

use std::collections::{BTreeMap, BTreeSet};

use glassbox::exec::single::SingleOperation;
use glassbox::ops::{
    AdamUpdate, BinaryCrossEntropy, Buffer, ClipGradient, Conv2d, GradientNorm, Linear, MaxPool2d,
    Op, Relu, Sigmoid, SoftmaxCrossEntropy, StepValues, Tanh,
};
use glassbox::optim::{OptionKey, Options, Schedule, ScheduleKind};
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
                let op = Op::Conv2d(Conv2d::new(stride, padding));
                (op, vec!["x", "weight", "bias"])
            }
            "max_pool2d" => {
                let (kernel, stride) = (self.size("kernel_size"), self.size("stride"));
                (Op::MaxPool2d(MaxPool2d::new(kernel, stride)), vec!["x"])
            }
            "relu" => (Op::Relu(Relu {}), vec!["x"]),
            "sigmoid" => (Op::Sigmoid(Sigmoid {}), vec!["x"]),
            "tanh" => (Op::Tanh(Tanh {}), vec!["x"]),
            "cross_entropy" => (
                Op::SoftmaxCrossEntropy(SoftmaxCrossEntropy {}),
                vec!["logits", "labels"],
            ),
            "binary_cross_entropy_with_logits" => (
                Op::BinaryCrossEntropy(BinaryCrossEntropy::default()),
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
    optimizer: String,
    arguments: Json,
    parameters: Vec<Vec<f64>>,
}

/// The operation of PyTorch's arguments, through the door for cases from outside.
fn update(run: &OptimizerRun) -> Op {
    let mut attributes = run.arguments.clone();
    let object = attributes.as_object_mut().expect("named arguments");
    object.remove("lr");
    let has_momentum = object.contains_key("momentum");
    let name = match run.optimizer.as_str() {
        "SGD" if has_momentum => "momentum_update",
        "SGD" => "sgd_update",
        "RMSprop" => "rmsprop_update",
        "Adagrad" => "adagrad_update",
        "Adam" => "adam_update",
        "AdamW" => "adamw_update",
        other => panic!("no operation stands for {other}"),
    };
    Op::from_json(name, &attributes).unwrap_or_else(|error| panic!("{}: {error}", run.name))
}

#[test]
fn ten_updates_end_where_pytorch_ends() {
    let text = include_str!("../fixtures/optimizers.json");
    let fixture: Optimizers = serde_json::from_str(text).unwrap();
    let mut compared = 0;
    for run in &fixture.runs {
        let op = update(run);
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
            [step.bias_correction_1, step.bias_correction_2] =
                op.bias_corrections(number as u64 + 1);
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
    assert_eq!(compared, 10 * fixture.runs.len());
    assert_eq!(fixture.runs.len(), 20);
}

#[derive(Deserialize)]
struct Clipping {
    clipping: Vec<ClippingCase>,
}

#[derive(Deserialize)]
struct ClippingCase {
    max_norm: f32,
    gradients: Vec<f64>,
    norm: f64,
    clipped: Vec<f64>,
}

#[test]
fn clipping_scales_as_pytorch_does() {
    let text = include_str!("../fixtures/optimizers.json");
    let fixture: Clipping = serde_json::from_str(text).unwrap();
    assert_eq!(fixture.clipping.len(), 3);
    for case in &fixture.clipping {
        let what = format!("max_norm {}", case.max_norm);
        let row = vec![(Shape::from([case.gradients.len()]), ElementType::F32)];
        let gradients = Buffer::Real(case.gradients.clone());
        let norm = SingleOperation::forward(Op::GradientNorm(GradientNorm {}), &row).unwrap();
        let step = StepValues::forward(0);
        let norm = norm
            .run(std::slice::from_ref(&gradients), &[], &step)
            .unwrap();
        assert_close(&what, &numbers(&norm.outputs[0]), &[case.norm], OPERATIONS);
        let clip = Op::ClipGradient(ClipGradient {
            max_norm: case.max_norm,
        });
        let described = [row, vec![(Shape::from([]), ElementType::F32)]].concat();
        let clip = SingleOperation::forward(clip, &described).unwrap();
        let inputs = [gradients, norm.outputs[0].clone()];
        let clipped = numbers(&clip.run(&inputs, &[], &step).unwrap().outputs[0]);
        assert_close(&what, &clipped, &case.clipped, OPERATIONS);
        let wrong = with_one_off(&clipped, 0, 1e-6);
        assert_not_close(&what, &wrong, &case.clipped, OPERATIONS);
    }
}

#[derive(Deserialize)]
struct Schedules {
    schedules: Vec<ScheduleCase>,
}

#[derive(Deserialize)]
struct ScheduleCase {
    base: f64,
    steps_per_epoch: u64,
    total_steps: u64,
    settings: BTreeMap<String, Json>,
    rates: Vec<f64>,
}

#[test]
fn schedules_give_the_rates_of_pytorch() {
    let text = include_str!("../fixtures/schedules.json");
    let fixture: Schedules = serde_json::from_str(text).unwrap();
    let mut kinds = BTreeSet::new();
    for case in &fixture.schedules {
        let mut options = Options::NONE;
        for (name, value) in &case.settings {
            let key = OptionKey::from_name(name).expect("a setting");
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), String::from);
            options.set(key, &text).expect("a value in range");
        }
        let schedule = Schedule::new(&options, case.steps_per_epoch, case.total_steps);
        let actual: Vec<f64> = (0..case.rates.len() as u64)
            .map(|step| schedule.rate(case.base, step))
            .collect();
        // PyTorch multiplies from step to step, which adds up roundings of f64.
        let tolerance = Tolerance {
            absolute: 1e-15,
            relative: 1e-11,
        };
        let what = format!("{:?}", case.settings);
        assert_close(&what, &actual, &case.rates, tolerance);
        let wrong = with_one_off(&actual, actual.len() - 1, 1e-9);
        assert_not_close(&what, &wrong, &case.rates, tolerance);
        kinds.insert(options.schedule_kind().name());
    }
    assert_eq!(kinds, ScheduleKind::NAMES.iter().copied().collect());
}

#[test]
fn adam_adds_epsilon_outside_of_the_corrected_root() {
    // Ten steps with PyTorch's ε of 1e-8 hardly show where it stands. In the first step
    // from empty states m̂ = g and v̂ = g², so PyTorch moves w by η · g / (|g| + ε).
    let adam = AdamUpdate {
        eps: 0.5,
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
