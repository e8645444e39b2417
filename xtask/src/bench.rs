//! The comparison with other engines: training steps of LeNet-5, of a small VGG and of an LSTM with Adam, batches of 64.
//!
//! # Layout
//! - `rows`: what is compared with what
//! - `engines`: how the engines are asked to train
//! - `conditions`: what the figures were measured on
//! - `report`: the figures as tables
//! - `lab_compress`: compression over several seeds
//! - `presets`: every preset trained to its target
//! - `lab`: the compute lab's long runs; `lab_measure`: its figures beside an independent timing; `lab_replicas`: several
//!   replicas beside a single one; `lab_memory`: bytes with and without recomputation
//!
//! Every row is a program that trains when it is asked to: pages in headless Chromium
//! (`tests/browser/src/bench.rs`), PyTorch (`bench/peers/steps_torch.py`), and the `glassbox`
//! command line. The rows take turns, round after round, so that a machine that slows down slows
//! all of them; the comparisons are made within a round.

mod conditions;
mod engines;
mod lab;
mod lab_compress;
mod lab_measure;
mod lab_memory;
mod lab_replicas;
mod presets;
mod report;
mod rows;

use std::collections::HashMap;
use std::fs;
use std::mem::discriminant;
use std::path::PathBuf;

use crate::page;
use crate::tools::{self, command, execute, root};
use engines::{Conversation, Measured, glassbox_bench};
use rows::{Device, Engine, Network, ROWS, Row, rows_named};

const USAGE: &str = "\
usage: cargo xtask bench [--quick] [--only NAME[,NAME]] [--markdown FILE] [--skip-build]
       cargo xtask bench --presets [NAME[,NAME]] [--skip-build]
       cargo xtask bench --lab [NAME[,NAME]] [--skip-build]

  --quick          fewer and shorter rounds: some minutes less, rougher figures
  --only NAMES     only the groups `page`, `native`, `peers`, or rows by their names
  --markdown FILE  writes the tables to a file as well
  --skip-build     measures the page and the command line as they were built last";

/// Runs the comparison. Never fails on a time.
///
/// # Errors
/// When the arguments are not understood, or a row of Glassbox itself cannot be measured.
pub fn run(arguments: &[String]) -> Result<(), String> {
    if arguments.iter().any(|argument| argument == "--presets") {
        return presets::run(arguments);
    }
    if arguments.iter().any(|argument| argument == "--lab") {
        return lab::run(arguments);
    }
    let options = Options::parse(arguments)?;
    let mut bench = Bench::prepare(&options);
    println!();
    bench.warm_up(options.round_millis);
    let conditions = bench.conditions();
    for round in 1..=options.rounds {
        println!("Round {round} of {} ...", options.rounds);
        bench.measure_round();
    }
    let report = report::markdown(&bench, &conditions, options.rounds);
    println!("\n{report}");
    if let Some(file) = &options.markdown {
        fs::write(file, &report)
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    let failed: Vec<&str> = bench
        .left_out
        .iter()
        .filter(|left_out| left_out.row.is_own() && !left_out.lacks_data)
        .map(|left_out| left_out.row.name)
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("could not measure {}", failed.join(", ")))
    }
}

struct Options {
    rounds: usize,
    /// How long a row trains in a round, if a step does not take longer.
    round_millis: f64,
    rows: Vec<&'static Row>,
    markdown: Option<PathBuf>,
    must_build: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            rounds: 7,
            round_millis: 3000.0,
            rows: ROWS.iter().collect(),
            markdown: None,
            must_build: true,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .ok_or_else(|| format!("{argument}: expected a value\n{USAGE}"))
            };
            match argument.as_str() {
                "--quick" => {
                    options.rounds = 3;
                    options.round_millis = 1500.0;
                }
                "--only" => options.rows = rows_named(value()?)?,
                "--markdown" => options.markdown = Some(PathBuf::from(value()?)),
                "--skip-build" => options.must_build = false,
                other => return Err(format!("unexpected argument `{other}`\n{USAGE}")),
            }
        }
        Ok(options)
    }
}

