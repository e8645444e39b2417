//! Drawings of a training run, for the page (SVG) and the command line (SVG or PNG).
//!
//! # Layout
//!
//! - `curves`: what is drawn ([`CurveSet`]) and how ([`CurveOptions`]).
//! - `series`: smoothing, and thinning to what the width can show.
//! - `axis`: from values to pixels and back, and where the ticks are.
//! - `scene`: the drawing as lines, dots and labels in pixels, before any format.
//! - `svg`, `png`: the two formats.
//! - `budget`: accuracy against size, and histograms, as SVG.
//! - `roofline`: what limits operations on a device, and how fast they are.
//! - `lines`: several lines over the same steps, as SVG.
//! - `plane`: axes with curves, points and texts on them, as SVG.
//! - `forecast`: a series and its forecasts, as SVG; `lane_lines`: a line for each replica, as SVG.
//!
//! Lines and dots are drawn by plotters. Text is not: in a browser plotters measures text by
//! putting a styled `<span>` into the page, which the page's content security policy forbids
//! and which is slow; natively it needs system fonts. Here labels are placed by their anchor,
//! so SVG needs no measuring (and shows Chinese in the reader's own fonts), and PNG draws them
//! with a font passed in as bytes.

mod axis;
mod budget;
mod curves;
mod forecast;
mod lane_lines;
mod lines;
mod plane;
mod png;
mod roofline;
mod scene;
mod series;
mod svg;

pub use axis::PlotArea;
pub use budget::{BudgetLabels, BudgetPoint, budget_svg, histogram_svg};
pub use curves::{
    CurveLabels, CurveLayout, CurveOptions, CurveSet, Evaluation, Figure, Mark, PlotError, Reading,
};
pub use forecast::{ForecastLines, forecast_svg};
pub use lane_lines::lane_lines_svg;
pub use lines::{PlotLine, lines_svg, lines_svg_between};
pub use plane::{Drawing, Extent, Plane};
pub use roofline::{PointKind, RooflineLabels, RooflineOptions, RooflinePlot, RooflinePoint};
pub use series::smooth;
