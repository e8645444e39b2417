//! The pictures against the numbers of a real batch.

use super::*;
use crate::optim::OptimizerKind;
use crate::session::{
    DevicePreference, ExplanationFacts, Inspection, RunConfig, StepUnit, UpdatePart,
};
use crate::view::microscope::model::{Element, element_count, flat_index, index_at};
use crate::view::microscope::state::Want;
use crate::view::microscope::tests::Bench;
use std::sync::Arc;

/// A whole batch of a preset, run, with everything read that a node's picture may show.
fn bench(preset: &str, optimizer: Option<OptimizerKind>) -> Bench {
    let mut bench = Bench::with(RunConfig {
        preset: preset.into(),
        device: DevicePreference::Cpu,
        seed: 1,
        batch: (preset != "worked-2-3-1").then_some(3),
        optimizer,
        ..RunConfig::default()
    });
    bench.ask(Inspection::Forward(StepUnit::Batch));
    let graph = bench.graph();
    let wants: Vec<Want> = graph
        .facts
        .tensors
        .iter()
        .filter(|tensor| element_count(&tensor.shape) < 50_000)
        .map(|tensor| Want {
            name: tensor.name.clone(),
            first: 0,
            count: u64::MAX,
        })
        .collect();
    for request in bench.state.read(&wants) {
        bench.ask(request);
    }
    bench
}

fn numbers(bench: &Bench) -> impl Fn(&str, &[u32]) -> Option<f64> {
    let graph = bench.graph();
    move |name: &str, index: &[u32]| {
        let flat = flat_index(&graph.tensor(name)?.shape, index)?;
        let reading = bench.state.reading(name)?;
        let value = *reading.values.as_ref()?.get(flat as usize)?;
        Some(f64::from(value))
    }
}

fn node<'a>(graph: &'a GraphModel, operation: &str) -> &'a NodeFacts {
    let mut nodes = graph.facts.nodes.iter();
    let found = nodes.find(|node| node.operation == operation);
    found.unwrap_or_else(|| panic!("no {operation}"))
}

fn explain(bench: &mut Bench, element: &Element) -> Arc<ExplanationFacts> {
    let request = bench
        .state
        .explain(Some(element.clone()))
        .expect("a request");
    bench.ask(request);
    bench.state.explanation.clone().expect("an explanation")
}

fn near(actual: f64, expected: f64, tolerance: f64) -> bool {
    (actual - expected).abs() <= tolerance + 1e-5 * expected.abs()
}

#[test]
fn softmax_goes_from_logits_to_the_stored_loss_and_back() {
    let bench = bench("lenet5-mnist", None);
    let (graph, numbers) = (bench.graph(), numbers(&bench));
    let (loss, back) = (
        node(&graph, "softmax_cross_entropy"),
        node(&graph, "softmax_cross_entropy_backward"),
    );
    for sample in 0..3 {
        let steps = softmax::forward(&graph, loss, sample, &numbers).expect("read");
        assert_eq!(steps.classes.len(), 10);
        let total: f64 = steps.classes.iter().map(|class| class.probability).sum();
        assert!((total - 1.0).abs() < 1e-12);
        for class in &steps.classes {
            assert!(near(class.probability, class.stored.unwrap(), 1e-6));
        }
        assert!(near(steps.loss, steps.stored_loss.unwrap(), 1e-6));
        let label = &steps.classes[steps.label];
        assert!((steps.loss + label.probability.ln()).abs() < 1e-12);

        let back = softmax::backward(&graph, back, (sample, 3), &numbers).expect("read");
        assert_eq!(back.label, steps.label);
        for class in &back.classes {
            assert!(near(class.gradient, class.stored.unwrap(), 1e-7));
        }
        let sum: f64 = back.classes.iter().map(|class| class.gradient).sum();
        assert!(sum.abs() < 1e-6, "probabilities and targets both sum to 1");
    }
}

