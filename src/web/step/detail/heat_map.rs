//! A matrix of numbers as colours, on a canvas.

use leptos::html::Canvas;
use leptos::prelude::*;

use crate::view::color::Palette;
use crate::view::microscope::paint::{Ramp, heat_map, rgba};
use crate::view::microscope::picture::Picture;
use crate::web::address::use_address;
use crate::web::browser;

/// Largest side of a cell, in pixels.
const LARGEST_CELL: u32 = 24;

/// The colours of the theme.
fn use_ramp() -> Memo<Ramp> {
    let address = use_address();
    Memo::new(move |_| {
        let theme = address.state.with(|state| state.theme);
        let palette = if browser::is_dark(theme) {
            Palette::DARK
        } else {
            Palette::LIGHT
        };
        Ramp::new(&palette)
    })
}

/// Part of a tensor as it is drawn everywhere: tiles of cells, or bars.
#[component]
pub fn PictureMap(
    /// How it is drawn.
    picture: Picture,
    /// The elements from the picture's first on.
    values: Vec<f32>,
    /// What the strongest colour stands for.
    limit: f32,
    /// What a screen reader says of it.
    #[prop(into)]
    label: Signal<String>,
) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    let ramp = use_ramp();
    let width = format!("{}px", picture.width);
    Effect::new(move |_| {
        let Some(canvas) = canvas.get() else { return };
        if picture.width == 0 || picture.height == 0 {
            return;
        }
        canvas.set_width(picture.width);
        canvas.set_height(picture.height);
        let bytes = ramp.with(|ramp| rgba(&picture, &values, limit, ramp));
        if let Err(error) = browser::paint(&canvas, &bytes, picture.width) {
            leptos::logging::warn!("a tensor could not be painted: {error:?}");
        }
    });
    view! {
        <canvas
            class="heat-map"
            node_ref=canvas
            role="img"
            aria-label=label
            style:max-width=width
        ></canvas>
    }
}

/// Cells of colour; sign is hue, magnitude is depth.
#[component]
pub fn HeatMap(
    /// Row-major.
    #[prop(into)]
    values: Signal<Vec<f32>>,
    /// Cells in a row.
    columns: u32,
    /// What the strongest colour stands for.
    #[prop(into)]
    limit: Signal<f32>,
    /// What a screen reader says of it.
    #[prop(into)]
    label: Signal<String>,
) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    let ramp = use_ramp();
    Effect::new(move |_| {
        let Some(canvas) = canvas.get() else { return };
        let (bytes, rows) =
            values.with(|values| ramp.with(|ramp| heat_map(values, columns, limit.get(), ramp)));
        if rows == 0 {
            return;
        }
        canvas.set_width(columns);
        canvas.set_height(rows);
        if let Err(error) = browser::paint(&canvas, &bytes, columns) {
            leptos::logging::warn!("a heat map could not be painted: {error:?}");
        }
    });
    // A few cells are no larger than many: they stay cells.
    let width = format!("{}px", columns * LARGEST_CELL);
    view! {
        <canvas
            class="heat-map"
            node_ref=canvas
            role="img"
            aria-label=label
            style:max-width=width
        ></canvas>
    }
}
