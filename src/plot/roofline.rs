//! A roofline: floating-point operations a second over those for each byte, both on logarithmic axes, with the lines
//! that the device does not let pass and a mark for each operation.

use super::axis::{Axis, PlotArea, Scale, Tick};
use super::curves::PlotError;
use super::scene::{Anchor, Label, Layer, Scene, Shape, TEXT_SIZE, room_for, text_width};
use super::{png, svg};
use crate::view::color::{Palette, Rgb};

/// What a mark stands for: each kind has a shape and a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointKind {
    /// A dot.
    Forward,
    /// A square.
    Backward,
    /// A triangle.
    Update,
}

/// A measured operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RooflinePoint {
    /// Written beside the mark; the page's table has the same numbers.
    pub number: u32,
    /// FLOPs for each byte; without any the operation has no place.
    pub intensity: f64,
    /// 10⁹ floating-point operations a second.
    pub gflops: f64,
    pub kind: PointKind,
}

/// What is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct RooflinePlot {
    /// In GFLOP/s.
    pub peak: f64,
    /// Bandwidth of memory, in GB/s; drawn where it is clearly below that of the caches.
    pub memory: f64,
    /// Bandwidth of the fastest copy, in GB/s: the slope of the roof.
    pub cache: f64,
    pub points: Vec<RooflinePoint>,
}

/// The words on the drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RooflineLabels {
    /// Read out instead of the drawing.
    pub title: String,
    pub intensity: String,
    pub rate: String,
    pub peak: String,
    pub memory: String,
    pub cache: String,
    pub forward: String,
    pub backward: String,
    pub update: String,
}

impl Default for RooflineLabels {
    /// In English.
    fn default() -> Self {
        Self {
            title: "Roofline".into(),
            intensity: "FLOP per byte".into(),
            rate: "GFLOP/s".into(),
            peak: "fastest product".into(),
            memory: "memory".into(),
            cache: "cache".into(),
            forward: "forward".into(),
            backward: "backward".into(),
            update: "update".into(),
        }
    }
}

/// How it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct RooflineOptions {
    /// Pixels; at least 240.
    pub width: u32,
    /// Pixels; at least 200.
    pub height: u32,
    pub palette: Palette,
    pub labels: RooflineLabels,
}

/// Room around the field, in pixels.
const LEFT: f64 = 52.0;
const TOP: f64 = 46.0;
const RIGHT: f64 = 14.0;
const BOTTOM: f64 = 44.0;
/// Room that a tick needs.
const X_TICK_ROOM: f64 = 70.0;
const Y_TICK_ROOM: f64 = 38.0;
/// Half the width of a mark.
const MARK: f64 = 4.0;
/// The line of memory is drawn from this ratio on.
const CLEARLY: f64 = 1.1;

struct Field {
    area: PlotArea,
    x: Axis,
    y: Axis,
}

/// Where a text begins, is centred or ends.
type Place = ((f64, f64), Anchor);

/// Places along a slope where its name may stand, best first.
const SHARES: [f64; 7] = [0.6, 0.45, 0.75, 0.3, 0.88, 0.15, 0.97];

/// About the room that a text takes: left, top, right, bottom.
fn extent(text: &str, (x, y): (f64, f64), anchor: Anchor) -> [f64; 4] {
    let width = text_width(text);
    let left = match anchor {
        Anchor::Start => x,
        Anchor::Middle => x - width / 2.0,
        Anchor::End => x - width,
    };
    [left, y - TEXT_SIZE, left + width, y + 3.0]
}

/// Whether two rooms have something in common.
fn covers(one: &[f64; 4], other: &[f64; 4]) -> bool {
    one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3]
}

/// The first of the places at which a text covers the fewest of `taken`; outside of the field only where all are.
fn clearest(text: &str, places: Vec<Place>, taken: &[[f64; 4]], area: &PlotArea) -> Option<Place> {
    places.into_iter().min_by_key(|&(at, anchor)| {
        let room = extent(text, at, anchor);
        let is_outside = room[0] < area.left
            || room[1] < area.top
            || room[2] > area.right
            || room[3] > area.bottom;
        let covered = taken.iter().filter(|other| covers(other, &room)).count();
        (is_outside, covered)
    })
}

