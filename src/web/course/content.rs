//! The course's content as the page has it: fetched when it is needed, the texts by language.

use std::sync::Arc;

use leptos::prelude::*;

use crate::course::{ConceptGraph, CourseTexts, STRUCTURE_FILE, Structure};
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
    asked: [StoredValue<bool>; 2],
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
    /// Fetches the structure and the texts of the page's language, and makes the content a context.
    pub fn provide() {
        let content = Self {
            concepts: RwSignal::default(),
            texts: [RwSignal::default(), RwSignal::default()],
            asked: [StoredValue::new(false), StoredValue::new(false)],
            failure: RwSignal::default(),
        };
        leptos::task::spawn_local(async move {
            let read = fetch(STRUCTURE_FILE)
                .await
                .and_then(|text| Structure::read(&text).map_err(|mistake| mistake.to_string()));
            match read {
                Ok(structure) => {
                    let graph = ConceptGraph::new(structure);
                    let layout = lay_out(&graph);
                    content
                        .concepts
                        .set(Some(Arc::new(Concepts { graph, layout })));
                }
                Err(message) => content.failure.set(Some(message)),
            }
        });
        let locale = use_locale();
        Effect::new(move |_| content.ask(locale.get()));
        provide_context(content);
    }

    /// Fetches the texts of a language, once.
    pub fn ask(self, locale: Locale) {
        let number = place(locale);
        if self.asked[number].get_value() {
            return;
        }
        self.asked[number].set_value(true);
        leptos::task::spawn_local(async move {
            let file = format!("concepts.{}.md", locale.code());
            let read = fetch(&file).await.and_then(|text| {
                CourseTexts::read(&file, &text).map_err(|mistakes| match mistakes.first() {
                    Some(mistake) => mistake.to_string(),
                    None => file.clone(),
                })
            });
            match read {
                Ok(texts) => self.texts[number].set(Some(Arc::new(texts))),
                Err(message) => {
                    self.asked[number].set_value(false);
                    self.failure.set(Some(message));
                }
            }
        });
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
