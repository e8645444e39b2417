//! What a run's curves are, and what lies under the pointer.

use std::ops::Range;

use thiserror::Error;

use super::axis::{Axis, PlotArea, Scale};
use super::scene::Scene;
use super::series::Average;
use super::{png, svg};
use crate::view::color::Palette;
use crate::view::texts::Locale;

/// A measurement on held-out data after a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    pub step: u64,
    pub loss: f32,
    /// 0 to 1; `None` for a regression.
    pub accuracy: Option<f32>,
}

/// The curves of one run: loss of every training step, and evaluations on held-out data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CurveSet {
    pub(super) steps: Vec<u64>,
    pub(super) losses: Vec<f32>,
    pub(super) evaluations: Vec<Evaluation>,
    /// Only steps that are multiples of 2 to this power are kept.
    thinning: u32,
}

/// The most training steps held. A model of a few numbers makes so many in seconds, and no
/// drawing shows that many: beyond it, every second step held is dropped, and of the steps that
/// come as many.
const MOST_STEPS: usize = 200_000;

/// How the curves are drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct CurveOptions {
    /// Pixels; less than [`CurveOptions::LEAST`] is taken as that.
    pub width: u32,
    /// Pixels; less than [`CurveOptions::LEAST`] is taken as that.
    pub height: u32,
    /// Share of the past in the moving average, 0 (none) to 0.99.
    pub smoothing: f32,
    /// The loss on a logarithmic axis; values that are not above 0 are gaps there.
    pub log_loss: bool,
    /// The loss of each batch, thin behind the smoothed line.
    pub show_raw: bool,
    /// A second panel for accuracy below the loss.
    pub show_accuracy: bool,
    pub palette: Palette,
    pub labels: CurveLabels,
}

/// The words on the drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurveLabels {
    /// Read out instead of the drawing.
    pub title: String,
    pub step: String,
    pub loss: String,
    pub accuracy: String,
    pub train: String,
    pub held_out: String,
}

impl CurveLabels {
    /// The labels in a language; `smoothing` decides what the training line is called.
    pub fn of(locale: Locale, smoothing: f32) -> Self {
        let texts = &locale.texts().curves;
        let train = if smoothing > 0.0 {
            texts.train_smoothed
        } else {
            texts.train_raw
        };
        Self {
            title: texts.title.to_string(),
            step: texts.x_step.to_string(),
            loss: texts.y_loss.to_string(),
            accuracy: texts.y_accuracy.to_string(),
            train: train.to_string(),
            held_out: texts.held_out_loss.to_string(),
        }
    }
}

impl CurveOptions {
    /// The smallest drawing, width and height in pixels.
    pub const LEAST: (u32, u32) = (160, 140);

    /// Smoothing 0.9 over the raw loss on a linear axis, with accuracy, on light paper.
    pub fn new(width: u32, height: u32, locale: Locale) -> Self {
        let smoothing = 0.9;
        Self {
            width,
            height,
            smoothing,
            log_loss: false,
            show_raw: true,
            show_accuracy: true,
            palette: Palette::LIGHT,
            labels: CurveLabels::of(locale, smoothing),
        }
    }

    /// Width and height as drawn, in pixels.
    pub fn size(&self) -> (u32, u32) {
        (
            self.width.max(Self::LEAST.0),
            self.height.max(Self::LEAST.1),
        )
    }
}

/// Why a plot could not be made.
#[derive(Debug, Error)]
pub enum PlotError {
    #[error("plot: drawing failed: {0}")]
    Drawing(String),
    #[error("plot: the font could not be read")]
    Font,
    #[error("plot: {width} x {height} pixels are too many for one image")]
    TooLarge { width: u32, height: u32 },
    #[error("plot: the image could not be compressed: {0}")]
    Encoding(#[from] std::io::Error),
}

/// Where everything is: the same mapping for drawing and for the pointer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurveLayout {
    pub width: u32,
    pub height: u32,
    /// The panel of the loss.
    pub loss_area: PlotArea,
    /// The panel of the accuracy, when it is shown.
    pub accuracy_area: Option<PlotArea>,
    pub(super) step_axis: Axis,
    pub(super) loss_axis: Axis,
    pub(super) accuracy_axis: Option<Axis>,
}

