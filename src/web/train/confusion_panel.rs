//! Which classes are taken for which.

use std::sync::Arc;

use leptos::prelude::*;

use crate::view::format;
use crate::view::run_state::Evaluated;
use crate::view::samples::class_names;
use crate::web::address::{use_locale, use_texts};
use crate::web::engine::use_engine;

/// The confusion matrix of the last evaluation.
#[component]
pub fn ConfusionPanel() -> impl IntoView {
    let texts = use_texts();
    let evaluated = use_engine().part(|run| run.evaluated.clone());
    let after = move || {
        let evaluated = evaluated.get()?;
        Some((texts.get().confusion.after)(&format::count(
            evaluated.step,
        )))
    };
    view! {
        <section class="panel" data-testid="confusion">
            <div class="panel-header">
                <h2 class="panel-title">{move || texts.get().confusion.title}</h2>
                <span class="panel-note numeric">{after}</span>
            </div>
            {move || match evaluated.get() {
                Some(evaluated) => view! { <Matrix evaluated/> }.into_any(),
                None => view! {
                    <p class="panel-note">{texts.get().confusion.waiting}</p>
                }
                .into_any(),
            }}
        </section>
    }
}

/// One cell per pair of classes; its depth is the share of the row.
#[component]
fn Matrix(
    /// The evaluation.
    evaluated: Arc<Evaluated>,
) -> impl IntoView {
    let texts = use_texts();
    let engine = use_engine();
    let locale = use_locale();
    let known = engine.part(|run| run.started.as_ref().map(|s| s.model.classes.clone()));
    let names = Memo::new(move |_| class_names(&known.get().unwrap_or_default(), locale.get()));
    let name = move |class: usize| {
        let name = names.with(|names| names.get(class).cloned());
        name.unwrap_or_else(|| class.to_string())
    };
    let matrix = &evaluated.evaluation.confusion;
    let classes = matrix.len();
    // Columns are narrow: numbers, with the names in the rows and in what is said of a cell.
    let head = (0..classes)
        .map(|class| {
            view! {
                <th scope="col" class="numeric" title=move || name(class)>
                    {class}
                </th>
            }
        })
        .collect_view();
    let rows = matrix
        .iter()
        .enumerate()
        .map(|(actual, row)| {
            let total = row.iter().sum::<u32>().max(1);
            let cells = row
                .iter()
                .enumerate()
                .map(|(predicted, &count)| {
                    let strength = f64::from(count) / f64::from(total);
                    let said = move || {
                        let cell = texts.get().confusion.cell;
                        cell(count, &name(actual), &name(predicted))
                    };
                    view! {
                        <td
                            class="value-cell numeric"
                            class:is-diagonal=actual == predicted
                            class:is-off-diagonal=actual != predicted
                            class:is-zero=count == 0
                            style=("--strength", strength.to_string())
                            title=said
                        >
                            {count}
                        </td>
                    }
                })
                .collect_view();
            let recall = evaluated.evaluation.recall.get(actual).copied().flatten();
            let recall = recall.map_or_else(
                || format::NO_VALUE.to_string(),
                |recall| format::percent(recall.into(), 0),
            );
            view! {
                <tr>
                    <th scope="row" class="confusion-name">
                        {move || {
                            let name = name(actual);
                            if name == actual.to_string() {
                                name
                            } else {
                                format!("{actual} {name}")
                            }
                        }}
                    </th>
                    {cells}
                    <td class="numeric muted">{recall}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="panel-body">
            <div class="table-scroll">
                <table class="confusion-table">
                    <thead>
                        <tr>
                            <th scope="col">
                                <span class="visually-hidden">
                                    {move || texts.get().confusion.actual}
                                </span>
                            </th>
                            {head}
                            <th
                                scope="col"
                                class="numeric"
                                title=move || texts.get().confusion.recall_hint
                            >
                                {move || texts.get().confusion.recall}
                            </th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            <p class="panel-note">{move || texts.get().confusion.hint}</p>
        </div>
    }
}
