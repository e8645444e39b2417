//! Seeded initial values: a portable, counter-based generator, so that the same
//! seed gives the same weights natively and in the page. Logarithm and cosine are those
//! of `libm`, which are the same everywhere.

use super::Shape;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// Independent random numbers for (seed, stream): one stream for each parameter.
pub fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(stream);
    generator
}

/// `count` values uniform in [-bound, bound), in steps of bound / 2^23.
pub fn uniform(generator: &mut ChaCha8Rng, bound: f32, count: usize) -> Vec<f32> {
    (0..count)
        .map(|_| {
            // 24 bits are what an f32 holds exactly.
            let unit = (generator.next_u32() >> 8) as f32 / (1u32 << 24) as f32;
            bound * (2.0 * unit - 1.0)
        })
        .collect()
}

/// `count` values of the standard normal distribution, by Box and Muller's transform.
pub fn normal(generator: &mut ChaCha8Rng, count: usize) -> Vec<f64> {
    let mut unit = || (f64::from(generator.next_u32()) + 0.5) / f64::from(1u32 << 31) / 2.0;
    (0..count)
        .map(|_| {
            let (radius, angle) = (unit(), unit());
            (-2.0 * libm::log(radius)).sqrt() * libm::cos(2.0 * std::f64::consts::PI * angle)
        })
        .collect()
}

/// PyTorch's default for linear and convolution layers, weight and bias alike:
/// uniform within 1 / sqrt(fan_in) (`nn.Linear.reset_parameters`).
pub fn pytorch_default(seed: u64, stream: u64, fan_in: usize, count: usize) -> Vec<f32> {
    let bound = 1.0 / (fan_in.max(1) as f32).sqrt();
    uniform(&mut generator(seed, stream), bound, count)
}

/// PyTorch's default for a table of vectors (`nn.Embedding.reset_parameters`).
pub fn standard_normal(seed: u64, stream: u64, count: usize) -> Vec<f32> {
    scaled(&mut generator(seed, stream), 1.0, count)
}

/// How the weights of a layer start. Except with PyTorch's default, biases start at 0.
///
/// Fans as in `torch.nn.init`: of a weight (O, I, K, …) fan_in is I·K·…, fan_out O·K·…
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initializer {
    /// Uniform within 1 / √fan_in, weights and biases (`nn.Linear.reset_parameters`).
    #[default]
    Pytorch,
    /// Uniform within √(6 / (fan_in + fan_out)) (`xavier_uniform_`).
    XavierUniform,
    /// Normal with variance 2 / (fan_in + fan_out) (`xavier_normal_`).
    XavierNormal,
    /// Uniform within √(6 / fan_in) (`kaiming_uniform_` for ReLU).
    HeUniform,
    /// Normal with variance 2 / fan_in (`kaiming_normal_` for ReLU).
    HeNormal,
    /// As a matrix (O, I·K·…) its rows are orthonormal, or its columns where it has more
    /// rows (`orthogonal_`).
    Orthogonal,
    /// Every weight the same.
    Constant(f32),
}

/// An [`Initializer`] without its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum InitializerKind {
    #[default]
    Pytorch,
    XavierUniform,
    XavierNormal,
    HeUniform,
    HeNormal,
    Orthogonal,
    Constant,
}

impl InitializerKind {
    pub const ALL: [Self; 7] = [
        Self::Pytorch,
        Self::XavierUniform,
        Self::XavierNormal,
        Self::HeUniform,
        Self::HeNormal,
        Self::Orthogonal,
        Self::Constant,
    ];
    pub const NAMES: &'static [&'static str] = &[
        "pytorch",
        "xavier-uniform",
        "xavier-normal",
        "he-uniform",
        "he-normal",
        "orthogonal",
        "constant",
    ];

    /// Its spelling in links and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pytorch => "pytorch",
            Self::XavierUniform => "xavier-uniform",
            Self::XavierNormal => "xavier-normal",
            Self::HeUniform => "he-uniform",
            Self::HeNormal => "he-normal",
            Self::Orthogonal => "orthogonal",
            Self::Constant => "constant",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The initialiser, with the value of a constant.
    pub fn with_value(self, value: f32) -> Initializer {
        match self {
            Self::Pytorch => Initializer::Pytorch,
            Self::XavierUniform => Initializer::XavierUniform,
            Self::XavierNormal => Initializer::XavierNormal,
            Self::HeUniform => Initializer::HeUniform,
            Self::HeNormal => Initializer::HeNormal,
            Self::Orthogonal => Initializer::Orthogonal,
            Self::Constant => Initializer::Constant(value),
        }
    }
}

