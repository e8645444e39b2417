//! Sequences through time: the layer unrolled, how gradients change on their way back, what a prediction depends on,
//! and one path factor by factor.

mod attention;
mod chain;
mod characters;
mod influence;
mod norms;
mod ribbons;

use std::sync::Arc;

use leptos::prelude::*;
use web_sys::{Event, HtmlDetailsElement};

pub use self::attention::AttentionPanel;
use self::chain::Chain;
use self::characters::batch_moment;
use self::influence::Influence;
use self::norms::Norms;
use self::ribbons::{Numbers, Ribbons};
use super::operation_panel::SampleChooser;
use super::scope::{Microscope, use_microscope};
use crate::view::microscope::model::GraphModel;
use crate::view::microscope::unrolled::{Strand, strands};
use crate::web::address::{use_address, use_texts};
use crate::web::step::page::REST;

/// What is looked at.
#[derive(Clone, Copy)]
pub struct Choice {
    pub strand: Memo<Strand>,
    pub step: RwSignal<u32>,
    pub unit: RwSignal<u32>,
    pub gate: RwSignal<u32>,
}

impl Choice {
    /// Changes with the batch, its edits, and when the layer has run: what answers in 64 bits depend on.
    fn moment(self, scope: Microscope) -> u64 {
        let has_run = scope.done.get() > self.strand.with(|strand| strand.node);
        let cursor = scope.cursor.get();
        let (step, edits) = cursor.map_or((0, 0), |cursor| (cursor.step, cursor.edits));
        match edits {
            0 => step << 1 | u64::from(has_run),
            _ => 1 << 63 | scope.revision.get(),
        }
    }
}

/// The views of sequences; nothing for a model without an operation over time.
#[component]
pub fn TimePanel(
    /// The graph of the batch.
    graph: Arc<GraphModel>,
) -> impl IntoView {
    let strands = strands(&graph);
    (!strands.is_empty()).then(|| view! { <Unrolled strands/> })
}

/// What the address says is chosen: a step and a unit, or a query and a key.
fn place_in_address() -> [Option<u32>; 2] {
    use_address().state.with_untracked(|state| state.place)
}

/// Writes the two into the address when they have been changed and rest.
fn remember(first: RwSignal<u32>, second: RwSignal<u32>) {
    let address = use_address();
    Effect::new(move |before: Option<[u32; 2]>| {
        let place = [first.get(), second.get()];
        let write = move || address.change(|state| state.place = place.map(Some));
        if before.is_some_and(|before| before != place)
            && let Ok(timer) = set_timeout_with_handle(write, REST)
        {
            on_cleanup(move || timer.clear());
        }
        place
    });
}

#[component]
fn Unrolled(
    /// The operations over time.
    strands: Vec<Strand>,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let names: Vec<String> = strands.iter().map(|strand| strand.name.clone()).collect();
    let number = RwSignal::new(0_usize);
    let last = strands[0].steps - 1;
    let [step, unit] = place_in_address();
    let strand = Memo::new(move |_| strands[number.get().min(strands.len() - 1)].clone());
    let choice = Choice {
        strand,
        step: RwSignal::new(step.unwrap_or(last).min(last)),
        unit: RwSignal::new(
            unit.unwrap_or(0)
                .min(strand.with_untracked(|s| s.hidden) - 1),
        ),
        gate: RwSignal::new(0),
    };
    remember(choice.step, choice.unit);
    let moment = Signal::derive(move || batch_moment(scope));
    Effect::new(move |_| scope.also.set(strand.with(Strand::tensors)));
    on_cleanup(move || {
        scope.also.try_set(Vec::new());
    });
    let has_layers = names.len() > 1;
    let options = names
        .into_iter()
        .enumerate()
        .map(|(at, name)| view! { <option value=at.to_string()>{name}</option> })
        .collect_view();
    let choose = move |event| {
        if let Ok(chosen) = event_target_value(&event).parse() {
            number.set(chosen);
        }
    };
    let size = move || strand.with(|s| (texts.get().time.size)(s.steps, s.hidden));
    view! {
        <section class="panel time" data-testid="time">
            <div class="panel-header">
                <h2 class="panel-title">
                    {move || texts.get().time.title}
                    <span class="panel-note">
                        " "
                        <code data-testid="time-strand">{move || strand.get().name}</code>
                        " · "
                        {size}
                    </span>
                </h2>
                <div class="cluster">
                    {has_layers
                        .then_some(
                            view! {
                                <label class="step-choice">
                                    {move || texts.get().time.layer}
                                    <select
                                        class="select"
                                        data-testid="time-layer"
                                        on:change=choose
                                    >
                                        {options}
                                    </select>
                                </label>
                            },
                        )}
                    <SampleChooser ids=("time-sample", "time-sample")/>
                </div>
            </div>
            <p class="panel-note">{move || texts.get().time.hint}</p>
            <Ribbons choice/>
            <Numbers choice/>
            <Norms choice/>
            <Part
                name="time-influence"
                title=Signal::derive(move || texts.get().time.influence)
                content=move || view! { <Influence moment/> }.into_any()
            />
            <Part
                name="time-path"
                title=Signal::derive(move || texts.get().time.path)
                content=move || view! { <Chain choice/> }.into_any()
            />
        </section>
    }
}

/// A part that is there while it is open.
#[component]
fn Part(
    /// Its test id.
    name: &'static str,
    /// What it is called.
    title: Signal<&'static str>,
    /// Makes it.
    content: impl Fn() -> AnyView + Send + Sync + 'static,
) -> impl IntoView {
    let is_open = RwSignal::new(false);
    let toggle = move |event: Event| {
        let details: HtmlDetailsElement = event_target(&event);
        is_open.set(details.open());
    };
    view! {
        <details class="time-part" data-testid=name on:toggle=toggle>
            <summary>
                <h3>{title}</h3>
            </summary>
            {move || is_open.get().then(&content)}
        </details>
    }
}
