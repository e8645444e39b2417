//! Average pooling: the mean of each window, or of a whole map.
//! Source: `torch.nn.functional.avg_pool2d`, `torch.nn.AdaptiveAvgPool2d(1)`.

use super::{bind_window, call, scalars};
use crate::equation::{
    Equation, Expression, Position, element, indices, less, number, scalar, size, sum,
};
use crate::ops::window::{Padding, Pair, Sliding};
use crate::ops::{
    Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, input, output,
};
use crate::platform;
use crate::tensor::Real;
use serde::{Deserialize, Serialize};
use std::ops::Range;

fn yes() -> bool {
    true
}

/// `y[n, c, p, q] = Σ_i Σ_j x[n, c, s·p + i − top, s·q + j − left] / cells`.
///
/// Cells count as PyTorch counts them: with `count_include_pad` those of image and padding, without
/// those of the image; never what a last window in ceil mode has beyond the padding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AvgPool2d {
    pub kernel: Pair,
    pub stride: Pair,
    #[serde(default)]
    pub padding: Padding,
    /// Whether a last window may reach over the end.
    #[serde(default)]
    pub ceil_mode: bool,
    /// Whether padding counts as cells, of value 0.
    #[serde(default = "yes")]
    pub count_include_pad: bool,
}

impl AvgPool2d {
    /// Windows of one size and stride for both sides, inside the image.
    pub fn new(kernel: usize, stride: usize) -> Self {
        Self {
            kernel: kernel.into(),
            stride: stride.into(),
            padding: Padding::default(),
            ceil_mode: false,
            count_include_pad: true,
        }
    }

    fn sliding(&self) -> Sliding {
        Sliding {
            stride: self.stride,
            padding: self.padding,
            dilation: Pair::ONE,
        }
    }

    /// Whether every window counts K·L cells.
    fn is_even(&self) -> bool {
        !self.ceil_mode && (self.count_include_pad || self.padding == Padding::default())
    }

    /// The pixel that a window's cell shows; without padding there is nothing to subtract.
    fn pixel(&self, position: [Position; 2], offset: [Position; 2]) -> [Position; 2] {
        if self.padding == Padding::default() {
            self.sliding().padded_pixel(position, offset)
        } else {
            self.sliding().pixel(position, offset)
        }
    }

    /// 1 / cells of the window (p, q). Indices k and l run over its rows and columns.
    fn share(&self, position: [Position; 2]) -> Expression {
        if self.is_even() {
            return number(1.0) / (scalar("K") * scalar("L"));
        }
        let [k, l] = indices(["k", "l"]);
        let [row, column] = self.sliding().padded_pixel(position, [k, l]);
        let [top, left] = self.sliding().paddings();
        let [bottom, right] = self.sliding().far_paddings();
        let counted = |at: Position, before: Position, input: &'static str, after: Position| {
            if self.padding == Padding::default() {
                less(at, size(input))
            } else if self.count_include_pad {
                less(at, before + size(input) + after)
            } else {
                let pixel = at - before;
                less(Position::Number(-1), pixel.clone()) * less(pixel, size(input))
            }
        };
        let rows = sum("k", "K", counted(row, top, "H", bottom));
        let columns = sum("l", "L", counted(column, left, "W", right));
        number(1.0) / (rows * columns)
    }

    /// Rows (columns) of the image that window number `position` of one side shows, and how
    /// many cells it counts.
    fn window(&self, side: usize, dims: &Dims, position: usize) -> (Range<usize>, usize) {
        let side = self.sliding().sides(dims)[side];
        let start = position * side.stride;
        let end = start + side.kernel;
        let image = side.before..side.before + side.input;
        let inside = start.max(image.start)..end.min(image.end);
        let counted = if self.count_include_pad {
            end.min(image.end + side.after) - start
        } else {
            inside.len()
        };
        let shown = inside.start - side.before..inside.end.max(inside.start) - side.before;
        (shown, counted)
    }

    fn call(&self, shader: &'static str, dims: &Dims, count: usize) -> KernelCall {
        let operands = vec![Operand::Input(0), Operand::Output(0)];
        let mut call = call(shader, dims, self.sliding(), count, operands);
        let counts = f64::from(u8::from(self.count_include_pad));
        call.constants = vec![("COUNT_INCLUDE_PAD", counts)];
        call
    }
}

impl Operation for AvgPool2d {
    const NAME: &'static str = "avg_pool2d";

