//! `glassbox measure`

use super::CliError;
use super::arguments::MeasureArguments;
use super::lines::{Line, Number, print};
use super::train::{PlotFormat, check_folder, plot_format};
use crate::graph::Phase;
use crate::lab::measure::{
    Command, Device, Event, Measure, Measurement, NoGpu, Operation, Place, Roof, Settings, Spread,
};
use crate::plot::{PointKind, RooflineLabels, RooflineOptions, RooflinePlot, RooflinePoint};
use crate::view::color::Palette;
use crate::view::format;
use pollster::block_on;
use std::fs;
use std::path::Path;

/// Milliseconds of work between two looks at the events.
const BUDGET_MILLIS: f64 = 200.0;

/// What is needed for the drawing.
#[derive(Default)]
struct Seen {
    roof: Option<Roof>,
    place: Option<Place>,
    operations: Vec<Operation>,
}

pub fn run(arguments: &MeasureArguments) -> Result<(), CliError> {
    let format = arguments.plot.as_deref().map(plot_format).transpose()?;
    if let Some(path) = &arguments.plot {
        check_folder(path)?;
    }
    let settings = Settings {
        preset: arguments.preset.clone(),
        device: arguments.device,
        batch: arguments.batch,
    };
    let mut measure = Measure::default();
    let mut events = Vec::new();
    block_on(measure.handle(Command::Start(settings), &mut |event| events.push(event)))?;
    let mut seen = Seen::default();
    let mut roofs = Vec::new();
    loop {
        for event in events.drain(..) {
            match &event {
                Event::Roof(roof) => roofs.push(*roof),
                Event::Model { place, .. } => {
                    seen.place = Some(*place);
                    seen.roof = roofs.iter().copied().find(|roof| roof.place == *place);
                }
                Event::Operation(operation) => seen.operations.push(operation.clone()),
                _ => {}
            }
            if arguments.json {
                tell_json(&event, seen.roof.as_ref())?;
            } else {
                tell(&event, seen.roof.as_ref())?;
            }
        }
        if !block_on(measure.advance(BUDGET_MILLIS, &mut |event| events.push(event)))?
            && events.is_empty()
        {
            break;
        }
    }
    match format.zip(arguments.plot.as_deref()) {
        Some((format, path)) => draw(&seen, format, path),
        None => Ok(()),
    }
}

/// A figure with what its quartiles span.
fn spread(figure: &Spread) -> String {
    format!(
        "{} ({} to {})",
        format::significant(figure.median, 4),
        format::significant(figure.lower, 4),
        format::significant(figure.upper, 4)
    )
}

fn tell(event: &Event, roof: Option<&Roof>) -> Result<(), CliError> {
    match event {
        Event::Device(device) => tell_device(device),
        Event::NoGpu { reason } => match reason {
            NoGpu::NotWanted => Ok(()),
            NoGpu::None => print("gpu  none was found"),
            NoGpu::Software => print(
                "gpu  only a software adapter, slower than the CPU: `--device gpu` measures it all the same",
            ),
        },
        Event::Measured(Measurement {
            place,
            quantity,
            size,
            figure,
        }) => print(&format!(
            "{}  {:<16} {} {}, median and quartiles of {}",
            place.name(),
            quantity.label(*size),
            spread(figure),
            quantity.unit(),
            figure.repeats
        )),
        Event::LeftOut {
            place,
            quantity,
            size,
            millis,
        } => print(&format!(
            "{}  {:<16} left out: a single run would take about {millis:.0} ms",
            place.name(),
            quantity.label(*size)
        )),
        Event::Roof(roof) => print(&format!(
            "{}  roof: {} GFLOP/s; {} GB/s from memory, {} GB/s at the most; they meet at {} FLOP/byte",
            roof.place.name(),
            format::significant(roof.peak, 4),
            format::significant(roof.memory, 4),
            format::significant(roof.cache, 4),
            format::significant(roof.ridge(), 3)
        )),
        Event::Model {
            preset,
            place,
            batch,
            wanted_batch,
            ..
        } => {
            let fewer = match batch == wanted_batch {
                true => String::new(),
                false => format!(
                    " (instead of {wanted_batch}: no operation may hold the device for long)"
                ),
            };
            print(&format!(
                "{preset}, batch {batch}{fewer}, on the {}: FLOPs and bytes counted, times measured",
                place.name()
            ))
        }
        Event::Operation(operation) => {
            // What computes nothing reaches nothing of the roof.
            let share = roof.filter(|_| operation.flops > 0).map_or(0.0, |roof| {
                100.0 * operation.gflops() / roof.at(operation.intensity())
            });
            print(&format!(
                "  {:<40} {:>9} FLOP {:>9} bytes {:>7} FLOP/byte {:>9} µs {:>8} GFLOP/s {:>8} GB/s {share:>4.0} % of the roof",
                operation.name,
                operation.flops,
                operation.bytes,
                format::significant(operation.intensity(), 3),
                format::significant(operation.micros.median, 4),
                format::significant(operation.gflops(), 3),
                format::significant(operation.bandwidth(), 3),
            ))
        }
        Event::OperationLeftOut { name, millis } => print(&format!(
            "  {name:<40} left out: a single run takes about {millis:.0} ms"
        )),
        Event::Done { millis, pieces } => {
            print(&format!("{:.1} s in {pieces} pieces", millis / 1e3))
        }
        Event::Started(_) | Event::Progress { .. } | Event::Stopped => Ok(()),
    }
}

