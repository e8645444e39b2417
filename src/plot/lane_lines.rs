//! Several lines over steps, as an `<svg>` element.
//!
//! The style sheet gives each line its colour and its dashes, by its number: `.lane-0` to `.lane-7`.

use std::fmt::Write;

use super::axis::{Axis, PlotArea, Scale};
use super::scene::text_width;

/// How many lines differ in colour or dashes.
const LANES: usize = 8;

/// Room for the numbers on the left, at least, and below, and around the field on the other sides, in pixels.
const LEFT: f64 = 56.0;
const BOTTOM: f64 = 22.0;
const MARGIN: f64 = 8.0;

/// Points of a line at most: more than pixels show.
const MOST_POINTS: usize = 600;

/// The drawing, so many pixels wide and high, of lines of (step, value). On a logarithmic axis values that are not
/// above 0 are gaps. `label` is read out in its place.
pub fn lane_lines_svg(
    lines: &[Vec<(f64, f64)>],
    is_log: bool,
    (width, height): (u32, u32),
    label: &str,
) -> String {
    let (width, height) = (f64::from(width.max(160)), f64::from(height.max(100)));
    let mut area = PlotArea {
        left: LEFT,
        top: MARGIN,
        right: width - MARGIN,
        bottom: height - BOTTOM,
    };
    let fits = |&(_, value): &(f64, f64)| value.is_finite() && (!is_log || value > 0.0);
    let extent = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    };
    let shown = || lines.iter().flatten().copied().filter(|point| fits(point));
    let (first, last) = extent(&mut shown().map(|(step, _)| step));
    let (low, high) = extent(&mut shown().map(|(_, value)| value));
    // Counted from 0, and where nothing is above it with some room.
    let (low, high) = match is_log {
        true => (low, high),
        false => (low.min(0.0), if high > 0.0 { high } else { 1.0 }),
    };
    let scale = if is_log { Scale::Log } else { Scale::Linear };
    let y = Axis::new(scale, low, high, (area.bottom, area.top));
    let y_ticks = y.ticks(((area.height() / 36.0) as usize).max(2));
    // Long numbers are not cut.
    let widest = y_ticks.iter().map(|tick| text_width(&tick.label));
    area.left = widest.fold(LEFT, |left, width| left.max(width + 12.0));
    // A single step has room behind it: there are none before the first.
    let last = if last > first { last } else { first + 1.0 };
    let x = Axis::new(Scale::Linear, first, last, (area.left, area.right));
    let mut svg = format!(
        "<svg class=\"lane-lines\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">",
        label
            .replace('&', "&amp;")
            .replace('"', "&quot;")
            .replace('<', "&lt;")
    );
    for tick in y_ticks {
        let at = y.pixel(tick.value);
        let _ = write!(
            svg,
            "<line class=\"lab-grid\" x1=\"{}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text x=\"{}\" y=\"{:.1}\" \
             text-anchor=\"end\">{}</text>",
            area.left,
            area.right,
            area.left - 6.0,
            at + 4.0,
            tick.label
        );
    }
    for tick in x.whole_ticks(((area.width() / 70.0) as usize).max(2)) {
        let at = x.pixel(tick.value);
        let _ = write!(
            svg,
            "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            area.bottom + 16.0,
            tick.label
        );
    }
    for (number, points) in lines.iter().enumerate() {
        let _ = write!(
            svg,
            "<path class=\"lane-line lane-{}\" d=\"",
            number % LANES
        );
        let mut command = 'M';
        let every = points.len().div_ceil(MOST_POINTS).max(1);
        for (at, point) in points.iter().enumerate() {
            if at % every != 0 && at + 1 != points.len() {
                continue;
            }
            if fits(point) {
                let (px, py) = (x.pixel(point.0), y.pixel(point.1));
                let _ = write!(svg, "{command}{px:.1} {py:.1}");
                command = 'L';
            } else {
                command = 'M';
            }
        }
        svg.push_str("\"/>");
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_run_from_left_to_right_and_have_gaps_where_there_is_no_value() {
        let lines = [
            vec![(0.0, 1.0), (1.0, 2.0), (2.0, 4.0)],
            vec![(0.0, 4.0), (1.0, f64::NAN), (2.0, 0.0)],
        ];
        let svg = lane_lines_svg(&lines, false, (264, 130), "a \"loss\"");
        assert!(svg.contains("aria-label=\"a &quot;loss&quot;\""));
        // 56 to 256 across; 0 to 4 upwards over 8 to 108.
        assert!(
            svg.contains("d=\"M56.0 83.0L156.0 58.0L256.0 8.0\""),
            "{svg}"
        );
        assert!(svg.contains("d=\"M56.0 8.0M256.0 108.0\""), "{svg}");
        let log = lane_lines_svg(&lines, true, (264, 130), "");
        assert!(
            log.contains("d=\"M56.0 108.0L156.0 58.0L256.0 8.0\""),
            "{log}"
        );
        // The start alone: from step 0 on, not from -1.
        let start = lane_lines_svg(&[vec![(0.0, 1.0)]], true, (264, 130), "");
        assert!(
            start.contains("d=\"M56.0 ") && !start.contains(">\u{2212}1<"),
            "{start}"
        );
        // A number with many digits moves the field to the right.
        let large = lane_lines_svg(&[vec![(0.0, 0.0), (1.0, 9.9e6)]], false, (264, 130), "");
        assert!(
            large.contains(">5,000,000<") && !large.contains("d=\"M56.0 "),
            "{large}"
        );
        for empty in [&[][..], &[Vec::new()]] {
            assert!(!lane_lines_svg(empty, true, (0, 0), "").contains("NaN"));
        }
    }
}
