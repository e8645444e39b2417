//! How large gradients are, and what float16 would make of them.

use super::float16::Fate;
use crate::graph::Graph;
use serde::{Deserialize, Serialize};

/// Exponents of the first and the last bin; what lies outside counts in them.
pub const LOWEST_EXPONENT: i32 = -40;
pub const HIGHEST_EXPONENT: i32 = 16;
/// Bins of a histogram.
pub const BINS: usize = (HIGHEST_EXPONENT - LOWEST_EXPONENT + 1) as usize;

/// How many numbers meet which fate in float16.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fates {
    /// They are 0 in float32 too.
    pub zero: u32,
    pub underflow: u32,
    pub subnormal: u32,
    pub normal: u32,
    /// Infinite or NaN.
    pub overflow: u32,
}

impl Fates {
    /// Of numbers times `scale`.
    pub fn of(values: &[f32], scale: f32) -> Self {
        let mut fates = Self::default();
        for &value in values {
            *match Fate::of(value * scale) {
                _ if value == 0.0 => &mut fates.zero,
                // The product is so small that float32 loses it too.
                Fate::Zero | Fate::Underflow => &mut fates.underflow,
                Fate::Subnormal => &mut fates.subnormal,
                Fate::Normal => &mut fates.normal,
                Fate::Overflow | Fate::NotANumber => &mut fates.overflow,
            } += 1;
        }
        fates
    }

    pub fn total(&self) -> u32 {
        self.zero + self.underflow + self.subnormal + self.normal + self.overflow
    }

    pub fn add(&mut self, other: &Self) {
        self.zero += other.zero;
        self.underflow += other.underflow;
        self.subnormal += other.subnormal;
        self.normal += other.normal;
        self.overflow += other.overflow;
    }
}

/// The gradients of one parameter, in float32.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerGradients {
    /// Of the parameter: `conv1.weight`.
    pub name: String,
    /// How many have which exponent ⌊log₂|g|⌋, from [`LOWEST_EXPONENT`] on; zeros count in none.
    pub bins: Vec<u32>,
    pub unscaled: Fates,
    pub scaled: Fates,
}

impl LayerGradients {
    pub fn new(name: &str, gradients: &[f32], scale: f32) -> Self {
        let mut bins = vec![0; BINS];
        for exponent in gradients.iter().filter_map(|&gradient| exponent(gradient)) {
            let bin = exponent.clamp(LOWEST_EXPONENT, HIGHEST_EXPONENT) - LOWEST_EXPONENT;
            bins[bin as usize] += 1;
        }
        Self {
            name: name.into(),
            bins,
            unscaled: Fates::of(gradients, 1.0),
            scaled: Fates::of(gradients, scale),
        }
    }

    /// Those of all parameters of a graph, from the row of all gradients.
    pub fn of_graph(graph: &Graph, row: &[f32], scale: f32) -> Vec<Self> {
        let parameters = graph.parameters().into_iter();
        parameters
            .map(|parameter| {
                let value = graph.value(parameter);
                // Gradients lie in their row as the parameters do in theirs.
                let (_, offset) = graph.storage(parameter);
                let own = &row[offset..offset + value.shape.count()];
                Self::new(&value.name, own, scale)
            })
            .collect()
    }
}

/// ⌊log₂|x|⌋; `None` of 0, of the infinite and of NaN.
pub fn exponent(value: f32) -> Option<i32> {
    if value == 0.0 || !value.is_finite() {
        return None;
    }
    let biased = (value.to_bits() >> 23 & 0xff) as i32;
    if biased > 0 {
        return Some(biased - 127);
    }
    // Subnormal in float32: the place of the first bit of the fraction.
    let fraction = value.to_bits() & 0x007f_ffff;
    Some(-118 - fraction.leading_zeros() as i32)
}
