//! What the network says between the points of a table.

use std::time::Duration;

use leptos::prelude::*;

use super::rows_panel::WatchedRows;
use crate::view::boundary::{Shown, picture};
use crate::view::format;
use crate::web::address::use_texts;
use crate::web::browser;
use crate::web::engine::use_engine;
use crate::web::palette::use_palette;

/// Pixels of the canvas along each side.
const SIDE: usize = 480;

/// Of the page's time at most a quarter goes into the picture: of a small table the engine tells of a new boundary
/// every few milliseconds.
const LEISURE: f64 = 3.0;

/// Calls `draw` in an animation frame after `changes` has changed, but not before the time that it took last has
/// passed [`LEISURE`] times.
fn draw_at_leisure(changes: Signal<()>, draw: impl Fn() + Copy + Send + Sync + 'static) {
    let is_scheduled = StoredValue::new(false);
    let not_before = StoredValue::new(f64::NEG_INFINITY);
    let work = move || {
        // The panel may be gone by now.
        if is_scheduled.try_set_value(false).is_some() {
            return;
        }
        let started = browser::now_millis();
        draw();
        let ended = browser::now_millis();
        not_before.set_value(ended + LEISURE * (ended - started));
    };
    Effect::new(move |_| {
        changes.get();
        if is_scheduled.get_value() {
            return;
        }
        is_scheduled.set_value(true);
        let wait = (not_before.get_value() - browser::now_millis()).clamp(0.0, 2_000.0);
        set_timeout(
            move || request_animation_frame(work),
            Duration::from_millis(wait as u64),
        );
    });
}

/// The points, the ground that the network colours, and ten held-out points with their probabilities.
#[component]
pub fn BoundaryPanel() -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let palette = use_palette();
    let points = engine.part(|run| run.points.clone());
    let drawn = engine.part(|run| run.boundary.clone());
    let shows_train = RwSignal::new(true);
    let shows_held_out = RwSignal::new(true);
    let canvas = NodeRef::<leptos::html::Canvas>::new();
    let draw = move || {
        let (Some(canvas), Some(points)) = (canvas.get_untracked(), points.get_untracked()) else {
            return;
        };
        let shown = Shown {
            train: shows_train.get_untracked(),
            held_out: shows_held_out.get_untracked(),
        };
        let drawn = drawn.get_untracked();
        let boundary = drawn.as_ref().map(|drawn| &drawn.boundary);
        let rgba = picture(&points, boundary, &palette.get_untracked(), SIDE, shown);
        if let Err(error) = browser::paint(&canvas, &rgba, SIDE as u32) {
            leptos::logging::warn!("the boundary could not be painted: {error:?}");
        }
    };
    draw_at_leisure(
        Signal::derive(move || {
            canvas.track();
            points.track();
            shows_train.track();
            shows_held_out.track();
            drawn.track();
            palette.track();
        }),
        draw,
    );
    let is_line =
        Memo::new(move |_| points.with(|p| p.as_ref().is_some_and(|p| p.bounds.len() == 1)));
    let label = move || {
        let step = drawn.get().map_or(0, |drawn| drawn.step);
        points.get().map(|points| {
            let inputs = points.columns.join(", ");
            let count = points.train.classes.len() + points.held_out.classes.len();
            (texts.get().data.boundary_label)(&inputs, count, &format::count(step))
        })
    };
    let after = move || {
        let data = &texts.get().data;
        match drawn.get() {
            Some(drawn) => (texts.get().confusion.after)(&format::count(drawn.step)),
            None => data.boundary_waiting.to_string(),
        }
    };
    let hint = move || {
        let data = &texts.get().data;
        if is_line.get() {
            data.boundary_line_hint
        } else {
            data.boundary_hint
        }
    };
    let check = |shown: RwSignal<bool>, testid: &'static str, legend: Signal<String>| {
        view! {
            <label class="check">
                <input
                    type="checkbox"
                    data-testid=testid
                    prop:checked=move || shown.get()
                    on:change=move |event| shown.set(event_target_checked(&event))
                />
                {legend}
            </label>
        }
    };
    let legend_train = Signal::derive(move || texts.get().data.legend_train.to_string());
    let legend_held_out = Signal::derive(move || texts.get().data.legend_held_out.to_string());
    view! {
        <section class="panel" data-testid="boundary">
            <div class="panel-header">
                <h2 class="panel-title">{move || texts.get().data.boundary_title}</h2>
                <span class="panel-note numeric" data-testid="boundary-step">{after}</span>
            </div>
            <div class="panel-body">
                <canvas
                    class="boundary-canvas"
                    data-testid="boundary-canvas"
                    width=SIDE.to_string()
                    height=SIDE.to_string()
                    role="img"
                    aria-label=label
                    node_ref=canvas
                ></canvas>
                <div class="cluster">
                    {check(shows_train, "show-train", legend_train)}
                    {check(shows_held_out, "show-held-out", legend_held_out)}
                </div>
                <p class="panel-note">{hint}</p>
                <h3 class="field-label">{move || texts.get().data.predictions_title}</h3>
                <WatchedRows/>
                <p class="panel-note">{move || texts.get().data.predictions_hint}</p>
            </div>
        </section>
    }
}
