//! The number type of the CPU twins: f32 to train with, f64 as the oracle.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

/// f32 or f64, with the functions that the operations need.
pub trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + SubAssign
    + Mul<Output = Self>
    + MulAssign
    + Div<Output = Self>
    + Neg<Output = Self>
    + Sum
    + Send
    + Sync
    + 'static
{
    const ZERO: Self;
    const ONE: Self;

    fn from_f64(value: f64) -> Self;
    fn to_f64(self) -> f64;
    fn exp(self) -> Self;
    fn ln(self) -> Self;
    fn ln_1p(self) -> Self;
    fn sqrt(self) -> Self;
    fn powf(self, exponent: Self) -> Self;
    fn tanh(self) -> Self;
    /// 1 − erf(x), which keeps its digits where it is small.
    fn erfc(self) -> Self;
    fn abs(self) -> Self;
    fn is_nan(self) -> bool;

    /// The larger of the two; NaN if either is, so that errors are not hidden.
    fn maximum(self, other: Self) -> Self {
        if self > other || self.is_nan() {
            self
        } else {
            other
        }
    }

    /// `c = a · b + beta · c` for strided matrices: a (m, k), b (k, n), c (m, n).
    ///
    /// Strides are in elements, (row, column). Panics when a slice is shorter
    /// than its strides reach.
    #[allow(clippy::too_many_arguments)] // the signature of every matrix product
    fn matrix_product(
        size: [usize; 3],
        a: &[Self],
        a_strides: [usize; 2],
        b: &[Self],
        b_strides: [usize; 2],
        beta: Self,
        c: &mut [Self],
        c_strides: [usize; 2],
    );
}

/// The last position that a strided (rows, columns) matrix touches, plus one.
fn reach(rows: usize, columns: usize, strides: [usize; 2]) -> usize {
    if rows == 0 || columns == 0 {
        return 0;
    }
    (rows - 1) * strides[0] + (columns - 1) * strides[1] + 1
}

macro_rules! real {
    ($type:ty, $gemm:path, $erfc:path) => {
        impl Real for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;

            fn from_f64(value: f64) -> Self {
                value as Self
            }
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            fn exp(self) -> Self {
                <$type>::exp(self)
            }
            fn ln(self) -> Self {
                <$type>::ln(self)
            }
            fn ln_1p(self) -> Self {
                <$type>::ln_1p(self)
            }
            fn sqrt(self) -> Self {
                <$type>::sqrt(self)
            }
            fn powf(self, exponent: Self) -> Self {
                <$type>::powf(self, exponent)
            }
            fn tanh(self) -> Self {
                <$type>::tanh(self)
            }
            fn erfc(self) -> Self {
                $erfc(self)
            }
            fn abs(self) -> Self {
                <$type>::abs(self)
            }
            fn is_nan(self) -> bool {
                <$type>::is_nan(self)
            }

            fn matrix_product(
                [m, k, n]: [usize; 3],
                a: &[Self],
                a_strides: [usize; 2],
                b: &[Self],
                b_strides: [usize; 2],
                beta: Self,
                c: &mut [Self],
                c_strides: [usize; 2],
            ) {
                assert!(
                    a.len() >= reach(m, k, a_strides),
                    "matrix_product: a is too short"
                );
                assert!(
                    b.len() >= reach(k, n, b_strides),
                    "matrix_product: b is too short"
                );
                assert!(
                    c.len() >= reach(m, n, c_strides),
                    "matrix_product: c is too short"
                );
                let stride = |stride: usize| isize::try_from(stride).expect("a stride fits");
                // SAFETY: the three assertions bound every element that the
                // product reads or writes, and `c` is borrowed mutably, so it
                // overlaps neither `a` nor `b`.
                unsafe {
                    $gemm(
                        m,
                        k,
                        n,
                        1.0,
                        a.as_ptr(),
                        stride(a_strides[0]),
                        stride(a_strides[1]),
                        b.as_ptr(),
                        stride(b_strides[0]),
                        stride(b_strides[1]),
                        beta,
                        c.as_mut_ptr(),
                        stride(c_strides[0]),
                        stride(c_strides[1]),
                    );
                }
            }
        }
    };
}

real!(f32, matrixmultiply::sgemm, libm::erfcf);
real!(f64, matrixmultiply::dgemm, libm::erfc);
