//! The presets of tables and colour images: sizes, what they learn from, and what the page is told.

use crate::training::mnist;
use glassbox::data::{
    Augmentation, DataSource, Dataset, SampleSet, Split, Standardization, Subset, Take,
    table_from_csv,
};
use glassbox::exec::cpu::CpuExecutor;
use glassbox::exec::{Mode, Plan};
use glassbox::models::{self, PRESETS, Preset, PresetData};
use glassbox::ops::StepValues;
use glassbox::session::{
    Command, DevicePreference, Event, FailureKind, OptimizerChoice, RunConfig, Session,
    build_model, given_values, initial_parameters, order_values, outline,
};
use pollster::block_on;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// A session that keeps its events.
fn session() -> (Session, Rc<RefCell<Vec<Event>>>) {
    let events = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&events);
    let session = Session::new("a build", move |event| sink.borrow_mut().push(event));
    (session, events)
}

fn start(preset: &str, batch: Option<u32>) -> Command {
    let config = RunConfig {
        preset: preset.into(),
        device: DevicePreference::Cpu,
        seed: 1,
        batch,
        ..RunConfig::default()
    };
    Command::Start { run: 1, config }
}

/// Hands a command over and works until there is nothing left to do.
fn finish(session: &mut Session, command: Command) {
    block_on(session.handle(command));
    while block_on(session.advance(1e4)) {}
}

fn failures(events: &[Event]) -> Vec<(FailureKind, String)> {
    let failures = events.iter().filter_map(|event| match event {
        Event::Failed { failure, .. } => Some((failure.kind, failure.message.clone())),
        _ => None,
    });
    failures.collect()
}

#[test]
fn presets_have_the_sizes_of_their_references() {
    for (id, expected) in [
        ("lenet5-mnist", 61_706),
        ("lenet5-fashion", 61_706),
        ("logreg", 2),
        ("cnn-shapes", 7_542),
        ("logreg-mse", 2),
        ("optim-race", 2),
        ("mlp-moons", 64 * 3 + 65),
        ("vgg-s", 204_570),
        ("vgg-s-bn", 204_794),
        ("resnet-s", 78_042),
        ("vgg16-thin", 231_218),
        ("rnn-sine", 141),
        ("rnn-relu", 141),
        ("rnn-mnist", 128 * 156 + 2 * 128 + 1_290),
        ("lstm-mnist", 4 * (128 * 156 + 2 * 128) + 1_290),
        ("lstm-text", 112_645),
        // V-64, 64 places, two blocks of 512·64 + … , the last normalization, 64-V.
        ("gpt-text", 69 * 64 + 64 * 64 + 2 * 49_984 + 128 + 65 * 69),
        ("gru-mnist", 3 * (128 * 156 + 2 * 128) + 1_290),
    ] {
        let preset = models::find(id).expect("a preset");
        let model = outline(preset)
            .expect("it fits")
            .expect("its sizes are known");
        assert_eq!(model.parameter_count(), expected, "{id}");
    }
    // Names are the doors of links, files and texts.
    for (number, preset) in PRESETS.iter().enumerate() {
        assert!(PRESETS[..number].iter().all(|other| other.id != preset.id));
    }
}

/// The graph alone: no memory for the weights is taken.
#[test]
fn vgg16_has_its_parameters_and_thirteen_convolutions() {
    let preset = models::find("vgg16-cifar10").expect("a preset");
    let model = outline(preset)
        .expect("it fits")
        .expect("its sizes are known");
    assert_eq!(model.parameter_count(), 14_719_818);
    let nodes = model.graph.nodes();
    assert_eq!(
        nodes
            .iter()
            .filter(|node| node.op.name() == "conv2d")
            .count(),
        13
    );
    assert_eq!(
        nodes
            .iter()
            .filter(|node| node.op.name() == "linear")
            .count(),
        1
    );
}

