//! How a run is governed: schedules, clipping, initial weights, early stopping, kept checkpoints.

use crate::session::{BOTH, Engine, RUN, bits, config, failures, records, statuses};
use glassbox::export::Checkpoint;
use glassbox::optim::{Monitor, OptimizerKind, Options, Schedule, ScheduleKind, ScheduleUnit};
use glassbox::session::{
    BestFacts, Command, DevicePreference, Event, FailureKind, Kept, RunConfig, RunStatus,
};
use glassbox::tensor::Shape;
use glassbox::tensor::init::InitializerKind;

/// 200 digits in batches of 16.
const STEPS_PER_EPOCH: u64 = 13;

/// The MLP with SGD and these settings, started.
fn started(device: DevicePreference, learning_rate: f32, options: Options) -> Engine {
    let config = RunConfig {
        optimizer: Some(OptimizerKind::Sgd),
        learning_rate: Some(learning_rate),
        options,
        ..config("mlp-mnist", device)
    };
    let mut engine = Engine::new();
    let events = engine.send(Command::Start { run: RUN, config });
    assert_eq!(failures(&events), []);
    engine
}

/// All weights of a saved file as one row.
fn weights(bytes: &[u8]) -> Vec<f32> {
    let named = [
        ("fc1.weight", vec![128, 784]),
        ("fc1.bias", vec![128]),
        ("fc2.weight", vec![10, 128]),
        ("fc2.bias", vec![10]),
    ];
    let named = named.map(|(name, dims)| (name.to_string(), Shape::new(dims).unwrap()));
    let file = Checkpoint::from_bytes(bytes, "mlp-mnist", &named, &[]).unwrap();
    file.tensors
        .into_iter()
        .flat_map(|tensor| tensor.values)
        .collect()
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    let squares = a
        .iter()
        .zip(b)
        .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    squares.sum::<f64>().sqrt()
}

fn kept(events: &[Event]) -> Option<(u64, Option<BestFacts>)> {
    events.iter().rev().find_map(|event| match event {
        Event::Kept { last, best, .. } => Some((*last, *best)),
        _ => None,
    })
}

#[test]
fn the_schedule_sets_the_rate_of_every_step_also_after_a_change_of_the_base_rate() {
    let options = Options {
        schedule: Some(ScheduleKind::Step),
        schedule_unit: Some(ScheduleUnit::Epoch),
        gamma: Some(0.5),
        step_size: Some(1),
        warmup: Some(1),
        ..Options::NONE
    };
    let schedule = Schedule::new(&options, STEPS_PER_EPOCH, 100);
    for device in BOTH {
        let mut engine = started(device, 0.25, options);
        let check = |engine: &mut Engine, base: f64, count: u32| {
            for record in engine.train(count) {
                let expected = schedule.rate(base, record.step - 1) as f32;
                assert_eq!(record.learning_rate, expected, "step {}", record.step);
            }
        };
        check(&mut engine, 0.25, 30);
        let learning_rate = 0.5;
        engine.send(Command::SetLearningRate {
            run: RUN,
            learning_rate,
        });
        check(&mut engine, 0.5, 10);
    }
    // Warm-up, the whole rate, half of it.
    let rates = [0, 13, 26].map(|step| schedule.rate(1.0, step));
    assert_eq!(rates, [0.5, 1.0, 0.5]);
}

#[test]
fn a_rate_of_the_schedule_moves_the_weights_that_far() {
    let half = Options {
        schedule: Some(ScheduleKind::Constant),
        warmup: Some(1),
        ..Options::NONE
    };
    for device in BOTH {
        let mut warm = started(device, 0.5, half);
        let mut plain = started(device, 0.25, Options::NONE);
        // In the first step of a warm-up of one, the rate is half of what it will be.
        assert_eq!(bits(&warm.train(1)), bits(&plain.train(1)));
        assert_eq!(weights(&warm.save()), weights(&plain.save()));
    }
}

