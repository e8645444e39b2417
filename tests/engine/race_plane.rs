//! The plane of a race among more than two weights, against weights read from runs step by step: directions, shares
//! and losses are computed a second time, in another way.

use crate::race::{lane, run};
use glassbox::data::samples::SampleSet;
use glassbox::exec::cpu::CpuExecutor;
use glassbox::exec::{Mode, Plan};
use glassbox::graph::Phase;
use glassbox::layers::Model;
use glassbox::models::{self, Preset, PresetData};
use glassbox::ops::StepValues;
use glassbox::optim::OptimizerKind;
use glassbox::session::{
    Command, DevicePreference, Event, Landscape, Lane, NoLandscape, OptimizerChoice, RunConfig,
    Session, build_model, given_values, order_values,
};
use glassbox::tensor::Values;
use pollster::block_on;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

const STEPS: u32 = 20;

fn lanes() -> Vec<Lane> {
    vec![
        lane(OptimizerKind::Sgd, 0.5),
        lane(OptimizerKind::RmsProp, 0.01),
        lane(OptimizerKind::Adam, 0.02),
    ]
}

/// The model of a preset on all its training samples at once, in f64.
struct Judge {
    model: Model,
    cpu: CpuExecutor<f64>,
    count: u32,
}

impl Judge {
    fn new(preset: &Preset) -> Self {
        let PresetData::Toy(source) = preset.data else {
            panic!("expected points")
        };
        let samples = SampleSet::Table(source.draw().expect("points"));
        let count = samples.train_count();
        let model = build_model(preset, Some(&samples), count, OptimizerChoice::of(preset))
            .expect("a model");
        let graph = Arc::new(model.graph.clone());
        let plan = Arc::new(Plan::new(&graph, Mode::Train, &[model.loss]));
        let mut cpu = CpuExecutor::<f64>::new(graph, plan);
        for (value, values) in given_values(&model, preset, Some(&samples)) {
            cpu.write(value, &values);
        }
        let order: Vec<(u64, u32)> = (0..count).map(|sample| (0, sample)).collect();
        let gathered = model.gathered.expect("samples are gathered");
        for (value, values) in order_values(&gathered, preset, 1, &order) {
            cpu.write(value, &values);
        }
        Self { model, cpu, count }
    }

    fn loss(&mut self, weights: &[f64]) -> f64 {
        let mut rest = weights;
        for parameter in &self.model.parameters {
            let count = self.model.graph.value(parameter.value).shape.count();
            let (own, others) = rest.split_at(count);
            let own = own.iter().map(|value| *value as f32).collect();
            self.cpu.write(parameter.value, &Values::F32(own));
            rest = others;
        }
        let groups = self.cpu.plan().phases(Phase::Data, Phase::Loss);
        self.cpu.run(groups, &StepValues::forward(self.count));
        self.cpu.reals(self.model.loss)[0]
    }
}

/// All weights of a run of its own after 0, 1, 2, … updates, read from the files that it saves.
fn weights_of(preset: &str, judge: &Judge, lane: &Lane) -> Vec<Vec<f64>> {
    let saved = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&saved);
    let mut session = Session::new("a build", move |event| {
        if let Event::Saved { bytes, .. } = event {
            sink.borrow_mut().push(bytes);
        }
    });
    let config = RunConfig {
        preset: preset.into(),
        device: DevicePreference::Cpu,
        seed: 1,
        optimizer: Some(lane.optimizer),
        learning_rate: Some(lane.learning_rate),
        ..RunConfig::default()
    };
    block_on(session.handle(Command::Start { run: 1, config }));
    block_on(session.handle(Command::Save { run: 1 }));
    for _ in 0..STEPS {
        block_on(session.handle(Command::StepBatches { run: 1, count: 1 }));
        while block_on(session.advance(1e4)) {}
        block_on(session.handle(Command::Save { run: 1 }));
    }
    let files = saved.take();
    assert_eq!(files.len(), STEPS as usize + 1);
    let read = |bytes: &Vec<u8>| {
        let file = safetensors::SafeTensors::deserialize(bytes).expect("a file");
        let graph = &judge.model.graph;
        let names = judge.model.parameters.iter();
        let tensors = names.map(|parameter| file.tensor(&graph.value(parameter.value).name));
        let values = tensors.flat_map(|tensor| {
            let tensor = tensor.expect("the parameter");
            let numbers = tensor.data().chunks_exact(4);
            let numbers = numbers.map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four")));
            numbers.map(f64::from).collect::<Vec<_>>()
        });
        values.collect()
    };
    files.iter().map(read).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The first two eigenvectors of the sum of squares over all differences, and the shares of their values: powers of the
