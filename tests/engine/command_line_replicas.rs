//! `glassbox ddp` and `glassbox export` from outside: what is told before a run stops, and what is refused.

use super::command_line::{fails, glassbox, lines, of_event};
use serde_json::Value as Json;

#[test]
fn ddp_tells_its_records_before_it_fails() {
    let run = [
        "ddp", "--mode", "sum", "--lr", "1", "--steps", "60", "--json",
    ];
    let output = glassbox(&run);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the loss of replica"), "{said}");
    let text = std::str::from_utf8(&output.stdout).unwrap();
    let told: Vec<Json> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let steps = of_event(&told, "replica_step");
    assert!(!steps.is_empty() && steps.len() < 60, "{}", steps.len());
    for (at, record) in steps.iter().enumerate() {
        assert_eq!(record["step"], at + 1);
    }
    assert!(of_event(&told, "replicas_done").is_empty());
}

#[test]
fn ddp_compares_with_a_single_run_on_the_same_batches() {
    let told = lines(&[
        "ddp",
        "--preset",
        "mlp-moons",
        "--replicas",
        "3",
        "--batch",
        "21",
        "--optimizer",
        "sgd",
        "--lr",
        "0.05",
        "--steps",
        "60",
        "--json",
    ]);
    let done = of_event(&told, "replicas_done");
    assert_eq!(done.len(), 2);
    let relative = done[1]["relative_to_single"].as_f64().unwrap();
    assert!(relative <= 1e-5, "{relative:e}");
}

#[test]
fn lengths_and_rates_that_cannot_be_are_refused() {
    let said = fails(&["ddp", "--steps", "1000001"], 2);
    assert!(said.contains("1000000"), "{said}");
    for (setting, value, reason) in [
        ("--steps", "0", "from 1 to 1000000"),
        ("--replicas", "-1", "expected a whole number from 0"),
        ("--local-steps", "-2", "expected a whole number from 0"),
        ("--shares", "-1,2,3,2", "expected a whole number from 0"),
        ("--bandwidth", "abc", "expected a number such as 1.25e9"),
        (
            "--bandwidth",
            "-1",
            "the bandwidth is -1 bytes a second, expected a number above 0",
        ),
        ("--replicas", "3", "1, 2, 4, 8, 16 do"),
    ] {
        let said = fails(&["ddp", setting, value], 2);
        assert!(said.contains(reason), "{setting} {value}: {said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new");
    let out = out.to_str().unwrap();
    for (setting, value, reason) in [
        ("--lr", "-1", "the learning rate is -1"),
        (
            "--batch",
            "1000001",
            "1000001 samples a batch, expected 1 to",
        ),
        ("--steps", "1000001", "1000001 steps, expected 1 to 1000000"),
    ] {
        let said = fails(&["export", "logreg", "--out", out, setting, value], 2);
        assert!(said.contains(reason), "{said}");
    }
    assert!(!std::path::Path::new(out).exists(), "nothing was written");
}