impl RooflinePlot {
    /// As an `<svg>` element, free of styles and scripts.
    ///
    /// # Errors
    /// When plotters cannot draw.
    pub fn svg(&self, options: &RooflineOptions) -> Result<String, PlotError> {
        svg::draw(&self.scene(options), &options.labels.title)
    }

    /// As a PNG file, `pixel_ratio` image pixels to a pixel, with the letters of `font`.
    ///
    /// # Errors
    /// When it is too large, or the font cannot be read.
    pub fn png(
        &self,
        options: &RooflineOptions,
        font: &[u8],
        pixel_ratio: u32,
    ) -> Result<Vec<u8>, PlotError> {
        png::draw(&self.scene(options), font, pixel_ratio.max(1))
    }

    /// The points that have a place.
    fn placed(&self) -> impl Iterator<Item = &RooflinePoint> {
        let has_place = |value: f64| value > 0.0 && value.is_finite();
        let points = self.points.iter();
        points.filter(move |point| has_place(point.intensity) && has_place(point.gflops))
    }

    /// The room that each mark takes.
    fn marks(&self, field: &Field) -> Vec<[f64; 4]> {
        let room = MARK + 1.0;
        let marks = self.placed().map(|point| {
            let (x, y) = (field.x.pixel(point.intensity), field.y.pixel(point.gflops));
            [x - room, y - room, x + room, y + room]
        });
        marks.collect()
    }

    /// Where everything is: the roof's corner and all points, with room around them.
    fn field(&self, width: f64, height: f64) -> Field {
        let ridge = self.peak / self.memory;
        let first_ridge = self.peak / self.cache;
        let bounds = |values: &mut dyn Iterator<Item = f64>, from: f64, to: f64| {
            values.fold((from, to), |(low, high), value| {
                (low.min(value), high.max(value))
            })
        };
        let (left, right) = bounds(
            &mut self.placed().map(|point| point.intensity),
            first_ridge / 20.0,
            ridge * 5.0,
        );
        let (low, high) = bounds(
            &mut self.placed().map(|point| point.gflops),
            self.peak / 100.0,
            self.peak,
        );
        let area = PlotArea {
            left: LEFT,
            top: TOP,
            right: width - RIGHT,
            bottom: height - BOTTOM,
        };
        Field {
            area,
            x: Axis::new(Scale::Log, left / 1.6, right * 1.6, (area.left, area.right)),
            y: Axis::new(Scale::Log, low / 2.0, high * 2.0, (area.bottom, area.top)),
        }
    }

    fn scene(&self, options: &RooflineOptions) -> Scene {
        let (width, height) = (options.width.max(240), options.height.max(200));
        let field = self.field(width.into(), height.into());
        let mut scene = Scene {
            width,
            height,
            ground: options.palette.surface,
            layers: Vec::new(),
            labels: Vec::new(),
        };
        push_axes(&mut scene, &field, options);
        self.push_roof(&mut scene, &field, options);
        self.push_points(&mut scene, &field, options);
        push_legend(&mut scene, &field, options);
        scene
    }

