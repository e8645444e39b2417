//! Continuing a text character by character: what is asked for and what is told.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most characters that one request may ask for.
pub const MAX_GENERATED: u32 = 2_000;

/// Longest prompt, in characters. The network reads the last ones, as many as its window holds.
pub const MAX_PROMPT: usize = 10_000;

/// How many of the most probable characters are told of each step.
pub const CANDIDATES: usize = 10;

/// How a prompt is to be continued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GenerateRequest {
    /// At least one character, all of the vocabulary.
    pub prompt: String,
    /// Characters to add, from 1 to [`MAX_GENERATED`].
    pub length: u32,
    /// Divides the logits before the softmax; 0 takes the most probable character every time (greedy).
    pub temperature: f32,
    /// Draw only from this many of the most probable characters, at least 1; `None`: from all.
    pub top_k: Option<u32>,
    /// Of the draws: equal requests of equal weights give equal texts.
    pub seed: u64,
}

/// Why a prompt cannot be continued.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum PromptProblem {
    #[error("is empty, expected at least 1 character")]
    Empty,
    #[error("has {characters} characters, expected at most {most}")]
    TooLong { characters: u64, most: u64 },
    /// Each once, in their order.
    #[error(
        "has characters that the network never saw: {}; it knows only the {vocabulary} of its text",
        named(characters)
    )]
    Unknown {
        characters: Vec<char>,
        vocabulary: u64,
    },
}

/// Most unknown characters that a message names.
const NAMED: usize = 12;

/// Characters in quotation marks: `"é", "\t"`.
fn named(characters: &[char]) -> String {
    let named = characters.iter().take(NAMED);
    let mut text: Vec<String> = named.map(|c| format!("{:?}", c.to_string())).collect();
    if characters.len() > NAMED {
        text.push(format!("and {} more", characters.len() - NAMED));
    }
    text.join(", ")
}

/// A character that could come next.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    pub character: char,
    /// As the network has it: softmax of the logits.
    pub probability: f32,
    /// With which it is drawn: after temperature and top-k.
    pub drawn: f32,
}

/// One character that was added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeneratedStep {
    pub character: char,
    /// The most probable ones, most probable first; at most [`CANDIDATES`].
    pub candidates: Vec<Candidate>,
}

/// The text that a run learns from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextFacts {
    /// `shakespeare`, `wuyan`, or the name of the learner's file.
    pub name: String,
    /// Characters of the whole text.
    pub characters: u32,
    /// Of them, those that are learned from; the rest is held out.
    pub train_characters: u32,
    /// Different characters, the classes of the prediction.
    pub vocabulary: u32,
    /// Characters that the network reads at once.
    pub window: u32,
    /// How the held-out part begins: a prompt to start with.
    pub prompt: String,
}

/// The weights of one attention on a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockAttention {
    /// `block1.attention`
    pub name: String,
    pub heads: u32,
    /// (heads, L, L): in each row how much a query gives every key; the rows add up to 1.
    pub weights: Vec<f32>,
}

/// What every attention of a network makes of a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextAttention {
    /// Training steps done before.
    pub step: u64,
    /// As it was asked for.
    pub text: String,
    /// L: the characters that were read, the last of the text.
    pub characters: Vec<char>,
    /// In running order; none where the network has no attention.
    pub blocks: Vec<BlockAttention>,
}
