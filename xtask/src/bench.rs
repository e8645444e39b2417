//! The comparison with other engines: training steps of LeNet-5 with Adam, batches of 64.
//!
//! Every row is a program that trains when it is asked to: pages in headless Chromium
//! (`tests/browser/src/bench.rs`), PyTorch (`bench/peers/lenet_torch.py`), and the `glassbox`
//! command line. The rows take turns, round after round, so that a machine that slows down slows
//! all of them; the comparisons are made within a round.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::page;
use crate::tools::{self, command, execute, root, target_dir};

const USAGE: &str = "\
usage: cargo xtask bench [--quick] [--only NAME[,NAME]] [--markdown FILE] [--skip-build]

  --quick          fewer and shorter rounds: some minutes less, rougher figures
  --only NAMES     only the groups `page`, `native`, `peers`, or rows by their names
  --markdown FILE  writes the tables to a file as well
  --skip-build     measures the page that was built last";

/// Images a step, in every row.
const BATCH: f64 = 64.0;

/// The slowest engines take seconds a step and learn only a little in the few steps they get.
const LOSS_MUST_FALL_BY: f64 = 0.01;

/// What trains a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Engine {
    /// Glassbox's page in Chromium.
    Page,
    /// A page of `bench/peers` in the same Chromium.
    BrowserPeer,
    /// `glassbox bench` with a device and, for the CPU, a number of threads.
    Native(&'static str, u32),
    /// PyTorch on the CPU with a number of threads.
    Torch(u32),
}

/// One engine on one device.
#[derive(Debug)]
struct Row {
    name: &'static str,
    title: &'static str,
    engine: Engine,
}

const ROWS: [Row; 12] = [
    row("page-webgpu", "this page, WebGPU", Engine::Page),
    row("jax-webgpu", "jax-js, WebGPU", Engine::BrowserPeer),
    row("tfjs-webgpu", "TensorFlow.js, WebGPU", Engine::BrowserPeer),
    row("page-cpu", "this page, CPU (Wasm)", Engine::Page),
    row("jax-wasm", "jax-js, Wasm", Engine::BrowserPeer),
    row(
        "jax-wasm-threads",
        "jax-js, Wasm with threads (cross-origin isolated)",
        Engine::BrowserPeer,
    ),
    row("tfjs-cpu", "TensorFlow.js, CPU", Engine::BrowserPeer),
    row(
        "native-cpu",
        "command line, CPU, 2 threads",
        Engine::Native("cpu", 2),
    ),
    row("pytorch", "PyTorch, CPU, 2 threads", Engine::Torch(2)),
    row(
        "native-cpu-1",
        "command line, CPU, 1 thread",
        Engine::Native("cpu", 1),
    ),
    row("pytorch-1", "PyTorch, CPU, 1 thread", Engine::Torch(1)),
    row("native-gpu", "command line, GPU", Engine::Native("gpu", 0)),
];

const fn row(name: &'static str, title: &'static str, engine: Engine) -> Row {
    Row {
        name,
        title,
        engine,
    }
}

impl Row {
    fn group(&self) -> &'static str {
        match self.engine {
            Engine::Page => "page",
            Engine::Native(..) => "native",
            Engine::BrowserPeer | Engine::Torch(_) => "peers",
        }
    }

    fn is_own(&self) -> bool {
        self.group() != "peers"
    }
}

/// How many times as fast one row is to be as another.
struct Target {
    own: &'static str,
    peer: &'static str,
    /// Nothing where the comparison is only of interest.
    at_least: Option<f64>,
}

const TARGETS: [Target; 8] = [
    target("page-webgpu", "jax-webgpu", Some(2.0)),
    target("page-webgpu", "tfjs-webgpu", Some(20.0)),
    target("page-cpu", "jax-wasm", Some(10.0)),
    target("page-cpu", "jax-wasm-threads", None),
    target("page-cpu", "tfjs-cpu", None),
    target("native-cpu", "pytorch", Some(0.5)),
    target("native-cpu-1", "pytorch-1", None),
    target("page-cpu", "native-cpu-1", None),
];

