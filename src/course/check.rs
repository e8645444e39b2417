//! Checks of all content together.

use std::collections::HashSet;

use super::errors::check_errors;
use super::exercises::{check_exercises, check_texts};
use super::{
    CHAPTERS_FILE, COVERAGE_FILE, ChapterText, Chapters, CourseTexts, Coverage, EXERCISES_FILE,
    Exercises, Mistake, STRUCTURE_FILE, Show, Structure, read_errors, read_exercises, to_html,
};

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

/// What an address or a step of a chapter may lead to.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    /// Whether an address of the site exists.
    pub is_page: &'a dyn Fn(&str) -> bool,
    /// What is wrong with what a step shows; nothing where there is such a thing.
    pub fault_of: &'a dyn Fn(&Show) -> Option<String>,
}

/// What a check of all content found.
#[derive(Debug, Default)]
pub struct Report {
    pub mistakes: Vec<Mistake>,
    pub concepts: usize,
    pub edges: usize,
    pub chapters: usize,
    pub steps: usize,
    pub questions: usize,
    pub errors: usize,
    pub exercises: usize,
    /// Rows of the articles' headings.
    pub headings: usize,
}

/// Checks every file of the content. `read` gives the text of a file below `assets/course/`, or why there is none;
/// `languages` are the codes of all languages.
///
/// A mistake that both languages share is told once.
pub fn check_all(
    read: &dyn Fn(&str) -> Result<String, String>,
    languages: &[&str],
    site: Site,
) -> Report {
    let mut report = Report::default();
    let file = |name: &str| read(name).map_err(|error| Mistake::new(name, 1, error));
    let structure = file(STRUCTURE_FILE).and_then(|text| Structure::read(&text));
    let structure = match structure {
        Ok(structure) => structure,
        Err(mistake) => {
            report.mistakes.push(mistake);
            return report;
        }
    };
    (report.concepts, report.edges) = (structure.concepts.len(), structure.edges.len());
    let chapters =
        file(CHAPTERS_FILE).and_then(|text| Chapters::read(&text, &structure, site.fault_of));
    let chapters = chapters
        .map_err(|mistake| report.mistakes.push(mistake))
        .ok();
    let is_concept = |id: &str| structure.concepts.iter().any(|concept| concept.id == id);
    let href = |target: &str| {
        let is_there = match target.starts_with('/') {
            true => (site.is_page)(target),
            false => is_concept(target),
        };
        is_there.then(|| target.to_string())
    };
    let mut known = HashSet::new();
    for language in languages {
        let name = format!("concepts.{language}.md");
        match file(&name)
            .map_err(|mistake| vec![mistake])
            .and_then(|text| CourseTexts::read(&name, &text))
        {
            Ok(texts) => report
                .mistakes
                .extend(check(&structure, &name, &texts, site.is_page)),
            Err(found) => report.mistakes.extend(found),
        }
        let name = format!("errors.{language}.md");
        match file(&name)
            .map_err(|mistake| vec![mistake])
            .and_then(|text| read_errors(&name, &text))
        {
            Ok(errors) => {
                report.errors = errors.len();
                known.extend(errors.iter().map(|error| error.id.clone()));
                report.mistakes.extend(check_errors(&name, &errors, &href));
            }
            Err(found) => report.mistakes.extend(found),
        }
    }
    check_exercise_files(
        &mut report,
        read,
        languages,
        &|id| known.contains(id),
        &href,
    );
    for chapter in chapters.iter().flat_map(|chapters| &chapters.chapters) {
        report.chapters += 1;
        report.steps += chapter.steps.len();
        let mut texts: Vec<ChapterText> = Vec::new();
        for language in languages {
            let name = format!("chapter-{}.{language}.md", chapter.number);
            match file(&name)
                .map_err(|mistake| vec![mistake])
                .and_then(|text| ChapterText::read(&name, &text))
            {
                Ok(text) => {
                    report
                        .mistakes
                        .extend(text.check(&name, (chapter, language), &href));
                    if let Some(first) = texts.first() {
                        report.mistakes.extend(text.differences(&name, first));
                    }
                    texts.push(text);
                }
                Err(found) => report.mistakes.extend(found),
            }
        }
        let questions = texts
            .first()
            .map(|text| text.steps.iter().map(|step| step.questions.len()).sum());
        report.questions += questions.unwrap_or(0);
    }
    match file(COVERAGE_FILE).and_then(|text| Ok((Coverage::parse(&text)?, text))) {
        Ok((coverage, text)) => {
            report.headings = coverage.rows.len();
            let found = coverage.check(&text, languages, site.is_page);
            report.mistakes.extend(found);
        }
        Err(mistake) => report.mistakes.push(mistake),
    }
    report.mistakes.sort_by(|one, other| {
        (&one.file, one.line, &one.message).cmp(&(&other.file, other.line, &other.message))
    });
    report.mistakes.dedup();
    report
}

/// Checks the structure of the exercises and their texts in every language.
fn check_exercise_files(
    report: &mut Report,
    read: &dyn Fn(&str) -> Result<String, String>,
    languages: &[&str],
    is_mistake: &dyn Fn(&str) -> bool,
    href: &dyn Fn(&str) -> Option<String>,
) {
    let file = |name: &str| read(name).map_err(|error| Mistake::new(name, 1, error));
    let parsed = file(EXERCISES_FILE)
        .and_then(|json| Exercises::parse(&json).map(|exercises| (json, exercises)));
    let (json, exercises) = match parsed {
        Ok(parsed) => parsed,
        Err(mistake) => return report.mistakes.push(mistake),
    };
    report.exercises = exercises.exercises.len();
    let found = check_exercises(&json, &exercises, is_mistake, href);
    report.mistakes.extend(found);
    for language in languages {
        let name = format!("exercises.{language}.md");
        let texts = file(&name)
            .map_err(|mistake| vec![mistake])
            .and_then(|text| read_exercises(&name, &text));
        report.mistakes.extend(match texts {
            Ok(texts) => check_texts(&name, &texts, &exercises, href),
            Err(found) => found,
        });
    }
}
