//! Activations: the point on the curve, with the tangent there.
//!
//! The curve is the operation's own equation at many points, the slope its backward operation's,
//! so every activation without parameters of its own tensors has this picture.

use super::Numbers;
use crate::equation::{Environment, Equation};
use crate::ops::{ANY, GradientOperand, Op, OperationEnvironment, Role, StepValues};
use crate::session::NodeFacts;
use crate::tensor::{ElementType, Shape};
use crate::view::microscope::model::{Element, GraphModel};

/// An operation that makes each element of one that it reads.
#[derive(Clone, Debug)]
pub struct Activation {
    op: Op,
}

/// Parts that the picture's width is cut into.
const PARTS: u32 = 96;

impl Activation {
    /// The activation that a forward node computes; `None` for operations of another kind.
    pub fn of(node: &NodeFacts) -> Option<Self> {
        let op: Op = serde_json::from_str(&node.definition).ok()?;
        let (inputs, outputs) = (op.inputs(), op.outputs());
        let is_elementwise = inputs.len() == 1
            && outputs.len() == 1
            && inputs[0].dims == ANY
            && outputs[0].dims == ANY
            && outputs[0].role == Role::Result;
        let activation = Self { op };
        (is_elementwise && activation.slope(0.5).is_some()).then_some(activation)
    }

    /// The value at `x`.
    pub fn value(&self, x: f64) -> Option<f64> {
        let name = self.op.inputs()[0].name;
        evaluate(&self.op, &[(name, x)])
    }

    /// The slope at `x`, as the backward pass computes it.
    pub fn slope(&self, x: f64) -> Option<f64> {
        let shape = Shape::from([1]);
        let resolved = self.op.resolve(&[(&shape, ElementType::F32)]).ok()?;
        let steps = self.op.gradient(&resolved.dims);
        let step = steps.first()?;
        let inputs = step.op.inputs();
        let operands = inputs.iter().zip(&step.operands).map(|(input, operand)| {
            let value = match operand {
                GradientOperand::Input(_) => x,
                GradientOperand::Output(_) => self.value(x)?,
                GradientOperand::GradientOf(_) => 1.0,
            };
            Some((input.name, value))
        });
        evaluate(&step.op, &operands.collect::<Option<Vec<_>>>()?)
    }
}

/// One element of an elementwise operation from one element of each input.
fn evaluate(op: &Op, operands: &[(&'static str, f64)]) -> Option<f64> {
    let shape = Shape::from([1]);
    let inputs = vec![(&shape, ElementType::F32); operands.len()];
    let resolved = op.resolve(&inputs).ok()?;
    let equations = op.equations(&resolved.dims);
    let equation: &Equation = equations.first()?;
    let numbers = Points(operands);
    let step = StepValues::forward(1);
    let environment = operands.iter().fold(
        OperationEnvironment::new(op, &resolved.dims, step),
        |environment, &(name, _)| {
            let numbers = &numbers;
            environment.with_tensor(name, &shape, move |_| numbers.get(name))
        },
    );
    let environment: &dyn Environment = &environment;
    Some(equation.evaluate(environment, &[0]))
}

/// Operands by name.
struct Points<'a>(&'a [(&'static str, f64)]);

impl Points<'_> {
    fn get(&self, name: &str) -> Option<f64> {
        let mut operands = self.0.iter();
        operands
            .find(|(known, _)| *known == name)
            .map(|&(_, value)| value)
    }
}

/// The picture of one element.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    pub x: f64,
    pub y: f64,
    pub slope: f64,
    /// Gradient that comes from behind and what is passed on, in the backward pass.
    pub gradients: Option<(f64, f64)>,
    /// The curve from left to right.
    pub curve: Vec<(f64, f64)>,
}

/// The point of an element, forward or backward; `None` until its numbers are read.
pub fn picture(
    graph: &GraphModel,
    node: &NodeFacts,
    element: &Element,
    numbers: Numbers<'_>,
) -> Option<Picture> {
    let forward =
        Activation::of(node).map_or_else(|| super::partner(graph, node), |_| Some(node))?;
    let activation = Activation::of(forward)?;
    let is_forward = forward.name == node.name;
    let x = numbers(&forward.inputs.first()?.1, &element.index)?;
    let gradients = if is_forward {
        None
    } else {
        let upstream = numbers(graph.bound(node, "dy")?, &element.index)?;
        let passed = numbers(&node.outputs.first()?.1, &element.index)?;
        Some((upstream, passed))
    };
    let reach = (1.25 * x.abs()).clamp(3.0, 1e6);
    let at = |part: u32| -reach + 2.0 * reach * f64::from(part) / f64::from(PARTS);
    let curve = (0..=PARTS).map(|part| Some((at(part), activation.value(at(part))?)));
    // A logarithm has no curve on the left.
    let is_drawn = |point: &Option<(f64, f64)>| point.is_none_or(|(_, y)| y.is_finite());
    Some(Picture {
        x,
        y: activation.value(x)?,
        slope: activation.slope(x)?,
        gradients,
        curve: curve.filter(is_drawn).collect::<Option<_>>()?,
    })
}

/// The picture's lines in pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines {
    /// Points of an SVG polyline.
    pub curve: String,
    /// Both ends of the tangent.
    pub tangent: [f64; 4],
    pub point: [f64; 2],
    /// Where the axes cross.
    pub origin: [f64; 2],
}

/// Size of the picture in pixels.
pub const WIDTH: f64 = 260.0;
pub const HEIGHT: f64 = 150.0;

/// Lays a picture out.
pub fn lines(picture: &Picture) -> Lines {
    let reach = picture.curve.last().map_or(1.0, |last| last.0);
    let heights = picture.curve.iter().map(|point| point.1);
    let (low, high) = heights.fold((0.0_f64, 0.0_f64), |(low, high), y| {
        (low.min(y), high.max(y))
    });
    let margin = 0.08 * (high - low).max(1e-9);
    let (low, high) = (low - margin, high + margin);
    let x = |value: f64| (value + reach) / (2.0 * reach) * WIDTH;
    let y = |value: f64| (high - value) / (high - low) * HEIGHT;
    let points = picture
        .curve
        .iter()
        .map(|&(a, b)| format!("{:.1},{:.1}", x(a), y(b)));
    let half = 0.3 * reach;
    let along = |step: f64| [x(picture.x + step), y(picture.y + picture.slope * step)];
    let ([x1, y1], [x2, y2]) = (along(-half), along(half));
    Lines {
        curve: points.collect::<Vec<_>>().join(" "),
        tangent: [x1, y1, x2, y2],
        point: [x(picture.x), y(picture.y)],
        origin: [x(0.0), y(0.0)],
    }
}
