//! The worked example: the preset `worked-2-3-1` against numbers computed by hand and in NumPy.

use crate::support::{Tolerance, assert_close, assert_not_close, with_one_off};
use glassbox::exec::cpu::CpuExecutor;
use glassbox::exec::gpu::{GpuDevice, GpuExecutor};
use glassbox::exec::single::run_operation;
use glassbox::exec::{Executor, Mode, Plan};
use glassbox::graph::{NodeId, Phase};
use glassbox::layers::{BatchSource, Kind, Model};
use glassbox::models::{self, PresetData};
use glassbox::ops::{Op, SgdUpdate, StepValues};
use glassbox::optim::{OptimizerKind, Options};
use glassbox::session::{OptimizerChoice, build_model, given_values, initial_parameters};
use glassbox::tensor::{Tensor, Values};
use glassbox::train::check::{self, Method};
use pollster::block_on;
use std::sync::Arc;

/// The printed values have six decimals, half of the last being 5e-7; f32 adds up to 1e-7.
const TOLERANCE: Tolerance = Tolerance {
    absolute: 2e-6,
    relative: 0.0,
};

/// x = [1.0, 0.5], y = 1, W1 = [0.2, -0.4; -0.6, 0.1; 0.5, 0.3], b1 = [0.1, 0.05, -0.2],
/// W2 = [0.7, -0.3, 0.4], b2 = [-0.1]; z1 = W1·x + b1, a1 = ReLU(z1), z2 = W2·a1 + b2,
/// p = σ(z2), L = binary cross-entropy.
const BEFORE_THE_UPDATE: [(&str, &[f64]); 14] = [
    ("fc1.y", &[0.100000, -0.500000, 0.450000]),
    ("relu1.y", &[0.100000, 0.000000, 0.450000]),
    ("fc2.y", &[0.150000]),
    ("loss.p", &[0.537430]),
    ("loss.L", &[0.620957]),
    ("fc2.y.grad", &[-0.462570]),
    ("fc2.weight.grad", &[-0.046257, 0.000000, -0.208157]),
    ("fc2.bias.grad", &[-0.462570]),
    ("relu1.y.grad", &[-0.323799, 0.138771, -0.185028]),
    ("fc1.y.grad", &[-0.323799, 0.000000, -0.185028]),
    (
        "fc1.weight.grad",
        &[
            -0.323799, -0.161900, 0.000000, 0.000000, -0.185028, -0.092514,
        ],
    ),
    ("fc1.bias.grad", &[-0.323799, 0.000000, -0.185028]),
    ("x.grad", &[-0.157274, 0.074011]),
    ("loss.correct", &[1.0]),
];

/// After one step of SGD with learning rate 0.1.
const AFTER_THE_UPDATE: [(&str, &[f64]); 4] = [
    (
        "fc1.weight",
        &[0.232380, -0.383810, -0.600000, 0.100000, 0.518503, 0.309251],
    ),
    ("fc1.bias", &[0.132380, 0.050000, -0.181497]),
    ("fc2.weight", &[0.704626, -0.300000, 0.420816]),
    ("fc2.bias", &[-0.053743]),
];

/// p′ and L′: the next forward pass.
const NEXT: [(&str, &[f64]); 2] = [("loss.p", &[0.568306]), ("loss.L", &[0.565096])];

const STEP: StepValues = StepValues {
    step: 0,
    valid: 1,
    first: 0,
    slot: 0,
    learning_rate: 0.1,
    bias_correction_1: 1.0,
    bias_correction_2: 1.0,
    training: 1,
};

fn preset() -> &'static models::Preset {
    models::find("worked-2-3-1").expect("the preset is there")
}

fn model() -> Model {
    let sgd = OptimizerChoice {
        kind: OptimizerKind::Sgd,
        momentum: 0.0,
        options: Options::NONE,
    };
    build_model(preset(), None, 1, sgd).unwrap()
}

fn given(model: &Model) -> Vec<(glassbox::graph::ValueId, Values)> {
    let parameters = model.parameters.iter().map(|parameter| parameter.value);
    let mut given = given_values(model, preset(), None);
    given.extend(parameters.zip(initial_parameters(preset(), model, 1)));
    given
}

