//! The computation graph: operations as buttons, tensors as edges between them.

use std::sync::Arc;

use leptos::html::Div;
use leptos::prelude::*;

use super::scope::{Microscope, use_microscope};
use crate::graph::Phase;
use crate::session::{Inspection, NodeFacts};
use crate::view::microscope::layout::{Flow, Place};
use crate::view::microscope::model::GraphModel;
use crate::view::texts::StepTexts;
use crate::web::address::use_texts;

/// Zooms between which the buttons move, and their factor.
const LEAST_ZOOM: f64 = 0.3;
const MOST_ZOOM: f64 = 1.6;
const ZOOM_FACTOR: f64 = 1.25;
/// Below this the names cannot be read: a large graph starts here and is scrolled.
const READABLE_ZOOM: f64 = 0.82;

/// The graph with its buttons. It scrolls natively; only the zoom is a transform.
#[component]
pub fn GraphView() -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let frame = NodeRef::<Div>::new();
    let zoom = RwSignal::new(1.0_f64);
    let fitting = move || {
        let (Some(frame), Some(graph)) = (frame.get_untracked(), scope.graph.get_untracked())
        else {
            return 1.0;
        };
        let room = f64::from(frame.client_width());
        (room / graph.layout.width).clamp(LEAST_ZOOM, 1.0)
    };
    Effect::new(move |_| {
        let is_ready = frame.get().is_some() && scope.graph.with(Option::is_some);
        if is_ready {
            zoom.set(fitting().max(READABLE_ZOOM));
        }
    });
    let show_current = move || {
        let (Some(frame), Some(graph)) = (frame.get_untracked(), scope.graph.get_untracked())
        else {
            return;
        };
        let Some(place) = graph.layout.nodes.get(scope.shown.get_untracked()) else {
            return;
        };
        let (x, y) = place.center();
        let (x, y) = (x * zoom.get_untracked(), y * zoom.get_untracked());
        let keep = |at: f64, scrolled: i32, room: i32| {
            let margin = (f64::from(room) * 0.2).min(140.0);
            let seen = f64::from(scrolled) + margin..f64::from(scrolled + room) - margin;
            if seen.contains(&at) {
                scrolled
            } else {
                (at - f64::from(room) / 2.0) as i32
            }
        };
        frame.set_scroll_left(keep(x, frame.scroll_left(), frame.client_width()));
        frame.set_scroll_top(keep(y, frame.scroll_top(), frame.client_height()));
    };
    Effect::new(move |_| {
        scope.shown.track();
        zoom.track();
        scope.graph.track();
        // The new size has to be laid out first.
        request_animation_frame(show_current);
    });
    let change_zoom = move |factor: f64| {
        zoom.update(|zoom| *zoom = (*zoom * factor).clamp(LEAST_ZOOM, MOST_ZOOM));
    };
    let drag = Drag::new(frame);
    let picture = move || {
        scope.graph.get().map(|graph| {
            let (width, height) = (graph.layout.width, graph.layout.height);
            let size = move |length: f64| move || format!("{:.0}px", length * zoom.get());
            view! {
                <div class="graph-size" style:width=size(width) style:height=size(height)>
                    <div
                        class="graph-world"
                        style:width=format!("{width}px")
                        style:height=format!("{height}px")
                        style:transform=move || format!("scale({:.3})", zoom.get())
                    >
                        <Edges graph=Arc::clone(&graph)/>
                        <Nodes graph/>
                    </div>
                </div>
            }
        })
    };
    view! {
        <section class="panel step-graph" data-testid="graph">
            <div class="panel-header">
                <h2 class="panel-title">{move || texts.get().step.graph}</h2>
                <div class="cluster">
                    <button
                        type="button"
                        class="button button-icon"
                        data-testid="zoom-out"
                        aria-label=move || texts.get().step.zoom_out
                        title=move || texts.get().step.zoom_out
                        on:click=move |_| change_zoom(1.0 / ZOOM_FACTOR)
                    >
                        "−"
                    </button>
                    <button
                        type="button"
                        class="button button-icon"
                        data-testid="zoom-in"
                        aria-label=move || texts.get().step.zoom_in
                        title=move || texts.get().step.zoom_in
                        on:click=move |_| change_zoom(ZOOM_FACTOR)
                    >
                        "+"
                    </button>
                    <button
                        type="button"
                        class="button"
                        data-testid="zoom-fit"
                        on:click=move |_| zoom.set(fitting())
                    >
                        {move || texts.get().step.fit}
                    </button>
                    <button
                        type="button"
                        class="button button-icon"
                        data-testid="graph-follow"
                        aria-label=move || texts.get().step.follow
                        title=move || texts.get().step.follow
                        on:click=move |_| show_current()
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
                node_ref=frame
                on:pointerdown=move |event| drag.begin(&event)
                on:pointermove=move |event| drag.go_on(&event)
                on:pointerup=move |_| drag.end()
                on:pointerleave=move |_| drag.end()
            >
                {picture}
            </div>
            <Legend/>
        </section>
    }
}

