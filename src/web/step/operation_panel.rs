//! The operation that is shown: picture, equation, numbers now, shader source.

use std::sync::Arc;

use leptos::prelude::*;

use super::edit_panel::EditPanel;
use super::equation_view::EquationView;
use super::explanation_panel::ExplanationPanel;
use super::gradient_check::GradientCheck;
use super::graph_view::{phase_class, phase_name};
use super::kernel_view::KernelView;
use super::scope::use_microscope;
use super::segmented::Segmented;
use super::tensor_panel::TensorPanel;
use super::update_comparison::UpdateComparison;
use crate::session::NodeFacts;
use crate::view::microscope::model::GraphModel;
use crate::view::microscope::paint::Scale;
use crate::web::address::use_texts;

/// Everything about the node that ran last, or that is about to run first.
#[component]
pub fn OperationPanel(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
) -> impl IntoView {
    let scope = use_microscope();
    let kept = Arc::clone(&graph);
    let content = move || {
        let node = kept.node(scope.shown.get())?.clone();
        let graph = Arc::clone(&kept);
        Some(view! { <Operation graph node/> })
    };
    view! {
        <div class="step-bench">
            <div class="step-main">{content}</div>
            <div class="step-side panel">
                <ExplanationPanel/>
                <GradientCheck/>
                <EditPanel/>
            </div>
        </div>
    }
}

/// One operation.
#[component]
fn Operation(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
    /// The node.
    node: NodeFacts,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let phase = node.phase;
    let when = move || {
        let step = &texts.get().step;
        if scope.done.get() == 0 {
            step.nothing_ran
        } else {
            step.just_ran
        }
    };
    let (name, operation) = (node.name.clone(), node.operation.clone());
    let title = name.clone();
    let kind = operation.clone();
    let kernels = node.clone();
    let equations = node.clone();
    let compared = graph
        .updates_parameters(scope.shown.get_untracked())
        .then(|| Arc::clone(&graph));
    view! {
        <section
            class=format!("panel operation {}", phase_class(phase))
            data-testid="operation"
            data-node=name
            data-operation=kind
        >
            <div class="panel-header">
                <h2 class="panel-title">
                    <span class="panel-note">{when} {move || texts.get().locale.colon()}</span>
                    <code data-testid="operation-name">{title}</code>
                </h2>
                <span class="tag">
                    {move || phase_name(phase, &texts.get().step)}
                    " · "
                    <code>{operation}</code>
                </span>
            </div>
            <Tensors graph=Arc::clone(&graph) node/>
            {compared.map(|graph| view! { <UpdateComparison graph/> })}
            <EquationView graph node=equations/>
            <KernelView node=kernels/>
        </section>
    }
}

/// The tensors around the operation, what it writes first.
#[component]
fn Tensors(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
    /// The node.
    node: NodeFacts,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let number = scope.shown.get_untracked();
    let is_update = graph.updates_parameters(number);
    let parameters: Vec<String> = graph
        .parameters()
        .into_iter()
        .map(|tensor| tensor.name.clone())
        .collect();
    let panels = {
        let graph = Arc::clone(&graph);
        move || {
            let around = graph.around(number, scope.parameter.get());
            around
                .into_iter()
                .map(|tensor| {
                    let symbols_of = |operands: &[(String, String)]| {
                        let mut symbols: Vec<String> = operands
                            .iter()
                            .filter(|(_, name)| *name == tensor.name)
                            .map(|(symbol, _)| symbol.clone())
                            .collect();
                        symbols.dedup();
                        symbols
                    };
                    let written = symbols_of(&node.outputs);
                    let is_output = !written.is_empty() || (is_update && tensor.gradient.is_some());
                    let symbols = if written.is_empty() {
                        symbols_of(&node.inputs)
                    } else {
                        written
                    };
                    view! { <TensorPanel tensor=tensor.clone() symbols is_output/> }
                })
                .collect_view()
        }
    };
    let chooser = is_update.then(|| {
        let options = parameters
            .into_iter()
            .enumerate()
            .map(|(position, name)| {
                view! {
                    <option
                        value=position.to_string()
                        selected=move || scope.parameter.get() == position
                    >
                        {name}
                    </option>
                }
            })
            .collect_view();
        let choose = move |event| {
            if let Ok(position) = event_target_value(&event).parse() {
                scope.parameter.set(position);
            }
        };
        view! {
            <label class="step-choice">
                {move || texts.get().step.parameter}
                <select class="select" data-testid="parameter-select" on:change=choose>
                    {options}
                </select>
            </label>
        }
    });
    let scales = Signal::derive(move || {
        let step = &texts.get().step;
        let name = |scale| match scale {
            Scale::Tensor => step.scale_tensor,
            Scale::Layer => step.scale_layer,
            Scale::Global => step.scale_global,
        };
        Scale::ALL.map(|scale| (scale, name(scale))).to_vec()
    });
    view! {
        <div class="step-part">
            <div class="spread">
                <h3>{move || texts.get().step.numbers_now}</h3>
                <div class="cluster">
                    {chooser}
                    <SampleChooser/>
                    <span class="step-choice" title=move || texts.get().step.scale_hint>
                        {move || texts.get().step.scale}
                        <Segmented
                            name="color-scale"
                            label=Signal::derive(move || texts.get().step.scale)
                            choices=scales
                            value=scope.scale
                            on_choose=move |scale| scope.scale.set(scale)
                        />
                    </span>
                </div>
            </div>
            <div class="tensor-grid">{panels}</div>
        </div>
    }
}

/// The sample of the batch that all pictures show.
#[component]
pub fn SampleChooser(
    /// Its field's id, and the test id of it.
    #[prop(default = ("step-sample", "sample"))]
    ids: (&'static str, &'static str),
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let count = Memo::new(move |_| scope.cursor.with(|c| c.as_ref().map_or(0, |c| c.valid)));
    let has_several = move || count.get() > 1;
    let is_last = move || scope.sample.get() + 1 >= count.get();
    let choose = move |sample: u32| {
        scope
            .sample
            .set(sample.min(count.get_untracked().max(1) - 1))
    };
    let change = move |event| {
        if let Ok(sample) = event_target_value(&event).parse() {
            choose(sample);
        }
    };
    view! {
        <Show when=has_several>
            <span class="step-choice">
                <label for=ids.0>{move || texts.get().step.sample}</label>
                <button
                    type="button"
                    class="button button-icon"
                    aria-label=move || texts.get().step.previous
                    disabled=move || scope.sample.get() == 0
                    on:click=move |_| choose(scope.sample.get_untracked().saturating_sub(1))
                >
                    "‹"
                </button>
                <input
                    id=ids.0
                    type="number"
                    class="input step-sample"
                    data-testid=ids.1
                    min="0"
                    max=move || (count.get().max(1) - 1).to_string()
                    prop:value=move || scope.sample.get().to_string()
                    on:change=change
                />
                <button
                    type="button"
                    class="button button-icon"
                    aria-label=move || texts.get().step.following
                    disabled=is_last
                    on:click=move |_| choose(scope.sample.get_untracked() + 1)
                >
                    "›"
                </button>
                <span class="panel-note">{move || (texts.get().step.samples)(count.get())}</span>
            </span>
        </Show>
    }
}
