//! One path of the chain rule, as it is chosen and read.

use super::model::{Element, GraphModel, index_label};
use crate::graph::Phase;
use crate::session::{ElementName, PathFacts, TensorKind};
use crate::view::format;

impl From<Element> for ElementName {
    fn from(element: Element) -> Self {
        Self {
            tensor: element.tensor,
            index: element.index,
        }
    }
}

impl From<ElementName> for Element {
    fn from(name: ElementName) -> Self {
        Self {
            tensor: name.tensor,
            index: name.index,
        }
    }
}

/// `conv1.y[0, 2, 3, 4]`
pub fn label(name: &ElementName) -> String {
    format!("{}{}", name.tensor, index_label(&name.index))
}

/// The index in a text such as `0, 2, 3, 4` or `[0, 2]`; `None` where it is no list of whole numbers.
pub fn parse_index(text: &str) -> Option<Vec<u32>> {
    let text = text.trim().trim_start_matches('[').trim_end_matches(']');
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    let numbers = text.split([',', '，']);
    numbers.map(|number| number.trim().parse().ok()).collect()
}

/// Longest name of a tensor in a link, in bytes, and the most dimensions.
const MAX_NAME: usize = 80;
const MAX_RANK: usize = 8;

/// The ends of a path as they stand in a link: `x.0.1~loss.L`, the index behind the name.
pub fn write_ends([from, to]: &[Element; 2]) -> String {
    let written = |element: &Element| {
        let index = element.index.iter().map(|at| format!(".{at}"));
        format!("{}{}", element.tensor, index.collect::<String>())
    };
    format!("{}~{}", written(from), written(to))
}

/// What [`write_ends`] wrote; `None` for anything else.
pub fn parse_ends(text: &str) -> Option<[Element; 2]> {
    let element = |text: &str| {
        let mut parts: Vec<&str> = text.split('.').collect();
        let mut index = Vec::new();
        while let Some(at) = parts.last().and_then(|part| part.parse().ok()) {
            index.insert(0, at);
            parts.pop();
        }
        let is_name = |part: &&str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_alphanumeric() || "_-′".contains(c))
        };
        let tensor = parts.join(".");
        let is_fit = !parts.is_empty()
            && parts.iter().all(is_name)
            && tensor.len() <= MAX_NAME
            && index.len() <= MAX_RANK;
        is_fit.then_some(Element { tensor, index })
    };
    let (from, to) = text.split_once('~')?;
    Some([element(from)?, element(to)?])
}

