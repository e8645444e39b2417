//! Gradient steps of single operations in 64 bits, with any gradient arriving.

use super::*;
use crate::graph::Node;
use crate::ops::{Buffer, Dims, GradientOperand, GradientStep, Io, Op, needed_steps, started_from};
use crate::tensor::{ElementType, Shape};
use std::collections::HashMap;

/// A tensor on the host.
pub(super) type Held = (Shape, Buffer<f64>);

pub(super) fn is_forward(node: &Node) -> bool {
    matches!(node.phase, Phase::Forward | Phase::Loss)
}

/// Whether each value depends on `from`.
pub(super) fn behind(graph: &Graph, from: ValueId) -> Vec<bool> {
    let mut is_behind = vec![false; graph.values().len()];
    is_behind[from.0] = true;
    for node in graph.nodes().iter().filter(|node| is_forward(node)) {
        if node.inputs.iter().any(|input| is_behind[input.0]) {
            for output in &node.outputs {
                is_behind[output.0] |= graph.value(*output).element == ElementType::F32;
            }
        }
    }
    is_behind
}

/// A gradient step that ran.
pub(super) struct Row {
    pub step: GradientStep,
    /// The gradient of the target.
    pub values: Vec<f64>,
    pub operands: Vec<Held>,
    pub outputs: Vec<Held>,
    pub dims: Dims,
}

/// Runs the gradient steps that `is_asked`, and what they read of earlier ones; `held` gives everything else
/// that they read.
pub(super) fn gradient_rows(
    steps: &[GradientStep],
    held: impl Fn(&GradientOperand) -> Held,
    is_asked: impl Fn(usize, &GradientStep) -> bool,
    values: StepValues,
) -> Vec<Row> {
    let needed = needed_steps(steps, &is_asked);
    // Rows by the number of their step; those that only hand on to a later one go at the end.
    let mut rows: Vec<Option<Row>> = Vec::with_capacity(steps.len());
    for (number, step) in steps.iter().enumerate() {
        let row = needed[number].then(|| {
            let operand = |operand: &GradientOperand| match *operand {
                GradientOperand::Step(earlier, output) => {
                    let row = rows[earlier].as_ref().expect("an earlier step has run");
                    row.outputs[output].clone()
                }
                _ => held(operand),
            };
            let operands: Vec<Held> = step.operands.iter().map(operand).collect();
            let (dims, outputs) = run_alone(&step.op, &operands, values);
            let Buffer::Real(values) = &outputs[0].1 else {
                unreachable!("a gradient is real")
            };
            Row {
                values: values.clone(),
                step: step.clone(),
                operands,
                outputs,
                dims,
            }
        });
        rows.push(row);
    }
    let rows = rows.into_iter().zip(steps).enumerate();
    rows.filter(|(number, (_, step))| is_asked(*number, step))
        .filter_map(|(_, (row, _))| row)
        .collect()
}

/// A batch that ran forward, differentiated by everything that depends on one value.
pub(super) struct Reverse<'a> {
    pub graph: &'a Graph,
    pub exact: &'a CpuExecutor<f64>,
    pub step: StepValues,
    /// Of each value: see [`behind`].
    pub is_behind: &'a [bool],
}

impl Reverse<'_> {
    /// The gradients of every value that a sum depends on: that of `value` is `seed`.
    pub(super) fn gradients(&self, value: ValueId, seed: Vec<f64>) -> HashMap<ValueId, Vec<f64>> {
        let mut gradients: HashMap<ValueId, Vec<f64>> = HashMap::new();
        gradients.insert(value, seed);
        let nodes = self.graph.nodes().iter().rev();
        for node in nodes.filter(|node| is_forward(node)) {
            for (output, value) in node.outputs.iter().enumerate() {
                let Some(upstream) = gradients.get(value).cloned() else {
                    continue;
                };
                for row in self.pull_back(node, output, &upstream) {
                    let target = node.inputs[row.step.target];
                    match gradients.get_mut(&target) {
                        None => {
                            gradients.insert(target, row.values);
                        }
                        Some(sum) => {
                            for (sum, part) in sum.iter_mut().zip(row.values) {
                                *sum += part;
                            }
                        }
                    }
                }
            }
        }
        gradients
    }

    /// Runs the gradient steps of a node with `upstream` at one output and 0 at the others, for the
    /// inputs that depend on the value.
    pub(super) fn pull_back(&self, node: &Node, output: usize, upstream: &[f64]) -> Vec<Row> {
        let steps = node.op.gradient(&node.dims);
        let is_asked = |number: usize, step: &GradientStep| {
            let reads = started_from(&steps, number).contains(&output);
            reads && self.is_behind[node.inputs[step.target].0]
        };
        let held = |operand: &GradientOperand| match *operand {
            GradientOperand::Input(input) => self.held(node.inputs[input]),
            GradientOperand::Output(output) => self.held(node.outputs[output]),
            GradientOperand::GradientOf(of) | GradientOperand::GradientOrZero(of) => {
                let shape = self.graph.value(node.outputs[of]).shape.clone();
                let values = if of == output {
                    upstream.to_vec()
                } else {
                    vec![0.0; shape.count()]
                };
                (shape, Buffer::Real(values))
            }
            GradientOperand::Step(..) => unreachable!("a result of an earlier step"),
        };
        gradient_rows(&steps, held, is_asked, self.step)
    }

    fn held(&self, value: ValueId) -> Held {
        let shape = self.graph.value(value).shape.clone();
        (shape, Buffer::from_slice(self.exact.slice(value)))
    }
}

/// Runs one operation on given operands; returns its sizes and outputs.
fn run_alone(op: &Op, operands: &[Held], step: StepValues) -> (Dims, Vec<Held>) {
    let declared = op.inputs();
    let shapes = operands.iter().zip(&declared);
    let shapes: Vec<_> = shapes.map(|((s, _), input)| (s, input.element)).collect();
    let resolved = op
        .resolve(&shapes)
        .expect("a gradient step fits the operation that it belongs to");
    let mut is_aliased = vec![false; operands.len()];
    let mut outputs: Vec<Held> = op
        .outputs()
        .iter()
        .zip(resolved.outputs)
        .map(|(output, (shape, element))| match output.role {
            Role::Alias(input) => {
                is_aliased[input] = true;
                (shape, operands[input].1.clone())
            }
            _ => {
                let count = shape.count();
                (shape, Buffer::unwritten(element, count))
            }
        })
        .collect();
    let mut io = Io {
        inputs: operands
            .iter()
            .zip(&is_aliased)
            .map(|((_, input), is_aliased)| (!is_aliased).then(|| input.slice(0, input.len())))
            .collect(),
        outputs: outputs
            .iter_mut()
            .map(|(_, output)| {
                let count = output.len();
                output.slice_mut(0, count)
            })
            .collect(),
        step,
    };
    op.twin(&resolved.dims, &mut io);
    (resolved.dims, outputs)
}