impl Initializer {
    /// The initial values of a weight (O, I, …) or a bias (O) of a layer with this fan_in,
    /// from the numbers of (seed, stream).
    pub fn values(self, seed: u64, stream: u64, shape: &Shape, fan_in: usize) -> Vec<f32> {
        let count = shape.count();
        if self == Self::Pytorch {
            return pytorch_default(seed, stream, fan_in, count);
        }
        let &[rows, ref rest @ ..] = shape.dims() else {
            return vec![0.0; count];
        };
        if rest.is_empty() {
            return vec![0.0; count];
        }
        let columns: usize = rest.iter().product();
        let receptive: usize = rest[1..].iter().product();
        let (fan_in, fan_out) = (columns as f64, (rows * receptive) as f64);
        let mut generator = generator(seed, stream);
        let mut uniform_within = |bound: f64| uniform(&mut generator, bound as f32, count);
        match self {
            Self::Pytorch => unreachable!("answered above"),
            Self::XavierUniform => uniform_within((6.0 / (fan_in + fan_out)).sqrt()),
            Self::HeUniform => uniform_within((6.0 / fan_in).sqrt()),
            Self::XavierNormal => scaled(&mut generator, (2.0 / (fan_in + fan_out)).sqrt(), count),
            Self::HeNormal => scaled(&mut generator, (2.0 / fan_in).sqrt(), count),
            Self::Orthogonal => orthogonal(&mut generator, rows, columns),
            Self::Constant(value) => vec![value; count],
        }
    }
}

/// Normal values with a standard deviation.
fn scaled(generator: &mut ChaCha8Rng, deviation: f64, count: usize) -> Vec<f32> {
    let values = normal(generator, count).into_iter();
    values.map(|value| (value * deviation) as f32).collect()
}

