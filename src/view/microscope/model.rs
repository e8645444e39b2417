//! The graph as the page asks about it.

use std::collections::HashMap;

use super::layout::{Layout, layout};
use crate::graph::Phase;
use crate::session::{GraphFacts, NodeFacts, TensorFacts, TensorKind};

/// One element of one tensor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Element {
    /// The tensor's name in the graph.
    pub tensor: String,
    pub index: Vec<u32>,
}

impl Element {
    /// `conv1.y[0, 2, 3, 4]`
    pub fn label(&self) -> String {
        format!("{}{}", self.tensor, index_label(&self.index))
    }
}

/// `[0, 2, 3, 4]`; nothing for a scalar.
pub fn index_label(index: &[u32]) -> String {
    if index.is_empty() {
        return String::new();
    }
    let numbers: Vec<String> = index.iter().map(u32::to_string).collect();
    format!("[{}]", numbers.join(", "))
}

/// `64×6×28×28`; `1` for a scalar.
pub fn shape_label(shape: &[u32]) -> String {
    if shape.is_empty() {
        return "1".to_string();
    }
    let sizes: Vec<String> = shape.iter().map(u32::to_string).collect();
    sizes.join("×")
}

/// Row-major position of an index; `None` outside the shape.
pub fn flat_index(shape: &[u32], index: &[u32]) -> Option<u64> {
    if shape.len() != index.len() {
        return None;
    }
    let mut flat = 0_u64;
    for (&size, &at) in shape.iter().zip(index) {
        if at >= size {
            return None;
        }
        flat = flat * u64::from(size) + u64::from(at);
    }
    Some(flat)
}

/// The index at a row-major position.
pub fn index_at(shape: &[u32], mut flat: u64) -> Vec<u32> {
    let mut index = vec![0; shape.len()];
    for (at, &size) in index.iter_mut().zip(shape).rev() {
        let size = u64::from(size.max(1));
        *at = (flat % size) as u32;
        flat /= size;
    }
    index
}

/// Number of elements.
pub fn element_count(shape: &[u32]) -> u64 {
    shape.iter().map(|&size| u64::from(size)).product()
}

/// A graph with its tensors by name and its picture.
#[derive(Clone, Debug)]
pub struct GraphModel {
    pub facts: GraphFacts,
    pub layout: Layout,
    tensors: HashMap<String, usize>,
}

impl PartialEq for GraphModel {
    fn eq(&self, other: &Self) -> bool {
        // The same model is met far more often than another: its sources are not compared anew.
        std::ptr::eq(self, other) || self.facts == other.facts
    }
}

/// Most elements of a model whose numbers all fit on a blackboard.
const BLACKBOARD_ELEMENTS: u64 = 160;

impl GraphModel {
    pub fn new(facts: GraphFacts) -> Self {
        let tensors = facts.tensors.iter().enumerate();
        let tensors = tensors
            .map(|(position, tensor)| (tensor.name.clone(), position))
            .collect();
        let layout = layout(&facts);
        Self {
            facts,
            layout,
            tensors,
        }
    }

    pub fn node(&self, number: usize) -> Option<&NodeFacts> {
        self.facts.nodes.get(number)
    }

    pub fn tensor(&self, name: &str) -> Option<&TensorFacts> {
        self.tensors
            .get(name)
            .map(|&position| &self.facts.tensors[position])
    }

    /// The parameter that a tensor is the gradient of.
    pub fn parameter_of_gradient(&self, name: &str) -> Option<&TensorFacts> {
        self.facts.tensors.iter().find(|tensor| {
            tensor.kind == TensorKind::Parameter && tensor.gradient.as_deref() == Some(name)
        })
    }

    /// Whether the first axis of a tensor counts the samples of the batch.
    pub fn is_batched(&self, name: &str) -> bool {
        let Some(tensor) = self.tensor(name) else {
            return false;
        };
        match tensor.kind {
            _ if tensor.shape.is_empty() => false,
            TensorKind::Parameter | TensorKind::State => false,
            TensorKind::Gradient => self.parameter_of_gradient(name).is_none(),
            TensorKind::Data | TensorKind::Activation => true,
        }
    }

    /// The parameter element whose gradient can be checked from `element`.
    pub fn checkable(&self, element: &Element) -> Option<Element> {
        let tensor = self.tensor(&element.tensor)?;
        let parameter = match tensor.kind {
            TensorKind::Parameter => Some(tensor),
            _ => self.parameter_of_gradient(&element.tensor),
        };
        let parameter = parameter.filter(|parameter| parameter.gradient.is_some())?;
        flat_index(&parameter.shape, &element.index)?;
        Some(Element {
            tensor: parameter.name.clone(),
            index: element.index.clone(),
        })
    }

