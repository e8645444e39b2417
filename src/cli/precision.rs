//! `glassbox precision`

use super::CliError;
use super::arguments::{PrecisionArguments, TableArguments};
use super::lines::{Number, print};
use crate::lab::LabError;
use crate::lab::precision::{
    Command, Event, Fates, KernelReport, MemoryParts, ModeResult, Place, Precision,
    PrecisionConfig, PrecisionError, PrecisionMode, StepRecord, StepTime, Why,
};
use crate::models::Preset;
use serde::Serialize;
use std::sync::Arc;

/// Longer than any comparison: the command line has nothing else to do.
const BUDGET_MILLIS: f64 = 1e3;

/// A line of `--json`.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    Precision {
        preset: &'a str,
        parameters: u64,
        modes: Vec<ModeLine>,
        steps: u32,
        batch: Option<u32>,
        learning_rate: Option<Number>,
        optimizer: Option<&'static str>,
        scale: Number,
        growth_interval: u32,
        /// The rounding of this comparison is computed, not the device's.
        is_emulated: bool,
        /// That it runs on; of the emulation, the one that does not serve.
        adapter: Option<&'a str>,
        is_software: Option<bool>,
    },
    PrecisionStep {
        mode: &'static str,
        step: u32,
        loss: Number,
        scale: Number,
        is_skipped: bool,
    },
    Gradients {
        step: u32,
        scale: Number,
        layer: &'a str,
        unscaled: FateLine,
        scaled: FateLine,
    },
    Diverged {
        mode: &'static str,
        step: u32,
    },
    PrecisionResult {
        mode: &'static str,
        accuracy: Number,
        steps: u32,
        skipped: u32,
    },
    /// Where it is not emulated.
    StepTime {
        mode: &'static str,
        median_millis: Number,
        fastest_millis: Number,
        slowest_millis: Number,
        rounds: u32,
        steps: u32,
        /// How many times as fast as float32 in this run, if it was among the modes.
        speed: Option<Number>,
    },
    Kernels {
        adapter: &'a str,
        is_software: bool,
        has_f16: bool,
        failure: Option<&'a str>,
    },
    Kernel {
        kernel: &'a str,
        sizes: &'a str,
        flops: u64,
        float32_bytes: u64,
        float16_bytes: u64,
        float32_millis: Number,
        float16_millis: Number,
        /// How many times as fast float16 is.
        speed: Number,
        largest_error: Number,
    },
}

#[derive(Serialize)]
struct ModeLine {
    mode: &'static str,
    weights: u64,
    master: u64,
    gradients: u64,
    states: u64,
    activations: u64,
    scratch: u64,
}

#[derive(Serialize)]
struct FateLine {
    zero: u32,
    underflow: u32,
    subnormal: u32,
    normal: u32,
    overflow: u32,
}

impl From<Fates> for FateLine {
    fn from(fates: Fates) -> Self {
        let Fates {
            zero,
            underflow,
            subnormal,
            normal,
            overflow,
        } = fates;
        Self {
            zero,
            underflow,
            subnormal,
            normal,
            overflow,
        }
    }
}

impl Line<'_> {
    fn print(&self) -> Result<(), CliError> {
        print(&serde_json::to_string(self).expect("a line has no keys but strings"))
    }
}

pub fn run(arguments: &PrecisionArguments) -> Result<(), CliError> {
    let mut precision = Precision::default();
    let mut outcome = Ok(());
    let json = arguments.json;
    let mut emit = |event: Event| {
        if outcome.is_ok() {
            outcome = tell(&event, json);
        }
    };
    let mut data = Ok(());
    let mut samples = |preset: &Preset| {
        let samples = super::data::samples(preset, &TableArguments::default());
        let missing = |message: String| PrecisionError::Engine { message };
        match samples {
            Ok(samples) => samples
                .map(Arc::new)
                .ok_or_else(|| missing("no samples".into())),
            Err(error) => {
                let message = error.to_string();
                data = Err(error);
                Err(missing(message))
            }
        }
    };
    let command = if arguments.kernels {
        Command::Measure
    } else {
        Command::Start {
            run: 0,
            config: config(arguments),
        }
    };
    let handled = precision.handle(command, &mut samples, &mut emit);
    let handled = pollster::block_on(handled);
    data?;
    handled.map_err(LabError::from)?;
    while pollster::block_on(precision.advance(BUDGET_MILLIS, &mut emit)).map_err(LabError::from)? {
    }
    outcome
}

