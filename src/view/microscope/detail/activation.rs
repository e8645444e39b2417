//! Activations: the point on the curve, with the tangent there.

use super::{Numbers, partner};
use crate::session::{CurveFacts, NodeFacts};
use crate::view::microscope::model::{Element, GraphModel};

/// Gradient that comes from behind and what is passed on, where an element of the backward pass is looked
/// at; `None` in the forward pass, and until the numbers are read.
pub fn gradients(
    graph: &GraphModel,
    node: &NodeFacts,
    element: &Element,
    numbers: Numbers<'_>,
) -> Option<(f64, f64)> {
    partner(graph, node)?;
    let upstream = numbers(graph.bound(node, "dy")?, &element.index)?;
    let passed = numbers(&node.outputs.first()?.1, &element.index)?;
    Some((upstream, passed))
}

/// The picture's lines in pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines {
    /// Points of an SVG polyline.
    pub curve: String,
    /// Both ends of the tangent.
    pub tangent: [f64; 4],
    pub point: [f64; 2],
    /// Where the axes cross.
    pub origin: [f64; 2],
}

/// Size of the picture in pixels.
pub const WIDTH: f64 = 260.0;
pub const HEIGHT: f64 = 150.0;

/// Lays a curve out.
pub fn lines(curve: &CurveFacts) -> Lines {
    let reach = curve.points.last().map_or(1.0, |last| last.0);
    let heights = curve.points.iter().map(|point| point.1);
    let (low, high) = heights.fold((0.0_f64, 0.0_f64), |(low, high), y| {
        (low.min(y), high.max(y))
    });
    let margin = 0.08 * (high - low).max(1e-9);
    let (low, high) = (low - margin, high + margin);
    let x = |value: f64| (value + reach) / (2.0 * reach) * WIDTH;
    let y = |value: f64| (high - value) / (high - low) * HEIGHT;
    let points = curve
        .points
        .iter()
        .map(|&(a, b)| format!("{:.1},{:.1}", x(a), y(b)));
    let half = 0.3 * reach;
    let along = |step: f64| [x(curve.x + step), y(curve.y + curve.slope * step)];
    let ([x1, y1], [x2, y2]) = (along(-half), along(half));
    Lines {
        curve: points.collect::<Vec<_>>().join(" "),
        tangent: [x1, y1, x2, y2],
        point: [x(curve.x), y(curve.y)],
        origin: [x(0.0), y(0.0)],
    }
}
