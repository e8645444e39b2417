//! What a network that learned a text writes: a prompt and its continuation, what else could have come at each place,
//! and what it wrote before.

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

use crate::session::{Command, GenerateRequest, GeneratedStep, MAX_GENERATED};
use crate::view::format;
use crate::view::writing::{self, Written};
use crate::web::address::use_texts;
use crate::web::browser;
use crate::web::engine::use_engine;

/// Characters that are written at first: a few lines.
const LENGTH: u32 = 160;

/// Temperature at first: below 1, since a small network spreads too much on what is improbable.
const TEMPERATURE: f32 = 0.8;

/// The slider's end and its step.
const MOST_TEMPERATURE: &str = "2";
const TEMPERATURE_STEP: &str = "0.05";

/// The slider of top-k ends in "all".
const MOST_TOP_K: u32 = 20;

/// The panel of a run that learns from a text.
#[component]
pub fn WritingPanel() -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let facts = engine.part(|run| run.writing.facts.clone());
    let written = engine.part(|run| run.writing.written.clone());
    let run = engine.part(|run| run.id().filter(|_| !run.is_starting()));
    let request = RwSignal::new(None::<GenerateRequest>);
    // A new run, a new text: its prompt, with the settings that were chosen.
    Effect::new(move |_| {
        let (Some(_), Some(facts)) = (run.get(), facts.get()) else {
            return;
        };
        let before = request.get_untracked();
        request.set(Some(GenerateRequest {
            prompt: facts.prompt.clone(),
            ..before.unwrap_or(GenerateRequest {
                prompt: String::new(),
                length: LENGTH,
                temperature: TEMPERATURE,
                top_k: None,
                seed: 1,
            })
        }));
        // How unsure the first weights are, as the curve's first point.
        if engine
            .run()
            .with_untracked(|run| run.step == 0 && run.evaluated.is_none())
        {
            engine.command(|run| Command::Evaluate { run });
        }
    });
    Effect::new(move |_| {
        let request = request.get();
        if run.get_untracked().is_some() && request.is_some() {
            engine.command(|run| Command::Generate { run, request });
        }
    });
    // What a cleared panel would have asked for nobody reads.
    on_cleanup(move || {
        engine.command(|run| Command::Generate { run, request: None });
    });
    let after = move || {
        let step = written.with(|written| written.as_ref().map(|written| written.step))?;
        Some((texts.get().confusion.after)(&format::count(step)))
    };
    let about = move || {
        let facts = facts.get()?;
        let texts = &texts.get().writing;
        Some((texts.facts)(
            &(texts.source)(&facts.name),
            &format::count(facts.characters.into()),
            &format::count(facts.vocabulary.into()),
            &format::count(facts.window.into()),
        ))
    };
    view! {
        <section class="panel" data-testid="writing">
            <div class="panel-header">
                <h2 class="panel-title">{move || texts.get().writing.title}</h2>
                <span class="panel-note numeric" data-testid="written-after">{after}</span>
            </div>
            <div class="panel-body">
                <p class="panel-note" data-testid="text-facts">{about}</p>
                <Show
                    when=move || written.with(Option::is_some)
                    fallback=move || view! { <p class="panel-note">{texts.get().writing.waiting}</p> }
                >
                    <Continuation written/>
                </Show>
                <Settings request/>
                <Earlier/>
            </div>
        </section>
    }
}