/// A drawing and where things are in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// A whole `<svg>` element, free of styles and scripts.
    pub svg: String,
    pub layout: CurveLayout,
}

/// What the curves say at the step nearest to the pointer.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub step: u64,
    /// Training loss of that step's batch; may be not finite.
    pub loss: f32,
    /// Smoothed training loss; NaN where the loss is not finite.
    pub smoothed: f32,
    /// The evaluation drawn near the pointer, if any.
    pub held_out: Option<Evaluation>,
    /// Where the step is, in pixels.
    pub x: f64,
    /// The points of the curves at that step.
    pub marks: Vec<Mark>,
}

/// A point of a curve that a reading refers to, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    pub x: f64,
    pub y: f64,
    pub is_held_out: bool,
}

/// How near the pointer must be to an evaluation to read it, in pixels.
const EVALUATION_REACH: f64 = 12.0;

impl CurveSet {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the loss of a step. A step at or before the last one rewinds the curves first, so
    /// that stepping back and resetting need no other call. Very long runs keep every second,
    /// fourth, … step.
    pub fn push(&mut self, step: u64, loss: f32) {
        if self.steps.last().is_some_and(|last| step <= *last) {
            self.rewind(step);
        }
        if !step.is_multiple_of(1 << self.thinning) {
            return;
        }
        self.steps.push(step);
        self.losses.push(loss);
        if self.steps.len() > MOST_STEPS {
            self.thin();
        }
    }

    fn thin(&mut self) {
        self.thinning += 1;
        let kept = |step: &u64| step.is_multiple_of(1 << self.thinning);
        let mut steps = self.steps.iter();
        self.losses.retain(|_| steps.next().is_some_and(kept));
        self.steps.retain(kept);
    }

    /// Adds an evaluation; one at or after the same step is replaced.
    pub fn push_evaluation(&mut self, evaluation: Evaluation) {
        let keep = self
            .evaluations
            .partition_point(|kept| kept.step < evaluation.step);
        self.evaluations.truncate(keep);
        self.evaluations.push(evaluation);
    }

    /// Forgets `step` and everything after it.
    pub fn rewind(&mut self, step: u64) {
        let keep = self.steps.partition_point(|kept| *kept < step);
        self.steps.truncate(keep);
        self.losses.truncate(keep);
        if keep == 0 {
            self.thinning = 0;
        }
        let keep = self.evaluations.partition_point(|kept| kept.step < step);
        self.evaluations.truncate(keep);
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.evaluations.is_empty()
    }

    /// Training steps held.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Last step and its loss.
    pub fn last(&self) -> Option<(u64, f32)> {
        Some((*self.steps.last()?, *self.losses.last()?))
    }

    pub fn last_evaluation(&self) -> Option<Evaluation> {
        self.evaluations.last().copied()
    }

    /// Where everything is in a drawing with these options.
    pub fn layout(&self, options: &CurveOptions) -> CurveLayout {
        self.layout_with(options, &self.smoothed(options))
    }

    /// The drawing as SVG, and its layout.
    ///
    /// # Errors
    ///
    /// When plotters fails, which only a bug can cause.
    pub fn figure(&self, options: &CurveOptions) -> Result<Figure, PlotError> {
        let smoothed = self.smoothed(options);
        let layout = self.layout_with(options, &smoothed);
        let scene = Scene::of(self, &smoothed, &layout, options);
        Ok(Figure {
            svg: svg::draw(&scene, &options.labels.title)?,
            layout,
        })
    }

