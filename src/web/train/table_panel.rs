//! The learner's own table: choosing the file and the column to predict.

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{DragEvent, File, HtmlInputElement};

use crate::data::csv_table::MAX_CSV_BYTES;
use crate::session::RunConfig;
use crate::view::format;
use crate::view::notices::Origin;
use crate::view::presets;
use crate::view::run_state::OwnTable;
use crate::view::texts::Trouble;
use crate::web::address::use_texts;
use crate::web::browser;
use crate::web::engine::use_engine;

/// Whether the run that the address asks for has to wait for the learner's table.
pub fn waits_for_table(wanted: Memo<Option<RunConfig>>) -> Memo<bool> {
    let has_table = use_engine().part(|run| run.own_table.is_some());
    Memo::new(move |_| {
        wanted.with(|config| {
            let config = config.as_ref();
            config.is_some_and(|config| presets::needs_table(&config.preset)) && !has_table.get()
        })
    })
}

/// Starts the run that the address asks for where it is another model's or device's than the one that stands, or
/// where it learns from a table that was read since; waits where there is no table yet.
pub fn start_wanted(wanted: Memo<Option<RunConfig>>) {
    let engine = use_engine();
    let table = engine.part(|run| run.own_table.clone());
    Effect::new(move |before: Option<Option<Arc<OwnTable>>>| {
        let table = table.get();
        let Some(config) = wanted.get() else {
            return table;
        };
        let needs_table = presets::needs_table(&config.preset);
        if needs_table && table.is_none() {
            return table;
        }
        let is_new = needs_table && before.is_some_and(|before| before != table);
        let is_other = engine
            .run()
            .with_untracked(|run| run.is_replaced_by(&config));
        if is_new || is_other {
            engine.start(config);
        }
        table
    });
}

/// A place to choose or drop a CSV file, and the choice of the column to predict.
#[component]
pub fn TablePanel() -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let table = engine.part(|run| run.own_table.clone());
    let open = move |chosen: Option<File>| {
        let Some(chosen) = chosen else { return };
        let files = &texts.get_untracked().files;
        let refuse = move |reason: String| {
            engine.show(
                Origin::File,
                Trouble::BadTable {
                    reason: reason.into(),
                },
            )
        };
        if chosen.size() > MAX_CSV_BYTES as f64 {
            let size = format::bytes(chosen.size() as u64);
            let limit = format::bytes(MAX_CSV_BYTES as u64);
            return refuse((files.too_large)(&chosen.name(), &size, &limit));
        }
        leptos::task::spawn_local(async move {
            match browser::read_file(&chosen).await {
                Ok(bytes) => engine.provide_table(chosen.name(), bytes, None),
                Err(error) => {
                    leptos::logging::warn!("{}: {error:?}", chosen.name());
                    refuse(format!("{}: {}", chosen.name(), files.unreadable));
                }
            }
        });
    };
    let standing = engine.part(|run| {
        let started = run.started.as_ref();
        started.map(|started| started.config.preset.clone())
    });
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
        let data = &texts.get().data;
        table.get().map_or_else(String::new, |table| {
            (data.table_loaded)(&table.name, table.train_count, table.test_count)
        })
    };
    let options = move || {
        let table = table.get()?;
        let options = table.columns.iter().map(|column| {
            let is_chosen = *column == table.target;
            view! { <option value=column.clone() selected=is_chosen>{column.clone()}</option> }
        });
        Some(options.collect_view())
    };
    let has_columns = move || table.with(Option::is_some);
    // The run of another model stands while this one waits for its table.
    let other = Memo::new(move |_| {
        let started = standing.get()?;
        texts.get().preset(&started).map(|preset| preset.name)
    });
    view! {
        <section class="panel" data-testid="own-table">
            <h2 class="panel-title">{move || texts.get().data.table_title}</h2>
            <div class="panel-body">
                <Show when=move || !has_columns()>
                    <p data-testid="table-needed">{move || texts.get().data.table_needed}</p>
                    <p class="panel-note">
                        {move || other.get().map(|name| (texts.get().data.other_run)(name))}
                    </p>
                </Show>
                <div
                    class="dropzone"
                    class:is-over=move || is_over.get()
                    data-testid="table-drop"
                    on:dragenter=over
                    on:dragover=over
                    on:dragleave=move |_| is_over.set(false)
                    on:drop=drop
                >
                    <label class="button file-button">
                        {move || texts.get().data.table_choose}
                        <input
                            type="file"
                            class="file-input"
                            accept=".csv,.tsv,.txt,text/csv"
                            data-testid="table-file"
                            on:change=choose
                        />
                    </label>
                </div>
                <p class="status-line" role="status" data-testid="table-note">{said}</p>
                <Show when=has_columns>
                    <div class="field">
                        <label class="field-label" for="table-target">
                            {move || texts.get().data.table_target}
                        </label>
                        <select
                            id="table-target"
                            class="select"
                            data-testid="table-target"
                            on:change=move |event| {
                                engine.choose_target(event_target_value(&event));
                            }
                        >
                            {options}
                        </select>
                    </div>
                </Show>
                <p class="field-hint">{move || texts.get().data.table_hint}</p>
                <p class="field-hint">{move || texts.get().data.table_private}</p>
            </div>
        </section>
    }
}
