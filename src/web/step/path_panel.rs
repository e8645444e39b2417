//! One path of the chain rule, factor by factor.

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::graph_view::phase_class;
use super::scope::use_microscope;
use crate::session::{ElementName, Inspection, PathFactor, PathFacts, PathStop, TermFacts};
use crate::view::format;
use crate::view::microscope::equation::in_words;
use crate::view::microscope::model::{Element, GraphModel, flat_index, index_label, shape_label};
use crate::view::microscope::path::{
    chain, derivative, ends, first_ends, label, parse_index, share, share_label, starts, via,
};
use crate::web::address::{use_address, use_texts};

/// Digits of the derivatives.
const DIGITS: usize = 5;

/// Choosing two elements, and the path between them.
#[component]
pub fn PathPanel(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let address = use_address();
    let linked = address.state.with_untracked(|state| state.path.clone());
    let is_open = RwSignal::new(linked.is_some());
    let first = linked.or_else(|| first_ends(&graph, scope.sample.get_untracked()));
    let (start, end) = match first {
        Some([start, end]) => (Some(start), Some(end)),
        None => (None, None),
    };
    let (from, to) = (RwSignal::new(start), RwSignal::new(end));
    let chosen = RwSignal::new(Vec::<ElementName>::new());
    // Another batch or other weights: the same path through other numbers.
    let moment = Memo::new(move |_| {
        let cursor = scope.cursor.get();
        cursor.map(|cursor| (cursor.step, cursor.edits))
    });
    Effect::new(move |_| {
        let is_here = moment.get().is_some();
        let (Some(from), Some(to)) = (from.get(), to.get()) else {
            return;
        };
        if is_open.get() && is_here {
            scope.follow_path(from, to, chosen.get());
        } else {
            scope.forget_path();
        }
    });
    on_cleanup(move || scope.forget_path());
    Effect::new(move |_| {
        let ends = from.get().zip(to.get()).map(|(from, to)| [from, to]);
        let ends = ends.filter(|_| is_open.get());
        let is_new = address.state.with_untracked(|state| state.path != ends);
        if is_new {
            address.change(|state| state.path = ends);
        }
    });
    let path = scope.part(|state| state.path.clone());
    let refusal = scope.part(|state| state.not_followed.clone());
    let is_following = scope.part(|state| state.is_following());
    let (from_graph, to_graph) = (Arc::clone(&graph), Arc::clone(&graph));
    let names = (starts(&graph), ends(&graph));
    let choose = Callback::new(
        move |(which, element): (RwSignal<Option<Element>>, Element)| {
            chosen.set(Vec::new());
            which.set(Some(element));
        },
    );
    let result = move || {
        let graph = Arc::clone(&graph);
        path.get()
            .map(|path| view! { <PathView graph path on_via=move |via| chosen.set(via)/> })
    };
    view! {
        <section class="panel path" data-testid="path">
            <div class="panel-header">
                <h2 class="panel-title">{move || texts.get().step_graph.path}</h2>
            </div>
            <p class="panel-note">{move || texts.get().step_graph.path_hint}</p>
            <div class="path-ends">
                <EndField
                    graph=from_graph
                    names=names.0
                    value=from
                    name="path-from"
                    label=Signal::derive(move || texts.get().step_graph.path_from)
                    on_choose=move |element| choose.run((from, element))
                />
                <EndField
                    graph=to_graph
                    names=names.1
                    value=to
                    name="path-to"
                    label=Signal::derive(move || texts.get().step_graph.path_to)
                    on_choose=move |element| choose.run((to, element))
                />
                <button
                    type="button"
                    class="button"
                    class:button-primary=move || !is_open.get()
                    data-testid="path-follow"
                    aria-expanded=move || is_open.get().to_string()
                    on:click=move |_| is_open.update(|is_open| *is_open = !*is_open)
                >
                    {move || {
                        let texts = &texts.get().step_graph;
                        if is_open.get() { texts.path_forget } else { texts.path_follow }
                    }}
                </button>
            </div>
            <p class="panel-note" role="status" data-testid="path-status">
                {move || is_following.get().then(|| texts.get().step_graph.path_follows)}
            </p>
            {move || {
                refusal
                    .get()
                    .map(|reason| {
                        let message = move || (texts.get().errors.refusal)(&reason);
                        view! {
                            <div class="banner is-warning" data-testid="path-refused">
                                <p class="banner-title">
                                    {move || texts.get().step_graph.path_not_followed}
                                </p>
                                <p class="banner-text">{message}</p>
                            </div>
                        }
                    })
            }}
            {result}
        </section>
    }
}

