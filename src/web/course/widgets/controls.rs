//! What widgets are operated with: fields, sliders and drawings that are dragged, and rows of values.

use std::collections::BTreeMap;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent, PointerEvent};

use super::Settings;
use crate::course::to_html;
use crate::plot::Drawing;
use crate::view::format;
use crate::view::texts::widgets::common;
use crate::view::widgets::handle::Range;
use crate::view::widgets::reading::{Expected, Problem, number_in};
use crate::web::address::use_locale;

/// A text in the page's language.
pub type Words = Signal<String>;

/// A widget's state, which starts as the settings say, and anew where they change.
pub struct Started<T: Send + Sync + 'static> {
    pub state: RwSignal<T>,
    /// Settings that could not be used.
    pub problems: Signal<Vec<Problem>>,
    /// Brings the settings' state back.
    pub reset: Callback<()>,
}

/// How a widget reads its settings: its state, and what of them could not be used.
type Read<T> = fn(&BTreeMap<String, String>) -> (T, Vec<Problem>);

/// Reads the settings. A change of language or theme, which stand in the address too, changes nothing.
pub fn start<T: Clone + Send + Sync + 'static>(settings: Settings, read: Read<T>) -> Started<T> {
    let settings = Memo::new(move |_| settings.get());
    let state = RwSignal::new(settings.with_untracked(read).0);
    Effect::new(move |before: Option<()>| {
        settings.track();
        if before.is_some() {
            state.set(settings.with_untracked(read).0);
        }
    });
    Started {
        state,
        problems: Signal::derive(move || settings.with(read).1),
        reset: Callback::new(move |()| state.set(settings.with_untracked(read).0)),
    }
}

/// A widget's frame: its name, a button that restores the step's settings, what of them could not be used, and the
/// widget itself.
pub fn frame(
    id: &'static str,
    title: Words,
    problems: Signal<Vec<Problem>>,
    reset: Callback<()>,
    body: AnyView,
) -> AnyView {
    let locale = use_locale();
    let told = move || {
        let problems = problems.get().into_iter();
        problems
            .map(|problem| {
                let words = problem.words(locale.get());
                view! { <p class="widget-problem" role="alert" data-testid="widget-problem">{words}</p> }
            })
            .collect_view()
    };
    view! {
        <section class="widget stack" data-testid=format!("widget-{id}")>
            <div class="spread">
                <h2 class="panel-title">{title}</h2>
                <button type="button" class="button" data-testid=format!("{id}-reset") on:click=move |_| reset.run(())>
                    {move || common::texts(locale.get()).reset}
                </button>
            </div>
            {told}
            {body}
        </section>
    }
    .into_any()
}

/// A number as a field has it: the shortest text that reads back as the same.
fn typed_number(value: f64) -> String {
    (value + 0.0).to_string()
}

/// A field for one exact number. What cannot be used is told below it and changes nothing.
pub fn number_input(
    testid: String,
    label: Words,
    expected: Expected,
    value: Signal<f64>,
    set: Callback<f64>,
) -> (AnyView, AnyView) {
    let locale = use_locale();
    let (low, high, is_whole) = match expected {
        Expected::Number { low, high } => (low, high, false),
        Expected::Whole { low, high } => (low as f64, high as f64, true),
        _ => (f64::NEG_INFINITY, f64::INFINITY, false),
    };
    // What was typed and could not be used.
    let refused = RwSignal::new(None::<String>);
    Effect::new(move |_| {
        value.track();
        refused.set(None);
    });
    let change = move |event| {
        let typed = event_target_value(&event);
        let number = number_in(&typed, low, high);
        match number.filter(|number| !is_whole || number.fract() == 0.0) {
            Some(number) => {
                refused.set(None);
                set.run(number);
            }
            None => refused.set(Some(typed)),
        }
    };
    let shown = move || match refused.get() {
        Some(typed) => typed,
        None => typed_number(value.get()),
    };
    let error_id = format!("{testid}-error");
    let described = error_id.clone();
    let error = move || {
        refused.with(Option::is_some).then(|| {
            let words = expected.words(locale.get());
            let words = (common::texts(locale.get()).expected)(&words);
            view! { <p class="field-error" role="alert" id=error_id.clone()>{words}</p> }
        })
    };
    let input = view! {
        <input
            id=testid.clone()
            type="text"
            inputmode="decimal"
            autocomplete="off"
            class="input widget-number"
            data-testid=testid
            aria-label=label
            aria-invalid=move || refused.with(Option::is_some).then_some("true")
            aria-describedby=described
            prop:value=shown
            on:change=change
        />
    };
    (input.into_any(), error.into_any())
}

