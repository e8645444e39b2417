//! The kernels' calls: readable ones for every convolution, blocked ones for those that slide alike
//! on both sides in one group.

use super::geometry::Geometry;
use super::{Conv2d, Conv2dBackwardInput, Conv2dBackwardWeight};
use crate::ops::kernel::WORKGROUP_SIZE;
use crate::ops::{Dims, KernelCall, Operand, linear_workgroups, params};

/// Most parts into which the weight gradient's sum over the batch is split.
const PARTIALS: usize = 16;

params! {
    /// Mirrors `Conv2dParams` of the readable shaders.
    Conv2dParams {
        batch: u32,
        in_channels: u32,
        in_height: u32,
        in_width: u32,
        out_channels: u32,
        out_height: u32,
        out_width: u32,
        kernel_height: u32,
        kernel_width: u32,
        stride_height: u32,
        stride_width: u32,
        padding_top: u32,
        padding_left: u32,
        dilation_height: u32,
        dilation_width: u32,
        group_channels: u32,
        group_outputs: u32,
        partials: u32,
        row_length: u32,
        unused: u32,
    }
}

params! {
    /// Mirrors `Conv2dBlockedParams` of the blocked shaders.
    Conv2dBlockedParams {
        batch: u32,
        in_channels: u32,
        in_height: u32,
        in_width: u32,
        out_channels: u32,
        out_height: u32,
        out_width: u32,
        kernel_height: u32,
        kernel_width: u32,
        stride: u32,
        padding: u32,
        partials: u32,
        position_parts: u32,
        row_length: u32,
        unused_0: u32,
        unused_1: u32,
    }
}

/// Parts of the readable weight gradient's sum: fewer where there are many weights.
pub(super) fn weight_partials(g: &Geometry) -> usize {
    (MAX_PARTIAL_SUMS / g.weights()).clamp(1, PARTIALS)
}

/// Parts of the readable bias gradient's sum.
pub(super) const BIAS_PARTIALS: usize = PARTIALS;

impl Geometry {
    /// A readable kernel, whose sums are split into `partials` parts where it sums over samples.
    pub fn call(
        &self,
        shader: &'static str,
        partials: usize,
        count: usize,
        operands: Vec<Operand>,
    ) -> KernelCall {
        let (workgroups, row_length) = linear_workgroups(count, WORKGROUP_SIZE);
        let sliding = self.attributes.sliding;
        KernelCall {
            shader,
            constants: Vec::new(),
            params: Conv2dParams {
                batch: self.batch as u32,
                in_channels: self.channels as u32,
                in_height: self.height as u32,
                in_width: self.width as u32,
                out_channels: self.out_channels as u32,
                out_height: self.out_height as u32,
                out_width: self.out_width as u32,
                kernel_height: self.kernel_height as u32,
                kernel_width: self.kernel_width as u32,
                stride_height: sliding.stride.height as u32,
                stride_width: sliding.stride.width as u32,
                padding_top: sliding.padding.top as u32,
                padding_left: sliding.padding.left as u32,
                dilation_height: sliding.dilation.height as u32,
                dilation_width: sliding.dilation.width as u32,
                group_channels: self.group_channels() as u32,
                group_outputs: self.group_outputs() as u32,
                partials: partials as u32,
                row_length,
                unused: 0,
            }
            .params(),
            operands,
            workgroups,
        }
    }

    /// A blocked kernel, whose sums are split into parts by position and by sample.
    fn blocked_call(
        &self,
        shader: &'static str,
        [position_parts, sample_parts]: [usize; 2],
        count: usize,
        operands: Vec<Operand>,
    ) -> KernelCall {
        let (workgroups, row_length) = linear_workgroups(count, WORKGROUP_SIZE);
        KernelCall {
            shader,
            constants: Vec::new(),
            params: Conv2dBlockedParams {
                batch: self.batch as u32,
                in_channels: self.channels as u32,
                in_height: self.height as u32,
                in_width: self.width as u32,
                out_channels: self.out_channels as u32,
                out_height: self.out_height as u32,
                out_width: self.out_width as u32,
                kernel_height: self.kernel_height as u32,
                kernel_width: self.kernel_width as u32,
                stride: self.attributes.sliding.stride.height as u32,
                padding: self.attributes.sliding.padding.top as u32,
                partials: (position_parts * sample_parts) as u32,
                position_parts: position_parts as u32,
                row_length,
                unused_0: 0,
                unused_1: 0,
            }
            .params(),
            operands,
            workgroups,
        }
    }
}

