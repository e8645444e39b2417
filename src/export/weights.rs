//! Checkpoints as safetensors files: parameters under their PyTorch names, the
//! optimizer's states beside them, and the run's facts in the metadata.

use crate::optim::{OptionKey, Options};
use crate::tensor::Shape;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::{BTreeMap, HashMap};

/// Largest file that is read: the parameters and Adam's states of VGG16 twice over.
pub const MAX_FILE_BYTES: usize = 512 * 1024 * 1024;

/// Momentum of files that do not say it: that of all presets when they were written.
const USUAL_MOMENTUM: f32 = 0.9;

/// Why a checkpoint could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("the file has {actual} bytes; at most {MAX_FILE_BYTES} are read")]
    TooLarge { actual: usize },
    #[error("not a readable safetensors file: {message}")]
    Unreadable { message: String },
    #[error("the file has no metadata \"{key}\": it was not saved by Glassbox")]
    MissingMetadata { key: &'static str },
    #[error("metadata \"{key}\" is \"{value}\", expected {expected}")]
    BadMetadata {
        key: &'static str,
        value: String,
        expected: &'static str,
    },
    #[error("the file holds {actual}, expected {expected}")]
    WrongPreset { expected: String, actual: String },
    #[error("the file has no tensor \"{name}\"")]
    MissingTensor { name: String },
    #[error("tensor \"{name}\" is {actual}, expected {expected}")]
    WrongShape {
        name: String,
        expected: String,
        actual: String,
    },
    #[error(
        "the file's network reads a text of {actual} different characters, which are not the {expected} of this text"
    )]
    OtherVocabulary { expected: usize, actual: usize },
    #[error("tensor \"{name}\" holds an infinite or NaN value")]
    NonFinite { name: String },
}

/// A tensor with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    pub name: String,
    pub shape: Shape,
    pub values: Vec<f32>,
}

/// What a file says about the run that it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct RunFacts {
    pub preset: String,
    pub optimizer: String,
    /// Updates done.
    pub step: u64,
    pub seed: u64,
    pub batch: u32,
    /// Before the schedule.
    pub learning_rate: f32,
    pub momentum: f32,
    pub options: Options,
    /// Of a network that reads a text: its characters, in the order of their tokens.
    pub vocabulary: Option<String>,
}

impl RunFacts {
    /// Options as links have them: `beta1=0.9&clip=1`.
    fn options_text(&self) -> String {
        let given = OptionKey::ALL.iter().filter_map(|&key| {
            let text = self.options.text(key)?;
            Some(format!("{}={text}", key.name()))
        });
        given.collect::<Vec<_>>().join("&")
    }

    /// Files of earlier versions have none; what this version does not know is passed over.
    fn read_options(text: &str) -> Result<Options, ExportError> {
        let mut options = Options::NONE;
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(key) = OptionKey::from_name(name) else {
                continue;
            };
            options
                .set(key, value)
                .map_err(|_| ExportError::BadMetadata {
                    key: "glassbox.options",
                    value: pair.into(),
                    expected: "a value that the setting allows",
                })?;
        }
        Ok(options)
    }
}

/// The header that the library writes, with its keys in order: the library's metadata have
/// none, so that equal weights would give files that differ.
fn in_order(file: Vec<u8>) -> Result<Vec<u8>, ExportError> {
    let unreadable = || ExportError::Unreadable {
        message: "the header that was just written cannot be read".into(),
    };
    let (length, rest) = file.split_first_chunk::<8>().ok_or_else(unreadable)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| unreadable())?;
    let (header, data) = rest.split_at_checked(length).ok_or_else(unreadable)?;
    // A map of `BTreeMap`s sorts keys on every level.
    let header: BTreeMap<String, BTreeMap<String, serde_json::Value>> =
        serde_json::from_slice(header).map_err(|_| unreadable())?;
    let mut header = serde_json::to_vec(&header).map_err(|_| unreadable())?;
    // Tensors begin at multiples of 8 bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut ordered = Vec::with_capacity(8 + header.len() + data.len());
    ordered.extend_from_slice(&(header.len() as u64).to_le_bytes());
    ordered.extend_from_slice(&header);
    ordered.extend_from_slice(data);
    Ok(ordered)
}

