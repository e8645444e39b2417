//! The equations of the whole model, row by row, each symbol tied to its tensor.

use std::collections::HashMap;
use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::equation_view::CopyButton;
use super::graph_view::phase_class;
use super::scope::{Microscope, use_microscope};
use crate::session::Inspection;
use crate::view::microscope::equation::{Notation, lit};
use crate::view::microscope::model::{GraphModel, element_count};
use crate::view::microscope::system::{Direction, Dress, Row, composition, latex, mathml, rows};
use crate::web::address::use_texts;

/// Largest tensor whose numbers may be written out.
const MOST_NUMBERS: u64 = 12;

/// The numbers of small tensors, as far as they were read.
type Numbers = Memo<Arc<HashMap<String, Arc<Vec<f32>>>>>;

/// All rows of one direction.
#[component]
pub fn SystemView(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
    /// Forward or backward.
    direction: Direction,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let numbers = numbers(scope, &graph);
    let system = rows(&graph, direction);
    let all = latex(&graph, &system);
    let composed = (direction == Direction::Forward)
        .then(|| composition(&graph))
        .flatten();
    let composed = composed.map(|row| {
        let text = latex(&graph, std::slice::from_ref(&row));
        let graph = Arc::clone(&graph);
        view! {
            <div class="step-subpart">
                <h4>{move || texts.get().step_graph.composition}</h4>
                <div class="equation-row">
                    <Formula graph row numbers testid="composition"/>
                    <CopyButton text label=Signal::derive(move || texts.get().step.copy_latex)/>
                </div>
            </div>
        }
    });
    let hint = move || {
        let texts = &texts.get().step_graph;
        match direction {
            Direction::Forward => texts.system_hint,
            Direction::Backward => texts.gradients_hint,
        }
    };
    let lines = system
        .into_iter()
        .map(|row| {
            let graph = Arc::clone(&graph);
            view! { <Line graph row numbers/> }
        })
        .collect_view();
    view! {
        {composed}
        <p class="panel-note">{hint}</p>
        <ol class="system" data-testid="system">{lines}</ol>
        <div class="spread">
            <p class="panel-note">
                {move || texts.get().step_graph.notation_hint}
                " "
                {move || {
                    let is_numbers = scope.notation.get() == Notation::Numbers;
                    is_numbers.then(|| texts.get().step_graph.numbers_hint)
                }}
            </p>
            <CopyButton text=all label=Signal::derive(move || texts.get().step.copy_latex)/>
        </div>
    }
}

fn numbers(scope: Microscope, graph: &GraphModel) -> Numbers {
    let small: Vec<(String, usize)> = graph
        .facts
        .tensors
        .iter()
        .map(|tensor| (tensor.name.clone(), element_count(&tensor.shape)))
        .filter(|&(_, count)| count <= MOST_NUMBERS)
        .map(|(name, count)| (name, count as usize))
        .collect();
    scope.part(move |state| {
        let read = small.iter().filter_map(|(name, count)| {
            let values = state.reading(name)?.values.clone()?;
            (values.len() == *count).then(|| (name.clone(), values))
        });
        Arc::new(read.collect())
    })
}

/// One row: the operation, which is run up to when pressed, and its equation.
#[component]
fn Line(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
    /// The equation.
    row: Row,
    /// The numbers that are known.
    numbers: Numbers,
) -> impl IntoView {
    let scope = use_microscope();
    let number = row.node;
    let node = graph.node(number);
    let class = node.map_or("", |node| phase_class(node.phase));
    let name = node.map_or(String::new(), |node| node.name.clone());
    let is_done = Memo::new(move |_| number < scope.done.get() as usize);
    let is_current = Memo::new(move |_| scope.shown.get() == number);
    view! {
        <li
            class=format!("system-row {class}")
            class:is-waiting=move || !is_done.get()
            class:is-current=move || is_current.get()
            aria-current=move || is_current.get().then_some("step")
        >
            <button
                type="button"
                class="system-name"
                on:click=move |_| scope.go(Inspection::Goto { done: number as u32 + 1 })
            >
                {name}
            </button>
            <Formula graph row numbers testid="system-equation"/>
        </li>
    }
}

/// An equation whose symbols light their tensors.
#[component]
fn Formula(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
    /// The equation.
    row: Row,
    /// The numbers that are known.
    numbers: Numbers,
    /// The test id.
    testid: &'static str,
) -> impl IntoView {
    let scope = use_microscope();
    let written = Memo::new(move |_| match scope.notation.get() {
        Notation::Symbols => mathml(&graph, &row, Dress::Symbols),
        Notation::Shapes => mathml(&graph, &row, Dress::Shapes),
        Notation::Numbers => numbers.with(|numbers| {
            let known = |tensor: &str| numbers.get(tensor).map(|values| values.to_vec());
            mathml(&graph, &row, Dress::Numbers(&known))
        }),
    });
    let shown = Memo::new(move |_| {
        let tensor = scope.lit().get();
        written.with(|text| lit(text, tensor.as_deref()))
    });
    let light = move |event: web_sys::PointerEvent| {
        let target: Option<web_sys::Element> = event.target().and_then(|t| t.dyn_into().ok());
        let term = target.and_then(|target| target.closest("[data-term]").ok().flatten());
        scope.light(term.and_then(|term| term.get_attribute("data-term")));
    };
    view! {
        <div
            class="equation"
            data-testid=testid
            inner_html=move || shown.get()
            on:pointerover=light
            on:pointerleave=move |_| scope.light(None)
        ></div>
    }
}
