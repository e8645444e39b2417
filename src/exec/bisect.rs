//! Finding the first node that the GPU computes differently from the CPU.
//!
//! Node by node: both executors run a node on the same inputs, the outputs are
//! compared, and the CPU's are handed to both. So a wrong node does not make
//! those after it look wrong, and rounding does not add up.

use super::cpu::CpuExecutor;
use super::gpu::{GpuError, GpuExecutor};
use crate::graph::{NodeId, Phase, ValueId};
use crate::ops::{OperationEnvironment, Slice, StepValues};
use crate::tensor::Values;
use std::ops::Range;

/// How a node's outputs compare.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeComparison {
    pub node: NodeId,
    /// The output that differs most.
    pub value: ValueId,
    /// Where in it, row-major.
    pub offset: usize,
    pub actual: f64,
    pub expected: f64,
    /// The difference as a part of the output's largest magnitude, or of what was added up to a gradient
    /// that cancels; infinite for NaN, and for a difference where all that was expected is 0.
    pub error: f64,
}

/// Runs some groups of a plan on both executors and compares every node's outputs; errors up to `tolerance`
/// are nothing to look into. A node without outputs of its own, a new shape of its input, is left out.
///
/// Both executors hold the same inputs, parameters and states, and have plans of
/// single nodes ([`super::Mode::Inspect`]); afterwards both hold the same values.
///
/// # Errors
/// When the GPU fails.
pub async fn compare_nodes(
    gpu: &mut GpuExecutor,
    oracle: &mut CpuExecutor<f64>,
    groups: Range<usize>,
    step: &StepValues,
    tolerance: f64,
) -> Result<Vec<NodeComparison>, GpuError> {
    let mut comparisons = Vec::with_capacity(groups.len());
    for group in groups {
        gpu.submit(group..group + 1, std::slice::from_ref(step));
        oracle.run(group..group + 1, step);
        let planned = &oracle.plan().groups[group];
        let (node, has_calls) = (planned.nodes[0], !planned.calls.is_empty());
        let outputs = oracle.graph().node(node).outputs.clone();
        if !has_calls {
            continue;
        }
        let actual = gpu.read_many(&outputs).await?;
        comparisons.extend(compare_outputs(oracle, node, &actual, step, tolerance));
        for &output in &outputs {
            // In f32 for both, so that the next node starts from the same bits.
            let values = oracle.read(output);
            gpu.write(output, &values);
            oracle.write(output, &values);
        }
    }
    Ok(comparisons)
}

/// The first comparison whose error is above `tolerance`.
pub fn first_difference(comparisons: &[NodeComparison], tolerance: f64) -> Option<&NodeComparison> {
    comparisons
        .iter()
        .find(|comparison| comparison.error.is_nan() || comparison.error > tolerance)
}

/// A value in the oracle's own precision.
fn exact(oracle: &CpuExecutor<f64>, value: ValueId) -> Vec<f64> {
    match oracle.read(value) {
        Values::F32(_) => oracle.reals(value).to_vec(),
        other => (0..other.len()).filter_map(|at| other.number(at)).collect(),
    }
}

/// A node's outputs as something else computed them against those that the oracle holds, whose inputs are still those
/// that it computed with: the output that differs most.
pub fn compare_outputs(
    oracle: &CpuExecutor<f64>,
    node: NodeId,
    actual: &[Values],
    step: &StepValues,
    tolerance: f64,
) -> Option<NodeComparison> {
    let outputs = oracle.graph().node(node).outputs.iter().enumerate();
    outputs
        .zip(actual)
        .map(|((number, &value), actual)| {
            let expected = exact(oracle, value);
            let added_up = |at| sum_of_magnitudes(oracle, node, number, at, step);
            compare(node, value, actual, &expected, tolerance, added_up)
        })
        .max_by(|a, b| a.error.total_cmp(&b.error))
}

