//! What the network says between the points of a table.

use leptos::prelude::*;

use crate::session::Command;
use crate::view::boundary::{Shown, picture};
use crate::view::format;
use crate::web::address::use_texts;
use crate::web::browser;
use crate::web::engine::use_engine;
use crate::web::palette::use_palette;

/// Pixels of the canvas along each side.
const SIDE: usize = 480;

/// How many held-out points are told one by one.
const WATCHED: u32 = 10;

/// The points, the ground that the network colours, and ten held-out points with their probabilities.
#[component]
pub fn BoundaryPanel() -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let palette = use_palette();
    let points = engine.part(|run| run.points.clone());
    let drawn = engine.part(|run| run.boundary.clone());
    let run = engine.part(|run| run.id().filter(|_| run.points.is_some()));
    Effect::new(move |_| {
        if run.get().is_some() {
            let count = WATCHED;
            engine.command(|run| Command::WatchSamples { run, count });
        }
    });
    let shows_train = RwSignal::new(true);
    let shows_held_out = RwSignal::new(true);
    let canvas = NodeRef::<leptos::html::Canvas>::new();
    Effect::new(move |_| {
        let (Some(canvas), Some(points)) = (canvas.get(), points.get()) else {
            return;
        };
        let shown = Shown {
            train: shows_train.get(),
            held_out: shows_held_out.get(),
        };
        let drawn = drawn.get();
        let boundary = drawn.as_ref().map(|drawn| &drawn.boundary);
        let rgba = picture(&points, boundary, &palette.get(), SIDE, shown);
        if let Err(error) = browser::paint(&canvas, &rgba, SIDE as u32) {
            leptos::logging::warn!("the boundary could not be painted: {error:?}");
        }
    });
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
                <WatchedPoints/>
            </div>
        </section>
    }
}

/// Ten held-out points with the probability of class 1.
#[component]
fn WatchedPoints() -> impl IntoView {
    let engine = use_engine();
    let texts = use_texts();
    let rows = engine.part(|run| run.rows.clone());
    let predictions = engine.part(|run| run.sample_predictions.clone());
    let body = move || {
        let watched = rows.get()?;
        let columns = watched.columns.len();
        let predictions = predictions.get();
        let items = watched.labels.iter().enumerate().map(|(index, &label)| {
            let values = &watched.rows[index * columns..(index + 1) * columns];
            let cells = values
                .iter()
                .map(|value| view! { <td class="numeric">{format!("{value:.2}")}</td> })
                .collect_view();
            // One number is the probability of class 1; of two it is the second.
            let probability = predictions.as_ref().and_then(|predictions| {
                let width = predictions.values.len() / watched.labels.len().max(1);
                let last = (index + 1) * width;
                predictions.values.get(last.checked_sub(1)?).copied()
            });
            let is_right = probability.map(|p| (p > 0.5) == (label == 1));
            let mark = match is_right {
                Some(true) => "✓",
                Some(false) => "✗",
                None => "",
            };
            let probability =
                probability.map_or_else(|| format::NO_VALUE.to_string(), |p| format!("{p:.3}"));
            view! {
                <tr>
                    {cells}
                    <td class="numeric">{label}</td>
                    <td class="numeric">{probability} " " {mark}</td>
                </tr>
            }
        });
        Some(items.collect_view())
    };
    let head = move || {
        let watched = rows.get()?;
        let cells = watched.columns.iter().cloned();
        Some(
            cells
                .map(|column| view! { <th scope="col" class="numeric">{column}</th> })
                .collect_view(),
        )
    };
    view! {
        <Show when=move || rows.with(Option::is_some)>
            <h3 class="field-label">{move || texts.get().data.predictions_title}</h3>
            <div class="table-scroll">
                <table class="confusion-table" data-testid="watched-points">
                    <thead>
                        <tr>
                            {head}
                            <th scope="col" class="numeric">{move || texts.get().data.truth}</th>
                            <th scope="col" class="numeric">
                                {move || texts.get().data.probability}
                            </th>
                        </tr>
                    </thead>
                    <tbody>{body}</tbody>
                </table>
            </div>
            <p class="panel-note">{move || texts.get().data.predictions_hint}</p>
        </Show>
    }
}
