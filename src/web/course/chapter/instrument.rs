//! What stands beside a step: a page of the site, live, a widget, or an exercise.
//!
//! A page stands in a frame of its own. It is of this site, so the chapter may move it: another place in the same batch,
//! another language or theme, without loading it anew.

use std::collections::BTreeMap;
use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::{Event, HtmlIFrameElement, Window};

use super::{Scope, link, widgets};
use crate::course::Show;
use crate::view::chapter::moves_in_place;
use crate::view::texts::course::texts;
use crate::view::url::{PageState, below_base};
use crate::web::base_path;

/// How often, and how many times, a page that loads is searched for the part that matters.
const SEARCH: Duration = Duration::from_millis(150);
const SEARCHES: u32 = 80;
/// Room that is left above that part, in pixels: the pages' own bars stay there.
const ABOVE: f64 = 150.0;

/// What kind of thing is shown; the same kind stays on the page from step to step.
#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Nothing,
    Page,
    Widget(String),
    Exercise(String),
}

/// The panel.
pub fn instrument(scope: Scope) -> AnyView {
    let shown = Memo::new(move |_| scope.shown());
    let again = RwSignal::new(0_u32);
    let kind = Memo::new(move |_| match shown.get() {
        None => Kind::Nothing,
        Some(Show::Page { .. }) => Kind::Page,
        Some(Show::Widget { name, .. }) => Kind::Widget(name),
        Some(Show::Exercise(id)) => Kind::Exercise(id),
    });
    let body = move || match kind.get() {
        Kind::Nothing => {
            let hint = move || texts(scope.locale.get()).no_instrument;
            view! { <p class="panel-note">{hint}</p> }.into_any()
        }
        Kind::Page => frame(scope, shown, again),
        Kind::Widget(name) => {
            // Anew where the learner asks for the step's settings.
            again.track();
            let settings = Signal::derive(move || match shown.get() {
                Some(Show::Widget { settings, .. }) => settings.into_iter().collect(),
                _ => BTreeMap::new(),
            });
            let widget = widgets::widget(&name, settings);
            let unknown = || view! { <p role="alert">{name}</p> }.into_any();
            view! { <div class="chapter-widget">{widget.unwrap_or_else(unknown)}</div> }.into_any()
        }
        Kind::Exercise(id) => {
            again.track();
            let exercise = super::super::exercise::exercise(&id);
            view! { <div class="chapter-widget">{exercise}</div> }.into_any()
        }
    };
    let open = move || {
        let target = match shown.get()? {
            Show::Page { address, .. } => address,
            Show::Widget { name, settings } => {
                let pairs = settings
                    .iter()
                    .map(|(key, value)| format!("&{key}={value}"));
                format!("/learn/widget?name={name}{}", pairs.collect::<String>())
            }
            Show::Exercise(id) => format!("/learn/{id}"),
        };
        let href = link(scope.address, &target);
        Some(view! {
            <a rel="external" target="_blank" data-testid="instrument-open" href=href>
                {texts(scope.locale.get()).open}
            </a>
        })
    };
    let described = move || match shown.get() {
        Some(Show::Page { address, part }) => {
            part.map_or(address.clone(), |part| format!("{address}#{part}"))
        }
        Some(Show::Widget { name, .. }) => format!("widget:{name}"),
        Some(Show::Exercise(id)) => format!("exercise:{id}"),
        None => String::new(),
    };
    view! {
        <aside
            class="chapter-instrument"
            data-testid="instrument"
            data-show=described
            aria-label=move || texts(scope.locale.get()).instrument
        >
            <div class="chapter-instrument-head">
                <button
                    type="button"
                    class="button button-quiet"
                    data-testid="instrument-again"
                    title=move || texts(scope.locale.get()).again_hint
                    on:click=move |_| {
                        if scope.aside.get_untracked().is_some() {
                            scope.aside.set(None);
                        } else {
                            again.update(|again| *again += 1);
                        }
                    }
                >
                    {move || texts(scope.locale.get()).again}
                </button>
                {open}
            </div>
            {body}
        </aside>
    }
    .into_any()
}

