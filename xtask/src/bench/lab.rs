//! The compute lab's figures: long runs of its instruments, written into `docs/LAB.md`.
//!
//! Each instrument has a section there with a pair of marks, between which its tables are written.

use std::fs;

use serde_json::Value;

use super::conditions;
use super::presets::lines;
use super::report::table;
use crate::tools::{self, command, execute, root};

const USAGE: &str = "usage: cargo xtask bench --lab [NAME[,NAME]] [--skip-build]";

/// An instrument's section.
struct Section {
    name: &'static str,
    /// Its tables and sentences as Markdown.
    measure: fn() -> Result<String, String>,
}

const SECTIONS: [Section; 5] = [
    Section {
        name: "mixed-precision",
        measure: precision,
    },
    Section {
        name: "replicas",
        measure: super::lab_replicas::replicas,
    },
    Section {
        name: "compress",
        measure: super::lab_compress::compression,
    },
    Section {
        name: "roofline",
        measure: super::lab_measure::measure,
    },
    Section {
        name: "memory",
        measure: super::lab_memory::memory,
    },
];

/// Runs the chosen instruments and rewrites their tables.
///
/// # Errors
/// When the arguments are not understood, an instrument cannot be run, or a pass criterion is missed.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let mut names: Vec<&str> = Vec::new();
    let mut must_build = true;
    for argument in arguments {
        match argument.as_str() {
            "--lab" => {}
            "--skip-build" => must_build = false,
            known if !known.starts_with("--") => names.extend(known.split(',')),
            other => return Err(format!("unexpected argument `{other}`\n{USAGE}")),
        }
    }
    let known = SECTIONS.map(|section| section.name);
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        let known = known.join(", ");
        return Err(format!(
            "no instrument is called {name}; there are: {known}"
        ));
    }
    if must_build {
        tools::for_native_tests()?;
        execute(command("cargo").args(["build", "--release", "--bin", "glassbox"]))?;
    }
    let chosen = |section: &&Section| names.is_empty() || names.contains(&section.name);
    for section in SECTIONS.iter().filter(chosen) {
        println!("{} ...", section.name);
        let measured = (section.measure)()?;
        let text = format!("{measured}\nMeasured on {}.\n", conditions::machine());
        println!("{text}");
        write(section.name, &text)?;
    }
    Ok(())
}

/// Puts a section's text between its marks.
fn write(name: &str, text: &str) -> Result<(), String> {
    let path = root().join("docs/LAB.md");
    let problem = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let old = fs::read_to_string(&path).map_err(|error| problem(&error))?;
    let new = replaced(&old, name, text).map_err(|error| problem(&error))?;
    fs::write(&path, new).map_err(|error| problem(&error))
}

fn replaced(document: &str, name: &str, text: &str) -> Result<String, String> {
    let start = format!("<!-- {name}: written by `cargo xtask bench --lab`. -->");
    let end = format!("<!-- End of {name}. -->");
    let missing = |mark: &str| format!("expected a line `{mark}`");
    let (before, rest) = document.split_once(&start).ok_or_else(|| missing(&start))?;
    let (_, after) = rest.split_once(&end).ok_or_else(|| missing(&end))?;
    Ok(format!("{before}{start}\n\n{text}\n{end}{after}"))
}

/// Runs `glassbox` and takes the lines of one event.
fn told(lines: &[Value], event: &str) -> Vec<Value> {
    let of_event = lines.iter().filter(|line| line["event"] == event);
    of_event.cloned().collect()
}

fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(ToString::to_string).collect()
}

/// Steps of the long comparison: five times through the digits.
const STEPS: &str = "785";
/// The most that mixed precision may lose against float32.
const LEAST_ACCURACY: f64 = 0.01;

/// LeNet-5 in three precisions for three seeds, by SGD once more, and the kernels with float16 storage.
fn precision() -> Result<String, String> {
    let mut rows = Vec::new();
    let mut missed = Vec::new();
    let runs = [
        ("adam", "1", "0.003"),
        ("adam", "2", "0.003"),
        ("adam", "3", "0.003"),
        ("sgd", "1", "0.1"),
        ("sgd", "1", "0.001"),
    ];
    for (optimizer, seed, rate) in runs {
        let arguments = [
            "precision",
            "lenet5-mnist",
            "--steps",
            STEPS,
            "--seed",
            seed,
            "--optimizer",
            optimizer,
            "--lr",
            rate,
            "--json",
        ];
        let lines = lines(&owned(&arguments))?;
        let mut accuracies = [f64::NAN; 2];
        for result in told(&lines, "precision_result") {
            let mode = result["mode"].as_str().unwrap_or("?");
            let accuracy = result["accuracy"].as_f64().unwrap_or(f64::NAN);
            match mode {
                "float32" => accuracies[0] = accuracy,
                "mixed" => accuracies[1] = accuracy,
                _ => {}
            }
            let scale = told(&lines, "precision_step");
            let scale = scale.iter().rfind(|line| line["mode"] == mode);
            rows.push(vec![
                format!("{optimizer}, {rate}"),
                seed.into(),
                mode.into(),
                format!("{:.2} %", 100.0 * accuracy),
                result["steps"].to_string(),
                result["skipped"].to_string(),
                scale.map_or_else(String::new, |line| line["scale"].to_string()),
            ]);
        }
        let lost = accuracies[0] - accuracies[1];
        // NaN is not within it.
        let is_within = lost <= LEAST_ACCURACY;
        if !is_within {
            missed.push(format!("{optimizer} {rate}, seed {seed}: {lost}"));
        }
    }
    if !missed.is_empty() {
        return Err(format!(
            "mixed precision loses more than 0.01: {}",
            missed.join("; ")
        ));
    }
    let head = [
        "optimizer, rate",
        "seed",
        "way",
        "held-out accuracy",
        "steps",
        "skipped",
        "last scale",
    ];
    let mut text = format!("{}\n", table(&head, &rows));
    text.push_str(&steps()?);
    text.push_str(&kernels()?);
    Ok(text)
}

