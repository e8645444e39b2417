//! The page that steps through a batch: the parts, and what ties them to address and engine.

use std::time::Duration;

use leptos::prelude::*;
use leptos::{ev, leptos_dom::helpers::window_event_listener};
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use super::blackboard::Blackboard;
use super::graph_view::{GraphView, phase_name};
use super::operation_panel::OperationPanel;
use super::path_panel::PathPanel;
use super::scope::{Microscope, use_microscope};
use super::stepping_bar::SteppingBar;
use super::time::{AttentionPanel, TimePanel};
use crate::session::{Inspection, StepUnit};
use crate::view::format;
use crate::view::keys::Focus;
use crate::view::microscope::keys::{self, StepAction};
use crate::view::notices::Origin;
use crate::view::presets;
use crate::view::run_state::run_config;
use crate::view::texts::Trouble;
use crate::view::url::{Expected, Problem, Route};
use crate::web::address::{use_address, use_texts};
use crate::web::engine::use_engine;
use crate::web::frame::HelpDialog;
use crate::web::pages::UnknownPreset;
use crate::web::train::{OwnDataPanel, start_wanted, waits_for_own};

/// What the graph takes while the focus is in it.
const GRAPH_KEYS: [&str; 3] = ["+ −", "0", "E"];

/// The cursor is written into the address when it has rested for this long: browsers limit how
/// often an address may change.
pub(super) const REST: Duration = Duration::from_millis(300);

/// Stepping through the preset in the address; a list of presets where there is no such preset.
#[component]
pub fn StepPage() -> impl IntoView {
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
            let title = move || texts.get().step.title;
            view! { <UnknownPreset name=preset title=Signal::derive(title) route=Route::Step/> }
                .into_any()
        }
    }
}

/// The microscope on one run.
#[component]
fn Bench() -> impl IntoView {
    let address = use_address();
    let texts = use_texts();
    let scope = Microscope::provide();
    let wanted = Memo::new(move |_| address.state.with(run_config));
    let waits = waits_for_own(wanted);
    start_wanted(wanted);
    enter(scope, waits);
    follow_address(scope);
    play(scope);
    scope.follow();
    let help_is_open = RwSignal::new(false);
    let on_action = Callback::new(move |action: StepAction| match action {
        StepAction::Help => help_is_open.update(|is_open| *is_open = !*is_open),
        // What stands is another model's run, which is not shown here.
        _ if waits.get_untracked() => {}
        action => scope.act(action),
    });
    listen_to_keys(on_action);
    // Training has its weights back on whatever page the reader goes on.
    on_cleanup(move || scope.leave());
    let preset = move || {
        address
            .state
            .with(|state| state.route.preset().unwrap_or_default().to_string())
    };
    let back = move || address.href(&Route::Train(preset()));
    let options = move || {
        let chosen = preset();
        presets::ids()
            .filter_map(|id| {
                let name = texts.get().preset(id)?.name;
                let is_chosen = id == chosen;
                Some(view! { <option value=id selected=is_chosen>{name}</option> })
            })
            .collect_view()
    };
    let choose = move |event| address.open(Route::Step(event_target_value(&event)));
    let graph = scope.graph;
    let keys = move || {
        let (step, keys) = (&texts.get().step, &texts.get().keys);
        let graph = &texts.get().step_graph;
        vec![
            (keys.space, keys.play_or_pause),
            (step.key_right, step.forward_one_operation),
            (step.key_left, step.key_back_operation),
            (step.key_shift_right, step.forward_one_layer),
            (step.key_shift_left, step.key_back_layer),
            (step.key_page_down, step.forward_one_phase),
            (step.key_page_up, step.key_back_phase),
            (step.key_home, step.key_batch_start),
            (step.key_end, step.key_batch_end),
            (GRAPH_KEYS[0], graph.key_zoom),
            (GRAPH_KEYS[1], graph.key_fit),
            (GRAPH_KEYS[2], graph.key_fold),
            (keys.letter_r, step.reset),
            (keys.question_mark, keys.help),
            (keys.escape, keys.close),
        ]
    };
    view! {
        <div class="page page-wide step-page" data-testid="step-page">
            <div class="spread">
                <h1 class="page-title">{move || texts.get().step.title}</h1>
                <div class="cluster">
                    <select
                        class="select step-preset"
                        data-testid="preset-select"
                        aria-label=move || texts.get().presets.label
                        on:change=choose
                    >
                        {options}
                    </select>
                    <a class="button" href=back data-testid="back-to-training">
                        {move || texts.get().step.back_to_training}
                    </a>
                </div>
            </div>
            <p class="page-lead">{move || texts.get().step.intro}</p>
            <OwnDataPanel wanted/>
            <Show when=move || !waits.get()>
                <SteppingBar on_action/>
                <CursorLine/>
                <Refusal/>
                <GraphView/>
                {move || graph.get().map(|graph| view! { <TimePanel graph/> })}
                {move || graph.get().map(|graph| view! { <AttentionPanel graph/> })}
                {move || graph.get().map(|graph| view! { <OperationPanel graph/> })}
                {move || graph.get().map(|graph| view! { <PathPanel graph/> })}
                {move || {
                    let graph = graph.get().filter(|graph| graph.fits_a_blackboard());
                    graph.map(|graph| view! { <Blackboard graph/> })
                }}
            </Show>
            <HelpDialog
                title=Signal::derive(move || texts.get().step.keys_title)
                rows=Signal::derive(keys)
                is_open=help_is_open
                on_close=move |()| help_is_open.set(false)
            />
        </div>
    }
}