const fn target(own: &'static str, peer: &'static str, at_least: Option<f64>) -> Target {
    Target {
        own,
        peer,
        at_least,
    }
}

/// Runs the comparison. Never fails on a time.
///
/// # Errors
/// When the arguments are not understood, or a row of Glassbox itself cannot be measured.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let options = Options::parse(arguments)?;
    let mut bench = Bench::prepare(&options);
    println!();
    bench.warm_up(options.round_millis);
    let conditions = bench.conditions();
    for round in 1..=options.rounds {
        println!("Round {round} of {} ...", options.rounds);
        bench.measure_round();
    }
    let report = bench.report(&conditions, options.rounds);
    println!("\n{report}");
    if let Some(file) = &options.markdown {
        fs::write(file, &report)
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    let failed: Vec<&str> = bench
        .left_out
        .iter()
        .filter(|(row, _)| row.is_own())
        .map(|(row, _)| row.name)
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

fn rows_named(names: &str) -> Result<Vec<&'static Row>, String> {
    let names: Vec<&str> = names.split(',').collect();
    for name in &names {
        let is_known = |row: &Row| row.name == *name || row.group() == *name;
        if !ROWS.iter().any(is_known) {
            let known: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
            return Err(format!(
                "--only: expected page, native, peers or one of {}, got `{name}`",
                known.join(", ")
            ));
        }
    }
    Ok(ROWS
        .iter()
        .filter(|row| names.contains(&row.name) || names.contains(&row.group()))
        .collect())
}

