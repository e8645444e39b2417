//! Cases of the operations on tensors of any shape: arithmetic with broadcasting, sums and means,
//! matrix products, reshaping, transposing, slicing; and what they refuse.

use glassbox::exec::single::{SingleOperation, differentiate_operation, run_operation};
use glassbox::ops::{
    Add, BroadcastBackward, Buffer, Concatenate, Divide, DivideBackwardDenominator,
    DivideBackwardNumerator, Exponential, ExponentialBackward, Logarithm, LogarithmBackward,
    MatrixProduct, Maximum, MaximumBackward, Mean, MeanBackward, Minimum, MinimumBackward,
    Multiply, MultiplyBackward, Negate, Op, Power, PowerBackward, Reshape, SliceBackward,
    SliceOperation, Square, SquareBackward, SquareRoot, SquareRootBackward, StepValues, Subtract,
    SubtractBackward, Sum, SumBackward, Transpose,
};
use glassbox::tensor::{ElementType, Shape, Tensor};
use serde::Deserialize;
use serde_json::json;

use crate::support::{
    Case, Random, Tolerance, assert_close, assert_not_close, numbers, with_one_off,
};

/// Shapes of a and b: one element; scalars; equal ones; one repeated in front, in the middle, at
/// the end, both at once; more copies than one invocation adds up (256); several workgroups.
const PAIRS: [(&[usize], &[usize]); 10] = [
    (&[1], &[1]),
    (&[], &[3]),
    (&[7, 9], &[7, 9]),
    (&[4, 5], &[5]),
    (&[2, 3, 1, 5], &[3, 4, 1]),
    (&[3, 1], &[1, 4]),
    (&[1, 1], &[5]),
    (&[2, 2, 3, 3], &[2, 1, 1]),
    (&[300, 2], &[2]),
    (&[1, 13], &[11, 13]),
];

/// The shapes of one input: one element; a scalar; of each rank; several workgroups.
const SHAPES: [&[usize]; 6] = [&[1], &[], &[70], &[3, 5], &[2, 3, 5], &[3, 2, 4, 5]];

/// (shape, axes, keepdim) of a sum.
type ReductionRow = (&'static [usize], Option<&'static [i64]>, bool);

/// A scalar and one element; each axis; several; all; more terms than
/// one invocation adds up.
const REDUCTIONS: [ReductionRow; 13] = [
    (&[1], None, false),
    (&[], None, false),
    (&[5], Some(&[0]), true),
    (&[3, 5], Some(&[0]), false),
    (&[3, 5], Some(&[-1]), true),
    (&[3, 5], None, true),
    (&[2, 3, 4], Some(&[1]), false),
    (&[2, 3, 4], Some(&[0, 2]), true),
    (&[3, 2, 4, 5], Some(&[0, 2, 3]), false),
    (&[3, 2, 4, 5], Some(&[1]), true),
    (&[300, 3], Some(&[0]), false),
    (&[5, 70], Some(&[0]), false),
    (&[2, 23, 29], Some(&[1, 2]), false),
];

/// (shape, axes, valid rows) of sums over a batch.
const VALID_ROWS: [(&[usize], &[i64], usize); 4] = [
    (&[4, 3], &[0], 3),
    (&[5, 2, 3], &[0, 2], 1),
    (&[290, 2], &[0], 270),
    (&[3, 4], &[1], 2),
];

/// (a, b, transpose_a, transpose_b, sum_batch) of a product.
type ProductRow = (&'static [usize], &'static [usize], bool, bool, bool);

/// One element; odd sizes; each way round; batches;
/// a single matrix for a batch; sums over a batch; several workgroups.
const PRODUCTS: [ProductRow; 13] = [
    (&[1, 1], &[1, 1], false, false, false),
    (&[3, 5], &[5, 7], false, false, false),
    (&[5, 3], &[5, 7], true, false, false),
    (&[3, 5], &[7, 5], false, true, false),
    (&[5, 3], &[7, 5], true, true, false),
    (&[2, 3, 4], &[2, 4, 5], false, false, false),
    (&[2, 4, 3], &[2, 5, 4], true, true, false),
    (&[2, 3, 4], &[4, 5], false, false, false),
    (&[4, 3], &[3, 5, 4], true, true, false),
    (&[2, 3, 4], &[2, 4, 5], false, false, true),
    (&[3, 3, 4], &[4, 5], false, false, true),
    (&[2, 3, 4, 3], &[2, 3, 3, 2], false, false, false),
    (&[11, 17], &[17, 13], false, false, false),
];

