//! Activation recomputation: a graph that keeps few activations and computes the others again in the backward pass.
//!
//! Forward nodes are doubled behind the loss, so that plans and executors need to know nothing of it: an activation
//! that only the doubled nodes' readers need later dies in the forward pass. The same operations run on the same
//! values, so gradients are the same bits where an operation always gives the same. Source: Chen, Xu, Zhang and
//! Guestrin (2016), "Training deep nets with sublinear memory cost".

use super::{Graph, NodeId, Phase, Source, Value, ValueId};
use crate::ops::Role;
use std::collections::HashMap;

/// Behind the names of nodes and values that are computed again.
const AGAIN: &str = ".again";

/// The graph that is being made.
struct Recomputing<'a> {
    from: &'a Graph,
    is_kept: &'a dyn Fn(ValueId) -> bool,
    graph: Graph,
    /// Where each node stands now, by its old number.
    moved: Vec<NodeId>,
    /// What stands for a value that is computed again.
    copies: HashMap<ValueId, ValueId>,
}

impl Graph {
    /// The same graph, in which the backward pass reads no activation but those that are kept: every other one is
    /// computed again right before it is needed, once. All values keep their ids; nodes move.
    ///
    /// `is_kept` is asked about outputs of forward nodes that own their memory. What an operation gathers in training,
    /// such as running statistics, may be updated only once a step: the outputs of such operations are always kept.
    #[must_use]
    pub fn recomputing(&self, is_kept: &dyn Fn(ValueId) -> bool) -> Self {
        let mut new = Recomputing {
            from: self,
            is_kept,
            graph: Self {
                values: self.values.clone(),
                nodes: Vec::with_capacity(self.nodes.len()),
            },
            moved: Vec::with_capacity(self.nodes.len()),
            copies: HashMap::new(),
        };
        for id in self.node_ids() {
            let mut node = self.node(id).clone();
            if node.phase == Phase::Backward {
                for input in &mut node.inputs {
                    *input = new.again(*input);
                }
            }
            let place = NodeId(new.graph.nodes.len());
            for (output, &value) in node.outputs.iter().enumerate() {
                let source = Source::Node {
                    node: place,
                    output,
                };
                new.graph.values[value.0].source = source;
            }
            new.moved.push(place);
            new.graph.nodes.push(node);
        }
        let Recomputing {
            mut graph, moved, ..
        } = new;
        for node in &mut graph.nodes {
            node.partner = node.partner.map(|partner| moved[partner.0]);
        }
        graph
    }

    /// Whether a node computes again what an earlier one has computed.
    pub fn is_recomputation(&self, id: NodeId) -> bool {
        let node = self.node(id);
        let original = node.partner.map(|partner| &self.node(partner).name);
        original.is_some_and(|name| node.name.strip_suffix(AGAIN) == Some(name))
    }
}

impl Recomputing<'_> {
    /// The forward node whose value has to be computed again to be read now.
    fn source(&self, value: ValueId) -> Option<NodeId> {
        let Source::Node { node, .. } = self.from.value(value).source else {
            return None;
        };
        let (owner, _) = self.from.storage(value);
        let is_forward = |value: ValueId| match self.from.value(value).source {
            Source::Node { node, .. } => self.from.node(node).phase == Phase::Forward,
            _ => false,
        };
        let is_lost = is_forward(value)
            && is_forward(owner)
            && !(self.is_kept)(owner)
            && !self.gathers(node)
            && !self.owner_is_gathered(owner);
        is_lost.then_some(node)
    }

    /// Whether a node updates something in place.
    fn gathers(&self, id: NodeId) -> bool {
        let node = self.from.node(id);
        node.op.outputs().iter().any(|output| match output.role {
            Role::Alias(input) => {
                let (owner, _) = self.from.storage(node.inputs[input]);
                !matches!(self.from.value(owner).source, Source::Node { .. })
            }
            _ => false,
        })
    }

    fn owner_is_gathered(&self, owner: ValueId) -> bool {
        match self.from.value(owner).source {
            Source::Node { node, .. } => self.gathers(node),
            _ => false,
        }
    }

    /// What a backward node reads in place of `value`; the nodes that compute it again are appended.
    fn again(&mut self, value: ValueId) -> ValueId {
        if let Some(&copy) = self.copies.get(&value) {
            return copy;
        }
        let Some(id) = self.source(value) else {
            return value;
        };
        let mut node = self.from.node(id).clone();
        let originals = node.inputs.clone();
        for input in &mut node.inputs {
            *input = self.again(*input);
        }
        let place = NodeId(self.graph.nodes.len());
        node.name = format!("{}{AGAIN}", node.name);
        node.phase = Phase::Backward;
        node.partner = Some(id);
        for (output, value) in node.outputs.iter_mut().enumerate() {
            let Value {
                name,
                shape,
                element,
                view,
                ..
            } = self.from.value(*value).clone();
            // A view of an input is one of what the input is now.
            let view = view.map(|(base, offset)| {
                let at = originals.iter().position(|&input| input == base);
                let at = at.expect("a forward node's views are of its inputs");
                (node.inputs[at], offset)
            });
            let copy = ValueId(self.graph.values.len());
            self.graph.values.push(Value {
                name: format!("{name}{AGAIN}"),
                shape,
                element,
                source: Source::Node {
                    node: place,
                    output,
                },
                gradient: None,
                view,
            });
            self.copies.insert(*value, copy);
            *value = copy;
        }
        self.graph.nodes.push(node);
        self.copies[&value]
    }
}
