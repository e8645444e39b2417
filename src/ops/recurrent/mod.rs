//! Recurrent operations over whole sequences, batch-first: a tanh or ReLU cell, LSTM and GRU.
//! Sources: `torch.nn.RNN`, `torch.nn.LSTM`, `torch.nn.GRU`; Hochreiter and Schmidhuber (1997),
//! "Long short-term memory"; Cho et al. (2014), "Learning phrase representations using RNN
//! encoder-decoder".
//!
//! A layer multiplies its inputs of all steps with the input weights in one product; the
//! operations here add what comes from the step before, in one kernel that loops over time. Their
//! backward operations loop the other way and keep the gradients of every step. Gradients of
//! weights are one product over all steps.
//!
//! Letters: N sequences, T steps, H hidden units. A sequence n has `lengths[n]` steps, 0 to T: at
//! the steps behind them states, gates and gradients are 0, as in PyTorch's packed sequences. With
//! `reverse` the last of a sequence's steps runs first. "Before" and "after" mean the order in which
//! the steps run.

mod gru;
mod gru_backward;
mod last_step;
mod lstm;
mod lstm_backward;
mod products;
mod rnn;

pub use gru::Gru;
pub use gru_backward::{GruBackward, GruBackwardState};
pub use last_step::{LastStep, LastStepBackward};
pub use lstm::Lstm;
pub use lstm_backward::{LstmBackward, LstmBackwardCell};
pub use products::{RecurrentBackwardState, RecurrentBackwardWeight};
pub use rnn::{Activation, Rnn, RnnBackward};

use super::{
    Cost, Dims, GradientOperand, GradientStep, Input, Io, KernelCall, Op, Operand, Operation,
    Output, Role, SliceMut, index_input, input, linear_workgroups, output, params,
};
use crate::equation::{
    Equation, Expression, Function, Position, apply, different, element, equal, index, less,
    lookup, number, positive, size, sum,
};
use crate::platform;
use crate::tensor::Real;
use serde::{Deserialize, Serialize};

params! {
    /// Mirrors `RecurrentParams` of the recurrent shaders.
    RecurrentParams {
        batch: u32,
        steps: u32,
        hidden: u32,
        columns: u32,
        truncate: u32,
        reverse: u32,
        row_length: u32,
        unused: u32,
    }
}

/// Most invocations of a workgroup that runs a sequence.
const MAX_INVOCATIONS: usize = 256;

/// The order in which steps run, and how far gradients travel.
#[derive(Clone, Copy, Debug)]
struct Course {
    reverse: bool,
    /// Gradients stop behind every so many steps.
    truncate: Option<usize>,
}

impl Course {
    fn check(self) -> Result<(), String> {
        match self.truncate {
            Some(0) => Err("gradients are to be cut off every 0 steps, expected at least 1".into()),
            _ => Ok(()),
        }
    }

    /// The step of sequence n that runs first.
    fn start(self) -> Position {
        match self.reverse {
            false => Position::Number(0),
            true => length() - Position::Number(1),
        }
    }

    /// The step that runs before step t.
    fn before(self) -> Position {
        match self.reverse {
            false => index("t") - Position::Number(1),
            true => index("t") + Position::Number(1),
        }
    }

    /// The step that runs after step t.
    fn after(self) -> Position {
        Self {
            reverse: !self.reverse,
            ..self
        }
        .before()
    }

    /// A state after the step before t: the initial one at the first step.
    fn state_before(
        self,
        states: &'static str,
        initial: &'static str,
        unit: Position,
    ) -> Expression {
        let n = index("n");
        let initial = element(initial, [n.clone(), unit.clone()]);
        let earlier = element(states, [n, self.before(), unit]);
        let earlier = match self.reverse {
            false => earlier,
            true => less(self.before(), length()) * earlier,
        };
        earlier + equal(index("t"), self.start()) * initial
    }

    /// A gradient that comes from the step after t, 0 where it is cut off.
    fn flow(self, gradient: Expression) -> Expression {
        if self.truncate.is_none() {
            return gradient;
        }
        let steps_done = match self.reverse {
            false => index("t") + Position::Number(1),
            true => length() - index("t"),
        };
        different(steps_done.remainder(size("K")), Position::Number(0)) * gradient
    }

    fn scalars(self) -> Vec<(&'static str, f64)> {
        let every = self.truncate.map(|every| ("K", every as f64));
        every.into_iter().collect()
    }

    /// Whether the gradient of the step that runs as number `order` does not reach the one before it.
    fn is_cut(self, order: usize) -> bool {
        self.truncate
            .is_some_and(|every| order.is_multiple_of(every))
    }

