//! The terms of an element, put in order for reading.

use super::equation::is_product;
use crate::session::{ExplanationFacts, ReferenceFacts, TermFacts};

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

/// One cell of a window: a value times a weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub value: f64,
    pub weight: f64,
    pub product: f64,
}

/// The part of an image that a kernel lies on, for one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// The leading indices of the kernel: (output channel, input channel).
    pub at: Vec<u32>,
    pub rows: u32,
    pub columns: u32,
    /// Row-major; `None` where the kernel lies outside of the image.
    pub cells: Vec<Option<Cell>>,
    pub subtotal: f64,
}

/// Largest kernel that is drawn as a window, and most windows.
const KERNEL: u32 = 7;
const WINDOWS: usize = 64;

/// The windows of an explanation whose terms are products of an image's and a kernel's elements;
/// `kernel` is the shape of the kernel's tensor. `None` for sums of another kind.
pub fn windows(
    facts: &ExplanationFacts,
    shape_of: impl Fn(&str) -> Option<Vec<u32>>,
) -> Option<Vec<Window>> {
    let products: Vec<&TermFacts> = facts
        .groups
        .iter()
        .flat_map(|group| &group.terms)
        .filter(|term| term.references.len() == 2)
        .collect();
    let first = products.first()?;
    let kernel = first.references.iter().find_map(|reference| {
        let shape = shape_of(&reference.tensor)?;
        is_kernel(&shape).then_some((reference.tensor.clone(), shape))
    });
    let (kernel, shape) = kernel?;
    let (rows, columns) = (shape[2], shape[3]);
    let mut windows: Vec<Window> = Vec::new();
    for term in products {
        let (weight, value) = split(term, &kernel)?;
        if !is_product(term) && term.value != 0.0 {
            return None;
        }
        let &[out, channel, row, column] = weight.index.as_slice() else {
            return None;
        };
        let at = vec![out, channel];
        let position = match windows.iter().position(|window| window.at == at) {
            Some(position) => position,
            None if windows.len() == WINDOWS => continue,
            None => {
                windows.push(Window {
                    at,
                    rows,
                    columns,
                    cells: vec![None; (rows * columns) as usize],
                    subtotal: 0.0,
                });
                windows.len() - 1
            }
        };
        let window = &mut windows[position];
        window.subtotal += term.value;
        *window.cells.get_mut((row * columns + column) as usize)? = Some(Cell {
            value: value.value,
            weight: weight.value,
            product: term.value,
        });
    }
    Some(windows)
}

fn is_kernel(shape: &[u32]) -> bool {
    matches!(*shape, [_, _, rows, columns] if rows <= KERNEL && columns <= KERNEL && rows * columns > 1)
}

fn split<'a>(
    term: &'a TermFacts,
    kernel: &str,
) -> Option<(&'a ReferenceFacts, &'a ReferenceFacts)> {
    let [a, b] = term.references.as_slice() else {
        return None;
    };
    match (a.tensor == kernel, b.tensor == kernel) {
        (true, false) => Some((a, b)),
        (false, true) => Some((b, a)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::GroupFacts;

    fn reference(tensor: &str, index: &[u32], value: f64) -> ReferenceFacts {
        ReferenceFacts {
            tensor: tensor.into(),
            index: index.to_vec(),
            value,
        }
    }

    fn convolution() -> ExplanationFacts {
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
        }
    }

    fn shape_of(name: &str) -> Option<Vec<u32>> {
        match name {
            "conv.weight" => Some(vec![2, 1, 2, 2]),
            "x" => Some(vec![1, 1, 9, 9]),
            _ => Some(vec![2]),
        }
    }

    #[test]
    fn a_convolution_is_shown_as_windows_with_gaps_where_the_kernel_lies_outside() {
        let windows = windows(&convolution(), shape_of).expect("windows");
        assert_eq!(windows.len(), 1);
        assert_eq!((windows[0].rows, windows[0].columns), (2, 2));
        assert_eq!(windows[0].cells.iter().flatten().count(), 3);
        assert_eq!(windows[0].cells[3], None);
        assert_eq!(windows[0].subtotal, -1.0);
    }

    #[test]
    fn other_sums_have_no_windows() {
        let mut facts = convolution();
        facts.groups.remove(0);
        assert_eq!(windows(&facts, shape_of), None);
        assert_eq!(windows(&convolution(), |_| Some(vec![2, 2])), None);
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
