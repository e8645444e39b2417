//! The keys of the page that steps.

use leptos::prelude::*;

use crate::web::address::use_texts;

/// What the graph takes while the focus is in it.
const GRAPH_KEYS: [&str; 3] = ["+ −", "0", "E"];

/// A native dialog: Escape closes it, and the focus stays within and returns.
#[component]
pub fn StepHelp(
    /// Whether it is shown.
    #[prop(into)]
    is_open: Signal<bool>,
    /// Called when the reader closes it.
    #[prop(into)]
    on_close: Callback<()>,
) -> impl IntoView {
    let texts = use_texts();
    let dialog = NodeRef::<leptos::html::Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        if is_open.get() && !dialog.open() {
            // Fails only for a dialog that is not in the document.
            let _ = dialog.show_modal();
        } else if !is_open.get() && dialog.open() {
            dialog.close();
        }
    });
    let rows = move || {
        let (step, keys) = (&texts.get().step, &texts.get().keys);
        let graph = &texts.get().step_graph;
        [
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
        .into_iter()
        .map(|(key, meaning)| {
            view! {
                <dt><kbd class="key">{key}</kbd></dt>
                <dd>{meaning}</dd>
            }
        })
        .collect_view()
    };
    view! {
        <dialog
            class="keyhelp"
            data-testid="help-dialog"
            aria-labelledby="step-keys-title"
            node_ref=dialog
            on:close=move |_| on_close.run(())
        >
            <h2 id="step-keys-title" class="panel-title">{move || texts.get().step.keys_title}</h2>
            <dl class="keyhelp-list">{rows}</dl>
            <p class="panel-note">{move || texts.get().keys.not_while_typing}</p>
            <div class="banner-actions">
                <button
                    type="button"
                    class="button"
                    data-testid="help-close"
                    on:click=move |_| on_close.run(())
                >
                    {move || texts.get().app.close}
                </button>
            </div>
        </dialog>
    }
}
