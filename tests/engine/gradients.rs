//! Backward operations against central finite differences of the forward twin, in f64.

use std::collections::BTreeSet;
use std::sync::Arc;

use glassbox::exec::cpu::CpuExecutor;
use glassbox::exec::single::SingleOperation;
use glassbox::exec::{Mode, Plan};
use glassbox::graph::{Phase, ValueId};
use glassbox::ops::{AdamUpdate, BatchNorm, Buffer, Conv2d, Op, StepValues};
use glassbox::tensor::{ElementType, Values};
use proptest::prelude::*;

use crate::cases::all_cases;
use crate::small_models::{Model, lenet, mlp};
use crate::support::{Case, Random, Tolerance, assert_close, assert_not_close, numbers};

/// Half the distance between the two points of a difference.
const STEP: f64 = 1e-5;

/// Central differences are off by STEP²·f‴/6, about 1e-10 here, and by the rounding of
/// f64 over STEP: functionals of up to about 100 give 1e-14 / 1e-5 = 1e-9.
const TOLERANCE: Tolerance = Tolerance {
    absolute: 2e-8,
    relative: 2e-8,
};

/// Elements of one input that are moved: all of a small one, a sample of a large one.
const SAMPLED: usize = 24;

/// Operations that nothing differentiates and that are no backward operations.
const WITHOUT_GRADIENT: [&str; 13] = [
    "gradient_norm",
    "clip_gradient",
    "rmsprop_update",
    "adagrad_update",
    "adamw_update",
    "gather_batch",
    "gather_rows",
    "gather_classes",
    "gather_windows",
    "augment",
    "sgd_update",
    "momentum_update",
    "adam_update",
];

/// Real inputs without a gradient: what is learned from is given.
const GIVEN: [(&str, &str); 7] = [
    ("binary_cross_entropy", "t"),
    ("weighted_cross_entropy", "w"),
    ("mean_squared_error", "t"),
    ("mean_absolute_error", "t"),
    ("kullback_leibler", "t"),
    ("batch_norm", "running_mean"),
    ("batch_norm", "running_var"),
];

/// Positions spread over 0..count, the first and the last among them.
fn sampled(count: usize) -> Vec<usize> {
    if count <= SAMPLED {
        return (0..count).collect();
    }
    (0..SAMPLED)
        .map(|number| number * (count - 1) / (SAMPLED - 1))
        .collect()
}

/// Coefficients of a linear functional of one output.
fn coefficients(seed: u64, count: usize) -> Vec<f64> {
    let values = Random::new(seed).values(1.0, count);
    values.into_iter().map(f64::from).collect()
}

/// `Σ c · y` over the outputs that the backward pass starts from.
fn functional(outputs: &[Buffer<f64>], chosen: &[usize], upstream: &[Buffer<f64>]) -> f64 {
    let mut total = 0.0;
    for (&output, c) in chosen.iter().zip(upstream) {
        let products = numbers(&outputs[output]).into_iter().zip(numbers(c));
        total += products.map(|(y, c)| y * c).sum::<f64>();
    }
    total
}

/// Outputs whose gradient the operation's backward pass asks for.
fn differentiated_outputs(single: &SingleOperation) -> Vec<usize> {
    let graph = single.graph();
    let names: Vec<String> = single
        .output_gradients()
        .iter()
        .map(|&id| graph.value(id).name.clone())
        .collect();
    let outputs = single.outputs().iter().enumerate();
    outputs
        .filter(|&(_, &id)| names.contains(&format!("{}.grad", graph.value(id).name)))
        .map(|(number, _)| number)
        .collect()
}

