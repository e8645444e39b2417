//! Precision, recall and F1 of each class.

use std::sync::Arc;

use leptos::prelude::*;

use crate::view::format;
use crate::view::run_state::Evaluated;
use crate::view::samples::class_names;
use crate::web::address::{use_locale, use_texts};
use crate::web::engine::use_engine;

/// The metrics of the last evaluation, class by class, with their means.
#[component]
pub fn ClassMetrics() -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let evaluated = engine.part(|run| run.evaluated.clone());
    let has_classes = engine.part(|run| {
        let evaluated = run.evaluated.as_ref();
        evaluated.is_some_and(|e| !e.evaluation.f1.is_empty())
    });
    let top = move || {
        let top = evaluated.get()?.evaluation.top_k?;
        let share = format::percent(top.share.into(), 1);
        Some((texts.get().data.top_k)(top.k, &share))
    };
    view! {
        <Show when=move || has_classes.get()>
            <section class="panel" data-testid="class-metrics">
                <h2 class="panel-title">{move || texts.get().data.metrics_title}</h2>
                <div class="panel-body">
                    {move || evaluated.get().map(|evaluated| view! { <Classes evaluated/> })}
                    <p class="numeric" data-testid="top-k">{top}</p>
                    <p class="panel-note">{move || texts.get().data.metrics_hint}</p>
                </div>
            </section>
        </Show>
    }
}

/// One row for each class, and their means.
#[component]
fn Classes(
    /// The evaluation.
    evaluated: Arc<Evaluated>,
) -> impl IntoView {
    let engine = use_engine();
    let locale = use_locale();
    let texts = use_texts();
    let known = engine.part(|run| run.started.as_ref().map(|s| s.model.classes.clone()));
    let value = move |value: Option<f32>| match value {
        Some(value) => view! { <td class="numeric">{format!("{value:.4}")}</td> }.into_any(),
        None => view! {
            <td class="numeric muted" title=move || texts.get().data.undefined_hint>
                {move || texts.get().data.undefined}
            </td>
        }
        .into_any(),
    };
    let evaluation = evaluated.evaluation.clone();
    let rows = move || {
        let names = class_names(&known.get().unwrap_or_default(), locale.get());
        let classes = 0..evaluation.confusion.len();
        classes
            .map(|class| {
                let name = names
                    .get(class)
                    .cloned()
                    .unwrap_or_else(|| class.to_string());
                let of = |values: &[Option<f32>]| value(values.get(class).copied().flatten());
                view! {
                    <tr>
                        <th scope="row">{name}</th>
                        {of(&evaluation.precision)}
                        {of(&evaluation.recall)}
                        {of(&evaluation.f1)}
                    </tr>
                }
            })
            .collect_view()
    };
    let evaluation = &evaluated.evaluation;
    let means = [
        evaluation.macro_precision,
        evaluation.macro_recall,
        evaluation.macro_f1,
    ]
    .map(value)
    .into_iter()
    .collect_view();
    view! {
        <div class="table-scroll">
            <table class="confusion-table class-table">
                <thead>
                    <tr>
                        <th scope="col">{move || texts.get().data.class}</th>
                        <th scope="col" title=move || texts.get().data.precision_hint>
                            {move || texts.get().data.precision}
                        </th>
                        <th scope="col" title=move || texts.get().data.recall_hint>
                            {move || texts.get().data.recall}
                        </th>
                        <th scope="col" title=move || texts.get().data.f1_hint>
                            {move || texts.get().data.f1}
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
                <tfoot>
                    <tr data-testid="macro-metrics">
                        <th scope="row">{move || texts.get().data.macro_mean}</th>
                        {means}
                    </tr>
                </tfoot>
            </table>
        </div>
    }
}
