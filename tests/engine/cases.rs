//! The shapes and values to try with every operation: one entry for each in [`cases_of`].

use crate::{image_cases, token_cases};
use glassbox::ops::{
    AdagradUpdate, AdamUpdate, AdamwUpdate, AddBackward, Approximate, Augment, BinaryCrossEntropy,
    BinaryCrossEntropyBackward, ClipGradient, Flatten, FlattenBackward, GatherBatch, GatherClasses,
    GatherRows, Gelu, GeluBackward, GradientNorm, KullbackLeibler, KullbackLeiblerBackward,
    LeakyRelu, LeakyReluBackward, Linear, LinearBackwardBias, LinearBackwardInput,
    LinearBackwardWeight, LogSoftmax, LogSoftmaxBackward, MeanAbsoluteError,
    MeanAbsoluteErrorBackward, MeanSquaredError, MeanSquaredErrorBackward, MomentumUpdate, Op,
    Reduction, Relu, ReluBackward, RmspropUpdate, SgdUpdate, Sigmoid, SigmoidBackward, Softmax,
    SoftmaxBackward, SoftmaxCrossEntropy, SoftmaxCrossEntropyBackward, StepValues, Tanh,
    TanhBackward, WeightedCrossEntropy, WeightedCrossEntropyBackward,
};
use glassbox::tensor::{Shape, Tensor, Values};

use crate::support::{Case, Random, tensor};

/// (N, I, O): one element; odd sizes; several workgroups of 64, in weights and in outputs.
const LINEAR: [[usize; 3]; 4] = [[1, 1, 1], [3, 5, 7], [9, 33, 10], [70, 2, 65]];

/// (N, K, valid rows): one; odd; a partial batch; several workgroups.
const LOSS: [[usize; 3]; 6] = [
    [1, 1, 1],
    [1, 2, 1],
    [3, 7, 3],
    [5, 4, 3],
    [70, 10, 70],
    [130, 3, 129],
];

/// One element; odd and not a multiple of the workgroup; exactly one; several.
const ELEMENTWISE: [[usize; 2]; 4] = [[1, 1], [7, 9], [4, 16], [11, 31]];

/// Names of all operations in the registry, each with its cases.
///
/// Panics where an operation has none: write some, here.
pub fn all_cases() -> Vec<(&'static str, Vec<Case>)> {
    let cases: Vec<_> = Op::NAMES
        .iter()
        .map(|&name| {
            let cases = cases_of(name);
            assert!(!cases.is_empty(), "{name} has no cases");
            assert!(
                cases.iter().all(|case| case.op.name() == name),
                "a case of {name} is of another operation"
            );
            (name, cases)
        })
        .collect();
    assert!(!cases.is_empty(), "the registry is empty");
    cases
}

