//! One path of the chain rule: factors by hand, sums over all paths, and two independent ways to the
//! total derivative.

use glassbox::data::{self, DataSource};
use glassbox::graph::Phase;
use glassbox::session::{
    Command, DevicePreference, ElementName, Event, GraphFacts, Inspection, InspectionReport,
    PathFacts, RunConfig, Session, StepUnit, TensorKind,
};
use glassbox::view::microscope::model::GraphModel;
use glassbox::view::microscope::system::{Direction, Token, composition, rows};
use std::cell::RefCell;
use std::rc::Rc;

const RUN: u32 = 1;

/// Sums of some thousand f64 products in two different orders.
const EXACT: f64 = 1e-9;

/// f32 buffers against f64.
const ROUNDED: f64 = 1e-4;

fn is_close(actual: f64, expected: f64, relative: f64, scale: f64) -> bool {
    (actual - expected).abs() <= relative * expected.abs().max(scale)
}

struct Microscope {
    session: Session,
    events: Rc<RefCell<Vec<Event>>>,
    graph: GraphFacts,
}

impl Microscope {
    /// On the CPU, with the first batch run to its end.
    fn new(preset: &str, batch: Option<u32>) -> Self {
        let events = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&events);
        let mut session = Session::new("test", move |event| sink.borrow_mut().push(event));
        let folder = format!("{}/assets/data", env!("CARGO_MANIFEST_DIR"));
        let mnist = data::load("mnist", &[folder.into()]).unwrap();
        session.provide_dataset(DataSource::Mnist, mnist);
        let mut microscope = Self {
            session,
            events,
            graph: GraphFacts {
                nodes: Vec::new(),
                tensors: Vec::new(),
            },
        };
        let config = RunConfig {
            preset: preset.into(),
            device: DevicePreference::Cpu,
            seed: 3,
            batch,
            ..RunConfig::default()
        };
        microscope.command(Command::Start { run: RUN, config });
        match microscope.ask(Inspection::Enter).into_iter().next() {
            Some(InspectionReport::Graph(graph)) => microscope.graph = graph,
            other => panic!("expected a graph, got {other:?}"),
        }
        microscope.ask(Inspection::Forward(StepUnit::Batch));
        microscope
    }

    fn command(&mut self, command: Command) {
        self.events.borrow_mut().clear();
        pollster::block_on(self.session.handle(command));
        while pollster::block_on(self.session.advance(1e3)) {}
        for event in &*self.events.borrow() {
            assert!(!matches!(event, Event::Failed { .. }), "{event:?}");
        }
    }

    fn ask(&mut self, inspection: Inspection) -> Vec<InspectionReport> {
        self.command(Command::Inspect {
            run: RUN,
            inspection,
        });
        let events = self.events.borrow();
        let reports = events.iter().filter_map(|event| match event {
            Event::Inspected { report, .. } => Some(report.clone()),
            _ => None,
        });
        reports.collect()
    }

    fn path(
        &mut self,
        from: &ElementName,
        to: &ElementName,
        via: &[ElementName],
    ) -> Result<PathFacts, String> {
        let request = Inspection::FollowPath {
            request: 5,
            from: from.clone(),
            to: to.clone(),
            via: via.to_vec(),
        };
        match self.ask(request).pop() {
            Some(InspectionReport::PathFollowed { request: 5, path }) => Ok(path),
            Some(InspectionReport::Refused {
                request: Some(5),
                reason,
            }) => Err(reason.to_string()),
            other => panic!("expected a path, got {other:?}"),
        }
    }

    fn tensor(&mut self, name: &str) -> Vec<f32> {
        let request = Inspection::Tensor {
            request: 7,
            name: name.into(),
            first: 0,
            count: u64::MAX,
        };
        match self.ask(request).pop() {
            Some(InspectionReport::Tensor {
                values: Some(values),
                ..
            }) => values,
            other => panic!("expected {name}, got {other:?}"),
        }
    }

    /// Products along every path that carries something.
    fn all_products(&mut self, from: &ElementName, to: &ElementName) -> Vec<f64> {
        let mut products = Vec::new();
        let mut open: Vec<Vec<ElementName>> = vec![Vec::new()];
        while let Some(via) = open.pop() {
            let path = self.path(from, to, &via).unwrap();
            assert!(path.is_whole, "{path:?}");
            products.push(path.product);
            // Behind what was chosen, every other way once.
            for (number, stop) in path.stops.iter().enumerate().skip(via.len() + 1) {
                let factor = stop.factor.as_ref().unwrap();
                assert_eq!(factor.way_count as usize, factor.alternatives.len());
                for other in &factor.alternatives {
                    if other.element != stop.element {
                        let before = path.stops[1..number].iter();
                        let mut via: Vec<_> = before.map(|stop| stop.element.clone()).collect();
                        via.push(other.element.clone());
                        open.push(via);
                    }
                }
            }
        }
        products
    }
}

