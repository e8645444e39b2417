//! The terms that make an element what it is.

use std::sync::Arc;

use leptos::prelude::*;

use super::detail::Detail;
use super::scope::{Microscope, use_microscope};
use super::segmented::Segmented;
use crate::session::{ExplanationFacts, GroupFacts, InsideFacts, TermFacts};
use crate::view::color::sign_and_strength;
use crate::view::format;
use crate::view::microscope::equation::is_product;
use crate::view::microscope::model::{Element, index_label};
use crate::view::microscope::terms::{Ordered, largest};
use crate::web::address::use_texts;

/// Terms listed before the learner asks for all.
const FEW: usize = 24;
/// Groups whose subtotals are listed before the learner asks for all.
const FEW_GROUPS: usize = 64;
const DIGITS: usize = 5;

/// What the element that is looked at was computed from.
#[component]
pub fn ExplanationPanel() -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let element = scope.element;
    let name = move || element.get().map(|element| element.label());
    let value = Memo::new(move |_| scope.value_of(&element.get()?));
    let refused = scope.part(|state| state.not_explained.clone());
    // An explanation of another element is on its way out.
    let facts = Memo::new(move |_| {
        let element = element.get()?;
        let facts = scope.explanation.get()?;
        (facts.tensor == element.tensor && facts.index == element.index).then_some(facts)
    });
    let body = move || match (facts.get(), element.get()) {
        (Some(facts), _) => view! { <Terms facts/> }.into_any(),
        (None, Some(element)) if !scope.has_terms(&element) => {
            let given = move || {
                let step = &texts.get().step;
                match value.get() {
                    Some(value) => format::significant(value.into(), DIGITS),
                    None => step.not_computed.to_string(),
                }
            };
            view! { <p class="explained-given numeric" data-testid="element-value">{given}</p> }
                .into_any()
        }
        (None, Some(_)) => view! {
            <p class="panel-note" data-testid="not-explained">
                {move || match refused.get() {
                    Some(reason) => (texts.get().errors.refusal)(&reason),
                    None => texts.get().step.working.to_string(),
                }}
            </p>
        }
        .into_any(),
        (None, None) => ().into_any(),
    };
    view! {
        <div class="step-part" data-testid="explanation">
            <h3>{move || texts.get().step.explanation}</h3>
            <p class="panel-note">{move || texts.get().step.explanation_hint}</p>
            <p class="explained-element">
                <code data-testid="explained-element">{name}</code>
            </p>
            {body}
        </div>
    }
}