    /// A kernel call for `count` invocations.
    fn call(
        self,
        shader: &'static str,
        dims: &Dims,
        (workgroups, invocations): ([u32; 3], u32),
        operands: Vec<Operand>,
    ) -> KernelCall {
        let [batch, steps, hidden] = dims.all(["N", "T", "H"]);
        KernelCall {
            shader,
            constants: vec![("WORKGROUP_SIZE", f64::from(invocations))],
            params: RecurrentParams {
                batch: batch as u32,
                steps: steps as u32,
                hidden: hidden as u32,
                columns: dims.find("J").unwrap_or(hidden) as u32,
                truncate: self.truncate.unwrap_or(0) as u32,
                reverse: u32::from(self.reverse),
                row_length: workgroups[0] * invocations,
                unused: 0,
            }
            .params(),
            operands,
            workgroups,
        }
    }

    /// One workgroup for each sequence, with an invocation for each unit up to [`MAX_INVOCATIONS`].
    fn by_sequence(self, shader: &'static str, dims: &Dims, operands: Vec<Operand>) -> KernelCall {
        let [batch, hidden] = dims.all(["N", "H"]);
        let invocations = hidden.next_multiple_of(32).min(MAX_INVOCATIONS) as u32;
        let ([columns, rows, _], _) = linear_workgroups(batch, 1);
        self.call(shader, dims, ([columns, rows, 1], invocations), operands)
    }

    /// One workgroup for each four sequences, with so many invocations, up to [`MAX_INVOCATIONS`].
    fn by_four(
        self,
        shader: &'static str,
        dims: &Dims,
        invocations: usize,
        operands: Vec<Operand>,
    ) -> KernelCall {
        let invocations = invocations.next_multiple_of(32).min(MAX_INVOCATIONS) as u32;
        let ([columns, rows, _], _) = linear_workgroups(dims.get("N").div_ceil(4), 1);
        self.call(shader, dims, ([columns, rows, 1], invocations), operands)
    }

    /// One invocation for each of `count` elements.
    fn by_element(
        self,
        shader: &'static str,
        dims: &Dims,
        count: usize,
        operands: Vec<Operand>,
    ) -> KernelCall {
        let invocations = super::kernel::WORKGROUP_SIZE;
        let (workgroups, _) = linear_workgroups(count, invocations);
        self.call(shader, dims, (workgroups, invocations), operands)
    }
}

/// Whether an operation over time runs the last step first, and behind how many steps its gradients stop; `None` for
/// other operations.
pub fn order_of_steps(op: &Op) -> Option<(bool, Option<usize>)> {
    match op {
        Op::Rnn(op) => Some((op.reverse, op.truncate)),
        Op::Lstm(op) => Some((op.reverse, op.truncate)),
        Op::Gru(op) => Some((op.reverse, op.truncate)),
        _ => None,
    }
}

/// How many steps sequence n has.
fn length() -> Position {
    lookup("lengths", [index("n")])
}

/// 1 at the steps that sequence n has.
fn is_step() -> Expression {
    less(index("t"), length())
}

/// The input `lengths` (N), whole numbers up to T.
fn lengths() -> Input {
    index_input("lengths", &["N"]).below("T+1")
}

/// Binds the number that lengths stay below.
fn derive_lengths(dims: &mut Dims) {
    dims.set("T+1", dims.get("T") + 1);
}

/// Checks that there are `count` rows of weights for each unit, and so many sums in `a`.
fn derive_columns(dims: &mut Dims, count: usize) -> Result<(), String> {
    derive_lengths(dims);
    let [columns, hidden] = dims.all(["J", "H"]);
    if columns != count * hidden {
        return Err(format!(
            "a has {columns} sums a step and h0 {hidden} units, expected {count} sums for each unit"
        ));
    }
    Ok(())
}

/// The number of a column's unit: q mod H.
fn unit_of_column() -> Position {
    index("q").remainder(size("H"))
}

/// The number of a column's gate: ⌊q / H⌋.
fn gate_of_column() -> Position {
    index("q").quotient(size("H"))
}

/// 1 where column q belongs to this gate.
fn is_gate(gate: i64) -> Expression {
    equal(gate_of_column(), Position::Number(gate))
}

/// Element of `gates` (N, T, …) at step t: unit `unit` of this gate.
fn gate(gate: i64, step: Position, unit: Position) -> Expression {
    let column = match gate {
        0 => unit,
        1 => size("H") + unit,
        more => Position::Number(more) * size("H") + unit,
    };
    element("gates", [index("n"), step, column])
}

