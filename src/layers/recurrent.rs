//! Layers that run over sequences (N, T, F), batch-first. Parameters are named, shaped and drawn as
//! in PyTorch's `nn.RNN`, `nn.LSTM` and `nn.GRU`.
//!
//! A layer's nodes: `<name>.rows_l0` and `<name>.input_l0` multiply the inputs of all steps with
//! the input weights at once, `<name>.l0` runs over time. Of a bidirectional layer `<name>.l0_reverse`
//! runs the other way, of several layers `l1` reads what `l0` has written.

use super::{BuildLayer, Initial, LayerBuilder, ModelError};
use crate::graph::ValueId;
use crate::ops::{self, Op, RnnActivation};
use crate::tensor::{Shape, Tensor};
use serde::{Deserialize, Serialize};

/// What a recurrent layer hands on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Returns {
    /// The states of all steps: (N, T, H), of a bidirectional layer (N, T, 2H).
    #[default]
    All,
    /// The state after the step that runs last, of each direction: (N, H) or (N, 2H).
    Last,
}

/// Most layers on top of each other in one entry of a layer list.
const MAX_LAYERS: usize = 16;

/// Attributes that all recurrent layers have.
#[derive(Clone, Copy, Debug)]
struct Stack {
    hidden_size: usize,
    num_layers: usize,
    bidirectional: bool,
    reverse: bool,
    returns: Returns,
}

/// One direction of one layer.
struct Direction<'a> {
    /// Of the parameters, as in PyTorch: `l0`, `l0_reverse`.
    suffix: &'a str,
    reverse: bool,
}

impl Stack {
    fn check(self, layer: &LayerBuilder<'_>) -> Result<(), ModelError> {
        layer.at_least_one(self.hidden_size, "hidden_size")?;
        layer.at_least_one(self.num_layers, "num_layers")?;
        if self.num_layers > MAX_LAYERS {
            return Err(layer.wrong_attribute(format!(
                "num_layers is {}, expected at most {MAX_LAYERS}",
                self.num_layers
            )));
        }
        if self.bidirectional && self.reverse {
            return Err(layer.wrong_attribute(
                "bidirectional and reverse are both set: a bidirectional layer runs both ways",
            ));
        }
        Ok(())
    }

