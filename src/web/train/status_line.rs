//! What is going on, in words; and how far a long stage is.

use leptos::prelude::*;

use crate::session::Stage;
use crate::view::format;
use crate::view::run_state::{Phase, Progress};
use crate::web::address::use_texts;
use crate::web::engine::use_engine;

/// The state of engine and run. The words are read out when they change, the progress is not.
#[component]
pub fn StatusLine(
    /// What is going on.
    #[prop(into)]
    phase: Signal<Phase>,
    /// Whether the steps that were asked for are done.
    #[prop(into)]
    is_finished: Signal<bool>,
) -> impl IntoView {
    let texts = use_texts();
    let stopped_early = use_engine().part(|run| run.stopped_early);
    let words = Memo::new(move |_| {
        let texts = texts.get();
        match phase.get() {
            Phase::EngineStarting => texts.loading.engine,
            Phase::EngineLost => texts.loading.engine_lost,
            Phase::Starting(None) => texts.loading.model,
            Phase::Starting(Some(progress)) => match progress.stage {
                Stage::Data => texts.loading.data_files,
                Stage::Pipelines => texts.loading.compiling,
            },
            Phase::Empty => texts.train.status_stopped,
            Phase::Ready => texts.train.status_ready,
            Phase::Playing => texts.train.status_running,
            Phase::Paused if stopped_early.get().is_some() => texts.settings.stopped_early,
            Phase::Paused if is_finished.get() => texts.train.status_finished,
            Phase::Paused => texts.train.status_paused,
            Phase::Stopped => texts.train.status_stopped,
        }
    });
    let name = move || match phase.get() {
        Phase::EngineStarting => "engine-starting",
        Phase::EngineLost => "engine-lost",
        Phase::Starting(_) => "starting",
        Phase::Empty => "empty",
        Phase::Ready => "ready",
        Phase::Playing => "playing",
        Phase::Paused => "paused",
        Phase::Stopped => "stopped",
    };
    let progress = Memo::new(move |_| match phase.get() {
        Phase::Starting(Some(progress)) if progress.total > 0 => Some(progress),
        _ => None,
    });
    let is_waiting = move || matches!(phase.get(), Phase::EngineStarting | Phase::Starting(_));
    view! {
        <div class="run-status">
            <Show when=is_waiting>
                <span class="spinner" aria-hidden="true"></span>
            </Show>
            <span class="status-line" role="status" data-testid="run-status" data-phase=name>
                {words}
            </span>
            {move || progress.get().map(|progress| view! { <ProgressBar progress/> })}
        </div>
    }
}

/// How far a stage is.
#[component]
fn ProgressBar(
    /// The stage, with a total above 0.
    progress: Progress,
) -> impl IntoView {
    let texts = use_texts();
    let label = move || {
        let loading = &texts.get().loading;
        match progress.stage {
            Stage::Data => loading.data_files,
            Stage::Pipelines => loading.compiling,
        }
    };
    let share = progress.done as f64 / progress.total as f64;
    view! {
        <progress
            class="run-progress"
            max=progress.total.to_string()
            value=progress.done.to_string()
            aria-label=label
        ></progress>
        <span class="status-line">{format::percent(share, 0)}</span>
    }
}
