//! Accuracy against size, and how weights lie, as `<svg>` elements. The style sheet gives the parts their colours; they
//! differ in shape, too.

use std::fmt::Write;

use super::axis::{Axis, PlotArea, Scale};

/// A network that was tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetPoint {
    pub bytes: f64,
    /// From 0 to 1.
    pub accuracy: f64,
    /// None is smaller and as accurate.
    pub is_on_front: bool,
    /// The one that the page shows.
    pub is_shown: bool,
}

/// Room for the numbers on the left and below, and for titles above, in pixels.
const LEFT: f64 = 52.0;
const BOTTOM: f64 = 40.0;
const TOP: f64 = 26.0;
const RIGHT: f64 = 14.0;
/// Space for a tick of each axis.
const X_TICK_ROOM: f64 = 80.0;
const Y_TICK_ROOM: f64 = 36.0;

/// Words of the drawing.
pub struct BudgetLabels<'a> {
    /// Read out in the drawing's place.
    pub whole: &'a str,
    pub bytes: &'a str,
    pub accuracy: &'a str,
    /// Beside the line of the budget.
    pub budget: &'a str,
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

fn open(class: &str, size: (f64, f64), label: &str) -> String {
    let (width, height) = size;
    format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">",
        escape(label)
    )
}

/// Accuracy over bytes on a logarithmic axis, the front as a staircase, the budget, where there is one, as an upright
/// line.
pub fn budget_svg(
    points: &[BudgetPoint],
    budget: Option<f64>,
    size: (u32, u32),
    labels: &BudgetLabels<'_>,
) -> String {
    let (width, height) = (f64::from(size.0.max(240)), f64::from(size.1.max(160)));
    let area = PlotArea {
        left: LEFT,
        top: TOP,
        right: width - RIGHT,
        bottom: height - BOTTOM,
    };
    let extent = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    };
    let (small, large) = extent(&mut points.iter().map(|point| point.bytes).chain(budget));
    let (low, _) = extent(&mut points.iter().map(|point| point.accuracy).chain([0.9]));
    let x = Axis::new(
        Scale::Log,
        small / 1.3,
        large * 1.3,
        (area.left, area.right),
    );
    let y = Axis::new(
        Scale::Linear,
        (low - 0.05).max(0.0),
        1.0,
        (area.bottom, area.top),
    );
    let mut svg = open("budget-plot", (width, height), labels.whole);
    push_axes(&mut svg, &area, &x, &y, labels);
    if let Some(budget) = budget {
        push_budget(&mut svg, &area, x.pixel(budget), labels.budget);
    }
    push_front(&mut svg, points, &x, &y, area.right);
    for point in points {
        let (at, up) = (x.pixel(point.bytes), y.pixel(point.accuracy));
        let class = if point.is_on_front {
            "is-front"
        } else {
            "is-beaten"
        };
        let radius = if point.is_on_front { 5.0 } else { 3.5 };
        if point.is_shown {
            let _ = write!(
                svg,
                "<circle class=\"is-shown\" cx=\"{at:.1}\" cy=\"{up:.1}\" r=\"9\"/>"
            );
        }
        let _ = write!(
            svg,
            "<circle class=\"{class}\" cx=\"{at:.1}\" cy=\"{up:.1}\" r=\"{radius}\"/>"
        );
    }
    svg.push_str("</svg>");
    svg
}

/// An upright line with its name on the side where there is more room.
fn push_budget(svg: &mut String, area: &PlotArea, line: f64, name: &str) {
    let (anchor, at) = if line > f64::midpoint(area.left, area.right) {
        ("end", line - 5.0)
    } else {
        ("start", line + 5.0)
    };
    let _ = write!(
        svg,
        "<line class=\"budget-line\" x1=\"{line:.1}\" x2=\"{line:.1}\" y1=\"{}\" y2=\"{}\"/>\
         <text class=\"budget-mark\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
        area.top,
        area.bottom,
        area.bottom - 8.0,
        escape(name)
    );
}

/// For every size the best accuracy that nothing larger is needed for.
fn push_front(svg: &mut String, points: &[BudgetPoint], x: &Axis, y: &Axis, right: f64) {
    let mut front: Vec<&BudgetPoint> = points.iter().filter(|point| point.is_on_front).collect();
    front.sort_by(|one, other| one.bytes.total_cmp(&other.bytes));
    let Some(first) = front.first() else {
        return;
    };
    let _ = write!(
        svg,
        "<path class=\"budget-front\" d=\"M{:.1} {:.1}",
        x.pixel(first.bytes),
        y.pixel(first.accuracy)
    );
    for point in &front[1..] {
        let _ = write!(
            svg,
            "H{:.1}V{:.1}",
            x.pixel(point.bytes),
            y.pixel(point.accuracy)
        );
    }
    let _ = write!(svg, "H{right:.1}\"/>");
}

