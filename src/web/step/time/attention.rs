//! Attention: scores, mask, weights and mixture of a chosen query, and their gradients.

use std::sync::Arc;

use leptos::prelude::*;

use super::characters::{Characters, batch_moment, use_window};
use super::influence::Influence;
use super::ribbons::{Part, Ribbon, number_buttons};
use crate::view::format;
use crate::view::microscope::attention::{
    Attention, attentions, is_causal, largest, limit_of_weights, of_head, query_facts,
};
use crate::view::microscope::model::GraphModel;
use crate::view::writing::shown;
use crate::web::address::use_texts;
use crate::web::browser;
use crate::web::step::detail::HeatMap;
use crate::web::step::operation_panel::SampleChooser;
use crate::web::step::scope::use_microscope;
use crate::web::step::segmented::Segmented;

/// The views of attention; nothing for a model without.
#[component]
pub fn AttentionPanel(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
) -> impl IntoView {
    let all = attentions(&graph);
    (!all.is_empty()).then(|| view! { <Blocks all/> })
}

#[component]
fn Blocks(
    /// The attentions of the model.
    all: Vec<Attention>,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let names: Vec<String> = all.iter().map(|attention| attention.name.clone()).collect();
    let number = RwSignal::new(0_usize);
    let [query, key] = super::place_in_address();
    let asked_query = RwSignal::new(query.unwrap_or(all[0].steps - 1));
    let chosen = Memo::new(move |_| all[number.get().min(all.len() - 1)].clone());
    let asked_head = RwSignal::new(0_u32);
    let asked_key = RwSignal::new(key.unwrap_or(0));
    super::remember(asked_query, asked_key);
    let asked_column = RwSignal::new(0_u32);
    // Blocks may differ in their sizes: what was chosen in one is kept within another's.
    let size = Memo::new(move |_| chosen.with(|c| [c.heads, c.steps, c.width]));
    let within = move |asked: RwSignal<u32>, axis: usize| {
        Memo::new(move |_| asked.get().min(size.get()[axis].max(1) - 1))
    };
    let head = within(asked_head, 0);
    let query = within(asked_query, 1);
    let key = within(asked_key, 1);
    let column = within(asked_column, 2);
    let is_backward = RwSignal::new(false);
    let is_score = RwSignal::new(false);
    Effect::new(move |_| {
        scope
            .also
            .set(chosen.with(|chosen| chosen.tensors(is_backward.get())));
    });
    on_cleanup(move || {
        scope.also.try_set(Vec::new());
    });
    let window = use_window();
    let options = names
        .into_iter()
        .enumerate()
        .map(|(at, name)| view! { <option value=at.to_string()>{name}</option> })
        .collect_view();
    let directions = Signal::derive(move || {
        let time = &texts.get().time;
        vec![(false, time.forward), (true, time.backward)]
    });
    let pictures = Signal::derive(move || {
        let time = &texts.get().time;
        match is_backward.get() {
            false => vec![(false, time.weights), (true, time.scores)],
            true => vec![(false, time.weights_gradient), (true, time.scores_gradient)],
        }
    });
    // (heads, T, T) of the sample that is shown.
    let read = move |name: Option<String>| {
        let reading = scope.reading(name?).get()?;
        let values = reading.values.clone()?;
        let [heads, steps, _] = size.get();
        let count = u64::from(heads) * u64::from(steps) * u64::from(steps);
        let is_this_sample =
            values.len() as u64 == count && reading.first == u64::from(scope.sample.get()) * count;
        is_this_sample.then_some(values)
    };
    let matrices = Memo::new(move |_| {
        let name = chosen.with(|chosen| {
            let side = if is_score.get() {
                &chosen.scores
            } else {
                &chosen.weights
            };
            side.name(is_backward.get()).cloned()
        });
        read(name)
    });
    let weights = Memo::new(move |_| {
        (!is_backward.get())
            .then(|| read(Some(chosen.with(|chosen| chosen.weights.tensor.clone()))))
            .flatten()
    });
    let mask = Memo::new(move |_| {
        // What was seen once holds for the backward pass, which shows other tensors.
        let [_, steps, _] = size.get();
        weights.with(|weights| weights.as_ref().map(|weights| is_causal(weights, steps)))
    });
    let masked = RwSignal::new(false);
    Effect::new(move |_| {
        if let Some(is_masked) = mask.get() {
            masked.set(is_masked);
        }
    });
    let maps = move || {
        let [heads, steps, _] = size.get();
        let map = move |own| {
            let values = Signal::derive(move || {
                let all = matrices.get();
                let values = all.as_ref().and_then(|all| of_head(all, own, steps));
                values.map(<[f32]>::to_vec).unwrap_or_default()
            });
            let limit = Signal::derive(move || {
                values.with(|values| match is_score.get() {
                    true => largest(values),
                    false => limit_of_weights(values),
                })
            });
            let label = Signal::derive(move || (texts.get().time.head_picture)(own, steps));
            let choose = move |event: web_sys::MouseEvent| {
                asked_head.set(own);
                if let Some((j, i)) = browser::cell_at(&event, [steps, steps]) {
                    asked_query.set(i);
                    asked_key.set(j);
                }
            };
            view! {
                <div
                    class="attention-head"
                    class:is-chosen=move || head.get() == own
                    data-testid=format!("attention-head-{own}")
                >
                    <span class="panel-note">
                        {move || (texts.get().time.head)(own)} " ± "
                        <span class="numeric">{move || format::significant(limit.get().into(), 2)}</span>
                    </span>
                    <div
                        class="ribbon-cells"
                        style=("--unit", move || query.get().to_string())
                        style=("--units", steps.to_string())
                        on:click=choose
                    >
                        <HeatMap values columns=steps limit label/>
                    </div>
                </div>
            }
        };
        (0..heads).map(map).collect_view()
    };
    let is_there = move || matrices.with(Option::is_some);
    let elements = Memo::new(move |_| {
        let at = [query.get(), key.get(), column.get()];
        let (sample, backward) = (scope.sample.get(), is_backward.get());
        chosen.with(|chosen| chosen.elements(sample, head.get(), at, backward))
    });
    let part = move |which: usize| {
        Memo::new(move |_| {
            let c = chosen.get();
            let (head, width, heads, steps) = (head.get(), c.width, c.heads, c.steps);
            let of_row = |name: &String| {
                let first = (head * steps + query.get()) * steps;
                Part::row(name.clone(), heads * steps * steps, first)
            };
            let of_tokens = |name: &String| Part {
                tensor: name.clone(),
                width: heads * width,
                first: head * width,
                rows: width,
                is_row: false,
            };
            let backward = is_backward.get();
            match which {
                0 => c.scores.name(backward).map(of_row),
                1 => c.weights.name(backward).map(of_row),
                2 => c.queries.name(backward).map(of_tokens),
                3 => c.keys.name(backward).map(of_tokens),
                4 => c.values.name(backward).map(of_tokens),
                _ => c.mixture.name(backward).map(of_tokens),
            }
        })
    };
    let symbol = move |which: usize| {
        Signal::derive(move || {
            let plain = ["s", "a", "q", "k", "v", "o"][which];
            match is_backward.get() {
                false => plain.to_string(),
                true => format!("d{plain}"),
            }
        })
    };
    let note = move |which: usize| {
        Signal::derive(move || {
            let time = &texts.get().time;
            [
                time.scores,
                time.weights,
                time.queries,
                time.keys,
                time.values,
                time.mixture,
            ][which]
        })
    };
    let choose_key = Callback::new(move |(step, row): (u32, u32)| {
        asked_key.set(step);
        asked_column.set(row);
    });
    let choose_query = Callback::new(move |(step, row): (u32, u32)| {
        asked_query.set(step);
        asked_column.set(row);
    });
    let said = move || {
        let weights = weights.get()?;
        let [_, steps, _] = size.get();
        let row = of_head(&weights, head.get(), steps)?;
        let first = (query.get() * steps) as usize;
        let facts = query_facts(&row[first..first + steps as usize])?;
        let letter = |place: u32| {
            let text = window.get();
            let character = text.and_then(|text| text.characters.get(place as usize).copied());
            character.map_or(String::new(), |character| {
                format!(" “{}”", shown(character))
            })
        };
        let place = |at: u32| format!("{at}{}", letter(at));
        Some((texts.get().time.query_says)(
            &place(query.get()),
            &format::significant(facts.weight, 3),
            &place(facts.key),
            facts.half,
            &format::significant(facts.sum, 6),
        ))
    };
    let shades = Signal::derive(move || {
        let weights = weights.get();
        let [_, steps, _] = size.get();
        let row = weights.as_ref().and_then(|w| of_head(w, head.get(), steps));
        let first = (query.get() * steps) as usize;
        let row = row.map_or(&[][..], |row| &row[first..first + steps as usize]);
        let most = row.iter().fold(0.0_f32, |a, b| a.max(*b));
        let share = |&weight: &f32| f64::from(weight / most.max(f32::MIN_POSITIVE));
        row.iter().map(share).collect::<Vec<_>>()
    });
    let all_steps = Signal::derive(move || size.get()[1]);
    let step_count = move || all_steps.get().to_string();
    let row_unit = Signal::stored(None::<u32>);
    let column_unit = Signal::derive(move || Some(column.get()));
    let hidden_behind = move || {
        let is_hidden = masked.get() && query.get() + 1 < all_steps.get();
        is_hidden.then(|| {
            let from = format!("{}", query.get() + 1);
            view! {
                <span class="ribbon-name panel-note">{move || texts.get().time.mask}</span>
                <div
                    class="attention-mask"
                    data-testid="attention-mask"
                    style=("--from", from)
                >
                    <span>"−∞"</span>
                </div>
            }
        })
    };
    let moment = Signal::derive(move || batch_moment(scope));
    let slider = move |name: &'static str,
                       label: Signal<&'static str>,
                       value: Memo<u32>,
                       asked: RwSignal<u32>| {
        view! {
            <label class="ribbon-name" for=name>
                {label}
            </label>
            <input
                id=name
                type="range"
                class="ribbon-slider"
                data-testid=name
                min="0"
                max=move || (all_steps.get() - 1).to_string()
                prop:value=move || value.get().to_string()
                on:input=move |event| {
                    if let Ok(step) = event_target_value(&event).parse() {
                        asked.set(step);
                    }
                }
            />
        }
    };
    view! {
        <section class="panel time" data-testid="attention">
            <div class="panel-header">
                <h2 class="panel-title">{move || texts.get().time.attention}</h2>
                <div class="cluster">
                    <label class="step-choice">
                        {move || texts.get().time.layer}
                        <select
                            class="select"
                            data-testid="attention-block"
                            on:change=move |event| {
                                if let Ok(at) = event_target_value(&event).parse() {
                                    number.set(at);
                                }
                            }
                        >
                            {options}
                        </select>
                    </label>
                    <Segmented
                        name="attention-direction"
                        label=Signal::derive(move || texts.get().time.attention)
                        choices=directions
                        value=is_backward
                        on_choose=move |chosen| is_backward.set(chosen)
                    />
                    <Segmented
                        name="attention-picture"
                        label=Signal::derive(move || texts.get().time.weights)
                        choices=pictures
                        value=is_score
                        on_choose=move |chosen| is_score.set(chosen)
                    />
                    <SampleChooser ids=("time-sample", "time-sample")/>
                </div>
            </div>
            <p class="panel-note">{move || texts.get().time.attention_hint}</p>
            {move || {
                (!is_there())
                    .then(|| {
                        view! {
                            <p class="tensor-missing is-missing" data-testid="attention-missing">
                                <span>{move || texts.get().time.not_yet}</span>
                            </p>
                        }
                    })
            }}
            <div
                class="attention-heads"
                hidden=move || !is_there()
                style=("--step", move || key.get().to_string())
                style=("--steps", step_count)
            >
                {maps}
            </div>
            <div
                class="ribbons"
                style=("--step", move || key.get().to_string())
                style=("--steps", step_count)
            >
                {slider("attention-query", Signal::derive(move || texts.get().time.query), query, asked_query)}
                {slider("attention-key", Signal::derive(move || texts.get().time.key), key, asked_key)}
                <Characters window shades on_choose=move |place| asked_key.set(place)/>
                <Ribbon name="s" part=part(0) symbol=symbol(0) note=note(0) steps=all_steps unit=row_unit on_choose=choose_key/>
                {hidden_behind}
                <Ribbon name="a" part=part(1) symbol=symbol(1) note=note(1) steps=all_steps unit=row_unit on_choose=choose_key/>
                <Ribbon name="k" part=part(3) symbol=symbol(3) note=note(3) steps=all_steps unit=column_unit on_choose=choose_key/>
                <Ribbon name="v" part=part(4) symbol=symbol(4) note=note(4) steps=all_steps unit=column_unit on_choose=choose_key/>
            </div>
            <p class="time-verdict" data-testid="attention-says">{said}</p>
            <div
                class="ribbons"
                style=("--step", move || query.get().to_string())
                style=("--steps", step_count)
            >
                <Ribbon name="q" part=part(2) symbol=symbol(2) note=note(2) steps=all_steps unit=column_unit on_choose=choose_query/>
                <Ribbon name="o" part=part(5) symbol=symbol(5) note=note(5) steps=all_steps unit=column_unit on_choose=choose_query/>
            </div>
            <div class="time-numbers" role="group" aria-label=move || texts.get().time.numbers>
                {move || number_buttons(scope, "attention", elements.get())}
            </div>
            <p class="panel-note">{move || texts.get().time.numbers_hint}</p>
            <details class="time-part" data-testid="time-influence" open>
                <summary>
                    <h3>{move || texts.get().time.influence}</h3>
                </summary>
                <Influence moment/>
            </details>
        </section>
    }
}