/// A number with its label above it.
pub fn number_field(
    testid: &'static str,
    label: Words,
    expected: Expected,
    value: Signal<f64>,
    set: Callback<f64>,
) -> AnyView {
    let (input, error) = number_input(testid.to_string(), label, expected, value, set);
    view! {
        <div class="field">
            <label class="field-label" for=testid>{label}</label>
            {input}
            {error}
        </div>
    }
    .into_any()
}

/// A slider with an exact field beside it.
pub fn slider_field(
    testid: &'static str,
    label: Words,
    range: Range,
    expected: Expected,
    value: Signal<f64>,
    set: Callback<f64>,
) -> AnyView {
    let (input, error) = number_input(testid.to_string(), label, expected, value, set);
    // Linear ranges are the browser's own; of a logarithmic one it moves the share.
    let [low, high, step] = match range.is_log {
        true => [0.0, 1.0, 0.001],
        false => [range.low, range.high, range.step],
    };
    let place = move || match range.is_log {
        true => range.share(value.get()),
        false => value.get(),
    };
    let slide = move |event| {
        let moved: f64 = event_target_value(&event).parse().unwrap_or(low);
        set.run(match range.is_log {
            true => range.at(moved),
            false => moved + 0.0,
        });
    };
    view! {
        <div class="field">
            <label class="field-label" for=testid>{label}</label>
            <div class="widget-slider">
                <input
                    type="range"
                    class="slider"
                    data-testid=format!("{testid}-slider")
                    min=low.to_string()
                    max=high.to_string()
                    step=step.to_string()
                    aria-label=label
                    aria-valuetext=move || format::significant(value.get(), 6)
                    prop:value=move || place().to_string()
                    on:input=slide
                />
                {input}
            </div>
            {error}
        </div>
    }
    .into_any()
}

/// One of a few, as a switch: its id and its text.
pub fn switch(
    testid: &'static str,
    legend: Words,
    choices: Signal<Vec<(String, String)>>,
    value: Signal<String>,
    set: Callback<String>,
) -> AnyView {
    // Made anew with the language alone, so that the one that was changed keeps the focus.
    let options = move || {
        let choices = choices.get().into_iter();
        choices
            .map(|(id, text)| {
                let (own, chosen) = (id.clone(), id.clone());
                view! {
                    <label>
                        <input
                            type="radio"
                            name=testid
                            value=id.clone()
                            data-testid=format!("{testid}-{id}")
                            prop:checked=move || value.get() == own
                            on:change=move |_| set.run(chosen.clone())
                        />
                        {text}
                    </label>
                }
            })
            .collect_view()
    };
    view! {
        <div class="field">
            <span class="field-label" aria-hidden="true">{legend}</span>
            <div class="segmented widget-switch" role="radiogroup" aria-label=legend data-testid=testid>{options}</div>
        </div>
    }
    .into_any()
}

/// One of several, as a list.
pub fn choice(
    testid: &'static str,
    label: Words,
    choices: Signal<Vec<(String, String)>>,
    value: Signal<String>,
    set: Callback<String>,
) -> AnyView {
    let options = move || {
        let chosen = value.get();
        let choices = choices.get().into_iter();
        choices
            .map(|(id, text)| {
                let is_chosen = id == chosen;
                view! { <option value=id selected=is_chosen>{text}</option> }
            })
            .collect_view()
    };
    view! {
        <div class="field">
            <label class="field-label" for=testid>{label}</label>
            <select
                id=testid
                class="select"
                data-testid=testid
                prop:value=move || value.get()
                on:change=move |event| set.run(event_target_value(&event))
            >
                {options}
            </select>
        </div>
    }
    .into_any()
}

/// What a dragged drawing is about.
#[derive(Clone, Copy)]
pub struct Handle {
    /// What is moved.
    pub label: Words,
    /// Its value and what follows from it, to be read out.
    pub words: Words,
    pub range: Signal<Range>,
    pub value: Signal<f64>,
    pub set: Callback<f64>,
}

