//! A chapter: its steps, the instrument beside them, and what the learner has done.
//!
//! # Layout
//! - `steps`: the text with its questions; `instrument`: what stands beside it; `kept`: what the browser keeps;
//!   `stills`: what paper shows of the instruments.

mod instrument;
mod kept;
mod steps;
mod stills;

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::content::{Content, use_content};
use super::marks::Marks;
use super::widgets;
use crate::course::{Chapter, ChapterText, Show};
use crate::view::keys::Focus;
use crate::view::texts::Locale;
use crate::view::texts::course::texts;
use crate::view::url::{CHAPTERS, PageState, Route, below_base};
use crate::web::address::{Address, use_address, use_locale};
use crate::web::base_path;
use kept::Kept;
use stills::Stills;

/// The address is written when the learner has rested on a step for this long: browsers limit how often it changes.
const REST: Duration = Duration::from_millis(250);

/// Where the instrument stands beside the text.
const WIDE: &str = "(min-width: 64rem)";

/// What the parts of the page share.
#[derive(Clone, Copy)]
struct Scope {
    address: Address,
    locale: Memo<Locale>,
    content: Content,
    kept: Kept,
    marks: Marks,
    stills: Stills,
    number: Memo<u8>,
    /// The step that is read, from 0.
    at: RwSignal<usize>,
    /// A page that a link of the text has opened in the instrument's place.
    aside: RwSignal<Option<Show>>,
    /// A step of the address that there is not.
    unknown: RwSignal<Option<String>>,
    chapter: Memo<Option<Arc<Chapter>>>,
    text: Memo<Option<Arc<ChapterText>>>,
}

impl Scope {
    fn new() -> Self {
        let address = use_address();
        let content = use_content();
        content.ask_chapters();
        content.ask_concepts();
        let locale = use_locale();
        let number = Memo::new(move |_| {
            address.state.with(|state| match state.route {
                Route::Learn(number) => number,
                _ => 1,
            })
        });
        let chapter = Memo::new(move |_| {
            let chapters = content.chapters.get()?;
            chapters.get(number.get()).cloned().map(Arc::new)
        });
        let text = Memo::new(move |_| content.chapter_text(number.get(), locale.get()));
        Self {
            address,
            locale,
            content,
            kept: Kept::load(),
            marks: Marks::load(),
            stills: Stills::new(),
            number,
            at: RwSignal::new(0),
            aside: RwSignal::new(None),
            unknown: RwSignal::new(None),
            chapter,
            text,
        }
    }

    fn steps(self) -> usize {
        self.chapter
            .with(|chapter| chapter.as_ref().map_or(0, |chapter| chapter.steps.len()))
    }

    /// Reads on at a step: scrolls to it and moves the focus there.
    fn go(self, step: usize) {
        let step = step.min(self.steps().saturating_sub(1));
        self.turn_to(step);
        if let Some(section) = section(step) {
            section.scroll_into_view();
            // Fails only for elements that cannot have the focus.
            let _ = section.focus();
        }
    }

    /// Shows a step's instrument; what the one before showed is kept for paper.
    fn turn_to(self, step: usize) {
        if step != self.at.get_untracked() {
            self.stills.take(self);
            self.aside.set(None);
            self.at.set(step);
        }
    }

    /// What stands beside the step that is read, or what a link has put there.
    fn shown(self) -> Option<Show> {
        if let Some(aside) = self.aside.get() {
            return Some(aside);
        }
        let at = self.at.get();
        self.chapter.with(|chapter| chapter.as_ref()?.shown_at(at))
    }
}

/// The section of a step on the page.
fn section(step: usize) -> Option<HtmlElement> {
    let selector = format!("[data-step-number=\"{step}\"]");
    document().query_selector(&selector).ok()??.dyn_into().ok()
}

