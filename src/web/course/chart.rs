//! The map itself: moved in its frame, walked by keys.

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::content::Concepts;
use super::map::Scope;
use crate::course::{ConceptGraph, CourseTexts};
use crate::view::map::{
    EdgeChoice, MapLayout, MapState, Shown, lay_out_diagram, legend_class, picture,
};
use crate::view::microscope::viewport::{Size, Viewport, ZOOM_FACTOR};
use crate::view::texts::map::texts;
use crate::web::panning::Panning;

/// The map with its buttons.
pub fn chart(scope: Scope, concepts: Arc<Concepts>, course: Arc<CourseTexts>) -> AnyView {
    let locale = scope.locale;
    let all = concepts.clone();
    // A diagram of an article and the arrows of a field stand alone, laid out anew; all others on the whole map.
    let layout = Memo::new(move |_| {
        let state = scope.state.get();
        Arc::new(match state.stands_alone(&all.graph) {
            true => lay_out_diagram(&all.graph, &state.arrows(&all.graph)),
            false => all.layout.clone(),
        })
    });
    let size = Signal::derive(move || {
        layout.with(|layout| Size {
            width: layout.width,
            height: layout.height,
        })
    });
    let panning = Panning::new(size);
    let drawn = concepts.clone();
    let named = course.clone();
    let svg = Memo::new(move |_| {
        let state = scope.state.get();
        let known = scope.known(&drawn);
        let path = match (state.has_path, state.concept) {
            (true, Some(goal)) => drawn.graph.path_to(goal, &known),
            _ => Vec::new(),
        };
        let shown = Shown {
            edges: &state.arrows(&drawn.graph),
            chosen: state.concept,
            path: &path,
            group: state.group.as_deref(),
            known: &known,
            next: &drawn.graph.next(&known),
        };
        picture(
            &drawn.graph,
            &layout.get(),
            &named,
            &shown,
            texts(locale.get()).known,
        )
    });
    let had_focus = StoredValue::new(false);
    let shown = concepts.clone();
    Effect::new(move |before: Option<(Arc<MapLayout>, Option<String>)>| {
        let state = scope.state.get();
        let here = layout.get();
        let place = state
            .concept
            .filter(|chosen| here.members.contains(chosen))
            .map(|number| here.places[number]);
        let (old, old_group) = before.unzip();
        let is_new = old.as_ref() != Some(&here);
        let is_alone = state.stands_alone(&shown.graph);
        let is_other_group = is_new || old_group.as_ref() != Some(&state.group);
        let field = state.group.as_ref().filter(|_| is_other_group);
        let field = field.and_then(|group| here.around_group(&shown.graph, group));
        let first = here.members.first().map(|&number| here.places[number]);
        // The picture has been drawn anew by then: the focus goes back to the concept that had it.
        request_animation_frame(move || {
            panning.measure();
            match (place, field) {
                _ if is_new && is_alone => panning.fit(),
                (Some(place), _) if is_new => panning.go_to(&place),
                (None, Some(field)) => panning.show_whole(&field),
                (Some(place), _) => panning.show(&place, true),
                (None, None) if is_new => {
                    panning.change(false, |_, frame, world| Viewport::start(frame, world));
                    // On a small screen the corner of the map is empty.
                    if let Some(first) = first {
                        panning.show(&first, false);
                    }
                }
                (None, None) => {}
            }
            if had_focus.try_get_value() == Some(true) {
                focus_chosen(panning);
            }
        });
        (here, state.group)
    });
    let walked = concepts.clone();
    let on_key = move |event: web_sys::KeyboardEvent| {
        let concept = concept_of(event.target());
        let number = concept.as_ref().and_then(|id| walked.graph.number(id));
        if let (Some(number), false) = (
            number,
            event.ctrl_key() || event.alt_key() || event.meta_key(),
        ) {
            let next = match event.key().as_str() {
                "Enter" | " " => Some(number),
                key => {
                    let state = scope.state.get_untracked();
                    neighbour(&walked.graph, &layout.get_untracked(), &state, number, key)
                }
            };
            if let Some(next) = next {
                event.prevent_default();
                had_focus.set_value(true);
                scope.open(Some(&walked.graph.concept(next).id));
                return;
            }
        }
        panning.on_key(&event, number.is_none());
    };
    let on_click = move |event: web_sys::MouseEvent| {
        if let Some(id) = concept_of(event.target()) {
            had_focus.set_value(false);
            scope.open(Some(&id));
        }
    };
    view! {
        <section class="panel map-chart" data-testid="map-chart">
            <div class="spread">
                <p class="panel-note">{move || texts(locale.get()).frame_hint}</p>
                {zoom_buttons(scope, panning)}
            </div>
            <div
                class="map-frame"
                node_ref=panning.frame
                tabindex="0"
                role="group"
                aria-label=move || texts(locale.get()).frame
                data-testid="map-frame"
                on:pointerdown=move |event| panning.on_down(&event)
                on:pointermove=move |event| panning.on_move(&event)
                on:pointerup=move |event| panning.on_up(&event)
                on:pointercancel=move |event| panning.on_up(&event)
                on:wheel=move |event| panning.on_wheel(&event)
                on:keydown=on_key
                on:click=on_click
            >
                <div
                    class="map-world"
                    class:is-gliding=move || panning.glides.get()
                    data-testid="map-world"
                    style:transform=move || panning.view.get().transform()
                    inner_html=move || svg.get()
                ></div>
            </div>
            {overview(layout, panning, size)}
            {legend(&concepts.graph, &course)}
        </section>
    }
    .into_any()
}

