//! Stills of the instruments, for paper.
//!
//! Only the instrument of the step that is read is alive. When a step is left, and before the page is printed, a copy of
//! what its instrument shows is kept: elements without their program, pictures drawn once more. A copy stands in a shadow
//! tree with the styles of the page it was taken from, so names and styles of the two pages do not meet; on the screen it
//! is hidden.

use std::collections::BTreeMap;
use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    CanvasRenderingContext2d, CssRule, CssStyleSheet, Document, Element, HtmlCanvasElement,
    HtmlElement, HtmlIFrameElement, HtmlSelectElement, Node, ShadowRootInit, ShadowRootMode,
    StyleSheet,
};

use super::{Scope, instrument};
use crate::course::Show;
use crate::view::chapter::{Settling, rules_of_a_shadow_tree};
use crate::view::texts::Locale;
use crate::web::base_path;

/// How often an instrument is looked at while it settles.
const LOOK: Duration = Duration::from_millis(300);

/// The stills of a chapter.
#[derive(Clone, Copy)]
pub struct Stills(StoredValue<Kept, LocalStorage>);

#[derive(Default)]
struct Kept {
    /// Chapter and language that the stills are of.
    of: Option<(u8, Locale)>,
    /// By the step whose instrument it is.
    stills: BTreeMap<usize, HtmlElement>,
    /// Styles that were read, by the address of their sheet.
    sheets: BTreeMap<String, CssStyleSheet>,
}

impl Stills {
    pub fn new() -> Self {
        Self(StoredValue::new_local(Kept::default()))
    }

    /// Keeps what the instrument shows now, in place of what was kept of it before; nothing while it loads.
    pub fn take(self, scope: Scope) {
        let Some((step, show)) = instrument_here(scope) else {
            return;
        };
        let Some(source) = source_of(&show) else {
            return;
        };
        self.0.update_value(|kept| {
            kept.belong_to(scope);
            // Fails only where the browser has no shadow trees: the chapter is then printed without.
            if let Ok(still) = copy(&source, &mut kept.sheets) {
                kept.stills.insert(step, still);
            }
        });
    }

    /// Puts every still below its step.
    fn lay_out(self, scope: Scope) {
        self.0.update_value(|kept| {
            kept.belong_to(scope);
            for (step, still) in &kept.stills {
                let place =
                    document().query_selector(&format!(".chapter-still[data-still=\"{step}\"]"));
                if let Ok(Some(place)) = place {
                    place.replace_children_with_node_1(still);
                }
            }
        });
    }

    /// Steps with an instrument of their own of which nothing is kept.
    fn missing(self, scope: Scope) -> Vec<usize> {
        let own = scope.chapter.with_untracked(|chapter| {
            let steps = chapter.iter().flat_map(|chapter| &chapter.steps);
            let own = steps.enumerate().filter(|(_, step)| step.show.is_some());
            own.map(|(number, _)| number).collect::<Vec<_>>()
        });
        self.0
            .try_update_value(|kept| {
                kept.belong_to(scope);
                let is_missing = |step: &usize| !kept.stills.contains_key(step);
                own.into_iter().filter(is_missing).collect()
            })
            .unwrap_or_default()
    }
}

impl Kept {
    /// Forgets the stills of another chapter or language.
    fn belong_to(&mut self, scope: Scope) {
        let here = (scope.number.get_untracked(), scope.locale.get_untracked());
        if self.of.replace(here) != Some(here) {
            self.stills.clear();
        }
    }
}

/// The step whose instrument stands beside the text, and the instrument; nothing where a link has put another page there.
fn instrument_here(scope: Scope) -> Option<(usize, Show)> {
    if scope.aside.get_untracked().is_some() {
        return None;
    }
    let at = scope.at.get_untracked();
    scope.chapter.with_untracked(|chapter| {
        let chapter = chapter.as_ref()?;
        let has_own = |&step: &usize| {
            chapter
                .steps
                .get(step)
                .is_some_and(|step| step.show.is_some())
        };
        let step = (0..=at).rev().find(has_own)?;
        Some((step, chapter.shown_at(step)?))
    })
}

/// What a still is taken of: the widget, the exercise, or the part of the page in the frame that the step is about.
/// Nothing while it loads.
fn source_of(show: &Show) -> Option<Element> {
    let find = |root: &Document, selector: &str| root.query_selector(selector).ok().flatten();
    let Show::Page { address, part } = show else {
        let widget = find(&document(), ".chapter-instrument .chapter-widget")?;
        return widget.first_element_child().map(|_| widget);
    };
    let frame = find(&document(), ".chapter-instrument iframe")?;
    let frame: HtmlIFrameElement = frame.unchecked_into();
    let there = instrument::place_of(&frame.content_window()?)?;
    // While another page loads, the one before it still stands there.
    if instrument::state_of(&there).route
        != instrument::state_of(&format!("{}{address}", base_path())).route
    {
        return None;
    }
    // Elements of another window: none of this window's types, by `instanceof`.
    let page = frame.content_document()?;
    match part {
        Some(part) => {
            let part = find(&page, &format!("[data-testid=\"{part}\"]"))?;
            Some(part.closest(".panel").ok().flatten().unwrap_or(part))
        }
        None => find(&page, "main"),
    }
}

