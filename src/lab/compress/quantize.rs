//! Symmetric quantization: weights as whole multiples of a scale.

use super::CompressError;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Bits of a level.
pub const BITS: RangeInclusive<u8> = 2..=8;

/// What has a scale of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Granularity {
    /// A weight tensor.
    #[default]
    Tensor,
    /// Every output channel: row 0, 1, … of axis 0.
    Channel,
}

impl Granularity {
    pub const ALL: [Self; 2] = [Self::Tensor, Self::Channel];

    /// Its spelling in links and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tensor => "tensor",
            Self::Channel => "channel",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|per| per.name() == name)
    }

    /// Scales of a tensor with this many output channels.
    pub fn scales(self, channels: usize) -> usize {
        match self {
            Self::Tensor => 1,
            Self::Channel => channels,
        }
    }
}

/// `2^(b−1) − 1`: the largest level of `b` bits.
///
/// # Errors
/// For 1 bit, which has none, and for bits out of range.
pub fn levels(bits: u8) -> Result<i8, CompressError> {
    match bits {
        1 => Err(CompressError::OneBit),
        bits if BITS.contains(&bits) => Ok(((1u16 << (bits - 1)) - 1) as i8),
        bits => Err(CompressError::BadBits { bits: bits.into() }),
    }
}

/// Weights `w ≈ level · scale`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantized {
    pub bits: u8,
    /// One, or one for each run of `levels.len() / scales.len()` levels; from 0.
    pub scales: Vec<f32>,
    /// From −(2^(b−1) − 1) to 2^(b−1) − 1.
    pub levels: Vec<i8>,
}

impl Quantized {
    /// `q = clamp(round(w/Δ), ±(2^(b−1) − 1))` with `Δ = max|w| / (2^(b−1) − 1)`, halves to the even level, as
    /// `torch.round`. Values are finite and channels equally long. Where all are 0, so is Δ.
    ///
    /// # Errors
    /// When the bits are out of range.
    pub fn new(values: &[f32], scales: usize, bits: u8) -> Result<Self, CompressError> {
        let largest_level = f32::from(levels(bits)?);
        let length = (values.len() / scales).max(1);
        let mut quantized = Self {
            bits,
            scales: Vec::with_capacity(scales),
            levels: Vec::with_capacity(values.len()),
        };
        for channel in values.chunks(length) {
            let largest = channel.iter().fold(0.0f32, |m, v| m.max(v.abs()));
            let scale = largest / largest_level;
            quantized.scales.push(scale);
            quantized.levels.extend(channel.iter().map(|&value| {
                // A scale so small that it rounds to 0 has only zeros.
                let level = if scale > 0.0 { value / scale } else { 0.0 };
                level.round_ties_even().clamp(-largest_level, largest_level) as i8
            }));
        }
        Ok(quantized)
    }

    /// `q · Δ`
    pub fn values(&self) -> Vec<f32> {
        let length = (self.levels.len() / self.scales.len().max(1)).max(1);
        let channels = self.levels.chunks(length).zip(&self.scales);
        channels
            .flat_map(|(levels, &scale)| levels.iter().map(move |&level| value_of(level, scale)))
            .collect()
    }
}

/// `level · scale`; level 0 is +0.
pub(super) fn value_of(level: i8, scale: f32) -> f32 {
    if level == 0 {
        0.0
    } else {
        f32::from(level) * scale
    }
}
