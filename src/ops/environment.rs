//! The environment in which an operation's equations evaluate: its sizes,
//! attributes, the step's values, and the elements of its tensors.

use super::{Dims, Op, StepValues};
use crate::equation::Environment;
use crate::tensor::{Shape, Values};

/// Reads one element, by its row-major position.
type Read<'a> = Box<dyn Fn(usize) -> Option<f64> + 'a>;

/// Values for the names in an operation's equations.
///
/// Elements are read when an equation asks for them, so a reader may hold a few
/// gathered elements only. A tensor of several dimensions that is named with a
/// single index counts as one long row: so do the equations of operations on
/// tensors of any shape.
///
/// An update reads what it overwrites: its `w`, `m` and `v` are the values before
/// the update, which the caller keeps.
///
/// ```
/// use glassbox::ops::{Add, Op, OperationEnvironment, StepValues};
/// use glassbox::tensor::{ElementType, Shape, Values};
///
/// let op = Op::Add(Add {});
/// let shape = Shape::from([2]);
/// let dims = op.resolve(&[(&shape, ElementType::F32); 2]).unwrap().dims;
/// let (a, b) = (Values::F32(vec![1.0, 2.0]), Values::F32(vec![0.5, 0.25]));
/// let environment = OperationEnvironment::new(&op, &dims, StepValues::forward(0))
///     .with_values("a", &shape, &a)
///     .with_values("b", &shape, &b);
/// assert_eq!(op.equations(&dims)[0].evaluate(&environment, &[1]), 2.25);
/// ```
pub struct OperationEnvironment<'a> {
    op: &'static str,
    dims: &'a Dims,
    scalars: Vec<(&'static str, f64)>,
    step: StepValues,
    tensors: Vec<(&'static str, &'a Shape, Read<'a>)>,
}

impl<'a> OperationEnvironment<'a> {
    /// Sizes, attributes and the step's values; the tensors follow.
    pub fn new(op: &Op, dims: &'a Dims, step: StepValues) -> Self {
        Self {
            op: op.name(),
            dims,
            scalars: op.scalars(),
            step,
            tensors: Vec::new(),
        }
    }

    /// Adds the tensor that the equations call `name`; `read` gets a row-major
    /// position inside `shape`.
    #[must_use]
    pub fn with_tensor(
        mut self,
        name: &'static str,
        shape: &'a Shape,
        read: impl Fn(usize) -> Option<f64> + 'a,
    ) -> Self {
        self.tensors.push((name, shape, Box::new(read)));
        self
    }

    /// Adds a tensor whose values are all at hand.
    #[must_use]
    pub fn with_values(self, name: &'static str, shape: &'a Shape, values: &'a Values) -> Self {
        self.with_tensor(name, shape, |at| values.number(at))
    }
}

impl Environment for OperationEnvironment<'_> {
    /// `None` outside the tensor. Panics on a tensor that was not added.
    fn element(&self, tensor: &str, index: &[i64]) -> Option<f64> {
        let (_, shape, read) = self
            .tensors
            .iter()
            .find(|(name, _, _)| *name == tensor)
            .unwrap_or_else(|| panic!("{}: no tensor is called {tensor}", self.op));
        let offset = match index {
            [at] if shape.rank() != 1 => {
                usize::try_from(*at).ok().filter(|&at| at < shape.count())?
            }
            _ => {
                assert_eq!(index.len(), shape.rank(), "{}: index of {tensor}", self.op);
                shape.offset(index)?
            }
        };
        read(offset)
    }

    /// An attribute, a size, or a value of the step.
    fn scalar(&self, name: &str) -> f64 {
        let attribute = self.scalars.iter().find(|(known, _)| *known == name);
        attribute
            .map(|&(_, value)| value)
            .or_else(|| self.dims.find(name).map(|size| size as f64))
            .or_else(|| self.step.scalar(name))
            // The extent of an axis that has one element is written as it is.
            .or_else(|| name.parse().ok())
            .unwrap_or_else(|| panic!("{}: no scalar is called {name}", self.op))
    }

    /// By the operation's key and the step.
    fn random(&self, at: i64) -> f64 {
        super::dropout::uniform(self.scalar("key") as u32, self.step.step, at as u32)
    }
}
