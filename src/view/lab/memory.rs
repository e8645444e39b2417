//! The memory page's form, and the picture of bytes over a step.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::roofline::{batch, optional_count, preset};
use crate::graph::Phase;
use crate::lab::memory::{KINDS, Report, Settings};
use crate::optim::OptimizerKind;
use crate::session::DevicePreference;
use crate::view::format;

/// Layers from one that is kept to the next, where the address names no number.
pub const DEFAULT_EVERY: u32 = 3;
const MOST_EVERY: u32 = 1_000;

/// Layers from one that is kept to the next; `None` where what is typed cannot be used.
pub fn every(settings: &BTreeMap<String, String>) -> Option<u32> {
    let typed = settings.get("every").map_or("", String::as_str);
    let count = optional_count(typed, MOST_EVERY)?;
    Some(count.unwrap_or(DEFAULT_EVERY))
}

/// Whether the step with recomputation is shown, as the address names it.
pub const RECOMPUTE: [&str; 2] = ["on", "off"];

/// Whether the step with recomputation is shown; `None` where the address has neither of [`RECOMPUTE`].
pub fn recomputes(settings: &BTreeMap<String, String>) -> Option<bool> {
    match settings.get("recompute").map(String::as_str) {
        None | Some("" | "off") => Some(false),
        Some("on") => Some(true),
        Some(_) => None,
    }
}

/// The optimizer that the address names: `Some(None)` is the preset's own, `None` a name that there is not.
pub fn optimizer(settings: &BTreeMap<String, String>) -> Option<Option<OptimizerKind>> {
    match settings.get("update").map(String::as_str) {
        None | Some("") => Some(None),
        Some(name) => OptimizerKind::from_name(name).map(Some),
    }
}

/// What the address asks for; `None` where a number or name cannot be used.
pub fn settings(settings: &BTreeMap<String, String>, device: DevicePreference) -> Option<Settings> {
    recomputes(settings)?;
    Some(Settings {
        preset: preset(settings),
        device,
        batch: batch(settings)?,
        optimizer: optimizer(settings)?,
        every: every(settings)?,
    })
}

/// Height of the picture, and the room around its field, in its own units.
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 26.0;
const RIGHT: f64 = 8.0;

/// Bytes alive over the step, stacked by kind, `width` units wide; `most` is the top of the upright axis and `phases`
/// the names of data, forward pass, loss, backward pass and update.
///
/// Every group of the plan is as wide as any other. Kinds have the class `memory-<kind>`, the peak is marked.
pub fn picture(report: &Report, most: u64, width: f64, phases: [&str; 5], label: &str) -> String {
    let mut svg = format!(
        "<svg class=\"memory-plot\" viewBox=\"0 0 {width} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        label.replace('&', "&amp;").replace('"', "&quot;")
    );
    let (right, bottom) = (width - RIGHT, HEIGHT - BOTTOM);
    let count = report.moments.len().max(1) as f64;
    let x = |number: usize| LEFT + (right - LEFT) * number as f64 / count;
    let y = |bytes: u64| bottom - (bottom - TOP) * bytes as f64 / most.max(1) as f64;
    for part in 0..=4u64 {
        let bytes = most / 4 * part;
        let at = y(bytes);
        let _ = write!(
            svg,
            "<line class=\"memory-grid\" x1=\"{LEFT}\" x2=\"{right:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"memory-tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            at + 4.0,
            format::bytes(bytes)
        );
    }
    let mut below = vec![0u64; report.moments.len()];
    for (number, kind) in KINDS.iter().enumerate() {
        let above: Vec<u64> = report
            .moments
            .iter()
            .zip(&below)
            .map(|(moment, below)| below + moment.bytes[number])
            .collect();
        if above != below {
            push_band(&mut svg, kind.name(), (&below, &above), &x, &y);
        }
        below = above;
    }
    push_phases(&mut svg, report, phases, &x, bottom);
    let peak = report.peak as usize;
    let middle = (x(peak) + x(peak + 1)) / 2.0;
    let _ = write!(
        svg,
        "<path class=\"memory-peak\" d=\"M{middle:.1} {:.1}l-5 -8h10z\"/></svg>",
        y(report.peak_bytes())
    );
    svg
}

