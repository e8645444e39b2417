//! Every preset trained to its target: `docs/PRESETS.md`.
//!
//! The targets are those that `glassbox presets --json` tells. A run is the command that stands in its row; its
//! time is the wall clock's, with the processor time that all threads together took beside it.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;

use super::conditions;
use super::engines::parse_json;
use super::report::table;
use crate::tools::{self, command, execute, root, target_dir};

const USAGE: &str = "\
usage: cargo xtask bench --presets [NAME[,NAME]] [--skip-build]

  --presets [NAMES]  trains all presets, or these, to their targets on the CPU and writes docs/PRESETS.md;
                     rows of others stay as they are
  --skip-build       takes the command line as it was built last";

/// Between these lines of the document stands the table; the rest is written by hand.
const START: &str = "<!-- The table is written by `cargo xtask bench --presets`. -->";
const END: &str = "<!-- End of the table. -->";

const HEAD: [&str; 8] = [
    "run",
    "data",
    "parameters",
    "target",
    "measured",
    "",
    "time",
    "machine",
];

/// Runs the chosen presets and rewrites their rows.
///
/// # Errors
/// When the arguments are not understood, or a preset cannot be run. A missed target is no error: its row says so.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let options = Options::parse(arguments)?;
    if options.must_build {
        tools::for_native_tests()?;
        execute(command("cargo").args(["build", "--release", "--bin", "glassbox"]))?;
    }
    let targets = targets(&options.names)?;
    let machine = conditions::machine();
    let mut failed = Vec::new();
    // The last run that came to its end: neighbours may ask for different numbers of the same.
    let mut last: Option<Run> = None;
    for target in targets.iter().filter(|target| target.is_chosen) {
        let known = last.take().filter(|run| run.command == target.command());
        if known.is_none() {
            println!("{} ...", target.command());
        }
        let run = known.map_or_else(|| target.run(), Ok);
        match run.and_then(|run| Ok((target.measured(&run)?, run))) {
            Ok((measured, run)) => {
                let row = target.row(&measured.cells(&machine));
                println!("  {}", row[3..7].join(" | "));
                // At once: an hour's results outlive what comes after them.
                write_table(&targets, Some(known_row(&row)))?;
                last = Some(run);
            }
            Err(message) => {
                eprintln!("  {message}");
                failed.push(target.command());
            }
        }
    }
    write_table(&targets, None)?;
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("could not run {}", failed.join(", ")))
    }
}

struct Options {
    /// Empty for all.
    names: Vec<String>,
    must_build: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            names: Vec::new(),
            must_build: true,
        };
        let mut arguments = arguments.iter().peekable();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--presets" => {
                    if let Some(names) = arguments.next_if(|next| !next.starts_with("--")) {
                        options.names = names.split(',').map(String::from).collect();
                    }
                }
                "--skip-build" => options.must_build = false,
                other => return Err(format!("unexpected argument `{other}`\n{USAGE}")),
            }
        }
        Ok(options)
    }
}

fn glassbox() -> std::process::Command {
    command(&target_dir().join("release/glassbox").to_string_lossy())
}