/// The shapes and values to try with one operation.
pub fn cases_of(name: &str) -> Vec<Case> {
    match name {
        "gather_batch" => GATHER.map(gather_case).into(),
        "gather_rows" => GATHERED.map(gather_rows_case).into(),
        "gather_classes" => GATHERED.map(gather_classes_case).into(),
        "gather_windows" => token_cases::window_cases(),
        "augment" => AUGMENT.map(augment_case).into(),
        "linear" | "linear_backward_input" | "linear_backward_weight" | "linear_backward_bias" => {
            LINEAR.map(|sizes| linear_case(name, sizes)).into()
        }
        "conv2d" | "conv2d_backward_input" | "conv2d_backward_weight" | "conv2d_backward_bias" => {
            image_cases::convolution_cases(name)
        }
        "max_pool2d" | "max_pool2d_backward" => image_cases::max_pool_cases(name),
        "avg_pool2d" | "avg_pool2d_backward" => image_cases::avg_pool_cases(name),
        "global_avg_pool2d" | "global_avg_pool2d_backward" => {
            image_cases::global_avg_pool_cases(name)
        }
        "leaky_relu" | "leaky_relu_backward" | "gelu" | "gelu_backward" => {
            attributed_activation_cases(name)
        }
        "attention_scores"
        | "attention_scores_backward_query"
        | "attention_scores_backward_key"
        | "attention_weights"
        | "attention_weights_backward"
        | "attention_mixture"
        | "attention_mixture_backward_weight"
        | "attention_mixture_backward_value" => token_cases::attention_cases(name),
        "softmax" | "softmax_backward" | "log_softmax" | "log_softmax_backward" => {
            softmax_cases(name)
        }
        "sequence_cross_entropy" | "sequence_cross_entropy_backward" => {
            token_cases::sequence_loss_cases(name)
        }
        "weighted_cross_entropy" | "weighted_cross_entropy_backward" => {
            weighted_cross_entropy_cases(name)
        }
        "mean_squared_error"
        | "mean_squared_error_backward"
        | "mean_absolute_error"
        | "mean_absolute_error_backward" => regression_cases(name),
        "kullback_leibler" | "kullback_leibler_backward" => kullback_leibler_cases(name),
        "batch_norm"
        | "batch_norm_backward_input"
        | "batch_norm_backward_weight"
        | "batch_norm_backward_bias" => image_cases::batch_norm_cases(name),
        "layer_norm"
        | "layer_norm_backward_input"
        | "layer_norm_backward_weight"
        | "layer_norm_backward_bias" => image_cases::layer_norm_cases(name),
        "dropout" | "dropout_backward" => image_cases::dropout_cases(name),
        "relu" | "sigmoid" | "tanh_activation" => activation_cases(name),
        "relu_backward" | "sigmoid_backward" | "tanh_backward" => ELEMENTWISE
            .map(|shape| activation_backward_case(name, shape))
            .into(),
        "flatten" | "flatten_backward" => flatten_cases(name),
        "add_backward" => ELEMENTWISE.map(|shape| add_case(name, shape)).into(),
        "softmax_cross_entropy"
        | "softmax_cross_entropy_backward"
        | "binary_cross_entropy"
        | "binary_cross_entropy_backward" => loss_cases(name),
        "gradient_norm" => vec![
            norm_case([1, 1]),
            norm_case([11, 31]),
            norm_case([3, 5_000]),
        ],
        "clip_gradient" => {
            // Above and below the largest norm.
            let both = |shape| [clip_case(shape, 0.5), clip_case(shape, 2.0)];
            ELEMENTWISE.into_iter().flat_map(both).collect()
        }
        "sgd_update" | "momentum_update" | "rmsprop_update" | "adagrad_update" | "adam_update"
        | "adamw_update" => ELEMENTWISE
            .into_iter()
            .flat_map(|shape| update_cases(name, shape))
            .collect(),
        other if crate::recurrent::has(other) => crate::recurrent::cases_of(other),
        other if crate::free_shapes::has(other) => crate::free_shapes::cases_of(other),
        other => panic!("{other} has no cases: add its shapes to tests/engine/cases.rs"),
    }
}

pub fn linear_case(name: &str, [n, i, o]: [usize; 3]) -> Case {
    let mut random = Random::new(11);
    let x = random.reals([n, i]);
    let w = random.reals([o, i]);
    let b = random.reals([o]);
    let dy = random.reals([n, o]);
    let (op, inputs) = match name {
        "linear" => (Op::Linear(Linear {}), vec![x, w, b]),
        "linear_backward_input" => (Op::LinearBackwardInput(LinearBackwardInput {}), vec![w, dy]),
        "linear_backward_weight" => (
            Op::LinearBackwardWeight(LinearBackwardWeight {}),
            vec![x, dy],
        ),
        _ => (Op::LinearBackwardBias(LinearBackwardBias {}), vec![dy]),
    };
    Case::new(format!("N={n} I={i} O={o}"), op, inputs)
}

fn activation(name: &str) -> Op {
    match name {
        "relu" => Op::Relu(Relu {}),
        "sigmoid" => Op::Sigmoid(Sigmoid {}),
        _ => Op::Tanh(Tanh {}),
    }
}

pub fn activation_case(name: &str, shape: [usize; 2]) -> Case {
    let x = Random::new(15).away_from_zero(shape);
    Case::new(format!("{shape:?}"), activation(name), vec![x])
}

