//! Max pooling: the largest value of each window. Source: `torch.nn.functional.max_pool2d`.

use super::{bind_window, call, scalars};
use crate::equation::{
    Equation, Expression, Position, arg_maximum, element, equal, index, indices, lookup, maximum,
    size, sum,
};
use crate::ops::kernel::WORKGROUP_SIZE;
use crate::ops::window::{Padding, Pair, Side, Sliding};
use crate::ops::{
    Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, Role, index_input, input, linear_workgroups, output, params,
};
use crate::platform;
use crate::tensor::{ElementType, Real};
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `MaxPool2dWindowsParams` of `max_pool2d_backward_windows`.
    MaxPool2dWindowsParams {
        maps: u32,
        in_height: u32,
        in_width: u32,
        out_height: u32,
        out_width: u32,
        kernel: u32,
        stride: u32,
        row_length: u32,
    }
}

/// `max_pool2d_backward` of windows side by side and the backward operation of the
/// activation in front: inputs a, dy, and the activation's output (without one,
/// anything), output dx. `None` where windows overlap, leave gaps or reach over an edge.
pub(crate) fn backward_windows(
    op: &MaxPool2dBackward,
    dims: &Dims,
    activation: u32,
) -> Option<KernelCall> {
    use Operand::{Input, Output};
    let tiles = op.kernel == op.stride
        && op.kernel.is_square()
        && op.padding == Padding::default()
        && op.dilation == Pair::ONE
        && !op.ceil_mode;
    if !tiles {
        return None;
    }
    let kernel = op.kernel.height;
    let [n, c, h, w, p, q] = dims.all(["N", "C", "H", "W", "P", "Q"]);
    let count = n * c * h.div_ceil(kernel) * w.div_ceil(kernel);
    let (workgroups, row_length) = linear_workgroups(count, WORKGROUP_SIZE);
    Some(KernelCall {
        shader: "max_pool2d_backward_windows",
        constants: vec![("ACTIVATION", f64::from(activation))],
        params: MaxPool2dWindowsParams {
            maps: (n * c) as u32,
            in_height: h as u32,
            in_width: w as u32,
            out_height: p as u32,
            out_width: q as u32,
            kernel: kernel as u32,
            stride: kernel as u32,
            row_length,
        }
        .params(),
        operands: vec![Input(0), Input(1), Input(2), Output(0)],
        workgroups,
    })
}

/// That every window has a pixel: a dilated one may step over a small image.
fn check_windows(side: Side, positions: usize) -> Result<(), String> {
    let meets_pixel = |position: usize| {
        let first = position * side.stride;
        (0..side.kernel).any(|i| {
            let at = first + i * side.dilation;
            (side.before..side.before + side.input).contains(&at)
        })
    };
    match (0..positions).find(|&position| !meets_pixel(position)) {
        None => Ok(()),
        Some(position) => Err(format!(
            "window {position} lies in the padding alone: kernel {}, stride {}, padding {}, dilation {} \
             on an input of {}",
            side.kernel, side.stride, side.before, side.dilation, side.input
        )),
    }
}

/// `y[n, c, p, q] = max_{i, j} x[n, c, s·p + d·i − top, s·q + d·j − left]`, and which cell of the
/// window won: i·L + j.
///
/// Cells outside of the image take no part. Of equal values the first wins; NaN wins over every
/// number, as in PyTorch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaxPool2d {
    pub kernel: Pair,
    pub stride: Pair,
    #[serde(default)]
    pub padding: Padding,
    #[serde(default)]
    pub dilation: Pair,
    /// Whether a last window may reach over the end.
    #[serde(default)]
    pub ceil_mode: bool,
}

impl MaxPool2d {
    /// Windows of one size and stride for both sides, inside the image.
    pub fn new(kernel: usize, stride: usize) -> Self {
        Self {
            kernel: kernel.into(),
            stride: stride.into(),
            padding: Padding::default(),
            dilation: Pair::ONE,
            ceil_mode: false,
        }
    }

    fn sliding(&self) -> Sliding {
        Sliding {
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
        }
    }
}

