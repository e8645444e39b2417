//! The picture of a decision boundary: the network's answer as ground, the line where it is undecided, the points.
//!
//! The ground takes a hue for each class (ochre for 0, violet for 1), deeper where the network is surer. Classes
//! differ in shape too: discs and squares. Training points are filled, held-out points hollow.

use super::color::{Palette, Rgb};
use crate::session::{Boundary, PointSet, TablePoints};

/// How deep the ground gets where the network is sure.
const DEPTH: f64 = 0.45;

/// Half the size of a point, in canvas pixels.
const RADIUS: f64 = 4.0;

/// Height of the points of a class where there is a single axis: its number, a little inwards for held-out points.
const LINE_BOUNDS: (f32, f32) = (-0.15, 1.15);

/// What is drawn besides the ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    pub train: bool,
    pub held_out: bool,
}

/// A square picture in RGBA, `side` pixels wide and high, the second axis upwards. Without a boundary the ground is
/// paper: nothing was computed yet.
pub fn picture(
    points: &TablePoints,
    boundary: Option<&Boundary>,
    palette: &Palette,
    side: usize,
    shown: Shown,
) -> Vec<u8> {
    let mut canvas = Canvas::new(side, palette.surface);
    if let Some(boundary) = boundary {
        match boundary.size.len() {
            1 => canvas.draw_curve(boundary, palette),
            _ => canvas.draw_ground(boundary, palette),
        }
    }
    // Held-out points are many more: the training points lie on top.
    if shown.held_out {
        canvas.draw_points(points, &points.held_out, palette, false);
    }
    if shown.train {
        canvas.draw_points(points, &points.train, palette, true);
    }
    canvas.rgba
}

struct Canvas {
    side: usize,
    rgba: Vec<u8>,
}

impl Canvas {
    fn new(side: usize, paper: Rgb) -> Self {
        Self {
            side,
            rgba: [paper.0, paper.1, paper.2, 255].repeat(side * side),
        }
    }

    /// Lays a colour over a pixel.
    fn blend(&mut self, x: usize, y: usize, color: Rgb, share: f64) {
        let at = 4 * (y * self.side + x);
        for (byte, new) in self.rgba[at..at + 3]
            .iter_mut()
            .zip([color.0, color.1, color.2])
        {
            let mixed = f64::from(*byte) + (f64::from(new) - f64::from(*byte)) * share;
            *byte = mixed.round().clamp(0.0, 255.0) as u8;
        }
    }

    /// The ground, and the line where both classes are equally probable.
    fn draw_ground(&mut self, boundary: &Boundary, palette: &Palette) {
        let side = self.side;
        let value = |x: usize, y: usize| {
            // Row 0 of the picture is the top: the high end of the second axis.
            let share = |at: usize| at as f32 / (side - 1).max(1) as f32;
            at_grid(boundary, share(x), 1.0 - share(y))
        };
        let mut values = vec![f32::NAN; side * side];
        for (at, slot) in values.iter_mut().enumerate() {
            *slot = value(at % side, at / side);
        }
        for y in 0..side {
            for x in 0..side {
                let probability = values[y * side + x];
                if !probability.is_finite() {
                    continue;
                }
                let (color, sureness) = class_color(probability, palette);
                self.blend(x, y, color, DEPTH * sureness);
                let crosses = |other: f32| (other > 0.5) != (probability > 0.5);
                let right = x + 1 < side && crosses(values[y * side + x + 1]);
                let below = y + 1 < side && crosses(values[(y + 1) * side + x]);
                if right || below {
                    self.disc(x as f64, y as f64, 1.2, palette.ink, 0.9);
                }
            }
        }
    }

    /// The probability over the single axis, a line at one half, and a line where it crosses that.
    fn draw_curve(&mut self, boundary: &Boundary, palette: &Palette) {
        let side = self.side;
        let height = |probability: f32| {
            let (low, high) = LINE_BOUNDS;
            f64::from((high - probability) / (high - low)) * (side - 1) as f64
        };
        let probability = |x: usize| at_line(boundary, x as f32 / (side - 1).max(1) as f32);
        for line in [0.0, 0.5, 1.0] {
            let y = height(line).round() as usize;
            for x in (0..side).filter(|x| line != 0.5 || x / 5 % 2 == 0) {
                self.blend(x, y.min(side - 1), palette.border, 0.7);
            }
        }
        for x in 0..side - 1 {
            let (here, next) = (probability(x), probability(x + 1));
            if !(here.is_finite() && next.is_finite()) {
                continue;
            }
            if (here > 0.5) != (next > 0.5) {
                for y in (0..side).filter(|y| y / 5 % 2 == 0) {
                    self.blend(x, y, palette.ink, 0.9);
                }
            }
            // Steep parts need several discs between two pixels.
            let (from, to) = (height(here), height(next));
            let steps = ((to - from).abs().ceil() as usize).max(1);
            for step in 0..steps {
                let share = step as f64 / steps as f64;
                let y = from + (to - from) * share;
                self.disc(x as f64 + share, y, 1.4, palette.forward, 1.0);
            }
        }
    }