fn config(arguments: &PrecisionArguments) -> PrecisionConfig {
    let usual = PrecisionConfig::default();
    PrecisionConfig {
        preset: arguments.preset.clone(),
        modes: match arguments.mode.is_empty() {
            true => usual.modes,
            false => arguments.mode.clone(),
        },
        device: arguments.device,
        optimizer: arguments.optimizer,
        learning_rate: arguments.lr,
        batch: arguments.batch,
        steps: arguments.steps.unwrap_or(usual.steps),
        scale: arguments.scale.unwrap_or(usual.scale),
        growth_interval: arguments.growth_interval.unwrap_or(usual.growth_interval),
        seed: arguments.seed,
    }
}

fn tell(event: &Event, json: bool) -> Result<(), CliError> {
    match event {
        Event::Started {
            config,
            parameters,
            place,
            memory,
            ..
        } => started(config, *parameters, place, memory, json),
        Event::Steps { mode, records, .. } => records
            .iter()
            .try_for_each(|record| step(*mode, record, json)),
        Event::Gradients {
            step,
            scale,
            layers,
            ..
        } => {
            let mut sums = [Fates::default(); 2];
            for layer in layers {
                sums[0].add(&layer.unscaled);
                sums[1].add(&layer.scaled);
                if json {
                    Line::Gradients {
                        step: *step,
                        scale: (*scale).into(),
                        layer: &layer.name,
                        unscaled: layer.unscaled.into(),
                        scaled: layer.scaled.into(),
                    }
                    .print()?;
                }
            }
            if json {
                return Ok(());
            }
            let [plain, scaled] = sums;
            print(&format!(
                "gradients before step {}: of {} in float16, {} would be 0 and {} subnormal; times {scale}, {} and {}, \
                 and {} overflow",
                step + 1,
                plain.total(),
                plain.underflow,
                plain.subnormal,
                scaled.underflow,
                scaled.subnormal,
                scaled.overflow
            ))
        }
        Event::Diverged { mode, step, .. } => {
            let mode = mode.name();
            if json {
                return Line::Diverged { mode, step: *step }.print();
            }
            print(&format!("{mode}: cannot go on after step {step}"))
        }
        Event::Finished { result, .. } => finished(result, json),
        Event::Timed { times, .. } => timed(times, json),
        Event::Done { .. } => Ok(()),
        Event::Kernels(report) => kernels(report, json),
    }
}

fn started(
    config: &PrecisionConfig,
    parameters: u64,
    place: &Place,
    memory: &[MemoryParts],
    json: bool,
) -> Result<(), CliError> {
    let modes = config.modes.iter().zip(memory);
    if json {
        return Line::Precision {
            preset: &config.preset,
            parameters,
            modes: modes
                .map(|(mode, parts)| ModeLine {
                    mode: mode.name(),
                    weights: parts.weights,
                    master: parts.master,
                    gradients: parts.gradients,
                    states: parts.states,
                    activations: parts.activations,
                    scratch: parts.scratch,
                })
                .collect(),
            steps: config.steps,
            batch: config.batch,
            learning_rate: config.learning_rate.map(Number::from),
            optimizer: config.optimizer.map(|optimizer| optimizer.name()),
            scale: config.scale.into(),
            growth_interval: config.growth_interval,
            is_emulated: place.is_emulated(),
            adapter: match place {
                Place::Device { adapter, .. }
                | Place::Emulated {
                    why: Why::NoFloat16 { adapter } | Why::Software { adapter },
                } => Some(adapter),
                Place::Emulated { .. } => None,
            },
            is_software: match place {
                Place::Device { is_software, .. } => Some(*is_software),
                Place::Emulated { .. } => None,
            },
        }
        .print();
    }
    print(&format!(
        "{}, {parameters} parameters; {}",
        config.preset,
        place_in_words(place)
    ))?;
    for (mode, parts) in modes {
        let kib = |bytes: u64| bytes as f64 / 1024.0;
        print(&format!(
            "{:<8} {:.0} KiB stored: weights {:.0}, master {:.0}, gradients {:.0}, states {:.0}, activations {:.0}{}",
            mode.name(),
            kib(parts.total()),
            kib(parts.weights),
            kib(parts.master),
            kib(parts.gradients),
            kib(parts.states),
            kib(parts.activations),
            match parts.scratch {
                0 => String::new(),
                bytes => format!(", scratch {:.0}", kib(bytes)),
            }
        ))?;
    }
    Ok(())
}

