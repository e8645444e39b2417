//! The microscope's details: strokes, updates, times, hidden terms.

use glassbox::data::{self, DataSource};
use glassbox::exec::gpu::GpuDevice;
use glassbox::optim::OptimizerKind;
use glassbox::session::{
    Clock, Command, CursorFacts, DevicePreference, Event, ExplanationFacts, GraphFacts, Inspection,
    InspectionReport, RunConfig, Session, StepUnit, TimeFacts, UpdateFacts, UpdatePart,
};
use std::cell::RefCell;
use std::rc::Rc;

const RUN: u32 = 1;

struct Microscope {
    session: Session,
    events: Rc<RefCell<Vec<Event>>>,
    graph: GraphFacts,
}

impl Microscope {
    fn on(config: RunConfig) -> Self {
        let events = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&events);
        let mut session = Session::new("test", move |event| sink.borrow_mut().push(event));
        let folder = format!("{}/assets/data", env!("CARGO_MANIFEST_DIR"));
        let mnist = data::load("mnist", &[folder.into()]).unwrap();
        session.provide_dataset(DataSource::Mnist, mnist);
        let graph = GraphFacts {
            nodes: Vec::new(),
            tensors: Vec::new(),
        };
        let mut microscope = Self {
            session,
            events,
            graph,
        };
        microscope.command(Command::Start { run: RUN, config });
        match microscope.ask(Inspection::Enter).into_iter().next() {
            Some(InspectionReport::Graph(graph)) => microscope.graph = graph,
            other => panic!("expected a graph, got {other:?}"),
        }
        microscope
    }

    fn lenet(device: DevicePreference) -> Self {
        Self::on(RunConfig {
            preset: "lenet5-mnist".into(),
            device,
            seed: 3,
            batch: Some(3),
            optimizer: Some(OptimizerKind::Adam),
            ..RunConfig::default()
        })
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

    fn step(&mut self, inspection: Inspection) -> CursorFacts {
        match self.ask(inspection).pop() {
            Some(InspectionReport::Cursor(cursor)) => cursor,
            other => panic!("expected a cursor, got {other:?}"),
        }
    }

    fn refused(&mut self, inspection: Inspection) -> String {
        match self.ask(inspection).into_iter().next() {
            Some(InspectionReport::Refused { reason, .. }) => reason.to_string(),
            other => panic!("expected a refusal, got {other:?}"),
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

    fn explain(&mut self, name: &str, index: &[u32]) -> ExplanationFacts {
        let request = Inspection::Explain {
            request: 8,
            name: name.into(),
            index: index.into(),
        };
        match self.ask(request).pop() {
            Some(InspectionReport::Explained { explanation, .. }) => explanation,
            other => panic!("expected an explanation, got {other:?}"),
        }
    }

    fn update(&mut self, name: &str, first: u64, count: u64) -> UpdateFacts {
        let request = Inspection::Update {
            request: 9,
            name: name.into(),
            first,
            count,
        };
        match self.ask(request).pop() {
            Some(InspectionReport::Updated { request: 9, update }) => update,
            other => panic!("expected an update, got {other:?}"),
        }
    }

    fn time(&mut self, node: u32) -> TimeFacts {
        match self.ask(Inspection::Time { request: 5, node }).pop() {
            Some(InspectionReport::Timed { request: 5, time }) => time,
            other => panic!("expected a time, got {other:?}"),
        }
    }

    fn node(&self, operation: &str) -> u32 {
        let mut nodes = self.graph.nodes.iter();
        let found = nodes.position(|node| node.operation == operation);
        found.unwrap_or_else(|| panic!("no {operation}")) as u32
    }
}

fn stroke(name: &str, elements: &[(u64, f32)]) -> Inspection {
    Inspection::EditMany {
        name: name.into(),
        elements: elements.to_vec(),
    }
}

#[test]
fn a_stroke_is_one_edit_that_one_undo_takes_back() {
    let mut microscope = Microscope::lenet(DevicePreference::Cpu);
    let before = microscope.step(Inspection::Forward(StepUnit::Batch));
    let image = microscope.tensor("batch.x");
    let white: Vec<(u64, f32)> = (300..340).map(|at| (at, 2.8)).collect();
    let painted = microscope.step(stroke("batch.x", &white));
    assert_eq!((painted.done, painted.edits), (before.done, 1));
    assert_ne!(painted.loss, before.loss);
    let after = microscope.tensor("batch.x");
    for (at, (now, then)) in after.iter().zip(&image).enumerate() {
        let expected = if (300..340).contains(&at) { 2.8 } else { *then };
        assert_eq!(*now, expected, "element {at}");
    }
    // Another label on top, then both edits are taken back one by one.
    let label = microscope.tensor("batch.t")[0];
    let other = if label == 9.0 { 0.0 } else { 9.0 };
    let relabelled = microscope.step(stroke("batch.t", &[(0, other)]));
    assert_eq!(relabelled.edits, 2);
    assert_ne!(relabelled.loss, painted.loss);
    assert_eq!(microscope.step(Inspection::Undo), painted);
    assert_eq!(microscope.step(Inspection::Undo), before);
    assert_eq!(microscope.tensor("batch.x"), image);
    microscope.step(stroke("batch.x", &white));
    microscope.step(stroke("fc3.bias", &[(0, 1.0), (9, -1.0)]));
    assert_eq!(microscope.step(Inspection::UndoAll), before);
}

#[test]
fn strokes_that_cannot_be_made_say_why() {
    let mut microscope = Microscope::lenet(DevicePreference::Cpu);
    let mut refused = |name: &str, elements: &[(u64, f32)]| {
        let message = microscope.refused(stroke(name, elements));
        let cursor = microscope.step(Inspection::Goto { done: 0 });
        assert_eq!(cursor.edits, 0, "{message}");
        message
    };
    assert!(refused("conv1.y", &[(0, 1.0)]).contains("is computed"));
    assert!(refused("batch.x", &[]).contains("got none"));
    assert!(refused("batch.x", &[(0, 1.0), (2_352, 1.0)]).contains("past its end"));
    assert!(refused("batch.x", &[(0, 1.0), (1, f32::INFINITY)]).contains("finite"));
    assert!(refused("batch.t", &[(1, 10.0)]).contains("class from 0 to 9"));
    assert!(refused("nothing", &[(1, 10.0)]).contains("no tensor"));
}

#[test]
fn a_gradient_check_before_the_batch_is_gathered_counts_its_edits() {
    let mut microscope = Microscope::lenet(DevicePreference::Cpu);
    let check = |microscope: &mut Microscope| {
        let request = Inspection::CheckGradient {
            request: 4,
            name: "fc3.bias".into(),
            index: vec![2],
        };
        match microscope.ask(request).pop() {
            Some(InspectionReport::GradientChecked { check, .. }) => check.analytic,
            other => panic!("expected a check, got {other:?}"),
        }
    };
    let before = check(&mut microscope);
    let white: Vec<(u64, f32)> = (0..784).map(|at| (at, 2.0)).collect();
    microscope.step(stroke("batch.x", &white));
    let at_start = check(&mut microscope);
    assert_ne!(at_start, before);
    microscope.step(Inspection::Forward(StepUnit::Batch));
    assert!((check(&mut microscope) - at_start).abs() < 1e-12);
}

#[test]
fn an_update_shows_what_it_read_and_what_it_wrote() {
    for device in [DevicePreference::Cpu, DevicePreference::Gpu] {
        let mut microscope = Microscope::lenet(device);
        // The second batch: its states are not 0.
        microscope.step(Inspection::Forward(StepUnit::Batch));
        let learned = microscope.tensor("conv2.weight");
        microscope.step(Inspection::Forward(StepUnit::Operation));
        let row = |facts: &UpdateFacts, symbol: &str| {
            let mut rows = facts.rows.iter();
            let row = rows.find(|row| row.symbol == symbol);
            row.unwrap_or_else(|| panic!("no {symbol}")).values.clone()
        };
        let start = microscope.update("conv2.weight", 0, 5_000);
        assert!(!start.has_run);
        assert_eq!(row(&start, "w").as_ref(), Some(&learned));
        assert!(row(&start, "m").is_some());
        for symbol in ["g", "m′", "v′", "Δw", "w′"] {
            assert_eq!(row(&start, symbol), None, "{symbol} is not computed yet");
        }
        microscope.step(Inspection::Forward(StepUnit::Batch));
        let end = microscope.update("conv2.weight", 0, 5_000);
        assert!(end.has_run);
        for symbol in ["w", "m", "v"] {
            assert_eq!(row(&end, symbol), row(&start, symbol), "{symbol}");
        }
        assert_eq!(row(&end, "g"), Some(microscope.tensor("conv2.weight.grad")));
        let after = microscope.tensor("conv2.weight");
        assert_eq!(row(&end, "w′").as_ref(), Some(&after));
        let change = row(&end, "Δw").unwrap();
        for ((change, after), before) in change.iter().zip(&after).zip(&learned) {
            assert_eq!(*change, after - before);
        }
        assert!(change.iter().any(|change| *change != 0.0));
        assert_ne!(row(&end, "m′"), row(&end, "m"));
        let scalar = |name: &str| {
            let mut scalars = end.scalars.iter();
            scalars
                .find(|(known, _)| known == name)
                .map(|(_, value)| *value)
        };
        assert_eq!(scalar("t"), Some(2.0));
        assert!(scalar("η").is_some_and(|rate| rate > 0.0));
        // A part of it, with figures of the whole.
        let part = microscope.update("conv2.weight", 100, 7);
        assert_eq!(row(&part, "w′").unwrap(), after[100..107]);
        let figures = |facts: &UpdateFacts| {
            let after = facts.rows.iter().find(|row| row.part == UpdatePart::After);
            after.unwrap().statistics
        };
        assert_eq!(figures(&part), figures(&end));
    }
    let mut microscope = Microscope::lenet(DevicePreference::Cpu);
    for (name, reason) in [
        ("conv1.y", "is not updated"),
        ("nothing", "no tensor"),
        ("conv1.weight.grad", "is not updated"),
    ] {
        let message = microscope.refused(Inspection::Update {
            request: 1,
            name: name.into(),
            first: 0,
            count: 1,
        });
        assert!(message.contains(reason), "{message}");
    }
    let message = microscope.refused(Inspection::Update {
        request: 1,
        name: "conv1.bias".into(),
        first: 6,
        count: 1,
    });
    assert!(message.contains("past its end"), "{message}");
}

#[test]
fn a_node_s_time_is_measured_when_it_runs() {
    let mut microscope = Microscope::lenet(DevicePreference::Cpu);
    let conv = microscope.node("conv2d");
    let waiting = TimeFacts {
        node: conv,
        clock: Clock::Twin,
        micros: None,
    };
    assert_eq!(microscope.time(conv), waiting);
    microscope.step(Inspection::Forward(StepUnit::Batch));
    assert!(
        microscope
            .time(conv)
            .micros
            .is_some_and(|micros| micros > 0.0)
    );
    let message = microscope.refused(Inspection::Time {
        request: 1,
        node: 10_000,
    });
    assert!(message.contains("past its end"), "{message}");
    // Of another batch nothing has been measured.
    microscope.step(Inspection::Back(StepUnit::Batch));
    assert_eq!(microscope.time(conv), waiting);
}

#[test]
fn a_gpu_with_timestamps_measures_its_kernels() {
    let gpu = pollster::block_on(GpuDevice::request()).unwrap();
    let mut microscope = Microscope::lenet(DevicePreference::Gpu);
    let conv = microscope.node("conv2d");
    microscope.step(Inspection::Forward(StepUnit::Batch));
    let time = microscope.time(conv);
    if !gpu.has_timestamps() {
        assert_eq!((time.clock, time.micros), (Clock::None, None));
        return;
    }
    assert_eq!(time.clock, Clock::Timestamps);
    // Millions of multiply-adds take more than a nanosecond and less than a minute.
    let micros = time.micros.expect("a time");
    assert!(micros > 1e-3 && micros < 6e7, "{micros} µs");
    // Other nodes have times of their own.
    let others: Vec<f64> = (0..microscope.graph.nodes.len() as u32)
        .filter_map(|node| microscope.time(node).micros)
        .collect();
    assert_eq!(others.len(), microscope.graph.nodes.len());
    assert!(others.iter().any(|other| *other != micros));
}

#[test]
fn bytes_are_those_of_every_tensor_once() {
    let microscope = Microscope::lenet(DevicePreference::Cpu);
    let node = |operation: &str| &microscope.graph.nodes[microscope.node(operation) as usize];
    // fc1: x (3, 400), w (120, 400), b (120), y (3, 120), 4 bytes each.
    let expected = 4 * (3 * 400 + 120 * 400 + 120 + 3 * 120);
    assert_eq!(node("linear").bytes, expected);
    assert_eq!(node("flatten").bytes, 0);
    assert!(node("adam_update").bytes > 7 * 4 * 61_706);
}

#[test]
fn labels_and_conditions_are_among_what_an_element_refers_to() {
    let mut microscope = Microscope::lenet(DevicePreference::Cpu);
    microscope.step(Inspection::Forward(StepUnit::Batch));
    let label = microscope.tensor("batch.t")[1] as u32;
    let loss = microscope.explain("loss.loss_of_row", &[1]);
    let terms = || loss.groups.iter().flat_map(|group| &group.terms);
    let refers = |tensor: &str| {
        let mut references = terms().flat_map(|term| &term.references);
        references.any(|reference| reference.tensor == tensor)
    };
    assert!(refers("batch.t") && refers("fc3.y"), "{loss:?}");
    assert_eq!(
        loss.term_count, 3,
        "ln Σ exp, the largest, the label's logit"
    );
    // The mean is a sum of its samples' shares.
    let mean = microscope.explain("loss.L", &[]);
    assert_eq!((mean.term_count, mean.groups.len()), (3, 3));
    // The gradient of the label's logit has the label's 1; others have it held back.
    let right = microscope.explain("fc3.y.grad", &[1, label]);
    assert_eq!((right.term_count, right.hidden.len()), (2, 0));
    let wrong = microscope.explain("fc3.y.grad", &[1, (label + 1) % 10]);
    assert_eq!((wrong.term_count, wrong.hidden.len()), (1, 1));
    let decides = &wrong.hidden[0].references;
    assert!(decides.iter().any(|r| r.tensor == "batch.t"), "{decides:?}");
    // ReLU: what passes nothing shows the output that decided.
    let passed = microscope.tensor("relu1.y");
    let closed = passed.iter().position(|value| *value == 0.0).unwrap() as u32;
    let index = [
        closed / 4_704,
        closed / 784 % 6,
        closed / 28 % 28,
        closed % 28,
    ];
    let hidden = microscope.explain("conv1.y.grad", &index);
    assert_eq!((hidden.term_count, hidden.stored), (0, 0.0));
    let tensors: Vec<&str> = hidden.hidden[0]
        .references
        .iter()
        .map(|reference| reference.tensor.as_str())
        .collect();
    assert_eq!(tensors, ["relu1.y.grad", "relu1.y"]);
}
