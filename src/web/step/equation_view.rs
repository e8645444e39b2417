//! The equations of an operation, each term tied to its tensor.

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

use super::scope::use_microscope;
use super::segmented::Segmented;
use super::system_view::SystemView;
use crate::session::{EquationFacts, NodeFacts};
use crate::view::format;
use crate::view::microscope::equation::{
    Notation, in_words, lit, symbols, with_numbers, with_shapes,
};
use crate::view::microscope::model::{GraphModel, shape_label};
use crate::view::microscope::system::Direction;
use crate::web::address::{use_locale, use_texts};

/// All equations of a node, and what their symbols stand for.
#[component]
pub fn EquationView(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
    /// The node.
    node: NodeFacts,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let choices = Signal::derive(move || {
        let step = &texts.get().step;
        let name = |notation| match notation {
            Notation::Symbols => step.symbols,
            Notation::Shapes => step.shapes,
            Notation::Numbers => step.numbers,
        };
        Notation::ALL
            .map(|notation| (notation, name(notation)))
            .to_vec()
    });
    let label = Signal::derive(move || texts.get().step.equation_notation);
    let operation = StoredValue::new((Arc::clone(&graph), Arc::new(node)));
    let scopes = Signal::derive(move || {
        let texts = &texts.get().step_graph;
        vec![
            (None, texts.this_operation),
            (Some(Direction::Forward), texts.whole_model),
            (Some(Direction::Backward), texts.gradients),
        ]
    });
    let scope_label = Signal::derive(move || texts.get().step_graph.equations_of);
    let content = move || match scope.system.get() {
        None => {
            let (graph, node) = operation.get_value();
            view! { <OperationEquations graph node/> }.into_any()
        }
        Some(direction) => {
            let (graph, _) = operation.get_value();
            view! { <SystemView graph direction/> }.into_any()
        }
    };
    view! {
        <div class="step-part">
            <div class="spread">
                <h3>{move || texts.get().step.equation}</h3>
                <div class="cluster">
                    <Segmented
                        name="equation-scope"
                        label=scope_label
                        choices=scopes
                        value=scope.system
                        on_choose=move |direction| scope.system.set(direction)
                    />
                    <Segmented
                        name="equation-notation"
                        label
                        choices
                        value=scope.notation
                        on_choose=move |notation| scope.notation.set(notation)
                    />
                </div>
            </div>
            {content}
        </div>
    }
}

/// The equations of one node, and what their symbols stand for.
#[component]
fn OperationEquations(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
    /// The node.
    node: Arc<NodeFacts>,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let equations = node
        .equations
        .iter()
        .map(|equation| {
            let (graph, node) = (Arc::clone(&graph), Arc::clone(&node));
            view! { <OneEquation graph node equation=equation.clone()/> }
        })
        .collect_view();
    let waits = move || {
        scope.notation.get() == Notation::Numbers && scope.explanation.with(Option::is_none)
    };
    view! {
        {equations}
        <Show when=waits>
            <p class="panel-note">{move || texts.get().step.numbers_need_an_element}</p>
        </Show>
        <SymbolList graph node/>
    }
}

