//! Two-dimensional convolution (cross-correlation, as in every framework), with
//! stride and zero padding. Source: `torch.nn.functional.conv2d`.
//!
//! Positions outside the image count as 0.

use super::{
    Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, input, linear_workgroups, output, params,
};
use crate::equation::{Equation, Position, element, indices, size, sum};
use crate::platform;
use crate::tensor::{MAX_ELEMENTS, Real};
use serde::{Deserialize, Serialize};

/// Samples that one chunk of the twin's work takes: fixed, so that sums are
/// ordered the same on any number of cores.
const CHUNK: usize = 8;

/// Parts into which the weight gradient's sum over the batch is split on the GPU.
const PARTIALS: usize = 16;

params! {
    /// Mirrors `Conv2dParams` of the convolution shaders.
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
        stride: u32,
        padding: u32,
        partials: u32,
        position_parts: u32,
        row_length: u32,
        unused_0: u32,
        unused_1: u32,
    }
}

/// Sizes of a convolution, by name.
#[derive(Clone, Copy, Debug)]
struct Geometry {
    batch: usize,
    channels: usize,
    height: usize,
    width: usize,
    out_channels: usize,
    out_height: usize,
    out_width: usize,
    kernel_height: usize,
    kernel_width: usize,
    stride: usize,
    padding: usize,
}

