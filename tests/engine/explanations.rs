//! A property of every operation in the registry, forward and backward: whatever the shapes, the
//! terms that explain an element add up to the value that is stored.
//!
//! An operation without a line in [`random_case`] is tried with its cases of `support.rs`, their
//! sizes grown where its attributes allow that; one without cases fails the test.

use std::collections::{BTreeMap, BTreeSet};

use glassbox::exec::single::SingleOperation;
use glassbox::ops::{ANY, Op};
use glassbox::tensor::{Shape, Tensor, Values};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::equations::{for_equations_of, tolerance};
use crate::image_cases;
use crate::support::{self, Case, Random, Tolerance, assert_close, assert_not_close};

/// Random cases of each operation.
const CASES: u32 = 24;

/// Elements of each output that are explained.
const ELEMENTS: usize = 6;

/// f32 twins: sums of at most some hundred products of values up to 1 (f32 rounds at 6e-8).
const STORED_F32: Tolerance = Tolerance {
    absolute: 2e-5,
    relative: 2e-5,
};

/// Random sizes; proptest makes them smaller when a case fails.
struct Draw<'a>(std::slice::Iter<'a, usize>);

impl Draw<'_> {
    /// From `least` to `most`.
    fn between(&mut self, least: usize, most: usize) -> usize {
        let number = self.0.next().expect("enough random numbers for one case");
        least + number % (most - least + 1)
    }

    fn up_to(&mut self, most: usize) -> usize {
        self.between(1, most)
    }
}

/// One operation with random sizes and attributes.
fn random_case(name: &str, draw: &mut Draw) -> Case {
    match name {
        "gather_batch" => {
            let [m, c, h, w] = [(); 4].map(|()| draw.up_to(5));
            let [n, first, rest] = [draw.up_to(5), draw.between(0, 3), draw.between(0, 3)];
            let valid = draw.up_to(n);
            crate::cases::gather_case([m, c, h, w, first + valid + rest, n, valid, first])
        }
        "gather_rows" | "gather_classes" => {
            let [m, i, n] = [(); 3].map(|()| draw.up_to(7));
            let (valid, first) = (draw.up_to(n), draw.between(0, 3));
            let sizes = [m, i, first + valid + draw.between(0, 3), n, valid, first];
            match name {
                "gather_rows" => crate::cases::gather_rows_case(sizes),
                _ => crate::cases::gather_classes_case(sizes),
            }
        }
        "augment" => {
            let [n, c, h, w] = [(); 4].map(|()| draw.up_to(5));
            let (valid, first) = (draw.up_to(n), draw.between(0, 3));
            // Below the image's size.
            let margin = draw.between(0, h.min(w) - 1);
            let r = first + valid + draw.between(0, 3);
            crate::cases::augment_case([n, c, h, w, margin, r, valid, first])
        }
        "linear" | "linear_backward_input" | "linear_backward_weight" | "linear_backward_bias" => {
            crate::cases::linear_case(name, [(); 3].map(|()| draw.up_to(12)))
        }
        "conv2d" | "conv2d_backward_input" | "conv2d_backward_weight" | "conv2d_backward_bias" => {
            let [n, c, o, k, l] = [(); 5].map(|()| draw.up_to(4));
            let (stride, padding) = (draw.up_to(3), draw.between(0, 2));
            // At least one window; at least one row and column of pixels.
            let mut size =
                |kernel: usize| kernel.saturating_sub(2 * padding).max(1) + draw.between(0, 5);
            let (h, w) = (size(k), size(l));
            let (groups, dilation) = (draw.up_to(2), draw.up_to(2));
            // Room for the gaps of a dilated window.
            let (h, w) = (h + (dilation - 1) * (k - 1), w + (dilation - 1) * (l - 1));
            let attributes = json!({
                "stride": stride, "padding": padding, "dilation": dilation, "groups": groups,
            });
            let sizes = [n, c * groups, h, w, o * groups, k, l];
            image_cases::convolution_case(name, sizes, &attributes)
        }
        "max_pool2d" | "max_pool2d_backward" => {
            let [n, c, kernel, stride] = [(); 4].map(|()| draw.up_to(3));
            let [h, w] = [(); 2].map(|()| kernel + draw.between(0, 6));
            let (padding, ceil_mode) = (draw.between(0, kernel / 2), draw.up_to(2) == 2);
            let attributes = json!({
                "kernel": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil_mode,
            });
            image_cases::max_pool_case(name, [n, c, h, w], &attributes)
        }
        "relu" | "sigmoid" | "tanh_activation" => {
            crate::cases::activation_case(name, [(); 2].map(|()| draw.up_to(9)))
        }
        "relu_backward" | "sigmoid_backward" | "tanh_backward" => {
            crate::cases::activation_backward_case(name, [(); 2].map(|()| draw.up_to(9)))
        }
        "flatten" | "flatten_backward" => {
            crate::cases::flatten_case(name, [(); 4].map(|()| draw.up_to(4)))
        }
        "add_backward" => crate::cases::add_case(name, [(); 2].map(|()| draw.up_to(9))),
        "softmax_cross_entropy"
        | "softmax_cross_entropy_backward"
        | "binary_cross_entropy"
        | "binary_cross_entropy_backward" => {
            let [n, k] = [(); 2].map(|()| draw.up_to(9));
            let valid = draw.up_to(n);
            crate::cases::loss_case(name, [n, k, valid], 4.0)
        }
        update if update.ends_with("_update") => {
            let shape = [(); 2].map(|()| draw.up_to(9));
            let mut cases = crate::cases::update_cases(update, shape);
            cases.swap_remove(draw.between(0, cases.len() - 1))
        }
        name if crate::recurrent::NAMES.contains(&name) => {
            let sizes = [draw.up_to(5), draw.up_to(5), draw.up_to(6)];
            let (differ, reverse) = (draw.up_to(2) == 2, draw.up_to(2) == 2);
            let truncate = Some(draw.up_to(4)).filter(|every| *every < 4);
            let activation = match name {
                "rnn" | "rnn_backward" => ["tanh", "relu"][draw.between(0, 1)],
                _ => "",
            };
            crate::recurrent::case_of(name, (sizes, differ, reverse, truncate), activation)
        }
        // An operation without sizes of its own here grows out of one of its fixed cases.
        other => {
            let mut cases = crate::cases::cases_of(other);
            let case = cases.swap_remove(draw.between(0, cases.len() - 1));
            grown(&case, draw).unwrap_or(case)
        }
    }
}

