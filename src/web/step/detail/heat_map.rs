//! A matrix of numbers as colours, on a canvas.

use leptos::html::Canvas;
use leptos::prelude::*;

use crate::view::color::Palette;
use crate::view::microscope::paint::{Ramp, heat_map};
use crate::web::address::use_address;
use crate::web::browser;

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
    let address = use_address();
    let canvas = NodeRef::<Canvas>::new();
    let ramp = Memo::new(move |_| {
        let theme = address.state.with(|state| state.theme);
        let palette = if browser::is_dark(theme) {
            Palette::DARK
        } else {
            Palette::LIGHT
        };
        Ramp::new(&palette)
    });
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
    view! { <canvas class="heat-map" node_ref=canvas role="img" aria-label=label></canvas> }
}
