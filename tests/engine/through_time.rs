//! Gradients through time as the microscope tells of them: norms, what a prediction depends on, single paths.

use glassbox::data::TextSet;
use glassbox::layers::{
    Embedding, Gru, Kind, Layer, Linear, Loss, Lstm, ModelSpec, Reshape, Rnn, SelfAttention,
};
use glassbox::models::TEXT_WINDOW;
use glassbox::ops::{MeanSquaredError, SequenceCrossEntropy};
use glassbox::optim::Options;
use glassbox::session::{
    Command, DevicePreference, ElementName, Event, GraphFacts, InfluenceFacts, InfluenceOf,
    Inspection, InspectionReport, NormFacts, RunConfig, SequenceAnswer, SequenceQuestion, Session,
    StepUnit, TimePathFacts, TimeWay,
};
use glassbox::tensor::init::InitializerKind;
use glassbox::view::microscope::unrolled::{Course, ends_of};
use std::cell::RefCell;
use std::rc::Rc;

const RUN: u32 = 1;
const STEPS: usize = 20;

/// f32 buffers against sums in f64.
const ROUNDED: f64 = 1e-4;

struct Microscope {
    session: Session,
    events: Rc<RefCell<Vec<Event>>>,
    graph: GraphFacts,
}

impl Microscope {
    /// `rnn-sine` on the CPU in batches of 3, with another model where one is given; the first batch not begun.
    fn new(spec: Option<ModelSpec>, clip: Option<f32>) -> Self {
        Self::on("rnn-sine", None, spec, clip)
    }

    /// The same on another preset, and a text of one's own where one is given.
    fn on(preset: &str, text: Option<TextSet>, spec: Option<ModelSpec>, clip: Option<f32>) -> Self {
        let mut config = RunConfig {
            preset: preset.into(),
            device: DevicePreference::Cpu,
            seed: 3,
            batch: Some(3),
            ..RunConfig::default()
        };
        config.options.clip = clip;
        Self::of(config, text, spec)
    }

    /// A run's first batch, not begun.
    fn of(config: RunConfig, text: Option<TextSet>, spec: Option<ModelSpec>) -> Self {
        let events = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&events);
        let mut session = Session::new("test", move |event| sink.borrow_mut().push(event));
        if let Some(spec) = spec {
            session.provide_model(spec);
        }
        if let Some(text) = text {
            session.provide_text(text);
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
        microscope.command(Command::Start { run: RUN, config });
        match microscope.ask(Inspection::Enter).into_iter().next() {
            Some(InspectionReport::Graph(graph)) => microscope.graph = graph,
            other => panic!("expected a graph, got {other:?}"),
        }
        microscope
    }

