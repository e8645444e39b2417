//! Layers that give their input another shape, or put inputs together.
//!
//! Axis 0 of an activation is the batch: no layer here moves it, cuts it or joins along it.

use super::{BuildLayer, LayerBuilder, ModelError};
use crate::graph::ValueId;
use crate::ops::{self, Op};
use serde::{Deserialize, Serialize};

/// Samples as rows: (N, …) -> (N, F).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flatten {}

impl BuildLayer for Flatten {
    const KIND: &'static str = "flatten";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        layer.apply(Op::Flatten(ops::Flatten {}), &[input])
    }
}

/// Each sample under another shape: (N, …) -> (N, shape).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reshape {
    /// Of one sample; one size may be -1: what is left over.
    pub shape: Vec<i64>,
}

impl BuildLayer for Reshape {
    const KIND: &'static str = "reshape";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        let batch = match layer.dims(input).first() {
            Some(&batch) => batch as i64,
            None => return Err(layer.wrong_input(input, "(N, …)")),
        };
        let shape = std::iter::once(batch).chain(self.shape.iter().copied());
        let op = Op::Reshape(ops::Reshape {
            shape: shape.collect(),
        });
        layer.apply(op, &[input])
    }
}

/// Axes in another order: axis `a` of the output is axis `axes[a]` of the input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transpose {
    /// All axes; the batch, 0, stays in front.
    pub axes: Vec<usize>,
}

impl BuildLayer for Transpose {
    const KIND: &'static str = "transpose";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        if self.axes.first() != Some(&0) {
            return Err(layer.wrong_attribute(format!(
                "axes are {:?}: axis 0, the batch, must stay in front",
                self.axes
            )));
        }
        let op = Op::Transpose(ops::Transpose {
            axes: self.axes.clone(),
        });
        layer.apply(op, &[input])
    }
}

/// Inputs one after the other along an axis of the samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concatenate {
    /// Not 0, the batch; a negative one counts from the end.
    pub axis: i64,
}

/// Refuses the batch as the axis to work along.
fn check_axis(layer: &LayerBuilder<'_>, input: ValueId, axis: i64) -> Result<(), ModelError> {
    let rank = layer.dims(input).len() as i64;
    if axis == 0 || axis.saturating_add(rank) == 0 {
        return Err(layer.wrong_attribute(format!(
            "axis {axis} is the batch, expected an axis of the samples, 1 to {}",
            rank - 1
        )));
    }
    Ok(())
}

impl BuildLayer for Concatenate {
    const KIND: &'static str = "concatenate";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let inputs = layer.inputs().to_vec();
        check_axis(layer, inputs[0], self.axis)?;
        let op = Op::Concatenate(ops::Concatenate {
            axis: self.axis,
            count: inputs.len(),
        });
        layer.apply(op, &inputs)
    }
}

/// Every `step`-th element along an axis of the samples, from `start` to before `end`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// Not 0, the batch; a negative one counts from the end.
    pub axis: i64,
    /// A negative one counts from the end of the axis.
    #[serde(default)]
    pub start: i64,
    /// A negative one counts from the end of the axis; that end if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<i64>,
    #[serde(default = "one")]
    pub step: usize,
}

fn one() -> usize {
    1
}

impl BuildLayer for Slice {
    const KIND: &'static str = "slice";

    fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
        let input = layer.input()?;
        check_axis(layer, input, self.axis)?;
        let op = Op::SliceOperation(ops::SliceOperation {
            axis: self.axis,
            start: self.start,
            end: self.end,
            step: self.step,
        });
        layer.apply(op, &[input])
    }
}
