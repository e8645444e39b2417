//! The terms of an element, put in order for reading.

use crate::session::{ExplanationFacts, TermFacts};

/// The terms of an explanation in one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Ordered<'a> {
    pub terms: Vec<&'a TermFacts>,
}

impl<'a> Ordered<'a> {
    /// As the equation sums them.
    pub fn in_order(facts: &'a ExplanationFacts) -> Self {
        let terms = facts.groups.iter().flat_map(|group| &group.terms);
        Self {
            terms: terms.collect(),
        }
    }

    /// The largest magnitude first.
    pub fn by_size(facts: &'a ExplanationFacts) -> Self {
        let mut ordered = Self::in_order(facts);
        let size = |term: &TermFacts| term.value.abs();
        ordered.terms.sort_by(|a, b| size(b).total_cmp(&size(a)));
        ordered
    }
}

/// Largest magnitude among the terms, for bars.
pub fn largest(facts: &ExplanationFacts) -> f64 {
    let values = facts.groups.iter().flat_map(|group| &group.terms);
    values.fold(0.0, |most, term| most.max(term.value.abs()))
}

/// The elements of one tensor that an explanation reads, each once.
pub fn read_of<'a>(facts: &'a ExplanationFacts, tensor: &str) -> Vec<&'a [u32]> {
    let mut read: Vec<&[u32]> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for reference in facts
        .groups
        .iter()
        .flat_map(|group| &group.terms)
        .flat_map(|term| &term.references)
    {
        if reference.tensor == tensor && seen.insert(&reference.index) {
            read.push(&reference.index);
        }
    }
    read
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::session::{GroupFacts, ReferenceFacts};

    fn reference(tensor: &str, index: &[u32], value: f64) -> ReferenceFacts {
        ReferenceFacts {
            tensor: tensor.into(),
            index: index.to_vec(),
            value,
        }
    }

    /// Three products of a window and a bias.
    pub fn convolution() -> ExplanationFacts {
        let mut terms = Vec::new();
        for (row, column) in [(0, 0), (0, 1), (1, 0)] {
            let x = reference("x", &[0, 0, row, column], 2.0);
            let w = reference("conv.weight", &[1, 0, row, column], f64::from(row) - 0.5);
            let value = x.value * w.value;
            terms.push(TermFacts {
                references: vec![x, w],
                value,
            });
        }
        let bias = TermFacts {
            references: vec![reference("conv.bias", &[1], 0.25)],
            value: 0.25,
        };
        let group = |key: Option<(String, i64)>, terms: Vec<TermFacts>| GroupFacts {
            key,
            subtotal: terms.iter().map(|term| term.value).sum(),
            term_count: terms.len() as u32,
            terms,
        };
        ExplanationFacts {
            tensor: "conv.y".into(),
            index: vec![0, 1, 0, 0],
            stored: -0.75,
            total: -0.75,
            term_count: 4,
            groups: vec![group(Some(("c".into(), 0)), terms), group(None, vec![bias])],
            hidden: Vec::new(),
            curve: None,
            inside: None,
        }
    }

    pub fn shape_of(name: &str) -> Option<Vec<u32>> {
        match name {
            "conv.weight" => Some(vec![2, 1, 2, 2]),
            "x" => Some(vec![1, 1, 9, 9]),
            _ => Some(vec![2]),
        }
    }

    #[test]
    fn the_largest_term_can_come_first() {
        let facts = convolution();
        let values = |ordered: Ordered| -> Vec<f64> {
            ordered.terms.iter().map(|term| term.value).collect()
        };
        assert_eq!(values(Ordered::in_order(&facts)), [-1.0, -1.0, 1.0, 0.25]);
        assert_eq!(values(Ordered::by_size(&facts)).last(), Some(&0.25));
        assert_eq!(largest(&facts), 1.0);
    }

    #[test]
    fn what_is_read_is_listed_once() {
        let mut facts = convolution();
        facts.groups.push(facts.groups[0].clone());
        assert_eq!(read_of(&facts, "x").len(), 3);
        assert_eq!(read_of(&facts, "conv.bias"), [&[1]]);
        assert!(read_of(&facts, "nothing").is_empty());
    }
}