fn activation_cases(name: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = ELEMENTWISE.map(|s| activation_case(name, s)).into();
    let far = vec![0.0, -0.0, 1.0, -1.0, 20.0, -20.0, 90.0, -90.0, 0.00390625];
    let edges = vec![tensor([9], far)];
    let mut edges = Case::new("at 0 and far out", activation(name), edges);
    edges.smooth = name != "relu";
    cases.push(edges);
    cases
}

pub fn activation_backward_case(name: &str, shape: [usize; 2]) -> Case {
    let mut random = Random::new(16);
    // An activation's output, in the range that it has.
    let (op, y) = match name {
        "relu_backward" => {
            let spread = random.reals(shape);
            let clipped = spread.as_f32().unwrap().iter().map(|v| v.max(0.0));
            let y = tensor(shape, clipped.collect());
            (Op::ReluBackward(ReluBackward {}), y)
        }
        "sigmoid_backward" => (
            Op::SigmoidBackward(SigmoidBackward {}),
            random.between(shape, 0.0, 1.0),
        ),
        _ => (Op::TanhBackward(TanhBackward {}), random.reals(shape)),
    };
    let dy = random.reals(shape);
    Case::new(format!("{shape:?}"), op, vec![y, dy])
}

pub fn flatten_case<const R: usize>(name: &str, shape: [usize; R]) -> Case {
    let mut random = Random::new(17);
    let rest = shape[1..].iter().product();
    let (op, input) = if name == "flatten" {
        (Op::Flatten(Flatten {}), random.reals(shape))
    } else {
        let op = FlattenBackward {
            shape: shape.to_vec(),
        };
        (Op::FlattenBackward(op), random.reals([shape[0], rest]))
    };
    Case::new(format!("{shape:?}"), op, vec![input])
}

fn flatten_cases(name: &str) -> Vec<Case> {
    vec![
        flatten_case(name, [1]),
        flatten_case(name, [3, 5]),
        flatten_case(name, [2, 3, 5]),
        flatten_case(name, [3, 2, 5, 7]),
        flatten_case(name, [2, 2, 3, 2, 3]),
    ]
}

pub fn add_case(name: &str, shape: [usize; 2]) -> Case {
    let dy = Random::new(18).reals(shape);
    assert_eq!(name, "add_backward");
    Case::new(
        format!("{shape:?}"),
        Op::AddBackward(AddBackward {}),
        vec![dy],
    )
}

fn loss_cases(name: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = LOSS.map(|sizes| loss_case(name, sizes, 4.0)).into();
    // Logits so far out that a careless exponential overflows in f32.
    cases.push(loss_case(name, [4, 3, 4], 120.0));
    if name.starts_with("binary") {
        for sizes in [[5, 4, 3], [70, 1, 70]] {
            let mut case = loss_case(name, sizes, 4.0);
            let pos_weight = 2.5;
            case.op = match name {
                "binary_cross_entropy" => Op::BinaryCrossEntropy(BinaryCrossEntropy { pos_weight }),
                _ => Op::BinaryCrossEntropyBackward(BinaryCrossEntropyBackward { pos_weight }),
            };
            case.label = format!("{} pos_weight={pos_weight}", case.label);
            cases.push(case);
        }
    }
    cases
}

pub fn loss_case(name: &str, [n, k, valid]: [usize; 3], bound: f32) -> Case {
    let mut random = Random::new(19);
    let z = tensor([n, k], random.values(bound, n * k));
    let p = random.between([n, k], 0.0, 1.0);
    let classes = random.indices([n], k);
    let targets = random.between([n, k], 0.0, 1.0);
    let upstream = tensor([], vec![0.75]);
    let (op, inputs) = match name {
        "softmax_cross_entropy" => (
            Op::SoftmaxCrossEntropy(SoftmaxCrossEntropy {}),
            vec![z, classes],
        ),
        "softmax_cross_entropy_backward" => (
            Op::SoftmaxCrossEntropyBackward(SoftmaxCrossEntropyBackward {}),
            vec![p, classes, upstream],
        ),
        "binary_cross_entropy" => (
            Op::BinaryCrossEntropy(BinaryCrossEntropy::default()),
            vec![z, targets],
        ),
        _ => (
            Op::BinaryCrossEntropyBackward(BinaryCrossEntropyBackward { pos_weight: 1.0 }),
            vec![p, targets, upstream],
        ),
    };
    let label = format!("N={n} K={k} valid={valid} logits up to {bound}");
    Case::new(label, op, inputs).with_valid(valid)
}