fn place_in_words(place: &Place) -> String {
    let why = match place {
        Place::Device {
            adapter,
            is_software,
        } => {
            let software = match is_software {
                true => ", a software adapter: times tell of the CPU behind it and not of a GPU",
                false => "",
            };
            return format!("on {adapter}, whose memory holds float16{software}");
        }
        Place::Emulated { why } => why,
    };
    let why = match why {
        Why::Wanted => String::new(),
        Why::NoGpu => " (there is no GPU)".into(),
        Why::NoFloat16 { adapter } => format!(" ({adapter} has no shader-f16)"),
        Why::Software { adapter } => {
            format!(" ({adapter} stores float16 but is a software adapter: --device gpu takes it)")
        }
    };
    format!("float16 is emulated here: every result of an operation is rounded{why}")
}

fn timed(times: &[StepTime], json: bool) -> Result<(), CliError> {
    let mut float32 = times.iter();
    let float32 = float32.find(|time| time.mode == PrecisionMode::Float32);
    for time in times {
        let speed = float32.map(|float32| float32.median_millis / time.median_millis);
        let mode = time.mode.name();
        if json {
            Line::StepTime {
                mode,
                median_millis: time.median_millis.into(),
                fastest_millis: time.fastest_millis.into(),
                slowest_millis: time.slowest_millis.into(),
                rounds: time.rounds,
                steps: time.steps,
                speed: speed.map(Number::from),
            }
            .print()?;
            continue;
        }
        let speed = speed.map_or_else(String::new, |speed| {
            format!(", {speed:.2} times as fast as float32")
        });
        print(&format!(
            "{mode:<8} {:.3} ms for a step, median of {} rounds of {} steps in turns ({:.3} to {:.3}){speed}",
            time.median_millis, time.rounds, time.steps, time.fastest_millis, time.slowest_millis
        ))?;
    }
    Ok(())
}

fn step(mode: PrecisionMode, record: &StepRecord, json: bool) -> Result<(), CliError> {
    if json {
        return Line::PrecisionStep {
            mode: mode.name(),
            step: record.step,
            loss: record.loss.into(),
            scale: record.scale.into(),
            is_skipped: record.is_skipped,
        }
        .print();
    }
    // Every step is too much to read; what is skipped is not.
    if !record.step.is_multiple_of(50) && !record.is_skipped {
        return Ok(());
    }
    let skipped = if record.is_skipped { ", skipped" } else { "" };
    print(&format!(
        "{:<8} step {:>4}: loss {:.4}, scale {}{skipped}",
        mode.name(),
        record.step,
        record.loss,
        record.scale
    ))
}

fn finished(result: &ModeResult, json: bool) -> Result<(), CliError> {
    let mode = result.mode.name();
    if json {
        return Line::PrecisionResult {
            mode,
            accuracy: result.accuracy.into(),
            steps: result.step,
            skipped: result.skipped,
        }
        .print();
    }
    print(&format!(
        "{mode:<8} {:.2} % of the held-out samples after {} steps, {} of them skipped",
        100.0 * result.accuracy,
        result.step,
        result.skipped
    ))
}

fn kernels(report: &KernelReport, json: bool) -> Result<(), CliError> {
    if json {
        Line::Kernels {
            adapter: &report.adapter,
            is_software: report.is_software,
            has_f16: report.has_f16,
            failure: report.failure.as_deref(),
        }
        .print()?;
    } else if !report.has_f16 {
        let adapter = match report.adapter.as_str() {
            "" => "no GPU",
            adapter => adapter,
        };
        print(&format!(
            "{adapter}: no float16 in its shaders (shader-f16), so nothing is measured and nothing said of speed"
        ))?;
    } else {
        let software = match report.is_software {
            true => "; a software adapter, so the times tell of the CPU behind it and not of a GPU",
            false => "",
        };
        print(&format!(
            "{}: float16 storage, float32 sums; the kernels by themselves{software}",
            report.adapter
        ))?;
    }
    for figures in &report.figures {
        let speed = figures.float32_millis / figures.float16_millis;
        if json {
            Line::Kernel {
                kernel: &figures.kernel,
                sizes: &figures.sizes,
                flops: figures.flops,
                float32_bytes: figures.float32_bytes,
                float16_bytes: figures.float16_bytes,
                float32_millis: figures.float32_millis.into(),
                float16_millis: figures.float16_millis.into(),
                speed: speed.into(),
                largest_error: figures.largest_error.into(),
            }
            .print()?;
            continue;
        }
        print(&format!(
            "{:<32} {}: {:.3} ms in float32, {:.3} ms in float16, {speed:.2} times as fast; {} and {} bytes, counted; largest \
             error {:.1e} of the largest output",
            figures.kernel,
            figures.sizes,
            figures.float32_millis,
            figures.float16_millis,
            figures.float32_bytes,
            figures.float16_bytes,
            figures.largest_error
        ))?;
    }
    match &report.failure {
        Some(message) => Err(CliError::Check(message.clone())),
        None => Ok(()),
    }
}