impl Geometry {
    fn new(dims: &Dims, stride: usize, padding: usize) -> Self {
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
            stride,
            padding,
        }
    }

    /// Elements of one input sample.
    fn sample(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Positions of one output map.
    fn positions(&self) -> usize {
        self.out_height * self.out_width
    }

    /// Elements of one output sample.
    fn out_sample(&self) -> usize {
        self.out_channels * self.positions()
    }

    /// Weights of one output channel.
    fn window(&self) -> usize {
        self.channels * self.kernel_height * self.kernel_width
    }

    fn multiply_adds(&self) -> usize {
        self.batch * self.out_sample() * self.window()
    }

    /// Calls `body(column, position, pixel)` for every pair of a window element
    /// and an output position whose pixel lies inside the image.
    fn for_each_pixel(&self, mut body: impl FnMut(usize, std::ops::Range<usize>, usize)) {
        let mut column = 0;
        for c in 0..self.channels {
            for i in 0..self.kernel_height {
                for j in 0..self.kernel_width {
                    // Output columns whose pixel is inside the row: j + q·s − p in 0..W.
                    let first = self.padding.saturating_sub(j).div_ceil(self.stride);
                    let last = (self.width + self.padding)
                        .checked_sub(j + 1)
                        .map_or(0, |reach| reach / self.stride + 1)
                        .min(self.out_width);
                    for p in 0..self.out_height {
                        let row = (p * self.stride + i).wrapping_sub(self.padding);
                        if row >= self.height || first >= last {
                            continue;
                        }
                        let start = column * self.positions() + p * self.out_width;
                        let pixel = (c * self.height + row) * self.width
                            + (first * self.stride + j - self.padding);
                        body(column, start + first..start + last, pixel);
                    }
                    column += 1;
                }
            }
        }
    }

    /// Unfolds one sample into (C·K·L, P·Q): each column a window.
    fn unfold<T: Real>(&self, x: &[T], columns: &mut [T]) {
        columns.fill(T::ZERO);
        self.for_each_pixel(|_, range, pixel| {
            let slots = &mut columns[range];
            if self.stride == 1 {
                slots.copy_from_slice(&x[pixel..pixel + slots.len()]);
            } else {
                for (slot, value) in slots.iter_mut().zip(x[pixel..].iter().step_by(self.stride)) {
                    *slot = *value;
                }
            }
        });
    }

    /// Adds each window back to where it came from: the transpose of `unfold`.
    fn fold<T: Real>(&self, columns: &[T], x: &mut [T]) {
        x.fill(T::ZERO);
        self.for_each_pixel(|_, range, pixel| {
            let slots = x[pixel..].iter_mut().step_by(self.stride);
            for (slot, &value) in slots.zip(&columns[range]) {
                *slot += value;
            }
        });
    }

    fn call(&self, shader: &'static str, count: usize, operands: Vec<Operand>) -> KernelCall {
        self.call_in_parts(shader, [1, PARTIALS], count, operands)
    }

    /// A kernel whose sums are split into parts by position and by sample.
    fn call_in_parts(
        &self,
        shader: &'static str,
        [position_parts, sample_parts]: [usize; 2],
        count: usize,
        operands: Vec<Operand>,
    ) -> KernelCall {
        let (workgroups, row_length) = linear_workgroups(count, super::kernel::WORKGROUP_SIZE);
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
                stride: self.stride as u32,
                padding: self.padding as u32,
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
    let mut call = g.call(shader, count, operands);
    call.workgroups[2] = channels.div_ceil(CHANNEL_BLOCK) as u32;
    call.constants = vec![("ACTIVATION", f64::from(activation))];
    call
}

/// `conv2d` and the activation behind it (by its number in the shader): inputs
/// x, w, b, output y.
pub(crate) fn blocked(op: &Conv2d, dims: &Dims, activation: u32) -> KernelCall {
    let g = Geometry::new(dims, op.stride, op.padding);
    blocked_call(
        &g,
        "conv2d_blocked",
        g.positions(),
        g.out_channels,
        activation,
    )
}

/// `conv2d_backward_input` and the backward operation of the activation in front:
/// inputs w, dy, and the activation's output (without one, anything), output dx.
pub(crate) fn backward_input_blocked(
    op: &Conv2dBackwardInput,
    dims: &Dims,
    activation: u32,
) -> KernelCall {
    let g = Geometry::new(dims, op.stride, op.padding);
    let shader = "conv2d_backward_input_blocked";
    blocked_call(&g, shader, g.height * g.width, g.channels, activation)
}

/// `conv2d_backward_weight` and `conv2d_backward_bias`: inputs x, dy, outputs dw,
/// db; and the sizes of their workspaces.
pub(crate) fn backward_parameters(
    op: &Conv2dBackwardWeight,
    dims: &Dims,
) -> (Vec<KernelCall>, Vec<usize>) {
    use Operand::{Input, Output, Workspace};
    let g = Geometry::new(dims, op.stride, op.padding);
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
    let calls = vec![
        g.call_in_parts(
            "conv2d_backward_parameters",
            split,
            parts * blocks,
            vec![Input(0), Input(1), Workspace(0)],
        ),
        g.call_in_parts(
            "conv2d_backward_parameters_reduce",
            split,
            sums,
            vec![Workspace(0), Output(0), Output(1)],
        ),
    ];
    (calls, vec![parts * sums])
}

/// The pixel that output row or column `out` meets at window offset `offset`.
fn pixel(out: Position, offset: Position) -> Position {
    size("s") * out + offset - size("pad")
}

fn stride_and_padding(stride: usize, padding: usize) -> Vec<(&'static str, f64)> {
    vec![("s", stride as f64), ("pad", padding as f64)]
}

/// Output size along one side, or why there is none.
fn output_size(
    input: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
) -> Result<usize, String> {
    // Kernels count in u32, so sizes larger than any tensor are refused.
    if stride == 0 || stride > MAX_ELEMENTS || padding > MAX_ELEMENTS {
        return Err(format!(
            "expected a stride from 1 and a padding from 0 to {MAX_ELEMENTS}, got {stride} and {padding}"
        ));
    }
    if input > MAX_ELEMENTS {
        return Err(format!("an input of {input} is too large"));
    }
    let padded = input + 2 * padding;
    if kernel == 0 || kernel > padded {
        return Err(format!(
            "a kernel of {kernel} does not fit an input of {input} with padding {padding}"
        ));
    }
    Ok((padded - kernel) / stride + 1)
}

/// `y[n, o, p, q] = Σ_c Σ_i Σ_j x[n, c, s·p + i − pad, s·q + j − pad] · w[o, c, i, j] + b[o]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv2d {
    pub stride: usize,
    pub padding: usize,
}