/// Compares every gradient of a case with finite differences; the inputs that have one.
pub fn check(case: &Case) -> Vec<usize> {
    let single = SingleOperation::with_gradient(case.op.clone(), &case.described()).unwrap();
    let forward = case.single();
    let chosen = differentiated_outputs(&single);
    assert!(
        !chosen.is_empty(),
        "{}: no output is differentiated",
        case.label
    );
    let upstream: Vec<Buffer<f64>> = single
        .output_gradients()
        .iter()
        .enumerate()
        .map(|(number, &id)| {
            let count = single.graph().value(id).shape.count();
            Buffer::Real(coefficients(31 + number as u64, count))
        })
        .collect();
    let inputs = case.buffers::<f64>();
    let run = single.run(&inputs, &upstream, &case.step).unwrap();
    let value_at = |input: usize, at: usize, amount: f64| {
        let mut moved = inputs.clone();
        let Buffer::Real(values) = &mut moved[input] else {
            panic!("{}: a gradient of whole numbers", case.label);
        };
        values[at] += amount;
        let run = forward.run(&moved, &[], &case.step).unwrap();
        functional(&run.outputs, &chosen, &upstream)
    };

    let mut checked = Vec::new();
    for (input, gradient) in run.gradients.iter().enumerate() {
        let Some(gradient) = gradient else { continue };
        let name = case.op.inputs()[input].name;
        let gradient = numbers(gradient);
        let places = sampled(gradient.len());
        let analytic: Vec<f64> = places.iter().map(|&at| gradient[at]).collect();
        let numeric: Vec<f64> = places
            .iter()
            .map(|&at| (value_at(input, at, STEP) - value_at(input, at, -STEP)) / (2.0 * STEP))
            .collect();
        compare(&format!("{}: d{name}", case.label), &analytic, &numeric);
        checked.push(input);
    }
    checked
}

fn compare(what: &str, analytic: &[f64], numeric: &[f64]) {
    assert_close(what, analytic, numeric, TOLERANCE);
    // Control: the sign of the largest element flipped. Where all are 0 (a window of one
    // class, a sample that does not count) the comparison must notice a small one.
    let largest = (0..analytic.len())
        .max_by(|&a, &b| analytic[a].abs().total_cmp(&analytic[b].abs()))
        .unwrap();
    let mut wrong = analytic.to_vec();
    wrong[largest] = if analytic[largest] == 0.0 {
        1e-6
    } else {
        -analytic[largest]
    };
    assert_not_close(what, &wrong, numeric, TOLERANCE);
}

