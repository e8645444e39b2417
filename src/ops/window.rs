//! How a window slides over an image: strides, padding and dilation of convolution and pooling.

use super::Dims;
use crate::equation::{Position, size};
use crate::tensor::MAX_ELEMENTS;
use serde::de::{self, Error as _, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::Range;

/// A size for height and width. In JSON `2` for both, or `[1, 2]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    pub height: usize,
    pub width: usize,
}

impl Pair {
    pub const ONE: Self = Self {
        height: 1,
        width: 1,
    };

    /// Whether both sides have the same size.
    pub fn is_square(self) -> bool {
        self.height == self.width
    }
}

impl Default for Pair {
    fn default() -> Self {
        Self::ONE
    }
}

impl From<usize> for Pair {
    fn from(size: usize) -> Self {
        Self::from([size, size])
    }
}

impl From<[usize; 2]> for Pair {
    fn from([height, width]: [usize; 2]) -> Self {
        Self { height, width }
    }
}

/// Rows and columns added around an image. In JSON `1` for all sides, `[1, 2]` for
/// (top and bottom, left and right), or `[top, bottom, left, right]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    pub top: usize,
    pub bottom: usize,
    pub left: usize,
    pub right: usize,
}

impl Padding {
    /// Whether all sides have the same padding.
    pub fn is_uniform(self) -> bool {
        [self.bottom, self.left, self.right] == [self.top; 3]
    }
}

impl From<usize> for Padding {
    fn from(size: usize) -> Self {
        Self::from([size; 4])
    }
}

impl From<[usize; 2]> for Padding {
    fn from([height, width]: [usize; 2]) -> Self {
        Self::from([height, height, width, width])
    }
}

impl From<[usize; 4]> for Padding {
    fn from([top, bottom, left, right]: [usize; 4]) -> Self {
        Self {
            top,
            bottom,
            left,
            right,
        }
    }
}

/// One number where all are the same, in formats that people read.
fn serialize<S: Serializer>(sizes: &[usize], serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() && sizes.iter().all(|size| *size == sizes[0]) {
        return sizes[0].serialize(serializer);
    }
    let mut sequence = serializer.serialize_seq(Some(sizes.len()))?;
    for size in sizes {
        sequence.serialize_element(size)?;
    }
    sequence.end()
}

/// Reads one number or a list of them.
struct Sizes;

impl<'de> Visitor<'de> for Sizes {
    type Value = Vec<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a whole number from 0, or a list of them")
    }

    fn visit_u64<E: de::Error>(self, size: u64) -> Result<Vec<usize>, E> {
        let size = usize::try_from(size);
        Ok(vec![size.map_err(|_| E::custom("a size is too large"))?])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sizes: A) -> Result<Vec<usize>, A::Error> {
        let mut all = Vec::new();
        while let Some(size) = sizes.next_element()? {
            all.push(size);
        }
        Ok(all)
    }
}

/// One number or a list of them; compact formats always hold a list.
fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<usize>, D::Error> {
    if deserializer.is_human_readable() {
        deserializer.deserialize_any(Sizes)
    } else {
        deserializer.deserialize_seq(Sizes)
    }
}

impl Serialize for Pair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&[self.height, self.width], serializer)
    }
}

impl<'de> Deserialize<'de> for Pair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserialize(deserializer)?[..] {
            [size] => Ok(size.into()),
            [height, width] => Ok([height, width].into()),
            ref sizes => Err(D::Error::custom(format!(
                "expected one number or [height, width], got {sizes:?}"
            ))),
        }
    }
}

impl Serialize for Padding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&[self.top, self.bottom, self.left, self.right], serializer)
    }
}

impl<'de> Deserialize<'de> for Padding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserialize(deserializer)?[..] {
            [size] => Ok(size.into()),
            [height, width] => Ok([height, width].into()),
            [top, bottom, left, right] => Ok([top, bottom, left, right].into()),
            ref sizes => Err(D::Error::custom(format!(
                "expected one number, [height, width] or [top, bottom, left, right], got {sizes:?}"
            ))),
        }
    }
}

/// What slides how, and how equations write it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sliding {
    pub stride: Pair,
    pub padding: Padding,
    pub dilation: Pair,
}

impl Sliding {
    /// The row of the image, of `height` rows, that row `i` of windows in row `p` shows; none outside.
    pub fn pixel_row(self, p: usize, i: usize, height: usize) -> Option<usize> {
        // Rows above the image wrap to huge numbers, so one comparison covers both sides.
        let row =
            (p * self.stride.height + i * self.dilation.height).wrapping_sub(self.padding.top);
        (row < height).then_some(row)
    }

    /// The windows of a row of `count` whose column `j` lies inside an image of `width` columns, and
    /// the column of the image that the first of them shows.
    pub fn columns(self, j: usize, width: usize, count: usize) -> (Range<usize>, usize) {
        // d·j + q·s − left in 0..W.
        let (stride, left) = (self.stride.width, self.padding.left);
        let j = j * self.dilation.width;
        let first = left.saturating_sub(j).div_ceil(stride);
        let last = (width + left)
            .checked_sub(j + 1)
            .map_or(0, |reach| reach / stride + 1)
            .min(count);
        (first..last, first * stride + j - left)
    }

