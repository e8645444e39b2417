//! A few steps of every preset with its own settings, from seed 1: the loss falls below a bound that lies between
//! the first loss and what was measured. The targets themselves take longer: `cargo xtask bench --presets`.
//!
//! Clothes and photographs are no part of the repository: digits stand in for them, on a larger, coloured ground for
//! the photographs.

use crate::session::{Engine, RUN, failures};
use crate::training::mnist;
use glassbox::data::{DataSource, Dataset, SampleSet, Split, TextSet, TextSource};
use glassbox::graph::Phase;
use glassbox::models::{self, PRESETS, Preset, PresetData};
use glassbox::ops::StepValues;
use glassbox::session::{
    Command, DevicePreference, OptimizerChoice, RunConfig, build_model, given_values,
    initial_parameters, order_values,
};
use glassbox::train::check::{self, Method};
use pollster::block_on;

/// How far a preset is to come.
struct ShortRun {
    preset: &'static str,
    steps: u32,
    /// The preset's own, if not given.
    batch: Option<u32>,
    /// What the mean loss of the last steps is to lie below.
    loss: f32,
}

/// Steps whose losses count together: one batch may be easier than another.
const LAST: usize = 5;

const fn run(preset: &'static str, steps: u32, batch: Option<u32>, loss: f32) -> ShortRun {
    ShortRun {
        preset,
        steps,
        batch,
        loss,
    }
}

const DIGITS: &[ShortRun] = &[
    run("lenet5-mnist", 30, Some(32), 1.0),
    run("mlp-mnist", 30, Some(32), 0.6),
    run("lenet5-fashion", 30, Some(32), 0.8),
    run("rnn-mnist", 60, Some(32), 1.9),
    run("lstm-mnist", 60, Some(32), 1.6),
    run("gru-mnist", 60, Some(32), 1.6),
];

const POINTS: &[ShortRun] = &[
    run("worked-2-3-1", 20, None, 0.25),
    run("logreg", 60, None, 0.2),
    run("logreg-mse", 1_000, None, 0.05),
    run("optim-race", 20, None, 10.0),
    run("logreg-gaussians", 60, None, 0.3),
    run("mlp-moons", 200, None, 0.4),
    run("mlp-circles", 100, None, 0.4),
    run("mlp-spirals", 300, None, 0.2),
    run("mlp-xor", 100, None, 0.35),
    run("rnn-sine", 100, None, 0.01),
    run("rnn-relu", 100, None, 0.01),
    run("lstm-trend", 200, None, 0.05),
];

const TEXTS: &[ShortRun] = &[
    run("lstm-text", 40, Some(16), 3.2),
    run("lstm-text-zh", 20, Some(16), 6.2),
    run("gpt-text", 60, Some(16), 3.2),
    run("gpt-text-zh", 40, Some(16), 6.2),
];

const PHOTOGRAPHS: &[ShortRun] = &[
    run("cnn-shapes", 200, None, 1.5),
    run("vgg-s", 30, Some(32), 1.5),
    run("vgg-s-bn", 30, Some(32), 1.5),
    run("resnet-s", 30, Some(32), 1.5),
    run("vgg16-thin", 30, Some(32), 1.5),
];

/// 14.7 million parameters: few samples, again and again.
const LARGE: &[ShortRun] = &[run("vgg16-cifar10", 10, Some(10), 2.0)];

/// The digits, dark, in 32 by 32 pixels on a ground whose colour goes with the class.
fn coloured(split: &Split) -> Split {
    let shape = DataSource::Cifar10.shape();
    let images = (0..split.count())
        .zip(split.labels())
        .flat_map(|(number, &label)| {
            let digit = split.image(number);
            (0..3).flat_map(move |channel| {
                // 3 · 3 · 3 colours, of which ten are used.
                let ground = 255 - 80 * (label / 3u32.pow(channel) % 3);
                (0..32 * 32).map(move |at: usize| {
                    let (row, column) = (at / 32, at % 32);
                    let inside = (2..30).contains(&row) && (2..30).contains(&column);
                    let ink = if inside {
                        digit[(row - 2) * 28 + column - 2]
                    } else {
                        0
                    };
                    (ground * u32::from(255 - ink) / 255) as u8
                })
            })
        });
    Split::new(
        "digits",
        shape,
        images.collect(),
        split.labels().to_vec(),
        10,
    )
    .expect("a split")
}

/// Digits in place of a data set.
fn stand_in(source: DataSource, per_class: usize) -> Dataset {
    if source == DataSource::Shapes {
        let no_files = std::collections::BTreeMap::new();
        return source.assemble(&no_files).expect("it is drawn");
    }
    let digits = mnist().subset(per_class, 1);
    if source != DataSource::Cifar10 {
        return digits;
    }
    Dataset {
        train: coloured(&digits.train),
        test: coloured(&digits.test),
        normalization: source.normalization(),
        ..digits
    }
}

/// A text of the repository.
pub fn shipped_text(source: TextSource, window: usize) -> TextSet {
    let path = format!(
        "{}/assets/data/{}",
        env!("CARGO_MANIFEST_DIR"),
        source.path()
    );
    let bytes = std::fs::read(path).expect("it is committed");
    TextSet::from_bytes(source.name(), &bytes, window).expect("a text")
}