    /// Builds all layers and directions; `run` applies the operation of one, and returns its states.
    fn build(
        self,
        layer: &mut LayerBuilder<'_>,
        gates: usize,
        run: impl Fn(&mut LayerBuilder<'_>, Cell) -> Result<ValueId, ModelError>,
    ) -> Result<ValueId, ModelError> {
        self.check(layer)?;
        let mut input = layer.input()?;
        if layer.dims(input).len() != 3 {
            return Err(layer.wrong_input(input, "(N, T, F): sequences of T steps"));
        }
        for number in 0..self.num_layers {
            let is_last = number + 1 == self.num_layers && self.returns == Returns::Last;
            let forward = format!("l{number}");
            let backward = format!("l{number}_reverse");
            let mut directions = vec![Direction {
                suffix: &forward,
                reverse: self.reverse,
            }];
            if self.bidirectional {
                directions.push(Direction {
                    suffix: &backward,
                    reverse: true,
                });
            }
            let mut states = Vec::with_capacity(directions.len());
            for direction in &directions {
                let cell = self.cell(layer, input, gates, direction)?;
                let lengths = cell.lengths;
                let mut state = run(layer, cell)?;
                if is_last {
                    let op = Op::LastStep(ops::LastStep {
                        reverse: direction.reverse,
                    });
                    let name = format!("last_{}", direction.suffix);
                    state = layer.apply_step(&name, op, &[state, lengths])?;
                }
                states.push(state);
            }
            input = match states[..] {
                [state] => state,
                _ => {
                    let join = Op::Concatenate(ops::Concatenate {
                        axis: -1,
                        count: states.len(),
                    });
                    layer.apply_step(&format!("both_l{number}"), join, &states)?
                }
            };
        }
        Ok(input)
    }

    /// Parameters, the inputs' part of the sums and the initial states of one direction of a layer.
    fn cell(
        self,
        layer: &mut LayerBuilder<'_>,
        input: ValueId,
        gates: usize,
        direction: &Direction<'_>,
    ) -> Result<Cell, ModelError> {
        let &[batch, steps, features] = layer.dims(input) else {
            unreachable!("states are (N, T, H)")
        };
        let (hidden, suffix) = (self.hidden_size, direction.suffix);
        let Some(columns) = gates.checked_mul(hidden) else {
            return Err(layer.wrong_attribute(format!("hidden_size {hidden} is too large")));
        };
        let initial = Initial::FanIn(hidden);
        let mut parameter = |name: &str, dims: &[usize]| {
            layer.parameter(&format!("{name}_{suffix}"), dims, initial)
        };
        let weight_input = parameter("weight_ih", &[columns, features])?;
        let weight = parameter("weight_hh", &[columns, hidden])?;
        let bias_input = parameter("bias_ih", &[columns])?;
        let bias = parameter("bias_hh", &[columns])?;
        // A GRU's reset gate acts on the second bias, so that its cell adds it.
        let first = match gates {
            3 => bias_input,
            _ => {
                let name = format!("bias_{suffix}");
                layer.apply_step(&name, Op::Add(ops::Add {}), &[bias_input, bias])?
            }
        };
        let rows = reshaped(
            layer,
            &format!("rows_{suffix}"),
            input,
            &[batch * steps, features],
        )?;
        let sums = layer.apply_step(
            &format!("input_{suffix}"),
            Op::Linear(ops::Linear {}),
            &[rows, weight_input, first],
        )?;
        let sums = reshaped(
            layer,
            &format!("steps_{suffix}"),
            sums,
            &[batch, steps, columns],
        )?;
        let state = Shape::new([batch, hidden])?;
        let zeros = vec![0.0; state.count()];
        let lengths = Tensor::u32([batch], vec![steps as u32; batch])?;
        let state = Tensor::f32(state, zeros)?;
        Ok(Cell {
            name: suffix.into(),
            reverse: direction.reverse,
            sums,
            weight,
            bias,
            state,
            lengths: layer.constant(&format!("lengths_{suffix}"), lengths),
        })
    }
}

/// What the operation of one direction of a layer reads.
struct Cell {
    name: String,
    reverse: bool,
    sums: ValueId,
    weight: ValueId,
    bias: ValueId,
    /// (N, H), zeros.
    state: Tensor,
    lengths: ValueId,
}

impl Cell {
    /// An initial state of zeros.
    fn initial(&self, layer: &mut LayerBuilder<'_>, name: &str) -> ValueId {
        layer.constant(&format!("{name}_{}", self.name), self.state.clone())
    }
}

/// The same elements under another shape; no kernel runs for that.
pub(super) fn reshaped(
    layer: &mut LayerBuilder<'_>,
    step: &str,
    value: ValueId,
    dims: &[usize],
) -> Result<ValueId, ModelError> {
    let op = Op::Reshape(ops::Reshape {
        shape: dims.iter().map(|&size| size as i64).collect(),
    });
    layer.apply_step(step, op, &[value])
}

fn one() -> usize {
    1
}

/// Declares a recurrent layer with the attributes that all have, and its own.
macro_rules! recurrent_layer {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $gates:literal, { $($(#[$own:meta])* $field:ident: $type:ty),* },
     $run:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            pub hidden_size: usize,
            /// Layers on top of each other.
            #[serde(default = "one")]
            pub num_layers: usize,
            /// Every layer runs both ways; the states of both stand side by side.
            #[serde(default)]
            pub bidirectional: bool,
            /// The last step runs first.
            #[serde(default)]
            pub reverse: bool,
            #[serde(default)]
            pub returns: Returns,
            /// Gradients stop behind every so many steps; not at all if not given.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub truncate: Option<usize>,
            $($(#[$own])* pub $field: $type),*
        }

        impl $name {
            /// One layer that runs forward and returns all steps.
            pub fn new(hidden_size: usize) -> Self {
                Self {
                    hidden_size,
                    num_layers: 1,
                    bidirectional: false,
                    reverse: false,
                    returns: Returns::All,
                    truncate: None,
                    $($field: <$type>::default()),*
                }
            }

            /// The same, returning the last step alone.
            #[must_use]
            pub fn returning_last(mut self) -> Self {
                self.returns = Returns::Last;
                self
            }
        }

        impl BuildLayer for $name {
            const KIND: &'static str = $kind;

            fn build(&self, layer: &mut LayerBuilder<'_>) -> Result<ValueId, ModelError> {
                let stack = Stack {
                    hidden_size: self.hidden_size,
                    num_layers: self.num_layers,
                    bidirectional: self.bidirectional,
                    reverse: self.reverse,
                    returns: self.returns,
                };
                let run: fn(&Self, &mut LayerBuilder<'_>, Cell) -> Result<ValueId, ModelError> = $run;
                stack.build(layer, $gates, |layer, cell| run(self, layer, cell))
            }
        }
    };
}

recurrent_layer! {
    /// A plain recurrent layer: (N, T, F) -> (N, T, H), with weight_ih (H, F) and weight_hh (H, H).
    Rnn, "rnn", 1, {
        /// tanh if not given.
        #[serde(default)]
        nonlinearity: RnnActivation
    },
    |own, layer, cell| {
        let h0 = cell.initial(layer, "h0");
        let op = Op::Rnn(ops::Rnn {
            activation: own.nonlinearity,
            reverse: cell.reverse,
            truncate: own.truncate,
        });
        layer.apply_step(&cell.name, op, &[cell.sums, cell.weight, h0, cell.lengths])
    }
}

recurrent_layer! {
    /// An LSTM: (N, T, F) -> (N, T, H), with weight_ih (4H, F) and weight_hh (4H, H) in the order i, f, g, o.
    Lstm, "lstm", 4, {},
    |own, layer, cell| {
        let (h0, c0) = (cell.initial(layer, "h0"), cell.initial(layer, "c0"));
        let op = Op::Lstm(ops::Lstm { reverse: cell.reverse, truncate: own.truncate });
        layer.apply_step(&cell.name, op, &[cell.sums, cell.weight, h0, c0, cell.lengths])
    }
}

recurrent_layer! {
    /// A GRU: (N, T, F) -> (N, T, H), with weight_ih (3H, F) and weight_hh (3H, H) in the order r, z, n.
    Gru, "gru", 3, {},
    |own, layer, cell| {
        let h0 = cell.initial(layer, "h0");
        let op = Op::Gru(ops::Gru { reverse: cell.reverse, truncate: own.truncate });
        let inputs = [cell.sums, cell.weight, cell.bias, h0, cell.lengths];
        layer.apply_step(&cell.name, op, &inputs)
    }
}
