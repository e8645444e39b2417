//! The `glassbox` program from outside: flags, exit codes, JSON lines, files.

use serde_json::Value as Json;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Output};

pub fn glassbox(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_glassbox"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The JSON lines of a command that must end with exit code 0.
pub fn lines(arguments: &[&str]) -> Vec<Json> {
    let output = glassbox(arguments);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{arguments:?}: {}",
        stderr(&output)
    );
    parse(&output)
}

fn parse(output: &Output) -> Vec<Json> {
    let text = std::str::from_utf8(&output.stdout).expect("UTF-8");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

pub fn of_event<'a>(lines: &'a [Json], event: &str) -> Vec<&'a Json> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

fn keys(line: &Json) -> Vec<&str> {
    line.as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

fn has_keys(line: &Json, expected: &[&str]) {
    let keys = keys(line);
    for key in expected {
        assert!(keys.contains(key), "{key} is missing: {line}");
    }
}

/// Exit code and stderr of a command that fails.
pub fn fails(arguments: &[&str], code: i32) -> String {
    let output = glassbox(arguments);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    assert!(!text.contains("panicked"), "{text}");
    text
}

#[test]
fn bad_usage_exits_with_2_and_says_what_there_is() {
    let train = |rest: &[&'static str]| [&["train", "mlp-mnist", "--device", "cpu"], rest].concat();
    let cases: Vec<(Vec<&str>, &str)> = vec![
        (vec![], "Usage"),
        (vec!["dance"], "unrecognized"),
        (vec!["train"], "PRESET"),
        (vec!["train", "lenet-6"], "lenet5-mnist"),
        (vec!["check", "lenet-6"], "lenet5-mnist"),
        (vec!["step", "lenet-6"], "lenet5-mnist"),
        (vec!["bench", "lenet-6"], "lenet5-mnist"),
        (
            vec!["train", "mlp-mnist", "--device", "tpu"],
            "auto, gpu, cpu",
        ),
        (vec!["check", "mlp-mnist", "--device", "auto"], "gpu, cpu"),
        (train(&["--steps", "0"]), "--steps"),
        (train(&["--steps", "-3"]), "'-3'"),
        (train(&["--steps", "2", "--epochs", "1"]), "cannot be used"),
        (train(&["--epochs", "4294967295"]), "too many steps"),
        (
            train(&["--batch", "0", "--steps", "1"]),
            "the batch size is 0",
        ),
        (train(&["--batch", "99999", "--steps", "1"]), "from 1 to"),
        (
            train(&["--lr", "0", "--steps", "1"]),
            "the learning rate is 0",
        ),
        (train(&["--lr", "NaN", "--steps", "1"]), "the learning rate"),
        (
            train(&["--lr", "-0.5", "--steps", "1"]),
            "the learning rate",
        ),
        (
            train(&["--lr", "fast", "--steps", "1"]),
            "'--lr <X>': expected a number such as 0.001",
        ),
        (
            train(&["--lr", "-inf", "--steps", "1"]),
            "the learning rate is -inf",
        ),
        (
            train(&["--batch", "-1", "--steps", "1"]),
            "'--batch <N>': expected a whole number from 0",
        ),
        (
            train(&["--seed", "x", "--steps", "1"]),
            "'--seed <S>': expected a whole number from 0",
        ),
        (
            train(&["--optimizer", "lion"]),
            "sgd, momentum, nesterov, rmsprop, adagrad, adam, adamw",
        ),
        (
            train(&[
                "--optimizer",
                "momentum",
                "--momentum",
                "1.5",
                "--steps",
                "1",
            ]),
            "the momentum is 1.5",
        ),
        (
            train(&["--optimizer", "sgd", "--momentum", "0.9", "--steps", "1"]),
            "--optimizer momentum",
        ),
        (
            train(&["--schedule", "square"]),
            "constant, inverse, step, exponential, cosine",
        ),
        (
            train(&["--gamma", "0.5", "--steps", "1"]),
            "--gamma has no effect",
        ),
        (
            train(&["--alpha", "0.5", "--steps", "1"]),
            "--optimizer adam",
        ),
        (train(&["--clip", "0"]), "a number above 0"),
        (train(&["--clip", "inf"]), "a number above 0"),
        (train(&["--warmup", "1.5"]), "a whole number from 0"),
        (train(&["--init", "xavier"]), "xavier-uniform"),
        (train(&["--seed", "-1"]), "'-1'"),
        (train(&["--plot", "curves.gif"]), ".svg"),
        (train(&["--article"]), "mlp-mnist"),
        (vec!["generate", "weights"], "--prompt <TEXT>"),
    ];
    for (arguments, expected) in cases {
        let text = fails(&arguments, 2);
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
}

#[test]
fn files_that_are_not_there_or_no_good_exit_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let noise = path("noise.safetensors");
    fs::write(&noise, [7; 400]).unwrap();
    let absent = path("absent.safetensors");
    let train = ["train", "mlp-mnist", "--device", "cpu", "--steps", "1"];
    let nowhere = path("no/folder/w.safetensors");
    let cases: Vec<Vec<&str>> = vec![
        [&train[..], &["--resume", &absent]].concat(),
        [&train[..], &["--resume", &noise]].concat(),
        [&train[..], &["--save", &nowhere]].concat(),
        vec!["predict", &absent, &noise],
        vec!["predict", &noise, &noise],
    ];
    for arguments in cases {
        let text = fails(&arguments, 1);
        assert!(text.starts_with("glassbox: "), "{text}");
    }
}

#[test]
fn presets_and_devices_are_listed() {
    let presets = lines(&["presets", "--json"]);
    let ids: Vec<&str> = presets.iter().filter_map(|p| p["id"].as_str()).collect();
    assert_eq!(ids[..3], ["lenet5-mnist", "mlp-mnist", "worked-2-3-1"]);
    // Listed without the data of CIFAR-10, and without a table of one's own.
    assert!(ids.contains(&"vgg16-cifar10") && ids.contains(&"mlp-csv"));
    assert_eq!(presets[0]["parameters"], 61_706);
    assert_eq!(presets[1]["parameters"], 101_770);
    assert_eq!(presets[2]["parameters"], 13);
    // What they are to reach, and how to run into it.
    let target = serde_json::json!({"settings": ["--article", "--lr", "0.01"], "epochs": 5,
        "metric": "accuracy", "at_least": 0.96, "source": "reference"});
    assert_eq!(presets[0]["targets"][2], target);
    let find = |id: &str| presets.iter().find(|preset| preset["id"] == id).unwrap();
    assert_eq!(
        (&find("vgg-s")["init"], &find("logreg")["init"]),
        (&"he-normal".into(), &"pytorch".into())
    );
    assert_eq!(find("vgg-s")["data"], "cifar10");

    let devices = lines(&["devices", "--json"]);
    let kinds: Vec<&str> = devices
        .iter()
        .filter_map(|d| d["device"].as_str())
        .collect();
    assert!(
        kinds.contains(&"gpu") && kinds.contains(&"cpu"),
        "{kinds:?}"
    );
    for command in ["presets", "devices"] {
        assert!(!glassbox(&[command]).stdout.is_empty());
    }
}

#[test]
fn training_prints_every_step_the_evaluations_and_what_was_done() {
    for device in ["cpu", "gpu"] {
        let lines = lines(&[
            "train",
            "mlp-mnist",
            "--device",
            device,
            "--steps",
            "12",
            "--seed",
            "4",
            "--json",
        ]);
        let steps = of_event(&lines, "step");
        let numbers: Vec<u64> = steps.iter().filter_map(|s| s["step"].as_u64()).collect();
        assert_eq!(numbers, (1..=12).collect::<Vec<u64>>());
        for key in ["epoch", "loss", "accuracy", "learning_rate", "step_millis"] {
            assert!(steps.iter().all(|step| step[key].is_f64()), "{key}");
        }
        assert!(steps[11]["loss"].as_f64() < steps[0]["loss"].as_f64());

        let [evaluation] = of_event(&lines, "evaluation")[..] else {
            panic!("one evaluation at the end");
        };
        assert_eq!(evaluation["split"], "test");
        let confusion = evaluation["confusion"].as_array().unwrap();
        let counts = confusion.iter().flat_map(|row| row.as_array().unwrap());
        assert_eq!(counts.filter_map(Json::as_u64).sum::<u64>(), 2_000);
        for key in ["precision", "recall"] {
            let values = evaluation[key].as_array().unwrap();
            assert_eq!(values.len(), 10);
            assert!(values.iter().all(|value| value.is_f64() || value.is_null()));
        }

        let [done] = of_event(&lines, "done")[..] else {
            panic!("one end");
        };
        assert_eq!(lines.last().unwrap()["event"], "done");
        assert_eq!(done["device"], device);
        assert_eq!(done["steps"], 12);
        assert_eq!(done["allocations_after_warm_up"], 0);
        assert!(done["samples_per_second"].as_f64().unwrap() > 0.0);
        assert!(done["peak_bytes"].as_u64().unwrap() > 1 << 20);
        let dispatches = done["dispatches_per_step"].as_f64().unwrap();
        let submits = done["submits_per_step"].as_f64().unwrap();
        if device == "gpu" {
            assert!((5.0..=30.0).contains(&dispatches), "{dispatches}");
            assert!(0.0 < submits && submits <= 1.0, "{submits}");
        } else {
            assert_eq!((dispatches, submits), (0.0, 0.0));
        }
        has_keys(done, &["adapter", "backend", "is_software"]);
    }
}

#[test]
fn both_devices_and_both_ways_to_count_give_the_same_first_losses() {
    let losses = |arguments: &[&str]| -> Vec<f64> {
        let lines = lines(&[&["train", "mlp-mnist", "--json"], arguments].concat());
        let steps = of_event(&lines, "step");
        steps.iter().filter_map(|s| s["loss"].as_f64()).collect()
    };
    let cpu = losses(&["--device", "cpu", "--epochs", "1", "--batch", "1000"]);
    assert_eq!(cpu.len(), 10);
    let steps = losses(&["--device", "cpu", "--steps", "10", "--batch", "1000"]);
    assert_eq!(cpu, steps);
    let gpu = losses(&["--device", "gpu", "--steps", "3", "--batch", "1000"]);
    assert_eq!(gpu.len(), 3);
    for (gpu, cpu) in gpu.iter().zip(&cpu) {
        assert!((gpu - cpu).abs() <= 1e-4 * cpu.abs(), "{gpu} {cpu}");
    }
    let other = losses(&[
        "--device", "cpu", "--steps", "2", "--batch", "1000", "--seed", "2",
    ]);
    assert!((other[0] - cpu[0]).abs() > 1e-6);
}

#[test]
fn a_run_that_breaks_down_says_so_in_both_outputs() {
    let arguments = [
        "train",
        "mlp-mnist",
        "--device",
        "cpu",
        "--optimizer",
        "sgd",
        "--lr",
        "1000",
        "--steps",
        "50",
        "--json",
    ];
    let output = glassbox(&arguments);
    assert_eq!(output.status.code(), Some(1));
    let lines = parse(&output);
    let failed = lines.last().expect("lines");
    assert_eq!(failed["event"], "failed");
    assert_eq!(failed["kind"], "non_finite");
    let broken = of_event(&lines, "step").pop().expect("steps");
    let words = ["NaN", "Infinity", "-Infinity"];
    assert!(words.contains(&broken["loss"].as_str().expect("no number")));
    let message = failed["message"].as_str().unwrap();
    let step = format!("in step {}", broken["step"]);
    assert!(message.contains(&step), "{message}");
    assert!(stderr(&output).contains(message));
    assert!(of_event(&lines, "done").is_empty());
    assert!(message.contains("with --save F the last good checkpoint"));

    // With a place for it, the last good checkpoint is written, and training goes on from it.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("last.safetensors").display().to_string();
    let output = glassbox(&[&arguments[..], &["--save", &file]].concat());
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(
        text.contains("the last good checkpoint, of step 0, is in"),
        "{text}"
    );
    let rest = [
        "train",
        "mlp-mnist",
        "--device",
        "cpu",
        "--resume",
        &file,
        "--lr",
        "0.05",
        "--steps",
        "2",
        "--json",
    ];
    let steps = lines_of_steps(&rest);
    assert_eq!(steps.len(), 2);
    assert!(steps.iter().all(|step| step["loss"].is_f64()));
}

fn lines_of_steps(arguments: &[&str]) -> Vec<Json> {
    let lines = lines(arguments);
    of_event(&lines, "step").into_iter().cloned().collect()
}

#[test]
fn settings_go_into_the_run_the_lines_and_the_saved_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (whole, half) = (path("whole.safetensors"), path("half.safetensors"));
    let train = ["train", "mlp-mnist", "--device", "cpu", "--json"];
    let settings = [
        "--optimizer",
        "nesterov",
        "--momentum",
        "0.8",
        "--lr",
        "0.05",
        "--schedule",
        "inverse",
        "--schedule-k",
        "0.5",
        "--clip",
        "0.5",
        "--weight-decay",
        "0.01",
        "--init",
        "orthogonal",
    ];
    let run = |rest: &[&str]| lines_of_steps(&[&train[..], rest].concat());
    let full = run(&[&settings[..], &["--steps", "8", "--save", &whole]].concat());
    for (number, step) in full.iter().enumerate() {
        let rate = step["learning_rate"].as_f64().expect("a rate");
        assert!(
            (rate - 0.05 / (1.0 + 0.5 * number as f64)).abs() < 1e-8,
            "{step}"
        );
        assert!(step["gradient_norm"].as_f64().expect("a norm") > 0.0);
    }
    let first = run(&[&settings[..], &["--steps", "5", "--save", &half]].concat());
    // Optimizer, momentum, schedule and clipping come from the file.
    let rest = path("rest.safetensors");
    let then = run(&["--resume", &half, "--steps", "3", "--save", &rest]);
    let losses =
        |steps: &[Json]| -> Vec<Json> { steps.iter().map(|step| step["loss"].clone()).collect() };
    assert_eq!([losses(&first), losses(&then)].concat(), losses(&full));
    assert_eq!(
        fs::read(&whole).unwrap(),
        fs::read(&rest).unwrap(),
        "equal files"
    );
}

#[test]
fn early_stopping_says_so_and_saves_the_best() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("best.safetensors").display().to_string();
    let lines = lines(&[
        "train",
        "mlp-mnist",
        "--device",
        "cpu",
        "--json",
        "--lr",
        "1e-30",
        "--batch",
        "1000",
        "--optimizer",
        "sgd",
        "--epochs",
        "9",
        "--patience",
        "1",
        "--save",
        &file,
    ]);
    let stopped = of_event(&lines, "stopped_early");
    assert_eq!(stopped.len(), 1);
    assert_eq!(
        (&stopped[0]["step"], &stopped[0]["best_step"]),
        (&20.into(), &10.into())
    );
    assert_eq!(of_event(&lines, "step").len(), 20);
    assert_eq!(of_event(&lines, "done")[0]["steps"], 20);
    let facts = glassbox::export::Checkpoint::read_facts(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(facts.step, 10);
}

#[test]
fn a_saved_run_resumes_exactly_and_predicts_digits() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (whole, half) = (path("whole.safetensors"), path("half.safetensors"));
    let (svg, png) = (path("curves.svg"), path("curves.png"));
    let train = ["train", "mlp-mnist", "--device", "cpu", "--json"];
    let run = |rest: &[&str]| lines(&[&train[..], rest].concat());
    let losses = |lines: &[Json]| -> Vec<Json> {
        let steps = of_event(lines, "step");
        steps.iter().map(|step| step["loss"].clone()).collect()
    };

    let full = [
        "--steps", "160", "--seed", "9", "--batch", "50", "--save", &whole, "--plot", &svg,
    ];
    let expected = run(&full);
    let first = [
        "--steps", "60", "--seed", "9", "--batch", "50", "--save", &half,
    ];
    let mut found = losses(&run(&first));
    // Seed, batch, optimizer and learning rate come from the file.
    let rest = run(&["--resume", &half, "--steps", "100", "--plot", &png]);
    assert_eq!(of_event(&rest, "step")[0]["step"], 61);
    found.extend(losses(&rest));
    assert_eq!(found, losses(&expected));

    let drawing = fs::read_to_string(&svg).unwrap();
    assert!(
        drawing.starts_with("<svg") && drawing.ends_with("</svg>"),
        "{drawing:.99}"
    );
    let picture = image::load_from_memory(&fs::read(&png).unwrap()).unwrap();
    assert_eq!((picture.width(), picture.height()), (1_920, 1_280));

    let wrong = fails(
        &[
            "train",
            "lenet5-mnist",
            "--device",
            "cpu",
            "--resume",
            &whole,
            "--steps",
            "1",
        ],
        1,
    );
    assert!(wrong.contains("mlp-mnist"), "{wrong}");
    predicts(folder.path(), &whole);
}

