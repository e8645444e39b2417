//! What docs/LAB.md says of data parallelism, and what happens when replicas disappear.

use super::*;
use crate::data::{SampleSet, mnist_from_bytes};
use crate::lab::ring;
use crate::lab::scale::ring_seconds;
use crate::models::{self, PresetData};
use crate::optim::OptimizerKind;
use crate::session;
use std::sync::{Arc, OnceLock};

const LENET: &str = "lenet5-mnist";

fn digits() -> Arc<SampleSet> {
    static DIGITS: OnceLock<Arc<SampleSet>> = OnceLock::new();
    let load = || {
        let whole = mnist_from_bytes(
            include_bytes!("../../../assets/data/mnist/train-images-idx3-ubyte.gz"),
            include_bytes!("../../../assets/data/mnist/train-labels-idx1-ubyte.gz"),
            include_bytes!("../../../assets/data/mnist/t10k-images-idx3-ubyte.gz"),
            include_bytes!("../../../assets/data/mnist/t10k-labels-idx1-ubyte.gz"),
        );
        Arc::new(SampleSet::Images(whole.expect("the committed files")))
    };
    Arc::clone(DIGITS.get_or_init(load))
}

/// The linear regression, four replicas by SGD unless changed.
fn linear(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings::linear();
    change(&mut settings);
    settings
}

fn adam(settings: &mut Settings) {
    settings.optimizer = OptimizerKind::Adam;
    settings.learning_rate = 1e-3;
}

fn crew_of(settings: &Settings) -> Crew {
    let samples = match settings.subject.as_str() {
        LENET => Some(digits()),
        name => models::find(name).map(|preset| match preset.data {
            PresetData::Toy(source) => Arc::new(source.draw().unwrap().into()),
            _ => panic!("{name} has files"),
        }),
    };
    Crew::new(settings.replicas, &settings.subject, samples.as_ref())
}

/// The run after `steps` steps.
fn run(settings: Settings, steps: u64) -> Coordinator {
    let mut crew = crew_of(&settings);
    let mut coordinator = Coordinator::new(settings).unwrap();
    crew.run(&mut coordinator, steps);
    assert_eq!(*coordinator.standing(), Standing::Idle);
    assert_eq!(coordinator.step(), steps);
    assert_eq!(coordinator.records().len() as u64, steps);
    coordinator
}

/// `‖a − b‖ / ‖b‖`
fn relative(actual: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(actual.len(), expected.len());
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let difference = actual.iter().zip(expected);
    norm(&mut difference.map(|(a, b)| f64::from(a - b)))
        / norm(&mut expected.iter().map(|&b| f64::from(b)))
}

#[track_caller]
fn assert_within(actual: &[f32], expected: &[f32], bound: f64) {
    let error = relative(actual, expected);
    assert!(error <= bound, "{error:e} apart, expected {bound:e}");
}

fn last(coordinator: &Coordinator) -> &StepRecord {
    coordinator.records().last().unwrap()
}

fn measured(coordinator: &Coordinator, replica: usize) -> f64 {
    last(coordinator).measured[replica].unwrap()
}

#[test]
fn the_mean_of_four_shards_trains_as_one_replica_on_the_whole_batch() {
    type Change = fn(&mut Settings);
    let cases: [(Change, u64); 2] = [(|_| {}, 50), (adam, 2_000)];
    for (change, steps) in cases {
        let single = run(
            linear(|s| {
                change(s);
                s.replicas = 1;
            }),
            steps,
        );
        for replicas in [2, 4, 8] {
            let several = run(
                linear(|s| {
                    change(s);
                    s.replicas = replicas;
                }),
                steps,
            );
            assert_within(several.parameters(0), single.parameters(0), 1e-5);
            for replica in 1..replicas {
                assert_eq!(several.parameters(replica), several.parameters(0));
            }
            for record in several.records() {
                assert_eq!(record.distance, Some(Distance::default()));
            }
        }
        // Control: the comparison notices a shard too few.
        let settings = linear(change);
        let mut crew = crew_of(&settings);
        let mut fewer = Coordinator::new(settings).unwrap();
        crew.run(&mut fewer, 0);
        crew.kill(3);
        let commands = fewer.lose(3);
        crew.settle(&mut fewer, commands);
        fewer.go_on();
        let commands = fewer.play(steps);
        crew.settle(&mut fewer, commands);
        assert_eq!((fewer.step(), last(&fewer).samples), (steps, 192));
        assert!(relative(fewer.parameters(0), single.parameters(0)) > 1e-5);
    }
}

