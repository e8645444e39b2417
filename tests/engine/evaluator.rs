//! Evaluation by a plan of its own: whatever the batch of training, the same figures, on the memory of training.

use crate::training::mnist;
use glassbox::data::DataSource;
use glassbox::layers::{BatchNorm, Conv2d, Dropout, Flatten, Layer, Linear, ModelSpec, Relu};
use glassbox::models::{self, Preset};
use glassbox::session::{
    Command, DevicePreference, Event, ExecutionFigures, RunConfig, Session, StepRecord,
};
use glassbox::train::Evaluation;
use pollster::block_on;
use std::cell::RefCell;
use std::rc::Rc;

const RUN: u32 = 4;
const BOTH: [DevicePreference; 2] = [DevicePreference::Cpu, DevicePreference::Gpu];

/// With running statistics and chance, which an evaluation must read and must not change.
fn spec() -> ModelSpec {
    let layers = vec![
        Layer::new("conv1", Conv2d::new(3, 5).with_stride(3)),
        Layer::new("bn1", BatchNorm::default()),
        Layer::new("relu1", Relu {}),
        Layer::new("flatten", Flatten {}),
        Layer::new("dropout", Dropout { rate: 0.3 }),
        Layer::new("fc1", Linear { out_features: 10 }),
    ];
    ModelSpec {
        layers,
        ..(models::find("lenet5-mnist").unwrap().spec)()
    }
}

struct Engine {
    session: Session,
    events: Rc<RefCell<Vec<Event>>>,
}

impl Engine {
    /// 100 training digits, 130 held-out ones: neither is a multiple of the evaluator's capacity.
    fn new(device: DevicePreference, batch: u32) -> Self {
        let preset = Box::leak(Box::new(Preset {
            id: "evaluator",
            spec,
            ..*models::find("lenet5-mnist").unwrap()
        }));
        let events = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&events);
        let mut session = Session::new("test", move |event| sink.borrow_mut().push(event));
        session.provide_dataset(DataSource::Mnist, mnist().subset(10, 13));
        let config = RunConfig {
            preset: preset.id.into(),
            device,
            seed: 3,
            batch: Some(batch),
            ..RunConfig::default()
        };
        block_on(session.start_preset(RUN, preset, &config)).unwrap();
        let mut engine = Self { session, events };
        engine.run(Command::SetEvaluationInterval { run: RUN, steps: 0 });
        engine
    }

    fn run(&mut self, command: Command) -> Vec<Event> {
        self.events.borrow_mut().clear();
        block_on(self.session.handle(command));
        while block_on(self.session.advance(1e4)) {}
        let events = self.events.take();
        for event in &events {
            assert!(!matches!(event, Event::Failed { .. }), "{event:?}");
        }
        events
    }

    fn train(&mut self, count: u32) -> (Vec<StepRecord>, ExecutionFigures) {
        let mut all = Vec::new();
        let mut last = ExecutionFigures::default();
        for event in self.run(Command::StepBatches { run: RUN, count }) {
            if let Event::Steps {
                records, figures, ..
            } = event
            {
                all.extend(records);
                last = figures;
            }
        }
        assert_eq!(all.len(), count as usize);
        (all, last)
    }

    fn evaluate(&mut self) -> Evaluation {
        let events = self.run(Command::Evaluate { run: RUN });
        let evaluation = events.into_iter().find_map(|event| match event {
            Event::Evaluated { evaluation, .. } => Some(evaluation),
            _ => None,
        });
        evaluation.expect("an evaluation")
    }

    fn save(&mut self) -> Vec<u8> {
        let events = self.run(Command::Save { run: RUN });
        let saved = events.into_iter().find_map(|event| match event {
            Event::Saved { bytes, .. } => Some(bytes),
            _ => None,
        });
        saved.expect("the run is saved")
    }

    fn load(&mut self, bytes: &[u8]) {
        let bytes = bytes.to_vec();
        self.run(Command::Load { run: RUN, bytes });
    }
}

/// Of one set of weights: f32 sums of rows in other products.
fn assert_alike(actual: &Evaluation, expected: &Evaluation, what: &str) {
    assert_eq!(actual.confusion, expected.confusion, "{what}");
    assert_eq!(actual.top_k, expected.top_k, "{what}");
    let part = (actual.loss - expected.loss).abs() / expected.loss;
    assert!(part < 1e-6, "{what}: {} {}", actual.loss, expected.loss);
}

#[test]
fn an_evaluation_says_the_same_whatever_the_batch_of_training() {
    for device in BOTH {
        // As large a batch as there are samples: no other plan has more room.
        let mut whole = Engine::new(device, 100);
        whole.train(6);
        let weights = whole.save();
        let expected = whole.evaluate();
        let counted: u32 = expected.confusion.iter().flatten().sum();
        assert_eq!(counted, 130);
        for batch in [1, 8] {
            let what = format!("{device:?}, batch {batch}");
            let mut engine = Engine::new(device, batch);
            let untrained = engine.evaluate();
            engine.load(&weights);
            let evaluation = engine.evaluate();
            assert_alike(&evaluation, &expected, &what);
            // Control: other weights say something else.
            assert_ne!(untrained.confusion, expected.confusion, "{what}");
            // It reads what training goes on to change.
            engine.train(30);
            let later = engine.evaluate();
            assert_ne!(later.loss, evaluation.loss, "{what}");
            let mut other = Engine::new(device, 100);
            other.load(&engine.save());
            assert_alike(&later, &other.evaluate(), &what);
        }
    }
}

#[test]
fn evaluations_leave_training_and_running_statistics_alone() {
    for device in BOTH {
        let losses = |between: bool| {
            let mut engine = Engine::new(device, 4);
            let mut losses = Vec::new();
            for _ in 0..3 {
                let (records, _) = engine.train(3);
                losses.extend(records.iter().map(|record| record.loss.to_bits()));
                if between {
                    let before = engine.save();
                    engine.evaluate();
                    assert!(engine.save() == before, "{device:?}");
                }
            }
            losses
        };
        assert_eq!(losses(true), losses(false), "{device:?}");
    }
}

#[test]
fn the_memory_of_an_evaluation_is_counted_and_bounded_and_made_once() {
    for device in BOTH {
        let mut engine = Engine::new(device, 2);
        let (_, before) = engine.train(4);
        engine.evaluate();
        let (_, after) = engine.train(2);
        let more = after.peak_bytes - before.peak_bytes;
        assert!(more > 0, "{device:?}");
        // The data set and the parameters are not held twice; 16 MiB is the limit of its own values, and a GPU
        // needs 1 MiB and a little to read them.
        assert!(more < 18 << 20, "{device:?}: {more}");
        assert_eq!(after.allocations_after_warm_up, 0, "{device:?}");
        engine.evaluate();
        let (_, again) = engine.train(1);
        assert_eq!(again.peak_bytes, after.peak_bytes, "{device:?}");
        assert_eq!(again.allocations_after_warm_up, 0, "{device:?}");
        // Control: a batch with room for all has no need of it.
        let mut whole = Engine::new(device, 100);
        let (_, before) = whole.train(4);
        whole.evaluate();
        let (_, after) = whole.train(1);
        assert_eq!(after.peak_bytes, before.peak_bytes, "{device:?}");
    }
}
