//! The embedding widget without a page: a small table, the rows that a word looks up, and the gradient that is
//! scattered back.

use std::collections::BTreeMap;

use super::grid::moved;
use super::reading::{Problem, Reader};
use crate::lesson::{Numbers, OperationRequest, OperationResult};
use crate::view::format;

/// The vocabulary: token number t is letter number t.
pub const LETTERS: &str = "ehlop";

/// V
pub const VOCABULARY: usize = 5;

/// E
pub const FEATURES: usize = 3;

/// Longest word.
pub const MOST_LETTERS: usize = 6;

/// Digits of a number that is shown.
pub const DIGITS: usize = 6;

/// Largest magnitude that a cell can be set to.
pub const MAX_VALUE: f64 = 1000.0;

const WORD: &str = "hello";

const TABLE: [f64; VOCABULARY * FEATURES] = [
    0.2, -0.5, 1.0, //
    -0.3, 0.8, 0.1, //
    0.6, 0.4, -0.7, //
    -1.2, 0.3, 0.5, //
    0.9, -0.1, -0.4,
];

/// Gradients that arrive from above, a row for each letter of a word.
const UPSTREAM: [f64; MOST_LETTERS * FEATURES] = [
    0.1, 0.0, -0.2, //
    0.3, -0.1, 0.0, //
    0.5, 0.2, -0.1, //
    -0.2, 0.4, 0.3, //
    0.0, -0.3, 0.6, //
    0.25, 0.5, -0.5,
];

/// What is set.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub word: String,
    /// w (V, E), row-major.
    pub table: Vec<f64>,
    /// dy (T, E), row-major, for the longest word.
    pub upstream: Vec<f64>,
    /// The token that is looked at.
    pub token: usize,
}

/// What the engine says of a state.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// y (T, E)
    pub output: Vec<f64>,
    /// dw (V, E)
    pub gradient: Vec<f64>,
}

impl State {
    /// As a link has it, and what could not be used of it.
    pub fn read(settings: &BTreeMap<String, String>) -> (Self, Vec<Problem>) {
        let mut reader = Reader::new(settings);
        let state = Self {
            token: reader.whole("token", (0, VOCABULARY as u64 - 1), 2) as usize,
            word: WORD.into(),
            table: TABLE.to_vec(),
            upstream: UPSTREAM.to_vec(),
        };
        (state, reader.problems)
    }

    /// Token numbers of the word (T).
    pub fn tokens(&self) -> Vec<u32> {
        let letters = self.word.chars();
        letters
            .filter_map(|letter| LETTERS.find(letter))
            .map(|token| token as u32)
            .collect()
    }

    /// Takes a word; what is not in the vocabulary is left out, as is what is too long. Whether all of it was taken.
    /// A word of no letters changes nothing.
    pub fn set_word(&mut self, word: &str) -> bool {
        let known = word.chars().flat_map(char::to_lowercase);
        let known: String = known
            .filter(|&letter| LETTERS.contains(letter))
            .take(MOST_LETTERS)
            .collect();
        let is_whole = known == word.to_lowercase();
        if !known.is_empty() {
            self.word = known;
        }
        is_whole && !word.is_empty()
    }

    /// Where the token that is looked at stands in the word.
    pub fn places(&self) -> Vec<usize> {
        let tokens = self.tokens().into_iter().enumerate();
        tokens
            .filter(|&(_, token)| token as usize == self.token)
            .map(|(place, _)| place)
            .collect()
    }

    /// What a key does to the token that is looked at; whether it does anything.
    pub fn key(&mut self, key: &str) -> bool {
        let Some(token) = moved(key, self.token, [VOCABULARY, 1]) else {
            return false;
        };
        self.token = token;
        true
    }

    /// The engine's `embedding` of tokens (1, T) in w (V, E), and its backward pass from dy (1, T, E).
    pub fn request(&self) -> OperationRequest {
        let tokens: Vec<f64> = self.tokens().into_iter().map(f64::from).collect();
        let length = tokens.len();
        let upstream = &self.upstream[..length * FEATURES];
        OperationRequest::with_gradients(
            "embedding",
            "",
            [
                Numbers::new([1, length], tokens),
                Numbers::new([VOCABULARY, FEATURES], self.table.clone()),
            ],
            [Numbers::new([1, length, FEATURES], upstream)],
        )
    }

