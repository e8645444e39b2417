//! The computation graph: the frame in which it is moved, its buttons, and the map of all of it.

use std::collections::HashSet;

use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::graph_picture::GraphPicture;
use super::scope::use_microscope;
use super::stage::Stage;
use crate::graph::Phase;
use crate::view::microscope::layout::Place;
use crate::view::microscope::viewport::{Size, ZOOM_FACTOR};
use crate::view::texts::StepTexts;
use crate::web::address::use_texts;

/// Pixels: a graph that is less high gets less room.
const LEAST_HEIGHT: f64 = 160.0;
const MOST_HEIGHT: f64 = 460.0;

/// The graph with its buttons.
#[component]
pub fn GraphView() -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let stage = Stage::new(scope);
    stage.follow();
    let height = move || {
        let layout = stage.layout.get();
        let height = layout.map_or(MOST_HEIGHT, |layout| layout.height);
        format!("{:.0}px", height.clamp(LEAST_HEIGHT, MOST_HEIGHT) + 2.0)
    };
    let has_folded = Memo::new(move |_| !stage.folded.with(HashSet::is_empty));
    let on_key = move |event: web_sys::KeyboardEvent| {
        let frame = stage.frame.get_untracked();
        let target: Option<web_sys::Element> = event.target().and_then(|t| t.dyn_into().ok());
        let is_on_frame = match (&frame, &target) {
            (Some(frame), Some(target)) => target.is_same_node(Some(frame.as_ref())),
            _ => false,
        };
        stage.on_key(&event, is_on_frame);
    };
    view! {
        <section class="panel step-graph" data-testid="graph">
            <div class="panel-header">
                <h2 class="panel-title">{move || texts.get().step.graph}</h2>
                <div class="cluster">
                    <button
                        type="button"
                        class="button"
                        data-testid="fold-all"
                        aria-pressed=move || has_folded.get().to_string()
                        on:click=move |_| stage.toggle_all()
                    >
                        {move || texts.get().step_graph.fold_all}
                    </button>
                    <button
                        type="button"
                        class="button button-icon"
                        data-testid="zoom-out"
                        aria-label=move || texts.get().step.zoom_out
                        title=move || texts.get().step.zoom_out
                        on:click=move |_| stage.zoom(1.0 / ZOOM_FACTOR)
                    >
                        "−"
                    </button>
                    <button
                        type="button"
                        class="button button-icon"
                        data-testid="zoom-in"
                        aria-label=move || texts.get().step.zoom_in
                        title=move || texts.get().step.zoom_in
                        on:click=move |_| stage.zoom(ZOOM_FACTOR)
                    >
                        "+"
                    </button>
                    <button
                        type="button"
                        class="button"
                        data-testid="zoom-fit"
                        on:click=move |_| stage.fit()
                    >
                        {move || texts.get().step.fit}
                    </button>
                    <button
                        type="button"
                        class="button button-icon"
                        data-testid="graph-follow"
                        aria-label=move || texts.get().step.follow
                        title=move || texts.get().step.follow
                        on:click=move |_| stage.go_to_current()
                    >
                        <svg class="step-icon" viewBox="0 0 16 16" aria-hidden="true">
                            <circle cx="8" cy="8" r="4"></circle>
                            <path d="M8 0v6M8 10v6M0 8h6M10 8h6"></path>
                        </svg>
                    </button>
                </div>
            </div>
            <p class="panel-note">{move || texts.get().step.graph_hint}</p>
            <div
                class="graph-frame"
                node_ref=stage.frame
                style:height=height
                tabindex="0"
                role="group"
                aria-label=move || texts.get().step_graph.frame
                data-testid="graph-frame"
                on:pointerdown=move |event| stage.on_down(&event)
                on:pointermove=move |event| stage.on_move(&event)
                on:pointerup=move |event| stage.on_up(&event)
                on:pointercancel=move |event| stage.on_up(&event)
                on:wheel=move |event| stage.on_wheel(&event)
                on:keydown=on_key
            >
                <div
                    class="graph-world"
                    class:is-gliding=move || stage.glides.get()
                    data-testid="graph-world"
                    style:transform=move || stage.view.get().transform()
                >
                    <GraphPicture stage/>
                </div>
            </div>
            <GraphMap stage/>
            <Legend/>
        </section>
    }
}

