//! The learner's own table: choosing the file and the column to predict.

use leptos::prelude::*;

use super::file_drop::{Chosen, FileDrop};
use super::own_data::OtherRun;
use crate::data::csv_table::MAX_CSV_BYTES;
use crate::view::notices::Origin;
use crate::view::texts::Trouble;
use crate::web::address::use_texts;
use crate::web::engine::use_engine;

/// A place to choose or drop a CSV file, and the choice of the column to predict.
#[component]
pub fn TablePanel() -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let table = engine.part(|run| run.own_table.clone());
    let open = move |chosen: Chosen| match chosen {
        Chosen::Read { name, bytes } => engine.provide_table(name, bytes, None),
        Chosen::Refused(reason) => engine.show(
            Origin::File,
            Trouble::BadTable {
                reason: reason.into(),
            },
        ),
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
    view! {
        <section class="panel" data-testid="own-table">
            <h2 class="panel-title">{move || texts.get().data.table_title}</h2>
            <div class="panel-body">
                <Show when=move || !has_columns()>
                    <p data-testid="table-needed">{move || texts.get().data.table_needed}</p>
                    <OtherRun/>
                </Show>
                <FileDrop
                    label=Signal::derive(move || texts.get().data.table_choose)
                    accept=".csv,.tsv,.txt,text/csv"
                    most_bytes=MAX_CSV_BYTES
                    testids=("table-drop", "table-file")
                    on_file=open
                />
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