    fn draw_points(
        &mut self,
        points: &TablePoints,
        set: &PointSet,
        palette: &Palette,
        is_filled: bool,
    ) {
        let axes = points.bounds.len();
        let last = (self.side - 1) as f64;
        let share = |value: f32, (low, high): (f32, f32)| f64::from((value - low) / (high - low));
        for (row, &class) in set.rows.chunks_exact(axes).zip(&set.classes) {
            let x = share(row[0], points.bounds[0]) * last;
            let y = match row.get(1) {
                Some(&value) => share(value, points.bounds[1]),
                None => {
                    let inwards = if is_filled { 0.0 } else { 0.06 };
                    let level = if class == 0 { inwards } else { 1.0 - inwards };
                    share(level, LINE_BOUNDS)
                }
            };
            let color = match class {
                0 => palette.negative,
                _ => palette.positive,
            };
            self.mark(
                x,
                (1.0 - y) * last,
                class,
                color,
                palette.surface,
                is_filled,
            );
        }
    }

    /// A disc for class 0 and a square for class 1, with an edge of paper around filled ones.
    fn mark(&mut self, x: f64, y: f64, class: u32, color: Rgb, paper: Rgb, is_filled: bool) {
        let (reach, side) = (RADIUS + 2.0, self.side);
        let columns = (x - reach).floor().max(0.0) as usize..=(x + reach).ceil().max(0.0) as usize;
        for column in columns.filter(|&column| column < side) {
            let rows = (y - reach).floor().max(0.0) as usize..=(y + reach).ceil().max(0.0) as usize;
            for row in rows.filter(|&row| row < side) {
                let (dx, dy) = ((column as f64 - x).abs(), (row as f64 - y).abs());
                let distance = match class {
                    0 => dx.hypot(dy),
                    // A square of the same area.
                    _ => dx.max(dy) / 0.886,
                };
                let inside = |radius: f64| (radius + 0.5 - distance).clamp(0.0, 1.0);
                if is_filled {
                    self.blend(column, row, paper, inside(RADIUS + 1.0));
                    self.blend(column, row, color, inside(RADIUS));
                } else {
                    let ring = inside(RADIUS - 0.5) - inside(RADIUS - 1.7);
                    self.blend(column, row, color, ring.max(0.0));
                }
            }
        }
    }

    fn disc(&mut self, x: f64, y: f64, radius: f64, color: Rgb, share: f64) {
        let range = |at: f64| {
            (at - radius - 1.0).floor().max(0.0) as usize..=(at + radius + 1.0).max(0.0) as usize
        };
        let side = self.side;
        for column in range(x).filter(|&column| column < side) {
            for row in range(y).filter(|&row| row < side) {
                let distance = (column as f64 - x).hypot(row as f64 - y);
                let inside = (radius + 0.5 - distance).clamp(0.0, 1.0);
                self.blend(column, row, color, share * inside);
            }
        }
    }
}

/// The colour of the class that is more probable, and how sure that is, 0 to 1.
fn class_color(probability: f32, palette: &Palette) -> (Rgb, f64) {
    let sureness = f64::from((2.0 * probability - 1.0).abs());
    let color = if probability > 0.5 {
        palette.positive
    } else {
        palette.negative
    };
    (color, sureness)
}

/// The probability at a place of the grid, as shares of both axes, between the places that were asked.
fn at_grid(boundary: &Boundary, x: f32, y: f32) -> f32 {
    let [columns, rows] = [0, 1].map(|axis| boundary.size[axis] as usize);
    let (column, along) = place(x, columns);
    let (row, up) = place(y, rows);
    let value = |column: usize, row: usize| {
        boundary
            .probabilities
            .get(row.min(rows - 1) * columns + column.min(columns - 1))
            .copied()
            .unwrap_or(f32::NAN)
    };
    let low = mix(value(column, row), value(column + 1, row), along);
    let high = mix(value(column, row + 1), value(column + 1, row + 1), along);
    mix(low, high, up)
}

fn at_line(boundary: &Boundary, x: f32) -> f32 {
    let count = boundary.probabilities.len();
    let (at, along) = place(x, count);
    let value = |at: usize| {
        let values = &boundary.probabilities;
        values.get(at.min(count - 1)).copied().unwrap_or(f32::NAN)
    };
    mix(value(at), value(at + 1), along)
}