/// matrix over the weights, the first vector taken out for the second.
fn main_directions(differences: &[Vec<f64>]) -> ([Vec<f64>; 2], [f64; 2]) {
    let weights = differences[0].len();
    let mut matrix = vec![vec![0.0; weights]; weights];
    for difference in differences {
        for (row, a) in matrix.iter_mut().zip(difference) {
            for (entry, b) in row.iter_mut().zip(difference) {
                *entry += a * b;
            }
        }
    }
    let trace: f64 = (0..weights).map(|at| matrix[at][at]).sum();
    let found = [0, 1].map(|_| {
        // Any vector that is at right angles to none of them.
        let mut vector: Vec<f64> = (0..weights).map(|at| (at as f64 + 1.0).sin()).collect();
        let mut value = 0.0;
        for _ in 0..600 {
            let image: Vec<f64> = matrix.iter().map(|row| dot(row, &vector)).collect();
            value = dot(&image, &image).sqrt();
            vector = image.iter().map(|entry| entry / value).collect();
        }
        for (row, a) in matrix.iter_mut().zip(&vector) {
            for (entry, b) in row.iter_mut().zip(&vector) {
                *entry -= value * a * b;
            }
        }
        (vector, value / trace)
    });
    let [(first, share_1), (second, share_2)] = found;
    ([first, second], [share_1, share_2])
}

fn assert_near(what: &str, found: f32, expected: f64, tolerance: f64) {
    let is_near = (f64::from(found) - expected).abs() <= tolerance * (1.0 + expected.abs());
    assert!(is_near, "{what}: {found}, expected {expected}");
}

fn landscape_of(preset: &str) -> Landscape {
    let (race, _) = run(preset, &lanes(), STEPS, &[]);
    assert_eq!(race.failures, []);
    race.landscape.expect("a landscape")
}

