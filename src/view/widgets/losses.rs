//! The loss of one prediction a = σ(z) and its gradient by z: binary cross-entropy and half the squared error, by the
//! twins of `ops`.

use std::collections::BTreeMap;

use super::reading::{Problem, Reader};
use super::twin::{of_one, run};
use crate::ops::{
    BinaryCrossEntropy, BinaryCrossEntropyBackward, MeanSquaredError, MeanSquaredErrorBackward,
    Operation, Sigmoid, SigmoidBackward,
};
use crate::plot::{Extent, Plane};
use crate::view::format;

/// The logit lies between −REACH and REACH.
pub const REACH: f64 = 8.0;

const SIZE: (u32, u32) = (460, 230);
const POINTS: usize = 161;

/// Cross-entropy and its gradient, half the squared error and its gradient, as LaTeX.
pub const FORMULAS: [&str; 2] = [
    r"L = -y \ln a - (1 - y) \ln (1 - a), \quad \frac{\partial L}{\partial z} = a - y",
    r"L = \tfrac{1}{2}(a - y)^2, \quad \frac{\partial L}{\partial z} = (a - y)\,a\,(1 - a)",
];

/// Sizes of a batch of one prediction of one number.
const ONE: [(&str, usize); 2] = [("N", 1), ("K", 1)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossChoice {
    Bce,
    Mse,
    Both,
}

impl LossChoice {
    pub const ALL: [(&'static str, Self); 3] =
        [("bce", Self::Bce), ("mse", Self::Mse), ("both", Self::Both)];

    pub fn id(self) -> &'static str {
        let known = Self::ALL.iter().find(|(_, loss)| *loss == self);
        known.map_or("", |&(id, _)| id)
    }

    pub fn from_id(id: &str) -> Option<Self> {
        let known = Self::ALL.iter().find(|(name, _)| *name == id);
        known.map(|&(_, loss)| loss)
    }

    pub fn has_bce(self) -> bool {
        self != Self::Mse
    }

    pub fn has_mse(self) -> bool {
        self != Self::Bce
    }
}

/// What the learner has set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// 0 or 1.
    pub target: u8,
    pub z: f64,
    pub loss: LossChoice,
}

/// Everything at one logit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Losses {
    /// σ(z)
    pub prediction: f64,
    /// σ′(z) = a(1 − a)
    pub sigmoid_slope: f64,
    /// In nats.
    pub bce: f64,
    /// ∂BCE/∂z = a − y
    pub bce_gradient: f64,
    /// ½(a − y)²
    pub mse: f64,
    /// ∂MSE/∂a = a − y: what is left when σ′ is forgotten.
    pub mse_by_prediction: f64,
    /// ∂MSE/∂z = (a − y) · a(1 − a)
    pub mse_gradient: f64,
}

/// The loss of one row, output `place` of `lengths`.
fn one(op: &impl Operation, inputs: &[f64]) -> f64 {
    let inputs: Vec<&[f64]> = inputs.chunks(1).collect();
    let [output] = run(op, &ONE, &inputs, [1], 1);
    output[0]
}

impl Losses {
    pub fn at(z: f64, target: u8) -> Self {
        let y = f64::from(target);
        let bce_op = BinaryCrossEntropy::default();
        let [bce, _, probability, _, _] = run(&bce_op, &ONE, &[&[z], &[y]], [1; 5], 1);
        let prediction = of_one(&Sigmoid {}, &[z]);
        let back = BinaryCrossEntropyBackward {
            pos_weight: bce_op.pos_weight,
        };
        // The textbook's half of the square.
        let squared = MeanSquaredError {
            factor: 0.5,
            ..MeanSquaredError::default()
        };
        let [mse, _] = run(&squared, &ONE, &[&[prediction], &[y]], [1; 2], 1);
        let squared_back = MeanSquaredErrorBackward {
            factor: squared.factor,
            reduction: squared.reduction,
        };
        let mse_by_prediction = one(&squared_back, &[prediction, y, 1.0]);
        Self {
            prediction,
            sigmoid_slope: of_one(&SigmoidBackward {}, &[prediction, 1.0]),
            bce: bce[0],
            bce_gradient: one(&back, &[probability[0], y, 1.0]),
            mse: mse[0],
            mse_by_prediction,
            mse_gradient: of_one(&SigmoidBackward {}, &[prediction, mse_by_prediction]),
        }
    }

    /// How the gradient of the squared error comes about, as LaTeX with numbers.
    pub fn mse_product(&self) -> String {
        let number = |value: f64| format::significant(value, 6).replace('−', "-");
        format!(
            r"(a - y)\,a\,(1 - a) = ({}) \cdot {} = {}",
            number(self.mse_by_prediction),
            number(self.sigmoid_slope),
            number(self.mse_gradient)
        )
    }

    /// The same of the cross-entropy.
    pub fn bce_difference(&self, target: u8) -> String {
        let number = |value: f64| format::significant(value, 6).replace('−', "-");
        format!(
            r"a - y = {} - {target} = {}",
            number(self.prediction),
            number(self.bce_gradient)
        )
    }
}