/// Puts every run that stands under the microscope, but for the one of another model while this one waits for the
/// learner's table.
fn enter(scope: Microscope, waits: Memo<bool>) {
    let engine = use_engine();
    let run = engine.part(|run| run.id().filter(|_| !run.is_starting()));
    Effect::new(move |_| {
        if run.get().is_some() && !waits.get() {
            scope.enter();
        }
    });
}

/// Goes to the place in the address, at first and whenever something else changes it there, and keeps the address up to
/// date.
fn follow_address(scope: Microscope) {
    let address = use_address();
    let engine = use_engine();
    let wanted = address.state.with_untracked(|state| state.cursor);
    let pending = StoredValue::new(wanted);
    Effect::new(move |_| {
        let Some(cursor) = scope.cursor.get() else {
            return;
        };
        match pending.get_value() {
            Some(done) if done > cursor.total => {
                pending.set_value(None);
                let problem = Problem {
                    parameter: "cursor".to_string(),
                    given: done.to_string(),
                    expected: Expected::WholeNumber {
                        least: 0,
                        most: cursor.total.into(),
                    },
                    used: Some(cursor.done.to_string()),
                };
                engine.show(
                    Origin::Address("cursor".to_string()),
                    Trouble::BadUrlValue(problem),
                );
            }
            Some(done) => {
                pending.set_value(None);
                if done != cursor.done {
                    scope.go(Inspection::Goto { done });
                }
            }
            None => {}
        }
    });
    // A chapter that stands around this page, or the browser's buttons.
    let asked = Memo::new(move |_| address.state.with(|state| state.cursor));
    Effect::new(move |before: Option<()>| {
        let done = asked.get().unwrap_or(0);
        let now = scope.cursor.get_untracked();
        if let (Some(()), Some(now)) = (before, now)
            && now.done != done
        {
            scope.go(Inspection::Goto {
                done: done.min(now.total),
            });
        }
    });
    Effect::new(move |_| {
        let Some(done) = scope.cursor.with(|cursor| cursor.as_ref().map(|c| c.done)) else {
            return;
        };
        let write = move || {
            let is_step = address
                .state
                .with_untracked(|state| matches!(state.route, Route::Step(_)));
            if is_step && !scope.is_moving() {
                address.change(|state| state.cursor = (done > 0).then_some(done));
            }
        };
        if let Ok(timer) = set_timeout_with_handle(write, REST) {
            on_cleanup(move || timer.clear());
        }
    });
}

/// One operation after the other while playing, each after the one before has been shown.
fn play(scope: Microscope) {
    Effect::new(move |_| {
        scope.revision.with(|_| ());
        let pace = Duration::from_millis(1_000 / u64::from(scope.speed.get().max(1)));
        if !scope.is_playing.get() {
            return;
        }
        let step = move || scope.go(Inspection::Forward(StepUnit::Operation));
        if let Ok(timer) = set_timeout_with_handle(step, pace) {
            on_cleanup(move || timer.clear());
        }
    });
}

