//! Max pooling: the largest value of each window. Source: `torch.nn.functional.max_pool2d`.

use super::{
    Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, Role, index_input, input, linear_workgroups, output, params,
};
use crate::equation::{
    Equation, Expression, Position, arg_maximum, element, equal, index, indices, lookup, maximum,
    size, sum,
};
use crate::platform;
use crate::tensor::{ElementType, MAX_ELEMENTS, Real};
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `MaxPool2dParams` of the pooling shaders.
    MaxPool2dParams {
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

fn call(
    shader: &'static str,
    dims: &Dims,
    [kernel, stride]: [usize; 2],
    count: usize,
    operands: Vec<Operand>,
) -> KernelCall {
    let (workgroups, row_length) = linear_workgroups(count, super::kernel::WORKGROUP_SIZE);
    let [n, c, h, w, p, q] = dims.all(["N", "C", "H", "W", "P", "Q"]);
    KernelCall {
        shader,
        constants: Vec::new(),
        params: MaxPool2dParams {
            maps: (n * c) as u32,
            in_height: h as u32,
            in_width: w as u32,
            out_height: p as u32,
            out_width: q as u32,
            kernel: kernel as u32,
            stride: stride as u32,
            row_length,
        }
        .params(),
        operands,
        workgroups,
    }
}

/// `max_pool2d_backward` of windows side by side and the backward operation of the
/// activation in front: inputs a, dy, and the activation's output (without one,
/// anything), output dx. `None` where windows overlap or leave gaps.
pub(crate) fn backward_windows(
    op: &MaxPool2dBackward,
    dims: &Dims,
    activation: u32,
) -> Option<KernelCall> {
    use Operand::{Input, Output};
    let [n, c, h, w] = dims.all(["N", "C", "H", "W"]);
    let count = n * c * h.div_ceil(op.kernel) * w.div_ceil(op.kernel);
    let operands = vec![Input(0), Input(1), Input(2), Output(0)];
    let shader = "max_pool2d_backward_windows";
    let mut call = call(shader, dims, [op.kernel, op.stride], count, operands);
    call.constants = vec![("ACTIVATION", f64::from(activation))];
    (op.kernel == op.stride).then_some(call)
}

/// Output size along one side, or why there is none.
fn output_size(input: usize, kernel: usize, stride: usize) -> Result<usize, String> {
    // Kernels count in u32, so sizes larger than any tensor are refused.
    if stride == 0 || kernel == 0 || stride > MAX_ELEMENTS {
        return Err(format!(
            "expected a kernel and a stride from 1 to {MAX_ELEMENTS}, got {kernel} and {stride}"
        ));
    }
    if kernel > input {
        return Err(format!(
            "a window of {kernel} does not fit an input of {input}"
        ));
    }
    Ok((input - kernel) / stride + 1)
}

/// `y[n, c, p, q] = max_{i, j} x[n, c, s·p + i, s·q + j]`, and which cell of the window won.
///
/// Windows do not pass the edge: rows and columns left over take no part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaxPool2d {
    pub kernel: usize,
    pub stride: usize,
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
        let [height, width] = dims.all(["H", "W"]);
        dims.set("P", output_size(height, self.kernel, self.stride)?);
        dims.set("Q", output_size(width, self.kernel, self.stride)?);
        // The cells of a window, in the equations.
        dims.set("K", self.kernel);
        dims.set("K²", self.kernel * self.kernel);
        Ok(())
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![("s", self.stride as f64)]
    }

    fn gradient(&self, dims: &Dims) -> Vec<GradientStep> {
        vec![GradientStep {
            op: Op::MaxPool2dBackward(MaxPool2dBackward {
                kernel: self.kernel,
                stride: self.stride,
                size: dims.all(["H", "W"]),
            }),
            operands: vec![GradientOperand::Output(1), GradientOperand::GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, c, p, q, i, j] = indices(["n", "c", "p", "q", "i", "j"]);
        let cell = |row: Position, column: Position| {
            element(
                "x",
                [
                    n.clone(),
                    c.clone(),
                    size("s") * p.clone() + row,
                    size("s") * q.clone() + column,
                ],
            )
        };
        let free = [("n", "N"), ("c", "C"), ("p", "P"), ("q", "Q")];
        let k = index("k");
        let flat = cell(k.clone().quotient(size("K")), k.remainder(size("K")));
        vec![
            maximum([("i", "K"), ("j", "K")], cell(i, j)).defines("y", free),
            Expression::Value(arg_maximum("k", "K²", flat)).defines("a", free),
        ]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        let [n, c, p, q] = dims.all(["N", "C", "P", "Q"]);
        Cost::new(n * c * p * q * self.kernel * self.kernel)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let [h, w, p, q] = dims.all(["H", "W", "P", "Q"]);
        let x = io.input(0);
        let (y, a) = io.two_outputs(0, 1);
        let (kernel, stride) = (self.kernel, self.stride);
        platform::for_each_chunk_pair((y.real(), p * q), (a.index(), p * q), |map, y, winners| {
            let x = &x[map * h * w..(map + 1) * h * w];
            for (at, (y, winner)) in y.iter_mut().zip(winners).enumerate() {
                let corner = (at / q) * stride * w + (at % q) * stride;
                let mut best = x[corner];
                let mut place = 0;
                for k in 1..kernel * kernel {
                    let value = x[corner + (k / kernel) * w + k % kernel];
                    if value > best {
                        best = value;
                        place = k;
                    }
                }
                *y = best;
                *winner = place as u32;
            }
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [n, c, p, q] = dims.all(["N", "C", "P", "Q"]);
        vec![call(
            "max_pool2d",
            dims,
            [self.kernel, self.stride],
            n * c * p * q,
            vec![Input(0), Output(0), Output(1)],
        )]
    }
}

/// `dx[n, c, u, v] = Σ_i Σ_j dy[n, c, (u − i)/s, (v − j)/s] · 1[a[…] = i·K + j]`:
/// the gradient goes to the winner alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaxPool2dBackward {
    pub kernel: usize,
    pub stride: usize,
    /// Height and width of the input.
    pub size: [usize; 2],
}

impl Operation for MaxPool2dBackward {
    const NAME: &'static str = "max_pool2d_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![
            index_input("a", &["N", "C", "P", "Q"]).below("K²"),
            input("dy", &["N", "C", "P", "Q"]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dx", &["N", "C", "H", "W"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        for ((input, size), output) in [("H", self.size[0]), ("W", self.size[1])]
            .into_iter()
            .zip(["P", "Q"])
        {
            dims.set(input, size);
            let expected = output_size(size, self.kernel, self.stride)?;
            let actual = dims.get(output);
            if actual != expected {
                return Err(format!("dy has {output} = {actual}, expected {expected}"));
            }
        }
        dims.set("K", self.kernel);
        dims.set("K²", self.kernel * self.kernel);
        Ok(())
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        vec![("s", self.stride as f64)]
    }

    fn equations(&self) -> Vec<Equation> {
        let [n, c, u, v, i, j] = indices(["n", "c", "u", "v", "i", "j"]);
        let source = [
            n,
            c,
            (u - i.clone()).exact_quotient(size("s")),
            (v - j.clone()).exact_quotient(size("s")),
        ];
        let won = equal(lookup("a", source.clone()), i * size("K") + j);
        vec![
            sum("i", "K", sum("j", "K", element("dy", source) * won))
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
        let (kernel, stride) = (self.kernel, self.stride);
        platform::for_each_chunk(io.output(0), h * w, |map, dx| {
            dx.fill(T::ZERO);
            let range = map * p * q..(map + 1) * p * q;
            for (at, (&winner, &dy)) in winners[range.clone()].iter().zip(&dy[range]).enumerate() {
                let winner = winner as usize;
                let corner = (at / q) * stride * w + (at % q) * stride;
                dx[corner + (winner / kernel) * w + winner % kernel] += dy;
            }
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        use Operand::{Input, Output};
        let [n, c, h, w] = dims.all(["N", "C", "H", "W"]);
        vec![call(
            "max_pool2d_backward",
            dims,
            [self.kernel, self.stride],
            n * c * h * w,
            vec![Input(0), Input(1), Output(0)],
        )]
    }
}