/// A matrix (rows, columns) with orthonormal rows, or columns where there are more rows:
/// normal values, made orthogonal by Gram and Schmidt's method.
fn orthogonal(generator: &mut ChaCha8Rng, rows: usize, columns: usize) -> Vec<f32> {
    let (vectors, length) = (rows.min(columns), rows.max(columns));
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(vectors);
    while basis.len() < vectors {
        let mut vector = normal(generator, length);
        // Twice: what rounding leaves the first time is gone after the second.
        for _ in 0..2 {
            for earlier in &basis {
                let along: f64 = earlier.iter().zip(&vector).map(|(a, b)| a * b).sum();
                for (value, direction) in vector.iter_mut().zip(earlier) {
                    *value -= along * direction;
                }
            }
        }
        let norm = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
        // A vector that lies in the span of the others, which chance does not give, is drawn again.
        if norm > 1e-6 {
            basis.push(vector.into_iter().map(|value| value / norm).collect());
        }
    }
    let at = |row: usize, column: usize| {
        let (vector, place) = if rows <= columns {
            (row, column)
        } else {
            (column, row)
        };
        basis[vector][place] as f32
    };
    (0..rows * columns)
        .map(|place| at(place / columns, place % columns))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_depend_on_seed_and_stream_alone() {
        let first = pytorch_default(1, 0, 25, 8);
        assert_eq!(first, pytorch_default(1, 0, 25, 8));
        assert_ne!(first, pytorch_default(2, 0, 25, 8));
        assert_ne!(first, pytorch_default(1, 1, 25, 8));
        assert!(first.iter().all(|v| v.abs() <= 0.2));
    }

    #[test]
    fn uniform_values_have_the_variance_of_their_bound() {
        let values = pytorch_default(3, 0, 1, 100_000);
        let (mean, variance) = moments(&values);
        // Standard errors: 0.0018 and 0.0009.
        assert!(mean.abs() < 0.01, "mean {mean}");
        assert!((variance - 1.0 / 3.0).abs() < 0.01, "variance {variance}");
    }

    fn moments(values: &[f32]) -> (f64, f64) {
        let count = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        let squares = values.iter().map(|&v| (f64::from(v) - mean).powi(2));
        (mean, squares.sum::<f64>() / count)
    }

    #[test]
    fn weights_have_the_variance_and_the_range_of_their_initializer() {
        // (O, I, K, K): fan_in 450, fan_out 900, 45,000 values.
        let shape = Shape::from([100, 50, 3, 3]);
        let both = 450.0 + 900.0;
        for (initializer, variance, bound) in [
            (
                Initializer::XavierUniform,
                2.0 / both,
                (6.0f64 / both).sqrt(),
            ),
            (Initializer::XavierNormal, 2.0 / both, f64::INFINITY),
            (Initializer::HeUniform, 2.0 / 450.0, (6.0f64 / 450.0).sqrt()),
            (Initializer::HeNormal, 2.0 / 450.0, f64::INFINITY),
            (Initializer::Pytorch, 1.0 / 450.0 / 3.0, 1.0 / 450f64.sqrt()),
        ] {
            let values = initializer.values(4, 2, &shape, 450);
            let (mean, found) = moments(&values);
            // Standard errors: deviation / 212, and at most 0.7 % of the variance.
            assert!(
                mean.abs() < 4.0 * (variance / 45_000.0).sqrt(),
                "{initializer:?} {mean}"
            );
            assert!(
                (found / variance - 1.0).abs() < 0.03,
                "{initializer:?} {found}"
            );
            let largest = values.iter().fold(0f32, |most, v| most.max(v.abs()));
            assert!(
                f64::from(largest) <= bound * (1.0 + 1e-6),
                "{initializer:?}"
            );
            assert!(f64::from(largest) > 0.99 * bound.min(3.0 * variance.sqrt()));
            assert_eq!(values, initializer.values(4, 2, &shape, 450));
            assert_ne!(values, initializer.values(5, 2, &shape, 450));
            let bias = initializer.values(4, 3, &Shape::from([100]), 450);
            let is_zero = bias.iter().all(|&value| value == 0.0);
            assert_eq!(is_zero, initializer != Initializer::Pytorch);
        }
        let constant = Initializer::Constant(0.25).values(1, 0, &shape, 450);
        assert!(constant.iter().all(|&value| value == 0.25));
    }

    #[test]
    fn normal_values_lie_where_a_normal_distribution_has_them() {
        let values = normal(&mut generator(6, 0), 100_000);
        for (below, share) in [
            (-1.0, 0.158_655),
            (0.0, 0.5),
            (1.0, 0.841_345),
            (2.0, 0.977_25),
        ] {
            let found = values.iter().filter(|&&v| v < below).count() as f64 / 1e5;
            // Standard error: at most 0.0016.
            assert!((found - share).abs() < 0.007, "{found} below {below}");
        }
    }

    #[test]
    fn orthogonal_weights_have_orthonormal_rows_or_columns() {
        for (rows, columns) in [(1, 1), (5, 5), (7, 30), (30, 7), (1, 9), (9, 1)] {
            let shape = Shape::from([rows, columns]);
            let values = Initializer::Orthogonal.values(2, 0, &shape, columns);
            let at = |row: usize, column: usize| f64::from(values[row * columns + column]);
            let vectors = rows.min(columns);
            for a in 0..vectors {
                for b in 0..vectors {
                    let product: f64 = if rows <= columns {
                        (0..columns).map(|i| at(a, i) * at(b, i)).sum()
                    } else {
                        (0..rows).map(|i| at(i, a) * at(i, b)).sum()
                    };
                    let expected = f64::from(u8::from(a == b));
                    // Each value is rounded to f32.
                    assert!(
                        (product - expected).abs() < 1e-6,
                        "{rows} by {columns}: {product}"
                    );
                }
            }
        }
    }
}
