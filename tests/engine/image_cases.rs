//! Cases of convolution, pooling, normalization and dropout.

use crate::support::{Case, Random};
use glassbox::ops::{Op, StepValues};
use glassbox::tensor::{Shape, Tensor};
use serde_json::{Value as Json, json};

/// The operation called `name`, with inputs made for it.
fn case(name: &str, label: String, attributes: &Json, inputs: Vec<Tensor>) -> Case {
    let op = Op::from_json(name, attributes).unwrap_or_else(|error| panic!("{label}: {error}"));
    Case::new(label, op, inputs)
}

/// Attributes with one more.
fn with(attributes: &Json, name: &str, value: Json) -> Json {
    let mut attributes = attributes.clone();
    attributes[name] = value;
    attributes
}

/// The sizes that the forward operation gives its first output.
fn out_dims(name: &str, attributes: &Json, inputs: &[&Tensor]) -> Vec<usize> {
    let op = Op::from_json(name, attributes).unwrap();
    let described: Vec<(&Shape, _)> = inputs
        .iter()
        .map(|tensor| (tensor.shape(), tensor.values().element_type()))
        .collect();
    let resolved = op
        .resolve(&described)
        .unwrap_or_else(|error| panic!("{error}"));
    resolved.outputs[0].0.dims().to_vec()
}

fn reals(random: &mut Random, dims: &[usize]) -> Tensor {
    let count = dims.iter().product();
    Tensor::f32(Shape::new(dims).unwrap(), random.values(1.0, count)).unwrap()
}

/// (N, C, H, W, O, K, L) and attributes: one element; odd sizes and an oblong kernel;
/// stride and padding other than 1; windows that lie in the padding alone; a stride
/// that leaves rows over; more samples than the twin's chunk (8) and the kernel's parts (16);
/// then sides that differ, dilation, groups, each channel by itself.
fn convolutions() -> Vec<([usize; 7], Json)> {
    let plain = |stride: usize, padding: usize| json!({"stride": stride, "padding": padding});
    vec![
        ([1, 1, 1, 1, 1, 1, 1], plain(1, 0)),
        ([2, 3, 5, 4, 2, 3, 2], plain(1, 0)),
        ([1, 2, 7, 6, 3, 3, 3], plain(2, 1)),
        ([3, 2, 8, 8, 5, 5, 5], plain(1, 2)),
        ([2, 1, 4, 6, 2, 2, 2], plain(3, 3)),
        ([2, 2, 7, 8, 3, 2, 3], plain(3, 0)),
        ([17, 2, 5, 4, 3, 3, 3], plain(1, 1)),
        (
            [2, 3, 6, 5, 2, 3, 2],
            json!({"stride": [1, 2], "padding": [0, 1]}),
        ),
        (
            [2, 2, 5, 6, 3, 2, 3],
            json!({"stride": 1, "padding": [1, 0, 2, 1]}),
        ),
        (
            [1, 2, 9, 8, 2, 3, 3],
            json!({"stride": [2, 1], "padding": [1, 2, 0, 3], "dilation": [2, 3]}),
        ),
        (
            [2, 1, 7, 7, 2, 3, 3],
            json!({"stride": 1, "padding": 2, "dilation": 2}),
        ),
        (
            [2, 4, 5, 5, 6, 3, 3],
            json!({"stride": 1, "padding": 1, "groups": 2}),
        ),
        (
            [2, 6, 7, 6, 6, 3, 3],
            json!({"stride": 2, "padding": 1, "groups": 6}),
        ),
        (
            [9, 4, 6, 7, 8, 3, 2],
            json!({"stride": [2, 1], "padding": [0, 1, 1, 2], "dilation": [1, 2], "groups": 4}),
        ),
    ]
}

pub fn convolution_cases(name: &str) -> Vec<Case> {
    let cases = convolutions().into_iter();
    cases
        .map(|(sizes, attributes)| convolution_case(name, sizes, &attributes))
        .collect()
}

