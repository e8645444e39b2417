//! Texts as numbers: characters with their vocabulary, cut into windows.

use std::collections::{BTreeSet, HashSet};

use super::error::DataError;
use super::text_problem::TextProblem;

/// Largest text that is read, in bytes of UTF-8.
pub const MAX_TEXT_BYTES: usize = 4 << 20;
/// Most different characters of a text: each is a row of the embedding and a class of the loss.
pub const MAX_VOCABULARY: usize = 8_192;

/// Length of the runs of characters whose repetition is counted.
pub const RUN_LENGTH: usize = 8;

/// How varied a text is: of all its runs of [`RUN_LENGTH`] characters the share that are different.
/// `None` where it has fewer than twice as many characters.
pub fn distinct_share(text: &str) -> Option<f64> {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() < 2 * RUN_LENGTH {
        return None;
    }
    let runs = characters.windows(RUN_LENGTH);
    let count = runs.len();
    let distinct: HashSet<&[char]> = runs.collect();
    Some(distinct.len() as f64 / count as f64)
}

/// A text that Glassbox ships.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextSource {
    /// Romeo and Juliet, then A Midsummer Night's Dream.
    Shakespeare,
    /// Chinese poems in lines of five characters.
    FiveCharacterPoems,
}

impl TextSource {
    /// All texts.
    pub const ALL: [Self; 2] = [Self::Shakespeare, Self::FiveCharacterPoems];

    /// `shakespeare`
    pub fn name(self) -> &'static str {
        match self {
            Self::Shakespeare => "shakespeare",
            Self::FiveCharacterPoems => "wuyan",
        }
    }

    /// Path below a data folder.
    pub fn path(self) -> &'static str {
        match self {
            Self::Shakespeare => "text/en-shakespeare.txt",
            Self::FiveCharacterPoems => "text/zh-wuyan.txt",
        }
    }
}

/// The characters of a text, in the order of their code points; a token is a character's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    characters: Vec<char>,
}

impl Vocabulary {
    /// Every character of `text`, once.
    pub fn of(text: &str) -> Self {
        let characters: BTreeSet<char> = text.chars().collect();
        Self {
            characters: characters.into_iter().collect(),
        }
    }

    /// V
    pub fn len(&self) -> usize {
        self.characters.len()
    }

    /// Whether there is no character at all.
    pub fn is_empty(&self) -> bool {
        self.characters.is_empty()
    }

    /// All characters, by token.
    pub fn characters(&self) -> &[char] {
        &self.characters
    }

    /// The token of a character.
    pub fn token(&self, character: char) -> Option<u32> {
        let place = self.characters.binary_search(&character).ok()?;
        u32::try_from(place).ok()
    }

    /// The character of a token.
    pub fn character(&self, token: u32) -> Option<char> {
        self.characters.get(token as usize).copied()
    }

    /// The tokens of a text.
    ///
    /// # Errors
    /// The characters that the vocabulary does not have, each once, in their order.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Vec<char>> {
        let mut unknown = Vec::new();
        let mut tokens = Vec::new();
        for character in text.chars() {
            match self.token(character) {
                Some(token) => tokens.push(token),
                None if unknown.contains(&character) => {}
                None => unknown.push(character),
            }
        }
        if unknown.is_empty() {
            Ok(tokens)
        } else {
            Err(unknown)
        }
    }

    /// The text of tokens; what is no token is left out.
    pub fn decode(&self, tokens: &[u32]) -> String {
        let known = tokens.iter().filter_map(|&token| self.character(token));
        known.collect()
    }
}

/// A text cut into windows of equal length. The last tenth, by characters, is held out.
///
/// Windows follow each other without a gap, each predicts the character behind every one of its own, so that an
/// epoch predicts every character of its part once. What is left over at a part's end is not used.
#[derive(Clone, Debug, PartialEq)]
pub struct TextSet {
    /// `shakespeare`, or the name of the learner's file.
    pub name: String,
    pub vocabulary: Vocabulary,
    /// The whole text (L).
    tokens: Vec<u32>,
    /// Where the windows begin; those to learn from come first.
    starts: Vec<u32>,
    train_count: u32,
    window: usize,
}

