//! How each training image is moved and mirrored: a function of (seed, epoch, sample) alone.
//!
//! The numbers are drawn here and travel with the order of the samples; `ops::Augment` applies them on the
//! device. So both executors, and a replayed step, see the same images.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Fills the generator's key after the seed, so that no other use of the same seed meets the same numbers.
const KEY_DOMAIN: &[u8; 24] = b"glassbox augmentation v1";

/// What may happen to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Augmentation {
    /// P: zeros added on every side before the crop, in pixels; a shift by up to P each way.
    pub margin: u32,
    /// Whether half of the images are mirrored, left to right.
    pub flip: bool,
}

/// What happens to one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transform {
    /// Row of the crop's corner, 0 to 2 · margin.
    pub top: u32,
    /// Column of the crop's corner, 0 to 2 · margin.
    pub left: u32,
    /// 1 where the crop is mirrored, else 0.
    pub flip: u32,
}

impl Augmentation {
    /// Leaves an image as it is: held-out samples.
    pub fn identity(self) -> Transform {
        Transform {
            top: self.margin,
            left: self.margin,
            flip: 0,
        }
    }

    /// Draws for one training sample in one epoch: each corner and each side equally likely.
    pub fn draw(self, seed: u64, epoch: u64, sample: u32) -> Transform {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..].copy_from_slice(KEY_DOMAIN);
        let mut generator = ChaCha8Rng::from_seed(key);
        // Epochs past 2³² would repeat: nobody trains that long.
        generator.set_stream(epoch << 32 | u64::from(sample));
        let corners = u64::from(2 * self.margin + 1);
        // The high half of a product: off from equally likely by corners / 2³² at most.
        let mut corner = || ((u64::from(generator.next_u32()) * corners) >> 32) as u32;
        let (top, left) = (corner(), corner());
        let flip = u32::from(self.flip) & (generator.next_u32() >> 31);
        Transform { top, left, flip }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_depend_on_seed_epoch_and_sample_alone_and_reach_everything() {
        let augmentation = Augmentation {
            margin: 2,
            flip: true,
        };
        let draws = |seed, epoch| -> Vec<Transform> {
            (0..2_000)
                .map(|sample| augmentation.draw(seed, epoch, sample))
                .collect()
        };
        let first = draws(1, 0);
        assert_eq!(first, draws(1, 0));
        assert_ne!(first, draws(2, 0));
        assert_ne!(first, draws(1, 1));
        for corner in 0..5 {
            let share = |select: fn(&Transform) -> u32| {
                first.iter().filter(|draw| select(draw) == corner).count()
            };
            // 400 expected, standard deviation 18.
            assert!((310..490).contains(&share(|draw| draw.top)));
            assert!((310..490).contains(&share(|draw| draw.left)));
        }
        let flipped: u32 = first.iter().map(|draw| draw.flip).sum();
        assert!((880..1_120).contains(&flipped), "{flipped}");
        assert!(first.iter().all(|draw| draw.top < 5 && draw.left < 5));
    }

    #[test]
    fn without_flip_nothing_is_mirrored_and_the_identity_is_the_middle() {
        let augmentation = Augmentation {
            margin: 4,
            flip: false,
        };
        let flips = (0..100).map(|sample| augmentation.draw(3, 0, sample).flip);
        assert_eq!(flips.sum::<u32>(), 0);
        let identity = Transform {
            top: 4,
            left: 4,
            flip: 0,
        };
        assert_eq!(augmentation.identity(), identity);
    }
}
