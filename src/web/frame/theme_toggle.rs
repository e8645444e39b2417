//! The button that changes the theme.

use leptos::prelude::*;

use crate::view::url::Theme;
use crate::web::address::{use_address, use_texts};

fn next(theme: Theme) -> Theme {
    match theme {
        Theme::Auto => Theme::Light,
        Theme::Light => Theme::Dark,
        Theme::Dark => Theme::Auto,
    }
}

/// Goes through the themes: as the system, light, dark. The address keeps the choice.
#[component]
pub fn ThemeToggle() -> impl IntoView {
    let address = use_address();
    let texts = use_texts();
    let theme = Memo::new(move |_| address.state.with(|state| state.theme));
    let name = move || {
        let app = &texts.get().app;
        match theme.get() {
            Theme::Auto => app.theme_auto,
            Theme::Light => app.theme_light,
            Theme::Dark => app.theme_dark,
        }
    };
    let label = move || {
        let texts = texts.get();
        format!("{}{}{}", texts.app.theme, texts.locale.colon(), name())
    };
    let switch = move |_| address.change(|state| state.theme = next(state.theme));
    view! {
        <button
            type="button"
            class="button button-quiet button-icon has-tooltip"
            data-testid="theme-toggle"
            data-theme-choice=move || theme.get().name()
            aria-label=label
            on:click=switch
        >
            <svg
                viewBox="0 0 20 20"
                width="20"
                height="20"
                fill="none"
                stroke="currentColor"
                stroke-width="1.6"
                stroke-linecap="round"
                aria-hidden="true"
            >
                {move || match theme.get() {
                    Theme::Auto => view! {
                        <circle cx="10" cy="10" r="6.5"></circle>
                        <path d="M10 3.5 a6.5 6.5 0 0 1 0 13 z" fill="currentColor"></path>
                    }
                    .into_any(),
                    Theme::Light => view! {
                        <circle cx="10" cy="10" r="3.6"></circle>
                        <path d="M10 1.5v2 M10 16.5v2 M1.5 10h2 M16.5 10h2 M4 4l1.4 1.4 M14.6 14.6l1.4 1.4 M4 16l1.4 -1.4 M14.6 5.4l1.4 -1.4"></path>
                    }
                    .into_any(),
                    Theme::Dark => view! {
                        <path d="M16 12.2 A6.8 6.8 0 1 1 7.8 4 A5.4 5.4 0 0 0 16 12.2 z"></path>
                    }
                    .into_any(),
                }}
            </svg>
            <span class="tooltip at-end" aria-hidden="true">{label}</span>
        </button>
    }
}
