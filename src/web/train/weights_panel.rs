//! Saving and loading weights.

use leptos::prelude::*;

use super::file_drop::{Chosen, FileDrop};
use crate::session::{Command, Kept};
use crate::view::format;
use crate::view::notices::Origin;
use crate::view::run_state::Phase;
use crate::view::texts::Trouble;
use crate::web::address::use_texts;
use crate::web::engine::{FileNote, use_engine};

/// Larger files are refused before they are read.
const MOST_BYTES: usize = 64 << 20;

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
    let open = move |chosen: Chosen| match chosen {
        Chosen::Read { name, bytes } => engine.load(name, bytes),
        Chosen::Refused(reason) => engine.show(
            Origin::File,
            Trouble::BadFile {
                reason: reason.into(),
            },
        ),
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
                <FileDrop
                    label=Signal::derive(move || texts.get().files.choose)
                    note=Signal::derive(move || texts.get().files.drop_here)
                    aria_label=Signal::derive(move || texts.get().files.load)
                    accept=".safetensors"
                    most_bytes=MOST_BYTES
                    testids=("load-drop", "load-weights")
                    is_disabled=Signal::derive(cannot)
                    on_file=open
                />
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
                let step = format::count(best.step);
                let loss = format::significant(best.loss.into(), 4);
                match best.accuracy {
                    None => (settings.best_loss)(&step, &loss),
                    Some(share) => (settings.best)(&step, &loss, &format::percent(share.into(), 2)),
                }
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
