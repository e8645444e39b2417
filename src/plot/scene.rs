//! The drawing as lines, dots and labels in pixels, before any format.

use plotters::coord::Shift;
use plotters::prelude::{Circle, DrawingArea, DrawingBackend, PathElement, RGBColor};
use plotters::style::{Color, ShapeStyle};

use super::axis::{Axis, PlotArea, Tick};
use super::curves::{CurveLayout, CurveOptions, CurveSet, PlotError};
use super::series::{Thinning, runs};
use crate::view::color::Rgb;

/// Size of the text, in pixels.
pub const TEXT_SIZE: f64 = 12.0;
/// Room that one tick of the step axis needs, in pixels.
const STEP_TICK_ROOM: f64 = 90.0;
/// Room that one tick of an upright axis needs, in pixels.
const VALUE_TICK_ROOM: f64 = 38.0;

/// One layer of the drawing; later ones lie above earlier ones.
pub struct Layer {
    /// The class of the style sheet.
    pub class: &'static str,
    pub shapes: Vec<Shape>,
}

/// A shape in pixels.
pub enum Shape {
    Path {
        points: Vec<(f64, f64)>,
        color: Rgb,
        opacity: f64,
        width: f64,
    },
    Dot {
        at: (f64, f64),
        radius: f64,
        color: Rgb,
    },
}

/// Which end of a text stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// A text whose baseline begins, is centred or ends at `at`.
pub struct Label {
    pub class: &'static str,
    pub text: String,
    pub at: (f64, f64),
    pub anchor: Anchor,
    pub color: Rgb,
    pub is_bold: bool,
}

/// A whole drawing.
pub struct Scene {
    pub width: u32,
    pub height: u32,
    pub ground: Rgb,
    pub layers: Vec<Layer>,
    pub labels: Vec<Label>,
}

impl Scene {
    pub fn of(
        curves: &CurveSet,
        smoothed: &[f32],
        layout: &CurveLayout,
        options: &CurveOptions,
    ) -> Self {
        let mut scene = Self {
            width: layout.width,
            height: layout.height,
            ground: options.palette.surface,
            layers: Vec::new(),
            labels: Vec::new(),
        };
        scene.push_axes(layout, options);
        scene.push_curves(curves, smoothed, layout, options);
        scene.push_legend(curves, layout, options);
        scene
    }

    fn push(&mut self, class: &'static str, shapes: Vec<Shape>) {
        self.layers.push(Layer { class, shapes });
    }

    fn push_axes(&mut self, layout: &CurveLayout, options: &CurveOptions) {
        let palette = &options.palette;
        let (mut grid, mut lines) = (Vec::new(), Vec::new());
        let line = |points, color| Shape::Path {
            points,
            color,
            opacity: 1.0,
            width: 1.0,
        };
        let panels = [
            Some((&layout.loss_area, &layout.loss_axis, &options.labels.loss)),
            layout
                .accuracy_area
                .as_ref()
                .zip(layout.accuracy_axis.as_ref())
                .map(|(area, axis)| (area, axis, &options.labels.accuracy)),
        ];
        let step_ticks = layout
            .step_axis
            .whole_ticks(room_for(layout.loss_area.width(), STEP_TICK_ROOM));
        for (index, (area, axis, title)) in panels.into_iter().flatten().enumerate() {
            let ticks = axis.ticks(room_for(area.height(), VALUE_TICK_ROOM));
            for tick in &ticks {
                let y = axis.pixel(tick.value);
                grid.push(line(vec![(area.left, y), (area.right, y)], palette.rule));
                self.labels.push(Label {
                    class: "plot-label",
                    text: if index == 1 {
                        percent_label(tick)
                    } else {
                        tick.label.clone()
                    },
                    at: (area.left - 7.0, y + TEXT_SIZE * 0.35),
                    anchor: Anchor::End,
                    color: palette.muted,
                    is_bold: false,
                });
            }
            lines.push(line(
                vec![(area.left, area.bottom), (area.right, area.bottom)],
                palette.border,
            ));
            for tick in &step_ticks {
                let x = layout.step_axis.pixel(tick.value);
                lines.push(line(
                    vec![(x, area.bottom), (x, area.bottom + 4.0)],
                    palette.border,
                ));
            }
            self.labels.push(Label {
                class: "plot-title",
                text: title.clone(),
                at: (4.0, area.top - 13.0),
                anchor: Anchor::Start,
                color: palette.ink,
                is_bold: true,
            });
        }
        self.push("plot-grid", grid);
        self.push("plot-axis", lines);
        self.push_step_labels(&step_ticks, layout, options);
    }

