//! What is added to a generated equation: marks, shapes, numbers.
//!
//! The equations come from the operations as MathML in which every tensor symbol is
//! `<mi data-term="x">x</mi>`; here such symbols are found and dressed, nothing else is changed.

use super::model::shape_label;
use super::terms::Ordered;
use crate::session::{ExplanationFacts, TermFacts};
use crate::view::format;
use crate::view::texts::Locale;

/// What an equation shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notation {
    #[default]
    Symbols,
    /// The shape of each tensor below its symbol.
    Shapes,
    /// The numbers of the chosen element.
    Numbers,
}

impl Notation {
    pub const ALL: [Self; 3] = [Self::Symbols, Self::Shapes, Self::Numbers];
}

/// The tensor symbols of an equation, each once, in the order in which they appear.
pub fn symbols(mathml: &str) -> Vec<&str> {
    let mut symbols = Vec::new();
    for (_, rest) in mathml
        .match_indices("data-term=\"")
        .map(|(at, mark)| (at, &mathml[at + mark.len()..]))
    {
        if let Some(symbol) = rest.split('"').next()
            && !symbols.contains(&symbol)
        {
            symbols.push(symbol);
        }
    }
    symbols
}

/// The equation with one symbol marked, wherever it stands.
pub fn lit(mathml: &str, symbol: Option<&str>) -> String {
    match symbol {
        None => mathml.to_string(),
        Some(symbol) => {
            let mark = format!("data-term=\"{symbol}\"");
            mathml.replace(&mark, &format!("{mark} class=\"is-lit\""))
        }
    }
}

/// The equation with the shape of each tensor below its symbol.
pub fn with_shapes(mathml: &str, shape_of: impl Fn(&str) -> Option<Vec<u32>>) -> String {
    let mut text = mathml.to_string();
    for symbol in symbols(mathml) {
        let Some(shape) = shape_of(symbol) else {
            continue;
        };
        let bare = format!("<mi data-term=\"{symbol}\">{symbol}</mi>");
        let dressed = format!(
            "<munder>{bare}<mtext class=\"equation-shape\">{}</mtext></munder>",
            shape_label(&shape)
        );
        text = text.replace(&bare, &dressed);
    }
    text
}

/// Most terms written out in an equation of numbers.
const TERMS: usize = 6;

/// The chosen element as a sum of numbers: `y₀,₂ = 0.5 · 1.2 + … = 0.7`.
///
/// A term is written as a product only where the product of what it reads is its value.
pub fn with_numbers(symbol: &str, facts: &ExplanationFacts) -> String {
    let ordered = Ordered::in_order(facts);
    let mut text = String::from("<math display=\"block\"><mrow>");
    let index: Vec<String> = facts.index.iter().map(u32::to_string).collect();
    let name = format!("<mi data-term=\"{symbol}\">{symbol}</mi>");
    if index.is_empty() {
        text.push_str(&name);
    } else {
        text.push_str(&format!(
            "<msub>{name}<mrow><mn>{}</mn></mrow></msub>",
            index.join(",")
        ));
    }
    text.push_str("<mo>=</mo>");
    for (count, term) in ordered.terms.iter().take(TERMS).enumerate() {
        if count > 0 {
            text.push_str("<mo>+</mo>");
        }
        term_numbers(&mut text, term);
    }
    if facts.term_count as usize > TERMS {
        text.push_str("<mo>+</mo><mo>…</mo>");
    }
    if facts.term_count == 0 {
        text.push_str("<mn>0</mn>");
    } else if facts.term_count > 1 || ordered.terms.first().is_some_and(|term| is_product(term)) {
        text.push_str("<mo>=</mo>");
        number(&mut text, facts.total, false);
    }
    text.push_str("</mrow></math>");
    text
}

/// Whether a term is the product of two or more of the elements that it reads.
pub fn is_product(term: &TermFacts) -> bool {
    let product: f64 = term.references.iter().map(|r| r.value).product();
    let tolerance = 1e-9 * product.abs().max(term.value.abs());
    term.references.len() > 1 && (product - term.value).abs() <= tolerance
}

