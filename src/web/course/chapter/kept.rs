//! What a learner has done in the chapters, kept in this browser.

use leptos::prelude::*;

use crate::view::chapter::Progress;

/// Where the browser keeps it.
const KEY: &str = "glassbox-progress";

#[derive(Clone, Copy)]
pub struct Kept {
    pub progress: RwSignal<Progress>,
}

impl Kept {
    /// As it was kept; nothing where nothing readable was.
    pub fn load() -> Self {
        let storage = window().local_storage().ok().flatten();
        let text = storage.and_then(|storage| storage.get_item(KEY).ok().flatten());
        let progress = text.map(|text| Progress::read(&text)).unwrap_or_default();
        Self {
            progress: RwSignal::new(progress),
        }
    }

    /// Notes that a step was on the screen.
    pub fn see(self, chapter: u8, step: &str) {
        let is_new = self.progress.try_maybe_update(|progress| {
            let is_new = progress.see(chapter, step);
            (is_new, is_new)
        });
        if is_new == Some(true) {
            self.keep();
        }
    }

    /// Notes the option that was chosen.
    pub fn answer(self, chapter: u8, step: &str, question: usize, option: usize) {
        self.progress
            .update(|progress| progress.answer(chapter, step, question, option));
        self.keep();
    }

    fn keep(self) {
        let text = self.progress.with_untracked(Progress::write);
        if let Some(storage) = window().local_storage().ok().flatten() {
            // Fails where the browser has no room or forbids it: it then lasts as long as the page.
            let _ = storage.set_item(KEY, &text);
        }
    }
}