/// The losses of a run's steps.
fn losses(run: &ShortRun, per_class: usize) -> Vec<f32> {
    let preset = models::find(run.preset).expect("a preset");
    let mut engine = Engine::without_data();
    if let PresetData::Images { source, .. } = preset.data {
        let data = stand_in(source, per_class);
        engine.session.provide_dataset(source, data);
    }
    if let PresetData::Text { source, window } = preset.data {
        let text = shipped_text(source, window);
        engine.session.provide_source_text(source, text);
    }
    let config = RunConfig {
        preset: run.preset.into(),
        device: DevicePreference::Cpu,
        seed: 1,
        batch: run.batch,
        steps: Some(run.steps.into()),
        ..RunConfig::default()
    };
    let events = engine.send(Command::Start { run: RUN, config });
    assert_eq!(failures(&events), [], "{}", run.preset);
    let records = engine.train(run.steps);
    records.iter().map(|record| record.loss).collect()
}

fn check(runs: &[ShortRun], per_class: usize) {
    let mut missed = Vec::new();
    for run in runs {
        let losses = losses(run, per_class);
        let last = &losses[losses.len() - LAST..];
        let mean = last.iter().sum::<f32>() / LAST as f32;
        println!("{}: {} to {mean}", run.preset, losses[0]);
        // Control: a network that does not learn stays above the bound.
        if !(mean < run.loss && losses[0] > run.loss) {
            missed.push(format!(
                "{}, expected to pass {}: {losses:?}",
                run.preset, run.loss
            ));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn presets_of_digits_learn_in_a_few_steps() {
    check(DIGITS, 40);
}

#[test]
fn presets_of_texts_learn_in_a_few_steps() {
    check(TEXTS, 0);
}

#[test]
fn presets_of_points_learn_in_a_few_steps() {
    check(POINTS, 1);
}

#[test]
fn presets_of_photographs_learn_in_a_few_steps() {
    check(PHOTOGRAPHS, 40);
}

#[test]
fn the_large_network_learns_in_a_few_steps() {
    check(LARGE, 1);
}

#[test]
fn every_preset_has_a_short_run() {
    let lists = [DIGITS, POINTS, TEXTS, PHOTOGRAPHS, LARGE];
    let all: Vec<&str> = lists
        .iter()
        .flat_map(|list| list.iter().map(|run| run.preset))
        .collect();
    for preset in PRESETS {
        // `presets.rs` gives it a table, `series.rs` a series, `texts.rs` a text.
        let is_own = preset.data.is_own();
        assert_ne!(all.contains(&preset.id), is_own, "{}", preset.id);
    }
}

/// What a preset learns from, small; `None` for one that brings its sample along.
fn samples(preset: &Preset) -> Option<SampleSet> {
    match preset.data {
        PresetData::Images { source, .. } => Some(stand_in(source, 1).into()),
        PresetData::Toy(source) => Some(source.draw().expect("points").into()),
        PresetData::Series(source) => Some(source.draw().expect("a series").into()),
        PresetData::Text { source, window } => Some(shipped_text(source, window).into()),
        PresetData::OwnTable
        | PresetData::OwnSeries
        | PresetData::OwnText { .. }
        | PresetData::Fixed(_) => None,
    }
}

/// Every operation on two samples, in f64, and elements of every parameter through the whole model. VGG16 is
/// checked with its widths divided by eight, which is a preset, too.
#[test]
fn the_gradients_of_every_preset_match_finite_differences() {
    let mut checked = 0;
    for preset in PRESETS {
        if preset.data.is_own() || preset.id == "vgg16-cifar10" {
            continue;
        }
        let samples = samples(preset);
        let batch = samples.as_ref().map_or(1, |_| 2);
        let optimizer = OptimizerChoice::of(preset);
        let model = build_model(preset, samples.as_ref(), batch, optimizer).expect("a model");
        let mut given = given_values(&model, preset, samples.as_ref());
        if let Some(gathered) = model.gathered {
            given.extend(order_values(&gathered, preset, 1, &[(0, 3), (0, 7)]));
        }
        let parameters = model.parameters.iter().map(|parameter| parameter.value);
        given.extend(parameters.zip(initial_parameters(preset, &model, 1)));
        let update = model.graph.update().expect("an update");
        let [bias_correction_1, bias_correction_2] = update.bias_corrections(1);
        let step = StepValues {
            learning_rate: preset.defaults.learning_rate,
            bias_correction_1,
            bias_correction_2,
            ..StepValues::forward(batch).in_training()
        };
        let subject = check::Subject {
            model: &model,
            given: &given,
            step,
            negated: None,
        };
        let report = block_on(check::check(&subject, None, &mut |_| {})).expect("no GPU");
        assert_eq!(report.mismatch, None, "{}", preset.id);
        let of = |method| {
            report
                .nodes
                .iter()
                .filter(move |node| node.method == method)
        };
        assert_eq!(of(Method::WholeModel).count(), model.parameters.len());
        assert!(of(Method::WholeModel).any(|node| node.elements > 0));
        // Control: the last backward operation's sign.
        let mut backward = model
            .graph
            .node_ids()
            .filter(|&node| model.graph.node(node).phase == Phase::Backward);
        let negated = check::Subject {
            negated: backward.next_back(),
            ..subject
        };
        let report = block_on(check::check(&negated, None, &mut |_| {})).expect("no GPU");
        assert!(report.mismatch.is_some(), "{}", preset.id);
        checked += 1;
    }
    assert!(checked >= 14, "{checked}");
}
