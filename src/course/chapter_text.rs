//! The text of a chapter in one language.
//!
//! ```text
//! # Forward propagation
//! summary: What one can do after it.
//!
//! ## neuron: A unit adds and bends
//! Paragraphs ...
//!
//! ? A question?
//! - ( ) An option :: Why it is wrong.
//! - (x) The right option :: Why it is right.
//! ```

use super::{Chapter, Mistake, to_html};

/// The most bytes of a file.
const MOST_BYTES: usize = 1 << 20;

/// A chapter's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChapterText {
    pub title: String,
    /// What one can do after it, in a sentence.
    pub summary: String,
    pub steps: Vec<StepText>,
}

/// A step's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepText {
    pub id: String,
    pub title: String,
    /// Markdown, with empty lines where questions stood.
    pub body: String,
    pub questions: Vec<Question>,
    /// The lines on which the step and its body begin, from 1.
    pub line: usize,
    pub body_line: usize,
}

/// A question with its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Markdown of one line, as are the options.
    pub text: String,
    pub options: Vec<Choice>,
    /// Number of the right option.
    pub right: usize,
    pub line: usize,
}

/// One answer to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub text: String,
    /// What is said to one who chose it.
    pub feedback: String,
}

impl ChapterText {
    /// Reads the text of a chapter.
    ///
    /// # Errors
    /// Every mistake with its line.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let mut tell =
            |line: usize, message: String| mistakes.push(Mistake::new(file, line, message));
        if text.len() > MOST_BYTES {
            tell(
                1,
                format!("{} bytes; expected at most {MOST_BYTES}", text.len()),
            );
            return Err(mistakes);
        }
        let lines: Vec<&str> = text.lines().collect();
        let line_at = |number: usize| lines.get(number).copied().unwrap_or_default();
        let title = line_at(0).strip_prefix("# ").unwrap_or_default().trim();
        if title.is_empty() {
            tell(
                1,
                format!(
                    "expected \"# title of the chapter\", found \"{}\"",
                    line_at(0)
                ),
            );
        }
        let summary = line_at(1)
            .strip_prefix("summary:")
            .unwrap_or_default()
            .trim();
        if summary.is_empty() {
            tell(
                2,
                format!("expected \"summary: ...\", found \"{}\"", line_at(1)),
            );
        }
        let starts: Vec<usize> = (2..lines.len())
            .filter(|&number| lines[number].starts_with("## "))
            .collect();
        let first = starts.first().copied().unwrap_or(lines.len());
        if let Some(stray) = (2..first).find(|&number| !lines[number].trim().is_empty()) {
            tell(
                stray + 1,
                "text before the first step; expected a line such as \"## neuron: A unit adds\""
                    .into(),
            );
        }
        let mut steps = Vec::new();
        for (number, &start) in starts.iter().enumerate() {
            let end = starts.get(number + 1).copied().unwrap_or(lines.len());
            let head = lines[start][3..].split_once(':');
            let Some((id, title)) = head.filter(|(_, title)| !title.trim().is_empty()) else {
                tell(
                    start + 1,
                    format!("expected \"## id: title\", found \"{}\"", lines[start]),
                );
                continue;
            };
            let (body, questions) =
                body_and_questions(&lines[start + 1..end], start + 2, &mut tell);
            if body.trim().is_empty() && questions.is_empty() {
                tell(start + 1, format!("the step {} is empty", id.trim()));
            }
            steps.push(StepText {
                id: id.trim().to_string(),
                title: title.trim().to_string(),
                body,
                questions,
                line: start + 1,
                body_line: start + 2,
            });
        }
        match mistakes.is_empty() {
            true => Ok(Self {
                title: title.to_string(),
                summary: summary.to_string(),
                steps,
            }),
            false => Err(mistakes),
        }
    }

    /// Checks the text against the structure: the same steps in the same order, links that lead somewhere, formulas that
    /// can be rendered.
    pub fn check(
        &self,
        file: &str,
        (chapter, language): (&Chapter, &str),
        href: &dyn Fn(&str) -> Option<String>,
    ) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        if chapter.title.get(language) != Some(&self.title) {
            let message = format!(
                "the title \"{}\"; {} has {:?}",
                self.title,
                super::CHAPTERS_FILE,
                chapter.title.get(language)
            );
            mistakes.push(Mistake::new(file, 1, message));
        }
        for place in 0..self.steps.len().max(chapter.steps.len()) {
            let (text, step) = (self.steps.get(place), chapter.steps.get(place));
            let id = text.map_or("the end", |text| text.id.as_str());
            let expected = step.map_or("the end", |step| step.id.as_str());
            if id != expected {
                let line = text.map_or(1, |text| text.line);
                let message = format!(
                    "found {id}; expected {expected}, as in {}",
                    super::CHAPTERS_FILE
                );
                mistakes.push(Mistake::new(file, line, message));
                break;
            }
        }
        let mut try_out = |markdown: &str, line: usize| {
            if let Err(found) = to_html(markdown, href) {
                for (at, message) in found {
                    let line = line + markdown[..at].matches('\n').count();
                    mistakes.push(Mistake::new(file, line, message));
                }
            }
        };
        try_out(&self.summary, 2);
        for step in &self.steps {
            try_out(&step.body, step.body_line);
            for question in &step.questions {
                try_out(&question.text, question.line);
                for (number, option) in question.options.iter().enumerate() {
                    try_out(&option.text, question.line + number + 1);
                    try_out(&option.feedback, question.line + number + 1);
                }
            }
        }
        mistakes
    }

    /// What differs from the same chapter in another language besides the words: questions, options, right answers.
    pub fn differences(&self, file: &str, other: &Self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        for (one, two) in self.steps.iter().zip(&other.steps) {
            let shape = |step: &StepText| -> Vec<(usize, usize)> {
                let questions = step.questions.iter();
                questions
                    .map(|question| (question.options.len(), question.right))
                    .collect()
            };
            if shape(one) != shape(two) {
                let message = format!(
                    "the questions of {}: (options, right one) {:?}; the other language has {:?}",
                    one.id,
                    shape(one),
                    shape(two)
                );
                mistakes.push(Mistake::new(file, one.line, message));
            }
        }
        mistakes
    }
}