/// A step of replicas in f64: what the coordinator asks for, without it.
fn step_in_f64(replicas: &mut [Replica<f64>], shards: &[Vec<u32>]) {
    let all: usize = shards.iter().map(Vec::len).sum();
    for (replica, shard) in replicas.iter_mut().zip(shards) {
        replica.compute(shard);
        replica.load(Exchanged::Gradients, shard.len() as f64 / all as f64);
    }
    for message in ring::messages(replicas.len(), replicas[0].buffer().len()) {
        let sent = replicas[message.from].buffer()[message.elements.clone()].to_vec();
        replicas[message.to].receive(&message, &sent);
    }
    for replica in replicas {
        replica.adopt(Exchanged::Gradients);
        replica.update();
    }
}

#[test]
fn in_float64_the_two_differ_by_rounding_alone() {
    let subject = Subject::linear(1);
    for (optimizer, rate, steps) in [
        (OptimizerKind::Sgd, 0.05, 50),
        (OptimizerKind::Adam, 1e-3, 2_000),
    ] {
        let build = |count: usize| -> (Vec<Replica<f64>>, Vec<Vec<u32>>) {
            let replica = || Replica::new(&subject, 1, optimizer, rate, 256).unwrap();
            let shard = |at| {
                let range = ring::chunk_of(at, count, 256);
                (range.start as u32..range.end as u32).collect()
            };
            (
                (0..count).map(|_| replica()).collect(),
                (0..count).map(shard).collect(),
            )
        };
        let (mut single, whole) = build(1);
        let (mut several, shards) = build(4);
        // Shards that are not equally large: 85, 85 and 86.
        let (mut uneven, thirds) = build(3);
        for _ in 0..steps {
            step_in_f64(&mut single, &whole);
            step_in_f64(&mut several, &shards);
            step_in_f64(&mut uneven, &thirds);
        }
        let expected = single[0].parameters();
        // One draw that NumPy sums differs by 2.2e-16, one unit in the last place of 1. Here sums of
        // 256 gradients are added up in another order at every one of up to 2,000 steps, and Adam divides by roots of
        // their squares, so some such units gather: rounding, and far from any other difference.
        let mut largest = 0.0f64;
        for other in [&several, &uneven] {
            for (a, b) in other[0].parameters().iter().zip(&expected) {
                largest = largest.max((a - b).abs());
                assert!((a - b).abs() <= 1e-12, "{a} and {b}");
            }
        }
        println!("{optimizer:?}: {largest:e}");
        // It learned what the samples were made of, as far as the steps reach.
        if optimizer == OptimizerKind::Sgd {
            for (found, made) in expected.iter().zip([1.0, -2.0, 3.0, 0.5, 1.0]) {
                assert!((found - made).abs() < 0.15, "{found}, made from {made}");
            }
        }
    }
}

#[test]
fn replicas_of_lenet_train_as_the_session_does() {
    let settings = |replicas, optimizer, learning_rate| Settings {
        replicas,
        optimizer,
        learning_rate,
        tell_every: 1,
        ..Settings::of_preset(models::find(LENET).unwrap())
    };
    // Adam divides by the root of the squares: what is rounding in a gradient of nearly 0 is the whole rate in a
    // weight. So weights are compared under SGD, and losses under Adam.
    let several = run(settings(4, OptimizerKind::Sgd, 0.05), 5);
    let single = run(settings(1, OptimizerKind::Sgd, 0.05), 5);
    assert_within(several.parameters(3), single.parameters(0), 1e-5);
    assert_eq!(last(&several).distance, Some(Distance::default()));

    let several = run(settings(4, OptimizerKind::Adam, 3e-3), 5);
    let by_session = session_losses(OptimizerKind::Adam, 3e-3, 5);
    for (record, &expected) in several.records().iter().zip(&by_session) {
        let losses: Vec<f64> = record.losses.iter().copied().map(Option::unwrap).collect();
        let mean = losses.iter().sum::<f64>() / 4.0;
        let expected = f64::from(expected);
        assert!(
            (mean - expected).abs() <= 1e-4 * expected,
            "step {}: {mean}, the session has {expected}",
            record.step
        );
        assert_eq!(record.samples, 64);
    }
    assert_eq!(by_session.len(), 5);
}

