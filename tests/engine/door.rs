//! The data-driven door: PyTorch's cases as requests, on the twins and on the GPU.

use glassbox::exec::gpu::GpuDevice;
use glassbox::exec::request::{Answer, Inputs, Number, Request, StepRequest, TensorData};
use glassbox::exec::single::{
    differentiate_operation, differentiate_operation_on_gpu, run_operation, run_operation_on_gpu,
};
use glassbox::ops::{AdamUpdate, StepValues};
use glassbox::tensor::Tensor;
use pollster::block_on;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;

use crate::support::{Tolerance, assert_close, assert_not_close, with_one_off};

/// Expected values carry 9 significant digits, so half a unit of the ninth is 5e-9;
/// both sides computed in f64, whose own error is the absolute part.
const IN_F64: Tolerance = Tolerance {
    absolute: 1e-13,
    relative: 6e-9,
};

/// What f32 keeps of sums of a few terms; logits of 1e4 are resolved to 1e-3, and
/// divided by a temperature of 8 and multiplied by its square they leave 8e-3 of 1e5.
const IN_F32: Tolerance = Tolerance {
    absolute: 2e-6,
    relative: 2e-6,
};

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<FixtureCase>,
}

#[derive(Deserialize)]
struct FixtureCase {
    name: String,
    operation: String,
    attributes: serde_json::Map<String, serde_json::Value>,
    inputs: Vec<TensorData>,
    output_gradient: TensorData,
    output: TensorData,
    gradients: Vec<Option<TensorData>>,
}

impl FixtureCase {
    fn request(&self) -> Request {
        Request {
            name: Some(self.name.clone()),
            operation: self.operation.clone(),
            attributes: self.attributes.clone(),
            inputs: Inputs::Row(self.inputs.clone()),
            output_gradients: Some(vec![self.output_gradient.clone()]),
            step: StepRequest::default(),
        }
    }
}

fn cases() -> Vec<FixtureCase> {
    let text = include_str!("../fixtures/activations_losses.json");
    let fixture: Fixture = serde_json::from_str(text).unwrap();
    assert!(fixture.cases.len() > 50);
    fixture.cases
}

/// Compares an answer's first output and all gradients with PyTorch's.
fn compare(case: &FixtureCase, answer: &Answer, tolerance: Tolerance) -> usize {
    let mut compared = 0;
    let mut one = |what: String, actual: &TensorData, expected: &TensorData| {
        assert_eq!(actual.shape, expected.shape, "{what}");
        let (actual, expected) = (actual.numbers(), expected.numbers());
        assert_close(&what, &actual, &expected, tolerance);
        let last = actual.len() - 1;
        let off = 1e-4 * (1.0 + actual[last].abs());
        let wrong = with_one_off(&actual, last, off);
        assert_not_close(&what, &wrong, &expected, tolerance);
        compared += 1;
    };
    assert_eq!(answer.name.as_ref(), Some(&case.name));
    one(case.name.clone(), &answer.outputs[0].tensor, &case.output);
    let gradients = answer.gradients.as_ref().expect("gradients were asked for");
    assert_eq!(gradients.len(), case.gradients.len(), "{}", case.name);
    for (at, (actual, expected)) in gradients.iter().zip(&case.gradients).enumerate() {
        match (actual, expected) {
            (Some(actual), Some(expected)) => {
                one(format!("{}: gradient {at}", case.name), actual, expected);
            }
            (None, None) => {}
            _ => panic!("{}: only one side has gradient {at}", case.name),
        }
    }
    compared
}

#[test]
fn the_twins_give_what_pytorch_gives() {
    let mut operations = BTreeSet::new();
    let mut compared = 0;
    for case in cases() {
        let answer = case.request().run::<f64>();
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", case.name));
        compared += compare(&case, &answer, IN_F64);
        operations.insert(case.operation);
    }
    assert!(operations.len() >= 9, "{operations:?}");
    assert!(compared >= 120, "{compared} comparisons");
}