    /// The same, with the first batch run to its end.
    fn stepped(spec: Option<ModelSpec>) -> Self {
        let mut microscope = Self::new(spec, None);
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

    fn sequence(&mut self, question: SequenceQuestion) -> Result<SequenceAnswer, String> {
        let request = 4;
        match self.ask(Inspection::Sequence { request, question }).pop() {
            Some(InspectionReport::Sequence { request: 4, answer }) => Ok(answer),
            Some(InspectionReport::Refused { reason, .. }) => Err(reason.to_string()),
            other => panic!("expected an answer, got {other:?}"),
        }
    }

    fn norms(&mut self, node: u32) -> NormFacts {
        match self.sequence(SequenceQuestion::Norms { node }) {
            Ok(SequenceAnswer::Norms(facts)) => facts,
            other => panic!("expected norms, got {other:?}"),
        }
    }

    fn influence(&mut self, sample: u32, of: InfluenceOf) -> InfluenceFacts {
        self.influence_at(sample, None, of)
    }

    fn influence_at(
        &mut self,
        sample: u32,
        position: Option<u32>,
        of: InfluenceOf,
    ) -> InfluenceFacts {
        let question = SequenceQuestion::Influence {
            sample,
            position,
            of,
        };
        match self.sequence(question) {
            Ok(SequenceAnswer::Influence(facts)) => facts,
            other => panic!("expected what the prediction depends on, got {other:?}"),
        }
    }

    fn path(
        &mut self,
        [sample, to, from, unit]: [u32; 4],
        way: TimeWay,
    ) -> Result<TimePathFacts, String> {
        let question = SequenceQuestion::Path {
            node: self.node("rnn.l0"),
            sample,
            to,
            from,
            unit,
            way,
        };
        match self.sequence(question)? {
            SequenceAnswer::Path(facts) => Ok(facts),
            other => panic!("expected a path, got {other:?}"),
        }
    }

    fn node(&self, name: &str) -> u32 {
        let mut nodes = self.graph.nodes.iter();
        let at = nodes.position(|node| node.name == name);
        at.unwrap_or_else(|| panic!("no node is called {name}")) as u32
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

    /// The derivative of one element by another, over all paths, by the chain rule of the whole graph.
    fn total(&mut self, from: (&str, &[u32]), to: (&str, Vec<u32>)) -> f64 {
        let element = |tensor: &str, index: &[u32]| ElementName {
            tensor: tensor.into(),
            index: index.to_vec(),
        };
        let request = Inspection::FollowPath {
            request: 5,
            from: element(from.0, from.1),
            to: element(to.0, &to.1),
            via: Vec::new(),
        };
        match self.ask(request).pop() {
            Some(InspectionReport::PathFollowed { path, .. }) => path.total,
            other => panic!("expected a path, got {other:?}"),
        }
    }
}

/// A small network on the windows of the sine.
fn small(recurrent: impl Into<Kind>) -> ModelSpec {
    let shape = vec![STEPS as i64, 1];
    ModelSpec {
        layers: vec![
            Layer::new("sequence", Reshape { shape }),
            Layer::new("rnn", recurrent),
            Layer::new("fc", Linear { out_features: 1 }),
        ],
        loss: Loss::MeanSquaredError(MeanSquaredError::default()),
    }
}

fn is_close(actual: f64, expected: f64, scale: f64) -> bool {
    (actual - expected).abs() <= ROUNDED * expected.abs().max(scale)
}

fn norm(values: &[f32]) -> f64 {
    let squares = values.iter().map(|&value| f64::from(value).powi(2));
    squares.sum::<f64>().sqrt()
}

#[test]
fn norms_are_those_of_the_gradients_that_reach_each_step() {
    let mut microscope = Microscope::new(None, Some(0.01));
    let node = microscope.node("rnn.l0");
    let before = microscope.norms(node);
    assert_eq!(before.rows, [("rnn.l0.backward.dh".to_string(), None)]);
    let clip = before.clip.unwrap();
    assert_eq!((clip.before, clip.after), (None, None));
    microscope.ask(Inspection::Forward(StepUnit::Batch));
    let facts = microscope.norms(node);
    assert!(!facts.is_reversed && facts.truncate.is_none());
    let dh = microscope.tensor("rnn.l0.backward.dh");
    let told = facts.rows[0].1.as_ref().unwrap();
    assert_eq!(told.len(), STEPS);
    for (t, &told) in told.iter().enumerate() {
        let of_step = dh.chunks_exact(10).skip(t).step_by(STEPS);
        let expected = norm(&of_step.flatten().copied().collect::<Vec<_>>());
        assert!(
            expected > 0.0 && is_close(told, expected, 0.0),
            "step {t}: {told}"
        );
    }
    let clip = facts.clip.unwrap();
    let (before, after) = (clip.before.unwrap(), clip.after.unwrap());
    assert!(before > 0.01, "the batch was to be clipped: {before}");
    assert!(is_close(after, 0.01, 0.0), "{after}");
    assert!(
        microscope
            .sequence(SequenceQuestion::Norms { node: node + 1 })
            .is_err()
    );
}

/// What `/step/rnn-relu?init=constant&init-value=0.14` shows of the first batch. Where all units are active each of the
/// ten hands its gradient on to ten, times 0.14: over 19 steps back that makes 1.4^19 = 598.
#[test]
fn with_equal_weights_the_gradient_of_a_relu_network_explodes_and_is_clipped() {
    let norms = |options: Options| {
        let config = RunConfig {
            preset: "rnn-relu".into(),
            device: DevicePreference::Cpu,
            seed: 1,
            options,
            ..RunConfig::default()
        };
        let mut microscope = Microscope::of(config, None, None);
        let node = microscope.node("rnn.l0");
        microscope.ask(Inspection::Forward(StepUnit::Batch));
        microscope.norms(node)
    };
    let facts = norms(Options {
        init: Some(InitializerKind::Constant),
        init_value: Some(0.14),
        ..Options::NONE
    });
    let ends = ends_of(&facts).unwrap();
    assert_eq!(ends.course, Course::Explodes);
    assert!(
        ends.ratio > 100.0 && ends.ratio < 1.4_f64.powi(19) * (1.0 + ROUNDED),
        "{ends:?}"
    );
    let clip = facts.clip.unwrap();
    let (before, after) = (clip.before.unwrap(), clip.after.unwrap());
    assert!(before > 1.0, "{before}");
    assert!(is_close(after, 1.0, 0.0), "{after}");
    // Control: PyTorch's weights of the same network let nothing explode.
    let ends = ends_of(&norms(Options::NONE)).unwrap();
    assert!(ends.ratio < 1.0, "{ends:?}");
}

#[test]
fn what_a_prediction_depends_on_is_the_derivative_over_all_paths() {
    let models = [
        None,
        Some(small(Lstm::new(3).returning_last())),
        Some(small(Gru::new(3).returning_last())),
        Some(small(Rnn {
            reverse: true,
            ..Rnn::new(3).returning_last()
        })),
    ];
    for spec in models {
        let mut microscope = Microscope::stepped(spec);
        let facts = microscope.influence(2, InfluenceOf::Prediction);
        assert_eq!((facts.positions, facts.features), (1, 1));
        let output = f64::from(microscope.tensor("fc.y")[2]);
        assert!(is_close(facts.value, output, 1e-3));
        for t in [0, 7, STEPS - 1] {
            let by = [2, t as u32];
            let expected = microscope.total(("batch.x", &by), ("fc.y", vec![2, 0]));
            let told = f64::from(facts.gradient[t]);
            assert!(
                is_close(told, expected, 1e-9),
                "step {t}: {told} {expected}"
            );
            assert!(is_close(facts.norms[t], expected.abs(), 1e-9));
        }
        // The batch's loss is the mean over three samples.
        let of_loss = microscope.influence(2, InfluenceOf::Loss);
        let expected = 3.0 * microscope.total(("batch.x", &[2, 5]), ("loss.L", Vec::new()));
        let told = f64::from(of_loss.gradient[5]);
        assert!(is_close(told, expected, 1e-9), "{told} {expected}");
    }
}

#[test]
fn the_factors_of_a_path_are_what_the_cell_makes_them() {
    let mut microscope = Microscope::stepped(None);
    let h = microscope.tensor("rnn.l0.h");
    let path = microscope.path([1, 19, 4, 6], TimeWay::Unit).unwrap();
    // The weights as they were before the update.
    let total = microscope.graph.nodes.len() as u32;
    microscope.ask(Inspection::Goto { done: total - 1 });
    let w = microscope.tensor("rnn.weight_hh_l0");
    assert_eq!(path.stops.len(), 16);
    let mut product = 1.0;
    for (stop, t) in path.stops.iter().zip((4..STEPS).rev()) {
        assert_eq!(stop.element.index, [1, t as u32, 6]);
        if t + 1 < STEPS {
            let y = f64::from(h[(STEPS + t + 1) * 10 + 6]);
            let factor = f64::from(w[66]) * (1.0 - y * y);
            assert!(
                is_close(stop.factor, factor, 1e-6),
                "{} {factor}",
                stop.factor
            );
            product *= stop.factor;
        }
        assert!(is_close(stop.product, product, 1e-12));
    }
    let strongest = microscope.path([1, 19, 4, 6], TimeWay::Strongest).unwrap();
    assert!(strongest.stops[1].factor.abs() >= path.stops[1].factor.abs());
    assert!(microscope.path([1, 4, 19, 6], TimeWay::Unit).is_err());
    assert!(microscope.path([1, 19, 4, 10], TimeWay::Unit).is_err());
    assert!(microscope.path([3, 19, 4, 6], TimeWay::Unit).is_err());
    assert!(microscope.path([1, 20, 4, 6], TimeWay::Unit).is_err());
    assert!(microscope.path([1, 19, 4, 6], TimeWay::Cell).is_err());
}

#[test]
fn along_the_cell_of_an_lstm_the_factors_are_its_forget_gates() {
    let mut microscope = Microscope::stepped(Some(small(Lstm::new(3).returning_last())));
    let gates = microscope.tensor("rnn.l0.gates");
    let c = microscope.tensor("rnn.l0.c");
    let path = microscope.path([1, 19, 0, 2], TimeWay::Cell).unwrap();
    assert_eq!(path.stops.len(), STEPS + 1);
    assert_eq!(path.stops[1].element.tensor, "rnn.l0.c");
    let of = |t: usize, gate: usize| f64::from(gates[(STEPS + t) * 12 + gate * 3 + 2]);
    let squashed = f64::from(c[(STEPS + 19) * 3 + 2]).tanh();
    let first = of(19, 3) * (1.0 - squashed * squashed);
    assert!(is_close(path.stops[1].factor, first, 1e-6));
    for stop in &path.stops[2..] {
        let forget = of(stop.step as usize + 1, 1);
        assert!(
            is_close(stop.factor, forget, 1e-6),
            "{} {forget}",
            stop.factor
        );
    }
}

/// With one unit there is one derivative for each step: times the gradient that arrives at the last state it is the
/// gradient that reaches the step in training.
#[test]
fn derivatives_over_all_paths_are_what_training_carries_back() {
    let cells: [Kind; 6] = [
        Rnn::new(1).returning_last().into(),
        Lstm::new(1).returning_last().into(),
        Gru::new(1).returning_last().into(),
        Lstm {
            reverse: true,
            ..Lstm::new(1).returning_last()
        }
        .into(),
        Gru {
            truncate: Some(6),
            ..Gru::new(1).returning_last()
        }
        .into(),
        Rnn {
            truncate: Some(1),
            ..Rnn::new(1).returning_last()
        }
        .into(),
    ];
    for cell in cells {
        let is_reversed = matches!(&cell, Kind::Lstm(lstm) if lstm.reverse);
        let is_lstm = matches!(&cell, Kind::Lstm(_));
        let mut microscope = Microscope::stepped(Some(small(cell)));
        let total = microscope.graph.nodes.len() as u32;
        microscope.ask(Inspection::Goto { done: total - 1 });
        let (to, from) = if is_reversed { (0, 19) } else { (19, 0) };
        let arriving = microscope.tensor("rnn.last_l0.y.grad");
        let mut ways = vec![(TimeWay::Unit, "rnn.l0.backward.dh", 0)];
        if is_lstm {
            ways.push((TimeWay::Cell, "rnn.l0.backward.dc", 1));
        }
        for (way, name, skipped) in ways {
            let stored = microscope.tensor(name);
            let largest = stored.iter().fold(0.0, |a: f32, &b| a.max(b.abs()));
            for sample in [0, 2] {
                let path = microscope.path([sample, to, from, 0], way).unwrap();
                assert_eq!(path.stops.len(), STEPS + skipped);
                for stop in &path.stops[skipped..] {
                    let t = stop.step as usize;
                    let told = stop.all * f64::from(arriving[sample as usize]);
                    let expected = f64::from(stored[sample as usize * STEPS + t]);
                    assert!(
                        is_close(told, expected, 1e-3 * f64::from(largest)),
                        "{name} at {t}: {told} {expected}"
                    );
                }
            }
        }
    }
}

/// `dh_T / dh_t` of a tanh cell is the product of `diag(1 − h²) · W`.
#[test]
fn the_norm_beside_a_path_is_that_of_the_product_of_jacobians() {
    const HIDDEN: usize = 10;
    let mut microscope = Microscope::stepped(None);
    let total = microscope.graph.nodes.len() as u32;
    microscope.ask(Inspection::Goto { done: total - 1 });
    let h = microscope.tensor("rnn.l0.h");
    let w = microscope.tensor("rnn.weight_hh_l0");
    let path = microscope.path([2, 19, 0, 3], TimeWay::Strongest).unwrap();
    let mut product = vec![0.0; HIDDEN * HIDDEN];
    for unit in 0..HIDDEN {
        product[unit * HIDDEN + unit] = 1.0;
    }
    for stop in &path.stops {
        let squares: f64 = product.iter().map(|value| value * value).sum();
        assert!(is_close(stop.norm, squares.sqrt(), 1e-9), "{}", stop.step);
        let own = product[3 * HIDDEN + stop.element.index[2] as usize];
        assert!(is_close(stop.all, own, 1e-6), "{} {own}", stop.all);
        let before = std::mem::replace(&mut product, vec![0.0; HIDDEN * HIDDEN]);
        for row in 0..HIDDEN {
            for j in 0..HIDDEN {
                let y = f64::from(h[(2 * STEPS + stop.step as usize) * HIDDEN + j]);
                for k in 0..HIDDEN {
                    let slope = f64::from(w[j * HIDDEN + k]) * (1.0 - y * y);
                    product[row * HIDDEN + k] += before[row * HIDDEN + j] * slope;
                }
            }
        }
    }
}

/// A text's prediction at a place depends on the characters up to there alone, through every layer between.
#[test]
fn the_prediction_of_a_character_depends_on_those_before_it() {
    const PLACE: u32 = 5;
    let text = "to be, or not to be: that is the question. ".repeat(60);
    let layers: [Vec<Layer>; 2] = [
        vec![Layer::new("mix", Lstm::new(3))],
        vec![Layer::new("mix", SelfAttention::causal(2))],
    ];
    for between in layers {
        let text = TextSet::new("own", &text, TEXT_WINDOW).unwrap();
        let vocabulary = text.vocabulary.len();
        let embedding = Embedding {
            vocabulary,
            features: 4,
        };
        let mut layers = vec![Layer::new("embedding", embedding)];
        layers.extend(between);
        let out_features = vocabulary;
        layers.push(Layer::new("fc", Linear { out_features }));
        let loss = Loss::SequenceCrossEntropy(SequenceCrossEntropy::default());
        let spec = ModelSpec { layers, loss };
        let mut microscope = Microscope::on("own-text", Some(text), Some(spec), None);
        assert!(
            microscope
                .sequence(SequenceQuestion::Text { sample: 0 })
                .is_err(),
            "nothing was gathered yet"
        );
        microscope.ask(Inspection::Forward(StepUnit::Batch));
        let window = match microscope.sequence(SequenceQuestion::Text { sample: 1 }) {
            Ok(SequenceAnswer::Text(window)) => window,
            other => panic!("expected characters, got {other:?}"),
        };
        assert_eq!(window.characters.len(), TEXT_WINDOW);
        assert_eq!(window.characters[1..], window.targets[..TEXT_WINDOW - 1]);
        let facts = microscope.influence_at(1, Some(PLACE), InfluenceOf::Prediction);
        assert_eq!((facts.input.as_str(), facts.features), ("embedding.y", 4));
        assert_eq!(facts.positions as usize, TEXT_WINDOW);
        assert!(facts.character.is_some());
        for (t, norm) in facts.norms.iter().enumerate() {
            assert_eq!(*norm > 0.0, t <= PLACE as usize, "step {t}: {norm}");
        }
        for t in [0, 3, PLACE] {
            // The places of all samples are rows of one product.
            let to = ("fc.y", vec![TEXT_WINDOW as u32 + PLACE, facts.class]);
            let expected = microscope.total(("embedding.y", &[1, t, 2]), to);
            let told = f64::from(facts.gradient[t as usize * 4 + 2]);
            assert!(
                is_close(told, expected, 1e-9),
                "step {t}: {told} {expected}"
            );
        }
        // The gradients of the losses of all places add up to that of their mean.
        let mut sum = 0.0;
        let mut losses = 0.0;
        for place in 0..TEXT_WINDOW as u32 {
            let facts = microscope.influence_at(1, Some(place), InfluenceOf::Loss);
            sum += f64::from(facts.gradient[2 * 4 + 1]);
            losses += facts.value;
        }
        let mean = sum / (3 * TEXT_WINDOW) as f64;
        let expected = microscope.total(("embedding.y", &[1, 2, 1]), ("loss.L", Vec::new()));
        assert!(is_close(mean, expected, 1e-9), "{mean} {expected}");
        let of_row = f64::from(microscope.tensor("loss.loss_of_row")[1]);
        assert!(is_close(losses, of_row, 1e-6), "{losses} {of_row}");
    }
}

/// A character that the loss leaves out has no loss and no gradient; those that count have what they have without it.
#[test]
fn a_character_that_does_not_count_has_no_loss_to_depend_on() {
    let text = "to be, or not to be: that is the question. ".repeat(60);
    let text = || TextSet::new("own", &text, TEXT_WINDOW).unwrap();
    let ignored = text().vocabulary.token('o').unwrap() as i32;
    let spec = |ignore_index| {
        let vocabulary = text().vocabulary.len();
        let features = 4;
        let layers = vec![
            Layer::new(
                "embedding",
                Embedding {
                    vocabulary,
                    features,
                },
            ),
            Layer::new("mix", Gru::new(3)),
            Layer::new(
                "fc",
                Linear {
                    out_features: vocabulary,
                },
            ),
        ];
        let loss = Loss::SequenceCrossEntropy(SequenceCrossEntropy { ignore_index });
        ModelSpec { layers, loss }
    };
    let mut all = Microscope::on("own-text", Some(text()), Some(spec(-100)), None);
    let mut some = Microscope::on("own-text", Some(text()), Some(spec(ignored)), None);
    for microscope in [&mut all, &mut some] {
        microscope.ask(Inspection::Forward(StepUnit::Batch));
    }
    let window = match some.sequence(SequenceQuestion::Text { sample: 2 }) {
        Ok(SequenceAnswer::Text(window)) => window,
        other => panic!("expected characters, got {other:?}"),
    };
    let (mut left_out, mut counted) = (0, 0);
    for (place, &target) in (0..).zip(&window.targets).skip(3).take(50) {
        let told = some.influence_at(2, Some(place), InfluenceOf::Loss);
        let whole = all.influence_at(2, Some(place), InfluenceOf::Loss);
        assert!(whole.value > 0.0 && whole.norms[place as usize] > 0.0);
        if target == 'o' {
            left_out += 1;
            assert_eq!(told.value, 0.0);
            assert!(told.norms.iter().all(|norm| *norm == 0.0));
            continue;
        }
        counted += 1;
        assert!(is_close(told.value, whole.value, 1e-12));
        for (told, whole) in told.norms.iter().zip(&whole.norms) {
            assert!(is_close(*told, *whole, 1e-9), "{place}: {told} {whole}");
        }
    }
    assert!(left_out > 1 && counted > 10, "{left_out} {counted}");
}

/// Right answers are shared out over the characters that count.
#[test]
fn the_accuracy_of_a_step_leaves_out_what_the_loss_leaves_out() {
    let text = "to be, or not to be: that is the question. ".repeat(60);
    let text = TextSet::new("own", &text, TEXT_WINDOW).unwrap();
    let vocabulary = text.vocabulary.len();
    let ignore_index = text.vocabulary.token(' ').unwrap() as i32;
    let features = 4;
    let layers = vec![
        Layer::new(
            "embedding",
            Embedding {
                vocabulary,
                features,
            },
        ),
        Layer::new("mix", Rnn::new(8)),
        Layer::new(
            "fc",
            Linear {
                out_features: vocabulary,
            },
        ),
    ];
    let loss = Loss::SequenceCrossEntropy(SequenceCrossEntropy { ignore_index });
    let spec = ModelSpec { layers, loss };
    let mut microscope = Microscope::on("own-text", Some(text), Some(spec), None);
    for step in 0..4 {
        microscope.ask(Inspection::Enter);
        microscope.ask(Inspection::Forward(StepUnit::Batch));
        let sum = |values: Vec<f32>| values.iter().sum::<f32>();
        let right = sum(microscope.tensor("loss.correct_of_row"));
        let counted = sum(microscope.tensor("loss.weight_of_row"));
        assert!(counted < 0.9 * (3 * TEXT_WINDOW) as f32, "blanks are many");
        microscope.command(Command::Reset { run: RUN });
        microscope.command(Command::StepBatches {
            run: RUN,
            count: step + 1,
        });
        let events = microscope.events.borrow().clone();
        let mut records = events.iter().filter_map(|event| match event {
            Event::Steps { records, .. } => records.last(),
            _ => None,
        });
        let accuracy = records.next_back().and_then(|record| record.accuracy);
        assert_eq!(accuracy, Some(right / counted), "step {step}");
    }
}

/// What the training page shows of attention is what the microscope shows of the same characters and weights.
#[test]
fn the_attention_on_a_text_is_the_one_of_the_batch_that_holds_it() {
    let text = "to be, or not to be: that is the question. ".repeat(60);
    let text = TextSet::new("own", &text, TEXT_WINDOW).unwrap();
    let vocabulary = text.vocabulary.len();
    let features = 8;
    let layers = vec![
        Layer::new(
            "embedding",
            Embedding {
                vocabulary,
                features,
            },
        ),
        Layer::new("first", SelfAttention::causal(2)),
        Layer::new("second", SelfAttention::causal(4)),
        Layer::new(
            "fc",
            Linear {
                out_features: vocabulary,
            },
        ),
    ];
    let loss = Loss::SequenceCrossEntropy(SequenceCrossEntropy::default());
    let spec = ModelSpec { layers, loss };
    let open = || {
        let (text, spec) = (text.clone(), spec.clone());
        let mut microscope = Microscope::on("own-text", Some(text), Some(spec), None);
        microscope.command(Command::StepBatches { run: RUN, count: 3 });
        microscope
    };
    let mut stepped = open();
    stepped.ask(Inspection::Enter);
    stepped.ask(Inspection::Forward(StepUnit::Batch));
    let window = match stepped.sequence(SequenceQuestion::Text { sample: 1 }) {
        Ok(SequenceAnswer::Text(window)) => window,
        other => panic!("expected characters, got {other:?}"),
    };
    let mut training = open();
    let mut show = |text: String| {
        training.command(Command::ShowAttention { run: RUN, text });
        let events = training.events.borrow().clone();
        match events.into_iter().next_back() {
            Some(Event::Attention { attention, .. }) => attention,
            other => panic!("expected the attention, got {other:?}"),
        }
    };
    // What stands before the last window is not read.
    let text: String = window.characters.iter().collect();
    let shown = show(format!("to be {text}"));
    assert_eq!((shown.step, &shown.characters), (3, &window.characters));
    let names: Vec<&str> = shown.blocks.iter().map(|block| &*block.name).collect();
    assert_eq!(names, ["first", "second"]);
    let beginning = show(text.chars().take(20).collect());
    assert_eq!(beginning.characters, window.characters[..20]);
    for (number, heads) in [(0, 2), (1, 4)] {
        let block = &shown.blocks[number];
        assert_eq!(block.heads as usize, heads);
        let count = heads * TEXT_WINDOW * TEXT_WINDOW;
        let inspected = stepped.tensor(&format!("{}.weights.a", block.name));
        let inspected = &inspected[count..2 * count];
        assert_eq!(block.weights.len(), count);
        for (at, (told, expected)) in block.weights.iter().zip(inspected).enumerate() {
            let (told, expected) = (f64::from(*told), f64::from(*expected));
            assert!(is_close(told, expected, 1e-5), "{at}: {told} {expected}");
        }
        // Control: another sample has others.
        assert_ne!(
            block.weights,
            stepped.tensor(&format!("{}.weights.a", block.name))[..count]
        );
        for (row, weights) in block.weights.chunks_exact(TEXT_WINDOW).enumerate() {
            let sum: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
            assert!((sum - 1.0).abs() < 1e-5, "row {row}: {sum}");
            let behind = &weights[row % TEXT_WINDOW + 1..];
            assert!(behind.iter().all(|weight| *weight == 0.0));
        }
        // Of a text that does not fill the window the padding behind it is not shown, and changes nothing.
        let short = &beginning.blocks[number].weights;
        assert_eq!(short.len(), heads * 20 * 20);
        for (row, weights) in short.chunks_exact(20).enumerate() {
            let place = (row / 20 * TEXT_WINDOW + row % 20) * TEXT_WINDOW;
            assert_eq!(weights, &block.weights[place..place + 20], "row {row}");
        }
    }
}

/// Layers that know what comes later cannot write a text; nothing else is lost.
#[test]
fn a_network_that_looks_ahead_writes_no_text() {
    let text = "to be, or not to be: that is the question. ".repeat(60);
    let text = TextSet::new("own", &text, TEXT_WINDOW).unwrap();
    let vocabulary = text.vocabulary.len();
    let list = |layers: &str| {
        let json = format!(
            r#"{{"layers": [
                {{"name": "embedding", "kind": "embedding", "vocabulary": {vocabulary}, "features": 4}},
                {layers},
                {{"name": "fc", "kind": "linear", "out_features": {vocabulary}}}
            ], "loss": {{"sequence_cross_entropy": {{}}}}}}"#
        );
        ModelSpec::from_json(&json).expect("a layer list")
    };
    let request = glassbox::session::GenerateRequest {
        prompt: "to be".into(),
        length: 3,
        temperature: 1.0,
        top_k: None,
        seed: 1,
    };
    let refusal = |layers: &str| {
        let mut microscope =
            Microscope::on("own-text", Some(text.clone()), Some(list(layers)), None);
        microscope.command(Command::StepBatches { run: RUN, count: 1 });
        microscope.events.borrow_mut().clear();
        let request = Some(request.clone());
        let generate = Command::Generate { run: RUN, request };
        pollster::block_on(microscope.session.handle(generate));
        let events = microscope.events.borrow().clone();
        let failed = events.into_iter().find_map(|event| match event {
            Event::Failed { failure, .. } => Some(failure.message),
            _ => None,
        });
        microscope.command(Command::StepBatches { run: RUN, count: 1 });
        failed
    };
    for (layers, culprit) in [
        (
            r#"{"name": "both", "kind": "lstm", "hidden_size": 3, "bidirectional": true}"#,
            "both.l0_reverse",
        ),
        (
            r#"{"name": "back", "kind": "gru", "hidden_size": 3, "reverse": true}"#,
            "back.l0",
        ),
        (
            r#"{"name": "back", "kind": "rnn", "hidden_size": 3, "nonlinearity": "relu", "reverse": true}"#,
            "back.l0",
        ),
        (
            r#"{"name": "free", "kind": "self_attention", "heads": 2}"#,
            "free.weights",
        ),
        // No single operation looks ahead here, but the mean holds every step.
        (
            r#"{"name": "mean", "kind": "mean", "axes": [1], "keepdim": true},
               {"name": "sum", "kind": "add", "inputs": ["embedding", "mean"]}"#,
            "fc",
        ),
    ] {
        let message = refusal(layers).unwrap_or_else(|| panic!("{culprit} is refused"));
        assert!(
            message.starts_with(&format!("layer {culprit}: "))
                && message.contains("depends on the characters behind it"),
            "{message}"
        );
    }
    for layers in [
        r#"{"name": "l", "kind": "rnn", "hidden_size": 300, "nonlinearity": "relu", "num_layers": 2}"#,
        r#"{"name": "l", "kind": "self_attention", "heads": 2, "causal": true}"#,
        r#"{"name": "n", "kind": "layer_norm", "axes": 1}"#,
    ] {
        assert_eq!(refusal(layers), None);
    }
}