#[test]
fn points_are_learned_told_and_drawn() {
    let (mut session, events) = session();
    block_on(session.handle(start("mlp-moons", None)));
    block_on(session.handle(Command::WatchSamples { run: 1, count: 10 }));
    finish(&mut session, Command::StepBatches { run: 1, count: 50 });
    let events = events.take();
    assert_eq!(failures(&events), []);
    let points = events.iter().find_map(|event| match event {
        Event::Points { points, .. } => Some(points),
        _ => None,
    });
    let points = points.expect("the points are told");
    assert_eq!(
        (points.train.classes.len(), points.held_out.classes.len()),
        (800, 2_000)
    );
    let rows = events.iter().find_map(|event| match event {
        Event::Rows { rows, labels, .. } => Some((rows.len(), labels.clone())),
        _ => None,
    });
    assert_eq!(rows, Some((20, vec![0, 0, 0, 0, 0, 1, 1, 1, 1, 1])));
    let evaluation = events.iter().rev().find_map(|event| match event {
        Event::Evaluated { evaluation, .. } => Some(evaluation),
        _ => None,
    });
    let evaluation = evaluation.expect("an evaluation at step 50");
    let confusion: u32 = evaluation.confusion.iter().flatten().sum();
    assert_eq!(confusion, 2_000);
    assert!(evaluation.accuracy > Some(0.75), "{evaluation:?}");
    let boundary = events.iter().rev().find_map(|event| match event {
        Event::Boundary { step, boundary, .. } => Some((*step, boundary)),
        _ => None,
    });
    let (step, boundary) = boundary.expect("a boundary at step 50");
    assert_eq!(step, 50);
    // The picture tells what the points are told: most held-out points lie on ground of their class.
    let [columns, rows] = boundary.size[..] else {
        panic!("two axes");
    };
    assert_eq!(boundary.probabilities.len() as u32, columns * rows);
    let nearest = |value: f32, axis: usize, of: u32| {
        let (low, high) = boundary.bounds[axis];
        ((value - low) / (high - low) * (of - 1) as f32).round() as usize
    };
    let agree = points
        .held_out
        .rows
        .chunks_exact(2)
        .zip(&points.held_out.classes);
    let agree = agree.filter(|(row, class)| {
        let at = nearest(row[1], 1, rows) * columns as usize + nearest(row[0], 0, columns);
        (boundary.probabilities[at] > 0.5) == (**class == 1)
    });
    let share = agree.count() as f32 / 2_000.0;
    assert!(
        (share - evaluation.accuracy.unwrap()).abs() < 0.02,
        "{share}"
    );
    let watched = events.iter().rev().find_map(|event| match event {
        Event::SamplePredictions { probabilities, .. } => Some(probabilities.len()),
        _ => None,
    });
    assert_eq!(watched, Some(10));
}

/// From w = −6 and b = 0, 100 steps of gradient descent on all points.
#[test]
fn logistic_regression_turns_round() {
    let (mut session, events) = session();
    block_on(session.handle(start("logreg", None)));
    finish(&mut session, Command::StepBatches { run: 1, count: 100 });
    let events = events.take();
    let losses: Vec<f32> = events
        .iter()
        .filter_map(|event| match event {
            Event::Steps { records, .. } => Some(records.iter().map(|r| r.loss)),
            _ => None,
        })
        .flatten()
        .collect();
    assert!(
        losses[0] > 4.0,
        "it starts on the wrong side: {}",
        losses[0]
    );
    let last = events.iter().rev().find_map(|event| match event {
        Event::Evaluated { evaluation, .. } => evaluation.accuracy,
        _ => None,
    });
    assert!(last > Some(0.95), "{last:?}");
    let boundary = events.iter().rev().find_map(|event| match event {
        Event::Boundary { boundary, .. } => Some(boundary.probabilities.clone()),
        _ => None,
    });
    let curve = boundary.expect("a curve");
    assert!(curve.is_sorted(), "a sigmoid rises");
}

/// The reference figures: held-out accuracy after 100 steps, and after 1,000 with the squared error, which stalls where the
/// sigmoid is flat.
#[test]
fn cross_entropy_learns_where_the_squared_error_stalls() {
    let accuracies = |preset: &str, steps: [u32; 2]| {
        let (mut session, events) = session();
        block_on(session.handle(start(preset, None)));
        steps.map(|count| {
            finish(&mut session, Command::StepBatches { run: 1, count });
            let events = events.take();
            assert_eq!(failures(&events), []);
            let accuracy = events.iter().rev().find_map(|event| match event {
                Event::Evaluated { evaluation, .. } => evaluation.accuracy,
                _ => None,
            });
            accuracy.expect("an evaluation")
        })
    };
    let [cross_entropy, _] = accuracies("logreg", [100, 1]);
    assert!((0.98..=0.99).contains(&cross_entropy), "{cross_entropy}");
    let [stalled, arrived] = accuracies("logreg-mse", [100, 900]);
    assert!((0.01..=0.025).contains(&stalled), "{stalled}");
    assert!((0.975..=0.99).contains(&arrived), "{arrived}");
}