/// The rows that take part, and what they run on.
struct Bench {
    rows: Vec<Taking>,
    left_out: Vec<(&'static Row, String)>,
    browser: Option<Conversation>,
    python: Option<PathBuf>,
    /// PyTorch by its number of threads.
    torch: HashMap<u32, Conversation>,
    /// Facts that the engines tell about themselves, for the conditions.
    facts: Vec<String>,
}

/// A row that takes part.
struct Taking {
    row: &'static Row,
    steps_per_round: u32,
    /// Milliseconds a step, round by round.
    millis: Vec<f64>,
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
            python: None,
            torch: HashMap::new(),
            facts: Vec::new(),
        };
        let wants = |wanted: fn(Engine) -> bool| options.rows.iter().any(|row| wanted(row.engine));
        let ready = |is_wanted: bool, prepare: &mut dyn FnMut() -> Result<(), String>| {
            if is_wanted { prepare() } else { Ok(()) }
        };
        let browser = ready(
            wants(|engine| matches!(engine, Engine::Page | Engine::BrowserPeer)),
            &mut || {
                tools::for_browser_tests()?;
                execute(command("cargo").args(["build", "--quiet", "--package", "browser-tests"]))
            },
        );
        let page = browser.clone().and_then(|()| {
            let must_build = options.must_build && wants(|engine| engine == Engine::Page);
            ready(must_build, &mut || {
                tools::for_the_page()?;
                page::build()
            })
        });
        let peers = browser.and_then(|()| {
            ready(
                wants(|engine| engine == Engine::BrowserPeer),
                &mut npm_peers,
            )
        });
        let native = ready(
            wants(|engine| matches!(engine, Engine::Native(..))),
            &mut || {
                tools::for_native_tests()?;
                execute(command("cargo").args(["build", "--release", "--bin", "glassbox"]))
            },
        );
        let torch = ready(
            wants(|engine| matches!(engine, Engine::Torch(_))),
            &mut || {
                bench.python = Some(tools::python_with_torch()?);
                Ok(())
            },
        );
        for &row in &options.rows {
            let outcome = match row.engine {
                Engine::Page => &page,
                Engine::BrowserPeer => &peers,
                Engine::Native(..) => &native,
                Engine::Torch(_) => &torch,
            };
            match outcome {
                Ok(()) => bench.rows.push(Taking {
                    row,
                    steps_per_round: 1,
                    millis: Vec::new(),
                    losses: None,
                }),
                Err(message) => bench.leave_out(row, message.clone()),
            }
        }
        bench
    }

    fn leave_out(&mut self, row: &'static Row, reason: String) {
        eprintln!("Leaving out {}: {reason}", row.name);
        self.left_out.push((row, reason));
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
            Engine::Torch(threads) => self.torch(threads)?.ask(&steps.to_string())?,
            Engine::Native(device, threads) => {
                let answer = glassbox_bench(device, threads, steps)?;
                if let Some(adapter) = answer["adapter"].as_str().filter(|name| !name.is_empty()) {
                    self.note(format!("command line: {device} is {adapter}"));
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

    fn torch(&mut self, threads: u32) -> Result<&mut Conversation, String> {
        if !self.torch.contains_key(&threads) {
            let python = self.python.as_ref().ok_or("no Python with PyTorch")?;
            let mut program = command(&python.to_string_lossy());
            program
                .arg(root().join("bench/peers/lenet_torch.py"))
                .arg(threads.to_string());
            let mut torch = Conversation::start(&mut program)?;
            let about = torch.listen()?;
            self.note(format!(
                "PyTorch {}",
                about["version"].as_str().unwrap_or("?")
            ));
            self.torch.insert(threads, torch);
        }
        self.torch
            .get_mut(&threads)
            .ok_or_else(|| "no PyTorch".to_string())
    }

    fn note(&mut self, fact: String) {
        if !self.facts.contains(&fact) {
            self.facts.push(fact);
        }
    }

    /// What the figures were measured on, one fact a line.
    fn conditions(&mut self) -> Vec<String> {
        let cores = thread::available_parallelism().map_or(0, usize::from);
        let mut conditions = vec![format!("{cores} cores, {}", processor())];
        if let Some(browser) = &mut self.browser {
            match browser.ask("about") {
                Ok(about) => conditions.push(format!(
                    "headless {}, WebGPU adapter {}",
                    about["browser"].as_str().unwrap_or("?"),
                    about["adapter"].as_str().unwrap_or("?")
                )),
                Err(message) => conditions.push(format!("browser: {message}")),
            }
            conditions.extend(peer_versions());
        }
        conditions.append(&mut self.facts);
        if let Some(busy) = busy_percent() {
            let remark = if busy > 10.0 {
                ": the figures are rough"
            } else {
                ""
            };
            conditions.push(format!(
                "before the first round other programs took {busy:.0} % of the processor time{remark}"
            ));
        }
        conditions
    }

    /// The tables, as Markdown.
    fn report(&self, conditions: &[String], rounds: usize) -> String {
        let mut text = format!(
            "LeNet-5, Adam, batches of 64, f32: {rounds} rounds in which the rows take turns. \
             Median (lowest to highest).\n\n"
        );
        for condition in conditions {
            // Writing to a string does not fail.
            let _ = writeln!(text, "- {condition}");
        }
        let measured: Vec<Vec<String>> = self.rows.iter().map(measured_row).collect();
        text += "\n";
        text += &table(
            &[
                "row",
                "engine",
                "ms a step",
                "samples/s",
                "loss, first to last step",
            ],
            &measured,
        );
        let compared: Vec<Vec<String>> = TARGETS
            .iter()
            .filter_map(|target| self.compared_row(target))
            .collect();
        if !compared.is_empty() {
            text += "\n";
            text += &table(&["comparison", "times as fast", "target", ""], &compared);
        }
        for (row, reason) in &self.left_out {
            let _ = writeln!(text, "\nLeft out: {} ({reason}).", row.name);
        }
        text
    }

    fn compared_row(&self, target: &Target) -> Option<Vec<String>> {
        let millis = |name: &str| {
            let taking = self.rows.iter().find(|taking| taking.row.name == name)?;
            Some(&taking.millis)
        };
        let (own, peer) = (millis(target.own)?, millis(target.peer)?);
        let ratios: Vec<f64> = own.iter().zip(peer).map(|(own, peer)| peer / own).collect();
        let ratio = Spread::of(&ratios)?;
        let verdict = match target.at_least {
            Some(least) if ratio.median >= least => "reached",
            Some(_) => "missed",
            None => "",
        };
        Some(vec![
            format!("{} against {}", target.own, target.peer),
            ratio.to_string(),
            target
                .at_least
                .map(|least| format!("at least {least}"))
                .unwrap_or_default(),
            verdict.to_string(),
        ])
    }
}

fn measured_row(taking: &Taking) -> Vec<String> {
    let mut cells = vec![taking.row.name.to_string(), taking.row.title.to_string()];
    match Spread::of(&taking.millis) {
        Some(millis) => {
            cells.push(millis.to_string());
            cells.push(significant(BATCH * 1000.0 / millis.median));
        }
        None => cells.extend(["".to_string(), "".to_string()]),
    }
    cells.push(match taking.losses {
        Some((first, last)) if last <= first - LOSS_MUST_FALL_BY => {
            format!("{first:.3} to {last:.3}")
        }
        Some((first, last)) => format!("{first:.3} to {last:.3}: does not learn!"),
        None => "not told".to_string(),
    });
    cells
}

/// What an engine answers.
#[derive(Debug)]
struct Measured {
    /// Milliseconds a step.
    millis: f64,
    loss: Option<f64>,
}

impl Measured {
    fn from(answer: &Value) -> Result<Self, String> {
        let per_step = match (answer["millis"].as_f64(), answer["steps"].as_f64()) {
            (Some(millis), Some(steps)) => millis / steps,
            _ => BATCH * 1000.0 / answer["samples_per_second"].as_f64().unwrap_or(f64::NAN),
        };
        if per_step.is_finite() && per_step > 0.0 {
            Ok(Self {
                millis: per_step,
                loss: answer["loss"].as_f64(),
            })
        } else {
            Err(format!("expected the time of some steps, got {answer}"))
        }
    }
}

/// A program that answers one line of JSON for each line it is sent.
struct Conversation {
    program: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Conversation {
    fn start(program: &mut std::process::Command) -> Result<Self, String> {
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

    fn ask(&mut self, line: &str) -> Result<Value, String> {
        let input = self.input.as_mut().ok_or("a program without input")?;
        writeln!(input, "{line}").map_err(|error| format!("it does not listen: {error}"))?;
        self.listen()
    }

    fn listen(&mut self) -> Result<Value, String> {
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

fn parse_json(line: &str) -> Result<Value, String> {
    serde_json::from_str(line).map_err(|error| format!("expected JSON ({error}), got `{line}`"))
}

/// Runs the command line's own measurement and returns its last JSON line.
fn glassbox_bench(device: &str, threads: u32, steps: u32) -> Result<Value, String> {
    let program = target_dir().join("release/glassbox");
    let mut program = command(&program.to_string_lossy());
    program
        .args(["bench", "lenet5-mnist", "--batch", "64", "--json"])
        .args(["--device", device, "--steps", &steps.to_string()]);
    if threads > 0 {
        program.env("RAYON_NUM_THREADS", threads.to_string());
    }
    let output = program
        .output()
        .map_err(|error| format!("cannot run glassbox: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().last() {
        Some(line) if output.status.success() => parse_json(line),
        _ => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            let last = complaint.lines().last().unwrap_or("it said nothing");
            Err(format!("glassbox bench: {} ({last})", output.status))
        }
    }
}

/// Installs the engines of `bench/peers/package.json`.
fn npm_peers() -> Result<(), String> {
    let folder = root().join("bench/peers");
    let modified = |path: &Path| fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let installed = modified(&folder.join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= modified(&folder.join("package-lock.json")) {
        return Ok(());
    }
    tools::for_npm()?;
    println!("Installing TensorFlow.js and jax-js from npm into bench/peers (about 100 MB) ...");
    execute(command("npm").current_dir(folder).args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
    ]))
}

/// The pinned versions of the engines from npm.
fn peer_versions() -> Vec<String> {
    let path = root().join("bench/peers/package.json");
    let package = fs::read_to_string(&path).map_err(|error| error.to_string());
    let package = match package.and_then(|text| parse_json(&text)) {
        Ok(package) => package,
        Err(message) => return vec![format!("{}: {message}", path.display())],
    };
    let version = |name: &str| package["dependencies"][name].as_str().unwrap_or("?");
    vec![format!(
        "TensorFlow.js {}, jax-js {}",
        version("@tensorflow/tfjs-core"),
        version("@jax-js/jax")
    )]
}

/// The processor's name.
fn processor() -> String {
    let from_proc = || {
        let info = fs::read_to_string("/proc/cpuinfo").ok()?;
        let line = info.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_string())
    };
    let from_sysctl = || {
        let output = command("sysctl")
            .args(["-n", "machdep.cpu.brand_string"])
            .output()
            .ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_string())
    };
    from_proc()
        .or_else(from_sysctl)
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| format!("unknown {} processor", std::env::consts::ARCH))
}

/// The share of the processor time that was in use during two seconds of waiting (Linux only).
fn busy_percent() -> Option<f64> {
    let times = || -> Option<(f64, f64)> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let fields: Vec<f64> = stat
            .lines()
            .next()?
            .split_whitespace()
            .skip(1)
            .filter_map(|field| field.parse().ok())
            .collect();
        // user nice system idle iowait ...
        Some((fields.iter().sum(), fields.get(3)? + fields.get(4)?))
    };
    let (total_before, idle_before) = times()?;
    thread::sleep(Duration::from_secs(2));
    let (total, idle) = times()?;
    Some(100.0 * (1.0 - (idle - idle_before) / (total - total_before)))
}

/// Median, lowest and highest of some values.
#[derive(Debug, PartialEq)]
struct Spread {
    median: f64,
    lowest: f64,
    highest: f64,
}

impl Spread {
    fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (lowest, highest) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            (sorted[middle - 1] + sorted[middle]) / 2.0
        };
        Some(Self {
            median,
            lowest,
            highest,
        })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(
            formatter,
            "{} ({} to {})",
            significant(self.median),
            significant(self.lowest),
            significant(self.highest)
        )
    }
}

