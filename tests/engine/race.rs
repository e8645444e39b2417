//! Optimizers side by side on one model: the steps they need are those computed elsewhere, and a lane does what a run
//! of the same settings does.

use glassbox::exec::cpu::CpuExecutor;
use glassbox::exec::{Mode, Plan};
use glassbox::graph::Phase;
use glassbox::models;
use glassbox::ops::StepValues;
use glassbox::optim::{OptimizerKind, Options, ScheduleKind};
use glassbox::session::{
    Command, DevicePreference, Event, FailureKind, Landscape, Lane, LaneRecord, MAX_LANES,
    OptimizerChoice, RunConfig, Session, build_model, given_values, initial_parameters,
};
use glassbox::view::race::{self, GOAL, OFFERS, standing};
use pollster::block_on;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// Everything that a race reports.
pub struct Race {
    pub lanes: Vec<LaneRecord>,
    pub landscape: Option<Landscape>,
    pub failures: Vec<(FailureKind, String)>,
}

pub fn lane(optimizer: OptimizerKind, learning_rate: f32) -> Lane {
    Lane {
        optimizer,
        learning_rate,
        momentum: None,
        options: Options::NONE,
    }
}

/// Runs lanes on a preset, with other commands in between.
pub fn run(preset: &str, lanes: &[Lane], steps: u32, between: &[Command]) -> (Race, Vec<Event>) {
    let events = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&events);
    let mut session = Session::new("a build", move |event| sink.borrow_mut().push(event));
    let config = RunConfig {
        preset: preset.into(),
        device: DevicePreference::Cpu,
        seed: 1,
        ..RunConfig::default()
    };
    block_on(session.handle(Command::Start { run: 1, config }));
    block_on(session.handle(Command::Race {
        run: 1,
        lanes: lanes.to_vec(),
        steps,
    }));
    for command in between {
        block_on(session.advance(0.2));
        block_on(session.handle(command.clone()));
    }
    // Little by little, as on the page.
    while block_on(session.advance(2.0)) {}
    let events = events.take();
    let mut race = Race {
        lanes: Vec::new(),
        landscape: None,
        failures: Vec::new(),
    };
    for event in &events {
        match event.clone() {
            Event::LaneDone { lane, record, .. } => {
                assert_eq!(lane as usize, race.lanes.len(), "in the order asked for");
                race.lanes.push(record);
            }
            Event::Landscape { landscape, .. } => race.landscape = Some(landscape),
            Event::Failed { failure, .. } => race.failures.push((failure.kind, failure.message)),
            _ => {}
        }
    }
    (race, events)
}

/// The first step with f < 1e-6, computed elsewhere in f64.
#[test]
fn optimizers_reach_the_bottom_of_the_bowl_after_the_steps_computed_elsewhere() {
    use OptimizerKind::{Adam, Momentum, RmsProp, Sgd};
    let expected = [
        (lane(Sgd, 0.01), Some(653)),
        (lane(Sgd, 0.02), Some(325)),
        (lane(Sgd, 0.039), Some(174)),
        (lane(Sgd, 0.04), None),
        (lane(Sgd, 0.041), None),
        (lane(Momentum, 0.01), Some(95)),
        (lane(RmsProp, 0.01), Some(167)),
        (lane(Adam, 0.1), Some(82)),
    ];
    let lanes = expected.clone().map(|(lane, _)| lane);
    let (race, _) = run("optim-race", &lanes, 5_000, &[]);
    assert_eq!(race.failures, []);
    for ((lane, below), record) in expected.iter().zip(&race.lanes) {
        let end = standing(record, Some(GOAL), 5_000).expect("it ran");
        assert_eq!(end.below, *below, "{lane:?}");
        assert_eq!(record.losses[0], 25.5, "from (1, 1)");
        assert_eq!(record.places[..2], [1.0, 1.0]);
    }
    let losses = |number: usize| &race.lanes[number].losses;
    // At 2/50 the second weight jumps to and fro; beyond, it flies away.
    let jumping = losses(3);
    assert!((jumping[5_000] - 25.0).abs() < 0.05, "{}", jumping[5_000]);
    assert!(race.lanes[3].places[2 * 4_001 + 1] * race.lanes[3].places[2 * 4_000 + 1] < 0.0);
    let away = standing(&race.lanes[4], Some(GOAL), 5_000).expect("it ran");
    assert!(
        away.diverged.is_some() && losses(4).len() < 5_001,
        "{away:?}"
    );
    assert!(!losses(4).last().expect("losses").is_finite());
    // Momentum and Adam rise above the goal again, and stay below from steps 162 and 160.
    let settles = |losses: &[f32]| {
        losses
            .iter()
            .rposition(|loss| *loss >= GOAL)
            .map(|at| at + 1)
    };
    assert_eq!(settles(losses(5)), Some(162));
    assert_eq!(settles(losses(7)), Some(160));
    // RMSprop does not settle, but 32 bits do: its weights underflow to 0 before it begins to swing.
    assert_eq!(losses(6)[5_000], 0.0);
    let restless = in_64_bits(RmsProp, 0.01, 5_000)[5_000];
    assert!((restless - 6.4e-4).abs() < 0.1e-4, "{restless}");
}

