//! `glassbox course`: checks the content of the course.

use super::CliError;
use super::arguments::CourseArguments;
use super::lines::print;
use crate::course::{CourseTexts, Mistake, STRUCTURE_FILE, Structure, check};
use crate::view::course_page;
use crate::view::texts::Locale;

/// Reads structure and texts of every language and tells each mistake with its file and line.
pub fn run(arguments: &CourseArguments) -> Result<(), CliError> {
    let read = |file: &str| {
        let path = arguments.dir.join(file);
        std::fs::read_to_string(&path).map_err(|error| CliError::file(&path, error))
    };
    let tell = |mistakes: &[Mistake]| -> Result<(), CliError> {
        let mut told = mistakes.iter();
        told.try_for_each(|mistake| print(&format!("{}/{mistake}", arguments.dir.display())))
    };
    let mut mistakes = Vec::new();
    let structure = match Structure::read(&read(STRUCTURE_FILE)?) {
        Ok(structure) => structure,
        Err(mistake) => {
            tell(std::slice::from_ref(&mistake))?;
            return Err(CliError::Check("1 mistake".into()));
        }
    };
    let mut texts_read = 0;
    for locale in Locale::ALL {
        let file = format!("concepts.{}.md", locale.code());
        match CourseTexts::read(&file, &read(&file)?) {
            Ok(texts) => {
                texts_read += texts.concepts.len();
                mistakes.extend(check(&structure, &file, &texts, &course_page));
            }
            Err(found) => mistakes.extend(found),
        }
    }
    // What both languages share would be told twice.
    mistakes.sort_by(|one, other| {
        (&one.file, one.line, &one.message).cmp(&(&other.file, other.line, &other.message))
    });
    mistakes.dedup();
    tell(&mistakes)?;
    match mistakes.len() {
        0 => print(&format!(
            "{} concepts, {} edges, {texts_read} texts: no mistakes",
            structure.concepts.len(),
            structure.edges.len()
        )),
        1 => Err(CliError::Check("1 mistake".into())),
        count => Err(CliError::Check(format!("{count} mistakes"))),
    }
}