/// (shape, axis, start, end, step) of a slice.
type SliceRow = (&'static [usize], i64, i64, Option<i64>, usize);

/// One element; all of an axis; from the middle; steps that leave some over; each axis.
const SLICES: [SliceRow; 8] = [
    (&[1], 0, 0, None, 1),
    (&[7], 0, 2, Some(5), 1),
    (&[7], -1, 1, None, 3),
    (&[3, 5], 0, -2, None, 1),
    (&[3, 5], 1, 0, Some(-1), 2),
    (&[2, 3, 4], 1, 1, Some(2), 5),
    (&[2, 3, 4, 5], 2, 1, Some(4), 2),
    (&[20, 11], 1, 3, Some(10), 2),
];

/// Shapes of the inputs, and the axis.
const JOINS: [(&[&[usize]], i64); 6] = [
    (&[&[1]], 0),
    (&[&[1], &[1]], 0),
    (&[&[2, 3], &[4, 3]], 0),
    (&[&[2, 3], &[2, 1], &[2, 4]], 1),
    (&[&[2, 3, 2, 2], &[2, 1, 2, 2]], -3),
    (&[&[7, 5], &[7, 10]], 1),
];

const TRANSPOSITIONS: [(&[usize], &[usize]); 7] = [
    (&[1], &[0]),
    (&[70], &[0]),
    (&[3, 5], &[1, 0]),
    (&[2, 3, 4], &[2, 0, 1]),
    (&[2, 3, 4], &[0, 2, 1]),
    (&[2, 3, 4, 5], &[3, 1, 0, 2]),
    (&[2, 3, 4, 5], &[0, 2, 3, 1]),
];

const NAMES: [&str; 34] = [
    "add",
    "broadcast_backward",
    "subtract",
    "subtract_backward",
    "multiply",
    "multiply_backward",
    "divide",
    "divide_backward_numerator",
    "divide_backward_denominator",
    "maximum",
    "maximum_backward",
    "minimum",
    "minimum_backward",
    "negate",
    "exponential",
    "exponential_backward",
    "logarithm",
    "logarithm_backward",
    "square_root",
    "square_root_backward",
    "square",
    "square_backward",
    "power",
    "power_backward",
    "sum",
    "sum_backward",
    "mean",
    "mean_backward",
    "matrix_product",
    "reshape",
    "transpose",
    "concatenate",
    "slice",
    "slice_backward",
];

/// Whether the cases of an operation are here.
pub fn has(name: &str) -> bool {
    NAMES.contains(&name)
}

fn tensor(shape: &[usize], values: Vec<f32>) -> Tensor {
    Tensor::f32(Shape::new(shape).unwrap(), values).unwrap()
}

fn reals(random: &mut Random, shape: &[usize]) -> Tensor {
    let count = shape.iter().product();
    tensor(shape, random.values(1.0, count))
}

/// Values whose size is from 1/2 to 3/2.
fn apart_from_zero(random: &mut Random, shape: &[usize]) -> Tensor {
    let count = shape.iter().product();
    let push = |value: f32| value + 0.5f32.copysign(value);
    tensor(
        shape,
        random.values(1.0, count).into_iter().map(push).collect(),
    )
}

/// Values from 1/2 to 3/2.
fn positive(random: &mut Random, shape: &[usize]) -> Tensor {
    let count = shape.iter().product();
    let push = |value: f32| value + 1.0;
    tensor(
        shape,
        random.values(0.5, count).into_iter().map(push).collect(),
    )
}

/// Multiples of 1/16 whose place in a grid of 1/16 tells the tensors apart: a and b never tie.
fn untied(random: &mut Random, shape: &[usize], shift: f32) -> Tensor {
    let count = shape.iter().product();
    let grid = |value: u32| (value as f32 - 16.0) / 8.0 + shift;
    let values = random.below(count, 32).into_iter().map(grid);
    tensor(shape, values.collect())
}

/// What both broadcast to; written apart from the engine's rule.
fn broadcast(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let at = |shape: &[usize], axis: usize| {
        (axis + shape.len())
            .checked_sub(rank)
            .map_or(1, |axis| shape[axis])
    };
    (0..rank).map(|axis| at(a, axis).max(at(b, axis))).collect()
}

pub fn cases_of(name: &str) -> Vec<Case> {
    match name {
        "sum" | "sum_backward" | "mean" | "mean_backward" => reduction_cases(name),
        "matrix_product" => PRODUCTS.map(product_case).into(),
        "reshape" => reshape_cases(),
        "transpose" => transpose_cases(),
        "concatenate" => JOINS.map(join_case).into(),
        "slice" | "slice_backward" => SLICES.map(|row| slice_case(name, row)).into(),
        "add" | "subtract" | "multiply" | "divide" | "maximum" | "minimum" => binary_cases(name),
        "broadcast_backward" | "subtract_backward" => PAIRS
            .into_iter()
            .map(|(a, b)| copies_case(name, b, &broadcast(a, b)))
            .collect(),
        "multiply_backward" | "divide_backward_numerator" | "divide_backward_denominator" => PAIRS
            .into_iter()
            .flat_map(|(a, b)| [(a, b), (b, a)])
            .map(|(target, other)| factor_case(name, target, other))
            .collect(),
        "maximum_backward" | "minimum_backward" => PAIRS
            .into_iter()
            .flat_map(|(a, b)| [(a, b), (b, a)])
            .map(|(target, other)| winner_case(name, target, other))
            .collect(),
        _ => function_cases(name),
    }
}

fn binary_cases(name: &str) -> Vec<Case> {
    let op = || match name {
        "add" => Op::Add(Add {}),
        "subtract" => Op::Subtract(Subtract {}),
        "multiply" => Op::Multiply(Multiply {}),
        "divide" => Op::Divide(Divide {}),
        "maximum" => Op::Maximum(Maximum {}),
        _ => Op::Minimum(Minimum {}),
    };
    let mut cases: Vec<Case> = PAIRS
        .into_iter()
        .map(|(a, b)| {
            let mut random = Random::new(41);
            let inputs = match name {
                "divide" => vec![reals(&mut random, a), apart_from_zero(&mut random, b)],
                "maximum" | "minimum" => vec![
                    untied(&mut random, a, 0.0),
                    untied(&mut random, b, 1.0 / 16.0),
                ],
                _ => vec![reals(&mut random, a), reals(&mut random, b)],
            };
            Case::new(format!("{a:?} {b:?}"), op(), inputs)
        })
        .collect();
    if ["maximum", "minimum"].contains(&name) {
        let a = tensor(&[4], vec![1.0, -0.0, 2.0, -3.0]);
        let b = tensor(&[4], vec![1.0, 0.0, 1.0, -3.0]);
        let mut tied = Case::new("with ties", op(), vec![a, b]);
        tied.smooth = false;
        cases.push(tied);
    }
    cases
}

fn copies_case(name: &str, target: &[usize], full: &[usize]) -> Case {
    let dy = reals(&mut Random::new(42), full);
    let shape = target.to_vec();
    let op = match name {
        "broadcast_backward" => Op::BroadcastBackward(BroadcastBackward { shape }),
        _ => Op::SubtractBackward(SubtractBackward { shape }),
    };
    Case::new(format!("{full:?} to {target:?}"), op, vec![dy])
}

fn factor_case(name: &str, target: &[usize], other: &[usize]) -> Case {
    let mut random = Random::new(43);
    let full = broadcast(target, other);
    let dy = reals(&mut random, &full);
    let label = format!("{target:?} of {full:?}");
    if name == "divide_backward_denominator" {
        let b = apart_from_zero(&mut random, target);
        let y = reals(&mut random, &full);
        let op = Op::DivideBackwardDenominator(DivideBackwardDenominator {});
        return Case::new(label, op, vec![b, y, dy]);
    }
    let shape = target.to_vec();
    let b = apart_from_zero(&mut random, other);
    let op = match name {
        "multiply_backward" => Op::MultiplyBackward(MultiplyBackward { shape }),
        _ => Op::DivideBackwardNumerator(DivideBackwardNumerator { shape }),
    };
    Case::new(label, op, vec![b, dy])
}

fn winner_case(name: &str, target: &[usize], other: &[usize]) -> Case {
    let mut random = Random::new(44);
    let full = broadcast(target, other);
    // Grids of 1/8: some of the values tie.
    let inputs = vec![
        untied(&mut random, target, 0.0),
        untied(&mut random, other, 0.0),
        reals(&mut random, &full),
    ];
    let op = match name {
        "maximum_backward" => Op::MaximumBackward(MaximumBackward {}),
        _ => Op::MinimumBackward(MinimumBackward {}),
    };
    Case::new(format!("{target:?} of {full:?}"), op, inputs)
}

fn function_cases(name: &str) -> Vec<Case> {
    let exponents: &[f32] = match name {
        "power" | "power_backward" => &[3.0, 2.5, -1.0, 0.0],
        _ => &[0.0],
    };
    let mut cases = Vec::new();
    for &exponent in exponents {
        for shape in SHAPES {
            let mut random = Random::new(45);
            let is_whole = exponent.fract() == 0.0;
            let signed = !["logarithm", "square_root"]
                .iter()
                .any(|function| name.starts_with(function));
            let x = match (name, signed && is_whole) {
                ("exponential_backward", _) | (_, false) => positive(&mut random, shape),
                _ => apart_from_zero(&mut random, shape),
            };
            let dy = reals(&mut random, shape);
            let (op, inputs) = match name {
                "negate" => (Op::Negate(Negate {}), vec![x]),
                "exponential" => (Op::Exponential(Exponential {}), vec![x]),
                "exponential_backward" => {
                    (Op::ExponentialBackward(ExponentialBackward {}), vec![x, dy])
                }
                "logarithm" => (Op::Logarithm(Logarithm {}), vec![x]),
                "logarithm_backward" => (Op::LogarithmBackward(LogarithmBackward {}), vec![x, dy]),
                "square_root" => (Op::SquareRoot(SquareRoot {}), vec![x]),
                "square_root_backward" => {
                    (Op::SquareRootBackward(SquareRootBackward {}), vec![x, dy])
                }
                "square" => (Op::Square(Square {}), vec![x]),
                "square_backward" => (Op::SquareBackward(SquareBackward {}), vec![x, dy]),
                "power" => (Op::Power(Power { exponent }), vec![x]),
                "power_backward" => (Op::PowerBackward(PowerBackward { exponent }), vec![x, dy]),
                other => panic!("{other} has no cases"),
            };
            cases.push(Case::new(format!("{shape:?} p={exponent}"), op, inputs));
        }
    }
    cases
}

fn reduction_cases(name: &str) -> Vec<Case> {
    let plain = REDUCTIONS
        .into_iter()
        .map(|(shape, axes, keepdim)| (shape, axes, keepdim, None));
    let valid = VALID_ROWS
        .into_iter()
        .map(|(shape, axes, valid)| (shape, Some(axes), false, Some(valid)));
    plain
        .chain(valid)
        .map(|(shape, axes, keepdim, valid)| {
            let mut random = Random::new(46);
            let axes = axes.map(<[i64]>::to_vec);
            let valid_rows = valid.is_some();
            let label = format!("{shape:?} axes={axes:?} keepdim={keepdim} valid={valid:?}");
            let x = reals(&mut random, shape);
            let forward = Op::Sum(Sum {
                axes: axes.clone(),
                keepdim,
                valid_rows,
            });
            let result = Case::new("", forward, vec![x.clone()]).single();
            let dy = result.graph().value(result.outputs()[0]).shape.clone();
            let dy = reals(&mut random, dy.dims());
            let all = axes
                .clone()
                .unwrap_or_else(|| (0..shape.len() as i64).collect());
            let (op, input) = match name {
                "sum" => (
                    Op::Sum(Sum {
                        axes,
                        keepdim,
                        valid_rows,
                    }),
                    x,
                ),
                "mean" => (
                    Op::Mean(Mean {
                        axes,
                        keepdim,
                        valid_rows,
                    }),
                    x,
                ),
                "sum_backward" => (
                    Op::SumBackward(SumBackward {
                        shape: shape.to_vec(),
                        axes: all,
                        keepdim,
                        valid_rows,
                    }),
                    dy,
                ),
                _ => (
                    Op::MeanBackward(MeanBackward {
                        shape: shape.to_vec(),
                        axes: all,
                        keepdim,
                        valid_rows,
                    }),
                    dy,
                ),
            };
            Case::new(label, op, vec![input]).with_valid(valid.unwrap_or(0))
        })
        .collect()
}

fn product_case((a, b, transpose_a, transpose_b, sum_batch): ProductRow) -> Case {
    let mut random = Random::new(47);
    let inputs = vec![reals(&mut random, a), reals(&mut random, b)];
    let op = Op::MatrixProduct(MatrixProduct {
        transpose_a,
        transpose_b,
        sum_batch,
    });
    let label = format!("{a:?} {transpose_a} {b:?} {transpose_b} sum_batch={sum_batch}");
    Case::new(label, op, inputs)
}

fn reshape_cases() -> Vec<Case> {
    let rows: [(&[usize], &[i64]); 6] = [
        (&[1], &[]),
        (&[], &[1, 1]),
        (&[6], &[2, 3]),
        (&[2, 3, 4], &[4, -1]),
        (&[7, 11], &[77]),
        (&[2, 2, 3, 2, 3], &[4, 3, -1]),
    ];
    rows.into_iter()
        .map(|(from, to)| {
            let x = reals(&mut Random::new(48), from);
            let op = Op::Reshape(Reshape { shape: to.to_vec() });
            Case::new(format!("{from:?} to {to:?}"), op, vec![x])
        })
        .collect()
}

fn transpose_cases() -> Vec<Case> {
    TRANSPOSITIONS
        .into_iter()
        .map(|(shape, axes)| {
            let x = reals(&mut Random::new(49), shape);
            let op = Op::Transpose(Transpose {
                axes: axes.to_vec(),
            });
            Case::new(format!("{shape:?} {axes:?}"), op, vec![x])
        })
        .collect()
}

fn slice_case(name: &str, (shape, axis, start, end, step): SliceRow) -> Case {
    let mut random = Random::new(50);
    let label = format!("{shape:?} axis={axis} {start}..{end:?} step={step}");
    let forward = SliceOperation {
        axis,
        start,
        end,
        step,
    };
    let x = reals(&mut random, shape);
    let case = Case::new(label.clone(), Op::SliceOperation(forward), vec![x]);
    if name == "slice" {
        return case;
    }
    let single = case.single();
    let dy = single.graph().value(single.outputs()[0]).shape.clone();
    let axis = axis.rem_euclid(shape.len() as i64) as usize;
    let op = Op::SliceBackward(SliceBackward {
        shape: shape.to_vec(),
        axis,
        start: start.rem_euclid(shape[axis] as i64) as usize,
        step,
    });
    Case::new(label, op, vec![reals(&mut random, dy.dims())])
}

fn join_case((shapes, axis): (&[&[usize]], i64)) -> Case {
    let mut random = Random::new(51);
    let inputs: Vec<Tensor> = shapes
        .iter()
        .map(|shape| reals(&mut random, shape))
        .collect();
    let op = Op::Concatenate(Concatenate {
        axis,
        count: inputs.len(),
    });
    Case::new(format!("{shapes:?} axis={axis}"), op, inputs)
}

/// The outputs of an operation through the data-driven door.
fn run(name: &str, attributes: serde_json::Value, inputs: &[Tensor], valid: u32) -> Vec<f32> {
    let outputs = run_operation(name, &attributes, inputs, &StepValues::forward(valid));
    outputs.unwrap_or_else(|error| panic!("{name}: {error}"))[0]
        .as_f32()
        .unwrap()
        .to_vec()
}

#[test]
fn sums_over_a_batch_leave_padding_out_and_give_it_no_gradient() {
    let x = tensor(&[3, 2], vec![1.0, 2.0, 3.0, 4.0, 50.0, 60.0]);
    let attributes = json!({"axes": [0], "valid_rows": true});
    let inputs = [x];
    assert_eq!(run("sum", attributes.clone(), &inputs, 2), [4.0, 6.0]);
    assert_eq!(run("mean", attributes.clone(), &inputs, 2), [2.0, 3.0]);
    // Without it every row counts, whatever the step says.
    let plain = json!({"axes": [0]});
    assert_eq!(run("mean", plain, &inputs, 2), [18.0, 22.0]);
    let dy = tensor(&[2], vec![1.0, 10.0]);
    let gradient =
        differentiate_operation("mean", &attributes, &inputs, &[dy], &StepValues::forward(2))
            .unwrap();
    let dx = gradient[0].as_ref().unwrap().as_f32().unwrap();
    assert_eq!(dx, [0.5, 5.0, 0.5, 5.0, 0.0, 0.0]);
}

#[test]
fn a_sum_without_axes_or_with_an_empty_list_of_them_takes_them_all_as_in_pytorch() {
    let x = tensor(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.5]);
    for attributes in [json!({}), json!({"axes": []})] {
        let x = std::slice::from_ref(&x);
        assert_eq!(run("sum", attributes.clone(), x, 2), [21.5], "{attributes}");
        let mean = run("mean", attributes.clone(), x, 2)[0];
        assert!((mean - 21.5 / 6.0).abs() < 1e-6, "{attributes}: {mean}");
    }
    assert_eq!(run("sum", json!({"axes": [1]}), &[x], 2), [6.0, 15.5]);
}

