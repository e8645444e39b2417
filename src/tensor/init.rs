//! Seeded initial values: a portable, counter-based generator, so that the same
//! seed gives the same weights natively and in the page.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Independent random numbers for (seed, stream): one stream for each parameter.
pub fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(stream);
    generator
}

/// `count` values uniform in [-bound, bound), in steps of bound / 2^23.
pub fn uniform(generator: &mut ChaCha8Rng, bound: f32, count: usize) -> Vec<f32> {
    (0..count)
        .map(|_| {
            // 24 bits are what an f32 holds exactly.
            let unit = (generator.next_u32() >> 8) as f32 / (1u32 << 24) as f32;
            bound * (2.0 * unit - 1.0)
        })
        .collect()
}

/// PyTorch's default for linear and convolution layers, weight and bias alike:
/// uniform within 1 / sqrt(fan_in) (`nn.Linear.reset_parameters`).
pub fn pytorch_default(seed: u64, stream: u64, fan_in: usize, count: usize) -> Vec<f32> {
    let bound = 1.0 / (fan_in.max(1) as f32).sqrt();
    uniform(&mut generator(seed, stream), bound, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_depend_on_seed_and_stream_alone() {
        let first = pytorch_default(1, 0, 25, 8);
        assert_eq!(first, pytorch_default(1, 0, 25, 8));
        assert_ne!(first, pytorch_default(2, 0, 25, 8));
        assert_ne!(first, pytorch_default(1, 1, 25, 8));
        assert!(first.iter().all(|v| v.abs() <= 0.2));
    }

    #[test]
    fn uniform_values_have_the_variance_of_their_bound() {
        let values = pytorch_default(3, 0, 1, 100_000);
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / 1e5;
        let variance = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / 1e5;
        // Standard errors: 0.0018 and 0.0009.
        assert!(mean.abs() < 0.01, "mean {mean}");
        assert!((variance - 1.0 / 3.0).abs() < 0.01, "variance {variance}");
    }
}