fn element(tensor: &str, index: &[u32]) -> ElementName {
    ElementName {
        tensor: tensor.into(),
        index: index.to_vec(),
    }
}

fn loss() -> ElementName {
    element("loss.L", &[])
}

/// The worked example: dL/dz₂ = −0.462570, W₂ = (0.7, −0.3, 0.4), W₁ = (0.2, −0.4; −0.6, 0.1; 0.5, 0.3).
#[test]
fn the_factors_of_the_worked_example_are_those_found_by_hand() {
    let mut microscope = Microscope::new("worked-2-3-1", None);
    let path = microscope
        .path(&element("x", &[0, 0]), &loss(), &[])
        .unwrap();
    let factors: Vec<f64> = path.stops[1..]
        .iter()
        .map(|stop| stop.factor.as_ref().unwrap().derivative)
        .collect();
    // The third hidden unit carries more than the first; the second is off.
    for (actual, expected) in factors.iter().zip([-0.462_570, 0.4, 1.0, 0.5]) {
        assert!((actual - expected).abs() < 1e-6, "{factors:?}");
    }
    assert_eq!(factors.len(), 4);
    assert!((path.product - -0.092_514).abs() < 1e-6);
    assert!((path.total - -0.157_274).abs() < 1e-6);
    assert_eq!(path.stops[3].element.index, [0, 2]);
    // What a factor is made of: the weight itself.
    let terms = &path.stops[2].factor.as_ref().unwrap().terms;
    assert_eq!(terms.len(), 1);
    assert_eq!(terms[0].references[0].tensor, "fc2.weight");
    assert_eq!(terms[0].references[0].index, [0, 2]);

    // The learner goes by the first hidden unit.
    let hidden = element(&path.stops[2].element.tensor, &[0, 0]);
    let other = microscope
        .path(&element("x", &[0, 0]), &loss(), &[hidden])
        .unwrap();
    assert!((other.product - -0.462_570 * 0.7 * 0.2).abs() < 1e-6);
    assert!((path.product + other.product - path.total).abs() < 1e-12);
}

#[test]
fn the_sum_over_all_paths_is_the_total_derivative_and_the_gradient_in_the_buffer() {
    let mut microscope = Microscope::new("worked-2-3-1", None);
    let mut summed = 0;
    for (tensor, shape) in [
        ("x", [1, 2]),
        ("fc1.weight", [3, 2]),
        ("fc2.weight", [1, 3]),
    ] {
        let gradient = microscope.tensor(&format!("{tensor}.grad"));
        for row in 0..shape[0] {
            for column in 0..shape[1] {
                let from = element(tensor, &[row, column]);
                let stored = f64::from(gradient[(row * shape[1] + column) as usize]);
                let path = microscope.path(&from, &loss(), &[]).unwrap();
                assert!((path.total - stored).abs() < 1e-6, "{from:?}");
                if path.is_whole {
                    let products = microscope.all_products(&from, &loss());
                    let sum: f64 = products.iter().sum();
                    assert!((sum - path.total).abs() < 1e-12, "{from:?}: {products:?}");
                    // Control: one changed factor is seen.
                    let changed = sum + 1e-3 * products[0];
                    assert!((changed - path.total).abs() > 1e-9, "{from:?}");
                    summed += products.len();
                } else {
                    assert_eq!(path.total, 0.0, "{from:?}");
                }
            }
        }
    }
    // Two by x₁, two by x₂ (the second hidden unit is off), four weights of two and two of three.
    assert_eq!(summed, 2 + 2 + 4 + 2);
}