/// Losses of the first steps as the engine's own session has them, at a constant rate.
fn session_losses(optimizer: OptimizerKind, learning_rate: f32, steps: u32) -> Vec<f32> {
    use session::{Command, DevicePreference, Event, RunConfig, RunId, Session};
    let events = Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = Arc::clone(&events);
    let mut session = Session::new("test", move |event| sink.lock().unwrap().push(event));
    let samples = digits();
    let images = samples.images().unwrap().clone();
    session.provide_dataset(crate::data::DataSource::Mnist, images);
    let run: RunId = 1;
    let mut config = RunConfig {
        preset: LENET.into(),
        device: DevicePreference::Cpu,
        seed: 1,
        optimizer: Some(optimizer),
        learning_rate: Some(learning_rate),
        ..RunConfig::default()
    };
    config.options.schedule = Some(crate::optim::ScheduleKind::Constant);
    pollster::block_on(async {
        session.handle(Command::Start { run, config }).await;
        session
            .handle(Command::StepBatches { run, count: steps })
            .await;
        while session.advance(1e3).await {}
    });
    let events = events.lock().unwrap();
    let records = events.iter().filter_map(|event| match event {
        Event::Steps { records, .. } => Some(records),
        _ => None,
    });
    records.flatten().map(|record| record.loss).collect()
}

#[test]
fn where_only_the_first_replica_takes_steps_the_others_stand_still() {
    for (change, steps) in [
        ((|_| {}) as fn(&mut Settings), 50),
        (adam as fn(&mut Settings), 2_000),
    ] {
        let broken = run(
            linear(|s| {
                change(s);
                s.mode = Mode::Rank0;
            }),
            steps,
        );
        let before = broken.first().0[0].unwrap();
        assert!(
            measured(&broken, 0) < before / 4.0,
            "{broken:?}",
            broken = measured(&broken, 0)
        );
        for replica in 1..4 {
            assert_eq!(measured(&broken, replica), before);
            assert!(broken.parameters(replica as u32).iter().all(|&w| w == 0.0));
        }
        let l2 = |record: &StepRecord| record.distance.unwrap().l2;
        let far = broken.records();
        assert_eq!(broken.first().1, Some(Distance::default()));
        assert!(far.windows(2).take(20).all(|two| l2(&two[1]) > l2(&two[0])));
        // The loss that went round is the sum of four, and the curve of the mean would be a quarter of it.
        for record in far {
            let sum: f64 = record.losses.iter().map(|loss| loss.unwrap()).sum();
            assert!((record.summed_loss.unwrap() - sum).abs() < 1e-5 * sum);
            assert_eq!(record.bytes, 6);
        }
        // Its own shard is all that the first one learns from.
        let mut alone = Replica::<f32>::new(
            &Subject::linear(1),
            1,
            broken.settings().optimizer,
            broken.settings().learning_rate,
            64,
        )
        .unwrap();
        let shard: Vec<u32> = (0..64).collect();
        for _ in 0..steps {
            alone.compute(&shard);
            alone.update();
        }
        assert_eq!(alone.parameters(), broken.parameters(0));
    }
}

