//! Small pictures of coloured shapes, drawn from a seed: colour images for pages without the files of a photograph set.
//!
//! They are drawings, and nothing passes them off for photographs. Shape alone decides the class; colours, place,
//! size, a slight turn and noise are drawn for each picture.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::dataset::{ClassName, ImageShape, Split};
use super::error::DataError;
use crate::tensor::init::generator;

/// 32 by 32 in red, green and blue.
pub const SHAPES_SHAPE: ImageShape = ImageShape {
    channels: 3,
    height: 32,
    width: 32,
};

/// By label.
pub const SHAPES_CLASSES: [ClassName; 6] = [
    ClassName {
        en: "disc",
        zh: "圆",
    },
    ClassName {
        en: "ring",
        zh: "圆环",
    },
    ClassName {
        en: "square",
        zh: "正方形",
    },
    ClassName {
        en: "diamond",
        zh: "菱形",
    },
    ClassName {
        en: "triangle",
        zh: "三角形",
    },
    ClassName {
        en: "cross",
        zh: "十字",
    },
];

/// Pictures of each class to learn from, and held out.
const OF_EACH: [u32; 2] = [200, 50];

/// Seed of the pictures; a run's own seed changes weights and order only.
const SEED: u64 = 1;

/// Least distance of a shape's colour from its ground, as the sum over the channels.
const LEAST_CONTRAST: f64 = 0.9;

/// Standard deviation of what is added to every pixel, of 1.
const NOISE: f64 = 0.04;

/// Places in a pixel along each axis at which the shape is looked for.
const SAMPLES: u32 = 3;

/// Training and held-out pictures, the classes in turn.
///
/// # Errors
/// Never for these numbers; the parts are checked as those of files are.
pub(super) fn draw_shapes() -> Result<(Split, Split), DataError> {
    let part = |number: usize| {
        let mut random = generator(SEED, number as u64);
        let classes = SHAPES_CLASSES.len() as u32;
        let count = OF_EACH[number] * classes;
        let labels: Vec<u32> = (0..count).map(|sample| sample % classes).collect();
        let mut images = Vec::with_capacity(count as usize * SHAPES_SHAPE.values());
        for &label in &labels {
            Picture::random(label, &mut random).draw(&mut random, &mut images);
        }
        let who = ["shapes train", "shapes test"][number];
        Split::new(who, SHAPES_SHAPE, images, labels, classes)
    };
    Ok((part(0)?, part(1)?))
}

/// What is drawn.
struct Picture {
    label: u32,
    /// Of the shape and of its ground, 0 to 1 in each channel.
    colors: [[f64; 3]; 2],
    /// In pixels.
    center: [f64; 2],
    radius: f64,
    /// Sine and cosine of the turn.
    turn: [f64; 2],
}

impl Picture {
    fn random(label: u32, random: &mut ChaCha8Rng) -> Self {
        let colors = loop {
            let colors = [(); 2].map(|()| [(); 3].map(|()| unit(random)));
            let [shape, ground] = colors;
            let distance: f64 = shape.iter().zip(ground).map(|(a, b)| (a - b).abs()).sum();
            if distance >= LEAST_CONTRAST {
                break colors;
            }
        };
        let radius = 7.0 + 5.0 * unit(random);
        let room = 32.0 - 2.0 * radius;
        let center = [(); 2].map(|()| radius + room * unit(random));
        // A diamond is a square on its corner: a larger turn would make one of the other.
        let angle = 0.3 * (unit(random) - 0.5);
        Self {
            label,
            colors,
            center,
            radius,
            turn: [libm::sin(angle), libm::cos(angle)],
        }
    }

    /// Whether a place of the picture, in pixels, belongs to the shape.
    fn holds(&self, x: f64, y: f64) -> bool {
        let (dx, dy) = (
            (x - self.center[0]) / self.radius,
            (self.center[1] - y) / self.radius,
        );
        let [sine, cosine] = self.turn;
        let (x, y) = (dx * cosine + dy * sine, dy * cosine - dx * sine);
        let distance = x * x + y * y;
        match self.label {
            0 => distance < 1.0,
            1 => (0.36..1.0).contains(&distance),
            2 => x.abs().max(y.abs()) < 0.78,
            3 => x.abs() + y.abs() < 1.0,
            4 => y > -0.7 && x.abs() < 0.56 * (1.0 - y),
            _ => x.abs().min(y.abs()) < 0.28 && x.abs().max(y.abs()) < 0.95,
        }
    }

    /// Appends the pixels (C, H, W).
    fn draw(&self, random: &mut ChaCha8Rng, images: &mut Vec<u8>) {
        let (height, width) = (SHAPES_SHAPE.height, SHAPES_SHAPE.width);
        let places = || (0..SAMPLES).map(|at| (f64::from(at) + 0.5) / f64::from(SAMPLES));
        let covered: Vec<f64> = (0..height * width)
            .map(|pixel| {
                let (left, top) = (f64::from(pixel % width), f64::from(pixel / width));
                let inside = places()
                    .flat_map(|y| places().map(move |x| (x, y)))
                    .filter(|(x, y)| self.holds(left + x, top + y));
                inside.count() as f64 / f64::from(SAMPLES * SAMPLES)
            })
            .collect();
        let [shape, ground] = self.colors;
        for channel in 0..3 {
            for share in &covered {
                let color = share * shape[channel] + (1.0 - share) * ground[channel];
                let value = color + NOISE * normal(random);
                images.push((255.0 * value).round().clamp(0.0, 255.0) as u8);
            }
        }
    }
}

/// Uniform in 0 to below 1.
fn unit(random: &mut ChaCha8Rng) -> f64 {
    f64::from(random.next_u32()) / 4_294_967_296.0
}

/// Nearly normal with deviation 1: the sum of twelve uniform numbers less 6 (Irwin-Hall), the same on every machine.
fn normal(random: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| unit(random)).sum::<f64>() - 6.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_drawn_alike_every_time_and_differ_by_class() {
        let (train, test) = draw_shapes().unwrap();
        assert_eq!((train.count(), test.count()), (1_200, 300));
        let again = draw_shapes().unwrap();
        assert_eq!((&train, &test), (&again.0, &again.1));
        for class in 0..6 {
            let of_class = |split: &Split| {
                split
                    .labels()
                    .iter()
                    .filter(|label| **label == class)
                    .count()
            };
            assert_eq!((of_class(&train), of_class(&test)), (200, 50));
        }
        // No held-out picture is one to learn from.
        let first = test.image(0);
        assert!((0..train.count()).all(|index| train.image(index) != first));
    }

    #[test]
    fn a_ring_is_hollow_and_a_cross_has_empty_corners() {
        let picture = |label| Picture {
            label,
            colors: [[1.0; 3], [0.0; 3]],
            center: [16.0, 16.0],
            radius: 10.0,
            turn: [0.0, 1.0],
        };
        assert!(picture(0).holds(16.0, 16.0) && !picture(1).holds(16.0, 16.0));
        assert!(picture(1).holds(24.0, 16.0) && !picture(1).holds(27.0, 16.0));
        assert!(picture(2).holds(22.0, 22.0) && !picture(3).holds(22.0, 22.0));
        assert!(picture(3).holds(16.0, 7.0) && picture(4).holds(16.0, 7.0));
        assert!(!picture(4).holds(16.0, 24.0) && picture(5).holds(16.0, 24.0));
        assert!(!picture(5).holds(22.0, 22.0));
    }
}
