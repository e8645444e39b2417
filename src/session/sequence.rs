//! What the microscope asks and hears of sequences: gradients that travel back through time.

use super::inspection::ElementName;
use serde::{Deserialize, Serialize};

/// A question about the sequences of the batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SequenceQuestion {
    /// The gradient's norm at every step of a recurrent operation, by its number in running order.
    Norms { node: u32 },
    /// How the prediction at one place depends on the input of every step.
    Influence {
        sample: u32,
        /// Which of the places that the model predicts at; the last one if not given.
        position: Option<u32>,
        of: InfluenceOf,
    },
    /// The characters that a sample of a text is made of.
    Text { sample: u32 },
    /// One path back through the steps of a recurrent operation.
    Path {
        node: u32,
        sample: u32,
        /// The later step, in the order in which steps run.
        to: u32,
        /// The earlier one.
        from: u32,
        /// The hidden unit at `to`.
        unit: u32,
        way: TimeWay,
    },
}

/// What is differentiated by the inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InfluenceOf {
    /// The largest output at that place: of classes, the logit of the one that is predicted.
    Prediction,
    /// The loss of that place alone.
    Loss,
}

/// Which elements a path goes through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeWay {
    /// The same unit's hidden state at every step.
    #[default]
    Unit,
    /// The same unit's cell state, where there is one.
    Cell,
    /// At every step the hidden unit with the factor of the largest magnitude.
    Strongest,
}

/// Norms over all samples of the batch that count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NormFacts {
    pub node: u32,
    /// Whether the last step runs first.
    pub is_reversed: bool,
    /// Gradients stop behind every so many steps.
    pub truncate: Option<u32>,
    /// A tensor of the backward operation, and its norm at every step; `None` where it is not computed yet.
    pub rows: Vec<(String, Option<Vec<f64>>)>,
    /// Where the run clips its gradients.
    pub clip: Option<ClipFacts>,
}

/// How the gradients of all parameters are clipped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClipFacts {
    /// Above this norm gradients are scaled down.
    pub max_norm: f64,
    /// Of all gradients together; `None` where it is not computed yet.
    pub before: Option<f64>,
    /// Of what the update reads; `None` where it is not computed yet.
    pub after: Option<f64>,
}

/// The gradient of one prediction by the input of every step, in 64 bits, through the model as it predicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InfluenceFacts {
    pub sample: u32,
    /// Place of the prediction, of `positions`.
    pub position: u32,
    pub positions: u32,
    pub of: InfluenceOf,
    /// The column of the output that is largest there.
    pub class: u32,
    /// Of a text: the character that it stands for.
    pub character: Option<char>,
    /// What is differentiated.
    pub value: f64,
    /// The tensor that it is differentiated by: (N, T, features).
    pub input: String,
    pub features: u32,
    /// (T, features), row-major.
    pub gradient: Vec<f32>,
    /// The norm of each of its rows.
    pub norms: Vec<f64>,
}

/// The characters of a sample of a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextWindow {
    pub sample: u32,
    /// What the model reads, one character a step.
    pub characters: Vec<char>,
    /// What comes next at each step.
    pub targets: Vec<char>,
}

/// An element on a path through time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeStop {
    pub element: ElementName,
    pub step: u32,
    pub value: f64,
    /// The derivative of the stop before by this one, with everything else of this element's step held fixed;
    /// 1 at the path's end, where the list begins.
    pub factor: f64,
    /// The factors so far, multiplied.
    pub product: f64,
    /// The derivative of the path's end by this element, over all paths.
    pub all: f64,
    /// The Frobenius norm of the derivatives of all hidden units at the path's end by all of this step.
    pub norm: f64,
}

/// One path through time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimePathFacts {
    pub node: u32,
    pub sample: u32,
    pub way: TimeWay,
    pub hidden: u32,
    /// From the end back.
    pub stops: Vec<TimeStop>,
}

/// What the microscope hears of sequences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SequenceAnswer {
    Norms(NormFacts),
    Influence(InfluenceFacts),
    Text(TextWindow),
    Path(TimePathFacts),
}