/// Sum and terms of one element.
#[component]
fn Terms(
    /// The explanation.
    facts: Arc<ExplanationFacts>,
) -> impl IntoView {
    let texts = use_texts();
    let is_sorted = RwSignal::new(false);
    let shows_all = RwSignal::new(false);
    let count = facts.term_count;
    let sent = facts
        .groups
        .iter()
        .map(|group| group.terms.len())
        .sum::<usize>();
    let (stored, total) = (f64::from(facts.stored), facts.total);
    let difference = (stored - total).abs();
    let limit = largest(&facts);
    let detail = Arc::clone(&facts);
    let inside = facts
        .inside
        .clone()
        .map(|inside| view! { <Inside inside/> });
    let hidden = (!facts.hidden.is_empty()).then(|| {
        let rows = facts.hidden.iter().take(FEW);
        rows.map(|term| view! { <TermRow term=term.clone() limit=0.0 is_hidden=true/> })
            .collect_view()
    });
    // Groups of one term each would only repeat the terms.
    let summed = || facts.groups.iter().filter(|group| group.key.is_some());
    let has_groups = summed().count() > 1 && summed().any(|group| group.term_count > 1);
    let groups = has_groups.then(|| view! { <Groups facts=Arc::clone(&facts)/> });
    let rows = {
        let facts = Arc::clone(&facts);
        move || {
            let ordered = if is_sorted.get() {
                Ordered::by_size(&facts)
            } else {
                Ordered::in_order(&facts)
            };
            let most = if shows_all.get() { usize::MAX } else { FEW };
            ordered
                .terms
                .into_iter()
                .take(most)
                .map(|term| view! { <TermRow term=term.clone() limit/> })
                .collect_view()
        }
    };
    let order = Signal::derive(move || {
        let step = &texts.get().step;
        vec![(false, step.in_order), (true, step.largest_first)]
    });
    let has_order = move || count > 3;
    let has_more = move || sent > FEW;
    let shown = move || if shows_all.get() { sent } else { sent.min(FEW) };
    view! {
        <dl class="figures explained-figures">
            <dt>{move || texts.get().step.sum_of_terms}</dt>
            <dd class="numeric" data-testid="explained-sum" data-value=format::bare(total)>
                {format::significant(total, 8)}
            </dd>
            <dt>{move || texts.get().step.stored}</dt>
            <dd class="numeric" data-testid="explained-stored" data-value=format::bare(stored)>
                {format::significant(stored, 8)}
            </dd>
            <dt>{move || texts.get().step.difference}</dt>
            <dd class="numeric" data-testid="explained-difference">
                {format::significant(difference / total.abs().max(f64::MIN_POSITIVE).max(difference), 2)}
            </dd>
        </dl>
        <p class="panel-note">{move || texts.get().step.rounding}</p>
        <Detail facts=detail/>
        {groups}
        <div class="step-subpart">
            <div class="spread">
                <h4>
                    {move || texts.get().step.terms}
                    " "
                    <span class="panel-note numeric" data-testid="term-count" data-value=count.to_string()>
                        {move || (texts.get().step.terms_shown)(shown(), count)}
                    </span>
                </h4>
                <Show when=has_order>
                    <Segmented
                        name="term-order"
                        label=Signal::derive(move || texts.get().step.terms)
                        choices=order
                        value=is_sorted
                        on_choose=move |sorted| is_sorted.set(sorted)
                    />
                </Show>
            </div>
            <ul class="terms" data-testid="terms">{rows}</ul>
            {(count == 0).then(|| view! {
                <p class="panel-note">{move || texts.get().step.no_terms}</p>
            })}
            <Show when=has_more>
                <button
                    type="button"
                    class="button"
                    data-testid="show-all-terms"
                    on:click=move |_| shows_all.update(|all| *all = !*all)
                >
                    {move || {
                        let step = &texts.get().step;
                        if shows_all.get() { step.show_fewer } else { step.show_all }
                    }}
                </button>
            </Show>
        </div>
        {inside}
        {hidden.map(|rows| view! {
            <div class="step-subpart" data-testid="hidden-terms">
                <h4>{move || texts.get().step.hidden_terms}</h4>
                <p class="panel-note">{move || texts.get().step.hidden_terms_note}</p>
                <ul class="terms">{rows}</ul>
            </div>
        })}
    }
}

/// The sum inside the function that an element is: of a gate.
#[component]
fn Inside(
    /// Its terms.
    inside: InsideFacts,
) -> impl IntoView {
    let texts = use_texts();
    let shows_all = RwSignal::new(false);
    let InsideFacts {
        function,
        total,
        term_count,
        groups,
    } = inside;
    let terms: Vec<TermFacts> = groups.into_iter().flat_map(|group| group.terms).collect();
    let limit = terms
        .iter()
        .fold(0.0, |most, term| term.value.abs().max(most));
    let sent = terms.len();
    let has_more = move || sent > FEW;
    let shown = move || if shows_all.get() { sent } else { sent.min(FEW) };
    let rows = move || {
        let rows = terms.iter().take(shown());
        rows.map(|term| view! { <TermRow term=term.clone() limit/> })
            .collect_view()
    };
    view! {
        <div class="step-subpart" data-testid="inside-terms">
            <h4>
                {move || (texts.get().step.inside)(&function)}
                " "
                <span class="panel-note numeric" data-testid="inside-count" data-value=term_count.to_string()>
                    {move || (texts.get().step.terms_shown)(shown(), term_count)}
                </span>
            </h4>
            <p class="panel-note">{move || texts.get().step.inside_hint}</p>
            <dl class="figures explained-figures">
                <dt>{move || texts.get().step.sum_of_terms}</dt>
                <dd class="numeric" data-testid="inside-sum" data-value=format::bare(total)>
                    {format::significant(total, 8)}
                </dd>
            </dl>
            <ul class="terms">{rows}</ul>
            <Show when=has_more>
                <button
                    type="button"
                    class="button"
                    data-testid="show-all-inside"
                    on:click=move |_| shows_all.update(|all| *all = !*all)
                >
                    {move || {
                        let step = &texts.get().step;
                        if shows_all.get() { step.show_fewer } else { step.show_all }
                    }}
                </button>
            </Show>
        </div>
    }
}

