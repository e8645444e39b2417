//! The graph itself: operations and folded layers as buttons, tensors as edges between them.

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::graph_view::{phase_class, phase_name};
use super::scope::{Microscope, use_microscope};
use super::stage::Stage;
use crate::graph::Phase;
use crate::session::{Inspection, NodeFacts, PathFacts};
use crate::view::format;
use crate::view::microscope::layers::{Layer, layers};
use crate::view::microscope::layout::{Flow, Layout, Place};
use crate::view::microscope::model::GraphModel;
use crate::view::microscope::path::{passes, touches};
use crate::web::address::use_texts;

/// Width of a box whose name follows the view.
const WIDE: f64 = 300.0;

/// The path that is looked at.
type PathMemo = Memo<Option<Arc<PathFacts>>>;

/// All edges and boxes, anew whenever a layer is folded or unfolded.
#[component]
pub fn GraphPicture(
    /// Where the graph is moved.
    stage: Stage,
) -> impl IntoView {
    let scope = use_microscope();
    let path: PathMemo = scope.part(|state| state.path.clone());
    move || {
        let layout = stage.layout.get()?;
        // A new graph comes with a new layout.
        let graph = scope.graph.get_untracked()?;
        let shown = {
            let layout = Arc::clone(&layout);
            Memo::new(move |_| layout.nodes.get(scope.shown.get()).copied())
        };
        let all = layers(&graph.facts);
        let folds = all
            .iter()
            .filter(|layer| layer.can_fold())
            .filter_map(|layer| {
                let first = *layer.nodes.first()?;
                let place = *layout.nodes.get(first)?;
                let is_folded = layout.is_folded(first);
                Some(view! { <FoldButton stage name=layer.name.clone() place is_folded/> })
            })
            .collect_view();
        let nodes = graph.facts.nodes.iter().zip(&layout.nodes).enumerate();
        let nodes = nodes
            .filter(|(number, _)| !layout.is_folded(*number))
            .map(|(number, (node, place))| {
                view! { <NodeButton stage node=node.clone() number place=*place path/> }
            })
            .collect_view();
        let folded = layout
            .folded
            .iter()
            .map(|folded| {
                let (layer, place) = (folded.layer.clone(), folded.place);
                view! { <LayerButton stage graph=Arc::clone(&graph) layer place path/> }
            })
            .collect_view();
        Some(view! {
            <Edges layout shown path/>
            {nodes}
            {folded}
            {folds}
        })
    }
}