fn cpu(model: &Model) -> Executor {
    let graph = Arc::new(model.graph.clone());
    let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
    Executor::Cpu(Box::new(CpuExecutor::new(graph, plan)))
}

fn gpu(model: &Model) -> Executor {
    let graph = Arc::new(model.graph.clone());
    let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
    let device = block_on(GpuDevice::request()).expect("the tests need a GPU");
    let mut quiet = |_, _| {};
    let executor = GpuExecutor::new(&device, graph, plan, None, &mut quiet);
    Executor::Gpu(Box::new(block_on(executor).unwrap()))
}

/// The values of a tensor, by its name.
fn read(executor: &Executor, model: &Model, name: &str) -> Vec<f64> {
    let value = model
        .graph
        .find_value(name)
        .unwrap_or_else(|| panic!("no tensor is called {name}"));
    let values = block_on(executor.read_many(&[value])).unwrap().remove(0);
    (0..values.len())
        .map(|at| values.number(at).unwrap())
        .collect()
}

fn compare(executor: &Executor, model: &Model, expected: &[(&str, &[f64])]) {
    for &(name, expected) in expected {
        let actual = read(executor, model, name);
        assert_close(name, &actual, expected, TOLERANCE);
        let wrong = with_one_off(&actual, actual.len() - 1, 4e-6);
        assert_not_close(name, &wrong, expected, TOLERANCE);
    }
}

fn has_the_printed_values(mut executor: Executor, model: &Model) {
    for (value, values) in given(model) {
        executor.write(value, &values);
    }
    let plan = Arc::clone(executor.plan());
    executor.run(plan.phases(Phase::Data, Phase::Backward), &STEP);
    compare(&executor, model, &BEFORE_THE_UPDATE);
    executor.run(plan.phases(Phase::Update, Phase::Update), &STEP);
    compare(&executor, model, &AFTER_THE_UPDATE);
    executor.run(plan.phases(Phase::Data, Phase::Loss), &STEP);
    compare(&executor, model, &NEXT);
}

#[test]
fn the_cpu_computes_the_printed_values() {
    let model = model();
    has_the_printed_values(cpu(&model), &model);
}

#[test]
fn the_gpu_computes_the_printed_values() {
    let model = model();
    has_the_printed_values(gpu(&model), &model);
}

#[test]
fn the_gradient_check_finds_nothing_on_either_device() {
    let model = model();
    let given = given(&model);
    let subject = check::Subject {
        model: &model,
        given: &given,
        step: STEP,
        negated: None,
    };
    let device = block_on(GpuDevice::request()).expect("the tests need a GPU");
    let report = block_on(check::check(&subject, Some(&device), &mut |_| {})).unwrap();
    assert_eq!(report.mismatch, None);
    assert_eq!(report.kinks(), 0);
    for method in [
        Method::Equation,
        Method::FiniteDifference,
        Method::WholeModel,
    ] {
        assert!(report.largest_error(method) < 1e-6, "{method:?}");
    }
    let kernels = report.nodes.iter().filter(|n| n.method == Method::Kernel);
    assert_eq!(kernels.count(), model.graph.nodes().len());
}

#[test]
fn a_wrong_sign_in_any_node_fails_the_check_and_is_named() {
    let model = model();
    let given = given(&model);
    for node in model.graph.node_ids() {
        check_names(&model, &given, node);
    }
}

/// Panics unless the check of a model with `node` negated fails and names it.
pub fn check_names(model: &Model, given: &[(glassbox::graph::ValueId, Values)], negated: NodeId) {
    let subject = check::Subject {
        model,
        given,
        step: StepValues {
            valid: model.batch as u32,
            ..STEP
        },
        negated: Some(negated),
    };
    let report = block_on(check::check(&subject, None, &mut |_| {})).unwrap();
    let node = model.graph.node(negated);
    let mismatch = report
        .mismatch
        .unwrap_or_else(|| panic!("{}: its wrong sign is not noticed", node.name));
    assert_eq!(mismatch.name, node.name);
    assert_eq!(mismatch.operation, node.op.name());
    assert!(mismatch.to_string().contains(node.op.name()), "{mismatch}");
}

