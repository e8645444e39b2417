//! The microscope, driven as the page drives it: stepping, explanations, gradient
//! checks, edits.

use glassbox::data::{self, DataSource};
use glassbox::session::{
    Command, CursorFacts, DevicePreference, Event, ExplanationFacts, GradientCheckFacts,
    GraphFacts, Inspection, InspectionReport, RunConfig, Session, StepUnit, TensorKind,
};
use std::cell::RefCell;
use std::rc::Rc;

const RUN: u32 = 1;

/// f32 kernels and twins against sums in f64: LeNet's largest sum has 50,176 terms.
fn is_close(stored: f64, total: f64, scale: f64) -> bool {
    (stored - total).abs() <= 1e-6 + 1e-4 * total.abs() + 2e-6 * scale
}

struct Microscope {
    session: Session,
    events: Rc<RefCell<Vec<Event>>>,
}

impl Microscope {
    fn new(preset: &str, batch: Option<u32>, device: DevicePreference) -> Self {
        let events = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&events);
        let mut session = Session::new("test", move |event| sink.borrow_mut().push(event));
        let folder = format!("{}/assets/data", env!("CARGO_MANIFEST_DIR"));
        let mnist = data::load("mnist", &[folder.into()]).unwrap();
        session.provide_dataset(DataSource::Mnist, mnist);
        let mut microscope = Self { session, events };
        let config = RunConfig {
            preset: preset.into(),
            device,
            seed: 3,
            batch,
            ..RunConfig::default()
        };
        microscope.command(Command::Start { run: RUN, config });
        microscope.command(Command::SetEvaluationInterval { run: RUN, steps: 0 });
        microscope
    }

    fn command(&mut self, command: Command) -> Vec<Event> {
        self.events.borrow_mut().clear();
        pollster::block_on(self.session.handle(command));
        while pollster::block_on(self.session.advance(1e3)) {}
        let events = self.events.borrow().clone();
        for event in &events {
            assert!(!matches!(event, Event::Failed { .. }), "{event:?}");
        }
        events
    }

    fn ask(&mut self, inspection: Inspection) -> Vec<InspectionReport> {
        let events = self.command(Command::Inspect {
            run: RUN,
            inspection,
        });
        let reports = events.into_iter().filter_map(|event| match event {
            Event::Inspected { report, .. } => Some(report),
            _ => None,
        });
        reports.collect()
    }

    fn enter(&mut self) -> GraphFacts {
        match self.ask(Inspection::Enter).into_iter().next() {
            Some(InspectionReport::Graph(graph)) => graph,
            other => panic!("expected a graph, got {other:?}"),
        }
    }

    fn step(&mut self, inspection: Inspection) -> CursorFacts {
        match self.ask(inspection).pop() {
            Some(InspectionReport::Cursor(cursor)) => cursor,
            other => panic!("expected a cursor, got {other:?}"),
        }
    }

    /// All values of a tensor; `None` when it is not computed yet.
    fn tensor(&mut self, name: &str) -> Option<Vec<f32>> {
        let request = Inspection::Tensor {
            request: 7,
            name: name.into(),
            first: 0,
            count: u64::MAX,
        };
        match self.ask(request).pop() {
            Some(InspectionReport::Tensor {
                request: 7, values, ..
            }) => values,
            other => panic!("expected {name}, got {other:?}"),
        }
    }

    fn explain(&mut self, name: &str, index: &[u32]) -> Result<ExplanationFacts, String> {
        let request = Inspection::Explain {
            request: 8,
            name: name.into(),
            index: index.into(),
        };
        match self.ask(request).pop() {
            Some(InspectionReport::Explained { explanation, .. }) => Ok(explanation),
            Some(InspectionReport::Refused { reason, .. }) => Err(reason.to_string()),
            other => panic!("expected an explanation, got {other:?}"),
        }
    }

    fn check(&mut self, name: &str, index: &[u32]) -> GradientCheckFacts {
        let request = Inspection::CheckGradient {
            request: 9,
            name: name.into(),
            index: index.into(),
        };
        match self.ask(request).pop() {
            Some(InspectionReport::GradientChecked { check, .. }) => check,
            other => panic!("expected a gradient check, got {other:?}"),
        }
    }

    fn parameters(&mut self, graph: &GraphFacts) -> Vec<Vec<f32>> {
        let names: Vec<String> = graph
            .tensors
            .iter()
            .filter(|tensor| tensor.kind == TensorKind::Parameter)
            .map(|tensor| tensor.name.clone())
            .collect();
        assert!(!names.is_empty());
        names
            .iter()
            .map(|name| self.tensor(name).unwrap())
            .collect()
    }
}

