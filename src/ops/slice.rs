//! Parts of a tensor along one axis, and tensors one after the other along one axis.
//! Source: NumPy's basic slicing, `torch.cat`.

use super::axes::{INDICES, all_indices, bind_extents, check_rank, resolve_axis};
use super::{
    Cost, Dims, FREE, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, input, linear_workgroups, output, params,
};
use crate::equation::{Equation, Expression, Position};
use crate::tensor::{Real, Shape};
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `SliceParams` of the shaders of slices.
    SliceParams {
        axis_size: u32,
        length: u32,
        start: u32,
        step: u32,
        inner: u32,
        count: u32,
        row_length: u32,
        unused: u32,
    }
}

params! {
    /// Mirrors `ConcatenateParams` of the shader.
    ConcatenateParams {
        length: u32,
        y_length: u32,
        offset: u32,
        inner: u32,
        count: u32,
        row_length: u32,
        unused_0: u32,
        unused_1: u32,
    }
}

/// Every `step`-th element along one axis, from `start` to before `end`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// A negative one counts from the end.
    pub axis: i64,
    /// A negative one counts from the end of the axis.
    #[serde(default)]
    pub start: i64,
    /// A negative one counts from the end of the axis; that end if not given.
    #[serde(default)]
    pub end: Option<i64>,
    #[serde(default = "one")]
    pub step: usize,
}

/// The gradient of a slice: dy where elements were taken, 0 elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceBackward {
    /// Of x.
    pub shape: Vec<usize>,
    pub axis: usize,
    pub start: usize,
    pub step: usize,
}

fn one() -> usize {
    1
}

/// A slice with its sizes worked out.
struct Range {
    axis: usize,
    axis_size: usize,
    start: usize,
    step: usize,
    /// Elements that are taken along the axis.
    length: usize,
    /// Elements of one step along the axis.
    inner: usize,
}

impl Range {
    /// Calls `body` with the offsets in x and in y of every row of `inner` elements.
    fn rows(&self, x_count: usize, mut body: impl FnMut(usize, usize)) {
        let outer = x_count / (self.axis_size * self.inner);
        for block in 0..outer {
            for at in 0..self.length {
                let x = (block * self.axis_size + self.start + at * self.step) * self.inner;
                let y = (block * self.length + at) * self.inner;
                body(x, y);
            }
        }
    }

    fn call(&self, shader: &'static str, count: usize) -> KernelCall {
        let (workgroups, row_length) = linear_workgroups(count, super::kernel::WORKGROUP_SIZE);
        KernelCall {
            shader,
            constants: Vec::new(),
            params: SliceParams {
                axis_size: self.axis_size as u32,
                length: self.length as u32,
                start: self.start as u32,
                step: self.step as u32,
                inner: self.inner as u32,
                count: count as u32,
                row_length,
                unused: 0,
            }
            .params(),
            operands: vec![Operand::Input(0), Operand::Output(0)],
            workgroups,
        }
    }

    /// `start + step · position`
    fn taken(&self, position: Position) -> Position {
        let scaled = match self.step {
            1 => position,
            step => Position::Number(step as i64) * position,
        };
        match self.start {
            0 => scaled,
            start => scaled + Position::Number(start as i64),
        }
    }

    /// `(position − start) / step`, where that is a whole number.
    fn origin(&self, position: Position) -> Position {
        let shifted = match self.start {
            0 => position,
            start => position - Position::Number(start as i64),
        };
        match self.step {
            1 => shifted,
            step => shifted.exact_quotient(Position::Number(step as i64)),
        }
    }
}

/// An element whose index along one axis is another position.
fn shifted(name: &'static str, rank: usize, axis: usize, position: Position) -> Expression {
    let mut indices: Vec<Position> = INDICES
        .into_iter()
        .take(rank)
        .map(Position::Index)
        .collect();
    indices[axis] = position;
    Expression::Element {
        tensor: name,
        indices,
    }
}

impl Slice {
    fn range(&self, shape: &Shape) -> Result<Range, String> {
        check_rank("x", shape)?;
        let axis = resolve_axis(self.axis, shape.rank())?;
        let size = shape.dims()[axis];
        let place = |given: i64| {
            let place = if given < 0 {
                given.saturating_add(size as i64)
            } else {
                given
            };
            usize::try_from(place).ok().filter(|&place| place <= size)
        };
        let (start, end) = (place(self.start), self.end.map_or(Some(size), place));
        let asked = || match self.end {
            Some(end) => format!("{}..{end}", self.start),
            None => format!("{}..", self.start),
        };
        match (start, end) {
            (Some(start), Some(end)) if start < end && self.step > 0 => Ok(Range {
                axis,
                axis_size: size,
                start,
                step: self.step.min(size),
                length: (end - start).div_ceil(self.step),
                inner: shape.dims()[axis + 1..].iter().product(),
            }),
            _ if self.step == 0 => Err("the step is 0, expected at least 1".into()),
            (Some(_), Some(_)) => Err(format!(
                "{} of axis {axis} of {shape} holds no elements",
                asked()
            )),
            _ => Err(format!(
                "{} is outside of axis {axis} of {shape}, which has {size} elements",
                asked()
            )),
        }
    }

