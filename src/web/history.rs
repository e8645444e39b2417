//! The browser's history: the address as a signal, and links that are followed without loading a document.
//!
//! A router of a library would do this too, but `view::url` is the grammar of addresses already, and what is left of
//! routing is this file; a library's nested routes weigh more than the pages may.

use leptos::leptos_dom::helpers::window_event_listener;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlAnchorElement, MouseEvent};

use super::base_path;

/// Where the page is.
#[derive(Clone, Copy)]
pub struct History {
    /// Path, and query with its `?`.
    pub place: RwSignal<(String, String)>,
}

impl History {
    /// Follows the browser's buttons and the page's links from now on.
    pub fn provide() -> Self {
        let history = Self {
            place: RwSignal::new(here()),
        };
        let on_back = window_event_listener(leptos::ev::popstate, move |_| {
            history.place.set(here());
        });
        let on_click = window_event_listener(leptos::ev::click, move |event| {
            if let Some(address) = followed_here(&event) {
                event.prevent_default();
                history.go(&address, true);
            }
        });
        on_cleanup(move || {
            on_back.remove();
            on_click.remove();
        });
        history
    }

    /// Goes to an address of this origin: to a new page, shown from its top, or to another state of this one.
    pub fn go(self, address: &str, is_new_page: bool) {
        let window = window();
        let Ok(browser) = window.history() else {
            return;
        };
        let gone = match is_new_page {
            true => browser.push_state_with_url(&JsValue::NULL, "", Some(address)),
            false => browser.replace_state_with_url(&JsValue::NULL, "", Some(address)),
        };
        if gone.is_err() {
            // The browser allows no more entries for a while: the address is loaded as a document.
            let _ = window.location().set_href(address);
            return;
        }
        self.place.set(here());
        if is_new_page {
            window.scroll_to_with_x_and_y(0.0, 0.0);
        }
    }
}

/// Path and query of the document.
fn here() -> (String, String) {
    let location = window().location();
    (
        location.pathname().unwrap_or_default(),
        location.search().unwrap_or_default(),
    )
}

/// The address of a link that was clicked, if it leads to another page of this program.
fn followed_here(event: &MouseEvent) -> Option<String> {
    let is_plain = event.button() == 0
        && !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key());
    if event.default_prevented() || !is_plain {
        return None;
    }
    let target: Element = event.target()?.dyn_into().ok()?;
    let link: HtmlAnchorElement = target.closest("a[href]").ok()??.dyn_into().ok()?;
    let leaves = link.has_attribute("download")
        || link.rel().split(' ').any(|rel| rel == "external")
        || !matches!(link.target().as_str(), "" | "_self");
    let location = window().location();
    let path = link.pathname();
    let base = base_path();
    let is_below = path
        .strip_prefix(base.as_str())
        .is_some_and(|rest| rest.starts_with('/'));
    let is_same_page = path == location.pathname().unwrap_or_default()
        && link.search() == location.search().unwrap_or_default()
        && !link.hash().is_empty();
    let is_here = link.origin() == location.origin().unwrap_or_default() && is_below;
    (is_here && !leaves && !is_same_page).then(|| format!("{path}{}{}", link.search(), link.hash()))
}
