//! Painting on the batch: which elements a stroke covers, and with what.

use super::picture::Picture;
use crate::session::Statistics;

/// What the pointer does to a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tool {
    /// Chooses the element below it.
    #[default]
    Point,
    /// Makes it the tensor's largest value.
    Paint,
    /// Makes it the tensor's smallest value: the background.
    Erase,
}

impl Tool {
    pub const ALL: [Self; 3] = [Self::Point, Self::Paint, Self::Erase];

    /// What the tool writes; `None` for a tool that writes nothing. The extremes of the
    /// unedited tensor, so that paint is as bright as the brightest pixel of the data.
    pub fn value(self, statistics: &Statistics) -> Option<f32> {
        match self {
            Self::Point => None,
            Self::Paint => Some(statistics.maximum),
            Self::Erase => Some(statistics.minimum),
        }
    }
}

/// Cells on each side of the brush.
pub const BRUSH: i64 = 2;

/// Positions of the elements below a straight piece of a stroke, in a picture's pixels, each once.
///
/// The brush is a square of [`BRUSH`] cells whose first cell lies below the pointer; it does not
/// reach over the edge of a tile.
pub fn covered(picture: &Picture, from: (f64, f64), to: (f64, f64)) -> Vec<u64> {
    let cell = f64::from(picture.cell.0.max(1));
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let parts = (dx.hypot(dy) / (0.5 * cell)).ceil().clamp(1.0, 4_096.0) as u32;
    let mut found: Vec<u64> = Vec::new();
    for part in 0..=parts {
        let share = f64::from(part) / f64::from(parts);
        let at = (from.0 + share * dx, from.1 + share * dy);
        for position in dab(picture, at) {
            if !found.contains(&position) {
                found.push(position);
            }
        }
    }
    found
}

/// The elements below the brush at one point.
fn dab(picture: &Picture, (x, y): (f64, f64)) -> Vec<u64> {
    let Some(first) = picture.element_at(x, y) else {
        return Vec::new();
    };
    around(picture, first)
}

/// The elements below the brush whose first cell is `first`.
pub fn around(picture: &Picture, first: u64) -> Vec<u64> {
    let Some(offset) = first.checked_sub(picture.first) else {
        return Vec::new();
    };
    let inside =
        |tile: &&super::picture::Tile| (tile.start..tile.start + tile.count).contains(&offset);
    let Some(tile) = picture.tiles.iter().find(inside) else {
        return Vec::new();
    };
    let within = offset - tile.start;
    let columns = u64::from(tile.columns);
    let (row, column) = (within / columns, within % columns);
    let mut positions = Vec::new();
    for down in 0..BRUSH as u64 {
        for right in 0..BRUSH as u64 {
            let (row, column) = (row + down, column + right);
            let place = row * columns + column;
            if column < columns && place < tile.count {
                positions.push(picture.first + tile.start + place);
            }
        }
    }
    positions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stroke_covers_the_cells_below_it_without_gaps() {
        let picture = Picture::of(&[2, 1, 8, 8], true, 1, 0);
        let cell = f64::from(picture.cell.0);
        let center = |row: f64, column: f64| ((column + 0.5) * cell, (row + 0.5) * cell);
        let line = covered(&picture, center(2.0, 0.0), center(2.0, 5.0));
        for column in 0..=6 {
            for row in [2, 3] {
                assert!(line.contains(&(64 + row * 8 + column)), "{row}, {column}");
            }
        }
        assert_eq!(line.len(), 14);
        // At the corner the brush is cut, outside it covers nothing.
        assert_eq!(covered(&picture, center(7.0, 7.0), center(7.0, 7.0)), [127]);
        assert!(covered(&picture, (-5.0, -5.0), (-5.0, -5.0)).is_empty());
    }

    #[test]
    fn tools_write_the_extremes_of_the_data() {
        let statistics = Statistics {
            minimum: -0.5,
            maximum: 2.75,
            ..Statistics::default()
        };
        assert_eq!(Tool::Point.value(&statistics), None);
        assert_eq!(Tool::Paint.value(&statistics), Some(2.75));
        assert_eq!(Tool::Erase.value(&statistics), Some(-0.5));
    }
}
