//! The concept map and the chapters: a program of its own, whose engine starts when something is first asked of it.
//!
//! # Layout
//! - `engine`: the course's engine as a context, and as its worker serves it.
//! - `content`: structure and texts, fetched when they are needed.
//! - `map`: the page; `chart`: the map itself; `panel`: the concept that is open; `marks`: what the learner knows.
//! - `chapter/`: a chapter with the instrument beside it; `widgets/`: the small instruments; `errors`: what the articles
//!   get wrong; `exercise`: a mistake run beside its correction.

mod chapter;
mod chart;
mod content;
pub mod engine;
mod errors;
mod exercise;
mod map;
mod marks;
mod panel;
mod widgets;

pub use engine::Teaching;

use leptos::prelude::*;

use super::address::{Address, use_locale};
use super::app::{frame, load_document};
use crate::view::chapter::LearnPage;
use crate::view::texts::Trouble;
use crate::view::url::{Program, Route};
use content::Content;
use engine::CourseEngine;

/// The whole program.
#[component]
pub fn App() -> impl IntoView {
    let address = Address::provide();
    Content::provide();
    let engine = CourseEngine::provide();
    frame(
        Program::Course,
        address,
        None,
        notices(engine, address),
        current_page,
    )
}

/// Values of the address that cannot be used; a lost engine.
fn notices(engine: CourseEngine, address: Address) -> AnyView {
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
    view! { <div class="notices">{problems}{engine.notice()}</div> }.into_any()
}

/// The page that the address means.
fn current_page() -> AnyView {
    let address = super::address::use_address();
    let route = Memo::new(move |_| {
        address.state.with(|state| match &state.route {
            // All chapters are one page, which goes from one to the next.
            Route::Learn(_) => Route::Learn(1),
            route => route.clone(),
        })
    });
    let page = move || match route.get() {
        Route::Map => map::page(),
        Route::Learn(_) => chapter::page(),
        Route::LearnPage(id) => match LearnPage::from_name(&id) {
            Some(LearnPage::Errors) => errors::page(),
            Some(LearnPage::Widget) => chapter::widget_page(),
            Some(LearnPage::Exercise(_)) => exercise::page(&id),
            None => chapter::unknown_page(&id),
        },
        _ => {
            load_document();
            ().into_any()
        }
    };
    page.into_any()
}