impl State {
    pub fn read(settings: &BTreeMap<String, String>) -> (Self, Vec<Problem>) {
        let mut reader = Reader::new(settings);
        let state = Self {
            target: reader.choice("target", &[("1", 1), ("0", 0)], 1),
            z: reader.number("z", (-REACH, REACH), 0.0),
            loss: reader.choice("loss", &LossChoice::ALL, LossChoice::Bce),
        };
        (state, reader.problems)
    }

    pub fn losses(&self) -> Losses {
        Losses::at(self.z, self.target)
    }

    /// Loss over z (`is_gradient` false) or its gradient over z; the names stand at the lines.
    pub fn plane(&self, is_gradient: bool, names: [&str; 2], title: &str) -> Plane {
        let y = match (is_gradient, self.loss) {
            (true, _) => Extent::linear(-1.4, 1.4),
            (false, LossChoice::Mse) => Extent::linear(0.0, 0.6),
            (false, _) => Extent::linear(0.0, 8.5),
        };
        let mut plane = Plane::new(SIZE, Extent::linear(-REACH, REACH), y, ["z", title]);
        plane.upright("plane-cursor", self.z);
        let pick = |losses: &Losses| match is_gradient {
            true => [losses.bce_gradient, losses.mse_gradient],
            false => [losses.bce, losses.mse],
        };
        let step = 2.0 * REACH / (POINTS - 1) as f64;
        let logits: Vec<f64> = (0..POINTS).map(|at| -REACH + step * at as f64).collect();
        let curves: Vec<[f64; 2]> = logits
            .iter()
            .map(|&z| pick(&Losses::at(z, self.target)))
            .collect();
        let here = pick(&self.losses());
        let shown = [self.loss.has_bce(), self.loss.has_mse()];
        for (place, class) in ["is-bce", "is-mse"].into_iter().enumerate() {
            if !shown[place] {
                continue;
            }
            let points = logits
                .iter()
                .zip(&curves)
                .map(|(&z, pair)| (z, pair[place]));
            plane.curve(class, points);
            plane.handle(class, (self.z, here[place]));
            // On the side where the prediction is wrong and the lines are apart.
            let at = if self.target == 1 { 0.13 } else { 0.87 };
            let number = ((POINTS - 1) as f64 * at) as usize;
            let (z, value) = (logits[number], curves[number][place]);
            let up = match (is_gradient, self.target, place) {
                (true, 1, 0) => -18.0,
                (true, 1, _) => 9.0,
                (true, _, 0) => 9.0,
                (true, _, _) => -18.0,
                _ => 12.0,
            };
            let is_end = self.target == 0;
            plane.text(class, (z, value), up, is_end, names[place]);
        }
        plane
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(actual: f64, expected: f64) {
        assert!(
            (actual - expected).abs() < 5e-7,
            "{actual} is not {expected}"
        );
    }

    /// Exercise X6: z = −5, y = 1.
    #[test]
    fn a_saturated_unit_stalls_under_the_squared_error_alone() {
        let losses = Losses::at(-5.0, 1);
        near(losses.mse_gradient, -0.006_604);
        near(losses.mse_by_prediction, -0.993_307);
        near(losses.bce_gradient, -0.993_307);
        let product = losses.mse_product();
        assert!(product.contains("(-0.993307)"), "{product}");
        assert!(product.contains("= -0.0066"), "{product}");
    }

    /// The worked example 2-3-1: p = 0.537430 at z = 0.15, y = 1.
    #[test]
    fn losses_are_those_of_the_worked_example() {
        let losses = Losses::at(0.15, 1);
        near(losses.prediction, 0.537_430);
        near(losses.bce, 0.620_957);
        near(losses.bce_gradient, -0.462_570);
        near(losses.mse, 0.106_986);
        near(losses.mse_gradient, -0.114_994);
    }

    #[test]
    fn gradients_are_the_slopes_of_the_losses() {
        for target in [0, 1] {
            for z in [-7.5, -0.4, 0.0, 3.0] {
                let (before, after) = (Losses::at(z - 1e-5, target), Losses::at(z + 1e-5, target));
                let losses = Losses::at(z, target);
                near(losses.bce_gradient, (after.bce - before.bce) / 2e-5);
                near(losses.mse_gradient, (after.mse - before.mse) / 2e-5);
            }
        }
    }

    #[test]
    fn the_drawing_shows_the_losses_that_are_chosen() {
        let read = |loss: &str| {
            let settings = [("loss", loss), ("target", "0"), ("z", "-5")];
            let settings = settings.map(|(name, value)| (name.to_string(), value.to_string()));
            State::read(&settings.into())
        };
        for (loss, bce, mse) in [
            ("bce", true, false),
            ("mse", false, true),
            ("both", true, true),
        ] {
            let (state, problems) = read(loss);
            assert!(problems.is_empty() && state.loss.id() == loss);
            for is_gradient in [false, true] {
                let svg = state.plane(is_gradient, ["B", "M"], "").finish("");
                assert_eq!(svg.contains("is-bce"), bce);
                assert_eq!(svg.contains("is-mse"), mse);
                assert!(!svg.contains("NaN"));
            }
        }
        let (state, problems) = read("huber");
        assert_eq!((state.loss, problems.len()), (LossChoice::Bce, 1));
    }
}