#[test]
fn the_twins_in_f32_and_the_kernels_give_what_pytorch_gives() {
    let device = block_on(GpuDevice::request()).expect("the tests need a GPU");
    for case in cases() {
        let request = case.request();
        compare(&case, &request.run::<f32>().unwrap(), IN_F32);
        let answer = block_on(request.run_on_gpu(&device));
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", case.name));
        compare(&case, &answer, IN_F32);
    }
}

#[test]
fn the_functions_on_tensors_run_on_the_gpu_too() {
    let device = block_on(GpuDevice::request()).expect("the tests need a GPU");
    let x = [Tensor::f32([2, 3], vec![1.0, -2.0, 0.5, 0.0, 3.0, -0.25]).unwrap()];
    let dy = [Tensor::f32([2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap()];
    let attributes = json!({"negative_slope": 0.125});
    let step = StepValues::forward(2);
    let run = |x: &[Tensor]| run_operation("leaky_relu", &attributes, x, &step).unwrap();
    let on_gpu = run_operation_on_gpu(&device, "leaky_relu", &attributes, &x, &step);
    assert_eq!(block_on(on_gpu).unwrap(), run(&x));
    let gradients = differentiate_operation("leaky_relu", &attributes, &x, &dy, &step).unwrap();
    let on_gpu = differentiate_operation_on_gpu(&device, "leaky_relu", &attributes, &x, &dy, &step);
    assert_eq!(block_on(on_gpu).unwrap(), gradients);
    let gradient = gradients[0].as_ref().unwrap().as_f32().unwrap().to_vec();
    assert_eq!(gradient, [1.0, 0.25, 3.0, 0.5, 5.0, 0.75]);
}

#[test]
fn updates_run_through_the_door_on_both_devices() {
    let device = block_on(GpuDevice::request()).expect("the tests need a GPU");
    let adam = AdamUpdate {
        eps: 0.5,
        ..AdamUpdate::default()
    };
    let adam = serde_json::to_value(adam).unwrap();
    let request: Request = serde_json::from_value(json!({
        "operation": "adam_update",
        "attributes": adam,
        "inputs": {
            "w": {"shape": [2], "data": [1, 1]}, "g": {"shape": [2], "data": [1.5, -0.5]},
            "m": {"shape": [2], "data": [0, 0]}, "v": {"shape": [2], "data": [0, 0]},
        },
        "step": {"learning_rate": 0.25},
    }))
    .unwrap();
    // In the first step m̂ = g and v̂ = g².
    let expected = [1.0 - 0.25 * 1.5 / 2.0, 1.0 + 0.25 * 0.5 / 1.0];
    let answers = [
        request.run::<f64>().unwrap(),
        request.run::<f32>().unwrap(),
        block_on(request.run_on_gpu(&device)).unwrap(),
    ];
    for answer in answers {
        assert_eq!(answer.outputs[0].symbol, "w′");
        let actual = answer.outputs[0].tensor.numbers();
        assert_close("adam", &actual, &expected, IN_F32);
        assert_not_close("adam", &actual, &[1.0, 1.0], IN_F32);
        assert!(answer.gradients.is_none());
    }
}

fn refused(request: serde_json::Value) -> String {
    let request: Request = serde_json::from_value(request).unwrap();
    request.run::<f32>().unwrap_err().to_string()
}

#[test]
fn requests_that_do_not_fit_are_refused_and_say_what_was_expected() {
    let row = json!({"shape": [1, 2], "data": [0.5, 1]});
    assert_eq!(
        refused(json!({"operation": "leaky_relu", "attributes": {"slope": 0.1}, "inputs": [row]})),
        "leaky_relu: attributes are not valid: unknown field `slope`, expected one of negative_slope"
    );
    assert_eq!(
        refused(json!({"operation": "relu", "attributes": {"slope": 0.1}, "inputs": [row]})),
        "relu: attributes are not valid: unknown field `slope`, there are no attributes"
    );
    assert_eq!(
        refused(json!({"operation": "softmax", "attributes": {"axis": 2}, "inputs": [row]})),
        "softmax: axis is 2, expected a whole number from -2 to 1 for a tensor (1, 2)"
    );
    assert_eq!(
        refused(json!({"operation": "softmax", "inputs": [{"shape": [], "data": [1]}]})),
        "softmax: axis is -1, expected an axis, but the tensor () has none"
    );
    assert_eq!(
        refused(json!({"operation": "softmax", "inputs": {"z": row}})),
        "softmax: no input is called \"z\"; there are: x"
    );
    assert_eq!(
        refused(json!({"operation": "softmax_cross_entropy", "inputs": {"z": row}})),
        "softmax_cross_entropy: input t is missing, expected z, t"
    );
    let labels = |label: f64| json!({"shape": [1], "data": [label]});
    let loss = |label: f64, ignored: i64| {
        json!({
            "operation": "weighted_cross_entropy", "attributes": {"ignore_index": ignored},
            "inputs": [row, labels(label), {"shape": [2], "data": [1, 1]}],
        })
    };
    assert_eq!(
        refused(loss(0.5, -100)),
        "weighted_cross_entropy: t holds 0.5, expected whole numbers from -2147483648 to 4294967295"
    );
    assert_eq!(
        refused(loss(2.0, -100)),
        "weighted_cross_entropy: t holds 2, expected whole numbers below 2"
    );
    // The ignored label may lie outside, in either spelling.
    for (label, ignored) in [(-100.0, -100), (4_294_967_196.0, -100), (2.0, 2)] {
        let request: Request = serde_json::from_value(loss(label, ignored)).unwrap();
        let answer = request.run::<f32>().unwrap();
        assert_eq!(answer.outputs[0].tensor.numbers(), [0.0]);
    }
    for (operation, attributes, inputs) in [
        ("weighted_cross_entropy", json!({"label_smoothing": 1.5}), 3),
        ("kullback_leibler", json!({"temperature": 0.0}), 2),
        ("mean_squared_error", json!({"factor": -1.0}), 2),
        ("binary_cross_entropy", json!({"pos_weight": 0.0}), 2),
    ] {
        let mut tensors = vec![row.clone(); inputs];
        if inputs == 3 {
            tensors[1] = labels(1.0);
            tensors[2] = json!({"shape": [2], "data": [1, 1]});
        }
        let request = json!({"operation": operation, "attributes": attributes, "inputs": tensors});
        let message = refused(request);
        assert!(message.contains("expected a number"), "{message}");
    }
    let gradients = json!({
        "operation": "relu", "inputs": [row],
        "output_gradients": [{"shape": [2, 1], "data": [1, 1]}],
    });
    assert_eq!(
        refused(gradients),
        "relu: relu.y.grad is (2, 1), expected (1, 2)"
    );
}

#[test]
fn numbers_that_json_has_none_for_are_words() {
    let text = r#"{"shape":[4],"data":["NaN","Infinity","-Infinity",0.5]}"#;
    let tensor: TensorData = serde_json::from_str(text).unwrap();
    let numbers = tensor.numbers();
    assert!(numbers[0].is_nan() && numbers[1] == f64::INFINITY && numbers[2] < 0.0);
    assert_eq!(serde_json::to_string(&tensor).unwrap(), text);
    for wrong in [r#""nan""#, "null", "true", "[1]"] {
        assert!(serde_json::from_str::<Number>(wrong).is_err(), "{wrong}");
    }
    // NaN goes through a softmax as NaN, and is not lost in a maximum.
    let request: Request = serde_json::from_value(json!({
        "operation": "softmax", "inputs": [{"shape": [3], "data": [1, "NaN", 2]}],
    }))
    .unwrap();
    let answer = request.run::<f32>().unwrap();
    assert!(
        answer.outputs[0]
            .tensor
            .numbers()
            .iter()
            .all(|value| value.is_nan())
    );
}
