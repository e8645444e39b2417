//! Settings of a widget as a link has them: read by name and range; what cannot be used is told, and the default
//! stands in its place.

use std::collections::BTreeMap;

use crate::view::format;
use crate::view::texts::{Locale, joined};

/// What a setting should have been.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    OneOf(Vec<&'static str>),
    Number {
        low: f64,
        high: f64,
    },
    Whole {
        low: u64,
        high: u64,
    },
    /// So many numbers, separated by commas.
    Numbers {
        least: usize,
        most: usize,
        low: f64,
        high: f64,
    },
    /// n · n whole numbers, separated by commas.
    Square {
        least: usize,
        most: usize,
        high: u64,
    },
}

/// A setting that could not be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub name: &'static str,
    /// As the link has it, cut to a length that can be shown.
    pub value: String,
    pub expected: Expected,
    /// What stands in its place.
    pub used: String,
}

impl Expected {
    /// In words, as the end of a sentence.
    pub fn words(&self, locale: Locale) -> String {
        let number = |value: f64| format::significant(value, 6);
        match (self, locale) {
            (Self::OneOf(names), Locale::English) => format!("one of {}", names.join(", ")),
            (Self::OneOf(names), Locale::Chinese) => format!("以下之一：{}", names.join("、")),
            (Self::Number { low, high }, Locale::English) => {
                format!("a number from {} to {}", number(*low), number(*high))
            }
            (Self::Number { low, high }, Locale::Chinese) => {
                format!("{} 到 {} 之间的数", number(*low), number(*high))
            }
            (Self::Whole { low, high }, Locale::English) => {
                format!(
                    "a whole number from {} to {}",
                    format::count(*low),
                    format::count(*high)
                )
            }
            (Self::Whole { low, high }, Locale::Chinese) => {
                format!(
                    "{} 到 {} 之间的整数",
                    format::count(*low),
                    format::count(*high)
                )
            }
            (
                Self::Numbers {
                    least,
                    most,
                    low,
                    high,
                },
                Locale::English,
            ) => format!(
                "{least} to {most} numbers from {} to {}, separated by commas",
                number(*low),
                number(*high)
            ),
            (
                Self::Numbers {
                    least,
                    most,
                    low,
                    high,
                },
                Locale::Chinese,
            ) => format!(
                "{least} 到 {most} 个 {} 到 {} 之间的数，以英文逗号分隔",
                number(*low),
                number(*high)
            ),
            (Self::Square { least, most, high }, Locale::English) => format!(
                "n·n whole numbers from 0 to {}, separated by commas, with n from {least} to {most}",
                format::count(*high)
            ),
            (Self::Square { least, most, high }, Locale::Chinese) => format!(
                "n·n 个 0 到 {} 之间的整数，以英文逗号分隔，n 从 {least} 到 {most}",
                format::count(*high)
            ),
        }
    }
}

impl Problem {
    /// What was wrong and what is shown instead.
    pub fn words(&self, locale: Locale) -> String {
        let Self {
            name, value, used, ..
        } = self;
        let expected = self.expected.words(locale);
        match locale {
            Locale::English => {
                format!(
                    "“{name}” is “{value}” in the link; expected {expected}. {name} = {used} is shown."
                )
            }
            Locale::Chinese => {
                let expected = joined("应为", &expected);
                format!("链接中的“{name}”为“{value}”，{expected}。现按 {name} = {used} 显示。")
            }
        }
    }
}

/// Reads one setting after the other and keeps what was wrong.
pub struct Reader<'a> {
    settings: &'a BTreeMap<String, String>,
    pub problems: Vec<Problem>,
}

/// Most characters of a value that are shown.
const MOST_SHOWN: usize = 40;

impl<'a> Reader<'a> {
    pub fn new(settings: &'a BTreeMap<String, String>) -> Self {
        Self {
            settings,
            problems: Vec::new(),
        }
    }

    /// A setting read by `read`, or the default where it is absent or cannot be used.
    fn read<T>(
        &mut self,
        name: &'static str,
        default: T,
        expected: Expected,
        read: impl FnOnce(&str) -> Option<T>,
        show: impl FnOnce(&T) -> String,
    ) -> T {
        let Some(value) = self.settings.get(name) else {
            return default;
        };
        let value = value.trim();
        if let Some(read) = read(value) {
            return read;
        }
        self.problems.push(Problem {
            name,
            value: value.chars().take(MOST_SHOWN).collect(),
            expected,
            used: show(&default),
        });
        default
    }

