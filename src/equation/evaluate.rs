//! Evaluating an equation, and naming the terms of one element.

use super::{Condition, Equation, Expression, Function, Position};
use std::collections::HashMap;

/// Where an equation's names get their values.
pub trait Environment {
    /// One element; `None` outside the tensor.
    fn element(&self, tensor: &str, index: &[i64]) -> Option<f64>;
    /// A size or attribute. Panics on a name the operation does not define,
    /// which is a bug in the operation's room.
    fn scalar(&self, name: &str) -> f64;
    /// The number drawn for a position, in (0, 1]. Panics where the operation draws
    /// none, which is a bug in the operation's room.
    fn random(&self, at: i64) -> f64 {
        panic!("nothing is drawn for {at}")
    }
}

/// One element of one tensor, with the value it had.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    pub tensor: &'static str,
    pub index: Vec<i64>,
    pub value: f64,
}

/// One addend of an element's value, and every element that it reads: those in it, labels
/// that are looked up to find them, and what its conditions test.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    pub references: Vec<Reference>,
    pub value: f64,
}

/// The terms that share one value of the outermost sum's index.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The outermost summed index and its value; `None` for addends outside any sum.
    pub key: Option<(&'static str, i64)>,
    pub terms: Vec<Term>,
}

impl Group {
    pub fn subtotal(&self) -> f64 {
        self.terms.iter().map(|term| term.value).sum()
    }
}

/// The terms that add up to one element.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explanation {
    pub groups: Vec<Group>,
    /// Addends that a condition takes out: each has the value 0, and refers to what it
    /// would have read and to what decided.
    pub hidden: Vec<Term>,
    /// What stands inside, where the only addend is a sigmoid, tanh or positive part of a sum: of a gate.
    pub inner: Option<Box<Inner>>,
}

/// A function of a sum, and the terms of the sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Inner {
    pub function: Function,
    pub explanation: Explanation,
}

impl Explanation {
    pub fn total(&self) -> f64 {
        self.groups.iter().map(Group::subtotal).sum()
    }

    pub fn term_count(&self) -> usize {
        self.groups.iter().map(|group| group.terms.len()).sum()
    }
}

type Bindings = HashMap<&'static str, i64>;

impl Equation {
    /// The value of the output at `index`, in f64.
    pub fn evaluate(&self, environment: &dyn Environment, index: &[usize]) -> f64 {
        let mut bindings = self.bind(index);
        Evaluator { environment }.expression(&self.expression, &mut bindings)
    }

    /// The addends of the output at `index`: the top sums are written out, also
    /// inside a quotient's numerator. Addends whose element lies outside its tensor
    /// are left out; those whose indicator does not hold are kept apart.
    pub fn explain(&self, environment: &dyn Environment, index: &[usize]) -> Explanation {
        let mut bindings = self.bind(index);
        let mut explanation = Explanation::default();
        let evaluator = Evaluator { environment };
        evaluator.collect(&self.expression, &[], None, &mut bindings, &mut explanation);
        if explanation.term_count() != 1 {
            explanation.inner = None;
        }
        explanation
    }

    fn bind(&self, index: &[usize]) -> Bindings {
        assert_eq!(index.len(), self.indices.len(), "index of {}", self.output);
        self.indices
            .iter()
            .zip(index)
            .map(|(&(name, _), &at)| (name, at as i64))
            .collect()
    }
}

/// What a sum that is written out is multiplied with, or divided by.
#[derive(Clone, Copy)]
enum Factor<'e> {
    Times(&'e Expression),
    Over(&'e Expression),
}

impl<'e> Factor<'e> {
    fn expression(self) -> &'e Expression {
        match self {
            Self::Times(expression) | Self::Over(expression) => expression,
        }
    }
}

/// The sign of what is subtracted.
static MINUS_ONE: Expression = Expression::Number(-1.0);

/// Whether an expression is written out as several addends, or may be hidden by a condition
/// although its sign is turned.
fn opens(expression: &Expression) -> bool {
    match expression {
        Expression::Sum { .. } => true,
        Expression::Add(_) => reads(expression),
        Expression::Negate(inner) => {
            opens(inner) || matches!(**inner, Expression::Indicator(_) | Expression::Multiply(_))
        }
        Expression::Divide(numerator, _) => opens(numerator),
        Expression::Multiply(factors) => factors.iter().any(opens),
        _ => false,
    }
}

