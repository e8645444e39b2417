//! A graph as the microscope describes it.

use super::inspection::{
    EquationFacts, GraphFacts, KernelFacts, NodeFacts, Statistics, TensorFacts, TensorKind,
};
use crate::equation::render;
use crate::exec::Plan;
use crate::graph::{Graph, NodeId, Phase, Source, ValueId};
use crate::ops::{Role, shader};
use crate::tensor::Values;

/// The nodes of an inspect plan in running order: each group is one node.
pub(super) fn running_order(plan: &Plan) -> Vec<NodeId> {
    plan.groups.iter().map(|group| group.nodes[0]).collect()
}

/// The layer that a node belongs to.
pub(super) fn layer(graph: &Graph, node: NodeId) -> String {
    let node = graph.node(node);
    match node.partner {
        Some(partner) => graph.node(partner).name.clone(),
        None => node.name.clone(),
    }
}

/// Everything about a graph that does not change from step to step.
pub(super) fn graph_facts(graph: &Graph, order: &[NodeId]) -> GraphFacts {
    let number = |node: NodeId| {
        order
            .iter()
            .position(|&other| other == node)
            .map(|at| at as u32)
    };
    GraphFacts {
        nodes: order
            .iter()
            .map(|&node| node_facts(graph, node, number))
            .collect(),
        tensors: graph
            .value_ids()
            .filter(|&value| graph.value(value).source != Source::Arena)
            .map(|value| tensor_facts(graph, value, number))
            .collect(),
    }
}

fn node_facts(graph: &Graph, id: NodeId, number: impl Fn(NodeId) -> Option<u32>) -> NodeFacts {
    let node = graph.node(id);
    let name = |value: ValueId| graph.value(value).name.clone();
    let (declared_inputs, declared_outputs) = (node.op.inputs(), node.op.outputs());
    let inputs = declared_inputs.iter().zip(&node.inputs);
    let outputs = declared_outputs.iter().zip(&node.outputs);
    let equations = node.op.equations(&node.dims);
    let defined = equations.iter().map(|equation| {
        let output = declared_outputs
            .iter()
            .position(|output| output.name == equation.output)
            .expect("an equation defines one of the outputs");
        EquationFacts {
            tensor: name(node.outputs[output]),
            mathml: render::mathml(equation),
            latex: render::latex(equation),
        }
    });
    let mut scalars: Vec<(String, f64)> = node
        .op
        .scalars()
        .into_iter()
        .map(|(name, value)| (name.to_string(), value))
        .collect();
    scalars.extend(
        node.dims
            .iter()
            .map(|(letter, size)| (letter.to_string(), size as f64)),
    );
    let cost = node.op.cost(&node.dims);
    NodeFacts {
        name: node.name.clone(),
        operation: node.op.name().into(),
        phase: node.phase,
        layer: layer(graph, id),
        partner: node.partner.and_then(number),
        inputs: inputs
            .map(|(input, &value)| (input.name.into(), name(value)))
            .collect(),
        outputs: outputs
            .map(|(output, &value)| (output.name.into(), name(value)))
            .collect(),
        equations: defined.collect(),
        formulas: formulas(&node.op),
        scalars,
        flops: cost.flops,
        bytes: cost.bytes,
        kernels: node
            .op
            .kernels(&node.dims)
            .into_iter()
            .map(|call| KernelFacts {
                shader: call.shader.into(),
                source: shader::source(call.shader).into(),
                workgroups: call.workgroups,
            })
            .collect(),
    }
}

/// The formulas that an operation gives, or its name applied to what it reads.
fn formulas(op: &crate::ops::Op) -> Vec<(String, String)> {
    let given = op.formulas();
    if !given.is_empty() {
        let owned = |&(symbol, formula): &(&str, &str)| (symbol.into(), formula.into());
        return given.iter().map(owned).collect();
    }
    let inputs: Vec<&str> = op.inputs().iter().map(|input| input.name).collect();
    let result = op.outputs().first().map(|output| output.name.to_string());
    let formula = format!("{}({})", op.name(), inputs.join(", "));
    result
        .into_iter()
        .map(|symbol| (symbol, formula.clone()))
        .collect()
}

