//! Max pooling: the windows of an element, their winners, and where the gradient goes.

use super::Numbers;
use crate::session::NodeFacts;
use crate::view::microscope::model::{Element, GraphModel};

/// One cell of a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// In the pooled tensor.
    pub index: Vec<u32>,
    pub value: Option<f64>,
    pub is_winner: bool,
    /// Whether it is the element that is looked at.
    pub is_subject: bool,
}

/// A window, and the one element that stands for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    pub columns: u32,
    pub cells: Vec<Cell>,
    /// Where it stands in the smaller tensor: the maximum, or the gradient of it.
    pub output: Element,
    pub value: Option<f64>,
}

/// The window that an element of the result is the maximum of.
pub fn forward(
    graph: &GraphModel,
    node: &NodeFacts,
    element: &Element,
    numbers: Numbers<'_>,
) -> Option<Window> {
    let names = Names {
        pooled: graph.bound(node, "x")?,
        output: graph.bound(node, "y")?,
        winners: graph.bound(node, "a")?,
    };
    let &[n, c, p, q] = element.index.as_slice() else {
        return None;
    };
    // The winners' places have the same windows as the maxima.
    let is_output = element.tensor == names.output || element.tensor == names.winners;
    is_output.then_some(())?;
    window(graph, node, &names, [n, c, p, q], None, numbers)
}

/// The windows that an element of the input lies in; its gradient is the sum over those it won.
pub fn backward(
    graph: &GraphModel,
    node: &NodeFacts,
    element: &Element,
    numbers: Numbers<'_>,
) -> Option<Vec<Window>> {
    let partner = super::partner(graph, node)?;
    let names = Names {
        pooled: graph.bound(partner, "x")?,
        output: graph.bound(node, "dy")?,
        winners: graph.bound(node, "a")?,
    };
    if graph.bound(node, "dx")? != element.tensor {
        return None;
    }
    let &[n, c, u, v] = element.index.as_slice() else {
        return None;
    };
    let [kernel, stride] = sizes(node)?;
    let &[_, _, rows, columns] = graph.tensor(names.output)?.shape.as_slice() else {
        return None;
    };
    let reach = |at: u32, count: u32| {
        let last = (at / stride).min(count.saturating_sub(1));
        let first = (at + 1).saturating_sub(kernel).div_ceil(stride);
        // Rows that are left over at the edge lie in no window.
        (first..=last).filter(move |&place| at < place * stride + kernel)
    };
    let mut windows = Vec::new();
    for p in reach(u, rows) {
        for q in reach(v, columns) {
            windows.push(window(
                graph,
                node,
                &names,
                [n, c, p, q],
                Some([u, v]),
                numbers,
            )?);
        }
    }
    Some(windows)
}

/// The tensors of a window.
struct Names<'a> {
    pooled: &'a str,
    output: &'a str,
    winners: &'a str,
}

/// Side of a window and step between windows.
fn sizes(node: &NodeFacts) -> Option<[u32; 2]> {
    let scalar = |name| GraphModel::scalar(node, name);
    // Padding, dilation and sides that differ are left to the terms.
    let is_general = ["pad", "top", "d", "d₁"]
        .into_iter()
        .any(|name| scalar(name).is_some());
    if is_general || scalar("K") != scalar("L") {
        return None;
    }
    let [kernel, stride] = ["K", "s"].map(scalar);
    let (kernel, stride) = (kernel? as u32, stride? as u32);
    (kernel > 0 && stride > 0).then_some([kernel, stride])
}

fn window(
    graph: &GraphModel,
    node: &NodeFacts,
    names: &Names<'_>,
    place: [u32; 4],
    subject: Option<[u32; 2]>,
    numbers: Numbers<'_>,
) -> Option<Window> {
    let [kernel, stride] = sizes(node)?;
    let [n, c, p, q] = place;
    let winner = numbers(names.winners, &place).map(|at| at as u32);
    let shape = &graph.tensor(names.pooled)?.shape;
    if p * stride + kernel > shape[2] || q * stride + kernel > shape[3] {
        // A last window that reaches over the end.
        return None;
    }
    let cells = (0..kernel * kernel).map(|at| {
        let (row, column) = (p * stride + at / kernel, q * stride + at % kernel);
        debug_assert!(row < shape[2] && column < shape[3]);
        let index = vec![n, c, row, column];
        Cell {
            value: numbers(names.pooled, &index),
            index,
            is_winner: winner == Some(at),
            is_subject: subject == Some([row, column]),
        }
    });
    Some(Window {
        columns: kernel,
        cells: cells.collect(),
        output: Element {
            tensor: names.output.to_string(),
            index: place.to_vec(),
        },
        value: numbers(names.output, &place),
    })
}
