//! Compression of LeNet-5 over several seeds, beside reference figures.
//!
//! The reference figures are those of one training elsewhere. Pruning nine weights of ten without fine-tuning, or leaving two
//! bits, is decided by how the few large weights happen to lie, so the figures differ between seeds by more than between
//! programs: `bench/peers/compress_torch.py` shows the same spread. A figure is reached when the seeds' range, widened by
//! its tolerance, holds it.

use serde_json::Value;

use super::presets::lines;
use super::report::table;

/// How many trainings.
const SEEDS: u32 = 8;

/// What is tried: name, its settings beside the network's, the reference figure, its tolerance.
const TRIES: [(&str, &[&str], f64, f64); 10] = [
    ("as trained", &[], 0.9765, 0.01),
    ("sparsity 0.5", &["--sparsity", "0.5"], 0.9735, 0.01),
    ("sparsity 0.8", &["--sparsity", "0.8"], 0.9645, 0.01),
    ("sparsity 0.9", &["--sparsity", "0.9"], 0.915, 0.01),
    ("sparsity 0.95", &["--sparsity", "0.95"], 0.767, 0.03),
    ("8 bits", &["--bits", "8"], 0.977, 0.01),
    ("4 bits", &["--bits", "4"], 0.976, 0.01),
    ("3 bits", &["--bits", "3"], 0.9615, 0.01),
    ("2 bits", &["--bits", "2"], 0.2015, 0.1),
    (
        "sparsity 0.9, one epoch of fine-tuning",
        &["--sparsity", "0.9", "--finetune", "1"],
        0.9755,
        0.01,
    ),
];

/// Accuracy and bytes of a try.
type Found = (f64, u64);

/// Runs all tries for all seeds.
///
/// # Errors
/// When the program cannot be run, or a reference figure lies outside of what the seeds give.
pub fn compression() -> Result<String, String> {
    let mut found: Vec<Vec<Found>> = vec![Vec::new(); TRIES.len()];
    for seed in 1..=SEEDS {
        let seed = seed.to_string();
        let run = |settings: &[&str]| {
            let arguments = ["compress", "lenet5-mnist", "--seed", &seed, "--json"];
            let arguments = arguments.iter().chain(settings);
            lines(&arguments.map(ToString::to_string).collect::<Vec<_>>())
        };
        // One training for all that only differ behind it.
        let pruned = run(&["--sparsity", "0.5,0.8,0.9,0.95"])?;
        let rounded = run(&["--bits", "8,4,3,2"])?;
        let tuned = run(TRIES[9].1)?;
        let all = tries(&pruned)
            .chain(tries(&rounded).skip(1))
            .chain(tries(&tuned).skip(1));
        let all: Vec<Found> = all.collect();
        if all.len() != TRIES.len() {
            return Err(format!(
                "seed {seed}: expected {} tries, got {}",
                TRIES.len(),
                all.len()
            ));
        }
        for (found, tried) in found.iter_mut().zip(all) {
            found.push(tried);
        }
    }
    let mut missed = Vec::new();
    let rows: Vec<Vec<String>> = TRIES
        .iter()
        .zip(&found)
        .map(|((name, _, expected, tolerance), found)| {
            let accuracies = || found.iter().map(|(accuracy, _)| *accuracy);
            let mean = accuracies().sum::<f64>() / found.len() as f64;
            let lowest = accuracies().fold(f64::INFINITY, f64::min);
            let highest = accuracies().fold(f64::NEG_INFINITY, f64::max);
            // Written so that NaN fails.
            let is_reached = lowest - tolerance <= *expected && *expected <= highest + tolerance;
            if !is_reached {
                missed.push(format!(
                    "{name}: {lowest} to {highest}, expected {expected}"
                ));
            }
            let bytes = found.iter().map(|(_, bytes)| bytes).sum::<u64>() / found.len() as u64;
            vec![
                (*name).into(),
                format!("{mean:.4}"),
                format!("{lowest:.4} to {highest:.4}"),
                found.len().to_string(),
                format!("{expected} ± {tolerance}"),
                bytes.to_string(),
            ]
        })
        .collect();
    if !missed.is_empty() {
        return Err(missed.join("; "));
    }
    let head = [
        "LeNet-5",
        "mean accuracy",
        "lowest to highest",
        "seeds",
        "reference figure",
        "bytes, mean",
    ];
    Ok(format!("{}\n", table(&head, &rows)))
}

/// Accuracy and bytes of every try, the network as trained first.
fn tries(lines: &[Value]) -> impl Iterator<Item = Found> {
    let tries = lines.iter().filter(|line| line["event"] == "try");
    tries.map(|line| {
        (
            line["accuracy"].as_f64().unwrap_or(f64::NAN),
            line["bytes"].as_u64().unwrap_or(0),
        )
    })
}
