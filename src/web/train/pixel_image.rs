//! A small image, pixel for pixel.

use leptos::prelude::*;

use crate::view::samples;
use crate::web::browser;

/// Pixels (C, H, W) on a canvas of H × W; an empty canvas where there are none.
#[component]
pub fn PixelImage(
    /// (C, H, W), row-major, 0 = background.
    #[prop(into)]
    pixels: Signal<Option<Vec<u8>>>,
    /// (C, H, W).
    #[prop(into)]
    shape: Vec<usize>,
    /// The classes of the canvas.
    class: &'static str,
    /// What a screen reader says of it.
    #[prop(into)]
    label: Signal<String>,
) -> impl IntoView {
    let canvas = NodeRef::<leptos::html::Canvas>::new();
    let (height, width) = match shape[..] {
        [_, height, width] => (height, width),
        _ => (0, 0),
    };
    Effect::new(move |_| {
        let Some(canvas) = canvas.get() else { return };
        let blank = || vec![0; shape.iter().product()];
        let pixels = pixels.get().unwrap_or_else(blank);
        let painted =
            samples::rgba(&shape, &pixels).map(|rgba| browser::paint(&canvas, &rgba, width as u32));
        if let Some(Err(error)) = painted {
            leptos::logging::warn!("an image could not be painted: {error:?}");
        }
    });
    view! {
        <canvas
            class=class
            width=width.to_string()
            height=height.to_string()
            role="img"
            aria-label=label
            node_ref=canvas
        ></canvas>
    }
}
