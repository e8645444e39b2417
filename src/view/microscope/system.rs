//! The equations of the whole model: what every operation computes from whole tensors, layer by
//! layer, forward and backward, and the model as one composition.
//!
//! They come from the graph: each operation's formulas with its operands bound to the graph's tensors.
//! A tensor's symbol is made from its name, and carries that name as `data-term`.

use super::model::{GraphModel, shape_label};
use crate::graph::Phase;
use crate::session::{NodeFacts, TensorKind};
use crate::view::format;

/// A composition longer than this keeps the symbols of its inner parts.
const MAX_COMPOSED: usize = 64;

/// Largest tensor that is written out as a matrix of numbers.
const MAX_NUMBERS: usize = 12;

/// Which equations of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    Forward,
    Backward,
}

/// A part of a formula.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// By the tensor's name in the graph.
    Tensor(String),
    /// A function or a size.
    Word(String),
    Number(String),
    Sign(char),
    /// Of what stands before it.
    Transposed,
}

/// `tensor = tokens`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The node's number in running order.
    pub node: usize,
    pub tensor: String,
    pub tokens: Vec<Token>,
}

/// The tensors whose numbers are at hand.
pub type Numbers<'a> = &'a dyn Fn(&str) -> Option<Vec<f32>>;

/// How tensors are written.
#[derive(Clone, Copy)]
pub enum Dress<'a> {
    Symbols,
    /// With the shape below.
    Shapes,
    /// As matrices, where they are small and known.
    Numbers(Numbers<'a>),
}

/// The equations of one direction, in running order.
pub fn rows(graph: &GraphModel, direction: Direction) -> Vec<Row> {
    let is_wanted = |phase: Phase| match direction {
        Direction::Forward => matches!(phase, Phase::Forward | Phase::Loss),
        Direction::Backward => phase == Phase::Backward,
    };
    let nodes = graph.facts.nodes.iter().enumerate();
    nodes
        .filter(|(_, node)| is_wanted(node.phase))
        .flat_map(|(number, node)| rows_of(graph, number, node))
        .collect()
}

fn rows_of(graph: &GraphModel, number: usize, node: &NodeFacts) -> Vec<Row> {
    let formulas = node.formulas.iter();
    formulas
        .filter_map(|(symbol, formula)| {
            let mut outputs = node.outputs.iter();
            let (_, tensor) = outputs.find(|(name, _)| name == symbol)?;
            Some(Row {
                node: number,
                tensor: tensor.clone(),
                tokens: parse(formula, |word| {
                    graph.bound(node, word).map(ToString::to_string)
                }),
            })
        })
        .collect()
}

/// The tokens of a formula; `bound` knows the tensors.
pub fn parse(formula: &str, bound: impl Fn(&str) -> Option<String>) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = formula.chars().peekable();
    while let Some(&first) = rest.peek() {
        if first.is_whitespace() {
            rest.next();
        } else if first == 'ᵀ' {
            rest.next();
            tokens.push(Token::Transposed);
        } else if first.is_alphabetic() && first != 'Σ' {
            let mut word = String::new();
            let is_inside = |c: &char| (c.is_alphanumeric() && *c != 'ᵀ') || matches!(c, '_' | '′');
            while let Some(letter) = rest.next_if(is_inside) {
                word.push(letter);
            }
            tokens.push(bound(&word).map_or(Token::Word(word), Token::Tensor));
        } else if first.is_ascii_digit() {
            let mut number = String::new();
            while let Some(digit) = rest.next_if(|c| c.is_ascii_digit() || *c == '.') {
                number.push(digit);
            }
            tokens.push(Token::Number(number));
        } else {
            rest.next();
            tokens.push(Token::Sign(first));
        }
    }
    tokens
}

/// The prediction as one expression of the input and the parameters; a long one begins at the
/// last layers and keeps the symbols of those before.
pub fn composition(graph: &GraphModel) -> Option<Row> {
    let forward = rows(graph, Direction::Forward);
    let mut nodes = graph.facts.nodes.iter();
    let loss = nodes.position(|node| node.phase == Phase::Loss)?;
    let mut row = forward.iter().find(|row| row.node == loss)?.clone();
    // A symbol that stays in a long composition.
    let mut from = 0;
    loop {
        let found = (from..row.tokens.len()).find_map(|at| {
            let Token::Tensor(name) = &row.tokens[at] else {
                return None;
            };
            let inner = forward.iter().find(|inner| inner.tensor == *name)?;
            (graph.facts.nodes[inner.node].phase == Phase::Forward).then_some((at, inner))
        });
        let Some((at, inner)) = found else { break };
        if row.tokens.len() + inner.tokens.len() + 1 > MAX_COMPOSED {
            from = at + 1;
            continue;
        }
        let sign = |at: Option<usize>| match at.and_then(|at| row.tokens.get(at)) {
            Some(Token::Sign(sign)) => Some(*sign),
            _ => None,
        };
        let is_alone = matches!(sign(at.checked_sub(1)), Some('(' | ','))
            && matches!(sign(Some(at + 1)), Some(')' | ','));
        let mut part = inner.tokens.clone();
        if !is_alone && has_operator(&part) {
            part.insert(0, Token::Sign('('));
            part.push(Token::Sign(')'));
        }
        row.tokens.splice(at..=at, part);
    }
    Some(row)
}