/// The case with larger sizes, each input filled with its own values over and over: whole numbers
/// stay below what they must. `None` where its attributes tie the sizes.
fn grown(case: &Case, draw: &mut Draw) -> Option<Case> {
    let single = case.single();
    let dims = &single.graph().node(single.node()).dims;
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    let mut grown = case.clone();
    for (declared, input) in case.op.inputs().iter().zip(&mut grown.inputs) {
        if declared.dims == ANY {
            return None;
        }
        for letter in declared.dims {
            let size = dims.find(letter)?;
            // A batch knows how many of its samples are valid.
            let more = if *letter == "N" {
                0
            } else {
                draw.between(0, 3)
            };
            sizes.entry(letter).or_insert(size + more);
        }
        let shape: Vec<usize> = declared.dims.iter().map(|letter| sizes[letter]).collect();
        let shape = Shape::new(&shape[..]).ok()?;
        let values = match input.values() {
            Values::F32(values) => Values::F32(repeated(values, shape.count())),
            Values::U32(values) => Values::U32(repeated(values, shape.count())),
            Values::U8(values) => Values::U8(repeated(values, shape.count())),
        };
        *input = Tensor::new(shape, values).ok()?;
    }
    SingleOperation::forward(grown.op.clone(), &grown.described()).ok()?;
    grown.label = format!("{} grown to {sizes:?}", case.label);
    Some(grown)
}

fn repeated<T: Copy>(values: &[T], count: usize) -> Vec<T> {
    values.iter().copied().cycle().take(count).collect()
}

