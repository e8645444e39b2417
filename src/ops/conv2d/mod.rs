//! Two-dimensional convolution (cross-correlation, as in every framework), with stride, zero
//! padding, dilation and groups. Source: `torch.nn.functional.conv2d`.
//!
//! Positions outside the image count as 0. With G groups the first C/G input channels make the
//! first O/G output channels, and so on; with G = C each channel has its own kernels (depthwise).

mod geometry;
mod kernels;
mod twin;

pub(crate) use kernels::{backward_input_blocked, backward_parameters, blocked};

use super::window::{Padding, Pair, Sliding};
use super::{
    Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, input, output,
};
use crate::equation::{Equation, Position, element, indices, size, sum};
use crate::tensor::Real;
use geometry::{Attributes, Geometry};
use kernels::{BIAS_PARTIALS, weight_partials};
use serde::{Deserialize, Serialize};

fn one() -> usize {
    1
}

impl Attributes {
    /// The input channel that weight channel c of output channel o reads.
    fn channel(self, o: Position, c: Position) -> Position {
        if self.groups == 1 {
            c
        } else {
            o.quotient(size("O/G")) * size("C/G") + c
        }
    }
}

/// `y[n, o, p, q] = Σ_c Σ_i Σ_j x[n, c, s·p + d·i − top, s·q + d·j − left] · w[o, c, i, j] + b[o]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv2d {
    pub stride: Pair,
    pub padding: Padding,
    #[serde(default)]
    pub dilation: Pair,
    /// Groups of channels that do not see each other.
    #[serde(default = "one")]
    pub groups: usize,
}

impl Conv2d {
    /// With one stride and one padding for both sides, without dilation, in one group.
    pub fn new(stride: usize, padding: usize) -> Self {
        Self {
            stride: stride.into(),
            padding: padding.into(),
            dilation: Pair::ONE,
            groups: 1,
        }
    }
}

impl Conv2d {
    fn attributes(&self) -> Attributes {
        Attributes {
            sliding: Sliding {
                stride: self.stride,
                padding: self.padding,
                dilation: self.dilation,
            },
            groups: self.groups,
        }
    }
}

impl Operation for Conv2d {
    const NAME: &'static str = "conv2d";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("x", &["N", "C", "H", "W"]),
            input("w", self.attributes().weight_dims()),
            input("b", &["O"]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", &["N", "O", "P", "Q"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        self.attributes().bind_groups(dims)?;
        self.attributes().bind_out_size(dims)
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        self.attributes().scalars()
    }

    fn gradient(&self, dims: &Dims) -> Vec<GradientStep> {
        use GradientOperand::{GradientOf, Input};
        let [height, width, kernel_height, kernel_width] = dims.all(["H", "W", "K", "L"]);
        let Self {
            stride,
            padding,
            dilation,
            groups,
        } = *self;
        vec![
            GradientStep {
                op: Op::Conv2dBackwardWeight(Conv2dBackwardWeight {
                    stride,
                    padding,
                    dilation,
                    groups,
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
                    dilation,
                    groups,
                    size: [height, width],
                }),
                operands: vec![Input(1), GradientOf(0)],
                target: 0,
            },
        ]
    }

    fn equations(&self) -> Vec<Equation> {
        let attributes = self.attributes();
        let [n, o, p, q, c, i, j] = indices(["n", "o", "p", "q", "c", "i", "j"]);
        let [u, v] = attributes.sliding.pixel([p, q], [i.clone(), j.clone()]);
        let channel = attributes.channel(o.clone(), c.clone());
        let product = element("x", [n, channel, u, v]) * element("w", [o.clone(), c, i, j]);
        let of_weight = attributes.channels();
        let window = sum("c", of_weight, sum("i", "K", sum("j", "L", product)));
        vec![
            (window + element("b", [o]))
                .defines("y", [("n", "N"), ("o", "O"), ("p", "P"), ("q", "Q")]),
        ]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("y", "x ⋆ w + b")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Geometry::new(dims, self.attributes()).cost()
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let g = Geometry::new(dims, self.attributes());
        let (x, w, b) = (io.input(0), io.input(1), io.input(2));
        twin::forward(&g, x, w, b, io.output(0));
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let g = Geometry::new(dims, self.attributes());
        use Operand::{Input, Output};
        let count = g.batch * g.out_sample();
        vec![g.call(
            "conv2d",
            1,
            count,
            vec![Input(0), Input(1), Input(2), Output(0)],
        )]
    }
}

/// `dx[n, c, u, v] = Σ_o Σ_i Σ_j dy[n, o, (u + pad − i)/s, (v + pad − j)/s] · w[o, c, i, j]`:
/// the flipped kernel slides over the gradient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv2dBackwardInput {
    pub stride: Pair,
    pub padding: Padding,
    #[serde(default)]
    pub dilation: Pair,
    /// Groups of channels that do not see each other.
    #[serde(default = "one")]
    pub groups: usize,
    /// Height and width of the input.
    pub size: [usize; 2],
}

impl Conv2dBackwardInput {
    fn attributes(&self) -> Attributes {
        Attributes {
            sliding: Sliding {
                stride: self.stride,
                padding: self.padding,
                dilation: self.dilation,
            },
            groups: self.groups,
        }
    }
}

impl Operation for Conv2dBackwardInput {
    const NAME: &'static str = "conv2d_backward_input";

