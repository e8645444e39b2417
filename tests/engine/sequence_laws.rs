//! Laws of operations over sequences, whatever the sizes: sequences of one step and more, odd batches, sequences of
//! different lengths, some of them empty, either order of steps, gradients that stop, attention with masks.

use glassbox::ops::Op;
use proptest::prelude::*;

use crate::support::Case;
use crate::{gradients, kernels, recurrent, token_cases};

const ATTENTION: [&str; 8] = [
    "attention_scores",
    "attention_scores_backward_query",
    "attention_scores_backward_key",
    "attention_weights",
    "attention_weights_backward",
    "attention_mixture",
    "attention_mixture_backward_weight",
    "attention_mixture_backward_value",
];

/// (N, T, H), half of them of units in fours, which the faster kernels take.
fn sizes() -> impl Strategy<Value = [usize; 3]> {
    let hidden = prop_oneof![1..8usize, (1..4usize).prop_map(|fours| 4 * fours)];
    (1..10usize, 1..7usize, hidden).prop_map(|(n, t, h)| [n, t, h])
}

fn cases(name: &str, row: recurrent::Row) -> Vec<Case> {
    match name {
        "rnn" | "rnn_backward" => ["tanh", "relu"]
            .map(|activation| recurrent::case_of(name, row, activation))
            .into(),
        _ => vec![recurrent::case_of(name, row, "")],
    }
}

/// Whether an operation of this name is in the registry and among those that are tried here.
fn is_tried(name: &str) -> bool {
    recurrent::NAMES.contains(&name) || ATTENTION.contains(&name)
}

#[test]
fn every_operation_over_sequences_is_tried() {
    let stems = ["rnn", "lstm", "gru", "recurrent", "last_step", "attention"];
    let of_sequences = |name: &&&str| stems.iter().any(|stem| name.starts_with(stem));
    let names: Vec<&&str> = Op::NAMES.iter().filter(of_sequences).collect();
    assert!(names.len() >= 20, "{names:?}");
    for name in names {
        assert!(is_tried(name), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn kernels_over_sequences_of_any_size_match_their_twins(
        name in prop::sample::select(&recurrent::NAMES[..]), sizes in sizes(), differ: bool, reverse: bool,
        truncate in prop::option::of(1..4usize),
    ) {
        for case in cases(name, (sizes, differ, reverse, truncate)) {
            kernels::assert_kernels_match(&case);
        }
    }

    #[test]
    fn kernels_of_attention_of_any_size_match_their_twins(
        name in prop::sample::select(&ATTENTION[..]), n in 1..4usize, heads in 1..4usize,
        (t, s) in (1..10usize, 1..10usize), e in 1..6usize,
    ) {
        for case in token_cases::attention_cases_of(name, &[[n, heads, t, s, e]]) {
            kernels::assert_kernels_match(&case);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// A truncated gradient is not the slope, and a ReLU has kinks.
    #[test]
    fn gradients_over_sequences_of_any_size_match_finite_differences(
        name in prop::sample::select(&["rnn", "lstm", "gru", "last_step"][..]), sizes in sizes(), differ: bool,
        reverse: bool,
    ) {
        let activation = if name == "rnn" { "tanh" } else { "" };
        let case = recurrent::case_of(name, (sizes, differ, reverse, None), activation);
        prop_assert!(!gradients::check(&case).is_empty());
    }

    #[test]
    fn gradients_of_attention_of_any_size_match_finite_differences(
        name in prop::sample::select(&["attention_scores", "attention_weights", "attention_mixture"][..]),
        n in 1..3usize, heads in 1..4usize, (t, s) in (1..6usize, 1..6usize), e in 1..4usize,
    ) {
        for case in token_cases::attention_cases_of(name, &[[n, heads, t, s, e]]) {
            if case.smooth {
                prop_assert!(!gradients::check(&case).is_empty());
            }
        }
    }
}
