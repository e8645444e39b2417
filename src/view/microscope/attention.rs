//! Attention, block by block: the tensors of scores, weights and mixture and of their gradients, and what one query
//! makes of them.

use super::model::{Element, GraphModel};
use crate::graph::Phase;

/// One attention: names of its tensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attention {
    /// Number of the node that computes the weights, in running order.
    pub node: u32,
    /// `block1.attention`
    pub name: String,
    pub heads: u32,
    /// Queries and keys.
    pub steps: u32,
    /// Columns of a head.
    pub width: u32,
    pub queries: Side,
    pub keys: Side,
    pub values: Side,
    pub mixture: Side,
    pub scores: Side,
    pub weights: Side,
}

/// A tensor and its gradient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    pub tensor: String,
    pub gradient: Option<String>,
}

impl Side {
    fn of(graph: &GraphModel, name: &str) -> Option<Self> {
        let tensor = graph.tensor(name)?;
        Some(Self {
            tensor: tensor.name.clone(),
            gradient: tensor.gradient.clone(),
        })
    }

    /// The tensor, or its gradient.
    pub fn name(&self, is_backward: bool) -> Option<&String> {
        match is_backward {
            false => Some(&self.tensor),
            true => self.gradient.as_ref(),
        }
    }
}

impl Attention {
    fn sides(&self) -> [&Side; 6] {
        [
            &self.queries,
            &self.keys,
            &self.values,
            &self.mixture,
            &self.scores,
            &self.weights,
        ]
    }

    /// Every tensor that is shown, of the forward pass or of the backward pass.
    pub fn tensors(&self, is_backward: bool) -> Vec<String> {
        let names = self.sides().into_iter();
        names
            .filter_map(|side| side.name(is_backward).cloned())
            .collect()
    }

    /// The elements around one query and one key of a head, and one column of it, with their symbols.
    pub fn elements(
        &self,
        sample: u32,
        head: u32,
        [query, key, column]: [u32; 3],
        is_backward: bool,
    ) -> Vec<(String, Element)> {
        let place = |step: u32| vec![sample, step, head * self.width + column];
        let pair = || vec![sample, head, query, key];
        let all = [
            ("s", &self.scores, pair()),
            ("a", &self.weights, pair()),
            ("o", &self.mixture, place(query)),
            ("q", &self.queries, place(query)),
            ("k", &self.keys, place(key)),
            ("v", &self.values, place(key)),
        ];
        all.into_iter()
            .filter_map(|(symbol, side, index)| {
                let tensor = side.name(is_backward)?.clone();
                let symbol = match is_backward {
                    false => symbol.to_string(),
                    true => format!("d{symbol}"),
                };
                Some((symbol, Element { tensor, index }))
            })
            .collect()
    }
}

/// The attentions of a model, in running order.
pub fn attentions(graph: &GraphModel) -> Vec<Attention> {
    let nodes = (0..).zip(&graph.facts.nodes);
    nodes
        .filter_map(|(number, node)| {
            let is_weights = node.operation == "attention_weights" && node.phase == Phase::Forward;
            let (scores, weights) = is_weights
                .then(|| Some((graph.bound(node, "s")?, graph.bound(node, "a")?)))
                .flatten()?;
            let &[_, heads, steps, _] = &graph.tensor(weights)?.shape[..] else {
                return None;
            };
            let asking = graph.node(graph.tensor(scores)?.node? as usize)?;
            let mut others = graph.facts.nodes.iter();
            let mixing = others.find(|other| {
                let reads = other.inputs.iter().any(|(_, tensor)| tensor == weights);
                reads && other.operation == "attention_mixture"
            })?;
            let mixture = &mixing.outputs.first()?.1;
            let columns = graph.tensor(mixture)?.shape.last()?;
            let input = |node: &crate::session::NodeFacts, at: usize| {
                let (_, tensor) = node.inputs.get(at)?;
                Side::of(graph, tensor)
            };
            let name = node.name.strip_suffix(".weights").unwrap_or(&node.name);
            Some(Attention {
                node: number,
                name: name.to_string(),
                heads,
                steps,
                width: columns / heads.max(1),
                queries: input(asking, 0)?,
                keys: input(asking, 1)?,
                values: input(mixing, 1)?,
                mixture: Side::of(graph, mixture)?,
                scores: Side::of(graph, scores)?,
                weights: Side::of(graph, weights)?,
            })
        })
        .collect()
}