/// All of the graph, small, with the part that is on screen; only where there is more than that.
#[component]
fn GraphMap(
    /// Where the graph is moved.
    stage: Stage,
) -> impl IntoView {
    let scope = use_microscope();
    let is_partial = Memo::new(move |_| {
        let layout = stage.layout.get();
        let world = layout.map_or(Size::default(), |layout| Size {
            width: layout.width,
            height: layout.height,
        });
        stage.view.get().is_partial(stage.size.get(), world)
    });
    let map = NodeRef::<Div>::new();
    let is_down = StoredValue::new(false);
    let look = move |event: &web_sys::PointerEvent| {
        if let Some(map) = map.get_untracked() {
            let bounds = map.get_bounding_client_rect();
            stage.look_at((
                (f64::from(event.client_x()) - bounds.left()) / bounds.width().max(1.0),
                (f64::from(event.client_y()) - bounds.top()) / bounds.height().max(1.0),
            ));
        }
    };
    let picture = move || {
        let (graph, layout) = (scope.graph.get()?, stage.layout.get()?);
        let mut seen: Vec<Place> = Vec::new();
        let units = layout.nodes.iter().zip(&graph.facts.nodes).enumerate();
        let boxes: Vec<_> = units
            .filter_map(|(number, (place, node))| {
                if seen.contains(place) {
                    return None;
                }
                seen.push(*place);
                let class = format!("graph-map-unit {}", phase_class(node.phase));
                let is_waiting = move || number >= scope.done.get() as usize;
                let place = *place;
                let nodes = layout.nodes.clone();
                let is_current = Memo::new(move |_| nodes.get(scope.shown.get()) == Some(&place));
                Some(view! {
                    <rect
                        class=class
                        class:is-waiting=is_waiting
                        class:is-current=move || is_current.get()
                        x=place.x
                        y=place.y
                        width=place.width
                        height=place.height
                    ></rect>
                })
            })
            .collect();
        let window = move || stage.view.get().window(stage.size.get());
        Some(view! {
            <svg
                viewBox=format!("0 0 {:.0} {:.0}", layout.width, layout.height)
                preserveAspectRatio="none"
                aria-hidden="true"
            >
                {boxes}
                <rect
                    class="graph-map-window"
                    x=move || window().x
                    y=move || window().y
                    width=move || window().width
                    height=move || window().height
                ></rect>
            </svg>
        })
    };
    view! {
        <Show when=move || is_partial.get()>
            <div
                class="graph-map"
                node_ref=map
                data-testid="graph-map"
                on:pointerdown=move |event| {
                    is_down.set_value(true);
                    if let Some(map) = map.get_untracked() {
                        // A pointer that has gone cannot be captured.
                        let _ = map.set_pointer_capture(event.pointer_id());
                    }
                    look(&event);
                }
                on:pointermove=move |event| {
                    if is_down.get_value() {
                        look(&event);
                    }
                }
                on:pointerup=move |_| is_down.set_value(false)
                on:pointercancel=move |_| is_down.set_value(false)
            >
                {picture}
            </div>
        </Show>
    }
}

/// The class that gives a phase its colour.
pub fn phase_class(phase: Phase) -> &'static str {
    match phase {
        Phase::Data | Phase::Forward | Phase::Loss => "is-forward",
        Phase::Backward => "is-backward",
        Phase::Update => "is-update",
    }
}

/// The name of a phase.
pub fn phase_name(phase: Phase, texts: &StepTexts) -> &'static str {
    match phase {
        Phase::Data => texts.phase_data,
        Phase::Forward => texts.phase_forward,
        Phase::Loss => texts.phase_loss,
        Phase::Backward => texts.phase_backward,
        Phase::Update => texts.phase_update,
    }
}

/// What colours and frames mean.
#[component]
fn Legend() -> impl IntoView {
    let texts = use_texts();
    view! {
        <ul class="legend">
            <li class="legend-item is-forward">{move || texts.get().step.legend_forward}</li>
            <li class="legend-item is-backward">{move || texts.get().step.legend_backward}</li>
            <li class="legend-item is-update">{move || texts.get().step.legend_update}</li>
            <li>{move || texts.get().step.legend_computed}</li>
            <li>{move || texts.get().step.legend_waiting}</li>
        </ul>
    }
}
