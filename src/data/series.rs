//! Series of numbers, cut into windows: the rows of a table whose columns are the steps of a window and
//! whose target is the number behind it.

use super::error::DataError;
use super::table::{Standardization, Table, TableSet, Targets};

/// `x[t] = sin(step · t)`, in windows one step apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeriesSource {
    /// Angle from one number to the next, in radians.
    pub step: f64,
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
    /// The whole series: every number of every window, and the target of the last.
    pub fn series(&self) -> Vec<f32> {
        let count = u64::from(self.train) + u64::from(self.test) + u64::from(self.window);
        (0..count)
            .map(|t| (self.step * t as f64).sin() as f32)
            .collect()
    }

    /// Cuts the windows.
    ///
    /// # Errors
    /// When there would be no window, an empty one, or more numbers than [`MAX_SERIES`]; or the step is no finite
    /// number.
    pub fn draw(&self) -> Result<TableSet, DataError> {
        let refused = |what, got: String, expected: String| {
            Err(DataError::BadToy {
                name: "series",
                what,
                got,
                expected,
            })
        };
        if !self.step.is_finite() {
            return refused("the step", self.step.to_string(), "a finite number".into());
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
        let series = self.series();
        let window = self.window as usize;
        let part = |who: &str, first: u32, count: u32| {
            let windows = series[first as usize..]
                .windows(window + 1)
                .take(count as usize);
            let (mut rows, mut targets) = (Vec::new(), Vec::new());
            for numbers in windows {
                rows.extend_from_slice(&numbers[..window]);
                targets.push(numbers[window]);
            }
            Table::new(who, window, rows, Targets::Numbers(targets), 0)
        };
        Ok(TableSet {
            name: "sine".into(),
            columns: (0..window)
                .map(|at| format!("x[t-{}]", window - at))
                .collect(),
            target: "x[t]".into(),
            classes: Vec::new(),
            train: part("sine train part", 0, self.train)?,
            test: part("sine test part", self.train, self.test)?,
            standardization: Standardization::identity(window),
            target_standardization: Standardization::identity(1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINE: SeriesSource = SeriesSource {
        step: 0.1,
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
    }
}
