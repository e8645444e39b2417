//! One entry of a layer list: a name, a kind with its attributes, and where its inputs come from.

use super::{Kind, ModelError};
use crate::tensor::init::Initializer;
use serde::{Deserialize, Serialize};

/// One layer of a model. Sizes that follow from its inputs are not given.
///
/// As JSON, the attributes of the kind stand beside the rest; `inputs`,
/// `parameters_of` and `initializer` (`"orthogonal"`, `{"constant": 0.5}`) may be left out:
///
/// ```
/// use glassbox::layers::Layer;
///
/// let layer: Layer = serde_json::from_str(
///     r#"{"name": "conv1", "kind": "conv2d", "out_channels": 6, "kernel": 5, "inputs": ["input"]}"#,
/// )?;
/// assert_eq!(layer.name, "conv1");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Record", into = "Record")]
pub struct Layer {
    /// As in PyTorch's state_dict: its parameters are called `<name>.weight`.
    pub name: String,
    pub kind: Kind,
    /// Names of earlier layers, or [`super::INPUT`]; empty for the layer before.
    pub inputs: Vec<String>,
    /// The earlier layer whose parameters this one uses, instead of its own.
    pub parameters_of: Option<String>,
    /// How its weights start, instead of as the run says.
    pub initializer: Option<Initializer>,
}

impl Layer {
    /// A layer that reads the one before it.
    pub fn new(name: impl Into<String>, kind: impl Into<Kind>) -> Self {
        Self {
            name: name.into(),
            kind: kind.into(),
            inputs: Vec::new(),
            parameters_of: None,
            initializer: None,
        }
    }

    /// Reads the outputs of these earlier layers instead.
    #[must_use]
    pub fn with_inputs(mut self, inputs: &[&str]) -> Self {
        self.inputs = inputs.iter().map(|&name| name.into()).collect();
        self
    }

    /// Starts its weights in a way of its own.
    #[must_use]
    pub fn with_initializer(mut self, initializer: Initializer) -> Self {
        self.initializer = Some(initializer);
        self
    }

    /// Uses the parameters of an earlier layer.
    #[must_use]
    pub fn with_parameters_of(mut self, layer: &str) -> Self {
        self.parameters_of = Some(layer.into());
        self
    }
}

/// How a layer is written down.
#[derive(Clone, Serialize, Deserialize)]
struct Record {
    name: String,
    kind: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parameters_of: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    initializer: Option<Initializer>,
    #[serde(flatten)]
    attributes: serde_json::Map<String, serde_json::Value>,
}

impl TryFrom<Record> for Layer {
    type Error = ModelError;

    fn try_from(record: Record) -> Result<Self, ModelError> {
        let kind = Kind::from_json(&record.name, &record.kind, record.attributes.into())?;
        Ok(Self {
            name: record.name,
            kind,
            inputs: record.inputs,
            parameters_of: record.parameters_of,
            initializer: record.initializer,
        })
    }
}

impl From<Layer> for Record {
    fn from(layer: Layer) -> Self {
        Self {
            kind: layer.kind.name().into(),
            attributes: layer.kind.attributes(),
            name: layer.name,
            inputs: layer.inputs,
            parameters_of: layer.parameters_of,
            initializer: layer.initializer,
        }
    }
}