/// The JSON lines of a run of the command line.
pub(super) fn lines(arguments: &[String]) -> Result<Vec<Value>, String> {
    let output = glassbox()
        .args(arguments)
        .output()
        .map_err(|error| format!("cannot run glassbox: {error}"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let last = complaint.lines().last().unwrap_or("it said nothing");
        return Err(format!("{}: {last}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(parse_json).collect()
}

/// All targets, in the presets' order.
fn targets(names: &[String]) -> Result<Vec<Target>, String> {
    let presets = lines(&["presets", "--json"].map(String::from))?;
    let known: Vec<&str> = presets
        .iter()
        .filter_map(|line| line["id"].as_str())
        .collect();
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let known = known.join(", ");
        return Err(format!(
            "--presets: expected names of {known}, got `{name}`"
        ));
    }
    let mut targets = Vec::new();
    for preset in &presets {
        let id = preset["id"].as_str().unwrap_or_default();
        for target in preset["targets"].as_array().into_iter().flatten() {
            targets.push(Target {
                preset: id.into(),
                data: preset["data"].as_str().unwrap_or_default().into(),
                parameters: preset["parameters"].as_u64().unwrap_or_default(),
                is_chosen: names.is_empty() || names.iter().any(|name| name == id),
                json: target.clone(),
            });
        }
    }
    Ok(targets)
}

/// A criterion of a preset, as the command line tells it.
struct Target {
    preset: String,
    data: String,
    parameters: u64,
    is_chosen: bool,
    json: Value,
}

/// A command that was carried out.
struct Run {
    command: String,
    lines: Vec<Value>,
    seconds: f64,
    processor_seconds: Option<f64>,
}

/// What a run came to.
struct Measured {
    value: f64,
    counts: (u64, u64),
    seconds: f64,
    processor_seconds: Option<f64>,
}

/// The cells of a row that were measured.
#[derive(Clone, Debug, PartialEq)]
struct Cells {
    data: String,
    measured: String,
    time: String,
    machine: String,
}

impl Target {
    fn metric(&self) -> &str {
        self.json["metric"].as_str().unwrap_or_default()
    }

    /// What is typed behind `glassbox`, without what does not change the result.
    fn arguments(&self) -> Vec<String> {
        // Memory is measured where nothing but training happens.
        let verb = match self.metric() {
            "memory" => "bench",
            _ => "train",
        };
        let mut arguments = vec![verb.to_string(), self.preset.clone()];
        let settings = self.json["settings"].as_array().into_iter().flatten();
        arguments.extend(settings.filter_map(|word| Some(word.as_str()?.to_string())));
        for unit in ["epochs", "steps"] {
            if let Some(count) = self.json[unit].as_u64() {
                arguments.extend([format!("--{unit}"), count.to_string()]);
            }
        }
        arguments
    }

    fn command(&self) -> String {
        format!("glassbox {}", self.arguments().join(" "))
    }

    fn run(&self) -> Result<Run, String> {
        let mut arguments = self.arguments();
        arguments.extend(["--device", "cpu", "--json"].map(String::from));
        let processor_before = processor_seconds_of_children();
        let start = Instant::now();
        let lines = lines(&arguments)?;
        let seconds = start.elapsed().as_secs_f64();
        let processor_after = processor_seconds_of_children();
        Ok(Run {
            command: self.command(),
            lines,
            seconds,
            processor_seconds: processor_after.zip(processor_before).map(|(a, b)| a - b),
        })
    }

    fn measured(&self, run: &Run) -> Result<Measured, String> {
        let last = run.lines.last().ok_or("it said nothing")?;
        let count = |name: &str| last[name].as_u64().unwrap_or_default();
        Ok(Measured {
            value: measured_value(self.metric(), &run.lines)?,
            counts: (count("train_count"), count("test_count")),
            seconds: run.seconds,
            processor_seconds: run.processor_seconds,
        })
    }

    /// The cells that were measured of this target: a command may have a row for each of several metrics. Its bound may
    /// have changed since.
    fn known<'a>(&self, rows: &'a [KnownRow]) -> Option<&'a Cells> {
        let command = format!("`{}`", self.command());
        let metric = format!("{} ", self.metric().replace('_', " "));
        let mut rows = rows.iter().rev();
        let row = rows.find(|row| row.run == command && row.target.starts_with(&metric))?;
        Some(&row.cells)
    }

    /// The target in words.
    fn bound(&self) -> String {
        let metric = self.metric().replace('_', " ");
        let source = self.json["source"].as_str().unwrap_or_default();
        let range = match (
            self.json["at_least"].as_f64(),
            self.json["at_most"].as_f64(),
        ) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (Some(least), None) => format!("at least {least}"),
            (None, Some(most)) => format!("at most {most}"),
            (None, None) => "any".into(),
        };
        format!("{metric} {range} ({source})")
    }

    fn verdict(&self, measured: &str) -> &'static str {
        let Ok(value) = measured.parse::<f64>() else {
            return "not run";
        };
        let above = self.json["at_least"]
            .as_f64()
            .is_none_or(|least| value >= least);
        let below = self.json["at_most"]
            .as_f64()
            .is_none_or(|most| value <= most);
        if above && below { "reached" } else { "missed" }
    }

    fn row(&self, cells: &Cells) -> Vec<String> {
        vec![
            format!("`{}`", self.command()),
            cells.data.replace("DATA", &self.data),
            grouped(self.parameters),
            self.bound(),
            cells.measured.clone(),
            self.verdict(&cells.measured).into(),
            cells.time.clone(),
            cells.machine.clone(),
        ]
    }
}

