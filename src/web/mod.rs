//! The page: layout over signals. All thinking is in `view` and in the engine.
//!
//! # Layout
//! - `app`: the frame around every page, and which page an address means.
//! - `address`, `engine`: the contexts: the address as state, the engine as signals; `history`: how it changes.
//! - `frame/`: header, messages, help: what is on every page.
//! - `pages/`: one file a page.
//! - `step/`: the page that steps through a batch.
//! - `train/`: the parts of the training page, one component a file.
//! - `palette`: the colours of canvases; `panning`: large pictures in a frame.
//! - `lab/`: the compute lab, a program of its own; `course/`: the concept map and the course, another.
//! - `client`: the engine's worker; `worker`, `training`: its other side; `browser`: what components need of the
//!   browser.

mod address;
mod app;
mod browser;
pub mod client;
pub mod course;
mod engine;
mod frame;
mod history;
pub mod lab;
mod pages;
mod palette;
mod panning;
mod step;
mod train;
pub mod training;
pub mod worker;

use leptos::prelude::*;

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
    clear();
    mount_to_body(app::App);
}

/// Puts the page of the lab in place of the loading notice.
pub fn mount_lab() {
    clear();
    mount_to_body(lab::App);
}

/// Puts the concept map in place of the loading notice.
pub fn mount_course() {
    clear();
    mount_to_body(course::App);
}

fn clear() {
    console_error_panic_hook::set_once();
    if let Some(boot) = document().get_element_by_id("boot") {
        boot.remove();
    }
}
