//! The drawing as an `<svg>` element.
//!
//! Every layer and label has a class, so the page's style sheet gives it the theme's colours;
//! the palette's colours stand in the attributes for files that stand alone. There are no
//! `style` attributes and no scripts.

use std::fmt::Write;

use plotters::prelude::{IntoDrawingArea, SVGBackend};

use super::curves::{CurveLayout, PlotError, Reading};
use super::scene::{Anchor, Joints, Label, Layer, Scene, TEXT_SIZE, draw_layer, panels};
use crate::view::color::Palette;

/// Plotters counts in whole units: ten to a pixel keep the lines smooth.
const SCALE: u32 = 10;

/// The drawing; `title` is read out in its place.
pub fn draw(scene: &Scene, title: &str) -> Result<String, PlotError> {
    let mut svg = open(scene.width, scene.height);
    let title = escape(title);
    // Finished while the opening tag is still open.
    let _ = write!(
        svg,
        " role=\"img\" aria-label=\"{title}\" font-family=\"system-ui, sans-serif\" font-size=\"{TEXT_SIZE}\">"
    );
    let _ = write!(
        svg,
        "<g class=\"plot-ground\"><rect width=\"{}\" height=\"{}\" fill=\"{}\"/></g>",
        scene.width,
        scene.height,
        scene.ground.css()
    );
    for layer in &scene.layers {
        let shapes = shapes(scene, layer)?;
        let _ = write!(
            svg,
            "<g class=\"{}\" transform=\"scale({})\" stroke-linejoin=\"round\">{shapes}</g>",
            layer.class,
            1.0 / f64::from(SCALE)
        );
    }
    for label in &scene.labels {
        write_label(&mut svg, label);
    }
    svg.push_str("</svg>");
    Ok(svg)
}

/// The marks under the pointer, as an `<svg>` of the drawing's size.
pub fn cursor(layout: &CurveLayout, reading: &Reading, palette: &Palette) -> String {
    let mut svg = open(layout.width, layout.height);
    svg.push_str(" aria-hidden=\"true\"><g class=\"plot-cursor\">");
    let x = pixel(reading.x);
    for area in panels(layout) {
        let (top, bottom) = (pixel(area.top), pixel(area.bottom));
        let color = palette.border.css();
        let _ = write!(
            svg,
            "<line x1=\"{x}\" x2=\"{x}\" y1=\"{top}\" y2=\"{bottom}\" stroke=\"{color}\"/>"
        );
    }
    svg.push_str("</g>");
    for mark in &reading.marks {
        let (class, color) = if mark.is_held_out {
            ("plot-held-out", palette.held_out)
        } else {
            ("plot-train", palette.train)
        };
        let (x, y, fill, edge) = (
            pixel(mark.x),
            pixel(mark.y),
            color.css(),
            palette.surface.css(),
        );
        let _ = write!(
            svg,
            "<g class=\"{class}\"><circle cx=\"{x}\" cy=\"{y}\" r=\"4.5\" fill=\"{fill}\" stroke=\"{edge}\" stroke-width=\"1.5\"/></g>"
        );
    }
    svg.push_str("</svg>");
    svg
}

/// The opening tag, still without its `>`.
fn open(width: u32, height: u32) -> String {
    format!(
        "<svg class=\"plot\" xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\""
    )
}

/// What plotters writes for a layer, without the `<svg>` around it.
fn shapes(scene: &Scene, layer: &Layer) -> Result<String, PlotError> {
    let mut whole = String::new();
    {
        let size = (scene.width * SCALE, scene.height * SCALE);
        let area = SVGBackend::with_string(&mut whole, size).into_drawing_area();
        draw_layer(&area, layer, SCALE.into(), Joints::OfTheFormat)?;
        area.present()
            .map_err(|error| PlotError::Drawing(error.to_string()))?;
    }
    let inner = whole
        .split_once('>')
        .and_then(|(_, rest)| rest.rsplit_once("</svg>"))
        .map(|(inner, _)| inner.trim())
        .ok_or_else(|| PlotError::Drawing("plotters wrote no svg element".to_string()))?;
    Ok(inner.to_string())
}

fn write_label(svg: &mut String, label: &Label) {
    let anchor = match label.anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    let weight = if label.is_bold {
        " font-weight=\"600\""
    } else {
        ""
    };
    let _ = write!(
        svg,
        "<text class=\"{}\" x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\" fill=\"{}\"{weight}>{}</text>",
        label.class,
        pixel(label.at.0),
        pixel(label.at.1),
        label.color.css(),
        escape(&label.text)
    );
}

/// A pixel rounded to a tenth.
fn pixel(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
