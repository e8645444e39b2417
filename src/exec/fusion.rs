//! Which neighbouring nodes one kernel can do together on the GPU, and which
//! kernels are faster than an operation's first, readable ones.
//!
//! Training alone uses them; stepping shows every node by itself. A value
//! between two fused nodes is not written, so nothing else may need it.

use super::plan::{PlannedCall, bind};
use crate::graph::{Graph, Node, NodeId, Phase, ValueId};
use crate::ops::{KernelCall, Op, conv2d, linear, normalization, pool2d, softmax_cross_entropy};

/// What runs some nodes at the start of the order.
pub(super) struct Fused {
    /// How many nodes.
    pub length: usize,
    pub calls: Vec<PlannedCall>,
    /// In f32 elements; the calls number them from 0.
    pub workspaces: Vec<usize>,
}

impl Fused {
    fn one(length: usize, call: KernelCall, inputs: &[ValueId], outputs: &[ValueId]) -> Self {
        Self {
            length,
            calls: vec![bind(call, inputs, outputs)],
            workspaces: Vec::new(),
        }
    }
}

impl Fused {
    /// One node by other kernels than its first ones.
    fn faster(node: &Node, calls: Vec<KernelCall>) -> Self {
        let calls = calls.into_iter();
        Self {
            length: 1,
            calls: calls
                .map(|call| bind(call, &node.inputs, &node.outputs))
                .collect(),
            workspaces: Vec::new(),
        }
    }
}

/// The nodes at the start of `order` that faster kernels cover, and their calls;
/// `None` where there are none. Values in `keep` must be written.
pub(super) fn fuse(graph: &Graph, order: &[NodeId], keep: &[ValueId]) -> Option<Fused> {
    let start = Start { graph, order, keep };
    let node = start.node(0)?;
    match &node.op {
        Op::Conv2d(_) | Op::Linear(_) => start.layer(node),
        Op::Conv2dBackwardInput(_) | Op::LinearBackwardInput(_) | Op::MaxPool2dBackward(_) => {
            start.backward_input(node)
        }
        Op::Conv2dBackwardWeight(_) | Op::LinearBackwardWeight(_) => start.parameters(node),
        Op::SoftmaxCrossEntropy(_) => start.loss(node),
        Op::Lstm(op) => Some(Fused::faster(node, op.blocked(&node.dims)?)),
        Op::LstmBackward(op) => Some(Fused::faster(node, op.blocked(&node.dims)?)),
        Op::RecurrentBackwardWeight(op) => Some(Fused::faster(node, op.blocked(&node.dims)?)),
        Op::BatchNorm(_) => start.normalization(node),
        Op::BatchNormBackwardWeight(_) => start.normalization_backward(node),
        _ => None,
    }
}

/// An activation's number in the shaders, forward or backward; 0 is none.
fn activation(op: &Op) -> u32 {
    match op {
        Op::Relu(_) | Op::ReluBackward(_) => 1,
        Op::Sigmoid(_) | Op::SigmoidBackward(_) => 2,
        Op::Tanh(_) | Op::TanhBackward(_) => 3,
        _ => 0,
    }
}

fn is_backward(op: &Op) -> bool {
    matches!(
        op,
        Op::ReluBackward(_) | Op::SigmoidBackward(_) | Op::TanhBackward(_)
    )
}

/// The nodes that are still to be planned.
struct Start<'a> {
    graph: &'a Graph,
    order: &'a [NodeId],
    keep: &'a [ValueId],
}

