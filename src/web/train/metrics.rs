//! The readings of a run: bare numbers, with labels and units beside them; counts with thousands separators.

use leptos::prelude::*;

use crate::session::Evaluation;
use crate::view::format;
use crate::view::presets::{self, OwnData};
use crate::view::run_state::Measures;
use crate::view::texts::{DataTexts, MetricsTexts};
use crate::web::address::use_texts;
use crate::web::engine::use_engine;

/// Step, epoch, loss, accuracy, held-out loss and accuracy, speed.
#[component]
pub fn Metrics() -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let step = engine.part(|run| run.id().map(|_| format::count(run.step)));
    let epoch = engine.part(|run| run.last.map(|last| format!("{:.2}", last.epoch)));
    let loss = engine.part(|run| run.last.map(|last| format::bare(last.loss.into())));
    let accuracy = engine.part(|run| {
        let accuracy = run.last.and_then(|last| last.accuracy)?;
        Some(format::bare(accuracy.into()))
    });
    let held_out = |select: fn(&Evaluation) -> Option<f32>| {
        engine.part(move |run| {
            let evaluated = run.evaluated.as_ref()?;
            Some(format::bare(select(&evaluated.evaluation)?.into()))
        })
    };
    let held_out_loss = held_out(|evaluation| Some(evaluation.loss));
    let held_out_accuracy = held_out(|evaluation| evaluation.accuracy);
    let perplexity = held_out(|evaluation| evaluation.perplexity);
    let has_perplexity = engine.part(|run| run.writing.facts.is_some());
    let mse = held_out(|evaluation| evaluation.mse);
    let mae = held_out(|evaluation| evaluation.mae);
    let measures = engine.part(|run| run.measures());
    let has = move |question: fn(Measures) -> bool| {
        Memo::new(move |_| measures.get().is_none_or(question))
    };
    let counts_right = has(|run| run.is_cross_entropy);
    let is_table = engine.part(|run| {
        let started = run.started.as_ref();
        started.is_some_and(|s| presets::own_data(&s.config.preset) == Some(OwnData::Table))
    });
    let has_held_out = has(|run| run.has_held_out);
    let has_held_out_accuracy = has(|run| run.has_held_out && run.has_classes);
    let has_numbers = Memo::new(move |_| {
        measures
            .get()
            .is_some_and(|run| run.has_held_out && !run.has_classes)
    });
    let learning_rate =
        engine.part(|run| run.last.map(|last| format::bare(last.learning_rate.into())));
    let norm = engine.part(|run| {
        let norm = run.last.and_then(|last| last.gradient_norm)?;
        Some(format::bare(norm.into()))
    });
    let has_norm = engine.part(|run| {
        let started = run.started.as_ref();
        started.is_some_and(|started| started.config.options.clip.is_some())
    });
    let speed = engine.part(|run| {
        let speed = run.samples_per_second.filter(|speed| *speed > 0.0)?;
        Some(format::count(speed.round() as u64))
    });
    view! {
        <dl class="metrics" aria-label=move || texts.get().metrics.label>
            <Metric testid="metric-step" label=|m: &MetricsTexts| m.step value=step/>
            <Metric testid="metric-epoch" label=|m: &MetricsTexts| m.epoch value=epoch/>
            <Metric
                testid="metric-loss"
                label=|m: &MetricsTexts| m.loss
                value=loss
                class="metric is-train"
            />
            <Show when=move || counts_right.get()>
                <Metric
                    testid="metric-accuracy"
                    label=|m: &MetricsTexts| m.accuracy
                    value=accuracy
                    class="metric is-train"
                />
            </Show>
            <Show when=move || has_held_out.get()>
                <Metric
                    testid="metric-held-out-loss"
                    label=|m: &MetricsTexts| m.held_out_loss
                    value=held_out_loss
                    class="metric is-held-out"
                />
            </Show>
            <Show when=move || has_held_out_accuracy.get()>
                <Metric
                    testid="metric-held-out-accuracy"
                    label=|m: &MetricsTexts| m.held_out_accuracy
                    value=held_out_accuracy
                    class="metric is-held-out"
                />
            </Show>
            <Show when=move || has_perplexity.get()>
                <div class="metric is-held-out" title=move || texts.get().metrics.perplexity_hint>
                    <dt class="metric-label">{move || texts.get().metrics.perplexity}</dt>
                    <dd class="metric-value" data-testid="metric-perplexity">
                        {move || perplexity.get().unwrap_or_else(|| format::NO_VALUE.to_string())}
                    </dd>
                </div>
            </Show>
            <Show when=move || has_numbers.get()>
                <NumberMetric
                    testid="metric-mse"
                    label=|d: &DataTexts| d.mse
                    hint=|d: &DataTexts| d.mse_hint
                    value=mse
                />
                <NumberMetric
                    testid="metric-mae"
                    label=|d: &DataTexts| d.mae
                    hint=|d: &DataTexts| d.mae_hint
                    value=mae
                />
            </Show>
            <div class="metric">
                <dt class="metric-label">{move || texts.get().settings.learning_rate_now}</dt>
                <dd class="metric-value" data-testid="metric-learning-rate">
                    {move || learning_rate.get().unwrap_or_else(|| format::NO_VALUE.to_string())}
                </dd>
            </div>
            <Show when=move || has_norm.get()>
                <div class="metric" title=move || texts.get().settings.gradient_norm_hint>
                    <dt class="metric-label">{move || texts.get().settings.gradient_norm}</dt>
                    <dd class="metric-value" data-testid="metric-gradient-norm">
                        {move || norm.get().unwrap_or_else(|| format::NO_VALUE.to_string())}
                    </dd>
                </div>
            </Show>
            <Metric testid="metric-speed" label=|m: &MetricsTexts| m.samples_per_second value=speed/>
        </dl>
        <p class="panel-note">
            {move || match (counts_right.get(), is_table.get()) {
                (true, _) => texts.get().metrics.loss_unit,
                (false, true) => texts.get().data.loss_squares_table,
                (false, false) => texts.get().data.loss_squares,
            }}
            " · "
            {move || match counts_right.get() {
                true => texts.get().train.last_batch,
                false => texts.get().data.last_batch_loss,
            }}
            <Show when=move || has_held_out.get()>
                " · "
                {move || texts.get().metrics.held_out_hint}
            </Show>
        </p>
    }
}

