//! Learning-rate schedules: the rate of each step and how far all of them travel, by [`Schedule::rate`].

use std::collections::BTreeMap;

use super::reading::{Problem, Reader};
use crate::optim::{Schedule, ScheduleKind, ScheduleUnit};
use crate::plot::{Extent, Plane};

/// Most steps of a run: all their rates are added up at each change.
pub const MOST_STEPS: u64 = 100_000;

const SIZE: (u32, u32) = (460, 220);
/// At most so many points of a curve.
const POINTS: u64 = 401;
/// On a logarithmic axis, how far below α₀ it ends.
const LOWEST_SHARE: f64 = 1e-5;

/// What a link may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Inverse,
    Constant,
    Step,
    Cosine,
    /// A linear rise, constant from its end on.
    WarmUp,
}

impl Kind {
    pub const ALL: [(&'static str, Self); 5] = [
        ("inverse", Self::Inverse),
        ("constant", Self::Constant),
        ("step", Self::Step),
        ("cosine", Self::Cosine),
        ("warm-up", Self::WarmUp),
    ];

    pub fn id(self) -> &'static str {
        let known = Self::ALL.iter().find(|(_, kind)| *kind == self);
        known.map_or("", |&(id, _)| id)
    }

    pub fn from_id(id: &str) -> Option<Self> {
        let known = Self::ALL.iter().find(|(name, _)| *name == id);
        known.map(|&(_, kind)| kind)
    }

    /// As LaTeX; t counts steps from 0.
    pub fn formula(self) -> &'static str {
        match self {
            Self::Inverse => r"\alpha_t = \frac{\alpha_0}{1 + k\,t}",
            Self::Constant => r"\alpha_t = \alpha_0",
            Self::Step => r"\alpha_t = \alpha_0\,\gamma^{\lfloor t / s \rfloor}",
            Self::Cosine => {
                r"\alpha_t = \tfrac{1}{2}\,\alpha_0 \left(1 + \cos\frac{\pi t}{T}\right)"
            }
            Self::WarmUp => r"\alpha_t = \alpha_0 \min\left(1, \frac{t + 1}{w + 1}\right)",
        }
    }
}

/// What the learner has set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    pub kind: Kind,
    /// T, from 1.
    pub steps: u64,
    /// α₀
    pub base: f64,
    pub k: f64,
    pub gamma: f64,
    /// s: steps from one drop to the next.
    pub every: u64,
    /// w
    pub warmup: u64,
    /// The step that is looked at.
    pub t: u64,
    pub is_log: bool,
}

/// All rates of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Rates {
    pub rates: Vec<f64>,
    /// The sum of the rates up to and with each step.
    pub sums: Vec<f64>,
}

impl State {
    pub fn read(settings: &BTreeMap<String, String>) -> (Self, Vec<Problem>) {
        let mut reader = Reader::new(settings);
        let kind = reader.choice("schedule", &Kind::ALL, Kind::Inverse);
        let steps = reader.whole("steps", (1, MOST_STEPS), 10_000);
        let tenth = (steps / 10).max(1);
        let state = Self {
            kind,
            steps,
            base: reader.number("lr", (1e-6, 10.0), 0.1),
            k: reader.number("k", (0.0, 1e3), 1.0),
            gamma: reader.number("gamma", (0.0, 1.0), 0.5),
            every: reader.whole("every", (1, MOST_STEPS), tenth),
            warmup: reader.whole("warmup", (0, MOST_STEPS), tenth),
            t: reader.whole("t", (0, steps - 1), (steps - 1).min(steps / 10)),
            is_log: reader.choice("axis", &[("linear", false), ("log", true)], false),
        };
        (state, reader.problems)
    }

    /// Another length; the step that is looked at stays inside.
    pub fn with_steps(self, steps: u64) -> Self {
        Self {
            steps,
            t: self.t.min(steps - 1),
            ..self
        }
    }

    /// The engine's schedule.
    pub fn schedule(&self) -> Schedule {
        let kind = match self.kind {
            Kind::Inverse => ScheduleKind::Inverse,
            Kind::Constant | Kind::WarmUp => ScheduleKind::Constant,
            Kind::Step => ScheduleKind::Step,
            Kind::Cosine => ScheduleKind::Cosine,
        };
        Schedule {
            kind,
            unit: ScheduleUnit::Step,
            k: self.k,
            gamma: self.gamma,
            step_size: self.every,
            t_max: self.steps,
            lr_min: 0.0,
            warmup: if self.kind == Kind::WarmUp {
                self.warmup
            } else {
                0
            },
            steps_per_epoch: 1,
        }
    }

