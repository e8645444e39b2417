//! Scripts are run by PyTorch where it is installed, and their losses held to the engine's.

use super::*;
use crate::data::{DataSource, TextSet, TextSource, mnist_from_bytes};
use crate::exec::cpu::CpuExecutor;
use crate::exec::{Mode, Plan};
use crate::lab::replicas::{Coordinator, Crew, Settings, Subject, linear_samples};
use crate::models::{PRESETS, PresetData, find};
use crate::ops::StepValues;
use crate::session::{
    Command, DevicePreference, Event, OptimizerChoice, RunConfig, RunId, Session, build_model,
    build_spec, given_values, initial_parameters, order_values,
};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

fn digits() -> SampleSet {
    let whole = mnist_from_bytes(
        include_bytes!("../../../assets/data/mnist/train-images-idx3-ubyte.gz"),
        include_bytes!("../../../assets/data/mnist/train-labels-idx1-ubyte.gz"),
        include_bytes!("../../../assets/data/mnist/t10k-images-idx3-ubyte.gz"),
        include_bytes!("../../../assets/data/mnist/t10k-labels-idx1-ubyte.gz"),
    );
    SampleSet::Images(whole.expect("the committed files"))
}

/// Samples of a preset, where they need no files beside the program.
fn samples(preset: &Preset) -> Option<SampleSet> {
    match preset.data {
        PresetData::Toy(source) => Some(source.draw().unwrap().into()),
        PresetData::Series(source) => Some(source.draw().unwrap().into()),
        PresetData::Text {
            source: source @ TextSource::Shakespeare,
            window,
        } => {
            let bytes = include_bytes!("../../../assets/data/text/en-shakespeare.txt");
            Some(
                TextSet::from_bytes(source.name(), bytes, window)
                    .unwrap()
                    .into(),
            )
        }
        PresetData::Images {
            source: DataSource::Mnist,
            ..
        } => Some(digits()),
        _ => None,
    }
}

const BATCH: u32 = 16;
const STEPS: u32 = 4;

/// The files of a preset at its own optimizer and rate.
fn files(preset: &Preset, samples: &SampleSet, batch: u32) -> Result<TorchFiles, TorchError> {
    changed_files(preset, samples, batch, |_| {})
}

/// The same, changed.
fn changed_files(
    preset: &Preset,
    samples: &SampleSet,
    batch: u32,
    change: impl FnOnce(&mut TorchRun),
) -> Result<TorchFiles, TorchError> {
    let choice = OptimizerChoice::of(preset);
    let spec = (preset.spec)();
    let model = if preset.id == "linear" {
        build_spec(&spec, preset, Some(samples), 2, choice)
    } else {
        build_model(preset, Some(samples), 2, choice)
    };
    files_of(&spec, &model.unwrap(), preset, samples, batch, change)
}

/// The files of another layer list on a preset's samples.
fn files_of(
    spec: &ModelSpec,
    model: &Model,
    preset: &Preset,
    samples: &SampleSet,
    batch: u32,
    change: impl FnOnce(&mut TorchRun),
) -> Result<TorchFiles, TorchError> {
    let weights = initial_parameters(preset, model, 1);
    let mut run = TorchRun {
        preset,
        spec,
        model,
        samples,
        weights: &weights,
        seed: 1,
        batch,
        steps: STEPS,
        optimizer: preset.defaults.optimizer,
        momentum: preset.defaults.momentum,
        learning_rate: preset.defaults.learning_rate,
        options: preset.defaults.options,
    };
    change(&mut run);
    run.files()
}

fn write(files: &TorchFiles, name: &str, folder: &Path) -> std::path::PathBuf {
    let names = TorchFiles::names(name);
    let contents = [files.script.as_bytes(), &files.weights, &files.data];
    for (name, bytes) in names.iter().zip(contents) {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    folder.join(&names[0])
}

/// A Python that has PyTorch.
fn python() -> Option<&'static str> {
    let has_torch = |python: &&str| {
        let mut command = std::process::Command::new(python);
        let status = command
            .args(["-c", "import torch, torch.distributed"])
            .output();
        status.is_ok_and(|output| output.status.success())
    };
    let found = ["python3", "/usr/bin/python3"].into_iter().find(has_torch);
    if found.is_none() {
        // The test harness keeps `eprintln!` of a passing test to itself.
        let _ = writeln!(
            std::io::stderr(),
            "NOT RUN: no Python with PyTorch here; the PyTorch scripts were written and read, but not run"
        );
    }
    found
}

