//! A place to choose or drop one file.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{DragEvent, File, HtmlInputElement};

use crate::view::format;
use crate::web::address::use_texts;
use crate::web::browser;

/// What became of a chosen file.
pub enum Chosen {
    Read {
        name: String,
        bytes: Vec<u8>,
    },
    /// Too large, or the browser could not read it; says so in the page's language.
    Refused(String),
}

/// A button and a dropzone for one file of at most `most_bytes`.
#[component]
pub fn FileDrop(
    /// On the button.
    #[prop(into)]
    label: Signal<&'static str>,
    /// Beside the button, also while a file hovers over it.
    #[prop(into, optional)]
    note: Option<Signal<&'static str>>,
    /// Name for screen readers, where it is more than the button's.
    #[prop(into, optional)]
    aria_label: Option<Signal<&'static str>>,
    /// As in `<input accept>`.
    accept: &'static str,
    most_bytes: usize,
    /// Of the zone and of the input in it.
    testids: (&'static str, &'static str),
    #[prop(into, optional)] is_disabled: Signal<bool>,
    #[prop(into)] on_file: Callback<Chosen>,
) -> impl IntoView {
    let texts = use_texts();
    let open = move |chosen: Option<File>| {
        let Some(chosen) = chosen.filter(|_| !is_disabled.get_untracked()) else {
            return;
        };
        let files = &texts.get_untracked().files;
        if chosen.size() > most_bytes as f64 {
            let size = format::bytes(chosen.size() as u64);
            let limit = format::bytes(most_bytes as u64);
            return on_file.run(Chosen::Refused((files.too_large)(
                &chosen.name(),
                &size,
                &limit,
            )));
        }
        leptos::task::spawn_local(async move {
            let name = chosen.name();
            on_file.run(match browser::read_file(&chosen).await {
                Ok(bytes) => Chosen::Read { name, bytes },
                Err(error) => {
                    leptos::logging::warn!("{name}: {error:?}");
                    Chosen::Refused(format!("{name}: {}", files.unreadable))
                }
            });
        });
    };
    let is_over = RwSignal::new(false);
    let choose = move |event: web_sys::Event| {
        let Some(input) = event.target() else { return };
        let input: HtmlInputElement = input.unchecked_into();
        open(input.files().and_then(|files| files.get(0)));
        // The same file can be chosen again.
        input.set_value("");
    };
    let drop = move |event: DragEvent| {
        event.prevent_default();
        is_over.set(false);
        let files = event.data_transfer().and_then(|data| data.files());
        open(files.and_then(|files| files.get(0)));
    };
    let over = move |event: DragEvent| {
        event.prevent_default();
        is_over.set(true);
    };
    let said = move || {
        let note = note?;
        let now = texts.get().files.drop_now;
        Some(view! { <span>{move || if is_over.get() { now } else { note.get() }}</span> })
    };
    view! {
        <div
            class="dropzone"
            class:is-over=move || is_over.get()
            data-testid=testids.0
            on:dragenter=over
            on:dragover=over
            on:dragleave=move |_| is_over.set(false)
            on:drop=drop
        >
            {said}
            <label class="button file-button" class:is-disabled=move || is_disabled.get()>
                {move || label.get()}
                <input
                    type="file"
                    class="file-input"
                    accept=accept
                    data-testid=testids.1
                    aria-label=move || aria_label.map(|label| label.get())
                    disabled=move || is_disabled.get()
                    on:change=choose
                />
            </label>
        </div>
    }
}