/// The address of a concept, or of a page of the site, with language and theme kept.
pub fn link(address: Address, target: &str) -> String {
    let concept = format!("/map?concept={target}");
    let target = if target.starts_with('/') {
        target
    } else {
        &concept
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (mut state, _) = PageState::parse(path, query);
    address.state.with(|here| {
        state.locale = here.locale;
        state.theme = here.theme;
    });
    format!("{}{}", base_path(), state.href())
}

/// Links of the text to maps, microscopes, runs and the lab open beside it: the place in the chapter stays.
fn open_aside(scope: Scope, event: &web_sys::MouseEvent) {
    let is_plain = event.button() == 0
        && !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key());
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok());
    let link = target.and_then(|target| target.closest("a[rel=external]").ok().flatten());
    let address = link.and_then(|link| link.get_attribute("href"));
    let (Some(address), true) = (address, is_plain) else {
        return;
    };
    event.prevent_default();
    scope.stills.take(scope);
    let (path, query) = address.split_once('?').unwrap_or((&address, ""));
    let path = below_base(path, &base_path());
    let is_concept = path == "/map" && query.contains("concept=");
    scope.aside.set(Some(Show::Page {
        address: format!("{path}?{query}"),
        part: is_concept.then(|| "concept-panel".to_string()),
    }));
    // Below the text where there is no room beside it.
    let panel = document()
        .query_selector(".chapter-instrument")
        .ok()
        .flatten();
    let wide = window().match_media(WIDE).ok().flatten();
    if let (Some(panel), false) = (panel, wide.is_some_and(|wide| wide.matches())) {
        panel.scroll_into_view();
    }
}

/// The page of the chapters.
pub fn page() -> AnyView {
    let scope = Scope::new();
    begin_where_the_address_says(scope);
    follow_reading(scope);
    listen_to_keys(scope);
    stills::lay_out_before_printing(scope);
    let locale = scope.locale;
    let failure = move || {
        scope.content.failure.get().map(|message| {
            view! {
                <section class="banner is-error" role="alert" data-testid="error-banner">
                    <p class="banner-title">{texts(locale.get()).failed}</p>
                    <p class="banner-text"><code>{message}</code></p>
                </section>
            }
        })
    };
    let unknown = move || {
        scope.unknown.get().map(|id| {
            let told = (texts(locale.get()).unknown_step)(&id);
            view! { <p class="banner is-warning" role="alert" data-testid="chapter-unknown-step">{told}</p> }
        })
    };
    let head = move || {
        let words = texts(locale.get());
        let text = scope.text.get();
        let title = text
            .as_ref()
            .map(|text| text.title.clone())
            .unwrap_or_default();
        let summary = text.map(|text| text.summary.clone()).unwrap_or_default();
        view! {
            <p class="chapter-number">{(words.chapter)(scope.number.get())}</p>
            <h1 class="page-title" data-testid="chapter-title">{title}</h1>
            <p class="page-lead">{summary}</p>
        }
    };
    let body = move || {
        let (Some(chapter), Some(text)) = (scope.chapter.get(), scope.text.get()) else {
            let loading = texts(locale.get()).loading;
            return view! { <p role="status" data-testid="chapter-loading">{loading}</p> }
                .into_any();
        };
        steps::steps(scope, &chapter, &text)
    };
    view! {
        <div class="page page-wide chapter" data-testid="chapter">
            {failure}
            {unknown}
            <header class="chapter-head">
                <div>{head}</div>
                {contents(scope)}
            </header>
            <div class="chapter-bench">
                <div class="chapter-text" on:click=move |event| open_aside(scope, &event)>
                    {body}
                    {stepping(scope)}
                </div>
                {instrument::instrument(scope)}
            </div>
        </div>
    }
    .into_any()
}

/// The list of chapters, with how much of each has been read.
fn contents(scope: Scope) -> AnyView {
    let list = move || {
        let words = texts(scope.locale.get());
        let chapters = scope.content.chapters.get()?;
        let language = scope.locale.get().code();
        let here = scope.number.get();
        let rows: Vec<AnyView> = chapters
            .chapters
            .iter()
            .map(|chapter| {
                let steps = chapter.steps.iter().map(|step| step.id.as_str());
                let seen = scope.kept.progress.with(|progress| progress.seen(chapter.number, steps));
                let all = chapter.steps.len();
                let title = chapter.title.get(language).cloned().unwrap_or_default();
                let href = link(scope.address, &format!("/learn/{}", chapter.number));
                view! {
                    <li>
                        <a
                            href=href
                            aria-current=(chapter.number == here).then_some("page")
                            class:is-read=seen == all
                            data-testid=format!("chapter-{}", chapter.number)
                        >
                            <span class="numeric">{chapter.number}</span>
                            <span>{title}</span>
                            <span class="muted" data-testid=format!("progress-{}", chapter.number) data-value=seen>
                                {(words.progress)(seen, all)}
                            </span>
                        </a>
                    </li>
                }
                .into_any()
            })
            .collect();
        Some(view! { <ol class="chapter-list">{rows}</ol> })
    };
    let collected = RwSignal::new(None);
    let print = move |_| stills::print(scope, collected);
    let print_label = move || {
        let words = texts(scope.locale.get());
        match collected.get() {
            Some((number, all)) => (words.collecting)(number, all),
            None => words.print.to_string(),
        }
    };
    view! {
        <div class="chapter-tools">
            <details class="chapter-contents" data-testid="chapter-contents">
                <summary class="button">{move || texts(scope.locale.get()).contents}</summary>
                <nav aria-label=move || texts(scope.locale.get()).contents>{list}</nav>
            </details>
            <button
                type="button"
                class="button button-quiet"
                data-testid="print"
                title=move || texts(scope.locale.get()).print_hint
                on:click=print
            >
                {print_label}
            </button>
        </div>
    }
    .into_any()
}