#[test]
fn whole_powers_of_negative_numbers_have_their_sign() {
    let x = || tensor(&[3], vec![-2.0, 0.0, 3.0]);
    assert_eq!(
        run("power", json!({"exponent": 3.0}), &[x()], 0),
        [-8.0, 0.0, 27.0]
    );
    assert_eq!(
        run("power", json!({"exponent": 2.0}), &[x()], 0),
        [4.0, 0.0, 9.0]
    );
    assert_eq!(
        run("power", json!({"exponent": 0.0}), &[x()], 0),
        [1.0, 1.0, 1.0]
    );
}

#[test]
fn a_number_that_is_none_is_neither_the_larger_nor_the_smaller() {
    let pairs = [(f32::NAN, 1.0), (1.0, f32::NAN)];
    for (a, b) in pairs {
        for name in ["maximum", "minimum"] {
            let inputs = [tensor(&[1], vec![a]), tensor(&[1], vec![b])];
            assert!(run(name, json!({}), &inputs, 0)[0].is_nan(), "{name}");
        }
    }
}

#[test]
fn operations_on_any_shape_say_what_does_not_fit() {
    let zeros = |shape: &[usize]| tensor(shape, vec![0.0; shape.iter().product()]);
    let refusal = |name: &str, attributes: serde_json::Value, shapes: &[&[usize]]| {
        let inputs: Vec<Tensor> = shapes.iter().map(|shape| zeros(shape)).collect();
        match run_operation(name, &attributes, &inputs, &StepValues::forward(0)) {
            Ok(_) => panic!("{name} {attributes} took {shapes:?}"),
            Err(error) => error.to_string(),
        }
    };
    let cases: [(String, &str); 18] = [
        (
            refusal("multiply", json!({}), &[&[2, 3], &[2]]),
            "multiply: a is (2, 3) and b is (2): sizes 3 and 2 do not broadcast, expected equal \
             sizes or a 1, counted from the last axis",
        ),
        (
            refusal("divide", json!({}), &[&[1, 1, 1, 1, 1], &[2]]),
            "divide: a is (1, 1, 1, 1, 1), expected at most 4 dimensions",
        ),
        (
            refusal("subtract", json!({}), &[&[0, 3], &[3]]),
            "subtract: a is (0, 3), expected sizes of at least 1",
        ),
        (
            refusal("sum", json!({"axes": [2]}), &[&[2, 3]]),
            "sum: axis 2 of 2 dimensions, expected -2 to 1",
        ),
        (
            refusal("mean", json!({"axes": [0]}), &[&[]]),
            "mean: axis 0 of a scalar, which has no axes",
        ),
        (
            refusal("mean", json!({"axes": [1, -1]}), &[&[2, 3]]),
            "mean: axis -1 is named twice",
        ),
        (
            refusal("matrix_product", json!({}), &[&[2, 3], &[2, 3]]),
            "matrix_product: a is (2, 3) and b is (2, 3): 3 columns meet 2 rows",
        ),
        (
            refusal(
                "matrix_product",
                json!({"transpose_b": true}),
                &[&[2, 3], &[3, 2]],
            ),
            "matrix_product: a is (2, 3) and b is (3, 2) transposed: 3 columns meet 2 rows",
        ),
        (
            refusal("matrix_product", json!({}), &[&[2, 2, 3], &[3, 3, 2]]),
            "matrix_product: a is (2, 2, 3) and b is (3, 3, 2): expected the same sizes in front \
             of the matrices, or a single matrix",
        ),
        (
            refusal("matrix_product", json!({}), &[&[3], &[3, 2]]),
            "matrix_product: a is (3), expected 2 to 4 dimensions",
        ),
        (
            refusal("reshape", json!({"shape": [4, -1]}), &[&[2, 3]]),
            "reshape: cannot make [4, -1] of (2, 3), which has 6 elements",
        ),
        (
            refusal("reshape", json!({"shape": [-1, -1]}), &[&[2, 3]]),
            "reshape: the shape [-1, -1] has a size of -1, expected sizes of at least 1, and -1 \
             once at most",
        ),
        (
            refusal("transpose", json!({"axes": [0, 0]}), &[&[2, 3]]),
            "transpose: axes are [0, 0], expected each axis of (2, 3) once",
        ),
        (
            refusal(
                "slice",
                json!({"axis": 1, "start": 2, "end": 5}),
                &[&[2, 3]],
            ),
            "slice: 2..5 is outside of axis 1 of (2, 3), which has 3 elements",
        ),
        (
            refusal(
                "slice",
                json!({"axis": 1, "start": 2, "end": 2}),
                &[&[2, 3]],
            ),
            "slice: 2..2 of axis 1 of (2, 3) holds no elements",
        ),
        (
            refusal("slice", json!({"axis": 0, "step": 0}), &[&[2, 3]]),
            "slice: the step is 0, expected at least 1",
        ),
        (
            refusal("concatenate", json!({"axis": 0}), &[&[2, 3], &[2, 4]]),
            "concatenate: x1 is (2, 4) and x0 is (2, 3): expected the same sizes except along axis 0",
        ),
        (
            refusal(
                "concatenate",
                json!({"axis": 0, "count": 17}),
                &[[1usize].as_slice(); 16],
            ),
            "concatenate: 17 inputs, expected 1 to 16",
        ),
    ];
    for (actual, expected) in cases {
        assert_eq!(actual, expected);
    }
}

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<TorchCase>,
}

