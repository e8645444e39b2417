//! `glassbox bench`

use super::CliError;
use super::arguments::BenchArguments;
use super::driver::{Driver, RUN, find_preset};
use super::lines::{Done, Line, print};
use crate::session::{Command, Event, ExecutionFigures, RunConfig, StepRecord};

/// Steps before measuring, as a part of those that are measured; and the fewest.
const WARM_UP_SHARE: u32 = 5;
const LEAST_WARM_UP: u32 = 3;

pub fn run(arguments: &BenchArguments) -> Result<(), CliError> {
    let preset = find_preset(&arguments.preset)?;
    let config = RunConfig {
        preset: preset.id.into(),
        device: arguments.device,
        seed: 1,
        batch: arguments.batch,
        optimizer: arguments.optimizer,
        ..RunConfig::default()
    };
    let spec = arguments.model.spec()?;
    let (mut driver, started) = Driver::start_with(spec, preset, &arguments.table, config)?;
    let mut records: Vec<StepRecord> = Vec::new();
    let mut figures = ExecutionFigures::default();
    let mut take = |event| {
        if let Event::Steps {
            records: more,
            figures: latest,
            ..
        } = event
        {
            records.extend(more);
            figures = latest;
        }
        Ok(())
    };
    let command = Command::SetEvaluationInterval { run: RUN, steps: 0 };
    driver.send(command, &mut take)?;
    let warm_up = (arguments.steps / WARM_UP_SHARE).max(LEAST_WARM_UP);
    for count in [warm_up, arguments.steps] {
        driver.finish(Command::StepBatches { run: RUN, count }, &mut take)?;
    }

    let measured = &records[warm_up as usize..];
    let samples: u64 = measured
        .iter()
        .map(|record| u64::from(started.samples_of(record.step)))
        .sum();
    let mut millis: Vec<f32> = measured.iter().map(|record| record.step_millis).collect();
    millis.sort_by(f32::total_cmp);
    let total: f64 = millis.iter().map(|&millis| f64::from(millis)).sum();
    let rate = samples as f64 / total.max(f64::MIN_POSITIVE) * 1e3;
    let (median, least) = (millis[millis.len() / 2], millis[0]);
    if arguments.json {
        return Line::Bench {
            preset: preset.id,
            batch: started.config.batch,
            optimizer: started.config.optimizer.name(),
            step_millis_median: median.into(),
            step_millis_least: least.into(),
            done: Done::new(&started, measured.len() as u64, rate, &figures),
        }
        .print();
    }
    print(&format!(
        "{}, batch {}, {} on {}: {rate:.0} samples/s; a step takes {median:.3} ms (median of {}), \
         at least {least:.3} ms; {:.1} dispatches and {:.2} submits a step, {:.2} µs of the host to \
         encode a dispatch, {} objects made after warm-up",
        preset.id,
        started.config.batch,
        started.config.optimizer.name(),
        started.adapter(),
        measured.len(),
        figures.dispatches_per_step,
        figures.submits_per_step,
        figures.encode_micros_per_dispatch,
        figures.allocations_after_warm_up
    ))
}
