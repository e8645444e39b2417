//! The learning rate over a run, as a small curve.

use crate::optim::Schedule;

/// Size of the drawing's coordinates.
pub const WIDTH: f64 = 240.0;
pub const HEIGHT: f64 = 64.0;

/// Free space above the curve and below it.
const MARGIN: f64 = 4.0;

/// At most so many points: more than pixels show.
const MOST_POINTS: u64 = 480;

/// The curve of a schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct RateCurve {
    /// `x,y x,y …` of an SVG polyline.
    pub points: String,
    pub first: f64,
    pub most: f64,
    pub last: f64,
    pub steps: u64,
}

impl RateCurve {
    /// The rates of `steps` steps (at least one) from the base rate.
    pub fn new(schedule: &Schedule, base: f64, steps: u64) -> Self {
        let steps = steps.max(1);
        let count = steps.min(MOST_POINTS);
        // First and last step always; evenly spread steps between.
        let at = |number: u64| match count {
            1 => 0,
            _ => number * (steps - 1) / (count - 1),
        };
        let rates: Vec<(u64, f64)> = (0..count)
            .map(|number| (at(number), schedule.rate(base, at(number))))
            .collect();
        let most = rates.iter().map(|&(_, rate)| rate).fold(0.0, f64::max);
        let point = |&(step, rate): &(u64, f64)| {
            let x = Self::x(step, steps);
            let share = if most > 0.0 { rate / most } else { 0.0 };
            let y = HEIGHT - MARGIN - share * (HEIGHT - 2.0 * MARGIN);
            format!("{x:.1},{y:.1}")
        };
        let mut points: Vec<String> = rates.iter().map(point).collect();
        if let ([only], [(_, rate)]) = (&points[..], &rates[..]) {
            // One step is a line too.
            let share = if *rate > 0.0 { 1.0 } else { 0.0 };
            let y = HEIGHT - MARGIN - share * (HEIGHT - 2.0 * MARGIN);
            points = vec![only.clone(), format!("{WIDTH:.1},{y:.1}")];
        }
        Self {
            points: points.join(" "),
            first: rates.first().map_or(0.0, |&(_, rate)| rate),
            most,
            last: rates.last().map_or(0.0, |&(_, rate)| rate),
            steps,
        }
    }

    /// Where a step stands, from left to right.
    pub fn x(step: u64, steps: u64) -> f64 {
        WIDTH * step.min(steps - 1) as f64 / (steps - 1).max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::{Options, ScheduleKind};

    fn curve(kind: ScheduleKind, steps: u64) -> RateCurve {
        let options = Options {
            schedule: Some(kind),
            ..Options::NONE
        };
        RateCurve::new(&Schedule::new(&options, 10, steps), 0.5, steps)
    }

    #[test]
    fn a_cosine_falls_from_the_base_rate_to_its_end() {
        let curve = curve(ScheduleKind::Cosine, 1_000);
        assert_eq!((curve.first, curve.most), (0.5, 0.5));
        assert!(curve.last < 1e-5 && curve.last > 0.0, "{}", curve.last);
        let points: Vec<&str> = curve.points.split(' ').collect();
        assert_eq!(points.len() as u64, MOST_POINTS);
        assert_eq!((points[0], points[479]), ("0.0,4.0", "240.0,60.0"));
    }

    #[test]
    fn short_and_constant_runs_are_lines() {
        assert_eq!(curve(ScheduleKind::Constant, 1).points, "0.0,4.0 240.0,4.0");
        assert_eq!(curve(ScheduleKind::Constant, 2).points, "0.0,4.0 240.0,4.0");
        assert_eq!(RateCurve::x(5, 11), 120.0);
        assert_eq!(RateCurve::x(50, 11), 240.0);
    }
}
