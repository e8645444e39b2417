//! The compute lab's pages: a program of its own, loaded below `/lab` only.
//!
//! # Layout
//! - `engine`: the lab's engine as a context; `field`: what stands in the address, as inputs.
//! - one file or folder for each instrument.

mod compress;
mod engine;
mod field;
mod index;
mod memory;
mod precision;
mod precision_results;
mod replicas;
mod roofline;
mod scale;

pub use engine::Measuring;

use leptos::prelude::*;

use super::address::{Address, use_address, use_locale};
use super::app::{frame, load_document};
use crate::view::lab::InstrumentId;
use crate::view::texts::lab::lab_texts;
use crate::view::url::{Program, Route};
use engine::LabEngine;

/// The whole program.
#[component]
pub fn App() -> impl IntoView {
    let address = Address::provide();
    let engine = LabEngine::provide();
    let notices = engine::notices(engine, address);
    frame(
        Program::Lab,
        address,
        Some(engine.link()),
        notices,
        current_page,
    )
}

/// The page that the address means.
fn current_page() -> AnyView {
    let address = use_address();
    let route = Memo::new(move |_| address.state.with(|state| state.route.clone()));
    let page = move || match route.get() {
        Route::Lab => index::page(None),
        Route::LabPage(id) => match InstrumentId::from_name(&id) {
            Some(instrument) => instrument_page(instrument),
            None => index::page(Some(id)),
        },
        _ => {
            load_document();
            ().into_any()
        }
    };
    page.into_any()
}

/// The address of an instrument with settings of its own.
fn href_with(address: Address, id: InstrumentId, settings: &str) -> String {
    let mut href = address.href(&Route::LabPage(id.name().into()));
    href.push(if href.contains('?') { '&' } else { '?' });
    href + settings
}

/// Width of a drawing that is so wide where there is room. On a phone it is drawn narrower rather than scaled down, so
/// that its letters can be read.
fn drawing_width(wide: u32) -> u32 {
    let narrow = window().match_media("(max-width: 40rem)").ok().flatten();
    match narrow.is_some_and(|narrow| narrow.matches()) {
        true => wide.min(NARROW),
        false => wide,
    }
}

/// What a phone of 390 pixels leaves for a drawing.
const NARROW: u32 = 340;

/// An instrument below its name and what it is for.
fn instrument_page(id: InstrumentId) -> AnyView {
    let locale = use_locale();
    let name = move || lab_texts(locale.get()).instrument(id).name;
    let purpose = move || lab_texts(locale.get()).instrument(id).purpose;
    let instrument = match id {
        InstrumentId::Scale => scale::instrument(),
        InstrumentId::Roofline => roofline::instrument(),
        InstrumentId::Memory => memory::instrument(),
        InstrumentId::Precision => precision::instrument(),
        InstrumentId::Replicas => replicas::instrument(),
        InstrumentId::Compress => compress::instrument(),
    };
    let back = move || lab_texts(locale.get()).all_instruments;
    let address = use_address();
    view! {
        <div class="page page-wide stack" data-testid="lab-page" data-lab=id.name()>
            <p class="lab-back"><a href=move || address.href(&Route::Lab)>{back}</a></p>
            <h1 class="page-title">{name}</h1>
            <p class="page-lead">{purpose}</p>
            {instrument}
        </div>
    }
    .into_any()
}
