//! Recurrent layers and operations, and attention, against PyTorch: outputs, all gradients, ten training steps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use glassbox::exec::cpu::CpuExecutor;
use glassbox::exec::single::SingleOperation;
use glassbox::exec::{Mode, Plan};
use glassbox::graph::{Phase, ValueId};
use glassbox::layers::{BatchSource, Model, ModelSpec, TableTargets};
use glassbox::ops::{AdamUpdate, AdamwUpdate, Buffer, Op, RmspropUpdate, SgdUpdate, StepValues};
use glassbox::tensor::{ElementType, Shape, Values};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::support::{Tolerance, assert_close, assert_not_close, numbers, with_one_off};

/// Expected values carry 9 significant digits, so half a unit of the ninth is 5e-9; both sides
/// computed in f64 from numbers that f32 holds exactly.
const EXACT: Tolerance = Tolerance {
    absolute: 1e-9,
    relative: 6e-9,
};

/// Averages' factors and corrections are f32 in the engine and f64 in PyTorch, off by up to 3e-8 of
/// themselves; ten steps of up to 0.01 in all parameters.
const STEPS: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 1e-6,
};

#[derive(Deserialize)]
struct Fixture {
    layers: Vec<LayerCase>,
    operations: Vec<OperationCase>,
}

#[derive(Deserialize)]
struct LayerCase {
    spec: Json,
    x: TorchTensor,
    target: TorchTensor,
    parameters: BTreeMap<String, TorchTensor>,
    output: TorchTensor,
    loss: f64,
    gradients: BTreeMap<String, TorchTensor>,
    optimizer: Option<String>,
    #[serde(default)]
    losses: Vec<f64>,
}

#[derive(Deserialize)]
struct OperationCase {
    operation: String,
    attributes: Json,
    lengths: Vec<u32>,
    inputs: BTreeMap<String, TorchTensor>,
    h: TorchTensor,
    upstream: TorchTensor,
    gradients: BTreeMap<String, TorchTensor>,
    last_cell: Option<TorchTensor>,
    final_cell: Option<TorchTensor>,
}

#[derive(Deserialize)]
struct TorchTensor {
    shape: Vec<usize>,
    data: Vec<f64>,
}

impl LayerCase {
    /// Whether its targets are classes.
    fn is_classifier(&self) -> bool {
        self.spec["loss"] == "softmax_cross_entropy"
    }
}

impl TorchTensor {
    fn values(&self) -> Values {
        Values::F32(self.data.iter().map(|&value| value as f32).collect())
    }
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../fixtures/recurrent.json")).unwrap()
}

/// Layers alone.
fn attention() -> Fixture {
    serde_json::from_str(include_str!("../fixtures/attention.json")).unwrap()
}

/// Compares, and makes sure that one wrong element would be noticed.
fn compare(what: &str, actual: &[f64], expected: &[f64], tolerance: Tolerance) {
    assert_close(what, actual, expected, tolerance);
    let wrong = with_one_off(actual, actual.len() / 2, 1e-4);
    assert_not_close(what, &wrong, expected, tolerance);
}

/// A model of a case on the f64 executor, with its parameters and its batch.
fn executor(case: &LayerCase, update: Op) -> (Model, CpuExecutor<f64>) {
    let spec = ModelSpec::from_json(&case.spec.to_string()).unwrap();
    let [samples, features] = case.x.shape[..] else {
        panic!("x is (N, T · F)")
    };
    let source = if case.is_classifier() {
        BatchSource::Table {
            samples,
            mean: vec![0.0; features],
            standard_deviation: vec![1.0; features],
            targets: TableTargets::Classes,
            order_length: samples,
        }
    } else {
        BatchSource::Features {
            features,
            targets: case.target.shape[1],
        }
    };
    let model = Model::build(&spec, &source, samples, update)
        .unwrap_or_else(|error| panic!("{}: {error}", case.spec));
    let graph = Arc::new(model.graph.clone());
    let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
    let mut executor = CpuExecutor::new(Arc::clone(&graph), plan);
    // Names and their order are those of PyTorch's state_dict.
    let names: Vec<&str> = model
        .parameters
        .iter()
        .map(|parameter| graph.value(parameter.value).name.as_str())
        .collect();
    let expected: BTreeSet<&str> = case.parameters.keys().map(String::as_str).collect();
    assert_eq!(names.iter().copied().collect::<BTreeSet<_>>(), expected);
    for (name, values) in &case.parameters {
        let id = graph.find_value(name).unwrap();
        assert_eq!(graph.value(id).shape.dims(), values.shape, "{name}");
        executor.write(id, &values.values());
    }
    if let Some(table) = &model.gathered {
        let classes = case.target.data.iter().map(|&class| class as u32);
        executor.write(table.samples, &case.x.values());
        executor.write(table.targets, &Values::U32(classes.collect()));
        executor.write(table.order, &Values::U32((0..samples as u32).collect()));
    } else {
        executor.write(model.input, &case.x.values());
        executor.write(model.target, &case.target.values());
    }
    (model, executor)
}

