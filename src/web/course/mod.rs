//! The concept map: a program of its own, without an engine.
//!
//! # Layout
//! - `content`: structure and texts, fetched when they are needed.
//! - `map`: the page; `chart`: the map itself; `panel`: the concept that is open; `marks`: what the learner knows.

mod chart;
mod content;
mod map;
mod marks;
mod panel;

use leptos::prelude::*;

use super::address::{Address, use_locale};
use super::app::{frame, load_document};
use crate::view::texts::Trouble;
use crate::view::url::{Program, Route};
use content::Content;

/// The whole program.
#[component]
pub fn App() -> impl IntoView {
    let address = Address::provide();
    Content::provide();
    frame(
        Program::Course,
        address,
        None,
        notices(address),
        current_page,
    )
}

/// Values of the address that cannot be used.
fn notices(address: Address) -> AnyView {
    let locale = use_locale();
    let problems = move || {
        let problems = address.problems.get().into_iter();
        problems
            .map(|problem| {
                let message = Trouble::BadUrlValue(problem).message(locale.get());
                view! {
                    <section class="banner is-warning" role="alert" data-testid="error-banner">
                        <p class="banner-title">{message.title}</p>
                        <p class="banner-text">{message.action}</p>
                    </section>
                }
            })
            .collect_view()
    };
    view! { <div class="notices">{problems}</div> }.into_any()
}

/// The page that the address means.
fn current_page() -> AnyView {
    let address = super::address::use_address();
    let is_map = Memo::new(move |_| address.state.with(|state| state.route == Route::Map));
    let page = move || match is_map.get() {
        true => map::page(),
        false => {
            load_document();
            ().into_any()
        }
    };
    page.into_any()
}