/// A column of numbers is predicted as a number: held-out errors are in its own unit.
#[test]
fn a_number_of_the_learner_s_table_is_predicted() {
    let rows = (0..200).map(|row| {
        let (a, b) = (row % 17, (row * 7) % 23);
        format!(
            "{a},{b},{}\n",
            100.0 + 3.5 * f64::from(a) - 2.25 * f64::from(b)
        )
    });
    let text = format!("a,b,price\n{}", rows.collect::<String>());
    let (mut session, events) = session();
    block_on(session.handle(Command::ProvideTable {
        name: "own.csv".into(),
        bytes: text.into_bytes(),
        target: None,
    }));
    block_on(session.handle(start("mlp-csv", None)));
    block_on(session.handle(Command::WatchSamples { run: 1, count: 10 }));
    let before = events.borrow().len();
    finish(&mut session, Command::StepBatches { run: 1, count: 300 });
    let events = events.take();
    assert_eq!(failures(&events), []);
    let loss = events.iter().find_map(|event| match event {
        Event::Started { model, .. } => Some((model.loss.clone(), model.classes.len())),
        _ => None,
    });
    assert_eq!(loss, Some(("mean_squared_error".into(), 0)));
    let evaluations: Vec<_> = events[before..]
        .iter()
        .filter_map(|event| match event {
            Event::Evaluated { evaluation, .. } => Some(evaluation),
            _ => None,
        })
        .collect();
    let last = evaluations.last().expect("an evaluation");
    assert_eq!((last.accuracy, last.confusion.len()), (None, 0));
    let (mse, mae) = (last.mse.expect("numbers"), last.mae.expect("numbers"));
    // The plane is learned to within a unit or two of a column that spans 110.
    assert!(mae < 2.0 && mse < 6.0 && mae * mae <= mse, "{mse} {mae}");
    let of_first = evaluations[0].mse.expect("numbers");
    assert!(of_first > 10.0 * mse, "{of_first} {mse}");
    // Rows are told in the table's unit, and so are predictions.
    let (rows, numbers, target) = events
        .iter()
        .find_map(|event| match event {
            Event::Rows {
                rows,
                numbers,
                target,
                ..
            } => Some((rows.clone(), numbers.clone(), target.clone())),
            _ => None,
        })
        .expect("rows");
    assert_eq!((numbers.len(), target.as_str()), (10, "price"));
    let told = events.iter().rev().find_map(|event| match event {
        Event::SamplePredictions { probabilities, .. } => Some(probabilities.clone()),
        _ => None,
    });
    for ((row, number), told) in rows
        .chunks_exact(2)
        .zip(&numbers)
        .zip(told.expect("numbers"))
    {
        assert!((100.0 + 3.5 * row[0] - 2.25 * row[1] - number).abs() < 1e-3);
        assert!((number - told).abs() < 10.0, "{number} {told}");
    }
    // Every step has a loss and no accuracy.
    let mut records = events.iter().filter_map(|event| match event {
        Event::Steps { records, .. } => Some(records),
        _ => None,
    });
    assert!(records.all(|records| {
        records
            .iter()
            .all(|r| r.accuracy.is_none() && r.loss.is_finite())
    }));
}

/// Colour images without any file.
#[test]
fn drawn_shapes_are_learned() {
    let (mut session, events) = session();
    block_on(session.handle(start("cnn-shapes", None)));
    finish(&mut session, Command::StepBatches { run: 1, count: 380 });
    let events = events.take();
    assert_eq!(failures(&events), []);
    let accuracy = events.iter().rev().find_map(|event| match event {
        Event::Evaluated { evaluation, .. } => evaluation.accuracy,
        _ => None,
    });
    // A guess is right once in six.
    assert!(accuracy > Some(0.7), "{accuracy:?}");
}