impl<'a> Start<'a> {
    fn node(&self, at: usize) -> Option<&'a Node> {
        self.order.get(at).map(|&node| self.graph.node(node))
    }

    /// Whether `reader` alone reads `value`, and nobody asked for it.
    fn is_between(&self, value: ValueId, reader: &Node) -> bool {
        let owner = |value| self.graph.storage(value).0;
        let memory = owner(value);
        let is_kept = self.keep.iter().any(|&kept| owner(kept) == memory);
        let readers = self
            .graph
            .nodes()
            .iter()
            .filter(|node| node.inputs.iter().any(|&input| owner(input) == memory));
        memory == value && !is_kept && readers.map(|node| &node.name).eq([&reader.name])
    }

    /// The activation that alone reads a node's first output.
    fn activation_behind(&self, node: &Node) -> Option<&'a Node> {
        self.node(1).filter(|next| {
            activation(&next.op) != 0
                && !is_backward(&next.op)
                && next.inputs[0] == node.outputs[0]
                && self.is_between(node.outputs[0], next)
        })
    }

    /// A layer, with the activation behind it where there is one.
    fn layer(&self, node: &Node) -> Option<Fused> {
        let next = self.activation_behind(node);
        let number = next.map_or(0, |next| activation(&next.op));
        let call = match &node.op {
            Op::Conv2d(op) => conv2d::blocked(op, &node.dims, number)?,
            _ => linear::blocked(&node.dims, number)?,
        };
        let outputs = &next.unwrap_or(node).outputs;
        let length = 1 + usize::from(next.is_some());
        Some(Fused::one(length, call, &node.inputs, outputs))
    }

    /// A gradient that goes to a layer's input, with the backward operation of
    /// the activation in front where there is one.
    fn backward_input(&self, node: &Node) -> Option<Fused> {
        let next = self.node(1).filter(|next| {
            is_backward(&next.op)
                && next.inputs[1] == node.outputs[0]
                && self.is_between(node.outputs[0], next)
        });
        let number = next.map_or(0, |next| activation(&next.op));
        let call = match &node.op {
            Op::Conv2dBackwardInput(op) => conv2d::backward_input_blocked(op, &node.dims, number)?,
            Op::MaxPool2dBackward(op) => pool2d::backward_windows(op, &node.dims, number)?,
            _ => linear::backward_input_blocked(&node.dims, number)?,
        };
        // Without an activation nothing is read there, but something must be bound.
        let activated = next.map_or(node.inputs[0], |next| next.inputs[0]);
        let inputs = [node.inputs[0], node.inputs[1], activated];
        let outputs = &next.unwrap_or(node).outputs;
        let length = 1 + usize::from(next.is_some());
        Some(Fused::one(length, call, &inputs, outputs))
    }

    /// A batch normalization and the activation behind it.
    fn normalization(&self, node: &Node) -> Option<Fused> {
        let next = self.activation_behind(node)?;
        let Op::BatchNorm(op) = &node.op else {
            return None;
        };
        let mut outputs = node.outputs.clone();
        outputs[0] = next.outputs[0];
        let calls = normalization::activated(op, &node.dims, activation(&next.op));
        Some(Fused {
            length: 2,
            calls: calls
                .into_iter()
                .map(|call| bind(call, &node.inputs, &outputs))
                .collect(),
            workspaces: Vec::new(),
        })
    }

    /// The three backward operations of a batch normalization: those of its parameters are sums that the
    /// third one needs.
    fn normalization_backward(&self, weight: &Node) -> Option<Fused> {
        let (bias, input) = (self.node(1)?, self.node(2)?);
        let (Op::BatchNormBackwardBias(_), Op::BatchNormBackwardInput(op)) = (&bias.op, &input.op)
        else {
            return None;
        };
        // Weight: x, mean, variance, dy; bias: dy; input: x, γ, mean, variance, dy.
        let read = &input.inputs;
        let same =
            weight.inputs == [read[0], read[2], read[3], read[4]] && bias.inputs == [read[4]];
        let outputs = [input.outputs[0], bias.outputs[0], weight.outputs[0]];
        let calls = normalization::backward_fused(op, &input.dims);
        same.then(|| Fused {
            length: 3,
            calls: calls
                .into_iter()
                .map(|call| bind(call, read, &outputs))
                .collect(),
            workspaces: Vec::new(),
        })
    }

    /// The gradients of a layer's weight and bias; a convolution may go without a bias.
    fn parameters(&self, node: &Node) -> Option<Fused> {
        let bias = self.node(1).filter(|next| {
            matches!(
                next.op,
                Op::Conv2dBackwardBias(_) | Op::LinearBackwardBias(_)
            ) && next.inputs[0] == node.inputs[1]
        });
        let (calls, workspaces) = match (&node.op, bias) {
            (Op::Conv2dBackwardWeight(op), bias) => {
                conv2d::backward_parameters(op, &node.dims, bias.is_some())?
            }
            (_, Some(_)) => (vec![linear::backward_parameters(&node.dims)?], Vec::new()),
            (_, None) => return None,
        };
        let mut outputs = vec![node.outputs[0]];
        outputs.extend(bias.map(|bias| bias.outputs[0]));
        Some(Fused {
            length: outputs.len(),
            calls: calls
                .into_iter()
                .map(|call| bind(call, &node.inputs, &outputs))
                .collect(),
            workspaces,
        })
    }

    /// The loss and its gradient with respect to the logits.
    fn loss(&self, node: &Node) -> Option<Fused> {
        let backward = self.node(1).filter(|next| {
            matches!(next.op, Op::SoftmaxCrossEntropyBackward(_))
                && next.phase == Phase::Backward
                && next.inputs[0] == node.outputs[2]
                && next.inputs[1] == node.inputs[1]
        })?;
        let inputs = [node.inputs[0], node.inputs[1], backward.inputs[2]];
        let outputs = [&node.outputs[..], &backward.outputs[..]].concat();
        let calls = softmax_cross_entropy::with_gradient(&node.dims);
        Some(Fused {
            length: 2,
            calls: calls
                .into_iter()
                .map(|call| bind(call, &inputs, &outputs))
                .collect(),
            workspaces: Vec::new(),
        })
    }
}
