//! Magnitude pruning: the weights nearest to zero become exactly zero. Biases stay. Gradual: Zhu and Gupta,
//! 2017, "To prune, or not to prune".

use super::CompressError;
use super::network::is_weight;
use crate::export::NamedTensor;
use serde::{Deserialize, Serialize};

/// The highest share of weights that can be asked to be zero; beyond it hardly a path leads through the network.
pub const MAX_SPARSITY: f64 = 0.999;

/// Among which weights the smallest are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// One threshold for all weights of the network.
    #[default]
    Global,
    /// The same share of every layer.
    Layer,
}

impl Scope {
    pub const ALL: [Self; 2] = [Self::Global, Self::Layer];

    /// Its spelling in links and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Layer => "layer",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// Which weights stay.
#[derive(Clone, Debug, PartialEq)]
pub struct Masks {
    /// For each tensor whether each value stays; `None` for one that is not pruned.
    of_tensor: Vec<Option<Vec<bool>>>,
    /// The largest |w| that was pruned; `None` when nothing was.
    pub threshold: Option<f32>,
}

impl Masks {
    /// Keeps all but the `sparsity` share of weights of smallest magnitude: exactly round(`sparsity` · n) of n are
    /// pruned, as by PyTorch. Among equals the first go first.
    ///
    /// # Errors
    /// When the sparsity is out of range.
    pub fn new(
        tensors: &[NamedTensor],
        sparsity: f64,
        scope: Scope,
    ) -> Result<Self, CompressError> {
        check_sparsity(sparsity)?;
        let mut masks = Self {
            of_tensor: tensors
                .iter()
                .map(|tensor| is_weight(tensor).then(|| vec![true; tensor.values.len()]))
                .collect(),
            threshold: None,
        };
        let weights = (0..tensors.len()).filter(|&at| is_weight(&tensors[at]));
        match scope {
            Scope::Global => masks.prune(tensors, &weights.collect::<Vec<_>>(), sparsity),
            Scope::Layer => weights.for_each(|at| masks.prune(tensors, &[at], sparsity)),
        }
        Ok(masks)
    }

    /// Prunes among the weights of `chosen` tensors together.
    fn prune(&mut self, tensors: &[NamedTensor], chosen: &[usize], sparsity: f64) {
        let values = || chosen.iter().flat_map(|&tensor| &tensors[tensor].values);
        let total = values().count();
        let count = (sparsity * total as f64).round_ties_even() as usize;
        if count == 0 {
            return;
        }
        // Bits of numbers without a sign are in the order of the numbers; among equals the place decides.
        let keys = (0u64..).zip(values());
        let mut keys: Vec<u64> = keys
            .map(|(place, value)| (u64::from(value.abs().to_bits()) << 32) | place)
            .collect();
        let (_, &mut last, _) = keys.select_nth_unstable(count - 1);
        let mut place = 0u64;
        for &tensor in chosen {
            let Some(mask) = &mut self.of_tensor[tensor] else {
                continue;
            };
            for (stays, value) in mask.iter_mut().zip(&tensors[tensor].values) {
                *stays = (u64::from(value.abs().to_bits()) << 32) | place > last;
                place += 1;
            }
        }
        let largest = f32::from_bits((last >> 32) as u32);
        self.threshold = Some(self.threshold.map_or(largest, |known| known.max(largest)));
    }

    /// Whether each value of a tensor stays; `None` where all do.
    pub fn of(&self, tensor: usize) -> Option<&[bool]> {
        self.of_tensor[tensor].as_deref()
    }

    /// Sets the pruned values of tensor number `tensor` to 0.
    pub fn apply_to(&self, tensor: usize, values: &mut [f32]) {
        if let Some(mask) = self.of(tensor) {
            for (value, _) in values.iter_mut().zip(mask).filter(|(_, stays)| !**stays) {
                *value = 0.0;
            }
        }
    }

    /// Sets all pruned values to 0.
    pub fn apply(&self, tensors: &mut [NamedTensor]) {
        for (number, tensor) in tensors.iter_mut().enumerate() {
            self.apply_to(number, &mut tensor.values);
        }
    }
}

pub(super) fn check_sparsity(sparsity: f64) -> Result<(), CompressError> {
    if (0.0..=MAX_SPARSITY).contains(&sparsity) {
        return Ok(());
    }
    Err(CompressError::BadSparsity { sparsity })
}

/// `s = s_f (1 − (1 − t/T)³)`: the sparsity after `t` of `T` prunings on the way from 0 to `last`; fast while much is
/// redundant, slower towards the end (Zhu and Gupta, 2017, equation 1 with s_i = 0).
pub fn gradual_sparsity(last: f64, t: u32, of: u32) -> f64 {
    let left = 1.0 - f64::from(t.min(of)) / f64::from(of.max(1));
    last * (1.0 - left.powi(3))
}
