//! What a run of several replicas is asked for, and what is refused before anything is built.

use crate::optim::{MAX_LEARNING_RATE, OptimizerKind};
use serde::{Deserialize, Serialize};

/// Most replicas of a run.
pub const MAX_REPLICAS: u32 = 16;

/// Largest batch of a step.
const MAX_BATCH: u32 = 65_536;

/// Longest run: a record of every step is kept.
pub const MAX_STEPS: u64 = 1_000_000;

/// Most updates of a replica between two averagings.
pub const MAX_LOCAL_STEPS: u32 = 1_000;

/// How what the replicas computed is combined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// `g = Σᵣ (nᵣ/n) gᵣ`: the gradient of the whole batch.
    #[default]
    Mean,
    /// `g = Σᵣ gᵣ`, without the division: exercise X16.
    Sum,
    /// The losses are added up, the gradients stay where they are, and the first replica alone takes a step: exercise
    /// X14.
    Rank0,
    /// Every replica takes steps of its own, then `w = Σₖ (nₖ/n) wₖ`. McMahan et al. 2017, arXiv 1602.05629.
    Federated,
}

impl Mode {
    pub const ALL: [Self; 4] = [Self::Mean, Self::Sum, Self::Rank0, Self::Federated];

    /// Its spelling in links and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Sum => "sum",
            Self::Rank0 => "rank0",
            Self::Federated => "federated",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// A run of several replicas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// `linear`, or the name of a preset.
    pub subject: String,
    /// Of the initial weights and of the order of the samples.
    pub seed: u64,
    pub replicas: u32,
    pub mode: Mode,
    pub optimizer: OptimizerKind,
    /// The same at every step.
    pub learning_rate: f32,
    /// Samples of a step, of all replicas together.
    pub batch: u32,
    /// The last batch of an epoch is passed over where it has fewer samples than this, or than there are replicas. A run
    /// that is to see the batches of one with more replicas names their number here.
    pub least_batch: u32,
    /// Federated: updates of each replica between two averagings.
    pub local_steps: u32,
    /// Federated: how the samples are shared out, a number for each replica; none for equal shards.
    pub shares: Vec<u32>,
    /// Between neighbours of the ring, in bytes a second: for the modelled time alone.
    pub bandwidth: f64,
    /// Of one message, in seconds: for the modelled time alone.
    pub latency: f64,
    /// The replicas tell their parameters and their loss on the common samples after every so many steps.
    pub tell_every: u32,
}

/// Numbers for people: `1, 2, 4`.
fn list(numbers: &[u32]) -> String {
    let texts: Vec<String> = numbers.iter().map(u32::to_string).collect();
    texts.join(", ")
}

/// A setting that does not fit, and what would.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum SettingsError {
    #[error("the number of replicas is {actual}, expected a whole number from 1 to {MAX_REPLICAS}")]
    Replicas { actual: u32 },
    #[error(
        "{replicas} replicas don't divide a batch of {batch} samples: the plain mean of data parallelism would count \
         shards of different sizes alike; {} do", list(.fitting)
    )]
    Indivisible {
        replicas: u32,
        batch: u32,
        /// Numbers of replicas that divide the batch.
        fitting: Vec<u32>,
    },
    #[error("the batch is {actual} samples, expected 1 to {largest}")]
    Batch { actual: u32, largest: u32 },
    #[error("the bandwidth is {actual} bytes a second, expected a number above 0")]
    Bandwidth { actual: f64 },
    #[error("the latency is {actual} seconds, expected 0 or a number above it")]
    Latency { actual: f64 },
    #[error(
        "the learning rate is {actual}, expected a number above 0 and at most {MAX_LEARNING_RATE}"
    )]
    LearningRate { actual: f32 },
    #[error("{actual} local steps, expected 1 to {MAX_LOCAL_STEPS}")]
    LocalSteps { actual: u32 },
    #[error(
        "shares {}, expected a whole number above 0 for each of the {replicas} replicas",
        list(.shares)
    )]
    Shares { shares: Vec<u32>, replicas: u32 },
    #[error("{samples} samples in shares {} leave replica {replica} without any", list(.shares))]
    EmptyShard {
        replica: u32,
        samples: u32,
        shares: Vec<u32>,
    },
}

