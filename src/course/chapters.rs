//! The structure of the chapters that both languages share: steps, and what is shown beside each.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{CHAPTERS_FILE, Mistake, Structure};

/// The most bytes of the file.
const MOST_BYTES: usize = 1 << 20;

/// All chapters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chapters {
    pub chapters: Vec<Chapter>,
}

/// A chapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    /// From 1.
    pub number: u8,
    /// Its title by the language's code, for the list of chapters.
    pub title: BTreeMap<String, String>,
    /// What it teaches.
    pub concepts: Vec<String>,
    /// Whether who has read it may mark its concepts as known; an overview does not teach them.
    pub marks: bool,
    pub steps: Vec<Step>,
}

/// A step of a chapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub id: String,
    /// What is shown beside it, see [`Show::read`]; none leaves what is there.
    pub show: Option<String>,
}

/// What a step shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Show {
    /// A page of the site, and the `data-testid` of the part of it that matters.
    Page {
        address: String,
        part: Option<String>,
    },
    /// A widget with the settings it starts with.
    Widget {
        name: String,
        settings: Vec<(String, String)>,
    },
    /// An exercise by its id.
    Exercise(String),
}

impl Show {
    /// Reads `/path?query#part`, `widget:name?key=value&...` or `exercise:id`; `None` is anything else.
    pub fn read(text: &str) -> Option<Self> {
        if let Some(id) = text.strip_prefix("exercise:") {
            return Some(Self::Exercise(id.to_string()));
        }
        if let Some(widget) = text.strip_prefix("widget:") {
            let (name, query) = widget.split_once('?').unwrap_or((widget, ""));
            let pairs = query.split('&').filter(|pair| !pair.is_empty());
            let settings: Option<Vec<(String, String)>> = pairs
                .map(|pair| {
                    let (key, value) = pair.split_once('=')?;
                    Some((key.to_string(), value.to_string()))
                })
                .collect();
            return Some(Self::Widget {
                name: name.to_string(),
                settings: settings?,
            });
        }
        let is_page = text.starts_with('/') && !text.starts_with("//");
        is_page.then(|| {
            let (address, part) = text.split_once('#').unwrap_or((text, ""));
            Self::Page {
                address: address.to_string(),
                part: (!part.is_empty()).then(|| part.to_string()),
            }
        })
    }
}

impl Chapter {
    /// What stands beside a step: its own, or that of the last step before it that has one.
    pub fn shown_at(&self, step: usize) -> Option<Show> {
        let steps = self.steps.iter().take(step + 1).rev();
        let show = steps.filter_map(|step| step.show.as_deref()).next()?;
        Show::read(show)
    }
}

impl Chapters {
    /// Reads and checks the file. `fault_of` tells what is wrong with what a step shows.
    ///
    /// # Errors
    /// The first mistake, with its line.
    pub fn read(
        json: &str,
        structure: &Structure,
        fault_of: &dyn Fn(&Show) -> Option<String>,
    ) -> Result<Self, Mistake> {
        let chapters = Self::parse(json)?;
        for chapter in &chapters.chapters {
            for concept in &chapter.concepts {
                if !structure.concepts.iter().any(|known| known.id == *concept) {
                    let message = format!(
                        "chapter {} teaches {concept}, which is no concept",
                        chapter.number
                    );
                    return Err(Mistake::new(CHAPTERS_FILE, line_of(json, concept), message));
                }
            }
            for step in &chapter.steps {
                let Some(text) = &step.show else { continue };
                let fault = match Show::read(text) {
                    Some(show) => fault_of(&show),
                    None => Some(String::from("not understood")),
                };
                if let Some(fault) = fault {
                    let message = format!(
                        "the step {} shows \"{text}\": {fault}; expected a page of the site such as /step/worked-2-3-1?cursor=4, widget:NAME?key=value, or exercise:x1",
                        step.id
                    );
                    return Err(Mistake::new(CHAPTERS_FILE, line_of(json, text), message));
                }
            }
        }
        Ok(chapters)
    }

    /// Reads the file as far as it can be checked without what it leads to: chapters are numbered from 1, ids of steps
    /// are plain and unique.
    ///
    /// # Errors
    /// The first mistake, with its line.
    pub fn parse(json: &str) -> Result<Self, Mistake> {
        let mistake = |line, message: String| Err(Mistake::new(CHAPTERS_FILE, line, message));
        if json.len() > MOST_BYTES {
            return mistake(
                1,
                format!("{} bytes; expected at most {MOST_BYTES}", json.len()),
            );
        }
        let chapters: Self = match serde_json::from_str(json) {
            Ok(chapters) => chapters,
            Err(error) => {
                let error: serde_json::Error = error;
                return mistake(error.line(), error.to_string());
            }
        };
        for (place, chapter) in chapters.chapters.iter().enumerate() {
            if usize::from(chapter.number) != place + 1 {
                let message = format!(
                    "chapter {} stands where chapter {} is expected",
                    chapter.number,
                    place + 1
                );
                return mistake(1, message);
            }
            let mut known = HashSet::new();
            for step in &chapter.steps {
                let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                if step.id.is_empty() || !step.id.chars().all(is_plain) {
                    let message = format!(
                        "the step \"{}\"; expected small letters, digits and hyphens",
                        step.id
                    );
                    return mistake(line_of(json, &step.id), message);
                }
                if !known.insert(&step.id) {
                    let message = format!("chapter {} has two steps {}", chapter.number, step.id);
                    return mistake(line_of(json, &step.id), message);
                }
            }
            if chapter.steps.is_empty() {
                return mistake(1, format!("chapter {} has no steps", chapter.number));
            }
        }
        Ok(chapters)
    }

    pub fn get(&self, number: u8) -> Option<&Chapter> {
        self.chapters
            .iter()
            .find(|chapter| chapter.number == number)
    }
}

/// The line on which a text first stands as a value.
fn line_of(json: &str, text: &str) -> usize {
    let wanted = format!("\"{text}\"");
    let mut lines = json.lines();
    lines
        .position(|line| line.contains(&wanted))
        .map_or(1, |line| line + 1)
}
