//! The colours of a tensor's cells.

use super::picture::{Drawing, Picture};
use crate::view::color::{Palette, Rgb, limit_of};

/// What the colours of a picture are measured against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Each tensor's own largest magnitude.
    #[default]
    Tensor,
    /// The largest magnitude around the operation.
    Layer,
    /// The largest magnitude seen in this batch.
    Global,
}

impl Scale {
    pub const ALL: [Self; 3] = [Self::Tensor, Self::Layer, Self::Global];
}

/// Steps of colour on each side of zero.
const STEPS: usize = 96;

/// A diverging scale, mixed once.
#[derive(Clone, Debug, PartialEq)]
pub struct Ramp {
    colors: Vec<Rgb>,
    paper: Rgb,
    missing: Rgb,
    line: Rgb,
}

impl Ramp {
    pub fn new(palette: &Palette) -> Self {
        let steps = STEPS as f32;
        let colors = (0..=2 * STEPS)
            .map(|step| {
                let value = step as f32 / steps - 1.0;
                palette.diverging(value, 1.0).unwrap_or(palette.surface)
            })
            .collect();
        Self {
            colors,
            paper: palette.surface,
            missing: palette.error,
            line: palette.border,
        }
    }

    /// The colour of a value; a value that is not finite stands out.
    pub fn color(&self, value: f32, limit: f32) -> Rgb {
        if !value.is_finite() {
            return self.missing;
        }
        let share = if limit > 0.0 {
            (value / limit).clamp(-1.0, 1.0)
        } else {
            0.0
        };
        let step = ((share + 1.0) * STEPS as f32).round() as usize;
        self.colors[step.min(2 * STEPS)]
    }
}

/// RGBA bytes of a picture; `values` are the elements from the picture's first on.
pub fn rgba(picture: &Picture, values: &[f32], limit: f32, ramp: &Ramp) -> Vec<u8> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let mut bytes = vec![0_u8; width * height * 4];
    let mut fill = |x: u32, y: u32, (columns, rows): (u32, u32), color: Rgb| {
        for row in y..(y + rows).min(picture.height) {
            for column in x..(x + columns).min(picture.width) {
                let at = (row as usize * width + column as usize) * 4;
                bytes[at..at + 4].copy_from_slice(&[color.0, color.1, color.2, 255]);
            }
        }
    };
    for (offset, &value) in (0..).zip(values) {
        let Some(rect) = picture.rect(picture.first + offset) else {
            continue;
        };
        let color = ramp.color(value, limit);
        match picture.drawing {
            Drawing::Cells => {
                // A hairline between cells that are large enough to have one.
                let seam = u32::from(rect.width >= 8);
                let size = (rect.width - seam, rect.height - seam);
                fill(rect.x, rect.y, size, color);
            }
            Drawing::Bars => {
                let (top, length) = bar(value, limit, rect.height);
                fill(rect.x, 0, (rect.width, rect.height), ramp.paper);
                fill(
                    rect.x + 1,
                    top,
                    (rect.width - 2, length),
                    bar_color(ramp, value),
                );
                fill(rect.x, rect.height / 2, (rect.width, 1), ramp.line);
            }
        }
    }
    bytes
}

/// RGBA bytes of values in rows, one pixel each, and the number of rows; places behind the
/// last value are clear.
pub fn heat_map(values: &[f32], columns: u32, limit: f32, ramp: &Ramp) -> (Vec<u8>, u32) {
    let rows = values.len().div_ceil(columns.max(1) as usize);
    let mut bytes = vec![0_u8; rows * columns as usize * 4];
    for (pixel, &value) in bytes.chunks_exact_mut(4).zip(values) {
        let color = ramp.color(value, limit);
        pixel.copy_from_slice(&[color.0, color.1, color.2, 255]);
    }
    (bytes, rows as u32)
}

/// Bars have the full colour of their sign: their length is the magnitude.
fn bar_color(ramp: &Ramp, value: f32) -> Rgb {
    ramp.color(value, value.abs())
}

/// Top and length of a bar from the line in the middle.
fn bar(value: f32, limit: f32, height: u32) -> (u32, u32) {
    let half = height / 2;
    if !value.is_finite() {
        return (0, height);
    }
    let share = if limit > 0.0 {
        (value.abs() / limit).min(1.0)
    } else {
        0.0
    };
    let length = (share * (half as f32 - 2.0)).round() as u32;
    if value >= 0.0 {
        (half - length, length)
    } else {
        (half, length)
    }
}

/// The limit of one tensor's scale from the extremes of the whole.
pub fn own_limit(minimum: f32, maximum: f32) -> f32 {
    limit_of([minimum, maximum])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_paper_and_signs_have_their_hues() {
        let palette = Palette::LIGHT;
        let ramp = Ramp::new(&palette);
        assert_eq!(ramp.color(0.0, 1.0), palette.surface);
        assert_eq!(ramp.color(2.0, 1.0), palette.positive);
        assert_eq!(ramp.color(-1.0, 1.0), palette.negative);
        assert_eq!(ramp.color(1.0, 0.0), palette.surface);
        assert_eq!(ramp.color(f32::NAN, 1.0), palette.error);
    }

    #[test]
    fn each_cell_has_the_colour_of_its_value() {
        let ramp = Ramp::new(&Palette::DARK);
        let picture = Picture::of(&[1, 2, 2, 2], true, 0, 0);
        let values = [1.0, 0.0, -1.0, 0.5, 0.1, 0.2, 0.3, f32::NAN];
        let bytes = rgba(&picture, &values, 1.0, &ramp);
        assert_eq!(bytes.len() as u32, picture.width * picture.height * 4);
        for (position, value) in (0..).zip(values) {
            let rect = picture.rect(position).unwrap();
            let at = ((rect.y * picture.width + rect.x) * 4) as usize;
            let color = ramp.color(value, 1.0);
            assert_eq!(
                bytes[at..at + 4],
                [color.0, color.1, color.2, 255],
                "{position}"
            );
        }
    }

    #[test]
    fn a_heat_map_has_a_pixel_for_each_value_and_none_behind_the_last() {
        let ramp = Ramp::new(&Palette::LIGHT);
        let (bytes, rows) = heat_map(&[1.0, -1.0, 0.0], 2, 1.0, &ramp);
        assert_eq!((bytes.len(), rows), (16, 2));
        let color = ramp.color(-1.0, 1.0);
        assert_eq!(bytes[4..8], [color.0, color.1, color.2, 255]);
        assert_eq!(bytes[12..], [0; 4]);
        assert_eq!(heat_map(&[], 2, 1.0, &ramp).1, 0);
    }

    #[test]
    fn bars_grow_from_the_middle() {
        assert_eq!(bar(0.0, 1.0, 100), (50, 0));
        assert_eq!(bar(1.0, 1.0, 100), (2, 48));
        assert_eq!(bar(-1.0, 1.0, 100), (50, 48));
        assert_eq!(own_limit(-3.0, 2.0), 3.0);
    }
}
