//! Host tensors: shapes with checked sizes, values by element type, and the
//! number type that the CPU twins are generic over.

mod dual;
pub mod init;
mod real;

use serde::{Deserialize, Serialize};
use std::fmt;

pub use dual::Dual;
pub use real::Real;

/// Largest number of elements one tensor may have: 2^28 f32 values are 1 GiB.
pub const MAX_ELEMENTS: usize = 1 << 28;

/// What went wrong with a shape or with the values given for one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TensorError {
    #[error("shape {shape} has more than {MAX_ELEMENTS} elements")]
    TooLarge { shape: String },
    #[error("shape {shape} needs {expected} values, got {actual}")]
    WrongCount {
        shape: Shape,
        expected: usize,
        actual: usize,
    },
    #[error("expected {expected} values, got {actual} values")]
    WrongType {
        expected: ElementType,
        actual: ElementType,
    },
}

/// The sizes of a tensor's dimensions, outermost first (row-major).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape(Vec<usize>);

impl Shape {
    /// # Errors
    /// When the element count overflows or passes [`MAX_ELEMENTS`].
    pub fn new(dims: impl Into<Vec<usize>>) -> Result<Self, TensorError> {
        let dims = dims.into();
        let count = dims
            .iter()
            .try_fold(1usize, |product, &dim| product.checked_mul(dim));
        match count {
            Some(count) if count <= MAX_ELEMENTS => Ok(Self(dims)),
            _ => Err(TensorError::TooLarge {
                shape: format_dims(&dims),
            }),
        }
    }

    /// The shape of a single number.
    pub fn scalar() -> Self {
        Self(Vec::new())
    }

    pub fn dims(&self) -> &[usize] {
        &self.0
    }

    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Number of elements; 1 for a scalar.
    pub fn count(&self) -> usize {
        self.0.iter().product()
    }

    /// Position of `index` in row-major order, or `None` outside the shape.
    pub fn offset(&self, index: &[i64]) -> Option<usize> {
        if index.len() != self.rank() {
            return None;
        }
        let mut offset = 0usize;
        for (&at, &dim) in index.iter().zip(&self.0) {
            let at = usize::try_from(at).ok().filter(|&at| at < dim)?;
            offset = offset * dim + at;
        }
        Some(offset)
    }

    /// The index whose row-major position is `offset`.
    pub fn index(&self, offset: usize) -> Vec<usize> {
        let mut rest = offset;
        let mut index = vec![0; self.rank()];
        for (slot, &dim) in index.iter_mut().zip(&self.0).rev() {
            *slot = rest % dim.max(1);
            rest /= dim.max(1);
        }
        index
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&format_dims(&self.0))
    }
}

/// `(64, 1, 28, 28)`; `()` for a scalar.
fn format_dims(dims: &[usize]) -> String {
    let parts: Vec<String> = dims.iter().map(usize::to_string).collect();
    format!("({})", parts.join(", "))
}

impl<const N: usize> From<[usize; N]> for Shape {
    /// For shapes written in the source, which are small.
    fn from(dims: [usize; N]) -> Self {
        Self::new(dims).expect("a literal shape is small")
    }
}

/// How an element is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ElementType {
    F32,
    U32,
    /// Only data sets: four to a 32-bit word on the device.
    U8,
}

impl ElementType {
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 | Self::U32 => 4,
            Self::U8 => 1,
        }
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::F32 => "f32",
            Self::U32 => "u32",
            Self::U8 => "u8",
        })
    }
}

/// The values of a tensor, row-major.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Values {
    F32(Vec<f32>),
    U32(Vec<u32>),
    U8(Vec<u8>),
}

impl Values {
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::U32(values) => values.len(),
            Self::U8(values) => values.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn element_type(&self) -> ElementType {
        match self {
            Self::F32(_) => ElementType::F32,
            Self::U32(_) => ElementType::U32,
            Self::U8(_) => ElementType::U8,
        }
    }

    /// The value at a row-major position, as a number.
    pub fn number(&self, offset: usize) -> Option<f64> {
        match self {
            Self::F32(values) => values.get(offset).map(|&v| f64::from(v)),
            Self::U32(values) => values.get(offset).map(|&v| f64::from(v)),
            Self::U8(values) => values.get(offset).map(|&v| f64::from(v)),
        }
    }
}

/// A shape and its values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tensor {
    shape: Shape,
    values: Values,
}

impl Tensor {
    /// # Errors
    /// When the number of values is not the shape's element count.
    pub fn new(shape: Shape, values: Values) -> Result<Self, TensorError> {
        if shape.count() != values.len() {
            return Err(TensorError::WrongCount {
                expected: shape.count(),
                actual: values.len(),
                shape,
            });
        }
        Ok(Self { shape, values })
    }

    /// An f32 tensor.
    ///
    /// # Errors
    /// As [`Tensor::new`].
    pub fn f32(shape: impl Into<Shape>, values: Vec<f32>) -> Result<Self, TensorError> {
        Self::new(shape.into(), Values::F32(values))
    }

    /// A u32 tensor.
    ///
    /// # Errors
    /// As [`Tensor::new`].
    pub fn u32(shape: impl Into<Shape>, values: Vec<u32>) -> Result<Self, TensorError> {
        Self::new(shape.into(), Values::U32(values))
    }

    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    pub fn values(&self) -> &Values {
        &self.values
    }

    pub fn into_values(self) -> Values {
        self.values
    }

    /// The f32 values.
    ///
    /// # Errors
    /// When the tensor holds another type.
    pub fn as_f32(&self) -> Result<&[f32], TensorError> {
        match &self.values {
            Values::F32(values) => Ok(values),
            other => Err(TensorError::WrongType {
                expected: ElementType::F32,
                actual: other.element_type(),
            }),
        }
    }

    /// The u32 values.
    ///
    /// # Errors
    /// When the tensor holds another type.
    pub fn as_u32(&self) -> Result<&[u32], TensorError> {
        match &self.values {
            Values::U32(values) => Ok(values),
            other => Err(TensorError::WrongType {
                expected: ElementType::U32,
                actual: other.element_type(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offset_and_index_are_inverse() {
        let shape = Shape::from([2, 3, 4]);
        for offset in 0..shape.count() {
            let index: Vec<i64> = shape.index(offset).iter().map(|&i| i as i64).collect();
            assert_eq!(shape.offset(&index), Some(offset));
        }
        assert_eq!(shape.offset(&[0, 3, 0]), None);
        assert_eq!(shape.offset(&[-1, 0, 0]), None);
        assert_eq!(shape.offset(&[0, 0]), None);
    }

    #[test]
    fn shapes_too_large_to_hold_are_refused() {
        assert!(Shape::new([usize::MAX, 2]).is_err());
        assert!(Shape::new([MAX_ELEMENTS + 1]).is_err());
        assert!(Shape::new([MAX_ELEMENTS]).is_ok());
    }

    #[test]
    fn a_tensor_holds_exactly_its_shape() {
        assert!(Tensor::f32([2, 2], vec![0.0; 4]).is_ok());
        let error = Tensor::f32([2, 2], vec![0.0; 3]).unwrap_err();
        assert_eq!(error.to_string(), "shape (2, 2) needs 4 values, got 3");
    }
}
