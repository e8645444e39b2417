//! The concept that is open: what it is, what it needs, where to see it.

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::content::Concepts;
use super::map::Scope;
use crate::course::{ConceptText, CourseTexts, Source, TypedEdge, to_html};
use crate::view::map::EdgeChoice;
use crate::view::texts::map::texts;
use crate::view::url::PageState;
use crate::web::base_path;

/// The panel; where none is open, what to do.
pub fn panel(scope: Scope) -> AnyView {
    let open = Memo::new(move |_| scope.state.with(|state| state.concept));
    let body = move || {
        let shown = open
            .get()
            .and_then(|number| Some((scope.concepts()?, scope.course()?, number)));
        let Some((concepts, course, number)) = shown else {
            let hint = texts(scope.locale.get()).choose;
            return view! { <p class="panel-note">{hint}</p> }.into_any();
        };
        let id = concepts.graph.concept(number).id.clone();
        match course.get(&id) {
            Some(text) => concept(scope, &concepts, &course, number, text),
            None => view! { <p>{id}</p> }.into_any(),
        }
    };
    view! {
        <section class="panel stack map-panel" data-testid="concept-panel" aria-live="polite">{body}</section>
    }
    .into_any()
}

/// A concept's name as a button that opens it.
pub fn chip(scope: Scope, id: &str, course: &CourseTexts) -> AnyView {
    let name = course
        .get(id)
        .map_or(id.to_string(), |text| text.name.clone());
    let id = id.to_string();
    view! {
        <li>
            <button type="button" class="map-chip" data-chip=id.clone() on:click=move |_| scope.open(Some(&id))>
                {name}
            </button>
        </li>
    }
    .into_any()
}

fn concept(
    scope: Scope,
    concepts: &Arc<Concepts>,
    course: &Arc<CourseTexts>,
    number: usize,
    text: &ConceptText,
) -> AnyView {
    let graph = &concepts.graph;
    let words = texts(scope.locale.get());
    let id = text.id.clone();
    let group = &graph.concept(number).group;
    let group = course.group(group).unwrap_or(group).to_string();
    let chips = |numbers: &[usize], none: &'static str| {
        if numbers.is_empty() {
            return view! { <p class="panel-note">{none}</p> }.into_any();
        }
        let all = numbers.iter();
        let all: Vec<AnyView> = all
            .map(|&other| chip(scope, &graph.concept(other).id, course))
            .collect();
        view! { <ul class="map-chips">{all}</ul> }.into_any()
    };
    let experiment = graph.concept(number).experiment.as_ref().map(|page| {
        let (path, query) = page.split_once('?').unwrap_or((page, ""));
        let (mut state, _) = PageState::parse(path, query);
        scope.address.state.with(|here| {
            state.locale = here.locale;
            state.theme = here.theme;
        });
        let href = format!("{}{}", base_path(), state.href());
        view! {
            <a class="button button-primary" rel="external" data-testid="concept-experiment" href=href>
                {words.experiment}
            </a>
        }
    });
    let known_id = id.clone();
    let is_known = Memo::new(move |_| scope.marks.0.with(|known| known.0.contains(&known_id)));
    let marked = id.clone();
    // What the links of the text lead to is decided here, so that language and theme stay.
    let html = to_html(&text.body, &|target| {
        Some(match target.starts_with('/') {
            true => format!("{}{target}", base_path()),
            false => scope.href(target),
        })
    });
    let html = html.unwrap_or_else(|mistakes| {
        mistakes
            .into_iter()
            .map(|(_, message)| message)
            .collect::<Vec<_>>()
            .join("; ")
    });
    view! {
        <p class="map-group-name">{group}</p>
        <div class="spread">
            <h2 class="map-panel-title" data-testid="concept-name">{text.name.clone()}</h2>
            <button type="button" class="button button-quiet" data-testid="concept-close" on:click=move |_| scope.open(None)>
                {words.close}
            </button>
        </div>
        <p class="map-definition" data-testid="concept-definition">{text.definition.clone()}</p>
        <div class="cluster">
            {experiment}
            <label class="map-know">
                <input
                    type="checkbox"
                    data-testid="concept-known"
                    prop:checked=move || is_known.get()
                    on:change=move |_| scope.marks.toggle(&marked)
                />
                {words.know}
            </label>
        </div>
        <div class="prose map-text" data-testid="concept-text" inner_html=html on:click=stay_on_the_page></div>
        <h3 class="map-subtitle">{words.needs}</h3>
        <div data-testid="concept-needs">{chips(graph.needs(number), words.needs_nothing)}</div>
        <h3 class="map-subtitle">{words.unlocks}</h3>
        <div data-testid="concept-unlocks">{chips(graph.unlocks(number), words.unlocks_nothing)}</div>
        {path(scope, concepts.clone(), course.clone(), number)}
        {connections(scope, concepts, course, number)}
    }
    .into_any()
}