/// Tensors on their way, with their shapes.
#[component]
fn Edges(
    /// The picture.
    layout: Arc<Layout>,
    /// The box of the operation that is shown.
    shown: Memo<Option<Place>>,
    /// The path that is looked at.
    path: PathMemo,
) -> impl IntoView {
    let scope = use_microscope();
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
            let from = edge.from;
            let ends = [layout.nodes[edge.from], layout.nodes[edge.to]];
            let is_waiting = Memo::new(move |_| scope.done.get() as usize <= from);
            let is_near =
                Memo::new(move |_| shown.get().is_some_and(|shown| ends.contains(&shown)));
            let tensor = edge.tensor.clone();
            let is_lit = Memo::new(move |_| scope.lit().with(|lit| lit.as_ref() == Some(&tensor)));
            let (tensor, to, is_forward) =
                (edge.tensor.clone(), edge.to, edge.flow == Flow::Forward);
            let is_path = Memo::new(move |_| {
                is_forward
                    && path.with(|path| {
                        path.as_ref()
                            .is_some_and(|path| touches(path, &tensor) && passes(path, to))
                    })
            });
            let label = edge.label.clone().map(|(text, x, y)| {
                view! {
                    <text class="graph-shape" x=format!("{x:.1}") y=format!("{y:.1}")>{text}</text>
                }
            });
            view! {
                <g
                    class=flow
                    class:is-waiting=move || is_waiting.get()
                    class:is-near=move || is_near.get()
                    class:is-lit=move || is_lit.get()
                    class:is-path=move || is_path.get()
                >
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
                markerUnits="userSpaceOnUse"
                markerWidth="10"
                markerHeight="10"
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

/// One operation: runs up to it when pressed.
#[component]
fn NodeButton(
    /// Where the graph is moved.
    stage: Stage,
    /// The node.
    node: NodeFacts,
    /// Its number in running order.
    number: usize,
    /// Where it stands.
    place: Place,
    /// The path that is looked at.
    path: PathMemo,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let is_done = Memo::new(move |_| number < scope.done.get() as usize);
    let is_current = Memo::new(move |_| scope.shown.get() == number);
    let is_path = Memo::new(move |_| {
        path.with(|path| path.as_ref().is_some_and(|path| passes(path, number)))
    });
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
    let is_lit = Memo::new(move |_| {
        scope.lit().with(|lit| {
            lit.as_ref()
                .is_some_and(|l| tensors.with(|t| t.contains(l)))
        })
    });
    let layer = node.layer.clone();
    let label = move || {
        let texts = texts.get();
        let step = &texts.step;
        let mut state = if is_done.get() {
            step.state_done.to_string()
        } else {
            step.state_waiting.to_string()
        };
        if is_current.get() {
            state = format!("{}, {state}", step.state_current);
        }
        if is_path.get() {
            state = format!("{state}, {}", texts.step_graph.on_the_path);
        }
        let phase = phase_name(node.phase, step);
        (step.node)(&node.name, &node.operation, phase, &state)
    };
    let light = move |on: bool| light_output(scope, tensors, on);
    // The name of a box that is wider than the frame stays on screen.
    let indent = move || {
        let hidden = if place.width > WIDE {
            stage.view.with(|view| view.x) - place.x
        } else {
            0.0
        };
        format!(
            "{:.0}px",
            hidden.clamp(0.0, (place.width - WIDE / 2.0).max(0.0)) + 8.0
        )
    };
    view! {
        <button
            type="button"
            class=class
            style:padding-left=indent
            class:is-waiting=move || !is_done.get()
            class:is-current=move || is_current.get()
            class:is-lit=move || is_lit.get()
            class:is-path=move || is_path.get()
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
            on:keydown=move |event| fold_by_key(stage, &layer, &event)
            on:pointerenter=move |_| light(true)
            on:pointerleave=move |_| light(false)
            on:focus=move |_| {
                light(true);
                stage.show(&place, true);
            }
            on:blur=move |_| light(false)
        >
            <span class="graph-node-name">{head}</span>
            <span class="graph-node-operation">{tail}</span>
        </button>
    }
}

/// A folded layer: runs it forward, then backward, when pressed.
#[component]
fn LayerButton(
    /// Where the graph is moved.
    stage: Stage,
    /// The graph of the batch.
    graph: Arc<GraphModel>,
    /// The layer.
    layer: Layer,
    /// Where it stands.
    place: Place,
    /// The path that is looked at.
    path: PathMemo,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let count = layer.nodes.len();
    let numbers = layer.nodes.clone();
    let done = {
        let numbers = numbers.clone();
        Memo::new(move |_| {
            let done = scope.done.get() as usize;
            numbers.iter().filter(|&&number| number < done).count()
        })
    };
    let is_current = {
        let numbers = numbers.clone();
        Memo::new(move |_| numbers.contains(&scope.shown.get()))
    };
    let is_path = {
        let numbers = numbers.clone();
        Memo::new(move |_| {
            path.with(|path| {
                let path = path.as_ref();
                path.is_some_and(|path| numbers.iter().any(|&number| passes(path, number)))
            })
        })
    };
    let state = move || match (is_current.get(), done.get()) {
        (true, _) => "current",
        (_, done) if done == count => "done",
        (_, 0) => "waiting",
        _ => "partial",
    };
    let tensors: Vec<String> = numbers
        .iter()
        .flat_map(|&number| &graph.facts.nodes[number].outputs)
        .map(|(_, tensor)| tensor.clone())
        .collect();
    let tensors = Signal::stored(tensors);
    let is_lit = Memo::new(move |_| {
        scope.lit().with(|lit| {
            lit.as_ref()
                .is_some_and(|lit| tensors.with(|tensors| tensors.contains(lit)))
        })
    });
    let operation = graph.facts.nodes[numbers[0]].operation.replace('_', " ");
    let learned = layer.learned(&graph.facts);
    let tail = if learned > 0 {
        format!("{operation} · {}", format::count(learned))
    } else {
        operation.clone()
    };
    let marks = numbers
        .iter()
        .map(|&number| {
            let class = format!(
                "graph-mark {}",
                phase_class(graph.facts.nodes[number].phase)
            );
            let is_done = Memo::new(move |_| number < scope.done.get() as usize);
            let is_current = Memo::new(move |_| scope.shown.get() == number);
            view! {
                <span
                    class=class
                    class:is-done=move || is_done.get()
                    class:is-current=move || is_current.get()
                ></span>
            }
        })
        .collect_view();
    let name = layer.name.clone();
    let label = move || {
        let texts = texts.get();
        let mut label = (texts.step_graph.layer)(&name, &operation, learned, done.get(), count);
        if is_current.get() {
            label = format!("{label}, {}", texts.step.state_current);
        }
        if is_path.get() {
            label = format!("{label}, {}", texts.step_graph.on_the_path);
        }
        label
    };
    let key_name = layer.name.clone();
    let (head, testid) = (layer.name.clone(), format!("layer-{}", layer.name));
    let title = layer.name.clone();
    let press = move |_| {
        let done = layer.next_stop(&graph.facts, scope.done.get_untracked());
        scope.go(Inspection::Goto { done });
    };
    let light = move |on: bool| light_output(scope, tensors, on);
    let is_current_backward = Memo::new(move |_| {
        scope.graph.with(|graph| {
            let node = graph.as_ref().and_then(|graph| {
                let node = graph.node(scope.shown.get())?;
                Some(node.phase == Phase::Backward)
            });
            node.unwrap_or(false)
        })
    });
    view! {
        <button
            type="button"
            class="graph-node graph-layer"
            class:is-forward=move || !(is_current.get() && is_current_backward.get())
            class:is-backward=move || is_current.get() && is_current_backward.get()
            class:is-waiting=move || done.get() == 0
            class:is-current=move || is_current.get()
            class:is-lit=move || is_lit.get()
            class:is-path=move || is_path.get()
            style:left=format!("{:.1}px", place.x)
            style:top=format!("{:.1}px", place.y)
            style:width=format!("{:.1}px", place.width)
            style:height=format!("{:.1}px", place.height)
            data-testid=testid
            data-state=state
            title=title
            aria-label=label
            aria-current=move || is_current.get().then_some("step")
            on:click=press
            on:keydown=move |event| fold_by_key(stage, &key_name, &event)
            on:pointerenter=move |_| light(true)
            on:pointerleave=move |_| light(false)
            on:focus=move |_| {
                light(true);
                stage.show(&place, true);
            }
            on:blur=move |_| light(false)
        >
            <span class="graph-node-name">{head}</span>
            <span class="graph-node-operation">{tail}</span>
            <span class="graph-marks" aria-hidden="true">{marks}</span>
        </button>
    }
}

/// Folds a layer or unfolds it. The keyboard does it with E on the layer itself.
#[component]
fn FoldButton(
    /// Where the graph is moved.
    stage: Stage,
    /// The layer's name.
    name: String,
    /// Its box, or that of its forward node.
    place: Place,
    /// Whether it is folded.
    is_folded: bool,
) -> impl IntoView {
    let texts = use_texts();
    let testid = format!("fold-{name}");
    let label_name = name.clone();
    let label = move || {
        let texts = &texts.get().step_graph;
        if is_folded {
            (texts.unfold)(&label_name)
        } else {
            (texts.fold)(&label_name)
        }
    };
    let title = label.clone();
    view! {
        <button
            type="button"
            class="graph-fold"
            tabindex="-1"
            style:left=format!("{:.1}px", place.x + place.width - 14.0)
            style:top=format!("{:.1}px", place.y - 13.0)
            data-testid=testid
            aria-expanded=(!is_folded).to_string()
            aria-label=label
            title=title
            on:click=move |_| stage.toggle(&name)
        >
            <span aria-hidden="true">{if is_folded { "+" } else { "−" }}</span>
        </button>
    }
}

/// E folds the layer of what is focused; the focus stays with the layer.
fn fold_by_key(stage: Stage, layer: &str, event: &web_sys::KeyboardEvent) {
    let has_modifier = event.ctrl_key() || event.alt_key() || event.meta_key();
    if has_modifier || !event.key().eq_ignore_ascii_case("e") {
        return;
    }
    event.prevent_default();
    stage.toggle(layer);
    // Whichever of the two stands there now.
    let wanted = format!("[data-testid=\"layer-{layer}\"], [data-testid=\"node-{layer}\"]");
    request_animation_frame(move || {
        let button = document().query_selector(&wanted).ok().flatten();
        if let Some(button) = button.and_then(|b| b.dyn_into::<web_sys::HtmlElement>().ok()) {
            // An element that cannot take the focus leaves it where it is.
            let _ = button.focus();
        }
    });
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