impl Operation for Conv2d {
    const NAME: &'static str = "conv2d";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("x", &["N", "C", "H", "W"]),
            input("w", &["O", "C", "K", "L"]),
            input("b", &["O"]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", &["N", "O", "P", "Q"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        let [height, width, kernel_height, kernel_width] = dims.all(["H", "W", "K", "L"]);
        dims.set(
            "P",
            output_size(height, kernel_height, self.stride, self.padding)?,
        );
        dims.set(
            "Q",
            output_size(width, kernel_width, self.stride, self.padding)?,
        );
        Ok(())
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        stride_and_padding(self.stride, self.padding)
    }

    fn gradient(&self, dims: &Dims) -> Vec<GradientStep> {
        use GradientOperand::{GradientOf, Input};
        let [height, width, kernel_height, kernel_width] = dims.all(["H", "W", "K", "L"]);
        let (stride, padding) = (self.stride, self.padding);
        vec![
            GradientStep {
                op: Op::Conv2dBackwardWeight(Conv2dBackwardWeight {
                    stride,
                    padding,
                    kernel: [kernel_height, kernel_width],
                }),
                operands: vec![Input(0), GradientOf(0)],
                target: 1,
            },
            GradientStep {
                op: Op::Conv2dBackwardBias(Conv2dBackwardBias {}),
                operands: vec![GradientOf(0)],
                target: 2,
            },
            GradientStep {
                op: Op::Conv2dBackwardInput(Conv2dBackwardInput {
                    stride,
                    padding,
                    size: [height, width],
                }),
                operands: vec![Input(1), GradientOf(0)],
                target: 0,
            },
        ]
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, o, p, q, c, i, j] = indices(["n", "o", "p", "q", "c", "i", "j"]);
        let product = element(
            "x",
            [n, c.clone(), pixel(p, i.clone()), pixel(q, j.clone())],
        ) * element("w", [o.clone(), c, i, j]);
        let window = sum("c", "C", sum("i", "K", sum("j", "L", product)));
        vec![
            (window + element("b", [o]))
                .defines("y", [("n", "N"), ("o", "O"), ("p", "P"), ("q", "Q")]),
        ]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("y", "x ⋆ w + b")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(2 * Geometry::new(dims, self.stride, self.padding).multiply_adds())
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let g = Geometry::new(dims, self.stride, self.padding);
        let (x, w, b) = (io.input(0), io.input(1), io.input(2));
        let (positions, window) = (g.positions(), g.window());
        platform::for_each_chunk(io.output(0), CHUNK * g.out_sample(), |chunk, y| {
            let mut columns = vec![T::ZERO; window * positions];
            for (sample, y) in y.chunks_exact_mut(g.out_sample()).enumerate() {
                let at = (chunk * CHUNK + sample) * g.sample();
                g.unfold(&x[at..at + g.sample()], &mut columns);
                for (map, &bias) in y.chunks_exact_mut(positions).zip(b) {
                    map.fill(bias);
                }
                T::matrix_product(
                    [g.out_channels, window, positions],
                    w,
                    [window, 1],
                    &columns,
                    [positions, 1],
                    T::ONE,
                    y,
                    [positions, 1],
                );
            }
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let g = Geometry::new(dims, self.stride, self.padding);
        use Operand::{Input, Output};
        let count = g.batch * g.out_sample();
        vec![g.call(
            "conv2d",
            count,
            vec![Input(0), Input(1), Input(2), Output(0)],
        )]
    }
}

/// `dx[n, c, u, v] = Σ_o Σ_i Σ_j dy[n, o, (u + pad − i)/s, (v + pad − j)/s] · w[o, c, i, j]`:
/// the flipped kernel slides over the gradient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv2dBackwardInput {
    pub stride: usize,
    pub padding: usize,
    /// Height and width of the input.
    pub size: [usize; 2],
}

