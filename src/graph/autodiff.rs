//! Reverse-mode differentiation: appends gradient nodes to the graph.

use super::{Graph, GraphError, NodeId, Phase, ValueId};
use crate::ops::{Add, GradientOperand, Op};
use crate::tensor::{Shape, Tensor};
use std::collections::HashMap;

/// Gradients that meet at each value.
type Contributions = HashMap<ValueId, Vec<ValueId>>;

impl Graph {
    /// Appends the backward pass: afterwards the values of `targets` know their
    /// gradient of `loss`. Only what leads to a target is differentiated.
    ///
    /// # Errors
    /// When the loss is not a scalar, or a target does not reach it.
    pub fn differentiate(&mut self, loss: ValueId, targets: &[ValueId]) -> Result<(), GraphError> {
        if self.value(loss).shape != Shape::scalar() {
            return Err(GraphError::LossNotScalar {
                name: self.value(loss).name.clone(),
                shape: self.value(loss).shape.clone(),
            });
        }
        let needs = self.needs_gradient(targets);
        let one = Tensor::f32(Shape::scalar(), vec![1.0])?;
        let seed = self.constant(format!("{}.grad", self.value(loss).name), one);
        let mut contributions = Contributions::from([(loss, vec![seed])]);

        let forward: Vec<NodeId> = self.node_ids().collect();
        for &node in forward.iter().rev() {
            self.differentiate_node(node, &needs, &mut contributions)?;
        }
        for &target in targets {
            self.settle(target, &mut contributions)?;
            if self.value(target).gradient.is_none() {
                return Err(GraphError::NoGradient {
                    name: self.value(target).name.clone(),
                });
            }
        }
        Ok(())
    }

    /// For every value, whether a target has an influence on it.
    fn needs_gradient(&self, targets: &[ValueId]) -> Vec<bool> {
        let mut needs = vec![false; self.values().len()];
        for target in targets {
            needs[target.0] = true;
        }
        for node in self.nodes() {
            if node.inputs.iter().any(|input| needs[input.0]) {
                for output in &node.outputs {
                    needs[output.0] = true;
                }
            }
        }
        needs
    }

    /// Appends the gradient steps of one forward node whose outputs have gradients.
    fn differentiate_node(
        &mut self,
        forward: NodeId,
        needs: &[bool],
        contributions: &mut Contributions,
    ) -> Result<(), GraphError> {
        for output in self.node(forward).outputs.clone() {
            self.settle(output, contributions)?;
        }
        let node = self.node(forward).clone();
        for step in node.op.gradient(&node.dims) {
            let target = node.inputs[step.target];
            if !needs[target.0] {
                continue;
            }
            let operands: Option<Vec<ValueId>> = step
                .operands
                .iter()
                .map(|&operand| match operand {
                    GradientOperand::Input(input) => Some(node.inputs[input]),
                    GradientOperand::Output(output) => Some(node.outputs[output]),
                    GradientOperand::GradientOf(output) => {
                        self.value(node.outputs[output]).gradient
                    }
                })
                .collect();
            // An output that does not reach the loss hands nothing back.
            let Some(operands) = operands else { continue };
            let suffix = backward_suffix(node.op.name(), step.op.name());
            let mut name = format!("{}.{suffix}", node.name);
            if self.find_node(&name).is_some() {
                // The same operation for another input: `sum.backward_b`.
                name = format!("{name}_{}", node.op.inputs()[step.target].name);
            }
            let gradient =
                self.apply_in(Phase::Backward, Some(forward), step.op, name, &operands)?[0];
            contributions.entry(target).or_default().push(gradient);
        }
        Ok(())
    }

    /// Adds up what has come together at `value` and makes it the gradient.
    fn settle(
        &mut self,
        value: ValueId,
        contributions: &mut Contributions,
    ) -> Result<(), GraphError> {
        let Some(parts) = contributions.remove(&value) else {
            return Ok(());
        };
        let name = self.value(value).name.clone();
        let mut parts = parts.into_iter();
        let mut sum = parts.next().expect("a contribution is there");
        for (count, part) in parts.enumerate() {
            let node = format!("{name}.grad_sum_{count}");
            sum = self.apply_in(Phase::Backward, None, Op::Add(Add {}), node, &[sum, part])?[0];
        }
        self.values[sum.0].name = format!("{name}.grad");
        self.values[value.0].gradient = Some(sum);
        Ok(())
    }
}

/// `backward_weight` for `conv2d` and `conv2d_backward_weight`.
fn backward_suffix<'a>(forward: &str, backward: &'a str) -> &'a str {
    backward
        .strip_prefix(forward)
        .map_or(backward, |suffix| suffix.trim_start_matches('_'))
}