/// Activations that have attributes; their gradients read the input.
fn attributed_activation_cases(name: &str) -> Vec<Case> {
    let by_tanh = Approximate::Tanh;
    let exact = Approximate::None;
    let ops = match name {
        "leaky_relu" => {
            [0.125, -0.5].map(|negative_slope| Op::LeakyRelu(LeakyRelu { negative_slope }))
        }
        "leaky_relu_backward" => [0.125, -0.5]
            .map(|negative_slope| Op::LeakyReluBackward(LeakyReluBackward { negative_slope })),
        "gelu" => [exact, by_tanh].map(|approximate| Op::Gelu(Gelu { approximate })),
        _ => [exact, by_tanh].map(|approximate| Op::GeluBackward(GeluBackward { approximate })),
    };
    let far = [
        0.0, -0.0, 0.5, -1.25, 3.0, -3.0, 5.5, -5.5, 20.0, -20.0, 0.00390625, 1.40625, -1.421875,
        2.828125,
    ];
    let mut cases = Vec::new();
    for op in ops {
        let mut random = Random::new(22);
        let mut case = |label: String, x: Tensor, is_smooth: bool| {
            let mut inputs = vec![x];
            if name.ends_with("_backward") {
                let dims = inputs[0].shape().dims().to_vec();
                let values = random.values(1.0, dims.iter().product());
                inputs.push(Tensor::f32(Shape::new(dims).unwrap(), values).unwrap());
            }
            let mut case = Case::new(format!("{label} {op:?}"), op.clone(), inputs);
            case.smooth = is_smooth;
            cases.push(case);
        };
        for shape in ELEMENTWISE {
            case(
                format!("{shape:?}"),
                Random::new(15).away_from_zero(shape),
                true,
            );
        }
        case(
            "at 0 and far out".into(),
            tensor([14], far.to_vec()),
            !name.starts_with("leaky"),
        );
        // Beside large values a difference loses the digits that a gradient needs.
        case("beyond".into(), tensor([2], vec![300.0, -300.0]), false);
    }
    cases
}

/// One element; along the last axis; along others; a line of one; several workgroups; far out.
fn softmax_cases(name: &str) -> Vec<Case> {
    let op = |axis| match name {
        "softmax" => Op::Softmax(Softmax { axis }),
        "softmax_backward" => Op::SoftmaxBackward(SoftmaxBackward { axis }),
        "log_softmax" => Op::LogSoftmax(LogSoftmax { axis }),
        _ => Op::LogSoftmaxBackward(LogSoftmaxBackward { axis }),
    };
    let mut random = Random::new(23);
    let mut cases = Vec::new();
    let shapes: [(&[usize], i64); 9] = [
        (&[1], -1),
        (&[5], 0),
        (&[3, 7], -1),
        (&[4, 1], 1),
        (&[7, 9], 0),
        (&[2, 3, 5], 1),
        (&[2, 3, 5], -3),
        (&[70, 3], -1),
        (&[3, 5, 33], 1),
    ];
    for (dims, axis) in shapes {
        for bound in [3.0, 120.0] {
            let shape = Shape::new(dims.to_vec()).unwrap();
            let mut values = |bound| {
                let values = random.values(bound, shape.count());
                Tensor::f32(shape.clone(), values).unwrap()
            };
            let inputs = match name {
                "softmax" | "log_softmax" => vec![values(bound)],
                // A softmax's output: positive; a log-softmax's: negative.
                "softmax_backward" => vec![values(1.0), values(1.0)],
                _ => vec![values(2.0), values(1.0)],
            };
            let label = format!("{dims:?} axis={axis} up to {bound}");
            let mut case = Case::new(label, op(axis), inputs);
            // So far out the slopes are smaller than what differences can show.
            case.smooth = bound < 100.0;
            cases.push(case);
        }
    }
    cases
}

