//! The session, driven as the page and the command line drive it, on both executors.

use crate::training::mnist;
use glassbox::data::DataSource;
use glassbox::optim::OptimizerKind;
use glassbox::session::{
    Command, DeviceKind, DevicePreference, Event, Failure, FailureKind, ResolvedConfig, RunConfig,
    RunStatus, Session, StepRecord,
};
use pollster::block_on;
use std::cell::RefCell;
use std::rc::Rc;

pub const RUN: u32 = 7;
pub const BOTH: [DevicePreference; 2] = [DevicePreference::Cpu, DevicePreference::Gpu];

pub struct Engine {
    pub session: Session,
    events: Rc<RefCell<Vec<Event>>>,
}

impl Engine {
    /// With 200 training and 50 test digits.
    pub fn new() -> Self {
        let mut engine = Self::without_data();
        let data = mnist().subset(20, 5);
        engine.session.provide_dataset(DataSource::Mnist, data);
        engine
    }

    pub fn without_data() -> Self {
        let events = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&events);
        let session = Session::new("a build", move |event| sink.borrow_mut().push(event));
        Self { session, events }
    }

    /// A run of batches of 16, started.
    pub fn started(preset: &str, device: DevicePreference) -> Self {
        let mut engine = Self::new();
        let events = engine.send(start(preset, device));
        assert_eq!(failures(&events), [], "{preset}");
        engine
    }

    /// Hands a command over; what the engine answers at once.
    pub fn send(&mut self, command: Command) -> Vec<Event> {
        block_on(self.session.handle(command));
        self.events.take()
    }

    /// Hands a command over and works until there is nothing left to do.
    pub fn finish(&mut self, command: Command) -> Vec<Event> {
        block_on(self.session.handle(command));
        let mut rounds = 0;
        while block_on(self.session.advance(1e4)) {
            rounds += 1;
            assert!(rounds < 10_000, "the engine never comes to rest");
        }
        self.events.take()
    }

    /// Works in pieces of `budget_millis` until there is nothing left to do.
    pub fn work(&mut self, budget_millis: f64) -> Vec<Event> {
        while block_on(self.session.advance(budget_millis)) {}
        self.events.take()
    }

    /// Trains some batches; the records of their steps.
    pub fn train(&mut self, count: u32) -> Vec<StepRecord> {
        let events = self.finish(Command::StepBatches { run: RUN, count });
        assert_eq!(failures(&events), []);
        let records = records(&events);
        assert_eq!(records.len() as u32, count);
        records
    }

    pub fn save(&mut self) -> Vec<u8> {
        let mut saved = self
            .finish(Command::Save { run: RUN })
            .into_iter()
            .filter_map(|event| match event {
                Event::Saved { bytes, .. } => Some(bytes),
                _ => None,
            });
        saved.next().expect("the run is saved")
    }

    /// The failure that a command must lead to.
    pub fn refused(&mut self, command: Command) -> Failure {
        let what = format!("{command:?}");
        let failures = failures(&self.finish(command));
        assert_eq!(failures.len(), 1, "{what}");
        failures.into_iter().next().expect("one failure")
    }
}

pub fn config(preset: &str, device: DevicePreference) -> RunConfig {
    RunConfig {
        preset: preset.into(),
        device,
        seed: 5,
        batch: Some(if preset == "worked-2-3-1" { 1 } else { 16 }),
        ..RunConfig::default()
    }
}

pub fn start(preset: &str, device: DevicePreference) -> Command {
    Command::Start {
        run: RUN,
        config: config(preset, device),
    }
}

pub fn failures(events: &[Event]) -> Vec<Failure> {
    let failures = events.iter().filter_map(|event| match event {
        Event::Failed { failure, .. } => Some(failure.clone()),
        _ => None,
    });
    failures.collect()
}

pub fn records(events: &[Event]) -> Vec<StepRecord> {
    let records = events.iter().filter_map(|event| match event {
        Event::Steps { records, .. } => Some(records.clone()),
        _ => None,
    });
    records.flatten().collect()
}

pub fn bits(records: &[StepRecord]) -> Vec<u32> {
    records.iter().map(|record| record.loss.to_bits()).collect()
}

pub fn statuses(events: &[Event]) -> Vec<RunStatus> {
    let statuses = events.iter().filter_map(|event| match event {
        Event::Status { status, .. } => Some(*status),
        _ => None,
    });
    statuses.collect()
}

