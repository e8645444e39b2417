//! A pair of axes with curves, points, segments and texts on it, as an `<svg>` element. The style sheet gives them
//! their colours.
//!
//! A page that lets a point be dragged asks the plane where its axis of x begins and ends ([`Plane::span`]).

use std::fmt::Write;

use super::axis::{Axis, PlotArea, Scale};

/// Room for the numbers on the left and below, in pixels.
const LEFT: f64 = 52.0;
const BOTTOM: f64 = 42.0;
/// Room on the right, for half of the last number, and above, for the name of y.
const RIGHT: f64 = 20.0;
const TOP: f64 = 26.0;
/// Space for a tick of each axis.
const X_TICK_ROOM: f64 = 54.0;
const Y_TICK_ROOM: f64 = 40.0;

/// What an axis shows: from its lowest to its highest value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    pub low: f64,
    pub high: f64,
    /// Equal ratios take equal room; both ends are above 0.
    pub is_log: bool,
}

impl Extent {
    pub fn linear(low: f64, high: f64) -> Self {
        Self {
            low,
            high,
            is_log: false,
        }
    }

    pub fn log(low: f64, high: f64) -> Self {
        Self {
            low,
            high,
            is_log: true,
        }
    }

    /// Around these numbers, those that are finite, with some room; `about` is inside whatever they are.
    pub fn around(values: impl IntoIterator<Item = f64>, about: f64) -> Self {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (low, high) = finite.fold((about, about), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let room = 0.08 * (high - low);
        match room > 0.0 {
            true => Self::linear(low - room, high + room),
            false => Self::linear(low - 1.0, high + 1.0),
        }
    }

    fn axis(self, pixels: (f64, f64)) -> Axis {
        let scale = match self.is_log {
            true => Scale::Log,
            false => Scale::Linear,
        };
        Axis::new(scale, self.low, self.high, pixels)
    }
}

/// A finished drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    pub svg: String,
    /// Begin and end of the axis of x, as shares of the drawing's width.
    pub span: (f64, f64),
}

/// A drawing in the making.
#[derive(Clone, Debug)]
pub struct Plane {
    width: f64,
    height: f64,
    area: PlotArea,
    x: Axis,
    y: Axis,
    /// Behind what is drawn on the plane: grid and numbers.
    ground: String,
    /// On the plane, cut off at its edges.
    inside: String,
    /// Above everything, not cut off.
    above: String,
}

impl Plane {
    /// A plane of so many pixels with grid and ticks; `names` stand at the axes of x and y.
    pub fn new(size: (u32, u32), x: Extent, y: Extent, names: [&str; 2]) -> Self {
        let (width, height) = (f64::from(size.0.max(160)), f64::from(size.1.max(120)));
        let area = PlotArea {
            left: LEFT,
            top: TOP,
            right: width - RIGHT,
            bottom: height - BOTTOM,
        };
        let mut plane = Self {
            width,
            height,
            area,
            x: x.axis((area.left, area.right)),
            y: y.axis((area.bottom, area.top)),
            ground: String::new(),
            inside: String::new(),
            above: String::new(),
        };
        plane.push_axes(names);
        plane
    }

    fn push_axes(&mut self, names: [&str; 2]) {
        let area = self.area;
        let room = |room: f64, each: f64| ((room / each) as usize).max(2);
        let zero = |value: f64| if value == 0.0 { " is-zero" } else { "" };
        for tick in self.y.ticks(room(area.height(), Y_TICK_ROOM)) {
            let at = self.y.pixel(tick.value);
            let _ = write!(
                self.ground,
                "<line class=\"plane-grid{}\" x1=\"{}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                zero(tick.value),
                area.left,
                area.right,
                area.left - 6.0,
                at + 4.5,
                escape(&tick.label)
            );
        }
        for tick in self.x.ticks(room(area.width(), X_TICK_ROOM)) {
            let at = self.x.pixel(tick.value);
            let _ = write!(
                self.ground,
                "<line class=\"plane-grid{}\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{}\" y2=\"{}\"/>\
                 <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                zero(tick.value),
                area.top,
                area.bottom,
                area.bottom + 17.0,
                escape(&tick.label)
            );
        }
        let [along, upright] = names.map(escape);
        let _ = write!(
            self.ground,
            "<text class=\"plane-name\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{along}</text>\
             <text class=\"plane-name\" x=\"4\" y=\"15\">{upright}</text>",
            area.right,
            area.bottom + 35.0
        );
    }

