//! Where a network looks back in the prompt while it learns: the weights of every head as a matrix, one of them large.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use web_sys::{Event, HtmlDetailsElement, KeyboardEvent};

use crate::session::{Command, TextAttention};
use crate::view::format;
use crate::view::microscope::attention::{limit_of_weights, of_head, query_facts};
use crate::view::run_state::RunState;
use crate::view::writing::{axis_html, shown as shown_character};
use crate::web::address::use_texts;
use crate::web::browser;
use crate::web::engine::use_engine;
use crate::web::step::HeatMap;

/// Between two looks at whether there is something to ask for.
const INTERVAL: Duration = Duration::from_secs(1);

/// Looks after which an answer is no longer waited for: the request may have failed.
const PATIENCE: u32 = 10;

const DIGITS: usize = 3;

/// Asks for the attention on the prompt, one request at a time and only while it is seen.
fn keep_asking(shown: Memo<Option<Arc<TextAttention>>>, is_open: RwSignal<bool>) {
    let engine = use_engine();
    // Looks since the request under way; 0 when there is none.
    let waited = StoredValue::new(0_u32);
    Effect::new(move |_| {
        shown.track();
        waited.set_value(0);
    });
    let look = move || {
        let looks = waited.get_value();
        if looks > 0 && looks < PATIENCE {
            waited.set_value(looks + 1);
            return;
        }
        let due = engine.run().with_untracked(RunState::attention_due);
        if let Some(text) = due.filter(|_| is_open.get_untracked()) {
            waited.set_value(1);
            engine.command(|run| Command::ShowAttention { run, text });
        }
    };
    if let Ok(timer) = set_interval_with_handle(look, INTERVAL) {
        on_cleanup(move || timer.clear());
    }
}

/// The panel of a run with attention that learns from a text.
#[component]
pub fn AttentionPanel() -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let shown = engine.part(|run| run.writing.attention.clone());
    let is_open = RwSignal::new(true);
    keep_asking(shown, is_open);
    let after = move || {
        let step = shown.with(|shown| shown.as_ref().map(|shown| shown.step))?;
        Some((texts.get().confusion.after)(&format::count(step)))
    };
    // What is laid out anew when it changes: names, heads and characters.
    let layout = Memo::new(move |_| {
        shown.with(|shown| {
            let shown = shown.as_ref()?;
            let blocks = shown.blocks.iter();
            let blocks: Vec<_> = blocks.map(|b| (b.name.clone(), b.heads)).collect();
            Some((blocks, shown.characters.len() as u32))
        })
    });
    let chosen = RwSignal::new((0_usize, 0_u32));
    let maps = move || {
        let (blocks, count) = layout.get()?;
        let blocks = blocks
            .into_iter()
            .enumerate()
            .map(|(block, (name, heads))| {
                let heads = (0..heads).map(|head| {
                    let place = (block, head);
                    view! {
                        <button
                            type="button"
                            class="attention-choice"
                            aria-pressed=move || (chosen.get() == place).to_string()
                            data-testid=format!("attention-{block}-{head}")
                            on:click=move |_| chosen.set(place)
                        >
                            <Weights shown place=Signal::stored(place) count/>
                            <span>{move || (texts.get().time.head)(head)}</span>
                        </button>
                    }
                });
                view! {
                    <p class="field-label">
                        <code>{name}</code>
                    </p>
                    <div class="attention-choices">{heads.collect_view()}</div>
                }
            });
        Some(blocks.collect_view())
    };
    let large = move || {
        let (_, count) = layout.get()?;
        Some(view! { <Large shown chosen=chosen.into() count/> })
    };
    let toggle = move |event: Event| {
        let details: HtmlDetailsElement = event_target(&event);
        is_open.set(details.open());
    };
    view! {
        <details class="panel" open data-testid="attention-weights" on:toggle=toggle>
            <summary class="attention-summary">
                <h2 class="panel-title">{move || texts.get().writing.attention}</h2>
                <span class="panel-note numeric" data-testid="attention-after">{after}</span>
            </summary>
            <div class="panel-body">
                <p class="panel-note">{move || texts.get().writing.attention_hint}</p>
                {large}
                {maps}
            </div>
        </details>
    }
}