/// Subtotals by the outermost summed index: by sample, by channel.
#[component]
fn Groups(
    /// The explanation.
    facts: Arc<ExplanationFacts>,
) -> impl IntoView {
    let texts = use_texts();
    let most = facts.groups.iter().map(|group| group.subtotal.abs());
    let limit = most.fold(0.0, f64::max);
    let rows = move || {
        let step = &texts.get().step;
        facts
            .groups
            .iter()
            .take(FEW_GROUPS)
            .map(|group| {
                let key = group_key(group, step.outside_any_sum);
                let subtotal = format::significant(group.subtotal, DIGITS);
                let said = (step.group)(&key, group.term_count, &subtotal);
                let (hue, share) = hue_and_share(group.subtotal, limit);
                view! {
                    <li class=format!("term-bar {hue}") title=said>
                        <span class="term-key numeric">{key}</span>
                        <span class="term-track">
                            <span class="term-fill" style:--share=share.to_string()></span>
                        </span>
                        <span class="term-value numeric">{subtotal}</span>
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <div class="step-subpart">
            <h4>{move || texts.get().step.subtotals}</h4>
            <ul class="term-bars" data-testid="subtotals">{rows}</ul>
        </div>
    }
}

fn group_key(group: &GroupFacts, alone: &str) -> String {
    match &group.key {
        Some((index, at)) => format!("{index} = {at}"),
        None => alone.to_string(),
    }
}

fn hue_and_share(value: f64, limit: f64) -> (&'static str, f32) {
    match sign_and_strength(value as f32, limit as f32) {
        Some((sign, share)) => (sign.class(), share),
        None => ("is-missing", 1.0),
    }
}

/// One term: what it reads, with numbers, and its value.
#[component]
fn TermRow(
    /// The term.
    term: TermFacts,
    /// Largest magnitude of a term.
    limit: f64,
    /// Whether a condition took it out, so that it is no product of what it names.
    #[prop(optional)]
    is_hidden: bool,
) -> impl IntoView {
    let scope = use_microscope();
    let (hue, share) = hue_and_share(term.value, limit);
    let mark = if is_product(&term) && !is_hidden {
        "×"
    } else {
        ","
    };
    let factors = term
        .references
        .iter()
        .take(12)
        .enumerate()
        .map(|(number, reference)| {
            let element = Element {
                tensor: reference.tensor.clone(),
                index: reference.index.clone(),
            };
            let label = format!("{}{}", reference.tensor, index_label(&reference.index));
            let value = format::significant(reference.value, DIGITS);
            view! {
                {(number > 0).then(|| view! { <span class="term-mark">{mark}</span> })}
                <button
                    type="button"
                    class="term-factor"
                    on:click=move |_| select_known(scope, &element)
                >
                    <code>{label}</code>
                    <span class="numeric">{value}</span>
                </button>
            }
        })
        .collect_view();
    let more = (term.references.len() > 12).then_some("…");
    view! {
        <li class=format!("term {hue}")>
            <span class="term-factors">{factors} {more}</span>
            <span class="term-track">
                <span class="term-fill" style:--share=share.to_string()></span>
            </span>
            <span class="term-value numeric">{format::significant(term.value, DIGITS)}</span>
        </li>
    }
}

/// Goes on to what a factor was made of, where the graph knows its tensor.
fn select_known(scope: Microscope, element: &Element) {
    let is_known = scope.graph.with_untracked(|graph| {
        graph
            .as_ref()
            .is_some_and(|g| g.tensor(&element.tensor).is_some())
    });
    if is_known {
        scope.select(element.clone());
    }
}