#[derive(Deserialize)]
struct TorchCase {
    operation: String,
    attributes: serde_json::Value,
    inputs: Vec<TorchTensor>,
    output_gradient: TorchTensor,
    output: TorchTensor,
    gradients: Vec<TorchTensor>,
}

#[derive(Deserialize)]
struct TorchTensor {
    shape: Vec<usize>,
    data: Vec<f64>,
}

/// Expected values carry 9 significant digits, so half a unit of the ninth is 5e-9; both sides
/// computed in f64.
const TORCH: Tolerance = Tolerance {
    absolute: 1e-13,
    relative: 6e-9,
};

#[test]
fn operations_on_any_shape_give_the_outputs_and_gradients_of_pytorch() {
    let text = include_str!("../fixtures/free_shapes.json");
    let fixture: Fixture = serde_json::from_str(text).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for case in &fixture.cases {
        let op = Op::from_json(&case.operation, &case.attributes).unwrap();
        let name = format!(
            "{} {} of {:?}",
            op.name(),
            case.attributes,
            case.inputs.iter().map(|x| &x.shape).collect::<Vec<_>>()
        );
        let described: Vec<_> = case
            .inputs
            .iter()
            .map(|x| (Shape::new(x.shape.clone()).unwrap(), ElementType::F32))
            .collect();
        let inputs: Vec<_> = case
            .inputs
            .iter()
            .map(|x| Buffer::Real(x.data.clone()))
            .collect();
        let single = SingleOperation::with_gradient(op, &described).unwrap();
        let shape = &single.graph().value(single.outputs()[0]).shape;
        assert_eq!(shape.dims(), case.output.shape, "{name}");
        let upstream = [Buffer::Real(case.output_gradient.data.clone())];
        let run = single
            .run(&inputs, &upstream, &StepValues::forward(0))
            .unwrap();
        let compare = |what: &str, actual: &Buffer<f64>, expected: &TorchTensor| {
            let actual = numbers(actual);
            assert_close(what, &actual, &expected.data, TORCH);
            let last = actual.len() - 1;
            let wrong = with_one_off(&actual, last, 1e-6 + 1e-6 * actual[last].abs());
            assert_not_close(what, &wrong, &expected.data, TORCH);
        };
        compare(&name, &run.outputs[0], &case.output);
        assert_eq!(run.gradients.len(), case.gradients.len(), "{name}");
        for (number, expected) in case.gradients.iter().enumerate() {
            let what = format!("{name}: gradient of input {number}");
            compare(&what, run.gradients[number].as_ref().unwrap(), expected);
        }
        seen.insert(case.operation.clone());
    }
    let expected = NAMES.iter().filter(|name| !name.contains("backward"));
    assert!(
        seen.iter().eq(expected
            .map(|name| name.to_string())
            .collect::<std::collections::BTreeSet<_>>()
            .iter())
    );
}
