//! Activation functions: value, derivative and tangent at one point, by the twins of `ops` and their backward
//! operations.

use std::collections::BTreeMap;

use super::reading::{Problem, Reader};
use super::twin::of_one;
use crate::ops::{
    Gelu, GeluBackward, LeakyRelu, LeakyReluBackward, Relu, ReluBackward, Sigmoid, SigmoidBackward,
    Tanh, TanhBackward,
};
use crate::plot::{Extent, Plane};
use crate::view::format;

/// The point lies between −REACH and REACH.
pub const REACH: f64 = 6.0;

/// Size of the drawing in pixels of its own.
const SIZE: (u32, u32) = (460, 300);

/// Points of a curve.
const POINTS: usize = 241;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Relu,
    LeakyRelu,
    Sigmoid,
    Tanh,
    Gelu,
}

impl Function {
    pub const ALL: [(&'static str, Self); 5] = [
        ("relu", Self::Relu),
        ("leaky_relu", Self::LeakyRelu),
        ("sigmoid", Self::Sigmoid),
        ("tanh", Self::Tanh),
        ("gelu", Self::Gelu),
    ];

    /// As it stands in a link.
    pub fn id(self) -> &'static str {
        let known = Self::ALL.iter().find(|(_, function)| *function == self);
        known.map_or("", |&(id, _)| id)
    }

    pub fn from_id(id: &str) -> Option<Self> {
        let known = Self::ALL.iter().find(|(name, _)| *name == id);
        known.map(|&(_, function)| function)
    }

    /// The same in both languages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relu => "ReLU",
            Self::LeakyRelu => "Leaky ReLU",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Gelu => "GELU",
        }
    }

    /// Function and derivative, as LaTeX.
    pub fn formulas(self) -> [&'static str; 2] {
        match self {
            Self::Relu => [r"f(z) = \max(0, z)", r"f'(z) = [z > 0]"],
            Self::LeakyRelu => [
                r"f(z) = \max(0, z) + 0.01 \min(0, z)",
                r"f'(z) = [z > 0] + 0.01\,[z \le 0]",
            ],
            Self::Sigmoid => [
                r"f(z) = \sigma(z) = \frac{1}{1 + e^{-z}}",
                r"f'(z) = a\,(1 - a), \quad a = \sigma(z)",
            ],
            Self::Tanh => [
                r"f(z) = \tanh z = \frac{e^{z} - e^{-z}}{e^{z} + e^{-z}}",
                r"f'(z) = 1 - a^2, \quad a = \tanh z",
            ],
            Self::Gelu => [
                r"f(z) = z\,\Phi(z), \quad \Phi(z) = \tfrac{1}{2}\left(1 + \operatorname{erf}\frac{z}{\sqrt{2}}\right)",
                r"f'(z) = \Phi(z) + z\,\frac{e^{-z^2/2}}{\sqrt{2\pi}}",
            ],
        }
    }

    /// The value at z.
    pub fn value(self, z: f64) -> f64 {
        match self {
            Self::Relu => of_one(&Relu {}, &[z]),
            Self::LeakyRelu => of_one(&LeakyRelu::default(), &[z]),
            Self::Sigmoid => of_one(&Sigmoid {}, &[z]),
            Self::Tanh => of_one(&Tanh {}, &[z]),
            Self::Gelu => of_one(&Gelu::default(), &[z]),
        }
    }

    /// The derivative at z: what the backward operation makes of a gradient of 1.
    pub fn derivative(self, z: f64) -> f64 {
        let y = self.value(z);
        match self {
            Self::Relu => of_one(&ReluBackward {}, &[y, 1.0]),
            Self::LeakyRelu => {
                let negative_slope = LeakyRelu::default().negative_slope;
                of_one(&LeakyReluBackward { negative_slope }, &[z, 1.0])
            }
            Self::Sigmoid => of_one(&SigmoidBackward {}, &[y, 1.0]),
            Self::Tanh => of_one(&TanhBackward {}, &[y, 1.0]),
            Self::Gelu => of_one(&GeluBackward::default(), &[z, 1.0]),
        }
    }

    /// Whether the derivative jumps at 0.
    fn has_corner(self) -> bool {
        matches!(self, Self::Relu | Self::LeakyRelu)
    }

    /// What the axis of y shows.
    fn extent(self) -> Extent {
        match self {
            Self::Relu | Self::LeakyRelu | Self::Gelu => Extent::linear(-1.0, 4.0),
            Self::Sigmoid => Extent::linear(-0.2, 1.2),
            Self::Tanh => Extent::linear(-1.25, 1.25),
        }
    }
}

