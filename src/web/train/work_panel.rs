//! What one step costs on the device.

use leptos::prelude::*;

use crate::session::{DeviceKind, ExecutionFigures};
use crate::view::format;
use crate::view::texts::SummaryTexts;
use crate::web::address::use_texts;
use crate::web::engine::use_engine;

/// What the browser's clock tells apart.
const CLOCK_MILLIS: f64 = 0.1;

/// Dispatches, submits, allocations and memory, as counted by the engine.
#[component]
pub fn WorkPanel() -> impl IntoView {
    let texts = use_texts();
    let engine = use_engine();
    let figures = engine.part(|run| run.figures);
    let step_millis = engine.part(|run| run.last.map(|last| last.step_millis));
    let is_gpu = engine.part(|run| {
        let started = run.started.as_ref();
        started.is_some_and(|started| started.device.kind != DeviceKind::Cpu)
    });
    view! {
        <section class="panel" data-testid="work">
            <h2 class="panel-title">{move || texts.get().summary.work_title}</h2>
            <Show
                when=move || figures.get().is_some()
                fallback=move || view! { <p class="panel-note">{texts.get().summary.waiting}</p> }
            >
                <dl class="figures">
                    <dt title=move || texts.get().summary.step_time_hint>
                        {move || texts.get().summary.step_time}
                    </dt>
                    <dd class="numeric" data-testid="step-time">
                        {move || {
                            let millis = f64::from(step_millis.get()?);
                            let least = CLOCK_MILLIS.max(millis);
                            let duration = format::duration(least, texts.get().locale);
                            Some(if millis < CLOCK_MILLIS { format!("< {duration}") } else { duration })
                        }}
                    </dd>
                    <Show when=move || is_gpu.get()>
                    <Figure
                        testid="dispatches-per-step"
                        figures
                        value=|f| format::significant(f.dispatches_per_step.into(), 4)
                        label=|t| t.dispatches_per_step
                        hint=|t| t.dispatches_hint
                    />
                    <Figure
                        testid="submits-per-step"
                        figures
                        value=|f| format::significant(f.submits_per_step.into(), 3)
                        label=|t| t.submits_per_step
                        hint=|t| t.submits_hint
                    />
                    <Figure
                        testid="allocations-in-warm-up"
                        figures
                        value=|f| format::count(f.allocations_in_warm_up)
                        label=|t| t.allocations_in_warm_up
                        hint=|t| t.allocations_hint
                    />
                    <Figure
                        testid="allocations-after-warm-up"
                        figures
                        value=|f| format::count(f.allocations_after_warm_up)
                        label=|t| t.allocations_after_warm_up
                        hint=|t| t.allocations_hint
                    />
                    </Show>
                    <Figure
                        testid="peak-bytes"
                        figures
                        value=|f| format::bytes(f.peak_bytes)
                        label=|t| t.memory
                        hint=|t| t.memory_hint
                    />
                </dl>
            </Show>
        </section>
    }
}

/// One figure with its name; what it means stands in a tooltip.
#[component]
fn Figure(
    /// The `data-testid` of the number.
    testid: &'static str,
    /// All figures.
    #[prop(into)]
    figures: Signal<Option<ExecutionFigures>>,
    /// The number among them, as text.
    value: fn(&ExecutionFigures) -> String,
    /// Its name among the texts.
    label: fn(&SummaryTexts) -> &'static str,
    /// What it means.
    hint: fn(&SummaryTexts) -> &'static str,
) -> impl IntoView {
    let texts = use_texts();
    let text = Memo::new(move |_| figures.with(|figures| figures.as_ref().map(value)));
    view! {
        <dt title=move || hint(&texts.get().summary)>{move || label(&texts.get().summary)}</dt>
        <dd class="numeric" data-testid=testid>{move || text.get()}</dd>
    }
}