/// Whether an expression depends on elements of tensors: `1 − β` does not.
fn reads(expression: &Expression) -> bool {
    match expression {
        Expression::Number(_) | Expression::Scalar(_) => false,
        Expression::Add(parts) | Expression::Multiply(parts) => parts.iter().any(reads),
        Expression::Negate(inner) | Expression::Apply(_, inner) => reads(inner),
        Expression::Divide(left, right) | Expression::Power(left, right) => {
            reads(left) || reads(right)
        }
        _ => true,
    }
}

struct Evaluator<'a> {
    environment: &'a dyn Environment,
}

impl Evaluator<'_> {
    fn extent(&self, name: &str) -> i64 {
        self.environment.scalar(name) as i64
    }

    /// `None` where an exact quotient leaves a rest or a lookup is outside.
    fn position(&self, position: &Position, bindings: &Bindings) -> Option<i64> {
        let both = |left: &Position, right: &Position| {
            Some((
                self.position(left, bindings)?,
                self.position(right, bindings)?,
            ))
        };
        Some(match position {
            Position::Index(name) => *bindings
                .get(name)
                .unwrap_or_else(|| panic!("index {name} is not bound")),
            Position::Scalar(name) => self.environment.scalar(name) as i64,
            Position::Number(value) => *value,
            Position::Add(left, right) => {
                let (left, right) = both(left, right)?;
                left + right
            }
            Position::Subtract(left, right) => {
                let (left, right) = both(left, right)?;
                left - right
            }
            Position::Multiply(left, right) => {
                let (left, right) = both(left, right)?;
                left * right
            }
            Position::Quotient(left, right) => {
                let (left, right) = both(left, right)?;
                left.div_euclid(right)
            }
            Position::Remainder(left, right) => {
                let (left, right) = both(left, right)?;
                left.rem_euclid(right)
            }
            Position::ExactQuotient(left, right) => {
                let (left, right) = both(left, right)?;
                if left.rem_euclid(right) != 0 {
                    return None;
                }
                left.div_euclid(right)
            }
            Position::Lookup { tensor, indices } => {
                let index = self.positions(indices, bindings)?;
                self.environment.element(tensor, &index)? as i64
            }
            Position::ArgMaximum {
                index,
                extent,
                body,
            } => {
                let mut bindings = bindings.clone();
                let mut best = (0, f64::NEG_INFINITY);
                for at in 0..self.extent(extent) {
                    bindings.insert(index, at);
                    if !self.is_inside(body, &bindings) {
                        continue;
                    }
                    let value = self.expression(body, &mut bindings);
                    if value > best.1 {
                        best = (at, value);
                    }
                }
                best.0
            }
        })
    }

    fn positions(&self, positions: &[Position], bindings: &Bindings) -> Option<Vec<i64>> {
        positions
            .iter()
            .map(|position| self.position(position, bindings))
            .collect()
    }

    fn element(&self, tensor: &str, indices: &[Position], bindings: &Bindings) -> Option<f64> {
        let index = self.positions(indices, bindings)?;
        self.environment.element(tensor, &index)
    }

    fn expression(&self, expression: &Expression, bindings: &mut Bindings) -> f64 {
        match expression {
            Expression::Number(value) => *value,
            Expression::Scalar(name) => self.environment.scalar(name),
            Expression::Element { tensor, indices } => {
                self.element(tensor, indices, bindings).unwrap_or(0.0)
            }
            Expression::Add(terms) => terms
                .iter()
                .map(|term| self.expression(term, bindings))
                .sum(),
            Expression::Multiply(factors) => {
                // An indicator that does not hold decides alone: what it hides
                // may be infinite.
                let mut product = 1.0;
                for factor in factors {
                    let value = self.expression(factor, bindings);
                    if value == 0.0 && matches!(factor, Expression::Indicator(_)) {
                        return 0.0;
                    }
                    product *= value;
                }
                product
            }
            Expression::Negate(inner) => -self.expression(inner, bindings),
            Expression::Divide(numerator, denominator) => {
                self.expression(numerator, bindings) / self.expression(denominator, bindings)
            }
            Expression::Power(base, exponent) => self
                .expression(base, bindings)
                .powf(self.expression(exponent, bindings)),
            Expression::Sum {
                index,
                extent,
                body,
            } => {
                let mut total = 0.0;
                self.each(&[(*index, *extent)], bindings, &mut |bindings| {
                    total += self.expression(body, bindings);
                });
                total
            }
            Expression::Maximum { over, body } => {
                let mut largest = f64::NEG_INFINITY;
                self.each(over, bindings, &mut |bindings| {
                    if self.is_inside(body, bindings) {
                        largest = largest.max(self.expression(body, bindings));
                    }
                });
                largest
            }
            Expression::Apply(function, argument) => {
                function.apply(self.expression(argument, bindings))
            }
            Expression::Indicator(condition) => f64::from(self.holds(condition, bindings)),
            Expression::Random(position) => self
                .position(position, bindings)
                .map_or(0.0, |position| self.environment.random(position)),
            Expression::Value(position) => self
                .position(position, bindings)
                .map_or(0.0, |position| position as f64),
        }
    }

    /// Whether a plain element lies inside its tensor.
    fn is_inside(&self, expression: &Expression, bindings: &Bindings) -> bool {
        match expression {
            Expression::Element { tensor, indices } => {
                self.element(tensor, indices, bindings).is_some()
            }
            _ => true,
        }
    }

    fn holds(&self, condition: &Condition, bindings: &mut Bindings) -> bool {
        match condition {
            Condition::Positive(argument) => self.expression(argument, bindings) > 0.0,
            Condition::Equal(left, right) => {
                let left = self.position(left, bindings);
                left.is_some() && left == self.position(right, bindings)
            }
            Condition::Different(left, right) => {
                let left = self.position(left, bindings);
                left.is_some() && left != self.position(right, bindings)
            }
            Condition::Less(left, right) => {
                match (
                    self.position(left, bindings),
                    self.position(right, bindings),
                ) {
                    (Some(left), Some(right)) => left < right,
                    _ => false,
                }
            }
        }
    }

    /// Calls `body` for every combination of the indices.
    fn each(
        &self,
        over: &[(&'static str, &'static str)],
        bindings: &mut Bindings,
        body: &mut dyn FnMut(&mut Bindings),
    ) {
        let Some((&(index, extent), rest)) = over.split_first() else {
            body(bindings);
            return;
        };
        let outer = bindings.get(index).copied();
        for at in 0..self.extent(extent) {
            bindings.insert(index, at);
            self.each(rest, bindings, body);
        }
        match outer {
            Some(at) => bindings.insert(index, at),
            None => bindings.remove(index),
        };
    }

    /// Writes out sums and additions at the top of `expression`, times or over the
    /// `factors` that stand outside of them.
    fn collect<'e>(
        &self,
        expression: &'e Expression,
        factors: &[Factor<'e>],
        key: Option<(&'static str, i64)>,
        bindings: &mut Bindings,
        explanation: &mut Explanation,
    ) {
        let with = |more: &mut dyn Iterator<Item = Factor<'e>>| {
            let mut all = factors.to_vec();
            all.extend(more);
            all
        };
        match expression {
            Expression::Add(terms) if reads(expression) => {
                for term in terms {
                    self.collect(term, factors, key, bindings, explanation);
                }
            }
            // An index that a factor outside may use too is not bound anew.
            Expression::Sum {
                index,
                extent,
                body,
            } if !bindings.contains_key(index) => {
                self.each(&[(*index, *extent)], bindings, &mut |bindings| {
                    let key = key.or(Some((index, bindings[index])));
                    self.collect(body, factors, key, bindings, explanation);
                });
            }
            Expression::Negate(inner) if opens(expression) => {
                let factors = with(&mut std::iter::once(Factor::Times(&MINUS_ONE)));
                self.collect(inner, &factors, key, bindings, explanation);
            }
            Expression::Divide(numerator, denominator) if opens(numerator) => {
                let factors = with(&mut std::iter::once(Factor::Over(denominator)));
                self.collect(numerator, &factors, key, bindings, explanation);
            }
            // A single sum or addition among the factors is written out too.
            Expression::Multiply(all) => match all.iter().position(opens) {
                Some(inner) => {
                    let others = all.iter().enumerate().filter(|&(i, _)| i != inner);
                    let factors = with(&mut others.map(|(_, f)| Factor::Times(f)));
                    self.collect(&all[inner], &factors, key, bindings, explanation);
                }
                None => {
                    let mut own: Vec<Factor<'e>> = all.iter().map(Factor::Times).collect();
                    own.extend(factors);
                    self.term(&own, key, bindings, explanation);
                }
            },
            single => {
                let mut own = vec![Factor::Times(single)];
                own.extend(factors);
                self.term(&own, key, bindings, explanation);
            }
        }
    }

    fn term(
        &self,
        factors: &[Factor<'_>],
        key: Option<(&'static str, i64)>,
        bindings: &mut Bindings,
        explanation: &mut Explanation,
    ) {
        let is_outside = |factor: &Factor<'_>| !self.is_inside(factor.expression(), bindings);
        if factors.iter().any(is_outside) {
            return;
        }
        let (mut value, mut divisor, mut is_hidden) = (1.0, 1.0, false);
        for factor in factors {
            let expression = factor.expression();
            let is_indicator = matches!(expression, Expression::Indicator(_));
            let number = self.expression(expression, bindings);
            is_hidden |= is_indicator && number == 0.0;
            match factor {
                Factor::Times(_) => value *= number,
                Factor::Over(_) => divisor *= number,
            }
        }
        let mut references = Vec::new();
        for factor in factors {
            self.references(factor.expression(), bindings, &mut references);
        }
        if is_hidden {
            let value = 0.0;
            explanation.hidden.push(Term { references, value });
            return;
        }
        if explanation.inner.is_none() {
            explanation.inner = self.inner(factors, bindings);
        }
        let term = Term {
            references,
            value: value / divisor,
        };
        match explanation
            .groups
            .last_mut()
            .filter(|group| group.key == key)
        {
            Some(group) => group.terms.push(term),
            None => explanation.groups.push(Group {
                key,
                terms: vec![term],
            }),
        }
    }

    /// The sum inside a function, where beside it stand nothing but conditions.
    fn inner(&self, factors: &[Factor<'_>], bindings: &mut Bindings) -> Option<Box<Inner>> {
        let mut others = factors
            .iter()
            .filter(|factor| !matches!(factor, Factor::Times(Expression::Indicator(_))));
        let (Some(Factor::Times(Expression::Apply(function, argument))), None) =
            (others.next(), others.next())
        else {
            return None;
        };
        let is_activation = matches!(
            function,
            Function::Sigmoid | Function::Tanh | Function::PositivePart
        );
        (is_activation && opens(argument)).then(|| {
            let mut explanation = Explanation::default();
            self.collect(argument, &[], None, bindings, &mut explanation);
            Box::new(Inner {
                function: *function,
                explanation,
            })
        })
    }

    /// Every element that `expression` reads, each once.
    fn references(
        &self,
        expression: &Expression,
        bindings: &mut Bindings,
        references: &mut Vec<Reference>,
    ) {
        match expression {
            Expression::Number(_) | Expression::Scalar(_) | Expression::Random(_) => {}
            Expression::Element { tensor, indices } => {
                let Some(index) = self.positions(indices, bindings) else {
                    return;
                };
                if let Some(value) = self.environment.element(tensor, &index) {
                    let reference = Reference {
                        tensor,
                        index,
                        value,
                    };
                    if !references.contains(&reference) {
                        references.push(reference);
                    }
                    for position in indices {
                        self.looked_up(position, bindings, references);
                    }
                }
            }
            Expression::Add(parts) | Expression::Multiply(parts) => {
                for part in parts {
                    self.references(part, bindings, references);
                }
            }
            Expression::Negate(inner) | Expression::Apply(_, inner) => {
                self.references(inner, bindings, references);
            }
            Expression::Divide(left, right) | Expression::Power(left, right) => {
                self.references(left, bindings, references);
                self.references(right, bindings, references);
            }
            Expression::Sum {
                index,
                extent,
                body,
            } => {
                self.each(&[(*index, *extent)], bindings, &mut |bindings| {
                    self.references(body, bindings, references);
                });
            }
            Expression::Maximum { over, body } => {
                self.each(over, bindings, &mut |bindings| {
                    self.references(body, bindings, references);
                });
            }
            Expression::Indicator(Condition::Positive(inner)) => {
                self.references(inner, bindings, references);
            }
            Expression::Indicator(
                Condition::Equal(left, right)
                | Condition::Different(left, right)
                | Condition::Less(left, right),
            ) => {
                for side in [left, right] {
                    self.looked_up(side, bindings, references);
                }
            }
            Expression::Value(position) => self.looked_up(position, bindings, references),
        }
    }

    /// The elements that a position looks up.
    fn looked_up(&self, position: &Position, bindings: &Bindings, references: &mut Vec<Reference>) {
        match position {
            Position::Lookup { tensor, indices } => {
                if let Some(index) = self.positions(indices, bindings)
                    && let Some(value) = self.environment.element(tensor, &index)
                {
                    let reference = Reference {
                        tensor,
                        index,
                        value,
                    };
                    if !references.contains(&reference) {
                        references.push(reference);
                    }
                }
                for position in indices {
                    self.looked_up(position, bindings, references);
                }
            }
            Position::Add(left, right)
            | Position::Subtract(left, right)
            | Position::Multiply(left, right)
            | Position::Quotient(left, right)
            | Position::Remainder(left, right)
            | Position::ExactQuotient(left, right) => {
                self.looked_up(left, bindings, references);
                self.looked_up(right, bindings, references);
            }
            Position::ArgMaximum {
                index,
                extent,
                body,
            } => {
                let mut bindings = bindings.clone();
                self.each(&[(*index, *extent)], &mut bindings, &mut |bindings| {
                    self.references(body, bindings, references);
                });
            }
            _ => {}
        }
    }
}

impl Function {
    pub fn apply(self, x: f64) -> f64 {
        match self {
            Self::Exp => x.exp(),
            Self::Ln => x.ln(),
            Self::Sqrt => x.sqrt(),
            Self::Tanh => x.tanh(),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Absolute => x.abs(),
            Self::Erf => libm::erf(x),
            Self::PositivePart => x.max(0.0),
            Self::AtMostOne => x.min(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;

    struct Linear;

    impl Environment for Linear {
        fn element(&self, tensor: &str, index: &[i64]) -> Option<f64> {
            let (values, dims): (&[f64], &[i64]) = match tensor {
                "x" => (&[1.0, 2.0, 3.0], &[1, 3]),
                "w" => (&[4.0, 5.0, 6.0], &[1, 3]),
                "b" => (&[0.5], &[1]),
                other => panic!("no tensor {other}"),
            };
            let inside = index
                .iter()
                .zip(dims)
                .all(|(&at, &dim)| (0..dim).contains(&at));
            inside.then(|| values[*index.last().unwrap() as usize])
        }

        fn scalar(&self, name: &str) -> f64 {
            match name {
                "I" => 3.0,
                other => panic!("no scalar {other}"),
            }
        }
    }

    fn linear() -> Equation {
        let [n, o, i] = indices(["n", "o", "i"]);
        (sum(
            "i",
            "I",
            element("x", [n, i.clone()]) * element("w", [o.clone(), i]),
        ) + element("b", [o]))
        .defines("y", [("n", "N"), ("o", "O")])
    }

    #[test]
    fn a_linear_layer_evaluates_to_its_sum() {
        assert_eq!(linear().evaluate(&Linear, &[0, 0]), 4.0 + 10.0 + 18.0 + 0.5);
    }

    #[test]
    fn terms_name_their_elements_and_add_up() {
        let explanation = linear().explain(&Linear, &[0, 0]);
        assert_eq!(explanation.term_count(), 4);
        assert_eq!(explanation.total(), 32.5);
        let second = &explanation.groups[1];
        assert_eq!(second.key, Some(("i", 1)));
        assert_eq!(
            second.terms[0].references,
            [
                Reference {
                    tensor: "x",
                    index: vec![0, 1],
                    value: 2.0
                },
                Reference {
                    tensor: "w",
                    index: vec![0, 1],
                    value: 5.0
                },
            ]
        );
    }

    #[test]
    fn elements_outside_a_tensor_are_zero_and_no_terms() {
        let shifted = sum(
            "i",
            "I",
            element("x", [Position::Number(0), index("i") - Position::Number(1)]),
        )
        .defines("y", []);
        assert_eq!(shifted.evaluate(&Linear, &[]), 3.0);
        assert_eq!(shifted.explain(&Linear, &[]).term_count(), 2);
    }

    #[test]
    fn a_failing_indicator_hides_what_it_multiplies() {
        let hidden = (positive(number(-1.0)) * ln(number(0.0))).defines("y", []);
        assert_eq!(hidden.evaluate(&Linear, &[]), 0.0);
    }
}