/// Samples and channels that one invocation of a blocked kernel takes.
const SAMPLE_BLOCK: usize = 8;
const CHANNEL_BLOCK: usize = 4;

/// Taps of a window that one invocation of the parameters' gradient takes.
const TAP_BLOCK: usize = 8;

/// Most parts into which the parameters' gradient splits an output map.
const MAX_POSITION_PARTS: usize = 128;

/// Fewest samples of a part, where it splits the batch because there are few other
/// invocations.
const MIN_PART_SAMPLES: usize = 16;

/// Invocations that keep a device busy.
const ENOUGH_INVOCATIONS: usize = 4_096;

/// Most sums that the parameters' gradient may hand from its first pass to its
/// second: 16 MiB.
const MAX_PARTIAL_SUMS: usize = 4 << 20;

/// A blocked kernel over `positions` of maps with `channels` channels.
fn blocked_call(
    g: &Geometry,
    shader: &'static str,
    positions: usize,
    channels: usize,
    activation: u32,
) -> KernelCall {
    use Operand::{Input, Output};
    let count = g.batch.div_ceil(SAMPLE_BLOCK) * positions;
    let operands = vec![Input(0), Input(1), Input(2), Output(0)];
    let mut call = g.blocked_call(shader, [1, 1], count, operands);
    call.workgroups[2] = channels.div_ceil(CHANNEL_BLOCK) as u32;
    call.constants = vec![("ACTIVATION", f64::from(activation))];
    call
}

/// `conv2d` and the activation behind it (by its number in the shader): inputs
/// x, w, b, output y.
/// `None` where the kernel does not serve it.
pub(crate) fn blocked(op: &Conv2d, dims: &Dims, activation: u32) -> Option<KernelCall> {
    let g = Geometry::new(dims, op.attributes());
    let (positions, channels) = (g.positions(), g.out_channels);
    let call = || blocked_call(&g, "conv2d_blocked", positions, channels, activation);
    g.attributes.is_plain().then(call)
}

/// `conv2d_backward_input` and the backward operation of the activation in front:
/// inputs w, dy, and the activation's output (without one, anything), output dx. `None` where
/// the kernel does not serve it.
pub(crate) fn backward_input_blocked(
    op: &Conv2dBackwardInput,
    dims: &Dims,
    activation: u32,
) -> Option<KernelCall> {
    let g = Geometry::new(dims, op.attributes());
    let shader = "conv2d_backward_input_blocked";
    let call = || blocked_call(&g, shader, g.height * g.width, g.channels, activation);
    g.attributes.is_plain().then(call)
}

/// `conv2d_backward_weight` and, where there is one, `conv2d_backward_bias`: inputs x, dy, outputs dw,
/// db; and the sizes of their workspaces. `None` where the kernels do not serve it.
pub(crate) fn backward_parameters(
    op: &Conv2dBackwardWeight,
    dims: &Dims,
    has_bias: bool,
) -> Option<(Vec<KernelCall>, Vec<usize>)> {
    use Operand::{Input, Output, Workspace};
    let g = Geometry::new(dims, op.attributes());
    if !g.attributes.is_plain() {
        return None;
    }
    let taps = g.window() + 1;
    let sums = g.out_channels * taps;
    let blocks = g.out_channels.div_ceil(CHANNEL_BLOCK) * taps.div_ceil(TAP_BLOCK);
    let most = (MAX_PARTIAL_SUMS / sums).max(1);
    // As many positions in every part, or nearly.
    let rounds = g.positions().div_ceil(MAX_POSITION_PARTS.min(most));
    let position_parts = g.positions().div_ceil(rounds);
    let sample_parts = ENOUGH_INVOCATIONS
        .div_ceil(position_parts * blocks)
        .min(g.batch / MIN_PART_SAMPLES)
        .min(most / position_parts)
        .max(1);
    let split = [position_parts, sample_parts];
    let parts = position_parts * sample_parts;
    let mut workspaces = vec![parts * sums];
    let bias = if has_bias {
        Output(1)
    } else {
        // The kernel writes it; nothing reads it.
        workspaces.push(g.out_channels);
        Workspace(1)
    };
    let calls = vec![
        g.blocked_call(
            "conv2d_backward_parameters",
            split,
            parts * blocks,
            vec![Input(0), Input(1), Workspace(0)],
        ),
        g.blocked_call(
            "conv2d_backward_parameters_reduce",
            split,
            sums,
            vec![Workspace(0), Output(0), bias],
        ),
    ];
    Some((calls, workspaces))
}
