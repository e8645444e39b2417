//! Saving and loading weights.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{DragEvent, File, HtmlInputElement};

use crate::session::{Command, Kept};
use crate::view::format;
use crate::view::notices::Origin;
use crate::view::run_state::Phase;
use crate::view::texts::{Texts, Trouble};
use crate::web::address::use_texts;
use crate::web::browser;
use crate::web::engine::{Engine, FileNote, use_engine};

/// Larger files are refused before they are read.
const MOST_BYTES: f64 = (64 << 20) as f64;

/// A button that saves, and a place to choose or drop a file.
#[component]
pub fn WeightsPanel(
    /// What is going on; without a run there are no weights.
    #[prop(into)]
    phase: Signal<Phase>,
) -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let cannot = move || !phase.get().takes_commands();
    let is_over = RwSignal::new(false);
    let open = move |file: Option<File>| {
        if let Some(file) = file
            && phase.get_untracked().takes_commands()
        {
            load(engine, file, texts);
        }
    };
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
    let note = move || {
        let files = &texts.get().files;
        engine.file_note().get().map(|note| match note {
            FileNote::Saved(name) => (files.saved)(&name),
            FileNote::Loaded(name) => (files.loaded)(&name),
        })
    };
    view! {
        <section class="panel">
            <h2 class="panel-title">{move || texts.get().files.title}</h2>
            <div class="panel-body">
                <button
                    type="button"
                    class="button"
                    data-testid="save-weights"
                    disabled=cannot
                    on:click=move |_| engine.command(|run| Command::Save { run })
                >
                    {move || texts.get().files.save}
                </button>
                <BestCheckpoint cannot=Signal::derive(cannot)/>
                <div
                    class="dropzone"
                    class:is-over=move || is_over.get()
                    data-testid="load-drop"
                    on:dragenter=over
                    on:dragover=over
                    on:dragleave=move |_| is_over.set(false)
                    on:drop=drop
                >
                    <span>
                        {move || {
                            let files = &texts.get().files;
                            if is_over.get() { files.drop_now } else { files.drop_here }
                        }}
                    </span>
                    <label class="button file-button" class:is-disabled=cannot>
                        {move || texts.get().files.choose}
                        <input
                            type="file"
                            class="file-input"
                            accept=".safetensors"
                            data-testid="load-weights"
                            aria-label=move || texts.get().files.load
                            disabled=cannot
                            on:change=choose
                        />
                    </label>
                </div>
                <p class="field-hint">{move || texts.get().files.format_hint}</p>
                <p class="status-line" role="status" data-testid="file-note">{note}</p>
            </div>
        </section>
    }
}

/// The checkpoint that did best on held-out samples: what it reached, and the ways to it.
#[component]
fn BestCheckpoint(
    /// Whether there is no run to go back in.
    #[prop(into)]
    cannot: Signal<bool>,
) -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let best = engine.part(|run| run.kept.1);
    let has_held_out = engine.part(|run| {
        let started = run.started.as_ref();
        started.is_some_and(|started| started.config.test_count > 0)
    });
    let cannot = Memo::new(move |_| cannot.get() || best.get().is_none());
    let words = move || {
        let settings = &texts.get().settings;
        match best.get() {
            None => settings.kept_waiting.to_string(),
            Some(best) => {
                let accuracy = best.accuracy.map(|share| format::percent(share.into(), 2));
                (settings.best)(
                    &format::count(best.step),
                    &format::significant(best.loss.into(), 4),
                    &accuracy.unwrap_or_else(|| format::NO_VALUE.to_string()),
                )
            }
        }
    };
    view! {
        <Show when=move || has_held_out.get()>
            <div class="field" role="group" aria-labelledby="best-title">
                <span class="field-label" id="best-title">
                    {move || texts.get().settings.kept}
                </span>
                <p class="field-hint" data-testid="best-checkpoint">{words}</p>
                <div class="field-row">
                    <button
                        type="button"
                        class="button"
                        data-testid="go-back-best"
                        disabled=move || cannot.get()
                        on:click=move |_| engine.go_back(Kept::Best)
                    >
                        {move || texts.get().settings.go_back}
                    </button>
                    <button
                        type="button"
                        class="button"
                        data-testid="save-best"
                        disabled=move || cannot.get()
                        on:click=move |_| engine.save_best()
                    >
                        {move || texts.get().settings.save_best}
                    </button>
                </div>
            </div>
        </Show>
    }
}

/// Reads a file and gives it to the engine, or says why not.
fn load(engine: Engine, file: File, texts: Signal<&'static Texts>) {
    let files = &texts.get_untracked().files;
    let refuse = move |reason: String| {
        engine.show(
            Origin::File,
            Trouble::BadFile {
                reason: reason.into(),
            },
        )
    };
    if file.size() > MOST_BYTES {
        let size = format::bytes(file.size() as u64);
        let limit = format::bytes(MOST_BYTES as u64);
        return refuse((files.too_large)(&file.name(), &size, &limit));
    }
    leptos::task::spawn_local(async move {
        match browser::read_file(&file).await {
            Ok(bytes) => engine.load(file.name(), bytes),
            Err(error) => {
                leptos::logging::warn!("{}: {error:?}", file.name());
                refuse(format!("{}: {}", file.name(), files.unreadable));
            }
        }
    });
}