    /// The drawing as a PNG file with `pixel_ratio` image pixels for each pixel of the options.
    ///
    /// `font` is a TrueType or OpenType font that has the characters of the labels.
    ///
    /// # Errors
    ///
    /// When the font cannot be read or the image would be too large.
    pub fn png(
        &self,
        options: &CurveOptions,
        font: &[u8],
        pixel_ratio: u32,
    ) -> Result<Vec<u8>, PlotError> {
        let smoothed = self.smoothed(options);
        let layout = self.layout_with(options, &smoothed);
        let scene = Scene::of(self, &smoothed, &layout, options);
        png::draw(&scene, font, pixel_ratio.max(1))
    }

    /// What the curves say at the step nearest to `x` (pixels from the drawing's left edge).
    pub fn reading(&self, layout: &CurveLayout, options: &CurveOptions, x: f64) -> Option<Reading> {
        let wanted = layout.step_axis.value(x);
        let index = self.nearest(wanted)?;
        let (step, loss) = (self.steps[index], self.losses[index]);
        let mut average = Average::new(options.smoothing);
        let mut smoothed = f32::NAN;
        for loss in &self.losses[..=index] {
            smoothed = average.push(*loss);
        }
        let held_out = self.nearest_evaluation(layout, x);
        let x = layout.step_axis.pixel(step as f64);
        let mut marks = vec![Mark {
            x,
            y: layout.loss_axis.pixel(smoothed.into()),
            is_held_out: false,
        }];
        if let Some(evaluation) = held_out {
            let x = layout.step_axis.pixel(evaluation.step as f64);
            let mut mark = |y: f64| {
                marks.push(Mark {
                    x,
                    y,
                    is_held_out: true,
                })
            };
            mark(layout.loss_axis.pixel(evaluation.loss.into()));
            if let (Some(axis), Some(accuracy)) = (&layout.accuracy_axis, evaluation.accuracy) {
                mark(axis.pixel(accuracy.into()));
            }
        }
        marks.retain(|mark| mark.y.is_finite());
        Some(Reading {
            step,
            loss,
            smoothed,
            held_out,
            x,
            marks,
        })
    }

    pub(super) fn smoothed(&self, options: &CurveOptions) -> Vec<f32> {
        super::smooth(&self.losses, options.smoothing)
    }

    fn nearest(&self, wanted: f64) -> Option<usize> {
        let after = self.steps.partition_point(|step| (*step as f64) < wanted);
        let distance = |index: &usize| (self.steps[*index] as f64 - wanted).abs();
        [after.checked_sub(1), Some(after)]
            .into_iter()
            .flatten()
            .filter(|index| *index < self.steps.len())
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }

    fn nearest_evaluation(&self, layout: &CurveLayout, x: f64) -> Option<Evaluation> {
        let distance =
            |evaluation: &Evaluation| (layout.step_axis.pixel(evaluation.step as f64) - x).abs();
        self.evaluations
            .iter()
            .copied()
            .filter(|evaluation| distance(evaluation) <= EVALUATION_REACH)
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }

    fn layout_with(&self, options: &CurveOptions, smoothed: &[f32]) -> CurveLayout {
        let (width, height) = options.size();
        let (loss_area, accuracy_area) = areas(width.into(), height.into(), options.show_accuracy);
        let steps = self.step_range();
        let loss = self.loss_range(options, smoothed);
        let scale = if options.log_loss {
            Scale::Log
        } else {
            Scale::Linear
        };
        CurveLayout {
            width,
            height,
            loss_area,
            accuracy_area,
            step_axis: Axis::new(
                Scale::Linear,
                steps.start,
                steps.end,
                (loss_area.left, loss_area.right),
            ),
            loss_axis: Axis::new(
                scale,
                loss.start,
                loss.end,
                (loss_area.bottom, loss_area.top),
            ),
            // All of 0 to 100%, so that the picture does not exaggerate.
            accuracy_axis: accuracy_area
                .map(|area| Axis::new(Scale::Linear, 0.0, 1.0, (area.bottom, area.top))),
        }
    }

