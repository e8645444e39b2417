//! Runs that learn from what the learner brings along: they wait for it, and start anew when it changes.

use std::sync::Arc;

use leptos::prelude::*;

use super::own_series_panel::OwnSeriesPanel;
use super::own_text_panel::OwnTextPanel;
use super::table_panel::TablePanel;
use crate::session::RunConfig;
use crate::view::presets::{self, OwnData};
use crate::view::run_state::{OwnSeries, OwnTable, RunState};
use crate::view::writing::OwnText;
use crate::web::address::use_texts;
use crate::web::engine::use_engine;

/// What the learner has given so far.
#[derive(Clone, Debug, PartialEq)]
enum Given {
    Table(Arc<OwnTable>),
    Series(Arc<OwnSeries>),
    Text(Arc<OwnText>),
}

impl Given {
    fn of(run: &RunState, own: OwnData) -> Option<Self> {
        match own {
            OwnData::Table => run.own_table.clone().map(Self::Table),
            OwnData::Series => run.own_series.clone().map(Self::Series),
            OwnData::Text => run.own_text.clone().map(Self::Text),
        }
    }
}

/// What the run that the address asks for needs of the learner.
fn needs_own(wanted: Memo<Option<RunConfig>>) -> Memo<Option<OwnData>> {
    Memo::new(move |_| {
        wanted.with(|config| {
            let config = config.as_ref()?;
            presets::own_data(&config.preset)
        })
    })
}

/// Whether the run that the address asks for has to wait for data of the learner.
pub fn waits_for_own(wanted: Memo<Option<RunConfig>>) -> Memo<bool> {
    let own = needs_own(wanted);
    let run = use_engine().run();
    Memo::new(move |_| {
        own.get()
            .is_some_and(|own| run.with(|run| Given::of(run, own)).is_none())
    })
}

/// Starts the run that the address asks for where it is another model's or device's than the one that stands, or
/// where it learns from data that were read since; waits where there are none yet.
pub fn start_wanted(wanted: Memo<Option<RunConfig>>) {
    let engine = use_engine();
    let own = needs_own(wanted);
    let run = engine.run();
    let given = Memo::new(move |_| {
        own.get()
            .and_then(|own| run.with(|run| Given::of(run, own)))
    });
    Effect::new(move |before: Option<Option<Given>>| {
        let given = given.get();
        let Some(config) = wanted.get() else {
            return given;
        };
        let needs_own = own.get_untracked().is_some();
        if needs_own && given.is_none() {
            return given;
        }
        let is_new = needs_own && before.is_some_and(|before| before != given);
        let is_other = engine
            .run()
            .with_untracked(|run| run.is_replaced_by(&config));
        if is_new || is_other {
            engine.start(config);
        }
        given
    });
}

/// Says which other model's run stands while this one waits for its data.
#[component]
pub fn OtherRun() -> impl IntoView {
    let texts = use_texts();
    let standing = use_engine().part(|run| {
        let started = run.started.as_ref();
        started.map(|started| started.config.preset.clone())
    });
    let name = move || {
        let texts = texts.get();
        let preset = texts.preset(&standing.get()?)?;
        Some((texts.data.other_run)(preset.name))
    };
    view! { <p class="panel-note">{name}</p> }
}

/// The place to bring along what the run needs, where it needs anything.
#[component]
pub fn OwnDataPanel(wanted: Memo<Option<RunConfig>>) -> impl IntoView {
    let own = needs_own(wanted);
    move || match own.get() {
        Some(OwnData::Table) => view! { <TablePanel/> }.into_any(),
        Some(OwnData::Series) => view! { <OwnSeriesPanel/> }.into_any(),
        Some(OwnData::Text) => view! { <OwnTextPanel/> }.into_any(),
        None => ().into_any(),
    }
}
