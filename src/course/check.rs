//! Checks of all content together.

use super::{CourseTexts, Mistake, Structure, to_html};

/// Checks a structure with the texts of a language: every concept has a text in the order of the structure, every
/// link leads somewhere, every formula can be rendered. `is_page` tells whether an address of the site exists.
///
/// # Errors
/// Every mistake with its line.
pub fn check(
    structure: &Structure,
    file: &str,
    texts: &CourseTexts,
    is_page: &dyn Fn(&str) -> bool,
) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let is_concept = |id: &str| structure.concepts.iter().any(|concept| concept.id == id);
    for group in &structure.groups {
        if texts.group(group).is_none() {
            let message = format!("no name for the group {group}; expected \"# {group}: ...\"");
            mistakes.push(Mistake::new(file, 1, message));
        }
    }
    for concept in &structure.concepts {
        if texts.get(&concept.id).is_none() {
            let message = format!("no text for the concept {}", concept.id);
            mistakes.push(Mistake::new(file, 1, message));
        }
        if let Some(page) = concept.experiment.as_deref().filter(|page| !is_page(page)) {
            let message = format!("{} leads to {page}, which is no page", concept.id);
            mistakes.push(Mistake::new(super::STRUCTURE_FILE, 1, message));
        }
    }
    for text in &texts.concepts {
        if !is_concept(&text.id) {
            let message = format!("there is no concept {}", text.id);
            mistakes.push(Mistake::new(file, text.line, message));
        }
        let href = |target: &str| {
            let is_there = match target.starts_with('/') {
                true => is_page(target),
                false => is_concept(target),
            };
            is_there.then(|| target.to_string())
        };
        if let Err(found) = to_html(&text.body, &href) {
            for (at, message) in found {
                let line = text.body_line + text.body[..at].matches('\n').count();
                mistakes.push(Mistake::new(file, line, format!("{}: {message}", text.id)));
            }
        }
    }
    mistakes
}