/// A convolution or one of its backward operations, (N, C, H, W, O, K, L).
pub fn convolution_case(name: &str, [n, c, h, w, o, k, l]: [usize; 7], attributes: &Json) -> Case {
    let groups = attributes["groups"].as_u64().unwrap_or(1) as usize;
    let mut random = Random::new(12);
    let x = random.reals([n, c, h, w]);
    let weight = random.reals([o, c / groups, k, l]);
    let b = random.reals([o]);
    let dy = out_dims("conv2d", attributes, &[&x, &weight, &b]);
    let dy = reals(&mut random, &dy);
    let (own, inputs) = match name {
        "conv2d" => (attributes.clone(), vec![x, weight, b]),
        "conv2d_backward_input" => (with(attributes, "size", json!([h, w])), vec![weight, dy]),
        "conv2d_backward_weight" => (with(attributes, "kernel", json!([k, l])), vec![x, dy]),
        _ => (json!({}), vec![dy]),
    };
    let label = format!("N={n} C={c} H={h} W={w} O={o} K={k} L={l} {attributes}");
    case(name, label, &own, inputs)
}

/// (N, C, H, W) and attributes: one element; rows left over; windows that overlap; a
/// stride beyond the window; several workgroups; then sides that differ, padding,
/// last windows that reach over the end.
fn poolings() -> Vec<([usize; 4], Json)> {
    let plain = |kernel: usize, stride: usize| json!({"kernel": kernel, "stride": stride});
    vec![
        ([1, 1, 1, 1], plain(1, 1)),
        ([2, 3, 6, 4], plain(2, 2)),
        ([1, 2, 7, 5], plain(2, 2)),
        ([1, 2, 7, 9], plain(3, 2)),
        ([2, 1, 5, 6], plain(3, 1)),
        ([2, 1, 9, 8], plain(2, 3)),
        ([3, 2, 12, 12], plain(2, 2)),
        (
            [2, 2, 6, 5],
            json!({"kernel": [2, 3], "stride": [2, 1], "padding": [1, 0, 1, 1]}),
        ),
        (
            [1, 3, 7, 8],
            json!({"kernel": 3, "stride": 2, "padding": 1, "ceil_mode": true}),
        ),
        (
            [1, 2, 5, 5],
            json!({"kernel": 2, "stride": 2, "ceil_mode": true}),
        ),
        (
            [2, 1, 6, 7],
            json!({"kernel": [3, 2], "stride": [3, 2], "padding": [1, 1, 1, 0], "ceil_mode": true}),
        ),
    ]
}

pub fn max_pool_cases(name: &str) -> Vec<Case> {
    let mut all = poolings();
    all.push((
        [2, 1, 9, 9],
        json!({"kernel": 2, "stride": [2, 3], "dilation": [3, 2]}),
    ));
    all.push((
        [1, 2, 8, 7],
        json!({"kernel": 3, "stride": 2, "padding": 2, "dilation": 2, "ceil_mode": true}),
    ));
    let mut cases: Vec<Case> = all
        .into_iter()
        .map(|(sizes, attributes)| max_pool_case(name, sizes, &attributes))
        .collect();
    if name == "max_pool2d" {
        cases.push(tied_max_pool());
    }
    cases
}

/// A max pooling or its backward operation, (N, C, H, W).
pub fn max_pool_case(name: &str, [n, c, h, w]: [usize; 4], attributes: &Json) -> Case {
    let label = format!("N={n} C={c} H={h} W={w} {attributes}");
    let x = Random::new(13).spaced([n, c, h, w]);
    if name == "max_pool2d" {
        return case(name, label, attributes, vec![x]);
    }
    let mut random = Random::new(14);
    let dims = out_dims("max_pool2d", attributes, &[&x]);
    let kernel = &attributes["kernel"];
    let side = |at: usize| kernel.as_u64().or(kernel[at].as_u64()).unwrap() as usize;
    let count = dims.iter().product();
    let a = random.below(count, side(0) * side(1));
    let a = Tensor::u32(Shape::new(dims.clone()).unwrap(), a).unwrap();
    let dy = reals(&mut random, &dims);
    let attributes = with(attributes, "size", json!([h, w]));
    case(name, label, &attributes, vec![a, dy])
}

