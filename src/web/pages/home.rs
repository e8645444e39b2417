//! What this is, and the doors.

use leptos::prelude::*;

use crate::view::texts::{DoorTexts, Texts};
use crate::view::url::{DEFAULT_PRESET, Program, Route};
use crate::web::address::{use_address, use_texts};

/// The first page.
#[component]
pub fn HomePage() -> impl IntoView {
    let texts = use_texts();
    let legend = move || {
        let home = &texts.get().home;
        [
            ("legend-item is-forward", home.legend_forward),
            ("legend-item is-backward", home.legend_backward),
            ("legend-item is-update", home.legend_update),
        ]
        .map(|(class, text)| view! { <li class=class>{text}</li> })
    };
    view! {
        <div class="page">
            <section class="hero">
                <h1>{move || texts.get().home.headline}</h1>
                <p>{move || texts.get().home.lead}</p>
                <ul class="promises">
                    <li>{move || texts.get().home.promise_real}</li>
                    <li>{move || texts.get().home.promise_local}</li>
                    <li>{move || texts.get().home.promise_link}</li>
                </ul>
            </section>
            <div class="card-grid">
                <Door
                    route=Route::Train(DEFAULT_PRESET.to_string())
                    text=|texts: &'static Texts| &texts.door_train
                    testid="door-train"
                />
                <Door
                    route=Route::Map
                    text=|texts: &'static Texts| &texts.door_map
                    testid="door-map"
                />
                <Door
                    route=Route::Learn(1)
                    text=|texts: &'static Texts| &texts.door_course
                    testid="door-course"
                />
            </div>
            <section class="home-legend">
                <h2 class="panel-note">{move || texts.get().home.legend}</h2>
                <ul class="legend">{legend}</ul>
            </section>
        </div>
    }
}

/// A card that leads to a page.
#[component]
fn Door(
    /// Where it leads.
    route: Route,
    /// Its texts among all texts.
    text: fn(&'static Texts) -> &'static DoorTexts,
    /// Its `data-testid`.
    testid: &'static str,
) -> impl IntoView {
    let address = use_address();
    let texts = use_texts();
    let door = move || text(texts.get());
    // A page of another program is loaded as a document.
    let rel = (route.program() != Program::Training).then_some("external");
    view! {
        <a
            class="card is-update"
            data-testid=testid
            rel=rel
            href=move || address.href(&route)
        >
            <h2 class="card-title">{move || door().title}</h2>
            <p>{move || door().body}</p>
            <span class="card-action">{move || door().action}</span>
        </a>
    }
}