/// A cell of the confusion matrix shows the pictures that it counts.
#[test]
fn a_cell_of_the_confusion_matrix_shows_its_images() {
    let (mut session, events) = session();
    let digits = mnist().subset(200, 20);
    session.provide_dataset(DataSource::Mnist, digits.clone());
    block_on(session.handle(start("mlp-mnist", None)));
    finish(&mut session, Command::StepBatches { run: 1, count: 50 });
    let confusion = events
        .take()
        .into_iter()
        .rev()
        .find_map(|event| match event {
            Event::Evaluated { evaluation, .. } => Some(evaluation.confusion),
            _ => None,
        });
    let confusion = confusion.expect("an evaluation");
    let length = 28 * 28;
    let mut shown = 0;
    for (actual, row) in confusion.iter().enumerate() {
        for (predicted, &expected) in row.iter().enumerate() {
            let (actual, predicted) = (actual as u32, predicted as u32);
            block_on(session.handle(Command::ShowCell {
                run: 1,
                actual,
                predicted,
                most: 12,
            }));
            let told = events.take();
            let [
                Event::CellSamples {
                    count,
                    pixels,
                    step: 50,
                    ..
                },
            ] = &told[..]
            else {
                panic!("{told:?}")
            };
            assert_eq!(*count, expected);
            assert_eq!(pixels.len(), length * (*count).min(12) as usize);
            // They are held-out images of that class.
            for image in pixels.chunks_exact(length) {
                let found = (0..digits.test.count()).find(|&at| digits.test.image(at) == image);
                assert_eq!(
                    digits.test.labels()[found.expect("an image") as usize],
                    actual
                );
            }
            shown += *count;
        }
    }
    assert_eq!(shown, digits.test.count());
    block_on(session.handle(start("logreg", None)));
    block_on(session.handle(Command::ShowCell {
        run: 1,
        actual: 0,
        predicted: 0,
        most: 12,
    }));
    assert_eq!(failures(&events.take())[0].0, FailureKind::BadCommand);
}

/// 60 rows of two numbers; the class is whether their sum is above 60.
fn csv() -> String {
    let rows = (0..60).map(|row| {
        let (a, b) = (row, (row * 37) % 60);
        format!("{a},{b},{}\n", if a + b > 60 { "high" } else { "low" })
    });
    format!("a,b,kind\n{}", rows.collect::<String>())
}

#[test]
fn the_learner_s_own_table_is_read_checked_and_learned() {
    let (mut session, events) = session();
    block_on(session.handle(start("mlp-csv", None)));
    let refused = failures(&events.take());
    assert_eq!(refused[0].0, FailureKind::MissingData);
    assert!(refused[0].1.contains("a table of your own"), "{refused:?}");

    let give = |text: &str, target: Option<&str>| Command::ProvideTable {
        name: "own.csv".into(),
        bytes: text.as_bytes().to_vec(),
        target: target.map(str::to_string),
    };
    let broken = csv().replace("7,19,", "7,many,");
    block_on(session.handle(give(&broken, None)));
    let refused = failures(&events.take());
    assert_eq!(refused[0].0, FailureKind::BadFile);
    assert!(
        refused[0].1.contains("line 9, column 2 (b) is \"many\""),
        "{refused:?}"
    );

    block_on(session.handle(give(&csv(), None)));
    let read = events.take();
    assert!(
        matches!(&read[0], Event::TableRead { columns, target, train_count: 48, test_count: 12, .. }
            if columns == &["a", "b", "kind"] && target == "kind"),
        "{read:?}"
    );
    block_on(session.handle(start("mlp-csv", Some(8))));
    finish(&mut session, Command::StepBatches { run: 1, count: 120 });
    let events = events.take();
    assert_eq!(failures(&events), []);
    let accuracy = events.iter().rev().find_map(|event| match event {
        Event::Evaluated { evaluation, .. } => evaluation.accuracy,
        _ => None,
    });
    assert!(accuracy > Some(0.8), "{accuracy:?}");
}

#[test]
fn batches_of_a_table_are_standardized_by_its_training_part() {
    let table = table_from_csv("own.csv", csv().as_bytes(), None).expect("a table");
    let expected = Standardization::of_columns(table.train.rows(), 2);
    let preset = models::find("mlp-csv").expect("a preset");
    let samples: SampleSet = table.clone().into();
    let (model, cpu) = gather(preset, &samples, &[(0, 3), (0, 50)], false);
    let x = cpu.reals(model.input);
    // Row 50 is the third of the held-out rows, which stand behind the 48 training rows.
    let rows = [table.train.row(3), table.test.row(2)].concat();
    for (at, value) in rows.iter().enumerate() {
        let standard = (value - expected.mean[at % 2]) / expected.deviation[at % 2];
        assert!((x[at] - standard).abs() < 1e-6);
    }
}