/// Equal values in each window: the first in row-major order wins.
fn tied_max_pool() -> Case {
    let x = vec![
        1.0, 1.0, 0.0, 2.0, 1.0, 1.0, 2.0, 2.0, -1.0, -2.0, 0.0, 0.0, -2.0, -1.0, 0.0, 0.0,
    ];
    let x = Tensor::f32([1, 1, 4, 4], x).unwrap();
    let attributes = json!({"kernel": 2, "stride": 2});
    let mut case = case("max_pool2d", "with ties".into(), &attributes, vec![x]);
    case.smooth = false;
    case
}

pub fn avg_pool_cases(name: &str) -> Vec<Case> {
    let mut all = poolings();
    for (_, attributes) in poolings() {
        if attributes.get("padding").is_some() {
            let attributes = with(&attributes, "count_include_pad", json!(false));
            all.push(([2, 2, 6, 5], attributes));
        }
    }
    let cases = all.into_iter();
    cases
        .map(|(sizes, attributes)| avg_pool_case(name, sizes, &attributes))
        .collect()
}

/// An average pooling or its backward operation, (N, C, H, W).
pub fn avg_pool_case(name: &str, [n, c, h, w]: [usize; 4], attributes: &Json) -> Case {
    let label = format!("N={n} C={c} H={h} W={w} {attributes}");
    let mut random = Random::new(22);
    let x = random.reals([n, c, h, w]);
    if name == "avg_pool2d" {
        return case(name, label, attributes, vec![x]);
    }
    let dims = out_dims("avg_pool2d", attributes, &[&x]);
    let dy = reals(&mut random, &dims);
    let attributes = with(attributes, "size", json!([h, w]));
    case(name, label, &attributes, vec![dy])
}

pub fn global_avg_pool_cases(name: &str) -> Vec<Case> {
    let sizes = [[1, 1, 1, 1], [2, 3, 5, 4], [3, 70, 2, 3]].into_iter();
    sizes
        .map(|[n, c, h, w]| {
            let mut random = Random::new(23);
            let label = format!("N={n} C={c} H={h} W={w}");
            if name == "global_avg_pool2d" {
                return case(name, label, &json!({}), vec![random.reals([n, c, h, w])]);
            }
            let attributes = json!({"size": [h, w]});
            case(name, label, &attributes, vec![random.reals([n, c])])
        })
        .collect()
}

/// The sizes of x, the samples that count, and whether it is training: one element; both kinds
/// of layers; a partial batch; several workgroups; more values than a workgroup has invocations.
fn batches() -> Vec<(Vec<usize>, usize, bool)> {
    vec![
        (vec![1, 1], 1, false),
        (vec![1, 1, 1, 1], 1, false),
        (vec![5, 3], 5, true),
        (vec![6, 4], 4, true),
        (vec![3, 2, 4, 5], 3, true),
        (vec![4, 3, 3, 2], 2, true),
        (vec![4, 3, 3, 2], 3, false),
        (vec![7, 70], 7, true),
        (vec![5, 2, 9, 8], 5, true),
    ]
}

