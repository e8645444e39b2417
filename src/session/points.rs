//! Tables that can be drawn: points with one or two coordinates and two classes, and what the network says between them.

use crate::data::{Table, TableSet};
use serde::{Deserialize, Serialize};

/// Most points of one part that are sent; more are thinned out evenly.
const MOST_POINTS: usize = 2_000;

/// Places along each axis at which the network is asked.
const GRID: u32 = 48;

/// Places where there is a single axis.
const LINE: u32 = 256;

/// Room around the points, as a share of their extent.
const MARGIN: f32 = 0.08;

/// Points with their classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointSet {
    /// (M, I), in the table's own units.
    pub rows: Vec<f32>,
    pub classes: Vec<u32>,
}

/// The points of a table that can be drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TablePoints {
    /// Names of the one or two axes.
    pub columns: Vec<String>,
    pub train: PointSet,
    pub held_out: PointSet,
    /// What the picture spans: (low, high) of each axis.
    pub bounds: Vec<(f32, f32)>,
}

/// What the network says at places that cover the picture evenly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Boundary {
    /// Places along each axis, both ends of its bounds included.
    pub size: Vec<u32>,
    pub bounds: Vec<(f32, f32)>,
    /// Of class 1; the last axis is the slow one.
    pub probabilities: Vec<f32>,
}

impl TablePoints {
    /// The points of a table with one or two features and two classes; `None` for others.
    pub fn of(table: &TableSet) -> Option<Self> {
        if !(1..=2).contains(&table.columns.len()) || table.classes.len() != 2 {
            return None;
        }
        let axes = 0..table.columns.len();
        let bounds = axes.map(|axis| bounds_of(table, axis)).collect();
        Some(Self {
            columns: table.columns.clone(),
            train: thinned(&table.train),
            held_out: thinned(&table.test),
            bounds,
        })
    }
}

impl Boundary {
    /// The places at which the network is asked, in the order of [`Boundary::probabilities`]: how many along each
    /// axis, and (places, I) in the table's units.
    pub fn places(bounds: &[(f32, f32)]) -> (Vec<u32>, Vec<f32>) {
        let along = |axis: usize, at: u32, of: u32| {
            let (low, high) = bounds[axis];
            low + (high - low) * at as f32 / (of - 1) as f32
        };
        if bounds.len() == 1 {
            return (vec![LINE], (0..LINE).map(|at| along(0, at, LINE)).collect());
        }
        let places = (0..GRID * GRID)
            .flat_map(|at| [along(0, at % GRID, GRID), along(1, at / GRID, GRID)])
            .collect();
        (vec![GRID, GRID], places)
    }
}

/// What an axis spans: all points, and some room.
fn bounds_of(table: &TableSet, axis: usize) -> (f32, f32) {
    let width = table.columns.len();
    let parts = [table.train.rows(), table.test.rows()];
    let values = parts
        .iter()
        .flat_map(|rows| rows.iter().skip(axis).step_by(width).copied());
    let (low, high) = values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let room = if high > low {
        MARGIN * (high - low)
    } else {
        1.0
    };
    (low - room, high + room)
}

fn thinned(table: &Table) -> PointSet {
    let count = table.count() as usize;
    let kept = count.min(MOST_POINTS);
    let chosen: Vec<u32> = (0..kept).map(|k| (k * count / kept) as u32).collect();
    let classes = table.classes().unwrap_or_default();
    PointSet {
        rows: chosen
            .iter()
            .flat_map(|&index| table.row(index).iter().copied())
            .collect(),
        classes: chosen
            .iter()
            .map(|&index| classes[index as usize])
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{ToyShape, ToySource};

    fn points(shape: ToyShape, train: u32) -> (TableSet, Option<TablePoints>) {
        let source = ToySource {
            shape,
            noise: 0.1,
            train,
            test: 10,
            seed: 3,
        };
        let table = source.draw().unwrap();
        let points = TablePoints::of(&table);
        (table, points)
    }

    #[test]
    fn points_are_thinned_and_lie_inside_their_bounds() {
        let (table, points) = points(ToyShape::TwoMoons, 5_000);
        let points = points.expect("a table of two features");
        assert_eq!(points.train.classes.len(), MOST_POINTS);
        assert_eq!(points.train.rows[..2], *table.train.row(0));
        assert_eq!(points.train.rows[2..4], *table.train.row(2));
        for row in points.train.rows.chunks_exact(2) {
            for (value, (low, high)) in row.iter().zip(&points.bounds) {
                assert!(low < value && value < high);
            }
        }
    }

    #[test]
    fn places_cover_the_bounds_with_both_ends() {
        let (size, places) = Boundary::places(&[(0.0, 1.0), (-2.0, 2.0)]);
        assert_eq!(size, [GRID, GRID]);
        assert_eq!(places.len() as u32, 2 * GRID * GRID);
        assert_eq!(places[..2], [0.0, -2.0]);
        assert_eq!(places[places.len() - 2..], [1.0, 2.0]);
        assert_eq!(
            places[2 * GRID as usize - 2..2 * GRID as usize],
            [1.0, -2.0]
        );
        let (size, places) = Boundary::places(&[(-1.0, 3.0)]);
        assert_eq!((size, places[0], places[255]), (vec![LINE], -1.0, 3.0));
    }

    #[test]
    fn tables_that_cannot_be_drawn_have_no_points() {
        let (mut table, points) = points(ToyShape::LineGaussians, 20);
        assert_eq!(points.expect("one feature").bounds.len(), 1);
        table.classes.push(("2".into(), "2".into()));
        assert_eq!(TablePoints::of(&table), None);
    }
}
