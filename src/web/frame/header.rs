//! Brand, navigation, language and theme.

use leptos::prelude::*;

use super::locale_toggle::LocaleToggle;
use super::theme_toggle::ThemeToggle;
use crate::view::url::{Program, Route};
use crate::web::address::{use_address, use_texts};
use crate::web::app::page_name;

/// The header of every page.
#[component]
pub fn AppHeader(
    /// The program that runs: a page of another one is loaded as a document.
    program: Program,
) -> impl IntoView {
    let rel = move |route: &Route| (route.program() != program).then_some("external");
    let address = use_address();
    let texts = use_texts();
    let routes = move || {
        [
            Route::Home,
            Route::Map,
            Route::Learn(1),
            Route::Step(address.preset()),
            Route::Train(address.preset()),
            Route::Lab,
            Route::About,
        ]
    };
    let links = move || {
        let current = address.state.with(|state| state.route.clone());
        routes()
            .into_iter()
            .map(|route| {
                let is_current = std::mem::discriminant(&route) == std::mem::discriminant(&current)
                    || (program == Program::Lab && route == Route::Lab)
                    || (matches!(route, Route::Learn(_)) && matches!(current, Route::LearnPage(_)));
                view! {
                    <li>
                        <a
                            class="app-nav-link"
                            aria-current=is_current.then_some("page")
                            rel=rel(&route)
                            href=address.href(&route)
                        >
                            {page_name(&route, texts.get())}
                        </a>
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <header class="app-header">
            <a class="app-brand" rel=rel(&Route::Home) href=move || address.href(&Route::Home)>
                <span class="app-brand-mark" aria-hidden="true"></span>
                {move || texts.get().app.name}
            </a>
            <nav class="app-nav" aria-label=move || texts.get().nav.label>
                <ul>{links}</ul>
            </nav>
            <div class="app-tools">
                <LocaleToggle/>
                <ThemeToggle/>
            </div>
        </header>
    }
}