/// The frame with a page of the site.
fn frame(scope: Scope, shown: Memo<Option<Show>>, again: RwSignal<u32>) -> AnyView {
    let node = NodeRef::<leptos::html::Iframe>::new();
    let asked_again = StoredValue::new(again.get_untracked());
    // The page of the step.
    Effect::new(move |_| {
        let (Some(Show::Page { address, .. }), Some(frame)) = (shown.get(), node.get()) else {
            return;
        };
        let is_again = again.get() != asked_again.get_value();
        asked_again.set_value(again.get());
        let href = untrack(|| link(scope.address, &address));
        let wanted = state_of(&href);
        let here = frame_window(&frame).and_then(|window| place_of(&window));
        match here {
            Some(here) if !is_again && moves_in_place(&state_of(&here), &wanted) => {
                move_to(&frame, &href);
                look_for_the_part(&frame, shown);
            }
            // Not as another entry of the browser's history.
            Some(_) => {
                if let Some(window) = frame_window(&frame) {
                    // Fails only for what is no address.
                    let _ = window.location().replace(&href);
                }
            }
            None => frame.set_src(&href),
        }
    });
    // Language and theme of the chapter; all else stays as the learner has set it.
    Effect::new(move |before: Option<()>| {
        let (locale, theme) = scope
            .address
            .state
            .with(|state| (state.locale, state.theme));
        let Some(frame) = node.get_untracked().filter(|_| before.is_some()) else {
            return;
        };
        let Some(here) = frame_window(&frame).and_then(|window| place_of(&window)) else {
            return;
        };
        let mut state = state_of(&here);
        (state.locale, state.theme) = (locale, theme);
        move_to(&frame, &format!("{}{}", base_path(), state.href()));
    });
    let loaded = move |_| {
        if let Some(frame) = node.get_untracked() {
            embed(&frame);
            look_for_the_part(&frame, shown);
        }
    };
    view! {
        <iframe
            class="chapter-frame"
            data-testid="instrument-frame"
            title=move || texts(scope.locale.get()).instrument
            node_ref=node
            on:load=loaded
        ></iframe>
    }
    .into_any()
}

fn frame_window(frame: &HtmlIFrameElement) -> Option<Window> {
    frame.content_window()
}

/// Path and query of the page in a frame; none before there is one.
pub fn place_of(window: &Window) -> Option<String> {
    let location = window.location();
    let path = location.pathname().ok()?;
    let is_page = location.protocol().ok()?.starts_with("http");
    is_page.then(|| format!("{path}{}", location.search().unwrap_or_default()))
}

pub fn state_of(href: &str) -> PageState {
    let (path, query) = href.split_once('?').unwrap_or((href, ""));
    PageState::parse(below_base(path, &base_path()), query).0
}

/// Moves the page in a frame to another state of itself, as the browser's buttons would.
fn move_to(frame: &HtmlIFrameElement, href: &str) {
    let Some(window) = frame_window(frame) else {
        return;
    };
    let moved = window
        .history()
        .and_then(|history| history.replace_state_with_url(&JsValue::NULL, "", Some(href)));
    match (moved, Event::new("popstate")) {
        (Ok(()), Ok(event)) => {
            // Fails only for events that are under way.
            let _ = window.dispatch_event(&event);
        }
        // The browser allows no more entries for a while.
        _ => {
            let _ = window.location().replace(href);
        }
    }
}

/// Marks the page in a frame as one that stands beside a text: it shows neither header nor footer.
fn embed(frame: &HtmlIFrameElement) {
    let root = frame
        .content_document()
        .and_then(|document| document.document_element());
    if let Some(root) = root {
        // Fails only for names that are no attributes.
        let _ = root.set_attribute("data-embedded", "");
    }
}

/// Scrolls the page in a frame to the part that the step is about, once it is there.
fn look_for_the_part(frame: &HtmlIFrameElement, shown: Memo<Option<Show>>) {
    let Some(Show::Page {
        part: Some(part),
        address,
    }) = shown.get_untracked()
    else {
        return;
    };
    let frame = frame.clone();
    let searches = StoredValue::new(0);
    let handle = StoredValue::new(None::<IntervalHandle>);
    let stop = move || {
        if let Some(handle) = handle.try_get_value().flatten() {
            handle.clear();
        }
    };
    let search = move || {
        let is_wanted = shown
            .try_get_untracked()
            .flatten()
            .is_some_and(|show| matches!(show, Show::Page { address: now, .. } if now == address));
        let count = searches.try_update_value(|count| {
            *count += 1;
            *count
        });
        if !is_wanted || count.is_none_or(|count| count > SEARCHES) {
            return stop();
        }
        let document = frame.content_document();
        let found = document.and_then(|document| {
            document
                .query_selector(&format!("[data-testid=\"{part}\"]"))
                .ok()
                .flatten()
        });
        if let (Some(found), Some(window)) = (found, frame_window(&frame)) {
            // By hand: `scrollIntoView` would scroll the chapter around the frame too.
            let scrolled = window.scroll_y().unwrap_or(0.0);
            let top = found.get_bounding_client_rect().top() + scrolled;
            window.scroll_to_with_x_and_y(0.0, (top - ABOVE).max(0.0));
            // Twice: what loads above it moves it down once more.
            if count.is_some_and(|count| count > 10) {
                stop();
            }
        }
    };
    if let Ok(started) = set_interval_with_handle(search, SEARCH) {
        handle.set_value(Some(started));
    }
}