#[test]
fn layers_over_sequences_compute_what_pytorch_does_forward_and_backward() {
    let fixture = fixture();
    assert!(fixture.layers.len() >= 16, "1 and 2 layers, both ways");
    let attention = attention();
    assert!(attention.layers.len() >= 7, "heads, masks, and a block");
    let mut kinds = BTreeSet::new();
    for case in fixture.layers.iter().chain(&attention.layers) {
        let what = case.spec["layers"][1].to_string();
        kinds.insert(case.spec["layers"][1]["kind"].to_string());
        let (model, mut executor) = executor(case, Op::SgdUpdate(SgdUpdate::default()));
        let step = StepValues::forward(case.x.shape[0] as u32);
        let all = executor.plan().phases(Phase::Data, Phase::Backward);
        executor.run(all, &step);
        compare(
            &what,
            executor.reals(model.logits),
            &case.output.data,
            EXACT,
        );
        assert_close(&what, executor.reals(model.loss), &[case.loss], EXACT);
        let mut compared = 0;
        for (name, expected) in &case.gradients {
            let id = model.graph.find_value(name).unwrap();
            let gradient = model.graph.value(id).gradient.unwrap();
            let label = format!("{what}: {name}.grad");
            compare(&label, executor.reals(gradient), &expected.data, EXACT);
            compared += 1;
        }
        // Of the inputs too, where they are not gathered from a table.
        let of_inputs = usize::from(!case.is_classifier());
        assert_eq!(compared, case.parameters.len() + of_inputs);
    }
    assert_eq!(kinds.len(), 5, "{kinds:?}");
}

#[test]
fn ten_training_steps_have_the_losses_of_pytorch() {
    let mut optimizers = BTreeSet::new();
    let mut classifiers = Vec::new();
    for case in fixture().layers.iter().chain(&attention().layers) {
        let Some(optimizer) = &case.optimizer else {
            continue;
        };
        optimizers.insert(optimizer.clone());
        if case.is_classifier() {
            let kind = &case.spec["layers"][1]["kind"];
            classifiers.push((kind.to_string(), optimizer.clone()));
        }
        let eps = 0.0078125;
        let adam = AdamUpdate {
            eps,
            ..AdamUpdate::default()
        };
        let update = match optimizer.as_str() {
            "adam" => Op::AdamUpdate(adam),
            "adamw" => Op::AdamwUpdate(AdamwUpdate {
                eps,
                weight_decay: 0.0625,
                ..AdamwUpdate::default()
            }),
            _ => Op::RmspropUpdate(RmspropUpdate {
                eps,
                ..RmspropUpdate::default()
            }),
        };
        let (model, mut executor) = executor(case, update.clone());
        let mut losses = Vec::new();
        for number in 0..case.losses.len() as u32 {
            let [bias_correction_1, bias_correction_2] =
                update.bias_corrections(u64::from(number) + 1);
            let step = StepValues {
                step: number,
                learning_rate: 0.0078125,
                bias_correction_1,
                bias_correction_2,
                ..StepValues::forward(case.x.shape[0] as u32)
            };
            let groups = 0..executor.plan().groups.len();
            executor.run(groups, &step.in_training());
            losses.push(executor.reals(model.loss)[0]);
        }
        assert_eq!(losses.len(), 10);
        let what = case.spec["layers"][1].to_string();
        assert_close(&what, &losses, &case.losses, STEPS);
        assert_not_close(&what, &losses[1..], &case.losses[..9], STEPS);
    }
    assert_eq!(optimizers.len(), 3);
    assert_eq!(classifiers, [("\"lstm\"".into(), "rmsprop".into())]);
}