    pub fn rates(&self) -> Rates {
        let schedule = self.schedule();
        let rates: Vec<f64> = (0..self.steps)
            .map(|step| schedule.rate(self.base, step))
            .collect();
        let mut sum = 0.0;
        let sums = rates.iter().map(|rate| {
            sum += rate;
            sum
        });
        let sums = sums.collect();
        Rates { rates, sums }
    }

    /// The sum of all rates of each kind, the other settings being the same.
    pub fn sums_of_all(&self) -> Vec<(Kind, f64)> {
        Kind::ALL
            .into_iter()
            .map(|(_, kind)| {
                let schedule = Self { kind, ..*self }.schedule();
                let rates = (0..self.steps).map(|step| schedule.rate(self.base, step));
                (kind, rates.sum())
            })
            .collect()
    }

    /// Rate over steps, or the sum up to each step; `names` stand at the axes.
    pub fn plane(&self, rates: &Rates, is_sum: bool, names: [&str; 2]) -> Plane {
        let values = if is_sum { &rates.sums } else { &rates.rates };
        let last = (self.steps - 1) as f64;
        let most = values.iter().copied().fold(0.0, f64::max).max(1e-12);
        let y = match self.is_log && !is_sum {
            true => Extent::log(self.base * LOWEST_SHARE, self.base * 2.0),
            false => Extent::linear(0.0, most * 1.08),
        };
        let mut plane = Plane::new(SIZE, Extent::linear(0.0, last.max(1.0)), y, names);
        plane.upright("plane-cursor", self.t as f64);
        let count = self.steps.min(POINTS);
        let at = |number: u64| match count {
            1 => 0,
            _ => number * (self.steps - 1) / (count - 1),
        };
        let points = (0..count).map(at);
        let class = if is_sum { "is-sum" } else { "is-rate" };
        plane.curve(
            class,
            points.map(|step| (step as f64, values[step as usize])),
        );
        plane.handle(class, (self.t as f64, values[self.t as usize]));
        plane
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(pairs: &[(&str, &str)]) -> (State, Vec<Problem>) {
        let pairs = pairs.iter();
        State::read(&pairs.map(|(a, b)| (a.to_string(), b.to_string())).collect())
    }

    /// Exercise X7.
    #[test]
    fn ten_thousand_steps_of_the_inverse_schedule_travel_9_79_full_steps() {
        let (state, problems) = state(&[]);
        assert!(problems.is_empty());
        let rates = state.rates();
        assert_eq!((rates.rates.len(), rates.rates[0]), (10_000, 0.1));
        let full = rates.sums.last().unwrap() / state.base;
        assert!((full - 9.787_606_036).abs() < 1e-8, "{full}");
    }

    #[test]
    fn the_sums_are_those_of_the_series() {
        let (state, _) = state(&[("lr", "1")]);
        // Closed forms of the five sums over 10,000 steps.
        let expected = [
            9.787_606_036,
            10_000.0,
            1_000.0 * (1.0 - 0.5f64.powi(10)) / 0.5,
            5_000.5,
            500.0 + 9_000.0,
        ];
        for ((kind, sum), expected) in state.sums_of_all().into_iter().zip(expected) {
            assert!((sum - expected).abs() < 1e-6, "{}: {sum}", kind.id());
            let own = State { kind, ..state }.rates();
            assert!((own.sums[9_999] - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn links_are_read_and_short_runs_are_drawn() {
        let (wrong, problems) = state(&[("schedule", "linear"), ("steps", "0"), ("t", "10000")]);
        assert_eq!(
            (wrong.kind, wrong.steps, problems.len()),
            (Kind::Inverse, 10_000, 3)
        );
        for (id, kind) in Kind::ALL {
            assert_eq!(Kind::from_id(kind.id()), Some(kind));
            for steps in ["1", "2", "500"] {
                let (state, problems) =
                    state(&[("schedule", id), ("steps", steps), ("axis", "log")]);
                assert!(problems.is_empty());
                let rates = state.rates();
                for is_sum in [false, true] {
                    let svg = state.plane(&rates, is_sum, ["t", "α"]).finish("");
                    assert!(!svg.contains("NaN") && svg.contains("plane-handle"));
                }
            }
        }
        let (long, _) = state(&[("t", "9999")]);
        assert_eq!(long.with_steps(10).t, 9);
    }
}