    fn inputs(&self) -> Vec<Input> {
        vec![input("x", &["N", "C", "H", "W"])]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", &["N", "C", "P", "Q"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        bind_window(dims, self.kernel, self.sliding())?;
        let [p, q] = self.sliding().out_size(dims, self.ceil_mode)?;
        dims.set("P", p);
        dims.set("Q", q);
        Ok(())
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        scalars(self.sliding())
    }

    fn gradient(&self, dims: &Dims) -> Vec<GradientStep> {
        vec![GradientStep {
            op: Op::AvgPool2dBackward(AvgPool2dBackward {
                kernel: self.kernel,
                stride: self.stride,
                padding: self.padding,
                ceil_mode: self.ceil_mode,
                count_include_pad: self.count_include_pad,
                size: dims.all(["H", "W"]),
            }),
            operands: vec![GradientOperand::GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, c, p, q, i, j] = indices(["n", "c", "p", "q", "i", "j"]);
        let [u, v] = self.pixel([p.clone(), q.clone()], [i, j]);
        let total = sum("i", "K", sum("j", "L", element("x", [n, c, u, v])));
        let free = [("n", "N"), ("c", "C"), ("p", "P"), ("q", "Q")];
        vec![(self.share([p, q]) * total).defines("y", free)]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, c, p, q, cells] = dims.all(["N", "C", "P", "Q", "K·L"]);
        Cost::new(n * c * p * q * cells)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [h, w, p, q] = dims.all(["H", "W", "P", "Q"]);
        let x = io.input(0);
        platform::for_each_chunk(io.output(0), p * q, |map, y| {
            let x = &x[map * h * w..(map + 1) * h * w];
            for (at, y) in y.iter_mut().enumerate() {
                let (rows, counted_rows) = self.window(0, dims, at / q);
                let (columns, counted_columns) = self.window(1, dims, at % q);
                let mut total = T::ZERO;
                for row in rows {
                    for &value in &x[row * w..][columns.clone()] {
                        total += value;
                    }
                }
                *y = total / T::from_f64((counted_rows * counted_columns) as f64);
            }
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let [n, c, p, q] = dims.all(["N", "C", "P", "Q"]);
        vec![self.call(Self::NAME, dims, n * c * p * q)]
    }
}

/// `dx[n, c, u, v] = Σ_p Σ_q dy[n, c, p, q] / cells` over the windows that show the pixel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AvgPool2dBackward {
    pub kernel: Pair,
    pub stride: Pair,
    #[serde(default)]
    pub padding: Padding,
    #[serde(default)]
    pub ceil_mode: bool,
    #[serde(default = "yes")]
    pub count_include_pad: bool,
    /// Height and width of the input.
    pub size: [usize; 2],
}

impl AvgPool2dBackward {
    fn forward(&self) -> AvgPool2d {
        AvgPool2d {
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
            ceil_mode: self.ceil_mode,
            count_include_pad: self.count_include_pad,
        }
    }
}

impl Operation for AvgPool2dBackward {
    const NAME: &'static str = "avg_pool2d_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![input("dy", &["N", "C", "P", "Q"])]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dx", &["N", "C", "H", "W"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        let sliding = self.forward().sliding();
        dims.set("H", self.size[0]);
        dims.set("W", self.size[1]);
        bind_window(dims, self.kernel, sliding)?;
        sliding.check_out_size(dims, self.ceil_mode)
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        self.forward().scalars()
    }

    fn equations(&self) -> Vec<Equation> {
        let forward = self.forward();
        let [n, c, p, q, u, v] = indices(["n", "c", "p", "q", "u", "v"]);
        let origin = [Position::Number(0), Position::Number(0)];
        let [rows, columns] = forward.sliding().strides();
        let (first_row, first_column) = (rows * p.clone(), columns * q.clone());
        let shown = |pixel: Position, before: Position, first: Position, kernel: &'static str| {
            let at = if self.padding == Padding::default() {
                pixel - first
            } else {
                pixel + before - first
            };
            [
                less(Position::Number(-1), at.clone()),
                less(at, size(kernel)),
            ]
        };
        let [top, left] = match forward.padding == Padding::default() {
            true => origin,
            false => forward.sliding().paddings(),
        };
        let position = [p.clone(), q.clone()];
        let [above, below] = shown(u, top, first_row, "K");
        let [before, behind] = shown(v, left, first_column, "L");
        let gradient = element("dy", [n, c, p, q]);
        let share = above * below * before * behind * gradient * forward.share(position);
        vec![
            sum("p", "P", sum("q", "Q", share))
                .defines("dx", [("n", "N"), ("c", "C"), ("u", "H"), ("v", "W")]),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, c, p, q, cells] = dims.all(["N", "C", "P", "Q", "K·L"]);
        Cost::new(n * c * p * q * cells)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [h, w, p, q] = dims.all(["H", "W", "P", "Q"]);
        let dy = io.input(0);
        let forward = self.forward();
        platform::for_each_chunk(io.output(0), h * w, |map, dx| {
            dx.fill(T::ZERO);
            for (at, &dy) in dy[map * p * q..(map + 1) * p * q].iter().enumerate() {
                let (rows, counted_rows) = forward.window(0, dims, at / q);
                let (columns, counted_columns) = forward.window(1, dims, at % q);
                let share = dy / T::from_f64((counted_rows * counted_columns) as f64);
                for row in rows {
                    for dx in &mut dx[row * w..][columns.clone()] {
                        *dx += share;
                    }
                }
            }
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let [n, c, h, w] = dims.all(["N", "C", "H", "W"]);
        vec![self.forward().call(Self::NAME, dims, n * c * h * w)]
    }
}

/// As windows of the whole image, for the kernels.
fn whole_call(shader: &'static str, dims: &Dims, count: usize) -> KernelCall {
    let mut dims = dims.clone();
    let [h, w] = dims.all(["H", "W"]);
    for (letter, size) in [("P", 1), ("Q", 1), ("K", h), ("L", w)] {
        dims.set(letter, size);
    }
    let sliding = Sliding {
        stride: Pair::ONE,
        padding: Padding::default(),
        dilation: Pair::ONE,
    };
    let operands = vec![Operand::Input(0), Operand::Output(0)];
    call(shader, &dims, sliding, count, operands)
}

/// `y[n, c] = Σ_i Σ_j x[n, c, i, j] / (H·W)`: the mean of each map.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GlobalAvgPool2d {}

impl Operation for GlobalAvgPool2d {
    const NAME: &'static str = "global_avg_pool2d";

    fn inputs(&self) -> Vec<Input> {
        vec![input("x", &["N", "C", "H", "W"])]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", &["N", "C"])]
    }

    fn gradient(&self, dims: &Dims) -> Vec<GradientStep> {
        vec![GradientStep {
            op: Op::GlobalAvgPool2dBackward(GlobalAvgPool2dBackward {
                size: dims.all(["H", "W"]),
            }),
            operands: vec![GradientOperand::GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, c, i, j] = indices(["n", "c", "i", "j"]);
        let total = sum("i", "H", sum("j", "W", element("x", [n, c, i, j])));
        let share = number(1.0) / (scalar("H") * scalar("W"));
        vec![(share * total).defines("y", [("n", "N"), ("c", "C")])]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, c, h, w] = dims.all(["N", "C", "H", "W"]);
        Cost::new(n * c * h * w)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [h, w] = dims.all(["H", "W"]);
        let x = io.input(0);
        let cells = T::from_f64((h * w) as f64);
        for (y, map) in io.output(0).iter_mut().zip(x.chunks_exact(h * w)) {
            *y = map.iter().copied().sum::<T>() / cells;
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let [n, c] = dims.all(["N", "C"]);
        vec![whole_call(Self::NAME, dims, n * c)]
    }
}

/// `dx[n, c, u, v] = dy[n, c] / (H·W)`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GlobalAvgPool2dBackward {
    /// Height and width of the input.
    pub size: [usize; 2],
}

impl Operation for GlobalAvgPool2dBackward {
    const NAME: &'static str = "global_avg_pool2d_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![input("dy", &["N", "C"])]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dx", &["N", "C", "H", "W"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        dims.set("H", self.size[0]);
        dims.set("W", self.size[1]);
        Ok(())
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, c] = indices(["n", "c"]);
        let share = number(1.0) / (scalar("H") * scalar("W"));
        vec![
            (share * element("dy", [n, c]))
                .defines("dx", [("n", "N"), ("c", "C"), ("u", "H"), ("v", "W")]),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, c, h, w] = dims.all(["N", "C", "H", "W"]);
        Cost::new(n * c * h * w)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [h, w] = dims.all(["H", "W"]);
        let dy = io.input(0);
        let cells = T::from_f64((h * w) as f64);
        for (map, &dy) in io.output(0).chunks_exact_mut(h * w).zip(dy) {
            map.fill(dy / cells);
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let [n, c, h, w] = dims.all(["N", "C", "H", "W"]);
        vec![whole_call(Self::NAME, dims, n * c * h * w)]
    }
}