/// A run's parameters and states at one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub facts: RunFacts,
    /// Parameters first, then states (`optimizer.m.conv1.weight`).
    pub tensors: Vec<NamedTensor>,
}

/// The name of a state's part that belongs to one parameter.
fn state_name(symbol: &str, parameter: &str) -> String {
    format!("optimizer.{symbol}.{parameter}")
}

impl NamedTensor {
    /// The part of optimizer state `symbol` for the parameter called `name`.
    pub fn state(symbol: &str, name: &str, shape: Shape, values: Vec<f32>) -> Self {
        Self {
            name: state_name(symbol, name),
            shape,
            values,
        }
    }
}

impl Checkpoint {
    /// The file. Beside the running statistics of a batch normalization stands how many batches
    /// they come from, which is not read back: it is the step.
    ///
    /// # Errors
    /// When the library refuses a tensor, which would be a bug.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ExportError> {
        let facts = &self.facts;
        let mut metadata = HashMap::from([
            ("format".to_string(), "pt".to_string()),
            ("glassbox.preset".into(), facts.preset.clone()),
            ("glassbox.optimizer".into(), facts.optimizer.clone()),
            ("glassbox.step".into(), facts.step.to_string()),
            ("glassbox.seed".into(), facts.seed.to_string()),
            ("glassbox.batch".into(), facts.batch.to_string()),
            (
                "glassbox.learning_rate".into(),
                facts.learning_rate.to_string(),
            ),
            ("glassbox.momentum".into(), facts.momentum.to_string()),
            ("glassbox.options".into(), facts.options_text()),
        ]);
        if let Some(vocabulary) = &facts.vocabulary {
            metadata.insert("glassbox.vocabulary".into(), vocabulary.clone());
        }
        let unreadable = |error: safetensors::SafeTensorError| ExportError::Unreadable {
            message: error.to_string(),
        };
        let bytes: Vec<Vec<u8>> = self
            .tensors
            .iter()
            .map(|tensor| tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect())
            .collect();
        let mut views = self
            .tensors
            .iter()
            .zip(&bytes)
            .map(|(tensor, bytes)| {
                let view = TensorView::new(Dtype::F32, tensor.shape.dims().to_vec(), bytes);
                Ok((tensor.name.clone(), view.map_err(unreadable)?))
            })
            .collect::<Result<Vec<_>, ExportError>>()?;
        // PyTorch's layers count the batches that their running statistics have seen.
        let batches = facts.step.to_le_bytes();
        for tensor in &self.tensors {
            if let Some(layer) = tensor.name.strip_suffix(".running_mean") {
                let view = TensorView::new(Dtype::I64, Vec::new(), &batches);
                let name = format!("{layer}.num_batches_tracked");
                views.push((name, view.map_err(unreadable)?));
            }
        }
        in_order(safetensors::serialize(views, Some(metadata)).map_err(unreadable)?)
    }

    /// Reads a checkpoint whose tensors must be exactly those of `expected`
    /// (name and shape); tensors beyond them are ignored, and states may be absent.
    ///
    /// # Errors
    /// When the file is not one of Glassbox, or does not fit the model.
    pub fn from_bytes(
        bytes: &[u8],
        preset: &str,
        parameters: &[(String, Shape)],
        states: &[String],
    ) -> Result<Self, ExportError> {
        if bytes.len() > MAX_FILE_BYTES {
            return Err(ExportError::TooLarge {
                actual: bytes.len(),
            });
        }
        let facts = Self::read_facts(bytes)?;
        if facts.preset != preset {
            return Err(ExportError::WrongPreset {
                expected: preset.into(),
                actual: facts.preset,
            });
        }
        let file = open(bytes)?;
        let mut tensors = Vec::new();
        for (name, shape) in parameters {
            tensors.push(read_tensor(&file, name, shape)?);
        }
        for symbol in states {
            for (name, shape) in parameters {
                let name = state_name(symbol, name);
                if file.tensor(&name).is_ok() {
                    tensors.push(read_tensor(&file, &name, shape)?);
                }
            }
        }
        Ok(Self { facts, tensors })
    }

    /// What the file says about its run.
    ///
    /// # Errors
    /// When it is not a safetensors file, or not one of Glassbox.
    pub fn read_facts(bytes: &[u8]) -> Result<RunFacts, ExportError> {
        let (_, header) =
            SafeTensors::read_metadata(bytes).map_err(|error| ExportError::Unreadable {
                message: error.to_string(),
            })?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let text = |key: &'static str| {
            metadata
                .get(key)
                .cloned()
                .ok_or(ExportError::MissingMetadata { key })
        };
        Ok(RunFacts {
            preset: text("glassbox.preset")?,
            optimizer: text("glassbox.optimizer")?,
            // As many steps as kernels can count.
            step: number::<u32>("glassbox.step", &text("glassbox.step")?)?.into(),
            seed: number("glassbox.seed", &text("glassbox.seed")?)?,
            batch: number("glassbox.batch", &text("glassbox.batch")?)?,
            learning_rate: number("glassbox.learning_rate", &text("glassbox.learning_rate")?)?,
            momentum: match metadata.get("glassbox.momentum") {
                Some(momentum) => number("glassbox.momentum", momentum)?,
                None => USUAL_MOMENTUM,
            },
            options: match metadata.get("glassbox.options") {
                Some(options) => RunFacts::read_options(options)?,
                None => Options::NONE,
            },
            vocabulary: metadata.get("glassbox.vocabulary").cloned(),
        })
    }

    pub fn find(&self, name: &str) -> Option<&NamedTensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    /// The part of a state that belongs to a parameter.
    pub fn find_state(&self, symbol: &str, parameter: &str) -> Option<&NamedTensor> {
        self.find(&state_name(symbol, parameter))
    }
}

