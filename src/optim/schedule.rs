//! Learning-rate schedules: the rate of every step from the base rate, in f64.
//! Sources: `torch.optim.lr_scheduler` (`LambdaLR`, `StepLR`, `ExponentialLR`,
//! `CosineAnnealingLR`, `LinearLR`, `SequentialLR`).

use super::Options;
use serde::{Deserialize, Serialize};

/// How the learning rate changes with `t`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScheduleKind {
    /// `η₀`
    #[default]
    Constant,
    /// `η₀ / (1 + k·t)`
    Inverse,
    /// `η₀ · γ^⌊t/s⌋`
    Step,
    /// `η₀ · γᵗ`
    Exponential,
    /// `η_min + ½ (η₀ − η_min) (1 + cos(π·t/T))` up to `t = T`, then `η_min`.
    Cosine,
}

impl ScheduleKind {
    pub const ALL: [Self; 5] = [
        Self::Constant,
        Self::Inverse,
        Self::Step,
        Self::Exponential,
        Self::Cosine,
    ];
    pub const NAMES: &'static [&'static str] =
        &["constant", "inverse", "step", "exponential", "cosine"];

    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Inverse => "inverse",
            Self::Step => "step",
            Self::Exponential => "exponential",
            Self::Cosine => "cosine",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What `t` counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScheduleUnit {
    /// Steps done.
    #[default]
    Step,
    /// Whole epochs done.
    Epoch,
}

impl ScheduleUnit {
    pub const ALL: [Self; 2] = [Self::Step, Self::Epoch];
    pub const NAMES: &'static [&'static str] = &["step", "epoch"];

    pub fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Epoch => "epoch",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name() == name)
    }
}

/// A schedule with everything that decides it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    pub kind: ScheduleKind,
    pub unit: ScheduleUnit,
    /// Of the inverse schedule.
    pub k: f64,
    /// Of the step and the exponential schedule.
    pub gamma: f64,
    /// Steps or epochs from one drop to the next.
    pub step_size: u64,
    /// T of the cosine: steps or epochs after the warm-up.
    pub t_max: u64,
    /// The cosine's last rate.
    pub lr_min: f64,
    /// Steps or epochs of linear warm-up: `η₀ (t + 1) / (warmup + 1)` while `t < warmup`. The
    /// schedule counts from its end.
    pub warmup: u64,
    pub steps_per_epoch: u64,
}

impl Schedule {
    /// Where nothing else is given.
    pub(super) const USUAL: Options = Options {
        schedule_unit: Some(ScheduleUnit::Step),
        schedule_k: Some(0.01),
        gamma: Some(0.5),
        step_size: Some(100),
        lr_min: Some(0.0),
        ..Options::NONE
    };

    /// The schedule that resolved options ask for, in a run of `total_steps`.
    pub fn new(options: &Options, steps_per_epoch: u64, total_steps: u64) -> Self {
        let steps_per_epoch = steps_per_epoch.max(1);
        let given = options.or(&Self::USUAL);
        let unit = given.schedule_unit.unwrap_or_default();
        let warmup = u64::from(given.warmup.unwrap_or(0));
        let length = match unit {
            ScheduleUnit::Step => total_steps,
            ScheduleUnit::Epoch => total_steps.div_ceil(steps_per_epoch),
        };
        let number = |value: Option<f32>| value.map_or(0.0, decimal);
        Self {
            kind: given.schedule_kind(),
            unit,
            k: number(given.schedule_k),
            gamma: number(given.gamma),
            step_size: given.step_size.unwrap_or(1).max(1).into(),
            t_max: given
                .t_max
                .map_or(length.saturating_sub(warmup), u64::from)
                .max(1),
            lr_min: number(given.lr_min),
            warmup,
            steps_per_epoch,
        }
    }

    /// The learning rate of a step, counted from 0, where the base rate is `base`.
    pub fn rate(&self, base: f64, step: u64) -> f64 {
        let t = match self.unit {
            ScheduleUnit::Step => step,
            ScheduleUnit::Epoch => step / self.steps_per_epoch,
        };
        if t < self.warmup {
            return base * (t + 1) as f64 / (self.warmup + 1) as f64;
        }
        let t = t - self.warmup;
        match self.kind {
            ScheduleKind::Constant => base,
            ScheduleKind::Inverse => base / (1.0 + self.k * t as f64),
            ScheduleKind::Step => base * libm::pow(self.gamma, (t / self.step_size) as f64),
            ScheduleKind::Exponential => base * libm::pow(self.gamma, t as f64),
            ScheduleKind::Cosine => {
                let share = t.min(self.t_max) as f64 / self.t_max as f64;
                let wave = 0.5 * (1.0 + libm::cos(std::f64::consts::PI * share));
                self.lr_min + (base - self.lr_min) * wave
            }
        }
    }
}

/// The decimal number that an f32 was read from: 0.1, not 0.100000001.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(options: Options) -> Schedule {
        Schedule::new(&options, 10, 100)
    }

    #[test]
    fn ten_thousand_steps_of_the_inverse_schedule_travel_9_79_full_steps() {
        let inverse = schedule(Options {
            schedule: Some(ScheduleKind::Inverse),
            schedule_k: Some(1.0),
            ..Options::NONE
        });
        let total: f64 = (0..10_000).map(|step| inverse.rate(1.0, step)).sum();
        assert!((total - 9.787_606_036).abs() < 1e-8, "{total}");
    }

    #[test]
    fn a_cosine_takes_the_whole_run_and_ends_at_its_least() {
        let options = Options {
            schedule: Some(ScheduleKind::Cosine),
            lr_min: Some(0.01),
            warmup: Some(20),
            ..Options::NONE
        };
        let cosine = schedule(options);
        assert_eq!(cosine.t_max, 80);
        assert_eq!(cosine.rate(1.0, 20), 1.0);
        assert!((cosine.rate(1.0, 60) - 0.505).abs() < 1e-12);
        assert_eq!(cosine.rate(1.0, 100), 0.01);
        assert_eq!(cosine.rate(1.0, 1_000_000), 0.01);
        assert_eq!(cosine.rate(1.0, 0), 1.0 / 21.0);
        let by_epoch = schedule(Options {
            schedule_unit: Some(ScheduleUnit::Epoch),
            warmup: Some(2),
            ..options
        });
        assert_eq!(by_epoch.t_max, 8);
        assert_eq!(by_epoch.rate(1.0, 29), by_epoch.rate(1.0, 20));
    }
}
