//! Smoothing, and thinning to what the width can show.

/// The strongest smoothing offered.
pub const MOST_SMOOTHING: f32 = 0.99;

/// Exponential moving average with bias correction, as Adam corrects its moments:
/// `s ← β·s + (1 − β)·x`, shown as `s / (1 − β^t)`.
///
/// `smoothing` is β, taken into 0 to 0.99; 0 gives the values back. A value that is not finite
/// stays as a gap and does not enter the average.
pub fn smooth(values: &[f32], smoothing: f32) -> Vec<f32> {
    let mut average = Average::new(smoothing);
    values.iter().map(|value| average.push(*value)).collect()
}

/// The running state of [`smooth`].
pub struct Average {
    beta: f64,
    sum: f64,
    weight: f64,
}

impl Average {
    pub fn new(smoothing: f32) -> Self {
        let beta = if smoothing.is_nan() {
            0.0
        } else {
            smoothing.clamp(0.0, MOST_SMOOTHING)
        };
        Self {
            beta: beta.into(),
            sum: 0.0,
            weight: 0.0,
        }
    }

    /// Takes in one value and gives the average so far; NaN where `value` is not finite.
    pub fn push(&mut self, value: f32) -> f32 {
        if !value.is_finite() {
            return f32::NAN;
        }
        self.sum = self.beta * self.sum + (1.0 - self.beta) * f64::from(value);
        // 1 − β^t, accumulated.
        self.weight = self.beta * self.weight + (1.0 - self.beta);
        (self.sum / self.weight) as f32
    }
}

/// What a bucket of many points becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinning {
    /// Its lowest and highest point, in order: spikes survive.
    Extremes,
    /// The mean of its points.
    Mean,
}

/// The points as connected runs, thinned to about one bucket per pixel column.
///
/// Points are in pixels with x not decreasing; a point whose y is not finite breaks the line.
/// Few points are kept as they are.
pub fn runs(
    points: impl ExactSizeIterator<Item = (f64, f64)>,
    width: f64,
    thinning: Thinning,
) -> Vec<Vec<(f64, f64)>> {
    let thin = points.len() as f64 > 2.0 * width;
    let mut runs = Runs::default();
    let mut bucket = Bucket::default();
    for (x, y) in points {
        if !y.is_finite() {
            bucket.empty_into(&mut runs, thinning);
            // Within one column, gaps are too narrow to show more than one of.
            runs.break_at(if thin { x.floor() } else { x });
            continue;
        }
        if thin && x.floor() == bucket.column {
            bucket.push(x, y);
            continue;
        }
        bucket.empty_into(&mut runs, thinning);
        bucket = Bucket::of(x, y);
    }
    bucket.empty_into(&mut runs, thinning);
    runs.done
        .into_iter()
        .chain([runs.current])
        .filter(|run| !run.is_empty())
        .collect()
}

#[derive(Default)]
struct Runs {
    done: Vec<Vec<(f64, f64)>>,
    current: Vec<(f64, f64)>,
    last_break: Option<f64>,
}

impl Runs {
    fn break_at(&mut self, place: f64) {
        if self.last_break != Some(place) && !self.current.is_empty() {
            self.done.push(std::mem::take(&mut self.current));
            self.last_break = Some(place);
        }
    }
}

/// The points of one pixel column.
#[derive(Default)]
struct Bucket {
    column: f64,
    count: f64,
    sum_x: f64,
    sum_y: f64,
    lowest: (f64, f64),
    highest: (f64, f64),
}

impl Bucket {
    fn of(x: f64, y: f64) -> Self {
        Self {
            column: x.floor(),
            count: 1.0,
            sum_x: x,
            sum_y: y,
            lowest: (x, y),
            highest: (x, y),
        }
    }

    fn push(&mut self, x: f64, y: f64) {
        if self.count == 0.0 {
            *self = Self::of(x, y);
            return;
        }
        self.count += 1.0;
        self.sum_x += x;
        self.sum_y += y;
        if y < self.lowest.1 {
            self.lowest = (x, y);
        }
        if y > self.highest.1 {
            self.highest = (x, y);
        }
    }