fn number<T: std::str::FromStr>(key: &'static str, text: &str) -> Result<T, ExportError> {
    text.parse().map_err(|_| ExportError::BadMetadata {
        key,
        value: text.into(),
        expected: "a number in range",
    })
}

fn open(bytes: &[u8]) -> Result<SafeTensors<'_>, ExportError> {
    SafeTensors::deserialize(bytes).map_err(|error| ExportError::Unreadable {
        message: error.to_string(),
    })
}

fn read_tensor(
    file: &SafeTensors<'_>,
    name: &str,
    shape: &Shape,
) -> Result<NamedTensor, ExportError> {
    let tensor = file
        .tensor(name)
        .map_err(|_| ExportError::MissingTensor { name: name.into() })?;
    if tensor.dtype() != Dtype::F32 || tensor.shape() != shape.dims() {
        return Err(ExportError::WrongShape {
            name: name.into(),
            expected: format!("F32 {shape}"),
            actual: format!("{:?} {:?}", tensor.dtype(), tensor.shape()),
        });
    }
    let values: Vec<f32> = tensor
        .data()
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&bytes| f32::from_le_bytes(bytes))
        .collect();
    if values.iter().any(|value| !value.is_finite()) {
        return Err(ExportError::NonFinite { name: name.into() });
    }
    Ok(NamedTensor {
        name: name.into(),
        shape: shape.clone(),
        values,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let tensor = |name: &str, dims: [usize; 2]| NamedTensor {
            name: name.into(),
            shape: Shape::from(dims),
            values: (0..dims[0] * dims[1]).map(|i| i as f32 * 0.5).collect(),
        };
        Checkpoint {
            facts: RunFacts {
                preset: "mlp-mnist".into(),
                optimizer: "adam".into(),
                step: 17,
                seed: u64::MAX,
                batch: 64,
                learning_rate: 1e-3,
                momentum: 0.75,
                options: Options {
                    clip: Some(1.5),
                    centered: Some(true),
                    ..Options::NONE
                },
                vocabulary: Some("\n ab学".into()),
            },
            tensors: vec![
                tensor("fc1.weight", [2, 3]),
                tensor("optimizer.m.fc1.weight", [2, 3]),
            ],
        }
    }

    fn read(bytes: &[u8], dims: [usize; 2]) -> Result<Checkpoint, ExportError> {
        let parameters = [("fc1.weight".to_string(), Shape::from(dims))];
        Checkpoint::from_bytes(bytes, "mlp-mnist", &parameters, &["m".to_string()])
    }

    #[test]
    fn a_checkpoint_comes_back_as_it_was() {
        let bytes = checkpoint().to_bytes().unwrap();
        assert_eq!(read(&bytes, [2, 3]).unwrap(), checkpoint());
    }

    #[test]
    fn equal_checkpoints_are_equal_bytes() {
        let first = checkpoint().to_bytes().unwrap();
        // The library's maps begin with another random state each.
        for _ in 0..8 {
            assert_eq!(checkpoint().to_bytes().unwrap(), first);
        }
        let mut other = checkpoint();
        other.facts.momentum = 0.5;
        assert_ne!(other.to_bytes().unwrap(), first);
    }

    #[test]
    fn files_of_earlier_versions_have_the_usual_settings() {
        let bytes = checkpoint().to_bytes().unwrap();
        let text = |key: &str| format!("\"{key}\"");
        let mut old = bytes.clone();
        for key in ["glassbox.momentum", "glassbox.options"] {
            let renamed = text(key).replace("glassbox", "glassbix");
            let at = old
                .windows(text(key).len())
                .position(|window| window == text(key).as_bytes());
            let at = at.expect("the key is in the header");
            old[at..at + renamed.len()].copy_from_slice(renamed.as_bytes());
        }
        let facts = Checkpoint::read_facts(&old).unwrap();
        assert_eq!((facts.momentum, facts.options), (0.9, Options::NONE));
        assert_eq!(Checkpoint::read_facts(&bytes).unwrap(), checkpoint().facts);
    }

    #[test]
    fn wrong_shapes_and_presets_are_named() {
        let bytes = checkpoint().to_bytes().unwrap();
        let error = read(&bytes, [3, 2]).unwrap_err().to_string();
        assert!(
            error.contains("fc1.weight") && error.contains("(3, 2)"),
            "{error}"
        );
        let error = Checkpoint::from_bytes(&bytes, "lenet5-mnist", &[], &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the file holds mlp-mnist, expected lenet5-mnist"
        );
    }

    #[test]
    fn hostile_lengths_are_refused() {
        let mut bytes = checkpoint().to_bytes().unwrap();
        bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(matches!(
            read(&bytes, [2, 3]),
            Err(ExportError::Unreadable { .. })
        ));
        for length in 0..200 {
            let bytes = checkpoint().to_bytes().unwrap();
            assert!(read(&bytes[..length], [2, 3]).is_err());
        }
    }

    #[test]
    fn non_finite_weights_are_refused() {
        let mut bad = checkpoint();
        bad.tensors[0].values[1] = f32::NAN;
        let bytes = bad.to_bytes().unwrap();
        assert!(matches!(
            read(&bytes, [2, 3]),
            Err(ExportError::NonFinite { .. })
        ));
    }

    proptest::proptest! {
        #[test]
        fn changed_files_never_panic(at in 0usize..400, byte: u8) {
            let mut bytes = checkpoint().to_bytes().unwrap();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = read(&bytes, [2, 3]);
        }
    }
}
