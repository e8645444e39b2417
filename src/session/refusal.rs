//! Why the microscope cannot answer a request: data, so that the page words it in the learner's
//! language. `Display` is the command line's English.

use serde::{Deserialize, Serialize};

/// Why a request of the microscope was refused; nothing has changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    #[error("enter the microscope first")]
    NotEntered,
    #[error("no tensor of this model is called \"{name}\"")]
    UnknownTensor { name: String },
    #[error(
        "{name} is {}; the element {index:?} is outside of it",
        shape_text(shape)
    )]
    OutsideTensor {
        name: String,
        shape: Vec<u32>,
        index: Vec<u32>,
    },
    #[error("{name} is not computed yet in this batch")]
    NotComputed { name: String },
    #[error("{name} is {of} in another shape")]
    Reshaped { name: String, of: String },
    #[error("{name} has not been updated yet in this batch")]
    NotUpdated { name: String },
    #[error("{name} is not updated in this model")]
    NotInTheUpdate { name: String },
    #[error("expected elements of {name} to change, got none")]
    NoElements { name: String },
    #[error("{name} holds whole numbers: it has no derivative")]
    NoDerivative { name: String },
    #[error(
        "no path leads from {from} to {to}; expected a parameter, the input or a value of the \
         forward pass, and a value computed from it"
    )]
    NoPath { from: String, to: String },
    #[error(
        "following a path runs the batch in 64 bits: {flops} floating-point operations here, at \
         most {most} are run; choose a smaller batch"
    )]
    TooMuchWork { flops: u64, most: u64 },
    #[error("{name} does not run over the steps of a sequence")]
    NoSequence { name: String },
    #[error("{name} is given, not computed")]
    Given { name: String },
    #[error("{name} has no equation of its own")]
    NoEquation { name: String },
    #[error("{name} has no gradient in this graph")]
    NoGradient { name: String },
    #[error("{name} is not a parameter")]
    NotAParameter { name: String },
    #[error("{name} has {elements} elements; at most {most} are read whole")]
    TooLarge {
        name: String,
        elements: u64,
        most: u64,
    },
    #[error("{name} has {elements} elements; {first} is past its end")]
    PastTheTensor {
        name: String,
        elements: u64,
        first: u64,
    },
    #[error("the batch has {total} operations; {done} is past its end")]
    PastTheBatch { total: u32, done: u32 },
    #[error("{name} is computed; parameters, the batch's input and its labels can be edited")]
    NotEditable { name: String },
    #[error("expected a finite number for {name}, got {number}")]
    NotFinite { name: String, number: f32 },
    #[error("expected a class from 0 to {}, got {number}", classes.saturating_sub(1))]
    NotAClass { classes: u32, number: f32 },
}

/// `(6, 1, 5, 5)`, as shapes are written everywhere.
pub fn shape_text(shape: &[u32]) -> String {
    let sizes: Vec<String> = shape.iter().map(u32::to_string).collect();
    format!("({})", sizes.join(", "))
}
