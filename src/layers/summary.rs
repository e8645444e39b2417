//! The table that describes a model: layers, shapes, parameters, work.

use super::{INPUT, Model};
use crate::graph::{Phase, Source, ValueId};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// One row of a model's summary table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerSummary {
    /// `conv1`, as in PyTorch's state_dict; operations without parameters have names too.
    pub name: String,
    /// The operation's name: `conv2d`.
    pub operation: String,
    /// What it reads: names of earlier rows, or `input`; not its parameters.
    pub inputs: Vec<String>,
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
    // Shared parameters count where they are first used.
    let mut counted: HashSet<ValueId> = HashSet::new();
    forward
        .map(|node| {
            let mut parameters = 0;
            for &input in &node.inputs {
                let learned = graph.value(input).source == Source::Parameter;
                if learned && counted.insert(input) {
                    parameters += graph.value(input).shape.count() as u64;
                }
            }
            let activations =
                node.inputs
                    .iter()
                    .filter_map(|&input| match graph.value(input).source {
                        Source::Node { node, .. } if graph.node(node).phase == Phase::Forward => {
                            Some(graph.node(node).name.clone())
                        }
                        Source::Node { .. } | Source::Input => Some(INPUT.into()),
                        _ => None,
                    });
            LayerSummary {
                inputs: activations.collect(),
                name: node.name.clone(),
                operation: node.op.name().into(),
                output_shape: graph
                    .value(node.outputs[0])
                    .shape
                    .dims()
                    .get(1..)
                    .unwrap_or_default()
                    .to_vec(),
                parameters,
                flops: node.op.flops(&node.dims) / model.batch as u64,
            }
        })
        .collect()
}
