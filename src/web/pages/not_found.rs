//! The page for addresses that mean nothing.

use leptos::prelude::*;

use crate::view::url::Route;
use crate::web::address::{use_address, use_texts};

/// Names the address and leads home.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    let address = use_address();
    let texts = use_texts();
    let asked = move || {
        let path = address.state.with(|state| state.route.path());
        (texts.get().not_found.address)(&path)
    };
    view! {
        <div class="page page-narrow stack" data-testid="not-found">
            <h1 class="page-title">{move || texts.get().not_found.title}</h1>
            <p class="page-lead">{asked}</p>
            <p>{move || texts.get().not_found.body}</p>
            <p>
                <a class="button button-primary" href=move || address.href(&Route::Home)>
                    {move || texts.get().not_found.home}
                </a>
            </p>
        </div>
    }
}
