//! The keys of a page.

use leptos::prelude::*;

use crate::web::address::use_texts;

/// A key and what it does.
pub type KeyRow = (&'static str, &'static str);

/// A native dialog: Escape closes it, and the focus stays within and returns.
#[component]
pub fn HelpDialog(
    /// What the keys are for.
    #[prop(into)]
    title: Signal<&'static str>,
    /// Each key with what it does.
    #[prop(into)]
    rows: Signal<Vec<KeyRow>>,
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
    // The browser tells of a closing later: by then the dialog may be open again.
    let closed = move |_: web_sys::Event| {
        if dialog.get_untracked().is_some_and(|dialog| !dialog.open()) {
            on_close.run(());
        }
    };
    let list = move || {
        rows.get()
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
            aria-labelledby="keyhelp-title"
            node_ref=dialog
            on:cancel=move |_: web_sys::Event| on_close.run(())
            on:close=closed
        >
            <h2 id="keyhelp-title" class="panel-title">{move || title.get()}</h2>
            <dl class="keyhelp-list">{list}</dl>
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