    /// Whether an element can be overwritten: of a parameter, or of the batch itself.
    pub fn is_editable(&self, name: &str) -> bool {
        let Some(tensor) = self.tensor(name) else {
            return false;
        };
        let producer = tensor.node.and_then(|node| self.node(node as usize));
        match tensor.kind {
            TensorKind::Parameter => true,
            // What the batch is gathered from is all the data, not this batch.
            TensorKind::Data => {
                producer.is_some_and(|node| node.phase == Phase::Data)
                    || !self.feeds_the_gathering(name)
            }
            _ => producer.is_some_and(|node| node.phase == Phase::Data),
        }
    }

    /// The labels of the batch and the number of classes, where the loss looks labels up.
    pub fn labels(&self) -> Option<(&TensorFacts, u32)> {
        let loss = self.facts.nodes.iter().find(|n| n.phase == Phase::Loss)?;
        let (_, labels) = loss.inputs.iter().find(|(symbol, _)| symbol == "t")?;
        let labels = self.tensor(labels)?;
        let classes = loss.scalars.iter().find(|(name, _)| name == "K")?.1;
        let is_looked_up = labels.shape.len() == 1 && classes >= 2.0;
        (is_looked_up && self.is_editable(&labels.name)).then_some((labels, classes as u32))
    }

    /// Whether a learner can paint on a tensor: images of the batch.
    pub fn is_paintable(&self, name: &str) -> bool {
        let is_image = self.tensor(name).is_some_and(|tensor| {
            tensor.kind != TensorKind::Parameter
                && matches!(tensor.shape[..], [_, _, height, width] if height > 1 && width > 1)
        });
        is_image && self.is_editable(name)
    }

    /// A scalar that a node's equations name.
    pub fn scalar(node: &NodeFacts, name: &str) -> Option<f64> {
        let mut scalars = node.scalars.iter();
        scalars
            .find(|(known, _)| known == name)
            .map(|(_, value)| *value)
    }

    fn feeds_the_gathering(&self, name: &str) -> bool {
        let mut gatherers = self.facts.nodes.iter().filter(|n| n.phase == Phase::Data);
        gatherers.any(|node| node.inputs.iter().any(|(_, tensor)| tensor == name))
    }

    /// The element that is looked at first: in the middle of the first channel of a sample.
    pub fn first_element(&self, name: &str, sample: u32) -> Option<Element> {
        let tensor = self.tensor(name)?;
        let shape = &tensor.shape;
        if element_count(shape) == 0 {
            return None;
        }
        let rank = shape.len();
        let mut index: Vec<u32> = vec![0; rank];
        if rank >= 3 {
            for axis in [rank - 2, rank - 1] {
                index[axis] = shape[axis] / 2;
            }
        }
        if self.is_batched(name) {
            index[0] = sample.min(shape[0] - 1);
        }
        Some(Element {
            tensor: name.to_string(),
            index,
        })
    }

    /// Whether every number of the batch fits on one blackboard.
    pub fn fits_a_blackboard(&self) -> bool {
        let elements: u64 = self.blackboard().map(|t| element_count(&t.shape)).sum();
        elements <= BLACKBOARD_ELEMENTS
    }

    /// The tensors of a blackboard: all but the rows of the optimizer, of which others are parts.
    pub fn blackboard(&self) -> impl Iterator<Item = &TensorFacts> {
        self.facts
            .tensors
            .iter()
            .filter(|tensor| tensor.kind != TensorKind::State)
    }

    /// The tensor behind a symbol of a node's equations.
    pub fn bound<'a>(&'a self, node: &'a NodeFacts, symbol: &str) -> Option<&'a str> {
        node.outputs
            .iter()
            .chain(&node.inputs)
            .find(|(name, _)| name == symbol)
            .map(|(_, tensor)| tensor.as_str())
    }

    /// The learned tensors, in order.
    pub fn parameters(&self) -> Vec<&TensorFacts> {
        let tensors = self.facts.tensors.iter();
        tensors
            .filter(|tensor| tensor.kind == TensorKind::Parameter && tensor.gradient.is_some())
            .collect()
    }

    /// Whether a node updates all parameters as one row, so that one of them is looked at.
    pub fn updates_parameters(&self, number: usize) -> bool {
        let node = self.node(number);
        node.is_some_and(|node| {
            let is_row = |(_, name): &(String, String)| self.tensor(name).is_none();
            node.phase == Phase::Update && node.inputs.iter().any(is_row)
        })
    }

