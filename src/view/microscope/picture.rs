//! A tensor as bars or tiles of cells: which part of it is asked for, and which cell is where.
//!
//! Images (N, C, H, W) show the channels of one sample; kernels (O, C, K, K) one tile for each;
//! matrices one tile; vectors, and matrices of one long column, bars or rows of cells. What is too large to be told
//! apart is shown in parts, chosen by the learner, and only the part on screen is asked for.

use super::model::{element_count, flat_index, index_at};

/// Largest extent of a picture, in pixels.
const WIDTH: u32 = 352;
const HEIGHT: u32 = 280;
/// A matrix larger than this shows one row at a time.
const MATRIX_ELEMENTS: u64 = 9_000;
const MATRIX_COLUMNS: u32 = 220;
/// A column longer than this is drawn as a vector.
const COLUMN: u32 = 16;
/// A vector longer than this is wrapped into rows.
const BARS: u64 = 64;
/// A vector longer than this is shown in blocks.
const BLOCK: u64 = 4_096;
/// Most elements of kernels shown at once.
const KERNEL_ELEMENTS: u64 = 6_000;
const BAR_HEIGHT: u32 = 110;
/// Between two tiles.
const GAP: u32 = 3;

/// How values are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawing {
    /// Cells of colour.
    Cells,
    /// Bars from a line at zero.
    Bars,
}

/// What the chooser of a picture chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The sample of the batch, chosen for all pictures together.
    Sample,
    /// A row of a matrix, or a filter.
    Row,
    /// A block of a long vector.
    Block,
}

/// A rectangle of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Position of its first element, counted from the picture's first.
    pub start: u64,
    pub rows: u32,
    pub columns: u32,
    /// Elements; the last row may not be full.
    pub count: u64,
    /// Left and top, in pixels.
    pub x: u32,
    pub y: u32,
}

/// Which part of a tensor is shown, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub drawing: Drawing,
    /// Row-major range of the tensor.
    pub first: u64,
    pub count: u64,
    pub tiles: Vec<Tile>,
    /// Width and height of a cell, in pixels.
    pub cell: (u32, u32),
    pub width: u32,
    pub height: u32,
    /// What can be chosen, how many there are, and which is shown.
    pub choice: Option<(Part, u32, u32)>,
}

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

impl Picture {
    /// The picture of a tensor; `sample` and `part` are cut to what there is.
    pub fn of(shape: &[u32], is_batched: bool, sample: u32, part: u32) -> Self {
        let count = element_count(shape);
        match *shape {
            _ if count == 0 => Self::bars(0, 0, None),
            [] => Self::bars(0, 1, None),
            [length] => Self::vector(u64::from(length), part),
            [rows, columns] => Self::matrix(rows, columns, is_batched, sample, part),
            [rows, ref inner @ ..] => {
                let [.., height, width] = *shape else {
                    unreachable!("a rank of 3 or more");
                };
                let one = element_count(inner);
                if is_batched {
                    let sample = sample.min(rows - 1);
                    let choice = Some((Part::Sample, rows, sample));
                    let maps = one / u64::from(height * width);
                    Self::maps(
                        u64::from(sample) * one,
                        maps as u32,
                        (height, width),
                        choice,
                        None,
                    )
                } else if count > KERNEL_ELEMENTS {
                    let row = part.min(rows - 1);
                    let choice = Some((Part::Row, rows, row));
                    let maps = one / u64::from(height * width);
                    Self::maps(
                        u64::from(row) * one,
                        maps as u32,
                        (height, width),
                        choice,
                        None,
                    )
                } else {
                    // One row of tiles for each filter.
                    let maps = count / u64::from(height * width);
                    let channels = (maps / u64::from(rows)) as u32;
                    let columns = (channels > 1).then_some(channels);
                    Self::maps(0, maps as u32, (height, width), None, columns)
                }
            }
        }
    }

    fn vector(length: u64, part: u32) -> Self {
        if length <= BARS {
            return Self::bars(0, length, None);
        }
        if length <= BLOCK {
            return Self::wrapped(0, length, None);
        }
        let blocks = length.div_ceil(BLOCK) as u32;
        let block = part.min(blocks - 1);
        let first = u64::from(block) * BLOCK;
        let choice = Some((Part::Block, blocks, block));
        Self::wrapped(first, BLOCK.min(length - first), choice)
    }

    fn matrix(rows: u32, columns: u32, is_batched: bool, sample: u32, part: u32) -> Self {
        let count = u64::from(rows) * u64::from(columns);
        if columns == 1 && rows > COLUMN {
            // One number for each sample: side by side they can be seen and hit.
            return Self::vector(count, part);
        }
        if rows > 1 && count <= MATRIX_ELEMENTS && columns <= MATRIX_COLUMNS {
            return Self::maps(0, 1, (rows, columns), None, Some(1));
        }
        let row = if is_batched { sample } else { part }.min(rows - 1);
        let kind = if is_batched { Part::Sample } else { Part::Row };
        let choice = (rows > 1).then_some((kind, rows, row));
        let first = u64::from(row) * u64::from(columns);
        let length = u64::from(columns);
        if length <= BARS {
            Self::bars(first, length, choice)
        } else {
            Self::wrapped(first, length, choice)
        }
    }

