//! Pictures of single operations: one file for each family, chosen by the operation.
//!
//! An operation without one is shown by the terms of its elements alone. Every picture is made
//! of numbers that were read from the batch's buffers, and of what the operation's equation makes
//! of them.
//!
//! # Adding one
//! A file here with its logic, a component in `web/step/detail/`, a line in [`PICTURES`].

pub mod activation;
pub mod convolution;
pub mod pooling;
pub mod products;
pub mod softmax;
pub mod update;

#[cfg(test)]
mod tests;

use super::model::GraphModel;
use crate::graph::Phase;
use crate::session::NodeFacts;

/// A number on screen, by tensor and index; `None` where it was not read.
pub type Numbers<'a> = &'a dyn Fn(&str, &[u32]) -> Option<f64>;

/// How an element of an operation's result is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Softmax,
    SoftmaxBackward,
    Pooling,
    PoolingBackward,
    Convolution,
    ConvolutionBackwardInput,
    ConvolutionBackwardWeight,
    /// Sums of products of two rows.
    Products,
    Update,
}

/// Which operation has which picture. Updates are told by their phase, activations by the curve that
/// comes with the explanation of their elements.
const PICTURES: &[(&str, Kind)] = &[
    ("softmax_cross_entropy", Kind::Softmax),
    ("softmax_cross_entropy_backward", Kind::SoftmaxBackward),
    ("max_pool2d", Kind::Pooling),
    ("max_pool2d_backward", Kind::PoolingBackward),
    ("conv2d", Kind::Convolution),
    ("conv2d_backward_input", Kind::ConvolutionBackwardInput),
    ("conv2d_backward_weight", Kind::ConvolutionBackwardWeight),
    ("linear", Kind::Products),
    ("linear_backward_input", Kind::Products),
    ("linear_backward_weight", Kind::Products),
];

/// The picture of an operation; `None` where the terms alone are shown.
pub fn kind(node: &NodeFacts) -> Option<Kind> {
    if node.phase == Phase::Update {
        return Some(Kind::Update);
    }
    let mut known = PICTURES.iter();
    let found = known.find(|(operation, _)| *operation == node.operation);
    found.map(|(_, kind)| *kind)
}

/// The forward node that a backward node differentiates.
pub fn partner<'a>(graph: &'a GraphModel, node: &NodeFacts) -> Option<&'a NodeFacts> {
    graph.node(node.partner? as usize)
}

/// Tensors that a node's picture shows although the node does not read them: what its forward
/// partner read.
pub fn also_shown(graph: &GraphModel, node: &NodeFacts) -> Vec<String> {
    let names = match kind(node) {
        Some(Kind::PoolingBackward) => partner(graph, node)
            .and_then(|partner| graph.bound(partner, "x"))
            .map(str::to_string),
        _ => None,
    };
    names.into_iter().collect()
}
