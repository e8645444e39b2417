//! The frame around every page, and which page an address means.

use std::mem::discriminant;

use leptos::prelude::*;

use super::address::{Address, use_address, use_locale, use_texts};
use super::engine::Engine;
use super::frame::{AppFooter, AppHeader, ErrorBanner};
use super::pages::{AboutPage, HomePage, NotFoundPage, TrainPage};
use super::step::StepPage;
use crate::view::notices::Origin;
use crate::view::run_state::EngineLink;
use crate::view::texts::{Texts, Trouble};
use crate::view::url::{Program, Route, Theme};

/// The training program.
#[component]
pub fn App() -> impl IntoView {
    let address = Address::provide();
    let engine = Engine::provide();
    explain_bad_values(address, engine);
    let notices = view! { <ErrorBanner/> }.into_any();
    let page = || view! { <CurrentPage/> }.into_any();
    frame(
        Program::Training,
        address,
        Some(engine.link()),
        notices,
        page,
    )
}

/// Header, messages, the page itself, footer.
pub(super) fn frame(
    program: Program,
    address: Address,
    link: Option<Signal<EngineLink>>,
    notices: AnyView,
    page: fn() -> AnyView,
) -> AnyView {
    follow_the_address(address);
    let texts = use_texts();
    let content = NodeRef::<leptos::html::Main>::new();
    focus_new_pages(address, content);
    let skip = move |event: web_sys::MouseEvent| {
        event.prevent_default();
        if let Some(content) = content.get() {
            // Fails only for elements that cannot have the focus.
            let _ = content.focus();
        }
    };
    let route = move || address.state.with(|state| state.route.path());
    view! {
        <div class="app">
            <div>
                <a class="skip-link" href="#content" on:click=skip>
                    {move || texts.get().app.skip_to_content}
                </a>
                <AppHeader program/>
                {notices}
            </div>
            <main id="content" tabindex="-1" node_ref=content data-testid="page" data-route=route>
                {page()}
            </main>
            <AppFooter link/>
        </div>
    }
    .into_any()
}

/// Which component shows a route.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Home,
    Train,
    Step,
    About,
    /// A page of another program.
    Elsewhere,
    NotFound,
}

/// The page that the address means.
#[component]
fn CurrentPage() -> impl IntoView {
    let address = use_address();
    let kind = Memo::new(move |_| {
        address.state.with(|state| match state.route {
            Route::Home => Kind::Home,
            Route::Train(_) => Kind::Train,
            Route::Step(_) => Kind::Step,
            Route::About => Kind::About,
            Route::Map | Route::Learn(_) | Route::LearnPage(_) | Route::Lab | Route::LabPage(_) => {
                Kind::Elsewhere
            }
            Route::NotFound(_) => Kind::NotFound,
        })
    });
    move || match kind.get() {
        Kind::Home => view! { <HomePage/> }.into_any(),
        Kind::Train => view! { <TrainPage/> }.into_any(),
        Kind::Step => view! { <StepPage/> }.into_any(),
        Kind::About => view! { <AboutPage/> }.into_any(),
        Kind::Elsewhere => {
            load_document();
            ().into_any()
        }
        Kind::NotFound => view! { <NotFoundPage/> }.into_any(),
    }
}

/// Loads the address as a document, which brings the program that shows it.
pub(super) fn load_document() {
    // Fails only where the browser forbids reloading.
    let _ = window().location().reload();
}

/// The name of a page in the navigation and in the browser's tab.
pub fn page_name(route: &Route, texts: &Texts) -> &'static str {
    match route {
        Route::Home => texts.nav.home,
        Route::Map => texts.nav.map,
        Route::Learn(_) | Route::LearnPage(_) => texts.nav.learn,
        Route::Step(_) => texts.nav.step,
        Route::Train(_) => texts.nav.train,
        Route::Lab | Route::LabPage(_) => texts.nav.lab,
        Route::About => texts.nav.about,
        Route::NotFound(_) => texts.not_found.title,
    }
}

/// Language, theme and title of the document.
fn follow_the_address(address: Address) {
    let locale = use_locale();
    let set_on_root = |name: &str, value: &str| {
        if let Some(root) = document().document_element() {
            // Fails only for names that are not attribute names.
            let _ = root.set_attribute(name, value);
        }
    };
    Effect::new(move |_| set_on_root("lang", locale.get().lang()));
    let theme = Memo::new(move |_| address.state.with(|state| state.theme));
    Effect::new(move |_| match theme.get() {
        // The style sheet follows the system where no theme is given.
        Theme::Auto => {
            if let Some(root) = document().document_element() {
                let _ = root.remove_attribute("data-theme");
            }
        }
        theme => set_on_root("data-theme", theme.name()),
    });
    Effect::new(move |_| {
        let texts = locale.get().texts();
        let title = address.state.with(|state| match &state.route {
            Route::Home => format!("{} · {}", texts.app.name, texts.app.tagline),
            route => (texts.app.document_title)(page_name(route, texts)),
        });
        document().set_title(&title);
    });
}

/// Moves the focus to a page that takes the place of another, as browsers do with documents.
fn focus_new_pages(address: Address, content: NodeRef<leptos::html::Main>) {
    let page = Memo::new(move |_| address.state.with(|state| discriminant(&state.route)));
    Effect::new(move |before: Option<()>| {
        // Read, not only tracked: a memo that nobody has read yet follows nothing.
        page.with(|_| ());
        if let (Some(()), Some(content)) = (before, content.get_untracked()) {
            // Fails only for elements that cannot have the focus.
            let _ = content.focus();
        }
    });
}

/// Shows a message for each value of the address that cannot be used, until it is dismissed.
fn explain_bad_values(address: Address, engine: Engine) {
    Effect::new(move |_| {
        for problem in address.problems.get() {
            let origin = Origin::Address(problem.parameter.clone());
            engine.show(origin, Trouble::BadUrlValue(problem));
        }
    });
}