fn term_numbers(text: &mut String, term: &TermFacts) {
    if !is_product(term) {
        number(text, term.value, true);
        return;
    }
    for (count, reference) in term.references.iter().enumerate() {
        if count > 0 {
            text.push_str("<mo>·</mo>");
        }
        number(text, reference.value, true);
    }
}

fn number(text: &mut String, value: f64, in_parentheses: bool) {
    let written = format::significant(value, 4);
    if in_parentheses && value < 0.0 {
        text.push_str(&format!("<mo>(</mo><mn>{written}</mn><mo>)</mo>"));
    } else {
        text.push_str(&format!("<mn>{written}</mn>"));
    }
}

/// An equation with the words that a screen reader says of it in a language.
pub fn in_words(mathml: &str, locale: Locale) -> String {
    const ENGLISH: &str = "aria-label=\"";
    const CHINESE: &str = "data-label-zh=\"";
    if locale == Locale::English {
        return mathml.to_string();
    }
    let label = |mark: &str| {
        let from = mathml.find(mark)? + mark.len();
        Some(&mathml[from..from + mathml[from..].find('"')?])
    };
    match (label(ENGLISH), label(CHINESE)) {
        (Some(english), Some(chinese)) => mathml.replacen(
            &format!("{ENGLISH}{english}\""),
            &format!("{ENGLISH}{chinese}\""),
            1,
        ),
        _ => mathml.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{GroupFacts, ReferenceFacts};

    #[test]
    fn the_words_follow_the_language() {
        let spoken = "<math aria-label=\"y equals\" data-label-zh=\"y 等于\"><mi>y</mi></math>";
        assert_eq!(in_words(spoken, Locale::English), spoken);
        let chinese = in_words(spoken, Locale::Chinese);
        assert!(
            chinese.starts_with("<math aria-label=\"y 等于\""),
            "{chinese}"
        );
        assert_eq!(in_words("<math></math>", Locale::Chinese), "<math></math>");
    }

    const MATHML: &str = "<math><msub><mi data-term=\"y\">y</mi><mrow><mi>n</mi></mrow></msub>\
        <mo>=</mo><mi data-term=\"x\">x</mi><mo>·</mo><mi data-term=\"y\">y</mi></math>";

    #[test]
    fn symbols_are_found_once_each_and_marked_everywhere() {
        assert_eq!(symbols(MATHML), ["y", "x"]);
        assert_eq!(lit(MATHML, Some("y")).matches("is-lit").count(), 2);
        assert_eq!(lit(MATHML, Some("z")), MATHML);
        assert_eq!(lit(MATHML, None), MATHML);
    }

    #[test]
    fn shapes_stand_below_the_symbols_they_belong_to() {
        let text = with_shapes(MATHML, |symbol| (symbol == "x").then(|| vec![2, 3]));
        assert_eq!(text.matches("2×3").count(), 1);
        assert_eq!(
            text.matches("<munder>").count(),
            text.matches("</munder>").count()
        );
    }

    fn term(values: &[f64], value: f64) -> TermFacts {
        let references = values.iter().map(|&value| ReferenceFacts {
            tensor: "x".into(),
            index: vec![0],
            value,
        });
        TermFacts {
            references: references.collect(),
            value,
        }
    }

    #[test]
    fn numbers_are_written_as_products_only_where_they_are() {
        let facts = ExplanationFacts {
            tensor: "fc.y".into(),
            index: vec![0, 2],
            stored: -1.0,
            total: -1.0,
            term_count: 2,
            groups: vec![GroupFacts {
                key: None,
                subtotal: -1.0,
                term_count: 2,
                terms: vec![term(&[0.5, -4.0], -2.0), term(&[2.0, 3.0], 1.0)],
            }],
            hidden: Vec::new(),
            curve: None,
            inside: None,
        };
        let text = with_numbers("y", &facts);
        assert!(
            text.contains("<mn>0.5</mn><mo>·</mo><mo>(</mo><mn>−4</mn><mo>)</mo>"),
            "{text}"
        );
        assert!(!text.contains("<mn>3</mn>"), "{text}");
        assert!(
            text.ends_with("<mo>=</mo><mn>−1</mn></mrow></math>"),
            "{text}"
        );
    }
}
