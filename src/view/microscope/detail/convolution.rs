//! Convolutions: the window under the kernel, and the kernel's gradient in one sample.

use super::Numbers;
use crate::session::{ExplanationFacts, NodeFacts, ReferenceFacts, TermFacts};
use crate::view::microscope::equation::is_product;
use crate::view::microscope::model::{Element, GraphModel};

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

impl Window {
    /// The kernel turned by half a turn, so that what lies under it is seen as it lies in the
    /// image: the window of an input's gradient.
    pub fn flipped(mut self) -> Self {
        self.cells.reverse();
        self
    }
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

/// The products that one sample adds to an element of a kernel's gradient, by output position.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleMap {
    pub rows: u32,
    pub columns: u32,
    /// Row-major; 0 where the kernel's element lies outside of the image.
    pub products: Vec<f32>,
    pub subtotal: f64,
}

/// The map of a sample for `element` of a kernel's gradient; `None` until its numbers are read.
pub fn sample_map(
    graph: &GraphModel,
    node: &NodeFacts,
    element: &Element,
    sample: u32,
    numbers: Numbers<'_>,
) -> Option<SampleMap> {
    let &[out, channel, i, j] = element.index.as_slice() else {
        return None;
    };
    let (image, gradient) = (graph.bound(node, "x")?, graph.bound(node, "dy")?);
    let &[_, _, height, width] = graph.tensor(image)?.shape.as_slice() else {
        return None;
    };
    let &[_, _, rows, columns] = graph.tensor(gradient)?.shape.as_slice() else {
        return None;
    };
    let scalar = |name| GraphModel::scalar(node, name).map(|value| value as u32);
    // Sides that differ, dilation and groups are left to the terms.
    if ["d", "d₁", "G"]
        .into_iter()
        .any(|name| scalar(name).is_some())
    {
        return None;
    }
    let (stride, padding) = (scalar("s")?, scalar("pad")?);
    let inside = |at: u32, offset: u32, size: u32| {
        let place = (at * stride + offset).checked_sub(padding)?;
        (place < size).then_some(place)
    };
    let mut map = SampleMap {
        rows,
        columns,
        products: Vec::with_capacity((rows * columns) as usize),
        subtotal: 0.0,
    };
    for p in 0..rows {
        for q in 0..columns {
            let product = match (inside(p, i, height), inside(q, j, width)) {
                (Some(u), Some(v)) => {
                    let pixel = numbers(image, &[sample, channel, u, v])?;
                    pixel * numbers(gradient, &[sample, out, p, q])?
                }
                _ => 0.0,
            };
            map.subtotal += product;
            map.products.push(product as f32);
        }
    }
    Some(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::microscope::terms::tests::{convolution, shape_of};

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
    fn a_flipped_window_has_its_first_cell_last() {
        let window = windows(&convolution(), shape_of).unwrap().remove(0);
        let first = window.cells[0].clone();
        let flipped = window.flipped();
        assert_eq!(flipped.cells[3], first);
        assert_eq!(flipped.cells[0], None);
    }
}
