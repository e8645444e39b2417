//! The texts of one language: a Markdown file with the names of the groups and a section for each concept.
//!
//! ```text
//! # networks: Networks
//!
//! ## softmax
//! name: Softmax
//! synonyms: normalised exponential
//! definition: Maps logits to probabilities that sum to 1.
//!
//! The explanation, in paragraphs ...
//! ```

use std::collections::HashMap;

use super::Mistake;

/// The most bytes of a file of texts.
const MOST_BYTES: usize = 4 << 20;

/// What is said of a concept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConceptText {
    pub id: String,
    pub name: String,
    /// Other names under which it is found.
    pub synonyms: Vec<String>,
    /// One sentence.
    pub definition: String,
    /// Markdown.
    pub body: String,
    /// The lines on which the section and its body begin.
    pub line: usize,
    pub body_line: usize,
}

/// All texts of one language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CourseTexts {
    /// In the order of the file.
    pub concepts: Vec<ConceptText>,
    places: HashMap<String, usize>,
    groups: HashMap<String, String>,
}

impl CourseTexts {
    /// Reads a file of texts.
    ///
    /// # Errors
    /// Every mistake with its line.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<Mistake>> {
        if text.len() > MOST_BYTES {
            let message = format!("{} bytes; expected at most {MOST_BYTES}", text.len());
            return Err(vec![Mistake::new(file, 1, message)]);
        }
        let mut mistakes = Vec::new();
        let mut texts = Self::default();
        let (sections, groups) = sections(file, text, &mut mistakes);
        texts.groups = groups;
        for section in sections {
            if texts.places.contains_key(&section.id) {
                let message = format!("the concept {} has two sections", section.id);
                mistakes.push(Mistake::new(file, section.line, message));
                continue;
            }
            let place = texts.concepts.len();
            texts.places.insert(section.id.clone(), place);
            texts.concepts.push(section);
        }
        match mistakes.is_empty() {
            true => Ok(texts),
            false => Err(mistakes),
        }
    }

    /// The text of a concept.
    pub fn get(&self, id: &str) -> Option<&ConceptText> {
        self.places.get(id).map(|&place| &self.concepts[place])
    }

    /// The name of a group.
    pub fn group(&self, id: &str) -> Option<&str> {
        self.groups.get(id).map(String::as_str)
    }
}

/// The sections of a file and the names of its groups; what is not as it should be goes to `mistakes`.
fn sections(
    file: &str,
    text: &str,
    mistakes: &mut Vec<Mistake>,
) -> (Vec<ConceptText>, HashMap<String, String>) {
    let lines: Vec<&str> = text.lines().collect();
    let is_head = |line: &str| line.starts_with("## ") || line.starts_with("# ");
    let starts: Vec<usize> = (0..lines.len()).filter(|&n| is_head(lines[n])).collect();
    let first = starts.first().copied().unwrap_or(lines.len());
    if let Some(stray) = (0..first).find(|&n| !lines[n].trim().is_empty()) {
        let message = "text before the first head; expected a line such as \"## softmax\"";
        mistakes.push(Mistake::new(file, stray + 1, message));
    }
    let mut found = Vec::new();
    let mut groups = HashMap::new();
    for (number, &start) in starts.iter().enumerate() {
        let end = starts.get(number + 1).copied().unwrap_or(lines.len());
        let Some(group) = lines[start].strip_prefix("# ") else {
            found.extend(section(file, &lines[start..end], start + 1, mistakes));
            continue;
        };
        match group.split_once(':') {
            Some((id, name)) if !name.trim().is_empty() => {
                groups.insert(id.trim().to_string(), name.trim().to_string());
            }
            _ => {
                let message = format!("the group \"{group}\"; expected \"# id: name\"");
                mistakes.push(Mistake::new(file, start + 1, message));
            }
        }
        if let Some(stray) = (start + 1..end).find(|&n| !lines[n].trim().is_empty()) {
            let message = "text below the name of a group; expected a concept";
            mistakes.push(Mistake::new(file, stray + 1, message));
        }
    }
    (found, groups)
}

/// One section, whose first line has the number `line`.
fn section(
    file: &str,
    lines: &[&str],
    line: usize,
    mistakes: &mut Vec<Mistake>,
) -> Option<ConceptText> {
    let id = lines[0][3..].trim().to_string();
    let mut values = Vec::new();
    for (place, key) in ["name", "synonyms", "definition"].into_iter().enumerate() {
        let given = lines.get(place + 1).copied().unwrap_or_default();
        let value = given
            .strip_prefix(key)
            .and_then(|rest| rest.strip_prefix(':'));
        let Some(value) = value.map(str::trim) else {
            let message = format!("expected \"{key}: ...\" for {id}, found \"{given}\"");
            mistakes.push(Mistake::new(file, line + place + 1, message));
            return None;
        };
        if value.is_empty() && key != "synonyms" {
            let message = format!("the {key} of {id} is empty");
            mistakes.push(Mistake::new(file, line + place + 1, message));
            return None;
        }
        values.push(value.to_string());
    }
    let mut body_start = 4;
    while lines
        .get(body_start)
        .is_some_and(|line| line.trim().is_empty())
    {
        body_start += 1;
    }
    let body = lines.get(body_start..).unwrap_or_default().join("\n");
    let body = body.trim_end().to_string();
    if body.is_empty() {
        let message = format!("{id} has no explanation");
        mistakes.push(Mistake::new(file, line, message));
        return None;
    }
    let definition = values.pop()?;
    let synonyms = values.pop()?;
    let synonyms = synonyms
        .split([',', '、', '，'])
        .map(|synonym| synonym.trim().to_string())
        .filter(|synonym| !synonym.is_empty())
        .collect();
    Some(ConceptText {
        id,
        name: values.pop()?,
        synonyms,
        definition,
        body,
        line,
        body_line: line + body_start,
    })
}