/// The data phase of a preset on the CPU, for these samples of these epochs.
fn gather(
    preset: &Preset,
    samples: &SampleSet,
    order: &[(u64, u32)],
    is_training: bool,
) -> (glassbox::layers::Model, CpuExecutor<f32>) {
    let optimizer = OptimizerChoice::of(preset);
    let batch = order.len() as u32;
    let model = build_model(preset, Some(samples), batch, optimizer).expect("a model");
    let graph = Arc::new(model.graph.clone());
    let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
    let mut cpu = CpuExecutor::<f32>::new(graph, Arc::clone(&plan));
    for (value, values) in given_values(&model, preset, Some(samples)) {
        cpu.write(value, &values);
    }
    let gathered = model.gathered.expect("it gathers");
    for (value, values) in order_values(&gathered, preset, 1, order) {
        cpu.write(value, &values);
    }
    let parameters = model.parameters.iter().map(|parameter| parameter.value);
    for (value, values) in parameters.zip(initial_parameters(preset, &model, 1)) {
        cpu.write(value, &values);
    }
    let mut step = StepValues::forward(batch);
    if is_training {
        step = step.in_training();
    }
    let data = plan.phases(glassbox::graph::Phase::Data, glassbox::graph::Phase::Data);
    cpu.run(data, &step);
    (model, cpu)
}

#[test]
fn moved_images_are_moved_in_training_alone_and_as_drawn() {
    let moved = Augmentation {
        margin: 4,
        flip: true,
    };
    let preset = Preset {
        data: PresetData::Images {
            source: DataSource::Mnist,
            subset: Subset::THOUSAND_OF_EACH,
            augmentation: Some(moved),
        },
        ..*models::find("lenet5-mnist").expect("a preset")
    };
    let samples: SampleSet = mnist().subset(2, 1).into();
    let order = [(0, 5), (3, 5), (0, 19)];
    let (model, still) = gather(&preset, &samples, &order, false);
    let (_, moving) = gather(&preset, &samples, &order, true);
    let batch = model
        .graph
        .find_value("batch.x")
        .expect("the gathered batch");
    assert_eq!(still.reals(model.input), still.reals(batch));
    assert_eq!(moving.reals(batch), still.reals(batch));
    let (x, y) = (moving.reals(batch), moving.reals(model.input));
    for (n, &(epoch, sample)) in order.iter().enumerate() {
        let drawn = moved.draw(1, epoch, sample);
        for (h, w) in (0..28).flat_map(|h| (0..28).map(move |w| (h, w))) {
            let across = if drawn.flip == 1 { 27 - w } else { w };
            let row = h + drawn.top as i32 - 4;
            let column = across + drawn.left as i32 - 4;
            let inside = (0..28).contains(&row) && (0..28).contains(&column);
            let expected = if inside {
                x[n * 784 + (row * 28 + column) as usize]
            } else {
                0.0
            };
            assert_eq!(y[n * 784 + (h * 28 + w) as usize], expected);
        }
    }
    assert_ne!(y[..784], y[784..1568], "another epoch moves otherwise");
}

#[test]
fn subsets_choose_as_they_say() {
    let whole: &Dataset = mnist();
    let first = whole.choose(Subset {
        train: Take::First(7),
        test_per_class: Some(1),
    });
    assert_eq!(first.train.labels(), &whole.train.labels()[..7]);
    assert_eq!(first.test.count(), 10);
    assert_eq!(whole.choose(Subset::WHOLE), *whole);
    let all = |split: &Split| split.count();
    assert_eq!(all(&whole.choose(Subset::THOUSAND_OF_EACH).train), 10_000);
}

/// The next number of a sine, 1e-4 of squared error at most on held-out windows.
#[test]
fn a_recurrent_network_learns_to_go_on_with_a_sine() {
    let (mut session, events) = session();
    block_on(session.handle(start("rnn-sine", None)));
    let steps = 100 * 800 / 32;
    let count = steps;
    finish(&mut session, Command::StepBatches { run: 1, count });
    let events = events.take();
    assert_eq!(failures(&events), []);
    let errors: Vec<f32> = events
        .iter()
        .filter_map(|event| match event {
            Event::Evaluated { evaluation, .. } => evaluation.mse,
            _ => None,
        })
        .collect();
    let last = *errors.last().expect("the error is told");
    assert!(last < 1e-4, "{last:e}");
    // Repeating the last value is off by 5.0e-3 on average.
    assert!(errors[0] > last, "{errors:?}");
}

/// Whatever the length, a step takes few dispatches.
#[test]
fn recurrent_networks_take_few_dispatches_a_step() {
    let samples = SampleSet::Images(mnist().clone());
    for id in ["rnn-mnist", "lstm-mnist", "gru-mnist"] {
        let preset = models::find(id).expect("a preset");
        let choice = OptimizerChoice::of(preset);
        let model = build_model(preset, Some(&samples), 64, choice).expect("it fits");
        let plan = Plan::new(&model.graph, Mode::Train, &[model.loss]);
        assert!(plan.dispatches() <= 30, "{id}: {}", plan.dispatches());
    }
}
