//! Work of the groups of a plan, counted by their operations' own cost functions.

use super::Place;
use crate::exec::Plan;
use crate::exec::plan::PlannedOperand;
use crate::graph::{Graph, Phase, ValueId};
use std::collections::HashMap;

/// What a group of a plan is and counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// Number of the group in the plan.
    pub group: usize,
    /// Names of its nodes, joined by ` + `.
    pub name: String,
    /// Names of their operations.
    pub operation: String,
    pub phase: Phase,
    /// Sum of its nodes' counts.
    pub flops: u64,
    /// Bytes that move between memory and the group: where one kernel does several nodes, what it hands on inside does
    /// not move, and what they share moves once.
    pub bytes: u64,
    /// Sum of its nodes' counts, each by itself.
    pub bytes_apart: u64,
}

impl Counted {
    /// FLOPs for each byte.
    pub fn intensity(&self) -> f64 {
        self.flops as f64 / self.bytes as f64
    }
}

/// The groups that move anything, in running order. The CPU runs every node by itself.
pub fn count(graph: &Graph, plan: &Plan, place: Place) -> Vec<Counted> {
    let groups = plan.groups.iter().enumerate();
    groups
        .map(|(number, group)| {
            let nodes = group.nodes.iter().map(|&node| graph.node(node));
            let costs = nodes.clone().map(|node| node.op.cost(&node.dims));
            let names: Vec<&str> = nodes.clone().map(|node| node.name.as_str()).collect();
            let operations: Vec<&str> = nodes.map(|node| node.op.name()).collect();
            let bytes_apart: u64 = costs.clone().map(|cost| cost.bytes).sum();
            Counted {
                group: number,
                name: names.join(" + "),
                operation: operations.join(" + "),
                phase: group.phase,
                flops: costs.map(|cost| cost.flops).sum(),
                bytes: match place {
                    Place::Gpu => bytes_apart.saturating_sub(bytes_inside(graph, plan, number)),
                    Place::Cpu => bytes_apart,
                },
                bytes_apart,
            }
        })
        .filter(|counted| counted.bytes > 0)
        .collect()
}

/// Bytes that the nodes of a group count, but that its kernels do not move.
fn bytes_inside(graph: &Graph, plan: &Plan, number: usize) -> u64 {
    let group = &plan.groups[number];
    if group.nodes.len() < 2 {
        return 0;
    }
    let mut counts: HashMap<ValueId, u64> = HashMap::new();
    for &node in &group.nodes {
        let node = graph.node(node);
        for &value in node.inputs.iter().chain(&node.outputs) {
            *counts.entry(value).or_default() += 1;
        }
    }
    let is_bound = |value: ValueId| {
        let mut operands = group.calls.iter().flat_map(|call| &call.operands);
        operands.any(|operand| *operand == PlannedOperand::Value(value))
    };
    let inside = counts.iter().map(|(&value, &times)| {
        let described = graph.value(value);
        let bytes = (described.shape.count() * described.element.bytes()) as u64;
        bytes * (times - u64::from(is_bound(value)))
    });
    inside.sum()
}