#[test]
fn a_sum_for_the_mean_is_four_times_the_rate_of_sgd_and_nothing_to_adam() {
    let sum = |settings: &mut Settings| settings.mode = Mode::Sum;
    let summed = run(linear(sum), 50);
    let faster = run(
        linear(|s| {
            s.replicas = 1;
            s.learning_rate *= 4.0;
        }),
        50,
    );
    assert_within(summed.parameters(0), faster.parameters(0), 1e-5);
    let mean = run(linear(|_| {}), 50);
    // Another draw of the samples, in NumPy, gives 0.032.
    let moved = relative(summed.parameters(0), mean.parameters(0));
    assert!(moved > 1e-3, "{moved}");

    let summed = run(
        linear(|s| {
            adam(s);
            sum(s);
        }),
        2_000,
    );
    let mean = run(linear(adam), 2_000);
    // A gradient four times as large moves Adam by what ε counts beside it: 3.0e-9 in the curriculum's f64.
    assert_within(summed.parameters(0), mean.parameters(0), 1e-5);
}

#[test]
fn federated_averaging_weights_by_the_number_of_samples() {
    let settings = linear(|s| {
        s.mode = Mode::Federated;
        s.shares = vec![1, 2, 3, 2];
        s.local_steps = 5;
    });
    let federated = run(settings.clone(), 3);
    let subject = Subject::linear(1);
    let shards = settings.shards(256).unwrap();
    let sizes: Vec<usize> = shards.iter().map(|shard| shard.len()).collect();
    assert_eq!(sizes, [32, 64, 96, 64]);
    let mut expected = vec![0.0_f64; 5];
    for _ in 0..3 {
        let mut mean = vec![0.0; 5];
        for shard in &shards {
            let samples: Vec<u32> = shard.clone().collect();
            let mut own =
                Replica::<f64>::new(&subject, 1, OptimizerKind::Sgd, 0.05, shard.len() as u32)
                    .unwrap();
            let mut kept = own.keep();
            kept.parameters.clone_from(&expected);
            own.restore(&kept);
            for _ in 0..5 {
                own.compute(&samples);
                own.update();
            }
            for (mean, own) in mean.iter_mut().zip(own.parameters()) {
                *mean += own * shard.len() as f64 / 256.0;
            }
        }
        expected = mean;
    }
    let expected: Vec<f32> = expected.iter().map(|&w| w as f32).collect();
    assert_within(federated.parameters(2), &expected, 1e-5);
    for replica in 1..4 {
        assert_eq!(federated.parameters(replica), federated.parameters(0));
    }
    // Weighted equally the mean is another one.
    let equal = run(
        Settings {
            shares: Vec::new(),
            ..settings
        },
        3,
    );
    assert!(relative(equal.parameters(0), &expected) > 1e-4);
    assert_eq!(last(&federated).samples, 5 * 256);
}

#[test]
fn the_ring_ends_with_the_plain_sum_and_its_time_is_modelled_from_its_bytes() {
    let settings = linear(|s| s.mode = Mode::Sum);
    let mut crew = crew_of(&settings);
    let mut coordinator = Coordinator::new(settings).unwrap();
    let built = coordinator.build();
    crew.settle(&mut coordinator, built);
    let mut sent: Vec<f64> = Vec::new();
    for round in 0..6 {
        let commands = coordinator.next_round();
        crew.settle(&mut coordinator, commands);
        assert_eq!(*coordinator.standing(), Standing::Ringing { round });
        assert!(coordinator.is_holding());
        assert_eq!(coordinator.ring().len(), 4 * (round + 1));
        let delivered = coordinator.ring().iter().filter(|r| r.delivered).count();
        assert_eq!(delivered, 4 * round);
        sent.push(coordinator.ring().iter().map(|r| r.norm).sum());
    }
    assert!(sent.windows(2).all(|two| two[1] > two[0]));
    // Nobody has moved before the ring is whole.
    assert_eq!(coordinator.step(), 0);
    let bytes: usize = coordinator.ring().iter().map(|record| record.bytes).sum();
    assert_eq!(bytes, 2 * 3 * 5 * 4);
    let commands = coordinator.next_round();
    crew.settle(&mut coordinator, commands);
    assert_eq!(
        (coordinator.step(), coordinator.standing()),
        (1, &Standing::Idle)
    );
    assert!(coordinator.ring().iter().all(|record| record.delivered));
    assert_eq!(last(&coordinator).communication_millis, None);

    // w = 0 before, so after one step of SGD w = −η Σ g.
    let mut sum = [0.0_f64; 5];
    for shard in 0..4_u32 {
        let mut own =
            Replica::<f64>::new(&Subject::linear(1), 1, OptimizerKind::Sgd, 0.05, 64).unwrap();
        own.compute(&(shard * 64..(shard + 1) * 64).collect::<Vec<u32>>());
        for (sum, g) in sum.iter_mut().zip(own.gradients()) {
            *sum += g;
        }
    }
    let expected: Vec<f32> = sum.iter().map(|g| (-0.05 * g) as f32).collect();
    assert_within(coordinator.parameters(0), &expected, 1e-6);

    assert_eq!(
        coordinator.modelled_seconds(),
        ring_seconds(4.0, 20.0, 1.25e9, 50e-6)
    );
    assert_eq!(last(&coordinator).bytes, 30);
}