/// The rows that take part, and what they run on.
struct Bench {
    rows: Vec<Taking>,
    left_out: Vec<LeftOut>,
    browser: Option<Conversation>,
    /// PyTorch by what it trains and its number of threads.
    torch: HashMap<(&'static str, u32), Conversation>,
    /// Facts that the engines tell about themselves, for the conditions.
    facts: Vec<String>,
}

/// A row that takes no part.
struct LeftOut {
    row: &'static Row,
    reason: String,
    /// It trains on data that this machine does not have.
    lacks_data: bool,
}

/// A row that takes part.
struct Taking {
    row: &'static Row,
    steps_per_round: u32,
    /// Milliseconds a step, round by round.
    millis: Vec<f64>,
    /// Microseconds of the host to encode a dispatch, round by round.
    encode_micros: Vec<f64>,
    /// Losses of the very first step and of the last.
    losses: Option<(f64, f64)>,
}

impl Bench {
    /// Installs and builds what the rows need; leaves out those that have to go without.
    fn prepare(options: &Options) -> Self {
        let mut bench = Self {
            rows: Vec::new(),
            left_out: Vec::new(),
            browser: None,
            torch: HashMap::new(),
            facts: Vec::new(),
        };
        let mut outcomes = HashMap::new();
        for &row in &options.rows {
            let outcome = outcomes
                .entry(discriminant(&row.engine))
                .or_insert_with(|| prepare_engine(row.engine, options.must_build));
            let lacking = match outcome {
                Ok(()) => engines::lacking_data(row.engine),
                Err(message) => {
                    bench.leave_out(row, message.clone());
                    continue;
                }
            };
            match lacking {
                None => bench.rows.push(Taking {
                    row,
                    steps_per_round: 1,
                    millis: Vec::new(),
                    encode_micros: Vec::new(),
                    losses: None,
                }),
                Some(reason) => {
                    bench.leave_out(row, reason);
                    bench
                        .left_out
                        .last_mut()
                        .expect("just put there")
                        .lacks_data = true;
                }
            }
        }
        bench
    }

    fn leave_out(&mut self, row: &'static Row, reason: String) {
        eprintln!("Leaving out {}: {reason}", row.name);
        self.left_out.push(LeftOut {
            row,
            reason,
            lacks_data: false,
        });
    }

    /// Trains every row until its times are those it will keep, and finds how many steps fill a
    /// round.
    fn warm_up(&mut self, round_millis: f64) {
        self.with_each_row(|bench, taking| {
            println!("Warming up {} ...", taking.row.name);
            // The first step compiles; the second tells how long one takes.
            let first = bench.train(taking.row, 1)?;
            let second = bench.train(taking.row, 1)?;
            let steps = (round_millis / second.millis).clamp(1.0, 20.0) as u32;
            let third = bench.train(taking.row, steps)?;
            taking.steps_per_round = (round_millis / third.millis).clamp(1.0, 500.0) as u32;
            taking.losses = first.loss.zip(third.loss);
            Ok(())
        });
    }

    fn measure_round(&mut self) {
        self.with_each_row(|bench, taking| {
            let measured = bench.train(taking.row, taking.steps_per_round)?;
            taking.millis.push(measured.millis);
            taking.encode_micros.extend(measured.encode_micros);
            if let (Some((_, last)), Some(loss)) = (&mut taking.losses, measured.loss) {
                *last = loss;
            }
            Ok(())
        });
    }

    /// Does something with every row; a row with which it fails takes no further part.
    fn with_each_row(&mut self, mut act: impl FnMut(&mut Self, &mut Taking) -> Result<(), String>) {
        for mut taking in std::mem::take(&mut self.rows) {
            match act(self, &mut taking) {
                Ok(()) => self.rows.push(taking),
                Err(message) => self.leave_out(taking.row, message),
            }
        }
    }

    /// Trains a row for some steps.
    fn train(&mut self, row: &'static Row, steps: u32) -> Result<Measured, String> {
        let answer = match row.engine {
            Engine::Page | Engine::BrowserPeer => {
                self.browser()?.ask(&format!("{} {steps}", row.name))?
            }
            Engine::Torch(network, threads) => {
                self.torch(network, threads)?.ask(&steps.to_string())?
            }
            Engine::Native(network, device, threads) => {
                let answer = glassbox_bench(network, device, threads, steps)?;
                if let (Device::Gpu, Some(adapter)) = (device, answer["adapter"].as_str()) {
                    self.note(format!("adapter of the command line: {adapter}"));
                }
                answer
            }
        };
        Measured::from(&answer)
    }

