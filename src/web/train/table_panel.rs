//! The learner's own table: choosing the file and the column to predict.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{DragEvent, File, HtmlInputElement};

use crate::data::csv_table::MAX_CSV_BYTES;
use crate::session::RunConfig;
use crate::view::format;
use crate::view::notices::Origin;
use crate::view::texts::Trouble;
use crate::web::address::use_texts;
use crate::web::browser;
use crate::web::engine::use_engine;

/// A place to choose or drop a CSV file, and the choice of the column to predict.
#[component]
pub fn TablePanel(
    /// The run that the address asks for: started as soon as a table was read.
    #[prop(into)]
    wanted: Signal<Option<RunConfig>>,
) -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let table = engine.part(|run| run.own_table.clone());
    // Kept so that another column can be chosen.
    let file = StoredValue::new(None::<(String, Vec<u8>)>);
    let give = move |target: Option<String>| {
        let Some((name, bytes)) = file.get_value() else {
            return;
        };
        engine.dismiss(&Origin::File);
        engine.provide_table(name, bytes, target);
    };
    Effect::new(move |before: Option<()>| {
        let is_there = table.with(Option::is_some);
        // What stood when the panel appeared is learned from already.
        if before.is_some()
            && is_there
            && let Some(config) = wanted.get_untracked()
        {
            engine.start(config);
        }
    });
    let open = move |chosen: Option<File>| {
        let Some(chosen) = chosen else { return };
        let files = &texts.get_untracked().files;
        let refuse = move |reason: String| {
            engine.show(
                Origin::File,
                Trouble::BadFile {
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
                Ok(bytes) => {
                    file.set_value(Some((chosen.name(), bytes)));
                    give(None);
                }
                Err(error) => {
                    leptos::logging::warn!("{}: {error:?}", chosen.name());
                    refuse(format!("{}: {}", chosen.name(), files.unreadable));
                }
            }
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
        let data = &texts.get().data;
        table.get().map_or_else(
            || data.table_none.to_string(),
            |table| (data.table_loaded)(&table.name, table.train_count, table.test_count),
        )
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
    view! {
        <section class="panel" data-testid="own-table">
            <h2 class="panel-title">{move || texts.get().data.table_title}</h2>
            <div class="panel-body">
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
                            on:change=move |event| give(Some(event_target_value(&event)))
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