    /// From 0, or from near the first step of a run that was resumed late.
    fn step_range(&self) -> Range<f64> {
        let ends = |first: Option<u64>, last: Option<u64>| Some((first?, last?));
        let evaluations = ends(
            self.evaluations.first().map(|e| e.step),
            self.evaluations.last().map(|e| e.step),
        );
        let steps = ends(self.steps.first().copied(), self.steps.last().copied());
        let (first, last) = match (steps, evaluations) {
            (Some(a), Some(b)) => (a.0.min(b.0), a.1.max(b.1)),
            (Some(ends), None) | (None, Some(ends)) => ends,
            (None, None) => return 0.0..100.0,
        };
        let start = if first <= last / 2 || last < 20 {
            0
        } else {
            first
        };
        start as f64..(last as f64).max(start as f64 + 10.0)
    }

    fn loss_range(&self, options: &CurveOptions, smoothed: &[f32]) -> Range<f64> {
        let raw = if options.show_raw {
            &self.losses[..]
        } else {
            &[]
        };
        let held_out = self.evaluations.iter().map(|evaluation| evaluation.loss);
        let shown = raw
            .iter()
            .chain(smoothed)
            .copied()
            .chain(held_out)
            .map(f64::from);
        let shown = shown.filter(|loss| loss.is_finite() && (*loss > 0.0 || !options.log_loss));
        let (low, high) = shown.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), loss| {
            (low.min(loss), high.max(loss))
        });
        if low > high {
            return if options.log_loss { 0.1..2.5 } else { 0.0..2.5 };
        }
        if options.log_loss {
            let margin = (high / low).powf(0.05).max(1.05);
            return low / margin..high * margin;
        }
        let margin = 0.05 * (high - low).max(high.abs() * 1e-3);
        // A loss has its zero in the picture unless all of it is far above; a first value alone
        // tells nothing of how far the others will be.
        let is_one_value = high - low < 1e-3 * high;
        let low = if low >= 0.0 && (low < 0.6 * high || is_one_value) {
            0.0
        } else {
            low - margin
        };
        low..high + margin
    }
}

/// Room around the panels, in pixels.
mod room {
    pub const LEFT: f64 = 54.0;
    pub const RIGHT: f64 = 14.0;
    /// The row of the panel's title and the legend.
    pub const TOP: f64 = 30.0;
    /// Tick labels and the title of the step axis.
    pub const BOTTOM: f64 = 40.0;
    /// Between the panels: the title of the lower one.
    pub const BETWEEN: f64 = 38.0;
    /// Share of the height for the loss when there are two panels.
    pub const LOSS_SHARE: f64 = 0.62;
}

fn areas(width: f64, height: f64, show_accuracy: bool) -> (PlotArea, Option<PlotArea>) {
    let whole = PlotArea {
        left: room::LEFT,
        top: room::TOP,
        right: width - room::RIGHT,
        bottom: height - room::BOTTOM,
    };
    // Two panels need some height each.
    if !show_accuracy || height < 240.0 {
        return (whole, None);
    }
    let loss_height = ((whole.height() - room::BETWEEN) * room::LOSS_SHARE).round();
    let loss = PlotArea {
        bottom: whole.top + loss_height,
        ..whole
    };
    let accuracy = PlotArea {
        top: loss.bottom + room::BETWEEN,
        ..whole
    };
    (loss, Some(accuracy))
}

impl CurveLayout {
    /// The mark under the pointer as an `<svg>` element to lay over the drawing.
    pub fn cursor_svg(&self, reading: &Reading, palette: &Palette) -> String {
        svg::cursor(self, reading, palette)
    }