#[test]
fn packed_sequences_reverse_and_truncated_ones_are_those_of_pytorch() {
    let fixture = fixture();
    assert!(fixture.operations.len() >= 11);
    for case in &fixture.operations {
        let what = format!("{} {}", case.operation, case.attributes);
        let op = Op::from_json(&case.operation, &case.attributes).unwrap();
        let declared = op.inputs();
        let described: Vec<(Shape, ElementType)> = declared
            .iter()
            .map(|input| match input.name {
                "lengths" => (Shape::from([case.lengths.len()]), ElementType::U32),
                name => {
                    let shape = case.inputs[name].shape.clone();
                    (Shape::new(shape).unwrap(), ElementType::F32)
                }
            })
            .collect();
        let inputs: Vec<Buffer<f64>> = declared
            .iter()
            .map(|input| match input.name {
                "lengths" => Buffer::Index(case.lengths.clone()),
                name => Buffer::Real(case.inputs[name].data.clone()),
            })
            .collect();
        let single = SingleOperation::with_gradient(op, &described).unwrap();
        // Where a sequence ends, for the gradient of the final cell state.
        let [n, t, h] = case.h.shape[..] else {
            panic!("{what}: h is (N, T, H)")
        };
        let last = |sequence: usize| match case.attributes["reverse"] {
            Json::Bool(true) => 0,
            _ => case.lengths[sequence] as usize - 1,
        };
        let mut cells = vec![0.0; n * t * h];
        if let Some(arriving) = &case.last_cell {
            for (sequence, arriving) in arriving.data.chunks(h).enumerate() {
                cells[(sequence * t + last(sequence)) * h..][..h].copy_from_slice(arriving);
            }
        }
        let mut upstream = vec![Buffer::Real(case.upstream.data.clone())];
        if case.operation == "lstm" {
            upstream.push(Buffer::Real(cells));
        }
        let run = single
            .run(&inputs, &upstream, &StepValues::forward(n as u32))
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        compare(&what, &numbers(&run.outputs[0]), &case.h.data, EXACT);
        if let Some(expected) = &case.final_cell {
            let c = numbers(&run.outputs[1]);
            for (sequence, expected) in expected.data.chunks(h).enumerate() {
                let at = (sequence * t + last(sequence)) * h;
                compare(&format!("{what}: c"), &c[at..at + h], expected, EXACT);
            }
        }
        let mut compared = 0;
        for (input, gradient) in declared.iter().zip(&run.gradients) {
            let Some(gradient) = gradient else { continue };
            let label = format!("{what}: d{}", input.name);
            let expected = &case.gradients[input.name].data;
            compare(&label, &numbers(gradient), expected, EXACT);
            compared += 1;
        }
        assert_eq!(compared, case.gradients.len(), "{what}");
    }
}

/// The value of a name.
fn find(model: &Model, name: &str) -> ValueId {
    model
        .graph
        .find_value(name)
        .unwrap_or_else(|| panic!("there is no {name}"))
}

#[test]
fn a_step_takes_as_many_dispatches_whatever_the_length() {
    let dispatches = |steps: usize| {
        let spec = serde_json::json!({
            "layers": [
                {"name": "sequence", "kind": "reshape", "shape": [steps, 4]},
                {"name": "lstm", "kind": "lstm", "hidden_size": 8, "returns": "last"},
                {"name": "fc", "kind": "linear", "out_features": 2},
            ],
            "loss": {"mean_squared_error": {}},
        });
        let spec = ModelSpec::from_json(&spec.to_string()).unwrap();
        let source = BatchSource::Features {
            features: 4 * steps,
            targets: 2,
        };
        let update = Op::AdamUpdate(AdamUpdate::default());
        let model = Model::build(&spec, &source, 3, update).unwrap();
        // Everything that a viewer wants to see has a name.
        for name in [
            "lstm.l0.h",
            "lstm.l0.c",
            "lstm.l0.gates",
            "lstm.l0.backward.dh",
            "lstm.l0.backward.dc",
            "lstm.steps_l0.y.grad",
            "lstm.weight_hh_l0.grad",
        ] {
            find(&model, name);
        }
        Plan::new(&model.graph, Mode::Train, &[model.loss]).dispatches()
    };
    assert_eq!(dispatches(1), dispatches(50));
    assert!(dispatches(50) <= 24, "{}", dispatches(50));
}

#[test]
fn recurrent_layers_that_do_not_fit_are_refused_by_name_and_numbers() {
    let refusal = |layer: Json, shape: &[usize]| {
        let spec = serde_json::json!({
            "layers": [{"name": "sequence", "kind": "reshape", "shape": shape}, layer],
            "loss": {"mean_squared_error": {}},
        });
        let source = BatchSource::Features {
            features: 12,
            targets: 2,
        };
        let update = Op::SgdUpdate(SgdUpdate::default());
        match ModelSpec::from_json(&spec.to_string()) {
            Err(error) => error.to_string(),
            Ok(spec) => Model::build(&spec, &source, 3, update)
                .unwrap_err()
                .to_string(),
        }
    };
    for (layer, shape, expected) in [
        (
            serde_json::json!({"name": "r", "kind": "lstm", "hidden_size": 0}),
            &[3, 4][..],
            "layer r",
        ),
        (
            serde_json::json!({"name": "r", "kind": "gru", "hidden_size": 2}),
            &[12][..],
            "expected an input of (N, T, F): sequences of T steps",
        ),
        (
            serde_json::json!({"name": "r", "kind": "rnn", "hidden_size": 2, "num_layers": 99}),
            &[3, 4][..],
            "num_layers is 99, expected at most 16",
        ),
        (
            serde_json::json!({"name": "r", "kind": "rnn", "hidden_size": 2, "bidirectional": true, "reverse": true}),
            &[3, 4][..],
            "bidirectional and reverse are both set",
        ),
        (
            serde_json::json!({"name": "r", "kind": "lstm", "hidden_size": 2, "truncate": 0}),
            &[3, 4][..],
            "every 0 steps, expected at least 1",
        ),
        (
            serde_json::json!({"name": "r", "kind": "lstm", "hidden_units": 2}),
            &[3, 4][..],
            "hidden_units",
        ),
    ] {
        let message = refusal(layer, shape);
        assert!(message.contains(expected), "{message}");
        assert!(message.contains('r'), "{message}");
    }
}