    fn push_roof(&self, scene: &mut Scene, field: &Field, options: &RooflineOptions) {
        let palette = &options.palette;
        let Field { area, x, y } = field;
        let (left, right) = (x.value(area.left), x.value(area.right));
        let low = y.value(area.bottom);
        // From where the slope enters the field to where it meets the peak.
        let slope = |bandwidth: f64| {
            let start = left.max(low / bandwidth);
            let end = self.peak / bandwidth;
            [(start, start * bandwidth), (end, self.peak)].map(|(a, b)| (x.pixel(a), y.pixel(b)))
        };
        let line = |points: Vec<(f64, f64)>, opacity, width| Shape::Path {
            points,
            color: palette.ink,
            opacity,
            width,
        };
        let [start, corner] = slope(self.cache);
        let end = (x.pixel(right), y.pixel(self.peak));
        scene.layers.push(Layer {
            class: "plot-roof",
            shapes: vec![line(vec![start, corner, end], 1.0, 2.0)],
        });
        let mut taken = self.marks(field);
        let mut name = |text: String, places: Vec<Place>| {
            let Some((at, anchor)) = clearest(&text, places, &taken, area) else {
                return;
            };
            taken.push(extent(&text, at, anchor));
            scene.labels.push(Label {
                class: "plot-key",
                text,
                at,
                anchor,
                color: palette.ink,
                is_bold: false,
            });
        };
        let figure = |name: &str, value: f64, unit: &str| {
            let value = crate::view::format::significant(value, 3);
            format!("{name} {value} {unit}")
        };
        let peak = figure(&options.labels.peak, self.peak, "GFLOP/s");
        // Above the line, from the right; else below it.
        let places = [-9.0, 18.0].into_iter().flat_map(|down| {
            [4.0, 60.0, 120.0, 180.0]
                .map(|before| ((area.right - before, end.1 + down), Anchor::End))
        });
        name(peak, places.collect());
        // Beside a line, at a share of its length.
        let beside = |[start, end]: [(f64, f64); 2], share: f64| {
            let along = |from: f64, to: f64| from + (to - from) * share;
            (along(start.0, end.0), along(start.1, end.1))
        };
        let has_memory = self.cache >= CLEARLY * self.memory;
        let label = match has_memory {
            true => &options.labels.cache,
            false => &options.labels.memory,
        };
        let cache = figure(label, self.cache, "GB/s");
        let above = |(x, y): (f64, f64)| ((x - 8.0, y - 4.0), Anchor::End);
        let below = |(x, y): (f64, f64)| ((x + 8.0, y + 14.0), Anchor::Start);
        let along = || {
            SHARES
                .map(|share| beside([start, corner], share))
                .into_iter()
        };
        name(
            cache,
            along().map(above).chain(along().map(below)).collect(),
        );
        if !has_memory {
            return;
        }
        let ends = slope(self.memory);
        let memory = figure(&options.labels.memory, self.memory, "GB/s");
        let places = SHARES.map(|share| below(beside(ends, share)));
        name(memory, places.into());
        scene.layers.push(Layer {
            class: "plot-roof-memory",
            shapes: vec![line(ends.to_vec(), 0.55, 1.2)],
        });
    }

    fn push_points(&self, scene: &mut Scene, field: &Field, options: &RooflineOptions) {
        let palette = &options.palette;
        for kind in [PointKind::Forward, PointKind::Backward, PointKind::Update] {
            let color = kind.color(palette);
            let of_kind = self.placed().filter(|point| point.kind == kind);
            let shapes = of_kind.map(|point| {
                let at = (field.x.pixel(point.intensity), field.y.pixel(point.gflops));
                mark(kind, at, color)
            });
            scene.layers.push(Layer {
                class: kind.class(),
                shapes: shapes.collect(),
            });
        }
        // A number stands where it covers no mark, no name of a line and no other number; where there is no such place
        // it is left out: the table has them all.
        let mut taken = self.marks(field);
        let names = scene
            .labels
            .iter()
            .filter(|label| label.class == "plot-key");
        taken.extend(names.map(|label| extent(&label.text, label.at, label.anchor)));
        for point in self.placed() {
            let (x, y) = (field.x.pixel(point.intensity), field.y.pixel(point.gflops));
            let text = point.number.to_string();
            let places = [
                ((x + MARK + 3.0, y + 4.0), Anchor::Start),
                ((x - MARK - 3.0, y + 4.0), Anchor::End),
                ((x, y - MARK - 4.0), Anchor::Middle),
                ((x, y + MARK + 13.0), Anchor::Middle),
            ];
            let is_free = |&(at, anchor): &Place| {
                let wanted = extent(&text, at, anchor);
                !taken.iter().any(|other| covers(other, &wanted))
            };
            let Some((at, anchor)) = places.into_iter().find(is_free) else {
                continue;
            };
            taken.push(extent(&text, at, anchor));
            scene.labels.push(Label {
                class: "plot-label",
                text,
                at,
                anchor,
                color: palette.muted,
                is_bold: false,
            });
        }
    }
}

impl PointKind {
    /// The class of the style sheet.
    fn class(self) -> &'static str {
        match self {
            Self::Forward => "plot-forward",
            Self::Backward => "plot-backward",
            Self::Update => "plot-update",
        }
    }

    fn color(self, palette: &Palette) -> Rgb {
        match self {
            Self::Forward => palette.forward,
            Self::Backward => palette.backward,
            Self::Update => palette.update,
        }
    }
}