#[test]
fn clipping_bounds_the_step_and_the_norm_is_reported() {
    for device in BOTH {
        let norm = |engine: &mut Engine| {
            let start = weights(&engine.save());
            let record = engine.train(1)[0];
            let moved = distance(&weights(&engine.save()), &start);
            (
                f64::from(record.gradient_norm.expect("gradients are clipped")),
                moved,
            )
        };
        let clip = |most: f32| Options {
            clip: Some(most),
            ..Options::NONE
        };
        // A learning rate of 1 moves the weights by the gradient; f32 rounds each of 100,000.
        let (reported, moved) = norm(&mut started(device, 1.0, clip(1000.0)));
        assert!(reported > 0.5, "{reported}");
        assert!(
            (moved / reported - 1.0).abs() < 1e-4,
            "{moved} for {reported}"
        );
        let (again, moved) = norm(&mut started(device, 1.0, clip(0.125)));
        assert!(
            (again / reported - 1.0).abs() < 1e-5,
            "the norm is that before clipping"
        );
        assert!((moved / 0.125 - 1.0).abs() < 1e-4, "{moved}");
        let record = started(device, 1.0, Options::NONE).train(1)[0];
        assert_eq!(record.gradient_norm, None, "nobody asked for it");
    }
}

#[test]
fn initial_weights_follow_the_setting_on_both_devices() {
    for device in BOTH {
        let with = |init, value| {
            let options = Options {
                init: Some(init),
                init_value: Some(value),
                ..Options::NONE
            };
            started(device, 0.1, options)
        };
        // All logits are 0: ln 10 nats.
        let loss = with(InitializerKind::Constant, 0.0).train(1)[0].loss;
        assert!((f64::from(loss) - 10f64.ln()).abs() < 1e-6, "{loss}");
        let orthogonal = weights(&with(InitializerKind::Orthogonal, 0.0).save());
        let rows = |row: usize| &orthogonal[row * 784..(row + 1) * 784];
        let product = |a, b| -> f64 {
            let pairs = rows(a).iter().zip(rows(b));
            pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        assert!((product(3, 3) - 1.0).abs() < 1e-6 && product(3, 77).abs() < 1e-6);
        let pytorch = weights(&with(InitializerKind::Pytorch, 0.0).save());
        assert_eq!(
            pytorch,
            weights(&started(device, 0.1, Options::NONE).save())
        );
        assert_ne!(pytorch, orthogonal);
    }
}

#[test]
fn training_stops_when_nothing_gets_better_for_as_long_as_it_is_patient() {
    for monitor in Monitor::ALL {
        let options = Options {
            patience: Some(2),
            monitor: Some(monitor),
            ..Options::NONE
        };
        // So small a rate that the weights never move.
        let mut engine = started(DevicePreference::Cpu, 1e-30, options);
        let interval = Command::SetEvaluationInterval { run: RUN, steps: 0 };
        engine.send(interval);
        for stopped_at in [3, 5] {
            let events = engine.finish(Command::Play { run: RUN });
            let stopped = events.iter().find_map(|event| match event {
                Event::StoppedEarly { step, best, .. } => Some((*step, best.step)),
                _ => None,
            });
            // The first epoch is the best; who plays on gets the same patience again.
            assert_eq!(
                stopped,
                Some((stopped_at * STEPS_PER_EPOCH, STEPS_PER_EPOCH))
            );
            assert_eq!(statuses(&events), [RunStatus::Playing, RunStatus::Paused]);
            let last = records(&events).last().map(|record| record.step);
            assert_eq!(last, Some(stopped_at * STEPS_PER_EPOCH));
        }
    }
    let mut engine = Engine::new();
    let without_held_out = RunConfig {
        options: Options {
            patience: Some(2),
            ..Options::NONE
        },
        ..config("worked-2-3-1", DevicePreference::Cpu)
    };
    let refused = engine.refused(Command::Start {
        run: RUN,
        config: without_held_out,
    });
    assert_eq!(refused.kind, FailureKind::BadConfig);
    assert!(refused.message.contains("held-out"), "{refused}");
}

#[test]
fn the_best_checkpoint_can_be_saved_and_gone_back_to() {
    for device in BOTH {
        let mut engine = started(device, 0.05, Options::NONE);
        engine.send(Command::SetEvaluationInterval { run: RUN, steps: 0 });
        let which = Kept::Best;
        let too_early = engine.refused(Command::SaveKept { run: RUN, which });
        assert_eq!(too_early.kind, FailureKind::BadCommand);
        let count = STEPS_PER_EPOCH as u32;
        let events = engine.finish(Command::StepBatches { run: RUN, count });
        let (last, best) = kept(&events).expect("an epoch was evaluated");
        let best = best.expect("the first is the best");
        assert_eq!((last, best.step), (STEPS_PER_EPOCH, STEPS_PER_EPOCH));
        let at_best = engine.save();
        // What follows is worse on purpose.
        let learning_rate = 30.0;
        engine.send(Command::SetLearningRate {
            run: RUN,
            learning_rate,
        });
        let count = 2 * count;
        let events = engine.finish(Command::StepBatches { run: RUN, count });
        assert_eq!(failures(&events), []);
        assert_eq!(kept(&events), Some((3 * STEPS_PER_EPOCH, Some(best))));
        assert_ne!(weights(&engine.save()), weights(&at_best));

        let learning_rate = 0.05;
        engine.send(Command::SetLearningRate {
            run: RUN,
            learning_rate,
        });
        let saved = engine.finish(Command::SaveKept { run: RUN, which });
        let saved = saved.iter().find_map(|event| match event {
            Event::Saved { bytes, .. } => Some(bytes.clone()),
            _ => None,
        });
        assert_eq!(saved, Some(at_best.clone()), "equal to the last byte");
        let events = engine.finish(Command::GoBack {
            run: RUN,
            to: which,
        });
        let step = STEPS_PER_EPOCH;
        assert!(events.contains(&Event::WentBack { run: RUN, step }));
        assert_eq!(engine.save(), at_best);
        assert_eq!(engine.train(1)[0].step, step + 1);
    }
}

#[test]
fn after_training_broke_the_last_good_checkpoint_is_there() {
    for device in BOTH {
        let mut engine = started(device, 0.05, Options::NONE);
        engine.send(Command::SetEvaluationInterval { run: RUN, steps: 0 });
        engine.train(STEPS_PER_EPOCH as u32);
        let good = engine.save();
        let learning_rate = 1000.0;
        engine.send(Command::SetLearningRate {
            run: RUN,
            learning_rate,
        });
        let events = engine.finish(Command::Play { run: RUN });
        assert_eq!(failures(&events)[0].kind, FailureKind::NonFinite);
        assert_eq!(statuses(&events).last(), Some(&RunStatus::Stopped));

        let learning_rate = 0.05;
        engine.send(Command::SetLearningRate {
            run: RUN,
            learning_rate,
        });
        let to = Kept::Last;
        // It can be had while the run is stopped, and left for.
        let saved = engine.finish(Command::SaveKept {
            run: RUN,
            which: to,
        });
        let is_saved = |event: &Event| matches!(event, Event::Saved { .. });
        assert!(saved.iter().any(is_saved), "{device:?}");
        let events = engine.finish(Command::GoBack { run: RUN, to });
        assert_eq!(failures(&events), []);
        assert_eq!(statuses(&events), [RunStatus::Paused]);
        let step = events.iter().find_map(|event| match event {
            Event::WentBack { step, .. } => Some(*step),
            _ => None,
        });
        // Every epoch's end was a checkpoint, as long as its weights were finite.
        let step = step.expect("the run went back");
        assert!(step >= STEPS_PER_EPOCH && step.is_multiple_of(STEPS_PER_EPOCH));
        assert!(
            weights(&engine.save())
                .iter()
                .all(|value| value.is_finite())
        );
        if step == STEPS_PER_EPOCH {
            assert_eq!(engine.save(), good);
        }
        assert_eq!(engine.train(1)[0].step, step + 1);
    }
}

#[test]
fn every_optimizer_learns_on_both_devices_alike() {
    for optimizer in OptimizerKind::ALL {
        let losses = BOTH.map(|device| {
            let config = RunConfig {
                optimizer: Some(optimizer),
                learning_rate: Some(if optimizer == OptimizerKind::Sgd {
                    0.05
                } else {
                    0.005
                }),
                options: Options {
                    weight_decay: Some(0.01),
                    clip: Some(2.0),
                    ..Options::NONE
                },
                ..config("mlp-mnist", device)
            };
            let mut engine = Engine::new();
            engine.send(Command::Start { run: RUN, config });
            engine.train(10)
        });
        let [cpu, gpu] = &losses;
        assert!(cpu[9].loss < cpu[0].loss, "{optimizer:?}");
        for (cpu, gpu) in cpu.iter().zip(gpu) {
            // What the project promises of the two over the first ten losses.
            let difference = (cpu.loss - gpu.loss).abs();
            assert!(
                difference <= 5e-4 * cpu.loss,
                "{optimizer:?}: {difference:e}"
            );
        }
    }
}
