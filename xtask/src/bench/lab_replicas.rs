//! Data parallelism, measured: several replicas beside a single one in the same run.

use serde_json::Value;

use super::conditions;
use super::presets::lines;
use super::report::table;

/// Runs of each kind, in turns.
const ROUNDS: usize = 5;

/// The most by which parameters may differ from a single replica's, over the norm of the latter.
const LIMIT: f64 = 1e-5;

/// What is run: its name, and the settings of `glassbox ddp`. SGD, because Adam lets rounding grow.
const RUNS: [(&str, &[&str]); 3] = [
    (
        "LeNet-5, batch 64",
        &[
            "--preset",
            "lenet5-mnist",
            "--replicas",
            "2",
            "--steps",
            "50",
        ],
    ),
    (
        "LeNet-5, batch 64",
        &[
            "--preset",
            "lenet5-mnist",
            "--replicas",
            "4",
            "--steps",
            "50",
        ],
    ),
    (
        "linear, batch 256",
        &["--preset", "linear", "--replicas", "4", "--steps", "300"],
    ),
];

/// Everything measured of so many replicas of one model.
struct Measured {
    name: &'static str,
    replicas: u64,
    threads: u64,
    samples_per_second: Vec<f64>,
    /// Samples a second over those of the single replica of the same run.
    speed_up: Vec<f64>,
    compute_millis: Vec<f64>,
    ring_millis: Vec<f64>,
    modelled_millis: f64,
    /// Of the parameters from those of a single replica.
    relative: f64,
}

/// Runs everything in turns.
///
/// # Errors
/// When the program cannot be run, or several replicas end further than [`LIMIT`] from a single one.
pub fn replicas() -> Result<String, String> {
    let load = conditions::load();
    let mut found: Vec<Measured> = Vec::new();
    for _ in 0..ROUNDS {
        for (name, settings) in RUNS {
            let arguments = ["ddp", "--optimizer", "sgd", "--lr", "0.05", "--json"];
            let arguments = arguments.iter().chain(settings);
            let lines = lines(&arguments.map(ToString::to_string).collect::<Vec<_>>())?;
            let done: Vec<&Value> = lines
                .iter()
                .filter(|line| line["event"] == "replicas_done")
                .collect();
            let [single, several] = done[..] else {
                return Err(format!("{name}: expected a single replica and several"));
            };
            let alone = number(single, "samples_per_second");
            for line in [single, several] {
                take(&mut found, name, line, alone);
            }
        }
    }
    let mut far = Vec::new();
    for measured in &found {
        // Written so that what is no number is far.
        let is_near = measured.relative <= LIMIT;
        if !is_near {
            far.push(format!(
                "{}, {} replicas: {:e}",
                measured.name, measured.replicas, measured.relative
            ));
        }
    }
    if !far.is_empty() {
        return Err(format!(
            "further than {LIMIT:e} from a single replica: {}",
            far.join("; ")
        ));
    }
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    let head = [
        "model",
        "replicas, threads",
        "samples/s",
        "times a single one's",
        "computing, median step",
        "ring, median step",
        "modelled ring at 1.25 GB/s, 50 µs",
        "parameters from a single one's",
    ];
    let load = load.map_or_else(String::new, |load| format!("; {load}"));
    Ok(format!(
        "{}\nMedians of {ROUNDS} runs, in brackets the lowest and the highest{load}. A single replica is run before each of the others.\n",
        table(&head, &rows)
    ))
}

fn number(line: &Value, key: &str) -> f64 {
    line[key].as_f64().unwrap_or(f64::NAN)
}

/// Adds what a line tells to what is known of so many replicas of that model.
fn take(found: &mut Vec<Measured>, name: &'static str, line: &Value, alone: f64) {
    let whole = |key: &str| line[key].as_u64().unwrap_or_default();
    let replicas = whole("replicas");
    let is_it = |measured: &Measured| measured.name == name && measured.replicas == replicas;
    let at = found.iter().position(is_it).unwrap_or(found.len());
    if at == found.len() {
        found.push(Measured {
            name,
            replicas,
            threads: whole("threads"),
            samples_per_second: Vec::new(),
            speed_up: Vec::new(),
            compute_millis: Vec::new(),
            ring_millis: Vec::new(),
            modelled_millis: 1e3 * number(line, "modelled_all_reduce_seconds"),
            relative: 0.0,
        });
    }
    let speed = number(line, "samples_per_second");
    let measured = &mut found[at];
    measured.samples_per_second.push(speed);
    measured.speed_up.push(speed / alone);
    measured
        .compute_millis
        .push(number(line, "compute_millis_median"));
    measured
        .ring_millis
        .push(number(line, "communication_millis_median"));
    if replicas > 1 {
        // NaN, once found, stays: `f64::max` would drop it.
        let relative = number(line, "relative_to_single");
        let worst = measured.relative.max(relative);
        let has_nan = measured.relative.is_nan() || relative.is_nan();
        measured.relative = if has_nan { f64::NAN } else { worst };
    }
}

fn row(measured: &Measured) -> Vec<String> {
    let none = || "–".to_string();
    let is_alone = measured.replicas == 1;
    let unless_alone = |text: String| if is_alone { none() } else { text };
    vec![
        measured.name.into(),
        format!("{}, {}", measured.replicas, measured.threads),
        spread(&measured.samples_per_second, 0),
        unless_alone(spread(&measured.speed_up, 2)),
        format!("{} ms", spread(&measured.compute_millis, 3)),
        unless_alone(format!("{} ms", spread(&measured.ring_millis, 3))),
        unless_alone(format!("{:.3} ms", measured.modelled_millis)),
        unless_alone(match measured.relative {
            0.0 => "0".into(),
            relative => format!("{relative:.1e}"),
        }),
    ]
}

/// The median, and in brackets the lowest and the highest.
fn spread(values: &[f64], decimals: usize) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let [Some(lowest), Some(median), Some(highest)] =
        [sorted.first(), sorted.get(sorted.len() / 2), sorted.last()]
    else {
        return "–".into();
    };
    format!("{median:.decimals$} ({lowest:.decimals$} to {highest:.decimals$})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(replicas: u64, speed: f64, relative: Option<f64>) -> Value {
        json!({
            "replicas": replicas, "threads": replicas, "samples_per_second": speed,
            "compute_millis_median": 2.0, "communication_millis_median": 0.5,
            "modelled_all_reduce_seconds": 3e-4, "relative_to_single": relative,
        })
    }

    #[test]
    fn lines_of_the_same_kind_are_one_row() {
        let mut found = Vec::new();
        for (speed, relative) in [(150.0, 1e-8), (130.0, 3e-8), (200.0, 2e-8)] {
            take(&mut found, "m", &line(1, 100.0, None), 100.0);
            take(&mut found, "m", &line(2, speed, Some(relative)), 100.0);
        }
        assert_eq!(found.len(), 2);
        assert_eq!(row(&found[0])[2..4], ["100 (100 to 100)", "–"]);
        assert_eq!(
            row(&found[1])[1..],
            [
                "2, 2",
                "150 (130 to 200)",
                "1.50 (1.30 to 2.00)",
                "2.000 (2.000 to 2.000) ms",
                "0.500 (0.500 to 0.500) ms",
                "0.300 ms",
                "3.0e-8",
            ]
        );
        take(&mut found, "m", &line(2, 1.0, None), 100.0);
        assert!(found[1].relative.is_nan(), "a missing figure is not near");
        take(&mut found, "m", &line(2, 1.0, Some(1e-9)), 100.0);
        assert!(found[1].relative.is_nan());
    }
}