/// The text without its questions, and these. The first line has the number `first`.
fn body_and_questions(
    lines: &[&str],
    first: usize,
    tell: &mut dyn FnMut(usize, String),
) -> (String, Vec<Question>) {
    let mut body = String::new();
    let mut questions = Vec::new();
    let mut place = 0;
    while place < lines.len() {
        let Some(text) = lines[place].strip_prefix("? ") else {
            body.push_str(lines[place]);
            body.push('\n');
            place += 1;
            continue;
        };
        let line = first + place;
        let mut options = Vec::new();
        let mut right = Vec::new();
        body.push('\n');
        place += 1;
        while let Some((is_right, option)) = lines.get(place).and_then(|line| option(line)) {
            let (text, feedback) = option.split_once(" :: ").unwrap_or((option, ""));
            if feedback.trim().is_empty() {
                tell(
                    first + place,
                    format!(
                        "expected \"- ( ) option :: what is said to it\", found \"{}\"",
                        lines[place]
                    ),
                );
            }
            if is_right {
                right.push(options.len());
            }
            options.push(Choice {
                text: text.trim().to_string(),
                feedback: feedback.trim().to_string(),
            });
            body.push('\n');
            place += 1;
        }
        if options.len() < 2 || right.len() != 1 {
            tell(
                line,
                format!(
                    "{} options, {} of them right; expected at least two, exactly one marked (x)",
                    options.len(),
                    right.len()
                ),
            );
            continue;
        }
        questions.push(Question {
            text: text.trim().to_string(),
            options,
            right: right[0],
            line,
        });
    }
    (body.trim_end().to_string(), questions)
}

/// Whether an option is the right one, and what follows its mark.
fn option(line: &str) -> Option<(bool, &str)> {
    let right = line.strip_prefix("- (x) ").map(|rest| (true, rest));
    right.or_else(|| line.strip_prefix("- ( ) ").map(|rest| (false, rest)))
}
