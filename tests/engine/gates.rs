//! What a gate is made of: the sum inside its sigmoid or tanh, term by term, against what the buffers hold.

use glassbox::layers::ModelSpec;
use glassbox::session::{
    Command, DevicePreference, Event, ExplanationFacts, GraphFacts, Inspection, InspectionReport,
    RunConfig, Session,
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
    /// At the end of the first batch of two samples, before its update.
    fn on(preset: &str, device: DevicePreference) -> Self {
        Self::of(preset, None, device)
    }

    /// The same with another model.
    fn of(preset: &str, spec: Option<ModelSpec>, device: DevicePreference) -> Self {
        let events = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&events);
        let mut session = Session::new("test", move |event| sink.borrow_mut().push(event));
        if let Some(spec) = spec {
            session.provide_model(spec);
        }
        let graph = GraphFacts {
            nodes: Vec::new(),
            tensors: Vec::new(),
        };
        let mut microscope = Self {
            session,
            events,
            graph,
        };
        microscope.command(Command::Start {
            run: RUN,
            config: RunConfig {
                preset: preset.into(),
                device,
                seed: 3,
                batch: Some(2),
                ..RunConfig::default()
            },
        });
        match microscope.ask(Inspection::Enter).into_iter().next() {
            Some(InspectionReport::Graph(graph)) => microscope.graph = graph,
            other => panic!("expected a graph, got {other:?}"),
        }
        // The update is the last.
        let done = microscope.graph.nodes.len() as u32 - 1;
        microscope.ask(Inspection::Goto { done });
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

    /// The tensor that a node of this operation writes as this output.
    fn output(&self, operation: &str, symbol: &str) -> String {
        let mut nodes = self.graph.nodes.iter();
        let node = nodes.find(|node| node.operation == operation);
        let outputs = &node.expect("a node of this operation").outputs;
        let found = outputs.iter().find(|(known, _)| known == symbol);
        found.expect("such an output").1.clone()
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
}

/// f32 sums of some twenty products of numbers up to 1, through a function of slope 1 at most.
fn is_close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 2e-6
}

/// Checks the terms of z = w_ih x + b_ih + w_hh h + b_hh inside an element; `hidden` units, one feature.
fn check(microscope: &mut Microscope, name: &str, index: [u32; 3], function: &str, hidden: usize) {
    let facts = microscope.explain(name, &index);
    assert_eq!(facts.term_count, 1, "{name}{index:?}");
    let inside = facts
        .inside
        .unwrap_or_else(|| panic!("{name}{index:?} is a function of a sum"));
    assert_eq!(inside.function, function);
    let apply = |z: f64| match function {
        "σ" => 1.0 / (1.0 + (-z).exp()),
        _ => z.tanh(),
    };
    assert!(
        is_close(apply(inside.total), facts.stored.into()),
        "{name}{index:?}: {inside:?}"
    );
    // Control: without its largest term the sum gives another number.
    let terms: Vec<_> = inside
        .groups
        .iter()
        .flat_map(|group| &group.terms)
        .collect();
    let largest = terms
        .iter()
        .map(|term| term.value)
        .fold(0.0, |most: f64, value| {
            if value.abs() > most.abs() {
                value
            } else {
                most
            }
        });
    assert!(!is_close(
        apply(inside.total - largest),
        facts.stored.into()
    ));
    assert_eq!(
        terms.len(),
        hidden + 3,
        "one feature, two biases, {hidden} units"
    );
    assert_eq!(inside.term_count as usize, terms.len());
    let total: f64 = terms.iter().map(|term| term.value).sum();
    assert!((total - inside.total).abs() < 1e-12);
    // Every element is the one that the buffer of that name holds, and every term their product.
    let layer = name.split('.').next().unwrap();
    for parameter in ["weight_ih_l0", "bias_ih_l0", "weight_hh_l0", "bias_hh_l0"] {
        let parameter = format!("{layer}.{parameter}");
        let of_parameter = terms.iter().filter(|term| {
            term.references
                .iter()
                .any(|reference| reference.tensor == parameter)
        });
        let expected = if parameter.ends_with("weight_hh_l0") {
            hidden
        } else {
            1
        };
        assert_eq!(of_parameter.count(), expected, "{parameter}");
    }
    for term in &terms {
        let product: f64 = term
            .references
            .iter()
            .map(|reference| reference.value)
            .product();
        assert!((product - term.value).abs() < 1e-12, "{term:?}");
    }
}

#[test]
fn the_sum_inside_a_gate_is_written_out_to_single_products() {
    for device in [DevicePreference::Cpu, DevicePreference::Gpu] {
        let mut microscope = Microscope::on("lstm-trend", device);
        // i, f, g and o of a unit; the first step, whose state before is the initial one, and a later one.
        for t in [0, 7] {
            for (gate, function) in [(0, "σ"), (1, "σ"), (2, "tanh"), (3, "σ")] {
                let index = [1, t, gate * 16 + 5];
                check(&mut microscope, "lstm.l0.gates", index, function, 16);
            }
        }
        // What the terms read is what the buffers hold.
        let facts = microscope.explain("lstm.l0.gates", &[1, 7, 5]);
        let h = microscope.tensor("lstm.l0.h");
        let inside = facts.inside.expect("a gate");
        let mut read = 0;
        let references = inside.groups.iter().flat_map(|group| &group.terms);
        for reference in references.flat_map(|term| &term.references) {
            if reference.tensor == "lstm.l0.h" {
                let &[n, t, k] = &reference.index[..] else {
                    panic!("{reference:?}")
                };
                assert_eq!((n, t), (1, 6), "the step before");
                let stored = h[((n * 20 + t) * 16 + k) as usize];
                assert_eq!(f64::from(stored), reference.value);
                read += 1;
            }
        }
        assert_eq!(read, 16);
    }
}