#[test]
fn the_plane_and_its_losses_are_those_of_the_weights_read_step_by_step() {
    let preset = models::find("mlp-moons").expect("a preset");
    let mut judge = Judge::new(preset);
    let landscape = landscape_of("mlp-moons");
    let main = landscape.main.as_ref().expect("more than two weights");
    assert_eq!((main.weights, main.every, main.paths.len()), (257, 1, 3));

    let tracks: Vec<Vec<Vec<f64>>> = lanes()
        .iter()
        .map(|lane| weights_of("mlp-moons", &judge, lane))
        .collect();
    let start = tracks[0][0].clone();
    let from_start =
        |place: &Vec<f64>| -> Vec<f64> { place.iter().zip(&start).map(|(a, b)| a - b).collect() };
    let differences: Vec<Vec<f64>> = tracks.iter().flatten().map(from_start).collect();
    let (mut directions, shares) = main_directions(&differences);
    for (found, expected) in main.shares.into_iter().zip(shares) {
        assert!((0.0..=1.0).contains(&found));
        assert_near("a share", found, expected, 1e-5);
    }
    assert!(main.shares[0] > main.shares[1]);
    // A direction has no sign of its own: as the longest path has it.
    for (axis, direction) in directions.iter_mut().enumerate() {
        let end = main.paths[1].places[2 * STEPS as usize + axis];
        if f64::from(end) * dot(direction, &from_start(&tracks[1][STEPS as usize])) < 0.0 {
            direction.iter_mut().for_each(|value| *value = -*value);
        }
    }
    let on_plane = |along: [f64; 2]| -> Vec<f64> {
        let [first, second] = &directions;
        let moved = first.iter().zip(second);
        let moved = moved.map(|(a, b)| along[0] * a + along[1] * b);
        start
            .iter()
            .zip(moved)
            .map(|(start, by)| start + by)
            .collect()
    };
    for (path, track) in main.paths.iter().zip(&tracks) {
        assert_eq!(path.last, STEPS);
        assert_eq!(path.places.len(), 2 * track.len());
        for (place, weights) in path.places.chunks_exact(2).zip(track) {
            for axis in 0..2 {
                let along = dot(&directions[axis], &from_start(weights));
                assert_near("a place", place[axis], along, 1e-5);
            }
        }
        let end = from_start(track.last().expect("places"));
        let along = [0, 1].map(|axis| dot(&directions[axis], &end));
        let off = dot(&end, &end) - along[0].powi(2) - along[1].powi(2);
        assert_near("the distance from the plane", path.off, off.sqrt(), 1e-5);
        assert_near(
            "the distance from the start",
            path.travelled,
            dot(&end, &end).sqrt(),
            1e-5,
        );
        let loss = judge.loss(track.last().expect("places"));
        let loss_on_plane = judge.loss(&on_plane(along));
        assert_near("the loss at the end", path.loss, loss, 1e-5);
        assert_near(
            "the loss below the end",
            path.loss_on_plane,
            loss_on_plane,
            1e-5,
        );
        // A control: the two losses differ by more than what the comparison allows.
        assert!(
            (loss - loss_on_plane).abs() > 1e-4,
            "{loss} {loss_on_plane}"
        );
    }

    let [width, height] = landscape.size;
    assert_eq!(landscape.losses.len() as u32, width * height);
    let at = |axis: usize, number: u32, of: u32| {
        let (low, high) = landscape.bounds[axis];
        f64::from(low) + f64::from(high - low) * f64::from(number) / f64::from(of - 1)
    };
    for number in (0..width * height).step_by(211) {
        let place = [at(0, number % width, width), at(1, number / width, height)];
        let expected = judge.loss(&on_plane(place));
        assert_near(
            "the loss on the plane",
            landscape.losses[number as usize],
            expected,
            1e-5,
        );
    }
    // All paths lie within the picture.
    for place in main
        .paths
        .iter()
        .flat_map(|path| path.places.chunks_exact(2))
    {
        for axis in 0..2 {
            let (low, high) = landscape.bounds[axis];
            assert!((low..=high).contains(&place[axis]), "{place:?}");
        }
    }
}

#[test]
fn the_same_race_has_the_same_landscape() {
    assert_eq!(
        landscape_of("logreg-gaussians"),
        landscape_of("logreg-gaussians")
    );
}

/// What a race says in place of a landscape.
fn reason_of(preset: &str, lane: Lane) -> Option<NoLandscape> {
    let (race, events) = run(preset, &[lane], 2, &[]);
    assert_eq!((race.failures.len(), race.lanes.len()), (0, 1));
    assert_eq!(race.lanes[0].losses.len(), 3);
    assert!(race.landscape.is_none());
    events.into_iter().find_map(|event| match event {
        Event::NoLandscape { reason, .. } => Some(reason),
        _ => None,
    })
}

#[test]
fn a_race_without_a_landscape_says_why() {
    // The moves are lost in rounding.
    let still = lane(OptimizerKind::Sgd, 1e-30);
    assert_eq!(reason_of("mlp-moons", still), Some(NoLandscape::NoPath));
    // Few enough weights to keep, too much work to measure with all drawn images at every place of a grid.
    let sgd = lane(OptimizerKind::Sgd, 0.01);
    let too_large = NoLandscape::TooLarge { weights: 7_542 };
    assert_eq!(reason_of("cnn-shapes", sgd), Some(too_large));
}

#[test]
fn a_lane_that_flies_away_leaves_the_others_their_picture() {
    let mut lanes = lanes();
    lanes.push(lane(OptimizerKind::Momentum, 1e3));
    let (race, _) = run("mlp-moons", &lanes, STEPS, &[]);
    assert_eq!(race.failures, []);
    let landscape = race.landscape.expect("a landscape");
    let main = landscape.main.expect("more than two weights");
    assert!(
        main.paths[3].travelled > 100.0,
        "{}",
        main.paths[3].travelled
    );
    for (low, high) in landscape.bounds {
        assert!(low > -100.0 && high < 100.0, "{low} {high}");
    }
    let all: f32 = main.shares.iter().sum();
    assert!(all > 0.5 && all <= 1.0, "{all}");
}
