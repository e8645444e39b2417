//! The page's address as state: what stands in it, and how it changes.

use leptos::prelude::*;

use super::base_path;
use super::history::History;
use crate::view::texts::{Locale, Texts};
use crate::view::url::{self, PageState, Problem, Route};

/// Reads and changes the address. A context, because every link carries language and theme.
#[derive(Clone, Copy)]
pub struct Address {
    /// What the address says.
    pub state: Memo<PageState>,
    /// What stands in it and cannot be used.
    pub problems: Memo<Vec<Problem>>,
    /// What it said on the last page that had a preset.
    last_run: Memo<Option<PageState>>,
    go: Callback<(PageState, bool)>,
}

impl Address {
    /// The address of the page.
    pub fn provide() -> Self {
        let history = History::provide();
        let parsed = Memo::new(move |_| {
            history.place.with(|(path, search)| {
                PageState::parse(url::below_base(path, &base_path()), search)
            })
        });
        let go = Callback::new(move |(state, is_new_page): (PageState, bool)| {
            history.go(&format!("{}{}", base_path(), state.href()), is_new_page);
        });
        let state = Memo::new(move |_| parsed.with(|(state, _)| state.clone()));
        let address = Self {
            state,
            last_run: Memo::new(move |before: Option<&Option<PageState>>| {
                let has_preset = state.with(|state| state.route.preset().is_some());
                if has_preset {
                    Some(state.get())
                } else {
                    before.cloned().flatten()
                }
            }),
            problems: Memo::new(move |_| parsed.with(|(_, problems)| problems.clone())),
            go,
        };
        provide_context(address);
        let browser_locale = browser_locale();
        provide_context(LocaleContext(Memo::new(move |_| {
            address
                .state
                .with(|state| state.locale.unwrap_or(browser_locale))
        })));
        address
    }

    /// The link to another page with everything else kept.
    pub fn href(self, route: &Route) -> String {
        let state = self.state.get();
        let left = self
            .last_run
            .get()
            .filter(|run| state.route.preset().is_none() && run.route.preset() == route.preset());
        let state = match left {
            Some(run) if route.preset().is_some() => state.back_to(&run),
            _ => state,
        };
        format!("{}{}", base_path(), state.on(route.clone()).href())
    }

    /// The preset of this page, or of the last one that had a preset.
    pub fn preset(self) -> String {
        self.last_run.with(|run| {
            let preset = run.as_ref().and_then(|run| run.route.preset());
            preset.unwrap_or(url::DEFAULT_PRESET).to_string()
        })
    }

    /// Goes to another page with everything else kept.
    pub fn open(self, route: Route) {
        let state = self.state.with_untracked(|state| state.on(route));
        self.go.run((state, true));
    }

    /// Changes what the address says without leaving the page.
    pub fn change(self, change: impl FnOnce(&mut PageState)) {
        let before = self.state.get_untracked();
        let mut state = before.clone();
        change(&mut state);
        if state != before {
            self.go.run((state, false));
        }
    }
}

/// The page's address.
pub fn use_address() -> Address {
    expect_context()
}

#[derive(Clone, Copy)]
struct LocaleContext(Memo<Locale>);

/// The language of the page.
pub fn use_locale() -> Memo<Locale> {
    expect_context::<LocaleContext>().0
}

/// The texts in the language of the page.
pub fn use_texts() -> Signal<&'static Texts> {
    let locale = use_locale();
    Signal::derive(move || locale.get().texts())
}

fn browser_locale() -> Locale {
    let languages = window().navigator().languages();
    let tags: Vec<String> = languages.iter().filter_map(|tag| tag.as_string()).collect();
    Locale::preferred(tags.iter().map(String::as_str))
}
