//! Saving the compressed network, and opening it again.

use leptos::prelude::*;

use super::Bench;
use crate::lab::LabCommand;
use crate::lab::compress::{Command, CompressError, MAX_COMPRESSED_BYTES};
use crate::view::texts::lab::compress::texts;
use crate::web::address::use_locale;
use crate::web::browser;
use crate::web::train::file_drop::{Chosen, FileDrop};

impl Bench {
    /// Gives the reader a file to keep.
    pub(super) fn offer(self, number: u32, bytes: &[u8]) {
        let name = format!("glassbox-compressed-{number}.gbc");
        match browser::offer_download(&name, bytes) {
            Ok(()) => self.saved.set(Some(name)),
            Err(error) => {
                let message = format!("{error:?}");
                self.refused.set(Some(CompressError::Internal { message }));
            }
        }
    }
}

pub fn panel(bench: Bench) -> AnyView {
    let locale = use_locale();
    let text = Signal::derive(move || texts(locale.get()));
    let save = move |_| {
        let shown = bench.tries.with_untracked(|tries| {
            let tried = tries.get(bench.shown.get_untracked())?;
            Some(tried.number)
        });
        if let Some(number) = shown {
            bench
                .engine
                .send(&LabCommand::Compress(Command::Save { number }));
        }
    };
    let open = move |chosen| match chosen {
        Chosen::Read { bytes, .. } => {
            bench.loaded.set(None);
            bench.begin(Command::Load { bytes });
        }
        Chosen::Refused(message) => {
            bench.refused.set(Some(CompressError::BadFile { message }));
        }
    };
    let loaded = move || {
        let text = text.get();
        bench.loaded.get().map(|loaded| match loaded.same_as {
            Some(number) => (text.loaded_same)(&number.to_string(), &loaded.samples.to_string()),
            None => (text.loaded_other)(&format!("{:.4}", loaded.accuracy)),
        })
    };
    let same = move || {
        let same = bench.loaded.get().and_then(|loaded| loaded.same_as);
        same.map(|number| number.to_string())
    };
    let saved = move || bench.saved.get().map(|name| (text.get().saved)(&name));
    view! {
        <section class="panel stack">
            <h2 class="panel-title">{move || text.get().file_title}</h2>
            <p class="panel-note">{move || text.get().file_lead}</p>
            <div class="compress-actions">
                <button
                    type="button"
                    class="button"
                    data-testid="compress-save"
                    disabled=move || bench.is_busy.get() || bench.tries.with(Vec::is_empty)
                    on:click=save
                >
                    {move || text.get().save}
                </button>
                <FileDrop
                    label=Signal::derive(move || text.get().load)
                    note=Signal::derive(move || text.get().drop_here)
                    aria_label=Signal::derive(move || text.get().load_label)
                    accept=".gbc"
                    most_bytes=MAX_COMPRESSED_BYTES
                    testids=("compress-drop", "compress-load")
                    is_disabled=bench.is_busy
                    on_file=Callback::new(open)
                />
            </div>
            <p class="status-line" role="status" data-testid="compress-saved">{saved}</p>
            <p class="status-line" role="status" data-testid="compress-loaded" data-same=same>{loaded}</p>
        </section>
    }
    .into_any()
}
