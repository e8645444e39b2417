//! What the instrument is asked and what it reports: plain data.

use super::{CompressError, Granularity, Halves, Histogram, Part, Scope};
use serde::{Deserialize, Serialize};

/// What the instrument is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Trains the network that is then compressed; answered by [`Event::Base`] and [`Event::Tried`].
    Train(TrainSettings),
    /// Takes weights that were saved as safetensors in place of training.
    LoadBase { bytes: Vec<u8> },
    /// Compresses and measures; answered by [`Event::Tried`].
    Try(Recipe),
    /// Teaches a student what the trained network knows; answered by [`Event::Tried`], of the student as it is.
    Distil(DistilSettings),
    /// The compressed file of a try; answered by [`Event::Saved`].
    Save { number: u32 },
    /// Reads a compressed file and measures it; answered by [`Event::Loaded`].
    Load { bytes: Vec<u8> },
    /// Trains networks 784-d-10 of growing d and measures the loss of what they learned from (exercise X15); answered by
    /// an [`Event::Sized`] for each.
    Sizes { seed: u64 },
    /// Tells again what there is: [`Event::Base`] and an [`Event::Tried`] for each try.
    Recall,
    /// Ends what is under way; answered by [`Event::Cancelled`].
    Cancel,
    /// Forgets all tries but the first, which is the network as trained; answered by [`Event::Cleared`].
    Clear,
}

/// How to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainSettings {
    /// Id of a preset, such as `lenet5-mnist`.
    pub network: String,
    pub epochs: Option<u32>,
    pub learning_rate: Option<f32>,
    pub seed: u64,
}

/// What is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    #[default]
    Base,
    /// The student that was distilled last.
    Student,
}

/// How a network is compressed: pruned, then quantized. The same recipe on the same network gives the same bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    pub origin: Origin,
    /// Share of the weights that become 0, from 0 to [`super::MAX_SPARSITY`].
    pub sparsity: f64,
    pub scope: Scope,
    /// 2 to 8; `None` leaves 32-bit floats.
    pub bits: Option<u8>,
    pub granularity: Granularity,
    /// Training of the weights that stay, before they are quantized.
    pub fine_tune: Option<FineTune>,
}

/// Training of what is left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FineTune {
    pub epochs: u32,
    /// Prunes in steps while training (Zhu and Gupta, 2017), instead of all at once before.
    pub gradual: bool,
    /// Computes loss and gradients with quantized weights and updates 32-bit ones (straight-through estimator).
    pub through_quantized: bool,
    /// `None` for the network's own.
    pub learning_rate: Option<f32>,
    /// Of the order of the batches.
    pub seed: u64,
}

/// A small network to be taught.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Student {
    /// 784-32-10 with ReLU.
    #[default]
    Mlp,
    /// A LeNet with 3 and 8 channels.
    Lenet,
}

impl Student {
    pub const ALL: [Self; 2] = [Self::Mlp, Self::Lenet];

    /// Its spelling in links and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mlp => "mlp",
            Self::Lenet => "lenet",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|student| student.name() == name)
    }
}

/// How a student is taught: `(1 − λ)·CE + λ·T²·KL(teacher_T ‖ student_T)` (Hinton, Vinyals and Dean, 2015).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DistilSettings {
    pub student: Student,
    /// 0 learns from the labels alone, 1 from the teacher alone.
    pub lambda: f32,
    /// T
    pub temperature: f32,
    pub epochs: u32,
    pub learning_rate: Option<f32>,
    pub seed: u64,
}

/// What the instrument reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// How far the work under way has come.
    Progress {
        stage: Stage,
        /// Steps, or samples.
        done: u64,
        total: u64,
        /// Mean over the batches since the last report; `None` where nothing is trained.
        loss: Option<f32>,
    },
    /// There is a trained network; earlier tries, and the student, belonged to another one and are gone.
    Base(BaseFacts),
    Tried(Box<Try>),
    /// A compressed file, exactly as many bytes as its try says.
    Saved {
        number: u32,
        bytes: Vec<u8>,
    },
    Loaded(Loaded),
    /// A network of exercise X15.
    Sized(Sized),
    Cancelled,
    Cleared,
    /// A command was refused, or its work ended early; what was there before still is.
    Refused(CompressError),
}

/// A network 784-d-10, trained for one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sized {
    /// d′, its hidden units.
    pub width: u32,
    /// Length of its file, as 32-bit floats.
    pub bytes: u64,
    /// L(M, D): mean over the samples that it learned from, nats.
    pub loss: f32,
    /// Whether another one follows.
    pub is_last: bool,
}

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    Training,
    /// The teacher's answers to all training samples.
    Teacher,
    Distilling,
    FineTuning,
    /// Held-out samples.
    Measuring,
}

/// The network that is compressed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaseFacts {
    /// Id of a preset.
    pub network: String,
    /// Updates that made it.
    pub steps: u64,
    pub parameters: u64,
    /// Of these the ones that are pruned and quantized; the others are biases.
    pub weights: u64,
}

/// A network that was compressed and measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Try {
    /// From 0, which is the network as trained.
    pub number: u32,
    /// Id of a preset or student.
    pub network: String,
    pub recipe: Recipe,
    /// How the student was taught, where it is one.
    pub distilled: Option<DistilSettings>,
    /// Length of the compressed file.
    pub bytes: u64,
    /// Share of the held-out samples that are right.
    pub accuracy: f32,
    /// Of the two halves of these samples: one chooses among tries, the other is reported.
    pub halves: Halves,
    /// Mean over the held-out samples, nats.
    pub loss: f32,
    /// Learned weights without biases.
    pub weights: u64,
    /// How many of them are 0 in the file.
    pub zeros: u64,
    /// The largest |w| that pruning took away; `None` where it took none.
    pub threshold: Option<f32>,
    /// Where the bytes go.
    pub parts: Vec<Part>,
    /// The weights before: as trained.
    pub before: Histogram,
    /// The weights of the file, over the same range.
    pub after: Histogram,
    /// Updates of fine-tuning.
    pub steps: u64,
}

/// A compressed file that was read and measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loaded {
    pub network: String,
    pub bytes: u64,
    pub accuracy: f32,
    pub loss: f32,
    pub weights: u64,
    pub zeros: u64,
    /// The try whose logits for all held-out samples are the same, bit for bit.
    pub same_as: Option<u32>,
    /// How many held-out samples were compared.
    pub samples: u32,
}
