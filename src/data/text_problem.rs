//! What can be wrong with a text, as facts: in English by `Display`, on the page in its language.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text cannot be learned from.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum TextProblem {
    #[error("{bytes} bytes, expected at most {most}")]
    TooLarge { bytes: u64, most: u64 },
    #[error("not UTF-8 text from byte {from}; save it as plain text in UTF-8")]
    NotText { from: u64 },
    #[error("{characters} different characters, expected at most {most}")]
    TooVaried { characters: u64, most: u64 },
    #[error(
        "{characters} characters, expected at least {least}, so that the held-out tenth has a window of {window} and \
         one more"
    )]
    TooShort {
        characters: u64,
        least: u64,
        window: u64,
    },
    #[error(
        "all its characters are the same, expected at least 2 different ones: there is nothing to predict"
    )]
    OneCharacter,
}
