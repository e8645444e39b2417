//! IEEE 754 binary16, float16: 1 sign bit, 5 of the exponent, 10 of the fraction.
//!
//! Rounding is to the nearest, ties to even; what is too large becomes infinite; subnormal numbers are kept.

use half::f16;
use serde::{Deserialize, Serialize};

/// (2 − 2⁻¹⁰) · 2¹⁵
pub const LARGEST: f32 = 65_504.0;
/// 2⁻¹⁴: below it numbers are subnormal and lose digits.
pub const SMALLEST_NORMAL: f32 = 1.0 / 16_384.0;
/// 2⁻²⁴
pub const SMALLEST: f32 = 1.0 / 16_777_216.0;
/// 2⁻¹⁰: the distance from 1 to the next number.
pub const EPSILON: f32 = 9.765_625e-4;

/// The nearest float16 number.
///
/// The same as through [`f16`], which a test holds it to; without a branch, so that rows of numbers are rounded several
/// at a time, ten times as fast.
#[inline]
pub fn round(value: f32) -> f32 {
    let bits = value.to_bits();
    let sign = bits & 0x8000_0000;
    let magnitude = f32::from_bits(bits ^ sign);
    // 13 bits of the fraction go: half of the last that stays is added, or a little less before an even one.
    let even = (bits >> 13) & 1;
    let normal = f32::from_bits(((bits ^ sign).wrapping_add(0x0fff + even)) & 0xffff_e000);
    // Numbers from 1/2 to 1 stand 2⁻²⁴ apart in float32, as subnormal ones do in float16.
    let subnormal = (magnitude + 0.5) - 0.5;
    let finite = if magnitude < SMALLEST_NORMAL {
        subnormal
    } else {
        normal
    };
    // Also what was infinite; NaN compares as false and stays what it is.
    let rounded = if finite > LARGEST {
        f32::INFINITY
    } else {
        finite
    };
    let rounded = if value.is_nan() { value } else { rounded };
    f32::from_bits(rounded.to_bits() | sign)
}

/// [`round`] of every number, in place.
pub fn round_all(values: &mut [f32]) {
    for value in values {
        *value = round(*value);
    }
}

/// The bytes of numbers as float16, little-endian.
pub fn to_bytes(values: &[f32]) -> Vec<u8> {
    let halves = values.iter().map(|&value| f16::from_f32(value));
    halves.flat_map(f16::to_le_bytes).collect()
}

/// The numbers of bytes made by [`to_bytes`].
pub fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    let pairs = bytes.chunks_exact(2);
    pairs
        .map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f32())
        .collect()
}

/// What becomes of a number in float16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// It was 0.
    Zero,
    /// It is not 0, but becomes 0.
    Underflow,
    /// Below 2⁻¹⁴: kept with fewer digits.
    Subnormal,
    Normal,
    /// It becomes infinite, or was.
    Overflow,
    NotANumber,
}

impl Fate {
    pub fn of(value: f32) -> Self {
        Self::of_rounded(value == 0.0, f16::from_f32(value))
    }

    fn of_rounded(was_zero: bool, rounded: f16) -> Self {
        if rounded.is_nan() {
            return Self::NotANumber;
        }
        if rounded.is_infinite() {
            return Self::Overflow;
        }
        if rounded.is_normal() {
            return Self::Normal;
        }
        match (rounded == f16::ZERO, was_zero) {
            (false, _) => Self::Subnormal,
            (true, true) => Self::Zero,
            (true, false) => Self::Underflow,
        }
    }
}

/// The nearest float16 number of a float64 one.
///
/// By way of a float32 number that is rounded to odd: cut off, its last bit set where something was lost. It has two
/// bits more than float16 needs, so nothing is rounded twice. ([`f16::from_f64`] forgets the lower half of the digits.)
fn nearest(value: f64) -> f16 {
    let near = value as f32;
    if f64::from(near) == value || value.is_nan() {
        return f16::from_f32(near);
    }
    let is_beyond = f64::from(near).abs() > value.abs();
    let cut = near.to_bits() - u32::from(is_beyond);
    f16::from_f32(f32::from_bits(cut | 1))
}

/// One number and what float16 makes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conversion {
    pub value: f64,
    pub bits: u16,
    /// What is stored.
    pub stored: f64,
    pub fate: Fate,
}

impl Conversion {
    pub fn new(value: f64) -> Self {
        let rounded = nearest(value);
        Self {
            value,
            bits: rounded.to_bits(),
            stored: rounded.to_f64(),
            fate: Fate::of_rounded(value == 0.0, rounded),
        }
    }

    /// Sign, exponent and fraction as digits 0 and 1: 1, 5 and 10 of them.
    pub fn fields(&self) -> [String; 3] {
        let digits = format!("{:016b}", self.bits);
        [&digits[..1], &digits[1..6], &digits[6..]].map(Into::into)
    }

    /// What is stored less what was meant.
    pub fn error(&self) -> f64 {
        self.stored - self.value
    }

    /// The error as a share of the number; `None` of 0.
    pub fn relative_error(&self) -> Option<f64> {
        (self.value != 0.0).then(|| self.error() / self.value)
    }
}