    fn inputs(&self) -> Vec<Input> {
        vec![
            input("w", self.attributes().weight_dims()),
            input("dy", &["N", "O", "P", "Q"]),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dx", &["N", "C", "H", "W"])]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        dims.set("H", self.size[0]);
        dims.set("W", self.size[1]);
        if let Some(channels) = dims.find("C/G") {
            let channels = channels.checked_mul(self.groups);
            dims.set("C", channels.ok_or("too many groups")?);
        }
        self.attributes().bind_groups(dims)?;
        self.attributes().sliding.check_out_size(dims, false)
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        self.attributes().scalars()
    }

    fn equations(&self) -> Vec<Equation> {
        let attributes = self.attributes();
        let [n, o, u, v, c, i, j] = indices(["n", "o", "u", "v", "c", "i", "j"]);
        let [top, left] = attributes.sliding.paddings();
        let [p, q] = attributes
            .sliding
            .source([u + top, v + left], [i.clone(), j.clone()]);
        // In several groups o counts the output channels of the group that c is in.
        let (outputs, output, channel) = if attributes.groups == 1 {
            ("O", o, c)
        } else {
            let group = c.clone().quotient(size("C/G"));
            ("O/G", group * size("O/G") + o, c.remainder(size("C/G")))
        };
        let product =
            element("dy", [n, output.clone(), p, q]) * element("w", [output, channel, i, j]);
        vec![
            sum("o", outputs, sum("i", "K", sum("j", "L", product)))
                .defines("dx", [("n", "N"), ("c", "C"), ("u", "H"), ("v", "W")]),
        ]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("dx", "dy ∗ w")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Geometry::new(dims, self.attributes()).cost()
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let g = Geometry::new(dims, self.attributes());
        let (w, dy) = (io.input(0), io.input(1));
        twin::backward_input(&g, w, dy, io.output(0));
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let g = Geometry::new(dims, self.attributes());
        use Operand::{Input, Output};
        let count = g.batch * g.sample();
        vec![g.call(
            "conv2d_backward_input",
            1,
            count,
            vec![Input(0), Input(1), Output(0)],
        )]
    }
}

/// `dw[o, c, i, j] = Σ_n Σ_p Σ_q dy[n, o, p, q] · x[n, c, s·p + i − pad, s·q + j − pad]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv2dBackwardWeight {
    pub stride: Pair,
    pub padding: Padding,
    #[serde(default)]
    pub dilation: Pair,
    /// Groups of channels that do not see each other.
    #[serde(default = "one")]
    pub groups: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
}

impl Conv2dBackwardWeight {
    fn attributes(&self) -> Attributes {
        Attributes {
            sliding: Sliding {
                stride: self.stride,
                padding: self.padding,
                dilation: self.dilation,
            },
            groups: self.groups,
        }
    }
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
        vec![output("dw", self.attributes().weight_dims())]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        dims.set("K", self.kernel[0]);
        dims.set("L", self.kernel[1]);
        self.attributes().bind_groups(dims)?;
        self.attributes().sliding.check_out_size(dims, false)
    }

    fn scalars(&self) -> Vec<(&'static str, f64)> {
        self.attributes().scalars()
    }

    fn equations(&self) -> Vec<Equation> {
        let attributes = self.attributes();
        let [n, o, p, q, c, i, j] = indices(["n", "o", "p", "q", "c", "i", "j"]);
        let [u, v] = attributes.sliding.pixel([p.clone(), q.clone()], [i, j]);
        let channel = attributes.channel(o.clone(), c);
        let product = element("dy", [n.clone(), o, p, q]) * element("x", [n, channel, u, v]);
        let free = [
            ("o", "O"),
            ("c", attributes.channels()),
            ("i", "K"),
            ("j", "L"),
        ];
        vec![sum("n", "N", sum("p", "P", sum("q", "Q", product))).defines("dw", free)]
    }

    fn formulas(&self) -> &'static [(&'static str, &'static str)] {
        &[("dw", "x ⋆ dy")]
    }

    fn cost(&self, dims: &Dims) -> Cost {
        Geometry::new(dims, self.attributes()).cost()
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let g = Geometry::new(dims, self.attributes());
        let (x, dy) = (io.input(0), io.input(1));
        twin::backward_weight(&g, x, dy, io.output(0));
    }

    fn workspaces(&self, dims: &Dims) -> Vec<usize> {
        let g = Geometry::new(dims, self.attributes());
        vec![weight_partials(&g) * g.weights()]
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let g = Geometry::new(dims, self.attributes());
        use Operand::{Input, Output, Workspace};
        let (partials, weights) = (weight_partials(&g), g.weights());
        vec![
            g.call(
                "conv2d_backward_weight",
                partials,
                partials * weights,
                vec![Input(0), Input(1), Workspace(0)],
            ),
            g.call(
                "conv2d_backward_weight_reduce",
                partials,
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
            attributes: Conv2d::new(1, 0).attributes(),
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
        twin::backward_bias([g.out_channels, g.positions()], io.input(0), io.output(0));
    }

    fn workspaces(&self, dims: &Dims) -> Vec<usize> {
        vec![BIAS_PARTIALS * dims.get("O")]
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let g = Self::geometry(dims);
        use Operand::{Input, Output, Workspace};
        let channels = g.out_channels;
        vec![
            g.call(
                "conv2d_backward_bias",
                BIAS_PARTIALS,
                BIAS_PARTIALS * channels,
                vec![Input(0), Workspace(0)],
            ),
            g.call(
                "conv2d_backward_bias_reduce",
                BIAS_PARTIALS,
                channels,
                vec![Workspace(0), Output(0)],
            ),
        ]
    }
}
