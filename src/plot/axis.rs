//! From values to pixels and back, and where the ticks are.

use crate::view::format;

/// A rectangle of the drawing, in pixels from its upper left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlotArea {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl PlotArea {
    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    pub fn height(&self) -> f64 {
        self.bottom - self.top
    }
}

/// How values lie along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    Log,
}

/// One axis: values `low..high` on pixels `from..to` (`from` may be larger: y grows upwards).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

/// A marked value of an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub value: f64,
    pub label: String,
}

impl Axis {
    /// An axis; an empty or impossible range is widened so that it can be divided.
    pub fn new(scale: Scale, low: f64, high: f64, pixels: (f64, f64)) -> Self {
        let (mut low, mut high) = match (low.is_finite() && high.is_finite(), scale) {
            (true, Scale::Linear) => (low, high),
            (true, Scale::Log) if low > 0.0 => (low, high),
            (_, Scale::Linear) => (0.0, 1.0),
            (_, Scale::Log) => (0.1, 1.0),
        };
        if high <= low {
            let (before, after) = match scale {
                Scale::Linear => {
                    let margin = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
                    (low - margin, low + margin)
                }
                Scale::Log => (low / 1.5, low * 1.5),
            };
            (low, high) = (before, after);
        }
        Self {
            scale,
            low,
            high,
            from: pixels.0,
            to: pixels.1,
        }
    }

    /// The pixel of a value; not finite where the axis has no place for it.
    pub fn pixel(&self, value: f64) -> f64 {
        self.from + (self.to - self.from) * self.share(value)
    }

    /// The value of a pixel.
    pub fn value(&self, pixel: f64) -> f64 {
        let share = (pixel - self.from) / (self.to - self.from);
        match self.scale {
            Scale::Linear => self.low + (self.high - self.low) * share,
            Scale::Log => self.low * (self.high / self.low).powf(share),
        }
    }

    fn share(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log if value > 0.0 => {
                (value / self.low).log10() / (self.high / self.low).log10()
            }
            Scale::Log => f64::NAN,
        }
    }

    /// At most about `most` ticks at round values.
    pub fn ticks(&self, most: usize) -> Vec<Tick> {
        match self.scale {
            Scale::Linear => self.linear_ticks(most, 0.0),
            Scale::Log => self.log_ticks(most),
        }
    }

    /// Ticks at whole numbers.
    pub fn whole_ticks(&self, most: usize) -> Vec<Tick> {
        self.linear_ticks(most, 1.0)
    }

    fn linear_ticks(&self, most: usize, least_distance: f64) -> Vec<Tick> {
        let distance =
            round_distance((self.high - self.low) / most.max(1) as f64).max(least_distance);
        let first = (self.low / distance - 1e-9).ceil() as i64;
        let last = (self.high / distance + 1e-9).floor() as i64;
        (first..=last)
            .take(2 * most.max(1) + 2)
            .map(|index| {
                let value = index as f64 * distance;
                // Multiplying leaves 0.30000000000000004: the label rounds it away.
                let label = if least_distance >= 1.0 {
                    format::fixed(value, 0)
                } else {
                    format::significant(value, 6)
                };
                Tick { value, label }
            })
            .collect()
    }

    /// Powers of ten; within less than two decades also their multiples by 2 and 5; within a
    /// narrow range, round values as on a linear axis.
    fn log_ticks(&self, most: usize) -> Vec<Tick> {
        let decades = (self.high / self.low).log10();
        if decades < 0.8 {
            return self.linear_ticks(most, 0.0);
        }
        let every = (decades / most.max(1) as f64).ceil().max(1.0) as i32;
        let multiples: &[f64] = if decades < 2.0 {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        let first = self.low.log10().floor() as i32;
        let last = self.high.log10().ceil() as i32;
        (first..=last)
            .filter(|exponent| exponent.rem_euclid(every) == 0)
            .flat_map(|exponent| {
                multiples
                    .iter()
                    .map(move |multiple| multiple * 10f64.powi(exponent))
            })
            .filter(|value| (self.low * (1.0 - 1e-9)..=self.high * (1.0 + 1e-9)).contains(value))
            .map(|value| Tick {
                value,
                label: format::significant(value, 3),
            })
            .collect()
    }
}

