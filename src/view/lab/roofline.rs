//! The roofline's form and tables: what stands in the address, and what is shown of what was measured.

use std::collections::BTreeMap;

use crate::graph::Phase;
use crate::lab::measure::{Event, Operation, Place, Quantity, Roof, Settings};
use crate::plot::{PointKind, RooflineLabels, RooflinePlot, RooflinePoint};
use crate::session::DevicePreference;
use crate::view::format;
use crate::view::texts::lab::roofline::RooflineTexts;

/// The network of an address that names none.
pub const DEFAULT_PRESET: &str = "lenet5-mnist";

/// Largest batch that may be asked for.
const MOST_SAMPLES: u32 = 65_536;

/// A whole number from 1 to `most`; `Some(None)` where nothing is typed, `None` where it cannot be used.
pub fn optional_count(typed: &str, most: u32) -> Option<Option<u32>> {
    match typed.trim() {
        "" => Some(None),
        text => text
            .parse()
            .ok()
            .filter(|count| (1..=most).contains(count))
            .map(Some),
    }
}

/// The batch that stands in the address, as [`optional_count`].
pub fn batch(settings: &BTreeMap<String, String>) -> Option<Option<u32>> {
    let typed = settings.get("samples").map_or("", String::as_str);
    optional_count(typed, MOST_SAMPLES)
}

/// The network that the address names.
pub fn preset(settings: &BTreeMap<String, String>) -> String {
    let named = settings.get("model").cloned();
    named.unwrap_or_else(|| DEFAULT_PRESET.into())
}

/// What the address asks for; `None` where the batch cannot be used.
pub fn settings(settings: &BTreeMap<String, String>, device: DevicePreference) -> Option<Settings> {
    Some(Settings {
        preset: preset(settings),
        device,
        batch: batch(settings)?,
    })
}

/// Where the page stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum State {
    #[default]
    Ready,
    Measuring,
    Stopped,
    Failed,
    /// Milliseconds it took, and pieces.
    Done(f64, u32),
}

/// Everything that was told since the last start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    pub state: State,
    /// Measurements done, of all.
    pub progress: (u32, u32),
    pub events: Vec<Event>,
}

impl Measured {
    /// Takes an event in.
    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::Started(_) => {
                *self = Self {
                    state: State::Measuring,
                    ..Self::default()
                }
            }
            Event::Progress { done, total } => self.progress = (*done, *total),
            Event::Done { millis, pieces } => self.state = State::Done(*millis, *pieces),
            Event::Stopped => self.state = State::Stopped,
            _ => self.events.push(event.clone()),
        }
    }

    pub fn is_measuring(&self) -> bool {
        self.state == State::Measuring
    }

    /// Where the operations ran.
    pub fn place(&self) -> Option<Place> {
        self.events.iter().find_map(|event| match event {
            Event::Model { place, .. } => Some(*place),
            _ => None,
        })
    }

    /// What limits the operations.
    pub fn roof(&self) -> Option<Roof> {
        let place = self.place()?;
        self.events.iter().find_map(|event| match event {
            Event::Roof(roof) if roof.place == place => Some(*roof),
            _ => None,
        })
    }

    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.events.iter().filter_map(|event| match event {
            Event::Operation(operation) => Some(operation),
            _ => None,
        })
    }

    /// The fastest product or convolution of all that was measured, in FLOP/s: what the scale calculator takes for the
    /// speed of this device.
    pub fn peak(&self) -> Option<f64> {
        let roofs = self.events.iter().filter_map(|event| match event {
            Event::Roof(roof) => Some(roof.peak * 1e9),
            _ => None,
        });
        roofs.reduce(f64::max)
    }

    /// What is drawn; nothing before there is a roof.
    pub fn plot(&self) -> Option<RooflinePlot> {
        let roof = self.roof()?;
        let points = self.operations().zip(1..);
        Some(RooflinePlot {
            peak: roof.peak,
            memory: roof.memory,
            cache: roof.cache,
            points: points
                .map(|(operation, number)| RooflinePoint {
                    number,
                    intensity: operation.intensity(),
                    gflops: operation.gflops(),
                    kind: point_kind(operation.phase),
                })
                .collect(),
        })
    }
}