#[test]
fn every_backward_operation_matches_finite_differences() {
    let mut reached = BTreeSet::new();
    let mut without = BTreeSet::new();
    let mut with = BTreeSet::new();
    for (name, cases) in all_cases() {
        for case in cases {
            let single = case.single();
            let steps = case.op.gradient(&single.graph().node(single.node()).dims);
            if steps.is_empty() {
                without.insert(name);
                continue;
            }
            with.insert(name);
            reached.extend(steps.iter().map(|step| step.op.name()));
            if !case.smooth {
                continue;
            }
            let checked = check(&case);
            for (number, input) in case.op.inputs().iter().enumerate() {
                let expected =
                    input.element == ElementType::F32 && !GIVEN.contains(&(name, input.name));
                assert_eq!(
                    checked.contains(&number),
                    expected,
                    "{name}: d{}",
                    input.name
                );
            }
        }
    }
    // Some gradients are operations of forward passes: those have a gradient themselves.
    let reached = reached.into_iter().filter(|name| !with.contains(name));
    let others: BTreeSet<&str> = WITHOUT_GRADIENT.into_iter().chain(reached).collect();
    assert_eq!(
        without, others,
        "operations without a gradient are backward operations, or listed"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_of_any_shape_match_finite_differences(
        (n, c, o) in (1usize..3, 1usize..3, 1usize..3),
        (k, l) in (1usize..4, 1usize..4),
        (more_height, more_width) in (0usize..4, 0usize..4),
        stride in [1usize..4, 1usize..4],
        padding in [0usize..4, 0usize..4, 0usize..4, 0usize..4],
        dilation in [1usize..3, 1usize..3],
        groups in 1usize..4,
        seed in 0u64..1000,
    ) {
        let mut random = Random::new(seed);
        let size = [dilation[0] * (k - 1) + 1 + more_height, dilation[1] * (l - 1) + 1 + more_width];
        let inputs = vec![
            random.reals([n, c * groups, size[0], size[1]]),
            random.reals([o * groups, c, k, l]),
            random.reals([o * groups]),
        ];
        let op = Conv2d { stride: stride.into(), padding: padding.into(), dilation: dilation.into(), groups };
        let case = Case {
            label: format!("{op:?} {:?} {:?}", inputs[0].shape(), inputs[1].shape()),
            op: Op::Conv2d(op),
            inputs,
            step: StepValues::forward(n as u32),
            smooth: true,
        };
        prop_assert_eq!(check(&case), vec![0, 1, 2]);
    }

    #[test]
    fn batch_norms_of_any_shape_match_finite_differences(
        (n, c) in (2usize..6, 1usize..4),
        (h, w) in (1usize..4, 1usize..4),
        left_out in 0usize..3,
        training: bool,
        seed in 0u64..1000,
    ) {
        let mut random = Random::new(seed);
        let inputs = vec![
            random.reals([n, c, h, w]),
            random.reals([c]),
            random.reals([c]),
            random.reals([c]),
            random.between([c], 0.5, 1.5),
        ];
        // A small variance would bend the function between the two points.
        let op = Op::BatchNorm(BatchNorm { epsilon: 0.5, ..BatchNorm::default() });
        let mut step = StepValues::forward(n.saturating_sub(left_out).max(1) as u32);
        step.training = u32::from(training);
        let case = Case {
            label: format!("batch_norm {:?} {step:?}", inputs[0].shape()),
            op,
            inputs,
            step,
            smooth: true,
        };
        prop_assert_eq!(check(&case), vec![0, 1, 2]);
    }
}

/// A model's f64 executor with parameters and a batch written.
fn executor(model: &Model) -> CpuExecutor<f64> {
    let graph = Arc::new(model.graph.clone());
    let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
    let mut executor = CpuExecutor::new(graph, plan);
    for (id, values) in model.initial(5) {
        executor.write(id, &values);
    }
    let (x, t) = model.batch(6);
    executor.write(model.x, &Values::F32(x));
    executor.write(model.t, &Values::U32(t));
    executor
}

fn loss(executor: &mut CpuExecutor<f64>, model: &Model, step: &StepValues) -> f64 {
    let forward = executor.plan().phases(Phase::Data, Phase::Loss);
    executor.run(forward, step);
    executor.reals(model.loss)[0]
}

fn check_model(name: &str, model: &Model, valid: u32) {
    let step = StepValues::forward(valid);
    let mut executor = executor(model);
    let all = executor.plan().phases(Phase::Data, Phase::Backward);
    executor.run(all, &step);
    let parameters: Vec<ValueId> = model.graph.parameters();
    assert!(parameters.len() >= 6);
    for parameter in parameters {
        let value = model.graph.value(parameter);
        let gradient = executor.reals(value.gradient.unwrap()).to_vec();
        let places = sampled(gradient.len());
        let analytic: Vec<f64> = places.iter().map(|&at| gradient[at]).collect();
        assert!(
            gradient.iter().any(|&g| g.abs() > 1e-4),
            "{name}: {} learns nothing",
            value.name
        );
        let mut numeric = Vec::new();
        for &at in &places {
            let start = executor.reals(parameter)[at];
            executor.reals_mut(parameter)[at] = start + STEP;
            let above = loss(&mut executor, model, &step);
            executor.reals_mut(parameter)[at] = start - STEP;
            let below = loss(&mut executor, model, &step);
            executor.reals_mut(parameter)[at] = start;
            numeric.push((above - below) / (2.0 * STEP));
        }
        compare(&format!("{name}: {}", value.name), &analytic, &numeric);
    }
}

#[test]
fn the_gradients_of_a_whole_mlp_match_finite_differences() {
    check_model("mlp", &mlp(4).differentiated(None), 4);
    check_model("mlp of a partial batch", &mlp(4).differentiated(None), 3);
}

#[test]
fn the_gradients_of_a_whole_lenet_match_finite_differences() {
    check_model("lenet", &lenet(3).differentiated(None), 3);
    // With the parameters and gradients as rows of an arena.
    let update = Op::AdamUpdate(AdamUpdate::default());
    check_model("lenet in arenas", &lenet(3).differentiated(Some(update)), 3);
}