#[test]
fn a_replica_that_dies_in_the_ring_leaves_the_others_at_the_step_before() {
    let settings = linear(adam);
    for round in 0..6 {
        let mut crew = crew_of(&settings);
        let mut coordinator = Coordinator::new(settings.clone()).unwrap();
        crew.run(&mut coordinator, 10);
        let before: Vec<Vec<f32>> = (0..4).map(|r| coordinator.parameters(r).to_vec()).collect();
        for _ in 0..=round {
            let commands = coordinator.next_round();
            crew.settle(&mut coordinator, commands);
        }
        assert_eq!(*coordinator.standing(), Standing::Ringing { round });
        crew.kill(2);
        // Its messages stop: the ring comes to a halt, and nobody has taken the step.
        let commands = coordinator.next_round();
        crew.settle(&mut coordinator, commands);
        assert_eq!(coordinator.step(), 10);
        let commands = coordinator.lose(2);
        crew.settle(&mut coordinator, commands);
        assert_eq!(*coordinator.standing(), Standing::Broken { lost: vec![2] });
        assert_eq!((coordinator.step(), coordinator.records().len()), (10, 10));
        assert!(coordinator.play(1).is_empty(), "nothing goes on by itself");

        // A new one takes over the state of another, and the run ends as if nothing had happened.
        crew.replace(2, "linear", None);
        let commands = coordinator.restart(2);
        crew.settle(&mut coordinator, commands);
        assert_eq!(*coordinator.standing(), Standing::Idle);
        for (replica, before) in (0..4).zip(&before) {
            assert_eq!(coordinator.parameters(replica), before);
        }
        let commands = coordinator.play(10);
        crew.settle(&mut coordinator, commands);
        let undisturbed = run(settings.clone(), 20);
        assert_eq!(coordinator.parameters(2), undisturbed.parameters(2));
    }
}

#[test]
fn the_others_go_on_without_a_lost_replica() {
    let settings = linear(|_| {});
    let mut crew = crew_of(&settings);
    let mut coordinator = Coordinator::new(settings).unwrap();
    crew.run(&mut coordinator, 5);
    crew.kill(1);
    let commands = coordinator.lose(1);
    crew.settle(&mut coordinator, commands);
    coordinator.go_on();
    let commands = coordinator.play(20);
    crew.settle(&mut coordinator, commands);
    assert_eq!(
        (coordinator.step(), coordinator.members()),
        (25, vec![0, 2, 3])
    );
    let record = last(&coordinator);
    assert_eq!((record.losses[1], record.samples), (None, 192));
    assert_eq!(record.distance, Some(Distance::default()));
    // One replica on the same samples: 256 for five steps, then those of three shards.
    let mut single =
        Replica::<f64>::new(&Subject::linear(1), 1, OptimizerKind::Sgd, 0.05, 256).unwrap();
    let all: Vec<u32> = (0..256).collect();
    let left: Vec<u32> = all
        .iter()
        .copied()
        .filter(|at| !(64..128).contains(at))
        .collect();
    for step in 0..25 {
        single.compute(if step < 5 { &all } else { &left });
        single.update();
    }
    let expected: Vec<f32> = single.parameters().iter().map(|&w| w as f32).collect();
    assert_within(coordinator.parameters(0), &expected, 1e-5);

    // It may come back later, and the last one that is left trains alone.
    crew.replace(1, "linear", None);
    let commands = coordinator.restart(1);
    crew.settle(&mut coordinator, commands);
    assert_eq!(coordinator.members(), [0, 1, 2, 3]);
    for replica in 0..3 {
        crew.kill(replica);
        let commands = coordinator.lose(replica);
        crew.settle(&mut coordinator, commands);
    }
    coordinator.go_on();
    let commands = coordinator.play(1);
    crew.settle(&mut coordinator, commands);
    assert_eq!(
        (coordinator.step(), coordinator.modelled_seconds()),
        (26, 0.0)
    );
    coordinator.lose(3);
    assert_eq!(
        *coordinator.standing(),
        Standing::Stopped(Problem::NobodyLeft)
    );
}

