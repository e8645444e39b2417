//! A layer list with its loss, and the checks that need no shapes.

use super::{Layer, Loss, ModelError};
use serde::{Deserialize, Serialize};

/// What the first layers read, as a name among a layer's inputs.
pub const INPUT: &str = "input";

/// Names that other nodes and values of a model have.
const RESERVED: [&str; 8] = [
    INPUT,
    "loss",
    "batch",
    "target",
    "augment",
    "update",
    "parameters",
    "data",
];

/// Longest name of a layer, in characters.
const MAX_NAME: usize = 64;

/// Largest number of layers.
pub const MAX_LAYERS: usize = 1_000;

/// A layer list with its loss. The last layer's output is what the loss reads.
///
/// A list of layers is a chain unless a layer names its inputs: here `sum` adds
/// the output of `relu1` to that of `fc2`.
///
/// ```
/// use glassbox::layers::ModelSpec;
///
/// let spec = ModelSpec::from_json(r#"{
///     "layers": [
///         {"name": "fc1", "kind": "linear", "out_features": 8},
///         {"name": "relu1", "kind": "relu"},
///         {"name": "fc2", "kind": "linear", "out_features": 8},
///         {"name": "sum", "kind": "add", "inputs": ["fc2", "relu1"]},
///         {"name": "fc3", "kind": "linear", "out_features": 1}
///     ],
///     "loss": "binary_cross_entropy"
/// }"#)?;
/// assert_eq!(spec.layers[3].inputs, ["fc2", "relu1"]);
/// # Ok::<(), glassbox::layers::ModelError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    pub layers: Vec<Layer>,
    pub loss: Loss,
}

impl ModelSpec {
    /// Largest layer list as JSON, in bytes.
    pub const MAX_JSON_BYTES: usize = 1 << 20;

    /// Reads a layer list.
    ///
    /// # Errors
    /// When it is too long, is not valid JSON, or names what is not there.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        if text.len() > Self::MAX_JSON_BYTES {
            return Err(ModelError::TooLong {
                bytes: text.len(),
                limit: Self::MAX_JSON_BYTES,
            });
        }
        let spec: Self = serde_json::from_str(text).map_err(|error| ModelError::Json {
            message: error.to_string(),
        })?;
        spec.sources()?;
        Ok(spec)
    }

    /// For each layer the layers that it reads, by number; `None` is the model's input.
    ///
    /// # Errors
    /// When there are no layers or too many, a name is taken or not known, or a
    /// layer's output is not used.
    pub fn sources(&self) -> Result<Vec<Vec<Option<usize>>>, ModelError> {
        if self.layers.is_empty() || self.layers.len() > MAX_LAYERS {
            return Err(ModelError::LayerCount {
                actual: self.layers.len(),
            });
        }
        let mut sources = Vec::with_capacity(self.layers.len());
        for (number, layer) in self.layers.iter().enumerate() {
            self.check_name(number)?;
            if let Some(owner) = &layer.parameters_of {
                self.find(number, owner)?;
            }
            sources.push(match &layer.inputs[..] {
                [] => vec![number.checked_sub(1)],
                names => names
                    .iter()
                    .map(|name| match name.as_str() {
                        INPUT => Ok(None),
                        name => self.find(number, name).map(Some),
                    })
                    .collect::<Result<_, _>>()?,
            });
        }
        let last = self.layers.len() - 1;
        let is_used = |number| {
            sources
                .iter()
                .flatten()
                .any(|&source| source == Some(number))
        };
        match (0..last).find(|&number| !is_used(number)) {
            Some(unused) => Err(ModelError::UnusedLayer {
                layer: self.layers[unused].name.clone(),
                last: self.layers[last].name.clone(),
            }),
            None => Ok(sources),
        }
    }

    fn check_name(&self, number: usize) -> Result<(), ModelError> {
        let name = &self.layers[number].name;
        let fits = (1..=MAX_NAME).contains(&name.chars().count())
            && name
                .chars()
                .all(|letter| letter.is_alphanumeric() || "._-".contains(letter));
        if !fits {
            return Err(ModelError::BadName {
                name: name.chars().take(MAX_NAME).collect(),
                limit: MAX_NAME,
            });
        }
        if RESERVED.contains(&name.as_str()) {
            return Err(ModelError::ReservedName { name: name.clone() });
        }
        let earlier = &self.layers[..number];
        if earlier.iter().any(|other| other.name == *name) {
            return Err(ModelError::DuplicateName { name: name.clone() });
        }
        Ok(())
    }

    /// The layer called `name`, which must come before the layer `reader`.
    fn find(&self, reader: usize, name: &str) -> Result<usize, ModelError> {
        let found = self.layers.iter().position(|layer| layer.name == name);
        found
            .filter(|&found| found < reader)
            .ok_or_else(|| ModelError::UnknownInput {
                layer: self.layers[reader].name.clone(),
                input: name.chars().take(MAX_NAME).collect(),
                problem: match found {
                    Some(_) => "does not come before it",
                    None => "is not in the list",
                },
            })
    }
}