/// Links to pages of other programs are documents of their own.
fn stay_on_the_page(event: web_sys::MouseEvent) {
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let link = target.and_then(|target| target.closest("a[href]").ok().flatten());
    if let Some(link) = link
        && !link
            .get_attribute("href")
            .is_some_and(|href| href.starts_with(&format!("{}/map", base_path())))
    {
        // Fails only for names that are no attributes.
        let _ = link.set_attribute("rel", "external");
    }
}

/// The way to the concept from what is known.
fn path(scope: Scope, concepts: Arc<Concepts>, course: Arc<CourseTexts>, number: usize) -> AnyView {
    let has_path = Memo::new(move |_| scope.state.with(|state| state.has_path));
    let toggle = move |_| {
        let value = if has_path.get_untracked() { "" } else { "1" };
        scope
            .address
            .change(|state| state.set_setting("way", value));
    };
    let steps = move || {
        if !has_path.get() {
            return ().into_any();
        }
        let path = concepts.graph.path_to(number, &scope.known(&concepts));
        let goal = course.get(&concepts.graph.concept(number).id);
        let goal = goal.map_or(String::new(), |text| text.name.clone());
        let words = texts(scope.locale.get());
        let title = (words.path_title)(path.len(), &goal);
        let rows: Vec<AnyView> = path
            .iter()
            .map(|&step| chip(scope, &concepts.graph.concept(step).id, &course))
            .collect();
        view! {
            <p>{title}</p>
            <ol class="map-path" data-testid="concept-path">{rows}</ol>
        }
        .into_any()
    };
    let label = move || {
        let words = texts(scope.locale.get());
        if has_path.get() {
            words.hide_path
        } else {
            words.path
        }
    };
    view! {
        <button
            type="button"
            class="button"
            data-testid="concept-path-toggle"
            aria-expanded=move || has_path.get().to_string()
            on:click=toggle
        >
            {label}
        </button>
        {steps}
    }
    .into_any()
}

/// Edges of the other kinds, as sentences.
fn connections(scope: Scope, concepts: &Concepts, course: &CourseTexts, number: usize) -> AnyView {
    let id = &concepts.graph.concept(number).id;
    let words = texts(scope.locale.get());
    let name = |id: &str| {
        course
            .get(id)
            .map_or(id.to_string(), |text| text.name.clone())
    };
    // An arrow that the text and several diagrams have is told once.
    let mut told: Vec<(&TypedEdge, bool)> = Vec::new();
    for edge in concepts.graph.structure.edges.iter() {
        let is_drawn = Source::DIAGRAMS.contains(&edge.source);
        let same = told.iter_mut().find(|(other, _)| {
            (&other.from, other.kind, &other.to) == (&edge.from, edge.kind, &edge.to)
        });
        match same {
            Some((_, was_drawn)) => *was_drawn |= is_drawn,
            None if edge.from == *id || edge.to == *id => told.push((edge, is_drawn)),
            None => {}
        }
    }
    let rows: Vec<AnyView> = told
        .into_iter()
        .map(|(edge, is_drawn)| {
            let kind = EdgeChoice::Kind(edge.kind).name();
            let sentence = (words.connection)(kind, &name(&edge.from), &name(&edge.to));
            let other = if edge.from == *id { &edge.to } else { &edge.from }.clone();
            let source = match (is_drawn, edge.source) {
                (true, _) => Some(words.from_diagram),
                (false, Source::Claim) => Some(words.claimed),
                (false, _) => None,
            };
            let drawn = source.map(|source| view! { " "<span class="tag">{source}</span> });
            view! {
                <li>
                    <button type="button" class="map-link" on:click=move |_| scope.open(Some(&other))>{sentence}</button>
                    {drawn}
                </li>
            }
            .into_any()
        })
        .collect();
    if rows.is_empty() {
        return ().into_any();
    }
    view! {
        <h3 class="map-subtitle">{words.connections}</h3>
        <ul class="map-connections">{rows}</ul>
    }
    .into_any()
}
