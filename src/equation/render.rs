//! Equations as MathML and LaTeX.
//!
//! Every tensor symbol in the MathML carries `data-term="name"`, so that a page
//! can tie it to the tensor. The output holds names from the source alone, never
//! anything a learner typed.

use super::spoken::spoken;
use super::{Condition, Equation, Expression, Function, Position};

/// A MathML `<math>` element, with its words for screen readers: in English as its label, in
/// Chinese as `data-label-zh`.
pub fn mathml(equation: &Equation) -> String {
    let [english, chinese] = spoken(equation);
    let mut text = format!(
        "<math display=\"block\" aria-label=\"{english}\" data-label-zh=\"{chinese}\"><mrow>"
    );
    MathMl.element(&mut text, equation.output, &defined(equation));
    text.push_str("<mo>=</mo>");
    MathMl.expression(&mut text, &equation.expression, Tight::No);
    text.push_str("</mrow></math>");
    text
}

/// LaTeX for display mathematics, without delimiters.
pub fn latex(equation: &Equation) -> String {
    let mut text = String::new();
    Latex.element(&mut text, equation.output, &defined(equation));
    text.push_str(" = ");
    Latex.expression(&mut text, &equation.expression, Tight::No);
    text
}

/// The indices of the element that an equation defines.
pub(super) fn defined(equation: &Equation) -> Vec<Position> {
    let indices = equation.indices.iter();
    indices.map(|&(name, _)| Position::Index(name)).collect()
}

/// Whether a sum inside needs parentheses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tight {
    No,
    Yes,
}

impl Tight {
    fn when(condition: bool) -> Self {
        if condition { Self::Yes } else { Self::No }
    }
}

/// What differs between the notations.
pub(super) trait Notation {
    fn identifier(&self, text: &mut String, name: &str);
    fn tensor(&self, text: &mut String, name: &str, subscript: Option<&str>);
    fn number(&self, text: &mut String, value: f64);
    fn operator(&self, text: &mut String, operator: Operator);
    fn fraction(&self, text: &mut String, numerator: &str, denominator: &str);
    fn power(&self, text: &mut String, base: &str, exponent: &str);
    fn root(&self, text: &mut String, argument: &str);
    fn big(&self, text: &mut String, operator: Big, under: &str);
    fn function(&self, text: &mut String, name: &str);
    /// `1[condition]`
    fn indicator(&self, text: &mut String, condition: &str);
    fn floor(&self, text: &mut String, inner: &str);

    fn element(&self, text: &mut String, tensor: &str, indices: &[Position]) {
        if indices.is_empty() {
            self.tensor(text, tensor, None);
            return;
        }
        let mut subscript = String::new();
        for (count, position) in indices.iter().enumerate() {
            if count > 0 {
                self.operator(&mut subscript, Operator::Comma);
            }
            self.position(&mut subscript, position, Tight::No);
        }
        self.tensor(text, tensor, Some(&subscript));
    }

    fn position(&self, text: &mut String, position: &Position, tight: Tight) {
        match position {
            Position::Index(name) | Position::Scalar(name) => self.identifier(text, name),
            Position::Number(value) => self.number(text, *value as f64),
            Position::Add(left, right) => self.pair(text, left, Operator::Plus, right, tight),
            Position::Subtract(left, right) => self.pair(text, left, Operator::Minus, right, tight),
            Position::Multiply(left, right) => {
                self.position(text, left, Tight::Yes);
                self.operator(text, Operator::Times);
                self.position(text, right, Tight::Yes);
            }
            Position::Quotient(left, right) => {
                let mut inner = String::new();
                self.position(&mut inner, left, Tight::Yes);
                self.operator(&mut inner, Operator::Slash);
                self.position(&mut inner, right, Tight::Yes);
                self.floor(text, &inner);
            }
            Position::ExactQuotient(left, right) => {
                self.position(text, left, Tight::Yes);
                self.operator(text, Operator::Slash);
                self.position(text, right, Tight::Yes);
            }
            Position::Remainder(left, right) => {
                // Always in parentheses: few know how tightly "mod" binds.
                self.open(text, Tight::Yes);
                self.position(text, left, Tight::Yes);
                self.function(text, "mod");
                self.position(text, right, Tight::Yes);
                self.close(text, Tight::Yes);
            }
            Position::Lookup { tensor, indices } => self.element(text, tensor, indices),
            Position::ArgMaximum { index, body, .. } => {
                let mut under = String::new();
                self.identifier(&mut under, index);
                self.big(text, Big::ArgMaximum, &under);
                self.expression(text, body, Tight::Yes);
            }
        }
    }