/// Losses of the script's steps, by `processes` processes.
fn script_losses(python: &str, script: &Path, processes: u32) -> Vec<f64> {
    let mut command = std::process::Command::new(python);
    if processes > 1 {
        command
            .args(["-m", "torch.distributed.run", "--standalone"])
            .args(["--nproc_per_node", &processes.to_string()])
            // The torchrun of PyTorch 1.13 does not read its own defaults under Python 3.11; these it does.
            .args(["--redirects", "1", "--tee", "1", "--log_dir"])
            .arg(script.with_extension("log"));
    }
    command
        .arg(script)
        .args(["--device", "cpu"])
        .env("OMP_NUM_THREADS", "1");
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", script.display());
    let text = String::from_utf8(output.stdout).unwrap();
    let losses: Vec<f64> = text
        .lines()
        .map(|line| {
            // torchrun puts the process's name in front.
            let json = &line[line.find('{').unwrap_or(0)..];
            let line: serde_json::Value = serde_json::from_str(json).unwrap();
            assert_eq!(line["processes"], processes);
            line["loss"].as_f64().unwrap()
        })
        .collect();
    assert_eq!(losses.len(), STEPS as usize, "{errors}");
    losses
}

/// The engine's own losses.
fn session_losses(preset: &Preset, samples: &SampleSet, batch: u32) -> Vec<f64> {
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&events);
    let mut session = Session::new("test", move |event| sink.lock().unwrap().push(event));
    match (preset.data, samples.clone()) {
        (PresetData::Images { source, .. }, SampleSet::Images(images)) => {
            session.provide_dataset(source, images);
        }
        (PresetData::Text { source, .. }, SampleSet::Text(text)) => {
            session.provide_source_text(source, text);
        }
        _ => {}
    }
    let run: RunId = 1;
    let config = RunConfig {
        preset: preset.id.into(),
        device: DevicePreference::Cpu,
        seed: 1,
        batch: Some(batch),
        steps: Some(STEPS.into()),
        ..RunConfig::default()
    };
    pollster::block_on(async {
        session.handle(Command::Start { run, config }).await;
        let count = STEPS;
        session.handle(Command::StepBatches { run, count }).await;
        while session.advance(1e3).await {}
    });
    let events = events.lock().unwrap();
    let records = events.iter().filter_map(|event| match event {
        Event::Steps { records, .. } => Some(records),
        Event::Failed { failure, .. } => panic!("{}: {}", preset.id, failure.message),
        _ => None,
    });
    records.flatten().map(|record| record.loss.into()).collect()
}

#[track_caller]
fn assert_same(name: &str, actual: &[f64], expected: &[f64]) {
    assert_eq!(actual.len(), expected.len(), "{name}");
    for (step, (a, e)) in actual.iter().zip(expected).enumerate() {
        let close = (a - e).abs() <= 1e-4 * e.abs();
        assert!(close, "{name}, step {}: PyTorch {a}, here {e}", step + 1);
    }
}

#[test]
fn a_script_reaches_the_engines_losses_in_two_processes() {
    let Some(python) = python() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let lenet = find("lenet5-mnist").unwrap();
    let samples = digits();
    // 15 samples: parts of 7 and 8.
    let script = write(
        &files(lenet, &samples, 15).unwrap(),
        lenet.id,
        folder.path(),
    );
    let losses = script_losses(python, &script, 2);
    let expected = session_losses(lenet, &samples, 15);
    assert_same(lenet.id, &losses, &expected);
    // Control: other weights have other losses.
    let other = session_losses(find("mlp-mnist").unwrap(), &samples, 15);
    assert!((losses[0] - other[0]).abs() > 1e-4 * other[0]);

    // The linear regression, beside the lab's own replicas.
    let linear = Subject::preset("linear").unwrap();
    let script = write(
        &files(linear, &linear_samples(1), 256).unwrap(),
        linear.id,
        folder.path(),
    );
    let losses = script_losses(python, &script, 2);
    let mut settings = Settings::linear();
    settings.replicas = 2;
    let mut crew = Crew::new(2, linear.id, None);
    let mut coordinator = Coordinator::new(settings).unwrap();
    crew.run(&mut coordinator, STEPS.into());
    let records = coordinator.records().iter();
    let mean = |losses: &[Option<f64>]| losses.iter().flatten().sum::<f64>() / 2.0;
    let expected: Vec<f64> = records.map(|record| mean(&record.losses)).collect();
    assert_same("linear", &losses, &expected);
}

#[test]
fn a_process_without_a_sample_takes_part_and_counts_nothing() {
    let Some(python) = python() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let preset = find("logreg").unwrap();
    let samples = samples(preset).unwrap();
    let script = write(
        &files(preset, &samples, 1).unwrap(),
        preset.id,
        folder.path(),
    );
    let losses = script_losses(python, &script, 2);
    assert_same(preset.id, &losses, &session_losses(preset, &samples, 1));
}