fn weighted_cross_entropy_cases(name: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let variants = [
        (0.0, Reduction::Mean),
        (0.125, Reduction::Mean),
        (0.25, Reduction::Sum),
    ];
    let mut sizes: Vec<([usize; 3], f32)> = LOSS.map(|sizes| (sizes, 4.0)).into();
    // Logits so far out that a careless exponential overflows in f32.
    sizes.push(([4, 3, 4], 120.0));
    for ([n, k, valid], bound) in sizes {
        for (label_smoothing, reduction) in variants {
            for ignore_index in [-100, 1] {
                let mut random = Random::new(24);
                let z = tensor([n, k], random.values(bound, n * k));
                let p = random.between([n, k], 0.0, 1.0);
                let weights = random.between([k], 0.25, 2.0);
                let mut labels = random.below(n, k);
                // Every third label is the ignored one, but not the first.
                for label in labels.iter_mut().skip(2).step_by(3) {
                    *label = ignore_index as u32;
                }
                let labels = Tensor::u32([n], labels).unwrap();
                let (op, inputs) = if name == "weighted_cross_entropy" {
                    let op = WeightedCrossEntropy {
                        label_smoothing,
                        ignore_index,
                        reduction,
                    };
                    (Op::WeightedCrossEntropy(op), vec![z, labels, weights])
                } else {
                    let op = WeightedCrossEntropyBackward {
                        label_smoothing,
                        ignore_index,
                    };
                    let total = tensor([], vec![3.5]);
                    let upstream = tensor([], vec![0.75]);
                    let inputs = vec![p, labels, weights, total, upstream];
                    (Op::WeightedCrossEntropyBackward(op), inputs)
                };
                let label = format!(
                    "N={n} K={k} valid={valid} logits up to {bound} smoothing={label_smoothing} \
                     ignored={ignore_index} {reduction:?}"
                );
                let mut case = Case::new(label, op, inputs).with_valid(valid);
                // So far out the slopes are smaller than what differences can show.
                case.smooth = bound < 10.0;
                cases.push(case);
            }
        }
    }
    if name == "weighted_cross_entropy" {
        // No row counts: the loss is 0.
        let op = Op::WeightedCrossEntropy(WeightedCrossEntropy::default());
        let labels = Tensor::u32([2], vec![-100i32 as u32; 2]).unwrap();
        let inputs = vec![
            tensor([2, 1], vec![1.0, 2.0]),
            labels,
            tensor([1], vec![1.0]),
        ];
        cases.push(Case::new("everything ignored", op, inputs).with_valid(2));
    }
    cases
}

fn regression_cases(name: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for [n, k, valid] in LOSS {
        for (factor, reduction) in [
            (1.0, Reduction::Mean),
            (0.5, Reduction::Mean),
            (0.125, Reduction::Sum),
        ] {
            let mut random = Random::new(25);
            // Both in random order 1/64 apart, so that no difference is 0.
            let a = random.spaced([n, k]);
            let t = a.as_f32().unwrap().iter().zip(random.values(2.0, n * k));
            let t = t.map(|(a, off)| a + off + 0.125f32.copysign(off)).collect();
            let t = tensor([n, k], t);
            let mut inputs = vec![a, t];
            if name.ends_with("_backward") {
                inputs.push(tensor([], vec![0.75]));
            }
            let op = match name {
                "mean_squared_error" => {
                    Op::MeanSquaredError(MeanSquaredError { factor, reduction })
                }
                "mean_squared_error_backward" => {
                    Op::MeanSquaredErrorBackward(MeanSquaredErrorBackward { factor, reduction })
                }
                "mean_absolute_error" => {
                    Op::MeanAbsoluteError(MeanAbsoluteError { factor, reduction })
                }
                _ => Op::MeanAbsoluteErrorBackward(MeanAbsoluteErrorBackward { factor, reduction }),
            };
            let label = format!("N={n} K={k} valid={valid} factor={factor} {reduction:?}");
            cases.push(Case::new(label, op, inputs).with_valid(valid));
        }
    }
    let equal = tensor([2, 2], vec![1.0, -2.0, 0.0, 3.0]);
    let off = tensor([2, 2], vec![1.0, 2.0, 0.0, 3.0]);
    let mut case = cases[0].clone();
    case.label = format!("{name} of equal numbers");
    (case.inputs[0], case.inputs[1]) = (equal, off);
    case.smooth = false;
    cases.push(case.with_valid(2));
    cases
}