impl Settings {
    /// Four replicas of the linear regression by SGD; a ring of 10 Gbit/s and 50 µs.
    pub fn linear() -> Self {
        Self {
            subject: super::LINEAR.id.into(),
            seed: 1,
            replicas: 4,
            mode: Mode::Mean,
            optimizer: OptimizerKind::Sgd,
            learning_rate: 0.05,
            batch: super::subject::LINEAR_SAMPLES,
            least_batch: 1,
            local_steps: 5,
            shares: Vec::new(),
            bandwidth: 1.25e9,
            latency: 50e-6,
            tell_every: 1,
        }
    }

    /// Four replicas of a preset, with its own batch and optimizer at a constant rate.
    pub fn of_preset(preset: &crate::models::Preset) -> Self {
        Self {
            subject: preset.id.into(),
            optimizer: preset.defaults.optimizer,
            learning_rate: preset.defaults.learning_rate,
            batch: preset.defaults.batch,
            tell_every: 5,
            ..Self::linear()
        }
    }

    /// Everything that needs no samples to be checked.
    ///
    /// # Errors
    /// Names the first setting that does not fit.
    pub fn check(&self) -> Result<(), SettingsError> {
        let &Self {
            replicas, batch, ..
        } = self;
        if replicas == 0 || replicas > MAX_REPLICAS {
            return Err(SettingsError::Replicas { actual: replicas });
        }
        if batch == 0 || batch > MAX_BATCH {
            return Err(SettingsError::Batch {
                actual: batch,
                largest: MAX_BATCH,
            });
        }
        if self.mode != Mode::Federated && !batch.is_multiple_of(replicas) {
            return Err(SettingsError::Indivisible {
                replicas,
                batch,
                fitting: (1..=MAX_REPLICAS)
                    .filter(|&count| batch.is_multiple_of(count))
                    .collect(),
            });
        }
        if !(self.bandwidth > 0.0 && self.bandwidth.is_finite()) {
            return Err(SettingsError::Bandwidth {
                actual: self.bandwidth,
            });
        }
        if !(self.latency >= 0.0 && self.latency.is_finite()) {
            return Err(SettingsError::Latency {
                actual: self.latency,
            });
        }
        let rate = self.learning_rate;
        if !(rate > 0.0 && rate <= MAX_LEARNING_RATE) {
            return Err(SettingsError::LearningRate { actual: rate });
        }
        if self.local_steps == 0 || self.local_steps > MAX_LOCAL_STEPS {
            return Err(SettingsError::LocalSteps {
                actual: self.local_steps,
            });
        }
        let shares = &self.shares;
        let fits = shares.len() == replicas as usize && shares.iter().all(|&share| share > 0);
        if !shares.is_empty() && !fits {
            return Err(SettingsError::Shares {
                shares: shares.clone(),
                replicas,
            });
        }
        Ok(())
    }

    /// Where the shards of `samples` samples begin and end: one for each replica, by its share.
    ///
    /// # Errors
    /// When a shard would be empty.
    pub fn shards(&self, samples: u32) -> Result<Vec<std::ops::Range<u32>>, SettingsError> {
        let shares: Vec<u64> = match self.shares[..] {
            [] => vec![1; self.replicas as usize],
            ref shares => shares.iter().map(|&share| share.into()).collect(),
        };
        let total: u64 = shares.iter().sum();
        let mut before = 0;
        let mut shards = Vec::with_capacity(shares.len());
        for (replica, share) in shares.iter().enumerate() {
            let place = |share: u64| (u64::from(samples) * share / total) as u32;
            let shard = place(before)..place(before + share);
            if shard.is_empty() {
                return Err(SettingsError::EmptyShard {
                    replica: replica as u32,
                    samples,
                    shares: self.shares.clone(),
                });
            }
            shards.push(shard);
            before += share;
        }
        Ok(shards)
    }
}
