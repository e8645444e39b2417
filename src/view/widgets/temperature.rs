//! Softmax of a few logits at a temperature: probabilities, entropy, and how they change with the temperature.

use std::collections::BTreeMap;

use super::reading::{Problem, Reader};
use super::twin::run;
use crate::ops::Softmax;
use crate::plot::{Extent, Plane};

/// The lowest temperature above 0, and the highest. 0 is greedy.
pub const LOWEST: f64 = 0.05;
pub const HIGHEST: f64 = 10.0;

/// Logits lie between −REACH and REACH.
pub const REACH: f64 = 10.0;
pub const LEAST: usize = 2;
pub const MOST: usize = 8;

/// Probabilities and entropy, as LaTeX.
pub const FORMULA: &str =
    r"p_k = \frac{e^{z_k / T}}{\sum_j e^{z_j / T}}, \quad H = -\sum_k p_k \ln p_k";

const USUAL: [f64; 4] = [2.0, 1.0, 0.0, -1.0];
const SIZE: (u32, u32) = (460, 260);
const POINTS: usize = 121;

/// What the learner has set.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// 0, or from [`LOWEST`] to [`HIGHEST`].
    pub temperature: f64,
    pub logits: Vec<f64>,
}

/// `softmax(z / T)`. At 0 all is on the largest logit, the first of them where several are as large: what the
/// temperature's limit leaves to chance, writing greedily decides that way.
pub fn probabilities(logits: &[f64], temperature: f64) -> Vec<f64> {
    if temperature == 0.0 {
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let first = logits.iter().position(|&logit| logit == largest);
        let places = (0..logits.len()).map(Some);
        return places
            .map(|place| f64::from(u8::from(place == first)))
            .collect();
    }
    let scaled: Vec<f64> = logits.iter().map(|logit| logit / temperature).collect();
    let count = scaled.len();
    let sizes = [("count", count), ("K", count), ("S", 1)];
    let [probabilities] = run(&Softmax::default(), &sizes, &[&scaled], [count], 1);
    probabilities
}

/// `−Σ p ln p` in nats; 0 · ln 0 is 0.
pub fn entropy(probabilities: &[f64]) -> f64 {
    let parts = probabilities.iter().filter(|&&p| p > 0.0);
    // Of −0, 0.
    parts.map(|p| -p * p.ln()).sum::<f64>() + 0.0
}

impl State {
    pub fn read(settings: &BTreeMap<String, String>) -> (Self, Vec<Problem>) {
        let mut reader = Reader::new(settings);
        let temperature = reader.number("t", (0.0, HIGHEST), 1.0);
        let state = Self {
            temperature: match temperature > 0.0 {
                true => temperature.max(LOWEST),
                false => 0.0,
            },
            logits: reader.numbers("logits", (LEAST, MOST), (-REACH, REACH), &USUAL),
        };
        (state, reader.problems)
    }

    pub fn probabilities(&self) -> Vec<f64> {
        probabilities(&self.logits, self.temperature)
    }

    /// Probabilities over the temperature, on a logarithmic axis; `name` is that of the axis.
    pub fn plane(&self, names: [&str; 2]) -> Plane {
        let x = Extent::log(LOWEST, HIGHEST);
        let mut plane = Plane::new(SIZE, x, Extent::linear(0.0, 1.04), names);
        let ratio = (HIGHEST / LOWEST).ln() / (POINTS - 1) as f64;
        let temperatures: Vec<f64> = (0..POINTS)
            .map(|at| LOWEST * (ratio * at as f64).exp())
            .collect();
        let all: Vec<Vec<f64>> = temperatures
            .iter()
            .map(|&temperature| probabilities(&self.logits, temperature))
            .collect();
        let shown = self.temperature.max(LOWEST);
        plane.upright("plane-cursor", shown);
        for place in 0..self.logits.len() {
            let points = temperatures.iter().zip(&all);
            let class = format!("is-part-{place}");
            plane.curve(&class, points.map(|(&t, row)| (t, row[place])));
        }
        let here = self.probabilities();
        let mut taken: Vec<f64> = Vec::new();
        for (place, &probability) in here.iter().enumerate() {
            plane.handle(&format!("is-part-{place}"), (shown, probability));
            // Names that would lie on each other are left to the bars.
            if taken.iter().all(|other| (other - probability).abs() > 0.05) {
                taken.push(probability);
                let is_end = shown > 2.0;
                let at = if is_end { shown * 0.93 } else { shown * 1.08 };
                plane.text(
                    "",
                    (at, probability),
                    7.0,
                    is_end,
                    &format!("p{}", subscript(place + 1)),
                );
            }
        }
        plane
    }
}