    /// Where a point stands, in pixels.
    pub fn pixel(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x.pixel(x), self.y.pixel(y))
    }

    /// Begin and end of the axis of x, as shares of the drawing's width.
    pub fn span(&self) -> (f64, f64) {
        (self.area.left / self.width, self.area.right / self.width)
    }

    /// A line through points; one that is not finite, or has no place on the axes, is a gap.
    pub fn curve(&mut self, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
        let _ = write!(self.inside, "<path class=\"plane-curve {class}\" d=\"");
        let mut command = 'M';
        for point in points {
            let (x, y) = self.pixel(point);
            if x.is_finite() && y.is_finite() {
                // Far outside is outside: shorter numbers, and none that a browser cannot draw.
                let (x, y) = (x.clamp(-2e3, 4e3), y.clamp(-2e3, 4e3));
                let _ = write!(self.inside, "{command}{x:.1} {y:.1}");
                command = 'L';
            } else {
                command = 'M';
            }
        }
        self.inside.push_str("\"/>");
    }

    /// A round mark; nothing where the axes have no place for it.
    pub fn point(&mut self, class: &str, at: (f64, f64), radius: f64) {
        let (x, y) = self.pixel(at);
        if x.is_finite() && y.is_finite() {
            let _ = write!(
                self.inside,
                "<circle class=\"plane-point {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"/>"
            );
        }
    }

    /// A mark that is meant to be seized: drawn above all else, even at the edge.
    pub fn handle(&mut self, class: &str, at: (f64, f64)) {
        let (x, y) = self.pixel(at);
        if x.is_finite() && y.is_finite() {
            let x = x.clamp(self.area.left, self.area.right);
            let y = y.clamp(self.area.top, self.area.bottom);
            let _ = write!(
                self.above,
                "<circle class=\"plane-handle {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"7\"/>"
            );
        }
    }

    /// An upright line at `x` from bottom to top.
    pub fn upright(&mut self, class: &str, x: f64) {
        let at = self.x.pixel(x);
        if at.is_finite() {
            let _ = write!(
                self.inside,
                "<line class=\"{class}\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{}\" y2=\"{}\"/>",
                self.area.top, self.area.bottom
            );
        }
    }

    /// A text whose end (`is_end`) or beginning stands at a point, `up` pixels above it; inside the plane.
    pub fn text(&mut self, class: &str, at: (f64, f64), up: f64, is_end: bool, text: &str) {
        let (x, y) = self.pixel(at);
        if x.is_finite() && y.is_finite() {
            let (x, y) = (
                x.clamp(self.area.left + 4.0, self.area.right - 4.0),
                (y - up).clamp(self.area.top + 12.0, self.area.bottom - 5.0),
            );
            let anchor = if is_end { "end" } else { "start" };
            let _ = write!(
                self.above,
                "<text class=\"plane-text {class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
                escape(text)
            );
        }
    }

    /// The element, silent, for what is read out by what it stands in.
    pub fn drawn(self) -> Drawing {
        let span = self.span();
        Drawing {
            svg: self.finish(""),
            span,
        }
    }

    /// The element; `label` is read out in its place. Where it is empty the drawing is silent, since what it stands in
    /// is read out.
    pub fn finish(self, label: &str) -> String {
        let Self {
            width,
            height,
            area,
            ground,
            inside,
            above,
            ..
        } = self;
        let role = match label.is_empty() {
            true => "aria-hidden=\"true\"".to_string(),
            false => format!("role=\"img\" aria-label=\"{}\"", escape(label)),
        };
        let (left, top, across, down) = (area.left, area.top, area.width(), area.height());
        format!(
            "<svg class=\"plane\" viewBox=\"0 0 {width} {height}\" {role}>{ground}\
             <svg x=\"{left}\" y=\"{top}\" width=\"{across}\" height=\"{down}\" \
             viewBox=\"{left} {top} {across} {down}\" preserveAspectRatio=\"none\">{inside}</svg>{above}</svg>"
        )
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane() -> Plane {
        Plane::new(
            (440, 280),
            Extent::linear(-2.0, 2.0),
            Extent::linear(0.0, 1.0),
            ["x", "f(x) <"],
        )
    }

    #[test]
    fn points_stand_where_the_axes_say_and_gaps_are_gaps() {
        let mut plane = plane();
        assert_eq!(plane.pixel((-2.0, 0.0)), (52.0, 238.0));
        assert_eq!(plane.pixel((2.0, 1.0)), (420.0, 26.0));
        let (from, to) = plane.span();
        assert!((from * 440.0 - 52.0).abs() < 1e-9 && (to * 440.0 - 420.0).abs() < 1e-9);
        plane.curve("a", [(-2.0, 0.0), (0.0, f64::NAN), (2.0, 1.0)]);
        plane.curve("far", [(0.0, 1e300), (1.0, 0.5)]);
        plane.point("p", (f64::INFINITY, 0.0), 3.0);
        plane.handle("h", (9.0, 9.0));
        plane.text("t", (0.0, 0.5), 4.0, true, "a & b");
        let svg = plane.finish("said \"so\"");
        assert!(
            svg.contains("d=\"M52.0 238.0M420.0 26.0\""),
            "a gap is two beginnings: {svg}"
        );
        assert!(
            svg.contains("cx=\"420.0\" cy=\"26.0\""),
            "a handle stays on the plane"
        );
        assert!(
            !svg.contains("NaN") && !svg.contains("inf") && !svg.contains("class=\"plane-point")
        );
        assert!(svg.contains("a &amp; b") && svg.contains("f(x) &lt;"));
        assert!(svg.contains("aria-label=\"said &quot;so&quot;\""));
        assert!(!svg.contains("style="));
    }

    #[test]
    fn an_extent_has_room_and_is_never_empty() {
        let extent = Extent::around([0.0, 1.0, f64::NAN, f64::INFINITY], 0.0);
        assert!((extent.low + 0.08).abs() < 1e-12 && (extent.high - 1.08).abs() < 1e-12);
        assert_eq!(Extent::around([3.0], 3.0), Extent::linear(2.0, 4.0));
        let mut plane = Plane::new(
            (0, 0),
            Extent::log(1.0, 100.0),
            Extent::log(0.01, 1.0),
            ["", ""],
        );
        // Zero has no place on a logarithmic axis.
        plane.curve("a", [(0.0, 0.0), (10.0, 0.1)]);
        let svg = plane.finish("");
        assert!(!svg.contains("NaN") && svg.contains("aria-hidden"), "{svg}");
    }
}
