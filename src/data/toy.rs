//! Two-dimensional sets (and a one-dimensional one) that are drawn from a seed.
//!
//! Moons and circles lie where `sklearn.datasets.make_moons` and `make_circles` (factor 0.5) put them; the noise
//! is normal, as there. The random numbers are our own, so points differ from scikit-learn's of the same seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use std::f64::consts::{PI, TAU};

use super::error::DataError;
use super::table::{Standardization, Table, TableSet, Targets};
use crate::tensor::init::generator;

/// The shape of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ToyShape {
    /// Two half circles that reach into each other.
    TwoMoons,
    /// One circle inside another of twice its radius.
    Circles,
    /// Two spirals of one and a half turns, from radius 0.1 to 1, half a turn apart.
    Spirals,
    /// The square from -1 to 1; the class is whether exactly one coordinate is positive, before noise.
    Xor,
    /// Two clouds around (-1, -1) and (1, 1); the noise is their standard deviation.
    Gaussians,
    /// Two clouds on a line, around -1 and 1; the noise is their standard deviation.
    LineGaussians,
}

impl ToyShape {
    /// Every shape.
    pub const ALL: [Self; 6] = [
        Self::TwoMoons,
        Self::Circles,
        Self::Spirals,
        Self::Xor,
        Self::Gaussians,
        Self::LineGaussians,
    ];

    /// Its name on the page and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::TwoMoons => "two-moons",
            Self::Circles => "circles",
            Self::Spirals => "spirals",
            Self::Xor => "xor",
            Self::Gaussians => "gaussians",
            Self::LineGaussians => "line-gaussians",
        }
    }

    /// Coordinates of a point.
    pub fn dimensions(self) -> usize {
        match self {
            Self::LineGaussians => 1,
            _ => 2,
        }
    }
}

/// A set to draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToySource {
    pub shape: ToyShape,
    /// Standard deviation of what is added to every coordinate.
    pub noise: f64,
    /// Points to learn from, half of each class (the second class has one more of an odd number).
    pub train: u32,
    /// Points held out.
    pub test: u32,
    /// Seed of the points; the run's own seed changes weights and order only.
    pub seed: u64,
}

/// Most points of one part.
pub const MAX_POINTS: u32 = 1 << 20;

impl ToySource {
    /// Draws the set.
    ///
    /// # Errors
    /// When a part would have fewer than 2 or more than [`MAX_POINTS`] points, or the noise is no finite number of
    /// at least 0.
    pub fn draw(&self) -> Result<TableSet, DataError> {
        let name = self.shape.name();
        if !(self.noise.is_finite() && self.noise >= 0.0) {
            return Err(DataError::BadToy {
                name,
                what: "the noise",
                got: self.noise.to_string(),
                expected: "a finite number of at least 0".into(),
            });
        }
        for count in [self.train, self.test] {
            if !(2..=MAX_POINTS).contains(&count) {
                return Err(DataError::BadToy {
                    name,
                    what: "the number of points",
                    got: count.to_string(),
                    expected: format!("2 to {MAX_POINTS}"),
                });
            }
        }
        let dimensions = self.shape.dimensions();
        let columns = ["x1", "x2"][..dimensions].iter();
        Ok(TableSet {
            name: name.into(),
            columns: columns.map(|column| (*column).to_string()).collect(),
            target: "class".into(),
            classes: ["0", "1"].map(|class| (class.into(), class.into())).into(),
            train: self.part("train", 0, self.train)?,
            test: self.part("test", 1, self.test)?,
            standardization: Standardization::identity(dimensions),
            target_standardization: Standardization::identity(1),
        })
    }

    fn part(&self, part: &str, stream: u64, count: u32) -> Result<Table, DataError> {
        let mut random = Normal::new(generator(self.seed, stream));
        let (mut rows, mut classes) = (Vec::new(), Vec::new());
        let of_first = count / 2;
        for number in 0..count {
            let class = u32::from(number >= of_first);
            let (at, of) = match class {
                0 => (number, of_first),
                _ => (number - of_first, count - of_first),
            };
            let (point, class) = self.point(class, at, of, &mut random);
            let noisy = point[..self.shape.dimensions()]
                .iter()
                .map(|coordinate| (coordinate + self.noise * random.normal()) as f32);
            rows.extend(noisy);
            classes.push(class);
        }
        let who = format!("{} {part} part", self.shape.name());
        Table::new(
            &who,
            self.shape.dimensions(),
            rows,
            Targets::Classes(classes),
            2,
        )
    }

    /// Point `at` of the `of` points of a class, without noise, and its class.
    fn point(&self, class: u32, at: u32, of: u32, random: &mut Normal) -> ([f64; 2], u32) {
        let sign = if class == 0 { -1.0 } else { 1.0 };
        // Both ends included, as `numpy.linspace` has it.
        let along = f64::from(at) / f64::from(of.max(2) - 1);
        let point = match self.shape {
            ToyShape::TwoMoons => {
                let (sin, cos) = (PI * along).sin_cos();
                match class {
                    0 => [cos, sin],
                    _ => [1.0 - cos, 0.5 - sin],
                }
            }
            ToyShape::Circles => {
                // The end is the start: left out.
                let (sin, cos) = (TAU * f64::from(at) / f64::from(of)).sin_cos();
                let radius = if class == 0 { 1.0 } else { 0.5 };
                [radius * cos, radius * sin]
            }
            ToyShape::Spirals => {
                let radius = 0.1 + 0.9 * along;
                let (sin, cos) = (1.5 * TAU * along + PI * f64::from(class)).sin_cos();
                [radius * cos, radius * sin]
            }
            ToyShape::Xor => {
                let point = [2.0 * random.uniform() - 1.0, 2.0 * random.uniform() - 1.0];
                let class = u32::from((point[0] > 0.0) != (point[1] > 0.0));
                return (point, class);
            }
            ToyShape::Gaussians | ToyShape::LineGaussians => [sign, sign],
        };
        (point, class)
    }
}