/// One end: a tensor from a list, and an element of it.
#[component]
fn EndField(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
    /// The tensors there are.
    names: Vec<String>,
    /// The element that is chosen.
    value: RwSignal<Option<Element>>,
    /// Begins the test ids.
    name: &'static str,
    /// Which end it is.
    label: Signal<&'static str>,
    /// Called with another element.
    #[prop(into)]
    on_choose: Callback<Element>,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let is_wrong = RwSignal::new(false);
    let tensor =
        Memo::new(move |_| value.with(|value| value.as_ref().map(|value| value.tensor.clone())));
    let known = StoredValue::new(names.clone());
    let options = names
        .into_iter()
        .map(|name| {
            let shape = graph.tensor(&name).map(|tensor| shape_label(&tensor.shape));
            let value = name.clone();
            let is_chosen = {
                let name = name.clone();
                move || tensor.with(|tensor| tensor.as_ref() == Some(&name))
            };
            view! {
                <option value=value selected=is_chosen>
                    {name}
                    " ("
                    {shape}
                    ")"
                </option>
            }
        })
        .collect_view();
    let by_tensor = Arc::clone(&graph);
    let choose_tensor = move |event| {
        let name: String = event_target_value(&event);
        is_wrong.set(false);
        if let Some(element) = by_tensor.first_element(&name, scope.sample.get_untracked()) {
            on_choose.run(element);
        }
    };
    let choose_index = move |event| {
        let index = parse_index(&event_target_value(&event));
        let name = tensor.get_untracked();
        let element = index
            .zip(name)
            .map(|(index, tensor)| Element { tensor, index });
        let element = element.filter(|element| {
            let tensor = graph.tensor(&element.tensor);
            tensor.is_some_and(|tensor| flat_index(&tensor.shape, &element.index).is_some())
        });
        is_wrong.set(element.is_none());
        if let Some(element) = element {
            on_choose.run(element);
        }
    };
    let index = move || {
        let label = value.with(|value| value.as_ref().map(|value| index_label(&value.index)));
        let label = label.unwrap_or_default();
        label.trim_matches(['[', ']']).to_string()
    };
    let chosen = move || {
        let element = scope.selected().get();
        element.filter(|element| known.with_value(|names| names.contains(&element.tensor)))
    };
    let take = move |_| {
        if let Some(element) = chosen() {
            is_wrong.set(false);
            on_choose.run(element);
        }
    };
    let is_scalar = Memo::new(move |_| {
        value.with(|value| value.as_ref().is_none_or(|value| value.index.is_empty()))
    });
    let of_end = move |part: &str| format!("{}{}{part}", label.get(), texts.get().locale.colon());
    let tensor_label = move || of_end(texts.get().step_graph.path_tensor);
    let index_text = move || of_end(texts.get().step_graph.path_index);
    view! {
        <fieldset class="path-end">
            <legend>{label}</legend>
            <div class="cluster">
                <select
                    class="select"
                    data-testid=format!("{name}-tensor")
                    aria-label=tensor_label
                    on:change=choose_tensor
                >
                    {options}
                </select>
                <input
                    type="text"
                    class="input path-index"
                    inputmode="decimal"
                    autocomplete="off"
                    data-testid=format!("{name}-index")
                    aria-label=index_text
                    aria-invalid=move || is_wrong.get().to_string()
                    disabled=move || is_scalar.get()
                    prop:value=index
                    on:change=choose_index
                />
                <button
                    type="button"
                    class="button button-quiet"
                    data-testid=format!("{name}-take")
                    disabled=move || chosen().is_none()
                    on:click=take
                >
                    {move || texts.get().step_graph.path_take}
                </button>
            </div>
            <Show when=move || is_wrong.get()>
                <p class="field-error" role="alert">
                    {move || texts.get().step_graph.path_bad_index}
                </p>
            </Show>
        </fieldset>
    }
}