#[test]
fn a_unit_that_is_off_blocks_every_path_and_is_named() {
    let mut microscope = Microscope::new("worked-2-3-1", None);
    let path = microscope
        .path(&element("fc1.weight", &[1, 0]), &loss(), &[])
        .unwrap();
    assert!(!path.is_whole);
    assert_eq!((path.total, path.product), (0.0, 0.0));
    let node = path.blocked_at.expect("the operation that blocks") as usize;
    assert_eq!(microscope.graph.nodes[node].operation, "relu");
}

/// Backward mode, forward mode and the buffers give the same derivative; the parts at every stop add
/// up; the factors multiply; the terms of a factor are the factor.
#[test]
fn paths_through_networks_add_up_at_every_stop() {
    for (preset, batch) in [("mlp-mnist", 4), ("lenet5-mnist", 3)] {
        let mut microscope = Microscope::new(preset, Some(batch));
        let logits = microscope
            .graph
            .nodes
            .iter()
            .find(|node| node.operation == "softmax_cross_entropy")
            .map(|node| node.inputs[0].1.clone())
            .unwrap();
        let mut whole = 0;
        let tensors = microscope.graph.tensors.clone();
        for tensor in &tensors {
            let is_start = tensor.kind == TensorKind::Parameter && tensor.gradient.is_some();
            if !is_start && tensor.name != "batch.x" {
                continue;
            }
            let gradient = tensor.gradient.as_ref().map(|name| microscope.tensor(name));
            let scale = gradient.as_ref().map_or(0.0, |gradient| {
                gradient.iter().fold(0.0_f32, |m, v| m.max(v.abs())).into()
            });
            let count: u32 = tensor.shape.iter().product();
            for flat in [0, count / 2, count / 3 + 1].map(|at| at.min(count - 1)) {
                let mut rest = flat;
                let mut index = vec![0; tensor.shape.len()];
                for (slot, &size) in index.iter_mut().zip(&tensor.shape).rev() {
                    (*slot, rest) = (rest % size, rest / size);
                }
                // A pixel moves the results of its own sample.
                let sample = if tensor.name == "batch.x" {
                    index[0]
                } else {
                    1
                };
                let from = element(&tensor.name, &index);
                for to in [loss(), element(&logits, &[sample, 7])] {
                    let path = microscope.path(&from, &to, &[]).unwrap();
                    whole += usize::from(check(&path));
                    if let (Some(gradient), true) = (&gradient, to == loss()) {
                        let stored = gradient[flat as usize].into();
                        let is_stored = is_close(path.total, stored, ROUNDED, scale);
                        assert!(is_stored, "{from:?}: {} and {stored}", path.total);
                    }
                }
            }
        }
        assert!(whole >= 12, "{preset}: {whole} paths");
    }
}

