//! An activation around the point of one element.

use super::*;
use crate::ops::Curve;

/// Parts that the curve is cut into.
const PARTS: u32 = 96;

/// The curve of the node, or of the forward node that it differentiates, at the element with the row-major
/// position `offset`; `None` where that is no activation.
pub(super) async fn curve_facts(
    inspector: &Inspector,
    node: NodeId,
    offset: usize,
) -> Result<Option<CurveFacts>, SessionError> {
    let graph = &inspector.graph;
    let own = graph.node(node);
    let partner = own.partner.map(|partner| graph.node(partner));
    let mut candidates = [Some(own), partner].into_iter().flatten();
    let Some((forward, curve)) =
        candidates.find_map(|node| Curve::of(&node.op).map(|curve| (node, curve)))
    else {
        return Ok(None);
    };
    let read = inspector.executor.read_many(&forward.inputs[..1]).await?;
    let x = f64::from(as_reals(&read[0])[offset]);
    Ok(around(curve, x))
}

/// The point, and the curve on both sides of 0 to a little beyond the point.
fn around(curve: Curve<'_>, x: f64) -> Option<CurveFacts> {
    let reach = (1.25 * x.abs()).clamp(3.0, 1e6);
    let at = |part: u32| -reach + 2.0 * reach * f64::from(part) / f64::from(PARTS);
    let points = (0..=PARTS).map(|part| Some((at(part), curve.value(at(part))?)));
    // A logarithm has no curve on the left.
    let is_drawn = |point: &Option<(f64, f64)>| point.is_none_or(|(_, y)| y.is_finite());
    Some(CurveFacts {
        x,
        y: curve.value(x)?,
        slope: curve.slope(x)?,
        points: points.filter(is_drawn).collect::<Option<_>>()?,
    })
}