/// Back and next.
fn stepping(scope: Scope) -> AnyView {
    let label = move || {
        let all = scope.steps();
        (texts(scope.locale.get()).step)(scope.at.get() + 1, all.max(1))
    };
    let is_last = move || scope.at.get() + 1 >= scope.steps();
    let next = move || {
        let words = texts(scope.locale.get());
        let number = scope.number.get();
        if is_last() && number < CHAPTERS {
            let href = link(scope.address, &format!("/learn/{}", number + 1));
            return view! {
                <a class="button button-primary" data-testid="next-chapter" href=href>{words.next_chapter}</a>
            }
            .into_any();
        }
        view! {
            <button
                type="button"
                class="button button-primary"
                data-testid="step-next"
                disabled=is_last
                on:click=move |_| scope.go(scope.at.get_untracked() + 1)
            >
                {words.next}
            </button>
        }
        .into_any()
    };
    view! {
        <div class="chapter-stepping">
            <button
                type="button"
                class="button"
                data-testid="step-previous"
                disabled=move || scope.at.get() == 0
                on:click=move |_| scope.go(scope.at.get_untracked().saturating_sub(1))
            >
                {move || texts(scope.locale.get()).previous}
            </button>
            <span role="status" data-testid="step-number" data-value=move || scope.at.get() + 1>
                {label}
            </span>
            {next}
        </div>
    }
    .into_any()
}

/// Begins at the step that the address names, and keeps it in the address from then on.
fn begin_where_the_address_says(scope: Scope) {
    let asked = move || {
        let state = scope.address.state;
        state.with_untracked(|state| state.settings.get("at").cloned())
    };
    Effect::new(move |before: Option<Option<u8>>| {
        let number = scope.number.get();
        let chapter = scope.chapter.get()?;
        scope
            .text
            .with(Option::is_some)
            .then(|| {
                // Another language of the same chapter leaves the place alone.
                if before.flatten() != Some(number) {
                    let asked = asked();
                    let number_of =
                        |id: &String| chapter.steps.iter().position(|step| step.id == *id);
                    let step = asked.as_ref().and_then(number_of);
                    scope.unknown.set(asked.filter(|_| step.is_none()));
                    scope.aside.set(None);
                    scope.at.set(step.unwrap_or(0));
                    if let Some(step) = step.filter(|&step| step > 0) {
                        // Once the steps are on the page.
                        set_timeout(
                            move || {
                                section(step)
                                    .iter()
                                    .for_each(|section| section.scroll_into_view())
                            },
                            REST,
                        );
                    }
                }
                number
            })
            .or(before.flatten())
    });
    Effect::new(move |_| {
        let (at, chapter) = (scope.at.get(), scope.chapter.get());
        let Some(chapter) = chapter else { return };
        let Some(step) = chapter.steps.get(at) else {
            return;
        };
        scope.kept.see(chapter.number, &step.id);
        let id = if at == 0 {
            String::new()
        } else {
            step.id.clone()
        };
        let write = move || {
            let is_here = scope.number.try_get_untracked() == Some(chapter.number);
            if is_here {
                scope.address.change(|state| state.set_setting("at", &id));
            }
        };
        if let Ok(timer) = set_timeout_with_handle(write, REST) {
            on_cleanup(move || timer.clear());
        }
    });
}

