//! One setting that governs the run: a number or a choice that stands in the address.

use leptos::prelude::*;

use super::number_field::NumberField;
use crate::optim::{Expected, OptimizerKind, OptionKey, Options};
use crate::view::presets;
use crate::view::url::PageState;
use crate::web::address::{use_address, use_texts};

/// The optimizer and the settings that the address asks for, over those of the preset.
pub fn resolved(state: &PageState) -> Option<(OptimizerKind, Options)> {
    let preset = presets::defaults(state.route.preset()?)?;
    let run = &state.hyperparameters;
    let optimizer = run
        .optimizer
        .and_then(|choice| OptimizerKind::from_name(choice.name()))
        .unwrap_or(preset.optimizer);
    let options = run
        .options
        .resolve(optimizer, &preset.options, preset.optimizer);
    Some((optimizer, options))
}

/// A field for one setting, shown only where it has an effect.
#[component]
pub fn SettingField(
    /// Which setting; its name is the query key, the element's id and its `data-testid`.
    key: OptionKey,
) -> impl IntoView {
    let address = use_address();
    let texts = use_texts();
    let applies = Memo::new(move |_| {
        let state = address.state.get();
        resolved(&state).is_some_and(|(optimizer, options)| options.applies(key, optimizer))
    });
    let value = Memo::new(move |_| {
        let options = address.state.with(resolved).map(|(_, options)| options);
        options
            .and_then(|options| options.text(key))
            .unwrap_or_default()
    });
    let label = Signal::derive(move || texts.get().settings.label(key));
    let hint = Signal::derive(move || {
        let texts = texts.get();
        format!(
            "{} · {}",
            texts.settings.hint(key),
            texts.train.applies_on_reset
        )
    });
    let field = move || match key.expected() {
        Expected::OneOf(names) => view! { <ChoiceField key names label hint value/> }.into_any(),
        expected => {
            let step = match expected {
                Expected::WholeNumber { .. } => "1",
                _ => "any",
            };
            let least = match expected {
                Expected::Number => "",
                _ => "0",
            };
            view! { <NumberField key=key.name() testid=key.name() label hint value step least/> }
                .into_any()
        }
    };
    view! { <Show when=move || applies.get()>{field()}</Show> }
}

/// A choice among names.
#[component]
fn ChoiceField(
    /// Which setting.
    key: OptionKey,
    /// Its names in the address.
    names: &'static [&'static str],
    /// The name of the setting.
    #[prop(into)]
    label: Signal<&'static str>,
    /// What it means, and when a change takes effect.
    #[prop(into)]
    hint: Signal<String>,
    /// The chosen name, in the address or the preset's own.
    #[prop(into)]
    value: Signal<String>,
) -> impl IntoView {
    let address = use_address();
    let texts = use_texts();
    let options = names
        .iter()
        .map(|&name| {
            let words = move || texts.get().settings.choice(key, name);
            view! {
                <option value=name selected=move || value.get() == name>{words}</option>
            }
        })
        .collect_view();
    let choose = move |event| {
        let typed = event_target_value(&event);
        address.change(|state| {
            if let Ok(changed) = state.with(key.name(), &typed) {
                *state = changed;
            }
        });
    };
    let hint_id = format!("{}-hint", key.name());
    view! {
        <div class="field">
            <label class="field-label" for=key.name()>{label}</label>
            <select
                id=key.name()
                class="select"
                data-testid=key.name()
                aria-describedby=hint_id.clone()
                prop:value=move || value.get()
                on:change=choose
            >
                {options}
            </select>
            <p class="field-hint" id=hint_id>{hint}</p>
        </div>
    }
}