/// Normal numbers: G. E. P. Box and M. E. Muller, "A Note on the Generation of Random Normal Deviates", 1958.
pub(super) struct Normal {
    generator: ChaCha8Rng,
    /// The second of a pair.
    kept: Option<f64>,
}

impl Normal {
    pub(super) fn new(generator: ChaCha8Rng) -> Self {
        Self {
            generator,
            kept: None,
        }
    }

    /// Uniform in (0, 1], in steps of 2⁻³².
    fn uniform(&mut self) -> f64 {
        (f64::from(self.generator.next_u32()) + 1.0) / 4_294_967_296.0
    }

    pub(super) fn normal(&mut self) -> f64 {
        if let Some(kept) = self.kept.take() {
            return kept;
        }
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        let (sin, cos) = (TAU * self.uniform()).sin_cos();
        self.kept = Some(radius * sin);
        radius * cos
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(shape: ToyShape, noise: f64, train: u32) -> TableSet {
        let source = ToySource {
            shape,
            noise,
            train,
            test: 10,
            seed: 1,
        };
        source.draw().expect("a set")
    }

    /// `sklearn.datasets.make_moons(6, shuffle=False)` and `make_circles(6, shuffle=False, factor=0.5)`.
    #[test]
    fn moons_and_circles_without_noise_are_scikit_learn_s() {
        let moons = draw(ToyShape::TwoMoons, 0.0, 6);
        let expected = [1.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0, 0.5, 1.0, -0.5, 2.0, 0.5];
        for (actual, expected) in moons.train.rows().iter().zip(expected) {
            assert!(
                (actual - expected).abs() < 1e-6,
                "{actual} is not {expected}"
            );
        }
        assert_eq!(moons.train.classes().unwrap(), [0, 0, 0, 1, 1, 1]);
        let circles = draw(ToyShape::Circles, 0.0, 6);
        let height = 0.866_025_4;
        let expected = [
            1.0,
            0.0,
            -0.5,
            height,
            -0.5,
            -height,
            0.5,
            0.0,
            -0.25,
            0.5 * height,
            -0.25,
            -0.5 * height,
        ];
        for (actual, expected) in circles.train.rows().iter().zip(expected) {
            assert!(
                (actual - expected).abs() < 1e-6,
                "{actual} is not {expected}"
            );
        }
    }

    #[test]
    fn noise_is_normal_with_its_standard_deviation() {
        let cloud = draw(ToyShape::LineGaussians, 0.5, 20_000);
        let (rows, classes) = (cloud.train.rows(), cloud.train.classes().unwrap());
        let centred = rows.iter().zip(classes);
        let centred: Vec<f64> = centred
            .map(|(&x, &class)| f64::from(x) - if class == 0 { -1.0 } else { 1.0 })
            .collect();
        let mean = centred.iter().sum::<f64>() / 2e4;
        let variance = centred.iter().map(|x| x * x).sum::<f64>() / 2e4;
        let beyond = centred.iter().filter(|x| x.abs() > 1.0).count() as f64 / 2e4;
        // Standard errors 0.0035, 0.0025; a share of 0.0455 lies beyond two deviations, error 0.0015.
        assert!(mean.abs() < 0.015, "mean {mean}");
        assert!((variance - 0.25).abs() < 0.01, "variance {variance}");
        assert!(
            (beyond - 0.0455).abs() < 0.006,
            "beyond two deviations {beyond}"
        );
    }

    #[test]
    fn every_shape_has_both_classes_and_depends_on_its_seed() {
        for shape in ToyShape::ALL {
            let set = draw(shape, 0.1, 200);
            let ones: u32 = set.train.classes().unwrap().iter().sum();
            assert!((70..=130).contains(&ones), "{}: {ones}", shape.name());
            assert_eq!(set, draw(shape, 0.1, 200));
            assert_eq!(set.train.features(), shape.dimensions());
            let other = ToySource {
                shape,
                noise: 0.1,
                train: 200,
                test: 10,
                seed: 2,
            };
            assert_ne!(set, other.draw().unwrap());
            assert_ne!(set.train.row(0), set.test.row(0));
        }
        let xor = draw(ToyShape::Xor, 0.0, 300);
        for index in 0..300 {
            let row = xor.train.row(index);
            let class = u32::from((row[0] > 0.0) != (row[1] > 0.0));
            assert_eq!(xor.train.classes().unwrap()[index as usize], class);
        }
    }

    #[test]
    fn sets_that_make_no_sense_are_refused() {
        let mut source = ToySource {
            shape: ToyShape::Xor,
            noise: f64::NAN,
            train: 10,
            test: 10,
            seed: 1,
        };
        let refused = source.draw().unwrap_err().to_string();
        assert_eq!(
            refused,
            "xor: the noise is NaN, expected a finite number of at least 0"
        );
        (source.noise, source.train) = (0.1, 0);
        let refused = source.draw().unwrap_err().to_string();
        assert!(
            refused.contains("the number of points is 0, expected 2 to"),
            "{refused}"
        );
    }
}