#[test]
fn federated_replicas_take_their_local_steps_back_when_one_dies() {
    let settings = linear(|s| {
        s.mode = Mode::Federated;
        adam(s);
    });
    let mut crew = crew_of(&settings);
    let mut coordinator = Coordinator::new(settings.clone()).unwrap();
    crew.run(&mut coordinator, 2);
    let before = coordinator.parameters(0).to_vec();
    let commands = coordinator.next_round();
    crew.settle(&mut coordinator, commands);
    crew.kill(3);
    let commands = coordinator.lose(3);
    crew.settle(&mut coordinator, commands);
    crew.replace(3, "linear", None);
    let commands = coordinator.restart(3);
    crew.settle(&mut coordinator, commands);
    for replica in 0..4 {
        assert_eq!(coordinator.parameters(replica), before);
    }
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_built() {
    let refused = |change: fn(&mut Settings)| {
        let error = Coordinator::new(linear(change)).err().expect("refused");
        error.to_string()
    };
    assert_eq!(
        refused(|s| s.replicas = 0),
        "the number of replicas is 0, expected a whole number from 1 to 16"
    );
    assert!(refused(|s| s.replicas = 17).contains("is 17"));
    assert_eq!(
        refused(|s| s.replicas = 3),
        "3 replicas don't divide a batch of 256 samples: the plain mean of data parallelism would count shards of \
         different sizes alike; 1, 2, 4, 8, 16 do"
    );
    assert_eq!(
        refused(|s| s.bandwidth = -1.0),
        "the bandwidth is -1 bytes a second, expected a number above 0"
    );
    assert!(refused(|s| s.bandwidth = f64::NAN).contains("NaN"));
    assert!(refused(|s| s.latency = -1e-6).contains("latency"));
    assert!(refused(|s| s.learning_rate = 0.0).contains("learning rate"));
    assert!(refused(|s| s.batch = 512).contains("512"));
    let vast = |s: &mut Settings| {
        s.subject = "mlp-moons".into();
        s.batch = 100_000;
    };
    assert_eq!(
        refused(vast),
        "the batch is 100000 samples, expected 1 to 65536"
    );
    assert!(refused(|s| s.local_steps = 0).contains("local steps"));
    assert!(refused(|s| s.shares = vec![1, 2]).contains("shares"));
    let starved = |s: &mut Settings| {
        s.mode = Mode::Federated;
        s.shares = vec![1000, 1, 1, 1];
    };
    assert!(refused(starved).contains("without any"));

    let mut host = Host::default();
    let mut answers = Vec::new();
    let setup = |subject: &str| Setup {
        subject: subject.into(),
        seed: 1,
        optimizer: OptimizerKind::Sgd,
        learning_rate: 0.1,
        capacity: 4,
        state: None,
    };
    let missing = [("nothing-like-it", "called"), (LENET, "not there")];
    for (subject, said) in missing {
        let command = Command::Build {
            replica: 0,
            setup: setup(subject),
        };
        host.handle(command, &mut |event| answers.push(event));
        let Some(Event::Failed { error, .. }) = answers.pop() else {
            panic!("{subject}: {answers:?}")
        };
        assert!(error.to_string().contains(said), "{error}");
    }
    host.handle(Command::Tell { replica: 7 }, &mut |event| {
        answers.push(event)
    });
    assert_eq!(
        answers.pop(),
        Some(Event::Failed {
            replica: 7,
            error: ReplicaError::Missing { replica: 7 }
        })
    );
    // Its statistics are those of a batch.
    let normalized = Subject {
        preset: models::find("vgg-s-bn").unwrap(),
        samples: digits(),
    };
    let error = Replica::<f32>::new(&normalized, 1, OptimizerKind::Sgd, 0.1, 4).err();
    assert!(
        error
            .unwrap()
            .to_string()
            .contains("\"bn1\" is a batch_norm")
    );
}

#[test]
fn a_loss_that_is_no_number_stops_the_run_by_name() {
    let settings = linear(|s| {
        s.learning_rate = 100.0;
        s.mode = Mode::Sum;
    });
    let mut crew = crew_of(&settings);
    let mut coordinator = Coordinator::new(settings).unwrap();
    crew.run(&mut coordinator, 50);
    let Standing::Stopped(Problem::NonFinite { step, .. }) = *coordinator.standing() else {
        panic!("{:?}", coordinator.standing())
    };
    assert_eq!(step, coordinator.step() + 1);
}

#[test]
fn a_whole_run_travels_as_postcard() {
    fn sent<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
        value: &T,
    ) -> T {
        let bytes = postcard::to_allocvec(value).unwrap();
        let read = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(&read, value);
        read
    }
    let settings = sent(&linear(|s| {
        adam(s);
        s.replicas = 2;
    }));
    let undisturbed = run(settings.clone(), 4);
    let mut coordinator = Coordinator::new(settings).unwrap();
    let mut hosts = [Host::default(), Host::default()];
    let mut kinds = std::collections::BTreeSet::new();
    let kind = |told: String| {
        let end = told.find(|c: char| !c.is_alphanumeric());
        told[..end.unwrap_or(told.len())].to_string()
    };
    let mut settle = |coordinator: &mut Coordinator, mut queue: Vec<Command>| {
        while !queue.is_empty() {
            let command = queue.remove(0);
            kinds.insert(kind(format!("{command:?}")));
            let mut events = Vec::new();
            let host = &mut hosts[command.replica() as usize];
            host.handle(sent(&command), &mut |event| events.push(event));
            for event in events {
                kinds.insert(kind(format!("{event:?}")));
                queue.extend(coordinator.on_event(sent(&event)));
            }
        }
    };
    let commands = coordinator.build();
    settle(&mut coordinator, commands);
    let commands = coordinator.play(2);
    settle(&mut coordinator, commands);
    let commands = coordinator.next_round();
    settle(&mut coordinator, commands);
    let commands = coordinator.lose(1);
    settle(&mut coordinator, commands);
    let commands = coordinator.restart(1);
    settle(&mut coordinator, commands);
    let commands = coordinator.play(2);
    settle(&mut coordinator, commands);
    assert_eq!(
        (coordinator.step(), coordinator.standing()),
        (4, &Standing::Idle)
    );
    assert_eq!(coordinator.parameters(1), undisturbed.parameters(1));
    for record in coordinator.records() {
        sent(record);
    }
    for record in coordinator.ring() {
        sent(record);
    }
    sent(coordinator.standing());
    // All that there is but Dismiss and Failed.
    let commands = [
        "Build", "Compute", "Deliver", "Apply", "Undo", "Tell", "Save",
    ];
    let events = [
        "Ready", "Computed", "Sent", "Reduced", "Applied", "Undone", "Told", "Saved",
    ];
    for expected in commands.into_iter().chain(events) {
        assert!(kinds.contains(expected), "{expected} is not in {kinds:?}");
    }
}

