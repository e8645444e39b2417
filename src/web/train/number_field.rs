//! A number that stands in the address.

use leptos::prelude::*;
use wasm_bindgen::JsValue;

use crate::view::url::Expected;
use crate::web::address::{use_address, use_texts};

/// Whether a field holds text that is no number, such as `1e999`.
fn holds_no_number(event: &web_sys::Event) -> bool {
    let field = |of: &JsValue, name: &str| js_sys::Reflect::get(of, &name.into()).ok();
    let validity = event.target().and_then(|target| field(&target, "validity"));
    let is_bad = validity.and_then(|validity| field(&validity, "badInput"));
    is_bad.is_some_and(|is_bad| is_bad.is_truthy())
}

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
    /// The least number of the field's arrows; empty for none.
    #[prop(default = "0")]
    least: &'static str,
) -> impl IntoView {
    let address = use_address();
    let texts = use_texts();
    let wrong = RwSignal::new(None::<Expected>);
    let change = move |event: web_sys::Event| {
        let typed = match holds_no_number(&event) {
            // The field gives no text then; nothing that it could be is a number.
            true => "?".to_string(),
            false => event_target_value(&event),
        };
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
                min=(!least.is_empty()).then_some(least)
                class="input"
                data-testid=testid
                aria-describedby=hint_id.clone()
                aria-invalid=move || wrong.with(Option::is_some).then_some("true")
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
