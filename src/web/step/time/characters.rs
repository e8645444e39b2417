//! The characters of a text's window, one a column.

use std::sync::Arc;

use leptos::prelude::*;

use crate::session::{SequenceQuestion, TextWindow};
use crate::view::writing::shown;
use crate::web::address::use_texts;
use crate::web::step::scope::{Microscope, use_microscope};

/// Changes with the batch and its edits.
pub fn batch_moment(scope: Microscope) -> u64 {
    let is_gathered = scope.done.get() > 0;
    let cursor = scope.cursor.get();
    let (step, edits) = cursor.map_or((0, 0), |cursor| (cursor.step, cursor.edits));
    match edits {
        0 => step << 1 | u64::from(is_gathered),
        _ => 1 << 63 | scope.revision.get(),
    }
}

/// Keeps the window of the sample that is shown; `None` where no text is learned.
pub fn use_window() -> Memo<Option<Arc<TextWindow>>> {
    let scope = use_microscope();
    Effect::new(move |_| {
        let sample = scope.sample.get();
        scope.ask_sequence(SequenceQuestion::Text { sample }, batch_moment(scope));
    });
    let known = scope.part(|state| state.sequences.text.clone());
    Memo::new(move |_| known.get().filter(|text| text.sample == scope.sample.get()))
}

/// A row of characters, in a grid of `.ribbons`; nothing where there is no text.
#[component]
pub fn Characters(
    /// The text.
    window: Memo<Option<Arc<TextWindow>>>,
    /// How deep each is shaded, from 0 to 1; not at all where there are none.
    #[prop(into)]
    shades: Signal<Vec<f64>>,
    /// Called with the place that is clicked.
    #[prop(into)]
    on_choose: Callback<u32>,
) -> impl IntoView {
    let texts = use_texts();
    move || {
        let window = window.get()?;
        let shades = shades.get();
        let cells = window
            .characters
            .iter()
            .enumerate()
            .map(|(place, &character)| {
                let shade = shades.get(place).copied().unwrap_or_default();
                let shade = format!("{:.0}%", 75.0 * shade);
                view! {
                    <span style=("--shade", shade) on:click=move |_| on_choose.run(place as u32)>
                        {shown(character)}
                    </span>
                }
            })
            .collect_view();
        let text: String = window.characters.iter().collect();
        Some(view! {
            <span class="ribbon-name">
                <span class="panel-note">{move || texts.get().time.characters}</span>
            </span>
            <div
                class="time-characters"
                data-testid="time-characters"
                role="img"
                aria-label=text
            >
                {cells}
            </div>
        })
    }
}