fn tensor_facts(graph: &Graph, id: ValueId, number: impl Fn(NodeId) -> Option<u32>) -> TensorFacts {
    let value = graph.value(id);
    let node = match value.source {
        Source::Node { node, .. } => Some(node),
        _ => None,
    };
    let kind = match (&value.source, node.map(|node| graph.node(node).phase)) {
        (Source::Parameter, _) => TensorKind::Parameter,
        (Source::State | Source::Arena, _) | (_, Some(Phase::Update)) => TensorKind::State,
        _ if is_buffer(graph, id) => TensorKind::State,
        (_, Some(Phase::Backward)) => TensorKind::Gradient,
        (_, Some(Phase::Forward | Phase::Loss)) => TensorKind::Activation,
        (Source::Constant(_), _) if value.name.ends_with(".grad") => TensorKind::Gradient,
        _ => TensorKind::Data,
    };
    TensorFacts {
        name: value.name.clone(),
        shape: value.shape.dims().iter().map(|&size| size as u32).collect(),
        kind,
        node: node.and_then(number),
        gradient: value
            .gradient
            .map(|gradient| graph.value(gradient).name.clone()),
    }
}

/// Whether a value is what a forward operation gathers, before or after it.
pub(super) fn is_buffer(graph: &Graph, value: ValueId) -> bool {
    let (owner, _) = graph.storage(value);
    matches!(graph.value(owner).source, Source::Buffer { .. })
}

/// Whether an output has memory of its own, rather than a new shape of its input's.
pub(super) fn is_own(graph: &Graph, node: NodeId, output: usize) -> bool {
    !matches!(graph.node(node).op.outputs()[output].role, Role::Alias(_))
}

/// Statistics of all finite elements.
pub(super) fn statistics(values: &[f32]) -> Statistics {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let count = finite().count();
    let mut result = Statistics {
        non_finite: (values.len() - count) as u64,
        ..Statistics::default()
    };
    if count == 0 {
        return result;
    }
    result.minimum = finite().fold(f32::INFINITY, f32::min);
    result.maximum = finite().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = finite().map(f64::from).sum();
    let squares: f64 = finite().map(|value| f64::from(value).powi(2)).sum();
    result.mean = (sum / count as f64) as f32;
    result.norm = squares.sqrt() as f32;
    result.zeros = (finite().filter(|&value| value == 0.0).count() as f64 / count as f64) as f32;
    let parts = result.histogram.len();
    let span = f64::from(result.maximum) - f64::from(result.minimum);
    for value in finite() {
        let share = (f64::from(value) - f64::from(result.minimum)) / span;
        // All values equal: everything in the first part.
        let part = if span > 0.0 {
            (share * parts as f64) as usize
        } else {
            0
        };
        result.histogram[part.min(parts - 1)] += 1;
    }
    result
}

/// Values as f32, whatever they are stored as.
pub(super) fn as_reals(values: &Values) -> Vec<f32> {
    match values {
        Values::F32(values) => values.clone(),
        Values::U32(values) => values.iter().map(|&value| value as f32).collect(),
        Values::U8(values) => values.iter().map(|&value| f32::from(value)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_leave_non_finite_values_out() {
        let result = statistics(&[0.0, 3.0, -4.0, f32::NAN, 0.0]);
        assert_eq!((result.minimum, result.maximum), (-4.0, 3.0));
        assert_eq!(result.mean, -0.25);
        assert_eq!(result.zeros, 0.5);
        assert_eq!(result.norm, 5.0);
        assert_eq!(result.non_finite, 1);
        assert_eq!(result.histogram.iter().sum::<u32>(), 4);
        assert_eq!((result.histogram[0], result.histogram[31]), (1, 1));
    }

    #[test]
    fn equal_values_share_one_part_of_the_histogram() {
        let result = statistics(&[2.0; 7]);
        assert_eq!(result.histogram[0], 7);
        assert_eq!(statistics(&[]), Statistics::default());
    }
}