    /// Whether both sides slide alike, without gaps in the window.
    pub fn is_plain(self) -> bool {
        self.stride.is_square() && self.padding.is_uniform() && self.dilation == Pair::ONE
    }

    /// Strides and dilations by the names that the equations use; without the padding.
    pub fn scalars(self) -> Vec<(&'static str, f64)> {
        let mut scalars = Vec::new();
        let mut add = |name, size: usize| scalars.push((name, size as f64));
        if self.stride.is_square() {
            add("s", self.stride.height);
        } else {
            add("s₁", self.stride.height);
            add("s₂", self.stride.width);
        }
        if !self.dilation.is_square() {
            add("d₁", self.dilation.height);
            add("d₂", self.dilation.width);
        } else if self.dilation != Pair::ONE {
            add("d", self.dilation.height);
        }
        scalars
    }

    /// The paddings by the names that the equations use.
    pub fn padding_scalars(self) -> Vec<(&'static str, f64)> {
        let Padding {
            top,
            bottom,
            left,
            right,
        } = self.padding;
        if self.padding.is_uniform() {
            return vec![("pad", top as f64)];
        }
        [
            ("top", top),
            ("bottom", bottom),
            ("left", left),
            ("right", right),
        ]
        .map(|(name, size)| (name, size as f64))
        .into()
    }

    /// Names of the strides of rows and columns.
    pub fn strides(self) -> [Position; 2] {
        let names = match self.stride.is_square() {
            true => ["s", "s"],
            false => ["s₁", "s₂"],
        };
        names.map(size)
    }

    /// Names of the padding above and left of the image.
    pub fn paddings(self) -> [Position; 2] {
        let names = match self.padding.is_uniform() {
            true => ["pad", "pad"],
            false => ["top", "left"],
        };
        names.map(size)
    }

    /// Names of the padding below and right of the image.
    pub fn far_paddings(self) -> [Position; 2] {
        let names = match self.padding.is_uniform() {
            true => ["pad", "pad"],
            false => ["bottom", "right"],
        };
        names.map(size)
    }

    /// Window offsets, as far apart as the dilation says.
    fn dilated(self, [i, j]: [Position; 2]) -> [Position; 2] {
        if self.dilation == Pair::ONE {
            [i, j]
        } else if self.dilation.is_square() {
            [size("d") * i, size("d") * j]
        } else {
            [size("d₁") * i, size("d₂") * j]
        }
    }

    /// The row and column, counted from the start of the padding, that the output
    /// position (p, q) meets at the window offset (i, j).
    pub fn padded_pixel(self, [p, q]: [Position; 2], offset: [Position; 2]) -> [Position; 2] {
        let [i, j] = self.dilated(offset);
        let [rows, columns] = self.strides();
        [rows * p + i, columns * q + j]
    }

    /// The pixel that the output position meets at the window offset.
    pub fn pixel(self, position: [Position; 2], offset: [Position; 2]) -> [Position; 2] {
        let [u, v] = self.padded_pixel(position, offset);
        let [top, left] = self.paddings();
        [u - top, v - left]
    }

    /// The output position that meets the pixel (u, v), counted from the start of the padding, at
    /// the window offset; none where the division leaves a rest.
    pub fn source(self, [u, v]: [Position; 2], offset: [Position; 2]) -> [Position; 2] {
        let [i, j] = self.dilated(offset);
        let [rows, columns] = self.strides();
        [
            (u - i).exact_quotient(rows),
            (v - j).exact_quotient(columns),
        ]
    }

    /// The two sides of an image of H by W and a kernel of K by L.
    pub fn sides(self, dims: &Dims) -> [Side; 2] {
        let [height, width, kernel_height, kernel_width] = dims.all(["H", "W", "K", "L"]);
        let Padding {
            top,
            bottom,
            left,
            right,
        } = self.padding;
        [
            Side {
                input: height,
                kernel: kernel_height,
                stride: self.stride.height,
                before: top,
                after: bottom,
                dilation: self.dilation.height,
            },
            Side {
                input: width,
                kernel: kernel_width,
                stride: self.stride.width,
                before: left,
                after: right,
                dilation: self.dilation.width,
            },
        ]
    }

    /// Output height and width.
    ///
    /// # Errors
    /// When the kernel does not fit.
    pub fn out_size(self, dims: &Dims, ceil_mode: bool) -> Result<[usize; 2], String> {
        let [rows, columns] = self.sides(dims);
        Ok([rows.positions(ceil_mode)?, columns.positions(ceil_mode)?])
    }