fn kullback_leibler_cases(name: &str) -> Vec<Case> {
    let mut sizes: Vec<([usize; 3], f32)> = LOSS.map(|sizes| (sizes, 4.0)).into();
    // Divided by a temperature of 0.5 they overflow a careless exponential in f32.
    sizes.push(([4, 3, 4], 30.0));
    let mut cases = Vec::new();
    for ([n, k, valid], bound) in sizes {
        for (temperature, reduction) in [
            (1.0, Reduction::Mean),
            (2.5, Reduction::Mean),
            (0.5, Reduction::Sum),
        ] {
            let mut random = Random::new(26);
            let mut logits = || tensor([n, k], random.values(bound, n * k));
            let (op, inputs) = if name == "kullback_leibler" {
                let op = KullbackLeibler {
                    temperature,
                    reduction,
                };
                (Op::KullbackLeibler(op), vec![logits(), logits()])
            } else {
                let op = KullbackLeiblerBackward {
                    temperature,
                    reduction,
                };
                let [p, q] = [(); 2].map(|()| random.between([n, k], 0.0, 1.0));
                (
                    Op::KullbackLeiblerBackward(op),
                    vec![p, q, tensor([], vec![0.75])],
                )
            };
            let label = format!(
                "N={n} K={k} valid={valid} logits up to {bound} T={temperature} {reduction:?}"
            );
            let mut case = Case::new(label, op, inputs).with_valid(valid);
            // So far out the slopes may be smaller than what differences can show.
            case.smooth = bound < 10.0;
            cases.push(case);
        }
    }
    cases
}

/// One part; several workgroups in one part; several parts, the last of them short.
fn norm_case(shape: [usize; 2]) -> Case {
    // Small, so that one wrong element shows in the sum.
    let g = Random::new(22).between(shape, -0.125, 0.125);
    let op = Op::GradientNorm(GradientNorm {});
    Case::new(format!("{shape:?}"), op, vec![g])
}

/// A norm of 1, whatever the gradients are.
fn clip_case(shape: [usize; 2], max_norm: f32) -> Case {
    let g = Random::new(23).reals(shape);
    let op = Op::ClipGradient(ClipGradient { max_norm });
    let label = format!("{shape:?} max_norm={max_norm}");
    Case::new(label, op, vec![g, tensor([], vec![1.0])])
}

/// The attributes of an update that are tried: as they are usually, and all at once.
fn updates(name: &str) -> Vec<Op> {
    let weight_decay = 0.125;
    let momentum = MomentumUpdate {
        momentum: 0.875,
        ..MomentumUpdate::default()
    };
    let rmsprop = RmspropUpdate {
        eps: 0.0625,
        ..RmspropUpdate::default()
    };
    // A large ε, so that its place in the formula shows.
    let adam = AdamUpdate {
        eps: 0.0625,
        ..AdamUpdate::default()
    };
    let adamw = AdamwUpdate {
        eps: 0.0625,
        weight_decay: 0.0,
        ..AdamwUpdate::default()
    };
    match name {
        "sgd_update" => [0.0, weight_decay]
            .map(|weight_decay| Op::SgdUpdate(SgdUpdate { weight_decay }))
            .into(),
        "momentum_update" => [
            momentum.clone(),
            MomentumUpdate {
                dampening: 0.25,
                weight_decay,
                ..momentum.clone()
            },
            MomentumUpdate {
                weight_decay,
                nesterov: true,
                ..momentum
            },
        ]
        .map(Op::MomentumUpdate)
        .into(),
        "rmsprop_update" => [(0.0, false), (0.875, false), (0.0, true), (0.875, true)]
            .map(|(momentum, centered)| {
                Op::RmspropUpdate(RmspropUpdate {
                    momentum,
                    centered,
                    weight_decay: if centered { weight_decay } else { 0.0 },
                    ..rmsprop.clone()
                })
            })
            .into(),
        "adagrad_update" => [(0.0, 0.0), (0.5, weight_decay)]
            .map(|(lr_decay, weight_decay)| {
                Op::AdagradUpdate(AdagradUpdate {
                    lr_decay,
                    weight_decay,
                    eps: 0.0625,
                })
            })
            .into(),
        "adam_update" => {
            let decayed = AdamUpdate {
                weight_decay,
                ..adam.clone()
            };
            vec![Op::AdamUpdate(adam), Op::AdamUpdate(decayed)]
        }
        _ => {
            let decayed = AdamwUpdate {
                weight_decay,
                ..adamw.clone()
            };
            vec![Op::AdamwUpdate(adamw), Op::AdamwUpdate(decayed)]
        }
    }
}

