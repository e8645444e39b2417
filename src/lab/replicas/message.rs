//! What the coordinator and the replicas say to each other. Plain enums, so that they travel as postcard.

use crate::lab::ring::Message;
use crate::optim::OptimizerKind;
use serde::{Deserialize, Serialize};

/// How a replica is built.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// `linear`, or the name of a preset.
    pub subject: String,
    pub seed: u64,
    pub optimizer: OptimizerKind,
    pub learning_rate: f32,
    /// Most samples of one forward and backward pass.
    pub capacity: u32,
    /// What it starts from; `None`: the initial weights of the seed.
    pub state: Option<State>,
}

/// What a replica would need to go on elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Updates done.
    pub updates: u64,
    /// All parameters, one after the other.
    pub parameters: Vec<f32>,
    /// The optimizer's states, each one row over all parameters.
    pub optimizer: Vec<Vec<f32>>,
}

/// What goes round the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exchanged {
    Gradients,
    Parameters,
    /// One number.
    Loss,
}

/// What a replica computes before the ring begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Counts all attempts of the run: what belongs to another one is not meant any more.
    pub attempt: u32,
    /// The samples of each forward and backward pass. All but those of one pass of gradients are followed by an update.
    pub batches: Vec<Vec<u32>>,
    pub exchanged: Exchanged,
    /// What is sent is multiplied by this first.
    pub weight: f64,
    /// Place in the ring.
    pub position: u32,
    /// Replicas in the ring.
    pub ring: u32,
}

/// To a replica.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Answered by [`Event::Ready`]; replaces a replica of that number.
    Build { replica: u32, setup: Setup },
    /// Answered by [`Event::Computed`], and by the first message of the ring or, alone, by [`Event::Reduced`].
    Compute { replica: u32, task: Task },
    /// A message of the ring arrives; answered by the next one, or by [`Event::Reduced`].
    Deliver {
        replica: u32,
        attempt: u32,
        message: Message,
        values: Vec<f32>,
    },
    /// The result of the ring is taken over; answered by [`Event::Applied`].
    Apply { replica: u32, attempt: u32 },
    /// Back to before the task; answered by [`Event::Undone`].
    Undo { replica: u32, attempt: u32 },
    /// Answered by [`Event::Told`].
    Tell { replica: u32 },
    /// Answered by [`Event::Saved`].
    Save { replica: u32 },
    /// Forgets the replica; not answered.
    Dismiss { replica: u32 },
}

impl Command {
    /// Whom it is for.
    pub fn replica(&self) -> u32 {
        match self {
            Self::Build { replica, .. }
            | Self::Compute { replica, .. }
            | Self::Deliver { replica, .. }
            | Self::Apply { replica, .. }
            | Self::Undo { replica, .. }
            | Self::Tell { replica }
            | Self::Save { replica }
            | Self::Dismiss { replica } => *replica,
        }
    }
}

/// What a replica is, once it is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaFacts {
    /// Numbers that it learns.
    pub parameters: u64,
    /// Samples to learn from.
    pub train_count: u32,
    /// Samples that it is measured on.
    pub measured_count: u32,
    /// Whether these are the training samples themselves.
    pub measured_is_train: bool,
}

/// From a replica.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    Ready {
        replica: u32,
        facts: ReplicaFacts,
    },
    Computed {
        replica: u32,
        attempt: u32,
        /// The mean over its samples, before the update, of every pass.
        losses: Vec<f64>,
        /// L2 norm of its own last gradient.
        gradient_norm: f64,
        /// Measured.
        millis: f64,
    },
    /// A message on its way to another replica.
    Sent {
        attempt: u32,
        message: Message,
        values: Vec<f32>,
    },
    /// The replica holds the whole result of the ring.
    Reduced {
        replica: u32,
        attempt: u32,
    },
    Applied {
        replica: u32,
        attempt: u32,
        /// The first number of the result: the sum of the losses where these went round.
        first: f64,
        /// Measured.
        millis: f64,
    },
    Undone {
        replica: u32,
        attempt: u32,
    },
    Told {
        replica: u32,
        /// The mean over the samples that all replicas are measured on.
        loss: f64,
        parameters: Vec<f32>,
    },
    Saved {
        replica: u32,
        state: State,
    },
    Failed {
        replica: u32,
        error: ReplicaError,
    },
}

/// Why a replica cannot do what it is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum ReplicaError {
    #[error("there is neither a preset nor a model called \"{name}\"")]
    Subject { name: String },
    #[error("the samples of {subject} are not there: {message}")]
    Samples { subject: String, message: String },
    #[error(
        "layer \"{layer}\" is a {kind}: its result depends on which samples share a batch, so shards would not add up to \
         the whole batch"
    )]
    Layer { layer: String, kind: String },
    #[error("{message}")]
    Model { message: String },
    #[error("replica {replica} has not been built")]
    Missing { replica: u32 },
    #[error("replica {replica}: {what} has {actual} numbers, expected {expected}")]
    Length {
        replica: u32,
        what: String,
        actual: usize,
        expected: usize,
    },
    #[error("replica {replica}: sample {sample} is asked for, there are {count}")]
    Sample {
        replica: u32,
        sample: u32,
        count: u32,
    },
    #[error("replica {replica}: {actual} samples for one pass, expected 1 to {capacity}")]
    Batch {
        replica: u32,
        actual: usize,
        capacity: u32,
    },
    #[error("replica {replica}: a message of round {actual} arrived, expected round {expected}")]
    Round {
        replica: u32,
        actual: usize,
        expected: usize,
    },
}