/// The element of a tensor (N, T, …) at n, t and this column.
fn now(tensor: &'static str, column: Position) -> Expression {
    element(tensor, [index("n"), index("t"), column])
}

/// y · (1 − y): the slope of a sigmoid whose value is y.
fn sigmoid_slope(y: impl Fn() -> Expression) -> Expression {
    y() * (number(1.0) - y())
}

/// 1 − y²: the slope of a tanh whose value is y.
fn tanh_slope(y: impl Fn() -> Expression) -> Expression {
    number(1.0) - y() * y()
}

fn sigmoid<T: Real>(x: T) -> T {
    // The exponential is of a negative number on either side: no overflow.
    let tail = (-x.abs()).exp();
    if x < T::ZERO {
        tail / (T::ONE + tail)
    } else {
        T::ONE / (T::ONE + tail)
    }
}

/// Sequences that one task of the CPU takes: enough for products of some size, few enough for
/// every core to have some.
fn task_sequences(batch: usize) -> usize {
    batch.div_ceil(2).clamp(16, 32)
}

/// A part of the batch, and its rows of every output.
struct Part<'a, T> {
    /// The number of its first sequence.
    first: usize,
    count: usize,
    outputs: Vec<&'a mut [T]>,
}

/// Cuts the batch into parts and runs `body` for each, on all cores.
fn for_each_part<T: Real>(
    batch: usize,
    outputs: &mut [SliceMut<'_, T>],
    body: impl Fn(&mut Part<'_, T>) + Send + Sync,
) {
    let sequences = task_sequences(batch);
    let mut parts: Vec<Part<'_, T>> = (0..batch)
        .step_by(sequences)
        .map(|first| Part {
            first,
            count: sequences.min(batch - first),
            outputs: Vec::with_capacity(outputs.len()),
        })
        .collect();
    for output in outputs {
        let values = output.real();
        let row = values.len() / batch;
        for (part, values) in parts.iter_mut().zip(values.chunks_mut(sequences * row)) {
            part.outputs.push(values);
        }
    }
    platform::for_each_chunk(&mut parts, 1, |_, part| body(&mut part[0]));
}

/// Sizes that the twins work with, and the order of steps.
#[derive(Clone, Copy)]
struct Walk<'a> {
    steps: usize,
    hidden: usize,
    course: Course,
    lengths: &'a [u32],
}

impl<'a> Walk<'a> {
    fn new(dims: &Dims, course: Course, lengths: &'a [u32]) -> Self {
        let [steps, hidden] = dims.all(["T", "H"]);
        Self {
            steps,
            hidden,
            course,
            lengths,
        }
    }

    fn length(&self, sequence: usize) -> usize {
        (self.lengths[sequence] as usize).min(self.steps)
    }

    /// The step that runs as number `order`; `None` behind the sequence's length, where the
    /// steps that are left out are those behind it.
    fn step(&self, sequence: usize, order: usize) -> Option<usize> {
        let length = self.length(sequence);
        (order < length).then(|| match self.course.reverse {
            false => order,
            true => length - 1 - order,
        })
    }

    /// `state · wᵀ` is added to the sums: state (rows, H), w (columns, H), sums (rows, columns).
    fn add_recurrent<T: Real>(&self, rows: usize, state: &[T], w: &[T], sums: &mut [T]) {
        let (hidden, columns) = (self.hidden, w.len() / self.hidden);
        let size = [rows, hidden, columns];
        T::matrix_product(
            size,
            state,
            [hidden, 1],
            w,
            [1, hidden],
            T::ONE,
            sums,
            [columns, 1],
        );
    }

    /// `dz · w` becomes what the gradient of the state before is: dz (rows, columns).
    fn back<T: Real>(&self, rows: usize, dz: &[T], w: &[T], state: &mut [T]) {
        let (hidden, columns) = (self.hidden, w.len() / self.hidden);
        let size = [rows, columns, hidden];
        T::matrix_product(
            size,
            dz,
            [columns, 1],
            w,
            [hidden, 1],
            T::ZERO,
            state,
            [hidden, 1],
        );
    }
}

impl Walk<'_> {
    /// The step that the equations start a sequence at; `None` where there is none. Without
    /// `reverse` that is step 0 even of a sequence without steps, whose gradients are 0.
    fn start(&self, sequence: usize) -> Option<usize> {
        match self.course.reverse {
            false => Some(0),
            true => self.length(sequence).checked_sub(1),
        }
    }
}
