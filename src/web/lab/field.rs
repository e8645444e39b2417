//! Inputs of the lab: what is typed stands in the address as it was typed, whether it can be used or not.
//!
//! So a link brings back the same page, and nothing that was typed is lost; what cannot be used is explained below
//! its field.

use leptos::prelude::*;

use crate::web::address::use_address;

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
    let error = move || {
        wrong.get().map(|text| {
            view! { <p class="field-error" role="alert" data-testid="field-error">{text}</p> }
        })
    };
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
            {error}
            <p class="field-hint" id=hint_id>{hint}</p>
        </div>
    }
    .into_any()
}

/// A choice for one setting: names as they stand in the address, each with its text.
pub fn choice_field(
    key: &'static str,
    label: Signal<String>,
    value: Signal<String>,
    choices: Signal<Vec<(String, String)>>,
) -> AnyView {
    let address = use_address();
    select_field(key, label, value, choices, move |chosen| {
        address.change(|state| state.set_setting(key, chosen));
    })
}

/// As [`choice_field`], of a setting that is not the lab's own: `choose` puts it into the address.
pub fn select_field(
    key: &'static str,
    label: Signal<String>,
    value: Signal<String>,
    choices: Signal<Vec<(String, String)>>,
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
            <select id=key class="input" data-testid=key prop:value=move || value.get() on:change=change>
                {options}
            </select>
        </div>
    }
    .into_any()
}
