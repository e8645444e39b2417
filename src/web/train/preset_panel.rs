//! Which model learns from which data.

use leptos::prelude::*;

use crate::view::presets;
use crate::view::url::Route;
use crate::web::address::{use_address, use_texts};

/// The choice of the preset; the address follows it.
#[component]
pub fn PresetPanel() -> impl IntoView {
    let address = use_address();
    let texts = use_texts();
    let preset = Memo::new(move |_| {
        address
            .state
            .with(|state| state.route.preset().unwrap_or_default().to_string())
    });
    let options = presets::ids()
        .map(|id| {
            let name = move || texts.get().preset(id).map_or(id, |preset| preset.name);
            view! {
                <option value=id selected=move || preset.get() == id>{name}</option>
            }
        })
        .collect_view();
    let choose = move |event| address.open(Route::Train(event_target_value(&event)));
    let description = move || {
        let texts = texts.get();
        preset.with(|id| texts.preset(id).map(|preset| preset.description))
    };
    let data = move || {
        let texts = texts.get();
        preset.with(|id| texts.preset(id).map(|preset| preset.data))
    };
    view! {
        <section class="panel">
            <div class="panel-body">
                <div class="field">
                    <label class="field-label" for="preset">
                        {move || texts.get().presets.label}
                    </label>
                    <select
                        id="preset"
                        class="select"
                        data-testid="preset-select"
                        prop:value=move || preset.get()
                        on:change=choose
                    >
                        {options}
                    </select>
                </div>
                <p>{description}</p>
                <p class="panel-note">{data}</p>
            </div>
        </section>
    }
}