/// A dot, square or triangle around a place.
fn mark(kind: PointKind, (x, y): (f64, f64), color: Rgb) -> Shape {
    let path = |points| Shape::Path {
        points,
        color,
        opacity: 1.0,
        width: 2.0,
    };
    match kind {
        PointKind::Forward => Shape::Dot {
            at: (x, y),
            radius: MARK,
            color,
        },
        PointKind::Backward => {
            let half = MARK - 0.5;
            path(vec![
                (x - half, y - half),
                (x + half, y - half),
                (x + half, y + half),
                (x - half, y + half),
                (x - half, y - half),
                (x + half, y - half),
            ])
        }
        PointKind::Update => path(vec![
            (x, y - MARK),
            (x + MARK, y + MARK),
            (x - MARK, y + MARK),
            (x, y - MARK),
            (x + MARK, y + MARK),
        ]),
    }
}

fn push_axes(scene: &mut Scene, field: &Field, options: &RooflineOptions) {
    let palette = &options.palette;
    let Field { area, x, y } = field;
    let line = |points, color| Shape::Path {
        points,
        color,
        opacity: 1.0,
        width: 1.0,
    };
    let mut grid = Vec::new();
    let mut label = |text: &str, at, anchor| {
        scene.labels.push(Label {
            class: "plot-label",
            text: text.into(),
            at,
            anchor,
            color: palette.muted,
            is_bold: false,
        });
    };
    for Tick { value, label: text } in y.ticks(room_for(area.height(), Y_TICK_ROOM)) {
        let at = y.pixel(value);
        grid.push(line(vec![(area.left, at), (area.right, at)], palette.rule));
        let place = (area.left - 7.0, at + TEXT_SIZE * 0.35);
        label(&text, place, Anchor::End);
    }
    for Tick { value, label: text } in x.ticks(room_for(area.width(), X_TICK_ROOM)) {
        let at = x.pixel(value);
        grid.push(line(vec![(at, area.top), (at, area.bottom)], palette.rule));
        label(&text, (at, area.bottom + 17.0), Anchor::Middle);
    }
    let middle = (area.left + area.right) / 2.0;
    let below = (middle, area.bottom + 36.0);
    label(&options.labels.intensity, below, Anchor::Middle);
    scene.layers.push(Layer {
        class: "plot-grid",
        shapes: grid,
    });
    let frame = line(
        vec![
            (area.left, area.top),
            (area.left, area.bottom),
            (area.right, area.bottom),
        ],
        palette.border,
    );
    scene.layers.push(Layer {
        class: "plot-axis",
        shapes: vec![frame],
    });
    scene.labels.push(Label {
        class: "plot-title",
        text: options.labels.rate.clone(),
        at: (4.0, area.top - 12.0),
        anchor: Anchor::Start,
        color: palette.ink,
        is_bold: true,
    });
}

