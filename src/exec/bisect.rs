//! Finding the first node that the GPU computes differently from the CPU.
//!
//! Node by node: both executors run a node on the same inputs, the outputs are
//! compared, and the CPU's are handed to both. So a wrong node does not make
//! those after it look wrong, and rounding does not add up.

use super::cpu::CpuExecutor;
use super::gpu::{GpuError, GpuExecutor};
use crate::graph::{NodeId, Phase, ValueId};
use crate::ops::StepValues;
use crate::tensor::{ElementType, Values};
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
    /// The difference as a part of the output's largest magnitude (of a gradient that
    /// cancels, of what was added up); infinite for NaN, and for a difference where all that was
    /// expected is 0.
    pub error: f64,
}

/// Runs some groups of a plan on both executors and compares every node's outputs.
/// A node without outputs of its own, a new shape of its input, is left out.
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
        let floor = cancelled_scale(oracle, node);
        let worst = outputs
            .iter()
            .zip(&actual)
            .map(|(&value, actual)| compare(node, value, actual, &exact(oracle, value), floor))
            .max_by(|a, b| a.error.total_cmp(&b.error));
        comparisons.extend(worst);
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

/// The largest magnitude of the smallest input of a backward node, 0 of others: what a
/// gradient that cancels is a sum of. Where batch normalization takes a bias out again, the
/// bias's gradient is 0, and what is computed is the rounding of that sum.
fn cancelled_scale(oracle: &CpuExecutor<f64>, node: NodeId) -> f64 {
    let graph = oracle.graph();
    let node = graph.node(node);
    if node.phase != Phase::Backward {
        return 0.0;
    }
    let reals = |&&input: &&ValueId| graph.value(input).element == ElementType::F32;
    let largest = node.inputs.iter().filter(reals).map(|&input| {
        let values = oracle.reals(input).iter();
        values.fold(0.0f64, |m, value| m.max(value.abs()))
    });
    let smallest = largest.fold(f64::INFINITY, f64::min);
    if smallest.is_finite() { smallest } else { 0.0 }
}

fn compare(
    node: NodeId,
    value: ValueId,
    actual: &Values,
    expected: &[f64],
    floor: f64,
) -> NodeComparison {
    let scale = expected.iter().fold(floor, |m, e| m.max(e.abs()));
    let error_of = |actual: f64, expected: f64| {
        let difference = (actual - expected).abs();
        match difference {
            0.0 => 0.0,
            _ if difference.is_nan() || scale == 0.0 => f64::INFINITY,
            _ => difference / scale,
        }
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
        let error = error_of(actual, expected);
        if error > worst.error {
            worst = NodeComparison {
                offset,
                actual,
                expected,
                error,
                ..worst
            };
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(actual: &[f32], expected: &[f64]) -> f64 {
        let actual = Values::F32(actual.to_vec());
        compare(NodeId(0), ValueId(0), &actual, expected, 0.0).error
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
        let compared = compare(NodeId(0), ValueId(0), &cancelled, &[0.0], 0.5);
        assert!((compared.error - 2e-9).abs() < 1e-15);
    }
}