    fn bars(first: u64, count: u64, choice: Option<(Part, u32, u32)>) -> Self {
        let length = count.max(1) as u32;
        let cell = (WIDTH / length).clamp(6, 36);
        Self {
            drawing: Drawing::Bars,
            first,
            count,
            tiles: vec![Tile {
                start: 0,
                rows: 1,
                columns: length,
                count,
                x: 0,
                y: 0,
            }],
            cell: (cell, BAR_HEIGHT),
            width: cell * length,
            height: BAR_HEIGHT,
            choice,
        }
    }

    /// A long row in several rows; a square one in rows of its root, as an image that was flattened.
    fn wrapped(first: u64, count: u64, choice: Option<(Part, u32, u32)>) -> Self {
        let root = (count as f64).sqrt().round() as u64;
        let columns = if root * root == count { root } else { 32 };
        let rows = count.div_ceil(columns) as u32;
        let columns = columns as u32;
        let cell = cell_size(1, 1, rows, columns);
        Self {
            drawing: Drawing::Cells,
            first,
            count,
            tiles: vec![Tile {
                start: 0,
                rows,
                columns,
                count,
                x: 0,
                y: 0,
            }],
            cell: (cell, cell),
            width: columns * cell,
            height: rows * cell,
            choice,
        }
    }

    fn maps(
        first: u64,
        maps: u32,
        (rows, columns): (u32, u32),
        choice: Option<(Part, u32, u32)>,
        across: Option<u32>,
    ) -> Self {
        let size = |across: u32| cell_size(across, maps.div_ceil(across), rows, columns);
        let across = across.unwrap_or_else(|| {
            // The first of the widest cells: fewer tiles in a row leave room for numbers.
            let mut best = 1;
            for candidate in 1..=maps {
                if size(candidate) > size(best) {
                    best = candidate;
                }
            }
            best
        });
        let cell = size(across);
        let step = (columns * cell + GAP, rows * cell + GAP);
        let count = u64::from(rows) * u64::from(columns);
        let tiles = (0..maps).map(|map| Tile {
            start: u64::from(map) * count,
            rows,
            columns,
            count,
            x: map % across * step.0,
            y: map / across * step.1,
        });
        Self {
            drawing: Drawing::Cells,
            first,
            count: count * u64::from(maps),
            tiles: tiles.collect(),
            cell: (cell, cell),
            width: across.min(maps) * step.0 - GAP,
            height: maps.div_ceil(across) * step.1 - GAP,
            choice,
        }
    }

    /// Position in the tensor of the cell at a point, in pixels.
    pub fn element_at(&self, x: f64, y: f64) -> Option<u64> {
        if x < 0.0 || y < 0.0 {
            return None;
        }
        let (x, y) = (x as u32, y as u32);
        self.tiles.iter().find_map(|tile| {
            let column = x.checked_sub(tile.x)? / self.cell.0;
            let row = y.checked_sub(tile.y)? / self.cell.1;
            let inside = row < tile.rows && column < tile.columns;
            let within = u64::from(row) * u64::from(tile.columns) + u64::from(column);
            (inside && within < tile.count).then_some(self.first + tile.start + within)
        })
    }

    /// The cell of an element; `None` where it is not in the picture.
    pub fn rect(&self, position: u64) -> Option<Rect> {
        let offset = position.checked_sub(self.first)?;
        let tile = self
            .tiles
            .iter()
            .find(|tile| (tile.start..tile.start + tile.count).contains(&offset))?;
        let within = offset - tile.start;
        let row = (within / u64::from(tile.columns)) as u32;
        let column = (within % u64::from(tile.columns)) as u32;
        Some(Rect {
            x: tile.x + column * self.cell.0,
            y: tile.y + row * self.cell.1,
            width: self.cell.0,
            height: self.cell.1,
        })
    }

    /// The neighbour of an element in the picture; the element itself at the edge.
    pub fn step(&self, position: u64, right: i32, down: i32) -> u64 {
        let Some(rect) = self.rect(position) else {
            return self.first;
        };
        // Over the gap between tiles.
        for reach in [0, GAP] {
            let move_by = |size: u32| f64::from(size + reach);
            let x = f64::from(rect.x) + 0.5 + f64::from(right) * move_by(rect.width);
            let y = f64::from(rect.y) + 0.5 + f64::from(down) * move_by(rect.height);
            if let Some(found) = self.element_at(x, y).filter(|&found| found != position) {
                return found;
            }
        }
        position
    }

    /// Whether every element of the tensor lies in the picture.
    pub fn is_whole(&self, shape: &[u32]) -> bool {
        self.count == element_count(shape)
    }
}

fn cell_size(across: u32, down: u32, rows: u32, columns: u32) -> u32 {
    let fit = |room: u32, tiles: u32, cells: u32| {
        room.saturating_sub((tiles.max(1) - 1) * GAP) / (tiles.max(1) * cells.max(1))
    };
    fit(WIDTH, across, columns)
        .min(fit(HEIGHT, down, rows))
        .clamp(1, 28)
}

