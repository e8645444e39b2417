//! Sizes of a convolution, and the unfolding of images into windows.

use crate::ops::window::Sliding;
use crate::ops::{Cost, Dims};
use crate::tensor::Real;
use std::ops::Range;

/// The attributes that all four operations share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attributes {
    pub sliding: Sliding,
    pub groups: usize,
}

impl Attributes {
    /// Whether the blocked kernels serve it: one stride, one padding, no dilation, one group.
    pub fn is_plain(self) -> bool {
        self.sliding.is_plain() && self.groups == 1
    }

    /// The letter of the weight's channels: all, or those of one group.
    pub fn channels(self) -> &'static str {
        self.weight_dims()[1]
    }

    /// Letters of the weight's sizes.
    pub fn weight_dims(self) -> &'static [&'static str] {
        match self.groups {
            1 => &["O", "C", "K", "L"],
            _ => &["O", "C/G", "K", "L"],
        }
    }

    /// Attributes by the names that the equations use.
    pub fn scalars(self) -> Vec<(&'static str, f64)> {
        let mut scalars = self.sliding.scalars();
        scalars.extend(self.sliding.padding_scalars());
        if self.groups != 1 {
            scalars.push(("G", self.groups as f64));
        }
        scalars
    }

    /// Binds the output's size.
    ///
    /// # Errors
    /// When the kernel does not fit.
    pub fn bind_out_size(self, dims: &mut Dims) -> Result<(), String> {
        let [height, width] = self.sliding.out_size(dims, false)?;
        dims.set("P", height);
        dims.set("Q", width);
        Ok(())
    }

    /// Binds the channels of one group, from those of the image.
    ///
    /// # Errors
    /// When the groups do not divide the channels, or the weight has others.
    pub fn bind_groups(self, dims: &mut Dims) -> Result<(), String> {
        if self.groups == 1 {
            return Ok(());
        }
        let [channels, out_channels] = dims.all(["C", "O"]);
        let groups = self.groups;
        if groups == 0 || !channels.is_multiple_of(groups) || !out_channels.is_multiple_of(groups) {
            return Err(format!(
                "expected groups that divide {channels} input and {out_channels} output channels, got {groups}"
            ));
        }
        let of_group = channels / groups;
        if let Some(actual) = dims.find("C/G")
            && actual != of_group
        {
            return Err(format!(
                "w has {actual} input channels, expected {of_group}: {channels} in {groups} groups"
            ));
        }
        dims.set("C/G", of_group);
        dims.set("O/G", out_channels / groups);
        Ok(())
    }
}

/// Sizes of a convolution, by name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub batch: usize,
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub out_channels: usize,
    pub out_height: usize,
    pub out_width: usize,
    pub kernel_height: usize,
    pub kernel_width: usize,
    pub attributes: Attributes,
}

impl Geometry {
    pub fn new(dims: &Dims, attributes: Attributes) -> Self {
        let [batch, channels, height, width] = dims.all(["N", "C", "H", "W"]);
        let [out_channels, out_height, out_width] = dims.all(["O", "P", "Q"]);
        let [kernel_height, kernel_width] = dims.all(["K", "L"]);
        Self {
            batch,
            channels,
            height,
            width,
            out_channels,
            out_height,
            out_width,
            kernel_height,
            kernel_width,
            attributes,
        }
    }

    pub fn groups(&self) -> usize {
        self.attributes.groups
    }

    /// Input channels of one group: C/G.
    pub fn group_channels(&self) -> usize {
        self.channels / self.groups()
    }

    /// Output channels of one group: O/G.
    pub fn group_outputs(&self) -> usize {
        self.out_channels / self.groups()
    }

    /// Elements of one input sample.
    pub fn sample(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Positions of one output map.
    pub fn positions(&self) -> usize {
        self.out_height * self.out_width
    }

    /// Elements of one output sample.
    pub fn out_sample(&self) -> usize {
        self.out_channels * self.positions()
    }

    /// Weights of one output channel.
    pub fn window(&self) -> usize {
        self.group_channels() * self.kernel_height * self.kernel_width
    }

    pub fn weights(&self) -> usize {
        self.out_channels * self.window()
    }

    /// Two FLOPs for every product of a pixel and a weight.
    pub fn cost(&self) -> Cost {
        Cost::product([2, self.batch, self.out_sample(), self.window()])
    }

    /// Calls `body(columns, pixel)` for every run of positions in one row of the output and
    /// one window element whose pixels lie inside the image: where the run lies in a matrix
    /// of (C/G·K·L) rows of `row_length` elements, and the first pixel in the sample.
    fn for_each_run(
        &self,
        group: usize,
        row_length: usize,
        mut body: impl FnMut(Range<usize>, usize),
    ) {
        let sliding = self.attributes.sliding;
        let mut start_of_row = 0;
        for c in group * self.group_channels()..(group + 1) * self.group_channels() {
            for i in 0..self.kernel_height {
                for j in 0..self.kernel_width {
                    let (columns, first) = sliding.columns(j, self.width, self.out_width);
                    for p in 0..self.out_height {
                        let Some(row) = sliding.pixel_row(p, i, self.height) else {
                            continue;
                        };
                        if columns.is_empty() {
                            continue;
                        }
                        let start = start_of_row + p * self.out_width;
                        let pixel = (c * self.height + row) * self.width + first;
                        body(start + columns.start..start + columns.end, pixel);
                    }
                    start_of_row += row_length;
                }
            }
        }
    }

    /// Unfolds one group of one sample into (C/G·K·L) rows of `row_length`: each column a window.
    pub fn unfold<T: Real>(&self, x: &[T], group: usize, columns: &mut [T], row_length: usize) {
        for row in columns.chunks_mut(row_length) {
            let count = self.positions().min(row.len());
            row[..count].fill(T::ZERO);
        }
        let stride = self.attributes.sliding.stride.width;
        self.for_each_run(group, row_length, |range, pixel| {
            let slots = &mut columns[range];
            if stride == 1 {
                slots.copy_from_slice(&x[pixel..pixel + slots.len()]);
            } else {
                for (slot, value) in slots.iter_mut().zip(x[pixel..].iter().step_by(stride)) {
                    *slot = *value;
                }
            }
        });
    }

    /// Adds each window back to where it came from: the transpose of `unfold`.
    pub fn fold<T: Real>(&self, columns: &[T], row_length: usize, group: usize, x: &mut [T]) {
        let stride = self.attributes.sliding.stride.width;
        self.for_each_run(group, row_length, |range, pixel| {
            let values = &columns[range];
            if stride == 1 {
                // Neighbours, which the compiler adds several at a time.
                for (slot, &value) in x[pixel..pixel + values.len()].iter_mut().zip(values) {
                    *slot += value;
                }
            } else {
                for (slot, &value) in x[pixel..].iter_mut().step_by(stride).zip(values) {
                    *slot += value;
                }
            }
        });
    }
}
