//! Sums of products: a row times a column, factor by factor, and how the sum grows.

use crate::session::{ExplanationFacts, ReferenceFacts};

/// One product of a sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    pub left: ReferenceFacts,
    pub right: ReferenceFacts,
    pub value: f64,
    /// The sum so far.
    pub running: f64,
}

/// A sum of products of the elements of two tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct Products {
    pub left: String,
    pub right: String,
    pub items: Vec<Product>,
    /// Addends that are no products: a bias.
    pub others: Vec<(ReferenceFacts, f64)>,
    pub total: f64,
    /// Whether terms were left out because there are too many.
    pub is_cut: bool,
}

/// The products of an explanation, in the order of the sum; `None` for a sum of another kind.
pub fn products(facts: &ExplanationFacts) -> Option<Products> {
    let mut items: Vec<Product> = Vec::new();
    let mut others = Vec::new();
    let mut running = 0.0;
    for term in facts.groups.iter().flat_map(|group| &group.terms) {
        match term.references.as_slice() {
            [left, right] => {
                let is_product = (left.value * right.value - term.value).abs()
                    <= 1e-9 * term.value.abs().max(1e-300);
                let is_of_the_same = items.first().is_none_or(|first| {
                    first.left.tensor == left.tensor && first.right.tensor == right.tensor
                });
                if !is_product || !is_of_the_same {
                    return None;
                }
                running += term.value;
                items.push(Product {
                    left: left.clone(),
                    right: right.clone(),
                    value: term.value,
                    running,
                });
            }
            [single] => others.push((single.clone(), term.value)),
            _ => return None,
        }
    }
    let first = items.first()?;
    Some(Products {
        left: first.left.tensor.clone(),
        right: first.right.tensor.clone(),
        is_cut: items.len() + others.len() < facts.term_count as usize,
        items,
        others,
        total: facts.total,
    })
}

/// A running sum as points of an SVG line in a box of `width` by `height`, with the height of
/// zero: from left to right as it grows, upwards for larger sums.
pub fn running_line(products: &Products, width: f64, height: f64) -> (String, f64) {
    let sums = || std::iter::once(0.0).chain(products.items.iter().map(|item| item.running));
    let (low, high) = sums().fold((0.0_f64, 0.0_f64), |(low, high), sum| {
        (low.min(sum), high.max(sum))
    });
    let span = if high > low { high - low } else { 1.0 };
    let y = |sum: f64| height - (sum - low) / span * height;
    let last = products.items.len().max(1) as f64;
    let points = sums().enumerate().map(|(number, sum)| {
        let x = number as f64 / last * width;
        format!("{x:.1},{:.1}", y(sum))
    });
    (points.collect::<Vec<_>>().join(" "), y(0.0))
}
