//! Layer lists on the command line: `--model FILE` and `glassbox summary`.

use glassbox::layers::{BatchSource, Model, ModelSpec, summarize};
use glassbox::models::resnet_s;
use glassbox::ops::{Op, SgdUpdate};
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use std::process::{Command, Output};

fn glassbox(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_glassbox"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

/// A file of its own for a test, removed when it ends.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let file = format!("glassbox-{}-{name}.json", std::process::id());
        let path = std::env::temp_dir().join(file);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

/// A residual network on digits: two convolutions of which the second is added to the first,
/// the mean of each map, and a gate.
fn small() -> Json {
    json!({
        "layers": [
            {"name": "conv1", "kind": "conv2d", "out_channels": 3, "kernel": 5, "stride": 4},
            {"name": "tanh1", "kind": "tanh"},
            {"name": "conv2", "kind": "conv2d", "out_channels": 3, "kernel": 3, "padding": 1},
            {"name": "sum", "kind": "add", "inputs": ["conv2", "tanh1"]},
            {"name": "gate", "kind": "sigmoid"},
            {"name": "gated", "kind": "multiply", "inputs": ["gate", "tanh1"]},
            {"name": "pool", "kind": "mean", "axes": [2, 3]},
            {"name": "left", "kind": "slice", "axis": 3, "end": 3, "inputs": ["sum"]},
            {"name": "left_mean", "kind": "mean", "axes": [-2, -1]},
            {"name": "both", "kind": "concatenate", "axis": 1, "inputs": ["pool", "left_mean"]},
            {"name": "fc", "kind": "linear", "out_features": 10}
        ],
        "loss": "softmax_cross_entropy"
    })
}

fn lines(output: &Output) -> Vec<Json> {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_layer_list_is_summarized_checked_and_stepped_through() {
    let file = File::new("small", &small().to_string());
    let with_model = |command: &str, rest: &[&str]| {
        let arguments = [
            &[command, "lenet5-mnist", "--json", "--model", file.path()],
            rest,
        ];
        lines(&glassbox(&arguments.concat()))
    };
    let summary = with_model("summary", &["--batch", "8"]);
    let (total, layers) = summary.split_last().unwrap();
    assert_eq!(layers.len(), 11);
    let sum = &layers[3];
    assert_eq!(sum["inputs"], json!(["conv2", "tanh1"]));
    assert_eq!(sum["output_shape"], json!([3, 6, 6]));
    let counts: u64 = layers
        .iter()
        .map(|layer| layer["parameters"].as_u64().unwrap())
        .sum();
    assert_eq!(counts, 78 + 84 + 70);
    assert_eq!(total["parameters"], json!(counts));
    assert_eq!(total["batch"], json!(8));
    // conv1 gives 3 · 6 · 6 outputs of 25 products and sums each.
    assert_eq!(layers[0]["flops"], json!(2 * 108 * 25));
    // Rows of parameters begin at multiples of 256 bytes; Adam has two states.
    let bytes = &total["bytes"];
    assert_eq!(bytes["gradients"], bytes["parameters"]);
    let parameters = bytes["parameters"].as_u64().unwrap();
    assert!(parameters >= 4 * counts && parameters.is_multiple_of(256));
    assert_eq!(bytes["optimizer_state"], json!(2 * parameters));
    assert!(bytes["activations"].as_u64().unwrap() > 8 * 4 * 108);

    let checked = with_model("check", &["--batch", "2"]);
    let done = checked.last().unwrap();
    assert_eq!(done["event"], "checked");
    assert!(done["comparisons"].as_u64().unwrap() > 30);
    let stepped = with_model("step", &[]);
    // Lines on the batch as a whole name no node.
    let names: Vec<&str> = stepped
        .iter()
        .filter_map(|line| line["node"].as_str())
        .collect();
    assert!(names.contains(&"gated.backward_b"), "{names:?}");
}

#[test]
fn layer_lists_that_do_not_fit_are_refused_by_layer_and_numbers() {
    let refusal = |name: &str, change: &dyn Fn(&mut Json)| {
        let mut list = small();
        change(&mut list);
        let file = File::new(name, &list.to_string());
        let output = glassbox(&["check", "lenet5-mnist", "--model", file.path()]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_ne!(output.status.code(), Some(0), "{name}");
        assert!(!text.contains("panicked"), "{text}");
        text
    };
    let cases: [(String, &str); 9] = [
        (
            refusal("classes", &|list| {
                list["layers"][10]["out_features"] = json!(9)
            }),
            "layer fc: its output is (3, 9), expected a value for each of the 10 classes",
        ),
        (
            refusal("broadcast", &|list| list["layers"][2]["kernel"] = json!(4)),
            "sum: add: a is (3, 3, 5, 5) and b is (3, 3, 6, 6): sizes 5 and 6 do not broadcast",
        ),
        (
            refusal("slice", &|list| list["layers"][7]["end"] = json!(7)),
            "left: slice: 0..7 is outside of axis 3 of (3, 3, 6, 6), which has 6 elements",
        ),
        (
            refusal("batch", &|list| list["layers"][9]["axis"] = json!(0)),
            "layer both: axis 0 is the batch, expected an axis of the samples, 1 to 1",
        ),
        (
            refusal("rank", &|list| list["layers"][6]["keepdim"] = json!(true)),
            "both: concatenate: x1 is (3, 3) and x0 is (3, 3, 1, 1)",
        ),
        (
            refusal("huge", &|list| {
                list["layers"][0]["out_channels"] = json!(1u64 << 40)
            }),
            "layer conv1: weight: shape (1099511627776, 1, 5, 5) has more than",
        ),
        (
            refusal("large", &|list| {
                list["layers"][0]["out_channels"] = json!(2_000_000);
                // Each tanh adds 3 · 2,000,000 · 6 · 6 numbers: 864 MB.
                let layers = list["layers"].as_array_mut().unwrap();
                layers.truncate(1);
                layers.extend((0..6).map(|at| json!({"name": format!("t{at}"), "kind": "tanh"})));
            }),
            "layer t3: with it the model takes 4",
        ),
        (
            refusal("loss", &|list| list["loss"] = json!("binary_cross_entropy")),
            "loss: binary_cross_entropy: t",
        ),
        (
            refusal("kind", &|list| list["layers"][0]["kind"] = json!("conv9d")),
            "layer conv1: there is no kind \"conv9d\"; there are: ",
        ),
    ];
    for (text, expected) in cases {
        assert!(text.contains(expected), "{text}");
    }
    let missing = glassbox(&["check", "lenet5-mnist", "--model", "no-such-file.json"]);
    let text = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(text.contains("no-such-file.json"), "{text}");
}

fn resnet(batch: usize) -> Model {
    let source = BatchSource::Images {
        samples: 8,
        shape: [3, 32, 32],
        mean: vec![0.5; 3],
        standard_deviation: vec![0.25; 3],
        order_length: 64,
        margin: None,
    };
    Model::build(
        &resnet_s(),
        &source,
        batch,
        Op::SgdUpdate(SgdUpdate::default()),
    )
    .unwrap()
}

#[test]
fn the_small_residual_network_has_the_parameters_of_its_layers() {
    let model = resnet(2);
    // Without a bias, and with the weight and bias of the normalization behind it.
    let convolution = |channels: u64, out: u64, kernel: u64| out * (channels * kernel * kernel + 2);
    let expected = convolution(3, 16, 3)
        + 2 * convolution(16, 16, 3)
        + convolution(16, 32, 3)
        + convolution(32, 32, 3)
        + convolution(16, 32, 1)
        + convolution(32, 64, 3)
        + convolution(64, 64, 3)
        + convolution(32, 64, 1)
        + 650;
    assert_eq!(expected, 78_042);
    assert_eq!(model.parameter_count(), expected);
    let rows = summarize(&model);
    let find = |name: &str| rows.iter().find(|row| row.name == name).unwrap();
    assert_eq!(
        find("block2.sum").inputs,
        ["block2.bn2", "block2.shortcut_bn"]
    );
    assert_eq!(find("block1.sum").inputs, ["block1.bn2", "relu1"]);
    assert_eq!(find("conv1").inputs, ["input"]);
    assert_eq!(find("block3.relu2").output_shape, [64, 8, 8]);
    assert_eq!(find("pool").output_shape, [64]);
}

#[test]
fn the_small_residual_network_passes_the_check_of_every_operation() {
    // On digits, which are there without downloads.
    let mut spec: ModelSpec = resnet_s();
    for layer in &mut spec.layers {
        if let glassbox::layers::Kind::Conv2d(conv) = &mut layer.kind {
            conv.out_channels /= 8;
        }
    }
    let file = File::new("resnet", &serde_json::to_string(&spec).unwrap());
    let arguments = ["check", "lenet5-mnist", "--json", "--batch", "2", "--model"];
    let checked = lines(&glassbox(&[&arguments[..], &[file.path()]].concat()));
    assert_eq!(checked.last().unwrap()["event"], "checked");
}
