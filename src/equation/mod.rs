//! Equations that evaluate: an index-sum expression over named tensors.
//!
//! One tree gives MathML and LaTeX to read ([`render`]), a number to compare
//! with the twin ([`Equation::evaluate`]) and the terms that make up one
//! element ([`Equation::explain`]). What is displayed is what is computed.

mod build;
mod evaluate;
pub mod render;
mod spoken;

pub use build::*;
pub use evaluate::{Environment, Explanation, Group, Inner, Reference, Term};

/// A number computed from tensors at given indices.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    Number(f64),
    /// An attribute or a size: `N`, `lr`, `β₁`.
    Scalar(&'static str),
    /// One element; 0 where an index is outside the tensor (padding).
    Element {
        tensor: &'static str,
        indices: Vec<Position>,
    },
    Add(Vec<Expression>),
    Multiply(Vec<Expression>),
    Negate(Box<Expression>),
    Divide(Box<Expression>, Box<Expression>),
    Power(Box<Expression>, Box<Expression>),
    /// The sum over an index from 0 to below its extent.
    Sum {
        index: &'static str,
        extent: &'static str,
        body: Box<Expression>,
    },
    /// The largest value over indices from 0 to below their extents; positions
    /// outside a tensor do not take part.
    Maximum {
        over: Vec<(&'static str, &'static str)>,
        body: Box<Expression>,
    },
    Apply(Function, Box<Expression>),
    /// 1 where the condition holds, 0 elsewhere.
    Indicator(Condition),
    /// Uniform in (0, 1], for the position in the step: what dropout draws.
    Random(Position),
    /// A position as a number: the index that a pooling window stores.
    Value(Position),
}

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Exp,
    Ln,
    Sqrt,
    Tanh,
    Sigmoid,
    Absolute,
    /// The error function.
    Erf,
    /// max(0, ·)
    PositivePart,
    /// min(1, ·)
    AtMostOne,
}

/// What an indicator tests.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    Positive(Box<Expression>),
    /// Two positions are the same.
    Equal(Position, Position),
    /// Two positions are not the same.
    Different(Position, Position),
    /// The first position is below the second.
    Less(Position, Position),
}

/// An integer: where in a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Position {
    Index(&'static str),
    /// A size or an integer attribute: `stride`.
    Scalar(&'static str),
    Number(i64),
    Add(Box<Position>, Box<Position>),
    Subtract(Box<Position>, Box<Position>),
    Multiply(Box<Position>, Box<Position>),
    /// Rounded down.
    Quotient(Box<Position>, Box<Position>),
    Remainder(Box<Position>, Box<Position>),
    /// A quotient that must come out even; where it does not, the element it
    /// points at counts as 0.
    ExactQuotient(Box<Position>, Box<Position>),
    /// The value of a whole-number tensor, such as a label.
    Lookup {
        tensor: &'static str,
        indices: Vec<Position>,
    },
    /// The first index from 0 to below its extent at which `body` is largest; positions
    /// outside a tensor do not take part.
    ArgMaximum {
        index: &'static str,
        extent: &'static str,
        body: Box<Expression>,
    },
}

/// `output[indices] = expression` for every index below its extent.
#[derive(Clone, Debug, PartialEq)]
pub struct Equation {
    pub output: &'static str,
    /// (index, extent) for each dimension of the output, outermost first.
    pub indices: Vec<(&'static str, &'static str)>,
    pub expression: Expression,
}