/// The mark of a phase.
pub fn point_kind(phase: Phase) -> PointKind {
    match phase {
        Phase::Backward => PointKind::Backward,
        Phase::Update => PointKind::Update,
        Phase::Data | Phase::Forward | Phase::Loss => PointKind::Forward,
    }
}

/// The words on the drawing.
pub fn plot_labels(texts: &RooflineTexts) -> RooflineLabels {
    RooflineLabels {
        title: texts.plot_label.into(),
        intensity: texts.intensity.into(),
        rate: texts.rate.into(),
        peak: texts.peak.into(),
        memory: texts.memory.into(),
        cache: texts.cache.into(),
        forward: texts.forward.into(),
        backward: texts.backward.into(),
        update: texts.update.into(),
    }
}

/// The size of a figure in words; nothing where there is one size only.
pub fn size_text(quantity: Quantity, size: u64) -> String {
    match quantity {
        Quantity::Submit | Quantity::Dispatch => String::new(),
        Quantity::Copy => format::bytes(size),
        Quantity::Product => format!("{size} × {size} × {size}"),
        Quantity::Convolution => format!("{size} → {size}, 16 × 16 × 16"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::measure::{Measurement, Spread};

    fn typed(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect()
    }

    #[test]
    fn what_stands_in_the_address_decides_and_what_cannot_be_used_stops_it() {
        let of = |pairs: &[(&str, &str)]| settings(&typed(pairs), DevicePreference::Cpu);
        assert_eq!(of(&[]).unwrap().preset, DEFAULT_PRESET);
        let chosen = of(&[("model", "gpt-text"), ("samples", " 16 ")]).unwrap();
        assert_eq!(
            (chosen.preset.as_str(), chosen.batch),
            ("gpt-text", Some(16))
        );
        for wrong in ["0", "-3", "viel", "1.5", "65537"] {
            assert_eq!(of(&[("samples", wrong)]), None, "{wrong}");
        }
    }

    #[test]
    fn a_new_start_forgets_and_a_stop_keeps() {
        let spread = Spread::of(&[2.0]).unwrap();
        let figure = Event::Measured(Measurement {
            place: Place::Cpu,
            quantity: Quantity::Copy,
            size: 1 << 20,
            figure: spread,
        });
        let mut measured = Measured::default();
        measured.hear(&Event::Started(Settings::default()));
        assert!(measured.is_measuring());
        measured.hear(&figure);
        measured.hear(&Event::Progress { done: 1, total: 9 });
        measured.hear(&Event::Stopped);
        assert_eq!((measured.events.len(), measured.progress), (1, (1, 9)));
        assert_eq!(measured.state, State::Stopped);
        measured.hear(&Event::Started(Settings::default()));
        assert!(measured.events.is_empty());
    }

    #[test]
    fn the_plot_has_the_roof_of_the_device_that_the_operations_ran_on() {
        let roof = |place, peak| {
            Event::Roof(Roof {
                place,
                peak,
                memory: 10.0,
                cache: 20.0,
            })
        };
        let mut measured = Measured::default();
        for event in [
            roof(Place::Gpu, 500.0),
            roof(Place::Cpu, 50.0),
            Event::Model {
                preset: "lenet5-mnist".into(),
                place: Place::Cpu,
                batch: 64,
                wanted_batch: 64,
                operations: 1,
            },
            Event::Operation(Operation {
                name: "conv1".into(),
                operation: "conv2d".into(),
                phase: Phase::Backward,
                flops: 4_000_000,
                bytes: 1_000_000,
                bytes_apart: 1_000_000,
                micros: Spread::of(&[100.0]).unwrap(),
            }),
        ] {
            measured.hear(&event);
        }
        let plot = measured.plot().expect("there is a roof");
        assert_eq!(plot.peak, 50.0);
        assert_eq!(measured.peak(), Some(5e11));
        let [point] = plot.points[..] else {
            panic!("one operation")
        };
        // 4 MFLOP in 100 µs.
        assert!((point.gflops - 40.0).abs() < 1e-9 && point.intensity == 4.0);
        assert_eq!(point.kind, PointKind::Backward);
    }
}