/// The losses after 0, 1, 2, … updates by the same operations in f64.
fn in_64_bits(kind: OptimizerKind, learning_rate: f32, steps: u64) -> Vec<f64> {
    let preset = models::find("optim-race").expect("a preset");
    let optimizer = OptimizerChoice {
        kind,
        momentum: 0.9,
        options: Options::NONE,
    };
    let model = build_model(preset, None, 1, optimizer).expect("a model");
    let graph = Arc::new(model.graph.clone());
    let plan = Arc::new(Plan::new(&graph, Mode::Train, &[model.loss]));
    let mut cpu = CpuExecutor::<f64>::new(graph, Arc::clone(&plan));
    for (value, values) in given_values(&model, preset, None) {
        cpu.write(value, &values);
    }
    let parameters = model.parameters.iter().map(|parameter| parameter.value);
    for (value, values) in parameters.zip(initial_parameters(preset, &model, 1)) {
        cpu.write(value, &values);
    }
    let groups = plan.phases(Phase::Data, Phase::Update);
    let update = model.graph.update().expect("an update");
    (0..=steps)
        .map(|step| {
            let [bias_correction_1, bias_correction_2] = update.bias_corrections(step + 1);
            let values = StepValues {
                learning_rate,
                bias_correction_1,
                bias_correction_2,
                ..StepValues::forward(1).in_training()
            };
            cpu.run(groups.clone(), &values);
            cpu.reals(model.loss)[0]
        })
        .collect()
}

#[test]
fn the_steps_are_the_same_in_64_bits() {
    use OptimizerKind::{Adam, Momentum, RmsProp, Sgd};
    for (kind, learning_rate, below) in [
        (Sgd, 0.01, Some(653)),
        (Sgd, 0.039, Some(174)),
        (Sgd, 0.041, None),
        (Momentum, 0.01, Some(95)),
        (RmsProp, 0.01, Some(167)),
        (Adam, 0.1, Some(82)),
    ] {
        let losses = in_64_bits(kind, learning_rate, 700);
        let found = losses.iter().position(|loss| *loss < 1e-6);
        assert_eq!(found, below, "{kind:?} {learning_rate}");
    }
}

#[test]
fn the_inverse_schedule_hardly_arrives() {
    let inverse = Lane {
        options: Options {
            schedule: Some(ScheduleKind::Inverse),
            schedule_k: Some(1.0),
            ..Options::NONE
        },
        ..lane(OptimizerKind::Sgd, 0.039)
    };
    let (race, _) = run("optim-race", &[inverse], 5_000, &[]);
    let record = &race.lanes[0];
    assert!(
        (record.losses[5_000] - 0.245).abs() < 0.5e-3,
        "{}",
        record.losses[5_000]
    );
    assert_eq!(record.learning_rates[..2], [0.039, 0.0195]);
    assert_eq!(record.learning_rates.len(), 5_000);
}

#[test]
fn a_lane_does_what_a_run_of_the_same_settings_does() {
    for preset in ["optim-race", "mlp-moons"] {
        let adam = lane(OptimizerKind::Adam, 0.01);
        let (race, _) = run(preset, &[lane(OptimizerKind::Sgd, 0.02), adam], 60, &[]);
        assert_eq!(race.failures, []);
        let losses = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&losses);
        let mut session = Session::new("a build", move |event| {
            if let Event::Steps { records, .. } = event {
                let losses = records.iter().map(|record| record.loss);
                sink.borrow_mut().extend(losses);
            }
        });
        let config = RunConfig {
            preset: preset.into(),
            device: DevicePreference::Cpu,
            seed: 1,
            optimizer: Some(OptimizerKind::Adam),
            learning_rate: Some(0.01),
            ..RunConfig::default()
        };
        block_on(session.handle(Command::Start { run: 1, config }));
        block_on(session.handle(Command::StepBatches { run: 1, count: 61 }));
        while block_on(session.advance(1e4)) {}
        assert_eq!(race.lanes[1].losses, *losses.borrow(), "{preset}");
        // A control: the other lane differs.
        assert_ne!(race.lanes[0].losses, *losses.borrow(), "{preset}");
        assert_eq!(race.lanes[1].places.is_empty(), preset == "mlp-moons");
        let landscape = race.landscape.expect("a landscape");
        assert_eq!(landscape.main.is_none(), preset == "optim-race");
    }
}

