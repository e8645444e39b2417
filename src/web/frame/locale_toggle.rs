//! The button that changes the language.

use leptos::prelude::*;

use crate::web::address::{use_address, use_locale, use_texts};

/// Switches between the two languages; the address keeps the choice.
#[component]
pub fn LocaleToggle() -> impl IntoView {
    let address = use_address();
    let locale = use_locale();
    let texts = use_texts();
    let switch = move |_| {
        let other = locale.get_untracked().other();
        address.change(|state| state.locale = Some(other));
    };
    view! {
        <button
            type="button"
            class="button button-quiet"
            data-testid="locale-toggle"
            lang=move || locale.get().other().lang()
            aria-label=move || texts.get().app.switch_language_label
            on:click=switch
        >
            {move || texts.get().app.switch_language}
        </button>
    }
}