/// A positive number with three digits that count.
fn significant(value: f64) -> String {
    let decimals = (2 - value.log10().floor() as i32).clamp(0, 3) as usize;
    format!("{value:.decimals$}")
}

/// A Markdown table with aligned columns.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max()
    };
    let widths: Vec<usize> = (0..head.len()).filter_map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = String>| {
        let cells: Vec<String> = cells.collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let aligned = |cell: &str, width: &usize| format!("{cell:<width$}");
    let mut text = line(&mut head.iter().zip(&widths).map(|(cell, w)| aligned(cell, w)));
    text += &line(&mut widths.iter().map(|width| "-".repeat((*width).max(3))));
    for row in rows {
        text += &line(&mut row.iter().zip(&widths).map(|(cell, w)| aligned(cell, w)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Options, ROWS, Spread, TARGETS, significant, table};

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
            ["page-webgpu", "page-cpu", "pytorch"]
        );
        assert!(rows(&["--only", "torch"]).unwrap_err().contains("pytorch"));
        assert!(rows(&["--only"]).is_err());
        assert!(rows(&["--fast"]).is_err());
    }

    #[test]
    fn targets_name_rows() {
        for target in TARGETS {
            for name in [target.own, target.peer] {
                assert!(ROWS.iter().any(|row| row.name == name), "{name}");
            }
        }
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let spread = Spread::of(&[4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!(spread.to_string(), "2.50 (1.00 to 4.00)");
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn numbers_keep_three_digits() {
        let shown = [5535.2, 490.4, 20.04, 1.234, 0.01234].map(significant);
        assert_eq!(shown, ["5535", "490", "20.0", "1.23", "0.012"]);
    }

    #[test]
    fn tables_are_aligned() {
        let rows = [vec!["long cell".to_string(), "1".to_string()]];
        assert_eq!(
            table(&["a", "b"], &rows),
            "| a         | b |\n| --------- | --- |\n| long cell | 1 |\n"
        );
    }
}
