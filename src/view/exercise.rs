//! An exercise on the page: how measured values are written, its curves, and which exercises a learner has solved.

use std::collections::BTreeSet;

use super::format;
use super::texts::Locale;
use super::texts::exercises::{curve_texts, refusal_text};
use crate::lesson::exercises::{Curve, ExerciseId, Measure};
use crate::plot::{PlotLine, lines_svg_between};

/// Most numbers of a list that are shown.
const MOST_NUMBERS: usize = 8;

/// A measured value for people.
pub fn written(measure: &Measure, locale: Locale) -> String {
    match measure {
        Measure::Number(value) => number(*value),
        Measure::Numbers(values) => {
            let shown = values.iter().take(MOST_NUMBERS).map(|&value| number(value));
            let mut text = shown.collect::<Vec<String>>().join(", ");
            if values.len() > MOST_NUMBERS {
                text.push_str(", …");
            }
            text
        }
        Measure::Count(count) => format::count(*count),
        Measure::Share(share) => format::percent(*share, 1),
        Measure::Shape(sizes) => {
            let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
            format!("({})", sizes.join(", "))
        }
        Measure::Refusal(refused) => refusal_text(refused, locale),
        Measure::Writing(text) => text.clone(),
    }
}

/// A number with the digits that the course prints: six behind the point, fewer of large ones, and those that count of
/// small ones.
fn number(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 {
        "0".into()
    } else if (1e-4..1e3).contains(&magnitude) {
        format::fixed(value, 6)
    } else {
        format::significant(value, if magnitude < 1.0 { 2 } else { 7 })
    }
}

/// A measured value for machines: the bare number, nothing where it is none.
pub fn bare(measure: &Measure) -> Option<String> {
    match measure {
        // All digits: tests compare with figures of six.
        Measure::Number(value) | Measure::Share(value) => Some(format!("{value:e}")),
        Measure::Count(count) => Some(count.to_string()),
        _ => None,
    }
}

/// The drawing of both forms over the same axis, with the name of its form on each line's class.
pub fn curve_svg(curve: &Curve, locale: Locale) -> String {
    let points = |points: &[[f64; 2]]| points.iter().map(|&[x, y]| (x, y)).collect();
    let line = |class, of: &[[f64; 2]]| PlotLine {
        class,
        points: points(of),
        marks: Vec::new(),
    };
    let lines = [
        line("exercise-line-faulty", &curve.faulty),
        line("exercise-line-right", &curve.right),
    ];
    let xs = || curve.faulty.iter().chain(&curve.right).map(|&[x, _]| x);
    let first = xs().fold(0.0, f64::min);
    let last = xs().fold(0.0, f64::max);
    let Some(texts) = curve_texts(&curve.key, locale) else {
        return String::new();
    };
    lines_svg_between(
        &lines,
        (560, 240),
        texts.title,
        [texts.along, texts.upright],
        (first, last),
        0.0,
    )
}

/// The most bytes of kept progress that are read.
const MOST_BYTES: usize = 1 << 12;

/// The exercises whose answer a learner has predicted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Solved(BTreeSet<ExerciseId>);

impl Solved {
    /// Reads what was kept, names with commas between; what is no exercise is left out.
    pub fn read(text: &str) -> Self {
        let is_short = text.len() <= MOST_BYTES;
        let names = is_short.then(|| text.split(',')).into_iter().flatten();
        Self(names.filter_map(ExerciseId::from_name).collect())
    }

    pub fn write(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|id| id.name()).collect();
        names.join(",")
    }

    /// Notes an exercise; whether it is new.
    pub fn add(&mut self, id: ExerciseId) -> bool {
        self.0.insert(id)
    }

    pub fn contains(&self, id: ExerciseId) -> bool {
        self.0.contains(&id)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::exercises::Refused;

    #[test]
    fn values_are_written_with_the_digits_of_the_course() {
        for (measure, expected) in [
            (Measure::Number(0.620_957_4), "0.620957"),
            (Measure::Number(-0.006_604_1), "−0.006604"),
            (Measure::Number(0.0), "0"),
            (Measure::Number(1.23e-17), "1.2×10⁻¹⁷"),
            (Measure::Number(43_241.01), "43,241.01"),
            (Measure::Number(9.787_606), "9.787606"),
            (Measure::Count(4_047_120), "4,047,120"),
            (Measure::Share(0.975), "97.5%"),
            (Measure::Shape(vec![3, 3, 2]), "(3, 3, 2)"),
            (Measure::Numbers(vec![1.0, 0.5]), "1.000000, 0.500000"),
        ] {
            assert_eq!(written(&measure, Locale::English), expected);
        }
        let many = written(&Measure::Numbers(vec![0.0; 20]), Locale::English);
        assert!(
            many.ends_with(", …") && many.matches('0').count() == 8,
            "{many}"
        );
        let refusal = Measure::Refusal(Refused {
            message: "no".into(),
            misfit: None,
        });
        assert!(
            Locale::ALL
                .map(|locale| written(&refusal, locale))
                .iter()
                .all(|text| text.contains("no"))
        );
        assert_eq!(bare(&Measure::Number(0.5)).unwrap().parse(), Ok(0.5));
        assert_eq!(bare(&refusal), None);
    }

    #[test]
    fn a_curve_is_drawn_on_both_sides_of_zero() {
        let curve = Curve {
            key: "gradient_of_z".into(),
            faulty: vec![[-8.0, -1.0], [8.0, 0.0]],
            right: vec![[-8.0, 0.0], [8.0, 0.0]],
        };
        let svg = curve_svg(&curve, Locale::Chinese);
        assert!(svg.contains("exercise-line-faulty") && svg.contains("exercise-line-right"));
        assert!(svg.contains(">−5<") || svg.contains(">−4<"), "{svg}");
    }

    #[test]
    fn solved_exercises_are_kept() {
        let mut solved = Solved::read("x2,x1,x99,,x2");
        assert_eq!(solved.count(), 2);
        assert!(solved.add(ExerciseId::X16) && !solved.add(ExerciseId::X16));
        assert_eq!(solved.write(), "x1,x2,x16");
        assert_eq!(Solved::read(&solved.write()), solved);
        assert_eq!(Solved::read(&"x1,".repeat(5_000)), Solved::default());
    }
}
