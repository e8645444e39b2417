//! The curve of an operation that makes each element of one that it reads: an activation.
//!
//! The curve is the operation's own equation at any point, the slope its backward operation's, so
//! every activation without tensors of its own has both.

use super::{ANY, GradientOperand, Op, OperationEnvironment, Role, StepValues};
use crate::equation::{Environment, Equation};
use crate::tensor::{ElementType, Shape};

/// An elementwise operation of one input, as a function of one number.
#[derive(Clone, Copy, Debug)]
pub struct Curve<'a> {
    op: &'a Op,
}

impl<'a> Curve<'a> {
    /// The curve of `op`; `None` where an element of its result is not a function of one element alone.
    pub fn of(op: &'a Op) -> Option<Self> {
        let (inputs, outputs) = (op.inputs(), op.outputs());
        let is_elementwise = inputs.len() == 1
            && outputs.len() == 1
            && inputs[0].dims == ANY
            && outputs[0].dims == ANY
            && outputs[0].role == Role::Result;
        let curve = Self { op };
        let is_curve = is_elementwise && !curve.reads_neighbours() && curve.slope(0.5).is_some();
        is_curve.then_some(curve)
    }

    /// Whether an element depends on others of its row, as a softmax's does.
    fn reads_neighbours(self) -> bool {
        let name = self.op.inputs()[0].name;
        let beside = |other| first_of(self.op, &[(name, [0.5, other])]);
        beside(0.25) != beside(2.0)
    }

    /// The value at `x`.
    pub fn value(self, x: f64) -> Option<f64> {
        let name = self.op.inputs()[0].name;
        evaluate(self.op, &[(name, x)])
    }

    /// The slope at `x`, as the backward pass computes it.
    pub fn slope(self, x: f64) -> Option<f64> {
        let shape = Shape::from([1]);
        let resolved = self.op.resolve(&[(&shape, ElementType::F32)]).ok()?;
        let steps = self.op.gradient(&resolved.dims);
        let step = steps.first()?;
        let inputs = step.op.inputs();
        let operands = inputs.iter().zip(&step.operands).map(|(input, operand)| {
            let value = match operand {
                GradientOperand::Input(_) => x,
                GradientOperand::Output(_) => self.value(x)?,
                GradientOperand::GradientOf(_) | GradientOperand::GradientOrZero(_) => 1.0,
                // An activation has one step.
                GradientOperand::Step(..) => return None,
            };
            Some((input.name, value))
        });
        evaluate(&step.op, &operands.collect::<Option<Vec<_>>>()?)
    }
}

/// One element of an elementwise operation from one element of each input.
fn evaluate(op: &Op, operands: &[(&'static str, f64)]) -> Option<f64> {
    let rows = operands.iter().map(|&(name, value)| (name, [value]));
    first_of(op, &rows.collect::<Vec<_>>())
}

/// The first element of what an operation makes of rows of `N` elements.
fn first_of<const N: usize>(op: &Op, operands: &[(&'static str, [f64; N])]) -> Option<f64> {
    let shape = Shape::from([N]);
    let inputs = vec![(&shape, ElementType::F32); operands.len()];
    let resolved = op.resolve(&inputs).ok()?;
    let equations = op.equations(&resolved.dims);
    let equation: &Equation = equations.first()?;
    let step = StepValues::forward(1);
    let environment = operands.iter().fold(
        OperationEnvironment::new(op, &resolved.dims, step),
        |environment, &(name, row)| {
            environment.with_tensor(name, &shape, move |at| row.get(at).copied())
        },
    );
    let environment: &dyn Environment = &environment;
    Some(equation.evaluate(environment, &[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-8 * (1.0 + a.abs().max(b.abs()))
    }

    #[test]
    fn a_curve_s_slope_is_that_of_its_values() {
        let mut found = Vec::new();
        for &name in Op::NAMES {
            let Ok(op) = Op::from_json(name, &serde_json::json!({})) else {
                continue;
            };
            let Some(curve) = Curve::of(&op) else {
                continue;
            };
            // Logarithm and root have a curve on the right half alone.
            let points = [-1.7, -0.3, 0.4, 2.2];
            let value = |x| curve.value(x).unwrap();
            let defined: Vec<f64> = points.into_iter().filter(|&x| !value(x).is_nan()).collect();
            assert!(defined.ends_with(&[0.4, 2.2]), "{name}: {defined:?}");
            for x in defined {
                let slope = (value(x + 1e-6) - value(x - 1e-6)) / 2e-6;
                assert!(is_near(curve.slope(x).unwrap(), slope), "{name} at {x}");
            }
            found.push(name);
        }
        for name in [
            "relu",
            "sigmoid",
            "tanh_activation",
            "gelu",
            "leaky_relu",
            "logarithm",
        ] {
            assert!(found.contains(&name), "{name} is not among {found:?}");
        }
        for name in ["softmax", "log_softmax", "dropout", "flatten", "sum"] {
            assert!(!found.contains(&name), "{name} has a curve");
        }
    }
}
