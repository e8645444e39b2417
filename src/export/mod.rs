//! Files that leave Glassbox and come back: weights and optimizer state as safetensors.

mod weights;

pub use weights::{Checkpoint, ExportError, MAX_FILE_BYTES, NamedTensor, RunFacts};
