//! The computation graph: operations as nodes, tensors as edges, forward and
//! backward alike.
//!
//! ```
//! use glassbox::graph::Graph;
//! use glassbox::ops::{Linear, Op};
//! use glassbox::tensor::ElementType;
//!
//! let mut graph = Graph::default();
//! let x = graph.input("x", [4, 3].into(), ElementType::F32);
//! let w = graph.parameter("layer.weight", [2, 3].into());
//! let b = graph.parameter("layer.bias", [2].into());
//! let y = graph.apply(Op::Linear(Linear {}), "layer", &[x, w, b]).unwrap()[0];
//! assert_eq!(graph.value(y).shape.dims(), [4, 2]);
//! ```

mod autodiff;
mod recompute;
mod update;

pub use update::{PARAMETERS, Update};

use crate::ops::{Dims, Op, OpError, Role};
use crate::tensor::{ElementType, Shape, Tensor, TensorError, Values};

/// A tensor of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub usize);

/// An operation of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// Which part of a training step a node belongs to.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum Phase {
    Data,
    Forward,
    Loss,
    Backward,
    Update,
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Forward => "forward",
            Self::Loss => "loss",
            Self::Backward => "backward",
            Self::Update => "update",
        }
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Written from outside: data, labels, the order of a batch.
    Input,
    /// Learned; starts as the model's initial value.
    Parameter,
    /// An optimizer's memory; starts at 0.
    State,
    /// What a forward operation gathers in training, such as running means; not learned.
    /// Every element starts as `initial`.
    Buffer { initial: f32 },
    /// All parameters, gradients or states as one row, of which others are views.
    Arena,
    /// Fixed for ever.
    Constant(Values),
    /// Output number `output` of a node.
    Node { node: NodeId, output: usize },
}

/// A tensor of the graph: its name, shape and origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Parameters as in PyTorch's state_dict; gradients `<name>.grad`.
    pub name: String,
    pub shape: Shape,
    pub element: ElementType,
    pub source: Source,
    /// The gradient of the loss with respect to this value, once differentiated.
    pub gradient: Option<ValueId>,
    /// Part of another value's memory: (base, offset in elements).
    pub view: Option<(ValueId, usize)>,
}

/// An operation applied to values.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub name: String,
    pub op: Op,
    pub inputs: Vec<ValueId>,
    pub outputs: Vec<ValueId>,
    pub phase: Phase,
    /// The forward node that a backward node belongs to.
    pub partner: Option<NodeId>,
    pub dims: Dims,
}

/// Why a graph could not be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GraphError {
    #[error("{node}: {source}")]
    Op { node: String, source: OpError },
    #[error("the loss {name} is {shape}, expected a scalar ()")]
    LossNotScalar { name: String, shape: Shape },
    #[error("{name} does not reach the loss: it has no gradient")]
    NoGradient { name: String },
    #[error(transparent)]
    Tensor(#[from] TensorError),
}

/// A computation graph; nodes stand in an order in which they can run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    values: Vec<Value>,
    nodes: Vec<Node>,
}

impl Graph {
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Ids of all nodes, in running order.
    pub fn node_ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// Ids of all values.
    pub fn value_ids(&self) -> impl DoubleEndedIterator<Item = ValueId> + use<> {
        (0..self.values.len()).map(ValueId)
    }

    pub fn find_value(&self, name: &str) -> Option<ValueId> {
        self.values
            .iter()
            .position(|value| value.name == name)
            .map(ValueId)
    }

    pub fn find_node(&self, name: &str) -> Option<NodeId> {
        self.nodes
            .iter()
            .position(|node| node.name == name)
            .map(NodeId)
    }

    /// The learned values, in the order in which they were made.
    pub fn parameters(&self) -> Vec<ValueId> {
        self.value_ids()
            .filter(|&id| self.value(id).source == Source::Parameter)
            .collect()
    }

    fn push(
        &mut self,
        name: impl Into<String>,
        shape: Shape,
        element: ElementType,
        source: Source,
    ) -> ValueId {
        self.values.push(Value {
            name: name.into(),
            shape,
            element,
            source,
            gradient: None,
            view: None,
        });
        ValueId(self.values.len() - 1)
    }

    /// A value that is written from outside.
    pub fn input(
        &mut self,
        name: impl Into<String>,
        shape: Shape,
        element: ElementType,
    ) -> ValueId {
        self.push(name, shape, element, Source::Input)
    }

    /// A learned f32 value.
    pub fn parameter(&mut self, name: impl Into<String>, shape: Shape) -> ValueId {
        self.push(name, shape, ElementType::F32, Source::Parameter)
    }

    /// An f32 value that forward operations gather in training, `initial` at first.
    pub fn buffer(&mut self, name: impl Into<String>, shape: Shape, initial: f32) -> ValueId {
        self.push(name, shape, ElementType::F32, Source::Buffer { initial })
    }

    /// The values that forward operations gather, in the order in which they were made.
    pub fn buffers(&self) -> Vec<ValueId> {
        self.value_ids()
            .filter(|&id| matches!(self.value(id).source, Source::Buffer { .. }))
            .collect()
    }

    /// What a buffer holds before any step.
    ///
    /// Panics for a value that is no buffer.
    pub fn initial_buffer(&self, id: ValueId) -> Values {
        let value = self.value(id);
        match value.source {
            Source::Buffer { initial } => Values::F32(vec![initial; value.shape.count()]),
            _ => panic!("{} is no buffer", value.name),
        }
    }

    /// Draws the random numbers of dropout from another seed.
    pub fn set_seed(&mut self, seed: u64) {
        for node in &mut self.nodes {
            if let Op::Dropout(dropout) = &mut node.op {
                dropout.seed = seed;
            }
        }
    }

