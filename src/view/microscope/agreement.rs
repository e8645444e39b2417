//! How finite differences agree with the gradient, against the step size, both logarithmic.

use crate::session::GradientCheckFacts;

/// Size of the plot.
pub const WIDTH: f64 = 340.0;
pub const HEIGHT: f64 = 190.0;
const LEFT: f64 = 44.0;
const BOTTOM: f64 = 28.0;
const TOP: f64 = 10.0;
const RIGHT: f64 = 12.0;
/// Differences below this are drawn at it: a logarithm has no zero.
const FLOOR: f64 = 1e-12;

/// A point of the plot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

/// The plot: one curve for f64, one for f32, and marks at powers of ten.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plot {
    pub precise: Vec<Point>,
    pub rounded: Vec<Point>,
    /// (exponent, place)
    pub x_marks: Vec<(i32, f64)>,
    pub y_marks: Vec<(i32, f64)>,
}

/// Difference relative to the larger of the two; 0 where both are 0.
pub fn relative_difference(a: f64, b: f64) -> f64 {
    let scale = a.abs().max(b.abs());
    if scale == 0.0 {
        0.0
    } else {
        (a - b).abs() / scale
    }
}

/// The smallest relative difference of the f64 slopes.
pub fn best(check: &GradientCheckFacts) -> Option<f64> {
    let slopes = check.nudges.iter().map(|nudge| nudge.slope);
    slopes
        .map(|slope| relative_difference(slope, check.analytic))
        .reduce(f64::min)
}

/// What the check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Agrees,
    /// The gradient is zero, and the loss does not move either.
    BothZero,
    Differs,
}

/// Largest relative difference that counts as agreement.
const AGREEMENT: f64 = 1e-5;
/// Slopes below this are rounding noise of a loss near 1, in f64, at the step sizes used.
const NOISE: f64 = 1e-9;

pub fn verdict(check: &GradientCheckFacts) -> Verdict {
    let still = |nudge: &crate::session::Nudge| nudge.slope.abs() < NOISE;
    if check.analytic.abs() < NOISE && check.nudges.iter().any(still) {
        Verdict::BothZero
    } else if best(check).is_some_and(|difference| difference <= AGREEMENT) {
        Verdict::Agrees
    } else {
        Verdict::Differs
    }
}

/// The plot of a check; empty where there are no nudges.
pub fn plot(check: &GradientCheckFacts) -> Plot {
    let exponent = |value: f64| value.max(FLOOR).log10();
    let steps: Vec<f64> = check.nudges.iter().map(|n| exponent(n.step_size)).collect();
    let (Some(low), Some(high)) = (
        steps.iter().copied().reduce(f64::min),
        steps.iter().copied().reduce(f64::max),
    ) else {
        return Plot::default();
    };
    let high = high.max(low + 1.0);
    let difference = |slope: f64| exponent(relative_difference(slope, check.analytic));
    let all = check.nudges.iter().flat_map(|n| [n.slope, n.slope_f32]);
    let least = all.clone().map(difference).fold(0.0, f64::min).floor();
    let most = all.map(difference).fold(least + 1.0, f64::max).ceil();
    let x = |at: f64| LEFT + (at - low) / (high - low) * (WIDTH - LEFT - RIGHT);
    let y = |at: f64| TOP + (most - at) / (most - least) * (HEIGHT - TOP - BOTTOM);
    let curve = |slope: fn(&crate::session::Nudge) -> f64| {
        let points = check.nudges.iter().zip(&steps);
        points
            .map(|(nudge, &step)| Point {
                x: x(step),
                y: y(difference(slope(nudge))),
            })
            .collect()
    };
    let every = |range: f64| if range > 6.0 { 3 } else { 1 };
    let marks = |from: f64, to: f64| {
        ((from.ceil() as i32)..=(to.floor() as i32))
            .step_by(every(to - from))
            .collect::<Vec<i32>>()
    };
    Plot {
        precise: curve(|nudge| nudge.slope),
        rounded: curve(|nudge| nudge.slope_f32),
        x_marks: marks(low, high)
            .into_iter()
            .map(|e| (e, x(e.into())))
            .collect(),
        y_marks: marks(least, most)
            .into_iter()
            .map(|e| (e, y(e.into())))
            .collect(),
    }
}

/// `points` of an SVG polyline.
pub fn polyline(points: &[Point]) -> String {
    let pairs: Vec<String> = points
        .iter()
        .map(|point| format!("{:.1},{:.1}", point.x, point.y))
        .collect();
    pairs.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Nudge;

    fn check(analytic: f64, slopes: &[(f64, f64, f64)]) -> GradientCheckFacts {
        let nudges = slopes.iter().map(|&(step_size, slope, slope_f32)| Nudge {
            step_size,
            loss_minus: 0.0,
            loss_plus: 0.0,
            slope,
            slope_f32,
        });
        GradientCheckFacts {
            tensor: "w".into(),
            index: vec![0],
            stored: None,
            analytic,
            nudges: nudges.collect(),
        }
    }

    #[test]
    fn the_plot_stays_in_its_frame() {
        let check = check(
            0.5,
            &[(1e-1, 0.6, 0.6), (1e-3, 0.500_001, 0.51), (1e-6, 0.5, 0.0)],
        );
        let plot = plot(&check);
        assert_eq!(plot.precise.len(), 3);
        for point in plot.precise.iter().chain(&plot.rounded) {
            assert!((LEFT..=WIDTH).contains(&point.x), "{point:?}");
            assert!(
                (TOP - 0.1..=HEIGHT - BOTTOM + 0.1).contains(&point.y),
                "{point:?}"
            );
        }
        // Smaller steps stand further left, smaller differences lower.
        assert!(plot.precise[0].x > plot.precise[2].x);
        assert!(plot.precise[0].y < plot.precise[2].y);
        assert!(!plot.x_marks.is_empty() && !plot.y_marks.is_empty());
        assert_eq!(polyline(&plot.precise).matches(',').count(), 3);
    }

    #[test]
    fn a_check_agrees_differs_or_finds_nothing_that_moves() {
        assert_eq!(verdict(&check(0.5, &[(1e-4, 0.5, 0.4)])), Verdict::Agrees);
        assert_eq!(verdict(&check(0.5, &[(1e-4, -0.5, 0.5)])), Verdict::Differs);
        assert_eq!(verdict(&check(0.0, &[(1e-4, 0.0, 0.1)])), Verdict::BothZero);
        assert_eq!(verdict(&check(0.5, &[])), Verdict::Differs);
        assert_eq!(plot(&check(0.5, &[])), Plot::default());
        assert_eq!(relative_difference(0.0, 0.0), 0.0);
    }
}
