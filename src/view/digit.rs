//! A drawing made into an image like MNIST's.
//!
//! MNIST's digits were scaled to fit a box of 20 × 20 pixels with their proportions kept, with
//! grey levels from antialiasing, and placed in 28 × 28 pixels by their centre of mass
//! (<http://yann.lecun.com/exdb/mnist/>). A network trained on such digits reads other drawings
//! badly unless they are treated alike.

/// Pixels along each side of the image the network sees.
pub const SIDE: usize = 28;
/// Pixels along the longer side of the ink.
pub const INK_SIDE: usize = 20;

/// Intensities up to this are taken for the edge of a stroke's antialiasing, not for ink.
const INK_THRESHOLD: u8 = 16;

/// Greyscale image, (28, 28) row-major, 0 = background, 255 = ink.
pub type DigitImage = [u8; SIDE * SIDE];

/// The MNIST-like image of a drawing, or `None` where nothing is drawn.
///
/// `pixels` is (height, width) row-major, 0 = background. The darkest point of the result is
/// 255, as in MNIST, however thin the stroke.
///
/// # Panics
///
/// When `pixels` does not hold `width * height` values.
pub fn mnist_image(pixels: &[u8], width: usize, height: usize) -> Option<DigitImage> {
    assert_eq!(
        pixels.len(),
        width * height,
        "mnist_image: {width} x {height} pixels expected"
    );
    let ink = ink_bounds(pixels, width)?;
    let scaled = scale_to_box(pixels, width, &ink);
    Some(place_by_centre_of_mass(&scaled))
}

/// The intensities the red channel of a canvas's RGBA bytes holds, for white ink on black.
pub fn intensities_from_rgba(rgba: &[u8]) -> Vec<u8> {
    rgba.chunks_exact(4).map(|pixel| pixel[0]).collect()
}