#[test]
fn momentum_of_the_linear_regression_is_that_of_the_labs_replicas() {
    let linear = Subject::preset("linear").unwrap();
    let files = changed_files(linear, &linear_samples(1), 256, |run| {
        run.optimizer = OptimizerKind::Momentum;
    });
    let files = files.unwrap();
    assert!(files.script.contains("momentum=0.9"), "{}", files.script);
    let Some(python) = python() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let script = write(&files, linear.id, folder.path());
    let losses = script_losses(python, &script, 1);
    let mut settings = Settings::linear();
    settings.replicas = 1;
    settings.optimizer = OptimizerKind::Momentum;
    let mut crew = Crew::new(1, linear.id, None);
    let mut coordinator = Coordinator::new(settings).unwrap();
    crew.run(&mut coordinator, STEPS.into());
    let records = coordinator.records().iter();
    let expected: Vec<f64> = records.filter_map(|record| record.losses[0]).collect();
    assert_same(linear.id, &losses, &expected);
}

#[test]
fn rates_and_lengths_that_make_no_script_are_refused() {
    let preset = find("logreg").unwrap();
    let samples = samples(preset).unwrap();
    for rate in [f32::NAN, f32::INFINITY, 0.0, -0.1, 2e3] {
        let files = changed_files(preset, &samples, 2, |run| run.learning_rate = rate);
        assert_eq!(
            files.unwrap_err().to_string(),
            format!("the learning rate is {rate}, expected a number above 0 and at most 1000")
        );
    }
    let files = changed_files(preset, &samples, 100, |run| run.steps = 500_001);
    assert_eq!(
        files.unwrap_err().to_string(),
        "500001 steps of 100 samples are 50000100, expected at most 50000000"
    );
}

#[test]
fn scripts_of_sequences_and_points_reach_the_engines_losses() {
    let Some(python) = python() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for id in ["lstm-text", "gru-mnist", "rnn-sine", "logreg-mse"] {
        let preset = find(id).unwrap();
        let samples = samples(preset).unwrap();
        let script = write(&files(preset, &samples, BATCH).unwrap(), id, folder.path());
        let losses = script_losses(python, &script, 1);
        assert_same(id, &losses, &session_losses(preset, &samples, BATCH));
    }
}

/// Of the test that follows.
const RATE: f32 = 0.1;

/// The engine's losses, beginning at the rate [`RATE`], of a layer list on a preset's images, on the CPU, without a session, which knows presets alone.
fn losses_of(model: &Model, preset: &Preset, samples: &SampleSet, batch: u32) -> Vec<f64> {
    let graph = Arc::new(model.graph.clone());
    let plan = Arc::new(Plan::new(&graph, Mode::Train, &[model.loss]));
    let mut executor = CpuExecutor::<f32>::new(Arc::clone(&graph), Arc::clone(&plan));
    for (value, values) in given_values(model, preset, Some(samples)) {
        executor.give(value, values);
    }
    let initial = initial_parameters(preset, model, 1);
    for (parameter, values) in model.parameters.iter().zip(&initial) {
        executor.write(parameter.value, values);
    }
    let mut order = BatchSchedule::shuffled(1, samples.train_count(), batch).unwrap();
    let update = graph.update().expect("an optimizer");
    let steps_per_epoch = u64::from(order.steps_per_epoch());
    let rates = Schedule::new(&preset.defaults.options, steps_per_epoch, STEPS.into());
    (0..STEPS)
        .map(|step| {
            let taken = order.at(step.into());
            let valid = taken.valid();
            let epoch = taken.epoch;
            let taken: Vec<(u64, u32)> = taken.padded().map(|sample| (epoch, sample)).collect();
            let gathered = model.gathered.expect("images are gathered");
            for (value, values) in order_values(&gathered, preset, 1, &taken) {
                executor.write(value, &values);
            }
            let [bias_correction_1, bias_correction_2] =
                update.bias_corrections(u64::from(step) + 1);
            let values = StepValues {
                step,
                learning_rate: rates.rate(RATE.into(), step.into()) as f32,
                bias_correction_1,
                bias_correction_2,
                ..StepValues::forward(valid).in_training()
            };
            executor.run(0..plan.groups.len(), &values);
            executor.reals(model.loss)[0].into()
        })
        .collect()
}

