//! The plane in the space of all weights that holds most of the paths of a race.
//!
//! Its two directions are principal components of the paths, as in H. Li et al., "Visualizing the Loss Landscape of
//! Neural Nets", 2018 (arXiv 1712.09913), section 7. They measure from the end of their one path; the paths of a race
//! have no end in common but a start, so it is the origin: the plane goes through it, and of all planes that do it holds
//! the largest share of the squared distances from it. Everything is computed in f64.

use crate::platform::now_millis;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Numbers that the paths of a race may keep, all weights at every place: 16 MiB.
pub(super) const MOST_NUMBERS: u64 = 1 << 22;

/// A path of fewer places than this would not show how it went.
const FEWEST_PLACES: u64 = 33;

/// Places of each path that the plane is fitted to, at most: evenly spaced, the last one among them.
const FITTED_PLACES: usize = 65;

/// A path ends for the plane, and leaves the picture, where it is this many times as far from the start as the start
/// is from 0.
const FAR: f64 = 3.0;

/// The start counts as being from 0 at least this far in each weight.
const LEAST_START: f64 = 0.5;

/// Vectors that are iterated together: more than two, so that the first two are separated quickly from the others.
const BLOCK: usize = 8;

/// Turns of the iteration at most. Where it needs more, two directions hold nearly the same share, and any mixture of
/// them does.
const MOST_TURNS: u32 = 200;

/// A vector is an eigenvector when what is left over is this small beside the largest eigenvalue.
const PRECISION: f64 = 1e-13;

/// A direction with a smaller part of the largest eigenvalue than this is rounding.
const NOISE: f64 = 1e-14;

/// Updates from one kept place of a path to the next, so that all paths stay within [`MOST_NUMBERS`]; `None` where they
/// would have too few places.
pub(super) fn spacing(weights: u64, lanes: u64, steps: u32) -> Option<u32> {
    let steps = u64::from(steps);
    let room = MOST_NUMBERS / (weights * lanes).max(1);
    // The first place and, where the spacing does not meet it, the last one.
    let between = room.checked_sub(2).filter(|&between| between > 0)?;
    if between < FEWEST_PLACES.min(steps) {
        return None;
    }
    Some(steps.div_ceil(between).max(1) as u32)
}

/// The weights of one lane after 0, `every`, 2 · `every`, … updates and after the last one.
#[derive(Debug)]
pub(super) struct Track {
    pub every: u32,
    /// Updates before the last place.
    pub last: u32,
    /// All weights of one place after the other.
    values: Vec<f32>,
    weights: usize,
}

impl Track {
    pub fn new(every: u32, weights: usize) -> Self {
        Self {
            every,
            last: 0,
            values: Vec::new(),
            weights,
        }
    }

    /// Whether the weights after so many updates are kept.
    pub fn keeps(&self, update: u32, is_last: bool) -> bool {
        is_last || update.is_multiple_of(self.every)
    }

    /// Takes in the weights after so many updates, unless one of them is not finite: then the path has ended.
    pub fn push<'a>(&mut self, update: u32, parts: impl Iterator<Item = &'a [f32]>) {
        let from = self.values.len();
        for part in parts {
            self.values.extend_from_slice(part);
        }
        if self.values[from..].iter().all(|value| value.is_finite()) {
            self.last = update;
        } else {
            self.values.truncate(from);
        }
    }

    pub fn places(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.weights)
    }

    fn place(&self, number: usize) -> &[f32] {
        &self.values[number * self.weights..][..self.weights]
    }

    pub fn end(&self) -> &[f32] {
        self.place(self.places().len() - 1)
    }

    /// Places before the first one that is further than `reach` from the start.
    fn near_places(&self, start: &[f32], reach: f64) -> usize {
        let is_far = |place: &[f32]| squared_distance(place, start) > reach * reach;
        let count = self.places().len();
        self.places().position(is_far).unwrap_or(count)
    }
}