impl TextSet {
    /// Cuts `text` into windows of `window` characters.
    ///
    /// # Errors
    /// When the text is too long, has too many different characters, or is too short for a window in each part.
    pub fn new(name: &str, text: &str, window: usize) -> Result<Self, DataError> {
        let refuse = |problem| DataError::Text {
            file: name.into(),
            problem,
        };
        if text.len() > MAX_TEXT_BYTES {
            return Err(refuse(TextProblem::TooLarge {
                bytes: text.len() as u64,
                most: MAX_TEXT_BYTES as u64,
            }));
        }
        let vocabulary = Vocabulary::of(text);
        if vocabulary.len() > MAX_VOCABULARY {
            return Err(refuse(TextProblem::TooVaried {
                characters: vocabulary.len() as u64,
                most: MAX_VOCABULARY as u64,
            }));
        }
        let tokens = vocabulary
            .encode(text)
            .expect("the vocabulary is the text's own");
        let held_out = tokens.len() / 10;
        let parts = [
            0..tokens.len() - held_out,
            tokens.len() - held_out..tokens.len(),
        ];
        let windows = parts.map(|part| {
            // Each window needs one character more, the last one's target.
            let count = part.len().saturating_sub(1) / window.max(1);
            (0..count).map(move |number| (part.start + number * window) as u32)
        });
        let [train, test] = windows.map(Iterator::collect::<Vec<u32>>);
        if window == 0 || train.is_empty() || test.is_empty() {
            return Err(refuse(TextProblem::TooShort {
                characters: tokens.len() as u64,
                least: 10 * (window.max(1) as u64 + 1),
                window: window as u64,
            }));
        }
        if vocabulary.len() < 2 {
            return Err(refuse(TextProblem::OneCharacter));
        }
        Ok(Self {
            name: name.into(),
            vocabulary,
            tokens,
            train_count: train.len() as u32,
            starts: [train, test].concat(),
            window,
        })
    }

