//! The course's content: concepts, what they need, and their texts, as plain data below `assets/course/`.
//!
//! `concepts.json` holds the structure of the map, `concepts.<language>.md` its texts; `chapters.json` and
//! `chapter-<number>.<language>.md` the same of the chapters, `errors.<language>.md` what the articles get wrong,
//! `coverage.json` where their headings are taught, `exercises.json` and `exercises.<language>.md` the exercises. `docs/AUTHORING.md` describes them for those who write them. Everything is read with limits and checked: a mistake names its file and line.

mod chapter_text;
mod chapters;
mod check;
mod coverage;
mod errors;
mod exercises;
mod graph;
mod render;
mod structure;
mod texts;

pub use chapter_text::{ChapterText, Choice, Question, StepText};
pub use chapters::{Chapter, Chapters, Show, Step};
pub use check::{Report, Site, check, check_all};
pub use coverage::{Coverage, CoverageRow};
pub use errors::{ErrorText, read_errors};
pub use exercises::{Exercise, ExerciseText, Exercises, MOST_TYPED, read_exercises};
pub use graph::ConceptGraph;
pub use render::to_html;
pub use structure::{Concept, EdgeKind, Source, Structure, TypedEdge};
pub use texts::{ConceptText, CourseTexts};

use std::fmt;

/// Name of the file of structure, below `assets/course/`.
pub const STRUCTURE_FILE: &str = "concepts.json";
/// Name of the file of the chapters' structure.
pub const CHAPTERS_FILE: &str = "chapters.json";
/// Name of the file that tells where the articles' headings are taught.
pub const COVERAGE_FILE: &str = "coverage.json";
/// Name of the file of the exercises' structure.
pub const EXERCISES_FILE: &str = "exercises.json";
/// Chapters that there are.
const CHAPTERS: u8 = 12;

/// A mistake in a file of content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    pub message: String,
}

impl Mistake {
    fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.file, self.line, self.message)
    }
}

#[cfg(test)]
mod tests;