impl Operation for Conv2dBackwardInput {
    const NAME: &'static str = "conv2d_backward_input";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("w", &["O", "C", "K", "L"]),
            input("dy", &["N", "O", "P", "Q"]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dx", &["N", "C", "H", "W"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        dims.set("H", self.size[0]);
        dims.set("W", self.size[1]);
        check_output_size(dims, self.stride, self.padding)
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        stride_and_padding(self.stride, self.padding)
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, o, u, v, c, i, j] = indices(["n", "o", "u", "v", "c", "i", "j"]);
        let source =
            |at: Position, offset: Position| (at + size("pad") - offset).exact_quotient(size("s"));
        let product = element(
            "dy",
            [n, o.clone(), source(u, i.clone()), source(v, j.clone())],
        ) * element("w", [o, c, i, j]);
        vec![
            sum("o", "O", sum("i", "K", sum("j", "L", product)))
                .defines("dx", [("n", "N"), ("c", "C"), ("u", "H"), ("v", "W")]),
        ]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("dx", "dy ∗ w")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(2 * Geometry::new(dims, self.stride, self.padding).multiply_adds())
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let g = Geometry::new(dims, self.stride, self.padding);
        let (w, dy) = (io.input(0), io.input(1));
        let (positions, window) = (g.positions(), g.window());
        platform::for_each_chunk(io.output(0), CHUNK * g.sample(), |chunk, dx| {
            let mut columns = vec![T::ZERO; window * positions];
            for (sample, dx) in dx.chunks_exact_mut(g.sample()).enumerate() {
                let at = (chunk * CHUNK + sample) * g.out_sample();
                T::matrix_product(
                    [window, g.out_channels, positions],
                    w,
                    [1, window],
                    &dy[at..at + g.out_sample()],
                    [positions, 1],
                    T::ZERO,
                    &mut columns,
                    [positions, 1],
                );
                g.fold(&columns, dx);
            }
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let g = Geometry::new(dims, self.stride, self.padding);
        use Operand::{Input, Output};
        let count = g.batch * g.sample();
        vec![g.call(
            "conv2d_backward_input",
            count,
            vec![Input(0), Input(1), Output(0)],
        )]
    }
}

/// That the gradient has the size which the forward pass would have given.
fn check_output_size(dims: &Dims, stride: usize, padding: usize) -> Result<(), String> {
    for (input, kernel, output) in [("H", "K", "P"), ("W", "L", "Q")] {
        let expected = output_size(dims.get(input), dims.get(kernel), stride, padding)?;
        let actual = dims.get(output);
        if expected != actual {
            return Err(format!("dy has {output} = {actual}, expected {expected}"));
        }
    }
    Ok(())
}

/// `dw[o, c, i, j] = Σ_n Σ_p Σ_q dy[n, o, p, q] · x[n, c, s·p + i − pad, s·q + j − pad]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv2dBackwardWeight {
    pub stride: usize,
    pub padding: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
}