fn presets() -> [(&'static str, Option<u32>); 3] {
    [
        ("worked-2-3-1", None),
        ("mlp-mnist", Some(4)),
        ("lenet5-mnist", Some(3)),
    ]
}

#[test]
fn walking_a_batch_operation_by_operation_trains_it_as_training_does() {
    for (preset, batch) in presets() {
        let mut walked = Microscope::new(preset, batch, DevicePreference::Cpu);
        let graph = walked.enter();
        let mut done = 0;
        while done < graph.nodes.len() as u32 {
            let cursor = walked.step(Inspection::Forward(StepUnit::Operation));
            assert_eq!(cursor.done, done + 1);
            done = cursor.done;
        }
        let after_walk = walked.parameters(&graph);

        let mut trained = Microscope::new(preset, batch, DevicePreference::Cpu);
        trained.command(Command::StepBatches { run: RUN, count: 1 });
        let graph = trained.enter();
        assert_eq!(after_walk, trained.parameters(&graph), "{preset}");

        // Leaving tells of the batch and gives the weights back: the next one starts from them.
        let left = walked.command(Command::Inspect {
            run: RUN,
            inspection: Inspection::Leave,
        });
        let mut first = Microscope::new(preset, batch, DevicePreference::Cpu);
        let first = first.command(Command::StepBatches { run: RUN, count: 1 });
        assert_eq!(last_loss(&left), last_loss(&first), "{preset}");
        let next = walked.command(Command::StepBatches { run: RUN, count: 1 });
        let mut trained = Microscope::new(preset, batch, DevicePreference::Cpu);
        let straight = trained.command(Command::StepBatches { run: RUN, count: 2 });
        assert_eq!(last_loss(&next), last_loss(&straight), "{preset}");
    }
}

fn last_loss(events: &[Event]) -> (u64, f32) {
    let mut records = events.iter().filter_map(|event| match event {
        Event::Steps { records, .. } => records.last(),
        _ => None,
    });
    let last = records.next_back().expect("steps were reported");
    (last.step, last.loss)
}

#[test]
fn what_has_not_run_is_not_computed_yet() {
    let mut microscope = Microscope::new("lenet5-mnist", Some(2), DevicePreference::Cpu);
    let graph = microscope.enter();
    assert_eq!(microscope.tensor("conv1.y"), None);
    assert!(
        microscope
            .explain("conv1.y", &[0, 0, 0, 0])
            .unwrap_err()
            .contains("not computed yet")
    );
    let conv1 = graph
        .nodes
        .iter()
        .position(|node| node.name == "conv1")
        .unwrap() as u32;
    let cursor = microscope.step(Inspection::Goto { done: conv1 + 1 });
    assert_eq!(cursor.loss, None);
    assert!(
        microscope
            .tensor("conv1.y")
            .unwrap()
            .iter()
            .all(|value| value.is_finite())
    );
    assert_eq!(microscope.tensor("relu1.y"), None);
}

#[test]
fn stepping_back_and_forth_gives_the_same_values() {
    let mut microscope = Microscope::new("mlp-mnist", Some(4), DevicePreference::Cpu);
    microscope.enter();
    let end = microscope.step(Inspection::Forward(StepUnit::Batch));
    assert_eq!(end.done, end.total);
    let loss = end.loss.unwrap();
    assert_ne!(end.loss_after.unwrap(), loss);
    let gradient = microscope.tensor("fc1.weight.grad").unwrap();
    let weight = microscope.tensor("fc1.weight").unwrap();
    let before_update = microscope.step(Inspection::Back(StepUnit::Operation));
    assert_eq!(before_update.done, end.total - 1);
    assert_ne!(microscope.tensor("fc1.weight").unwrap(), weight);
    assert_eq!(microscope.tensor("fc1.weight.grad").unwrap(), gradient);
    let start = microscope.step(Inspection::Back(StepUnit::Batch));
    assert_eq!((start.done, start.loss), (0, None));
    let again = microscope.step(Inspection::Forward(StepUnit::Batch));
    assert_eq!(again, end);
    assert_eq!(microscope.tensor("fc1.weight").unwrap(), weight);
}

#[test]
fn units_end_where_they_say() {
    let mut microscope = Microscope::new("lenet5-mnist", Some(2), DevicePreference::Cpu);
    let graph = microscope.enter();
    let mut phases = vec![];
    loop {
        let cursor = microscope.step(Inspection::Forward(StepUnit::Phase));
        phases.push(graph.nodes[cursor.done as usize - 1].phase);
        if cursor.done == cursor.total {
            break;
        }
        assert_ne!(
            graph.nodes[cursor.done as usize].phase,
            *phases.last().unwrap()
        );
    }
    assert_eq!(phases.len(), 5);
    // Back over the update, then over one layer of the backward pass: conv1 has two nodes there.
    microscope.step(Inspection::Back(StepUnit::Phase));
    let cursor = microscope.step(Inspection::Back(StepUnit::Layer));
    let rest: Vec<&str> = graph.nodes[cursor.done as usize..cursor.total as usize - 1]
        .iter()
        .map(|node| node.operation.as_str())
        .collect();
    assert_eq!(rest, ["conv2d_backward_weight", "conv2d_backward_bias"]);
    let next = microscope.step(Inspection::Forward(StepUnit::Batch));
    assert_eq!((next.step, next.done), (0, next.total));
    let next = microscope.step(Inspection::Forward(StepUnit::Operation));
    assert_eq!((next.step, next.done), (1, 1));
}

#[test]
fn every_element_is_the_sum_of_its_terms() {
    for (preset, batch) in presets() {
        for device in [DevicePreference::Cpu, DevicePreference::Gpu] {
            let mut microscope = Microscope::new(preset, batch, device);
            let graph = microscope.enter();
            microscope.step(Inspection::Forward(StepUnit::Batch));
            let mut explained = 0;
            for node in &graph.nodes {
                for equation in &node.equations {
                    explained += check_elements(&mut microscope, &graph, &equation.tensor);
                }
            }
            for tensor in graph
                .tensors
                .iter()
                .filter(|t| t.kind == TensorKind::Parameter)
            {
                explained += check_elements(&mut microscope, &graph, &tensor.name);
            }
            assert!(
                explained > graph.nodes.len(),
                "{preset}: {explained} elements"
            );
        }
    }
}

/// Explains a few elements of a tensor; returns how many.
fn check_elements(microscope: &mut Microscope, graph: &GraphFacts, name: &str) -> usize {
    let facts = graph
        .tensors
        .iter()
        .find(|tensor| tensor.name == name)
        .unwrap();
    if facts.kind == TensorKind::State {
        return 0;
    }
    let Some(values) = microscope.tensor(name) else {
        panic!("{name} was not computed");
    };
    let count = values.len();
    let mut checked = 0;
    for offset in [0, count / 3, count / 2 + 1, count.saturating_sub(1)] {
        let offset = offset.min(count - 1);
        let mut rest = offset as u32;
        let mut index = vec![0; facts.shape.len()];
        for (slot, &size) in index.iter_mut().zip(&facts.shape).rev() {
            *slot = rest % size;
            rest /= size;
        }
        let explanation = match microscope.explain(name, &index) {
            Ok(explanation) => explanation,
            // A new shape of another tensor explains itself so.
            Err(message) => {
                assert!(message.contains("in another shape"), "{name}: {message}");
                return 0;
            }
        };
        let scale: f64 = explanation
            .groups
            .iter()
            .flat_map(|group| group.terms.iter().map(|term| term.value.abs()))
            .fold(0.0, f64::max);
        let stored = f64::from(explanation.stored);
        assert_eq!(explanation.stored, values[offset]);
        assert!(
            is_close(stored, explanation.total, scale),
            "{name}{index:?}: {stored} is stored, the terms give {}",
            explanation.total
        );
        // Control: one term less must be noticed, where it is large enough to matter.
        let largest = explanation
            .groups
            .iter()
            .flat_map(|group| group.terms.iter())
            .map(|term| term.value)
            .max_by(|a, b| a.abs().total_cmp(&b.abs()));
        if let Some(largest) = largest.filter(|value| value.abs() > 1e-3) {
            assert!(
                !is_close(stored, explanation.total - largest, scale),
                "{name}{index:?}"
            );
        }
        checked += 1;
    }
    checked
}

#[test]
fn a_convolution_weight_gradient_is_grouped_by_sample() {
    let mut microscope = Microscope::new("lenet5-mnist", Some(3), DevicePreference::Cpu);
    microscope.enter();
    microscope.step(Inspection::Forward(StepUnit::Batch));
    let explanation = microscope
        .explain("conv1.weight.grad", &[2, 0, 1, 3])
        .unwrap();
    let keys: Vec<_> = explanation
        .groups
        .iter()
        .map(|group| group.key.clone().unwrap())
        .collect();
    assert_eq!(keys, [("n".into(), 0), ("n".into(), 1), ("n".into(), 2)]);
    // 28 x 28 positions in each sample, less those whose pixel is padding.
    assert_eq!(explanation.groups[0].term_count, 27 * 28 - 27);
    let sum: f64 = explanation.groups.iter().map(|group| group.subtotal).sum();
    assert!((sum - explanation.total).abs() < 1e-12);
}

#[test]
fn an_update_is_explained_with_the_weights_before_it() {
    let mut microscope = Microscope::new("worked-2-3-1", None, DevicePreference::Cpu);
    microscope.enter();
    assert!(
        microscope
            .explain("fc1.weight", &[0, 0])
            .unwrap_err()
            .contains("not been updated")
    );
    microscope.step(Inspection::Forward(StepUnit::Batch));
    let explanation = microscope.explain("fc1.weight", &[0, 0]).unwrap();
    let names: Vec<&str> = explanation
        .groups
        .iter()
        .flat_map(|group| &group.terms)
        .flat_map(|term| &term.references)
        .map(|reference| reference.tensor.as_str())
        .collect();
    assert_eq!(names, ["fc1.weight", "fc1.weight.grad"]);
    // 0.2 + 0.1 · 0.323799, by hand.
    assert!((explanation.total - 0.232380).abs() < 2e-6);
}

#[test]
fn a_gradient_check_agrees_until_rounding_takes_over() {
    let mut microscope = Microscope::new("lenet5-mnist", Some(2), DevicePreference::Cpu);
    microscope.enter();
    for (name, index) in [
        ("conv1.weight", vec![0, 0, 2, 2]),
        ("conv2.bias", vec![3]),
        ("fc3.weight", vec![4, 10]),
    ] {
        let check = microscope.check(name, &index);
        assert_eq!(check.stored, None);
        let best = check
            .nudges
            .iter()
            .map(|nudge| (nudge.slope - check.analytic).abs())
            .fold(f64::INFINITY, f64::min);
        assert!(
            best <= 1e-9 + 1e-6 * check.analytic.abs(),
            "{name}: {check:?}"
        );
        // In f32 the smallest step is lost in the rounding of the losses.
        let last = check.nudges.last().unwrap();
        let first = &check.nudges[0];
        assert!(first.step_size > last.step_size);
        assert!((last.slope_f32 - check.analytic).abs() > best);
    }
    microscope.step(Inspection::Forward(StepUnit::Batch));
    let check = microscope.check("fc3.weight", &[4, 10]);
    let stored = f64::from(check.stored.unwrap());
    assert!((stored - check.analytic).abs() <= 1e-6 + 1e-4 * check.analytic.abs());
}

#[test]
fn an_edit_changes_what_follows_and_undo_takes_it_back_exactly() {
    let mut microscope = Microscope::new("mlp-mnist", Some(2), DevicePreference::Cpu);
    microscope.enter();
    let before = microscope.step(Inspection::Forward(StepUnit::Batch));
    for (name, index, value) in [
        ("fc2.bias", vec![1], 2.0),
        ("batch.x", vec![0, 0, 14, 14], 30.0),
        ("batch.t", vec![1], 9.0),
    ] {
        let edited = microscope.step(Inspection::Edit {
            name: name.into(),
            index,
            value,
        });
        assert_eq!((edited.done, edited.edits), (before.done, 1));
        assert_ne!(edited.loss, before.loss, "{name}");
        assert_eq!(microscope.step(Inspection::Undo), before, "{name}");
    }
    let refused = |reports: Vec<InspectionReport>| match reports.first() {
        Some(InspectionReport::Refused { reason, .. }) => reason.to_string(),
        other => panic!("expected a refusal, got {other:?}"),
    };
    let edit = |name: &str, index: Vec<u32>, value: f32| Inspection::Edit {
        name: name.into(),
        index,
        value,
    };
    assert!(refused(microscope.ask(edit("fc1.y", vec![0, 0], 1.0))).contains("is computed"));
    assert!(refused(microscope.ask(edit("batch.t", vec![0], 10.0))).contains("class from 0 to 9"));
    assert!(refused(microscope.ask(edit("fc2.bias", vec![10], 1.0))).contains("outside"));
    assert!(refused(microscope.ask(edit("fc2.bias", vec![1], f32::NAN))).contains("finite"));
    assert!(refused(microscope.ask(edit("fc9.bias", vec![1], 1.0))).contains("no tensor"));
    assert!(refused(microscope.ask(Inspection::Goto { done: 1_000 })).contains("past its end"));
}

#[test]
fn an_epoch_is_trained_and_the_microscope_stands_behind_it() {
    let mut microscope = Microscope::new("mlp-mnist", Some(1_000), DevicePreference::Cpu);
    microscope.enter();
    microscope.step(Inspection::Forward(StepUnit::Operation));
    let cursor = microscope.step(Inspection::Forward(StepUnit::Epoch));
    assert_eq!((cursor.step, cursor.epoch, cursor.done), (10, 1, 0));
}
