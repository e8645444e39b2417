//! What the microscope asks and hears: stepping through a batch, node by node.
//!
//! The cursor stands *between* nodes: `done` of the batch's nodes have run. What has not
//! run yet in this batch is "not computed yet", never 0.

use super::{Refusal, SequenceAnswer, SequenceQuestion};
use crate::graph::Phase;
use serde::{Deserialize, Serialize};

/// How far one step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepUnit {
    /// One node of the graph.
    Operation,
    /// The nodes that belong to one layer, in one phase.
    Layer,
    /// To the end of forward, loss, backward or update.
    Phase,
    /// To the end of the batch.
    Batch,
    /// To the end of the epoch.
    Epoch,
}

/// A request of the microscope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Inspection {
    /// Pauses training and puts the cursor at the start of the next batch.
    /// Answered by [`InspectionReport::Graph`] and [`InspectionReport::Cursor`].
    Enter,
    /// Finishes the batch, if it was begun, and goes back to training, paused.
    Leave,
    Forward(StepUnit),
    /// To the start of the unit before; at the start of a batch it stays there
    /// until [`Inspection::Goto`] or a reset: earlier batches are gone.
    Back(StepUnit),
    /// To where `done` nodes have run, in this batch.
    Goto {
        done: u32,
    },
    /// Part of a tensor, with statistics of the whole.
    Tensor {
        request: u32,
        name: String,
        /// Row-major range of elements to send; cut to [`MAX_VALUES`].
        first: u64,
        count: u64,
    },
    /// The terms of one element of a tensor that a node has computed.
    Explain {
        request: u32,
        name: String,
        index: Vec<u32>,
    },
    /// Finite differences of the loss for one element of a parameter, on this batch.
    CheckGradient {
        request: u32,
        name: String,
        index: Vec<u32>,
    },
    /// Overwrites an element of a parameter or of the batch's input, or a label, and
    /// replays the batch up to the cursor.
    Edit {
        name: String,
        index: Vec<u32>,
        value: f32,
    },
    /// Takes the last edit back.
    Undo,
    /// Takes all edits of this batch back.
    UndoAll,
    /// Overwrites many elements of one tensor as one edit, which one undo takes back: a stroke.
    EditMany {
        name: String,
        /// (row-major position, value)
        elements: Vec<(u64, f32)>,
    },
    /// What the update makes of a parameter: before, gradient, states, after.
    Update {
        request: u32,
        name: String,
        /// Row-major range of elements to send; cut to [`MAX_VALUES`] in all.
        first: u64,
        count: u64,
    },
    /// How long the node took when it ran in this batch.
    Time {
        request: u32,
        node: u32,
    },
    /// The chain rule along one path, in 64 bits: from the element `to` of a value of the forward pass
    /// back to the element `from` of a parameter, the input, or an earlier value. Goes through the
    /// elements in `via` where it can, and elsewhere through the largest part of the derivative.
    FollowPath {
        request: u32,
        from: ElementName,
        to: ElementName,
        via: Vec<ElementName>,
    },
    /// About the steps of the batch's sequences.
    Sequence {
        request: u32,
        question: SequenceQuestion,
    },
}

/// One element of one tensor.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ElementName {
    /// The tensor's name in the graph.
    pub tensor: String,
    pub index: Vec<u32>,
}

/// Most values that one answer carries.
pub const MAX_VALUES: u64 = 65_536;

/// Most terms that one explanation carries; groups beyond are given by their subtotals.
pub const MAX_TERMS: usize = 4_096;

/// Most hidden addends that one explanation carries.
pub const MAX_HIDDEN: usize = 64;

/// A tensor of the graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TensorFacts {
    /// `conv1.weight`, `conv1.y`, `conv1.weight.grad`.
    pub name: String,
    pub shape: Vec<u32>,
    pub kind: TensorKind,
    /// Number of the node that computes it, in running order.
    pub node: Option<u32>,
    /// Name of its gradient.
    pub gradient: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TensorKind {
    Data,
    Parameter,
    State,
    Activation,
    Gradient,
}

/// An equation of a node, bound to the graph's tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EquationFacts {
    /// The tensor that it defines.
    pub tensor: String,
    /// A `<math>` element; tensor symbols carry `data-term`.
    pub mathml: String,
    pub latex: String,
}

