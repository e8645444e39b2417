//! Short ways to write equations down: `element("x", [n, i]) * element("w", [o, i])`.

use super::{Condition, Equation, Expression, Function, Position};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// An index by its letter.
pub fn index(name: &'static str) -> Position {
    Position::Index(name)
}

/// A number drawn for a position, uniform in (0, 1].
pub fn random(at: Position) -> Expression {
    Expression::Random(at)
}

/// Several indices by their letters.
pub fn indices<const N: usize>(names: [&'static str; N]) -> [Position; N] {
    names.map(Position::Index)
}

/// A size or integer attribute inside a position.
pub fn size(name: &'static str) -> Position {
    Position::Scalar(name)
}

/// One element of a tensor; a scalar tensor has no indices.
pub fn element<const N: usize>(tensor: &'static str, indices: [Position; N]) -> Expression {
    Expression::Element {
        tensor,
        indices: indices.into(),
    }
}

pub fn number(value: f64) -> Expression {
    Expression::Number(value)
}

/// An attribute or a size inside an expression.
pub fn scalar(name: &'static str) -> Expression {
    Expression::Scalar(name)
}

/// `Σ` over `index` in 0..`extent`.
pub fn sum(index: &'static str, extent: &'static str, body: Expression) -> Expression {
    Expression::Sum {
        index,
        extent,
        body: Box::new(body),
    }
}

/// The largest over (index, extent) pairs.
pub fn maximum<const N: usize>(
    over: [(&'static str, &'static str); N],
    body: Expression,
) -> Expression {
    Expression::Maximum {
        over: over.into(),
        body: Box::new(body),
    }
}

/// The first index at which `body` is largest.
pub fn arg_maximum(index: &'static str, extent: &'static str, body: Expression) -> Position {
    Position::ArgMaximum {
        index,
        extent,
        body: Box::new(body),
    }
}

pub fn apply(function: Function, argument: Expression) -> Expression {
    Expression::Apply(function, Box::new(argument))
}

pub fn exp(argument: Expression) -> Expression {
    apply(Function::Exp, argument)
}

pub fn ln(argument: Expression) -> Expression {
    apply(Function::Ln, argument)
}

pub fn sqrt(argument: Expression) -> Expression {
    apply(Function::Sqrt, argument)
}

pub fn power(base: Expression, exponent: Expression) -> Expression {
    Expression::Power(Box::new(base), Box::new(exponent))
}

/// 1 where `argument` is greater than 0.
pub fn positive(argument: Expression) -> Expression {
    Expression::Indicator(Condition::Positive(Box::new(argument)))
}

/// 1 where the two positions are the same.
pub fn equal(left: Position, right: Position) -> Expression {
    Expression::Indicator(Condition::Equal(left, right))
}

/// 1 where the two positions are not the same.
pub fn different(left: Position, right: Position) -> Expression {
    Expression::Indicator(Condition::Different(left, right))
}

/// 1 where `left` is below `right`.
pub fn less(left: Position, right: Position) -> Expression {
    Expression::Indicator(Condition::Less(left, right))
}

/// The value of a whole-number tensor as a position.
pub fn lookup<const N: usize>(tensor: &'static str, indices: [Position; N]) -> Position {
    Position::Lookup {
        tensor,
        indices: indices.into(),
    }
}

impl Expression {
    /// `output[indices] = self`; indices with their extents, outermost first.
    pub fn defines<const N: usize>(
        self,
        output: &'static str,
        indices: [(&'static str, &'static str); N],
    ) -> Equation {
        Equation {
            output,
            indices: indices.into(),
            expression: self,
        }
    }
}

impl Position {
    /// Rounded down.
    pub fn quotient(self, divisor: Self) -> Self {
        Self::Quotient(Box::new(self), Box::new(divisor))
    }

    pub fn remainder(self, divisor: Self) -> Self {
        Self::Remainder(Box::new(self), Box::new(divisor))
    }

    /// 0 elements where the division leaves a rest.
    pub fn exact_quotient(self, divisor: Self) -> Self {
        Self::ExactQuotient(Box::new(self), Box::new(divisor))
    }
}

impl Add for Position {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::Add(Box::new(self), Box::new(other))
    }
}

impl Sub for Position {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::Subtract(Box::new(self), Box::new(other))
    }
}

impl Mul for Position {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self::Multiply(Box::new(self), Box::new(other))
    }
}

impl Add for Expression {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        match self {
            Self::Add(mut terms) => {
                terms.push(other);
                Self::Add(terms)
            }
            first => Self::Add(vec![first, other]),
        }
    }
}

impl Sub for Expression {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Expression {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        match self {
            Self::Multiply(mut factors) => {
                factors.push(other);
                Self::Multiply(factors)
            }
            first => Self::Multiply(vec![first, other]),
        }
    }
}

impl Div for Expression {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        Self::Divide(Box::new(self), Box::new(other))
    }
}

impl Neg for Expression {
    type Output = Self;
    fn neg(self) -> Self {
        Self::Negate(Box::new(self))
    }
}