    fn empty_into(&mut self, runs: &mut Runs, thinning: Thinning) {
        if self.count == 0.0 {
            return;
        }
        match thinning {
            Thinning::Mean => runs
                .current
                .push((self.sum_x / self.count, self.sum_y / self.count)),
            Thinning::Extremes if self.lowest == self.highest => runs.current.push(self.lowest),
            Thinning::Extremes => {
                let (first, second) = if self.lowest.0 <= self.highest.0 {
                    (self.lowest, self.highest)
                } else {
                    (self.highest, self.lowest)
                };
                runs.current.extend([first, second]);
            }
        }
        // The column stays: points after a gap in it start a new bucket of the same column.
        self.count = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn smoothing_of_a_constant_is_the_constant_from_the_first_step() {
        for smoothing in [0.0, 0.6, 0.99] {
            for value in smooth(&[3.0; 50], smoothing) {
                assert!((value - 3.0).abs() < 1e-6, "{smoothing}: {value}");
            }
        }
    }

    #[test]
    fn smoothing_follows_its_formula() {
        // β = 0.5: s = 0.5, 1.25, 2.125 over 0.5, 0.75, 0.875.
        let smoothed = smooth(&[1.0, 2.0, 3.0], 0.5);
        for (actual, expected) in smoothed.iter().zip([1.0, 5.0 / 3.0, 17.0 / 7.0]) {
            assert!((actual - expected).abs() < 1e-6, "{actual} {expected}");
        }
        assert_eq!(smooth(&[1.0, 2.0], 0.0), [1.0, 2.0]);
        assert_eq!(smooth(&[1.0, 2.0], f32::NAN), [1.0, 2.0]);
        // More than is offered is taken as 0.99, which still moves.
        assert!(smooth(&[1.0, 2.0], 7.0)[1] > 1.4);
    }

    #[test]
    fn what_is_not_finite_is_a_gap_and_leaves_the_average_alone() {
        let smoothed = smooth(&[1.0, f32::NAN, f32::INFINITY, 1.0], 0.9);
        assert_eq!(smoothed[0], 1.0);
        assert!(smoothed[1].is_nan() && smoothed[2].is_nan());
        assert!((smoothed[3] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn few_points_are_kept_and_break_where_they_are_not_finite() {
        let points = [
            (0.0, 1.0),
            (1.0, 2.0),
            (2.0, f64::NAN),
            (3.0, 4.0),
            (4.0, f64::INFINITY),
        ];
        let runs = runs(points.into_iter(), 100.0, Thinning::Extremes);
        assert_eq!(runs, [vec![(0.0, 1.0), (1.0, 2.0)], vec![(3.0, 4.0)]]);
    }

    #[test]
    fn many_points_keep_their_extremes() {
        let points = (0..10_000).map(|i| {
            let y = if i == 4321 {
                99.0
            } else if i == 8765 {
                -99.0
            } else {
                f64::from(i % 7)
            };
            (f64::from(i) / 100.0, y)
        });
        let points: Vec<_> = points.collect();
        let extremes = runs(points.iter().copied(), 100.0, Thinning::Extremes);
        assert_eq!(extremes.len(), 1);
        assert!(extremes[0].len() <= 200, "{}", extremes[0].len());
        assert!(extremes[0].contains(&(43.21, 99.0)) && extremes[0].contains(&(87.65, -99.0)));
        let means = runs(points.into_iter(), 100.0, Thinning::Mean);
        assert_eq!(means[0].len(), 100);
        assert!((means[0][0].1 - 2.97).abs() < 0.05, "{:?}", means[0][0]);
    }

    #[test]
    fn gaps_everywhere_stay_bounded_by_the_width() {
        let points = (0..100_000).map(|i| {
            let y = if i % 2 == 0 { 1.0 } else { f64::NAN };
            (f64::from(i) / 1000.0, y)
        });
        let points: Vec<_> = points.collect();
        let runs = runs(points.into_iter(), 100.0, Thinning::Extremes);
        assert!(runs.len() <= 201, "{} runs", runs.len());
    }

    proptest! {
        #[test]
        fn runs_hold_only_finite_points_within_the_data(values in prop::collection::vec(any::<f32>(), 0..2000), width in 1f64..300.0) {
            let n = values.len().max(1) as f64;
            let points: Vec<(f64, f64)> = values.iter().enumerate()
                .map(|(i, y)| (i as f64 / n * width, f64::from(*y))).collect();
            let low = points.iter().map(|p| p.1).filter(|y| y.is_finite()).fold(f64::INFINITY, f64::min);
            let high = points.iter().map(|p| p.1).filter(|y| y.is_finite()).fold(f64::NEG_INFINITY, f64::max);
            for thinning in [Thinning::Extremes, Thinning::Mean] {
                for run in runs(points.iter().copied(), width, thinning) {
                    prop_assert!(!run.is_empty());
                    for (x, y) in run {
                        let slack = 1e-9 * (low.abs() + high.abs());
                        prop_assert!((0.0..=width).contains(&x) && y >= low - slack && y <= high + slack);
                    }
                }
            }
        }
    }
}
