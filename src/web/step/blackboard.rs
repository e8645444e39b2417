//! Every number of a small batch at once.

use std::sync::Arc;

use leptos::prelude::*;

use super::scope::use_microscope;
use crate::session::TensorFacts;
use crate::view::color::{limit_of, sign_and_strength};
use crate::view::format;
use crate::view::microscope::model::{Element, GraphModel, index_at, shape_label};
use crate::web::address::use_texts;

/// Decimals of a number on the blackboard, as a hand-written example has them.
const DECIMALS: usize = 6;

/// A table of all tensors with all their numbers.
#[component]
pub fn Blackboard(
    /// The graph of the batch, small enough for it.
    graph: Arc<GraphModel>,
) -> impl IntoView {
    let texts = use_texts();
    let rows = graph
        .blackboard()
        .map(|tensor| view! { <Row tensor=tensor.clone()/> })
        .collect_view();
    view! {
        <section class="panel" data-testid="blackboard">
            <h2 class="panel-title">{move || texts.get().step.blackboard}</h2>
            <div class="panel-body">
                <p class="panel-note">{move || texts.get().step.blackboard_hint}</p>
                <div
                    class="table-scroll"
                    tabindex="0"
                    role="group"
                    data-own-arrows=""
                    aria-label=move || texts.get().step.blackboard
                >
                    <table class="summary-table blackboard">
                        <thead>
                            <tr>
                                <th scope="col">{move || texts.get().step.tensor}</th>
                                <th scope="col">{move || texts.get().step.shapes}</th>
                                <th scope="col">{move || texts.get().step.numbers}</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </div>
        </section>
    }
}

/// One tensor.
#[component]
fn Row(
    /// The tensor.
    tensor: TensorFacts,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let reading = scope.reading(tensor.name.clone());
    let node = tensor.node;
    let is_computed = Memo::new(move |_| node.is_none_or(|node| node < scope.done.get()));
    let values = Memo::new(move |_| reading.get().and_then(|reading| reading.values.clone()));
    let name = tensor.name.clone();
    let is_lit = {
        let name = name.clone();
        move || scope.lit().with(|lit| lit.as_ref() == Some(&name))
    };
    let testid = format!("board-{name}");
    let shape = shape_label(&tensor.shape);
    let tensor = Arc::new(tensor);
    let numbers = move || {
        let values = values.get().filter(|_| is_computed.get());
        let Some(values) = values else {
            return view! {
                <span class="board-missing is-missing">{move || texts.get().step.not_computed}</span>
            }
            .into_any();
        };
        let limit = limit_of(values.iter().copied());
        (0..)
            .zip(values.iter())
            .map(|(flat, &value)| {
                let (hue, strength) = match sign_and_strength(value, limit) {
                    Some((sign, strength)) => (sign.class(), strength),
                    None => ("is-missing", 0.0),
                };
                let element = Element {
                    tensor: tensor.name.clone(),
                    index: index_at(&tensor.shape, flat),
                };
                let label = element.label();
                let is_chosen = {
                    let element = element.clone();
                    move || {
                        scope
                            .element
                            .with(|chosen| chosen.as_ref() == Some(&element))
                    }
                };
                view! {
                    <button
                        type="button"
                        class=format!("board-number value-cell {hue}")
                        class:is-chosen=is_chosen
                        style:--strength=strength.to_string()
                        title=label
                        on:click=move |_| scope.select(element.clone())
                    >
                        {format::fixed(value.into(), DECIMALS)}
                    </button>
                }
            })
            .collect_view()
            .into_any()
    };
    view! {
        <tr class:is-lit=is_lit data-testid=testid>
            <th scope="row"><code>{name}</code></th>
            <td class="numeric muted">{shape}</td>
            <td><div class="board-numbers">{numbers}</div></td>
        </tr>
    }
}
