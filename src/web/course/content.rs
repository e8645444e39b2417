//! The course's content as the page has it: fetched when it is needed, the texts by language.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use leptos::prelude::*;

use crate::course::{
    CHAPTERS_FILE, COVERAGE_FILE, ChapterText, Chapters, ConceptGraph, CourseTexts, Coverage,
    EXERCISES_FILE, ErrorText, ExerciseText, Exercises, Mistake, STRUCTURE_FILE, Structure,
    read_errors, read_exercises,
};
use crate::view::map::{MapLayout, lay_out};
use crate::view::texts::Locale;
use crate::web::BUILD_ID;
use crate::web::address::use_locale;
use crate::web::browser::fetch_text;

/// The concepts and where they stand.
pub struct Concepts {
    pub graph: ConceptGraph,
    pub layout: MapLayout,
}

/// What has been fetched. A context.
#[derive(Clone, Copy)]
pub struct Content {
    pub concepts: RwSignal<Option<Arc<Concepts>>>,
    /// English, Chinese.
    texts: [RwSignal<Option<Arc<CourseTexts>>>; 2],
    pub chapters: RwSignal<Option<Arc<Chapters>>>,
    /// By chapter and language.
    chapter_texts: RwSignal<BTreeMap<(u8, usize), Arc<ChapterText>>>,
    errors: [RwSignal<Option<Arc<Vec<ErrorText>>>>; 2],
    coverage: RwSignal<Option<Arc<Coverage>>>,
    exercises: RwSignal<Option<Arc<Exercises>>>,
    exercise_texts: [RwSignal<Option<Arc<Vec<ExerciseText>>>>; 2],
    /// Files that are here or under way.
    asked: StoredValue<BTreeSet<String>>,
    /// Why something could not be had.
    pub failure: RwSignal<Option<String>>,
}

fn place(locale: Locale) -> usize {
    match locale {
        Locale::English => 0,
        Locale::Chinese => 1,
    }
}

impl Content {
    /// Makes the content a context; nothing is fetched before it is asked for.
    pub fn provide() {
        provide_context(Self {
            concepts: RwSignal::default(),
            texts: [RwSignal::default(), RwSignal::default()],
            chapters: RwSignal::default(),
            chapter_texts: RwSignal::default(),
            errors: [RwSignal::default(), RwSignal::default()],
            coverage: RwSignal::default(),
            exercises: RwSignal::default(),
            exercise_texts: [RwSignal::default(), RwSignal::default()],
            asked: StoredValue::default(),
            failure: RwSignal::default(),
        });
    }

    /// Fetches and reads a file, once; a failure is told and may be tried again.
    fn ask_file(
        self,
        file: String,
        take: impl FnOnce(&str, String) -> Result<(), String> + 'static,
    ) {
        let is_new = self
            .asked
            .try_update_value(|asked| asked.insert(file.clone()));
        if is_new != Some(true) {
            return;
        }
        leptos::task::spawn_local(async move {
            let taken = fetch(&file).await.and_then(|text| take(&file, text));
            if let Err(message) = taken {
                self.asked.update_value(|asked| {
                    asked.remove(&file);
                });
                self.failure.set(Some(message));
            }
        });
    }

    /// Fetches the concepts and their texts in the page's language, now and whenever that changes.
    pub fn ask_concepts(self) {
        self.ask_file(STRUCTURE_FILE.to_string(), move |_, text| {
            let structure = Structure::read(&text).map_err(|mistake| mistake.to_string())?;
            let graph = ConceptGraph::new(structure);
            let layout = lay_out(&graph);
            self.concepts
                .set(Some(Arc::new(Concepts { graph, layout })));
            Ok(())
        });
        let locale = use_locale();
        Effect::new(move |_| self.ask(locale.get()));
    }