/// What the learner has set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    pub function: Function,
    pub z: f64,
}

impl State {
    pub fn read(settings: &BTreeMap<String, String>) -> (Self, Vec<Problem>) {
        let mut reader = Reader::new(settings);
        let state = Self {
            function: reader.choice("function", &Function::ALL, Function::Relu),
            z: reader.number("z", (-REACH, REACH), 0.5),
        };
        (state, reader.problems)
    }

    pub fn value(&self) -> f64 {
        self.function.value(self.z)
    }

    pub fn derivative(&self) -> f64 {
        self.function.derivative(self.z)
    }

    /// The tangent `f(z₀) + f′(z₀) (z − z₀)` with its numbers, as LaTeX.
    pub fn tangent(&self) -> String {
        let number = |value: f64| format::significant(value, 6);
        let z = number(self.z);
        let from = match self.z < 0.0 {
            true => format!("(z + {})", number(-self.z)),
            false => format!("(z - {z})"),
        };
        let slope = match self.derivative() {
            slope if slope < 0.0 => format!("({})", number(slope)),
            slope => number(slope),
        };
        format!(r"t(z) = {} + {slope}\,{from}", number(self.value())).replace('−', "-")
    }

    /// Where the tangent is on the drawing and apart from the curve.
    fn tangent_name(&self, extent: Extent) -> Option<(f64, f64)> {
        let height = extent.high - extent.low;
        let (y, slope) = (self.value(), self.derivative());
        let places = [-3.5, 3.5, -2.0, 2.0, -5.0, 5.0].map(|step| self.z + step);
        let points = places.map(|z| (z, y + slope * (z - self.z)));
        points.into_iter().find(|&(z, value)| {
            let is_inside = z.abs() < REACH - 0.5
                && value > extent.low + 0.1 * height
                && value < extent.high - 0.12 * height;
            is_inside && (value - self.function.value(z)).abs() > 0.12 * height
        })
    }

    /// The drawing; `words` are the names of the axes' z, of the function, its derivative and the tangent.
    pub fn plane(&self, words: &PlaneWords<'_>) -> Plane {
        let extent = self.function.extent();
        let x = Extent::linear(-REACH, REACH);
        let mut plane = Plane::new(SIZE, x, extent, ["z", "y"]);
        let step = 2.0 * REACH / (POINTS - 1) as f64;
        let at = |number: usize| -REACH + step * number as f64;
        let value = |number| (at(number), self.function.value(at(number)));
        let slope = |number| {
            let z = at(number);
            match self.function.has_corner() && z.abs() < 0.5 * step {
                true => (z, f64::NAN),
                false => (z, self.function.derivative(z)),
            }
        };
        plane.curve("is-derivative", (0..POINTS).map(slope));
        plane.curve("is-function", (0..POINTS).map(value));
        let (y, slope) = (self.value(), self.derivative());
        let tangent = [-REACH, REACH].map(|z| (z, y + slope * (z - self.z)));
        plane.curve("is-tangent", tangent);
        plane.upright("plane-cursor", self.z);
        plane.point("is-derivative", (self.z, slope), 4.5);
        plane.handle("is-function", (self.z, y));
        let right = REACH * 0.97;
        let (end, end_slope) = (self.function.value(right), self.function.derivative(right));
        let place = |value: f64| value.clamp(extent.low, extent.high);
        // Where both end at about the same height, one name stands above its line and one below.
        let room = 0.14 * (extent.high - extent.low);
        let is_near = (place(end) - end_slope).abs() < room;
        let under = if is_near { -17.0 } else { 7.0 };
        if let Some((z, value)) = self.tangent_name(extent) {
            plane.text("is-tangent", (z, value), 7.0, z > self.z, words.tangent);
        }
        plane.text(
            "is-function",
            (right, place(end)),
            7.0,
            true,
            words.function,
        );
        plane.text(
            "is-derivative",
            (right, end_slope),
            under,
            true,
            words.derivative,
        );
        plane
    }
}

