//! Series of numbers, cut into windows: the rows of a table whose columns are the steps of a window and
//! whose target is the number behind it.

use super::error::DataError;
use super::table::{Standardization, Table, TableSet, Targets};
use super::toy::Normal;
use crate::tensor::init::generator;

/// `x[t] = sin(step · t) + slope · t + noise · n[t]` with independent standard normal `n[t]`, in windows one step
/// apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeriesSource {
    /// Angle from one number to the next, in radians.
    pub step: f64,
    /// What the trend rises by from one number to the next.
    pub slope: f64,
    /// Standard deviation of the noise. Nobody predicts the next number with a mean squared error below its square.
    pub noise: f64,
    /// Seed of the noise.
    pub seed: u64,
    /// Numbers in a window.
    pub window: u32,
    /// Windows to learn from: the first ones.
    pub train: u32,
    /// Windows held out: those behind.
    pub test: u32,
}

/// Longest series.
pub const MAX_SERIES: u32 = 1 << 20;

impl SeriesSource {
    /// Without trend and noise, which a network takes as it is.
    fn is_plain(&self) -> bool {
        self.slope == 0.0 && self.noise == 0.0
    }

    /// `sine`, or `noisy-trend` where there is a trend or noise.
    pub fn name(&self) -> &'static str {
        if self.is_plain() {
            "sine"
        } else {
            "noisy-trend"
        }
    }

    /// The whole series: every number of every window, and the target of the last.
    pub fn series(&self) -> Vec<f32> {
        let count = u64::from(self.train) + u64::from(self.test) + u64::from(self.window);
        let mut random = Normal::new(generator(self.seed, 0));
        (0..count)
            .map(|t| {
                let t = t as f64;
                ((self.step * t).sin() + self.slope * t + self.noise * random.normal()) as f32
            })
            .collect()
    }

    /// Cuts the windows. With a trend or noise they are standardised with mean and deviation of the numbers that are
    /// learned from.
    ///
    /// # Errors
    /// When there would be no window, an empty one, or more numbers than [`MAX_SERIES`]; or step, slope or noise are
    /// no finite numbers, or the noise is below 0.
    pub fn draw(&self) -> Result<TableSet, DataError> {
        let refused = |what, got: String, expected: String| {
            Err(DataError::BadToy {
                name: "series",
                what,
                got,
                expected,
            })
        };
        for (what, value) in [("the step", self.step), ("the slope", self.slope)] {
            if !value.is_finite() {
                return refused(what, value.to_string(), "a finite number".into());
            }
        }
        if !(self.noise.is_finite() && self.noise >= 0.0) {
            let expected = "a finite number of at least 0";
            return refused("the noise", self.noise.to_string(), expected.into());
        }
        for (what, count) in [
            ("the length of a window", self.window),
            ("the number of windows", self.train),
            ("the number of held-out windows", self.test),
        ] {
            if !(1..=MAX_SERIES / 4).contains(&count) {
                let expected = format!("1 to {}", MAX_SERIES / 4);
                return refused(what, count.to_string(), expected);
            }
        }
        let windows = Windows {
            name: self.name(),
            window: self.window as usize,
            train: self.train as usize,
            is_standardized: !self.is_plain(),
        };
        windows.cut(&self.series())
    }
}

/// How a series is cut.
pub(super) struct Windows<'a> {
    pub name: &'a str,
    /// Numbers in a window.
    pub window: usize,
    /// Windows to learn from: the first ones. Those behind are held out.
    pub train: usize,
    /// Whether mean and deviation of the numbers learned from become 0 and 1.
    pub is_standardized: bool,
}