    /// A value that never changes.
    pub fn constant(&mut self, name: impl Into<String>, tensor: Tensor) -> ValueId {
        let element = tensor.values().element_type();
        let shape = tensor.shape().clone();
        self.push(name, shape, element, Source::Constant(tensor.into_values()))
    }

    /// Applies an operation of the forward pass; the new values are called
    /// `<name>.<symbol of the output>`.
    ///
    /// # Errors
    /// When the inputs do not fit the operation.
    pub fn apply(
        &mut self,
        op: Op,
        name: impl Into<String>,
        inputs: &[ValueId],
    ) -> Result<Vec<ValueId>, GraphError> {
        self.apply_in(Phase::Forward, None, op, name.into(), inputs)
    }

    /// As [`Graph::apply`], in a chosen phase.
    ///
    /// # Errors
    /// When the inputs do not fit the operation.
    pub fn apply_in(
        &mut self,
        phase: Phase,
        partner: Option<NodeId>,
        op: Op,
        name: String,
        inputs: &[ValueId],
    ) -> Result<Vec<ValueId>, GraphError> {
        let shapes: Vec<(&Shape, ElementType)> = inputs
            .iter()
            .map(|&id| (&self.value(id).shape, self.value(id).element))
            .collect();
        let resolved = op.resolve(&shapes).map_err(|source| GraphError::Op {
            node: name.clone(),
            source,
        })?;
        let node = NodeId(self.nodes.len());
        let declared = op.outputs();
        let mut outputs = Vec::with_capacity(declared.len());
        for (output, (shape, element)) in resolved.outputs.into_iter().enumerate() {
            let symbol = declared[output].name;
            let source = Source::Node { node, output };
            let id = self.push(format!("{name}.{symbol}"), shape, element, source);
            if let Role::Alias(input) = declared[output].role {
                self.values[id.0].view = Some((inputs[input], 0));
            }
            outputs.push(id);
        }
        self.nodes.push(Node {
            name,
            op,
            inputs: inputs.to_vec(),
            outputs: outputs.clone(),
            phase,
            partner,
            dims: resolved.dims,
        });
        Ok(outputs)
    }

    /// Where a value's memory lies: the value that owns it, and the offset in elements.
    pub fn storage(&self, id: ValueId) -> (ValueId, usize) {
        let mut at = id;
        let mut offset = 0;
        while let Some((base, further)) = self.value(at).view {
            offset += further;
            at = base;
        }
        (at, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Linear, Relu, SoftmaxCrossEntropy};

    /// x (2, 3) -> linear (2, 4) -> relu -> loss.
    fn small() -> (Graph, ValueId) {
        let mut graph = Graph::default();
        let x = graph.input("x", [2, 3].into(), ElementType::F32);
        let t = graph.input("t", [2].into(), ElementType::U32);
        let w = graph.parameter("fc.weight", [4, 3].into());
        let b = graph.parameter("fc.bias", [4].into());
        let z = graph
            .apply(Op::Linear(Linear {}), "fc", &[x, w, b])
            .unwrap()[0];
        let a = graph.apply(Op::Relu(Relu {}), "relu", &[z]).unwrap()[0];
        let loss = Op::SoftmaxCrossEntropy(SoftmaxCrossEntropy {});
        let loss = graph
            .apply_in(Phase::Loss, None, loss, "loss".into(), &[a, t])
            .unwrap()[0];
        (graph, loss)
    }

    #[test]
    fn wrong_shapes_name_the_node_and_the_tensor() {
        let mut graph = Graph::default();
        let x = graph.input("x", [2, 3].into(), ElementType::F32);
        let w = graph.parameter("w", [4, 5].into());
        let b = graph.parameter("b", [4].into());
        let error = graph
            .apply(Op::Linear(Linear {}), "fc", &[x, w, b])
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "fc: linear: w is (4, 5), expected (O, I = 3)"
        );
    }

    #[test]
    fn differentiation_appends_operations_of_the_same_kind() {
        let (mut graph, loss) = small();
        let parameters = graph.parameters();
        graph.differentiate(loss, &parameters).unwrap();
        let backward: Vec<&str> = graph
            .nodes()
            .iter()
            .filter(|node| node.phase == Phase::Backward)
            .map(|node| node.op.name())
            .collect();
        assert_eq!(
            backward,
            [
                "softmax_cross_entropy_backward",
                "relu_backward",
                "linear_backward_weight",
                "linear_backward_bias",
            ]
        );
        let gradient = graph.value(parameters[0]).gradient.unwrap();
        assert_eq!(graph.value(gradient).name, "fc.weight.grad");
        assert_eq!(graph.value(gradient).shape, Shape::from([4, 3]));
    }

    #[test]
    fn a_value_used_twice_gets_the_sum_of_its_gradients() {
        let mut graph = Graph::default();
        let t = graph.input("t", [2].into(), ElementType::U32);
        let z = graph.parameter("z", [2, 3].into());
        let twice = graph
            .apply(Op::Add(crate::ops::Add {}), "add", &[z, z])
            .unwrap()[0];
        let loss = Op::SoftmaxCrossEntropy(SoftmaxCrossEntropy {});
        let loss = graph
            .apply_in(Phase::Loss, None, loss, "loss".into(), &[twice, t])
            .unwrap()[0];
        graph.differentiate(loss, &[z]).unwrap();
        let last = graph.nodes().last().unwrap();
        assert_eq!(last.op.name(), "add");
        assert_eq!(graph.value(z).gradient, Some(last.outputs[0]));
    }
}
