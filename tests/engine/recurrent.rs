//! Recurrent operations: cases for the suites that try every operation, and PyTorch's numbers.

use glassbox::ops::Op;
use glassbox::tensor::{Shape, Tensor};
use serde_json::json;

use crate::support::{Case, Random};

/// (N, T, H), whether sequences differ in length, reverse, steps between which gradients stop.
pub type Row = ([usize; 3], bool, bool, Option<usize>);

/// One element; odd sizes with sequences of 0 to T steps, both ways; truncated, both ways; more
/// sequences than one task of the CPU takes; units in fours, which faster kernels take, both ways.
const ROWS: [Row; 8] = [
    ([1, 1, 1], false, false, None),
    ([7, 5, 3], true, false, None),
    ([7, 5, 3], true, true, None),
    ([2, 7, 3], false, false, Some(2)),
    ([5, 6, 3], true, true, Some(3)),
    ([35, 2, 2], false, true, None),
    ([7, 5, 8], true, false, None),
    ([6, 4, 8], true, true, Some(3)),
];

/// More units than a workgroup has invocations.
const WIDE: Row = ([1, 2, 260], false, false, None);

pub const NAMES: [&str; 12] = [
    "rnn",
    "rnn_backward",
    "lstm",
    "lstm_backward",
    "lstm_backward_cell",
    "gru",
    "gru_backward",
    "gru_backward_state",
    "recurrent_backward_weight",
    "recurrent_backward_state",
    "last_step",
    "last_step_backward",
];

pub fn has(name: &str) -> bool {
    NAMES.contains(&name) || name.starts_with("embedding")
}

pub fn cases_of(name: &str) -> Vec<Case> {
    if name.starts_with("embedding") {
        return EMBEDDINGS.map(|sizes| embedding_case(name, sizes)).into();
    }
    let mut rows = ROWS.to_vec();
    if name == "rnn" || name.starts_with("lstm") || name == "gru" || name == "gru_backward" {
        rows.push(WIDE);
    }
    let activations: &[&str] = match name {
        "rnn" | "rnn_backward" => &["tanh", "relu"],
        _ => &[""],
    };
    let cases = rows.into_iter().flat_map(|row| {
        activations
            .iter()
            .map(move |activation| case_of(name, row, activation))
    });
    cases.collect()
}

/// (N, T, V, E): one element; odd sizes; every token many times.
const EMBEDDINGS: [[usize; 4]; 3] = [[1, 1, 1, 1], [3, 5, 7, 4], [9, 11, 3, 2]];

fn embedding_case(name: &str, [n, t, v, e]: [usize; 4]) -> Case {
    let mut random = Random::new(52);
    let tokens = Tensor::u32([n, t], random.below(n * t, v)).unwrap();
    let (attributes, other) = match name {
        "embedding" => (json!({}), random.reals([v, e])),
        _ => (json!({"vocabulary": v}), random.reals([n, t, e])),
    };
    let op = Op::from_json(name, &attributes).unwrap();
    let label = format!("N={n} T={t} V={v} E={e}");
    Case::new(label, op, vec![tokens, other])
}

