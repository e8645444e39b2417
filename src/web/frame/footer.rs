//! What stands below every page: the engine's state and the build.

use leptos::prelude::*;

use crate::view::run_state::EngineLink;
use crate::web::BUILD_ID;
use crate::web::address::use_texts;

/// The footer of every page.
#[component]
pub fn AppFooter(
    /// How the page stands with its engine; `None` for a page without one.
    link: Option<Signal<EngineLink>>,
) -> impl IntoView {
    let texts = use_texts();
    let engine = link.map(|link| {
        let state = move || match link.get() {
            EngineLink::Starting => "starting",
            EngineLink::Ready => "ready",
            EngineLink::Lost => "lost",
        };
        let said = move || {
            let loading = &texts.get().loading;
            match link.get() {
                EngineLink::Starting => loading.engine,
                EngineLink::Ready => loading.engine_ready,
                EngineLink::Lost => loading.engine_lost,
            }
        };
        view! { <span data-testid="engine-status" data-state=state>{said}</span> }
    });
    view! {
        <footer class="app-footer">
            <span>{move || texts.get().app.tagline}</span>
            {engine}
            <span>
                {move || texts.get().loading.build}
                " "
                <code data-testid="build-id">{BUILD_ID}</code>
            </span>
        </footer>
    }
}
