//! Which activations are kept when every k-th layer's output is.

use crate::graph::{Graph, NodeId, Phase, Source, ValueId};
use crate::layers::{Model, ModelSpec};
use std::collections::HashSet;

/// The model's graph with the activations of every `every`-th layer kept, and those of the layers behind the last of
/// them: the backward pass begins there, and would compute them again at once. The others are computed again.
///
/// What a layer hands on is kept, not what it keeps for itself, such as the places of a pooling's maxima.
pub fn with_checkpoints(model: &Model, spec: &ModelSpec, every: u32) -> Graph {
    let kept = kept_activations(model, spec, every);
    model.graph.recomputing(&|value| kept.contains(&value))
}

/// The values that [`with_checkpoints`] keeps.
pub fn kept_activations(model: &Model, spec: &ModelSpec, every: u32) -> HashSet<ValueId> {
    let graph = &model.graph;
    let every = every.max(1) as usize;
    let layer = |id: NodeId| layer_of(graph, spec, id);
    let last_part = spec.layers.len().saturating_sub(1) / every * every;
    let mut kept: HashSet<ValueId> = HashSet::new();
    for id in graph.node_ids() {
        let node = graph.node(id);
        if !matches!(node.phase, Phase::Forward | Phase::Loss) {
            continue;
        }
        let reader = layer(id);
        for &input in &node.inputs {
            let (owner, _) = graph.storage(input);
            let Source::Node { node: source, .. } = graph.value(owner).source else {
                continue;
            };
            // What crosses the end of a part of `every` layers from its last one.
            let Some(from) = layer(source).filter(|_| layer(source) != reader) else {
                continue;
            };
            if (from + 1).is_multiple_of(every) {
                kept.insert(owner);
            }
        }
        if reader.is_some_and(|reader| reader >= last_part) {
            kept.extend(node.outputs.iter().map(|&value| graph.storage(value).0));
        }
    }
    kept
}

/// The layer that a forward node belongs to: the one of its name, or whose name and a dot its own begins with.
fn layer_of(graph: &Graph, spec: &ModelSpec, id: NodeId) -> Option<usize> {
    let node = graph.node(id);
    if node.phase != Phase::Forward {
        return None;
    }
    let belongs = |layer: &str| {
        let rest = node.name.strip_prefix(layer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let layers = spec.layers.iter().enumerate();
    layers
        .filter(|(_, layer)| belongs(&layer.name))
        .max_by_key(|(_, layer)| layer.name.len())
        .map(|(number, _)| number)
}