pub fn case_of(name: &str, row: Row, activation: &str) -> Case {
    let ([n, t, h], differ, reverse, truncate) = row;
    let mut attributes = json!({"reverse": reverse});
    if ["rnn", "lstm", "gru"].contains(&name.trim_end_matches("_backward")) {
        attributes["truncate"] = json!(truncate);
    }
    if !activation.is_empty() {
        attributes["activation"] = json!(activation);
    }
    if name == "last_step_backward" {
        attributes["steps"] = json!(t);
    }
    let columns = match name.split('_').next() {
        Some("rnn") => h,
        Some("lstm") => 4 * h,
        Some("gru") => 3 * h,
        _ if h == 1 => 1,
        _ if h % 4 == 0 => 2 * h,
        _ => h + 2,
    };
    let op = Op::from_json(name, &attributes).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut random = Random::new(51);
    let inputs = op.inputs().into_iter().map(|input| match input.name {
        "a" | "dz" => random.reals([n, t, columns]),
        // So that long sums stay where tanh bends.
        "wh" if h > 100 => random.between([columns, h], -0.1, 0.1),
        "wh" => random.reals([columns, h]),
        "bh" => random.reals([columns]),
        "h0" | "c0" | "dy" => random.reals([n, h]),
        "gates" => random.between([n, t, 4 * h], 0.0, 1.0),
        "lengths" => {
            let length = |at: usize| if differ { (at * 5 + 4) % (t + 1) } else { t };
            let lengths: Vec<u32> = (0..n).map(|at| length(at) as u32).collect();
            Tensor::u32([n], lengths).unwrap()
        }
        "h" | "c" | "x" | "dh" | "dc" | "dh_out" | "dc_out" => random.reals([n, t, h]),
        other => panic!("{name} has no values for {other}"),
    });
    let inputs: Vec<Tensor> = inputs.collect();
    let label = format!("N={n} T={t} H={h} lengths={differ} {attributes}");
    let mut case = Case::new(label, op, inputs).with_valid(n);
    // A truncated gradient is not the function's slope, on purpose.
    case.smooth = truncate.is_none();
    case
}

#[test]
fn sequences_of_every_length_are_tried() {
    let case = &cases_of("lstm")[1];
    let mut lengths = case.inputs[4].as_u32().unwrap().to_vec();
    lengths.sort_unstable();
    lengths.dedup();
    assert_eq!(lengths, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    let shapes = |sizes: [&[usize]; 5]| {
        use glassbox::tensor::ElementType::{F32, U32};
        let op = Op::from_json("lstm", &json!({})).unwrap();
        let shapes: Vec<Shape> = sizes
            .iter()
            .map(|&dims| Shape::new(dims).unwrap())
            .collect();
        let inputs: Vec<_> = shapes.iter().zip([F32, F32, F32, F32, U32]).collect();
        op.resolve(&inputs).unwrap_err().to_string()
    };
    assert_eq!(
        shapes([&[2, 3, 5], &[5, 2], &[2, 2], &[2, 2], &[2]]),
        "lstm: a has 5 sums a step and h0 2 units, expected 4 sums for each unit"
    );
    assert_eq!(
        shapes([&[2, 3, 8], &[8, 2], &[3, 2], &[2, 2], &[2]]),
        "lstm: h0 is (3, 2), expected (N = 2, H = 2)"
    );
    assert_eq!(
        shapes([&[2, 3, 8], &[8, 2], &[2, 2], &[2, 2], &[3]]),
        "lstm: lengths is (3), expected (N = 2)"
    );
    let zero = Op::from_json("gru", &json!({"truncate": 0})).unwrap();
    let case = &cases_of("gru")[1];
    let described = case.described();
    let inputs: Vec<_> = described
        .iter()
        .map(|(shape, element)| (shape, *element))
        .collect();
    let error = zero.resolve(&inputs).unwrap_err().to_string();
    assert!(
        error.contains("every 0 steps, expected at least 1"),
        "{error}"
    );
}

#[test]
fn a_length_beyond_the_steps_is_refused() {
    let mut case = cases_of("lstm")[1].clone();
    case.inputs[4] = Tensor::u32([7], vec![6; 7]).unwrap();
    let error = case
        .single()
        .run(&case.buffers::<f64>(), &[], &case.step)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "lstm: lengths holds 6, expected whole numbers below 6"
    );
}

#[test]
fn a_token_outside_the_vocabulary_is_refused() {
    let mut case = cases_of("embedding")[1].clone();
    case.inputs[0] = Tensor::u32([3, 5], vec![7; 15]).unwrap();
    let error = case
        .single()
        .run(&case.buffers::<f64>(), &[], &case.step)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "embedding: tokens holds 7, expected whole numbers below 7"
    );
}