/// Tensors that a path may start from: everything that the forward pass computes with, in order.
pub fn starts(graph: &GraphModel) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let nodes = graph.facts.nodes.iter();
    for node in nodes.filter(|node| node.phase == Phase::Forward) {
        for (_, name) in &node.inputs {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    names
}

/// Tensors that a path may lead to: the results of forward pass and loss, the last first.
pub fn ends(graph: &GraphModel) -> Vec<String> {
    let nodes = graph.facts.nodes.iter().rev();
    nodes
        .filter(|node| matches!(node.phase, Phase::Forward | Phase::Loss))
        .filter_map(|node| Some(node.outputs.first()?.1.clone()))
        .collect()
}

/// From where to where a path leads before anyone has chosen: from the input to the loss.
pub fn first_ends(graph: &GraphModel, sample: u32) -> Option<[Element; 2]> {
    let start = starts(graph).into_iter().find(|name| {
        let tensor = graph.tensor(name);
        tensor.is_some_and(|tensor| tensor.kind != TensorKind::Parameter)
    })?;
    let end = ends(graph).into_iter().next()?;
    Some([
        graph.first_element(&start, sample)?,
        graph.first_element(&end, sample)?,
    ])
}

/// The learner takes another way at a stop: what was chosen before it stays, what comes after it is
/// looked for anew.
pub fn via(path: &PathFacts, stop: usize, element: &ElementName) -> Vec<ElementName> {
    let before = path.stops.iter().take(stop).skip(1);
    let mut via: Vec<ElementName> = before.map(|stop| stop.element.clone()).collect();
    via.push(element.clone());
    via
}

/// The part of the whole that a path has: 0.25 for a quarter; `None` of nothing.
pub fn share(part: f64, whole: f64) -> Option<f64> {
    let share = part / whole;
    share.is_finite().then_some(share)
}

/// A share as text: `25%`, with a sign where it works against the whole.
pub fn share_label(share: f64) -> String {
    let percent = 100.0 * share;
    let digits = if percent.abs() < 10.0 { 2 } else { 3 };
    format!("{}%", format::significant(percent, digits))
}

/// Whether a node's operation is passed by the path.
pub fn passes(path: &PathFacts, node: usize) -> bool {
    let mut factors = path.stops.iter().filter_map(|stop| stop.factor.as_ref());
    factors.any(|factor| factor.node as usize == node)
}

/// Whether a tensor has a stop on the path.
pub fn touches(path: &PathFacts, tensor: &str) -> bool {
    path.stops.iter().any(|stop| stop.element.tensor == tensor)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn number(value: f64) -> String {
    let written = format::significant(value, 4);
    if value < 0.0 {
        format!(
            "<mrow><mo stretchy=\"false\">(</mo><mn>{written}</mn><mo stretchy=\"false\">)</mo></mrow>"
        )
    } else {
        format!("<mn>{written}</mn>")
    }
}

/// `∂y / ∂x`, each bound to its tensor.
pub fn derivative(of: &ElementName, by: &ElementName) -> String {
    let element = |name: &ElementName| {
        format!(
            "<mrow><mo>∂</mo><mtext data-term=\"{}\">{}</mtext></mrow>",
            escaped(&name.tensor),
            escaped(&label(name))
        )
    };
    format!("<mfrac>{}{}</mfrac>", element(of), element(by))
}

/// The path as a product of derivatives, each with its value below, and what they come to.
pub fn chain(path: &PathFacts) -> String {
    let mut text = String::from("<math display=\"block\"><mrow>");
    for (count, pair) in path.stops.windows(2).enumerate() {
        let Some(factor) = &pair[1].factor else {
            continue;
        };
        if count > 0 {
            text.push_str("<mo>·</mo>");
        }
        text.push_str(&format!(
            "<munder>{}{}</munder>",
            derivative(&pair[0].element, &pair[1].element),
            number(factor.derivative)
        ));
    }
    text.push_str(&format!(
        "<mo>=</mo><mn>{}</mn></mrow></math>",
        format::significant(path.product, 5)
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{EquationFacts, PathFactor, PathStop};
    use crate::view::microscope::model::tests::small;

    fn name(tensor: &str, index: &[u32]) -> ElementName {
        ElementName {
            tensor: tensor.into(),
            index: index.to_vec(),
        }
    }

    fn path() -> PathFacts {
        let stop = |element: ElementName, derivative: Option<f64>| PathStop {
            element,
            value: 0.0,
            above: 1.0,
            below: 1.0,
            product: 1.0,
            factor: derivative.map(|derivative| PathFactor {
                node: 1,
                operation: "linear_backward_input".into(),
                derivative,
                equation: EquationFacts {
                    tensor: "batch.x".into(),
                    mathml: String::new(),
                    latex: String::new(),
                },
                terms: Vec::new(),
                way_count: 1,
                alternatives: Vec::new(),
            }),
        };
        PathFacts {
            from: name("batch.x", &[0, 1]),
            to: name("loss.L", &[]),
            stops: vec![
                stop(name("loss.L", &[]), None),
                stop(name("fc.y", &[0, 2]), Some(-0.5)),
                stop(name("batch.x", &[0, 1]), Some(0.25)),
            ],
            is_whole: true,
            product: -0.125,
            total: -0.5,
            blocked_at: None,
        }
    }

    #[test]
    fn indices_are_read_as_they_are_written() {
        assert_eq!(parse_index("0, 2,3"), Some(vec![0, 2, 3]));
        assert_eq!(parse_index(" [4] "), Some(vec![4]));
        assert_eq!(parse_index(""), Some(vec![]));
        assert_eq!(parse_index("1，2"), Some(vec![1, 2]));
        for wrong in ["a", "1,,2", "-1", "1.5"] {
            assert_eq!(parse_index(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ends_are_written_into_links_and_read_again() {
        let ends = [
            Element::from(name("conv1.weight", &[5, 0, 4, 4])),
            Element::from(name("loss.L", &[])),
        ];
        assert_eq!(write_ends(&ends), "conv1.weight.5.0.4.4~loss.L");
        assert_eq!(parse_ends("conv1.weight.5.0.4.4~loss.L"), Some(ends));
        for wrong in [
            "",
            "x",
            "x.0",
            "~",
            "x~",
            "1.2~loss.L",
            "x<~y",
            "x..1~y",
            "x.0~y.-1",
        ] {
            assert!(
                parse_ends(wrong)
                    .is_none_or(|ends| write_ends(&ends) == wrong && wrong == "x.0~y.-1"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn ends_come_from_the_forward_pass() {
        let model = GraphModel::new(small());
        assert_eq!(starts(&model), ["batch.x", "fc.weight", "fc.bias"]);
        assert_eq!(ends(&model), ["loss.L", "fc.y"]);
        let [start, end] = first_ends(&model, 1).unwrap();
        assert_eq!(
            (start.label(), end.label()),
            ("batch.x[1, 0]".into(), "loss.L".into())
        );
    }

    #[test]
    fn another_way_keeps_what_was_chosen_before_it() {
        let other = name("batch.x", &[0, 0]);
        let chosen = via(&path(), 2, &other);
        assert_eq!(chosen, [name("fc.y", &[0, 2]), other]);
        assert_eq!(
            via(&path(), 1, &name("fc.y", &[0, 0])),
            [name("fc.y", &[0, 0])]
        );
    }

    #[test]
    fn a_path_is_a_product_and_a_share_of_the_whole() {
        let text = chain(&path());
        assert_eq!(text.matches("<mfrac>").count(), 2);
        assert_eq!(
            text.matches("<munder>").count(),
            text.matches("</munder>").count()
        );
        assert!(
            text.contains(">(</mo><mn>−0.5</mn>") && text.contains("<mn>−0.125</mn>"),
            "{text}"
        );
        assert_eq!(share(-0.125, -0.5), Some(0.25));
        assert_eq!(share(1.0, 0.0), None);
        assert_eq!(
            (share_label(0.25), share_label(-0.015)),
            ("25%".into(), "−1.5%".into())
        );
        assert!(passes(&path(), 1) && !passes(&path(), 2));
        assert!(touches(&path(), "fc.y") && !touches(&path(), "fc.weight"));
    }
}
