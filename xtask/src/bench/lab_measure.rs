//! Whether the lab measures what an independent timing of the same kernels measures.

use std::process::Command;

use serde_json::Value;

use super::engines::parse_json;
use crate::tools::command;

/// How far the two may be apart.
const LIMIT: f64 = 0.15;
/// Rounds in which the two take turns.
const ROUNDS: &str = "15";

/// Measures both ways on the CPU and on the GPU that there is, and says by how much they differ.
///
/// # Errors
/// When the program cannot be run, or a figure is further away than [`LIMIT`].
pub fn measure() -> Result<String, String> {
    let mut text = String::from(
        "| what | `glassbox measure` | independently | ratio of times |\n| --- | --- | --- | --- |\n",
    );
    let mut far = Vec::new();
    for device in ["--cpu", "--gpu"] {
        let mut program = command("cargo");
        program.args(["run", "--release", "--example", "lab_measure", "--"]);
        program.args([device, "--json", "--rounds", ROUNDS]);
        for line in lines(&mut program)? {
            let number = |key: &str| line[key].as_f64().unwrap_or(f64::NAN);
            let ratio = number("ratio");
            let name = format!(
                "{} {}",
                line["device"].as_str().unwrap_or_default(),
                line["name"].as_str().unwrap_or_default()
            );
            let unit = line["unit"].as_str().unwrap_or_default();
            text.push_str(&format!(
                "| {name} | {:.3} {unit} | {:.3} {unit} | {ratio:.3} |\n",
                number("measured"),
                number("independent")
            ));
            // Written so that what is no number fails.
            let is_near = (ratio - 1.0).abs() <= LIMIT;
            if !is_near {
                far.push(format!("{name}: {ratio:.3}"));
            }
        }
    }
    println!("{text}");
    match far.is_empty() {
        true => Ok(text),
        false => Err(format!(
            "more than {:.0} % apart: {}",
            LIMIT * 100.0,
            far.join(", ")
        )),
    }
}

/// The lines of JSON that a program writes.
fn lines(program: &mut Command) -> Result<Vec<Value>, String> {
    let output = program
        .output()
        .map_err(|error| format!("cannot run {:?}: {error}", program.get_program()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("lab_measure: {} ({said})", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let found: Vec<Value> = text.lines().map(parse_json).collect::<Result<_, _>>()?;
    match found.is_empty() {
        true => Err("lab_measure wrote nothing".into()),
        false => Ok(found),
    }
}