/// One equation.
#[component]
fn OneEquation(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
    /// The node.
    node: Arc<NodeFacts>,
    /// The equation.
    equation: EquationFacts,
) -> impl IntoView {
    let scope = use_microscope();
    let locale = use_locale();
    let texts = use_texts();
    let defined = symbols(&equation.mathml).first().map(ToString::to_string);
    let latex = equation.latex.clone();
    let shown = {
        let (graph, node) = (Arc::clone(&graph), Arc::clone(&node));
        Memo::new(move |_| {
            let text = match scope.notation.get() {
                Notation::Symbols => equation.mathml.clone(),
                Notation::Shapes => with_shapes(&equation.mathml, |symbol| {
                    let tensor = graph.tensor(graph.bound(&node, symbol)?)?;
                    Some(tensor.shape.clone())
                }),
                Notation::Numbers => {
                    let explanation = scope.explanation.get();
                    // An update in place: the row of all parameters, of which this is one.
                    let is_part = |name: &str| {
                        name == equation.tensor
                            || (graph
                                .tensor(name)
                                .is_some_and(|tensor| tensor.node.is_none())
                                && node.equations.first().map(|e| &e.tensor)
                                    == Some(&equation.tensor))
                    };
                    match (explanation, &defined) {
                        (Some(facts), Some(symbol)) if is_part(&facts.tensor) => {
                            with_numbers(symbol, &facts)
                        }
                        _ => equation.mathml.clone(),
                    }
                }
            };
            let symbol = scope.lit().with(|name| {
                let name = name.as_ref()?;
                let mut operands = node.outputs.iter().chain(&node.inputs);
                operands
                    .find(|(_, tensor)| tensor == name)
                    .map(|(symbol, _)| symbol.clone())
            });
            in_words(&lit(&text, symbol.as_deref()), locale.get())
        })
    };
    let term_under = move |event: &web_sys::Event| {
        let target: web_sys::Element = event.target()?.dyn_into().ok()?;
        let symbol = target
            .closest("[data-term]")
            .ok()??
            .get_attribute("data-term")?;
        graph.bound(&node, &symbol).map(ToString::to_string)
    };
    let light = move |event: web_sys::PointerEvent| scope.light(term_under(&event));
    view! {
        <div class="equation-row">
            <div
                class="equation"
                tabindex="0"
                role="group"
                data-own-arrows=""
                aria-label=move || texts.get().step.equation
                data-testid="equation"
                inner_html=move || shown.get()
                on:pointerover=light
                on:pointerleave=move |_| scope.light(None)
            ></div>
            <CopyButton text=latex label=Signal::derive(move || texts.get().step.copy_latex)/>
        </div>
    }
}

/// Puts a text on the clipboard.
#[component]
pub fn CopyButton(
    /// The text.
    text: String,
    /// What the button says.
    #[prop(into)]
    label: Signal<&'static str>,
) -> impl IntoView {
    let texts = use_texts();
    let is_copied = RwSignal::new(false);
    let copy = move |_| {
        let done = JsFuture::from(window().navigator().clipboard().write_text(&text));
        leptos::task::spawn_local(async move {
            match done.await {
                Ok(_) => is_copied.set(true),
                Err(error) => leptos::logging::warn!("the clipboard refused: {error:?}"),
            }
        });
    };
    view! {
        <button type="button" class="button button-quiet" data-testid="copy-latex" on:click=copy>
            {move || if is_copied.get() { texts.get().step.copied } else { label.get() }}
        </button>
    }
}

/// What each symbol stands for: tensors with their shapes, sizes with their numbers.
#[component]
fn SymbolList(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
    /// The node.
    node: Arc<NodeFacts>,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let mut seen: Vec<String> = Vec::new();
    for equation in &node.equations {
        for symbol in symbols(&equation.mathml) {
            if !seen.iter().any(|known| known == symbol) {
                seen.push(symbol.to_string());
            }
        }
    }
    let tensors = seen
        .into_iter()
        .filter_map(|symbol| {
            let name = graph.bound(&node, &symbol)?.to_string();
            let shape = graph.tensor(&name).map(|tensor| shape_label(&tensor.shape));
            let is_lit = {
                let name = name.clone();
                move || scope.lit().with(|lit| lit.as_ref() == Some(&name))
            };
            let testid = format!("term-{symbol}");
            let [over, focus] = [name.clone(), name.clone()];
            Some(view! {
                <li>
                    <button
                        type="button"
                        class="term-chip"
                        class:is-lit=is_lit
                        data-testid=testid
                        on:pointerenter=move |_| scope.light(Some(over.clone()))
                        on:pointerleave=move |_| scope.light(None)
                        on:focus=move |_| scope.light(Some(focus.clone()))
                        on:blur=move |_| scope.light(None)
                    >
                        <i>{symbol}</i>
                        " = "
                        <code>{name}</code>
                        " "
                        <span class="numeric muted">{shape}</span>
                    </button>
                </li>
            })
        })
        .collect_view();
    let scalars = node
        .scalars
        .iter()
        .map(|(name, value)| {
            view! {
                <li class="term-scalar">
                    <i>{name.clone()}</i>
                    " = "
                    <span class="numeric">{number(*value)}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <ul class="term-list" aria-label=move || texts.get().step.where_label>
            {tensors} {scalars}
        </ul>
    }
}

/// Attributes are 32-bit numbers: 0.9, not 0.89999998.
fn number(value: f64) -> String {
    let rounded = value as f32;
    if f64::from(rounded) == value {
        format::shortest(rounded)
    } else {
        format::significant(value, 8)
    }
}