/// The place before a share of an axis, and how far it is to the next.
fn place(share: f32, count: usize) -> (usize, f32) {
    let at = share.clamp(0.0, 1.0) * (count - 1) as f32;
    (at as usize, at.fract())
}

fn mix(from: f32, to: f32, share: f32) -> f32 {
    from + (to - from) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points() -> TablePoints {
        let set = |rows: &[f32]| PointSet {
            rows: rows.to_vec(),
            classes: vec![0, 1],
        };
        TablePoints {
            columns: vec!["x1".into(), "x2".into()],
            train: set(&[0.0, 0.0, 1.0, 1.0]),
            held_out: set(&[0.0, 1.0, 1.0, 0.0]),
            bounds: vec![(-0.5, 1.5), (-0.5, 1.5)],
        }
    }

    fn pixel(rgba: &[u8], side: usize, x: usize, y: usize) -> Rgb {
        let at = 4 * (y * side + x);
        Rgb(rgba[at], rgba[at + 1], rgba[at + 2])
    }

    const NONE: Shown = Shown {
        train: false,
        held_out: false,
    };

    #[test]
    fn without_a_boundary_the_ground_is_paper_and_points_stand_upright() {
        let palette = Palette::LIGHT;
        let rgba = picture(&points(), None, &palette, 101, NONE);
        assert!(rgba.chunks_exact(4).all(|p| p[..3] == [0xff, 0xfe, 0xfb]));
        let shown = Shown {
            train: true,
            held_out: false,
        };
        let rgba = picture(&points(), None, &palette, 101, shown);
        // (0, 0) lies low on the left, (1, 1) high on the right.
        assert_eq!(pixel(&rgba, 101, 25, 75), palette.negative);
        assert_eq!(pixel(&rgba, 101, 75, 25), palette.positive);
        assert_eq!(pixel(&rgba, 101, 75, 75), palette.surface);
        let shown = Shown {
            train: false,
            held_out: true,
        };
        let rgba = picture(&points(), None, &palette, 101, shown);
        // Hollow: paper in the middle, colour on the edge.
        assert_eq!(pixel(&rgba, 101, 25, 25), palette.surface);
        assert_ne!(pixel(&rgba, 101, 25 + 3, 25), palette.surface);
    }

    #[test]
    fn the_line_stands_where_both_classes_are_equally_probable() {
        // The probability grows from left to right: the line is upright, in the middle.
        let boundary = Boundary {
            size: vec![3, 2],
            bounds: vec![(0.0, 1.0); 2],
            probabilities: vec![0.1, 0.5, 0.9, 0.1, 0.5, 0.9],
        };
        let palette = Palette::LIGHT;
        let rgba = picture(&points(), Some(&boundary), &palette, 101, NONE);
        let darkness = |x: usize| {
            let Rgb(red, green, blue) = pixel(&rgba, 101, x, 40);
            765 - u32::from(red) - u32::from(green) - u32::from(blue)
        };
        let darkest = (0..101).max_by_key(|&x| darkness(x)).unwrap();
        assert!((48..=52).contains(&darkest), "{darkest}");
        assert!(darkness(0) > darkness(30), "surer is deeper");
        assert_ne!(pixel(&rgba, 101, 5, 40), pixel(&rgba, 101, 95, 40));
    }

    #[test]
    fn one_axis_is_drawn_as_a_curve() {
        let boundary = Boundary {
            size: vec![4],
            bounds: vec![(0.0, 1.0)],
            probabilities: vec![0.0, 0.0, 1.0, 1.0],
        };
        let line = TablePoints {
            columns: vec!["x1".into()],
            train: PointSet {
                rows: vec![0.25, 0.75],
                classes: vec![0, 1],
            },
            held_out: PointSet {
                rows: vec![],
                classes: vec![],
            },
            bounds: vec![(0.0, 1.0)],
        };
        let palette = Palette::DARK;
        let shown = Shown {
            train: true,
            held_out: true,
        };
        let rgba = picture(&line, Some(&boundary), &palette, 131, shown);
        // Class 0 stands at 0, class 1 at 1, of −0.15 to 1.15 upwards.
        assert_eq!(pixel(&rgba, 131, 33, 115), palette.negative);
        assert_eq!(pixel(&rgba, 131, 98, 15), palette.positive);
        assert_eq!(
            pixel(&rgba, 131, 10, 115),
            palette.forward,
            "the curve at 0"
        );
        assert_eq!(
            pixel(&rgba, 131, 120, 15),
            palette.forward,
            "the curve at 1"
        );
    }
}
