//! The held-out part of a series and its forecasts, as an `<svg>` element.
//!
//! The style sheet gives the parts their colours; they differ in shape, too: the truth is broad, forecasts one step
//! ahead are rings, a free run is dashed.

use std::fmt::Write;

use super::axis::{Axis, PlotArea, Scale};

/// What is drawn, in the series' own units. The first held-out number stands at 0.
#[derive(Clone, Copy, Debug)]
pub struct ForecastLines<'a> {
    /// Known numbers before the held-out part.
    pub before: &'a [f32],
    pub truth: &'a [f32],
    pub one_step: &'a [f32],
    pub free_run: &'a [f32],
}

/// Most held-out numbers that are drawn: more would be a grey band.
pub const MOST_SHOWN: usize = 160;

/// Room for the numbers on the left and below, in pixels.
const LEFT: f64 = 44.0;
const BOTTOM: f64 = 24.0;
/// Room around the field on the other sides.
const MARGIN: f64 = 8.0;
/// Space for a tick of each axis.
const X_TICK_ROOM: f64 = 70.0;
const Y_TICK_ROOM: f64 = 40.0;
/// Space from ring to ring: where numbers stand closer, not every forecast gets one.
const RING_ROOM: f64 = 6.0;

/// The drawing, so many pixels wide and high; `label` is read out in its place.
pub fn forecast_svg(lines: &ForecastLines<'_>, size: (u32, u32), label: &str) -> String {
    let (width, height) = (f64::from(size.0.max(160)), f64::from(size.1.max(120)));
    let area = PlotArea {
        left: LEFT,
        top: MARGIN,
        right: width - MARGIN,
        bottom: height - BOTTOM,
    };
    let [truth, one_step, free_run] = [lines.truth, lines.one_step, lines.free_run].map(shown);
    let (low, high) = bounds([lines.before, truth, one_step, free_run]);
    let known = lines.before.len() as f64;
    let ahead = truth.len().max(1) as f64;
    let x = Axis::new(Scale::Linear, -known, ahead - 1.0, (area.left, area.right));
    let y = Axis::new(Scale::Linear, low, high, (area.bottom, area.top));
    let mut svg = format!(
        "<svg class=\"forecast\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"{}\">",
        label.replace('&', "&amp;").replace('"', "&quot;")
    );
    push_axes(&mut svg, &area, &x, &y);
    let at = |number: usize, value: f32| (x.pixel(number as f64 - known), y.pixel(value.into()));
    let all: Vec<f32> = lines.before.iter().chain(truth).copied().collect();
    push_line(&mut svg, "forecast-truth", &points(&all, 0, at));
    let first = lines.before.len();
    // From the last known number onwards.
    let last = lines.before.last().copied();
    let free: Vec<f32> = last.into_iter().chain(free_run.iter().copied()).collect();
    push_line(
        &mut svg,
        "forecast-free",
        &points(&free, first - usize::from(last.is_some()), at),
    );
    svg.push_str("<g class=\"forecast-step\">");
    let room = (area.width() / (known + ahead)).max(0.1);
    let every = (RING_ROOM / room).ceil().max(1.0) as usize;
    let rings = points(one_step, first, at).into_iter().step_by(every);
    for (x, y) in rings.flatten() {
        let _ = write!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>");
    }
    svg.push_str("</g></svg>");
    svg
}

/// The first numbers.
fn shown(values: &[f32]) -> &[f32] {
    &values[..values.len().min(MOST_SHOWN)]
}

/// What the upright axis spans: all finite numbers. A forecast that flies away is cut at three times the extent of the
/// series, so that the series stays to be seen.
fn bounds([before, truth, one_step, free_run]: [&[f32]; 4]) -> (f64, f64) {
    let extent = |parts: &[&[f32]]| {
        let values = parts.iter().flat_map(|part| part.iter().copied());
        let finite = values.filter(|value| value.is_finite());
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value.into()), high.max(value.into()))
        })
    };
    let (low, high) = extent(&[before, truth]);
    let (lowest, highest) = extent(&[before, truth, one_step, free_run]);
    let room = high - low;
    let (low, high) = (lowest.max(low - room), highest.min(high + room));
    let margin = 0.05 * (high - low);
    (low - margin, high + margin)
}