/// The text with one character chosen, and the bars of what could have come there.
#[component]
fn Continuation(written: Memo<Option<Arc<Written>>>) -> impl IntoView {
    let texts = use_texts();
    // `None` follows the end.
    let chosen = RwSignal::new(None::<usize>);
    let place = Memo::new(move |_| {
        written.with(|written| {
            let last = written.as_ref()?.steps.len().checked_sub(1)?;
            Some(chosen.get().map_or(last, |chosen| chosen.min(last)))
        })
    });
    let html = move || {
        written.with(|written| {
            let written = written.as_ref()?;
            Some(writing::characters_html(written, place.get()))
        })
    };
    let choose_under = move |target: Option<web_sys::EventTarget>| {
        let element = target.and_then(|target| target.dyn_into::<Element>().ok());
        let element = element.and_then(|e| e.closest("[data-place]").ok().flatten());
        let place = element.and_then(|element| element.get_attribute("data-place"));
        if let Some(place) = place.and_then(|place| place.parse().ok()) {
            chosen.set(Some(place));
        }
    };
    let follow_keys = move |event: KeyboardEvent| {
        let Some(place) = place.get_untracked() else {
            return;
        };
        let place = match event.key().as_str() {
            "ArrowLeft" => Some(place.saturating_sub(1)),
            "ArrowRight" => Some(place + 1),
            "Home" => Some(0),
            "End" => None,
            _ => return,
        };
        event.prevent_default();
        chosen.set(place);
    };
    let step = Memo::new(move |_| {
        written.with(|written| written.as_ref()?.steps.get(place.get()?).cloned())
    });
    let heading = move || {
        let (place, step) = (place.get()?, step.get()?);
        Some((texts.get().writing.next_at)(
            &format::count(place as u64 + 1),
            &writing::shown(step.character),
        ))
    };
    let variety = move || {
        let text = written.get().filter(|written| written.is_done)?.text();
        let share = writing::distinct_share(&text)?;
        let texts = &texts.get().writing;
        let words = if writing::is_loop(share) {
            texts.looped
        } else {
            texts.distinct
        };
        let length = writing::RUN_LENGTH.to_string();
        Some(words(&length, &format::percent(share, 0)))
    };
    let prompt = move || written.get().map(|written| written.request.prompt.clone());
    let frame = NodeRef::<html::Div>::new();
    view! {
        <div
            class="written"
            tabindex="0"
            role="slider"
            aria-label=move || texts.get().writing.text_label
            aria-valuemin="1"
            aria-valuemax=move || {
                written.with(|written| written.as_ref().map(|w| w.steps.len().to_string()))
            }
            aria-valuenow=move || place.get().map(|place| (place + 1).to_string())
            aria-valuetext=heading
            data-testid="written"
            node_ref=frame
            on:pointerover=move |event| choose_under(event.target())
            on:pointerdown=move |event| choose_under(event.target())
            on:keydown=follow_keys
        >
            <span class="written-prompt" data-testid="written-prompt">{prompt}</span>
            <span data-testid="written-text" inner_html=html></span>
        </div>
        <p class="panel-note" data-testid="written-variety">{variety}</p>
        <div class="next" data-testid="next-characters">
            <p class="field-label">{heading}</p>
            <Candidates step/>
        </div>
        <p class="panel-note">{move || texts.get().writing.text_hint}</p>
    }
}