impl Measured {
    fn cells(&self, machine: &str) -> Cells {
        let (train, test) = self.counts;
        let processor = self.processor_seconds;
        Cells {
            data: match test {
                0 => "DATA".into(),
                _ => format!("DATA, {} + {}", grouped(train), grouped(test)),
            },
            measured: shortest(self.value),
            time: match processor {
                Some(processor) => format!(
                    "{} ({} of processor time)",
                    duration(self.seconds),
                    duration(processor)
                ),
                None => duration(self.seconds),
            },
            machine: machine.into(),
        }
    }
}

/// Tenths of a second count where there are few.
fn duration(seconds: f64) -> String {
    if seconds < 9.95 {
        format!("{seconds:.1} s")
    } else {
        format!("{seconds:.0} s")
    }
}

/// Up to six digits behind the point, as many as there are.
fn shortest(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.into()
}

/// The metric of a run's lines.
fn measured_value(metric: &str, lines: &[Value]) -> Result<f64, String> {
    let last = |event: &str| lines.iter().rev().find(|line| line["event"] == event);
    let of = |event: &str, key: &str| last(event).and_then(|line| line[key].as_f64());
    let value = match metric {
        "accuracy" | "mse" => of("evaluation", metric),
        "free_run_mse" => of("forecast", metric),
        "test_loss" => of("evaluation", "loss"),
        "step_loss" => of("step", "loss"),
        "memory" => of("bench", "resident_bytes")
            .zip(of("bench", "needed_bytes"))
            .map(|(resident, needed)| resident / needed),
        _ => return Err(format!("there is no metric `{metric}`")),
    };
    value.ok_or_else(|| format!("the run does not tell its {metric}"))
}

/// Processor time of all programs that this one has waited for (Linux only).
fn processor_seconds_of_children() -> Option<f64> {
    /// `USER_HZ`, which is 100 wherever Linux runs.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the name, which may hold blanks: state, ppid, ..., cutime, cstime.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: Vec<f64> = fields
        .split_whitespace()
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse().ok())
        .collect();
    (ticks.len() == 2).then(|| (ticks[0] + ticks[1]) / TICKS_PER_SECOND)
}

fn document() -> PathBuf {
    root().join("docs/PRESETS.md")
}

/// Writes every target's row: the new one, those that stood there, and the others as not run.
fn write_table(targets: &[Target], new: Option<KnownRow>) -> Result<(), String> {
    let path = document();
    let problem = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = fs::read_to_string(&path).map_err(|error| problem(&error))?;
    let (before, rest) = text
        .split_once(START)
        .ok_or_else(|| problem(&format!("expected a line `{START}`")))?;
    let (old, after) = rest
        .split_once(END)
        .ok_or_else(|| problem(&format!("expected a line `{END}`")))?;
    let mut known = rows(old);
    known.extend(new);
    let rows: Vec<Vec<String>> = targets
        .iter()
        .map(|target| {
            let absent = Cells {
                data: "DATA".into(),
                measured: String::new(),
                time: String::new(),
                machine: String::new(),
            };
            target.row(target.known(&known).unwrap_or(&absent))
        })
        .collect();
    let text = format!("{before}{START}\n\n{}\n{END}{after}", table(&HEAD, &rows));
    fs::write(&path, text).map_err(|error| problem(&error))
}

/// A row that stands in the document.
#[derive(Clone, Debug, PartialEq)]
struct KnownRow {
    /// The command, in backquotes.
    run: String,
    /// The target in words; the metric comes first.
    target: String,
    cells: Cells,
}

fn known_row<T: AsRef<str>>(row: &[T]) -> KnownRow {
    let cell = |at: usize| row[at].as_ref().to_string();
    KnownRow {
        run: cell(0),
        target: cell(3),
        cells: Cells {
            data: cell(1),
            measured: cell(4),
            time: cell(6),
            machine: cell(7),
        },
    }
}

