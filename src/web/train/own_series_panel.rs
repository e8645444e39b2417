//! The learner's own series: choosing the file and the length of the windows.

use leptos::prelude::*;

use super::file_drop::{Chosen, FileDrop};
use super::own_data::OtherRun;
use crate::data::csv_table::MAX_CSV_BYTES;
use crate::data::own_series::{DEFAULT_WINDOW, MAX_WINDOW};
use crate::view::notices::Origin;
use crate::view::texts::Trouble;
use crate::web::address::use_texts;
use crate::web::engine::use_engine;

/// A place to choose or drop a file of one number a line, and how many numbers the network reads.
#[component]
pub fn OwnSeriesPanel() -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let series = engine.part(|run| run.own_series.clone());
    let window = move || series.with(|read| read.as_ref().map_or(DEFAULT_WINDOW, |r| r.window));
    let open = move |chosen: Chosen| match chosen {
        Chosen::Read { name, bytes } => engine.provide_series(name, bytes, None),
        Chosen::Refused(reason) => engine.show(
            Origin::File,
            Trouble::BadTable {
                reason: reason.into(),
            },
        ),
    };
    let said = move || {
        let read = series.get()?;
        let loaded = texts.get().series.loaded;
        Some(loaded(
            &read.name,
            read.window,
            read.train_count,
            read.test_count,
        ))
    };
    view! {
        <section class="panel" data-testid="own-series">
            <h2 class="panel-title">{move || texts.get().series.own_title}</h2>
            <div class="panel-body">
                <Show when=move || series.with(Option::is_none)>
                    <p data-testid="series-needed">{move || texts.get().series.own_needed}</p>
                    <OtherRun/>
                </Show>
                <FileDrop
                    label=Signal::derive(move || texts.get().series.own_choose)
                    accept=".txt,.csv,text/plain,text/csv"
                    most_bytes=MAX_CSV_BYTES
                    testids=("series-drop", "series-file")
                    on_file=open
                />
                <p class="status-line" role="status" data-testid="series-note">{said}</p>
                <Show when=move || series.with(Option::is_some)>
                    <div class="field">
                        <label class="field-label" for="series-window">
                            {move || texts.get().series.own_window}
                        </label>
                        <input
                            id="series-window"
                            class="input"
                            type="number"
                            min="1"
                            max=MAX_WINDOW.to_string()
                            step="1"
                            data-testid="series-window"
                            prop:value=move || window().to_string()
                            on:change=move |event| {
                                if let Ok(length) = event_target_value(&event).parse() {
                                    engine.choose_window(length);
                                }
                            }
                        />
                    </div>
                </Show>
                <p class="field-hint">{move || texts.get().series.own_hint}</p>
                <p class="field-hint">{move || texts.get().data.table_private}</p>
            </div>
        </section>
    }
}
