//! Leaky ReLU. Source: `torch.nn.functional.leaky_relu`.

use super::activation::elementwise_call;
use super::{
    ANY, Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, input, output,
};
use crate::equation::{Equation, Function, apply, element, index, number, positive, scalar};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

/// PyTorch's `negative_slope`.
fn default_slope() -> f32 {
    0.01
}

fn check_slope(slope: f32) -> Result<(), String> {
    if slope.is_finite() {
        return Ok(());
    }
    Err(format!(
        "negative_slope is {slope}, expected a finite number"
    ))
}

/// `y = x` where x > 0, else `α·x`. NaN stays NaN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeakyRelu {
    /// α
    #[serde(default = "default_slope")]
    pub negative_slope: f32,
}

impl Default for LeakyRelu {
    fn default() -> Self {
        Self {
            negative_slope: default_slope(),
        }
    }
}

impl Operation for LeakyRelu {
    const NAME: &'static str = "leaky_relu";

    fn inputs(&self) -> Vec<Input> {
        vec![input("x", ANY)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", ANY)]
    }

    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        check_slope(self.negative_slope)
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![("α", f64::from(self.negative_slope))]
    }

    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        let negative_slope = self.negative_slope;
        vec![GradientStep {
            // From the input: a slope of 0 or below would hide the input's sign.
            op: Op::LeakyReluBackward(LeakyReluBackward { negative_slope }),
            operands: vec![GradientOperand::Input(0), GradientOperand::GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        let x = || element("x", [index("i")]);
        let part = |value| apply(Function::PositivePart, value);
        vec![(part(x()) - scalar("α") * part(-x())).defines("y", [("i", "count")])]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(2 * dims.get("count"))
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let slope = T::from_f64(f64::from(self.negative_slope));
        let x = io.input(0);
        for (y, &x) in io.output(0).iter_mut().zip(x) {
            *y = if x > T::ZERO { x } else { slope * x };
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let operands = vec![Operand::Input(0), Operand::Output(0)];
        let mut call = elementwise_call(Self::NAME, dims, operands);
        call.constants = vec![("NEGATIVE_SLOPE", f64::from(self.negative_slope))];
        vec![call]
    }
}

/// `dx = dy` where x > 0, else `α·dy`; at 0 the gradient is `α·dy`, as in PyTorch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeakyReluBackward {
    /// α
    #[serde(default = "default_slope")]
    pub negative_slope: f32,
}

impl Operation for LeakyReluBackward {
    const NAME: &'static str = "leaky_relu_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![input("x", ANY), input("dy", ANY)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dx", ANY)]
    }

    fn derive(&self, _dims: &mut Dims) -> Result<(), String> {
        check_slope(self.negative_slope)
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![("α", f64::from(self.negative_slope))]
    }

    fn equations(&self) -> Vec<Equation> {
        let right = || positive(element("x", [index("i")]));
        let slope = right() + scalar("α") * (number(1.0) - right());
        vec![(element("dy", [index("i")]) * slope).defines("dx", [("i", "count")])]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(2 * dims.get("count"))
    }

    fn twin<T: Real>(&self, _dims: &Dims, io: &mut Io<'_, T>) {
        let slope = T::from_f64(f64::from(self.negative_slope));
        let (x, dy) = (io.input(0), io.input(1));
        for (dx, (&x, &dy)) in io.output(0).iter_mut().zip(x.iter().zip(dy)) {
            *dx = if x > T::ZERO { dy } else { slope * dy };
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let operands = vec![Operand::Input(0), Operand::Input(1), Operand::Output(0)];
        let mut call = elementwise_call(Self::NAME, dims, operands);
        call.constants = vec![("NEGATIVE_SLOPE", f64::from(self.negative_slope))];
        vec![call]
    }
}
