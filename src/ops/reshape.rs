//! The same elements under another shape, or in another order of axes.
//! Source: `torch.reshape`, `torch.permute`.

use super::axes::{
    INDICES, MAX_RANK, all_indices, bind_extents, check_rank, padded, strides, uniform, walk,
};
use super::{
    Cost, Dims, FREE, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, Role, input, linear_workgroups, output, params,
};
use crate::equation::{Equation, Expression, Position, element, index};
use crate::tensor::{Real, Shape};
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `TransposeParams` of the shader.
    TransposeParams {
        sizes: [u32; 4],
        x_strides: [u32; 4],
        count: u32,
        row_length: u32,
        unused_0: u32,
        unused_1: u32,
    }
}

/// The same elements, row-major, under another shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reshape {
    /// One size may be -1: what is left over.
    pub shape: Vec<i64>,
}

impl Reshape {
    fn result(&self, input: &Shape) -> Result<Shape, String> {
        let misfit = || {
            format!(
                "cannot make {:?} of {input}, which has {} elements",
                self.shape,
                input.count()
            )
        };
        let mut open = None;
        let mut known = 1usize;
        for (axis, &size) in self.shape.iter().enumerate() {
            match usize::try_from(size) {
                Ok(size) if size > 0 => known = known.checked_mul(size).ok_or_else(misfit)?,
                Err(_) if size == -1 && open.is_none() => open = Some(axis),
                _ => {
                    return Err(format!(
                        "the shape {:?} has a size of {size}, expected sizes of at least 1, \
                         and -1 once at most",
                        self.shape
                    ));
                }
            }
        }
        let mut sizes: Vec<usize> = self
            .shape
            .iter()
            .map(|&size| size.max(0) as usize)
            .collect();
        if let Some(axis) = open {
            sizes[axis] = input.count() / known;
            known = known.checked_mul(sizes[axis]).ok_or_else(misfit)?;
        }
        if known != input.count() {
            return Err(misfit());
        }
        Shape::new(sizes).map_err(|error| error.to_string())
    }
}

impl Operation for Reshape {
    const NAME: &'static str = "reshape";

    fn inputs(&self) -> Vec<Input> {
        vec![input("x", FREE)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", FREE).role(Role::Alias(0))]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        let shape = self.result(dims.input(0))?;
        dims.set("count", shape.count());
        dims.set_output(0, shape);
        Ok(())
    }

    fn gradient(&self, dims: &Dims) -> Vec<GradientStep> {
        let sizes = dims.input(0).dims().iter();
        vec![GradientStep {
            op: Op::Reshape(Self {
                shape: sizes.map(|&size| size as i64).collect(),
            }),
            operands: vec![GradientOperand::GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        vec![element("x", [index("i")]).defines("y", [("i", "count")])]
    }

    fn cost(&self, _dims: &Dims) -> Cost {
        Cost::new(0)
    }

    /// Nothing to do: the output is the input's memory.
    fn twin<T: Real>(&self, _dims: &Dims, _io: &mut Io<'_, T>) {}

    fn kernels(&self, _dims: &Dims) -> Vec<KernelCall> {
        Vec::new()
    }
}

/// Axes in another order: axis `a` of y is axis `axes[a]` of x.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transpose {
    pub axes: Vec<usize>,
}

impl Transpose {
    fn check(&self, shape: &Shape) -> Result<(), String> {
        check_rank("x", shape)?;
        let mut sorted = self.axes.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..shape.rank()) {
            return Err(format!(
                "axes are {:?}, expected each axis of {shape} once",
                self.axes
            ));
        }
        Ok(())
    }

    /// Strides in x of the axes of y.
    fn x_strides(&self, x: &Shape) -> [usize; MAX_RANK] {
        let own = strides(x.dims());
        let mut result = [0; MAX_RANK];
        for (axis, &from) in self.axes.iter().enumerate() {
            result[MAX_RANK - self.axes.len() + axis] = own[from];
        }
        result
    }
}

impl Operation for Transpose {
    const NAME: &'static str = "transpose";

    fn inputs(&self) -> Vec<Input> {
        vec![input("x", FREE)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", FREE)]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        let x = dims.input(0);
        self.check(x)?;
        let sizes: Vec<usize> = self.axes.iter().map(|&axis| x.dims()[axis]).collect();
        let shape = Shape::new(sizes).map_err(|error| error.to_string())?;
        bind_extents(dims, &shape);
        dims.set("count", shape.count());
        dims.set_output(0, shape);
        Ok(())
    }

    /// The opposite order.
    fn gradient(&self, _dims: &Dims) -> Vec<GradientStep> {
        let mut axes = vec![0; self.axes.len()];
        for (axis, &from) in self.axes.iter().enumerate() {
            axes[from] = axis;
        }
        vec![GradientStep {
            op: Op::Transpose(Self { axes }),
            operands: vec![GradientOperand::GradientOf(0)],
            target: 0,
        }]
    }

    fn equations(&self) -> Vec<Equation> {
        let mut indices = vec![Position::Number(0); self.axes.len()];
        for (axis, &from) in self.axes.iter().enumerate() {
            indices[from] = Position::Index(INDICES[axis]);
        }
        vec![Equation {
            output: "y",
            indices: all_indices(self.axes.len()),
            expression: Expression::Element {
                tensor: "x",
                indices,
            },
        }]
    }

    fn cost(&self, _dims: &Dims) -> Cost {
        Cost::new(0)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let x = io.input(0);
        let mut elements = io.output(0).iter_mut();
        let strides = self.x_strides(dims.input(0));
        walk(padded(dims.output(0).dims()), [strides], |[at]| {
            *elements.next().expect("as many elements as the box has") = x[at];
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let shape = dims.output(0);
        let (workgroups, row_length) =
            linear_workgroups(shape.count(), super::kernel::WORKGROUP_SIZE);
        vec![KernelCall {
            shader: Self::NAME,
            constants: Vec::new(),
            params: TransposeParams {
                sizes: uniform(padded(shape.dims())),
                x_strides: uniform(self.x_strides(dims.input(0))),
                count: shape.count() as u32,
                row_length,
                unused_0: 0,
                unused_1: 0,
            }
            .params(),
            operands: vec![Operand::Input(0), Operand::Output(0)],
            workgroups,
        }]
    }
}