    /// One of some names.
    pub fn choice<T: Copy + PartialEq>(
        &mut self,
        name: &'static str,
        all: &[(&'static str, T)],
        default: T,
    ) -> T {
        let expected = Expected::OneOf(all.iter().map(|&(name, _)| name).collect());
        let find = |value: &str| all.iter().find(|(name, _)| *name == value);
        let shown = all.iter().find(|(_, choice)| *choice == default);
        let shown = shown.map_or("", |&(name, _)| name).to_string();
        self.read(
            name,
            default,
            expected,
            |value| find(value).map(|&(_, choice)| choice),
            |_| shown,
        )
    }

    /// A finite number in a range.
    pub fn number(&mut self, name: &'static str, (low, high): (f64, f64), default: f64) -> f64 {
        self.read(
            name,
            default,
            Expected::Number { low, high },
            |value| number_in(value, low, high),
            |default| format::bare(*default),
        )
    }

    pub fn whole(&mut self, name: &'static str, (low, high): (u64, u64), default: u64) -> u64 {
        let is_in = |number: &u64| (low..=high).contains(number);
        self.read(
            name,
            default,
            Expected::Whole { low, high },
            |value| value.parse().ok().filter(is_in),
            u64::to_string,
        )
    }

    pub fn numbers(
        &mut self,
        name: &'static str,
        (least, most): (usize, usize),
        (low, high): (f64, f64),
        default: &[f64],
    ) -> Vec<f64> {
        let expected = Expected::Numbers {
            least,
            most,
            low,
            high,
        };
        self.read(
            name,
            default.to_vec(),
            expected,
            |value| {
                let numbers = value.split(',').map(|part| number_in(part, low, high));
                let numbers: Option<Vec<f64>> = numbers.take(most + 1).collect();
                numbers.filter(|numbers| (least..=most).contains(&numbers.len()))
            },
            |default| {
                let parts: Vec<String> = default.iter().map(|&value| format::bare(value)).collect();
                parts.join(",")
            },
        )
    }

    /// A square of whole numbers, row by row.
    pub fn square(
        &mut self,
        name: &'static str,
        (least, most): (usize, usize),
        high: u32,
        default: &[Vec<u32>],
    ) -> Vec<Vec<u32>> {
        let expected = Expected::Square {
            least,
            most,
            high: high.into(),
        };
        self.read(
            name,
            default.to_vec(),
            expected,
            |value| {
                let parts = value.split(',').take(most * most + 1);
                let numbers: Option<Vec<u32>> = parts
                    .map(|part| {
                        let number = part.trim().parse().ok();
                        number.filter(|number| *number <= high)
                    })
                    .collect();
                let numbers = numbers?;
                let size = (least..=most).find(|size| size * size == numbers.len())?;
                Some(numbers.chunks(size).map(<[u32]>::to_vec).collect())
            },
            |default| {
                let parts: Vec<String> = default.iter().flatten().map(u32::to_string).collect();
                parts.join(",")
            },
        )
    }
}

/// A finite number in a range, as a person types it: a minus sign may be U+2212.
pub fn number_in(text: &str, low: f64, high: f64) -> Option<f64> {
    let number: f64 = text.trim().replace('−', "-").parse().ok()?;
    // NaN is in no range.
    (number >= low && number <= high).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect()
    }

    #[test]
    fn what_cannot_be_used_is_told_by_name_and_the_default_stands() {
        let long = "9".repeat(100);
        let settings = settings(&[
            ("a", "two"),
            ("b", "NaN"),
            ("c", "7"),
            ("d", "1,2,x"),
            ("e", "1,2,3,4"),
            ("f", &long),
            ("g", "1,2,3"),
        ]);
        let mut reader = Reader::new(&settings);
        assert_eq!(reader.choice("a", &[("one", 1), ("three", 3)], 3), 3);
        assert_eq!(reader.number("b", (-1.0, 1.0), 0.5), 0.5);
        assert_eq!(reader.whole("c", (1, 9), 2), 7);
        assert_eq!(reader.numbers("d", (1, 4), (0.0, 9.0), &[1.5]), [1.5]);
        assert_eq!(reader.square("e", (2, 3), 9, &[]), [[1, 2], [3, 4]]);
        assert_eq!(reader.whole("f", (0, u64::MAX), 2), 2);
        assert_eq!(reader.square("g", (2, 3), 9, &[vec![0, 0]]), [[0, 0]]);
        assert_eq!(reader.number("absent", (0.0, 1.0), 0.25), 0.25);
        let problems = reader.problems;
        let names: Vec<&str> = problems.iter().map(|problem| problem.name).collect();
        assert_eq!(names, ["a", "b", "d", "f", "g"]);
        assert_eq!(
            problems[0].words(Locale::English),
            "“a” is “two” in the link; expected one of one, three. a = three is shown."
        );
        assert_eq!(
            problems[1].words(Locale::Chinese),
            "链接中的“b”为“NaN”，应为 −1 到 1 之间的数。现按 b = 0.5 显示。"
        );
        assert_eq!(problems[3].value.len(), MOST_SHOWN);
        assert!(problems[4].words(Locale::English).contains("n·n"));
    }

    #[test]
    fn numbers_may_be_typed_with_a_true_minus_sign() {
        assert_eq!(number_in(" −5 ", -6.0, 6.0), Some(-5.0));
        assert_eq!(number_in("-6.01", -6.0, 6.0), None);
        assert_eq!(number_in("inf", -6.0, f64::INFINITY), Some(f64::INFINITY));
        assert_eq!(number_in("1e-3", 0.0, 1.0), Some(0.001));
    }
}