fn zoom_buttons(scope: Scope, panning: Panning) -> AnyView {
    let locale = scope.locale;
    let button = move |testid: &'static str, sign: &'static str, factor: f64| {
        let label = move || {
            let texts = texts(locale.get());
            if factor > 1.0 {
                texts.zoom_in
            } else {
                texts.zoom_out
            }
        };
        view! {
            <button
                type="button"
                class="button button-icon"
                data-testid=testid
                aria-label=label
                title=label
                on:click=move |_| panning.zoom(factor)
            >
                {sign}
            </button>
        }
    };
    view! {
        <div class="cluster">
            {button("zoom-out", "−", 1.0 / ZOOM_FACTOR)}
            {button("zoom-in", "+", ZOOM_FACTOR)}
            <button type="button" class="button" data-testid="zoom-fit" on:click=move |_| panning.fit()>
                {move || texts(locale.get()).fit}
            </button>
        </div>
    }
    .into_any()
}

/// All of the map, small, with the part that is on screen; a press goes there.
fn overview(layout: Memo<Arc<MapLayout>>, panning: Panning, size: Signal<Size>) -> AnyView {
    let boxes = move || -> String {
        let layout = layout.get();
        let places = layout.members.iter().map(|&number| layout.places[number]);
        places
            .map(|place| {
                format!(
                    "<rect class=\"map-mini-box\" x=\"{:.0}\" y=\"{:.0}\" width=\"{:.0}\" height=\"{:.0}\"></rect>",
                    place.x, place.y, place.width, place.height
                )
            })
            .collect()
    };
    let window = move || panning.view.get().window(panning.size.get());
    let go = move |event: web_sys::MouseEvent| {
        let target = event
            .current_target()
            .and_then(|target| target.dyn_into::<Element>().ok());
        if let Some(target) = target {
            let bounds = target.get_bounding_client_rect();
            let x = (f64::from(event.client_x()) - bounds.left()) / bounds.width();
            let y = (f64::from(event.client_y()) - bounds.top()) / bounds.height();
            panning.look_at((x, y));
        }
    };
    view! {
        <svg
            class="map-mini"
            viewBox=move || format!("0 0 {:.0} {:.0}", size.get().width, size.get().height)
            aria-hidden="true"
            data-testid="map-mini"
            on:click=go
        >
            <g inner_html=boxes></g>
            <rect
                class="map-mini-window"
                x=move || format!("{:.0}", window().x)
                y=move || format!("{:.0}", window().y)
                width=move || format!("{:.0}", window().width)
                height=move || format!("{:.0}", window().height)
            ></rect>
        </svg>
    }
    .into_any()
}

fn legend(graph: &ConceptGraph, course: &CourseTexts) -> AnyView {
    let groups = graph.structure.groups.iter().enumerate();
    let rows: Vec<AnyView> = groups
        .map(|(number, id)| {
            let name = course.group(id).unwrap_or(id).to_string();
            let class = format!("map-legend-mark {}", legend_class(number));
            view! { <li><span class=class aria-hidden="true"></span>{name}</li> }.into_any()
        })
        .collect();
    view! { <ul class="map-legend">{rows}</ul> }.into_any()
}

/// The concept whose box an event happened on.
fn concept_of(target: Option<web_sys::EventTarget>) -> Option<String> {
    let element: Element = target?.dyn_into().ok()?;
    let node = element.closest("[data-concept]").ok().flatten()?;
    node.get_attribute("data-concept")
}

fn focus_chosen(panning: Panning) {
    let frame = panning.frame.try_get_untracked().flatten();
    let node = frame.and_then(|frame| frame.query_selector(".map-node.is-chosen").ok().flatten());
    if let Some(node) = node {
        // SVG elements have `focus` as HTML elements do. Fails only for what cannot have it.
        let _ = node.unchecked_into::<HtmlElement>().focus();
    }
}

/// Where an arrow key leads: left to what a concept needs, right to what needs it, up and down in its column. In a
/// picture that stands alone left and right follow its arrows.
fn neighbour(
    graph: &ConceptGraph,
    layout: &MapLayout,
    state: &MapState,
    number: usize,
    key: &str,
) -> Option<usize> {
    let place = layout.places[number];
    let nearest = |mut others: Vec<usize>| {
        let distance = |other: usize| (layout.places[other].y - place.y).abs();
        others.sort_by(|&one, &other| distance(one).total_cmp(&distance(other)));
        others.first().copied()
    };
    let column = |is_below: bool| {
        let others = layout.members.iter().copied().filter(|&other| {
            let there = layout.places[other];
            other != number && (there.x - place.x).abs() < 1.0 && (there.y > place.y) == is_below
        });
        nearest(others.collect())
    };
    let arrows = match state.stands_alone(graph) {
        true => state.arrows(graph),
        false => EdgeChoice::Needs.edges(graph),
    };
    match key {
        "ArrowLeft" => {
            let into = arrows.iter().filter(|(_, to)| *to == number);
            nearest(into.map(|(from, _)| *from).collect())
        }
        "ArrowRight" => {
            let from = arrows.iter().filter(|(from, _)| *from == number);
            nearest(from.map(|(_, to)| *to).collect())
        }
        "ArrowUp" => column(false),
        "ArrowDown" => column(true),
        _ => None,
    }
}