/// Whether something is added or multiplied outside of all parentheses.
fn has_operator(tokens: &[Token]) -> bool {
    let mut depth = 0;
    tokens.iter().any(|token| {
        match token {
            Token::Sign('(' | '[') => depth += 1,
            Token::Sign(')' | ']') => depth -= 1,
            Token::Sign(_) => return depth == 0,
            _ => {}
        }
        false
    })
}

/// A tensor's symbol: letter, index, and whether it is the gradient of what they name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    pub letter: String,
    pub index: Option<String>,
    pub is_gradient: bool,
}

/// The symbol of a tensor: `W` with `fc1` for `fc1.weight`, `x` for `batch.x`.
pub fn symbol(graph: &GraphModel, tensor: &str) -> Symbol {
    if let Some(of) = tensor.strip_suffix(".grad") {
        return Symbol {
            is_gradient: true,
            ..symbol(graph, of)
        };
    }
    let (owner, letter) = match tensor.rsplit_once('.') {
        Some((owner, letter)) => (Some(owner.to_string()), letter),
        None => (None, tensor),
    };
    let facts = graph.tensor(tensor);
    let phase = facts
        .and_then(|facts| facts.node)
        .and_then(|node| graph.node(node as usize))
        .map(|node| node.phase);
    let is_parameter = facts.is_some_and(|facts| facts.kind == TensorKind::Parameter);
    let letter = match letter {
        "weight" if is_parameter => "W",
        "bias" if is_parameter => "b",
        letter => letter,
    };
    Symbol {
        letter: letter.to_string(),
        index: owner.filter(|_| !matches!(phase, Some(Phase::Data | Phase::Loss))),
        is_gradient: false,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A symbol, transposed or not.
fn symbol_mathml(graph: &GraphModel, tensor: &str, is_transposed: bool) -> String {
    let symbol = symbol(graph, tensor);
    let letter = format!("<mi>{}</mi>", escaped(&symbol.letter));
    let index = symbol
        .index
        .map(|index| format!("<mtext>{}</mtext>", escaped(&index)));
    let inner = match (index, is_transposed) {
        (None, false) => letter,
        (None, true) => format!("<msup>{letter}{TRANSPOSED}</msup>"),
        (Some(index), false) => format!("<msub>{letter}{index}</msub>"),
        (Some(index), true) => format!("<msubsup>{letter}{index}{TRANSPOSED}</msubsup>"),
    };
    let d = if symbol.is_gradient { "<mi>d</mi>" } else { "" };
    format!("<mrow data-term=\"{}\">{d}{inner}</mrow>", escaped(tensor))
}

const TRANSPOSED: &str = "<mo>⊤</mo>";

fn matrix_mathml(tensor: &str, shape: &[u32], values: &[f32]) -> Option<String> {
    if values.is_empty() || values.len() > MAX_NUMBERS || shape.len() > 2 {
        return None;
    }
    let number = |value: &f32| format!("<mn>{}</mn>", format::significant((*value).into(), 4));
    if values.len() == 1 {
        return Some(format!(
            "<mrow data-term=\"{}\">{}</mrow>",
            escaped(tensor),
            number(&values[0])
        ));
    }
    let columns = shape.last().map_or(1, |&size| size as usize).max(1);
    let rows: String = values
        .chunks(columns)
        .map(|row| {
            let cells = row
                .iter()
                .map(|value| format!("<mtd>{}</mtd>", number(value)));
            format!("<mtr>{}</mtr>", cells.collect::<String>())
        })
        .collect();
    Some(format!(
        "<mrow data-term=\"{}\"><mo>[</mo><mtable>{rows}</mtable><mo>]</mo></mrow>",
        escaped(tensor)
    ))
}

fn tensor_mathml(graph: &GraphModel, tensor: &str, dress: Dress, is_transposed: bool) -> String {
    let plain = symbol_mathml(graph, tensor, is_transposed);
    let Some(facts) = graph.tensor(tensor) else {
        return plain;
    };
    match dress {
        Dress::Symbols => plain,
        Dress::Shapes => format!(
            "<munder>{plain}<mtext class=\"equation-shape\">{}</mtext></munder>",
            shape_label(&facts.shape)
        ),
        Dress::Numbers(numbers) => {
            let matrix =
                numbers(tensor).and_then(|values| matrix_mathml(tensor, &facts.shape, &values));
            match matrix {
                Some(matrix) if is_transposed => format!("<msup>{matrix}{TRANSPOSED}</msup>"),
                Some(matrix) => matrix,
                None => plain,
            }
        }
    }
}

/// Parentheses grow with matrices, but not with the index of a symbol.
fn sign_mathml(sign: char, grows: bool) -> String {
    match sign {
        '(' | ')' | '[' | ']' if !grows => format!("<mo stretchy=\"false\">{sign}</mo>"),
        '>' => "<mo>&gt;</mo>".to_string(),
        '<' => "<mo>&lt;</mo>".to_string(),
        'Σ' => "<mo largeop=\"false\">∑</mo>".to_string(),
        sign => format!("<mo>{}</mo>", escaped(&sign.to_string())),
    }
}

/// An equation as a `<math>` element; with numbers, the result's follow at the end.
pub fn mathml(graph: &GraphModel, row: &Row, dress: Dress) -> String {
    let mut text = String::from("<math display=\"block\"><mrow>");
    let left = match dress {
        Dress::Numbers(_) => Dress::Symbols,
        dress => dress,
    };
    text.push_str(&tensor_mathml(graph, &row.tensor, left, false));
    text.push_str("<mo>=</mo>");
    let grows = matches!(dress, Dress::Numbers(_));
    let mut tokens = row.tokens.iter().peekable();
    while let Some(token) = tokens.next() {
        let written = match token {
            Token::Tensor(tensor) => {
                let is_transposed = tokens.next_if_eq(&&Token::Transposed).is_some();
                tensor_mathml(graph, tensor, dress, is_transposed)
            }
            Token::Number(number) => format!("<mn>{number}</mn>"),
            Token::Word(word) if matches!(tokens.peek(), Some(Token::Sign('('))) => {
                format!("<mi>{}</mi><mo>&#x2061;</mo>", escaped(word))
            }
            Token::Word(word) => format!("<mi>{}</mi>", escaped(word)),
            Token::Sign(sign) => sign_mathml(*sign, grows),
            Token::Transposed => format!("<msup><mrow></mrow>{TRANSPOSED}</msup>"),
        };
        text.push_str(&written);
    }
    if let Dress::Numbers(numbers) = dress
        && let Some(facts) = graph.tensor(&row.tensor)
        && let Some(values) = numbers(&row.tensor)
        && let Some(matrix) = matrix_mathml(&row.tensor, &facts.shape, &values)
    {
        text.push_str("<mo>=</mo>");
        text.push_str(&matrix);
    }
    text.push_str("</mrow></math>");
    text
}

fn latex_word(word: &str) -> String {
    match word {
        "σ" => "\\sigma".to_string(),
        "η" => "\\eta".to_string(),
        word if word.chars().count() == 1 => word.to_string(),
        word => format!("\\operatorname{{{}}}", word.replace('_', "\\_")),
    }
}

fn latex_symbol(graph: &GraphModel, tensor: &str) -> String {
    let symbol = symbol(graph, tensor);
    let d = if symbol.is_gradient {
        "\\mathrm{d}"
    } else {
        ""
    };
    let letter = if symbol.letter.chars().count() == 1 {
        symbol.letter
    } else {
        format!("\\mathit{{{}}}", symbol.letter.replace('_', "\\_"))
    };
    match symbol.index {
        Some(index) => format!("{d}{letter}_{{\\mathrm{{{}}}}}", index.replace('_', "\\_")),
        None => format!("{d}{letter}"),
    }
}

/// Equations as LaTeX, aligned at their equals signs.
pub fn latex(graph: &GraphModel, rows: &[Row]) -> String {
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let tokens = row.tokens.iter().map(|token| match token {
                Token::Tensor(tensor) => latex_symbol(graph, tensor),
                Token::Number(number) => number.clone(),
                Token::Word(word) => latex_word(word),
                Token::Transposed => "^{\\top}".to_string(),
                Token::Sign('·') => "\\cdot".to_string(),
                Token::Sign('⊙') => "\\odot".to_string(),
                Token::Sign('⋆') => "\\star".to_string(),
                Token::Sign('∗') => "*".to_string(),
                Token::Sign('−') => "-".to_string(),
                Token::Sign('Σ') => "\\sum".to_string(),
                Token::Sign(sign) => sign.to_string(),
            });
            let right: Vec<String> = tokens.collect();
            format!(
                "{} &= {}",
                latex_symbol(graph, &row.tensor),
                right.join(" ").replace(" ^{\\top}", "^{\\top}")
            )
        })
        .collect();
    format!(
        "\\begin{{aligned}}\n{}\n\\end{{aligned}}",
        lines.join(" \\\\\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::microscope::model::tests::small;

    fn model() -> GraphModel {
        let mut facts = small();
        let formulas: [&[(&str, &str)]; 7] = [
            &[("x", "gather_batch(bytes)")],
            &[("y", "x · wᵀ + b")],
            &[("p", "softmax(z)"), ("L", "mean(− ln(p[t]))")],
            &[("dz", "(p − onehot(t)) / B")],
            &[("dw", "dyᵀ · x")],
            &[("db", "Σ dy")],
            &[("w′", "w − η · g")],
        ];
        for (node, formulas) in facts.nodes.iter_mut().zip(formulas) {
            let owned = formulas.iter().map(|&(a, b)| (a.into(), b.into()));
            node.formulas = owned.collect();
        }
        GraphModel::new(facts)
    }

    fn written(row: &Row) -> String {
        let tokens = row.tokens.iter().map(|token| match token {
            Token::Tensor(text) | Token::Word(text) | Token::Number(text) => text.clone(),
            Token::Sign(sign) => sign.to_string(),
            Token::Transposed => "ᵀ".into(),
        });
        format!("{} = {}", row.tensor, tokens.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn every_operation_has_its_rows_with_its_tensors() {
        let model = model();
        let forward: Vec<String> = rows(&model, Direction::Forward)
            .iter()
            .map(written)
            .collect();
        assert_eq!(
            forward,
            [
                "fc.y = batch.x · fc.weight ᵀ + fc.bias",
                "loss.p = softmax ( fc.y )",
                "loss.L = mean ( − ln ( loss.p [ batch.t ] ) )",
            ]
        );
        let backward: Vec<String> = rows(&model, Direction::Backward)
            .iter()
            .map(written)
            .collect();
        assert_eq!(backward.len(), 3);
        assert_eq!(backward[1], "fc.weight.grad = fc.y.grad ᵀ · batch.x");
    }

    #[test]
    fn the_model_is_one_expression_of_input_and_parameters() {
        let row = composition(&model()).unwrap();
        assert_eq!(
            written(&row),
            "loss.p = softmax ( batch.x · fc.weight ᵀ + fc.bias )"
        );
        // Beside an operator what is put in needs parentheses.
        let mut facts = model().facts;
        facts.nodes[2].formulas[0].1 = "z · z".into();
        let row = composition(&GraphModel::new(facts)).unwrap();
        let inner = "( batch.x · fc.weight ᵀ + fc.bias )";
        assert_eq!(written(&row), format!("loss.p = {inner} · {inner}"));
    }

    #[test]
    fn symbols_are_made_of_names() {
        let model = model();
        let name = |tensor: &str| {
            let symbol = symbol(&model, tensor);
            let d = if symbol.is_gradient { "d" } else { "" };
            format!("{d}{}_{}", symbol.letter, symbol.index.unwrap_or_default())
        };
        assert_eq!(name("fc.weight"), "W_fc");
        assert_eq!(name("fc.bias.grad"), "db_fc");
        assert_eq!(
            (name("fc.y"), name("batch.x")),
            ("y_fc".into(), "x_".into())
        );
        assert_eq!(name("loss.L"), "L_");
    }

    #[test]
    fn mathml_is_balanced_and_binds_every_tensor() {
        let model = model();
        let numbers = |tensor: &str| match tensor {
            "fc.bias" => Some(vec![1.0, -2.0, 3.0, 4.0]),
            _ => None,
        };
        for row in rows(&model, Direction::Forward) {
            for dress in [Dress::Symbols, Dress::Shapes, Dress::Numbers(&numbers)] {
                let text = mathml(&model, &row, dress);
                for tag in [
                    "math", "mrow", "msub", "msubsup", "munder", "mtable", "mi", "mo",
                ] {
                    let opened = text.matches(&format!("<{tag}>")).count()
                        + text.matches(&format!("<{tag} ")).count();
                    assert_eq!(opened, text.matches(&format!("</{tag}>")).count(), "{text}");
                }
                assert!(text.contains(&format!("data-term=\"{}\"", row.tensor)));
            }
        }
        let row = &rows(&model, Direction::Forward)[0];
        assert!(mathml(&model, row, Dress::Shapes).contains("4×3"));
        let text = mathml(&model, row, Dress::Numbers(&numbers));
        assert!(text.contains("<mtd><mn>−2</mn></mtd>"), "{text}");
    }

    #[test]
    fn latex_is_aligned() {
        let model = model();
        let text = latex(&model, &rows(&model, Direction::Forward));
        assert!(text.starts_with(
            "\\begin{aligned}\ny_{\\mathrm{fc}} &= x \\cdot W_{\\mathrm{fc}}^{\\top} + b"
        ));
        assert_eq!(text.matches("&=").count(), 3);
        assert_eq!(text.matches("\\\\\n").count(), 2);
    }
}