/// The area between two staircases.
fn push_band(
    svg: &mut String,
    kind: &str,
    (below, above): (&[u64], &[u64]),
    x: &dyn Fn(usize) -> f64,
    y: &dyn Fn(u64) -> f64,
) {
    let _ = write!(svg, "<path class=\"memory-band memory-{kind}\" d=\"");
    let mut command = 'M';
    for (number, &bytes) in above.iter().enumerate() {
        let at = y(bytes);
        let _ = write!(
            svg,
            "{command}{:.1} {at:.1}L{:.1} {at:.1}",
            x(number),
            x(number + 1)
        );
        command = 'L';
    }
    for (number, &bytes) in below.iter().enumerate().rev() {
        let at = y(bytes);
        let _ = write!(
            svg,
            "L{:.1} {at:.1}L{:.1} {at:.1}",
            x(number + 1),
            x(number)
        );
    }
    svg.push_str("z\"/>");
}

/// A line where each phase begins, and its name where there is room.
fn push_phases(
    svg: &mut String,
    report: &Report,
    phases: [&str; 5],
    x: &dyn Fn(usize) -> f64,
    bottom: f64,
) {
    let all = [
        Phase::Data,
        Phase::Forward,
        Phase::Loss,
        Phase::Backward,
        Phase::Update,
    ];
    for (phase, name) in all.into_iter().zip(phases) {
        let of_phase = || report.moments.iter().enumerate();
        let mut numbers = of_phase().filter(|(_, moment)| moment.phase == phase);
        let Some((first, _)) = numbers.next() else {
            continue;
        };
        let last = numbers.next_back().map_or(first, |(last, _)| last);
        let (from, to) = (x(first), x(last + 1));
        let _ = write!(
            svg,
            "<line class=\"memory-phase\" x1=\"{from:.1}\" x2=\"{from:.1}\" y1=\"{TOP}\" y2=\"{bottom:.1}\"/>"
        );
        if to - from > 60.0 {
            let _ = write!(
                svg,
                "<text class=\"memory-tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
                (from + to) / 2.0,
                bottom + 17.0
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::memory::{Holds, Moment};

    fn report() -> Report {
        let moment = |phase, activations| {
            let mut bytes = [0; KINDS.len()];
            bytes[Holds::Parameters.number()] = 100;
            bytes[Holds::Activations.number()] = activations;
            Moment {
                name: "a".into(),
                phase,
                is_recomputation: false,
                bytes,
            }
        };
        Report {
            moments: vec![
                moment(Phase::Forward, 50),
                moment(Phase::Backward, 300),
                moment(Phase::Update, 0),
            ],
            tensors: Vec::new(),
            peak: 1,
            reserved: 400,
            flops: 0,
        }
    }

    #[test]
    fn bands_are_stacked_and_the_peak_is_marked() {
        let svg = picture(&report(), 400, 372.0, ["d", "f", "l", "b", "u"], "a \"b\"");
        // The field is 300 wide and 222 high: 100 of 400 bytes are a quarter of it.
        let quarter = (HEIGHT - BOTTOM) - 222.0 / 4.0;
        let start = format!("memory-parameters\" d=\"M64.0 {quarter:.1}L164.0 {quarter:.1}");
        assert!(svg.contains(&start), "{svg}");
        // All 400 bytes are alive in the second of three moments.
        assert!(svg.contains("memory-peak\" d=\"M214.0 12.0"), "{svg}");
        assert!(svg.contains("memory-activations") && !svg.contains("memory-optimizer"));
        assert!(svg.contains(">f<") && svg.contains(">u<") && !svg.contains(">d<"));
        assert!(!svg.contains("style=") && svg.contains("aria-label=\"a &quot;b&quot;\""));
    }

    #[test]
    fn what_cannot_be_used_stops_the_counting() {
        let of = |key: &str, value: &str| {
            let typed = BTreeMap::from([(key.to_string(), value.to_string())]);
            settings(&typed, DevicePreference::Cpu)
        };
        assert_eq!(of("every", "5").unwrap().every, 5);
        assert_eq!(of("every", "").unwrap().every, DEFAULT_EVERY);
        for (key, wrong) in [
            ("every", "0"),
            ("every", "x"),
            ("samples", "0"),
            ("update", "foo"),
            ("recompute", "foo"),
        ] {
            assert_eq!(of(key, wrong), None);
        }
        for (value, is_on) in [("on", true), ("off", false), ("", false)] {
            let typed = BTreeMap::from([("recompute".to_string(), value.to_string())]);
            assert_eq!(recomputes(&typed), Some(is_on));
            assert!(of("recompute", value).is_some());
        }
        let optimizer = of("update", "sgd").unwrap().optimizer;
        assert_eq!(optimizer, Some(OptimizerKind::Sgd));
    }
}