    /// That the gradient has the size P by Q which the forward pass would have given.
    ///
    /// # Errors
    /// When it has another.
    pub fn check_out_size(self, dims: &Dims, ceil_mode: bool) -> Result<(), String> {
        for (letter, expected) in ["P", "Q"].into_iter().zip(self.out_size(dims, ceil_mode)?) {
            let actual = dims.get(letter);
            if expected != actual {
                return Err(format!("dy has {letter} = {actual}, expected {expected}"));
            }
        }
        Ok(())
    }
}

/// One side of a sliding window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    pub input: usize,
    pub kernel: usize,
    pub stride: usize,
    pub before: usize,
    pub after: usize,
    pub dilation: usize,
}

impl Side {
    /// How many positions the window has, or why it has none.
    ///
    /// With `ceil_mode` a last window may reach over the end, but not begin in the
    /// padding behind it. Source: `torch.nn.functional.max_pool2d`.
    ///
    /// # Errors
    /// What was expected, and what came.
    pub fn positions(self, ceil_mode: bool) -> Result<usize, String> {
        let Self {
            input,
            kernel,
            stride,
            before,
            after,
            dilation,
        } = self;
        // Kernels count in u32, so sizes larger than any tensor are refused.
        let sizes = 1..=MAX_ELEMENTS;
        if !(sizes.contains(&kernel) && sizes.contains(&stride) && sizes.contains(&dilation)) {
            return Err(format!(
                "expected a kernel, a stride and a dilation from 1 to {MAX_ELEMENTS}, got {kernel}, \
                 {stride} and {dilation}"
            ));
        }
        if before > MAX_ELEMENTS || after > MAX_ELEMENTS || input > MAX_ELEMENTS {
            return Err(format!(
                "expected an input and a padding of at most {MAX_ELEMENTS}, got {input}, {before} and {after}"
            ));
        }
        // Below 2^57: no overflow in 64 bits, which a page's `usize` does not have.
        let [input, kernel, stride, before, after, dilation] =
            [input, kernel, stride, before, after, dilation].map(|size| size as u64);
        let padded = input + before + after;
        let reach = dilation * (kernel - 1) + 1;
        if reach > padded {
            let dilated = match dilation {
                1 => String::new(),
                dilation => format!(" with dilation {dilation}"),
            };
            let padding = match before == after {
                true => before.to_string(),
                false => format!("{before} and {after}"),
            };
            return Err(format!(
                "a kernel of {kernel}{dilated} does not fit an input of {input} with padding {padding}"
            ));
        }
        let mut positions = (padded - reach) / stride + 1;
        if ceil_mode {
            positions = (padded - reach).div_ceil(stride) + 1;
            if (positions - 1) * stride >= input + before {
                positions -= 1;
            }
        }
        usize::try_from(positions).map_err(|_| format!("{positions} positions are too many"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_number_stands_for_all_sides() {
        let pair = |json| serde_json::from_value::<Pair>(json);
        assert_eq!(pair(json!(2)).unwrap(), [2, 2].into());
        assert_eq!(pair(json!([1, 2])).unwrap(), [1, 2].into());
        assert!(pair(json!([1, 2, 3])).is_err());
        assert!(pair(json!(-1)).is_err());
        let padding = |json| serde_json::from_value::<Padding>(json);
        assert_eq!(padding(json!(1)).unwrap(), [1; 4].into());
        assert_eq!(padding(json!([1, 2])).unwrap(), [1, 1, 2, 2].into());
        assert_eq!(padding(json!([1, 2, 3, 4])).unwrap(), [1, 2, 3, 4].into());
        assert!(padding(json!([1, 2, 3])).is_err());
        assert_eq!(json!(Pair::from(3)), json!(3));
        assert_eq!(json!(Padding::from([0, 1, 0, 1])), json!([0, 1, 0, 1]));
    }

    #[test]
    fn compact_formats_hold_lists() {
        for pair in [Pair::from(2), [1, 2].into()] {
            let bytes = postcard::to_allocvec(&pair).unwrap();
            assert_eq!(postcard::from_bytes::<Pair>(&bytes).unwrap(), pair);
        }
        for padding in [Padding::from(2), [0, 1, 2, 3].into()] {
            let bytes = postcard::to_allocvec(&padding).unwrap();
            assert_eq!(postcard::from_bytes::<Padding>(&bytes).unwrap(), padding);
        }
    }

    /// (input, kernel, stride, padding, floor, ceil), from PyTorch.
    #[test]
    fn a_last_window_may_not_begin_behind_the_image() {
        for (input, kernel, stride, padding, floor, ceil) in [
            (5, 2, 2, 0, 2, 3),
            (6, 2, 2, 0, 3, 3),
            (4, 3, 2, 1, 2, 3),
            // A third window would begin in the padding behind.
            (3, 2, 2, 1, 2, 2),
            (4, 2, 3, 1, 2, 2),
            (7, 3, 4, 0, 2, 2),
        ] {
            let side = Side {
                input,
                kernel,
                stride,
                before: padding,
                after: padding,
                dilation: 1,
            };
            assert_eq!(side.positions(false), Ok(floor), "{side:?}");
            assert_eq!(side.positions(true), Ok(ceil), "{side:?}");
        }
    }
}
