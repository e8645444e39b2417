//! What is told of an exercise.

use serde::{Deserialize, Serialize};

use super::refused::Refused;

macro_rules! exercise_ids {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// An exercise.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ExerciseId {
            $($variant),+
        }

        impl ExerciseId {
            /// All exercises, in their order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in files and links: `x1`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

exercise_ids! {
    X1 = "x1",
    X2 = "x2",
    X3 = "x3",
    X4 = "x4",
    X5 = "x5",
    X6 = "x6",
    X7 = "x7",
    X8 = "x8",
    X9 = "x9",
    X10 = "x10",
    X11 = "x11",
    X12 = "x12",
    X13 = "x13",
    X14 = "x14",
    X15 = "x15",
    X16 = "x16",
}

impl ExerciseId {
    /// The exercise of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|id| id.name() == name)
    }

    /// From 1.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The exercise of that number, from 1.
    pub fn from_number(number: u8) -> Option<Self> {
        let place = usize::from(number).checked_sub(1)?;
        Self::ALL.get(place).copied()
    }
}

/// Which form of the snippet is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// With the mistake, as it is printed.
    Faulty,
    Right,
}

/// A measured value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Measure {
    Number(f64),
    Numbers(Vec<f64>),
    /// A whole number of things.
    Count(u64),
    /// From 0 to 1.
    Share(f64),
    /// Of a tensor.
    Shape(Vec<usize>),
    /// The engine refused.
    Refusal(Refused),
    /// What a network wrote.
    Writing(String),
}

/// What one form gave: values by key, and curves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measures {
    values: Vec<(&'static str, Measure)>,
    curves: Vec<(&'static str, Vec<[f64; 2]>)>,
}

impl Measures {
    /// The same with one value more.
    #[must_use]
    pub(super) fn with(mut self, key: &'static str, measure: Measure) -> Self {
        self.values.push((key, measure));
        self
    }

    #[must_use]
    pub(super) fn number(self, key: &'static str, value: f64) -> Self {
        self.with(key, Measure::Number(value))
    }

    #[must_use]
    pub(super) fn count(self, key: &'static str, value: u64) -> Self {
        self.with(key, Measure::Count(value))
    }

    /// The same with one curve more: points (x, y).
    #[must_use]
    pub(super) fn curve(mut self, key: &'static str, points: Vec<[f64; 2]>) -> Self {
        self.curves.push((key, points));
        self
    }

    /// The value of that key.
    pub fn find(&self, key: &str) -> Option<&Measure> {
        let mut values = self.values.iter();
        values
            .find(|(known, _)| *known == key)
            .map(|(_, measure)| measure)
    }

    /// The number, count or share of that key; NaN where there is none, which every comparison fails on.
    pub fn get(&self, key: &str) -> f64 {
        match self.find(key) {
            Some(Measure::Number(value) | Measure::Share(value)) => *value,
            Some(Measure::Count(count)) => *count as f64,
            _ => f64::NAN,
        }
    }

    /// Whether the engine refused what has that key.
    pub fn is_refused(&self, key: &str) -> bool {
        matches!(self.find(key), Some(Measure::Refusal(_)))
    }
}

/// What both forms gave under one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub key: String,
    pub faulty: Option<Measure>,
    pub right: Option<Measure>,
}

/// What both forms gave over some other quantity: points (x, y).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    pub key: String,
    pub faulty: Vec<[f64; 2]>,
    pub right: Vec<[f64; 2]>,
}

/// What came of an exercise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub id: ExerciseId,
    pub rows: Vec<Row>,
    pub curves: Vec<Curve>,
    /// Whether the measured values show the mistake and its correction. Computed from them.
    pub verdict: bool,
}

impl Outcome {
    pub(super) fn new(id: ExerciseId, faulty: Measures, right: Measures, verdict: bool) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        for (measures, is_faulty) in [(faulty.values, true), (right.values, false)] {
            for (key, measure) in measures {
                let at = rows
                    .iter()
                    .position(|row| row.key == key)
                    .unwrap_or_else(|| {
                        rows.push(Row {
                            key: key.into(),
                            faulty: None,
                            right: None,
                        });
                        rows.len() - 1
                    });
                let row = &mut rows[at];
                let place = if is_faulty {
                    &mut row.faulty
                } else {
                    &mut row.right
                };
                *place = Some(measure);
            }
        }
        let mut curves: Vec<Curve> = Vec::new();
        for (key, points) in faulty.curves {
            curves.push(Curve {
                key: key.into(),
                faulty: points,
                right: Vec::new(),
            });
        }
        for (key, points) in right.curves {
            match curves.iter_mut().find(|curve| curve.key == key) {
                Some(curve) => curve.right = points,
                None => curves.push(Curve {
                    key: key.into(),
                    faulty: Vec::new(),
                    right: points,
                }),
            }
        }
        Self {
            id,
            rows,
            curves,
            verdict,
        }
    }

    /// The row of that key.
    pub fn row(&self, key: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.key == key)
    }
}