/// The third update and, of one that damps all but the first, the first too.
pub fn update_cases(name: &str, shape: [usize; 2]) -> Vec<Case> {
    let mut cases = Vec::new();
    for op in updates(name) {
        if matches!(&op, Op::MomentumUpdate(momentum) if momentum.dampening != 0.0) {
            cases.push(update_case(op.clone(), shape, 1));
        }
        cases.push(update_case(op, shape, 3));
    }
    cases
}

fn update_case(op: Op, shape: [usize; 2], t: u64) -> Case {
    let mut random = Random::new(20);
    let (w, g) = (random.reals(shape), random.reals(shape));
    let mut inputs = vec![w, g];
    for state in &op.inputs()[2..] {
        inputs.push(match (state.name, op.name()) {
            // Averages and sums of squares; the mean of a variance lies below it.
            ("v", "momentum_update") | ("m" | "b", _) => tensor(shape, {
                let spread = random.values(0.5, shape[0] * shape[1]);
                spread.into_iter().map(|value| value * 0.5).collect()
            }),
            ("v" | "s", _) => random.between(shape, 0.5, 1.0),
            (other, name) => panic!("{name} has no values for the state {other}"),
        });
    }
    let [bias_correction_1, bias_correction_2] = op.bias_corrections(t);
    let mut case = Case::new(format!("{shape:?} t={t} {op:?}"), op, inputs);
    case.step = StepValues {
        step: t as u32 - 1,
        learning_rate: 0.01,
        bias_correction_1,
        bias_correction_2,
        ..StepValues::forward(0)
    };
    case
}

/// (M, C, H, W, R, N, valid, first): one; samples that straddle the words of four
/// bytes, a partial batch from the middle of the order; several workgroups.
const GATHER: [[usize; 8]; 4] = [
    [1, 1, 1, 1, 1, 1, 1, 0],
    [7, 3, 5, 3, 9, 4, 3, 2],
    [10, 1, 5, 7, 10, 8, 8, 0],
    [5, 2, 3, 3, 6, 5, 1, 5],
];

pub fn gather_case([m, c, h, w, r, n, valid, first]: [usize; 8]) -> Case {
    let mut random = Random::new(21);
    let bytes = random.below(m * c * h * w, 256);
    let bytes = Values::U8(bytes.into_iter().map(|byte| byte as u8).collect());
    let inputs = vec![
        Tensor::new([m, c, h, w].into(), bytes).unwrap(),
        random.indices([m], 10),
        random.indices([r], m),
        random.between([c], 0.0, 0.5),
        random.between([c], 0.25, 0.5),
    ];
    let label = format!("M={m} C={c} H={h} W={w} R={r} N={n} valid={valid} first={first}");
    let op = Op::GatherBatch(GatherBatch { batch: n });
    let mut case = Case::new(label, op, inputs).with_valid(valid);
    case.step.first = first as u32;
    case
}

/// (M, I, R, N, valid, first): one; a partial batch from the middle of the order; several workgroups.
const GATHERED: [[usize; 6]; 4] = [
    [1, 1, 1, 1, 1, 0],
    [7, 3, 9, 4, 3, 2],
    [10, 35, 10, 8, 8, 0],
    [150, 2, 140, 130, 130, 10],
];

