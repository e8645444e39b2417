//! Play, pause, step, reset, reseed, help.

use leptos::prelude::*;

use crate::view::keys::KeyAction;
use crate::view::run_state::Phase;
use crate::web::address::use_texts;

/// The buttons that move a run. Holds no state.
#[component]
pub fn Transport(
    /// What is going on; decides which buttons are enabled.
    #[prop(into)]
    phase: Signal<Phase>,
    /// Whether settings wait for a reset.
    #[prop(into)]
    needs_reset: Signal<bool>,
    /// Called with the learner's request.
    #[prop(into)]
    on_action: Callback<KeyAction>,
    /// Called when the learner wants other initial weights.
    #[prop(into)]
    on_reseed: Callback<()>,
    /// What stands beside the buttons.
    children: Children,
) -> impl IntoView {
    let texts = use_texts();
    let is_playing = Memo::new(move |_| phase.get() == Phase::Playing);
    let cannot_move =
        Memo::new(move |_| !matches!(phase.get(), Phase::Ready | Phase::Paused | Phase::Playing));
    let cannot_reset = Memo::new(move |_| !phase.get().takes_commands());
    let cannot_reseed =
        Memo::new(move |_| !phase.get().takes_commands() && phase.get() != Phase::Empty);
    view! {
        <div class="transport">
        <div class="toolbar" role="group" aria-label=move || texts.get().train.controls>
            <button
                type="button"
                class="button button-primary"
                data-testid="play-pause"
                aria-keyshortcuts="Space"
                disabled=move || cannot_move.get()
                on:click=move |_| on_action.run(KeyAction::PlayOrPause)
            >
                {move || {
                    let train = &texts.get().train;
                    if is_playing.get() { train.pause } else { train.play }
                }}
                <kbd class="key" aria-hidden="true">{move || texts.get().keys.space}</kbd>
            </button>
            <button
                type="button"
                class="button"
                data-testid="step-batch"
                aria-keyshortcuts="ArrowRight"
                title=move || texts.get().train.step_batch_hint
                disabled=move || cannot_move.get()
                on:click=move |_| on_action.run(KeyAction::StepBatch)
            >
                {move || texts.get().train.step_batch}
                <kbd class="key" aria-hidden="true">{move || texts.get().keys.arrow_right}</kbd>
            </button>
            <span class="toolbar-separator" aria-hidden="true"></span>
            <button
                type="button"
                class="button"
                data-testid="reset"
                aria-keyshortcuts="r"
                title=move || texts.get().train.reset_hint
                disabled=move || cannot_reset.get()
                on:click=move |_| on_action.run(KeyAction::Reset)
            >
                {move || texts.get().train.reset}
                <kbd class="key" aria-hidden="true">{move || texts.get().keys.letter_r}</kbd>
            </button>
            <button
                type="button"
                class="button"
                data-testid="reseed"
                title=move || texts.get().train.reseed_hint
                disabled=move || cannot_reseed.get()
                on:click=move |_| on_reseed.run(())
            >
                {move || texts.get().train.reseed}
            </button>
            <button
                type="button"
                class="button button-quiet button-icon"
                data-testid="help"
                aria-keyshortcuts="?"
                aria-label=move || texts.get().keys.open
                title=move || texts.get().keys.open
                on:click=move |_| on_action.run(KeyAction::Help)
            >
                {move || texts.get().keys.question_mark}
            </button>
        </div>
            {children()}
            <Show when=move || needs_reset.get()>
                <p class="transport-note" role="status" data-testid="needs-reset">
                    {move || texts.get().train.needs_reset}
                </p>
            </Show>
        </div>
    }
}