impl Windows<'_> {
    /// The table of a series with more than `train + window` finite numbers.
    pub fn cut(&self, series: &[f32]) -> Result<TableSet, DataError> {
        let window = self.window;
        let part = |who: &str, numbers: &[f32]| {
            let (mut rows, mut targets) = (Vec::new(), Vec::new());
            for numbers in numbers.windows(window + 1) {
                rows.extend_from_slice(&numbers[..window]);
                targets.push(numbers[window]);
            }
            let who = format!("{} {who} part", self.name);
            Table::new(&who, window, rows, Targets::Numbers(targets), 0)
        };
        // The first held-out window reads numbers that are targets of training; its own target is new.
        let learned = &series[..self.train + window];
        let standard = if self.is_standardized {
            Standardization::of_columns(learned, 1)
        } else {
            Standardization::identity(1)
        };
        Ok(TableSet {
            name: self.name.into(),
            columns: (0..window)
                .map(|at| format!("x[t-{}]", window - at))
                .collect(),
            target: "x[t]".into(),
            classes: Vec::new(),
            train: part("train", learned)?,
            test: part("test", &series[self.train..])?,
            standardization: Standardization {
                mean: vec![standard.mean[0]; window],
                deviation: vec![standard.deviation[0]; window],
            },
            target_standardization: standard,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINE: SeriesSource = SeriesSource {
        step: 0.1,
        slope: 0.0,
        noise: 0.0,
        seed: 1,
        window: 20,
        train: 800,
        test: 200,
    };

    #[test]
    fn windows_follow_each_other_and_the_target_stands_behind() {
        let set = SINE.draw().unwrap();
        assert_eq!((set.train.count(), set.test.count()), (800, 200));
        assert_eq!((set.columns.len(), set.train.features()), (20, 20));
        let Targets::Numbers(targets) = set.train.targets() else {
            panic!("numbers are to be predicted")
        };
        let sine = |t: f64| (0.1 * t).sin() as f32;
        assert_eq!(set.train.row(3)[..2], [sine(3.0), sine(4.0)]);
        assert_eq!(targets[3], sine(23.0));
        // The held-out part begins where the other one ends.
        assert_eq!(set.test.row(0)[0], sine(800.0));
        assert_eq!(set.train.row(799)[1], set.test.row(0)[0]);
        assert_eq!(SINE.series().len(), 1_020);
        assert_eq!(set.columns[0], "x[t-20]");
        assert_eq!(set.standardization, Standardization::identity(20));
    }

    #[test]
    fn trend_and_noise_are_drawn_from_the_seed_and_standardized_by_the_training_part() {
        let noisy = SeriesSource {
            slope: 0.001,
            noise: 0.1,
            train: 8_000,
            ..SINE
        };
        let set = noisy.draw().unwrap();
        assert_eq!(set, noisy.draw().unwrap(), "the seed repeats");
        assert_ne!(set, SeriesSource { seed: 2, ..noisy }.draw().unwrap());
        // What is left without sine and trend: mean 0 and variance 0.01, to four standard errors of 8,220 numbers.
        let series = noisy.series();
        let noise = (0..).zip(&series).map(|(t, &x)| {
            let t = f64::from(t);
            f64::from(x) - (0.1 * t).sin() - 0.001 * t
        });
        let noise: Vec<f64> = noise.collect();
        let count = noise.len() as f64;
        let mean = noise.iter().sum::<f64>() / count;
        let variance = noise.iter().map(|n| n * n).sum::<f64>() / count;
        assert!(mean.abs() < 4.0 * 0.1 / count.sqrt(), "{mean}");
        let error = 4.0 * 0.01 * (2.0 / count).sqrt();
        assert!((variance - 0.01).abs() < error, "{variance}");
        // Numbers of the held-out part change nothing.
        let expected = Standardization::of_columns(&series[..8_020], 1);
        assert_eq!(set.target_standardization, expected);
        assert_eq!(set.standardization.mean, vec![expected.mean[0]; 20]);
        assert_eq!(set.name, "noisy-trend");
    }

    #[test]
    fn windows_that_make_no_sense_are_refused() {
        let refused = |source: SeriesSource| source.draw().unwrap_err().to_string();
        let empty = refused(SeriesSource { window: 0, ..SINE });
        assert_eq!(
            empty,
            "series: the length of a window is 0, expected 1 to 262144"
        );
        let none = refused(SeriesSource { test: 0, ..SINE });
        assert!(none.contains("held-out windows is 0"), "{none}");
        let step = refused(SeriesSource {
            step: f64::NAN,
            ..SINE
        });
        assert!(step.contains("the step is NaN"), "{step}");
        let noise = refused(SeriesSource {
            noise: -1.0,
            ..SINE
        });
        assert!(noise.contains("the noise is -1, expected"), "{noise}");
    }
}
