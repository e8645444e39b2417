//! The buttons that move the cursor, each with its unit.

use leptos::prelude::*;

use super::scope::use_microscope;
use crate::session::StepUnit;
use crate::view::microscope::keys::StepAction;
use crate::view::texts::StepTexts;
use crate::web::address::use_texts;

/// Operations a second that can be chosen.
const SPEEDS: [u32; 5] = [1, 2, 5, 10, 20];

/// One button: test id, action, key, name, hint.
type Entry = (
    &'static str,
    StepAction,
    &'static str,
    fn(&StepTexts) -> &'static str,
    fn(&StepTexts) -> &'static str,
);

/// The units forward, from small to large.
const FORWARD: [Entry; 5] = [
    (
        "step-op",
        StepAction::Forward(StepUnit::Operation),
        "ArrowRight",
        |texts| texts.operation,
        |texts| texts.forward_one_operation,
    ),
    (
        "step-layer",
        StepAction::Forward(StepUnit::Layer),
        "Shift+ArrowRight",
        |texts| texts.layer,
        |texts| texts.forward_one_layer,
    ),
    (
        "step-phase",
        StepAction::Forward(StepUnit::Phase),
        "PageDown",
        |texts| texts.phase,
        |texts| texts.forward_one_phase,
    ),
    (
        "step-batch",
        StepAction::Forward(StepUnit::Batch),
        "End",
        |texts| texts.batch,
        |texts| texts.forward_one_batch,
    ),
    (
        "step-epoch",
        StepAction::Forward(StepUnit::Epoch),
        "",
        |texts| texts.epoch,
        |texts| texts.forward_one_epoch,
    ),
];

/// Back, forward by every unit, play, speed, reset, help.
#[component]
pub fn SteppingBar(
    /// Called with the learner's request.
    #[prop(into)]
    on_action: Callback<StepAction>,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let cannot_move = Memo::new(move |_| scope.cursor.with(Option::is_none));
    let cannot_go_back = Memo::new(move |_| scope.done.get() == 0);
    let forward = FORWARD.map(|(testid, action, keys, name, hint)| {
        view! {
            <button
                type="button"
                class="button"
                class:button-primary=testid == "step-op"
                data-testid=testid
                aria-keyshortcuts=(!keys.is_empty()).then_some(keys)
                title=move || hint(&texts.get().step)
                disabled=move || cannot_move.get()
                on:click=move |_| on_action.run(action)
            >
                <span aria-hidden="true">"+"</span>
                {move || name(&texts.get().step)}
            </button>
        }
    });
    let speeds = move || {
        let per_second = texts.get().step.per_second;
        SPEEDS
            .map(|speed| {
                view! {
                    <option value=speed.to_string() selected=move || scope.speed.get() == speed>
                        {per_second(speed)}
                    </option>
                }
            })
            .collect_view()
    };
    let choose_speed = move |event| {
        if let Ok(speed) = event_target_value(&event).parse() {
            scope.speed.set(speed);
        }
    };
    view! {
        <div
            class="toolbar transport step-bar"
            role="toolbar"
            aria-label=move || texts.get().step.controls
        >
            <button
                type="button"
                class="button"
                data-testid="step-back"
                aria-keyshortcuts="ArrowLeft"
                title=move || texts.get().step.back_hint
                disabled=move || cannot_move.get() || cannot_go_back.get()
                on:click=move |_| on_action.run(StepAction::Back(StepUnit::Operation))
            >
                <span aria-hidden="true">"−"</span>
                {move || texts.get().step.back}
            </button>
            {forward}
            <span class="toolbar-separator" aria-hidden="true"></span>
            <button
                type="button"
                class="button"
                data-testid="play-pause"
                aria-keyshortcuts="Space"
                aria-pressed=move || scope.is_playing.get().to_string()
                disabled=move || cannot_move.get()
                on:click=move |_| on_action.run(StepAction::PlayOrPause)
            >
                {move || {
                    let step = &texts.get().step;
                    if scope.is_playing.get() { step.pause } else { step.play }
                }}
            </button>
            <select
                class="select step-speed"
                data-testid="step-speed"
                aria-label=move || texts.get().step.speed
                on:change=choose_speed
            >
                {speeds}
            </select>
            <span class="toolbar-separator" aria-hidden="true"></span>
            <button
                type="button"
                class="button"
                data-testid="reset"
                aria-keyshortcuts="r"
                title=move || texts.get().step.reset_hint
                disabled=move || cannot_move.get()
                on:click=move |_| on_action.run(StepAction::Reset)
            >
                {move || texts.get().step.reset}
            </button>
            <button
                type="button"
                class="button button-quiet button-icon"
                data-testid="help"
                aria-keyshortcuts="?"
                aria-label=move || texts.get().keys.open
                title=move || texts.get().keys.open
                on:click=move |_| on_action.run(StepAction::Help)
            >
                {move || texts.get().keys.question_mark}
            </button>
        </div>
    }
}