    fn push_step_labels(&mut self, ticks: &[Tick], layout: &CurveLayout, options: &CurveOptions) {
        let bottom = layout.accuracy_area.unwrap_or(layout.loss_area).bottom;
        let mut label = |class, text: &str, at, anchor| {
            self.labels.push(Label {
                class,
                text: text.to_string(),
                at,
                anchor,
                color: options.palette.muted,
                is_bold: false,
            });
        };
        for tick in ticks {
            let x = layout.step_axis.pixel(tick.value);
            // A long label at the right edge would be cut.
            let half = text_width(&tick.label) / 2.0;
            let (x, anchor) = if x + half > f64::from(layout.width) {
                (layout.loss_area.right + 8.0, Anchor::End)
            } else {
                (x, Anchor::Middle)
            };
            label("plot-label", &tick.label, (x, bottom + 17.0), anchor);
        }
        let middle = (layout.loss_area.left + layout.loss_area.right) / 2.0;
        label(
            "plot-label",
            &options.labels.step,
            (middle, bottom + 34.0),
            Anchor::Middle,
        );
    }

    fn push_curves(
        &mut self,
        curves: &CurveSet,
        smoothed: &[f32],
        layout: &CurveLayout,
        options: &CurveOptions,
    ) {
        let palette = &options.palette;
        let train = |values: &[f32], thinning, opacity, width| {
            let points = curves.steps.iter().zip(values).map(|(step, loss)| {
                (
                    layout.step_axis.pixel(*step as f64),
                    layout.loss_axis.pixel((*loss).into()),
                )
            });
            lines_of(
                runs(points, layout.loss_area.width(), thinning),
                palette.train,
                opacity,
                width,
            )
        };
        let is_smoothed = options.smoothing > 0.0;
        if options.show_raw && is_smoothed {
            self.push(
                "plot-train-raw",
                train(&curves.losses, Thinning::Extremes, 0.3, 1.0),
            );
        }
        let thinning = if is_smoothed {
            Thinning::Mean
        } else {
            Thinning::Extremes
        };
        self.push("plot-train", train(smoothed, thinning, 1.0, 1.6));

        let mut held_out =
            evaluation_shapes(curves, layout, &layout.loss_axis, palette.held_out, |e| {
                Some(e.loss)
            });
        if let Some(axis) = &layout.accuracy_axis {
            held_out.extend(evaluation_shapes(
                curves,
                layout,
                axis,
                palette.held_out,
                |e| e.accuracy,
            ));
        }
        self.push("plot-held-out", held_out);
    }

    /// From the right end of the title row: held out, training.
    fn push_legend(&mut self, curves: &CurveSet, layout: &CurveLayout, options: &CurveOptions) {
        if curves.is_empty() {
            return;
        }
        let palette = &options.palette;
        let y = layout.loss_area.top - 13.0;
        let mut right = layout.loss_area.right;
        for (class, text, color) in [
            ("plot-held-out", &options.labels.held_out, palette.held_out),
            ("plot-train", &options.labels.train, palette.train),
        ] {
            if class == "plot-held-out" && curves.evaluations.is_empty() {
                continue;
            }
            self.labels.push(Label {
                class: "plot-key",
                text: text.clone(),
                at: (right, y),
                anchor: Anchor::End,
                color: palette.ink,
                is_bold: false,
            });
            let swatch_right = right - text_width(text) - 8.0;
            let middle = y - TEXT_SIZE * 0.33;
            let mut shapes = vec![Shape::Path {
                points: vec![(swatch_right - 18.0, middle), (swatch_right, middle)],
                color,
                opacity: 1.0,
                width: 1.6,
            }];
            if class == "plot-held-out" {
                shapes.push(Shape::Dot {
                    at: (swatch_right - 9.0, middle),
                    radius: 3.0,
                    color,
                });
            }
            self.push(class, shapes);
            right = swatch_right - 18.0 - 16.0;
        }
    }
}

pub(super) fn room_for(length: f64, each: f64) -> usize {
    ((length / each) as usize).clamp(2, 12)
}

fn percent_label(tick: &Tick) -> String {
    format!("{}%", (tick.value * 100.0).round())
}

