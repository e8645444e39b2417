//! GELU, exact and by tanh. Source: `torch.nn.functional.gelu`; Hendrycks and
//! Gimpel, 2016. Its slope is no function of its value, so the input is kept.

use super::activation::elementwise_call;
use super::{
    ANY, Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, input, output,
};
use crate::equation::{
    Equation, Expression, Function, apply, element, exp, index, number, power, scalar, sqrt,
};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

/// The factor of x³ in the form by tanh.
const CUBE: f64 = 0.044715;

/// √(2/π)
const ROOT: f64 = std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;

/// Which form: PyTorch's `approximate`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approximate {
    /// By the error function.
    #[default]
    None,
    /// By tanh, as in GPT-2.
    Tanh,
}

impl Approximate {
    /// In the shaders.
    fn constants(self) -> Vec<(&'static str, f64)> {
        vec![("BY_TANH", f64::from(u8::from(self == Self::Tanh)))]
    }

    fn scalars(self) -> Vec<(&'static str, f64)> {
        vec![("π", std::f64::consts::PI)]
    }
}

fn x() -> Expression {
    element("x", [index("i")])
}

/// `√(2/π) · (x + 0.044715·x³)`
fn inner() -> Expression {
    sqrt(number(2.0) / scalar("π")) * (x() + number(CUBE) * power(x(), number(3.0)))
}

fn half() -> Expression {
    number(0.5)
}

/// `Φ(x) = ½ · (1 + erf(x / √2))`
fn normal() -> Expression {
    half() * (number(1.0) + apply(Function::Erf, x() / sqrt(number(2.0))))
}

/// Φ(x), the share of a standard normal distribution below x, without losing
/// the digits of its small tail.
fn normal_below<T: Real>(x: T) -> T {
    let half = T::from_f64(0.5);
    half * (-x * T::from_f64(std::f64::consts::FRAC_1_SQRT_2)).erfc()
}

/// `y = x · Φ(x)` with `Φ(x) = ½ · (1 + erf(x/√2))`, or by tanh
/// `y = ½ · x · (1 + tanh(√(2/π) · (x + 0.044715·x³)))`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gelu {
    #[serde(default)]
    pub approximate: Approximate,
}

impl Operation for Gelu {
    const NAME: &'static str = "gelu";

    fn inputs(&self) -> Vec<Input> {
        vec![input("x", ANY)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", ANY)]
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        self.approximate.scalars()
    }

    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        let approximate = self.approximate;
        vec![GradientStep {
            op: Op::GeluBackward(GeluBackward { approximate }),
            operands: vec![GradientOperand::Input(0), GradientOperand::GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        let y = match self.approximate {
            Approximate::None => x() * normal(),
            Approximate::Tanh => half() * x() * (number(1.0) + apply(Function::Tanh, inner())),
        };
        vec![y.defines("y", [("i", "count")])]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(8 * dims.get("count"))
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let (one, half) = (T::ONE, T::from_f64(0.5));
        let x = io.input(0);
        for (y, &x) in io.output(0).iter_mut().zip(x) {
            *y = match self.approximate {
                Approximate::None => x * normal_below(x),
                Approximate::Tanh => half * x * (one + tanh_argument(x).tanh()),
            };
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let operands = vec![Operand::Input(0), Operand::Output(0)];
        let mut call = elementwise_call(Self::NAME, dims, operands);
        call.constants = self.approximate.constants();
        vec![call]
    }
}

fn tanh_argument<T: Real>(x: T) -> T {
    T::from_f64(ROOT) * (x + T::from_f64(CUBE) * x * x * x)
}

/// `dx = dy · (Φ(x) + x·φ(x))` with `φ(x) = exp(−x²/2) / √(2π)`, or by tanh with
/// `u = √(2/π)·(x + 0.044715·x³)`:
/// `dx = dy · (½·(1 + tanh u) + ½·x·(1 − tanh² u)·√(2/π)·(1 + 3·0.044715·x²))`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GeluBackward {
    #[serde(default)]
    pub approximate: Approximate,
}

impl Operation for GeluBackward {
    const NAME: &'static str = "gelu_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![input("x", ANY), input("dy", ANY)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dx", ANY)]
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        self.approximate.scalars()
    }

    fn equations(&self) -> Vec<Equation> {
        let one = || number(1.0);
        let square = |value| power(value, number(2.0));
        let slope = match self.approximate {
            Approximate::None => {
                let density = exp(-(half() * square(x()))) / sqrt(number(2.0) * scalar("π"));
                normal() + x() * density
            }
            Approximate::Tanh => {
                let tanh = || apply(Function::Tanh, inner());
                let steepness = one() + number(3.0) * number(CUBE) * square(x());
                let bend = half() * x() * steepness * sqrt(number(2.0) / scalar("π"));
                half() * (one() + tanh()) + bend * (one() - square(tanh()))
            }
        };
        vec![(element("dy", [index("i")]) * slope).defines("dx", [("i", "count")])]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(14 * dims.get("count"))
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let (x, dy) = (io.input(0), io.input(1));
        let slope = match self.approximate {
            Approximate::None => exact_slope,
            Approximate::Tanh => tanh_slope,
        };
        for (dx, (&x, &dy)) in io.output(0).iter_mut().zip(x.iter().zip(dy)) {
            *dx = dy * slope(x);
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let operands = vec![Operand::Input(0), Operand::Input(1), Operand::Output(0)];
        let mut call = elementwise_call(Self::NAME, dims, operands);
        call.constants = self.approximate.constants();
        vec![call]
    }
}

fn exact_slope<T: Real>(x: T) -> T {
    let height = T::from_f64(0.5 * ROOT);
    normal_below(x) + x * (-T::from_f64(0.5) * x * x).exp() * height
}

fn tanh_slope<T: Real>(x: T) -> T {
    let (one, half) = (T::ONE, T::from_f64(0.5));
    let tanh = tanh_argument(x).tanh();
    let flatness = one - tanh * tanh;
    // Where the curve is flat x² may overflow, which must not meet the 0.
    let bend = if flatness == T::ZERO {
        T::ZERO
    } else {
        let steepness = T::from_f64(ROOT) * (one + T::from_f64(3.0 * CUBE) * x * x);
        half * x * flatness * steepness
    };
    half * (one + tanh) + bend
}