    /// The tensors that a node writes and reads, each once, outputs first; of an update of all
    /// parameters the chosen one with its gradient. Without the data set itself, of which the
    /// batch is a part.
    pub fn around(&self, number: usize, parameter: usize) -> Vec<&TensorFacts> {
        let Some(node) = self.node(number) else {
            return Vec::new();
        };
        if self.updates_parameters(number) {
            let parameters = self.parameters();
            let Some(&chosen) = parameters.get(parameter).or(parameters.first()) else {
                return Vec::new();
            };
            let gradient = chosen
                .gradient
                .as_deref()
                .and_then(|name| self.tensor(name));
            return std::iter::once(chosen).chain(gradient).collect();
        }
        let mut seen: Vec<&TensorFacts> = Vec::new();
        for (_, name) in node.outputs.iter().chain(&node.inputs) {
            let Some(tensor) = self.tensor(name) else {
                continue;
            };
            let is_data_set = tensor.kind == TensorKind::Data
                && self.feeds_the_gathering(name)
                && element_count(&tensor.shape) > DATA_SET_ELEMENTS;
            if !is_data_set && !seen.iter().any(|other| other.name == tensor.name) {
                seen.push(tensor);
            }
        }
        seen
    }

    /// The tensor whose element is looked at first when a node is shown.
    pub fn subject(&self, number: usize, parameter: usize) -> Option<&TensorFacts> {
        self.around(number, parameter).first().copied()
    }
}

/// What feeds the gathering of a batch is shown up to this size: means, not images.
const DATA_SET_ELEMENTS: u64 = 1_024;

/// The node that is shown when `done` nodes have run: the one that ran last, or the first.
pub fn shown_node(done: u32) -> usize {
    done.saturating_sub(1) as usize
}

#[cfg(test)]
pub mod tests {
    use super::*;

    fn tensor(name: &str, shape: &[u32], kind: TensorKind, node: Option<u32>) -> TensorFacts {
        TensorFacts {
            name: name.into(),
            shape: shape.to_vec(),
            kind,
            node,
            gradient: None,
        }
    }

    fn node(
        (name, operation, phase): (&str, &str, Phase),
        partner: Option<u32>,
        inputs: &[(&str, &str)],
        outputs: &[(&str, &str)],
    ) -> NodeFacts {
        let pairs = |pairs: &[(&str, &str)]| {
            let pair = |&(symbol, tensor): &(&str, &str)| (symbol.into(), tensor.into());
            pairs.iter().map(pair).collect()
        };
        NodeFacts {
            name: name.into(),
            operation: operation.into(),
            phase,
            layer: name.split('.').next().unwrap_or(name).into(),
            partner,
            inputs: pairs(inputs),
            outputs: pairs(outputs),
            equations: Vec::new(),
            formulas: Vec::new(),
            scalars: Vec::new(),
            flops: 0,
            bytes: 0,
            kernels: Vec::new(),
        }
    }

    /// x (2, 3) -> fc (2, 4) -> loss, backward, update.
    pub fn small() -> GraphFacts {
        use TensorKind::{Activation, Data, Gradient, Parameter, State};
        let mut weight = tensor("fc.weight", &[4, 3], Parameter, None);
        weight.gradient = Some("fc.weight.grad".into());
        let mut bias = tensor("fc.bias", &[4], Parameter, None);
        bias.gradient = Some("fc.bias.grad".into());
        GraphFacts {
            nodes: vec![
                node(
                    ("batch", "gather_batch", Phase::Data),
                    None,
                    &[("bytes", "data.bytes")],
                    &[("x", "batch.x"), ("t", "batch.t")],
                ),
                node(
                    ("fc", "linear", Phase::Forward),
                    None,
                    &[("x", "batch.x"), ("w", "fc.weight"), ("b", "fc.bias")],
                    &[("y", "fc.y")],
                ),
                node(
                    ("loss", "softmax_cross_entropy", Phase::Loss),
                    None,
                    &[("z", "fc.y"), ("t", "batch.t")],
                    &[("L", "loss.L"), ("p", "loss.p")],
                ),
                node(
                    (
                        "loss.backward",
                        "softmax_cross_entropy_backward",
                        Phase::Backward,
                    ),
                    Some(2),
                    &[("p", "loss.p"), ("t", "batch.t")],
                    &[("dz", "fc.y.grad")],
                ),
                node(
                    (
                        "fc.backward_weight",
                        "linear_backward_weight",
                        Phase::Backward,
                    ),
                    Some(1),
                    &[("x", "batch.x"), ("dy", "fc.y.grad")],
                    &[("dw", "fc.weight.grad")],
                ),
                node(
                    ("fc.backward_bias", "linear_backward_bias", Phase::Backward),
                    Some(1),
                    &[("dy", "fc.y.grad")],
                    &[("db", "fc.bias.grad")],
                ),
                node(
                    ("update", "sgd", Phase::Update),
                    None,
                    &[("w", "parameters"), ("g", "parameters.grad")],
                    &[("w′", "update.w′")],
                ),
            ],
            tensors: vec![
                tensor("data.bytes", &[9, 3], Data, None),
                tensor("batch.x", &[2, 3], Activation, Some(0)),
                tensor("batch.t", &[2], Activation, Some(0)),
                weight,
                bias,
                tensor("fc.y", &[2, 4], Activation, Some(1)),
                tensor("loss.L", &[], Activation, Some(2)),
                tensor("loss.p", &[2, 4], Activation, Some(2)),
                tensor("fc.y.grad", &[2, 4], Gradient, Some(3)),
                tensor("fc.weight.grad", &[4, 3], Gradient, Some(4)),
                tensor("fc.bias.grad", &[4], Gradient, Some(5)),
                tensor("update.w′", &[128], State, Some(6)),
            ],
        }
    }