    /// The gradient of the token's row: which rows of the gradient from above are added, and what they come to.
    pub fn scatter_line(&self, looked: &Looked) -> String {
        let row = |values: &[f64], number: usize| {
            let values = values[number * FEATURES..][..FEATURES].iter();
            let texts: Vec<String> = values
                .map(|&value| format::significant(value, DIGITS))
                .collect();
            format!("({})", texts.join(", "))
        };
        let token = self.token;
        let places = self.places();
        let result = row(&looked.gradient, token);
        if places.is_empty() {
            return format!("dw[{token}] = {result}");
        }
        let symbols: Vec<String> = places.iter().map(|place| format!("dy[{place}]")).collect();
        let rows: Vec<String> = places
            .iter()
            .map(|&place| row(&self.upstream, place))
            .collect();
        let mut line = format!(
            "dw[{token}] = {} = {}",
            symbols.join(" + "),
            rows.join(" + ")
        );
        if places.len() > 1 {
            line.push_str(&format!(" = {result}"));
        }
        line
    }
}

impl Looked {
    /// Of the engine's answer to [`State::request`]; `None` where it is not one.
    pub fn read(result: &OperationResult) -> Option<Self> {
        Some(Self {
            output: result.outputs.first()?.data.clone(),
            gradient: result.gradients.get(1)?.as_ref()?.data.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::grid::settings;
    use super::*;
    use crate::lesson::run_operation;

    fn run(state: &State) -> Looked {
        let result = run_operation(&state.request()).expect("runs");
        Looked::read(&result).expect("tensors of the operation")
    }

    #[test]
    fn a_word_looks_up_rows_and_a_token_that_stands_twice_gets_the_sum() {
        let (state, problems) = State::read(&settings(&[]));
        assert!(problems.is_empty());
        assert_eq!(state.tokens(), [1, 0, 2, 2, 3]);
        assert_eq!(state.places(), [2, 3]);
        let looked = run(&state);
        for (place, &token) in state.tokens().iter().enumerate() {
            let row =
                |values: &[f64], number: usize| values[number * FEATURES..][..FEATURES].to_vec();
            assert_eq!(
                row(&looked.output, place),
                row(&state.table, token as usize)
            );
        }
        for feature in 0..FEATURES {
            let sum =
                state.upstream[2 * FEATURES + feature] + state.upstream[3 * FEATURES + feature];
            assert_eq!(looked.gradient[2 * FEATURES + feature], sum);
            // p does not stand in the word.
            assert_eq!(looked.gradient[4 * FEATURES + feature], 0.0);
        }
        assert_eq!(
            state.scatter_line(&looked),
            "dw[2] = dy[2] + dy[3] = (0.5, 0.2, −0.1) + (−0.2, 0.4, 0.3) = (0.3, 0.6, 0.2)"
        );
    }

    #[test]
    fn words_and_tokens_outside_of_the_vocabulary_are_told() {
        let (state, problems) = State::read(&settings(&[("token", "5")]));
        assert_eq!(problems.len(), 1);
        assert_eq!((state.token, &state.word[..]), (2, "hello"));
        let mut state = state;
        assert!(state.set_word("Hole"));
        assert_eq!(state.word, "hole");
        assert!(!state.set_word("world"));
        assert_eq!(state.word, "ol");
        assert!(!state.set_word(""));
        assert!(!state.set_word("xyz"));
        assert_eq!(state.word, "ol");
        assert!(!state.set_word("hellohello"));
        assert_eq!(state.word, "helloh");
        assert_eq!(run(&state).output.len(), 18);
        assert!(state.key("ArrowDown"));
        assert_eq!(state.token, 3);
        state.token = 4;
        assert_eq!(state.scatter_line(&run(&state)), "dw[4] = (0, 0, 0)");
        state.token = 0;
        assert!(
            state
                .scatter_line(&run(&state))
                .starts_with("dw[0] = dy[1] = (")
        );
    }
}