#[test]
fn the_sum_inside_a_plain_recurrent_unit_is_written_out_too() {
    for device in [DevicePreference::Cpu, DevicePreference::Gpu] {
        let mut microscope = Microscope::on("rnn-sine", device);
        for index in [[0, 0, 3], [1, 19, 9]] {
            check(&mut microscope, "rnn.l0.h", index, "tanh", 10);
        }
        // A sum is no function of one.
        let y = microscope.output("linear", "y");
        assert_eq!(microscope.explain(&y, &[0, 0]).inside, None);
    }
}

/// A GRU's gates: reset and update are functions of a sum of products, the candidate's sum holds the reset gate times the
/// recurrent sum, which is kept as a fourth block and is no function of anything.
#[test]
fn the_sums_inside_the_gates_of_a_gru_are_what_its_buffers_hold() {
    const HIDDEN: u32 = 6;
    let json = format!(
        r#"{{"layers": [
            {{"name": "steps", "kind": "reshape", "shape": [20, 1]}},
            {{"name": "gru", "kind": "gru", "hidden_size": {HIDDEN}, "returns": "last"}},
            {{"name": "fc", "kind": "linear", "out_features": 1}}
        ], "loss": {{"mean_squared_error": {{}}}}}}"#
    );
    for device in [DevicePreference::Cpu, DevicePreference::Gpu] {
        let spec = ModelSpec::from_json(&json).expect("a layer list");
        let mut microscope = Microscope::of("lstm-trend", Some(spec), device);
        let gates = microscope.tensor("gru.l0.gates");
        let h = microscope.tensor("gru.l0.h");
        let stored = |n: u32, t: u32, block: u32, unit: u32| {
            f64::from(gates[(((n * 20 + t) * 4 + block) * HIDDEN + unit) as usize])
        };
        for (n, t, unit) in [(0, 0, 3), (1, 11, 5)] {
            let index = |block: u32| [n, t, block * HIDDEN + unit];
            for block in [0, 1] {
                check(
                    &mut microscope,
                    "gru.l0.gates",
                    index(block),
                    "σ",
                    HIDDEN as usize,
                );
            }
            let facts = microscope.explain("gru.l0.gates", &index(2));
            assert_eq!(f64::from(facts.stored), stored(n, t, 2, unit));
            let inside = facts.inside.expect("the candidate is a function of a sum");
            assert_eq!((inside.function.as_str(), inside.term_count), ("tanh", 3));
            assert!(is_close(inside.total.tanh(), facts.stored.into()));
            let terms = inside.groups.iter().flat_map(|group| &group.terms);
            let of_gates = |term: &&glassbox::session::TermFacts| {
                let mut references = term.references.iter();
                references.all(|reference| reference.tensor == "gru.l0.gates")
            };
            let reset = terms.clone().find(of_gates).expect("r · s");
            let kept = [0, 3].map(|block| stored(n, t, block, unit));
            let read: Vec<f64> = reset.references.iter().map(|r| r.value).collect();
            assert_eq!(read, kept);
            assert!((reset.value - kept[0] * kept[1]).abs() < 1e-12);
            // Control: the reset gate matters.
            assert!(!is_close(
                (inside.total - reset.value).tanh(),
                facts.stored.into()
            ));
            let sum = microscope.explain("gru.l0.gates", &index(3));
            assert_eq!((sum.inside, sum.term_count), (None, HIDDEN + 1));
            assert!(is_close(sum.total, kept[1]));
            if t == 0 {
                continue;
            }
            let before = sum.groups.iter().flat_map(|group| &group.terms);
            let mut units = 0;
            for reference in before.flat_map(|term| &term.references) {
                if reference.tensor == "gru.l0.h" {
                    let at = ((n * 20 + t - 1) * HIDDEN + reference.index[2]) as usize;
                    assert_eq!(reference.value, f64::from(h[at]));
                    units += 1;
                }
            }
            assert_eq!(units, HIDDEN);
        }
    }
}

/// The gradients of gates: products of the gradient of the cell or the state with slopes, and the sum that brings the
/// state's gradient from the step after.
#[test]
fn the_gradients_of_gates_add_up_to_what_is_stored() {
    for device in [DevicePreference::Cpu, DevicePreference::Gpu] {
        let mut microscope = Microscope::on("lstm-trend", device);
        for (name, index, least) in [
            ("da", [1, 7, 5], 1),
            ("da", [1, 7, 16 + 5], 1),
            ("da", [1, 19, 32 + 5], 1),
            ("da", [0, 0, 48 + 5], 1),
            ("dh", [1, 7, 5], 64),
            ("dc", [1, 7, 5], 2),
        ] {
            let name = microscope.output("lstm_backward", name);
            let facts = microscope.explain(&name, &index);
            let terms: Vec<_> = facts.groups.iter().flat_map(|group| &group.terms).collect();
            assert!(
                terms.len() >= least,
                "{name}{index:?} has {} terms",
                terms.len()
            );
            let (stored, total) = (f64::from(facts.stored), facts.total);
            let size: f64 = terms.iter().map(|term| term.value.abs()).sum();
            assert!(
                (stored - total).abs() <= 1e-6 * size + 1e-12,
                "{name}{index:?}: {stored} {total}"
            );
            assert!(size > 0.0, "{name}{index:?}");
        }
    }
}
