//! The table that describes a model: layers, shapes, parameters, work.

use super::Model;
use crate::graph::Phase;
use serde::{Deserialize, Serialize};

/// One row of a model's summary table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerSummary {
    /// `conv1`, as in PyTorch's state_dict; operations without parameters have names too.
    pub name: String,
    /// The operation's name: `conv2d`.
    pub operation: String,
    /// Output shape without the batch dimension.
    pub output_shape: Vec<usize>,
    pub parameters: u64,
    /// Floating-point operations of the forward pass for one sample; a multiply-add is two.
    pub flops: u64,
}

/// The rows of a model, in forward order.
pub fn summarize(model: &Model) -> Vec<LayerSummary> {
    let graph = &model.graph;
    let forward = graph
        .nodes()
        .iter()
        .filter(|node| node.phase == Phase::Forward);
    forward
        .map(|node| {
            let parameters = node
                .inputs
                .iter()
                .filter(|&&input| model.parameters.iter().any(|p| p.value == input))
                .map(|&input| graph.value(input).shape.count() as u64)
                .sum();
            LayerSummary {
                name: node.name.clone(),
                operation: node.op.name().into(),
                output_shape: graph.value(node.outputs[0]).shape.dims()[1..].to_vec(),
                parameters,
                flops: node.op.cost(&node.dims).flops / model.batch as u64,
            }
        })
        .collect()
}