/// One held-out error of predicted numbers.
#[component]
fn NumberMetric(
    /// The `data-testid` of the bare number.
    testid: &'static str,
    /// The name among the texts.
    label: fn(&DataTexts) -> &'static str,
    /// Its unit.
    hint: fn(&DataTexts) -> &'static str,
    /// The bare number; `None` before it was computed.
    #[prop(into)]
    value: Signal<Option<String>>,
) -> impl IntoView {
    let texts = use_texts();
    view! {
        <div class="metric is-held-out" title=move || hint(&texts.get().data)>
            <dt class="metric-label">{move || label(&texts.get().data)}</dt>
            <dd class="metric-value" data-testid=testid>
                {move || value.get().unwrap_or_else(|| format::NO_VALUE.to_string())}
            </dd>
        </div>
    }
}

/// One reading.
#[component]
fn Metric(
    /// The `data-testid` of the bare number.
    testid: &'static str,
    /// The name among the texts.
    label: fn(&MetricsTexts) -> &'static str,
    /// The bare number; `None` before it was computed.
    #[prop(into)]
    value: Signal<Option<String>>,
    /// The classes of the whole.
    #[prop(default = "metric")]
    class: &'static str,
) -> impl IntoView {
    let texts = use_texts();
    let missing = move || value.with(Option::is_none);
    view! {
        <div class=class>
            <dt class="metric-label">{move || label(&texts.get().metrics)}</dt>
            <dd
                class="metric-value"
                data-testid=testid
                title=move || missing().then(|| texts.get().metrics.not_computed)
            >
                {move || value.get().unwrap_or_else(|| format::NO_VALUE.to_string())}
            </dd>
        </div>
    }
}
