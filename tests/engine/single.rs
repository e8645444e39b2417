//! Single operations by name: what they return, and what they refuse instead of failing inside.

use glassbox::exec::single::{SingleError, differentiate_operation, run_operation};
use glassbox::ops::{Op, OpError, StepValues};
use glassbox::tensor::{Tensor, Values};
use serde_json::{Value as Json, json};

use crate::cases::all_cases;
use crate::support::{Tolerance, assert_close, numbers};

fn reals<const R: usize>(shape: [usize; R]) -> Tensor {
    let count: usize = shape.iter().product();
    Tensor::f32(shape, vec![0.5; count]).unwrap()
}

/// The name and attributes of an operation as it is written in JSON: `{"Conv2d": {…}}`.
fn attributes(op: &Op) -> Json {
    let written = serde_json::to_value(op).unwrap();
    written
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap()
        .clone()
}

#[test]
fn every_operation_can_be_run_by_name_and_json() {
    for (name, cases) in all_cases() {
        for case in cases {
            let outputs =
                run_operation(name, &attributes(&case.op), &case.inputs, &case.step).unwrap();
            let expected = case.run::<f32>().outputs;
            assert_eq!(outputs.len(), expected.len());
            for (tensor, expected) in outputs.iter().zip(&expected) {
                let actual = numbers(&glassbox::ops::Buffer::<f32>::from_tensor(tensor));
                assert_close(&case.label, &actual, &numbers(expected), Tolerance::EXACT);
            }
        }
    }
}

#[test]
fn a_convolution_can_be_differentiated_by_name_and_json() {
    let inputs = [reals([1, 1, 3, 3]), reals([1, 1, 2, 2]), reals([1])];
    let dy = Tensor::f32([1, 1, 2, 2], vec![1.0, 2.0, 3.0, 4.0]).unwrap();
    let attributes = json!({"stride": 1, "padding": 0});
    let step = StepValues::forward(1);
    let gradients = differentiate_operation("conv2d", &attributes, &inputs, &[dy], &step).unwrap();
    let dx = gradients[0].as_ref().unwrap();
    assert_eq!(
        dx.as_f32().unwrap(),
        [0.5, 1.5, 1.0, 2.0, 5.0, 3.0, 1.5, 3.5, 2.0]
    );
    assert_eq!(gradients[1].as_ref().unwrap().as_f32().unwrap(), [5.0; 4]);
    assert_eq!(gradients[2].as_ref().unwrap().as_f32().unwrap(), [10.0]);
    // A gradient of another shape is refused, though it has as many elements.
    let row = reals([1, 1, 1, 4]);
    let error = differentiate_operation("conv2d", &attributes, &inputs, &[row], &step).unwrap_err();
    assert!(matches!(error, SingleError::Shape { .. }), "{error}");
    let error = differentiate_operation("conv2d", &attributes, &inputs, &[], &step).unwrap_err();
    assert!(matches!(error, SingleError::Count { .. }), "{error}");
}

#[test]
fn an_update_returns_the_new_values_and_has_no_gradient() {
    let inputs = [reals([3]), reals([3])];
    let mut step = StepValues::forward(0);
    step.learning_rate = 0.5;
    let outputs = run_operation("sgd_update", &json!({}), &inputs, &step).unwrap();
    assert_eq!(outputs[0].as_f32().unwrap(), [0.25; 3]);
    let gradients = differentiate_operation("sgd_update", &json!({}), &inputs, &[], &step).unwrap();
    assert_eq!(gradients, [None, None]);
}