#[test]
fn federated_replicas_of_a_preset_whose_batch_is_all_its_samples_take_whole_shards() {
    let logreg = models::find("logreg").unwrap();
    let all = logreg.defaults.batch;
    for (replicas, shares) in [(3, vec![]), (4, vec![1, 2, 3, 2]), (2, vec![1, 9])] {
        let settings = Settings {
            mode: Mode::Federated,
            replicas,
            shares,
            ..Settings::of_preset(logreg)
        };
        let federated = run(settings.clone(), 3);
        assert_eq!(federated.facts().unwrap().train_count, all);
        for record in federated.records() {
            assert_eq!(record.samples, u64::from(settings.local_steps * all));
        }
        let measured = |record: &StepRecord| record.measured[0];
        let before = federated.first().0[0].unwrap();
        let after = federated.records().iter().rev().find_map(measured);
        assert!(after.unwrap() < before, "{after:?}, before {before}");
    }
}

#[test]
fn a_single_replica_can_pass_over_the_short_batches_that_several_pass_over() {
    let settings = |replicas, least_batch| Settings {
        replicas,
        least_batch,
        batch: 21,
        optimizer: OptimizerKind::Sgd,
        learning_rate: 0.05,
        ..Settings::of_preset(models::find("mlp-moons").unwrap())
    };
    let several = run(settings(3, 1), 60);
    let count = several.facts().unwrap().train_count;
    assert!((1..3).contains(&(count % 21)), "the last batch is short");
    let single = run(settings(1, 3), 60);
    assert_within(several.parameters(0), single.parameters(0), 1e-5);
    // Control: one that takes them in ends elsewhere.
    let other = run(settings(1, 1), 60);
    assert!(relative(several.parameters(0), other.parameters(0)) > 1e-5);
}