    /// As [`TextSet::new`], from the bytes of a file in UTF-8; a byte order mark is left out, line ends become `\n`.
    ///
    /// # Errors
    /// As there, and when the bytes are no UTF-8.
    pub fn from_bytes(name: &str, bytes: &[u8], window: usize) -> Result<Self, DataError> {
        let text = std::str::from_utf8(bytes).map_err(|error| DataError::Text {
            file: name.into(),
            problem: TextProblem::NotText {
                from: error.valid_up_to() as u64,
            },
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self::new(name, &text.replace("\r\n", "\n"), window)
    }

    /// Cuts the same text into windows of another length.
    ///
    /// # Errors
    /// When it is too short for such a window in each part.
    pub fn with_window(&self, window: usize) -> Result<Self, DataError> {
        Self::new(&self.name, &self.vocabulary.decode(&self.tokens), window)
    }

    /// Characters that are learned from; the rest is held out.
    pub fn train_characters(&self) -> usize {
        self.tokens.len() - self.tokens.len() / 10
    }

    /// A prompt from the held-out part: what stands behind its first line break, at most `length` characters, to the
    /// end of a line or, failing that, of a word.
    pub fn held_out_beginning(&self, length: usize) -> String {
        let held_out = &self.tokens[self.train_characters()..];
        let line_break = self.vocabulary.token('\n');
        let is_break = |token: &u32| Some(*token) == line_break;
        let first = held_out.iter().position(is_break).map_or(0, |at| at + 1);
        let behind = &held_out[first..];
        let lines = if behind.is_empty() { held_out } else { behind };
        let prompt = self.vocabulary.decode(&lines[..length.min(lines.len())]);
        let end = prompt.rfind('\n').or_else(|| prompt.rfind(' '));
        match end.filter(|&end| end > 0) {
            Some(end) => prompt[..=end].into(),
            None => prompt,
        }
    }

    /// The whole text (L).
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Where each window begins (M); held-out windows stand behind the others.
    pub fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// Windows to learn from.
    pub fn train_count(&self) -> u32 {
        self.train_count
    }

    /// Windows held out.
    pub fn test_count(&self) -> u32 {
        self.starts.len() as u32 - self.train_count
    }

    /// T: characters of a window.
    pub fn window(&self) -> usize {
        self.window
    }

    /// A window's characters and the one behind each.
    pub fn sample(&self, number: u32) -> (&[u32], &[u32]) {
        let start = self.starts[number as usize] as usize;
        let end = start + self.window;
        (&self.tokens[start..end], &self.tokens[start + 1..end + 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(length: usize) -> String {
        "learning 学而时习之\n"
            .chars()
            .cycle()
            .take(length)
            .collect()
    }

    #[test]
    fn a_text_goes_through_its_vocabulary_and_back() {
        let text = text(40);
        let vocabulary = Vocabulary::of(&text);
        assert_eq!(vocabulary.len(), 14);
        let tokens = vocabulary.encode(&text).unwrap();
        assert_eq!(vocabulary.decode(&tokens), text);
        assert_eq!(vocabulary.encode("学e?x?"), Err(vec!['?', 'x']));
        assert_eq!(vocabulary.character(14), None);
        let sorted = vocabulary.characters().windows(2).all(|w| w[0] < w[1]);
        assert!(sorted);
    }

    #[test]
    fn windows_cover_each_part_without_a_gap_and_never_reach_the_other() {
        let text = text(1_000);
        let set = TextSet::new("text", &text, 7).unwrap();
        assert_eq!(set.train_count(), 899 / 7);
        assert_eq!(set.test_count(), 99 / 7);
        for number in 0..set.train_count() + set.test_count() {
            let (x, t) = set.sample(number);
            assert_eq!((x.len(), t.len()), (7, 7));
            assert_eq!(x[1..], t[..6]);
            let start = set.starts()[number as usize];
            let is_training = number < set.train_count();
            assert_eq!(start + 7 < 900, is_training, "window {number}");
            assert_eq!(start < 900, is_training, "window {number}");
        }
        assert_eq!(set.starts()[1] - set.starts()[0], 7);
    }

    #[test]
    fn texts_that_cannot_be_learned_from_are_refused() {
        let refused = |text: &str, window| TextSet::new("my.txt", text, window).unwrap_err();
        assert_eq!(
            refused("", 8).to_string(),
            "my.txt: 0 characters, expected at least 90, so that the held-out tenth has a window of 8 and one more"
        );
        assert!(
            refused("a", 1)
                .to_string()
                .contains("1 characters, expected at least 20")
        );
        assert!(refused(&text(89), 8).to_string().contains("89 characters"));
        assert!(TextSet::new("my.txt", &text(90), 8).is_ok());
        assert!(
            refused(&"a".repeat(90), 8)
                .to_string()
                .contains("all its characters are the same")
        );
        assert!(refused(&text(1_000), 0).to_string().contains("characters"));
        let many: String = (0..9_000)
            .filter_map(|n| char::from_u32(0x4e00 + n))
            .collect();
        assert_eq!(
            refused(&many, 8).to_string(),
            "my.txt: 9000 different characters, expected at most 8192"
        );
        let long = "a".repeat(MAX_TEXT_BYTES + 1);
        assert!(
            refused(&long, 8)
                .to_string()
                .contains("bytes, expected at most 4194304")
        );
        let error = TextSet::from_bytes("my.txt", b"ab\xff", 8).unwrap_err();
        assert_eq!(
            error.to_string(),
            "my.txt: not UTF-8 text from byte 2; save it as plain text in UTF-8"
        );
    }

    #[test]
    fn a_prompt_begins_a_held_out_line_and_ends_with_a_line_or_a_word() {
        // The last tenth, 60 characters, begins as said.
        let prompt = |start: &str, length| {
            let learned = "a\nb c ".repeat(90);
            let held_out = format!("{start}{}", "b".repeat(60 - start.len()));
            let text = format!("{learned}{held_out}");
            assert_eq!(text.len(), 600);
            let set = TextSet::new("my.txt", &text, 4).unwrap();
            set.held_out_beginning(length)
        };
        assert_eq!(prompt("x c\nb a\nc a ", 8), "b a\n");
        assert_eq!(prompt("\nb a c ", 7), "b a c ");
        assert_eq!(prompt("cab", 5), "cabbb");
    }

    #[test]
    fn line_ends_and_a_byte_order_mark_do_not_count() {
        let text = format!("\u{feff}{}", text(200).replace('\n', "\r\n"));
        let set = TextSet::from_bytes("my.txt", text.as_bytes(), 4).unwrap();
        assert_eq!(set.vocabulary.token('\r'), None);
        assert_eq!(set.vocabulary.token('\u{feff}'), None);
        assert_eq!(set.tokens().len(), 200);
    }
}