/// A path that was followed: the whole, then stop by stop.
#[component]
fn PathView(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
    /// The path.
    path: Arc<PathFacts>,
    /// Called with the elements that the path is to go through.
    #[prop(into)]
    on_via: Callback<Vec<ElementName>>,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let is_whole = path.is_whole;
    let blocked = path.blocked_at.and_then(|node| graph.node(node as usize));
    let blocked = blocked.map(|node| node.name.clone());
    let why_not = (!is_whole).then_some(move || {
        let texts = &texts.get().step_graph;
        match &blocked {
            Some(node) => (texts.path_blocked)(node),
            None => texts.path_independent.to_string(),
        }
    });
    let part = share(path.product, path.total);
    let (product, total) = (path.product, path.total);
    let product_chain = chain(&path);
    let lit_chain = Memo::new(move |_| {
        let tensor = scope.lit().get();
        crate::view::microscope::equation::lit(&product_chain, tensor.as_deref())
    });
    let light = move |event: web_sys::PointerEvent| {
        let target: Option<web_sys::Element> = event.target().and_then(|t| t.dyn_into().ok());
        let term = target.and_then(|target| target.closest("[data-term]").ok().flatten());
        scope.light(term.and_then(|term| term.get_attribute("data-term")));
    };
    let stops = path
        .stops
        .iter()
        .enumerate()
        .map(|(number, stop)| {
            let before = number
                .checked_sub(1)
                .map(|before| path.stops[before].clone());
            let (path, graph) = (Arc::clone(&path), Arc::clone(&graph));
            let choose = move |element: ElementName| on_via.run(via(&path, number, &element));
            view! { <StopView graph stop=stop.clone() before number on_choose=choose/> }
        })
        .collect_view();
    view! {
        {why_not
            .map(|why_not| view! { <p class="path-verdict" data-testid="path-blocked">{why_not}</p> })}
        <Show when=move || is_whole>
            <div
                class="equation path-chain"
                data-testid="path-chain"
                inner_html=move || lit_chain.get()
                on:pointerover=light
                on:pointerleave=move |_| scope.light(None)
            ></div>
        </Show>
        <dl class="metrics path-figures">
            <div class="metric">
                <dt class="metric-label">{move || texts.get().step_graph.path_this}</dt>
                <dd class="metric-value" data-testid="path-product" data-value=format::bare(product)>
                    {format::significant(product, DIGITS)}
                </dd>
            </div>
            <div class="metric">
                <dt class="metric-label">{move || texts.get().step_graph.path_all}</dt>
                <dd class="metric-value" data-testid="path-total" data-value=format::bare(total)>
                    {format::significant(total, DIGITS)}
                </dd>
            </div>
            <div class="metric" title=move || texts.get().step_graph.path_share_hint>
                <dt class="metric-label">{move || texts.get().step_graph.path_share}</dt>
                <dd class="metric-value" data-testid="path-share">
                    {part.map_or("–".to_string(), share_label)}
                </dd>
            </div>
        </dl>
        <p class="panel-note">
            {move || texts.get().step_graph.path_greedy}
            " "
            {move || texts.get().step_graph.path_share_hint}
        </p>
        <ol class="path-stops" data-testid="path-stops">{stops}</ol>
    }
}

/// A stop with the factor that leads to it.
#[component]
fn StopView(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
    /// The stop.
    stop: PathStop,
    /// The stop before.
    before: Option<PathStop>,
    /// Its number on the path.
    number: usize,
    /// Called with another element for this stop.
    #[prop(into)]
    on_choose: Callback<ElementName>,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let element: Element = stop.element.clone().into();
    let (name, select) = (element.label(), element.clone());
    let (over, focus) = (element.tensor.clone(), element.tensor.clone());
    let tensor = element.tensor.clone();
    let is_lit = move || scope.lit().with(|lit| lit.as_ref() == Some(&tensor));
    let factor = stop.factor.clone().zip(before).map(|(factor, before)| {
        view! { <FactorView graph factor before stop=stop.element.clone() on_choose/> }
    });
    let (value, product, above) = (stop.value, stop.product, stop.above);
    view! {
        <li class="path-stop" class:is-lit=is_lit data-testid=format!("path-stop-{number}")>
            {factor}
            <div class="path-element">
                <button
                    type="button"
                    class="term-factor path-name"
                    on:click=move |_| scope.select(select.clone())
                    on:pointerenter=move |_| scope.light(Some(over.clone()))
                    on:pointerleave=move |_| scope.light(None)
                    on:focus=move |_| scope.light(Some(focus.clone()))
                    on:blur=move |_| scope.light(None)
                >
                    <strong>{name}</strong>
                </button>
                <span class="numeric">
                    <span class="muted">{move || texts.get().step_graph.path_value} " "</span>
                    {format::significant(value, DIGITS)}
                </span>
                <span class="numeric">
                    <span class="muted">{move || texts.get().step_graph.path_product} " "</span>
                    <span data-testid="stop-product" data-value=format::bare(product)>
                        {format::significant(product, DIGITS)}
                    </span>
                </span>
                <span class="numeric">
                    <span class="muted">{move || texts.get().step_graph.path_above} " "</span>
                    <span data-testid="stop-above" data-value=format::bare(above)>
                        {format::significant(above, DIGITS)}
                    </span>
                </span>
            </div>
        </li>
    }
}

