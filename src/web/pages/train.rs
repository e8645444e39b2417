//! The training page: the parts, and what ties them to the address and the engine.

use leptos::prelude::*;
use leptos::{ev, leptos_dom::helpers::window_event_listener};
use web_sys::KeyboardEvent;

use crate::session::{Command, RunConfig};
use crate::view::keys::{self, Focus, KeyAction};
use crate::view::presets;
use crate::view::race;
use crate::view::run_state::run_config;
use crate::view::url::Route;
use crate::web::address::{use_address, use_texts};
use crate::web::browser;
use crate::web::engine::use_engine;
use crate::web::frame::HelpDialog;
use crate::web::pages::UnknownPreset;
use crate::web::train::{
    AttentionPanel, BoundaryPanel, ClassMetrics, ConfusionPanel, CurvePanel, DevicePanel,
    DigitStrip, DrawPanel, ForecastPanel, Hyperparameters, Metrics, ModelTable, OwnDataPanel,
    PresetPanel, RacePanel, RowsPanel, StatusLine, Transport, WeightsPanel, WorkPanel,
    WritingPanel, start_wanted, waits_for_own,
};

/// Training of the preset in the address; a list of presets where there is no such preset.
#[component]
pub fn TrainPage() -> impl IntoView {
    let address = use_address();
    let preset = Memo::new(move |_| {
        address
            .state
            .with(|state| state.route.preset().unwrap_or_default().to_string())
    });
    let texts = use_texts();
    let is_known = Memo::new(move |_| preset.with(|id| presets::defaults(id).is_some()));
    move || {
        if is_known.get() {
            view! { <Bench/> }.into_any()
        } else {
            let title = move || texts.get().train.title;
            view! { <UnknownPreset name=preset title=Signal::derive(title) route=Route::Train/> }
                .into_any()
        }
    }
}

/// The workplace: everything about one run.
#[component]
fn Bench() -> impl IntoView {
    let address = use_address();
    let engine = use_engine();
    let texts = use_texts();
    let wanted = Memo::new(move |_| address.state.with(run_config));
    start_wanted(wanted);
    follow_learning_rate(wanted);
    let waits = waits_for_own(wanted);

    let last_step = Memo::new(move |_| {
        let limits = address.state.with(|state| state.hyperparameters.clone());
        engine.run().with(|run| run.last_step(&limits))
    });
    let is_finished = Memo::new(move |_| {
        let last_step = last_step.get();
        last_step.is_some_and(|last| engine.run().with(|run| run.step >= last))
    });
    let help_is_open = RwSignal::new(false);
    let on_action = Callback::new(move |action: KeyAction| match action {
        KeyAction::Help => help_is_open.update(|is_open| *is_open = !*is_open),
        // What stands is another model's run, which is not shown here.
        _ if waits.get_untracked() => {}
        KeyAction::PlayOrPause => engine.play_or_pause(last_step.get_untracked()),
        KeyAction::StepBatch => engine.step_batch(),
        KeyAction::Reset => engine.reset(wanted.get_untracked()),
    });
    listen_to_keys(on_action);
    let reseed = move |()| {
        let seed = browser::random_seed();
        address.change(|state| state.seed = Some(seed));
        if let Some(config) = wanted.get_untracked() {
            engine.start(RunConfig { seed, ..config });
        }
    };

    let keys = move || {
        let keys = &texts.get().keys;
        vec![
            (keys.space, keys.play_or_pause),
            (keys.arrow_right, keys.step_one_batch),
            (keys.letter_r, keys.reset),
            (keys.question_mark, keys.help),
            (keys.escape, keys.close),
        ]
    };
    let phase = engine.phase();
    // Before a run stands, the preset says what there will be.
    let of_images = preset_is(wanted, presets::has_images);
    let of_digits = preset_is(wanted, presets::has_digits);
    let is_series = preset_is(wanted, presets::is_series);
    let started = engine.part(|run| run.started.clone());
    let has_images = Memo::new(move |_| match started.get() {
        Some(started) => started.has_images(),
        None => of_images.get(),
    });
    let has_digits = Memo::new(move |_| match started.get() {
        Some(started) => started.has_digits(),
        None => of_digits.get(),
    });
    let has_classes = Memo::new(move |_| match started.get() {
        Some(started) => {
            !started.model.classes.is_empty() && !presets::reads_text(&started.config.preset)
        }
        None => of_images.get(),
    });
    let has_points = engine.part(|run| run.points.is_some());
    // Rows that no picture of points shows.
    let has_rows = engine.part(|run| {
        let started = run.started.as_ref();
        let has_held_out = started.is_some_and(|s| {
            let preset = &s.config.preset;
            let has_panel = presets::reads_text(preset) || presets::is_series(preset);
            s.config.test_count > 0 && !s.has_images() && !has_panel
        });
        has_held_out && run.points.is_none()
    });
    let of_race = |question: fn(&str) -> bool| {
        engine.part(move |run| {
            let started = run.started.as_ref();
            started.is_some_and(|started| question(&started.config.preset))
        })
    };
    let races = of_race(race::is_offered);
    let races_first = of_race(|preset| race::goal(preset).is_some());
    let writes = engine.part(|run| run.writing.facts.is_some());
    let attends = engine.part(|run| run.writing.facts.is_some() && run.has_attention());
    let needs_reset = Memo::new(move |_| {
        wanted.with(|config| {
            let config = config.as_ref();
            config.is_some_and(|config| engine.run().with(|run| run.needs_restart_for(config)))
        })
    });
    let step_link = move || {
        let preset = address
            .state
            .with(|state| state.route.preset().unwrap_or_default().to_string());
        address.href(&Route::Step(preset))
    };
    view! {
        <div class="page page-wide">
            <h1 class="page-title">{move || texts.get().train.title}</h1>
            <p class="page-lead">{move || texts.get().train.intro}</p>
            <Show when=move || !waits.get()>
                <Transport phase needs_reset on_action on_reseed=reseed>
                    <StatusLine phase is_finished/>
                </Transport>
            </Show>
            <div class="bench">
                <div class="bench-main">
                    <OwnDataPanel wanted/>
                    <Show when=move || !waits.get()>
                        <Show when=move || races_first.get()>
                            <RacePanel/>
                        </Show>
                        <Metrics/>
                        <CurvePanel/>
                        <Show when=move || races.get() && !races_first.get()>
                            <RacePanel/>
                        </Show>
                    </Show>
                </div>
                <Show when=move || !waits.get()>
                <div class="bench-side">
                    <Show when=move || writes.get()>
                        <WritingPanel/>
                    </Show>
                    <Show when=move || attends.get()>
                        <AttentionPanel/>
                    </Show>
                    <Show when=move || has_points.get()>
                        <BoundaryPanel/>
                    </Show>
                    <Show when=move || is_series.get()>
                        <ForecastPanel/>
                    </Show>
                    <Show when=move || has_digits.get()>
                        <DrawPanel/>
                    </Show>
                    <Show when=move || has_images.get()>
                        <DigitStrip/>
                    </Show>
                    <Show when=move || has_classes.get()>
                        <ConfusionPanel/>
                    </Show>
                    <ClassMetrics/>
                    <Show when=move || has_rows.get()>
                        <RowsPanel/>
                    </Show>
                    <WorkPanel/>
                </div>
                </Show>
                <div class="bench-controls">
                    <PresetPanel/>
                    <DevicePanel/>
                    <Hyperparameters/>
                    <Show when=move || !waits.get()>
                    <WeightsPanel phase/>
                    <section class="panel panel-body">
                        <a class="button" href=step_link data-testid="step-through">
                            {move || texts.get().train.step_through}
                        </a>
                        <p class="panel-note">{move || texts.get().train.step_through_hint}</p>
                    </section>
                    </Show>
                </div>
                <Show when=move || !waits.get()>
                    <div class="bench-model">
                        <ModelTable/>
                    </div>
                </Show>
            </div>
            <HelpDialog
                title=Signal::derive(move || texts.get().keys.title)
                rows=Signal::derive(keys)
                is_open=help_is_open
                on_close=move |()| help_is_open.set(false)
            />
        </div>
    }
}