    /// Whether a point (pixels from the drawing's upper left corner) is over a panel.
    pub fn is_over_panel(&self, x: f64, y: f64) -> bool {
        let inside = |area: &PlotArea| {
            (area.left..=area.right).contains(&x) && (area.top..=area.bottom).contains(&y)
        };
        inside(&self.loss_area) || self.accuracy_area.as_ref().is_some_and(inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FONT: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans-subset.ttf");

    fn options() -> CurveOptions {
        CurveOptions::new(640, 400, Locale::English)
    }

    /// A loss that falls, with noise that repeats, and an evaluation every 100 steps.
    fn falling(steps: u64) -> CurveSet {
        let mut curves = CurveSet::new();
        for step in 1..=steps {
            let noise = 0.2 * ((step * 7919 % 1000) as f32 / 1000.0 - 0.5);
            curves.push(step, 2.3 * (-(step as f32) / 300.0).exp() + 0.2 + noise);
            if step % 100 == 0 {
                curves.push_evaluation(Evaluation {
                    step,
                    loss: 2.2 * (-(step as f32) / 300.0).exp() + 0.25,
                    accuracy: Some(1.0 - 0.9 * (-(step as f32) / 200.0).exp()),
                });
            }
        }
        curves
    }

    #[test]
    fn very_long_runs_are_thinned_evenly() {
        let mut curves = CurveSet::new();
        let last = 5 * MOST_STEPS as u64;
        for step in 1..=last {
            curves.push(step, step as f32);
        }
        assert!((MOST_STEPS / 2..=MOST_STEPS).contains(&curves.len()));
        assert_eq!(curves.steps.len(), curves.losses.len());
        assert!(curves.steps.windows(2).all(|pair| pair[1] - pair[0] == 8));
        assert_eq!(curves.last(), Some((last, last as f32)));
        curves.push(1, 0.5);
        curves.push(2, 0.5);
        assert_eq!(
            curves.len(),
            2,
            "a run from the start keeps every step again"
        );
    }

    #[test]
    fn an_empty_set_draws_axes_and_reads_nothing() {
        let curves = CurveSet::new();
        let figure = curves.figure(&options()).unwrap();
        assert!(figure.svg.starts_with("<svg") && figure.svg.ends_with("</svg>"));
        let train = &figure.svg[figure.svg.find("class=\"plot-train\"").unwrap()..];
        assert!(!train[..train.find("</g>").unwrap()].contains("<polyline"));
        assert!(
            figure.svg.contains(">100</text>"),
            "a step axis without steps"
        );
        assert_eq!(curves.reading(&figure.layout, &options(), 100.0), None);
    }

    #[test]
    fn a_figure_needs_nothing_that_a_strict_policy_forbids() {
        let mut options = options();
        options.labels.loss = "<script>alert(1)</script> & \"loss\"".to_string();
        let svg = falling(500).figure(&options).unwrap().svg;
        for forbidden in ["style=", "<style", "<script", "href", "onload", "url("] {
            assert!(!svg.contains(forbidden), "{forbidden}");
        }
        assert!(svg.contains("&lt;script&gt;"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        assert_eq!(svg.matches("<svg").count(), 1);
        assert_eq!(svg.matches("<g").count(), svg.matches("</g>").count());
    }

    #[test]
    fn chinese_labels_are_in_the_drawing() {
        let options = CurveOptions::new(640, 400, Locale::Chinese);
        let svg = falling(500).figure(&options).unwrap().svg;
        for label in ["损失", "准确率", "步", "留出集", "训练，平滑后"] {
            assert!(svg.contains(label), "{label}");
        }
    }

    #[test]
    fn a_hundred_thousand_steps_stay_small_and_quick() {
        let curves = falling(100_000);
        let mut options = options();
        options.width = 1600;
        let started = std::time::Instant::now();
        let figure = curves.figure(&options).unwrap();
        let millis = started.elapsed().as_secs_f64() * 1e3;
        assert!(figure.svg.len() < 200_000, "{} bytes", figure.svg.len());
        // Ten times what it takes, so that a busy machine does not fail the test.
        assert!(millis < 300.0, "{millis} ms");
    }

    #[test]
    fn values_that_are_not_finite_break_the_line() {
        let mut curves = CurveSet::new();
        for step in 0..30 {
            curves.push(
                step,
                if step == 10 {
                    f32::NAN
                } else {
                    1.0 + step as f32
                },
            );
        }
        curves.push(30, f32::INFINITY);
        let svg = curves.figure(&options()).unwrap().svg;
        let train = &svg[svg.find("class=\"plot-train\"").unwrap()..];
        let train = &train[..train.find("</g>").unwrap()];
        assert_eq!(train.matches("<polyline").count(), 2);
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn the_log_axis_leaves_out_what_is_not_positive() {
        let mut curves = CurveSet::new();
        for (step, loss) in [1.0, 0.1, 0.0, -1.0, 0.01].into_iter().enumerate() {
            curves.push(step as u64, loss);
        }
        let mut options = options();
        options.log_loss = true;
        options.smoothing = 0.0;
        let figure = curves.figure(&options).unwrap();
        assert!(!figure.svg.contains("NaN"));
        let y = |loss: f64| figure.layout.loss_axis.pixel(loss);
        assert!(
            ((y(0.1) - y(1.0)) - (y(0.01) - y(0.1))).abs() < 1e-9,
            "decades are equal"
        );
    }

    #[test]
    fn the_pointer_reads_the_nearest_step() {
        let curves = falling(1000);
        let options = options();
        let layout = curves.layout(&options);
        for step in [1u64, 2, 250, 999, 1000] {
            let x = layout.step_axis.pixel(step as f64);
            let reading = curves.reading(&layout, &options, x + 0.2).unwrap();
            assert_eq!(reading.step, step);
            assert_eq!(reading.loss, curves.losses[step as usize - 1]);
            assert!((reading.x - x).abs() < 1e-9);
            assert!(
                (reading.smoothed - crate::plot::smooth(&curves.losses, 0.9)[step as usize - 1])
                    .abs()
                    < 1e-6
            );
        }
        // Far outside there is still a nearest one; NaN reads the first or last, without panic.
        assert_eq!(curves.reading(&layout, &options, -1e9).unwrap().step, 1);
        assert_eq!(curves.reading(&layout, &options, 1e9).unwrap().step, 1000);
        assert!(curves.reading(&layout, &options, f64::NAN).is_some());
    }

    #[test]
    fn the_pointer_and_the_drawing_have_the_same_mapping() {
        let mut curves = CurveSet::new();
        for step in 0..=10 {
            curves.push(step, step as f32);
        }
        let mut options = options();
        options.smoothing = 0.0;
        options.show_raw = false;
        let figure = curves.figure(&options).unwrap();
        let train = &figure.svg[figure.svg.find("class=\"plot-train\"").unwrap()..];
        let points = &train[train.find("points=\"").unwrap() + 8..];
        let points = &points[..points.find('"').unwrap()];
        let drawn: Vec<(f64, f64)> = points
            .split_whitespace()
            .map(|point| {
                let (x, y) = point.split_once(',').unwrap();
                (
                    x.parse::<f64>().unwrap() / 10.0,
                    y.parse::<f64>().unwrap() / 10.0,
                )
            })
            .collect();
        assert_eq!(drawn.len(), 11);
        for (step, (x, y)) in drawn.into_iter().enumerate() {
            let reading = curves.reading(&figure.layout, &options, x).unwrap();
            assert_eq!(reading.step, step as u64);
            assert!(
                (reading.marks[0].x - x).abs() <= 0.05 && (reading.marks[0].y - y).abs() <= 0.05
            );
        }
    }

    #[test]
    fn evaluations_near_the_pointer_are_read() {
        let curves = falling(1000);
        let options = options();
        let layout = curves.layout(&options);
        let x = layout.step_axis.pixel(500.0);
        let reading = curves.reading(&layout, &options, x + 3.0).unwrap();
        assert_eq!(reading.held_out.unwrap().step, 500);
        assert_eq!(reading.marks.len(), 3);
        let cursor = layout.cursor_svg(&reading, &options.palette);
        assert!(cursor.contains("<circle") && !cursor.contains("style"));
        let between = layout.step_axis.pixel(550.0);
        assert_eq!(
            curves.reading(&layout, &options, between).unwrap().held_out,
            None
        );
    }

    #[test]
    fn going_back_forgets_what_came_after() {
        let mut curves = falling(300);
        curves.push(150, 9.0);
        assert_eq!(curves.len(), 150);
        assert_eq!(curves.last(), Some((150, 9.0)));
        assert_eq!(curves.last_evaluation().unwrap().step, 100);
        curves.push_evaluation(Evaluation {
            step: 100,
            loss: 5.0,
            accuracy: None,
        });
        assert_eq!(curves.evaluations.len(), 1);
        curves.clear();
        assert!(curves.is_empty());
    }

    #[test]
    fn panels_do_not_overlap_and_lie_inside() {
        for (width, height) in [(0, 0), (360, 260), (640, 400), (1800, 900)] {
            let mut options = options();
            (options.width, options.height) = (width, height);
            let layout = falling(50).layout(&options);
            assert!(layout.loss_area.right <= layout.width.into());
            assert!(layout.loss_area.height() > 30.0, "{height}");
            if let Some(accuracy) = layout.accuracy_area {
                assert!(accuracy.top > layout.loss_area.bottom && accuracy.height() > 30.0);
                assert!(accuracy.bottom < layout.height.into());
            }
            let middle = (layout.loss_area.left + 5.0, layout.loss_area.top + 5.0);
            assert!(layout.is_over_panel(middle.0, middle.1));
            assert!(!layout.is_over_panel(1.0, 1.0));
        }
    }

    #[test]
    fn a_png_is_the_size_asked_for_and_shows_lines_and_labels() {
        let mut options = options();
        options.palette = Palette::DARK;
        let file = falling(2000).png(&options, FONT, 2).unwrap();
        let image = image::load_from_memory(&file).unwrap().to_rgb8();
        assert_eq!(image.dimensions(), (1280, 800));
        let ground = Palette::DARK.surface;
        assert_eq!(image.get_pixel(0, 0).0, [ground.0, ground.1, ground.2]);
        let colours = |left: u32, top: u32, width: u32, height: u32| {
            let mut seen = std::collections::HashSet::new();
            for y in top..top + height {
                for x in left..left + width {
                    seen.insert(image.get_pixel(x, y).0);
                }
            }
            seen.len()
        };
        assert!(colours(120, 60, 1000, 350) > 20, "curves");
        assert!(colours(0, 60, 100, 350) > 5, "labels of the loss axis");
        assert!(file.len() < 300_000, "{} bytes", file.len());
        // Nothing but paper between the panels, right of the title.
        let layout = falling(2000).layout(&options);
        let below = 2 * layout.loss_area.bottom as u32 + 12;
        assert_eq!(
            colours(
                300,
                below,
                900,
                2 * layout.accuracy_area.unwrap().top as u32 - below - 10
            ),
            1
        );
        assert_eq!(colours(0, 798, 1280, 2), 1, "the last rows are paper");
    }

    #[test]
    fn a_png_without_a_font_is_an_error() {
        assert!(matches!(
            falling(5).png(&options(), b"no font", 1),
            Err(PlotError::Font)
        ));
        let mut huge = options();
        huge.width = u32::MAX;
        assert!(matches!(
            falling(5).png(&huge, FONT, 9),
            Err(PlotError::TooLarge { .. })
        ));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_values_are_drawn(
            losses in prop::collection::vec(any::<f32>(), 0..400),
            evaluations in prop::collection::vec((0u64..1000, any::<f32>(), prop::option::of(any::<f32>())), 0..10),
            first in any::<u64>(),
            width in 0u32..2000,
            height in 0u32..1000,
            smoothing in any::<f32>(),
            log_loss in any::<bool>(),
            x in any::<f64>(),
        ) {
            let mut curves = CurveSet::new();
            for (index, loss) in losses.iter().enumerate() {
                curves.push(first.saturating_add(index as u64), *loss);
            }
            for (step, loss, accuracy) in evaluations {
                curves.push_evaluation(Evaluation { step, loss, accuracy });
            }
            let mut options = CurveOptions::new(width, height, Locale::Chinese);
            options.smoothing = smoothing;
            options.log_loss = log_loss;
            let figure = curves.figure(&options).unwrap();
            prop_assert!(!figure.svg.contains("NaN"));
            curves.reading(&figure.layout, &options, x);
        }
    }
}
