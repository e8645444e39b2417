//! Normalization: activations with mean 0 and variance 1, then scaled and shifted by learned
//! values. Over the batch ([`BatchNorm`]), or over each sample ([`LayerNorm`]).

mod batch;
mod batch_backward;
mod layer;

pub(crate) use batch::activated;
pub use batch::{BatchNorm, Positions};
pub(crate) use batch_backward::backward_fused;
pub use batch_backward::{BatchNormBackwardBias, BatchNormBackwardInput, BatchNormBackwardWeight};
pub use layer::{
    Axes, LayerNorm, LayerNormBackwardBias, LayerNormBackwardInput, LayerNormBackwardWeight,
};

use super::{Cost, Dims, Input, Io, KernelCall, Operand, Operation, Output, input, output, params};
use crate::equation::{Equation, Expression, Position};
use crate::tensor::Real;

/// Where the equations' indices run: (letter of the index, of its extent).
type Indices = Vec<(&'static str, &'static str)>;

/// An element whose indices are given by their letters.
fn at(tensor: &'static str, indices: &[(&'static str, &'static str)]) -> Expression {
    Expression::Element {
        tensor,
        indices: indices
            .iter()
            .map(|&(index, _)| Position::Index(index))
            .collect(),
    }
}

/// Sums over all indices, the first outermost.
fn sum_over(indices: &[(&'static str, &'static str)], body: Expression) -> Expression {
    indices
        .iter()
        .rev()
        .fold(body, |body, &(index, extent)| Expression::Sum {
            index,
            extent,
            body: Box::new(body),
        })
}

/// `output[indices] = expression`.
fn define(output: &'static str, indices: Indices, expression: Expression) -> Equation {
    Equation {
        output,
        indices,
        expression,
    }
}