pub fn gather_rows_case([m, i, r, n, valid, first]: [usize; 6]) -> Case {
    let mut random = Random::new(31);
    let inputs = vec![
        random.reals([m, i]),
        random.indices([r], m),
        random.reals([i]),
        random.between([i], 0.25, 2.0),
    ];
    let label = format!("M={m} I={i} R={r} N={n} valid={valid} first={first}");
    let op = Op::GatherRows(GatherRows { batch: n });
    let mut case = Case::new(label, op, inputs).with_valid(valid);
    case.step.first = first as u32;
    case
}

pub fn gather_classes_case([m, _, r, n, valid, first]: [usize; 6]) -> Case {
    let mut random = Random::new(32);
    let inputs = vec![random.indices([m], 10), random.indices([r], m)];
    let label = format!("M={m} R={r} N={n} valid={valid} first={first}");
    let op = Op::GatherClasses(GatherClasses { batch: n });
    let mut case = Case::new(label, op, inputs).with_valid(valid);
    case.step.first = first as u32;
    case
}

/// (N, C, H, W, margin, R, valid, first): one pixel without a margin; crops that leave the image on every side,
/// with a partial batch from the middle of the order; several workgroups.
const AUGMENT: [[usize; 8]; 4] = [
    [1, 1, 1, 1, 0, 1, 1, 0],
    [4, 3, 5, 3, 2, 7, 3, 2],
    [2, 1, 4, 6, 1, 2, 2, 0],
    [9, 2, 7, 5, 4, 9, 9, 0],
];

pub fn augment_case([n, c, h, w, margin, r, valid, first]: [usize; 8]) -> Case {
    let mut random = Random::new(33);
    let inputs = vec![
        random.reals([n, c, h, w]),
        random.indices([r], 2 * margin + 1),
        random.indices([r], 2 * margin + 1),
        random.indices([r], 2),
    ];
    let label = format!("N={n} C={c} H={h} W={w} P={margin} R={r} valid={valid} first={first}");
    let op = Op::Augment(Augment { margin });
    let mut case = Case::new(label, op, inputs).with_valid(valid);
    case.step.first = first as u32;
    // Inference leaves every image as it is.
    if n != 2 {
        case.step = case.step.in_training();
    }
    case
}

mod tests {
    use super::*;
    use crate::support::{Tolerance, assert_close, assert_not_close, numbers, with_one_off};

    #[test]
    fn every_operation_has_cases_with_one_element_and_with_several_workgroups() {
        for (name, cases) in all_cases() {
            let counts: Vec<usize> = cases
                .iter()
                .map(|case| {
                    case.inputs
                        .iter()
                        .map(|input| input.shape().count())
                        .max()
                        .unwrap()
                })
                .collect();
            // A unit of an LSTM has four gates, one of a GRU three.
            let least = match name.split('_').next() {
                Some("lstm") => 4,
                Some("gru") if name == "gru" => 3,
                Some("gru") => 4,
                _ => 1,
            };
            assert!(counts.contains(&least), "{name} has no case of one element");
            assert!(
                counts.iter().any(|&count| count > 64),
                "{name} has only small cases"
            );
        }
    }

    #[test]
    fn every_output_element_is_written() {
        for (_, cases) in all_cases() {
            for case in cases {
                // Memory that nobody wrote is NaN, or the largest whole number.
                for output in case.run::<f32>().outputs {
                    for value in numbers(&output) {
                        assert!(
                            value.is_finite() && value != f64::from(u32::MAX),
                            "{}",
                            case.label
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn f32_and_f64_agree() {
        // Sums of at most 200 products of values up to 1 (f32 rounds at 6e-8), logits up to 120.
        let tolerance = Tolerance {
            absolute: 2e-5,
            relative: 2e-5,
        };
        for (_, cases) in all_cases() {
            for case in cases {
                let (single, double) = (case.run::<f32>(), case.run::<f64>());
                for (actual, expected) in single.outputs.iter().zip(&double.outputs) {
                    let (actual, expected) = (numbers(actual), numbers(expected));
                    assert_close(&case.label, &actual, &expected, tolerance);
                    let wrong = with_one_off(&actual, actual.len() / 2, 1e-2);
                    assert_not_close(&case.label, &wrong, &expected, tolerance);
                }
            }
        }
    }
}
