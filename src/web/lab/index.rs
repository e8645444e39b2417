//! The lab's first page: all instruments.

use leptos::prelude::*;

use crate::view::lab::InstrumentId;
use crate::view::texts::lab::lab_texts;
use crate::view::url::Route;
use crate::web::address::{use_address, use_locale};

/// All instruments; above them, the name of one that does not exist.
pub fn page(unknown: Option<String>) -> AnyView {
    let address = use_address();
    let locale = use_locale();
    let texts = move || lab_texts(locale.get());
    let cards = move || {
        InstrumentId::ALL
            .map(|id| {
                let text = texts().instrument(id);
                let href = address.href(&Route::LabPage(id.name().into()));
                view! {
                    <a class="card is-update" data-testid=format!("lab-{}", id.name()) href=href>
                        <h2 class="card-title">{text.name}</h2>
                        <p>{text.purpose}</p>
                        <span class="card-action">{texts().open}</span>
                    </a>
                }
            })
            .collect_view()
    };
    let missing = unknown.map(|id| {
        view! {
            <p class="banner is-warning" role="alert" data-testid="unknown-lab">
                {move || (texts().unknown)(&id)}
            </p>
        }
    });
    view! {
        <div class="page page-wide stack" data-testid="lab-index">
            {missing}
            <h1 class="page-title">{move || texts().title}</h1>
            <p class="page-lead">{move || texts().lead}</p>
            <div class="card-grid">{cards}</div>
        </div>
    }
    .into_any()
}
