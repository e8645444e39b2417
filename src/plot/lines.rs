//! Several lines over the same steps, as an `<svg>` element. The style sheet gives them their colours and dashes.

use std::fmt::Write;

use super::axis::{Axis, PlotArea, Scale};

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct PlotLine<'a> {
    /// Of its path, in the style sheet.
    pub class: &'a str,
    /// In order of x; a y that is not finite is a gap.
    pub points: Vec<(f64, f64)>,
    /// Points that are marked with a cross.
    pub marks: Vec<(f64, f64)>,
}

/// Room for the numbers on the left and below, in pixels.
const LEFT: f64 = 48.0;
const BOTTOM: f64 = 38.0;
/// Room on the right, for half of the last number, and above, for a line of text.
const MARGIN: f64 = 24.0;
const TOP: f64 = 22.0;
/// Space for a tick of each axis.
const X_TICK_ROOM: f64 = 70.0;
const Y_TICK_ROOM: f64 = 36.0;
/// Half the width of a cross.
const MARK: f64 = 4.0;

/// The drawing, so many pixels wide and high. `label` is read out in its place, `names` stand at the axes of x and y,
/// and the axis of x reaches from 0 to `last`. `floor` is on the axis of y whatever the lines do.
pub fn lines_svg(
    lines: &[PlotLine<'_>],
    size: (u32, u32),
    label: &str,
    names: [&str; 2],
    last: f64,
    floor: f64,
) -> String {
    lines_svg_between(lines, size, label, names, (0.0, last), floor)
}

/// As [`lines_svg`], where the axis of x reaches from `first` to `last`.
pub fn lines_svg_between(
    lines: &[PlotLine<'_>],
    size: (u32, u32),
    label: &str,
    names: [&str; 2],
    (first, last): (f64, f64),
    floor: f64,
) -> String {
    let (width, height) = (f64::from(size.0.max(200)), f64::from(size.1.max(140)));
    let area = PlotArea {
        left: LEFT,
        top: TOP,
        right: width - MARGIN,
        bottom: height - BOTTOM,
    };
    let values = lines.iter().flat_map(|line| &line.points);
    let finite = values.map(|&(_, y)| y).filter(|y| y.is_finite());
    let (low, high) = finite.fold((floor, floor), |(low, high), y| (low.min(y), high.max(y)));
    let high = if high > low {
        high + 0.05 * (high - low)
    } else {
        low + 1.0
    };
    let x = Axis::new(
        Scale::Linear,
        first,
        last.max(first + 1.0),
        (area.left, area.right),
    );
    let y = Axis::new(Scale::Linear, low, high, (area.bottom, area.top));
    let mut svg = format!(
        "<svg class=\"lines\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">",
        escape(label)
    );
    push_axes(&mut svg, &area, &x, &y, names);
    for line in lines {
        let at = |&(step, value): &(f64, f64)| {
            value.is_finite().then(|| (x.pixel(step), y.pixel(value)))
        };
        let _ = write!(svg, "<path class=\"{}\" d=\"", line.class);
        let mut command = 'M';
        for point in line.points.iter().map(at) {
            match point {
                Some((x, y)) => {
                    let _ = write!(svg, "{command}{x:.1} {y:.1}");
                    command = 'L';
                }
                None => command = 'M',
            }
        }
        svg.push_str("\"/>");
        for (x, y) in line.marks.iter().filter_map(at) {
            let (l, r, t, b) = (x - MARK, x + MARK, y - MARK, y + MARK);
            let _ = write!(
                svg,
                "<path class=\"lines-mark {}\" d=\"M{l:.1} {t:.1}L{r:.1} {b:.1}M{l:.1} {b:.1}L{r:.1} {t:.1}\"/>",
                line.class
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

fn push_axes(svg: &mut String, area: &PlotArea, x: &Axis, y: &Axis, names: [&str; 2]) {
    let ticks = |room: f64, each: f64| ((room / each) as usize).max(2);
    for tick in y.ticks(ticks(area.height(), Y_TICK_ROOM)) {
        let at = y.pixel(tick.value);
        let _ = write!(
            svg,
            "<line class=\"lines-grid\" x1=\"{}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            area.left,
            area.right,
            area.left - 6.0,
            at + 4.0,
            tick.label
        );
    }
    for tick in x.whole_ticks(ticks(area.width(), X_TICK_ROOM)) {
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            x.pixel(tick.value),
            area.bottom + 16.0,
            tick.label
        );
    }
    let [along, upright] = names.map(escape);
    let _ = write!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{along}</text><text x=\"4\" y=\"13\">{upright}</text>",
        area.right,
        area.bottom + 32.0
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lie_on_one_pair_of_axes_and_marks_on_their_points() {
        let line = |class, points: Vec<(f64, f64)>, marks| PlotLine {
            class,
            points,
            marks,
        };
        let lines = [
            line("a", vec![(0.0, 1.0), (1.0, f64::NAN), (10.0, 3.0)], vec![]),
            line("b", vec![(5.0, 1.0)], vec![(5.0, 1.0)]),
        ];
        let svg = lines_svg(&lines, (300, 200), "a <b> \"c\"", ["x", "y"], 10.0, 0.0);
        assert!(
            svg.contains("aria-label=\"a &lt;b> &quot;c&quot;\""),
            "{svg}"
        );
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        let path = |class: &str| {
            let start = format!("<path class=\"{class}\" d=\"");
            let rest = svg.split_once(&start).expect("a path").1;
            rest.split_once('"').expect("its end").0.to_string()
        };
        // A gap is two beginnings.
        assert_eq!(path("a").matches('M').count(), 2);
        assert!(path("a").starts_with("M48.0 "));
        assert!(path("a").contains("M276.0 "));
        assert_eq!(path("lines-mark b").matches('L').count(), 2);
        let empty = lines_svg(&[], (0, 0), "", ["", ""], 0.0, 0.0);
        assert!(!empty.contains("NaN") && !empty.contains("inf"));
    }
}