/// Test digits from the IDX file, and one drawn dark on light.
fn predicts(folder: &Path, weights: &str) {
    let digits = format!(
        "{}/assets/data/mnist/t10k-images-idx3-ubyte.gz",
        env!("CARGO_MANIFEST_DIR")
    );
    let labels = &crate::training::mnist().test;
    let right = (0..12u32).filter(|index| {
        let number = index.to_string();
        let found = lines(&["predict", weights, &digits, "--index", &number, "--json"]);
        let [line] = &found[..] else {
            panic!("one prediction: {found:?}");
        };
        let probabilities = line["probabilities"].as_array().unwrap();
        let sum: f64 = probabilities.iter().filter_map(Json::as_f64).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{line}");
        let label = labels.labels()[*index as usize].to_string();
        line["class"] == label.as_str()
    });
    let right = right.count();
    assert!(right >= 8, "{right} of 12");
    fails(&["predict", weights, &digits, "--index", "2000"], 1);

    // A test digit, four times as large, dark on light.
    let digit = labels.image(0);
    let image = image::GrayImage::from_fn(160, 140, |x, y| {
        let (x, y) = (x as i64 / 4 - 4, y as i64 / 4 - 3);
        let inside = (0..28).contains(&x) && (0..28).contains(&y);
        let ink = if inside {
            digit[(y * 28 + x) as usize]
        } else {
            0
        };
        image::Luma([255 - ink])
    });
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    let drawing = folder.join("digit.png").display().to_string();
    fs::write(&drawing, bytes.into_inner()).unwrap();
    let output = glassbox(&["predict", weights, &drawing, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let line = &parse(&output)[0];
    assert_eq!(line["is_inverted"], true);
    assert_eq!(line["is_centred"], true);
    assert!(stderr(&output).contains("dark on light"));
    // The same network on the same digit, prepared the same way but for rounding.
    let given = lines(&["predict", weights, &digits, "--index", "0", "--json"]);
    assert_eq!(line["class"], given[0]["class"]);
    let text = glassbox(&["predict", weights, &drawing]);
    assert!(String::from_utf8_lossy(&text.stdout).contains('%'));

    let empty = folder.join("empty.png").display().to_string();
    fs::write(&empty, b"\x89PNG\r\n\x1a\n").unwrap();
    fails(&["predict", weights, &empty], 1);
}

#[test]
fn a_plot_of_a_short_run_has_its_curves() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("worked.svg").display().to_string();
    lines(&[
        "train",
        "worked-2-3-1",
        "--device",
        "cpu",
        "--steps",
        "20",
        "--plot",
        &file,
        "--json",
    ]);
    assert!(fs::read_to_string(file).unwrap().contains("<svg"));
}

#[test]
fn check_names_every_node_and_its_error() {
    for (preset, device) in [
        ("worked-2-3-1", "cpu"),
        ("lenet5-mnist", "cpu"),
        ("mlp-mnist", "gpu"),
    ] {
        let lines = lines(&["check", preset, "--device", device, "--json"]);
        let nodes = of_event(&lines, "node");
        for node in &nodes {
            let (error, most) = (&node["largest_error"], &node["tolerance"]);
            assert!(error.as_f64() <= most.as_f64(), "{node}");
            assert!(node["elements"].as_u64() > Some(0), "{node}");
        }
        let kernels = nodes.iter().filter(|node| node["method"] == "kernel");
        assert_eq!(kernels.count() > 0, device == "gpu");
        let [checked] = of_event(&lines, "checked")[..] else {
            panic!("one result");
        };
        assert_eq!(checked["comparisons"], nodes.len());
    }
}

#[test]
fn step_walks_through_a_batch_in_order() {
    for device in ["cpu", "gpu"] {
        let lines = lines(&["step", "worked-2-3-1", "--device", device, "--json"]);
        let phases: Vec<&str> = lines.iter().filter_map(|l| l["phase"].as_str()).collect();
        assert_eq!(phases.first(), Some(&"forward"));
        assert_eq!(phases.last(), Some(&"update"));
        let fc1 = &lines[0];
        assert_eq!(
            (&fc1["node"], &fc1["operation"]),
            (&"fc1".into(), &"linear".into())
        );
        assert_eq!(fc1["inputs"][1]["name"], "fc1.weight");
        assert_eq!(fc1["inputs"][1]["shape"], serde_json::json!([3, 2]));
        assert!(fc1["equations"][0].as_str().unwrap().contains("\\sum"));
        let values = fc1["outputs"][0]["values"].as_array().unwrap();
        for (value, expected) in values.iter().zip([0.1, -0.5, 0.45]) {
            assert!((value.as_f64().unwrap() - expected).abs() < 2e-6);
        }
        let statistics = &fc1["outputs"][0]["statistics"];
        has_keys(
            statistics,
            &["min", "max", "mean", "zeros", "norm", "non_finite"],
        );
        let relu = &lines[1]["outputs"][0]["statistics"];
        assert_eq!(relu["zeros"].as_f64().unwrap() as f32, 1.0 / 3.0);
        let [batch] = of_event(&lines, "batch")[..] else {
            panic!("one batch");
        };
        assert!((batch["loss"].as_f64().unwrap() - 0.620957).abs() < 2e-6);
        assert!((batch["loss_after"].as_f64().unwrap() - 0.565096).abs() < 2e-6);
    }
    let text = glassbox(&["step", "lenet5-mnist", "--batch", "2"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("conv2d_backward_weight") && text.contains("adam_update"));
}

#[test]
fn step_explains_elements_checks_gradients_and_goes_on_to_the_next_batch() {
    let lines = lines(&[
        "step",
        "lenet5-mnist",
        "--batch",
        "2",
        "--batches",
        "2",
        "--optimizer",
        "adam",
        "--explain",
        "conv1.weight.grad[2,0,1,3]",
        "--explain",
        "fc3.bias[4]",
        "--check-gradient",
        "fc3.weight[0,1]",
        "--json",
    ]);
    let explained = of_event(&lines, "explanation");
    let names: Vec<&str> = explained
        .iter()
        .filter_map(|line| line["tensor"].as_str())
        .collect();
    assert_eq!(names, ["conv1.weight.grad", "fc3.bias"].repeat(2));
    for line in explained {
        let (stored, total) = (line["stored"].as_f64().unwrap(), line["total"].as_f64());
        let total = total.unwrap();
        assert!(
            (stored - total).abs() <= 1e-6 + 1e-4 * total.abs(),
            "{line}"
        );
        let groups = line["groups"].as_array().unwrap();
        let terms = groups.iter().flat_map(|g| g["terms"].as_array().unwrap());
        let sum: f64 = terms.map(|term| term["value"].as_f64().unwrap()).sum();
        assert!((sum - total).abs() <= 1e-9 + 1e-9 * total.abs(), "{line}");
    }
    for check in of_event(&lines, "gradient_check") {
        let analytic = check["analytic"].as_f64().unwrap();
        let nudges = check["nudges"].as_array().unwrap();
        let best = nudges
            .iter()
            .map(|nudge| (nudge["slope"].as_f64().unwrap() - analytic).abs())
            .fold(f64::INFINITY, f64::min);
        assert!(best <= 1e-6 * analytic.abs().max(1e-3), "{check}");
    }
    let [update, _] = of_event(&lines, "operation")
        .into_iter()
        .filter(|line| line["phase"] == "update")
        .collect::<Vec<_>>()[..]
    else {
        panic!("one update a batch");
    };
    let updated = update["outputs"].as_array().unwrap();
    let names: Vec<&str> = updated.iter().filter_map(|t| t["name"].as_str()).collect();
    assert_eq!(names[0], "conv1.weight");
    assert_eq!(names.len(), 10 + 2, "ten parameters, and Adam's two states");
    let batches = of_event(&lines, "batch");
    let steps: Vec<u64> = batches.iter().filter_map(|b| b["step"].as_u64()).collect();
    assert_eq!(steps, [0, 1]);
    assert_ne!(batches[0]["loss"], batches[1]["loss"]);
    let bad: [(&[&str], &str); 4] = [
        (&["--explain", "conv9.y[0]"], "no tensor"),
        (&["--explain", "fc3.bias[10]"], "outside"),
        (
            &["--check-gradient", "fc3.bias[x]"],
            "conv1.weight[0,0,2,2]",
        ),
        (&["--check-gradient", "conv1.y[0,0,0,0]"], "not a parameter"),
    ];
    for (arguments, expected) in bad {
        let arguments = [&["step", "lenet5-mnist", "--batch", "1"], arguments].concat();
        let text = fails(&arguments, 2);
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
}

/// Of a function of a sum, the sum is told too; of a sum there is nothing more to tell.
#[test]
fn step_tells_the_sum_inside_a_gate() {
    let explained = |preset: &str, element: &str| {
        let step = ["step", preset, "--device", "cpu", "--batch", "2", "--json"];
        let output = lines(&[&step[..], &["--values", "0", "--explain", element]].concat());
        of_event(&output, "explanation")[0].clone()
    };
    let gate = explained("lstm-trend", "lstm.l0.gates[1,7,5]");
    let inside = &gate["inside"];
    assert_eq!(inside["function"], "σ");
    let number = |value: &serde_json::Value| value.as_f64().expect("a number");
    let total: f64 = inside["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| number(&group["subtotal"]))
        .sum();
    assert!((total - number(&inside["total"])).abs() < 1e-12);
    let stored = 1.0 / (1.0 + (-total).exp());
    assert!((stored - number(&gate["stored"])).abs() < 2e-6);
    // One feature, two biases, 16 units.
    assert_eq!(inside["term_count"], 19);
    let sum = explained("lstm-trend", "fc.y[0,0]");
    assert!(sum.get("inside").is_none());
    let step = ["step", "lstm-trend", "--device", "cpu", "--batch", "2"];
    let plain = glassbox(&[&step[..], &["--explain", "lstm.l0.gates[1,7,5]"]].concat());
    let text = String::from_utf8_lossy(&plain.stdout).into_owned();
    assert!(text.contains("inside σ: 19 terms add up to"), "{text}");
}

#[test]
fn bench_measures_on_the_device_that_was_asked_for() {
    for device in ["cpu", "gpu"] {
        let lines = lines(&[
            "bench",
            "mlp-mnist",
            "--batch",
            "16",
            "--steps",
            "6",
            "--device",
            device,
            "--json",
        ]);
        let [bench] = &lines[..] else {
            panic!("one line");
        };
        assert_eq!(bench["event"], "bench");
        assert_eq!(bench["device"], device);
        assert_eq!(bench["steps"], 6);
        assert_eq!(bench["batch"], 16);
        for key in [
            "samples_per_second",
            "step_millis_median",
            "step_millis_least",
        ] {
            assert!(bench[key].as_f64().unwrap() > 0.0, "{key}");
        }
        let bytes = |key: &str| bench[key].as_u64().unwrap();
        assert!(bytes("peak_bytes") >= bytes("needed_bytes"));
        // 101,770 parameters, their gradients and Adam's two states.
        assert!(bytes("needed_bytes") > 4 * 4 * 101_770);
        // Told where the system tells it.
        if Path::new("/proc/self/clear_refs").exists() {
            assert!(bytes("resident_bytes") > bytes("needed_bytes") / 2);
        }
    }
}

#[test]
fn single_operations_are_answered_line_by_line() {
    let directory = std::env::temp_dir().join(format!("glassbox-op-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a directory");
    let file = directory.join("requests.jsonl");
    let good = r#"{"name": "mine", "operation": "mean_absolute_error", "inputs": [
        {"shape": [2, 1], "data": [1, -1]}, {"shape": [2, 1], "data": [0, 1]}],
        "output_gradients": [{"shape": [], "data": [1]}]}"#
        .replace('\n', " ");
    let path = file.to_str().expect("UTF-8");
    fs::write(&file, format!("{good}\n\n{good}\n")).expect("a file");
    for device in [&["--device", "gpu"][..], &["--precision", "f64"], &[]] {
        let answers = lines(&[&["op", path], device].concat());
        assert_eq!(answers.len(), 2);
        for answer in &answers {
            assert_eq!(
                (&answer["event"], &answer["name"]),
                (&"answer".into(), &"mine".into())
            );
            assert_eq!(answer["outputs"][0]["symbol"], "L");
            assert_eq!(answer["outputs"][0]["data"], serde_json::json!([1.5]));
            assert_eq!(
                answer["gradients"][0]["data"],
                serde_json::json!([0.5, -0.5])
            );
            assert_eq!(answer["gradients"][1], Json::Null);
        }
    }

    // What does not fit is answered too, and the others go on.
    let unknown = r#"{"name": "odd", "operation": "dance", "inputs": []}"#;
    fs::write(&file, format!("{unknown}\nnonsense\n{good}\n")).expect("a file");
    let output = glassbox(&["op", path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("2 of 3 requests were refused"),
        "{}",
        stderr(&output)
    );
    let answers = parse(&output);
    let events: Vec<&Json> = answers.iter().map(|answer| &answer["event"]).collect();
    assert_eq!(events, ["refused", "refused", "answer"]);
    assert_eq!(
        (&answers[0]["line"], &answers[0]["name"]),
        (&1.into(), &"odd".into())
    );
    let message = answers[0]["message"].as_str().expect("a message");
    assert!(message.contains("there are: gather_batch"), "{message}");

    fs::write(&file, "\n").expect("a file");
    assert!(fails(&["op", path], 2).contains("holds no request"));
    let mixed = ["op", path, "--device", "gpu", "--precision", "f64"];
    assert!(fails(&mixed, 2).contains("needs --device cpu"));
    fs::remove_dir_all(&directory).expect("the directory goes");
}