/// About how wide a text is, in pixels: Chinese characters are square, letters about half.
pub(super) fn text_width(text: &str) -> f64 {
    let ems: f64 = text
        .chars()
        .map(|c| if c >= '\u{2e80}' { 1.0 } else { 0.56 })
        .sum();
    ems * TEXT_SIZE
}

fn lines_of(runs: Vec<Vec<(f64, f64)>>, color: Rgb, opacity: f64, width: f64) -> Vec<Shape> {
    runs.into_iter()
        .map(|points| match points[..] {
            [at] => Shape::Dot {
                at,
                radius: width,
                color,
            },
            _ => Shape::Path {
                points,
                color,
                opacity,
                width,
            },
        })
        .collect()
}

fn evaluation_shapes(
    curves: &CurveSet,
    layout: &CurveLayout,
    axis: &Axis,
    color: Rgb,
    value: impl Fn(&super::Evaluation) -> Option<f32>,
) -> Vec<Shape> {
    let points: Vec<(f64, f64)> = curves
        .evaluations
        .iter()
        .map(|evaluation| {
            let y = value(evaluation).map_or(f64::NAN, |value| axis.pixel(value.into()));
            (layout.step_axis.pixel(evaluation.step as f64), y)
        })
        .collect();
    let width = layout.loss_area.width();
    // So many that they touch: a line is enough.
    let is_sparse = (points.len() as f64) < width / 9.0;
    let lines = runs(points.iter().copied(), width, Thinning::Mean);
    let mut shapes = lines_of(lines, color, 1.0, 1.3);
    if is_sparse {
        let dots = points.into_iter().filter(|(_, y)| y.is_finite());
        shapes.extend(dots.map(|at| Shape::Dot {
            at,
            radius: 3.0,
            color,
        }));
    }
    shapes
}

/// How a backend draws a path of several points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joints {
    /// As one line; the format joins its parts.
    OfTheFormat,
    /// Part by part with a dot at each point: plotters' bitmaps draw sharp turns of one thick
    /// line as spikes that leave the panel.
    Dots,
}

/// Draws a layer with plotters, `scale` of its units to a pixel.
pub fn draw_layer<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    layer: &Layer,
    scale: f64,
    joints: Joints,
) -> Result<(), PlotError> {
    // Accuracies may lie anywhere when a file says so; plotters counts in i32.
    let unit = |pixel: f64| (pixel * scale).round().clamp(-1e8, 1e8) as i32;
    let at = |(x, y): (f64, f64)| (unit(x), unit(y));
    let stroke = |color: Rgb, opacity: f64, width: f64| ShapeStyle {
        color: plotters_color(color).mix(opacity),
        filled: false,
        stroke_width: (width * scale).round().max(1.0) as u32,
    };
    for shape in &layer.shapes {
        let drawn = match shape {
            Shape::Path {
                points,
                color,
                opacity,
                width,
            } if joints == Joints::OfTheFormat => {
                let points: Vec<(i32, i32)> = points.iter().copied().map(at).collect();
                area.draw(&PathElement::new(points, stroke(*color, *opacity, *width)))
            }
            Shape::Path {
                points,
                color,
                opacity,
                width,
            } => {
                let style = stroke(*color, *opacity, *width);
                let radius = (style.stroke_width / 2).saturating_sub(1);
                let turns = points.get(1..points.len().max(2) - 1).unwrap_or_default();
                let parts = points
                    .windows(2)
                    .map(|ends| area.draw(&PathElement::new([at(ends[0]), at(ends[1])], style)));
                let dots = turns
                    .iter()
                    .map(|turn| area.draw(&Circle::new(at(*turn), radius, style.color.filled())));
                parts.chain(dots).collect()
            }
            Shape::Dot {
                at: centre,
                radius,
                color,
            } => {
                let radius = (radius * scale).round() as i32;
                area.draw(&Circle::new(
                    at(*centre),
                    radius,
                    plotters_color(*color).filled(),
                ))
            }
        };
        drawn.map_err(|error| PlotError::Drawing(error.to_string()))?;
    }
    Ok(())
}

fn plotters_color(Rgb(red, green, blue): Rgb) -> RGBColor {
    RGBColor(red, green, blue)
}

/// The panels, top to bottom.
pub fn panels(layout: &CurveLayout) -> impl Iterator<Item = PlotArea> {
    [Some(layout.loss_area), layout.accuracy_area]
        .into_iter()
        .flatten()
}