/// (step, accuracy) of each evaluation.
pub fn evaluations(events: &[Event]) -> Vec<(u64, f32)> {
    let evaluations = events.iter().filter_map(|event| match event {
        Event::Evaluated {
            step, evaluation, ..
        } => Some((*step, evaluation.accuracy.expect("classes are predicted"))),
        _ => None,
    });
    evaluations.collect()
}

#[test]
fn hello_and_ping_are_answered() {
    let mut engine = Engine::new();
    let build_id = "another build".into();
    let ready = Event::Ready {
        build_id: "a build".into(),
    };
    assert_eq!(engine.send(Command::Hello { build_id }), [ready]);
    let pong = Event::Pong { nonce: 3 };
    assert_eq!(engine.send(Command::Ping { nonce: 3 }), [pong]);
}

#[test]
fn a_run_starts_paused_with_everything_filled_in() {
    for (device, kinds) in [
        (DevicePreference::Cpu, &[DeviceKind::Cpu][..]),
        (
            DevicePreference::Gpu,
            &[DeviceKind::Gpu, DeviceKind::SoftwareGpu],
        ),
    ] {
        let mut engine = Engine::new();
        let events = engine.send(start("lenet5-mnist", device));
        let started = events.iter().find_map(|event| match event {
            Event::Started {
                run,
                config,
                model,
                device,
            } => Some((run, config, model, device)),
            _ => None,
        });
        let (run, config, model, info) = started.expect("the run starts");
        assert_eq!(*run, RUN);
        let expected = ResolvedConfig {
            preset: "lenet5-mnist".into(),
            seed: 5,
            batch: 16,
            train_count: 200,
            test_count: 50,
            steps_per_epoch: 13,
            ..config.clone()
        };
        assert_eq!(*config, expected);
        assert_eq!(model.parameters, 61_706);
        assert_eq!(model.input_shape, [1, 28, 28]);
        assert_eq!(model.classes.len(), 10);
        assert!(kinds.contains(&info.kind));
        assert_eq!(statuses(&events), [RunStatus::Paused]);
        assert!(!block_on(engine.session.advance(10.0)), "it is paused");
        assert_eq!(engine.events.take(), []);
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_does_not() {
    for device in BOTH {
        let steps = |seed: u64| {
            let mut engine = Engine::new();
            let config = RunConfig {
                seed,
                ..config("mlp-mnist", device)
            };
            engine.send(Command::Start { run: RUN, config });
            bits(&engine.train(5))
        };
        let first = steps(1);
        assert_eq!(first, steps(1), "{device:?}");
        assert_ne!(first, steps(2), "{device:?}");
    }
}

#[test]
fn steps_are_counted_reported_whole_and_evaluated_after_each_epoch() {
    for device in BOTH {
        let mut engine = Engine::started("mlp-mnist", device);
        engine.send(Command::SetEvaluationInterval { run: RUN, steps: 0 });
        let events = engine.finish(Command::StepBatches {
            run: RUN,
            count: 27,
        });
        let records = records(&events);
        let steps: Vec<u64> = records.iter().map(|record| record.step).collect();
        assert_eq!(steps, (1..=27).collect::<Vec<u64>>());
        assert_eq!(records[12].epoch, 1.0);
        assert!(
            records
                .iter()
                .all(|r| r.accuracy.is_some_and(|a| (0.0..=1.0).contains(&a)))
        );
        let at: Vec<u64> = evaluations(&events).iter().map(|(step, _)| *step).collect();
        assert_eq!(at, [13, 26]);
        assert_eq!(
            statuses(&events),
            [RunStatus::Playing, RunStatus::Paused],
            "{device:?}"
        );
    }
}

#[test]
fn the_loss_falls_and_held_out_digits_are_recognised() {
    let mut engine = Engine::started("mlp-mnist", DevicePreference::Cpu);
    let records = engine.train(130);
    let mean = |records: &[StepRecord]| {
        records.iter().map(|record| record.loss).sum::<f32>() / records.len() as f32
    };
    let (first, last) = (mean(&records[..10]), mean(&records[120..]));
    assert!(last < 0.3 * first, "{first} -> {last}");
    let events = engine.finish(Command::Evaluate { run: RUN });
    let [(130, accuracy)] = evaluations(&events)[..] else {
        panic!("one evaluation: {events:?}");
    };
    assert!(accuracy > 0.6, "{accuracy}");
}

#[test]
fn play_goes_on_until_pause_and_nothing_is_lost_between() {
    for device in BOTH {
        let mut engine = Engine::started("mlp-mnist", device);
        engine.send(Command::Play { run: RUN });
        let mut seen = Vec::new();
        while seen.len() < 20 {
            assert!(block_on(engine.session.advance(1.0)), "it plays");
            seen.extend(records(&engine.events.take()));
        }
        let events = engine.send(Command::Pause { run: RUN });
        assert_eq!(statuses(&events), [RunStatus::Paused]);
        seen.extend(records(&events));
        while block_on(engine.session.advance(1.0)) {}
        assert_eq!(records(&engine.events.take()), [], "it is paused");
        seen.extend(engine.train(1));
        let steps: Vec<u64> = seen.iter().map(|record| record.step).collect();
        assert_eq!(steps, (1..=seen.len() as u64).collect::<Vec<u64>>());
        // Step by step the same bits as in one go.
        let whole = Engine::started("mlp-mnist", device).train(seen.len() as u32);
        assert_eq!(bits(&seen), bits(&whole), "{device:?}");
    }
}

#[test]
fn reset_gives_back_the_same_losses_bit_for_bit() {
    for (preset, device, count) in [
        ("lenet5-mnist", DevicePreference::Cpu, 4),
        ("lenet5-mnist", DevicePreference::Gpu, 3),
        ("worked-2-3-1", DevicePreference::Cpu, 9),
    ] {
        let mut engine = Engine::started(preset, device);
        let first = engine.train(count);
        let events = engine.finish(Command::Reset { run: RUN });
        assert!(events.contains(&Event::ResetDone { run: RUN }));
        let again = engine.train(count);
        assert_eq!(bits(&first), bits(&again), "{preset} {device:?}");
        assert_eq!(again[0].step, 1);
    }
}

#[test]
fn a_reset_in_mid_play_gives_back_the_same_losses() {
    for device in BOTH {
        let mut engine = Engine::started("mlp-mnist", device);
        let first = engine.train(3);
        engine.finish(Command::Reset { run: RUN });
        engine.send(Command::Play { run: RUN });
        let mut seen = 0;
        while seen < 2 {
            block_on(engine.session.advance(0.1));
            seen += records(&engine.events.take()).len();
        }
        // On the GPU other submits are on their way.
        engine.finish(Command::Reset { run: RUN });
        assert_eq!(bits(&first), bits(&engine.train(3)), "{device:?}");
    }
}

#[test]
fn the_worked_example_has_the_losses_of_the_course() {
    for device in BOTH {
        let records = Engine::started("worked-2-3-1", device).train(2);
        for (record, expected) in records.iter().zip([0.620957, 0.565096]) {
            assert!((record.loss - expected).abs() <= 2e-6, "{}", record.loss);
        }
    }
}

#[test]
fn the_learning_rate_changes_while_running() {
    let mut engine = Engine::started("mlp-mnist", DevicePreference::Cpu);
    engine.train(1);
    let learning_rate = 0.25;
    let command = |learning_rate| Command::SetLearningRate {
        run: RUN,
        learning_rate,
    };
    assert_eq!(engine.send(command(learning_rate)), []);
    assert_eq!(engine.train(1)[0].learning_rate, learning_rate);
    for bad in [0.0, -0.1, f32::NAN, f32::INFINITY, 1e9] {
        let failure = engine.refused(command(bad));
        assert_eq!(failure.kind, FailureKind::BadConfig, "{bad}");
    }
    assert_eq!(engine.train(1)[0].learning_rate, learning_rate);
}

#[test]
fn watched_samples_and_the_drawn_image_are_predicted_again_after_evaluations() {
    for device in BOTH {
        let mut engine = Engine::started("mlp-mnist", device);
        let events = engine.finish(Command::WatchSamples { run: RUN, count: 4 });
        let samples = events.iter().find_map(|event| match event {
            Event::Samples {
                shape,
                pixels,
                labels,
                ..
            } => Some((shape, pixels, labels)),
            _ => None,
        });
        let (shape, pixels, labels) = samples.expect("pixels of the samples");
        assert_eq!((&shape[..], pixels.len()), (&[1, 28, 28][..], 4 * 784));
        assert_eq!(labels.len(), 4);

        let first = pixels[..784].to_vec();
        let command = Command::Predict {
            run: RUN,
            pixels: first,
        };
        let predicted = probabilities(&engine.finish(command));
        let of_sample = sample_predictions(&events);
        // The first sample, gathered on the device or given as an image.
        for (p, q) in predicted.iter().zip(&of_sample) {
            assert!((p - q).abs() < 1e-5, "{p} {q}");
        }
        engine.train(2);
        let events = engine.finish(Command::Evaluate { run: RUN });
        assert_eq!(sample_predictions(&events).len(), 40);
        let later = probabilities(&events);
        assert_ne!(predicted, later, "the network has learned");
        let sum: f32 = later.iter().sum();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");

        let too_few = Command::Predict {
            run: RUN,
            pixels: vec![0; 783],
        };
        assert_eq!(engine.refused(too_few).kind, FailureKind::BadCommand);
        let nothing = Command::Predict {
            run: RUN,
            pixels: Vec::new(),
        };
        engine.finish(nothing);
        let events = engine.finish(Command::Evaluate { run: RUN });
        let is_prediction = |event: &Event| matches!(event, Event::Prediction { .. });
        assert!(
            !events.iter().any(is_prediction),
            "the image was taken away"
        );
    }
}

fn probabilities(events: &[Event]) -> Vec<f32> {
    let found = events.iter().find_map(|event| match event {
        Event::Prediction { probabilities, .. } => Some(probabilities.clone()),
        _ => None,
    });
    found.expect("a prediction")
}

fn sample_predictions(events: &[Event]) -> Vec<f32> {
    let found = events.iter().find_map(|event| match event {
        Event::SamplePredictions { probabilities, .. } => Some(probabilities.clone()),
        _ => None,
    });
    found.expect("predictions of the samples")
}

#[test]
fn a_prediction_does_not_disturb_training() {
    for device in BOTH {
        let undisturbed = Engine::started("mlp-mnist", device).train(6);
        let mut engine = Engine::started("mlp-mnist", device);
        let mut records = engine.train(3);
        let pixels = vec![9; 784];
        engine.finish(Command::Predict { run: RUN, pixels });
        engine.finish(Command::Evaluate { run: RUN });
        records.extend(engine.train(3));
        assert_eq!(bits(&records), bits(&undisturbed), "{device:?}");
    }
}

#[test]
fn a_loaded_file_goes_on_where_it_was_saved() {
    for (device, optimizer) in [
        (DevicePreference::Cpu, OptimizerKind::Adam),
        (DevicePreference::Cpu, OptimizerKind::Momentum),
        (DevicePreference::Gpu, OptimizerKind::Adam),
    ] {
        let config = RunConfig {
            optimizer: Some(optimizer),
            ..config("mlp-mnist", device)
        };
        let mut engine = Engine::new();
        let start = Command::Start { run: RUN, config };
        engine.send(start.clone());
        engine.train(3);
        let bytes = engine.save();
        let next = engine.train(3);

        // In the same run, and in one that knows nothing of it.
        let load = Command::Load { run: RUN, bytes };
        let mut other = Engine::new();
        other.send(start);
        for engine in [&mut engine, &mut other] {
            let events = engine.finish(load.clone());
            assert!(events.contains(&Event::Loaded { run: RUN, step: 3 }));
            let again = engine.train(3);
            assert_eq!(bits(&next), bits(&again), "{device:?} {optimizer:?}");
            assert_eq!(again[0].step, 4);
        }
    }
}

#[test]
fn a_file_that_does_not_fit_leaves_the_run_as_it_was() {
    let mut reference = Engine::started("mlp-mnist", DevicePreference::Cpu);
    let expected = reference.train(6);
    let mut engine = Engine::started("mlp-mnist", DevicePreference::Cpu);
    let mut records = engine.train(3);
    let good = engine.save();
    let other_preset = Engine::started("lenet5-mnist", DevicePreference::Cpu).save();

    let text = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let mut bytes = good.clone();
        let at = bytes.windows(from.len()).position(|w| w == from.as_bytes());
        let at = at.expect("the header has the text");
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    let mut with_nan = good.clone();
    let end = with_nan.len();
    with_nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let mut long_header = good.clone();
    long_header[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let hostile: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("truncated", good[..good.len() / 2].to_vec()),
        ("cut in the header", good[..20].to_vec()),
        ("a header of 2^64 bytes", long_header),
        ("another preset", other_preset),
        ("not a number", with_nan),
        ("a wrong shape", text("[128,784]", "[784,128]")),
        ("a wrong type", text("\"F32\"", "\"I32\"")),
        ("no preset", text("glassbox.preset", "glassbox.presot")),
        (
            "no such step",
            text("\"glassbox.step\":\"3\"", "\"glassbox.step\":\"x\""),
        ),
        ("a missing tensor", text("fc1.weight", "fc9.weight")),
        ("noise", (0..999u32).map(|i| (i * 37) as u8).collect()),
    ];
    for (what, bytes) in hostile {
        let failure = engine.refused(Command::Load { run: RUN, bytes });
        assert_eq!(failure.kind, FailureKind::BadFile, "{what}: {failure}");
    }
    records.extend(engine.train(3));
    assert_eq!(bits(&records), bits(&expected));
}

#[test]
fn bad_configurations_are_refused_and_the_current_run_goes_on() {
    let expected = Engine::started("mlp-mnist", DevicePreference::Cpu).train(4);
    let mut engine = Engine::started("mlp-mnist", DevicePreference::Cpu);
    let mut records = engine.train(2);
    let good = config("mlp-mnist", DevicePreference::Cpu);
    let with = |change: fn(&mut RunConfig)| {
        let mut config = good.clone();
        change(&mut config);
        config
    };
    let bad = [
        with(|config| config.batch = Some(0)),
        with(|config| config.batch = Some(201)),
        with(|config| config.batch = Some(u32::MAX)),
        with(|config| config.learning_rate = Some(0.0)),
        with(|config| config.learning_rate = Some(f32::NAN)),
        with(|config| config.learning_rate = Some(-1.0)),
        with(|config| config.momentum = Some(1.0)),
        with(|config| config.momentum = Some(-0.1)),
        with(|config| config.momentum = Some(f32::NAN)),
    ];
    for config in bad {
        let failure = engine.refused(Command::Start { run: 8, config });
        assert_eq!(failure.kind, FailureKind::BadConfig, "{failure}");
        assert!(failure.message.contains("expected"), "{failure}");
    }
    let config = with(|config| config.preset = "lenet-6".into());
    let failure = engine.refused(Command::Start { run: 8, config });
    assert_eq!(failure.kind, FailureKind::UnknownPreset);
    assert!(failure.message.contains("lenet5-mnist"), "{failure}");
    records.extend(engine.train(2));
    assert_eq!(bits(&records), bits(&expected));
}

#[test]
fn commands_for_other_runs_are_refused() {
    let mut engine = Engine::new();
    let failure = engine.refused(Command::Play { run: RUN });
    assert_eq!(failure.kind, FailureKind::BadCommand);
    engine.send(start("mlp-mnist", DevicePreference::Cpu));
    let failure = engine.refused(Command::StepBatches { run: 9, count: 1 });
    assert_eq!(failure.kind, FailureKind::BadCommand);
    assert!(failure.message.contains('9'), "{failure}");
    // A second start replaces the run.
    let config = config("mlp-mnist", DevicePreference::Cpu);
    engine.send(Command::Start { run: 9, config });
    let failure = engine.refused(Command::Play { run: RUN });
    assert_eq!(failure.kind, FailureKind::BadCommand);
}

#[test]
fn data_that_were_not_given_are_named() {
    let mut engine = Engine::without_data();
    let missing = engine.session.missing_files("lenet5-mnist");
    assert_eq!(missing.len(), 4);
    assert!(engine.session.missing_files("worked-2-3-1").is_empty());
    let failure = engine.refused(start("lenet5-mnist", DevicePreference::Cpu));
    assert_eq!(failure.kind, FailureKind::MissingData);
    assert!(failure.message.contains(missing[0]), "{failure}");

    for path in missing {
        let file = format!("{}/assets/data/{path}", env!("CARGO_MANIFEST_DIR"));
        let mut bytes = std::fs::read(file).unwrap();
        if path.contains("train-images") {
            bytes.truncate(1000);
        }
        let path = path.into();
        engine.send(Command::ProvideFile { path, bytes });
    }
    let failure = engine.refused(start("lenet5-mnist", DevicePreference::Cpu));
    assert_eq!(failure.kind, FailureKind::BadFile);
    assert!(failure.message.contains("train-images"), "{failure}");
}

#[test]
fn training_that_breaks_down_stops_names_the_node_and_is_left_by_reset() {
    for device in BOTH {
        let first = Engine::started("mlp-mnist", device).train(2);
        let config = RunConfig {
            optimizer: Some(OptimizerKind::Sgd),
            learning_rate: Some(1000.0),
            ..config("mlp-mnist", device)
        };
        let mut engine = Engine::new();
        engine.send(Command::Start { run: RUN, config });
        // On the GPU submits with more steps are under way when the first comes back.
        let events = engine.finish(Command::Play { run: RUN });
        let records = records(&events);
        let broken = records.last().expect("steps were reported");
        assert!(!broken.loss.is_finite());
        let before = &records[..records.len() - 1];
        assert!(before.iter().all(|record| record.loss.is_finite()));
        let [failure] = &failures(&events)[..] else {
            panic!("one failure: {:?}", failures(&events));
        };
        assert_eq!(failure.kind, FailureKind::NonFinite);
        let step = format!("step {}", broken.step);
        assert!(failure.message.contains(&step), "{failure}");
        let names = ["fc1", "fc2", "relu1", "loss"];
        assert!(
            names.iter().any(|name| failure.message.starts_with(name)),
            "{failure}"
        );
        assert_eq!(statuses(&events), [RunStatus::Playing, RunStatus::Stopped]);

        for command in [
            Command::Play { run: RUN },
            Command::StepBatches { run: RUN, count: 1 },
            Command::Save { run: RUN },
        ] {
            assert_eq!(engine.refused(command).kind, FailureKind::BadCommand);
        }
        let events = engine.finish(Command::Reset { run: RUN });
        assert_eq!(statuses(&events), [RunStatus::Paused]);
        // The first loss is that before any update, whatever the learning rate.
        let again = engine.train(1);
        assert_eq!(bits(&again)[0], bits(&first)[0], "{device:?}");
        assert_eq!(again[0].step, 1);
    }
}

#[test]
fn a_pause_that_finds_the_run_broken_stops_it() {
    let config = RunConfig {
        optimizer: Some(OptimizerKind::Sgd),
        learning_rate: Some(1000.0),
        ..config("mlp-mnist", DevicePreference::Gpu)
    };
    let mut engine = Engine::new();
    engine.send(Command::Start { run: RUN, config });
    engine.send(Command::Play { run: RUN });
    let mut events = Vec::new();
    while failures(&events).is_empty() {
        block_on(engine.session.advance(0.0));
        events.extend(engine.send(Command::Pause { run: RUN }));
        if failures(&events).is_empty() {
            engine.send(Command::Play { run: RUN });
        }
    }
    assert_eq!(failures(&events)[0].kind, FailureKind::NonFinite);
    assert_eq!(statuses(&events).last(), Some(&RunStatus::Stopped));
    assert!(!block_on(engine.session.advance(1.0)));
    assert_eq!(failures(&engine.events.take()), []);
}

#[test]
fn a_gpu_run_makes_no_objects_after_its_first_steps() {
    for (preset, most_dispatches) in [("lenet5-mnist", 30.0), ("mlp-mnist", 30.0)] {
        let mut engine = Engine::started(preset, DevicePreference::Gpu);
        let mut events = engine.finish(Command::StepBatches { run: RUN, count: 8 });
        events.extend(engine.finish(Command::Evaluate { run: RUN }));
        engine.save();
        engine.finish(Command::Reset { run: RUN });
        events.extend(engine.finish(Command::StepBatches { run: RUN, count: 8 }));
        let figures = events.iter().rev().find_map(|event| match event {
            Event::Steps { figures, .. } => Some(*figures),
            _ => None,
        });
        let figures = figures.expect("steps were reported");
        assert!(figures.allocations_in_warm_up > 30, "{figures:?}");
        assert_eq!(figures.allocations_after_warm_up, 0, "{preset}");
        assert!(
            figures.dispatches_per_step <= most_dispatches,
            "{figures:?}"
        );
        assert!(figures.dispatches_per_step > 5.0, "{figures:?}");
        assert!(figures.submits_per_step <= 1.0, "{figures:?}");
        assert!(figures.peak_bytes > 1 << 20, "{figures:?}");
    }
}