/// Whole steps of LeNet-5 on a device that stores float16, timed in turns.
fn steps() -> Result<String, String> {
    let arguments = [
        "precision",
        "lenet5-mnist",
        "--steps",
        "20",
        "--device",
        "gpu",
        "--json",
    ];
    let lines = lines(&owned(&arguments))?;
    let about = told(&lines, "precision");
    let about = about.first().ok_or("expected a line on the device")?;
    let adapter = about["adapter"].as_str().unwrap_or("?");
    let number = |line: &Value, key: &str| line[key].as_f64().unwrap_or(f64::NAN);
    let modes = about["modes"].as_array().ok_or("expected the modes")?;
    let times = told(&lines, "step_time");
    let rows: Vec<Vec<String>> = times
        .iter()
        .map(|time| {
            let mode = modes.iter().find(|mode| mode["mode"] == time["mode"]);
            let bytes = |keys: &[&str]| -> String {
                let count = |key: &&str| mode.and_then(|mode| mode[*key].as_u64()).unwrap_or(0);
                keys.iter().map(count).sum::<u64>().to_string()
            };
            vec![
                time["mode"].as_str().unwrap_or("?").into(),
                format!("{:.1} ms", number(time, "median_millis")),
                format!(
                    "{:.1} to {:.1} ms",
                    number(time, "fastest_millis"),
                    number(time, "slowest_millis")
                ),
                format!("{:.2}", number(time, "speed")),
                bytes(&["activations"]),
                bytes(&["weights", "master", "gradients", "states"]),
                bytes(&["scratch"]),
            ]
        })
        .collect();
    let head = [
        "way",
        "step, median",
        "fastest to slowest",
        "speed",
        "activations, bytes",
        "weights, gradients, states",
        "scratch",
    ];
    Ok(format!(
        "Whole steps of LeNet-5, batch 64, on {adapter}, in turns:\n\n{}\n",
        table(&head, &rows)
    ))
}

fn kernels() -> Result<String, String> {
    let lines = lines(&owned(&["precision", "--kernels", "--json"]))?;
    let about = told(&lines, "kernels");
    let about = about.first().ok_or("expected a line on the device")?;
    let adapter = about["adapter"].as_str().unwrap_or("?");
    if about["has_f16"] != true {
        return Ok(format!(
            "{adapter} has no float16 in its shaders: nothing was measured.\n"
        ));
    }
    let number = |line: &Value, key: &str| line[key].as_f64().unwrap_or(f64::NAN);
    let rows: Vec<Vec<String>> = told(&lines, "kernel")
        .iter()
        .map(|line| {
            vec![
                format!("`{}`", line["kernel"].as_str().unwrap_or("?")),
                line["sizes"].as_str().unwrap_or("?").into(),
                format!("{:.2} ms", number(line, "float32_millis")),
                format!("{:.2} ms", number(line, "float16_millis")),
                format!("{:.2}", number(line, "speed")),
                format!("{} / {}", line["float32_bytes"], line["float16_bytes"]),
                format!("{:.1e}", number(line, "largest_error")),
            ]
        })
        .collect();
    let head = [
        "kernel",
        "inputs",
        "float32",
        "float16",
        "speed",
        "bytes",
        "largest error",
    ];
    Ok(format!(
        "Kernels with float16 storage on {adapter}:\n\n{}",
        table(&head, &rows)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let mark = "<!-- a: written by `cargo xtask bench --lab`. -->";
        let document = format!("# Lab\n{mark}\nold\n<!-- End of a. -->\nrest\n");
        let new = replaced(&document, "a", "new").unwrap();
        assert_eq!(
            new,
            format!("# Lab\n{mark}\n\nnew\n<!-- End of a. -->\nrest\n")
        );
        assert!(
            replaced(&document, "b", "new")
                .unwrap_err()
                .contains("b: written")
        );
        assert_eq!(replaced(&new, "a", "new").unwrap(), new);
    }

    #[test]
    fn every_section_has_its_marks_in_the_document() {
        let document = fs::read_to_string(root().join("docs/LAB.md")).unwrap();
        for section in &SECTIONS {
            replaced(&document, section.name, "").unwrap();
        }
    }
}