/// From the right end of the upmost row.
fn push_legend(scene: &mut Scene, field: &Field, options: &RooflineOptions) {
    let labels = &options.labels;
    let y = 16.0;
    let mut right = field.area.right;
    for (kind, text) in [
        (PointKind::Update, &labels.update),
        (PointKind::Backward, &labels.backward),
        (PointKind::Forward, &labels.forward),
    ] {
        scene.labels.push(Label {
            class: "plot-key",
            text: text.clone(),
            at: (right, y),
            anchor: Anchor::End,
            color: options.palette.ink,
            is_bold: false,
        });
        let at = (right - text_width(text) - 10.0, y - TEXT_SIZE * 0.33);
        scene.layers.push(Layer {
            class: kind.class(),
            shapes: vec![mark(kind, at, kind.color(&options.palette))],
        });
        right = at.0 - 18.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<RooflinePoint>) -> RooflinePlot {
        RooflinePlot {
            peak: 100.0,
            memory: 20.0,
            cache: 60.0,
            points,
        }
    }

    fn options() -> RooflineOptions {
        RooflineOptions {
            width: 640,
            height: 400,
            palette: Palette::LIGHT,
            labels: RooflineLabels::default(),
        }
    }

    fn point(number: u32, intensity: f64, gflops: f64) -> RooflinePoint {
        RooflinePoint {
            number,
            intensity,
            gflops,
            kind: PointKind::Forward,
        }
    }

    #[test]
    fn the_slope_meets_the_peak_where_bandwidth_times_intensity_is_the_peak() {
        let plot = plot(vec![point(1, 5.0, 100.0), point(2, 0.5, 30.0)]);
        let field = plot.field(640.0, 400.0);
        let scene = plot.scene(&options());
        let roof = scene.layers.iter().find(|layer| layer.class == "plot-roof");
        let Some(Shape::Path { points, .. }) = roof.and_then(|layer| layer.shapes.first()) else {
            panic!("no roof");
        };
        // 100 GFLOP/s over 60 GB/s: 5/3 FLOP for each byte.
        let corner = (field.x.pixel(5.0 / 3.0), field.y.pixel(100.0));
        assert!((points[1].0 - corner.0).abs() < 1e-9 && (points[1].1 - corner.1).abs() < 1e-9);
        // Half an order of magnitude further down the slope lies on the line.
        let share = (field.x.pixel(0.5) - points[0].0) / (points[1].0 - points[0].0);
        let on_line = points[0].1 + share * (points[1].1 - points[0].1);
        assert!((on_line - field.y.pixel(30.0)).abs() < 1e-6);
        assert_eq!(points[2].0, 640.0 - RIGHT);
    }

    #[test]
    fn every_point_lies_inside_and_what_has_no_place_is_left_out() {
        let points = vec![
            point(1, 1e-3, 1e-4),
            point(2, 900.0, 450.0),
            point(3, 0.0, 1.0),
            point(4, f64::INFINITY, 1.0),
            point(5, 1.0, f64::NAN),
        ];
        let plot = plot(points);
        let scene = plot.scene(&options());
        let dots: Vec<(f64, f64)> = scene
            .layers
            .iter()
            .filter(|layer| layer.class == "plot-forward")
            .flat_map(|layer| &layer.shapes)
            .filter_map(|shape| match shape {
                Shape::Dot { at, .. } => Some(*at),
                Shape::Path { .. } => None,
            })
            .collect();
        // Two points and the legend's mark.
        assert_eq!(dots.len(), 3);
        for (x, y) in dots {
            assert!((0.0..640.0).contains(&x) && (0.0..400.0).contains(&y));
        }
        let svg = plot.svg(&options()).unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        for forbidden in ["style=", "<script"] {
            assert!(!svg.contains(forbidden), "{forbidden}");
        }
        assert!(
            svg.contains(">memory 20 GB/s<")
                && svg.contains(">cache 60 GB/s<")
                && svg.contains(">fastest product 100 GFLOP/s<")
        );
    }

    #[test]
    fn numbers_do_not_cover_each_other() {
        let plot = plot((0..30).map(|n| point(n, 1.0, 10.0)).collect());
        let scene = plot.scene(&options());
        let numbers = scene.labels.iter().filter(|label| label.text == "0");
        assert_eq!(numbers.count(), 1);
        assert!(!scene.labels.iter().any(|label| label.text == "7"));
    }

    #[test]
    fn names_of_lines_and_numbers_stand_beside_the_marks() {
        // Marks along all three lines, where the names would stand if there were none.
        let along = [0.2, 0.4, 0.8, 1.2, 1.6, 3.0, 5.0, 9.0, 14.0, 20.0];
        let points = along.iter().zip(1..);
        let points = points
            .map(|(&intensity, number)| point(number, intensity, (60.0 * intensity).min(100.0)));
        let plot = plot(points.collect());
        let field = plot.field(640.0, 400.0);
        let scene = plot.scene(&options());
        // The legend stands above the field.
        let inside = scene.labels.iter().filter(|label| {
            label.at.1 > field.area.top && ["plot-key", "plot-label"].contains(&label.class)
        });
        let rooms: Vec<[f64; 4]> = inside
            .filter(|label| label.at.0 > field.area.left && label.at.1 < field.area.bottom)
            .map(|label| extent(&label.text, label.at, label.anchor))
            .collect();
        assert!(rooms.len() > 3 + 5, "{} names and numbers", rooms.len());
        for (at, room) in rooms.iter().enumerate() {
            let is_alone = !plot.marks(&field).iter().any(|mark| covers(mark, room))
                && !rooms[at + 1..].iter().any(|other| covers(other, room));
            assert!(is_alone, "{room:?}");
        }
    }
}