/// One forward pass with another learning rate or other layers: the loss after one
/// update, and the last logit.
fn after_one_step(learning_rate: f32) -> f64 {
    let model = model();
    let mut executor = cpu(&model);
    for (value, values) in given(&model) {
        executor.write(value, &values);
    }
    let plan = Arc::clone(executor.plan());
    let step = StepValues {
        learning_rate,
        ..STEP
    };
    executor.run(plan.phases(Phase::Data, Phase::Update), &step);
    executor.run(plan.phases(Phase::Data, Phase::Loss), &step);
    read(&executor, &model, "loss.L")[0]
}

#[test]
fn the_loss_falls_by_what_the_gradient_predicts_and_rises_with_the_wrong_sign() {
    let model = model();
    let mut executor = cpu(&model);
    for (value, values) in given(&model) {
        executor.write(value, &values);
    }
    let plan = Arc::clone(executor.plan());
    executor.run(plan.phases(Phase::Data, Phase::Backward), &STEP);
    let before = read(&executor, &model, "loss.L")[0];
    let squares: f64 = AFTER_THE_UPDATE
        .iter()
        .flat_map(|(name, _)| read(&executor, &model, &format!("{name}.grad")))
        .map(|gradient| gradient * gradient)
        .sum();
    let learning_rate = 0.1;
    let drops = [learning_rate * squares, before - after_one_step(0.1)];
    assert_close("drop of the loss", &drops, &[0.057237, 0.055861], TOLERANCE);
    let risen = [after_one_step(-0.1)];
    assert_close("sign flipped", &risen, &[0.679508], TOLERANCE);
}

/// Probabilities and loss of a softmax over `logits`, the first class being right.
fn softmax(logits: &[f32]) -> (Vec<f64>, f64) {
    let z = Tensor::f32([1, logits.len()], logits.to_vec()).unwrap();
    let t = Tensor::u32([1], vec![0]).unwrap();
    let attributes = serde_json::json!({});
    let step = StepValues::forward(1);
    let outputs = run_operation("softmax_cross_entropy", &attributes, &[z, t], &step).unwrap();
    let reals = |at: usize| -> Vec<f64> {
        let values = outputs[at].as_f32().unwrap();
        values.iter().map(|&value| value.into()).collect()
    };
    (reals(2), reals(0)[0])
}

#[test]
fn the_variants_of_the_example_have_their_printed_values() {
    let (two_units, loss) = softmax(&[0.15, 0.0]);
    assert_close("two units", &two_units, &[0.537430, 0.462570], TOLERANCE);
    assert_close("their loss", &[loss], &[0.620957], TOLERANCE);
    assert_close("one unit", &softmax(&[0.15]).0, &[1.0], TOLERANCE);
    let over_hidden = softmax(&[0.1, -0.5, 0.45]).0;
    let expected = [0.336941, 0.184917, 0.478142];
    assert_close("over z1", &over_hidden, &expected, TOLERANCE);

    // Without its ReLU, and with the squared error of its output.
    let mut spec = (preset().spec)();
    spec.layers
        .retain(|layer| !matches!(layer.kind, Kind::Relu(_)));
    let source = BatchSource::Features {
        features: 2,
        targets: 1,
    };
    let linear = Model::build(&spec, &source, 1, Op::SgdUpdate(SgdUpdate::default())).unwrap();
    let mut executor = cpu(&linear);
    for (value, values) in given(&linear) {
        executor.write(value, &values);
    }
    let forward = executor.plan().phases(Phase::Data, Phase::Loss);
    executor.run(forward, &STEP);
    let found = [
        read(&executor, &linear, "fc2.y")[0],
        read(&executor, &linear, "loss.p")[0],
    ];
    assert_close("y from z", &found, &[0.300000, 0.574443], TOLERANCE);
    let p = 0.537430;
    let squared = [0.5 * (p - 1.0) * (p - 1.0), (p - 1.0) * p * (1.0 - p)];
    assert_close("MSE", &squared, &[0.106986, -0.114994], TOLERANCE);
}

#[test]
fn the_preset_holds_the_sample_of_the_example() {
    let PresetData::Fixed(example) = preset().data else {
        panic!("the worked example has one fixed sample");
    };
    assert_eq!(example.features, [1.0, 0.5]);
    assert_eq!(example.targets, [1.0]);
    assert_eq!(preset().defaults.learning_rate, 0.1);
    assert_eq!(preset().defaults.optimizer, OptimizerKind::Sgd);
}