    #[test]
    fn indices_and_positions_are_two_names_of_one_place() {
        let shape = [2, 3, 4];
        for flat in 0..24 {
            let index = index_at(&shape, flat);
            assert_eq!(flat_index(&shape, &index), Some(flat));
        }
        assert_eq!(flat_index(&shape, &[0, 3, 0]), None);
        assert_eq!(flat_index(&shape, &[0, 0]), None);
        assert_eq!(flat_index(&[], &[]), Some(0));
        assert_eq!(index_label(&[0, 2]), "[0, 2]");
        assert_eq!(
            (shape_label(&[]), shape_label(&[6, 5])),
            ("1".into(), "6×5".into())
        );
    }

    #[test]
    fn the_first_axis_is_the_batch_except_of_parameters_and_their_gradients() {
        let model = GraphModel::new(small());
        for (name, batched) in [
            ("batch.x", true),
            ("fc.y.grad", true),
            ("fc.weight", false),
            ("fc.weight.grad", false),
            ("loss.L", false),
            ("nothing", false),
        ] {
            assert_eq!(model.is_batched(name), batched, "{name}");
        }
    }

    #[test]
    fn gradients_lead_to_the_parameter_that_can_be_checked() {
        let model = GraphModel::new(small());
        let element = |tensor: &str, index: &[u32]| Element {
            tensor: tensor.into(),
            index: index.to_vec(),
        };
        let weight = element("fc.weight", &[3, 2]);
        assert_eq!(model.checkable(&weight), Some(weight.clone()));
        assert_eq!(
            model.checkable(&element("fc.weight.grad", &[3, 2])),
            Some(weight)
        );
        assert_eq!(model.checkable(&element("fc.weight", &[4, 0])), None);
        assert_eq!(model.checkable(&element("fc.y", &[0, 0])), None);
    }

    #[test]
    fn parameters_and_the_batch_can_be_edited_and_the_data_set_cannot() {
        let model = GraphModel::new(small());
        for (name, editable) in [
            ("fc.weight", true),
            ("batch.x", true),
            ("batch.t", true),
            ("data.bytes", false),
            ("fc.y", false),
            ("fc.y.grad", false),
        ] {
            assert_eq!(model.is_editable(name), editable, "{name}");
        }
    }

    #[test]
    fn the_first_look_is_at_the_chosen_sample() {
        let model = GraphModel::new(small());
        let first = model.first_element("fc.y", 1).unwrap();
        assert_eq!(first.label(), "fc.y[1, 0]");
        assert_eq!(model.first_element("fc.y", 9).unwrap().index, [1, 0]);
        assert_eq!(model.first_element("loss.L", 0).unwrap().label(), "loss.L");
        assert!(model.fits_a_blackboard());
        assert!(model.blackboard().all(|tensor| tensor.name != "update.w′"));
        assert_eq!(shown_node(0), 0);
        assert_eq!(shown_node(3), 2);
    }
    #[test]
    fn around_an_operation_are_its_tensors_and_around_the_update_one_parameter() {
        let model = GraphModel::new(small());
        let names = |number: usize, parameter: usize| -> Vec<&str> {
            let around = model.around(number, parameter);
            around.iter().map(|tensor| tensor.name.as_str()).collect()
        };
        assert_eq!(names(1, 0), ["fc.y", "batch.x", "fc.weight", "fc.bias"]);
        assert!(model.updates_parameters(6) && !model.updates_parameters(1));
        assert_eq!(names(6, 1), ["fc.bias", "fc.bias.grad"]);
        assert_eq!(names(6, 9), ["fc.weight", "fc.weight.grad"]);
        assert!(names(99, 0).is_empty());
        assert_eq!(model.subject(3, 0).unwrap().name, "fc.y.grad");
    }
}