/// Places of finite numbers; `None` is a gap.
fn points(
    values: &[f32],
    first: usize,
    at: impl Fn(usize, f32) -> (f64, f64),
) -> Vec<Option<(f64, f64)>> {
    let values = values.iter().enumerate();
    values
        .map(|(number, &value)| value.is_finite().then(|| at(first + number, value)))
        .collect()
}

/// A path, broken where there is a gap.
fn push_line(svg: &mut String, class: &str, points: &[Option<(f64, f64)>]) {
    let _ = write!(svg, "<path class=\"{class}\" d=\"");
    let mut command = 'M';
    for point in points {
        match point {
            Some((x, y)) => {
                let _ = write!(svg, "{command}{x:.1} {y:.1}");
                command = 'L';
            }
            None => command = 'M',
        }
    }
    svg.push_str("\"/>");
}

fn push_axes(svg: &mut String, area: &PlotArea, x: &Axis, y: &Axis) {
    let ticks = |room: f64, each: f64| ((room / each) as usize).max(2);
    for tick in y.ticks(ticks(area.height(), Y_TICK_ROOM)) {
        let at = y.pixel(tick.value);
        let _ = write!(
            svg,
            "<line class=\"forecast-grid\" x1=\"{}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            area.left,
            area.right,
            area.left - 6.0,
            at + 4.0,
            tick.label
        );
    }
    for tick in x.whole_ticks(ticks(area.width(), X_TICK_ROOM)) {
        let at = x.pixel(tick.value);
        let _ = write!(
            svg,
            "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            area.bottom + 16.0,
            tick.label
        );
    }
    // Where the held-out part begins.
    let start = x.pixel(-0.5);
    let _ = write!(
        svg,
        "<line class=\"forecast-start\" x1=\"{start:.1}\" x2=\"{start:.1}\" y1=\"{}\" y2=\"{}\"/>",
        area.top, area.bottom
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(free_run: &[f32]) -> String {
        let lines = ForecastLines {
            before: &[0.0, 1.0],
            truth: &[2.0, 3.0, 4.0],
            one_step: &[2.0, 3.0, 4.0],
            free_run,
        };
        forecast_svg(&lines, (200, 132), "a \"series\"")
    }

    /// Numbers of the path of a class.
    fn path(svg: &str, class: &str) -> Vec<(f64, f64)> {
        let start = format!("class=\"{class}\" d=\"M");
        let (_, rest) = svg.split_once(&start).expect("a path");
        let (path, _) = rest.split_once('"').expect("its end");
        let number = |text: &str| text.parse::<f64>().expect("a number");
        path.split(['L', 'M'])
            .map(|point| {
                let (x, y) = point.split_once(' ').expect("two numbers");
                (number(x), number(y))
            })
            .collect()
    }

    #[test]
    fn forecasts_that_are_right_lie_on_the_truth() {
        let svg = drawn(&[2.0, 3.0]);
        let truth = path(&svg, "forecast-truth");
        assert_eq!(truth.len(), 5);
        assert_eq!(path(&svg, "forecast-free"), truth[1..4]);
        // Five numbers over the whole width, upwards.
        assert_eq!((truth[0].0, truth[4].0), (LEFT, 200.0 - MARGIN));
        assert!(truth.windows(2).all(|pair| pair[1].1 < pair[0].1));
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(svg.contains("aria-label=\"a &quot;series&quot;\""));
    }

    #[test]
    fn what_is_no_number_is_a_gap_and_what_flies_away_is_cut() {
        let svg = drawn(&[f32::NAN, 3.0]);
        assert_eq!(path(&svg, "forecast-free").len(), 2);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        let (calm, wild) = (drawn(&[2.0]), drawn(&[1e30]));
        let height = |svg: &str| {
            let truth = path(svg, "forecast-truth");
            truth[0].1 - truth[4].1
        };
        assert!(height(&wild) > 0.4 * height(&calm));
        let empty = ForecastLines {
            before: &[],
            truth: &[],
            one_step: &[],
            free_run: &[],
        };
        assert!(!forecast_svg(&empty, (0, 0), "").contains("NaN"));
    }
}
