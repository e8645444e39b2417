//! `glassbox ddp`: data parallelism, measured.

use super::arguments::{DdpArguments, TableArguments};
use super::lines::{Line, Number, print};
use super::{CliError, data};
use crate::data::SampleSet;
use crate::lab::replicas::{Coordinator, Crew, LINEAR, Mode, Problem, Settings, Standing, Subject};
use std::sync::Arc;

pub fn run(arguments: &DdpArguments) -> Result<(), CliError> {
    let preset = Subject::preset(&arguments.preset)?;
    let usual = if preset.id == LINEAR.id {
        Settings::linear()
    } else {
        Settings::of_preset(preset)
    };
    let settings = Settings {
        seed: arguments.seed,
        replicas: arguments.replicas,
        mode: arguments.mode,
        optimizer: arguments.optimizer.unwrap_or(usual.optimizer),
        learning_rate: arguments.lr.unwrap_or(usual.learning_rate),
        batch: arguments.batch.unwrap_or(usual.batch),
        local_steps: arguments.local_steps,
        shares: arguments.shares.clone(),
        bandwidth: arguments.bandwidth,
        latency: arguments.latency,
        ..usual
    };
    // What does not fit is refused before any samples are read.
    settings.check()?;
    let samples = match preset.id {
        id if id == LINEAR.id => None,
        _ => data::samples(preset, &TableArguments::default())?.map(Arc::new),
    };
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let threads = arguments
        .threads
        .unwrap_or_else(|| settings.replicas.min(cores));
    let single = if settings.replicas > 1 && settings.mode == Mode::Mean {
        let alone = Settings {
            replicas: 1,
            // The batches that the replicas pass over, it passes over too.
            least_batch: settings.replicas,
            ..settings.clone()
        };
        Some(train(alone, samples.as_ref(), arguments.steps, 1)?)
    } else {
        None
    };
    let several = train(settings, samples.as_ref(), arguments.steps, threads)?;
    if arguments.json {
        for record in several.records() {
            let numbers = |values: &[Option<f64>]| values.iter().copied().map(number).collect();
            Line::ReplicaStep {
                step: record.step,
                losses: numbers(&record.losses),
                summed_loss: number(record.summed_loss),
                measured_losses: numbers(&record.measured),
                distance_l2: number(record.distance.map(|distance| distance.l2)),
                distance_largest: number(record.distance.map(|distance| distance.largest)),
                compute_millis: real(record.compute_millis),
                communication_millis: number(record.communication_millis),
                step_millis: number(record.step_millis),
            }
            .print()?;
        }
    }
    // What was computed up to there was told.
    let stops = [Some(&several), single.as_ref()];
    if let Some(problem) = stops.into_iter().flatten().find_map(problem) {
        if !arguments.json && !several.records().is_empty() {
            tell(&several, threads, None, false)?;
        }
        return Err(problem.clone().into());
    }
    if let Some(single) = &single {
        tell(single, 1, None, arguments.json)?;
    }
    let relative = single
        .as_ref()
        .map(|single| relative(several.parameters(0), single.parameters(0)));
    tell(&several, threads, relative, arguments.json)
}

/// Why a run stopped before its end.
fn problem(run: &Coordinator) -> Option<&Problem> {
    match run.standing() {
        Standing::Stopped(problem) => Some(problem),
        _ => None,
    }
}

/// The whole run, or as far as it gets, in a pool of `threads` threads.
fn train(
    settings: Settings,
    samples: Option<&Arc<SampleSet>>,
    steps: u64,
    threads: u32,
) -> Result<Coordinator, CliError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads as usize)
        .build()
        .map_err(|error| CliError::Check(format!("no {threads} threads: {error}")))?;
    pool.install(|| {
        let mut crew = Crew::new(settings.replicas, &settings.subject, samples);
        let mut coordinator = Coordinator::new(settings)?;
        crew.run(&mut coordinator, steps);
        Ok(coordinator)
    })
}

fn real(value: f64) -> Number {
    Number::from(value as f32)
}

fn number(value: Option<f64>) -> Option<Number> {
    value.map(real)
}

fn relative(actual: &[f32], expected: &[f32]) -> f64 {
    let square = |value: f64| value * value;
    let apart = actual.iter().zip(expected);
    let apart: f64 = apart.map(|(a, b)| square(f64::from(a - b))).sum();
    let norm: f64 = expected.iter().map(|&b| square(b.into())).sum();
    (apart / norm).sqrt()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn tell(
    run: &Coordinator,
    threads: u32,
    relative: Option<f64>,
    json: bool,
) -> Result<(), CliError> {
    let records = run.records();
    let settings = run.settings();
    let millis: f64 = records.iter().filter_map(|record| record.step_millis).sum();
    let samples: u64 = records.iter().map(|record| record.samples).sum();
    let samples_per_second = samples as f64 / millis.max(f64::MIN_POSITIVE) * 1e3;
    let compute = median(records.iter().map(|record| record.compute_millis));
    let communication = records
        .iter()
        .filter_map(|record| record.communication_millis);
    let communication = median(communication);
    let bytes = records.last().map_or(0, |record| record.bytes);
    let distance = records.last().and_then(|record| record.distance);
    let modelled = run.modelled_seconds();
    if json {
        return Line::ReplicasDone {
            preset: &settings.subject,
            mode: settings.mode.name(),
            replicas: settings.replicas,
            threads,
            steps: run.step(),
            parameters: run.facts().map_or(0, |facts| facts.parameters),
            samples_per_second: real(samples_per_second),
            compute_millis_median: real(compute),
            communication_millis_median: real(communication),
            bytes_per_replica_and_step: bytes,
            modelled_all_reduce_seconds: real(modelled),
            distance_l2: number(distance.map(|distance| distance.l2)),
            relative_to_single: number(relative),
        }
        .print();
    }
    let losses = |values: &[Option<f64>]| {
        let texts = values.iter().flatten();
        texts
            .map(|value| format!("{value:.6}"))
            .collect::<Vec<_>>()
            .join("  ")
    };
    print(&format!(
        "{} replica{} of {} in {threads} thread{}, {}: {} steps",
        settings.replicas,
        if settings.replicas == 1 { "" } else { "s" },
        settings.subject,
        if threads == 1 { "" } else { "s" },
        settings.mode.name(),
        run.step()
    ))?;
    if let Some(record) = records.last() {
        print(&format!(
            "  loss on its own samples   {}",
            losses(&record.losses)
        ))?;
        print(&format!(
            "  loss on the common ones   {}",
            losses(&record.measured)
        ))?;
    }
    if let Some(distance) = distance {
        print(&format!(
            "  distance of the replicas  {:.3e} (largest of one parameter {:.3e})",
            distance.l2, distance.largest
        ))?;
    }
    if let Some(relative) = relative {
        print(&format!(
            "  parameters, relative to a single replica's: {relative:.1e}"
        ))?;
    }
    print(&format!(
        "  measured: {samples_per_second:.0} samples/s; in the median step {compute:.3} ms of computing, \
         {communication:.3} ms of the ring"
    ))?;
    print(&format!(
        "  modelled at {:e} bytes/s and {:e} s: {modelled:.3e} s for one all-reduce; a replica sends {bytes} bytes, on the mean of all",
        settings.bandwidth, settings.latency
    ))
}