/// A rectangle of pixels; the ends are exclusive.
#[derive(Debug, PartialEq)]
struct Bounds {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

fn ink_bounds(pixels: &[u8], width: usize) -> Option<Bounds> {
    let mut bounds: Option<Bounds> = None;
    for (index, _) in pixels
        .iter()
        .enumerate()
        .filter(|(_, value)| **value > INK_THRESHOLD)
    {
        let (x, y) = (index % width, index / width);
        let b = bounds.get_or_insert(Bounds {
            left: x,
            top: y,
            right: x,
            bottom: y,
        });
        b.left = b.left.min(x);
        b.right = b.right.max(x + 1);
        b.bottom = y + 1;
    }
    bounds
}

/// The ink scaled so that its longer side is [`INK_SIDE`], as rows of equal length.
struct Scaled {
    width: usize,
    height: usize,
    /// Mean intensity of the area under each pixel, row-major.
    values: Vec<f32>,
}

fn scale_to_box(pixels: &[u8], row_length: usize, ink: &Bounds) -> Scaled {
    let (ink_width, ink_height) = (ink.right - ink.left, ink.bottom - ink.top);
    let longer = ink_width.max(ink_height) as f32;
    let scaled_length = |length: usize| {
        ((length as f32 * INK_SIDE as f32 / longer).round() as usize).clamp(1, INK_SIDE)
    };
    let (width, height) = (scaled_length(ink_width), scaled_length(ink_height));
    let columns = spans(ink.left, ink_width, width);
    let rows = spans(ink.top, ink_height, height);
    let mut values = Vec::with_capacity(width * height);
    for row in &rows {
        for column in &columns {
            let mut sum = 0.0;
            for (y, cover_y) in row {
                for (x, cover_x) in column {
                    sum += f32::from(pixels[y * row_length + x]) * cover_x * cover_y;
                }
            }
            values.push(sum);
        }
    }
    Scaled {
        width,
        height,
        values,
    }
}

/// For each of `count` equal parts of `start..start + length`: the source pixels it covers and
/// the share of the part that each takes up. The shares of a part add up to 1.
fn spans(start: usize, length: usize, count: usize) -> Vec<Vec<(usize, f32)>> {
    let part = length as f32 / count as f32;
    (0..count)
        .map(|index| {
            let (from, to) = (index as f32 * part, (index + 1) as f32 * part);
            let last = (to.ceil() as usize).min(length);
            (from.floor() as usize..last)
                .map(|source| {
                    let cover = to.min(source as f32 + 1.0) - from.max(source as f32);
                    (start + source, cover.max(0.0) / part)
                })
                .collect()
        })
        .collect()
}

fn place_by_centre_of_mass(scaled: &Scaled) -> DigitImage {
    let (mut mass, mut mass_x, mut mass_y, mut darkest) = (0.0, 0.0, 0.0, 0f32);
    for (index, value) in scaled.values.iter().enumerate() {
        let (x, y) = (index % scaled.width, index / scaled.width);
        mass += value;
        mass_x += value * (x as f32 + 0.5);
        mass_y += value * (y as f32 + 0.5);
        darkest = darkest.max(*value);
    }
    // Whole pixels, as MNIST was made; ink is never pushed over the edge.
    let offset = |centre: f32, length: usize| {
        let wanted = (SIDE as f32 / 2.0 - centre).round().max(0.0) as usize;
        wanted.min(SIDE - length)
    };
    let left = offset(mass_x / mass, scaled.width);
    let top = offset(mass_y / mass, scaled.height);
    let mut image = [0; SIDE * SIDE];
    for (index, value) in scaled.values.iter().enumerate() {
        let (x, y) = (index % scaled.width, index / scaled.width);
        image[(top + y) * SIDE + left + x] = (value * 255.0 / darkest).round() as u8;
    }
    image
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A canvas with full ink where `is_ink(x, y)` holds.
    fn canvas(width: usize, height: usize, is_ink: impl Fn(usize, usize) -> bool) -> Vec<u8> {
        (0..width * height)
            .map(|index| {
                if is_ink(index % width, index / width) {
                    255
                } else {
                    0
                }
            })
            .collect()
    }

    fn box_of(image: &DigitImage) -> Bounds {
        let mut b = Bounds {
            left: SIDE,
            top: SIDE,
            right: 0,
            bottom: 0,
        };
        for (index, _) in image.iter().enumerate().filter(|(_, value)| **value > 0) {
            let (x, y) = (index % SIDE, index / SIDE);
            b = Bounds {
                left: b.left.min(x),
                top: b.top.min(y),
                right: b.right.max(x + 1),
                bottom: b.bottom.max(y + 1),
            };
        }
        b
    }

    fn centre_of_mass(image: &DigitImage) -> (f32, f32) {
        let (mut mass, mut x, mut y) = (0.0, 0.0, 0.0);
        for (index, value) in image.iter().enumerate() {
            let value = f32::from(*value);
            mass += value;
            x += value * ((index % SIDE) as f32 + 0.5);
            y += value * ((index / SIDE) as f32 + 0.5);
        }
        (x / mass, y / mass)
    }

    #[test]
    fn an_empty_canvas_has_no_digit() {
        assert_eq!(mnist_image(&[0; 100], 10, 10), None);
        assert_eq!(mnist_image(&[], 0, 0), None);
        // Below the threshold there is no ink either.
        assert_eq!(mnist_image(&[INK_THRESHOLD; 100], 10, 10), None);
    }

    #[test]
    fn a_tall_bar_fills_twenty_pixels_and_stays_thin() {
        // 20 wide and 200 high in a corner: 2 by 20 pixels in the middle.
        let drawn = canvas(280, 280, |x, y| {
            (10..30).contains(&x) && (5..205).contains(&y)
        });
        let image = mnist_image(&drawn, 280, 280).unwrap();
        assert_eq!(
            box_of(&image),
            Bounds {
                left: 13,
                top: 4,
                right: 15,
                bottom: 24
            }
        );
        assert!(image.iter().all(|value| *value == 0 || *value == 255));
    }

    #[test]
    fn small_drawings_are_enlarged() {
        let drawn = canvas(50, 40, |x, y| (3..5).contains(&x) && (30..32).contains(&y));
        let image = mnist_image(&drawn, 50, 40).unwrap();
        assert_eq!(
            box_of(&image),
            Bounds {
                left: 4,
                top: 4,
                right: 24,
                bottom: 24
            }
        );
    }

    #[test]
    fn one_pixel_is_enough() {
        let mut drawn = vec![0; 100];
        drawn[99] = 200;
        let image = mnist_image(&drawn, 10, 10).unwrap();
        assert_eq!(image.iter().filter(|value| **value == 255).count(), 400);
    }

    #[test]
    fn the_centre_of_mass_is_in_the_middle_not_the_box() {
        // A wedge, heavier at its right end.
        let drawn = canvas(200, 200, |x, y| {
            x > 20 && x < 180 && y < x && y > 150 - x / 2
        });
        let image = mnist_image(&drawn, 200, 200).unwrap();
        let (x, y) = centre_of_mass(&image);
        assert!(
            (x - 14.0).abs() <= 0.5 && (y - 14.0).abs() <= 0.5,
            "({x}, {y})"
        );
        let b = box_of(&image);
        assert_ne!(b.left + b.right, SIDE, "the box itself is off centre");
    }

    #[test]
    fn edges_are_antialiased() {
        // A disc: some pixels are neither empty nor full.
        let drawn = canvas(300, 300, |x, y| {
            let (dx, dy) = (x as f32 - 150.0, y as f32 - 150.0);
            dx * dx + dy * dy < 100.0 * 100.0
        });
        let image = mnist_image(&drawn, 300, 300).unwrap();
        let grey = image
            .iter()
            .filter(|value| (1..255).contains(*value))
            .count();
        assert!(grey > 30, "{grey} grey pixels");
        let area: f32 = image.iter().map(|value| f32::from(*value) / 255.0).sum();
        // π·10², the area of a disc 20 pixels wide.
        assert!((area - 314.16).abs() < 4.0, "{area}");
    }

    #[test]
    fn shares_of_a_part_add_up_to_one() {
        for (length, count) in [(1, 20), (7, 20), (20, 20), (33, 20), (200, 3)] {
            for part in spans(5, length, count) {
                let sum: f32 = part.iter().map(|(_, share)| share).sum();
                assert!((sum - 1.0).abs() < 1e-4, "{length} in {count}: {sum}");
            }
        }
    }

    #[test]
    fn intensities_come_from_the_first_channel() {
        assert_eq!(intensities_from_rgba(&[9, 1, 2, 255, 8, 1, 2, 255]), [9, 8]);
    }

    proptest! {
        #[test]
        fn any_canvas_gives_ink_within_twenty_pixels_or_nothing(
            (width, pixels) in (1usize..40, 1usize..40)
                .prop_flat_map(|(w, h)| (Just(w), prop::collection::vec(any::<u8>(), w * h)))
        ) {
            let height = pixels.len() / width;
            if let Some(image) = mnist_image(&pixels, width, height) {
                let b = box_of(&image);
                prop_assert!(b.right - b.left <= INK_SIDE && b.bottom - b.top <= INK_SIDE);
                prop_assert_eq!(image.iter().max(), Some(&255));
            } else {
                prop_assert!(pixels.iter().all(|value| *value <= INK_THRESHOLD));
            }
        }
    }
}