/// One node of the graph, in running order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeFacts {
    pub name: String,
    /// `conv2d_backward_weight`
    pub operation: String,
    pub phase: Phase,
    /// The layer it belongs to: a forward node's own name, a backward node's partner's.
    pub layer: String,
    /// Number of the forward node that it differentiates.
    pub partner: Option<u32>,
    /// (symbol in the equation, tensor name)
    pub inputs: Vec<(String, String)>,
    pub outputs: Vec<(String, String)>,
    pub equations: Vec<EquationFacts>,
    /// (symbol of an output, formula in the node's symbols): see [`crate::ops::Operation::formulas`].
    pub formulas: Vec<(String, String)>,
    /// Attributes and sizes that the equations name, as they are in this model.
    pub scalars: Vec<(String, f64)>,
    pub flops: u64,
    /// Bytes read and written when every tensor moves once.
    pub bytes: u64,
    /// The kernels that it takes on a GPU.
    pub kernels: Vec<KernelFacts>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KernelFacts {
    /// File stem in `shaders/`.
    pub shader: String,
    /// WGSL, as it runs.
    pub source: String,
    pub workgroups: [u32; 3],
}

/// The whole graph of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GraphFacts {
    pub nodes: Vec<NodeFacts>,
    pub tensors: Vec<TensorFacts>,
}

/// Where the cursor stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CursorFacts {
    /// Batches trained before this one.
    pub step: u64,
    pub epoch: u64,
    pub steps_per_epoch: u32,
    /// Nodes of this batch that have run, of [`GraphFacts::nodes`].
    pub done: u32,
    pub total: u32,
    /// Samples of the batch that count.
    pub valid: u32,
    /// Edits that stand.
    pub edits: u32,
    /// Loss of this batch, once it was computed.
    pub loss: Option<f32>,
    /// Loss of this batch after the update, once that was made.
    pub loss_after: Option<f32>,
}

/// Facts about all elements of a tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    pub minimum: f32,
    pub maximum: f32,
    pub mean: f32,
    /// Share of elements that are exactly 0.
    pub zeros: f32,
    /// Euclidean.
    pub norm: f32,
    /// Elements that are infinite or NaN; the others make the figures above.
    pub non_finite: u64,
    /// Counts in 32 equal parts from minimum to maximum.
    pub histogram: [u32; 32],
}

/// One element that takes part in a term.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReferenceFacts {
    /// The tensor's name in the graph.
    pub tensor: String,
    pub index: Vec<u32>,
    pub value: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TermFacts {
    pub references: Vec<ReferenceFacts>,
    pub value: f64,
}

/// Terms that share a value of the outermost summed index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupFacts {
    /// (`n`, 3): the part of sample 3.
    pub key: Option<(String, i64)>,
    pub subtotal: f64,
    pub term_count: u32,
    /// Left out beyond [`MAX_TERMS`].
    pub terms: Vec<TermFacts>,
}

/// The curve of an activation, around the point that an element lies at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurveFacts {
    /// What the activation made of `x`, and how steep it is there.
    pub x: f64,
    pub y: f64,
    pub slope: f64,
    /// (x, y) from left to right.
    pub points: Vec<(f64, f64)>,
}

/// Why an element has its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExplanationFacts {
    pub tensor: String,
    pub index: Vec<u32>,
    /// As stored in the buffer.
    pub stored: f32,
    /// The sum of the terms, in f64.
    pub total: f64,
    pub term_count: u32,
    pub groups: Vec<GroupFacts>,
    /// Addends that a condition takes out, with what decided; at most [`MAX_HIDDEN`].
    pub hidden: Vec<TermFacts>,
    /// Where the element's node, or the forward node that it differentiates, is an activation.
    pub curve: Option<CurveFacts>,
    /// Where the element is a function of a sum, as a gate is.
    pub inside: Option<InsideFacts>,
}

/// The sum inside a sigmoid, a tanh or a positive part, down to products of weights and what they are multiplied with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InsideFacts {
    /// `σ`, `tanh`, `max(0, ·)`.
    pub function: String,
    /// The sum of the terms, in f64.
    pub total: f64,
    pub term_count: u32,
    pub groups: Vec<GroupFacts>,
}

/// What a row of an update's facts holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpdatePart {
    /// The parameter before the update.
    Before,
    Gradient,
    /// A state of the optimizer before the update.
    StateBefore,
    StateAfter,
    /// After less before.
    Change,
    After,
}

/// One row of numbers, parallel to the parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateRow {
    /// As in the update's equations: `w`, `g`, `m`, `m′`; `Δw` for the change.
    pub symbol: String,
    pub part: UpdatePart,
    /// `None` where it is not computed yet in this batch.
    pub values: Option<Vec<f32>>,
    /// Of the whole parameter, not of the part that was sent.
    pub statistics: Option<Statistics>,
}

