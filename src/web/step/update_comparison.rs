//! A parameter before and after its update: weight, gradient, states, change.

use std::sync::Arc;

use leptos::prelude::*;

use super::detail::PictureMap;
use super::scope::use_microscope;
use crate::session::{UpdateFacts, UpdatePart, UpdateRow};
use crate::view::format;
use crate::view::microscope::detail::update::{relative_change, shared_limit};
use crate::view::microscope::model::GraphModel;
use crate::view::microscope::picture::Picture;
use crate::web::address::use_texts;

/// Heat maps and statistics of the chosen parameter around the update, and the batch's loss
/// before and after it.
#[component]
pub fn UpdateComparison(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let facts = scope.part(|state| state.update.clone());
    let losses = Memo::new(move |_| {
        scope.cursor.with(|cursor| {
            let cursor = cursor.as_ref()?;
            Some((cursor.loss?, cursor.loss_after))
        })
    });
    let number = |value: f32| format::significant(value.into(), 6);
    let body = move || {
        let facts = facts.get()?;
        // An answer about another parameter is on its way out.
        let chosen = graph.subject(scope.shown.get(), scope.parameter.get())?;
        (chosen.name == facts.tensor).then_some(())?;
        let picture = scope.picture(&facts.tensor)?;
        let rows = facts
            .rows
            .iter()
            .map(|row| {
                let limit = shared_limit(&facts, row);
                let picture = picture.clone();
                view! { <Row row=row.clone() picture limit/> }
            })
            .collect_view();
        Some(view! {
            <div class="update-rows" data-testid="update-rows" data-tensor=facts.tensor.clone()>
                {rows}
            </div>
            <Sums facts/>
        })
    };
    let after = move |after: Option<f32>| match after {
        Some(after) => number(after),
        None => texts.get().step.not_computed.to_string(),
    };
    view! {
        <div class="step-part" data-testid="update-comparison">
            <h3>{move || texts.get().step.update_comparison}</h3>
            <p class="panel-note">{move || texts.get().step.update_comparison_hint}</p>
            {body}
            {move || losses.get().map(|(loss, loss_after)| view! {
                <dl class="figures update-losses">
                    <dt>{move || texts.get().step.loss}</dt>
                    <dd class="numeric">{number(loss)}</dd>
                    <dt>{move || texts.get().step.loss_after}</dt>
                    <dd class="numeric" data-testid="update-loss-after">
                        {move || after(loss_after)}
                    </dd>
                </dl>
            })}
        </div>
    }
}

/// One tensor: its picture and its figures.
#[component]
fn Row(
    /// The numbers.
    row: UpdateRow,
    /// How it is drawn.
    picture: Picture,
    /// What the strongest colour stands for.
    limit: f32,
) -> impl IntoView {
    let texts = use_texts();
    let part = row.part;
    let name = move || {
        let step = &texts.get().step;
        match part {
            UpdatePart::Before => step.update_before,
            UpdatePart::Gradient => step.update_gradient,
            UpdatePart::StateBefore => step.update_state_before,
            UpdatePart::StateAfter => step.update_state_after,
            UpdatePart::Change => step.update_change,
            UpdatePart::After => step.update_after,
        }
    };
    let symbol = row.symbol.clone();
    let testid = format!("update-row-{symbol}");
    let label = {
        let symbol = symbol.clone();
        Signal::derive(move || format!("{symbol}{}{}", texts.get().locale.colon(), name()))
    };
    let number = |value: f32| format::significant(value.into(), 4);
    let norm = row.statistics.map(|facts| format::bare(facts.norm.into()));
    let body = match (row.values, row.statistics) {
        (Some(values), Some(facts)) => view! {
            <PictureMap picture values limit label/>
            <p class="panel-note numeric">
                {number(facts.minimum)} " … " {number(facts.maximum)} " · ‖·‖ " {number(facts.norm)}
            </p>
        }
        .into_any(),
        _ => view! {
            <p class="tensor-missing is-missing">
                <span>{move || texts.get().step.not_computed}</span>
            </p>
        }
        .into_any(),
    };
    view! {
        <section class="update-row" data-testid=testid data-norm=norm>
            <h4>
                <span class="tensor-symbol">{symbol}</span>
                " "
                {name}
            </h4>
            {body}
        </section>
    }
}

/// What the update comes to: learning rate, number, relative change.
#[component]
fn Sums(
    /// The update.
    facts: Arc<UpdateFacts>,
) -> impl IntoView {
    let texts = use_texts();
    let scalars = facts
        .scalars
        .iter()
        .map(|(name, value)| {
            view! { <span class="term-scalar numeric">{format!("{name} = {}", format::significant(*value, 5))}</span> }
        })
        .collect_view();
    let ratio = relative_change(&facts);
    view! {
        <div class="cluster">{scalars}</div>
        {ratio.map(|ratio| view! {
            <p class="detail-line numeric" data-testid="update-ratio" data-value=format::bare(ratio)>
                "‖Δw‖ / ‖w‖ = "
                {format::significant(ratio, 4)}
                " "
                <span class="panel-note">{move || texts.get().step.update_ratio}</span>
            </p>
        })}
    }
}