/// The next of 1, 2, 5 times a power of ten.
fn round_distance(wanted: f64) -> f64 {
    if !(wanted.is_finite() && wanted > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(wanted.log10().floor());
    let multiple = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|multiple| multiple * power >= wanted * (1.0 - 1e-9))
        .unwrap_or(10.0);
    (multiple * power).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn ticks_are_at_round_values() {
        let axis = Axis::new(Scale::Linear, 0.0, 2.4, (0.0, 100.0));
        assert_eq!(labels(&axis.ticks(5)), ["0", "0.5", "1", "1.5", "2"]);
        let axis = Axis::new(Scale::Linear, 0.0, 0.35, (0.0, 100.0));
        assert_eq!(labels(&axis.ticks(4)), ["0", "0.1", "0.2", "0.3"]);
        let steps = Axis::new(Scale::Linear, 0.0, 3.0, (0.0, 100.0));
        assert_eq!(labels(&steps.whole_ticks(10)), ["0", "1", "2", "3"]);
        let steps = Axis::new(Scale::Linear, 0.0, 100_000.0, (0.0, 100.0));
        assert_eq!(labels(&steps.whole_ticks(4)), ["0", "50,000", "100,000"]);
    }

    #[test]
    fn log_ticks_are_powers_of_ten_or_finer_when_there_are_few() {
        let wide = Axis::new(Scale::Log, 0.0003, 4.0, (0.0, 100.0));
        assert_eq!(labels(&wide.ticks(6)), ["0.001", "0.01", "0.1", "1"]);
        let narrow = Axis::new(Scale::Log, 0.09, 2.5, (0.0, 100.0));
        assert_eq!(labels(&narrow.ticks(6)), ["0.1", "0.2", "0.5", "1", "2"]);
        let narrower = Axis::new(Scale::Log, 1.0, 2.5, (0.0, 100.0));
        assert_eq!(labels(&narrower.ticks(4)), ["1", "1.5", "2", "2.5"]);
        let vast = Axis::new(Scale::Log, 1e-30, 1.0, (0.0, 100.0));
        assert!((2..=7).contains(&vast.ticks(6).len()));
    }

    #[test]
    fn a_log_axis_has_no_place_for_zero() {
        let axis = Axis::new(Scale::Log, 0.1, 1.0, (0.0, 100.0));
        assert!(!axis.pixel(0.0).is_finite());
        assert!(!axis.pixel(-1.0).is_finite());
        assert!((axis.pixel(0.1f64.sqrt()) - 50.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn pixels_and_values_go_back_and_forth(low in -1e6f64..1e6, length in 1e-3f64..1e6, share in 0f64..1.0) {
            let axis = Axis::new(Scale::Linear, low, low + length, (300.0, 20.0));
            let pixel = 300.0 - 280.0 * share;
            prop_assert!((axis.pixel(axis.value(pixel)) - pixel).abs() < 1e-4);
            let axis = Axis::new(Scale::Log, length, length * 1e3, (300.0, 20.0));
            prop_assert!((axis.pixel(axis.value(pixel)) - pixel).abs() < 1e-6);
        }

        #[test]
        fn any_range_has_a_bounded_number_of_ticks(low in any::<f64>(), high in any::<f64>(), most in 0usize..20) {
            for scale in [Scale::Linear, Scale::Log] {
                let axis = Axis::new(scale, low, high, (0.0, 100.0));
                prop_assert!(axis.ticks(most).len() <= 3 * (most + 2) + 6);
                prop_assert!(axis.whole_ticks(most).len() <= 2 * most.max(1) + 2);
            }
        }
    }
}
