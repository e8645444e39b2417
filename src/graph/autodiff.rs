//! Reverse-mode differentiation: appends gradient nodes to the graph.

use super::{Graph, GraphError, NodeId, Phase, ValueId};
use crate::ops::{Add, GradientOperand, GradientStep, Op, needed_steps, started_from};
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
        let steps = node.op.gradient(&node.dims);
        let needed = needed_steps(&steps, |_, step| needs[node.inputs[step.target].0]);
        // Outputs of the steps that were appended.
        let mut made: Vec<Vec<ValueId>> = vec![Vec::new(); steps.len()];
        for (number, step) in steps.iter().enumerate() {
            let target = node.inputs[step.target];
            if !needed[number] {
                continue;
            }
            let arrives = |output: &usize| self.value(node.outputs[*output]).gradient.is_some();
            // Outputs that do not reach the loss hand nothing back.
            if !started_from(&steps, number).iter().any(arrives) {
                continue;
            }
            let operands = step
                .operands
                .iter()
                .map(|&operand| {
                    Ok(match operand {
                        GradientOperand::Input(input) => Some(node.inputs[input]),
                        GradientOperand::Output(output) => Some(node.outputs[output]),
                        GradientOperand::GradientOf(output) => {
                            self.value(node.outputs[output]).gradient
                        }
                        GradientOperand::GradientOrZero(output) => {
                            Some(self.gradient_or_zero(node.outputs[output])?)
                        }
                        GradientOperand::Step(earlier, output) => {
                            made[earlier].get(output).copied()
                        }
                    })
                })
                .collect::<Result<Option<Vec<ValueId>>, GraphError>>()?;
            let Some(operands) = operands else { continue };
            let step: GradientStep = step.clone();
            let suffix = backward_suffix(node.op.name(), step.op.name());
            let mut name = format!("{}.{suffix}", node.name);
            if self.find_node(&name).is_some() {
                // The same operation for another input: `sum.backward_b`.
                name = format!("{name}_{}", node.op.inputs()[step.target].name);
            }
            let outputs =
                self.apply_in(Phase::Backward, Some(forward), step.op, name, &operands)?;
            if needs[target.0] {
                contributions.entry(target).or_default().push(outputs[0]);
            }
            made[number] = outputs;
        }
        Ok(())
    }

    /// The gradient of a value, or zeros of its shape.
    fn gradient_or_zero(&mut self, id: ValueId) -> Result<ValueId, GraphError> {
        let value = self.value(id);
        if let Some(gradient) = value.gradient {
            return Ok(gradient);
        }
        let name = format!("{}.grad_zero", value.name);
        if let Some(zeros) = self.find_value(&name) {
            return Ok(zeros);
        }
        let shape = value.shape.clone();
        let zeros = Tensor::f32(shape.clone(), vec![0.0; shape.count()])?;
        Ok(self.constant(name, zeros))
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
