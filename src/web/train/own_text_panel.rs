//! The learner's own text: a file, or what is pasted.

use leptos::prelude::*;

use super::file_drop::{Chosen, FileDrop};
use super::own_data::OtherRun;
use crate::data::text::MAX_TEXT_BYTES;
use crate::view::format;
use crate::view::notices::Origin;
use crate::view::texts::Trouble;
use crate::web::address::use_texts;
use crate::web::engine::use_engine;

/// A place to choose, drop or paste a text.
#[component]
pub fn OwnTextPanel() -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let text = engine.part(|run| run.own_text.clone());
    let pasted = RwSignal::new(String::new());
    let open = move |chosen: Chosen| match chosen {
        Chosen::Read { name, bytes } => engine.provide_text(name, bytes),
        Chosen::Refused(reason) => engine.show(
            Origin::File,
            Trouble::BadText {
                reason: reason.into(),
            },
        ),
    };
    let learn = move |_| {
        let name = texts.get_untracked().writing.pasted.to_string();
        engine.provide_text(name, pasted.get_untracked().into_bytes());
    };
    let said = move || {
        let text = text.get()?;
        Some((texts.get().writing.own_read)(
            &text.name,
            &format::count(text.characters.into()),
            &format::count(text.vocabulary.into()),
        ))
    };
    view! {
        <section class="panel" data-testid="own-text">
            <h2 class="panel-title">{move || texts.get().writing.own_title}</h2>
            <div class="panel-body">
                <Show when=move || text.with(Option::is_none)>
                    <p data-testid="text-needed">{move || texts.get().writing.own_needed}</p>
                    <OtherRun/>
                </Show>
                <FileDrop
                    label=Signal::derive(move || texts.get().writing.own_choose)
                    accept=".txt,.md,text/plain"
                    most_bytes=MAX_TEXT_BYTES
                    testids=("text-drop", "text-file")
                    on_file=open
                />
                <div class="field">
                    <label class="field-label" for="own-text-pasted">
                        {move || texts.get().writing.own_paste}
                    </label>
                    <textarea
                        id="own-text-pasted"
                        class="input written-input"
                        rows="4"
                        data-testid="text-pasted"
                        on:input=move |event| pasted.set(event_target_value(&event))
                    ></textarea>
                </div>
                <button
                    type="button"
                    class="button"
                    data-testid="text-learn"
                    disabled=move || pasted.with(|text| text.trim().is_empty())
                    on:click=learn
                >
                    {move || texts.get().writing.own_learn}
                </button>
                <p class="status-line" role="status" data-testid="text-note">{said}</p>
                <p class="field-hint">{move || texts.get().writing.own_hint}</p>
                <p class="field-hint">{move || texts.get().writing.own_private}</p>
            </div>
        </section>
    }
}
