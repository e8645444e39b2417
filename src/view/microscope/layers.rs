//! The nodes of a graph by layer: what is drawn as one box when a layer is folded.

use crate::graph::Phase;
use crate::session::{GraphFacts, TensorKind};

/// Graphs with more nodes than this begin with their layers folded.
const LARGE: usize = 64;

/// A forward node with the backward nodes that differentiate it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    pub name: String,
    /// Numbers in running order, the forward node first.
    pub nodes: Vec<usize>,
}

impl Layer {
    /// A layer of one node is as small as it gets.
    pub fn can_fold(&self) -> bool {
        self.nodes.len() > 1
    }

    /// Where to run to when the layer is chosen: to the end of its forward nodes, then to the end of
    /// its backward nodes, then back.
    pub fn next_stop(&self, facts: &GraphFacts, done: u32) -> u32 {
        let last = |is_wanted: &dyn Fn(Phase) -> bool| {
            let nodes = self.nodes.iter().copied();
            let wanted = nodes.filter(|&number| is_wanted(facts.nodes[number].phase));
            wanted.max().map_or(0, |number| number as u32 + 1)
        };
        let forward = last(&|phase| phase != Phase::Backward);
        let backward = last(&|phase| phase == Phase::Backward);
        if forward <= done && done < backward {
            backward
        } else {
            forward
        }
    }

    /// Numbers that the layer learns.
    pub fn learned(&self, facts: &GraphFacts) -> u64 {
        let nodes = self.nodes.iter().map(|&number| &facts.nodes[number]);
        let forward = nodes.filter(|node| node.phase != Phase::Backward);
        let read = forward.flat_map(|node| &node.inputs);
        let parameters = read.filter_map(|(_, name)| {
            let mut tensors = facts.tensors.iter();
            tensors.find(|t| t.name == *name && t.kind == TensorKind::Parameter)
        });
        parameters
            .map(|tensor| {
                tensor
                    .shape
                    .iter()
                    .map(|&size| u64::from(size))
                    .product::<u64>()
            })
            .sum()
    }
}

/// Whether a graph is so large that it begins with its layers folded.
pub fn is_large(facts: &GraphFacts) -> bool {
    facts.nodes.len() > LARGE
}

/// All layers, in the order of their first nodes. Every node is in one of them.
pub fn layers(facts: &GraphFacts) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    for number in 0..facts.nodes.len() {
        let name = layer_of(facts, number);
        match layers.iter_mut().find(|layer| layer.name == name) {
            Some(layer) => layer.nodes.push(number),
            None => layers.push(Layer {
                name,
                nodes: vec![number],
            }),
        }
    }
    layers
}

/// A sum of gradients belongs to the layer whose result it is the gradient of; every other node says
/// itself where it belongs.
fn layer_of(facts: &GraphFacts, number: usize) -> String {
    let node = &facts.nodes[number];
    if node.phase != Phase::Backward || node.partner.is_some() {
        return node.layer.clone();
    }
    let mut at = number;
    for _ in 0..facts.nodes.len() {
        let Some((_, output)) = facts.nodes[at].outputs.first() else {
            break;
        };
        let mut tensors = facts.tensors.iter();
        let summed = tensors.find(|tensor| tensor.gradient.as_ref() == Some(output));
        if let Some(producer) = summed.and_then(|tensor| tensor.node) {
            return facts.nodes[producer as usize].layer.clone();
        }
        // One of several sums: the next one goes on.
        let reads = |node: &crate::session::NodeFacts| {
            node.partner.is_none() && node.inputs.iter().any(|(_, name)| name == output)
        };
        match (at + 1..facts.nodes.len()).find(|&next| reads(&facts.nodes[next])) {
            Some(next) => at = next,
            None => break,
        }
    }
    node.layer.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::microscope::model::tests::small;

    #[test]
    fn a_layer_holds_its_forward_and_backward_nodes() {
        let facts = small();
        let layers = layers(&facts);
        let listed: Vec<(&str, &[usize])> = layers
            .iter()
            .map(|layer| (layer.name.as_str(), &layer.nodes[..]))
            .collect();
        assert_eq!(
            listed,
            [
                ("batch", &[0][..]),
                ("fc", &[1, 4, 5]),
                ("loss", &[2, 3]),
                ("update", &[6]),
            ]
        );
        assert_eq!(layers[1].learned(&facts), 16);
        assert!(layers[1].can_fold() && !layers[0].can_fold());
        assert!(!is_large(&facts));
    }

    #[test]
    fn choosing_a_layer_runs_it_forward_and_then_backward() {
        let facts = small();
        let layer = &layers(&facts)[1];
        let stops: Vec<u32> = (0..=7).map(|done| layer.next_stop(&facts, done)).collect();
        assert_eq!(stops, [2, 2, 6, 6, 6, 6, 2, 2]);
    }
}
