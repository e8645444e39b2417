//! A drawing made of strokes, as pixels.

use super::digit::{self, DigitImage, SIDE};

/// Pixels along each side of a drawing: finer than the image made of it, so that strokes are smooth.
pub const SKETCH_SIDE: usize = 8 * SIDE;

/// Half the width of a stroke, in pixels of the drawing: MNIST's strokes are two to three pixels
/// wide after scaling to 20 × 20.
const STROKE_RADIUS: f32 = 11.0;

/// White ink on black.
#[derive(Clone, Debug, PartialEq)]
pub struct Sketch {
    /// (`SKETCH_SIDE`, `SKETCH_SIDE`) row-major, 0 = background.
    pixels: Vec<u8>,
    /// A sample that was put here as it is; the first stroke makes it a drawing.
    sample: Option<DigitImage>,
}

impl Default for Sketch {
    fn default() -> Self {
        Self {
            pixels: vec![0; SKETCH_SIDE * SKETCH_SIDE],
            sample: None,
        }
    }
}

impl Sketch {
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Draws a stroke between two points, given as shares (0 to 1) of width and height.
    pub fn stroke(&mut self, from: (f32, f32), to: (f32, f32)) {
        self.sample = None;
        let scale = |(x, y): (f32, f32)| (x * SKETCH_SIDE as f32, y * SKETCH_SIDE as f32);
        let (from, to) = (scale(from), scale(to));
        let range = |a: f32, b: f32| {
            let low = (a.min(b) - STROKE_RADIUS - 1.0).floor().max(0.0) as usize;
            let high = (a.max(b) + STROKE_RADIUS + 1.0).ceil().max(0.0) as usize;
            low..high.min(SKETCH_SIDE)
        };
        for y in range(from.1, to.1) {
            for x in range(from.0, to.0) {
                let centre = (x as f32 + 0.5, y as f32 + 0.5);
                // One pixel of soft edge.
                let cover = STROKE_RADIUS + 0.5 - distance(centre, from, to);
                let value = (cover.clamp(0.0, 1.0) * 255.0) as u8;
                let pixel = &mut self.pixels[y * SKETCH_SIDE + x];
                *pixel = value.max(*pixel);
            }
        }
    }

    /// Shows an image of 28 × 28 pixels, which is then what the network sees, unchanged.
    pub fn show(&mut self, image: &DigitImage) {
        let scale = SKETCH_SIDE / SIDE;
        for (index, pixel) in self.pixels.iter_mut().enumerate() {
            let (x, y) = (index % SKETCH_SIDE / scale, index / SKETCH_SIDE / scale);
            *pixel = image[y * SIDE + x];
        }
        self.sample = Some(*image);
    }

    /// What the network sees; `None` where nothing is drawn.
    pub fn image(&self) -> Option<DigitImage> {
        self.sample
            .or_else(|| digit::mnist_image(&self.pixels, SKETCH_SIDE, SKETCH_SIDE))
    }
}

/// From a point to the nearest point of a line between two others.
pub(crate) fn distance(point: (f32, f32), from: (f32, f32), to: (f32, f32)) -> f32 {
    let along = (to.0 - from.0, to.1 - from.1);
    let length_squared = along.0 * along.0 + along.1 * along.1;
    let share = if length_squared > 0.0 {
        let projected = (point.0 - from.0) * along.0 + (point.1 - from.1) * along.1;
        (projected / length_squared).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let nearest = (from.0 + share * along.0, from.1 + share * along.1);
    (point.0 - nearest.0).hypot(point.1 - nearest.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_sketch_has_no_image() {
        let mut sketch = Sketch::default();
        assert_eq!(sketch.image(), None);
        sketch.stroke((0.5, 0.2), (0.5, 0.8));
        assert!(sketch.image().is_some());
        sketch.clear();
        assert_eq!(sketch.image(), None);
    }

    #[test]
    fn a_tap_leaves_a_dot() {
        let mut sketch = Sketch::default();
        sketch.stroke((0.5, 0.5), (0.5, 0.5));
        let middle = SKETCH_SIDE / 2;
        assert_eq!(sketch.pixels()[middle * SKETCH_SIDE + middle], 255);
        assert_eq!(sketch.pixels()[0], 0);
    }

    #[test]
    fn a_stroke_looks_like_one_of_mnist() {
        let mut sketch = Sketch::default();
        sketch.stroke((0.5, 0.1), (0.5, 0.9));
        let image = sketch.image().expect("drawn");
        // A vertical bar: the middle row has ink two to four pixels wide.
        let row = &image[14 * SIDE..15 * SIDE];
        let width = row.iter().filter(|value| **value > 100).count();
        assert!((2..=4).contains(&width), "{row:?}");
    }

    #[test]
    fn strokes_that_leave_the_canvas_are_cut() {
        let mut sketch = Sketch::default();
        sketch.stroke((-0.5, -3.0), (2.0, 1.5));
        sketch.stroke((f32::NAN, 0.5), (0.5, 0.5));
        assert_eq!(sketch.pixels().len(), SKETCH_SIDE * SKETCH_SIDE);
    }

    #[test]
    fn a_sample_reaches_the_network_unchanged_until_it_is_drawn_on() {
        let mut image = [0; SIDE * SIDE];
        image[3 * SIDE + 4] = 200;
        let mut sketch = Sketch::default();
        sketch.show(&image);
        assert_eq!(sketch.image(), Some(image));
        let scale = SKETCH_SIDE / SIDE;
        assert_eq!(sketch.pixels()[3 * scale * SKETCH_SIDE + 4 * scale], 200);
        sketch.stroke((0.5, 0.2), (0.5, 0.8));
        assert_ne!(sketch.image(), Some(image));
    }
}