/// The rows of a table in the document.
fn rows(text: &str) -> Vec<KnownRow> {
    let rows = text.lines().filter_map(|line| {
        let line = line.strip_prefix('|')?.strip_suffix('|')?;
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let is_row = cells.len() == HEAD.len() && cells[0].starts_with('`');
        is_row.then(|| known_row(&cells))
    });
    rows.collect()
}

/// `14,719,818`
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn target() -> Target {
        Target {
            preset: "vgg16-thin".into(),
            data: "cifar10".into(),
            parameters: 231_218,
            is_chosen: true,
            json: json!({"settings": ["--init", "pytorch"], "epochs": 3, "metric": "accuracy",
                "at_most": 0.3, "source": "reference"}),
        }
    }

    #[test]
    fn a_row_is_read_back_as_it_was_written() {
        let target = target();
        let measured = Measured {
            value: 0.2375,
            counts: (10_000, 2_000),
            seconds: 61.2,
            processor_seconds: Some(113.0),
        };
        let row = target.row(&measured.cells("2 cores, some processor"));
        assert_eq!(
            row[0],
            "`glassbox train vgg16-thin --init pytorch --epochs 3`"
        );
        assert_eq!(row[1], "cifar10, 10,000 + 2,000");
        assert_eq!(
            row[3..6],
            ["accuracy at most 0.3 (reference)", "0.2375", "reached"]
        );
        let known = rows(&table(&HEAD, std::slice::from_ref(&row)));
        assert_eq!(known.len(), 1);
        assert_eq!(target.row(target.known(&known).unwrap()), row);
        assert_eq!(target.verdict("0.31"), "missed");
        assert_eq!(target.verdict(""), "not run");
    }

    #[test]
    fn two_targets_of_one_command_have_a_row_each() {
        let of = |metric: &str, most: f64| Target {
            json: json!({"epochs": 100, "metric": metric, "at_most": most, "source": "own"}),
            ..target()
        };
        let targets = [of("mse", 0.1), of("free_run_mse", 0.2)];
        assert_eq!(targets[0].command(), targets[1].command());
        let cells = |value| Cells {
            data: "DATA".into(),
            measured: shortest(value),
            time: "1.0 s".into(),
            machine: "2 cores".into(),
        };
        let written = [0, 1].map(|at| targets[at].row(&cells(0.1 * (at + 1) as f64)));
        let known = rows(&table(&HEAD, &written));
        for (target, row) in targets.iter().zip(&written) {
            assert_eq!(target.row(target.known(&known).unwrap()), *row);
        }
        // What is measured anew takes the place of its own row alone; another bound keeps it.
        let again = targets[0].row(&cells(0.05));
        let known = [known, vec![known_row(&again)]].concat();
        assert_eq!(of("mse", 0.01).known(&known).unwrap().measured, "0.05");
        assert_eq!(targets[1].known(&known).unwrap().measured, "0.2");
        assert_eq!(of("accuracy", 1.0).known(&known), None);
    }

    #[test]
    fn metrics_are_those_behind_the_last_step() {
        let lines = [
            json!({"event": "step", "loss": 2.0}),
            json!({"event": "evaluation", "accuracy": 0.4, "loss": 1.5}),
            json!({"event": "step", "loss": 1.0}),
            json!({"event": "evaluation", "accuracy": 0.5, "loss": 1.25}),
            json!({"event": "done"}),
        ];
        assert_eq!(measured_value("accuracy", &lines), Ok(0.5));
        assert_eq!(measured_value("test_loss", &lines), Ok(1.25));
        assert_eq!(measured_value("step_loss", &lines), Ok(1.0));
        assert!(measured_value("mse", &lines).is_err());
        assert!(measured_value("beauty", &lines).is_err());
    }

    #[test]
    fn names_of_presets_may_follow() {
        let parse = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            Options::parse(&words).map(|options| (options.names, options.must_build))
        };
        assert_eq!(parse(&["--presets"]), Ok((vec![], true)));
        let names = vec!["vgg-s".to_string(), "logreg".to_string()];
        assert_eq!(
            parse(&["--presets", "vgg-s,logreg", "--skip-build"]),
            Ok((names, false))
        );
        assert_eq!(parse(&["--presets", "--skip-build"]), Ok((vec![], false)));
        assert!(parse(&["--presets", "--quick"]).is_err());
    }
}