#[test]
fn the_landscape_of_the_bowl_is_its_formula_and_holds_the_paths() {
    let lanes: Vec<Lane> = OFFERS
        .iter()
        .map(|offer| offer.lane(offer.learning_rate("optim-race")))
        .collect();
    let (race, _) = run("optim-race", &lanes, 700, &[]);
    let landscape = race.landscape.expect("two weights");
    assert_eq!(landscape.names, ["scale.weight[0]", "scale.weight[1]"]);
    let [width, height] = landscape.size;
    assert_eq!(landscape.losses.len() as u32, width * height);
    let at = |axis: usize, number: u32, of: u32| {
        let (low, high) = landscape.bounds[axis];
        f64::from(low) + f64::from(high - low) * f64::from(number) / f64::from(of - 1)
    };
    for (number, loss) in landscape.losses.iter().enumerate() {
        let number = number as u32;
        let (a, b) = (at(0, number % width, width), at(1, number / width, height));
        let expected = 0.5 * (a * a + 50.0 * b * b);
        assert!(
            (f64::from(*loss) - expected).abs() <= 1e-5 * (1.0 + expected),
            "{a} {b}: {loss} {expected}"
        );
    }
    for (offer, record) in OFFERS.iter().zip(&race.lanes) {
        let inside = record.places.chunks_exact(2).all(|place| {
            place
                .iter()
                .zip(landscape.bounds)
                .all(|(value, (low, high))| (low..=high).contains(value))
        });
        assert!(inside, "{}", offer.id);
        let end = standing(record, Some(GOAL), 700).expect("it ran");
        assert!(end.diverged.is_none(), "{}", offer.id);
        // All go down but the schedule that stops too early.
        assert_eq!(
            end.below.is_some(),
            offer.id != "inverse",
            "{}: {end:?}",
            offer.id
        );
    }
}

#[test]
fn a_race_on_data_has_the_loss_over_all_training_samples() {
    let (race, _) = run("logreg", &[lane(OptimizerKind::Sgd, 0.5)], 50, &[]);
    let landscape = race.landscape.expect("a weight and a bias");
    assert_eq!(landscape.names, ["fc.weight[0,0]", "fc.bias[0]"]);
    // The batch is all 200 points: the path's losses are those of the landscape.
    let record = &race.lanes[0];
    let place = [record.places[0], record.places[1]];
    let [x, y] = race::on_picture(&landscape, place, 64.0);
    let nearest = landscape.losses[(64 - y.round() as usize) * 65 + x.round() as usize];
    assert!(
        (nearest - record.losses[0]).abs() < 0.2,
        "{nearest} {}",
        record.losses[0]
    );
}

#[test]
fn a_race_leaves_the_run_alone_and_ends_with_it() {
    let play = Command::StepBatches { run: 1, count: 30 };
    let (race, events) = run("mlp-moons", &[lane(OptimizerKind::Sgd, 0.1)], 80, &[play]);
    assert_eq!(race.lanes[0].losses.len(), 81);
    let steps = events.iter().rev().find_map(|event| match event {
        Event::Steps { records, .. } => records.last().map(|record| record.step),
        _ => None,
    });
    assert_eq!(steps, Some(30));
    let again = Command::Start {
        run: 2,
        config: RunConfig {
            preset: "mlp-xor".into(),
            device: DevicePreference::Cpu,
            ..RunConfig::default()
        },
    };
    let (race, _) = run(
        "mlp-moons",
        &[lane(OptimizerKind::Sgd, 0.1)],
        10_000,
        &[again],
    );
    assert!(race.lanes.is_empty() && race.failures.is_empty());
}

#[test]
fn races_that_make_no_sense_are_refused() {
    let sgd = || lane(OptimizerKind::Sgd, 0.1);
    for (lanes, steps, expected) in [
        (vec![], 10, "the number of lanes is 0"),
        (vec![sgd(); MAX_LANES + 1], 10, "the number of lanes is 17"),
        (vec![sgd()], 0, "the number of steps is 0"),
        (vec![sgd()], 10_001, "the number of steps is 10001"),
        (
            vec![lane(OptimizerKind::Sgd, 0.0)],
            10,
            "the learning rate is 0",
        ),
    ] {
        let (race, _) = run("optim-race", &lanes, steps, &[]);
        assert_eq!(race.failures.len(), 1, "{expected}");
        assert_eq!(race.failures[0].0, FailureKind::BadConfig);
        assert!(
            race.failures[0].1.starts_with(expected),
            "{:?}",
            race.failures
        );
    }
}
