//! Inputs of the lab: what is typed stands in the address as it was typed, whether it can be used or not.
//!
//! So a link brings back the same page, and nothing that was typed is lost; what cannot be used is explained below
//! its field.

use leptos::prelude::*;

use crate::view::texts::lab::lab_texts;
use crate::view::url::PageState;
use crate::web::address::{use_address, use_locale};

/// A field for one setting: its label, its value, its unit or meaning, and what is wrong with it.
pub fn text_field(
    key: &'static str,
    label: Signal<String>,
    hint: Signal<String>,
    value: Signal<String>,
    wrong: Signal<Option<String>>,
) -> AnyView {
    let address = use_address();
    let change = move |event| {
        let typed = event_target_value(&event);
        address.change(|state| state.set_setting(key, typed.trim()));
    };
    let hint_id = format!("{key}-hint");
    view! {
        <div class="field">
            <label class="field-label" for=key>{label}</label>
            <input
                id=key
                type="text"
                inputmode="decimal"
                autocomplete="off"
                class="input"
                data-testid=key
                aria-describedby=hint_id.clone()
                aria-invalid=move || wrong.with(Option::is_some).then_some("true")
                prop:value=move || value.get()
                on:change=change
            />
            {error_below(wrong)}
            <p class="field-hint" id=hint_id>{hint}</p>
        </div>
    }
    .into_any()
}

/// What is wrong with a field.
fn error_below(wrong: Signal<Option<String>>) -> impl Fn() -> Option<AnyView> + 'static {
    move || {
        let said = wrong.get()?;
        let error =
            view! { <p class="field-error" role="alert" data-testid="field-error">{said}</p> };
        Some(error.into_any())
    }
}

/// A choice for one setting: names as they stand in the address, each with its text. A name from a link that is none of
/// them is shown as it is, and told.
pub fn choice_field(
    key: &'static str,
    label: Signal<String>,
    value: Signal<String>,
    choices: Signal<Vec<(String, String)>>,
) -> AnyView {
    let address = use_address();
    let locale = use_locale();
    let unknown = Memo::new(move |_| {
        let named = |state: &PageState| state.settings.get(key).cloned();
        let named = address.state.with(named).filter(|name| !name.is_empty())?;
        let is_offered = choices.with(|choices| choices.iter().any(|(name, _)| *name == named));
        (!is_offered).then_some(named)
    });
    let shown = Signal::derive(move || unknown.get().unwrap_or_else(|| value.get()));
    let offered = Signal::derive(move || {
        let unknown = unknown.get().map(|name| (name.clone(), name));
        let mut all = choices.get();
        all.splice(0..0, unknown);
        all
    });
    let wrong = Signal::derive(move || {
        let name = unknown.get()?;
        let names = choices.get().into_iter().map(|(name, _)| name);
        let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
        Some((lab_texts(locale.get()).must_be_one_of)(
            &name,
            &names.join(locale.get().comma()),
        ))
    });
    let change = move |chosen: &str| address.change(|state| state.set_setting(key, chosen));
    select_field(key, label, shown, offered, wrong, change)
}

/// As [`choice_field`], of a setting that is not the lab's own: `choose` puts it into the address.
pub fn select_field(
    key: &'static str,
    label: Signal<String>,
    value: Signal<String>,
    choices: Signal<Vec<(String, String)>>,
    wrong: Signal<Option<String>>,
    choose: impl Fn(&str) + 'static,
) -> AnyView {
    let change = move |event| choose(&event_target_value(&event));
    let options = move || {
        let current = value.get();
        let choices = choices.get().into_iter();
        choices
            .map(|(name, text)| {
                let selected = name == current;
                view! { <option value=name selected=selected>{text}</option> }
            })
            .collect_view()
    };
    view! {
        <div class="field">
            <label class="field-label" for=key>{label}</label>
            <select
                id=key
                class="input"
                data-testid=key
                aria-invalid=move || wrong.with(Option::is_some).then_some("true")
                prop:value=move || value.get()
                on:change=change
            >
                {options}
            </select>
            {error_below(wrong)}
        </div>
    }
    .into_any()
}