#[test]
fn a_pooled_gradient_is_that_of_the_windows_it_won() {
    let mut bench = bench("lenet5-mnist", None);
    let graph = bench.graph();
    let (forward, back) = (
        node(&graph, "max_pool2d"),
        node(&graph, "max_pool2d_backward"),
    );
    let (y, dx) = (
        graph.bound(forward, "y").unwrap(),
        graph.bound(back, "dx").unwrap(),
    );
    let (mut winners, mut losers) = (0, Vec::new());
    {
        let numbers = numbers(&bench);
        let element = |tensor: &str, flat: u64| Element {
            tensor: tensor.into(),
            index: index_at(&graph.tensor(tensor).unwrap().shape, flat),
        };
        for flat in (0..1_500).step_by(7) {
            let element = element(dx, flat);
            let windows = pooling::backward(&graph, back, &element, &numbers).expect("read");
            assert_eq!(windows.len(), 1, "windows lie side by side");
            let mut total = 0.0;
            for window in &windows {
                assert_eq!(window.cells.iter().filter(|cell| cell.is_winner).count(), 1);
                let subject = window.cells.iter().find(|cell| cell.is_subject).unwrap();
                assert_eq!(subject.index, element.index);
                if subject.is_winner {
                    total += window.value.unwrap();
                }
            }
            assert_eq!(total, numbers(dx, &element.index).unwrap());
            if total == 0.0 {
                losers.push(element);
            } else {
                winners += 1;
            }
        }
        for flat in (0..300).step_by(11) {
            let element = element(y, flat);
            let window = pooling::forward(&graph, forward, &element, &numbers).expect("read");
            let winner = window.cells.iter().find(|cell| cell.is_winner).unwrap();
            assert_eq!(winner.value, window.value);
            let most = window.cells.iter().map(|cell| cell.value.unwrap());
            assert_eq!(
                most.fold(f64::NEG_INFINITY, f64::max),
                winner.value.unwrap()
            );
        }
    }
    assert!(
        winners > 10 && losers.len() > 10,
        "{winners}, {}",
        losers.len()
    );
    // The terms of such a cell tell of the window that hid the gradient.
    let facts = explain(&mut bench, &losers[0]);
    assert_eq!((facts.term_count, facts.stored), (0, 0.0));
    let tensors: Vec<&str> = facts.hidden[0]
        .references
        .iter()
        .map(|reference| reference.tensor.as_str())
        .collect();
    let [dy, a] = ["dy", "a"].map(|symbol| graph.bound(back, symbol).unwrap());
    assert!(tensors.contains(&dy) && tensors.contains(&a), "{tensors:?}");
}

#[test]
fn a_sample_s_part_of_a_kernel_gradient_is_its_subtotal() {
    let mut bench = bench("lenet5-mnist", None);
    let graph = bench.graph();
    for node in graph
        .facts
        .nodes
        .iter()
        .filter(|n| n.operation == "conv2d_backward_weight")
    {
        let element = Element {
            tensor: graph.bound(node, "dw").unwrap().into(),
            index: vec![2, 0, 1, 4],
        };
        let facts = explain(&mut bench, &element);
        let numbers = numbers(&bench);
        let mut total = 0.0;
        for (sample, group) in (0..).zip(&facts.groups) {
            let map = convolution::sample_map(&graph, node, &element, sample, &numbers).unwrap();
            assert!(
                near(map.subtotal, group.subtotal, 1e-12),
                "{}",
                element.label()
            );
            assert_eq!(map.products.len() as u32, map.rows * map.columns);
            total += map.subtotal;
        }
        assert!(near(total, f64::from(facts.stored), 1e-6));
    }
}

