//! `glassbox compress` from outside: tries, budget, the file and what it predicts.

use crate::command_line::{fails, lines, of_event};
use serde_json::Value as Json;
use std::fs;

fn number(line: &Json, key: &str) -> f64 {
    line[key]
        .as_f64()
        .unwrap_or_else(|| panic!("{key}: {line}"))
}

#[test]
fn a_network_is_compressed_within_a_budget_and_its_file_predicts() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (weights, small) = (path("lenet.safetensors"), path("lenet.gbc"));
    let train = [
        "train",
        "lenet5-mnist",
        "--device",
        "cpu",
        "--epochs",
        "1",
        "--save",
    ];
    lines(&[&train[..], &[&weights, "--json"]].concat());
    let compress = [
        "compress",
        &weights,
        "--sparsity",
        "0.5,0.9",
        "--bits",
        "32,8",
    ];
    let output = ["--budget", "20000", "--out", &small, "--json"];
    let found = lines(&[&compress[..], &output[..]].concat());
    let [base] = of_event(&found, "base")[..] else {
        panic!("one base: {found:?}")
    };
    assert_eq!(
        (number(base, "parameters"), number(base, "weights")),
        (61_706.0, 61_470.0)
    );
    let tries = of_event(&found, "try");
    assert_eq!(tries.len(), 5, "the network as trained, and four more");
    assert!(number(tries[0], "accuracy") > 0.9);
    for tried in &tries[1..] {
        assert!(number(tried, "bytes") < number(tries[0], "bytes"));
        let asked = (number(tried, "sparsity") * 61_470.0).round_ties_even();
        assert!(number(tried, "zeros") >= asked);
    }
    let [best] = of_event(&found, "best")[..] else {
        panic!("one best: {found:?}")
    };
    let fits = |tried: &&&Json| number(tried, "bytes") <= 20_000.0;
    let most = tries
        .iter()
        .filter(fits)
        .map(|tried| number(tried, "choosing_accuracy"));
    assert_eq!(number(best, "choosing_accuracy"), most.fold(0.0, f64::max));
    let chosen = &tries[number(best, "number") as usize];
    assert_eq!(
        number(best, "accuracy"),
        number(chosen, "reporting_accuracy")
    );
    for tried in &tries {
        let halves = number(tried, "choosing_accuracy") + number(tried, "reporting_accuracy");
        assert!(
            (halves / 2.0 - number(tried, "accuracy")).abs() < 1e-6,
            "{tried}"
        );
    }
    let size = fs::metadata(&small).expect("a file").len();
    assert_eq!(number(best, "bytes"), size as f64);
    let saved = of_event(&found, "compressed_saved");
    assert_eq!(number(saved[0], "bytes"), size as f64);

    let digits = "assets/data/mnist/t10k-images-idx3-ubyte.gz";
    let told = lines(&["predict", &small, digits, "--index", "0", "--json"]);
    let probabilities = told[0]["probabilities"].as_array().expect("a list");
    let sum: f64 = probabilities.iter().filter_map(Json::as_f64).sum();
    assert!((sum - 1.0).abs() < 1e-5);
    assert_eq!(told[0]["preset"], "lenet5-mnist");

    let error = fails(&["compress", &weights, "--bits", "1"], 2);
    assert!(error.contains("0 levels"), "{error}");
    let both = ["compress", &weights, "--bits", "1", "--sparsity", "2"];
    let error = fails(&both, 2);
    assert!(
        error.contains("0.999") && error.contains("0 levels"),
        "{error}"
    );
    let error = fails(&["compress", &weights, "--sparsity", "1"], 2);
    assert!(error.contains("0.999"), "{error}");
    let error = fails(&["compress", &weights, "--bits", "4", "--budget", "500"], 1);
    assert!(error.contains("smallest"), "{error}");
    fails(&["compress", &weights, "--bits", "4,8", "--out", &small], 2);
    fails(&["compress", "gpt-text", "--bits", "4"], 2);
    // All settings are looked at first: a network that takes minutes to train is not begun.
    let refused = |settings: &[&str], reason: &str| {
        let before = std::time::Instant::now();
        let long = ["compress", "lenet5-mnist", "--epochs", "100"];
        let said = fails(&[&long[..], settings].concat(), 2);
        assert!(said.contains(reason), "{settings:?}: {said}");
        assert!(
            before.elapsed().as_secs() < 30,
            "{settings:?}: it trained first"
        );
    };
    refused(
        &["--finetune", "1", "--finetune-lr", "-1"],
        "the learning rate is -1",
    );
    refused(&["--distil", "mlp", "--lambda", "2"], "λ is 2");
    refused(&["--budget", "0"], "a whole number of bytes from 1");
    refused(&["--budget", "-5"], "a whole number of bytes from 1");
    refused(
        &["--distil", "mlp", "--temperature", "1e-38"],
        "from 0.05 to 100",
    );
    refused(&["--distil", "mlp", "--distil-epochs", "101"], "101 epochs");
    refused(&["--lr", "-0.5"], "the learning rate is -0.5");
    let many: Vec<String> = (0..200).map(|at| format!("0.{at:03}")).collect();
    refused(&["--sparsity", &many.join(",")], "at most 199");
    let cut = path("cut.gbc");
    let bytes = fs::read(&small).expect("a file");
    fs::write(&cut, &bytes[..bytes.len() - 1]).expect("a file");
    let error = fails(&["predict", &cut, digits], 1);
    assert!(error.contains("ends in fc3"), "{error}");
}