/// Keys act on the whole page, except where an element uses them itself.
fn listen_to_keys(on_action: Callback<StepAction>) {
    let listener = window_event_listener(ev::keydown, move |event: KeyboardEvent| {
        if event.default_prevented()
            || document()
                .query_selector("dialog[open]")
                .ok()
                .flatten()
                .is_some()
        {
            return;
        }
        let active = document().active_element();
        // In a tensor's picture the arrows go from element to element.
        // Wide tables and equations scroll.
        let has_own_arrows = active.as_ref().is_some_and(|element| {
            element.tag_name() == "CANVAS" || element.has_attribute("data-own-arrows")
        });
        if has_own_arrows && event.key() == "Escape" {
            // Back to stepping.
            if let Some(element) = active.as_ref().and_then(|a| a.dyn_ref::<HtmlElement>()) {
                // Fails only for an element that has lost the focus already.
                let _ = element.blur();
            }
            return;
        }
        if has_own_arrows && event.key().starts_with("Arrow") && !event.shift_key() {
            return;
        }
        let focus = active.map_or(Focus::Page, |element| Focus::on(&element.tag_name()));
        let has_modifier = event.ctrl_key() || event.alt_key() || event.meta_key();
        let action = keys::action(&event.key(), event.shift_key(), has_modifier, focus);
        let repeats = matches!(action, Some(StepAction::Forward(_) | StepAction::Back(_)));
        if let Some(action) = action.filter(|_| repeats || !event.repeat()) {
            event.prevent_default();
            on_action.run(action);
        }
    });
    on_cleanup(move || listener.remove());
}

/// Where the cursor stands, in words and numbers.
#[component]
fn CursorLine() -> impl IntoView {
    let scope = use_microscope();
    let engine = use_engine();
    let texts = use_texts();
    let is_moving = scope.part(|state| state.is_moving());
    let batch = move || {
        scope.cursor.get().map(|cursor| {
            let in_epoch = u64::from(cursor.steps_per_epoch.max(1));
            let step = &texts.get().step;
            (step.batch_of)(
                cursor.step % in_epoch + 1,
                cursor.epoch + 1,
                cursor.steps_per_epoch,
            )
        })
    };
    let done = move || {
        scope.cursor.get().map(|cursor| {
            let step = &texts.get().step;
            (step.operations_done)(cursor.done, cursor.total)
        })
    };
    let next = move || {
        let step = &texts.get().step;
        let locale = texts.get().locale;
        let (graph, cursor) = (scope.graph.get()?, scope.cursor.get()?);
        Some(match graph.node(cursor.done as usize) {
            Some(node) => {
                format!(
                    "{}{}{}{}",
                    step.next,
                    locale.colon(),
                    node.name,
                    locale.in_brackets(phase_name(node.phase, step))
                )
            }
            None => step.batch_is_done.to_string(),
        })
    };
    let number = move |value: Option<f32>| match value {
        Some(value) => format::significant(value.into(), 6),
        None => texts.get().step.not_computed.to_string(),
    };
    let loss = Memo::new(move |_| scope.cursor.with(|c| c.as_ref().and_then(|c| c.loss)));
    let after = Memo::new(move |_| scope.cursor.with(|c| c.as_ref().and_then(|c| c.loss_after)));
    let bare = |value: Option<f32>| value.map(|value| format::bare(value.into()));
    let phase = engine.phase();
    let waiting = move || {
        let is_ready = scope.cursor.with(Option::is_some);
        let _ = phase.get();
        if !is_ready {
            Some(texts.get().step.entering)
        } else if is_moving.get() {
            Some(texts.get().step.working)
        } else {
            None
        }
    };
    view! {
        <div class="step-line" data-testid="cursor">
            <span
                class="step-position"
                role="status"
                data-testid="cursor-done"
                data-value=move || scope.cursor.get().map(|cursor| cursor.done.to_string())
                data-total=move || scope.cursor.get().map(|cursor| cursor.total.to_string())
            >
                <strong>{batch}</strong>
                " · "
                {done}
            </span>
            <span>{next}</span>
            <span class="numeric">
                {move || texts.get().step.loss}
                {move || texts.get().locale.colon()}
                <span data-testid="cursor-loss" data-value=move || bare(loss.get())>
                    {move || number(loss.get())}
                </span>
            </span>
            <Show when=move || after.with(Option::is_some)>
                <span class="numeric">
                    {move || texts.get().step.loss_after}
                    {move || texts.get().locale.colon()}
                    <span data-testid="cursor-loss-after" data-value=move || bare(after.get())>
                        {move || number(after.get())}
                    </span>
                </span>
            </Show>
            <span class="step-waiting muted" data-testid="step-waiting">{waiting}</span>
        </div>
    }
}

/// Why the last request was not carried out.
#[component]
fn Refusal() -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let refusal = scope.part(|state| state.refusal.clone());
    move || {
        refusal.get().map(|reason| {
            let message = move || (texts.get().errors.refusal)(&reason);
            view! {
                <section class="banner is-warning" role="alert" data-testid="refusal">
                    <p class="banner-title">{move || texts.get().step.refused}</p>
                    <p class="banner-text">{message}</p>
                </section>
            }
        })
    }
}
