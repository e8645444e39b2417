//! Gradients of mini-batches, as the engine reports them: their plane, their spread, and the descent.

use std::collections::BTreeMap;

use super::reading::{Problem, Reader};
use crate::lesson::noise::{NoiseReport, NoiseRequest, Place, SAMPLES, STEPS, expected_spread};
use crate::plot::{Extent, Plane};

const SIZE: (u32, u32) = (460, 300);
const FLAT: (u32, u32) = (460, 220);

/// The largest seed: beyond it a number of JavaScript is not exact.
pub const HIGHEST_SEED: u64 = (1 << 53) - 1;

/// How many spreads of single samples the plane of gradients reaches from the full gradient.
const REACH: f64 = 2.6;

/// What the settings ask for.
pub fn read(settings: &BTreeMap<String, String>) -> (NoiseRequest, Vec<Problem>) {
    let mut reader = Reader::new(settings);
    let request = NoiseRequest {
        batch: reader.whole("batch", (1, SAMPLES.into()), 1) as u32,
        seed: reader.whole("seed", (0, HIGHEST_SEED), 1),
        at: reader.whole("step", (0, STEPS.into()), 0) as u32,
    };
    (request, reader.problems)
}

/// Gradients as points around the full one. Both axes have the same unit, and keep it whatever the batch size is.
pub fn gradient_plane(report: &NoiseReport, names: [&str; 2], full: &str) -> Plane {
    let center = report.full.map(f64::from);
    let single = report.spreads.first().map_or(0.0, |spread| spread.measured);
    let half = (REACH * single).max(1e-6);
    let [x, y] = center.map(|center| Extent::linear(center - half, center + half));
    let mut plane = Plane::new(SIZE, x, y, names);
    for gradient in &report.gradients {
        let [w, b] = gradient.map(f64::from);
        plane.point("is-sample", (w, b), 3.0);
    }
    plane.handle("is-full", (center[0], center[1]));
    plane.text("", (center[0] + 0.06 * half, center[1]), 9.0, false, full);
    plane
}

/// Spread over the batch size, both logarithmic; `expected` stands at the line. All samples at once have no spread,
/// and no place on the axis.
pub fn spread_plane(report: &NoiseReport, batch: u32, names: [&str; 2], expected: &str) -> Plane {
    let last = f64::from(SAMPLES);
    let high = report.spreads.first().map_or(1.0, |spread| spread.expected);
    let high = high.max(1e-9) * 1.6;
    let y = Extent::log(high / 60.0, high);
    let mut plane = Plane::new(FLAT, Extent::log(1.0, last), y, names);
    let single = report.spreads.first().map_or(0.0, |spread| spread.expected);
    let line = (1..SAMPLES).map(|size| (f64::from(size), expected_spread(single, size)));
    plane.curve("is-derivative", line);
    for spread in &report.spreads {
        plane.point("is-sample", (f64::from(spread.batch), spread.measured), 4.5);
    }
    plane.upright("plane-cursor", f64::from(batch));
    if batch == report.spread.batch {
        plane.handle("is-full", (f64::from(batch), report.spread.measured));
    }
    let name_at = (12.0, expected_spread(single, 12));
    plane.text("is-derivative", name_at, 10.0, false, expected);
    plane
}

/// The descent in the plane of weight and bias: mini-batches and all samples at once.
pub fn path_plane(report: &NoiseReport, at: u32, names: [&str; 2], lines: [&str; 2]) -> Plane {
    let places = || report.path.iter().chain(&report.full_path);
    let x = Extent::around(places().map(|place| place.weight.into()), f64::NAN);
    let y = Extent::around(places().map(|place| place.bias.into()), f64::NAN);
    let mut plane = Plane::new(SIZE, x, y, names);
    let point = |place: &Place| (f64::from(place.weight), f64::from(place.bias));
    plane.curve("is-batches", report.path.iter().map(point));
    plane.curve("is-all", report.full_path.iter().map(point));
    let (corner, height) = ((x.high, y.high), y.high - y.low);
    for (class, name, down) in [("is-batches", lines[0], 0.06), ("is-all", lines[1], 0.14)] {
        let place = (corner.0, corner.1 - down * height);
        plane.text(class, place, 0.0, true, name);
    }
    if let Some(place) = report.path.get(at as usize) {
        plane.handle("is-full", point(place));
    }
    plane
}

/// Loss over all samples after each step of both descents.
pub fn loss_plane(report: &NoiseReport, at: u32, names: [&str; 2], lines: [&str; 2]) -> Plane {
    let losses = |path: &[Place]| -> Vec<(f64, f64)> {
        let steps = path.iter().enumerate();
        steps
            .map(|(step, place)| (step as f64, f64::from(place.loss)))
            .collect()
    };
    let (own, full) = (losses(&report.path), losses(&report.full_path));
    let most = own.iter().chain(&full).map(|&(_, loss)| loss);
    let most = most.fold(0.0, f64::max).max(1e-6);
    let x = Extent::linear(0.0, STEPS.into());
    let mut plane = Plane::new(FLAT, x, Extent::linear(0.0, 1.08 * most), names);
    plane.upright("plane-cursor", at.into());
    plane.curve("is-all", full.iter().copied());
    plane.curve("is-batches", own.iter().copied());
    if let Some(&point) = own.get(at as usize) {
        plane.handle("is-full", point);
    }
    // One below the other, where the losses are low.
    let middle = 0.5 * f64::from(STEPS);
    plane.text("is-batches", (middle, 0.80 * most), 0.0, false, lines[0]);
    plane.text("is-all", (middle, 0.66 * most), 0.0, false, lines[1]);
    plane
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::noise::{BATCHES, report};

    #[test]
    fn settings_are_read_and_told() {
        let settings = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect()
        };
        let (request, problems) = read(&settings(&[("batch", "20"), ("step", "5")]));
        assert_eq!((request.batch, request.seed, request.at), (20, 1, 5));
        assert!(problems.is_empty());
        let (request, problems) = read(&settings(&[("batch", "201"), ("seed", "x")]));
        assert_eq!((request.batch, request.seed, problems.len()), (1, 1, 2));
    }

    #[test]
    fn drawings_show_every_gradient_and_both_paths() {
        for batch in [1, 20, SAMPLES] {
            let request = NoiseRequest {
                batch,
                seed: 1,
                at: 3,
            };
            let report = report(request).unwrap();
            let svg = gradient_plane(&report, ["w", "b"], "full").finish("");
            assert_eq!(
                svg.matches("plane-point is-sample").count(),
                BATCHES as usize
            );
            let paths = path_plane(&report, 3, ["w", "b"], ["m", "f"]).finish("");
            let losses = loss_plane(&report, 3, ["t", "L"], ["m", "f"]).finish("");
            for svg in [&paths, &losses] {
                assert!(svg.contains("is-batches") && svg.contains("plane-curve is-all"));
            }
            let spreads = spread_plane(&report, batch, ["B", "s"], "σ").finish("");
            for svg in [svg, paths, losses, spreads] {
                assert!(!svg.contains("NaN") && svg.contains("plane-handle"));
            }
        }
    }
}