/// The sample and the part that show an element, given what is shown now.
pub fn part_of(shape: &[u32], is_batched: bool, index: &[u32]) -> Option<(Part, u32)> {
    let flat = flat_index(shape, index)?;
    let picture = Picture::of(shape, is_batched, 0, 0);
    match picture.choice? {
        (Part::Block, ..) => Some((Part::Block, (flat / BLOCK) as u32)),
        (part, ..) => Some((part, index_at(shape, flat)[0])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_column_is_drawn_like_a_vector_and_a_short_one_stands() {
        assert_eq!(
            Picture::of(&[200, 1], true, 3, 0),
            Picture::of(&[200], false, 0, 0)
        );
        assert!(Picture::of(&[200, 1], true, 0, 0).cell.0 >= 8);
        assert_eq!(Picture::of(&[3, 1], true, 0, 0).tiles[0].rows, 3);
    }

    #[test]
    fn images_show_the_channels_of_one_sample() {
        let picture = Picture::of(&[64, 6, 28, 28], true, 3, 0);
        assert_eq!((picture.first, picture.count), (3 * 4704, 4704));
        assert_eq!(picture.tiles.len(), 6);
        assert_eq!(picture.choice, Some((Part::Sample, 64, 3)));
        assert!(picture.cell.0 >= 4, "{picture:?}");
    }

    #[test]
    fn kernels_show_a_row_of_tiles_for_each_filter() {
        let picture = Picture::of(&[16, 6, 5, 5], false, 0, 0);
        assert_eq!(picture.tiles.len(), 96);
        assert_eq!(picture.tiles[6].x, 0);
        assert!(picture.tiles[6].y > 0);
        assert!(picture.is_whole(&[16, 6, 5, 5]));
        let first = Picture::of(&[6, 1, 5, 5], false, 0, 0);
        assert!(first.tiles.iter().filter(|tile| tile.y == 0).count() > 1);
    }

    #[test]
    fn large_tensors_are_shown_in_parts() {
        let weight = Picture::of(&[128, 784], false, 0, 5);
        assert_eq!((weight.first, weight.count), (5 * 784, 784));
        assert_eq!((weight.tiles[0].rows, weight.tiles[0].columns), (28, 28));
        assert_eq!(weight.choice, Some((Part::Row, 128, 5)));
        let row = Picture::of(&[61_888], false, 0, 99);
        assert_eq!(row.choice, Some((Part::Block, 16, 15)));
        assert_eq!(row.first + row.count, 61_888);
        assert_eq!(part_of(&[128, 784], false, &[7, 9]), Some((Part::Row, 7)));
        assert_eq!(
            part_of(&[64, 6, 28, 28], true, &[9, 0, 0, 0]),
            Some((Part::Sample, 9))
        );
        assert_eq!(part_of(&[61_888], false, &[5_000]), Some((Part::Block, 1)));
        assert_eq!(part_of(&[3], false, &[1]), None);
    }

    #[test]
    fn numbers_and_vectors_are_bars() {
        assert_eq!(Picture::of(&[], false, 0, 0).count, 1);
        assert_eq!(Picture::of(&[10], false, 0, 0).drawing, Drawing::Bars);
        assert_eq!(Picture::of(&[1, 3], true, 0, 0).drawing, Drawing::Bars);
        assert_eq!(Picture::of(&[0], false, 0, 0).count, 0);
    }

    #[test]
    fn arrows_reach_the_neighbours_across_tiles_and_stop_at_the_edge() {
        let picture = Picture::of(&[2, 2, 3, 3], true, 0, 0);
        assert_eq!(picture.step(0, 1, 0), 1);
        assert_eq!(picture.step(0, 0, 1), 3);
        assert_eq!(picture.step(0, -1, 0), 0);
        let tiles = &picture.tiles;
        let across = if tiles[1].y == 0 {
            (1, 0, 2)
        } else {
            (0, 1, 6)
        };
        let reached = picture.step(across.2, across.0, across.1);
        assert_eq!(reached, 9, "{picture:?}");
    }

    proptest! {
        #[test]
        fn every_element_in_a_picture_is_found_where_it_is_drawn(
            shape in prop::collection::vec(1_u32..12, 0..5),
            is_batched in any::<bool>(),
            sample in 0_u32..12,
        ) {
            let picture = Picture::of(&shape, is_batched && !shape.is_empty(), sample, sample);
            prop_assert!(picture.first + picture.count <= element_count(&shape));
            for position in picture.first..picture.first + picture.count {
                let rect = picture.rect(position).expect("in the picture");
                prop_assert!(rect.x + rect.width <= picture.width, "{:?}", picture);
                prop_assert!(rect.y + rect.height <= picture.height, "{:?}", picture);
                let middle = (f64::from(rect.x) + 0.5, f64::from(rect.y) + 0.5);
                prop_assert_eq!(picture.element_at(middle.0, middle.1), Some(position));
            }
        }
    }
}
