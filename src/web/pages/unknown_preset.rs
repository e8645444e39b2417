//! A link to a preset that does not exist.

use leptos::prelude::*;

use crate::view::presets;
use crate::view::texts::Trouble;
use crate::view::url::Route;
use crate::web::address::{use_address, use_locale, use_texts};

/// Says that there is no such preset, and offers those there are.
#[component]
pub fn UnknownPreset(
    /// The name in the address.
    #[prop(into)]
    name: Signal<String>,
    /// The title of the page that was asked for.
    #[prop(into)]
    title: Signal<&'static str>,
    /// That page for another preset.
    route: fn(String) -> Route,
) -> impl IntoView {
    let address = use_address();
    let locale = use_locale();
    let texts = use_texts();
    let message =
        Memo::new(move |_| Trouble::UnknownPreset { name: name.get() }.message(locale.get()));
    let cards = move || {
        presets::ids()
            .filter_map(|id| {
                let preset = texts.get().preset(id)?;
                Some(view! {
                    <a class="card" href=address.href(&route(id.to_string()))>
                        <h3 class="card-title">{preset.name}</h3>
                        <p>{preset.description}</p>
                        <span class="card-action"><code>{id}</code></span>
                    </a>
                })
            })
            .collect_view()
    };
    view! {
        <div class="page stack" data-testid="unknown-preset">
            <h1 class="page-title">{move || title.get()}</h1>
            <section class="banner is-warning" role="alert" data-testid="error-banner">
                <p class="banner-title">{move || message.get().title}</p>
                <p class="banner-text">{move || message.get().kept}</p>
                <p class="banner-text">{move || message.get().action}</p>
            </section>
            <h2 class="panel-title">{move || texts.get().train.choose_preset}</h2>
            <div class="card-grid">{cards}</div>
        </div>
    }
}
