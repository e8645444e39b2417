//! Layer lists: reading them, building free graphs of them, and refusing what does not fit.

use glassbox::graph::Phase;
use glassbox::layers::{
    Add, BatchSource, Kind, Layer, Linear, Loss, Model, ModelError, ModelSpec, Relu, summarize,
};
use glassbox::models::PRESETS;
use glassbox::ops::{Op, SgdUpdate};

fn build(spec: &ModelSpec, features: usize) -> Result<Model, ModelError> {
    let source = BatchSource::Features {
        features,
        targets: 2,
    };
    Model::build(spec, &source, 4, Op::SgdUpdate(SgdUpdate::default()))
}

fn linear(name: &str, out_features: usize) -> Layer {
    Layer::new(name, Linear { out_features })
}

fn spec(layers: Vec<Layer>) -> ModelSpec {
    ModelSpec {
        layers,
        loss: Loss::BinaryCrossEntropy,
    }
}

/// fc1 -> relu1 -> fc2, fc2 + relu1 -> fc3, all of width 3.
fn residual() -> ModelSpec {
    spec(vec![
        linear("fc1", 3),
        Layer::new("relu1", Relu {}),
        linear("fc2", 3),
        Layer::new("sum", Add {}).with_inputs(&["fc2", "relu1"]),
        linear("fc3", 2),
    ])
}

#[test]
fn layer_lists_survive_json() {
    let mut specs: Vec<ModelSpec> = PRESETS.iter().map(|preset| (preset.spec)()).collect();
    specs.push(residual());
    let mut shared = residual();
    shared.layers[2].parameters_of = Some("fc1".into());
    specs.push(shared);
    for spec in specs {
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(ModelSpec::from_json(&text).unwrap(), spec, "{text}");
    }
}

#[test]
fn attributes_stand_beside_the_name() {
    let text = r#"{"name":"fc1","kind":"linear","out_features":3}"#;
    let layer: Layer = serde_json::from_str(text).unwrap();
    assert_eq!(layer, linear("fc1", 3));
    let value = serde_json::to_value(&layer).unwrap();
    assert_eq!(
        value,
        serde_json::from_str::<serde_json::Value>(text).unwrap()
    );
    assert!(Kind::NAMES.contains(&"linear"));
}

#[test]
fn a_residual_connection_reads_two_layers() {
    let model = build(&residual(), 5).unwrap();
    let sum = model.graph.node(model.graph.find_node("sum").unwrap());
    let names: Vec<&str> = sum
        .inputs
        .iter()
        .map(|&input| model.graph.value(input).name.as_str())
        .collect();
    assert_eq!(names, ["fc2.y", "relu1.y"]);
    // relu1's output is read twice: its gradients meet.
    let gradient = model.graph.find_value("relu1.y.grad").unwrap();
    let meets = model
        .graph
        .nodes()
        .iter()
        .find(|node| node.outputs.contains(&gradient))
        .unwrap();
    assert_eq!((meets.op.name(), meets.phase), ("add", Phase::Backward));
    let rows = summarize(&model);
    let parameters: Vec<u64> = rows.iter().map(|row| row.parameters).collect();
    assert_eq!(parameters, [18, 0, 12, 0, 8]);
    assert_eq!(model.parameter_count(), 38);
}

#[test]
fn layers_that_share_parameters_have_them_once() {
    let mut shared = residual();
    shared.layers[2] = linear("fc2", 3).with_parameters_of("fc1");
    let model = build(&shared, 3).unwrap();
    assert_eq!(model.parameter_count(), 12 + 8);
    let rows = summarize(&model);
    let parameters: u64 = rows.iter().map(|row| row.parameters).sum();
    assert_eq!(parameters, 12 + 8, "counted where they are first used");
}

/// The message of a list that cannot be built from 5 features.
fn refusal(spec: &ModelSpec) -> String {
    match build(spec, 5) {
        Ok(_) => panic!("{spec:?} was built"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn lists_that_do_not_fit_are_refused_by_the_name_of_the_layer() {
    let changed = |change: &dyn Fn(&mut Vec<Layer>)| {
        let mut spec = residual();
        change(&mut spec.layers);
        refusal(&spec)
    };
    let cases = [
        (
            changed(&|layers| layers[3].inputs[1] = "fc9".into()),
            "layer sum reads \"fc9\", which is not in the list",
        ),
        (
            changed(&|layers| layers[3].inputs[1] = "fc3".into()),
            "layer sum reads \"fc3\", which does not come before it",
        ),
        (
            changed(&|layers| layers[3].inputs[0] = "relu1".into()),
            "layer fc2: nothing reads its output, and the model ends with fc3",
        ),
        (
            changed(&|layers| layers[2].name = "fc1".into()),
            "two layers are called \"fc1\"; every layer needs its own name",
        ),
        (
            changed(&|layers| layers[0].name = "loss".into()),
            "no layer may be called \"loss\": the model has other things of that name",
        ),
        (
            changed(&|layers| layers[0].name = "a b".into()),
            "\"a b\" is not a layer's name: expected 1 to 64 letters, digits, \".\", \"_\" or \"-\"",
        ),
        (
            changed(&|layers| layers[3].inputs.truncate(1)),
            "layer sum: expected 2 inputs, got 1",
        ),
        (
            changed(&|layers| layers[1].inputs = vec!["fc1".into(), "input".into()]),
            "layer relu1: expected 1 inputs, got 2",
        ),
        (
            changed(&|layers| layers[0] = linear("fc1", 0)),
            "layer fc1: out_features must be at least 1",
        ),
        (
            changed(&|layers| layers[2].parameters_of = Some("fc1".into())),
            "layer fc2: it shares fc1.weight, which is (3, 5), expected (3, 3)",
        ),
        (
            changed(&|layers| layers[1].parameters_of = Some("fc1".into())),
            "layer relu1 has no parameters that it could take from fc1",
        ),
        (
            changed(&|layers| layers.clear()),
            "the model has 0 layers, expected 1 to 1000",
        ),
    ];
    for (actual, expected) in cases {
        assert_eq!(actual, expected);
    }
}

#[test]
fn text_that_is_no_layer_list_is_refused() {
    let message = |text: &str| ModelSpec::from_json(text).unwrap_err().to_string();
    let layers = |layer: &str| {
        message(&format!(
            r#"{{"layers": [{layer}], "loss": "binary_cross_entropy"}}"#
        ))
    };
    let unknown = layers(r#"{"name": "a", "kind": "magic"}"#);
    assert!(
        unknown.contains("layer a: there is no kind \"magic\"; there are: linear, scale, conv2d"),
        "{unknown}"
    );
    let typo = layers(r#"{"name": "a", "kind": "linear", "out_feature": 3}"#);
    assert!(
        typo.contains("layer a (linear): unknown field `out_feature`"),
        "{typo}"
    );
    let missing = layers(r#"{"name": "a", "kind": "linear"}"#);
    assert!(
        missing.contains("layer a (linear): missing field `out_features`"),
        "{missing}"
    );
    assert!(message("{").starts_with("the layer list is not valid: "));
    let long = " ".repeat((1 << 20) + 1);
    assert_eq!(
        message(&long),
        "the layer list has 1048577 bytes, expected at most 1048576"
    );
}
