//! Messages about what went wrong: what happened, what was kept, what to do.

use leptos::prelude::*;

use crate::session::Kept;
use crate::view::format;
use crate::view::notices::{Notice, Origin};
use crate::view::texts::{Severity, Trouble};
use crate::view::url::DeviceChoice;
use crate::web::address::{use_address, use_locale, use_texts};
use crate::web::engine::use_engine;

/// All messages that stand, oldest first.
#[component]
pub fn ErrorBanner() -> impl IntoView {
    let engine = use_engine();
    let notices = engine.notices();
    let each = move || notices.get().iter().cloned().collect::<Vec<_>>();
    view! {
        <div class="notices">
            <For
                each
                key=|notice| format!("{notice:?}")
                let(notice)
            >
                <NoticeBanner notice on_dismiss=move |origin: Origin| engine.dismiss(&origin)/>
            </For>
        </div>
    }
}

/// One message, with the buttons that help.
#[component]
fn NoticeBanner(
    /// The message.
    notice: Notice,
    /// Called when the reader is done with it.
    #[prop(into)]
    on_dismiss: Callback<Origin>,
) -> impl IntoView {
    let address = use_address();
    let engine = use_engine();
    let locale = use_locale();
    let texts = use_texts();
    let Notice { origin, trouble } = notice;
    let tone = match trouble.severity() {
        Severity::Info => "banner is-info",
        Severity::Warning => "banner is-warning",
        Severity::Error => "banner is-error",
    };
    let restarts_engine = origin == Origin::Engine
        || matches!(
            trouble,
            Trouble::DeviceLost { .. } | Trouble::WorkerCrash { .. }
        );
    let offers_cpu = matches!(
        trouble,
        Trouble::NoGpu { .. } | Trouble::DeviceLost { .. } | Trouble::OutOfMemory { .. }
    );
    let offers_checkpoint = matches!(trouble, Trouble::NonFinite { .. });
    let kept = engine.part(|run| run.kept.0);
    let offers_retry = matches!(trouble, Trouble::DataMissing { .. });
    let message = Memo::new(move |_| trouble.message(locale.get()));
    let dismissed = origin.clone();
    let use_cpu = move |_| address.change(|state| state.device = DeviceChoice::Cpu);
    view! {
        <section class=tone role="alert" data-testid="error-banner">
            <p class="banner-title">{move || message.get().title}</p>
            <p class="banner-text">{move || message.get().kept}</p>
            <p class="banner-text">{move || message.get().action}</p>
            <div class="banner-actions">
                {restarts_engine.then(|| view! {
                    <button
                        type="button"
                        class="button button-primary"
                        data-testid="engine-restart"
                        on:click=move |_| engine.restart()
                    >
                        {move || texts.get().errors.restart_engine}
                    </button>
                })}
                {offers_cpu.then(|| view! {
                    <button type="button" class="button" data-testid="use-cpu" on:click=use_cpu>
                        {move || texts.get().errors.use_cpu}
                    </button>
                })}
                {offers_checkpoint.then(|| view! {
                    <button
                        type="button"
                        class="button button-primary"
                        data-testid="go-back"
                        on:click=move |_| engine.go_back(Kept::Last)
                    >
                        {move || (texts.get().settings.go_back_to)(&format::count(kept.get()))}
                    </button>
                })}
                {offers_retry.then(|| view! {
                    <button
                        type="button"
                        class="button"
                        data-testid="retry"
                        on:click=move |_| engine.start_again()
                    >
                        {move || texts.get().app.retry}
                    </button>
                })}
                <button
                    type="button"
                    class="button"
                    data-testid="error-dismiss"
                    on:click=move |_| on_dismiss.run(dismissed.clone())
                >
                    {move || texts.get().app.close}
                </button>
            </div>
        </section>
    }
}