#[test]
fn normalizations_and_layers_of_any_name_reach_the_engines_losses() {
    // Names that PyTorch's modules have themselves, or that add_module refuses.
    let spec = ModelSpec::from_json(
        r#"{"layers": [
            {"name": "train", "kind": "conv2d", "out_channels": 4, "kernel": 5, "stride": [2, 2]},
            {"name": "a..b", "kind": "batch_norm"},
            {"name": "relu", "kind": "relu"},
            {"name": "flatten", "kind": "flatten"},
            {"name": "forward", "kind": "linear", "out_features": 24},
            {"name": "forward.weight", "kind": "batch_norm", "epsilon": 0.001},
            {"name": "tanh", "kind": "tanh"},
            {"name": "state_dict", "kind": "linear", "out_features": 16},
            {"name": "norm.", "kind": "layer_norm"},
            {"name": "fc", "kind": "linear", "out_features": 10}
        ], "loss": "softmax_cross_entropy"}"#,
    )
    .unwrap();
    let preset = find("lenet5-mnist").unwrap();
    let samples = digits();
    // By SGD: gradients of what a batch normalization takes away again are 0 but for rounding, and Adam would make whole
    // steps of that.
    let choice = OptimizerChoice {
        kind: OptimizerKind::Sgd,
        ..OptimizerChoice::of(preset)
    };
    let model = build_spec(&spec, preset, Some(&samples), BATCH, choice).unwrap();
    let files = files_of(&spec, &model, preset, &samples, BATCH, |run| {
        run.optimizer = OptimizerKind::Sgd;
        run.learning_rate = RATE;
    });
    let files = files.unwrap();
    assert!(
        files.script.contains("nn.BatchNorm2d(4") && files.script.contains("nn.BatchNorm1d(24")
    );
    assert!(files.script.contains("nn.LayerNorm([16]"));
    let losses = losses_of(&model, preset, &samples, BATCH);
    assert_eq!(losses.len(), STEPS as usize);
    let Some(python) = python() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let script = write(&files, preset.id, folder.path());
    assert_same(
        "normalizations",
        &script_losses(python, &script, 1),
        &losses,
    );
    // Control: the losses of the same layers without the normalizations are others.
    let mut plain = spec.clone();
    plain
        .layers
        .retain(|layer| !layer.kind.name().ends_with("_norm"));
    let plain = build_spec(&plain, preset, Some(&samples), BATCH, choice).unwrap();
    let others = losses_of(&plain, preset, &samples, BATCH);
    assert!((others[0] - losses[0]).abs() > 1e-4 * losses[0]);
}

#[test]
fn every_preset_is_written_or_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = Vec::new();
    let mut refused = Vec::new();
    for preset in PRESETS {
        let Some(samples) = samples(preset) else {
            continue;
        };
        match files(preset, &samples, BATCH) {
            Ok(files) => {
                assert!(!files.script.contains("{{"), "{}", preset.id);
                written.push(write(&files, preset.id, folder.path()));
            }
            Err(error) => refused.push(format!("{}: {error}", preset.id)),
        }
    }
    assert!(written.len() >= 12, "{written:?}");
    assert_eq!(
        refused,
        [
            "gpt-text: layer \"positions\" is a positional_embedding, which the PyTorch script has no counterpart of"
        ]
    );
    // What stands in the script is what Python accepts; PyTorch is not needed for that.
    let compile = "import sys\nfor name in sys.argv[1:]: compile(open(name).read(), name, 'exec')";
    let mut command = std::process::Command::new("python3");
    match command.args(["-c", compile]).args(&written).output() {
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{errors}");
        }
        Err(error) => {
            let _ = writeln!(
                std::io::stderr(),
                "NOT RUN: no python3 here to read the scripts: {error}"
            );
        }
    }
}

#[test]
fn layers_without_a_counterpart_are_named() {
    let image = |layer: &str| {
        let text = format!(
            r#"{{"layers": [{layer}, {{"name": "flatten", "kind": "flatten"}},
                {{"name": "fc", "kind": "linear", "out_features": 10}}], "loss": "softmax_cross_entropy"}}"#
        );
        let spec = ModelSpec::from_json(&text).unwrap();
        let preset = find("lenet5-mnist").unwrap();
        let samples = digits();
        let choice = OptimizerChoice::of(preset);
        let model = build_spec(&spec, preset, Some(&samples), 2, choice).unwrap();
        layers::code(&spec, &model)
    };
    let (modules, forward) = image(
        r#"{"name": "block1.conv", "kind": "conv2d", "out_channels": 2, "kernel": 3, "stride": [2, 1], "bias": false}"#,
    )
    .unwrap();
    assert!(modules.contains(
        "put(self, \"block1.conv\", nn.Conv2d(1, 2, (3, 3), stride=(2, 1), padding=(0, 0), dilation=(1, 1), groups=1, bias=False))"
    ));
    assert!(forward.contains("v0 = part(self, \"block1.conv\")(x)"));
    let lopsided = r#"{"name": "conv", "kind": "conv2d", "out_channels": 2, "kernel": 2, "padding": [1, 0, 1, 0]}"#;
    let error = image(lopsided).unwrap_err().to_string();
    assert!(
        error.starts_with("layer \"conv\": its padding is 1, 0, 1, 0"),
        "{error}"
    );
}