/// What is true of the preset that the address asks for.
fn preset_is(wanted: Memo<Option<RunConfig>>, question: fn(&str) -> bool) -> Memo<bool> {
    Memo::new(move |_| {
        wanted.with(|config| {
            config
                .as_ref()
                .is_some_and(|config| question(&config.preset))
        })
    })
}

/// Follows the address's learning rate while the run goes on. Other settings wait for a reset, so that a run in
/// progress is not thrown away by a slip.
fn follow_learning_rate(wanted: Memo<Option<RunConfig>>) {
    let engine = use_engine();
    let learning_rate = Memo::new(move |_| {
        wanted.with(|config| {
            let config = config.as_ref()?;
            let default = presets::defaults(&config.preset).map(|run| run.learning_rate);
            config.learning_rate.or(default)
        })
    });
    // The first value is part of the start.
    Effect::new(move |before: Option<Option<f32>>| {
        let now = learning_rate.get();
        // The run of another model goes on at its own rate.
        let is_its_own = wanted.with_untracked(|wanted| {
            let wanted = wanted.as_ref().map(|config| &config.preset);
            engine
                .run()
                .with_untracked(|run| run.wanted().map(|run| &run.preset) == wanted)
        });
        if let (Some(learning_rate), Some(before)) = (now, before)
            && Some(learning_rate) != before
            && is_its_own
        {
            engine.command(|run| Command::SetLearningRate { run, learning_rate });
        }
        now
    });
}

/// Keys act on the whole page, except where an element uses them itself.
fn listen_to_keys(on_action: Callback<KeyAction>) {
    let listener = window_event_listener(ev::keydown, move |event: KeyboardEvent| {
        let active = document().active_element();
        let focus = active.map_or(Focus::Page, |element| Focus::on(&element.tag_name()));
        let has_modifier = event.ctrl_key() || event.alt_key() || event.meta_key();
        if event.default_prevented() || event.repeat() && event.key() != "ArrowRight" {
            return;
        }
        if let Some(action) = keys::action(&event.key(), has_modifier, focus) {
            event.prevent_default();
            on_action.run(action);
        }
    });
    on_cleanup(move || listener.remove());
}
