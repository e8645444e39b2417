//! What a layer gets when it is built: its inputs, and the graph to add operations to.

use super::{Initial, ModelError, Parameter};
use crate::graph::{Graph, GraphError, ValueId};
use crate::ops::Op;
use crate::tensor::init::Initializer;
use crate::tensor::{Shape, Tensor};

/// The place of a layer in a model that is being built.
pub struct LayerBuilder<'a> {
    pub(super) graph: &'a mut Graph,
    pub(super) parameters: &'a mut Vec<Parameter>,
    pub(super) name: &'a str,
    /// Whose parameters the layer uses, if not its own.
    pub(super) parameters_of: Option<&'a str>,
    /// How many parameters of another layer it has used.
    pub(super) shared: usize,
    pub(super) inputs: Vec<ValueId>,
    pub(super) initializer: Option<Initializer>,
}

impl LayerBuilder<'_> {
    /// The layer's name.
    pub fn name(&self) -> &str {
        self.name
    }

    /// All inputs.
    pub fn inputs(&self) -> &[ValueId] {
        &self.inputs
    }

    /// The inputs of a layer that has exactly this many.
    ///
    /// # Errors
    /// When it has fewer or more.
    pub fn exactly<const N: usize>(&self) -> Result<[ValueId; N], ModelError> {
        <[ValueId; N]>::try_from(&self.inputs[..]).map_err(|_| ModelError::InputCount {
            layer: self.name.into(),
            expected: N.to_string(),
            actual: self.inputs.len(),
        })
    }

    /// The input of a layer that has one.
    ///
    /// # Errors
    /// When it has more.
    pub fn input(&self) -> Result<ValueId, ModelError> {
        Ok(self.exactly::<1>()?[0])
    }

    /// Sizes of a value, outermost first; those of activations begin with the batch.
    pub fn dims(&self, value: ValueId) -> &[usize] {
        self.graph.value(value).shape.dims()
    }

    /// The error of an input whose shape does not fit.
    pub fn wrong_input(&self, value: ValueId, expected: impl Into<String>) -> ModelError {
        ModelError::LayerInput {
            layer: self.name.into(),
            expected: expected.into(),
            actual: self.graph.value(value).shape.clone(),
        }
    }

    /// The error of an attribute that does not fit.
    pub fn wrong_attribute(&self, message: impl Into<String>) -> ModelError {
        ModelError::Attribute {
            layer: self.name.into(),
            message: message.into(),
        }
    }

    /// Refuses sizes of 0, by name.
    ///
    /// # Errors
    /// For a size of 0.
    pub fn at_least_one(&self, size: usize, what: &'static str) -> Result<(), ModelError> {
        if size == 0 {
            return Err(ModelError::EmptyLayer {
                layer: self.name.into(),
                size: what,
            });
        }
        Ok(())
    }

    /// The layer's learned value `<name>.<kind>`, or the one of the layer whose
    /// parameters it shares.
    ///
    /// # Errors
    /// When it is too large, or the other layer's has another shape.
    pub fn parameter(
        &mut self,
        kind: &str,
        dims: impl Into<Vec<usize>>,
        initial: Initial,
    ) -> Result<ValueId, ModelError> {
        let shape = Shape::new(dims).map_err(|source| ModelError::Parameter {
            layer: self.name.into(),
            parameter: kind.into(),
            source,
        })?;
        let Some(owner) = self.parameters_of else {
            let value = self.graph.parameter(format!("{}.{kind}", self.name), shape);
            self.parameters.push(Parameter {
                value,
                initial,
                initializer: self.initializer,
            });
            return Ok(value);
        };
        let name = format!("{owner}.{kind}");
        let found = self
            .parameters
            .iter()
            .map(|parameter| parameter.value)
            .find(|&value| self.graph.value(value).name == name);
        let actual = found.map(|value| self.graph.value(value).shape.clone());
        match (found, actual) {
            (Some(value), Some(actual)) if actual == shape => {
                self.shared += 1;
                Ok(value)
            }
            (_, actual) => Err(ModelError::SharedParameter {
                layer: self.name.into(),
                parameter: name,
                expected: shape,
                actual: actual.map_or_else(|| "missing".into(), |shape| shape.to_string()),
            }),
        }
    }

    /// What the layer's operation gathers in training, `<name>.<kind>`; the other layer's where
    /// parameters are shared.
    ///
    /// # Errors
    /// When it is too large, or the other layer's is missing or has another shape.
    pub fn buffer(
        &mut self,
        kind: &str,
        dims: impl Into<Vec<usize>>,
        initial: f32,
    ) -> Result<ValueId, ModelError> {
        let shape = Shape::new(dims).map_err(|source| ModelError::Parameter {
            layer: self.name.into(),
            parameter: kind.into(),
            source,
        })?;
        let Some(owner) = self.parameters_of else {
            let name = format!("{}.{kind}", self.name);
            return Ok(self.graph.buffer(name, shape, initial));
        };
        let name = format!("{owner}.{kind}");
        let found = self.graph.find_value(&name);
        let actual = found.map(|value| self.graph.value(value).shape.clone());
        match (found, actual) {
            (Some(value), Some(actual)) if actual == shape => Ok(value),
            (_, actual) => Err(ModelError::SharedParameter {
                layer: self.name.into(),
                parameter: name,
                expected: shape,
                actual: actual.map_or_else(|| "missing".into(), |shape| shape.to_string()),
            }),
        }
    }

    /// A value `<name>.<kind>` that never changes.
    pub fn constant(&mut self, kind: &str, tensor: Tensor) -> ValueId {
        self.graph.constant(format!("{}.{kind}", self.name), tensor)
    }

    /// A number that no other layer of the model has.
    pub fn number(&self) -> u32 {
        self.graph.nodes().len() as u32
    }

    /// Applies an operation called as the layer; its first output.
    ///
    /// # Errors
    /// When the inputs do not fit the operation.
    pub fn apply(&mut self, op: Op, inputs: &[ValueId]) -> Result<ValueId, ModelError> {
        Ok(self.apply_all(op, inputs)?[0])
    }

    /// As [`LayerBuilder::apply`], with all outputs.
    ///
    /// # Errors
    /// When the inputs do not fit the operation.
    pub fn apply_all(&mut self, op: Op, inputs: &[ValueId]) -> Result<Vec<ValueId>, ModelError> {
        Ok(self.graph.apply(op, self.name, inputs)?)
    }

    /// Applies an operation before the layer's last, called `<name>.<step>`.
    ///
    /// # Errors
    /// When the inputs do not fit the operation.
    pub fn apply_step(
        &mut self,
        step: &str,
        op: Op,
        inputs: &[ValueId],
    ) -> Result<ValueId, ModelError> {
        let name = format!("{}.{step}", self.name);
        let outputs: Result<_, GraphError> = self.graph.apply(op, name, inputs);
        Ok(outputs?[0])
    }
}