/// Names on the drawing.
pub struct PlaneWords<'a> {
    pub function: &'a str,
    pub derivative: &'a str,
    pub tangent: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(actual: f64, expected: f64) {
        assert!(
            (actual - expected).abs() < 1e-6,
            "{actual} is not {expected}"
        );
    }

    fn state(pairs: &[(&str, &str)]) -> (State, Vec<Problem>) {
        let pairs = pairs.iter();
        State::read(&pairs.map(|(a, b)| (a.to_string(), b.to_string())).collect())
    }

    #[test]
    fn values_and_derivatives_are_those_of_the_definitions() {
        // PyTorch 1.13, float64: relu, leaky_relu, sigmoid, tanh, gelu at −1.3 with their gradients.
        let expected = [
            (0.0, 0.0),
            (-0.013, 0.01),
            (0.214_165_016_957_441, 0.168_298_362_469_060),
            (-0.861_723_159_313_306, 0.257_433_196_703_094),
            (-0.125_840_629_961_293, -0.125_978_685_076_539),
        ];
        for ((_, function), (value, slope)) in Function::ALL.into_iter().zip(expected) {
            near(function.value(-1.3), value);
            near(function.derivative(-1.3), slope);
        }
        near(Function::Sigmoid.derivative(0.0), 0.25);
        assert_eq!(Function::Relu.derivative(0.0), 0.0, "as the engine has it");
    }

    #[test]
    fn the_derivative_is_the_slope_of_the_values() {
        for (_, function) in Function::ALL {
            for z in [-4.0, -0.7, 0.3, 2.5] {
                let slope = (function.value(z + 1e-6) - function.value(z - 1e-6)) / 2e-6;
                near(function.derivative(z), slope);
                assert!((function.derivative(z) + 0.01 - slope).abs() > 1e-3);
            }
        }
    }

    #[test]
    fn settings_of_a_link_are_read() {
        let (state, problems) = state(&[("function", "tanh"), ("z", "-5")]);
        assert_eq!((state.function, state.z), (Function::Tanh, -5.0));
        assert!(problems.is_empty());
        assert_eq!(Function::from_id(state.function.id()), Some(Function::Tanh));
        let (state, problems) = self::state(&[("function", "swish"), ("z", "9")]);
        assert_eq!((state.function, state.z), (Function::Relu, 0.5));
        assert_eq!(problems.len(), 2);
    }

    #[test]
    fn the_drawing_holds_both_curves_the_tangent_and_the_point() {
        for (_, function) in Function::ALL {
            for z in [-REACH, 0.0, 0.5, REACH] {
                let state = State { function, z };
                let words = PlaneWords {
                    function: "f",
                    derivative: "f′",
                    tangent: "t",
                };
                let svg = state.plane(&words).finish("");
                assert!(!svg.contains("NaN"));
                for class in [
                    "plane-curve is-function",
                    "is-derivative",
                    "is-tangent",
                    "plane-handle",
                ] {
                    assert!(svg.contains(class), "{class}");
                }
                assert!(!state.tangent().contains('−'));
            }
        }
        let state = State {
            function: Function::Relu,
            z: -2.0,
        };
        assert!(state.tangent().contains("(z + 2)"), "{}", state.tangent());
    }
}
