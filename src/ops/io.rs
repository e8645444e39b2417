//! What a twin gets: its inputs, its outputs and the step's values.

use super::StepValues;
use crate::tensor::{ElementType, Real, Tensor, Values};

/// Host memory of a tensor, with reals as f32 or f64.
#[derive(Clone, Debug, PartialEq)]
pub enum Buffer<T> {
    Real(Vec<T>),
    Index(Vec<u32>),
    Bytes(Vec<u8>),
}

impl<T: Real> Buffer<T> {
    /// Reals start as NaN, so that an element nobody wrote is seen.
    pub fn unwritten(element: ElementType, count: usize) -> Self {
        match element {
            ElementType::F32 => Self::Real(vec![T::from_f64(f64::NAN); count]),
            ElementType::U32 => Self::Index(vec![u32::MAX; count]),
            ElementType::U8 => Self::Bytes(vec![0; count]),
        }
    }

    pub fn from_values(values: &Values) -> Self {
        match values {
            Values::F32(values) => {
                Self::Real(values.iter().map(|&v| T::from_f64(f64::from(v))).collect())
            }
            Values::U32(values) => Self::Index(values.clone()),
            Values::U8(values) => Self::Bytes(values.clone()),
        }
    }

    pub fn from_tensor(tensor: &Tensor) -> Self {
        Self::from_values(tensor.values())
    }

    pub fn from_slice(slice: Slice<'_, T>) -> Self {
        match slice {
            Slice::Real(values) => Self::Real(values.to_vec()),
            Slice::Index(values) => Self::Index(values.to_vec()),
            Slice::Bytes(values) => Self::Bytes(values.to_vec()),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Real(values) => values.len(),
            Self::Index(values) => values.len(),
            Self::Bytes(values) => values.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One value as a number.
    pub fn number(&self, offset: usize) -> Option<f64> {
        match self {
            Self::Real(values) => values.get(offset).map(|v| v.to_f64()),
            Self::Index(values) => values.get(offset).map(|&v| f64::from(v)),
            Self::Bytes(values) => values.get(offset).map(|&v| f64::from(v)),
        }
    }

    pub fn slice(&self, first: usize, count: usize) -> Slice<'_, T> {
        match self {
            Self::Real(values) => Slice::Real(&values[first..first + count]),
            Self::Index(values) => Slice::Index(&values[first..first + count]),
            Self::Bytes(values) => Slice::Bytes(&values[first..first + count]),
        }
    }

    pub fn slice_mut(&mut self, first: usize, count: usize) -> SliceMut<'_, T> {
        match self {
            Self::Real(values) => SliceMut::Real(&mut values[first..first + count]),
            Self::Index(values) => SliceMut::Index(&mut values[first..first + count]),
            Self::Bytes(_) => panic!("bytes are data: no operation writes them"),
        }
    }
}

/// Part of a buffer, to read.
#[derive(Clone, Copy, Debug)]
pub enum Slice<'a, T> {
    Real(&'a [T]),
    Index(&'a [u32]),
    Bytes(&'a [u8]),
}

/// Part of a buffer, to write.
#[derive(Debug)]
pub enum SliceMut<'a, T> {
    Real(&'a mut [T]),
    Index(&'a mut [u32]),
}

/// A twin's operands. Accessors panic on the wrong type: operands were checked
/// against the operation's declaration when the graph was built.
pub struct Io<'a, T> {
    /// `None` where the input is reached through its alias.
    pub inputs: Vec<Option<Slice<'a, T>>>,
    pub outputs: Vec<SliceMut<'a, T>>,
    pub step: StepValues,
}

impl<'a, T: Real> Io<'a, T> {
    fn slice(&self, input: usize) -> Slice<'a, T> {
        self.inputs[input].expect("an aliased input is reached through its output")
    }

    pub fn input(&self, input: usize) -> &'a [T] {
        match self.slice(input) {
            Slice::Real(values) => values,
            _ => panic!("input {input} does not hold reals"),
        }
    }

    pub fn index_input(&self, input: usize) -> &'a [u32] {
        match self.slice(input) {
            Slice::Index(values) => values,
            _ => panic!("input {input} does not hold whole numbers"),
        }
    }

    pub fn byte_input(&self, input: usize) -> &'a [u8] {
        match self.slice(input) {
            Slice::Bytes(values) => values,
            _ => panic!("input {input} does not hold bytes"),
        }
    }

    pub fn output(&mut self, output: usize) -> &mut [T] {
        match &mut self.outputs[output] {
            SliceMut::Real(values) => values,
            SliceMut::Index(_) => panic!("output {output} does not hold reals"),
        }
    }

    pub fn index_output(&mut self, output: usize) -> &mut [u32] {
        match &mut self.outputs[output] {
            SliceMut::Index(values) => values,
            SliceMut::Real(_) => panic!("output {output} does not hold whole numbers"),
        }
    }

    /// Two outputs at once, the first before the second.
    pub fn two_outputs(
        &mut self,
        first: usize,
        second: usize,
    ) -> (&mut SliceMut<'a, T>, &mut SliceMut<'a, T>) {
        let (left, right) = self.outputs.split_at_mut(second);
        (&mut left[first], &mut right[0])
    }

    /// Samples of the batch that count.
    pub fn valid(&self) -> usize {
        self.step.valid as usize
    }
}

impl<T> SliceMut<'_, T> {
    pub fn real(&mut self) -> &mut [T] {
        match self {
            Self::Real(values) => values,
            Self::Index(_) => panic!("not reals"),
        }
    }

    pub fn index(&mut self) -> &mut [u32] {
        match self {
            Self::Index(values) => values,
            Self::Real(_) => panic!("not whole numbers"),
        }
    }
}