/// The magnitudes of the terms that an element of a backward node's output is the sum of, added up; 0 of other
/// nodes. A gradient may cancel: that of a bias which batch normalization takes out again is 0, and what is
/// computed is the rounding of this sum.
fn sum_of_magnitudes(
    oracle: &CpuExecutor<f64>,
    node: NodeId,
    output: usize,
    at: usize,
    step: &StepValues,
) -> f64 {
    let graph = oracle.graph();
    let node = graph.node(node);
    if node.phase != Phase::Backward {
        return 0.0;
    }
    let inputs = node.op.inputs().into_iter().map(|input| input.name);
    let outputs = node.op.outputs().into_iter().map(|output| output.name);
    let names = inputs.zip(&node.inputs).chain(outputs.zip(&node.outputs));
    let mut environment = OperationEnvironment::new(&node.op, &node.dims, *step);
    for (name, &value) in names {
        let shape = &graph.value(value).shape;
        environment = environment.with_tensor(name, shape, move |at| number(oracle, value, at));
    }
    let equation = &node.op.equations(&node.dims)[output];
    let index = graph.value(node.outputs[output]).shape.index(at);
    // Equations of tensors of any shape see one long row.
    let index = if equation.indices.len() == index.len() {
        index
    } else {
        vec![at]
    };
    let explanation = equation.explain(&environment, &index);
    let terms = explanation.groups.iter().flat_map(|group| &group.terms);
    terms.map(|term| term.value.abs()).sum()
}

/// One element as the oracle holds it.
fn number(oracle: &CpuExecutor<f64>, value: ValueId, at: usize) -> Option<f64> {
    match oracle.slice(value) {
        Slice::Real(values) => values.get(at).copied(),
        Slice::Index(values) => values.get(at).map(|&value| value.into()),
        Slice::Bytes(values) => values.get(at).map(|&value| value.into()),
    }
}

/// Where `added_up` is asked, the tensor's largest magnitude alone would not let an element pass.
fn compare(
    node: NodeId,
    value: ValueId,
    actual: &Values,
    expected: &[f64],
    tolerance: f64,
    added_up: impl Fn(usize) -> f64,
) -> NodeComparison {
    let scale = expected.iter().fold(0.0f64, |m, e| m.max(e.abs()));
    let error_of = |difference: f64, scale: f64| match difference {
        0.0 => 0.0,
        _ if difference.is_nan() || scale == 0.0 => f64::INFINITY,
        _ => difference / scale,
    };
    let mut worst = NodeComparison {
        node,
        value,
        offset: 0,
        actual: 0.0,
        expected: 0.0,
        error: -1.0,
    };
    for (offset, &expected) in expected.iter().enumerate() {
        let actual = actual.number(offset).unwrap_or(f64::NAN);
        let difference = (actual - expected).abs();
        let mut error = error_of(difference, scale);
        if error > tolerance && !difference.is_nan() {
            error = error_of(difference, scale.max(added_up(offset)));
        }
        if error > worst.error {
            worst = NodeComparison {
                offset,
                actual,
                expected,
                error,
                ..worst
            };
        }
        if error > tolerance {
            // Wrong; the others would not make it right.
            break;
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(actual: &[f32], expected: &[f64]) -> f64 {
        let actual = Values::F32(actual.to_vec());
        compare(NodeId(0), ValueId(0), &actual, expected, 1e-6, |_| 0.0).error
    }

    #[test]
    fn missing_values_and_nan_are_infinitely_wrong() {
        assert_eq!(error(&[1.0, 2.0], &[1.0, 2.0]), 0.0);
        assert_eq!(error(&[1.0, 3.0], &[1.0, 4.0]), 0.25);
        assert_eq!(error(&[f32::NAN], &[1.0]), f64::INFINITY);
        assert_eq!(error(&[1.0], &[f64::NAN]), f64::INFINITY);
        assert_eq!(error(&[1.0], &[1.0, 2.0]), f64::INFINITY);
        assert_eq!(error(&[1e-9], &[0.0]), f64::INFINITY);
        // A sum of values up to 0.5 that cancels.
        let cancelled = Values::F32(vec![1e-9]);
        let compared = |tolerance: f64| {
            compare(NodeId(0), ValueId(0), &cancelled, &[0.0], tolerance, |_| {
                0.5
            })
        };
        assert!((compared(1e-6).error - 2e-9).abs() < 1e-15);
    }
}