/// A copy of an element in a shadow tree of its own.
fn copy(
    source: &Element,
    sheets: &mut BTreeMap<String, CssStyleSheet>,
) -> Result<HtmlElement, JsValue> {
    let page = source.owner_document().unwrap_or_else(document);
    let host: HtmlElement = document().create_element("div")?.unchecked_into();
    let theme = page
        .document_element()
        .and_then(|root| root.get_attribute("data-theme"));
    if let Some(theme) = theme {
        host.set_attribute("data-theme", &theme)?;
    }
    let copy: Element = document()
        .import_node_with_deep(source, true)?
        .unchecked_into();
    each(source, &copy, "canvas", |from, to| {
        let (from, to): (HtmlCanvasElement, HtmlCanvasElement) =
            (from.unchecked_into(), to.unchecked_into());
        let context = to.get_context("2d").ok().flatten();
        if let (Some(context), true) = (context, from.width() > 0 && from.height() > 0) {
            let context: CanvasRenderingContext2d = context.unchecked_into();
            // Fails only for pictures of other sites.
            let _ = context.draw_image_with_html_canvas_element(&from, 0.0, 0.0);
        }
    })?;
    // Copies of fields keep what was typed; those of choices do not.
    each(source, &copy, "select", |from, to| {
        let (from, to): (HtmlSelectElement, HtmlSelectElement) =
            (from.unchecked_into(), to.unchecked_into());
        to.set_selected_index(from.selected_index());
    })?;
    let shadow = host.attach_shadow(&ShadowRootInit::new(ShadowRootMode::Open))?;
    shadow.append_child(&copy)?;
    let adopted = js_sys::Array::new();
    let list = page.style_sheets();
    for sheet in (0..list.length()).filter_map(|number| list.item(number)) {
        let sheet = sheet_for_shadow(&sheet, sheets)?;
        adopted.push(&sheet);
    }
    shadow.set_adopted_style_sheets(&adopted);
    Ok(host)
}

/// Visits the elements of a kind in the original and in its copy, pair by pair.
fn each(
    source: &Element,
    copy: &Element,
    selector: &str,
    visit: impl Fn(Node, Node),
) -> Result<(), JsValue> {
    let (from, to) = (
        source.query_selector_all(selector)?,
        copy.query_selector_all(selector)?,
    );
    for number in 0..from.length().min(to.length()) {
        if let (Some(from), Some(to)) = (from.item(number), to.item(number)) {
            visit(from, to);
        }
    }
    Ok(())
}

/// The rules of a sheet, as a sheet that shadow trees can take. Every sheet is read once.
fn sheet_for_shadow(
    sheet: &StyleSheet,
    known: &mut BTreeMap<String, CssStyleSheet>,
) -> Result<CssStyleSheet, JsValue> {
    let address = sheet.href()?.unwrap_or_default();
    if let Some(known) = known.get(&address) {
        return Ok(known.clone());
    }
    let rules = sheet.unchecked_ref::<CssStyleSheet>().css_rules()?;
    let rules = (0..rules.length()).filter_map(|number| rules.get(number));
    let css: String = rules.map(|rule: CssRule| rule.css_text() + "\n").collect();
    let made = CssStyleSheet::new()?;
    made.replace_sync(&rules_of_a_shadow_tree(&css))?;
    known.insert(address, made.clone());
    Ok(made)
}

/// Prints the chapter. Instruments that have not been opened yet are shown one by one before; `collected` tells how far
/// that is (the number of the one shown, all), and setting it to `None` stops it.
pub fn print(scope: Scope, collected: RwSignal<Option<(usize, usize)>>) {
    if collected.get_untracked().is_some() {
        collected.set(None);
        return;
    }
    let stills = scope.stills;
    stills.take(scope);
    let missing = stills.missing(scope);
    let (back, chapter) = (scope.at.get_untracked(), scope.number.get_untracked());
    let all = missing.len();
    let waiting = StoredValue::new(missing.into_iter().enumerate());
    let next = move || {
        let Some((number, step)) = waiting.try_update_value(Iterator::next).flatten() else {
            return false;
        };
        collected.set(Some((number + 1, all)));
        scope.turn_to(step);
        true
    };
    if !next() {
        print_now();
        return;
    }
    let settling = StoredValue::new(Settling::default());
    let handle = StoredValue::new(None::<IntervalHandle>);
    let look = move || {
        let is_over = collected.try_get_untracked().flatten().is_none()
            || scope.number.try_get_untracked() != Some(chapter);
        if is_over {
            if let Some(handle) = handle.try_get_value().flatten() {
                handle.clear();
            }
            // Another chapter has been opened meanwhile, or the page left.
            collected.try_set(None);
            return;
        }
        let source = instrument_here(scope).and_then(|(_, show)| source_of(&show));
        let length = source.map(|source| source.inner_html().len());
        let has_settled = settling.try_update_value(|settling| settling.look(length));
        if has_settled != Some(true) {
            return;
        }
        settling.set_value(Settling::default());
        stills.take(scope);
        if !next() {
            scope.turn_to(back);
            collected.set(None);
            // The next look ends this one: printing may hold the page for long.
            set_timeout(print_now, Duration::ZERO);
        }
    };
    if let Ok(started) = set_interval_with_handle(look, LOOK) {
        handle.set_value(Some(started));
    }
}

fn print_now() {
    // Fails only where the browser cannot print.
    let _ = window().print();
}

/// Before paper, the instrument that is alive is kept too, and all stills are laid below their steps.
pub fn lay_out_before_printing(scope: Scope) {
    let listener = window_event_listener_untyped("beforeprint", move |_| {
        scope.stills.take(scope);
        scope.stills.lay_out(scope);
    });
    on_cleanup(move || listener.remove());
}