/// One head's matrix, as colours.
#[component]
fn Weights(
    /// What the network makes of the prompt.
    shown: Memo<Option<Arc<TextAttention>>>,
    /// Block and head.
    place: Signal<(usize, u32)>,
    /// Characters.
    count: u32,
) -> impl IntoView {
    let texts = use_texts();
    let values = Memo::new(move |_| head_of(&shown.get(), place.get(), count));
    let limit = Signal::derive(move || values.with(|values| limit_of_weights(values)));
    let label = Signal::derive(move || (texts.get().time.head_picture)(place.get().1, count));
    view! {
        <div class="ribbon-cells">
            <HeatMap values columns=count limit label/>
        </div>
    }
}

/// The weights (L, L) of a block's head; none where there is no such head any more.
fn head_of(
    shown: &Option<Arc<TextAttention>>,
    (block, head): (usize, u32),
    count: u32,
) -> Vec<f32> {
    let block = shown.as_ref().and_then(|shown| shown.blocks.get(block));
    let weights = block.and_then(|block| of_head(&block.weights, head, count));
    weights.map(<[f32]>::to_vec).unwrap_or_default()
}

/// The chosen head's matrix between its characters, and what one cell of it says.
#[component]
fn Large(
    /// What the network makes of the prompt.
    shown: Memo<Option<Arc<TextAttention>>>,
    /// Block and head.
    chosen: Signal<(usize, u32)>,
    /// Characters.
    count: u32,
) -> impl IntoView {
    let texts = use_texts();
    let last = count.saturating_sub(1);
    // Query and key: row and column.
    let at = RwSignal::new((last, 0_u32));
    let characters = Memo::new(move |_| {
        shown.with(|shown| shown.as_ref().map(|shown| shown.characters.clone()))
    });
    let axis = move |chosen: u32| {
        characters.with(|characters| characters.as_ref().map(|c| axis_html(c, chosen)))
    };
    let said = Memo::new(move |_| {
        let (query, key) = at.get();
        let name = |place: u32| {
            let characters = characters.get();
            let character = characters.and_then(|c| c.get(place as usize).copied());
            let character =
                character.map_or(String::new(), |c| format!(" “{}”", shown_character(c)));
            format!("{place}{character}")
        };
        let values = head_of(&shown.get(), chosen.get(), count);
        let row = values
            .chunks_exact(count.max(1) as usize)
            .nth(query as usize)?;
        let texts = &texts.get();
        let number = |value: f64| format::significant(value, DIGITS);
        let weight = match key > query {
            true => texts.time.mask.to_string(),
            false => number(row[key as usize].into()),
        };
        let facts = query_facts(row)?;
        Some((
            (texts.writing.attention_says)(&name(query), &name(key), &weight),
            (texts.time.query_says)(
                &name(query),
                &number(facts.weight),
                &name(facts.key),
                facts.half,
                &format::significant(facts.sum, 6),
            ),
        ))
    });
    let of_cell = move || said.get().map(|(cell, _)| cell);
    let of_row = move || said.get().map(|(_, row)| row);
    let follow = move |event: web_sys::PointerEvent| {
        if let Some((key, query)) = browser::cell_at(&event, [count, count]) {
            at.set((query, key));
        }
    };
    let follow_keys = move |event: KeyboardEvent| {
        let (query, key) = at.get_untracked();
        let next = match event.key().as_str() {
            "ArrowUp" => (query.saturating_sub(1), key),
            "ArrowDown" => (query + 1, key),
            "ArrowLeft" => (query, key.saturating_sub(1)),
            "ArrowRight" => (query, key + 1),
            "Home" => (query, 0),
            "End" => (query, query),
            _ => return,
        };
        event.prevent_default();
        at.set((next.0.min(last), next.1.min(last)));
    };
    view! {
        <div class="attention-large" style=("--units", count.to_string())>
            <div class="attention-axis" aria-hidden="true" inner_html=move || axis(at.get().1)></div>
            <div
                class="attention-axis is-side"
                aria-hidden="true"
                inner_html=move || axis(at.get().0)
            ></div>
            <div
                class="attention-cells"
                role="slider"
                tabindex="0"
                aria-label=move || texts.get().writing.attention_label
                aria-valuemin="0"
                aria-valuemax=(count * count).to_string()
                aria-valuenow=move || (at.get().0 * count + at.get().1).to_string()
                aria-valuetext=of_cell
                data-testid="attention-matrix"
                style=("--unit", move || at.get().0.to_string())
                style=("--step", move || at.get().1.to_string())
                on:pointermove=follow
                on:pointerdown=follow
                on:keydown=follow_keys
            >
                <Weights shown place=chosen count/>
            </div>
        </div>
        <p data-testid="attention-cell">{of_cell}</p>
        <p class="panel-note" data-testid="attention-row">{of_row}</p>
    }
}