#[test]
fn replicas_update_by_the_momentum_and_the_clipping_of_their_preset() {
    assert_eq!(LINEAR.defaults.momentum, 0.9);
    // Two steps of heavy ball from w = 0 at rate η: −η g₁, then −η (0.9 g₁ + g₂).
    let subject = Subject::linear(1);
    let samples: Vec<u32> = (0..256).collect();
    let mut replica = Replica::<f64>::new(&subject, 1, OptimizerKind::Momentum, 0.05, 256).unwrap();
    let mut gradients = Vec::new();
    for _ in 0..2 {
        replica.compute(&samples);
        gradients.push(replica.gradients());
        replica.update();
    }
    for (at, weight) in replica.parameters().into_iter().enumerate() {
        let [first, second] = [gradients[0][at], gradients[1][at]];
        let expected = -0.05 * (1.9 * first + second);
        assert!(
            (weight - expected).abs() < 1e-6 * expected.abs(),
            "{weight}, expected {expected}"
        );
    }
    let trend = models::find("lstm-trend").unwrap();
    let PresetData::Series(source) = trend.data else {
        panic!("{} is a series", trend.id)
    };
    assert!(trend.defaults.options.clip.is_some());
    let subject = Subject {
        preset: trend,
        samples: Arc::new(source.draw().unwrap().into()),
    };
    let model = subject.model(4, trend.defaults.optimizer, 1).unwrap();
    let mut nodes = model.graph.nodes().iter();
    assert!(nodes.any(|node| node.name == "clip_gradient"));
}

#[test]
fn distances_of_parameters_that_are_no_numbers_are_none() {
    let apart = distance(&[&[1.0, f32::NAN], &[1.0, 0.0]]);
    assert!(apart.l2.is_nan() && apart.largest.is_nan(), "{apart:?}");
    let apart = distance(&[&[f32::NAN, 1.0], &[0.0, 2.0]]);
    assert!(apart.l2.is_nan() && apart.largest.is_nan(), "{apart:?}");
    let apart = distance(&[&[3.0, 1.0], &[-3.0, 1.0]]);
    assert_eq!((apart.l2, apart.largest), (3.0, 3.0));
}

#[test]
fn numbers_out_of_range_change_nothing() {
    let settings = linear(|_| {});
    let mut crew = crew_of(&settings);
    let mut coordinator = Coordinator::new(settings).unwrap();
    crew.run(&mut coordinator, 1);
    assert!(coordinator.lose(99).is_empty() && coordinator.restart(99).is_empty());
    assert_eq!(*coordinator.standing(), Standing::Idle);
    // More steps than can be counted are as many as a run may have.
    assert_eq!(coordinator.play(u64::MAX).len(), 4);
    assert_eq!(coordinator.play(u64::MAX).len(), 0);
}