/// A drawing along whose axis of x something is dragged, by pointer, touch or arrow keys.
pub fn plot(testid: &'static str, drawing: Signal<Drawing>, handle: Handle) -> AnyView {
    let is_held = StoredValue::new(false);
    let follow = move |event: &PointerEvent| {
        let target = event.current_target();
        let Some(element) = target.and_then(|target| target.dyn_into::<Element>().ok()) else {
            return;
        };
        let bounds = element.get_bounding_client_rect();
        let (from, to) = drawing.with_untracked(|drawing| drawing.span);
        let across = (f64::from(event.client_x()) - bounds.left()) / bounds.width().max(1.0);
        let value = handle
            .range
            .get_untracked()
            .at((across - from) / (to - from));
        if value != handle.value.get_untracked() {
            handle.set.run(value);
        }
    };
    let begin = move |event: PointerEvent| {
        if event.button() != 0 {
            return;
        }
        if let Some(element) = event
            .current_target()
            .and_then(|target| target.dyn_into::<Element>().ok())
        {
            // Refused only where the pointer is gone already.
            let _ = element.set_pointer_capture(event.pointer_id());
        }
        is_held.set_value(true);
        follow(&event);
    };
    let go_on = move |event: PointerEvent| {
        if is_held.get_value() {
            follow(&event);
        }
    };
    let end = move |_: PointerEvent| is_held.set_value(false);
    let on_key = move |event: KeyboardEvent| {
        if event.ctrl_key() || event.alt_key() || event.meta_key() {
            return;
        }
        let (range, value) = (handle.range.get_untracked(), handle.value.get_untracked());
        if let Some(value) = range.by_key(value, &event.key()) {
            event.prevent_default();
            event.stop_propagation();
            handle.set.run(value);
        }
    };
    view! {
        <div
            class="widget-plot"
            role="slider"
            tabindex="0"
            data-testid=testid
            aria-label=handle.label
            aria-valuemin=move || format::bare(handle.range.get().low)
            aria-valuemax=move || format::bare(handle.range.get().high)
            aria-valuenow=move || format::bare(handle.value.get())
            aria-valuetext=handle.words
            on:pointerdown=begin
            on:pointermove=go_on
            on:pointerup=end
            on:pointercancel=end
            on:keydown=on_key
            inner_html=move || drawing.with(|drawing| drawing.svg.clone())
        ></div>
    }
    .into_any()
}

/// Below a drawing: how it is moved.
pub fn drag_hint() -> AnyView {
    let locale = use_locale();
    view! { <p class="panel-note">{move || common::texts(locale.get()).drag}</p> }.into_any()
}

/// One number with what it is, so many digits of it, and the bare number for machines.
pub fn value(testid: &'static str, label: Words, number: Signal<f64>) -> AnyView {
    value_of(
        testid,
        label,
        Signal::derive(move || format::bare(number.get())),
        Signal::derive(move || format::significant(number.get(), 6)),
    )
}

/// As [`value`], of what is not always a number.
pub fn value_of(
    testid: &'static str,
    label: Words,
    bare: Signal<String>,
    text: Signal<String>,
) -> AnyView {
    view! {
        <div class="widget-value">
            <dt>{label}</dt>
            <dd class="numeric" data-testid=testid data-value=bare>{text}</dd>
        </div>
    }
    .into_any()
}

/// A formula as MathML.
pub fn formula(latex: Signal<String>) -> AnyView {
    let html = move || latex.with(|latex| formula_html(latex));
    // One that is wider than its place is scrolled, by keys too.
    let place = NodeRef::<leptos::html::Div>::new();
    let is_wide = RwSignal::new(false);
    Effect::new(move |_| {
        latex.track();
        request_animation_frame(move || {
            let place = place.try_get_untracked().flatten();
            if let Some(place) = place {
                let now = place.scroll_width() > place.client_width();
                if is_wide.try_get_untracked() == Some(!now) {
                    is_wide.set(now);
                }
            }
        });
    });
    view! {
        <div
            class="widget-formula"
            node_ref=place
            tabindex=move || is_wide.get().then_some("0")
            inner_html=html
        ></div>
    }
    .into_any()
}

/// The MathML of a formula, a block; the LaTeX itself where it cannot be read, which a test rules out.
pub fn formula_html(latex: &str) -> String {
    to_html(&format!("$${latex}$$"), &|_| None).unwrap_or_else(|_| latex.replace('<', "&lt;"))
}
