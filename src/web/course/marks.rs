//! What the learner has marked as known: kept in this browser, saved and loaded as a file.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

use crate::view::map::Known;
use crate::view::texts::map::texts;
use crate::web::address::use_locale;
use crate::web::browser::{offer_download, read_file};

/// Where the browser keeps the marks.
const KEY: &str = "glassbox-known-concepts";

/// The marks.
#[derive(Clone, Copy)]
pub struct Marks(pub RwSignal<Known>);

impl Marks {
    /// As they were kept; none where nothing readable was.
    pub fn load() -> Self {
        let storage = window().local_storage().ok().flatten();
        let text = storage.and_then(|storage| storage.get_item(KEY).ok().flatten());
        let known = text.and_then(|text| Known::read(&text).ok());
        Self(RwSignal::new(known.unwrap_or_default()))
    }

    pub fn toggle(self, id: &str) {
        self.0.update(|known| known.toggle(id));
        self.keep();
    }

    fn keep(self) {
        let text = self.0.with_untracked(Known::write);
        if let Some(storage) = window().local_storage().ok().flatten() {
            // Fails where the browser has no room or forbids it: the marks then last as long as the page.
            let _ = storage.set_item(KEY, &text);
        }
    }
}

/// The buttons that save and load the marks.
pub fn buttons(marks: Marks) -> AnyView {
    let locale = use_locale();
    let input = NodeRef::<leptos::html::Input>::new();
    let is_bad = RwSignal::new(false);
    let save = move |_| {
        let text = marks.0.with_untracked(Known::write);
        if let Err(error) = offer_download("glassbox-known.json", text.as_bytes()) {
            leptos::logging::warn!("{error:?}");
        }
    };
    let open = move |_| {
        if let Some(input) = input.get_untracked() {
            input.click();
        }
    };
    let load = move |event: web_sys::Event| {
        let target = event
            .target()
            .map(|target| target.unchecked_into::<HtmlInputElement>());
        let Some((input, file)) =
            target.and_then(|input| Some((input.clone(), input.files()?.get(0)?)))
        else {
            return;
        };
        // So that the same file, once it is mended, counts as chosen anew.
        input.set_value("");
        leptos::task::spawn_local(async move {
            let text = read_file(&file).await.ok();
            let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
            match text.and_then(|text| Known::read(&text).ok()) {
                Some(known) => {
                    is_bad.set(false);
                    marks.0.set(known);
                    marks.keep();
                }
                None => is_bad.set(true),
            }
        });
    };
    view! {
        <div class="cluster">
            <button type="button" class="button button-quiet" data-testid="known-save" on:click=save>
                {move || texts(locale.get()).export_known}
            </button>
            <button type="button" class="button button-quiet" data-testid="known-load" on:click=open>
                {move || texts(locale.get()).import_known}
            </button>
            <input
                type="file"
                accept=".json,application/json"
                class="visually-hidden"
                tabindex="-1"
                aria-hidden="true"
                data-testid="known-file"
                node_ref=input
                on:change=load
            />
        </div>
        {move || is_bad.get().then(|| view! {
            <p class="field-error" role="alert">{texts(locale.get()).bad_file}</p>
        })}
    }
    .into_any()
}