pub fn batch_norm_cases(name: &str) -> Vec<Case> {
    let cases = batches().into_iter();
    cases
        .map(|(dims, valid, training)| {
            let mut random = Random::new(24);
            let over = if dims.len() == 2 { "1d" } else { "2d" };
            // A large ε, so that its place in the formula shows.
            let attributes = json!({"over": over, "epsilon": 0.0625, "momentum": 0.25});
            let x = reals(&mut random, &dims);
            let dy = reals(&mut random, &dims);
            let channels = [dims[1]];
            let mean = random.reals(channels);
            let variance = random.between(channels, 0.5, 1.5);
            let gamma = random.reals(channels);
            let epsilon = json!({"over": over, "epsilon": 0.0625});
            let (own, inputs) = match name {
                "batch_norm" => {
                    let beta = random.reals(channels);
                    (attributes, vec![x, gamma, beta, mean, variance])
                }
                "batch_norm_backward_input" => (epsilon, vec![x, gamma, mean, variance, dy]),
                "batch_norm_backward_weight" => (epsilon, vec![x, mean, variance, dy]),
                _ => (json!({"over": over}), vec![dy]),
            };
            let label = format!("{dims:?} valid={valid} training={training}");
            let mut case = case(name, label, &own, inputs).with_valid(valid);
            case.step.training = u32::from(training);
            case
        })
        .collect()
}

/// The sizes of x and how many of them are a row's: one element; one, two and three axes of
/// rows and in rows; rows longer than a workgroup; several workgroups of rows.
const LAYER_NORM: [(&[usize], usize); 6] = [
    (&[1, 1], 1),
    (&[3, 5], 1),
    (&[2, 3, 7], 1),
    (&[2, 3, 4, 3], 2),
    (&[3, 2, 6, 7], 3),
    (&[70, 3], 1),
];

pub fn layer_norm_cases(name: &str) -> Vec<Case> {
    let cases = LAYER_NORM.into_iter();
    cases
        .map(|(dims, axes)| {
            let mut random = Random::new(25);
            let (rows, row) = dims.split_at(dims.len() - axes);
            let shape = json!({"leading": rows.len(), "normalized": axes});
            let attributes = with(&shape, "epsilon", json!(0.0625));
            let x = reals(&mut random, dims);
            let dy = reals(&mut random, dims);
            let gamma = reals(&mut random, row);
            let mean = reals(&mut random, rows);
            let count = rows.iter().product();
            let variance = random.between([count], 0.5, 1.5);
            let variance = variance.as_f32().unwrap().to_vec();
            let variance = Tensor::f32(Shape::new(rows).unwrap(), variance).unwrap();
            let (own, inputs) = match name {
                "layer_norm" => {
                    let beta = reals(&mut random, row);
                    (attributes, vec![x, gamma, beta])
                }
                "layer_norm_backward_input" => (attributes, vec![x, gamma, mean, variance, dy]),
                "layer_norm_backward_weight" => (attributes, vec![x, mean, variance, dy]),
                _ => (shape, vec![dy]),
            };
            case(name, format!("{dims:?} of {axes} axes"), &own, inputs)
        })
        .collect()
}

/// Shape, rate, and whether it is training.
const DROPOUT: [(&[usize], f32, bool); 6] = [
    (&[1], 0.5, true),
    (&[7, 9], 0.3, true),
    (&[11, 31], 0.5, true),
    (&[3, 2, 5, 4], 0.8, false),
    (&[4, 5], 0.0, true),
    (&[4, 5], 1.0, true),
];

pub fn dropout_cases(name: &str) -> Vec<Case> {
    let cases = DROPOUT.into_iter();
    cases
        .map(|(dims, rate, training)| {
            let mut random = Random::new(26);
            let x = reals(&mut random, dims);
            let label = format!("{dims:?} rate={rate} training={training}");
            let mut case = if name == "dropout" {
                let attributes = json!({"rate": rate, "seed": u64::MAX - 5, "stream": 3});
                case(name, label, &attributes, vec![x])
            } else {
                let dy = reals(&mut random, dims);
                case(name, label, &json!({}), vec![x, dy])
            };
            case.step = StepValues {
                step: 17,
                training: u32::from(training),
                ..StepValues::forward(0)
            };
            case
        })
        .collect()
}