impl Operation for Conv2dBackwardWeight {
    const NAME: &'static str = "conv2d_backward_weight";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("x", &["N", "C", "H", "W"]),
            input("dy", &["N", "O", "P", "Q"]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dw", &["O", "C", "K", "L"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        dims.set("K", self.kernel[0]);
        dims.set("L", self.kernel[1]);
        check_output_size(dims, self.stride, self.padding)
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        stride_and_padding(self.stride, self.padding)
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, o, p, q, c, i, j] = indices(["n", "o", "p", "q", "c", "i", "j"]);
        let product = element("dy", [n.clone(), o, p.clone(), q.clone()])
            * element("x", [n, c, pixel(p, i), pixel(q, j)]);
        vec![
            sum("n", "N", sum("p", "P", sum("q", "Q", product)))
                .defines("dw", [("o", "O"), ("c", "C"), ("i", "K"), ("j", "L")]),
        ]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("dw", "x ⋆ dy")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Cost::new(2 * Geometry::new(dims, self.stride, self.padding).multiply_adds())
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let g = Geometry::new(dims, self.stride, self.padding);
        let (x, dy) = (io.input(0), io.input(1));
        let (positions, window) = (g.positions(), g.window());
        let weights = g.out_channels * window;
        let mut partials = vec![T::ZERO; g.batch.div_ceil(CHUNK) * weights];
        platform::for_each_chunk(&mut partials, weights, |chunk, dw| {
            let mut columns = vec![T::ZERO; window * positions];
            for n in chunk * CHUNK..((chunk + 1) * CHUNK).min(g.batch) {
                g.unfold(&x[n * g.sample()..(n + 1) * g.sample()], &mut columns);
                T::matrix_product(
                    [g.out_channels, positions, window],
                    &dy[n * g.out_sample()..(n + 1) * g.out_sample()],
                    [positions, 1],
                    &columns,
                    [1, positions],
                    T::ONE,
                    dw,
                    [window, 1],
                );
            }
        });
        // In order, so that the sum is the same on any number of cores.
        let dw = io.output(0);
        dw.fill(T::ZERO);
        for partial in partials.chunks_exact(weights) {
            for (sum, &value) in dw.iter_mut().zip(partial) {
                *sum += value;
            }
        }
    }

    fn workspaces(&self, dims: &Dims) -> Vec<usize> {
        let g = Geometry::new(dims, self.stride, self.padding);
        vec![PARTIALS * g.out_channels * g.window()]
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let g = Geometry::new(dims, self.stride, self.padding);
        use Operand::{Input, Output, Workspace};
        let weights = g.out_channels * g.window();
        vec![
            g.call(
                "conv2d_backward_weight",
                PARTIALS * weights,
                vec![Input(0), Input(1), Workspace(0)],
            ),
            g.call(
                "conv2d_backward_weight_reduce",
                weights,
                vec![Workspace(0), Output(0)],
            ),
        ]
    }
}

/// `db[o] = Σ_n Σ_p Σ_q dy[n, o, p, q]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conv2dBackwardBias {}

impl Conv2dBackwardBias {
    /// The sizes that a bias gradient has; the others do not matter to it.
    fn geometry(dims: &Dims) -> Geometry {
        let [batch, out_channels, out_height, out_width] = dims.all(["N", "O", "P", "Q"]);
        Geometry {
            batch,
            channels: 0,
            height: 0,
            width: 0,
            out_channels,
            out_height,
            out_width,
            kernel_height: 0,
            kernel_width: 0,
            stride: 1,
            padding: 0,
        }
    }
}

impl Operation for Conv2dBackwardBias {
    const NAME: &'static str = "conv2d_backward_bias";

    fn inputs(&self) -> Vec<Input> {
        vec![input("dy", &["N", "O", "P", "Q"])]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("db", &["O"])]
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, o, p, q] = indices(["n", "o", "p", "q"]);
        vec![
            sum(
                "n",
                "N",
                sum("p", "P", sum("q", "Q", element("dy", [n, o, p, q]))),
            )
            .defines("db", [("o", "O")]),
        ]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("db", "Σ dy")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let g = Self::geometry(dims);
        Cost::new(g.batch * g.out_sample())
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let g = Self::geometry(dims);
        let dy = io.input(0);
        let db = io.output(0);
        db.fill(T::ZERO);
        for sample in dy.chunks_exact(g.out_sample()) {
            for (sum, map) in db.iter_mut().zip(sample.chunks_exact(g.positions())) {
                *sum += map.iter().copied().sum();
            }
        }
    }

    fn workspaces(&self, dims: &Dims) -> Vec<usize> {
        vec![PARTIALS * dims.get("O")]
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let g = Self::geometry(dims);
        use Operand::{Input, Output, Workspace};
        let channels = g.out_channels;
        vec![
            g.call(
                "conv2d_backward_bias",
                PARTIALS * channels,
                vec![Input(0), Workspace(0)],
            ),
            g.call(
                "conv2d_backward_bias_reduce",
                channels,
                vec![Workspace(0), Output(0)],
            ),
        ]
    }
}