/// The error of running an operation that must not run.
fn refused(name: &str, attributes: Json, inputs: &[Tensor], step: StepValues) -> String {
    match run_operation(name, &attributes, inputs, &step) {
        Ok(_) => panic!("{name} {attributes} was run"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_does_not_fit_is_refused_and_named() {
    let step = StepValues::forward(1);
    let image = || reals([1, 1, 4, 4]);
    let convolution = || [image(), reals([1, 1, 2, 2]), reals([1])];
    let plain = || json!({"stride": 1, "padding": 0});
    let message = refused("convolution", json!({}), &[], step);
    assert!(
        message.starts_with(
            "no operation is called \"convolution\"; there are: gather_batch, gather_rows"
        ),
        "{message}"
    );
    let message = refused("conv2d", json!({"stride": 1}), &convolution(), step);
    assert!(message.contains("missing field `padding`"), "{message}");
    let message = refused("conv2d", plain(), &convolution()[..2], step);
    assert_eq!(message, "conv2d: expected 3 inputs, got 2");
    let four: Vec<Tensor> = convolution().into_iter().chain([image()]).collect();
    assert_eq!(
        refused("conv2d", plain(), &four, step),
        "conv2d: expected 3 inputs, got 4"
    );
    let wrong = [image(), reals([1, 3, 2, 2]), reals([1])];
    assert_eq!(
        refused("conv2d", plain(), &wrong, step),
        "conv2d: w is (1, 3, 2, 2), expected (O, C = 1, K, L)"
    );
    let whole = [Tensor::u32([2, 2], vec![0; 4]).unwrap()];
    assert_eq!(
        refused("relu", json!({}), &whole, step),
        "relu: x holds u32 values, expected f32"
    );
}

#[test]
fn absurd_attributes_and_empty_tensors_are_refused() {
    let step = StepValues::forward(0);
    let convolution = [reals([1, 1, 4, 4]), reals([1, 1, 2, 2]), reals([1])];
    for (stride, padding) in [
        (0, 0),
        (u64::MAX, 0),
        (1, u64::MAX),
        (1 << 40, 0),
        (1, 1 << 63),
    ] {
        refused(
            "conv2d",
            json!({"stride": stride, "padding": padding}),
            &convolution,
            step,
        );
    }
    refused(
        "conv2d",
        json!({"stride": 1, "padding": -1}),
        &convolution,
        step,
    );
    let image = [reals([1, 1, 4, 4])];
    for (kernel, stride) in [(0, 1), (5, 1), (1, 0), (u64::MAX, 1), (2, u64::MAX)] {
        refused(
            "max_pool2d",
            json!({"kernel": kernel, "stride": stride}),
            &image,
            step,
        );
    }
    let rows = [reals([2, 6])];
    for shape in [
        vec![],
        vec![2, 5],
        vec![3, 4],
        vec![2, 0, 6],
        vec![2, 1u64 << 32, 1 << 32],
        vec![2, 1, 1, 1, 1, 6],
    ] {
        refused("flatten_backward", json!({"shape": shape}), &rows, step);
    }
    refused("relu", json!({}), &[reals([3, 0])], step);
    refused("flatten", json!({}), &[reals([])], step);
    refused("flatten", json!({}), &[reals([0, 4])], step);
    refused(
        "linear",
        json!({}),
        &[reals([1, 0]), reals([2, 0]), reals([2])],
        step,
    );
    let gradient = [reals([1, 1, 2, 2]), reals([1, 1, 5, 5])];
    for size in [[0, 0], [5, 5], [1u64 << 40, 4]] {
        refused(
            "conv2d_backward_input",
            json!({"stride": 1, "padding": 0, "size": size}),
            &gradient,
            step,
        );
    }
    for kernel in [[0, 0], [9, 9]] {
        refused(
            "conv2d_backward_weight",
            json!({"stride": 1, "padding": 0, "kernel": kernel}),
            &gradient,
            step,
        );
    }
}

#[test]
fn whole_numbers_that_point_outside_are_refused() {
    let logits = reals([2, 3]);
    let classes = |values: Vec<u32>| Tensor::u32([2], values).unwrap();
    let step = StepValues::forward(2);
    let message = refused(
        "softmax_cross_entropy",
        json!({}),
        &[logits.clone(), classes(vec![0, 3])],
        step,
    );
    assert_eq!(
        message,
        "softmax_cross_entropy: t holds 3, expected whole numbers below 3"
    );
    let inputs = [logits, classes(vec![0, 2])];
    assert!(run_operation("softmax_cross_entropy", &json!({}), &inputs, &step).is_ok());
    refused(
        "softmax_cross_entropy",
        json!({}),
        &inputs,
        StepValues::forward(3),
    );

    let winners = Tensor::u32([1, 1, 1, 1], vec![4]).unwrap();
    let attributes = json!({"kernel": 2, "stride": 2, "size": [2, 2]});
    refused(
        "max_pool2d_backward",
        attributes,
        &[winners, reals([1, 1, 1, 1])],
        step,
    );

    let gather = |order: Vec<u32>| {
        [
            Tensor::new([2, 1, 1, 1].into(), Values::U8(vec![0, 255])).unwrap(),
            Tensor::u32([2], vec![7, 8]).unwrap(),
            Tensor::u32([2], order).unwrap(),
            reals([1]),
            reals([1]),
        ]
    };
    refused(
        "gather_batch",
        json!({"batch": 2}),
        &gather(vec![0, 2]),
        step,
    );
    refused(
        "gather_batch",
        json!({"batch": 0}),
        &gather(vec![0, 1]),
        step,
    );
    let mut late = step;
    late.first = 1;
    refused(
        "gather_batch",
        json!({"batch": 2}),
        &gather(vec![0, 1]),
        late,
    );
    let outputs = run_operation(
        "gather_batch",
        &json!({"batch": 2}),
        &gather(vec![1, 0]),
        &step,
    )
    .unwrap();
    assert_eq!(outputs[0].as_f32().unwrap(), [1.0, -1.0]);
    assert_eq!(outputs[1].as_u32().unwrap(), [8, 7]);
}

#[test]
fn every_whole_number_that_points_somewhere_is_bounded() {
    let mut unbounded = Vec::new();
    for (name, cases) in all_cases() {
        for input in cases[0].op.inputs() {
            let whole = input.element == glassbox::tensor::ElementType::U32;
            if whole && input.below.is_none() {
                unbounded.push((name, input.name));
            }
        }
    }
    // Classes and tokens are handed on as they are.
    assert_eq!(
        unbounded,
        [
            ("gather_batch", "classes"),
            ("gather_classes", "classes"),
            ("gather_windows", "tokens")
        ]
    );
    let error = OpError::Unknown {
        name: "x".into(),
        known: "y".into(),
    };
    assert_eq!(
        SingleError::from(error.clone()).to_string(),
        error.to_string()
    );
}
