//! The page: layout over signals. All thinking is in `view` and in the engine.

pub mod client;

use crate::session::{Command, Event};
use client::{EngineClient, FromWorker};
use leptos::prelude::*;
use leptos_router::components::Router;
use leptos_router::hooks::use_location;

/// The sources that this program was built from, as a hash.
pub const BUILD_ID: &str = env!("GLASSBOX_BUILD_ID");

/// The path of the page's folder without a closing slash: empty at the root of a host.
pub fn base_path() -> String {
    let base = document().base_uri().ok().flatten().unwrap_or_default();
    let path = web_sys::Url::new(&base)
        .map(|url| url.pathname())
        .unwrap_or_default();
    path.trim_end_matches('/').to_string()
}

/// Puts the page in place of the loading notice.
pub fn mount() {
    console_error_panic_hook::set_once();
    if let Some(boot) = document().get_element_by_id("boot") {
        boot.remove();
    }
    mount_to_body(|| view! { <Router base=base_path()><Shell/></Router> });
}

/// The frame around every page.
#[component]
fn Shell() -> impl IntoView {
    let status = RwSignal::new(String::from("starting"));
    let answer = RwSignal::new(String::new());
    let client = EngineClient::spawn(move |message| match message {
        FromWorker::Ready => status.set("ready".to_string()),
        FromWorker::Event(Event::Ready { build_id }) => answer.set(build_id),
        FromWorker::Event(event) => leptos::logging::warn!("unexpected event {event:?}"),
        FromWorker::Lost(loss) => status.set(format!("{loss:?}")),
    });
    client.send(&Command::Hello {
        build_id: BUILD_ID.to_string(),
    });
    // Lives as long as the page.
    let client = StoredValue::new_local(client);
    let restart = move |_| {
        status.set("starting".to_string());
        client.with_value(EngineClient::restart);
    };
    let path = use_location().pathname;
    view! {
        <main>
            <h1>"Glassbox"</h1>
            <p data-testid="route">{path}</p>
            <p data-testid="engine-status" role="status">{status}</p>
            <button data-testid="engine-restart" on:click=restart>"↻"</button>
            <p data-testid="engine-build">{answer}</p>
        </main>
    }
}