fn tell_device(device: &Device) -> Result<(), CliError> {
    let clock = match (device.place, device.has_timestamps) {
        (Place::Cpu, _) => String::new(),
        (_, true) => ", times by its own clock".into(),
        (_, false) => ", times by the host's clock without that of an empty submit".into(),
    };
    let limits = device.limits.iter();
    let limits: Vec<String> = limits
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    print(&format!(
        "{}  {} ({}{}{clock}); features: {}; {}",
        device.place.name(),
        device.name,
        device.backend,
        if device.is_software { ", software" } else { "" },
        match device.features.is_empty() {
            true => "none".into(),
            false => device.features.join(", "),
        },
        limits.join(", ")
    ))
}

fn tell_json(event: &Event, roof: Option<&Roof>) -> Result<(), CliError> {
    let line = match event {
        Event::Device(device) => Line::Device {
            device: device.place.name(),
            adapter: &device.name,
            backend: &device.backend,
            driver: &device.driver,
            is_software: device.is_software,
            features: device.features.iter().map(String::as_str).collect(),
            limits: device
                .limits
                .iter()
                .map(|(name, value)| (name.as_str(), *value))
                .collect(),
        },
        Event::Measured(measured) => Line::Measurement {
            device: measured.place.name(),
            name: measured.quantity.name(),
            size: measured.size,
            unit: measured.quantity.unit(),
            figure: figure(&measured.figure),
        },
        Event::LeftOut {
            place,
            quantity,
            size,
            millis,
        } => Line::LeftOut {
            device: place.name(),
            name: quantity.name(),
            size: *size,
            expected_millis: (*millis).into(),
        },
        Event::Roof(roof) => Line::Roof {
            device: roof.place.name(),
            peak_gflops: roof.peak.into(),
            memory_gigabytes_per_second: roof.memory.into(),
            cache_gigabytes_per_second: roof.cache.into(),
        },
        Event::Model {
            preset,
            place,
            batch,
            wanted_batch,
            operations,
        } => Line::MeasuredModel {
            preset,
            device: place.name(),
            batch: *batch,
            wanted_batch: *wanted_batch,
            operations: *operations,
        },
        Event::Operation(operation) => Line::MeasuredOperation {
            name: &operation.name,
            operation: &operation.operation,
            phase: operation.phase.name(),
            flops: operation.flops,
            bytes: operation.bytes,
            bytes_apart: operation.bytes_apart,
            intensity: operation.intensity().into(),
            gflops: operation.gflops().into(),
            roof_gflops: roof
                .map_or(f64::NAN, |roof| roof.at(operation.intensity()))
                .into(),
            unit: "µs",
            figure: figure(&operation.micros),
        },
        Event::OperationLeftOut { name, millis } => Line::OperationLeftOut {
            name,
            millis: (*millis).into(),
        },
        Event::Done { millis, pieces } => Line::MeasureDone {
            millis: (*millis).into(),
            pieces: *pieces,
        },
        Event::Started(_) | Event::NoGpu { .. } | Event::Progress { .. } | Event::Stopped => {
            return Ok(());
        }
    };
    line.print()
}

pub(super) fn figure(spread: &Spread) -> super::lines::Figure {
    super::lines::Figure {
        median: Number::from(spread.median),
        lower_quartile: Number::from(spread.lower),
        upper_quartile: Number::from(spread.upper),
        repeats: spread.repeats,
    }
}

/// The roofline as SVG or PNG.
fn draw(seen: &Seen, format: PlotFormat, path: &Path) -> Result<(), CliError> {
    let Some(roof) = &seen.roof else {
        return Ok(());
    };
    let points = seen
        .operations
        .iter()
        .zip(1..)
        .map(|(operation, number)| RooflinePoint {
            number,
            intensity: operation.intensity(),
            gflops: operation.gflops(),
            kind: match operation.phase {
                Phase::Backward => PointKind::Backward,
                Phase::Update => PointKind::Update,
                _ => PointKind::Forward,
            },
        });
    let plot = RooflinePlot {
        peak: roof.peak,
        memory: roof.memory,
        cache: roof.cache,
        points: points.collect(),
    };
    let options = RooflineOptions {
        width: 900,
        height: 560,
        palette: Palette::LIGHT,
        labels: RooflineLabels::default(),
    };
    let bytes = match format {
        PlotFormat::Png => plot.png(&options, super::train::FONT, 2)?,
        PlotFormat::Svg => plot.svg(&options)?.into_bytes(),
    };
    fs::write(path, bytes).map_err(|error| CliError::file(path, error))
}
