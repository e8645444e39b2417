//! Softmax and its logarithm along one axis of tensors of any shape.
//! Sources: `torch.nn.functional.softmax`, `log_softmax`.

use super::{
    ANY, Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, input, linear_workgroups, output, params,
};
use crate::equation::{
    Equation, Expression, Position, element, exp, index, ln, maximum, size, sum,
};
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `LineParams` of the softmax shaders.
    LineParams { lines: u32, length: u32, stride: u32, row_length: u32 }
}

/// The axis along which values add up to 1: the last.
fn last() -> i64 {
    -1
}

/// The elements along one axis, line by line: element k of the line through flat
/// position i stands `K` elements long, `S` apart.
#[derive(Clone, Copy)]
struct Line {
    start: usize,
    stride: usize,
}

impl Line {
    fn at(self, k: usize) -> usize {
        self.start + k * self.stride
    }
}

/// Binds K, the length of a line, and S, the distance between its elements.
fn derive_line(axis: i64, dims: &mut Dims) -> Result<(), String> {
    let shape = dims.any().expect("an input of any shape is bound").clone();
    let rank = shape.rank() as i64;
    if rank == 0 {
        return Err(format!(
            "axis is {axis}, expected an axis, but the tensor () has none"
        ));
    }
    let place = if axis < 0 {
        axis.saturating_add(rank)
    } else {
        axis
    };
    if !(0..rank).contains(&place) {
        return Err(format!(
            "axis is {axis}, expected a whole number from {} to {} for a tensor {shape}",
            -rank,
            rank - 1
        ));
    }
    let place = place as usize;
    dims.set("K", shape.dims()[place]);
    dims.set("S", shape.dims()[place + 1..].iter().product());
    Ok(())
}

fn lines(dims: &Dims) -> impl Iterator<Item = Line> + use<> {
    let [count, length, stride] = dims.all(["count", "K", "S"]);
    (0..count / length).map(move |line| Line {
        start: line / stride * stride * length + line % stride,
        stride,
    })
}

/// Element `k` of the line through the flat position i.
fn on_line(axis: i64, k: &'static str) -> Position {
    let (i, length) = (index("i"), size("K"));
    if axis == last() {
        return i.quotient(length.clone()) * length + index(k);
    }
    let stride = size("S");
    let place = i.clone().quotient(stride.clone()).remainder(length);
    i + stride * (index(k) - place)
}

/// `x − max_j x` at a position, the maximum being that of its line.
fn shifted(axis: i64, position: Position) -> Expression {
    element("x", [position]) - maximum([("j", "K")], element("x", [on_line(axis, "j")]))
}

fn line_call(shader: &'static str, dims: &Dims, operands: Vec<Operand>) -> KernelCall {
    let [count, length, stride] = dims.all(["count", "K", "S"]);
    let lines = count / length;
    let (workgroups, row_length) = linear_workgroups(lines, super::kernel::WORKGROUP_SIZE);
    KernelCall {
        shader,
        constants: Vec::new(),
        params: LineParams {
            lines: lines as u32,
            length: length as u32,
            stride: stride as u32,
            row_length,
        }
        .params(),
        operands,
        workgroups,
    }
}

