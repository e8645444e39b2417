//! What can go wrong, with its facts, so that the page words it in the learner's language.

use super::quantize::BITS;
use crate::data::DataError;
use crate::export::ExportError;
use crate::layers::ModelError;
use crate::session::SessionError;
use serde::{Deserialize, Serialize};

/// Why a command of the instrument was refused or its work ended. What was there before is still there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum CompressError {
    #[error("there is no trained network yet: train one, or open a file")]
    NoBase,
    #[error("there is no student yet: distil one first")]
    NoStudent,
    #[error("the digits have not been loaded")]
    NoData,
    #[error("something is under way: wait for it, or cancel it")]
    Busy,
    /// The largest level of a symmetric code of one bit is 2^(1-1) - 1 = 0.
    #[error(
        "1 bit leaves 2^(1-1) - 1 = 0 levels on either side of zero: every weight would be 0; expected {} to {} bits",
        BITS.start(),
        BITS.end()
    )]
    OneBit,
    #[error("{bits} bits, expected a whole number from {} to {}", BITS.start(), BITS.end())]
    BadBits { bits: u32 },
    #[error(
        "sparsity is {sparsity}, expected a number from 0 to {}",
        super::MAX_SPARSITY
    )]
    BadSparsity { sparsity: f64 },
    #[error("{epochs} epochs, expected a whole number from 1 to {most}")]
    BadEpochs { epochs: u32, most: u32 },
    #[error("the learning rate is {learning_rate}, expected a number above 0 and at most {most}")]
    BadLearningRate { learning_rate: f32, most: f32 },
    #[error("λ is {lambda}, expected a number from 0 to 1")]
    BadLambda { lambda: f32 },
    #[error("the temperature is {temperature}, expected a number from {least} to {most}")]
    BadTemperature {
        temperature: f32,
        least: f32,
        most: f32,
    },
    #[error("training through quantized weights needs a number of bits")]
    NothingToQuantize,
    #[error("gradual pruning needs a sparsity above 0")]
    NothingToPrune,
    #[error("there is no try number {number}")]
    UnknownTry { number: u32 },
    #[error("at most {limit} tries are kept; clear the list to go on")]
    TooManyTries { limit: u32 },
    /// The files that are kept, and the one that would come.
    #[error(
        "the files of all tries would take {bytes} bytes, expected at most {limit}; clear the list to go on"
    )]
    TooManyBytes { bytes: u64, limit: u64 },
    #[error("{name} cannot be compressed here: {problem}")]
    UnknownNetwork { name: String, problem: String },
    #[error("{actual} learns from {learns_from}; the samples here are {expected}")]
    OtherData {
        actual: String,
        learns_from: String,
        expected: String,
    },
    /// The loss became infinite or NaN at this step, counted from 1.
    #[error(
        "the loss was infinite or not a number at step {step}; a smaller learning rate may help"
    )]
    NonFinite { step: u64 },
    #[error("not a compressed network: {0}")]
    File(FileError),
    /// Neither a compressed network nor a readable safetensors file.
    #[error("{message}")]
    BadFile { message: String },
    /// A fault of Glassbox itself.
    #[error("{message}")]
    Internal { message: String },
}

impl From<FileError> for CompressError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<ExportError> for CompressError {
    fn from(error: ExportError) -> Self {
        Self::BadFile {
            message: error.to_string(),
        }
    }
}

/// A network of this list was built before, so these are bugs.
macro_rules! internal {
    ($($error:ty),+) => {
        $(impl From<$error> for CompressError {
            fn from(error: $error) -> Self {
                Self::Internal { message: error.to_string() }
            }
        })+
    };
}

internal!(DataError, ModelError, SessionError);

/// Why bytes are not a compressed network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum FileError {
    #[error("it has {actual} bytes; at most {limit} are read")]
    TooLarge { actual: u64, limit: u64 },
    #[error("it does not begin with the letters \"GBXC\"")]
    NoMagic,
    #[error("it has version {actual}; this program reads version {expected}")]
    OtherVersion { actual: u8, expected: u8 },
    #[error("it names the network \"{name}\", which is not known here")]
    UnknownNetwork { name: String },
    /// It ends inside of what it promises.
    #[error("it ends in {part}: {needed} bytes more were expected")]
    Truncated { part: String, needed: u64 },
    #[error("{extra} bytes follow the last tensor")]
    TrailingBytes { extra: u64 },
    #[error("{tensor}: its values are said to have {bits} bits, expected 32, or 2 to 8")]
    BadBits { tensor: String, bits: u8 },
    #[error("{tensor}: its layout has the number {layout}, expected 0 to 2")]
    BadLayout { tensor: String, layout: u8 },
    #[error(
        "{tensor}: its scales have the number {granularity}, expected 0 (one) or 1 (one each channel)"
    )]
    BadGranularity { tensor: String, granularity: u8 },
    #[error("{tensor}: a scale is negative")]
    NegativeScale { tensor: String },
    #[error("{tensor}: {kept} values are said to be kept, of {count}")]
    BadCount {
        tensor: String,
        kept: u32,
        count: u32,
    },
    /// Gaps that lead behind the tensor's end, a bitmap with another number of ones, bits behind the last.
    #[error("{tensor}: its positions do not fit the tensor")]
    BadPositions { tensor: String },
    #[error("{tensor}: a level is beyond the largest that its bits allow")]
    BadLevel { tensor: String },
    #[error("{tensor}: a value or scale is infinite or not a number")]
    NonFinite { tensor: String },
}
