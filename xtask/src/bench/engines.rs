//! How the engines are asked to train.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::rows::{BATCH, Device, Engine, Network};
use crate::tools::{command, target_dir};

/// What an engine answers.
#[derive(Debug)]
pub struct Measured {
    /// Milliseconds a step.
    pub millis: f64,
    pub loss: Option<f64>,
    /// Microseconds of the host to encode a dispatch, where there are dispatches.
    pub encode_micros: Option<f64>,
}

impl Measured {
    pub fn from(answer: &Value) -> Result<Self, String> {
        let per_step = match (answer["millis"].as_f64(), answer["steps"].as_f64()) {
            (Some(millis), Some(steps)) => millis / steps,
            _ => BATCH * 1000.0 / answer["samples_per_second"].as_f64().unwrap_or(f64::NAN),
        };
        if per_step.is_finite() && per_step > 0.0 {
            Ok(Self {
                millis: per_step,
                loss: answer["loss"].as_f64(),
                encode_micros: answer["encode_micros_per_dispatch"]
                    .as_f64()
                    .filter(|&micros| micros > 0.0),
            })
        } else {
            Err(format!("expected the time of some steps, got {answer}"))
        }
    }
}

/// A program that answers one line of JSON for each line it is sent.
pub struct Conversation {
    program: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Conversation {
    pub fn start(program: &mut Command) -> Result<Self, String> {
        let mut child = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run {:?}: {error}", program.get_program()))?;
        let output = child.stdout.take().ok_or("a program without output")?;
        Ok(Self {
            input: child.stdin.take(),
            output: BufReader::new(output).lines(),
            program: child,
        })
    }

    pub fn ask(&mut self, line: &str) -> Result<Value, String> {
        let input = self.input.as_mut().ok_or("a program without input")?;
        writeln!(input, "{line}").map_err(|error| format!("it does not listen: {error}"))?;
        self.listen()
    }

    pub fn listen(&mut self) -> Result<Value, String> {
        let line = self
            .output
            .next()
            .ok_or("it ended without an answer")?
            .map_err(|error| format!("it does not answer: {error}"))?;
        let answer = parse_json(&line)?;
        match answer["error"].as_str() {
            Some(error) => Err(error.to_string()),
            None => Ok(answer),
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // The end of its input ends the program.
        self.input = None;
        // It may have ended by itself.
        let _ = self.program.wait();
    }
}

pub fn parse_json(line: &str) -> Result<Value, String> {
    serde_json::from_str(line).map_err(|error| format!("expected JSON ({error}), got `{line}`"))
}

/// What the command line says when the data set that a row trains on is not there.
pub fn lacking_data(engine: Engine) -> Option<String> {
    let Engine::Native(network, ..) = engine else {
        return None;
    };
    let mut program = glassbox();
    program.arg("summary").args(network.subject());
    // Whatever else is wrong, the measurement itself will tell.
    let said = last_line(&program.output().ok()?.stderr);
    said.contains("files not found").then_some(said)
}

fn glassbox() -> Command {
    command(&target_dir().join("release/glassbox").to_string_lossy())
}

fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines().last().unwrap_or("it said nothing").to_string()
}

/// Runs the command line's own measurement and returns its last JSON line.
pub fn glassbox_bench(
    network: Network,
    device: Device,
    threads: u32,
    steps: u32,
) -> Result<Value, String> {
    let device = match device {
        Device::Cpu => "cpu",
        Device::Gpu => "gpu",
    };
    let mut program = glassbox();
    program
        .arg("bench")
        .args(network.subject())
        .args(["--batch", "64", "--optimizer", "adam"])
        .args(["--device", device, "--steps", &steps.to_string(), "--json"])
        .env("RAYON_NUM_THREADS", threads.to_string());
    let output = program
        .output()
        .map_err(|error| format!("cannot run glassbox: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().last() {
        Some(line) if output.status.success() => parse_json(line),
        _ => {
            let last = last_line(&output.stderr);
            Err(format!("glassbox bench: {} ({last})", output.status))
        }
    }
}
