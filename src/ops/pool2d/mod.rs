//! Pooling of images: the largest value of each window, or the mean.

mod average;
mod max;

pub use average::{AvgPool2d, AvgPool2dBackward, GlobalAvgPool2d, GlobalAvgPool2dBackward};
pub(crate) use max::backward_windows;
pub use max::{MaxPool2d, MaxPool2dBackward};

use super::window::{Padding, Pair, Sliding};
use super::{Dims, KernelCall, Operand, linear_workgroups, params};

params! {
    /// Mirrors `Pool2dParams` of the pooling shaders.
    Pool2dParams {
        maps: u32,
        in_height: u32,
        in_width: u32,
        out_height: u32,
        out_width: u32,
        kernel_height: u32,
        kernel_width: u32,
        stride_height: u32,
        stride_width: u32,
        padding_top: u32,
        padding_bottom: u32,
        padding_left: u32,
        padding_right: u32,
        dilation_height: u32,
        dilation_width: u32,
        row_length: u32,
    }
}

/// A kernel over images (N, C, H, W) and pooled images (N, C, P, Q), whose windows have K by L cells.
fn call(
    shader: &'static str,
    dims: &Dims,
    sliding: Sliding,
    count: usize,
    operands: Vec<Operand>,
) -> KernelCall {
    let (workgroups, row_length) = linear_workgroups(count, super::kernel::WORKGROUP_SIZE);
    let [n, c, h, w, p, q] = dims.all(["N", "C", "H", "W", "P", "Q"]);
    let [kernel_height, kernel_width] = dims.all(["K", "L"]);
    let Sliding {
        stride,
        padding,
        dilation,
    } = sliding;
    KernelCall {
        shader,
        constants: Vec::new(),
        params: Pool2dParams {
            maps: (n * c) as u32,
            in_height: h as u32,
            in_width: w as u32,
            out_height: p as u32,
            out_width: q as u32,
            kernel_height: kernel_height as u32,
            kernel_width: kernel_width as u32,
            stride_height: stride.height as u32,
            stride_width: stride.width as u32,
            padding_top: padding.top as u32,
            padding_bottom: padding.bottom as u32,
            padding_left: padding.left as u32,
            padding_right: padding.right as u32,
            dilation_height: dilation.height as u32,
            dilation_width: dilation.width as u32,
            row_length,
        }
        .params(),
        operands,
        workgroups,
    }
}

/// Binds the window's size K by L, with its number of cells.
///
/// # Errors
/// When the padding is more than half of the window on a side, as in PyTorch: windows would
/// lie outside of the image.
fn bind_window(dims: &mut Dims, kernel: Pair, sliding: Sliding) -> Result<(), String> {
    dims.set("K", kernel.height);
    dims.set("L", kernel.width);
    let cells = kernel.height.checked_mul(kernel.width);
    let cells = cells.filter(|&cells| cells <= crate::tensor::MAX_ELEMENTS);
    dims.set(
        "K·L",
        cells.ok_or("a window of more cells than any tensor has")?,
    );
    let Padding {
        top,
        bottom,
        left,
        right,
    } = sliding.padding;
    let sides = [
        (kernel.height, sliding.dilation.height, top.max(bottom)),
        (kernel.width, sliding.dilation.width, left.max(right)),
    ];
    for (kernel, dilation, padding) in sides {
        let reach = kernel
            .saturating_sub(1)
            .saturating_mul(dilation)
            .saturating_add(1);
        if padding > reach / 2 {
            return Err(format!(
                "expected a padding of at most half of the window of {reach}, got {padding}"
            ));
        }
    }
    Ok(())
}

/// The names of strides, dilation and, where there is one, padding.
fn scalars(sliding: Sliding) -> Vec<(&'static str, f64)> {
    let mut scalars = sliding.scalars();
    if sliding.padding != Padding::default() {
        scalars.extend(sliding.padding_scalars());
    }
    scalars
}