/// A parameter around the update of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateFacts {
    pub tensor: String,
    /// `adam_update`
    pub operation: String,
    /// Position of the first element of every row.
    pub first: u64,
    /// Whether the update has run in this batch.
    pub has_run: bool,
    /// Attributes, the learning rate `η` and the number of the update `t`, from 1.
    pub scalars: Vec<(String, f64)>,
    pub rows: Vec<UpdateRow>,
}

/// Who measured how long a node took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Clock {
    /// The GPU, by timestamps around the node's kernels.
    Timestamps,
    /// The CPU's clock around the node's twin.
    Twin,
    /// This GPU measures no kernel times.
    None,
}

/// How long a node took when it ran last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeFacts {
    pub node: u32,
    pub clock: Clock,
    /// `None` without a clock, or when the node has not run in this batch. 0 where the
    /// clock is too coarse.
    pub micros: Option<f64>,
}

/// One nudge of a gradient check.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nudge {
    /// How far the element was moved each way.
    pub step_size: f64,
    pub loss_minus: f64,
    pub loss_plus: f64,
    /// `(loss_plus − loss_minus) / (2 · step_size)`
    pub slope: f64,
    /// The same in f32, where the two losses are rounded.
    pub slope_f32: f64,
}

/// Finite differences beside the analytic gradient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradientCheckFacts {
    pub tensor: String,
    pub index: Vec<u32>,
    /// As stored in the gradient's buffer; `None` when it was not computed yet.
    pub stored: Option<f32>,
    /// The analytic gradient in f64.
    pub analytic: f64,
    /// From large to small step sizes.
    pub nudges: Vec<Nudge>,
}

/// Another element that a path may go through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathAlternative {
    pub element: ElementName,
    /// Of the stop before by this element.
    pub derivative: f64,
    /// The part of the stop's derivative by the path's start that comes in here: `derivative` times the
    /// derivative of this element by the start. All parts add up to [`PathStop::below`] of the stop.
    pub carried: f64,
}

/// One operation of a path: the derivative of one element of its result by one element that it reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathFactor {
    /// The forward node, by its number in running order.
    pub node: u32,
    /// The operation that differentiates it: `linear_backward_input`.
    pub operation: String,
    pub derivative: f64,
    /// Of that operation; its upstream gradient is 1 at the stop and 0 elsewhere.
    pub equation: EquationFacts,
    /// What is left of the equation then, without the upstream gradient; some, where there are many.
    pub terms: Vec<TermFacts>,
    /// Elements that carry a part of the derivative.
    pub way_count: u32,
    /// Those that carry most, the largest part first; the chosen one is among them.
    pub alternatives: Vec<PathAlternative>,
}

/// An element on a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathStop {
    pub element: ElementName,
    pub value: f64,
    /// The derivative of the path's end by this element, over all paths: where the end is the loss, the
    /// element of the gradient.
    pub above: f64,
    /// The derivative of this element by the path's start, over all paths.
    pub below: f64,
    /// The factors from the path's end to here, multiplied.
    pub product: f64,
    /// Between the stop before and this one; `None` at the path's end, where the list begins.
    pub factor: Option<PathFactor>,
}

/// The chain rule along one path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathFacts {
    pub from: ElementName,
    pub to: ElementName,
    /// From the end back to the start.
    pub stops: Vec<PathStop>,
    /// Whether the stops reach the start; where every derivative is 0, they do not.
    pub is_whole: bool,
    /// The product of all factors: one term of `total`.
    pub product: f64,
    /// The derivative over all paths.
    pub total: f64,
    /// The node behind which nothing depends on the start any more, where the path is not whole.
    pub blocked_at: Option<u32>,
}

/// What the microscope hears.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum InspectionReport {
    Graph(GraphFacts),
    Cursor(CursorFacts),
    /// `values` is `None` where the tensor is not computed yet in this batch.
    Tensor {
        request: u32,
        name: String,
        first: u64,
        values: Option<Vec<f32>>,
        statistics: Option<Statistics>,
    },
    Explained {
        request: u32,
        explanation: ExplanationFacts,
    },
    GradientChecked {
        request: u32,
        check: GradientCheckFacts,
    },
    /// Training has its buffers back.
    Left,
    /// The request could not be answered; nothing changed.
    Refused {
        request: Option<u32>,
        reason: Refusal,
    },
    Updated {
        request: u32,
        update: UpdateFacts,
    },
    Timed {
        request: u32,
        time: TimeFacts,
    },
    PathFollowed {
        request: u32,
        path: PathFacts,
    },
    Sequence {
        request: u32,
        answer: SequenceAnswer,
    },
}