/// A local derivative: its value, where it comes from, and the other ways.
#[component]
fn FactorView(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
    /// The factor.
    factor: PathFactor,
    /// The stop that it is the derivative of.
    before: PathStop,
    /// The element that it is taken by.
    stop: ElementName,
    /// Called with another element to go on to.
    #[prop(into)]
    on_choose: Callback<ElementName>,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let node = graph.node(factor.node as usize);
    let node_name = node.map_or(String::new(), |node| node.name.clone());
    let class = node.map_or("", |node| phase_class(node.phase));
    let done = factor.node + 1;
    let quotient = format!(
        "<math><mrow>{}<mo>=</mo><mn>{}</mn></mrow></math>",
        derivative(&before.element, &stop),
        format::significant(factor.derivative, DIGITS)
    );
    let spoken = {
        let names = (label(&before.element), label(&stop));
        move || (texts.get().step_graph.path_derivative)(&names.0, &names.1)
    };
    let equation = {
        let mathml = factor.equation.mathml.clone();
        move || in_words(&mathml, texts.get().locale)
    };
    let listed = factor.alternatives.len();
    let ways = factor.way_count;
    let alternatives = factor.alternatives.clone();
    let elements: Vec<ElementName> = alternatives.iter().map(|a| a.element.clone()).collect();
    let options = alternatives
        .into_iter()
        .enumerate()
        .map(|(position, way)| {
            let name = label(&way.element);
            let value = format::significant(way.derivative, 4);
            let carried = share(way.carried, before.below);
            let carried = carried.map_or("–".to_string(), share_label);
            let is_chosen = way.element == stop;
            view! {
                <option value=position.to_string() selected=is_chosen>
                    {move || (texts.get().step_graph.path_alternative)(&name, &value, &carried)}
                </option>
            }
        })
        .collect_view();
    let choose = move |event| {
        let position = event_target_value(&event).parse::<usize>().ok();
        if let Some(element) = position.and_then(|position| elements.get(position)) {
            on_choose.run(element.clone());
        }
    };
    let terms = factor.terms.iter().map(term_text).collect::<Vec<_>>();
    let terms = terms.join(" + ");
    let way_chooser = if ways > 1 {
        view! {
            <label class="path-way">
                <span class="muted">
                    {move || {
                        let texts = texts.get();
                        let counted = (texts.step_graph.path_ways)(listed, ways);
                        format!("{}{}", texts.step_graph.path_way, texts.locale.in_brackets(&counted))
                    }}
                </span>
                <select class="select" data-testid="path-way" on:change=choose>
                    {options}
                </select>
            </label>
        }
        .into_any()
    } else {
        view! { <span class="muted">{move || texts.get().step_graph.path_single}</span> }.into_any()
    };
    view! {
        <div class=format!("path-factor {class}")>
            <div class="path-derivative">
                <button
                    type="button"
                    class="system-name"
                    on:click=move |_| scope.go(Inspection::Goto { done })
                >
                    {node_name}
                </button>
                <span class="path-quotient" title=spoken inner_html=quotient></span>
            </div>
            {way_chooser}
            <details class="path-details">
                <summary>
                    {move || texts.get().step_graph.path_factor}
                    " · "
                    <code>{factor.operation}</code>
                </summary>
                <div class="equation" inner_html=equation></div>
                <p class="panel-note">{move || texts.get().step_graph.path_left}</p>
                <p class="numeric path-terms">{terms}</p>
            </details>
        </div>
    }
}

/// `fc2.weight[0, 2] (0.4)`, or the number alone where nothing of the graph is left in a term.
fn term_text(term: &TermFacts) -> String {
    let references = term.references.iter().map(|reference| {
        format!(
            "{}{} ({})",
            reference.tensor,
            index_label(&reference.index),
            format::significant(reference.value, DIGITS)
        )
    });
    let references: Vec<String> = references.collect();
    let value = format::significant(term.value, DIGITS);
    if references.is_empty() {
        value
    } else {
        format!("{} → {value}", references.join(" · "))
    }
}