fn push_axes(svg: &mut String, area: &PlotArea, x: &Axis, y: &Axis, labels: &BudgetLabels<'_>) {
    let ticks = |room: f64, each: f64| ((room / each) as usize).max(2);
    for tick in y.ticks(ticks(area.height(), Y_TICK_ROOM)) {
        let at = y.pixel(tick.value);
        let _ = write!(
            svg,
            "<line class=\"plot-rule\" x1=\"{}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            area.left,
            area.right,
            area.left - 6.0,
            at + 4.0,
            tick.label
        );
    }
    for tick in x.ticks(ticks(area.width(), X_TICK_ROOM)) {
        let at = x.pixel(tick.value);
        let _ = write!(
            svg,
            "<line class=\"plot-rule\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{0}\" y2=\"{1}\"/>\
             <text x=\"{at:.1}\" y=\"{2:.1}\" text-anchor=\"middle\">{3}</text>",
            area.bottom,
            area.bottom + 4.0,
            area.bottom + 17.0,
            tick.label
        );
    }
    let _ = write!(
        svg,
        "<text class=\"plot-name\" x=\"4\" y=\"14\">{}</text>\
         <text class=\"plot-name\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
        escape(labels.accuracy),
        area.right,
        area.bottom + 34.0,
        escape(labels.bytes)
    );
}

/// Bars of `counts` over bins from -`largest` to `largest`; `most` is the count at the top.
pub fn histogram_svg(
    counts: &[u32],
    largest: f32,
    most: u32,
    size: (u32, u32),
    label: &str,
) -> String {
    let (width, height) = (f64::from(size.0.max(160)), f64::from(size.1.max(80)));
    let area = PlotArea {
        left: LEFT,
        top: 8.0,
        right: width - RIGHT,
        bottom: height - 22.0,
    };
    let x = Axis::new(
        Scale::Linear,
        -f64::from(largest),
        f64::from(largest),
        (area.left, area.right),
    );
    let y = Axis::new(
        Scale::Linear,
        0.0,
        f64::from(most.max(1)),
        (area.bottom, area.top),
    );
    let mut svg = open("budget-plot", (width, height), label);
    for tick in y.whole_ticks(3) {
        let at = y.pixel(tick.value);
        let _ = write!(
            svg,
            "<line class=\"plot-rule\" x1=\"{}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            area.left,
            area.right,
            area.left - 6.0,
            at + 4.0,
            tick.label
        );
    }
    for tick in x.ticks(4) {
        let at = x.pixel(tick.value);
        let _ = write!(
            svg,
            "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            area.bottom + 16.0,
            tick.label
        );
    }
    let bar = area.width() / counts.len().max(1) as f64;
    for (bin, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let top = y.pixel(f64::from(count)).min(area.bottom - 1.0);
        let _ = write!(
            svg,
            "<rect class=\"budget-bar\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            area.left + bar * bin as f64 + 0.5,
            (bar - 1.0).max(0.5),
            area.bottom - top
        );
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: BudgetLabels<'_> = BudgetLabels {
        whole: "a \"plot\"",
        bytes: "bytes",
        accuracy: "accuracy",
        budget: "C",
    };

    fn point(bytes: f64, accuracy: f64, is_on_front: bool) -> BudgetPoint {
        BudgetPoint {
            bytes,
            accuracy,
            is_on_front,
            is_shown: is_on_front,
        }
    }

    #[test]
    fn every_point_is_drawn_and_the_front_climbs() {
        let points = [
            point(1e5, 0.98, true),
            point(1e4, 0.9, true),
            point(2e5, 0.97, false),
        ];
        let svg = budget_svg(&points, Some(5e4), (640, 360), &LABELS);
        assert_eq!(svg.matches("class=\"is-front\"").count(), 2);
        assert_eq!(svg.matches("class=\"is-beaten\"").count(), 1);
        assert_eq!(svg.matches("class=\"is-shown\"").count(), 2);
        // One step up, and on to the right edge.
        let (_, front) = svg
            .split_once("class=\"budget-front\" d=\"")
            .expect("a front");
        let path = front.split('"').next().expect("its end");
        assert_eq!(
            (path.matches('H').count(), path.matches('V').count()),
            (2, 1)
        );
        assert!(svg.contains("aria-label=\"a &quot;plot&quot;\""));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn nothing_tried_is_an_empty_plot() {
        let none = budget_svg(&[], None, (0, 0), &LABELS);
        assert!(!none.contains("budget-line") && !none.contains("NaN") && !none.contains("inf"));
        let svg = budget_svg(&[], Some(5e4), (0, 0), &LABELS);
        assert!(svg.contains("budget-line") && !svg.contains("budget-front"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn a_bar_for_each_bin_that_is_not_empty() {
        let svg = histogram_svg(&[1, 0, 4], 0.5, 4, (300, 120), "weights");
        assert_eq!(svg.matches("<rect").count(), 2);
        let svg = histogram_svg(&[], 0.0, 0, (300, 120), "none");
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}
