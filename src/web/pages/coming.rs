//! An honest page in the place of one that does not exist yet.

use leptos::prelude::*;

use crate::view::url::Route;
use crate::web::address::{use_address, use_texts};
use crate::web::app::page_name;

/// Says that the page does not exist, and leads on.
#[component]
pub fn ComingPage() -> impl IntoView {
    let address = use_address();
    let texts = use_texts();
    let name = move || {
        let texts = texts.get();
        address.state.with(|state| page_name(&state.route, texts))
    };
    let door = move || address.href(&Route::Train(address.preset()));
    view! {
        <div class="page page-narrow stack" data-testid="coming">
            <h1 class="page-title">{name}</h1>
            <p class="page-lead">{move || texts.get().nav.coming_title}</p>
            <p>{move || texts.get().nav.coming_body}</p>
            <p>
                <a class="button button-primary" href=door>
                    {move || texts.get().nav.coming_door}
                </a>
            </p>
        </div>
    }
}