    /// Fetches the concepts' texts in a language.
    pub fn ask(self, locale: Locale) {
        self.ask_file(
            format!("concepts.{}.md", locale.code()),
            move |file, text| {
                let texts = CourseTexts::read(file, &text).map_err(first)?;
                self.texts[place(locale)].set(Some(Arc::new(texts)));
                Ok(())
            },
        );
    }

    /// Fetches the structure of the chapters.
    pub fn ask_chapters(self) {
        self.ask_file(CHAPTERS_FILE.to_string(), move |_, text| {
            let chapters = Chapters::parse(&text).map_err(|mistake| mistake.to_string())?;
            self.chapters.set(Some(Arc::new(chapters)));
            Ok(())
        });
    }

    /// The text of a chapter, once it is here; asks for it.
    pub fn chapter_text(self, number: u8, locale: Locale) -> Option<Arc<ChapterText>> {
        let key = (number, place(locale));
        let found = self.chapter_texts.with(|texts| texts.get(&key).cloned());
        if found.is_none() {
            let file = format!("chapter-{number}.{}.md", locale.code());
            self.ask_file(file, move |file, text| {
                let text = ChapterText::read(file, &text).map_err(first)?;
                self.chapter_texts.update(|texts| {
                    texts.insert(key, Arc::new(text));
                });
                Ok(())
            });
        }
        found
    }

    /// What the articles get wrong, once it is here; asks for it.
    pub fn errors(self, locale: Locale) -> Option<Arc<Vec<ErrorText>>> {
        let errors = self.errors[place(locale)];
        self.ask_file(format!("errors.{}.md", locale.code()), move |file, text| {
            errors.set(Some(Arc::new(read_errors(file, &text).map_err(first)?)));
            Ok(())
        });
        errors.get()
    }

    /// Where the articles' headings are taught, once it is here; asks for it.
    pub fn coverage(self) -> Option<Arc<Coverage>> {
        self.ask_file(COVERAGE_FILE.to_string(), move |_, text| {
            let coverage = Coverage::parse(&text).map_err(|mistake| mistake.to_string())?;
            self.coverage.set(Some(Arc::new(coverage)));
            Ok(())
        });
        self.coverage.get()
    }

    /// The exercises' structure, once it is here; asks for it.
    pub fn exercises(self) -> Option<Arc<Exercises>> {
        self.ask_file(EXERCISES_FILE.to_string(), move |_, text| {
            let exercises = Exercises::parse(&text).map_err(|mistake| mistake.to_string())?;
            self.exercises.set(Some(Arc::new(exercises)));
            Ok(())
        });
        self.exercises.get()
    }

    /// The exercises' texts, once they are here; asks for them.
    pub fn exercise_texts(self, locale: Locale) -> Option<Arc<Vec<ExerciseText>>> {
        let texts = self.exercise_texts[place(locale)];
        self.ask_file(
            format!("exercises.{}.md", locale.code()),
            move |file, text| {
                texts.set(Some(Arc::new(read_exercises(file, &text).map_err(first)?)));
                Ok(())
            },
        );
        texts.get()
    }

    /// The texts of a language, once they are here.
    pub fn texts(self, locale: Locale) -> Option<Arc<CourseTexts>> {
        self.texts[place(locale)].get()
    }

    /// The texts of all languages that are here.
    pub fn all_texts(self) -> Vec<Arc<CourseTexts>> {
        self.texts.iter().filter_map(|texts| texts.get()).collect()
    }
}

/// The first of a file's mistakes.
fn first(mistakes: Vec<Mistake>) -> String {
    mistakes.first().map(Mistake::to_string).unwrap_or_default()
}

/// The content of the page.
pub fn use_content() -> Content {
    expect_context()
}

/// A file below `course/`.
async fn fetch(file: &str) -> Result<String, String> {
    // The query keeps a browser from joining a new page with old texts.
    let path = format!("course/{file}?v={BUILD_ID}");
    let text = fetch_text(&path).await;
    text.map_err(|error| format!("{file}: {error:?}"))
}