    fn pair(
        &self,
        text: &mut String,
        left: &Position,
        operator: Operator,
        right: &Position,
        tight: Tight,
    ) {
        self.open(text, tight);
        self.position(text, left, Tight::No);
        self.operator(text, operator);
        self.position(
            text,
            right,
            if operator == Operator::Minus {
                Tight::Yes
            } else {
                Tight::No
            },
        );
        self.close(text, tight);
    }

    fn open(&self, text: &mut String, tight: Tight) {
        if tight == Tight::Yes {
            self.operator(text, Operator::Open);
        }
    }

    fn close(&self, text: &mut String, tight: Tight) {
        if tight == Tight::Yes {
            self.operator(text, Operator::Close);
        }
    }

    fn inner(&self, expression: &Expression, tight: Tight) -> String {
        let mut text = String::new();
        self.expression(&mut text, expression, tight);
        text
    }

    fn expression(&self, text: &mut String, expression: &Expression, tight: Tight) {
        match expression {
            Expression::Number(value) => self.number(text, *value),
            Expression::Scalar(name) => self.identifier(text, name),
            Expression::Element { tensor, indices } => self.element(text, tensor, indices),
            Expression::Add(terms) => {
                self.open(text, tight);
                for (count, term) in terms.iter().enumerate() {
                    // What follows a maximum would read as part of it.
                    let greedy = |term: &Expression| {
                        matches!(term, Expression::Maximum { .. }) && count + 1 < terms.len()
                    };
                    match term {
                        Expression::Negate(inner) => {
                            self.operator(text, Operator::Minus);
                            let loose = matches!(**inner, Expression::Maximum { .. });
                            let tight = !loose || greedy(inner);
                            self.expression(text, inner, Tight::when(tight));
                        }
                        term => {
                            if count > 0 {
                                self.operator(text, Operator::Plus);
                            }
                            self.expression(text, term, Tight::when(greedy(term)));
                        }
                    }
                }
                self.close(text, tight);
            }
            Expression::Multiply(factors) => {
                for (count, factor) in factors.iter().enumerate() {
                    if count > 0 {
                        self.operator(text, Operator::Times);
                    }
                    self.expression(text, factor, Tight::Yes);
                }
            }
            Expression::Negate(inner) => {
                self.open(text, tight);
                self.operator(text, Operator::Minus);
                self.expression(text, inner, Tight::Yes);
                self.close(text, tight);
            }
            Expression::Divide(numerator, denominator) => self.fraction(
                text,
                &self.inner(numerator, Tight::No),
                &self.inner(denominator, Tight::No),
            ),
            Expression::Power(base, exponent) => self.power(
                text,
                &self.inner(base, Tight::Yes),
                &self.inner(exponent, Tight::No),
            ),
            Expression::Sum { index, body, .. } => {
                self.open(text, tight);
                let mut under = String::new();
                self.identifier(&mut under, index);
                self.big(text, Big::Sum, &under);
                // A sum of sums reads from left to right without parentheses.
                let inner_sum = matches!(**body, Expression::Sum { .. });
                self.expression(text, body, Tight::when(!inner_sum));
                self.close(text, tight);
            }
            Expression::Maximum { over, body } => {
                self.open(text, tight);
                let mut under = String::new();
                for (count, (index, _)) in over.iter().enumerate() {
                    if count > 0 {
                        self.operator(&mut under, Operator::Comma);
                    }
                    self.identifier(&mut under, index);
                }
                self.big(text, Big::Maximum, &under);
                self.expression(text, body, Tight::Yes);
                self.close(text, tight);
            }
            Expression::Apply(Function::Sqrt, argument) => {
                self.root(text, &self.inner(argument, Tight::No));
            }
            Expression::Apply(Function::Absolute, argument) => {
                self.operator(text, Operator::OpenBar);
                self.expression(text, argument, Tight::No);
                self.operator(text, Operator::CloseBar);
            }
            Expression::Apply(function, argument) => {
                let (name, leading) = match function {
                    Function::Exp => ("exp", None),
                    Function::Ln => ("ln", None),
                    Function::Tanh => ("tanh", None),
                    Function::Sigmoid => ("σ", None),
                    Function::Erf => ("erf", None),
                    Function::PositivePart => ("max", Some(0.0)),
                    Function::AtMostOne => ("min", Some(1.0)),
                    Function::Sqrt | Function::Absolute => unreachable!("drawn above"),
                };
                self.function(text, name);
                self.operator(text, Operator::Open);
                if let Some(value) = leading {
                    self.number(text, value);
                    self.operator(text, Operator::Comma);
                }
                self.expression(text, argument, Tight::No);
                self.operator(text, Operator::Close);
            }
            Expression::Indicator(condition) => {
                let mut inner = String::new();
                match condition {
                    Condition::Positive(argument) => {
                        self.expression(&mut inner, argument, Tight::No);
                        self.operator(&mut inner, Operator::Greater);
                        self.number(&mut inner, 0.0);
                    }
                    Condition::Equal(left, right) => {
                        self.position(&mut inner, left, Tight::No);
                        self.operator(&mut inner, Operator::Equals);
                        self.position(&mut inner, right, Tight::No);
                    }
                    Condition::Different(left, right) => {
                        self.position(&mut inner, left, Tight::No);
                        self.operator(&mut inner, Operator::Unequal);
                        self.position(&mut inner, right, Tight::No);
                    }
                    Condition::Less(left, right) => {
                        self.position(&mut inner, left, Tight::No);
                        self.operator(&mut inner, Operator::Less);
                        self.position(&mut inner, right, Tight::No);
                    }
                }
                self.indicator(text, &inner);
            }
            Expression::Random(position) => {
                self.function(text, "u");
                self.operator(text, Operator::Open);
                self.position(text, position, Tight::No);
                self.operator(text, Operator::Close);
            }
            Expression::Value(position) => self.position(text, position, tight),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Plus,
    Minus,
    Times,
    Slash,
    Comma,
    Open,
    Close,
    OpenBar,
    CloseBar,
    Equals,
    Unequal,
    Less,
    Greater,
}

#[derive(Clone, Copy)]
pub(super) enum Big {
    Sum,
    Maximum,
    ArgMaximum,
}

/// A plain number without a trailing `.0`.
fn format_number(value: f64) -> String {
    format!("{value}")
}

struct MathMl;

impl Notation for MathMl {
    fn identifier(&self, text: &mut String, name: &str) {
        text.push_str(&format!("<mi>{name}</mi>"));
    }

    fn tensor(&self, text: &mut String, name: &str, subscript: Option<&str>) {
        let symbol = format!("<mi data-term=\"{name}\">{name}</mi>");
        match subscript {
            None => text.push_str(&symbol),
            Some(subscript) => {
                text.push_str(&format!("<msub>{symbol}<mrow>{subscript}</mrow></msub>"));
            }
        }
    }

    fn number(&self, text: &mut String, value: f64) {
        text.push_str(&format!("<mn>{}</mn>", format_number(value)));
    }

    fn operator(&self, text: &mut String, operator: Operator) {
        text.push_str(match operator {
            Operator::Plus => "<mo>+</mo>",
            Operator::Minus => "<mo>−</mo>",
            Operator::Times => "<mo>·</mo>",
            Operator::Slash => "<mo>/</mo>",
            Operator::Comma => "<mo>,</mo>",
            Operator::Open => "<mo>(</mo>",
            Operator::Close => "<mo>)</mo>",
            Operator::OpenBar => "<mo form=\"prefix\">|</mo>",
            Operator::CloseBar => "<mo form=\"postfix\">|</mo>",
            Operator::Equals => "<mo>=</mo>",
            Operator::Unequal => "<mo>≠</mo>",
            Operator::Less => "<mo>&lt;</mo>",
            Operator::Greater => "<mo>&gt;</mo>",
        });
    }

    fn fraction(&self, text: &mut String, numerator: &str, denominator: &str) {
        text.push_str(&format!(
            "<mfrac><mrow>{numerator}</mrow><mrow>{denominator}</mrow></mfrac>"
        ));
    }

    fn power(&self, text: &mut String, base: &str, exponent: &str) {
        text.push_str(&format!(
            "<msup><mrow>{base}</mrow><mrow>{exponent}</mrow></msup>"
        ));
    }

    fn root(&self, text: &mut String, argument: &str) {
        text.push_str(&format!("<msqrt>{argument}</msqrt>"));
    }

    fn big(&self, text: &mut String, operator: Big, under: &str) {
        let symbol = match operator {
            Big::Sum => "<mo largeop=\"true\">∑</mo>",
            Big::Maximum => "<mo>max</mo>",
            Big::ArgMaximum => "<mo>argmax</mo>",
        };
        text.push_str(&format!("<munder>{symbol}<mrow>{under}</mrow></munder>"));
    }

    fn function(&self, text: &mut String, name: &str) {
        text.push_str(&format!("<mi>{name}</mi><mo>&#x2061;</mo>"));
    }

    fn indicator(&self, text: &mut String, condition: &str) {
        text.push_str(&format!("<mn>1</mn><mo>[</mo>{condition}<mo>]</mo>"));
    }

    fn floor(&self, text: &mut String, inner: &str) {
        text.push_str(&format!("<mo>⌊</mo>{inner}<mo>⌋</mo>"));
    }
}

struct Latex;

/// Greek letters and multi-letter names as LaTeX writes them.
fn latex_name(name: &str) -> String {
    if let Some(plain) = name.strip_suffix('′') {
        return format!("{}'", latex_name(plain));
    }
    match name {
        "α" => "\\alpha".into(),
        "π" => "\\pi".into(),
        "β₁" => "\\beta_1".into(),
        "β₂" => "\\beta_2".into(),
        "ε" => "\\varepsilon".into(),
        "η" => "\\eta".into(),
        "κ" => "\\kappa".into(),
        "λ" => "\\lambda".into(),
        "μ" => "\\mu".into(),
        "ρ" => "\\rho".into(),
        "τ" => "\\tau".into(),
        "β" => "\\beta".into(),
        "γ" => "\\gamma".into(),
        "dβ" => "d\\beta".into(),
        "dγ" => "d\\gamma".into(),
        name if name.ends_with(['₁', '₂']) => {
            let (letters, digit) = match name.strip_suffix('₁') {
                Some(letters) => (letters, 1),
                None => (name.trim_end_matches('₂'), 2),
            };
            format!("{}_{digit}", latex_name(letters))
        }
        "K·L" => "K L".into(),
        name if name.chars().count() > 1 => format!("\\mathrm{{{}}}", name.replace('_', "\\_")),
        name => name.into(),
    }
}

impl Notation for Latex {
    fn identifier(&self, text: &mut String, name: &str) {
        text.push_str(&latex_name(name));
    }

    fn tensor(&self, text: &mut String, name: &str, subscript: Option<&str>) {
        text.push_str(&latex_name(name));
        if let Some(subscript) = subscript {
            text.push_str(&format!("_{{{subscript}}}"));
        }
    }

    fn number(&self, text: &mut String, value: f64) {
        text.push_str(&format_number(value));
    }

    fn operator(&self, text: &mut String, operator: Operator) {
        text.push_str(match operator {
            Operator::Plus => " + ",
            Operator::Minus => " - ",
            Operator::Times => " \\cdot ",
            Operator::Slash => "/",
            Operator::Comma => ", ",
            Operator::Open => "\\left(",
            Operator::Close => "\\right)",
            Operator::OpenBar => "\\left|",
            Operator::CloseBar => "\\right|",
            Operator::Equals => " = ",
            Operator::Unequal => " \\ne ",
            Operator::Less => " < ",
            Operator::Greater => " > ",
        });
    }

    fn fraction(&self, text: &mut String, numerator: &str, denominator: &str) {
        text.push_str(&format!("\\frac{{{numerator}}}{{{denominator}}}"));
    }

    fn power(&self, text: &mut String, base: &str, exponent: &str) {
        text.push_str(&format!("{{{base}}}^{{{exponent}}}"));
    }

    fn root(&self, text: &mut String, argument: &str) {
        text.push_str(&format!("\\sqrt{{{argument}}}"));
    }

    fn big(&self, text: &mut String, operator: Big, under: &str) {
        let symbol = match operator {
            Big::Sum => "\\sum",
            Big::Maximum => "\\max",
            Big::ArgMaximum => "\\operatorname*{arg\\,max}",
        };
        text.push_str(&format!("{symbol}_{{{under}}} "));
    }

    fn function(&self, text: &mut String, name: &str) {
        text.push_str(&match name {
            "exp" | "ln" | "tanh" | "max" => format!("\\{name}"),
            "σ" => "\\sigma".into(),
            "mod" => " \\bmod ".into(),
            name => format!("\\operatorname{{{name}}}"),
        });
    }

    fn indicator(&self, text: &mut String, condition: &str) {
        text.push_str(&format!("\\mathbf{{1}}\\left[{condition}\\right]"));
    }

    fn floor(&self, text: &mut String, inner: &str) {
        text.push_str(&format!("\\lfloor {inner} \\rfloor "));
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::*;

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
    fn latex_reads_as_written() {
        assert_eq!(
            latex(&linear()),
            "y_{n, o} = \\left(\\sum_{i} x_{n, i} \\cdot w_{o, i}\\right) + b_{o}"
                .replace("\\left(", "")
                .replace("\\right)", "")
        );
    }

    #[test]
    fn mathml_names_every_tensor() {
        let text = mathml(&linear());
        for tensor in ["y", "x", "w", "b"] {
            assert!(text.contains(&format!("data-term=\"{tensor}\"")), "{text}");
        }
        assert!(text.starts_with("<math") && text.ends_with("</math>"));
    }
}