/// The same case with the elements of each input in another order, which keeps them in the range
/// that the case gives them.
fn shuffled(mut case: Case, seed: u64) -> Case {
    fn apply<T: Copy>(values: &[T], keys: &[f32]) -> Vec<T> {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| keys[a].total_cmp(&keys[b]));
        order.into_iter().map(|at| values[at]).collect()
    }
    let mut random = Random::new(seed);
    for input in &mut case.inputs {
        let keys = random.values(1.0, input.shape().count());
        let values = match input.values() {
            Values::F32(values) => Values::F32(apply(values, &keys)),
            Values::U32(values) => Values::U32(apply(values, &keys)),
            Values::U8(values) => Values::U8(apply(values, &keys)),
        };
        *input = Tensor::new(input.shape().clone(), values).expect("as many values as before");
    }
    case
}

/// Explains random elements of all outputs; returns how many had a term whose loss was noticed.
fn check(case: &Case, seed: u64) -> usize {
    let single = case.run::<f32>();
    let mut noticed = 0;
    let mut random = Random::new(seed ^ 1);
    let mut output = 0;
    for_equations_of(case, |equation, environment, expected, index| {
        let stored = support::numbers(&single.outputs[output]);
        output += 1;
        let tolerance = tolerance(&case.op, equation);
        for at in random.below(ELEMENTS, expected.len()) {
            let at = at as usize;
            let what = format!("{} {}{:?}", case.label, equation.output, index(at));
            let explanation = equation.explain(environment, &index(at));
            let total = explanation.total();
            assert_close(&what, &[total], &[expected[at]], tolerance);
            assert_close(&what, &[stored[at]], &[total], STORED_F32);
            if let Some(inner) = &explanation.inner {
                let sum = inner.explanation.total();
                assert_close(&what, &[inner.function.apply(sum)], &[total], tolerance);
            }
            // Control: with any one of its terms dropped the element is another number.
            let terms = explanation.groups.iter().flat_map(|group| &group.terms);
            for dropped in terms.filter(|term| term.value.abs() > 1e-6) {
                assert_not_close(&what, &[total - dropped.value], &[expected[at]], tolerance);
                noticed += 1;
            }
        }
    });
    noticed
}

#[test]
fn the_terms_of_any_element_of_any_operation_add_up_to_the_stored_value() {
    let numbers = proptest::collection::vec(0..1_000usize, 64);
    let mut noticed = BTreeSet::new();
    for &name in Op::NAMES {
        let config = ProptestConfig {
            cases: CASES,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let dropped = std::cell::Cell::new(0);
        let outcome = TestRunner::new(config).run(&(&numbers, any::<u64>()), |(sizes, seed)| {
            let case = shuffled(random_case(name, &mut Draw(sizes.iter())), seed);
            prop_assert_eq!(case.op.name(), name, "the case is of another operation");
            dropped.set(dropped.get() + check(&case, seed));
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{name}: {error}");
        }
        if dropped.get() > 0 {
            noticed.insert(name);
        }
    }
    let all: BTreeSet<&str> = Op::NAMES.iter().copied().collect();
    assert_eq!(
        noticed, all,
        "each operation had terms whose loss was noticed"
    );
}

#[test]
fn cases_grow_where_their_attributes_allow_it() {
    let sizes: Vec<usize> = (1..65).collect();
    let grow = |name: &str| {
        let case = &crate::cases::cases_of(name)[1];
        grown(case, &mut Draw(sizes.iter())).map(|grown| (case.clone(), grown))
    };
    let (case, larger) = grow("linear").expect("no attribute ties a linear layer");
    assert!(larger.inputs[1].shape().count() > case.inputs[1].shape().count());
    assert!(check(&shuffled(larger, 5), 5) > 0);
    assert!(grow("relu").is_none());
}

#[test]
fn an_operation_without_cases_is_noticed() {
    let sizes = [1; 64];
    let unknown = || random_case("conv9d", &mut Draw(sizes.iter()));
    assert!(std::panic::catch_unwind(unknown).is_err());
}