/// Scrolling goes from step to step: the one that has reached the upper part of the window is read.
fn follow_reading(scope: Scope) {
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let settle = move || {
        let wide = window().match_media(WIDE).ok().flatten();
        if !wide.is_some_and(|wide| wide.matches()) {
            return;
        }
        let height = window()
            .inner_height()
            .ok()
            .and_then(|height| height.as_f64())
            .unwrap_or(0.0);
        let steps = scope.steps();
        let tops =
            (0..steps).filter_map(|step| Some((step, section(step)?.get_bounding_client_rect())));
        let reached = tops
            .filter(|(_, area)| area.top() <= height * 0.4)
            .map(|(step, _)| step)
            .max();
        let root = document().document_element();
        let is_at_end = root.is_some_and(|root: Element| {
            let bottom = f64::from(root.scroll_top()) + height;
            bottom >= f64::from(root.scroll_height()) - 2.0 && root.scroll_top() > 0
        });
        let step = if is_at_end {
            steps.checked_sub(1)
        } else {
            reached
        };
        if let Some(step) = step
            .or(Some(0))
            .filter(|&step| step != scope.at.get_untracked())
        {
            scope.turn_to(step);
        }
    };
    // A step that was gone to by a button stays: only scrolling by hand moves on.
    let by_hand = StoredValue::new(false);
    let hand = move |_: web_sys::Event| by_hand.set_value(true);
    let hands = ["wheel", "touchmove"].map(|name| window_event_listener_untyped(name, hand));
    let keyed = window_event_listener(leptos::ev::keydown, move |event| {
        if matches!(
            event.key().as_str(),
            "PageDown" | "PageUp" | "ArrowDown" | "ArrowUp" | "Home" | "End" | " "
        ) {
            by_hand.set_value(true);
        }
    });
    let pointer = window_event_listener(leptos::ev::pointerdown, move |event| {
        // The scroll bar is the root itself.
        let root = document().document_element();
        let target = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok());
        by_hand.set_value(target.is_some() && target == root);
    });
    let scrolled = window_event_listener(leptos::ev::scroll, move |_| {
        if !by_hand.get_value() {
            return;
        }
        timer.update_value(|timer| {
            if let Some(timer) = timer.take() {
                timer.clear();
            }
            *timer = set_timeout_with_handle(settle, Duration::from_millis(120)).ok();
        });
    });
    on_cleanup(move || {
        hands.into_iter().for_each(|hand| hand.remove());
        keyed.remove();
        pointer.remove();
        scrolled.remove();
    });
}

/// Arrows left and right go from step to step, except where an element uses them itself.
fn listen_to_keys(scope: Scope) {
    let listener = window_event_listener(leptos::ev::keydown, move |event| {
        let has_modifier =
            event.ctrl_key() || event.alt_key() || event.meta_key() || event.shift_key();
        let active = document().active_element();
        let is_own = active.is_some_and(|active| {
            Focus::on(&active.tag_name()) == Focus::Field
                || active
                    .closest(".chapter-instrument, [role=slider], [role=radiogroup]")
                    .ok()
                    .flatten()
                    .is_some()
        });
        if event.default_prevented() || has_modifier || is_own {
            return;
        }
        let at = scope.at.get_untracked();
        match event.key().as_str() {
            "ArrowRight" => scope.go(at + 1),
            "ArrowLeft" => scope.go(at.saturating_sub(1)),
            _ => return,
        }
        event.prevent_default();
    });
    on_cleanup(move || listener.remove());
}

/// A widget alone, as the address says.
pub fn widget_page() -> AnyView {
    let address = use_address();
    let locale = use_locale();
    let settings = Signal::derive(move || {
        let mut settings = address.state.with(|state| state.settings.clone());
        settings.remove("name");
        settings
    });
    let name = Memo::new(move |_| {
        address
            .state
            .with(|state| state.settings.get("name").cloned().unwrap_or_default())
    });
    let body = move || {
        let name = name.get();
        widgets::widget(&name, settings).unwrap_or_else(|| {
            let words = texts(locale.get());
            let there = crate::view::widgets::NAMES.map(|name| {
                let href = link(address, &format!("/learn/widget?name={name}"));
                view! { <li><a href=href>{name}</a></li> }
            });
            view! {
                <p role="alert" data-testid="learn-unknown">{(words.unknown_widget)(&name)}</p>
                <ul>{there}</ul>
            }
            .into_any()
        })
    };
    view! { <div class="page page-narrow stack">{body}</div> }.into_any()
}

/// A page below `/learn` that there is not.
pub fn unknown_page(id: &str) -> AnyView {
    let locale = use_locale();
    let address = use_address();
    let id = id.to_string();
    view! {
        <div class="page page-narrow stack">
            <p role="alert" data-testid="learn-unknown">{move || (texts(locale.get()).unknown)(&id)}</p>
            <p>
                <a class="button button-primary" href=move || link(address, "/learn/1")>
                    {move || (texts(locale.get()).chapter)(1)}
                </a>
            </p>
        </div>
    }
    .into_any()
}
