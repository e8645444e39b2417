//! A value that is dragged or moved by keys: where it stands on its range, and where a key takes it.

/// From the lowest to the highest value of something that can be moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub low: f64,
    pub high: f64,
    /// What one press of an arrow key adds; what is dragged snaps to its multiples. On a logarithmic range it is a
    /// factor above 1, and what is dragged snaps to two digits.
    pub step: f64,
    pub is_log: bool,
}

/// Steps of Page Up and Page Down.
const PAGE: f64 = 10.0;

impl Range {
    pub fn linear(low: f64, high: f64, step: f64) -> Self {
        Self {
            low,
            high,
            step,
            is_log: false,
        }
    }

    pub fn log(low: f64, high: f64, step: f64) -> Self {
        Self {
            low,
            high,
            step,
            is_log: true,
        }
    }

    /// Where a value stands, from 0 to 1.
    pub fn share(&self, value: f64) -> f64 {
        let share = match self.is_log {
            true => (value / self.low).ln() / (self.high / self.low).ln(),
            false => (value - self.low) / (self.high - self.low),
        };
        // Also where the value is 0 on a logarithmic range, or the range is empty.
        if share > 0.0 { share.min(1.0) } else { 0.0 }
    }

    /// The value at a share of the range, snapped.
    pub fn at(&self, share: f64) -> f64 {
        let share = share.clamp(0.0, 1.0);
        self.snap(match self.is_log {
            true => self.low * (share * (self.high / self.low).ln()).exp(),
            false => self.low + share * (self.high - self.low),
        })
    }

    fn snap(&self, value: f64) -> f64 {
        let snapped = match self.is_log {
            true => format!("{value:.1e}").parse().unwrap_or(value),
            // A step of 0.1 leaves no 0.30000000000000004 behind.
            false if self.step < 1.0 => {
                let parts = (1.0 / self.step).round();
                (value * parts).round() / parts
            }
            false => (value / self.step).round() * self.step,
        };
        // Of −0, 0.
        snapped.clamp(self.low, self.high) + 0.0
    }

    /// Where a key takes a value; `None` for keys that move nothing.
    pub fn by_key(&self, value: f64, key: &str) -> Option<f64> {
        let steps = match key {
            "ArrowRight" | "ArrowUp" => 1.0,
            "ArrowLeft" | "ArrowDown" => -1.0,
            "PageUp" => PAGE,
            "PageDown" => -PAGE,
            "Home" => return Some(self.low),
            "End" => return Some(self.high),
            _ => return None,
        };
        let value = value.clamp(self.low, self.high);
        Some(self.snap(match self.is_log {
            true => value * self.step.powf(steps),
            false => value + steps * self.step,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dragging_snaps_and_stays_inside() {
        let range = Range::linear(-6.0, 6.0, 0.1);
        assert_eq!(range.at(0.525), 0.3);
        assert_eq!((range.at(-3.0), range.at(7.0)), (-6.0, 6.0));
        assert_eq!(range.at(0.5).to_bits(), 0.0f64.to_bits());
        assert_eq!(range.share(3.0), 0.75);
        let steps = Range::linear(0.0, 9_999.0, 25.0);
        assert_eq!(steps.at(0.5), 5_000.0);
        let log = Range::log(0.05, 10.0, 1.1);
        assert_eq!((log.at(0.0), log.at(1.0)), (0.05, 10.0));
        assert!((log.share(log.at(0.37)) - 0.37).abs() < 0.01);
        assert_eq!(log.share(0.0), 0.0);
        assert_eq!(Range::linear(0.0, 0.0, 1.0).share(0.0), 0.0);
    }

    #[test]
    fn keys_move_by_a_step_and_by_ten() {
        let range = Range::linear(-6.0, 6.0, 0.1);
        for (key, expected) in [
            ("ArrowRight", 0.3),
            ("ArrowDown", 0.1),
            ("PageUp", 1.2),
            ("PageDown", -0.8),
            ("Home", -6.0),
            ("End", 6.0),
        ] {
            assert_eq!(range.by_key(0.2, key), Some(expected), "{key}");
        }
        assert_eq!(range.by_key(0.2, "a"), None);
        assert_eq!(range.by_key(5.95, "ArrowRight"), Some(6.0));
        let log = Range::log(0.05, 10.0, 1.1);
        assert_eq!(log.by_key(1.0, "ArrowRight"), Some(1.1));
        assert_eq!(log.by_key(0.0, "ArrowLeft"), Some(0.05));
    }
}