/// The pixel of a window's cell; without padding there is nothing to subtract.
fn pixel(sliding: Sliding, position: [Position; 2], offset: [Position; 2]) -> [Position; 2] {
    if sliding.padding == Padding::default() {
        sliding.padded_pixel(position, offset)
    } else {
        sliding.pixel(position, offset)
    }
}

impl Operation for MaxPool2d {
    const NAME: &'static str = "max_pool2d";

    fn inputs(&self) -> Vec<Input> {
        vec![input("x", &["N", "C", "H", "W"])]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![
            output("y", &["N", "C", "P", "Q"]),
            output("a", &["N", "C", "P", "Q"])
                .element(ElementType::U32)
                .role(Role::Saved),
        ]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        bind_window(dims, self.kernel, self.sliding())?;
        let [p, q] = self.sliding().out_size(dims, self.ceil_mode)?;
        for (side, positions) in self.sliding().sides(dims).into_iter().zip([p, q]) {
            check_windows(side, positions)?;
        }
        dims.set("P", p);
        dims.set("Q", q);
        Ok(())
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        scalars(self.sliding())
    }

    fn gradient(&self, dims: &Dims) -> Vec<GradientStep> {
        vec![GradientStep {
            op: Op::MaxPool2dBackward(MaxPool2dBackward {
                kernel: self.kernel,
                stride: self.stride,
                padding: self.padding,
                dilation: self.dilation,
                ceil_mode: self.ceil_mode,
                size: dims.all(["H", "W"]),
            }),
            operands: vec![GradientOperand::Output(1), GradientOperand::GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, c, p, q, i, j] = indices(["n", "c", "p", "q", "i", "j"]);
        let cell = |offset: [Position; 2]| {
            let [u, v] = pixel(self.sliding(), [p.clone(), q.clone()], offset);
            element("x", [n.clone(), c.clone(), u, v])
        };
        let free = [("n", "N"), ("c", "C"), ("p", "P"), ("q", "Q")];
        let k = index("k");
        let flat = cell([k.clone().quotient(size("L")), k.remainder(size("L"))]);
        vec![
            maximum([("i", "K"), ("j", "L")], cell([i, j])).defines("y", free),
            Expression::Value(arg_maximum("k", "K·L", flat)).defines("a", free),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, c, p, q, cells] = dims.all(["N", "C", "P", "Q", "K·L"]);
        Cost::new(n * c * p * q * cells)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [h, w, p, q] = dims.all(["H", "W", "P", "Q"]);
        let x = io.input(0);
        let (y, a) = io.two_outputs(0, 1);
        platform::for_each_chunk_pair((y.real(), p * q), (a.index(), p * q), |map, y, winners| {
            let x = &x[map * h * w..(map + 1) * h * w];
            let rows = y.chunks_exact_mut(q).zip(winners.chunks_exact_mut(q));
            for (row, (y, winners)) in rows.enumerate() {
                self.pool_row([h, w], x, row, y, winners);
            }
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [n, c, p, q] = dims.all(["N", "C", "P", "Q"]);
        vec![call(
            "max_pool2d",
            dims,
            self.sliding(),
            n * c * p * q,
            vec![Input(0), Output(0), Output(1)],
        )]
    }
}

/// What no cell of a window is called.
const NO_CELL: u32 = u32::MAX;

impl MaxPool2d {
    /// Row number `row` of a map's windows. Cell after cell, each for all windows of the row: what is
    /// compared lies side by side, and nothing is divided.
    fn pool_row<T: Real>(
        &self,
        [h, w]: [usize; 2],
        x: &[T],
        row: usize,
        y: &mut [T],
        winners: &mut [u32],
    ) {
        let sliding = self.sliding();
        winners.fill(NO_CELL);
        for i in 0..self.kernel.height {
            let Some(u) = sliding.pixel_row(row, i, h) else {
                continue;
            };
            let pixels = &x[u * w..(u + 1) * w];
            for j in 0..self.kernel.width {
                let (windows, first) = sliding.columns(j, w, y.len());
                if windows.is_empty() {
                    continue;
                }
                let cell = (i * self.kernel.width + j) as u32;
                let values = pixels[first..].iter().step_by(sliding.stride.width);
                let best = y[windows.clone()].iter_mut().zip(&mut winners[windows]);
                for ((y, winner), &value) in best.zip(values) {
                    // Which of them wins is hard to foresee, so nothing branches on it.
                    let wins = (*winner == NO_CELL) | (value > *y) | value.is_nan();
                    *y = if wins { value } else { *y };
                    *winner = if wins { cell } else { *winner };
                }
            }
        }
        debug_assert!(!winners.contains(&NO_CELL), "every window has a pixel");
    }

    /// Where cell number `k` of the window (p, q) lies in a map, if it is inside.
    fn cell(&self, dims: &Dims) -> impl Fn(usize, usize, usize) -> Option<usize> + Sync {
        let [h, w, l] = dims.all(["H", "W", "L"]);
        let Sliding {
            stride,
            padding,
            dilation,
        } = self.sliding();
        move |p, q, k| {
            // Rows above the image wrap to huge numbers, so one comparison covers both sides.
            let u = (p * stride.height + (k / l) * dilation.height).wrapping_sub(padding.top);
            let v = (q * stride.width + (k % l) * dilation.width).wrapping_sub(padding.left);
            (u < h && v < w).then(|| u * w + v)
        }
    }
}

/// `dx[n, c, u, v] = Σ_i Σ_j dy[n, c, p, q] · 1[a[n, c, p, q] = i·L + j]` with p = (u + top − d·i)/s and
/// q = (v + left − d·j)/s: the gradient goes to the winner alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaxPool2dBackward {
    pub kernel: Pair,
    pub stride: Pair,
    #[serde(default)]
    pub padding: Padding,
    #[serde(default)]
    pub dilation: Pair,
    #[serde(default)]
    pub ceil_mode: bool,
    /// Height and width of the input.
    pub size: [usize; 2],
}

impl MaxPool2dBackward {
    fn forward(&self) -> MaxPool2d {
        MaxPool2d {
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            ceil_mode: self.ceil_mode,
        }
    }
}

impl Operation for MaxPool2dBackward {
    const NAME: &'static str = "max_pool2d_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![
            index_input("a", &["N", "C", "P", "Q"]).below("K·L"),
            input("dy", &["N", "C", "P", "Q"]),
        ]
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
        let sliding = self.forward().sliding();
        let [n, c, u, v, i, j] = indices(["n", "c", "u", "v", "i", "j"]);
        let offset = [i.clone(), j.clone()];
        let [p, q] = if sliding.padding == Padding::default() {
            sliding.source([u, v], offset)
        } else {
            let [top, left] = sliding.paddings();
            sliding.source([u + top, v + left], offset)
        };
        let source = [n, c, p, q];
        let won = equal(lookup("a", source.clone()), i * size("L") + j);
        vec![
            sum("i", "K", sum("j", "L", element("dy", source) * won))
                .defines("dx", [("n", "N"), ("c", "C"), ("u", "H"), ("v", "W")]),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, c, p, q] = dims.all(["N", "C", "P", "Q"]);
        Cost::new(n * c * p * q)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [h, w, p, q] = dims.all(["H", "W", "P", "Q"]);
        let (winners, dy) = (io.index_input(0), io.input(1));
        let forward = self.forward();
        let cell = forward.cell(dims);
        platform::for_each_chunk(io.output(0), h * w, |map, dx| {
            dx.fill(T::ZERO);
            let range = map * p * q..(map + 1) * p * q;
            for (at, (&winner, &dy)) in winners[range.clone()].iter().zip(&dy[range]).enumerate() {
                // A cell outside of the image never wins; given from outside it has no pixel.
                if let Some(pixel) = cell(at / q, at % q, winner as usize) {
                    dx[pixel] += dy;
                }
            }
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [n, c, h, w] = dims.all(["N", "C", "H", "W"]);
        vec![call(
            "max_pool2d_backward",
            dims,
            self.forward().sliding(),
            n * c * h * w,
            vec![Input(0), Input(1), Output(0)],
        )]
    }
}
