//! Training points and held-out points of one distribution, and what one who knew it would score.

use super::{Cloud, FitRequest, HELD_OUT, Score};
use crate::data::{DataError, Table, TableSet, Targets, ToyShape, ToySource, epoch_order};

/// Points without noise along the curve of each class, by which the density is computed.
const CENTERS: u32 = 1000;

/// The parts whose labels are flipped are ordered by streams of their own.
const FLIPS: u64 = 1 << 32;

/// The points of a request.
///
/// # Errors
/// When they cannot be drawn: the request was not checked.
pub(super) fn draw(request: &FitRequest) -> Result<TableSet, DataError> {
    let mut set = source(request, request.noise, request.points, HELD_OUT).draw()?;
    for (stream, part) in [&mut set.train, &mut set.test].into_iter().enumerate() {
        let count = part.count();
        let mut classes = part.classes().unwrap_or_default().to_vec();
        let wrong = (request.flipped * f64::from(count)).round() as usize;
        let order = epoch_order(request.seed, FLIPS + stream as u64, count);
        for &point in &order[..wrong] {
            classes[point as usize] = 1 - classes[point as usize];
        }
        *part = Table::new(
            "points",
            2,
            part.rows().to_vec(),
            Targets::Classes(classes),
            2,
        )?;
    }
    Ok(set)
}

fn source(request: &FitRequest, noise: f64, train: u32, test: u32) -> ToySource {
    ToySource {
        shape: match request.cloud {
            Cloud::Moons => ToyShape::TwoMoons,
            Cloud::Circles => ToyShape::Circles,
        },
        noise,
        train,
        test,
        seed: request.seed,
    }
}

/// What one who knew the distribution of the points would score on them: of each point the probability of its label is
/// `(1 − f)·q + f·(1 − q)`, f being the share of flipped labels, and `q = p(x | y) / (p(x | 0) + p(x | 1))`, where
/// `p(x | y)` is the mean over the class's curve of normal densities of the noise's deviation. Both classes are equally
/// frequent.
///
/// # Errors
/// When they cannot be drawn: the request was not checked.
pub(super) fn floor(request: &FitRequest, points: &Table) -> Result<Score, DataError> {
    let clean = source(request, 0.0, 2 * CENTERS, 2).draw()?.train;
    let of_clean = clean.classes().unwrap_or_default();
    let sharpness = -0.5 / (request.noise * request.noise);
    let mut score = Score::default();
    let count = f64::from(points.count());
    for (number, &class) in (0..).zip(points.classes().unwrap_or_default()) {
        let at = points.row(number);
        let distances = of_clean.iter().zip(clean.rows().chunks_exact(2));
        let distances = distances.map(|(&class, center)| {
            let parts = at.iter().zip(center);
            let squares = parts.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
            (class, squares.sum::<f64>())
        });
        // The nearest centre's density counts 1: far from all of them nothing is lost to rounding.
        let nearest = distances.clone().map(|(_, square)| square);
        let nearest = nearest.fold(f64::INFINITY, f64::min);
        let mut densities = [0.0; 2];
        for (class, square) in distances {
            densities[class as usize] += (sharpness * (square - nearest)).exp();
        }
        let q = densities[class as usize] / (densities[0] + densities[1]);
        let probability = (1.0 - request.flipped) * q + request.flipped * (1.0 - q);
        score.loss -= probability.max(f64::MIN_POSITIVE).ln() / count;
        score.accuracy += f64::from(u8::from(probability > 0.5)) / count;
    }
    Ok(score)
}
