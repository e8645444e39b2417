//! One path back through time, factor by factor.

use std::sync::Arc;

use leptos::prelude::*;

use super::Choice;
use crate::session::{SequenceQuestion, TimePathFacts, TimeWay};
use crate::view::format;
use crate::view::microscope::model::{Element, index_label};
use crate::view::microscope::sequences::Kind;
use crate::view::microscope::unrolled::{bars, heights};
use crate::web::address::use_texts;
use crate::web::step::scope::use_microscope;
use crate::web::step::segmented::Segmented;

const DIGITS: usize = 4;

fn number(value: f64) -> String {
    format::significant(value, DIGITS)
}

/// Choosing a path, and the path.
#[component]
pub fn Chain(
    /// What is looked at.
    choice: Choice,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let way = RwSignal::new(TimeWay::Unit);
    let from = RwSignal::new(0_u32);
    let has_cell = Memo::new(move |_| choice.strand.with(|strand| strand.c.is_some()));
    let ways = Signal::derive(move || {
        let time = &texts.get().time;
        let mut ways = vec![(TimeWay::Unit, time.way_unit)];
        if has_cell.get() {
            ways.push((TimeWay::Cell, time.way_cell));
        }
        ways.push((TimeWay::Strongest, time.way_strongest));
        ways
    });
    Effect::new(move |_| {
        let (node, hidden) = choice.strand.with(|strand| (strand.node, strand.hidden));
        let question = SequenceQuestion::Path {
            node,
            sample: scope.sample.get(),
            to: choice.step.get(),
            from: from.get(),
            unit: choice.unit.get().min(hidden - 1),
            way: way.get(),
        };
        scope.ask_sequence(question, choice.moment(scope));
    });
    let facts = scope.part(|state| state.sequences.path.clone());
    let refusal = scope.part(|state| state.sequences.refusal(Kind::Path));
    let waits = scope.part(|state| state.sequences.waits(Kind::Path));
    let last = move || (choice.strand.with(|strand| strand.steps) - 1).to_string();
    view! {
        <p class="panel-note">{move || texts.get().time.path_hint}</p>
        <div class="cluster">
            <span class="step-choice">
                {move || texts.get().time.way}
                <Segmented
                    name="time-way"
                    label=Signal::derive(move || texts.get().time.way)
                    choices=ways
                    value=way
                    on_choose=move |chosen| way.set(chosen)
                />
            </span>
            <label class="step-choice">
                {move || texts.get().time.back_to}
                <input
                    type="number"
                    class="input step-sample"
                    data-testid="time-from"
                    min="0"
                    max=last
                    prop:value=move || from.get().to_string()
                    on:change=move |event| {
                        if let Ok(step) = event_target_value(&event).parse() {
                            from.set(step);
                        }
                    }
                />
            </label>
            <span class="panel-note" role="status">
                {move || waits.get().then(|| texts.get().time.computing)}
            </span>
        </div>
        {move || {
            refusal
                .get()
                .map(|reason| {
                    let message = move || (texts.get().errors.refusal)(&reason);
                    view! { <p class="is-missing" data-testid="chain-refused">{message}</p> }
                })
        }}
        {move || {
            let steps = choice.strand.with(|strand| strand.steps);
            let has_cell = has_cell.get();
            facts.get().map(|facts| view! { <Path facts steps has_cell/> })
        }}
    }
}

/// The path: what it carries, a drawing, and its stops.
#[component]
fn Path(
    /// What the engine found.
    facts: Arc<TimePathFacts>,
    /// Steps of the sequence.
    steps: u32,
    /// Whether every step has cell states beside the hidden ones.
    has_cell: bool,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let ends = facts
        .stops
        .first()
        .cloned()
        .zip(facts.stops.last().cloned());
    let between = ends.as_ref().map_or(0, |(end, start)| {
        (end.step.abs_diff(start.step) as usize).saturating_sub(1)
    });
    let elements = facts.hidden * if has_cell { 2 } else { 1 };
    let said = move || {
        ends.as_ref().map(|(end, start)| {
            let time = &texts.get().time;
            let name = |stop: &crate::session::TimeStop| {
                format!(
                    "{}{}",
                    stop.element.tensor,
                    index_label(&stop.element.index)
                )
            };
            let paths = (time.path_count)(elements, between);
            let (product, all) = (number(start.product), number(start.all));
            (time.path_says)(&name(end), &name(start), &product, &all, &paths)
        })
    };
    // One scale for all three, so that they can be compared.
    let series = |pick: fn(&crate::session::TimeStop) -> f64| {
        let mut values = vec![0.0; steps as usize];
        for stop in &facts.stops {
            if let Some(value) = values.get_mut(stop.step as usize) {
                *value = pick(stop).abs();
            }
        }
        values
    };
    let drawn = [
        series(|stop| stop.product),
        series(|stop| stop.all),
        series(|stop| stop.norm),
    ];
    let all: Vec<f64> = drawn.iter().flatten().copied().collect();
    let heights = heights(&all, true);
    let charts = (0..)
        .zip(heights.chunks_exact(steps as usize))
        .map(|(number_of, heights)| {
            let name = move || {
                let time = &texts.get().time;
                [time.chart_product, time.chart_all, time.chart_norm][number_of]
            };
            let most = drawn[number_of].iter().fold(0.0, |a: f64, b| a.max(*b));
            view! {
                <span class="ribbon-name panel-note">
                    {name}
                    <span class="numeric">" ≤ " {number(most)}</span>
                </span>
                <div class="ribbon-cells">
                    <svg
                        class="time-bars"
                        viewBox=format!("0 0 {steps} 1")
                        preserveAspectRatio="none"
                        role="img"
                        aria-label=name
                        inner_html=bars(heights)
                    ></svg>
                </div>
            }
        })
        .collect_view();
    let rows = facts
        .stops
        .iter()
        .map(|stop| {
            let element = Element::from(stop.element.clone());
            let label = element.label();
            view! {
                <tr data-testid=format!("chain-{}", stop.step) data-factor=format::bare(stop.factor)>
                    <th scope="row">
                        <button
                            type="button"
                            class="time-number"
                            on:click=move |_| scope.select(element.clone())
                        >
                            {label}
                        </button>
                    </th>
                    <td>{number(stop.factor)}</td>
                    <td>{number(stop.product)}</td>
                    <td>{number(stop.all)}</td>
                    <td>{number(stop.norm)}</td>
                </tr>
            }
        })
        .collect_view();
    let product = facts.stops.last().map(|stop| format::bare(stop.product));
    view! {
        <p class="time-verdict" data-testid="chain-says" data-product=product>{said}</p>
        <div class="ribbons">{charts}</div>
        <p class="panel-note">{move || texts.get().time.chart}</p>
        <div class="time-table" tabindex="0" data-own-arrows role="region" aria-label=move || {
            texts.get().time.path
        }>
            <table class="summary-table numeric">
                <thead>
                    <tr>
                        <th scope="col">{move || texts.get().time.column_element}</th>
                        <th scope="col">{move || texts.get().time.column_factor}</th>
                        <th scope="col">{move || texts.get().time.column_product}</th>
                        <th scope="col">{move || texts.get().time.column_all}</th>
                        <th scope="col">{move || texts.get().time.column_norm}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}