/// Pulling the picture with a mouse; fingers scroll it natively.
#[derive(Clone, Copy)]
struct Drag {
    frame: NodeRef<Div>,
    /// Where the pointer and the picture were.
    start: StoredValue<Option<(i32, i32, i32, i32)>>,
}

impl Drag {
    fn new(frame: NodeRef<Div>) -> Self {
        Self {
            frame,
            start: StoredValue::new(None),
        }
    }

    fn begin(self, event: &web_sys::PointerEvent) {
        if let Some(frame) = self.frame.get_untracked()
            && event.pointer_type() == "mouse"
            && event.button() == 0
        {
            let at = (event.client_x(), event.client_y());
            self.start
                .set_value(Some((at.0, at.1, frame.scroll_left(), frame.scroll_top())));
        }
    }

    fn go_on(self, event: &web_sys::PointerEvent) {
        if let (Some(frame), Some((x, y, left, top))) =
            (self.frame.get_untracked(), self.start.get_value())
        {
            frame.set_scroll_left(left - (event.client_x() - x));
            frame.set_scroll_top(top - (event.client_y() - y));
        }
    }

    fn end(self) {
        self.start.set_value(None);
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

/// Tensors on their way, with their shapes.
#[component]
fn Edges(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
) -> impl IntoView {
    let scope = use_microscope();
    let layout = &graph.layout;
    let edges = layout
        .edges
        .iter()
        .map(|edge| {
            let flow = match edge.flow {
                Flow::Forward => "graph-edge is-forward",
                Flow::Gradient => "graph-edge is-backward",
                Flow::Reuse => "graph-edge is-forward is-reuse",
                Flow::Update => "graph-edge is-update",
            };
            let (from, to, tensor) = (edge.from, edge.to, edge.tensor.clone());
            let is_waiting = move || scope.done.get() as usize <= from;
            let is_near = move || scope.shown.get() == to || scope.shown.get() == from;
            let is_lit = move || scope.lit().with(|lit| lit.as_ref() == Some(&tensor));
            let label = edge.label.clone().map(|(text, x, y)| {
                view! {
                    <text class="graph-shape" x=format!("{x:.1}") y=format!("{y:.1}")>{text}</text>
                }
            });
            view! {
                <g class=flow class:is-waiting=is_waiting class:is-near=is_near class:is-lit=is_lit>
                    <path d=edge.path.clone()></path>
                    {label}
                </g>
            }
        })
        .collect_view();
    let marker = |id: &'static str, class: &'static str| {
        view! {
            <marker
                id=id
                class=class
                viewBox="0 0 8 8"
                refX="7"
                refY="4"
                markerWidth="7"
                markerHeight="7"
                orient="auto"
            >
                <path d="M0 0.5 L8 4 L0 7.5 z"></path>
            </marker>
        }
    };
    view! {
        <svg
            class="graph-edges"
            width=format!("{:.0}", layout.width)
            height=format!("{:.0}", layout.height)
            viewBox=format!("0 0 {:.0} {:.0}", layout.width, layout.height)
            aria-hidden="true"
        >
            <defs>
                {marker("arrow-forward", "graph-arrow is-forward")}
                {marker("arrow-backward", "graph-arrow is-backward")}
                {marker("arrow-update", "graph-arrow is-update")}
            </defs>
            {edges}
        </svg>
    }
}

/// Operations as buttons, in running order.
#[component]
fn Nodes(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
) -> impl IntoView {
    let nodes = graph.facts.nodes.iter().zip(&graph.layout.nodes);
    nodes
        .enumerate()
        .map(|(number, (node, place))| {
            view! { <NodeButton node=node.clone() number place=*place/> }
        })
        .collect_view()
}

/// One operation: runs up to it when pressed.
#[component]
fn NodeButton(
    /// The node.
    node: NodeFacts,
    /// Its number in running order.
    number: usize,
    /// Where it stands.
    place: Place,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let is_done = Memo::new(move |_| number < scope.done.get() as usize);
    let is_current = Memo::new(move |_| scope.shown.get() == number);
    let state = move || match (is_current.get(), is_done.get()) {
        (true, _) => "current",
        (_, true) => "done",
        _ => "waiting",
    };
    let (head, tail) = title_of(&node);
    let class = format!("graph-node {}", phase_class(node.phase));
    let testid = format!("node-{}", node.name);
    let title = node.name.clone();
    let tensors = Signal::stored(
        node.outputs
            .iter()
            .map(|(_, tensor)| tensor.clone())
            .collect::<Vec<String>>(),
    );
    let is_lit = move || {
        scope.lit().with(|lit| {
            lit.as_ref()
                .is_some_and(|l| tensors.with(|t| t.contains(l)))
        })
    };
    let label = move || {
        let texts = &texts.get().step;
        let mut state = if is_done.get() {
            texts.state_done.to_string()
        } else {
            texts.state_waiting.to_string()
        };
        if is_current.get() {
            state = format!("{}, {state}", texts.state_current);
        }
        let phase = phase_name(node.phase, texts);
        (texts.node)(&node.name, &node.operation, phase, &state)
    };
    let light = move |on: bool| light_output(scope, tensors, on);
    view! {
        <button
            type="button"
            class=class
            class:is-waiting=move || !is_done.get()
            class:is-current=move || is_current.get()
            class:is-lit=is_lit
            style:left=format!("{:.1}px", place.x)
            style:top=format!("{:.1}px", place.y)
            style:width=format!("{:.1}px", place.width)
            style:height=format!("{:.1}px", place.height)
            data-testid=testid
            data-state=state
            title=title
            aria-label=label
            aria-current=move || is_current.get().then_some("step")
            on:click=move |_| scope.go(Inspection::Goto { done: number as u32 + 1 })
            on:pointerenter=move |_| light(true)
            on:pointerleave=move |_| light(false)
            on:focus=move |_| light(true)
            on:blur=move |_| light(false)
        >
            <span class="graph-node-name">{head}</span>
            <span class="graph-node-operation">{tail}</span>
        </button>
    }
}

fn light_output(scope: Microscope, tensors: Signal<Vec<String>>, on: bool) {
    let first = tensors.with_untracked(|tensors| tensors.first().cloned());
    scope.light(first.filter(|_| on));
}

/// Layer and what is done in it: `conv1` and `conv2d`, `conv1` and `backward_weight`.
fn title_of(node: &NodeFacts) -> (String, String) {
    let short = node.name.strip_prefix(&node.layer);
    match short.map(|rest| rest.trim_start_matches('.')) {
        Some(rest) if !rest.is_empty() => (node.layer.clone(), rest.replace('_', " ")),
        _ => (node.name.clone(), node.operation.replace('_', " ")),
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