#[test]
fn the_products_of_a_dense_layer_run_up_to_its_sum() {
    let mut bench = bench("lenet5-mnist", None);
    let graph = bench.graph();
    for (operation, symbol, index, others) in [
        ("linear", "y", vec![1, 7], 1),
        ("linear_backward_input", "dx", vec![1, 30], 0),
        ("linear_backward_weight", "dw", vec![4, 30], 0),
    ] {
        let node = node(&graph, operation);
        let element = Element {
            tensor: graph.bound(node, symbol).unwrap().into(),
            index,
        };
        let facts = explain(&mut bench, &element);
        let products = products::products(&facts).expect(operation);
        assert_eq!(products.others.len(), others, "{operation}");
        let rest: f64 = products.others.iter().map(|(_, value)| value).sum();
        let last = products.items.last().unwrap().running;
        assert!(near(last + rest, facts.total, 1e-12));
        assert!(!products.is_cut);
        let (points, zero) = products::running_line(&products, 100.0, 40.0);
        assert_eq!(points.split(' ').count(), products.items.len() + 1);
        assert!((0.0..=40.0).contains(&zero));
    }
}

#[test]
fn the_point_of_an_activation_is_the_stored_one_and_its_gradient_follows_the_slope() {
    let mut bench = bench("lenet5-mnist", None);
    let graph = bench.graph();
    for (operation, symbol) in [("relu", "y"), ("relu_backward", "dx")] {
        let node = node(&graph, operation);
        let tensor = graph.bound(node, symbol).unwrap();
        let shape = &graph.tensor(tensor).unwrap().shape;
        for flat in (0..400).step_by(17) {
            let element = Element {
                tensor: tensor.into(),
                index: index_at(shape, flat),
            };
            let facts = explain(&mut bench, &element);
            let curve = facts.curve.clone().expect("a curve");
            let stored = f64::from(facts.stored);
            let gradients = activation::gradients(&graph, node, &element, &numbers(&bench));
            match gradients {
                None => assert!(near(curve.y, stored, 1e-7)),
                Some((upstream, passed)) => {
                    assert_eq!(passed, stored);
                    assert!(near(upstream * curve.slope, passed, 1e-9));
                }
            }
            assert_eq!(gradients.is_some(), operation == "relu_backward");
            let lines = activation::lines(&curve);
            assert!(
                (0.0..=activation::WIDTH).contains(&lines.point[0]),
                "{lines:?}"
            );
            assert!(
                (0.0..=activation::HEIGHT).contains(&lines.point[1]),
                "{lines:?}"
            );
        }
    }
    let element = Element {
        tensor: graph.bound(node(&graph, "conv2d"), "y").unwrap().into(),
        index: vec![0; 4],
    };
    assert_eq!(explain(&mut bench, &element).curve, None);
}

#[test]
fn the_working_of_an_update_ends_at_the_stored_weight() {
    for optimizer in [
        OptimizerKind::Sgd,
        OptimizerKind::Momentum,
        OptimizerKind::Adam,
    ] {
        let mut bench = bench("lenet5-mnist", Some(optimizer));
        // A second batch, so that the states are not 0 before it.
        bench.ask(Inspection::Forward(StepUnit::Batch));
        let want = Want {
            name: "conv2.weight".into(),
            first: 0,
            count: u64::MAX,
        };
        let request = bench.state.ask_update(want).unwrap();
        bench.ask(request);
        let facts = bench.state.update.clone().expect("an update");
        assert!(facts.has_run);
        for at in [0, 77, 1_311, 2_399] {
            let lines = update::lines(&facts, at).expect("lines");
            for line in &lines {
                let Some(stored) = line.stored else { continue };
                // Near 0 Δw is the difference of two rounded weights.
                let tolerance = 2e-7;
                assert!(near(line.value, stored, tolerance), "{line:?}");
            }
            let last = lines.last().unwrap();
            assert!(last.stored.is_some());
            let before = update::number(&facts, "w", at).unwrap();
            assert!(before != last.value, "{optimizer:?}");
        }
        let ratio = update::relative_change(&facts).unwrap();
        assert!(ratio > 0.0 && ratio < 1.0, "{ratio}");
        let states = facts
            .rows
            .iter()
            .filter(|row| row.part == UpdatePart::StateBefore);
        for row in states {
            let statistics = row.statistics.unwrap();
            assert!(statistics.norm > 0.0, "{}", row.symbol);
            let limit = update::shared_limit(&facts, row);
            assert!(limit >= statistics.maximum.abs().max(statistics.minimum.abs()));
        }
    }
}
