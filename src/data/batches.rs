//! The order of samples: a function of seed and step alone, the same on every machine.
//!
//! Any step can be asked for at any time, so stepping back and replaying meet the same batches.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::error::DataError;

/// Fills the generator's key after the seed, so that no other use of the same seed meets the same numbers.
const KEY_DOMAIN: &[u8; 24] = b"glassbox epoch order v1\0";

/// The order of `count` samples in one epoch: a permutation of 0 to `count` - 1.
///
/// Fisher-Yates over ChaCha8 with key (seed, domain) and the epoch as its stream. Equal on native and wasm.
pub fn epoch_order(seed: u64, epoch: u64, count: u32) -> Vec<u32> {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..].copy_from_slice(KEY_DOMAIN);
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(epoch);

    let mut order: Vec<u32> = (0..count).collect();
    for last in (1..count).rev() {
        let other = below(&mut generator, last + 1);
        order.swap(last as usize, other as usize);
    }
    order
}

/// A number in 0 to `bound` - 1, each equally likely; `bound` is at least 1.
///
/// Written out because a library may change how it draws: Lemire, "Fast Random Integer Generation in an
/// Interval", 2019, algorithm 5, without its shortcut.
fn below(generator: &mut ChaCha8Rng, bound: u32) -> u32 {
    // 2^32 mod bound: low halves under it are the surplus that would favour some numbers.
    let surplus = bound.wrapping_neg() % bound;
    loop {
        let product = u64::from(generator.next_u32()) * u64::from(bound);
        if product as u32 >= surplus {
            return (product >> 32) as u32;
        }
    }
}

/// How samples are ordered within an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// As in the file, every epoch.
    File,
    /// Anew in each epoch.
    Shuffled { seed: u64 },
}

/// Which samples belong to each step.
///
/// An epoch visits every sample once; its last batch holds the rest and may be smaller.
#[derive(Clone, Debug)]
pub struct BatchSchedule {
    order: Order,
    count: u32,
    batch_size: u32,
    /// The last epoch asked for, with its order.
    cached: Option<(u64, Vec<u32>)>,
}

/// The samples of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch<'a> {
    /// The step asked for, counted from 0 over all epochs.
    pub step: u64,
    /// Epoch of the step, from 0.
    pub epoch: u64,
    /// Batch within the epoch, from 0.
    pub batch_in_epoch: u32,
    /// True for the last batch of its epoch.
    pub ends_epoch: bool,
    /// Samples of the batch: at least 1, at most the batch size.
    pub indices: &'a [u32],
    /// The batch size: how many samples a plan has room for.
    pub capacity: u32,
}

impl Batch<'_> {
    /// How many of [`Self::padded`]'s indices count.
    pub fn valid(&self) -> u32 {
        self.indices.len() as u32
    }

    /// `capacity` indices: those of the batch, then 0s that are only there to fill buffers.
    pub fn padded(&self) -> impl Iterator<Item = u32> {
        let fill = self.capacity as usize - self.indices.len();
        self.indices
            .iter()
            .copied()
            .chain(std::iter::repeat_n(0, fill))
    }
}

impl BatchSchedule {
    /// Every epoch in its own order, drawn from `seed`. `batch_size` may exceed `count`: full batches.
    ///
    /// # Errors
    /// When `count` or `batch_size` is 0.
    pub fn shuffled(seed: u64, count: u32, batch_size: u32) -> Result<Self, DataError> {
        Self::new(Order::Shuffled { seed }, count, batch_size)
    }

    /// Every epoch in file order, for evaluation.
    ///
    /// # Errors
    /// When `count` or `batch_size` is 0.
    pub fn in_file_order(count: u32, batch_size: u32) -> Result<Self, DataError> {
        Self::new(Order::File, count, batch_size)
    }

    fn new(order: Order, count: u32, batch_size: u32) -> Result<Self, DataError> {
        if count == 0 {
            return Err(DataError::Empty {
                who: "batches".to_string(),
            });
        }
        if batch_size == 0 {
            return Err(DataError::ZeroBatchSize);
        }
        Ok(Self {
            order,
            count,
            batch_size,
            cached: None,
        })
    }

    /// Batches in one epoch, the last partial one included.
    pub fn steps_per_epoch(&self) -> u32 {
        self.count.div_ceil(self.batch_size)
    }

    /// The batch of a step, counted from 0 over all epochs. Steps may be asked for in any order; going on within
    /// an epoch costs nothing, entering another draws its order.
    pub fn at(&mut self, step: u64) -> Batch<'_> {
        let steps = self.steps_per_epoch();
        let epoch = step / u64::from(steps);
        // Less than `steps`, so it fits.
        let batch_in_epoch = (step % u64::from(steps)) as u32;
        let start = batch_in_epoch * self.batch_size;
        let end = self.count.min(start.saturating_add(self.batch_size));
        let capacity = self.batch_size;
        Batch {
            step,
            epoch,
            batch_in_epoch,
            ends_epoch: batch_in_epoch + 1 == steps,
            indices: &self.order_of(epoch)[start as usize..end as usize],
            capacity,
        }
    }

    fn order_of(&mut self, epoch: u64) -> &[u32] {
        // File order is the same in every epoch: epoch 0 stands for all.
        let epoch = if self.order == Order::File { 0 } else { epoch };
        if self
            .cached
            .as_ref()
            .is_none_or(|(cached, _)| *cached != epoch)
        {
            let order = match self.order {
                Order::File => (0..self.count).collect(),
                Order::Shuffled { seed } => epoch_order(seed, epoch, self.count),
            };
            self.cached = Some((epoch, order));
        }
        &self.cached.as_ref().expect("just set").1
    }
}