/// Whether the path is whole; what it says of itself is consistent.
fn check(path: &PathFacts) -> bool {
    if !path.is_whole {
        assert_eq!(path.total, 0.0, "{path:?}");
        return false;
    }
    let (first, last) = (&path.stops[0], path.stops.last().unwrap());
    assert!(
        is_close(first.below, last.above, EXACT, 1e-12),
        "forward {} and backward {}",
        first.below,
        last.above
    );
    assert_eq!(last.above, path.total);
    assert_eq!((last.below, first.above), (1.0, 1.0));
    let mut product = 1.0;
    for pair in path.stops.windows(2) {
        let (stop, next) = (&pair[0], &pair[1]);
        let factor = next.factor.as_ref().unwrap();
        product *= factor.derivative;
        assert_eq!(next.product, product);
        let terms: f64 = factor.terms.iter().map(|term| term.value).sum();
        assert!(
            is_close(terms, factor.derivative, EXACT, 1e-12),
            "{factor:?}"
        );
        let carried: Vec<f64> = factor.alternatives.iter().map(|a| a.carried).collect();
        let first = carried[0].abs();
        assert!(carried.iter().all(|part| part.abs() <= first));
        assert_eq!(factor.alternatives[0].element, next.element, "the largest");
        if factor.way_count as usize == carried.len() {
            let sum: f64 = carried.iter().sum();
            assert!(
                is_close(sum, stop.below, EXACT, first),
                "{stop:?} and {sum}"
            );
            // Control: a part that is left out is missed.
            let rest = sum - carried[0];
            assert!(!is_close(rest, stop.below, EXACT, 1e-12), "{stop:?}");
        }
    }
    assert_eq!(path.product, product);
    true
}

#[test]
fn ends_without_a_path_are_refused_with_what_was_expected() {
    let mut microscope = Microscope::new("mlp-mnist", Some(2));
    for (from, to, expected) in [
        (element("nothing", &[]), loss(), "nothing"),
        (element("fc1.weight", &[999, 0]), loss(), "outside"),
        (loss(), element("fc1.weight", &[0, 0]), "no path leads"),
        (loss(), loss(), "no path leads"),
        (element("batch.t", &[0]), loss(), "whole numbers"),
        (element("fc1.weight.grad", &[0, 0]), loss(), "no path leads"),
    ] {
        let message = microscope.path(&from, &to, &[]).unwrap_err();
        assert!(message.contains(expected), "{from:?}: {message}");
    }
    // Another sample's result does not depend on this one's pixels.
    let other = element("fc1.y", &[1, 0]);
    let path = microscope.path(&element("batch.x", &[0, 0, 14, 14]), &other, &[]);
    let path = path.unwrap();
    assert_eq!(
        (path.is_whole, path.total, path.blocked_at),
        (false, 0.0, None)
    );
}

/// The model's equations come from the operations' formulas: each names a result of its own and tensors
/// that it reads.
#[test]
fn every_operation_of_a_model_has_an_equation_of_whole_tensors() {
    for (preset, batch) in [
        ("worked-2-3-1", None),
        ("mlp-mnist", Some(2)),
        ("lenet5-mnist", Some(2)),
    ] {
        let facts = Microscope::new(preset, batch).graph;
        let graph = GraphModel::new(facts.clone());
        let forward = rows(&graph, Direction::Forward);
        let backward = rows(&graph, Direction::Backward);
        for (number, node) in facts.nodes.iter().enumerate() {
            let own = forward
                .iter()
                .chain(&backward)
                .filter(|row| row.node == number);
            let own: Vec<_> = own.collect();
            let is_shown = !matches!(node.phase, Phase::Data | Phase::Update);
            assert_eq!(!own.is_empty(), is_shown, "{}", node.name);
            for row in own {
                let is_output = node.outputs.iter().any(|(_, tensor)| *tensor == row.tensor);
                assert!(is_output, "{}: {}", node.name, row.tensor);
                let reads = |token: &Token| matches!(token, Token::Tensor(_));
                assert!(
                    row.tokens.iter().any(reads),
                    "{}: {:?}",
                    node.name,
                    row.tokens
                );
            }
        }
        let composed = composition(&graph).expect("a prediction");
        let weights = facts
            .tensors
            .iter()
            .filter(|t| t.kind == TensorKind::Parameter);
        let named = |tensor: &str| composed.tokens.contains(&Token::Tensor(tensor.into()));
        assert!(
            weights.filter(|weight| named(&weight.name)).count() >= 4,
            "{preset}"
        );
    }
}
