//! What the articles get wrong, in one language.
//!
//! ```text
//! ## r1: 000, section 4.1
//! written: What stands there.
//! correct: What is right.
//! see: /step/worked-2-3-1
//!
//! Why, in a few sentences.
//! ```

use super::{Mistake, to_html};

/// The most bytes of a file.
const MOST_BYTES: usize = 1 << 20;

/// A mistake of the articles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorText {
    pub id: String,
    /// Where it stands.
    pub place: String,
    /// Markdown, as are the next two.
    pub written: String,
    pub correct: String,
    pub reason: String,
    /// Address of the page that shows it.
    pub see: String,
    pub line: usize,
}

/// Reads a file of mistakes.
///
/// # Errors
/// Every mistake of the file with its line.
pub fn read_errors(file: &str, text: &str) -> Result<Vec<ErrorText>, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut tell = |line: usize, message: String| mistakes.push(Mistake::new(file, line, message));
    if text.len() > MOST_BYTES {
        tell(
            1,
            format!("{} bytes; expected at most {MOST_BYTES}", text.len()),
        );
        return Err(mistakes);
    }
    let lines: Vec<&str> = text.lines().collect();
    let starts: Vec<usize> = (0..lines.len())
        .filter(|&n| lines[n].starts_with("## "))
        .collect();
    let first = starts.first().copied().unwrap_or(lines.len());
    if let Some(stray) = (0..first).find(|&n| !lines[n].trim().is_empty()) {
        tell(
            stray + 1,
            "text before the first head; expected a line such as \"## r1: 000, section 4.1\""
                .into(),
        );
    }
    let mut errors: Vec<ErrorText> = Vec::new();
    for (number, &start) in starts.iter().enumerate() {
        let end = starts.get(number + 1).copied().unwrap_or(lines.len());
        let Some((id, place)) = lines[start][3..].split_once(':') else {
            tell(
                start + 1,
                format!(
                    "expected \"## id: where it stands\", found \"{}\"",
                    lines[start]
                ),
            );
            continue;
        };
        let mut values = Vec::new();
        for (offset, key) in ["written", "correct", "see"].into_iter().enumerate() {
            let line = lines[..end]
                .get(start + 1 + offset)
                .copied()
                .unwrap_or_default();
            let value = line
                .strip_prefix(key)
                .and_then(|rest| rest.strip_prefix(':'));
            match value.map(str::trim).filter(|value| !value.is_empty()) {
                Some(value) => values.push(value.to_string()),
                None => tell(
                    start + 2 + offset,
                    format!("expected \"{key}: ...\", found \"{line}\""),
                ),
            }
        }
        let reason = lines.get(start + 4..end).unwrap_or_default().join("\n");
        let reason = reason.trim().to_string();
        if reason.is_empty() {
            tell(start + 1, format!("{id} has no reason"));
        }
        let id = id.trim().to_string();
        if errors.iter().any(|error| error.id == id) {
            tell(start + 1, format!("{id} stands here twice"));
        }
        if let [written, correct, see] = &values[..] {
            errors.push(ErrorText {
                id,
                place: place.trim().to_string(),
                written: written.clone(),
                correct: correct.clone(),
                reason,
                see: see.clone(),
                line: start + 1,
            });
        }
    }
    match mistakes.is_empty() {
        true => Ok(errors),
        false => Err(mistakes),
    }
}

/// Checks what the texts lead to: pages that there are, formulas that can be rendered.
pub(super) fn check_errors(
    file: &str,
    errors: &[ErrorText],
    href: &dyn Fn(&str) -> Option<String>,
) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for error in errors {
        if href(&error.see).is_none() {
            let message = format!("{} leads to {}, which is no page", error.id, error.see);
            mistakes.push(Mistake::new(file, error.line + 3, message));
        }
        let parts = [(&error.written, 1), (&error.correct, 2), (&error.reason, 5)];
        for (markdown, offset) in parts {
            if let Err(found) = to_html(markdown, href) {
                let told = found
                    .into_iter()
                    .map(|(_, message)| Mistake::new(file, error.line + offset, message));
                mistakes.extend(told);
            }
        }
    }
    mistakes
}