    fn resolved(&self, dims: &Dims) -> Range {
        self.range(dims.input(0))
            .expect("the range was checked when the graph was built")
    }
}

impl Operation for Slice {
    const NAME: &'static str = "slice";

    fn inputs(&self) -> Vec<Input> {
        vec![input("x", FREE)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", FREE)]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        let range = self.range(dims.input(0))?;
        let mut sizes = dims.input(0).dims().to_vec();
        sizes[range.axis] = range.length;
        let shape = Shape::new(sizes).map_err(|error| error.to_string())?;
        bind_extents(dims, &shape);
        dims.set_output(0, shape);
        Ok(())
    }

    fn gradient(&self, dims: &Dims) -> Vec<GradientStep> {
        let range = self.resolved(dims);
        vec![GradientStep {
            op: Op::SliceBackward(SliceBackward {
                shape: dims.input(0).dims().to_vec(),
                axis: range.axis,
                start: range.start,
                step: range.step,
            }),
            operands: vec![GradientOperand::GradientOf(0)],
            target: 0,
        }]
    }

    fn equations_for(&self, dims: &Dims) -> Vec<Equation> {
        let (range, rank) = (self.resolved(dims), dims.input(0).rank());
        let position = range.taken(Position::Index(INDICES[range.axis]));
        vec![Equation {
            output: "y",
            indices: all_indices(rank),
            expression: shifted("x", rank, range.axis, position),
        }]
    }

    fn cost(&self, _dims: &Dims) -> Cost {
        Cost::new(0)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let (x, range) = (io.input(0), self.resolved(dims));
        let y = io.output(0);
        range.rows(x.len(), |from, to| {
            y[to..to + range.inner].copy_from_slice(&x[from..from + range.inner]);
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        vec![self.resolved(dims).call(Self::NAME, dims.output(0).count())]
    }
}

impl SliceBackward {
    /// The slice of x whose gradient is dy.
    fn range(&self, dy: &Shape) -> Result<(Range, Shape), String> {
        let shape = Shape::new(self.shape.clone()).map_err(|error| error.to_string())?;
        check_rank("x", &shape)?;
        let fits = dy.rank() == shape.rank()
            && self.axis < shape.rank()
            && (0..shape.rank())
                .all(|axis| axis == self.axis || dy.dims()[axis] == shape.dims()[axis]);
        let misfit = || {
            format!(
                "dy is {dy}, which is no slice of {shape} along axis {}",
                self.axis
            )
        };
        if !fits || self.step == 0 {
            return Err(misfit());
        }
        let (size, length) = (shape.dims()[self.axis], dy.dims()[self.axis]);
        let last = (length - 1)
            .checked_mul(self.step)
            .and_then(|last| last.checked_add(self.start));
        if last.is_none_or(|last| last >= size) {
            return Err(misfit());
        }
        let range = Range {
            axis: self.axis,
            axis_size: size,
            start: self.start,
            step: self.step,
            length,
            inner: shape.dims()[self.axis + 1..].iter().product(),
        };
        Ok((range, shape))
    }

    fn resolved(&self, dims: &Dims) -> Range {
        let (range, _) = self
            .range(dims.input(0))
            .expect("the range was checked when the graph was built");
        range
    }
}

impl Operation for SliceBackward {
    const NAME: &'static str = "slice_backward";

    fn inputs(&self) -> Vec<Input> {
        vec![input("dy", FREE)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("dx", FREE)]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        let (_, shape) = self.range(dims.input(0))?;
        bind_extents(dims, &shape);
        dims.set_output(0, shape);
        Ok(())
    }

    fn equations_for(&self, dims: &Dims) -> Vec<Equation> {
        let (range, rank) = (self.resolved(dims), self.shape.len());
        let position = range.origin(Position::Index(INDICES[range.axis]));
        vec![Equation {
            output: "dx",
            indices: all_indices(rank),
            expression: shifted("dy", rank, range.axis, position),
        }]
    }

    fn cost(&self, _dims: &Dims) -> Cost {
        Cost::new(0)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let (dy, range) = (io.input(0), self.resolved(dims));
        let dx = io.output(0);
        dx.fill(T::ZERO);
        range.rows(dx.len(), |to, from| {
            dx[to..to + range.inner].copy_from_slice(&dy[from..from + range.inner]);
        });
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        vec![self.resolved(dims).call(Self::NAME, dims.output(0).count())]
    }
}

/// Names of the inputs; their number is an attribute.
const INPUT_NAMES: [&str; 16] = [
    "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
    "x15",
];

/// Tensors one after the other along one axis; the other sizes are the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concatenate {
    /// A negative one counts from the end.
    pub axis: i64,
    /// How many tensors, 1 to 16.
    #[serde(default = "two")]
    pub count: usize,
}

fn two() -> usize {
    2
}

impl Concatenate {
    fn count(&self) -> usize {
        self.count.clamp(1, INPUT_NAMES.len())
    }

    /// The axis, and for each input where it begins along it.
    fn places(&self, dims: &Dims) -> (usize, Vec<usize>) {
        let axis = resolve_axis(self.axis, dims.input(0).rank())
            .expect("the axis was checked when the graph was built");
        let mut offset = 0;
        let places = (0..self.count()).map(|number| {
            let start = offset;
            offset += dims.input(number).dims()[axis];
            start
        });
        (axis, places.collect())
    }
}

impl Operation for Concatenate {
    const NAME: &'static str = "concatenate";

    fn inputs(&self) -> Vec<Input> {
        INPUT_NAMES
            .into_iter()
            .take(self.count())
            .map(|name| input(name, FREE))
            .collect()
    }

    fn outputs(&self) -> Vec<Output> {
        vec![output("y", FREE)]
    }

    fn derive(&self, dims: &mut Dims) -> Result<(), String> {
        if self.count != self.count() {
            return Err(format!(
                "{} inputs, expected 1 to {}",
                self.count,
                INPUT_NAMES.len()
            ));
        }
        let first = dims.input(0).clone();
        check_rank("x0", &first)?;
        let axis = resolve_axis(self.axis, first.rank())?;
        let mut sizes = first.dims().to_vec();
        let names = INPUT_NAMES.iter().enumerate().take(self.count).skip(1);
        for (number, name) in names {
            let other = dims.input(number);
            let fits = other.rank() == first.rank()
                && (0..first.rank()).all(|at| at == axis || other.dims()[at] == first.dims()[at]);
            if !fits {
                return Err(format!(
                    "{name} is {other} and x0 is {first}: expected the same sizes except along axis {axis}"
                ));
            }
            sizes[axis] += other.dims()[axis];
        }
        let shape = Shape::new(sizes).map_err(|error| error.to_string())?;
        bind_extents(dims, &shape);
        dims.set_output(0, shape);
        Ok(())
    }

    /// Each input gets its part of the gradient.
    fn gradient(&self, dims: &Dims) -> Vec<GradientStep> {
        let (axis, places) = self.places(dims);
        let steps = places.into_iter().enumerate().map(|(target, start)| {
            let end = start + dims.input(target).dims()[axis];
            GradientStep {
                op: Op::SliceOperation(Slice {
                    axis: axis as i64,
                    start: start as i64,
                    end: Some(end as i64),
                    step: 1,
                }),
                operands: vec![GradientOperand::GradientOf(0)],
                target,
            }
        });
        steps.collect()
    }

    /// Outside of an input its elements are 0, so the sum holds one of them.
    fn equations_for(&self, dims: &Dims) -> Vec<Equation> {
        let (axis, places) = self.places(dims);
        let rank = dims.output(0).rank();
        let parts = places.into_iter().enumerate().map(|(number, start)| {
            let along = Position::Index(INDICES[axis]);
            let position = match start {
                0 => along,
                start => along - Position::Number(start as i64),
            };
            shifted(INPUT_NAMES[number], rank, axis, position)
        });
        vec![Equation {
            output: "y",
            indices: all_indices(rank),
            expression: Expression::Add(parts.collect()),
        }]
    }

    fn cost(&self, _dims: &Dims) -> Cost {
        Cost::new(0)
    }

    fn twin<T: Real>(&self, dims: &Dims, io: &mut Io<'_, T>) {
        let (axis, places) = self.places(dims);
        let sizes = dims.output(0).dims();
        let inner: usize = sizes[axis + 1..].iter().product();
        for (number, start) in places.into_iter().enumerate() {
            let x = io.input(number);
            let block = dims.input(number).dims()[axis] * inner;
            let blocks = io.output(0).chunks_exact_mut(sizes[axis] * inner);
            for (y, x) in blocks.zip(x.chunks_exact(block)) {
                y[start * inner..start * inner + block].copy_from_slice(x);
            }
        }
    }

    fn kernels(&self, dims: &Dims) -> Vec<KernelCall> {
        let (axis, places) = self.places(dims);
        let sizes = dims.output(0).dims();
        let inner: usize = sizes[axis + 1..].iter().product();
        let calls = places.into_iter().enumerate().map(|(number, start)| {
            let x = dims.input(number);
            let (workgroups, row_length) =
                linear_workgroups(x.count(), super::kernel::WORKGROUP_SIZE);
            KernelCall {
                shader: Self::NAME,
                constants: Vec::new(),
                params: ConcatenateParams {
                    length: x.dims()[axis] as u32,
                    y_length: sizes[axis] as u32,
                    offset: start as u32,
                    inner: inner as u32,
                    count: x.count() as u32,
                    row_length,
                    unused_0: 0,
                    unused_1: 0,
                }
                .params(),
                operands: vec![Operand::Input(number), Operand::Output(0)],
                workgroups,
            }
        });
        calls.collect()
    }
}
