//! Dual numbers: a value together with its derivative along one direction.
//!
//! Running an operation's twin on duals carries derivatives *forward*: if one element of the input
//! has tangent 1 and all others 0, every result's tangent is its derivative by that element. The
//! backward pass carries the same derivatives the other way by other code, so each checks the other.

use super::Real;
use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

/// `value + tangent · ε` with `ε² = 0`, in f64.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Dual {
    pub value: f64,
    pub tangent: f64,
}

impl Dual {
    /// f(self), from f and f′ at the value. Where nothing changes, nothing does afterwards either,
    /// even where the slope is infinite.
    fn map(self, value: f64, slope: f64) -> Self {
        let tangent = if self.tangent == 0.0 {
            0.0
        } else {
            self.tangent * slope
        };
        Self { value, tangent }
    }
}

/// Duals compare by value: which branch is taken does not depend on the direction.
impl PartialEq for Dual {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl PartialOrd for Dual {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl Add for Dual {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            value: self.value + other.value,
            tangent: self.tangent + other.tangent,
        }
    }
}

impl Sub for Dual {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self {
            value: self.value - other.value,
            tangent: self.tangent - other.tangent,
        }
    }
}

impl Mul for Dual {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self {
            value: self.value * other.value,
            tangent: self.tangent * other.value + self.value * other.tangent,
        }
    }
}

impl Div for Dual {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        Self {
            value,
            tangent: (self.tangent - value * other.tangent) / other.value,
        }
    }
}

impl Neg for Dual {
    type Output = Self;
    fn neg(self) -> Self {
        Self {
            value: -self.value,
            tangent: -self.tangent,
        }
    }
}

impl AddAssign for Dual {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Dual {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl MulAssign for Dual {
    fn mul_assign(&mut self, other: Self) {
        *self = *self * other;
    }
}

impl Sum for Dual {
    fn sum<I: Iterator<Item = Self>>(duals: I) -> Self {
        duals.fold(Self::ZERO, Add::add)
    }
}

impl Real for Dual {
    const ZERO: Self = Self {
        value: 0.0,
        tangent: 0.0,
    };
    const ONE: Self = Self {
        value: 1.0,
        tangent: 0.0,
    };

    fn from_f64(value: f64) -> Self {
        Self {
            value,
            tangent: 0.0,
        }
    }
    fn to_f64(self) -> f64 {
        self.value
    }
    fn exp(self) -> Self {
        let value = self.value.exp();
        self.map(value, value)
    }
    fn ln(self) -> Self {
        self.map(self.value.ln(), 1.0 / self.value)
    }
    fn ln_1p(self) -> Self {
        self.map(self.value.ln_1p(), 1.0 / (1.0 + self.value))
    }
    fn sqrt(self) -> Self {
        let value = self.value.sqrt();
        self.map(value, 0.5 / value)
    }
    fn tanh(self) -> Self {
        let value = self.value.tanh();
        self.map(value, 1.0 - value * value)
    }
    fn erfc(self) -> Self {
        let slope = -std::f64::consts::FRAC_2_SQRT_PI * (-self.value * self.value).exp();
        self.map(libm::erfc(self.value), slope)
    }
    fn powf(self, exponent: Self) -> Self {
        let value = self.value.powf(exponent.value);
        let slope = exponent.value * self.value.powf(exponent.value - 1.0);
        let along_base = self.map(value, slope);
        let along_exponent = exponent.map(value, value * self.value.ln());
        Self {
            value,
            tangent: along_base.tangent + along_exponent.tangent,
        }
    }
    fn abs(self) -> Self {
        if self.value < 0.0 { -self } else { self }
    }
    fn is_nan(self) -> bool {
        self.value.is_nan()
    }

    /// Three products of f64: values by values, and each side's tangents by the other's values.
    /// A factor `beta` has no tangent.
    fn matrix_product(
        size: [usize; 3],
        a: &[Self],
        a_strides: [usize; 2],
        b: &[Self],
        b_strides: [usize; 2],
        beta: Self,
        c: &mut [Self],
        c_strides: [usize; 2],
    ) {
        let a = bytemuck::cast_slice::<Self, f64>(a);
        let b = bytemuck::cast_slice::<Self, f64>(b);
        let c = bytemuck::cast_slice_mut::<Self, f64>(c);
        // Values and tangents alternate: every other number, from 0 or from 1.
        let [a_strides, b_strides, c_strides] =
            [a_strides, b_strides, c_strides].map(|strides| strides.map(|stride| 2 * stride));
        let mut product = |a: &[f64], b: &[f64], beta: f64, first: usize| {
            f64::matrix_product(
                size,
                a,
                a_strides,
                b,
                b_strides,
                beta,
                &mut c[first..],
                c_strides,
            );
        };
        if a.is_empty() || b.is_empty() {
            return;
        }
        product(&a[1..], b, beta.value, 1);
        product(a, &b[1..], 1.0, 1);
        product(a, b, beta.value, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Named = (&'static str, fn(Dual) -> Dual);

    fn along(value: f64) -> Dual {
        Dual {
            value,
            tangent: 1.0,
        }
    }

    #[test]
    fn tangents_are_slopes() {
        let functions: [Named; 12] = [
            ("product", |x| x * x * Dual::from_f64(3.0)),
            ("quotient", |x| Dual::ONE / (x + Dual::ONE)),
            ("exp", Real::exp),
            ("ln", Real::ln),
            ("ln_1p", Real::ln_1p),
            ("sqrt", Real::sqrt),
            ("tanh", Real::tanh),
            ("erfc", Real::erfc),
            ("power", |x| x.powf(Dual::from_f64(2.5))),
            ("exponent", |x| Dual::from_f64(1.5).powf(x)),
            ("abs", |x| -(-x).abs()),
            ("maximum", |x| x.maximum(Dual::from_f64(0.1))),
        ];
        for (name, function) in functions {
            for x in [0.3, 1.7] {
                let at = |x: f64| function(Dual::from_f64(x)).value;
                let slope = (at(x + 1e-6) - at(x - 1e-6)) / 2e-6;
                let tangent = function(along(x)).tangent;
                assert!((tangent - slope).abs() < 1e-8, "{name}: {tangent}, {slope}");
            }
        }
    }

    #[test]
    fn what_stays_the_same_has_no_slope_even_at_an_infinite_one() {
        let still = Dual::from_f64(0.0).sqrt();
        assert_eq!((still.value, still.tangent), (0.0, 0.0));
    }

    /// a (2, 3) · b (3, 2) + 2 · c, with every tangent set, against sums of duals.
    #[test]
    fn matrices_multiply_as_their_elements_do() {
        let filled = |count: usize, seed: f64| -> Vec<Dual> {
            (0..count)
                .map(|at| Dual {
                    value: (at as f64 + seed).sin(),
                    tangent: (at as f64 - seed).cos(),
                })
                .collect()
        };
        let (a, b, start) = (filled(6, 0.5), filled(6, 1.5), filled(4, 2.5));
        let mut c = start.clone();
        let two = Dual::from_f64(2.0);
        Dual::matrix_product([2, 3, 2], &a, [3, 1], &b, [1, 3], two, &mut c, [2, 1]);
        for row in 0..2 {
            for column in 0..2 {
                let products = (0..3).map(|k| a[row * 3 + k] * b[column * 3 + k]);
                let expected = products.sum::<Dual>() + two * start[row * 2 + column];
                let actual = c[row * 2 + column];
                assert!((actual.value - expected.value).abs() < 1e-12);
                assert!((actual.tangent - expected.tangent).abs() < 1e-12);
            }
        }
    }
}
