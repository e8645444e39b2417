//! Files that leave Glassbox: weights and optimizer state as safetensors, which come back, and a PyTorch script with
//! its weights and batches.

pub mod torch;
mod weights;

pub use weights::{Checkpoint, ExportError, MAX_FILE_BYTES, NamedTensor, RunFacts};
