//! Softmax at a temperature: the temperature is dragged, logits are edited.

use std::fmt::Write;

use leptos::prelude::*;

use super::Settings;
use super::controls::{self, Handle, Started};
use crate::view::format;
use crate::view::texts::widgets::temperature::{TemperatureTexts, texts};
use crate::view::widgets::handle::Range;
use crate::view::widgets::reading::Expected;
use crate::view::widgets::temperature::{
    FORMULA, HIGHEST, LEAST, LOWEST, MOST, REACH, State, entropy, subscript,
};
use crate::web::address::use_locale;

/// One press of an arrow key.
const FACTOR: f64 = 1.1;

pub fn widget(settings: Settings) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let words = move |text: fn(&TemperatureTexts) -> &'static str| {
        Signal::derive(move || text(t()).to_string())
    };
    let Started {
        state,
        problems,
        reset,
    } = controls::start(settings, State::read);
    let temperature = Signal::derive(move || state.with(|state| state.temperature));
    let set_temperature = Callback::new(move |temperature: f64| {
        let temperature = if temperature > 0.0 {
            temperature.max(LOWEST)
        } else {
            0.0
        };
        state.update(|state| state.temperature = temperature);
    });
    let probabilities = Memo::new(move |_| state.with(State::probabilities));
    let drawing = Memo::new(move |_| {
        let t = t();
        state.with(|state| state.plane([t.axis, t.probability]).drawn())
    });
    let range = Range::log(LOWEST, HIGHEST, FACTOR);
    let handle = Handle {
        label: words(|t| t.plot),
        words: Signal::derive(move || {
            let mut words = (t().at)(&format::significant(temperature.get(), 3));
            for (place, p) in probabilities.get().iter().enumerate() {
                let p = format::significant(*p, 3);
                let _ = write!(words, ", p{} = {p}", subscript(place + 1));
            }
            words
        }),
        range: Signal::stored(range),
        value: temperature,
        set: set_temperature,
    };
    let count = Memo::new(move |_| state.with(|state| state.logits.len()));
    let logits = move || {
        let fields = (0..count.get()).map(|place| {
            let label = Signal::derive(move || (t().logit)(place + 1));
            let value = Signal::derive(move || {
                state.with(|state| state.logits.get(place).copied().unwrap_or(0.0))
            });
            let set = Callback::new(move |value| {
                state.update(|state| {
                    if let Some(logit) = state.logits.get_mut(place) {
                        *logit = value;
                    }
                });
            });
            let p = Signal::derive(move || {
                probabilities.with(|all| all.get(place).copied().unwrap_or(0.0))
            });
            logit(place, label, value, set, p)
        });
        fields.collect_view()
    };
    let entropy_now = Signal::derive(move || probabilities.with(|all| entropy(all)));
    let most = move || {
        let most = format::significant((count.get() as f64).ln(), 6);
        (t().of_most)(&most)
    };
    let expected = Expected::Number {
        low: 0.0,
        high: HIGHEST,
    };
    let is_greedy = move || temperature.get() == 0.0;
    let body = view! {
        {controls::slider_field(
            "temperature-t",
            words(|t| t.temperature),
            range,
            expected,
            temperature,
            set_temperature,
        )}
        <div class="cluster">
            <button
                type="button"
                class="button"
                data-testid="temperature-greedy"
                aria-pressed=move || is_greedy().to_string()
                on:click=move |_| set_temperature.run(0.0)
            >
                {words(|t| t.greedy)}
            </button>
        </div>
        <p class="panel-note" role="status">{move || is_greedy().then(|| t().greedy_note)}</p>
        {controls::plot("temperature-plot", drawing.into(), handle)}
        {controls::drag_hint()}
        <h3 class="widget-title">{words(|t| t.bars)}</h3>
        <div class="widget-bars">{logits}</div>
        <div class="cluster">
            <button
                type="button"
                class="button"
                data-testid="temperature-add"
                disabled={move || count.get() >= MOST}
                on:click=move |_| state.update(|state| state.logits.push(0.0))
            >
                {words(|t| t.add)}
            </button>
            <button
                type="button"
                class="button"
                data-testid="temperature-remove"
                disabled={move || count.get() <= LEAST}
                on:click=move |_| state.update(|state| state.logits.truncate(state.logits.len() - 1))
            >
                {words(|t| t.remove)}
            </button>
        </div>
        <dl class="widget-values">
            {controls::value("temperature-entropy", words(|t| t.entropy), entropy_now)}
            {controls::value(
                "temperature-choices",
                words(|t| t.choices),
                Signal::derive(move || entropy_now.get().exp()),
            )}
        </dl>
        <p class="panel-note">{most}</p>
        {controls::formula(Signal::stored(FORMULA.to_string()))}
        <p>{words(|t| t.rule)}</p>
    };
    controls::frame(
        "temperature",
        words(|t| t.title),
        problems,
        reset,
        body.into_any(),
    )
}

/// One logit: a slider with its exact field, and its probability as a bar and a number.
fn logit(
    place: usize,
    label: Signal<String>,
    value: Signal<f64>,
    set: Callback<f64>,
    p: Signal<f64>,
) -> AnyView {
    let expected = Expected::Number {
        low: -REACH,
        high: REACH,
    };
    let testid = format!("temperature-logit-{}", place + 1);
    let (input, error) = controls::number_input(testid.clone(), label, expected, value, set);
    let bar = move || {
        format!(
            "<svg class=\"widget-bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
             <rect class=\"is-part-{place}\" width=\"{:.3}\" height=\"10\"/></svg>",
            100.0 * p.get()
        )
    };
    view! {
        <div class="widget-logit">
            <label class="field-label" for=testid.clone()>{label}</label>
            <input
                type="range"
                class="slider"
                min=(-REACH).to_string()
                max=REACH.to_string()
                step="0.1"
                aria-label=label
                data-testid=format!("{testid}-slider")
                prop:value=move || value.get().to_string()
                on:input=move |event| {
                    if let Ok(moved) = event_target_value(&event).parse::<f64>() {
                        set.run(moved + 0.0);
                    }
                }
            />
            {input}
            <span class="widget-bar-of" inner_html=bar></span>
            <span
                class="numeric"
                data-testid=format!("temperature-p-{}", place + 1)
                data-value=move || format::bare(p.get())
            >
                {move || format!("p{} = {}", subscript(place + 1), format::significant(p.get(), 6))}
            </span>
            {error}
        </div>
    }
    .into_any()
}