/// The most probable characters at a place: as the network has it, and as they are drawn.
#[component]
fn Candidates(step: Memo<Option<GeneratedStep>>) -> impl IntoView {
    let texts = use_texts();
    let rows = move || {
        let step = step.get()?;
        let rows = step.candidates.iter().map(|candidate| {
            let is_taken = candidate.character == step.character;
            let (network, drawn) = (candidate.probability, candidate.drawn);
            view! {
                <tr class:is-best=is_taken>
                    <th scope="row" class="next-character">
                        {writing::shown(candidate.character)}
                        {is_taken.then_some(view! { <span aria-hidden="true">" ←"</span> })}
                    </th>
                    <td class="next-bars" aria-hidden="true">
                        <span class="next-bar" style=("--share", network.to_string())></span>
                        <span class="next-bar is-drawn" style=("--share", drawn.to_string())></span>
                    </td>
                    <td class="numeric">{format::percent(network.into(), 1)}</td>
                    <td class="numeric">{format::percent(drawn.into(), 1)}</td>
                </tr>
            }
        });
        Some(rows.collect_view())
    };
    view! {
        <table class="next-table">
            <caption class="visually-hidden">{move || texts.get().writing.next_title}</caption>
            <thead>
                <tr>
                    <th scope="col">{move || texts.get().writing.candidate}</th>
                    <td></td>
                    <th scope="col" class="numeric next-network">
                        {move || texts.get().writing.probability}
                    </th>
                    <th scope="col" class="numeric next-drawn">
                        {move || texts.get().writing.drawn}
                    </th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

/// Prompt, temperature, top-k, length; a change is asked for at once.
#[component]
fn Settings(request: RwSignal<Option<GenerateRequest>>) -> impl IntoView {
    let texts = use_texts();
    let part = move |select: fn(&GenerateRequest) -> String| {
        move || request.with(|request| request.as_ref().map(select).unwrap_or_default())
    };
    let change = move |edit: &dyn Fn(&mut GenerateRequest)| {
        let mut next = request.get_untracked();
        if let Some(next) = &mut next {
            edit(next);
        }
        if next != request.get_untracked() {
            request.set(next);
        }
    };
    let is_greedy =
        move || request.with(|request| request.as_ref().is_some_and(|r| r.temperature == 0.0));
    // What the sliders say while they are dragged.
    let temperature = RwSignal::new(TEMPERATURE);
    let top_k = RwSignal::new(MOST_TOP_K + 1);
    let top_k_words = move || match top_k.get() {
        k if k > MOST_TOP_K => texts.get().writing.all.to_string(),
        k => k.to_string(),
    };
    let top_k_words = Memo::new(move |_| top_k_words());
    let prompt = NodeRef::<html::Textarea>::new();
    let write = move |_| {
        let Some(prompt) = prompt.get_untracked() else {
            return;
        };
        let value = prompt.value();
        request.update(|request| {
            if let Some(request) = request {
                request.prompt = value;
            }
        });
    };
    view! {
        <div class="field">
            <label class="field-label" for="prompt">{move || texts.get().writing.prompt}</label>
            <textarea
                id="prompt"
                class="input written-input"
                rows="2"
                data-testid="prompt"
                node_ref=prompt
                prop:value=part(|request| request.prompt.clone())
                on:change=move |event| {
                    let value = event_target_value(&event);
                    change(&|request| request.prompt = value.clone());
                }
            ></textarea>
            <span class="field-hint">{move || texts.get().writing.prompt_hint}</span>
        </div>
        <div class="cluster">
            <button
                type="button"
                class="button button-primary"
                data-testid="generate"
                on:click=write
            >
                {move || texts.get().writing.write}
            </button>
            <button
                type="button"
                class="button"
                data-testid="redraw"
                title=move || texts.get().writing.redraw_hint
                disabled=is_greedy
                on:click=move |_| {
                    let seed = browser::random_seed();
                    change(&|request| request.seed = seed);
                }
            >
                {move || texts.get().writing.redraw}
            </button>
        </div>
        <div class="field">
            <label class="field-label spread" for="temperature">
                <span>{move || texts.get().writing.temperature}</span>
                <output class="numeric" data-testid="temperature-value">
                    {move || format!("{:.2}", temperature.get())}
                </output>
            </label>
            <input
                id="temperature"
                type="range"
                class="slider"
                min="0"
                max=MOST_TEMPERATURE
                step=TEMPERATURE_STEP
                data-testid="temperature"
                prop:value=move || temperature.get().to_string()
                on:input=move |event| {
                    if let Ok(value) = event_target_value(&event).parse() {
                        temperature.set(value);
                    }
                }
                on:change=move |_| {
                    let value = temperature.get_untracked();
                    change(&|request| request.temperature = value);
                }
            />
            <span class="field-hint" data-testid="temperature-note">
                {move || {
                    let texts = &texts.get().writing;
                    if is_greedy() { texts.greedy } else { texts.temperature_hint }
                }}
            </span>
        </div>
        <div class="field-row">
            <div class="field">
                <label class="field-label spread" for="top-k">
                    <span>{move || texts.get().writing.top_k}</span>
                    <output class="numeric">{top_k_words}</output>
                </label>
                <input
                    id="top-k"
                    type="range"
                    class="slider"
                    min="1"
                    max=(MOST_TOP_K + 1).to_string()
                    step="1"
                    data-testid="top-k"
                    aria-valuetext=top_k_words
                    prop:value=move || top_k.get().to_string()
                    on:input=move |event| {
                        if let Ok(value) = event_target_value(&event).parse() {
                            top_k.set(value);
                        }
                    }
                    on:change=move |_| {
                        let k = top_k.get_untracked();
                        change(&|request| request.top_k = (k <= MOST_TOP_K).then_some(k));
                    }
                />
                <span class="field-hint">{move || texts.get().writing.top_k_hint}</span>
            </div>
            <div class="field">
                <label class="field-label" for="length">{move || texts.get().writing.length}</label>
                <input
                    id="length"
                    type="number"
                    class="input"
                    min="1"
                    max=MAX_GENERATED.to_string()
                    data-testid="length"
                    prop:value=part(|request| request.length.to_string())
                    on:change=move |event| {
                        if let Ok(length) = event_target_value(&event).parse::<u32>() {
                            let length = length.clamp(1, MAX_GENERATED);
                            change(&|request| request.length = length);
                        }
                    }
                />
            </div>
        </div>
    }
}

/// What younger weights wrote.
#[component]
fn Earlier() -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let earlier = engine.part(|run| run.writing.earlier.clone());
    let items = move || {
        let items = earlier.get().into_iter().map(|written| {
            let step = format::count(written.step);
            view! {
                <li>
                    <span class="panel-note numeric">
                        {move || (texts.get().confusion.after)(&step)}
                    </span>
                    <p class="written is-earlier">{written.text()}</p>
                </li>
            }
        });
        items.collect_view()
    };
    view! {
        <Show when=move || earlier.with(|earlier| !earlier.is_empty())>
            <details class="more" data-testid="earlier-texts">
                <summary class="more-title">{move || texts.get().writing.earlier}</summary>
                <ol class="earlier">{items}</ol>
            </details>
        </Show>
    }
}
