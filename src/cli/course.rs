//! `glassbox course`: checks the content of the course.

use super::CliError;
use super::arguments::CourseArguments;
use super::lines::print;
use crate::course::{Site, check_all};
use crate::view::texts::Locale;
use crate::view::{course_page, fault_of_shown};

/// Reads structure and texts of every language and tells each mistake with its file and line.
pub fn run(arguments: &CourseArguments) -> Result<(), CliError> {
    let read = |file: &str| {
        std::fs::read_to_string(arguments.dir.join(file)).map_err(|error| error.to_string())
    };
    let languages = Locale::ALL.map(Locale::code);
    let site = Site {
        is_page: &course_page,
        fault_of: &fault_of_shown,
    };
    let report = check_all(&read, &languages, site);
    let mut mistakes = report.mistakes.iter();
    mistakes.try_for_each(|mistake| print(&format!("{}/{mistake}", arguments.dir.display())))?;
    match report.mistakes.len() {
        0 => print(&format!(
            "{} concepts, {} edges, {} chapters with {} steps and {} questions, {} exercises, {} mistakes of the articles, {} rows of their headings, in {} languages: no mistakes",
            report.concepts,
            report.edges,
            report.chapters,
            report.steps,
            report.questions,
            report.exercises,
            report.errors,
            report.headings,
            languages.len()
        )),
        1 => Err(CliError::Check("1 mistake".into())),
        count => Err(CliError::Check(format!("{count} mistakes"))),
    }
}