/// A small whole number as a subscript.
pub fn subscript(number: usize) -> String {
    let digits = number.to_string();
    digits
        .chars()
        .filter_map(|digit| digit.to_digit(10))
        .filter_map(|digit| char::from_u32(0x2080 + digit))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(actual: f64, expected: f64) {
        assert!(
            (actual - expected).abs() < 1e-9,
            "{actual} is not {expected}"
        );
    }

    /// torch.softmax(torch.tensor([2., 1, 0, -1], dtype=float64) / t, 0)
    #[test]
    fn probabilities_are_those_of_pytorch() {
        let expected = [
            0.643_914_259_887_972_2,
            0.236_882_818_089_909_8,
            0.087_144_318_742_032_6,
            0.032_058_603_280_084_99,
        ];
        for (actual, expected) in probabilities(&USUAL, 1.0).into_iter().zip(expected) {
            near(actual, expected);
        }
        let double = probabilities(&USUAL, 2.0);
        // p² is proportional to the probabilities at half the temperature.
        let squares: f64 = double.iter().map(|p| p * p).sum();
        for (p, expected) in double.iter().zip(expected) {
            near(p * p / squares, expected);
        }
    }

    #[test]
    fn cold_is_greedy_and_hot_is_even() {
        assert_eq!(probabilities(&[1.0, 3.0, 3.0], 0.0), [0.0, 1.0, 0.0]);
        let cold = probabilities(&USUAL, LOWEST);
        assert!(cold[0] > 1.0 - 1e-8);
        near(entropy(&probabilities(&USUAL, 0.0)), 0.0);
        near(entropy(&[0.25; 4]), 4f64.ln());
        let hot = probabilities(&USUAL, HIGHEST);
        assert!(entropy(&hot) > 0.98 * 4f64.ln() && entropy(&hot) < 4f64.ln());
        // More entropy with every step up.
        let rising = [0.05, 0.2, 1.0, 3.0, 10.0].map(|t| entropy(&probabilities(&USUAL, t)));
        assert!(
            rising.windows(2).all(|pair| pair[0] < pair[1]),
            "{rising:?}"
        );
    }

    #[test]
    fn links_and_drawings() {
        let read = |t: &str, logits: &str| {
            let settings = [("t", t), ("logits", logits)];
            let settings = settings.map(|(name, value)| (name.to_string(), value.to_string()));
            State::read(&settings.into())
        };
        let (state, problems) = read("0.001", "1,-2.5");
        assert_eq!(
            (state.temperature, state.logits.len(), problems.len()),
            (LOWEST, 2, 0)
        );
        let (state, problems) = read("-1", "1");
        assert_eq!(
            (state.temperature, &state.logits[..], problems.len()),
            (1.0, &USUAL[..], 2)
        );
        for t in ["0", "0.05", "1", "10"] {
            let (state, _) = read(t, "2,1,0,-1,5,5,5,5");
            let svg = state.plane(["T", "p"]).finish("");
            assert!(!svg.contains("NaN") && svg.matches("plane-curve").count() == 8);
        }
        assert_eq!(subscript(12), "₁₂");
    }
}