    fn browser(&mut self) -> Result<&mut Conversation, String> {
        if self.browser.is_none() {
            let mut program = command("cargo");
            program.args([
                "run",
                "--quiet",
                "--package",
                "browser-tests",
                "--",
                "bench",
            ]);
            tools::name_browser(&mut program);
            self.browser = Some(Conversation::start(&mut program)?);
        }
        self.browser
            .as_mut()
            .ok_or_else(|| "no browser".to_string())
    }

    fn torch(&mut self, network: Network, threads: u32) -> Result<&mut Conversation, String> {
        let key = (network.name(), threads);
        if !self.torch.contains_key(&key) {
            let python = tools::python_with_torch()?;
            let mut program = command(&python.to_string_lossy());
            program
                .arg(root().join("bench/peers/steps_torch.py"))
                .args([network.name(), &threads.to_string()]);
            let mut torch = Conversation::start(&mut program)?;
            let about = torch.listen()?;
            self.note(format!(
                "PyTorch {}",
                about["version"].as_str().unwrap_or("?")
            ));
            self.torch.insert(key, torch);
        }
        self.torch
            .get_mut(&key)
            .ok_or_else(|| "no PyTorch".to_string())
    }

    fn note(&mut self, fact: String) {
        if !self.facts.contains(&fact) {
            self.facts.push(fact);
        }
    }

    /// What the figures were measured on, one fact a line.
    fn conditions(&mut self) -> Vec<String> {
        let mut conditions = vec![conditions::machine()];
        if let Some(browser) = &mut self.browser {
            match browser.ask("about") {
                Ok(about) => conditions.push(format!(
                    "headless {}, WebGPU adapter {}",
                    about["browser"].as_str().unwrap_or("?"),
                    about["adapter"].as_str().unwrap_or("?")
                )),
                Err(message) => conditions.push(format!("browser: {message}")),
            }
            conditions.push(conditions::peer_versions());
        }
        conditions.append(&mut self.facts);
        conditions.extend(conditions::load());
        conditions
    }
}

/// Installs and builds what one kind of engine needs.
fn prepare_engine(engine: Engine, must_build: bool) -> Result<(), String> {
    match engine {
        Engine::Page => {
            browser()?;
            if must_build {
                tools::for_the_page()?;
                page::build()?;
            }
            Ok(())
        }
        Engine::BrowserPeer => {
            browser()?;
            npm_peers()
        }
        Engine::Native(..) => {
            tools::for_native_tests()?;
            if must_build {
                execute(command("cargo").args(["build", "--release", "--bin", "glassbox"]))?;
            }
            Ok(())
        }
        Engine::Torch(..) => tools::python_with_torch().map(drop),
    }
}

/// Chromium, and the program that drives it.
fn browser() -> Result<(), String> {
    tools::for_browser_tests()?;
    execute(command("cargo").args(["build", "--quiet", "--package", "browser-tests"]))
}

/// Installs the engines of `bench/peers/package.json`.
fn npm_peers() -> Result<(), String> {
    tools::install_from_npm("bench/peers", "TensorFlow.js and jax-js", "100 MB")
}

#[cfg(test)]
mod tests {
    use super::{Options, ROWS};

    fn rows(arguments: &[&str]) -> Result<Vec<&'static str>, String> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        Ok(Options::parse(&arguments)?
            .rows
            .iter()
            .map(|row| row.name)
            .collect())
    }

    #[test]
    fn rows_are_chosen_by_group_and_by_name() {
        assert_eq!(rows(&[]).unwrap().len(), ROWS.len());
        assert_eq!(
            rows(&["--only", "pytorch,page"]).unwrap(),
            [
                "page-webgpu",
                "page-cpu",
                "pytorch",
                "lstm-page-webgpu",
                "lstm-page-cpu"
            ]
        );
        assert!(rows(&["--only", "torch"]).unwrap_err().contains("pytorch"));
        assert!(rows(&["--only"]).is_err());
        assert!(rows(&["--fast"]).is_err());
    }
}