fn squared_distance(place: &[f32], start: &[f32]) -> f64 {
    let differences = place
        .iter()
        .zip(start)
        .map(|(a, b)| f64::from(*a) - f64::from(*b));
    differences.map(|d| d * d).sum()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The plane: a point and two directions of length 1 at right angles.
#[derive(Clone, Debug)]
pub(super) struct Plane {
    start: Vec<f32>,
    directions: [Vec<f64>; 2],
}

/// A path on the plane.
pub(super) struct Projected {
    /// Along both directions, of one place after the other.
    pub places: Vec<[f64; 2]>,
    /// How many of the places are near enough to count for the plane and the picture.
    pub near: usize,
    /// Of the near places: the sum of their squared distances from the start, and of those along each direction.
    pub squares: (f64, [f64; 2]),
    /// Of the last place from the plane, and from the start.
    pub off: f64,
    pub travelled: f64,
}

impl Plane {
    /// The weights at a place of the plane, rounded to f32 at the end.
    pub fn weights(&self, along: [f64; 2]) -> Vec<f32> {
        let [first, second] = &self.directions;
        let moved = first
            .iter()
            .zip(second)
            .map(|(a, b)| along[0] * a + along[1] * b);
        let start = self.start.iter().zip(moved);
        start
            .map(|(start, by)| (f64::from(*start) + by) as f32)
            .collect()
    }

    /// The foot of the perpendicular from every place of a track.
    pub fn project(&self, track: &Track) -> Projected {
        let mut from_start = vec![0.0; self.start.len()];
        let mut places = Vec::new();
        let mut squares = (0.0, [0.0; 2]);
        let near = track.near_places(&self.start, reach(&self.start));
        for (number, place) in track.places().enumerate() {
            self.difference(place, &mut from_start);
            let along = [0, 1].map(|axis| dot(&self.directions[axis], &from_start));
            if number < near {
                squares.0 += dot(&from_start, &from_start);
                for (sum, along) in squares.1.iter_mut().zip(along) {
                    *sum += along * along;
                }
            }
            places.push(along);
        }
        // What the last place has besides its foot.
        let travelled = dot(&from_start, &from_start).sqrt();
        let along = places.last().copied().unwrap_or_default();
        for (number, value) in from_start.iter_mut().enumerate() {
            let [first, second] = &self.directions;
            *value -= along[0] * first[number] + along[1] * second[number];
        }
        Projected {
            places,
            near,
            squares,
            off: dot(&from_start, &from_start).sqrt(),
            travelled,
        }
    }

    fn difference(&self, place: &[f32], into: &mut [f64]) {
        for ((into, place), start) in into.iter_mut().zip(place).zip(&self.start) {
            *into = f64::from(*place) - f64::from(*start);
        }
    }
}

/// How far from the start a path counts.
fn reach(start: &[f32]) -> f64 {
    let least = LEAST_START * (start.len() as f64).sqrt();
    let zeros = vec![0.0; start.len()];
    FAR * squared_distance(start, &zeros).sqrt().max(least)
}

/// The fit of a plane, done in pieces: the scalar products of all places, then their eigenvectors.
pub(super) struct PlaneFit {
    start: Vec<f32>,
    /// Track and place of each row.
    chosen: Vec<(usize, usize)>,
    /// Scalar products of every two chosen places as seen from the start, a square matrix; rows so far.
    products: Vec<Vec<f64>>,
    /// [`BLOCK`] vectors over the chosen places, at right angles and of length 1 (or 0).
    block: Vec<Vec<f64>>,
    turns: u32,
}

/// What a piece of work on a fit came to.
pub(super) enum Fitted {
    /// There is more to do.
    Unfinished,
    /// `None` where no path leaves the start.
    Done(Option<Plane>),
}

impl PlaneFit {
    /// A fit to paths that begin at one place.
    pub fn new(tracks: &[Track]) -> Self {
        let start = tracks[0].place(0).to_vec();
        let reach = reach(&start);
        let mut chosen = Vec::new();
        for (track, path) in tracks.iter().enumerate() {
            let last = path.near_places(&start, reach).saturating_sub(1);
            let count = last.min(FITTED_PLACES);
            // From 1: the start itself is 0 from the start.
            chosen.extend((1..=count).map(|number| (track, number * last / count)));
        }
        let mut random = ChaCha8Rng::from_seed([0; 32]);
        let mut unit = || f64::from(random.next_u32()) / f64::from(u32::MAX) - 0.5;
        let size = BLOCK.min(chosen.len());
        let mut block: Vec<Vec<f64>> = (0..size)
            .map(|_| chosen.iter().map(|_| unit()).collect())
            .collect();
        orthonormalize(&mut block);
        Self {
            start,
            chosen,
            products: Vec::new(),
            block,
            turns: 0,
        }
    }

    /// Works until the deadline, and at least a little.
    pub fn advance(&mut self, tracks: &[Track], deadline: f64) -> Fitted {
        loop {
            if self.products.len() < self.chosen.len() {
                self.next_row(tracks);
            } else if let Some((values, vectors)) = self.turn() {
                return Fitted::Done(self.plane(tracks, values, vectors));
            }
            if now_millis() > deadline {
                return Fitted::Unfinished;
            }
        }
    }

    fn next_row(&mut self, tracks: &[Track]) {
        let number = self.products.len();
        let difference = |(track, place): (usize, usize)| {
            let place = tracks[track].place(place).iter().zip(&self.start);
            place.map(|(a, b)| f64::from(*a) - f64::from(*b))
        };
        let own: Vec<f64> = difference(self.chosen[number]).collect();
        let mut row = vec![0.0; self.chosen.len()];
        for (other, product) in row.iter_mut().enumerate().take(number + 1) {
            let theirs = difference(self.chosen[other]);
            *product = own.iter().zip(theirs).map(|(a, b)| a * b).sum();
        }
        for (other, earlier) in self.products.iter_mut().enumerate() {
            earlier[number] = row[other];
        }
        self.products.push(row);
    }

    /// One turn of orthogonal iteration with the Rayleigh-Ritz values of the block (G. Golub and C. Van Loan, "Matrix
    /// Computations", section 8.2.4); the two largest eigenvalues and their vectors once they stand.
    fn turn(&mut self) -> Option<([f64; 2], [Vec<f64>; 2])> {
        let multiply = |vector: &Vec<f64>| -> Vec<f64> {
            self.products.iter().map(|row| dot(row, vector)).collect()
        };
        let images: Vec<Vec<f64>> = self.block.iter().map(multiply).collect();
        let small: Vec<Vec<f64>> = self
            .block
            .iter()
            .map(|a| images.iter().map(|b| dot(a, b)).collect())
            .collect();
        let (values, mixtures) = symmetric_eigenvectors(small);
        let mix = |vectors: &[Vec<f64>]| -> Vec<Vec<f64>> {
            let mixed = mixtures.iter().map(|mixture| {
                let mut sum = vec![0.0; self.chosen.len()];
                for (share, vector) in mixture.iter().zip(vectors) {
                    for (sum, value) in sum.iter_mut().zip(vector) {
                        *sum += share * value;
                    }
                }
                sum
            });
            mixed.collect()
        };
        let (vectors, mut images) = (mix(&self.block), mix(&images));
        let two = |number: usize| values.get(number).copied().unwrap_or(0.0);
        let stands = |number: usize| {
            let (Some(vector), Some(image)) = (vectors.get(number), images.get(number)) else {
                return true;
            };
            let rest = image
                .iter()
                .zip(vector)
                .map(|(i, v)| i - values[number] * v);
            rest.map(|rest| rest * rest).sum::<f64>().sqrt() <= PRECISION * two(0)
        };
        self.turns += 1;
        if (stands(0) && stands(1)) || self.turns >= MOST_TURNS {
            let mut vectors = vectors.into_iter();
            let mut next = || vectors.next().unwrap_or_default();
            return Some(([two(0), two(1)], [next(), next()]));
        }
        orthonormalize(&mut images);
        self.block = images;
        None
    }

    /// The directions that belong to eigenvectors of the scalar products.
    fn plane(&self, tracks: &[Track], values: [f64; 2], vectors: [Vec<f64>; 2]) -> Option<Plane> {
        if self.chosen.is_empty() || values[0] <= 0.0 {
            return None;
        }
        let weights = self.start.len();
        let direction = |vector: &[f64]| {
            // To the side that the paths go to.
            let sign = if vector.iter().sum::<f64>() < 0.0 {
                -1.0
            } else {
                1.0
            };
            let mut sum = vec![0.0; weights];
            for (share, &(track, place)) in vector.iter().zip(&self.chosen) {
                let place = tracks[track].place(place).iter().zip(&self.start);
                for (sum, (a, b)) in sum.iter_mut().zip(place) {
                    *sum += sign * share * (f64::from(*a) - f64::from(*b));
                }
            }
            sum
        };
        let first = direction(&vectors[0]);
        let second = if values[1] > NOISE * values[0] {
            direction(&vectors[1])
        } else {
            // All paths lie on one line: any direction across it will do. The axis that it leans to least.
            let least = (0..weights).fold(0, |least, axis| {
                if first[axis].abs() < first[least].abs() {
                    axis
                } else {
                    least
                }
            });
            (0..weights).map(|axis| f64::from(axis == least)).collect()
        };
        let mut directions = vec![first, second];
        orthonormalize(&mut directions);
        let directions = directions.try_into().expect("two directions");
        Some(Plane {
            start: self.start.clone(),
            directions,
        })
    }
}

/// Gram-Schmidt, twice, so that rounding leaves right angles; what is 0, or depends on those before, becomes 0.
fn orthonormalize(vectors: &mut [Vec<f64>]) {
    for number in 0..vectors.len() {
        let (before, rest) = vectors.split_at_mut(number);
        let vector = &mut rest[0];
        let length = dot(vector, vector).sqrt();
        for _ in 0..2 {
            for other in before.iter() {
                let share = dot(vector, other);
                for (value, other) in vector.iter_mut().zip(other) {
                    *value -= share * other;
                }
            }
        }
        let left = dot(vector, vector).sqrt();
        let scale = if left > 1e-14 * length {
            1.0 / left
        } else {
            0.0
        };
        vector.iter_mut().for_each(|value| *value *= scale);
    }
}

/// Eigenvalues of a small symmetric matrix from the largest down, and an eigenvector for each: Jacobi's rotations.
fn symmetric_eigenvectors(mut matrix: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let size = matrix.len();
    // Row k becomes the eigenvector of the k-th value.
    let mut vectors: Vec<Vec<f64>> = (0..size)
        .map(|row| (0..size).map(|column| f64::from(row == column)).collect())
        .collect();
    // Rotations converge quadratically: a few sweeps are enough, more change nothing.
    for _ in 0..20 {
        for p in 0..size {
            for q in p + 1..size {
                rotate(&mut matrix, &mut vectors, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&a, &b| matrix[b][b].total_cmp(&matrix[a][a]));
    let values = order.iter().map(|&at| matrix[at][at]).collect();
    let vectors = order.iter().map(|&at| vectors[at].clone()).collect();
    (values, vectors)
}

/// Turns two axes so that the matrix has 0 between them.
fn rotate(matrix: &mut [Vec<f64>], vectors: &mut [Vec<f64>], p: usize, q: usize) {
    let between = matrix[p][q];
    if between == 0.0 {
        return;
    }
    let half = (matrix[q][q] - matrix[p][p]) / (2.0 * between);
    let tangent = half.signum() / (half.abs() + (half * half + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    let sine = tangent * cosine;
    let turn = |a: f64, b: f64| (cosine * a - sine * b, sine * a + cosine * b);
    for row in matrix.iter_mut() {
        (row[p], row[q]) = turn(row[p], row[q]);
    }
    for rows in [matrix, vectors] {
        for column in 0..rows[p].len() {
            let (a, b) = turn(rows[p][column], rows[q][column]);
            (rows[p][column], rows[q][column]) = (a, b);
        }
    }
}

#[cfg(test)]
#[path = "plane_tests.rs"]
mod tests;
