//! Held-out rows of a table, one by one, and what the network says of them.

use leptos::prelude::*;

use crate::session::Command;
use crate::view::format;
use crate::view::samples::{class_names, most_probable};
use crate::web::address::{use_locale, use_texts};
use crate::web::engine::use_engine;

/// How many rows are told one by one.
const WATCHED: u32 = 10;

/// Columns of a row that are shown; of wide tables the first.
const MOST_COLUMNS: usize = 4;

/// Rows of a table whose points no picture shows.
#[component]
pub fn RowsPanel() -> impl IntoView {
    let texts = use_texts();
    let engine = use_engine();
    let step = engine.part(|run| run.sample_predictions.as_ref().map(|told| told.step));
    let after = move || {
        let step = step.get()?;
        Some((texts.get().confusion.after)(&format::count(step)))
    };
    view! {
        <section class="panel" data-testid="rows">
            <div class="panel-header">
                <h2 class="panel-title">{move || texts.get().data.rows_title}</h2>
                <span class="panel-note numeric">{after}</span>
            </div>
            <div class="panel-body">
                <WatchedRows/>
                <p class="panel-note">{move || texts.get().data.rows_hint}</p>
            </div>
        </section>
    }
}

/// Ten held-out rows: their columns, the truth, and what the network says. One probability is that of class 1; of
/// several the class of the largest is told; of predicted numbers the number.
#[component]
pub fn WatchedRows() -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let locale = use_locale();
    let run = engine.part(|run| run.id().filter(|_| !run.is_starting()));
    Effect::new(move |_| {
        if run.get().is_some() {
            let count = WATCHED;
            engine.command(|run| Command::WatchSamples { run, count });
        }
    });
    let rows = engine.part(|run| run.rows.clone());
    let predictions = engine.part(|run| run.sample_predictions.clone());
    let classes = engine.part(|run| run.started.as_ref().map(|s| s.model.classes.clone()));
    let is_numbers =
        Memo::new(move |_| rows.with(|r| r.as_ref().is_some_and(|r| r.labels.is_empty())));
    let body = move || {
        let watched = rows.get()?;
        let columns = watched.columns.len();
        let predictions = predictions.get();
        let names = class_names(&classes.get().unwrap_or_default(), locale.get());
        let name = |class: u32| {
            let name = names.get(class as usize).cloned();
            name.unwrap_or_else(|| class.to_string())
        };
        let count = watched.labels.len().max(watched.numbers.len());
        let items = (0..count).map(|index| {
            let values = &watched.rows[index * columns..(index + 1) * columns];
            let cells = values
                .iter()
                .take(MOST_COLUMNS)
                .map(|value| view! { <td class="numeric">{short(*value)}</td> })
                .collect_view();
            let told = predictions.as_ref().and_then(|told| {
                let width = told.values.len() / count;
                told.values.get(index * width..(index + 1) * width)
            });
            let (truth, said, is_right) = match watched.labels.get(index) {
                None => {
                    let said = told.and_then(|row| row.first().copied()).map(short);
                    (short(watched.numbers[index]), said, None)
                }
                Some(&label) => {
                    let verdict = told.and_then(|row| match row {
                        [one] => Some((u32::from(*one > 0.5), *one, true)),
                        row => most_probable(row).map(|(class, share)| (class, share, false)),
                    });
                    let said = verdict.map(|(class, share, is_of_one)| match is_of_one {
                        true => format!("{share:.3}"),
                        false => format!("{} {share:.3}", name(class)),
                    });
                    (
                        name(label),
                        said,
                        verdict.map(|(class, _, _)| class == label),
                    )
                }
            };
            let mark = match is_right {
                Some(true) => " ✓",
                Some(false) => " ✗",
                None => "",
            };
            let said = said.unwrap_or_else(|| format::NO_VALUE.to_string());
            view! {
                <tr>
                    {cells}
                    <td class="numeric">{truth}</td>
                    <td class="numeric">{said} {mark}</td>
                </tr>
            }
        });
        Some(items.collect_view())
    };
    let head = move || {
        let watched = rows.get()?;
        let cells = watched.columns.iter().take(MOST_COLUMNS).cloned();
        let cells = cells.map(|column| view! { <th scope="col" class="numeric">{column}</th> });
        Some(cells.collect_view())
    };
    let truth = move || match rows.get() {
        Some(rows) if rows.labels.is_empty() => rows.target.clone(),
        _ => texts.get().data.truth.to_string(),
    };
    let says = move || {
        let data = &texts.get().data;
        if is_numbers.get() {
            data.predicted
        } else {
            data.probability
        }
    };
    view! {
        <Show
            when=move || rows.with(Option::is_some)
            fallback=move || view! { <p class="panel-note">{texts.get().data.rows_waiting}</p> }
        >
            <div class="table-scroll" tabindex="0">
                <table class="confusion-table rows-table" data-testid="watched-points">
                    <thead>
                        <tr>
                            {head}
                            <th scope="col" class="numeric">{truth}</th>
                            <th scope="col" class="numeric">{says}</th>
                        </tr>
                    </thead>
                    <tbody>{body}</tbody>
                </table>
            </div>
        </Show>
    }
}

/// A number of a table in few digits.
fn short(value: f32) -> String {
    format::significant(value.into(), 4)
}