/// A forward and a backward operation along one axis. `$value` is the output's
/// expression, `$write` fills a line; the gradient reads the output.
macro_rules! along_axis {
    (
        $(#[$doc:meta])* $forward:ident $name:literal: $value:expr, $write:expr, flops $flops:literal;
        $(#[$backward_doc:meta])* $backward:ident $backward_name:literal: $gradient:expr, $write_gradient:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $forward {
            /// From 0 for the outermost axis, or from −1 for the last.
            #[serde(default = "last")]
            pub axis: i64,
        }

        impl Default for $forward {
            fn default() -> Self {
                Self { axis: last() }
            }
        }

        impl Operation for $forward {
            const NAME: &'static str = $name;

            fn inputs(&self) -> Vec<Input> {
                vec![input("x", ANY)]
            }

            fn outputs(&self) -> Vec<Output> {
                vec![output("y", ANY)]
            }

            fn derive(&self, dims: &mut Dims) -> Result<(), String> {
                derive_line(self.axis, dims)
            }

            fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
                vec![GradientStep {
                    op: Op::$backward($backward { axis: self.axis }),
                    operands: vec![GradientOperand::Output(0), GradientOperand::GradientOf(0)],
                    target: 0,
                }]
            }

            fn equations(&self) -> Vec<Equation> {
                let value: fn(i64) -> Expression = $value;
                vec![value(self.axis).defines("y", [("i", "count")])]
            }

            fn cost(&self, dims: &Dims) -> Cost {
                Cost::new($flops * dims.get("count"))
            }

            fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
                let length = dims.get("K");
                let write: fn(&[T], &mut [T], Line, usize) = $write;
                let x = io.input(0);
                for line in lines(dims) {
                    write(x, io.output(0), line, length);
                }
            }

            fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
                vec![line_call($name, dims, vec![Operand::Input(0), Operand::Output(0)])]
            }
        }

        $(#[$backward_doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $backward {
            /// As in the forward operation.
            #[serde(default = "last")]
            pub axis: i64,
        }

        impl Operation for $backward {
            const NAME: &'static str = $backward_name;

            fn inputs(&self) -> Vec<Input> {
                vec![input("y", ANY), input("dy", ANY)]
            }

            fn outputs(&self) -> Vec<Output> {
                vec![output("dx", ANY)]
            }

            fn derive(&self, dims: &mut Dims) -> Result<(), String> {
                derive_line(self.axis, dims)
            }

            fn equations(&self) -> Vec<Equation> {
                let gradient: fn(i64) -> Expression = $gradient;
                vec![gradient(self.axis).defines("dx", [("i", "count")])]
            }

            fn cost(&self, dims: &Dims) -> Cost {
                Cost::new(4 * dims.get("count"))
            }

            fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
                let length = dims.get("K");
                let write: fn(&[T], &[T], &mut [T], Line, usize) = $write_gradient;
                let (y, dy) = (io.input(0), io.input(1));
                for line in lines(dims) {
                    write(y, dy, io.output(0), line, length);
                }
            }

            fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
                let operands = vec![Operand::Input(0), Operand::Input(1), Operand::Output(0)];
                vec![line_call($backward_name, dims, operands)]
            }
        }
    };
}

along_axis! {
    /// `y[k] = exp(x[k] − m) / Σ_j exp(x[j] − m)` with `m = max_j x[j]`, along one axis.
    Softmax "softmax":
        |axis| exp(shifted(axis, index("i"))) / sum("k", "K", exp(shifted(axis, on_line(axis, "k")))),
        |x, y, line, length| {
            let largest = largest(x, line, length);
            let mut total = T::ZERO;
            for k in 0..length {
                let at = line.at(k);
                y[at] = (x[at] - largest).exp();
                total += y[at];
            }
            for k in 0..length {
                let at = line.at(k);
                y[at] = y[at] / total;
            }
        },
        flops 5;
    /// `dx[k] = y[k] · (dy[k] − Σ_j dy[j]·y[j])`
    SoftmaxBackward "softmax_backward":
        |axis| {
            let along = |tensor| element(tensor, [on_line(axis, "k")]);
            let here = |tensor| element(tensor, [index("i")]);
            here("y") * (here("dy") - sum("k", "K", along("dy") * along("y")))
        },
        |y, dy, dx, line, length| {
            let total: T = (0..length).map(|k| dy[line.at(k)] * y[line.at(k)]).sum();
            for at in (0..length).map(|k| line.at(k)) {
                dx[at] = y[at] * (dy[at] - total);
            }
        }
}

along_axis! {
    /// `y[k] = x[k] − m − ln Σ_j exp(x[j] − m)` with `m = max_j x[j]`, along one axis.
    LogSoftmax "log_softmax":
        |axis| shifted(axis, index("i")) - ln(sum("k", "K", exp(shifted(axis, on_line(axis, "k"))))),
        |x, y, line, length| {
            let largest = largest(x, line, length);
            let total: T = (0..length).map(|k| (x[line.at(k)] - largest).exp()).sum();
            let normalizer = total.ln();
            for at in (0..length).map(|k| line.at(k)) {
                y[at] = x[at] - largest - normalizer;
            }
        },
        flops 4;
    /// `dx[k] = dy[k] − exp(y[k]) · Σ_j dy[j]`
    LogSoftmaxBackward "log_softmax_backward":
        |axis| {
            let total = sum("k", "K", element("dy", [on_line(axis, "k")]));
            element("dy", [index("i")]) - exp(element("y", [index("i")])) * total
        },
        |y, dy, dx, line, length| {
            let total: T = (0..length).map(|k| dy[line.at(k)]).sum();
            for at in (0..length).map(|k| line.at(k)) {
                dx[at] = dy[at] - y[at].exp() * total;
            }
        }
}

fn largest<T: Real>(x: &[T], line: Line, length: usize) -> T {
    (1..length).fold(x[line.at(0)], |largest, k| largest.maximum(x[line.at(k)]))
}
