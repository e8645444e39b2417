//! A number that stands in the address.

use leptos::prelude::*;

use crate::view::url::Expected;
use crate::web::address::{use_address, use_texts};

/// A field for one query key. A value that cannot be used is explained and not taken over.
#[component]
pub fn NumberField(
    /// The query key, which is also the element's id.
    key: &'static str,
    /// Its `data-testid`.
    testid: &'static str,
    /// The name of the number.
    #[prop(into)]
    label: Signal<&'static str>,
    /// What it means, and when a change takes effect.
    #[prop(into)]
    hint: Signal<String>,
    /// The number as it stands in the address, or the preset's own.
    #[prop(into)]
    value: Signal<String>,
    /// The distance of the field's arrows: a number, or `any`.
    #[prop(default = "any")]
    step: &'static str,
    /// Whether the number has no effect now.
    #[prop(optional, into)]
    is_disabled: Signal<bool>,
) -> impl IntoView {
    let address = use_address();
    let texts = use_texts();
    let wrong = RwSignal::new(None::<Expected>);
    let change = move |event| {
        let typed = event_target_value(&event);
        let state = address
            .state
            .with_untracked(|state| state.with(key, &typed));
        match state {
            Ok(changed) => {
                wrong.set(None);
                address.change(|state| *state = changed);
            }
            Err(expected) => wrong.set(Some(expected)),
        }
    };
    // A value from elsewhere (a link, the history) takes the place of a wrong one.
    Effect::new(move |_| {
        value.with(|_| ());
        wrong.set(None);
    });
    let error = move || {
        let must_be = texts.get().errors.must_be;
        wrong.get().map(|expected| must_be(&expected))
    };
    let hint_id = format!("{key}-hint");
    view! {
        <div class="field">
            <label class="field-label" for=key>{label}</label>
            <input
                id=key
                type="number"
                inputmode="decimal"
                step=step
                min="0"
                class="input"
                data-testid=testid
                aria-describedby=hint_id.clone()
                aria-invalid=move || wrong.with(Option::is_some).then_some("true")
                disabled=move || is_disabled.get()
                prop:value=move || value.get()
                on:change=change
            />
            {move || error().map(|text| view! {
                <p class="field-error" role="alert" data-testid="field-error">{text}</p>
            })}
            <p class="field-hint" id=hint_id>{hint}</p>
        </div>
    }
}
