//! `glassbox memory`: where the bytes of a training step go.

use super::CliError;
use super::arguments::MemoryArguments;
use super::lines::{Line, print};
use super::measure::figure;
use crate::lab::memory::{Command, Event, KINDS, Memory, Report, Settings};
use crate::view::format;
use pollster::block_on;
use std::collections::BTreeMap;

/// Milliseconds of work between two looks at the events.
const BUDGET_MILLIS: f64 = 200.0;
/// Tensors that are listed, the largest first.
const TENSORS: usize = 12;

pub fn run(arguments: &MemoryArguments) -> Result<(), CliError> {
    let settings = Settings {
        preset: arguments.preset.clone(),
        device: arguments.device,
        batch: arguments.batch,
        optimizer: arguments.optimizer,
        every: arguments.recompute.unwrap_or(Settings::default().every),
    };
    let command = match arguments.time {
        true => Command::Time(settings),
        false => Command::Look(settings),
    };
    let mut memory = Memory::default();
    let mut events = Vec::new();
    block_on(memory.handle(command, &mut |event| events.push(event)))?;
    loop {
        for event in events.drain(..) {
            tell(&event, arguments)?;
        }
        if !block_on(memory.advance(BUDGET_MILLIS, &mut |event| events.push(event)))?
            && events.is_empty()
        {
            return Ok(());
        }
    }
}

fn tell(event: &Event, arguments: &MemoryArguments) -> Result<(), CliError> {
    match event {
        Event::Reports {
            settings,
            batch,
            optimizer,
            plain,
            recomputing,
            ..
        } => {
            if !arguments.json {
                print(&format!(
                    "{}, batch {batch}, {}; the data set does not count",
                    settings.preset,
                    optimizer.name()
                ))?;
            }
            tell_report(plain, None, arguments.json)?;
            match arguments.recompute {
                Some(every) => tell_report(recomputing, Some(every), arguments.json),
                None => Ok(()),
            }
        }
        Event::Timed {
            settings,
            plain,
            recomputing,
        } if arguments.json => Line::StepTime {
            plain_millis: figure(plain),
            recompute: settings.every,
            recomputing_millis: figure(recomputing),
        }
        .print(),
        Event::Timed {
            settings,
            plain,
            recomputing,
        } => print(&format!(
            "a step takes {} ms, where every activation but those of {} is computed again {} ms: {} times as long (medians of {}, measured in turns)",
            format::significant(plain.median, 4),
            kept_layers(settings.every),
            format::significant(recomputing.median, 4),
            format::significant(recomputing.median / plain.median, 3),
            plain.repeats
        )),
        Event::Device { .. } | Event::Progress { .. } | Event::Stopped => Ok(()),
    }
}

/// `layers no. 3, 6, …`
fn kept_layers(every: u32) -> String {
    format!("layers no. {every}, {}, …", 2 * u64::from(every))
}

fn tell_report(report: &Report, every: Option<u32>, json: bool) -> Result<(), CliError> {
    let peak = &report.moments[report.peak as usize];
    if json {
        for (number, moment) in report.moments.iter().enumerate() {
            Line::Moment {
                recompute: every,
                number,
                name: &moment.name,
                phase: moment.phase.name(),
                bytes: by_kind(&moment.bytes),
                total: moment.total(),
            }
            .print()?;
        }
        return Line::StepMemory {
            recompute: every,
            peak_bytes: report.peak_bytes(),
            peak_at: &peak.name,
            reserved_bytes: report.reserved,
            flops: report.flops,
            bytes: by_kind(&peak.bytes),
        }
        .print();
    }
    print(&match every {
        None => "every activation kept:".to_string(),
        Some(every) => format!("the output of {} kept:", kept_layers(every)),
    })?;
    print(&format!(
        "  {} bytes alive at the peak, at {}; {} reserved; {} FLOPs a step",
        format::count(report.peak_bytes()),
        peak.name,
        format::count(report.reserved),
        format::count(report.flops)
    ))?;
    for kind in KINDS {
        let bytes = report.at_peak(kind);
        if bytes > 0 {
            print(&format!(
                "  {:<22}{:>14}",
                kind.name(),
                format::count(bytes)
            ))?;
        }
    }
    if every.is_some() {
        return Ok(());
    }
    print("largest tensors:")?;
    for row in report.tensors.iter().take(TENSORS) {
        let life = match row.life {
            None => "outlives the step".to_string(),
            Some((from, to)) => {
                let name = |at: u32| &report.moments[at as usize].name;
                format!("{} to {}", name(from), name(to))
            }
        };
        print(&format!(
            "  {:<28}{:>14}  {:<22}{life}",
            row.name,
            format::count(row.bytes),
            row.kind.name()
        ))?;
    }
    Ok(())
}

fn by_kind(bytes: &[u64; KINDS.len()]) -> BTreeMap<&'static str, u64> {
    let kinds = KINDS.iter().map(|kind| kind.name());
    kinds.zip(bytes.iter().copied()).collect()
}