/// One head's matrix (T, T) of values (heads, T, T).
pub fn of_head(values: &[f32], head: u32, steps: u32) -> Option<&[f32]> {
    let count = (steps * steps) as usize;
    let first = head as usize * count;
    values.get(first..first + count)
}

/// The largest magnitude.
pub fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |a: f32, b| a.max(b.abs()))
}

/// What the strongest colour of a matrix of weights stands for. The first queries have few keys to choose from: their
/// large weights would leave the others pale.
pub fn limit_of_weights(values: &[f32]) -> f32 {
    largest(&values[values.len() / 8..])
}

/// Whether a mask hides from every query the keys behind its own place: there all weights are exactly 0, which no
/// softmax without a mask gives.
pub fn is_causal(weights: &[f32], steps: u32) -> bool {
    let steps = steps as usize;
    let mut rows = weights.chunks_exact(steps.max(1)).enumerate();
    steps > 1 && rows.all(|(query, row)| row[(query % steps + 1)..].iter().all(|w| *w == 0.0))
}

/// What one query does: its largest weight with its key, the sum of its weights, and how many keys carry half.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QueryFacts {
    pub key: u32,
    pub weight: f64,
    pub sum: f64,
    pub half: usize,
}

/// The facts of a row of weights.
pub fn query_facts(weights: &[f32]) -> Option<QueryFacts> {
    let mut largest = (0..).zip(weights);
    let first = largest.next()?;
    let (key, weight) = largest.fold(first, |best, at| if at.1 > best.1 { at } else { best });
    let mut sorted: Vec<f64> = weights.iter().map(|&weight| weight.into()).collect();
    let sum = sorted.iter().sum();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let mut carried = 0.0;
    let half = sorted.iter().position(|weight| {
        carried += weight;
        carried >= 0.5 * sum
    })?;
    Some(QueryFacts {
        key,
        weight: (*weight).into(),
        sum,
        half: half + 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_weights_is_told_by_its_largest() {
        let facts = query_facts(&[0.1, 0.2, 0.6, 0.1]).unwrap();
        assert_eq!((facts.key, facts.half), (2, 1));
        assert!((facts.sum - 1.0).abs() < 1e-6);
        assert_eq!(query_facts(&[0.25; 4]).unwrap().half, 2);
        assert_eq!(query_facts(&[]), None);
    }

    #[test]
    fn a_mask_shows_in_the_weights() {
        assert!(is_causal(&[1.0, 0.0, 0.4, 0.6, 1.0, 0.0, 0.5, 0.5], 2));
        assert!(!is_causal(&[0.9, 0.1, 0.4, 0.6], 2));
        assert!(!is_causal(&[1.0], 1));
    }

    #[test]
    fn the_first_rows_do_not_decide_the_scale() {
        let mut values = vec![0.125; 64];
        values[0] = 1.0;
        values[20] = -0.5;
        assert_eq!((largest(&values), limit_of_weights(&values)), (1.0, 0.5));
        assert_eq!(limit_of_weights(&[1.0]), 1.0);
        assert_eq!(limit_of_weights(&[]), 0.0);
    }

    #[test]
    fn a_head_is_cut_out_of_all() {
        let values: Vec<f32> = (0..8_u8).map(f32::from).collect();
        assert_eq!(of_head(&values, 1, 2), Some(&values[4..8]));
        assert_eq!(of_head(&values, 2, 2), None);
    }
}
