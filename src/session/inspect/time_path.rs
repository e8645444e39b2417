//! One path back through the steps of a recurrent operation, factor by factor.
//!
//! The operation's own gradient steps run in 64 bits on what it kept of one sample: on one step alone, with a
//! gradient of 1 at one element, they give a row of the Jacobian of that step; on the whole sequence they give the
//! derivatives over all paths. No formula is written here a second time.

use super::reverse::{Held, gradient_rows};
use super::sequence::row_of;
use super::*;
use crate::ops::{Buffer, GradientOperand, GradientStep, Op, order_of_steps};
use crate::tensor::Shape;

/// Rows of the Jacobian that are computed at once.
const ROWS: usize = 32;

/// What an operation over time read and kept of one sample.
struct Strand<'a> {
    op: &'a Op,
    /// Of the forward operation's declared inputs and outputs.
    inputs: Vec<(&'static str, Held)>,
    outputs: Vec<(&'static str, Held)>,
    steps: usize,
    hidden: usize,
    /// Steps that the sample has.
    length: usize,
    is_reversed: bool,
    truncate: Option<usize>,
}

/// The derivatives of one element of a step by the states before it.
struct StepRow {
    by_state: Vec<f64>,
    by_cell: Vec<f64>,
    /// By the cell of the same step.
    by_own_cell: Vec<f64>,
}

fn reals((_, buffer): &Held) -> &[f64] {
    match buffer {
        Buffer::Real(values) => values,
        _ => unreachable!("states are real"),
    }
}

fn held(dims: &[usize], values: Vec<f64>) -> Held {
    let shape = Shape::new(dims.to_vec()).expect("part of a tensor that fits");
    (shape, Buffer::Real(values))
}

fn find<'a>(operands: &'a [(&'static str, Held)], name: &str) -> Option<&'a Held> {
    let found = operands.iter().find(|(known, _)| *known == name);
    found.map(|(_, held)| held)
}

impl Strand<'_> {
    fn state(&self, name: &str) -> Option<&[f64]> {
        find(&self.outputs, name).map(reals)
    }

    /// The step that runs before step t.
    fn before(&self, t: usize) -> Option<usize> {
        match self.is_reversed {
            false => t.checked_sub(1),
            true => Some(t + 1).filter(|&t| t < self.length),
        }
    }

    /// When step t runs, from 0.
    fn order(&self, t: usize) -> usize {
        match self.is_reversed {
            false => t,
            true => self.length - 1 - t,
        }
    }

    /// Runs the gradient steps with gradients arriving at the outputs `h` and `c`.
    fn pull_back(
        &self,
        inputs: &[Held],
        outputs: &[Held],
        arriving: impl Fn(&str) -> Vec<f64>,
        is_asked: impl Fn(&GradientStep) -> bool,
    ) -> Vec<super::reverse::Row> {
        // A gradient rule depends on the operation alone, not on how many steps there are.
        let steps = self.op.gradient(&crate::ops::Dims::default());
        let operand = |operand: &GradientOperand| match *operand {
            GradientOperand::Input(input) => inputs[input].clone(),
            GradientOperand::Output(output) => outputs[output].clone(),
            GradientOperand::GradientOf(of) | GradientOperand::GradientOrZero(of) => {
                let values = arriving(self.outputs[of].0);
                (outputs[of].0.clone(), Buffer::Real(values))
            }
            GradientOperand::Step(..) => unreachable!("a result of an earlier step"),
        };
        gradient_rows(
            &steps,
            operand,
            |_, step| is_asked(step),
            StepValues::forward(1),
        )
    }

    /// The derivatives of unit `unit` of `name` (`h`, `c`) at step t, with that step alone.
    fn step_row(&self, t: usize, name: &str, unit: usize) -> StepRow {
        let hidden = self.hidden;
        let part = |values: &[f64], columns: usize| values[t * columns..(t + 1) * columns].to_vec();
        let inputs: Vec<Held> = self
            .inputs
            .iter()
            .map(|(name, own)| {
                let before = |state: &str| match (self.before(t), self.state(state)) {
                    (Some(t), Some(all)) => {
                        held(&[1, hidden], all[t * hidden..(t + 1) * hidden].to_vec())
                    }
                    _ => own.clone(),
                };
                match *name {
                    "a" => {
                        let columns = own.0.dims()[2];
                        held(&[1, 1, columns], part(reals(own), columns))
                    }
                    "h0" => before("h"),
                    "c0" => before("c"),
                    "lengths" => (own.0.clone(), Buffer::Index(vec![1])),
                    _ => own.clone(),
                }
            })
            .collect();
        let outputs: Vec<Held> = self
            .outputs
            .iter()
            .map(|(_, own)| {
                let columns = own.0.dims()[2];
                held(&[1, 1, columns], part(reals(own), columns))
            })
            .collect();
        let arriving = |output: &str| {
            let mut values = vec![0.0; hidden];
            values[unit] = f64::from(u8::from(output == name));
            values
        };
        let target = |input: &str| self.inputs.iter().position(|(name, _)| *name == input);
        let wanted = [Some(0), target("h0"), target("c0")];
        let rows = self.pull_back(&inputs, &outputs, arriving, |step| {
            wanted.contains(&Some(step.target))
        });
        let of = |input: Option<usize>| {
            let row = rows.iter().find(|row| Some(row.step.target) == input);
            row.map_or(vec![0.0; hidden], |row| row.values.clone())
        };
        StepRow {
            by_state: of(target("h0")),
            by_cell: of(target("c0").or(Some(usize::MAX))),
            by_own_cell: kept(&rows[0], "dc").unwrap_or_else(|| vec![0.0; hidden]),
        }
    }

    /// The derivatives of units `first..first + count` at step `to` by the hidden and cell states of all steps, over
    /// all paths: (count, T, H) each.
    fn derivatives(&self, to: usize, first: usize, count: usize) -> [Option<Vec<f64>>; 2] {
        let (steps, hidden) = (self.steps, self.hidden);
        let repeated = |(_, own): &(&'static str, Held), is_batched: bool| {
            if !is_batched {
                return own.clone();
            }
            let mut dims = own.0.dims().to_vec();
            dims[0] = count;
            let shape = Shape::new(dims).expect("some copies of a tensor that fits");
            let buffer = match &own.1 {
                Buffer::Real(values) => Buffer::Real(values.repeat(count)),
                Buffer::Index(values) => Buffer::Index(values.repeat(count)),
                Buffer::Bytes(values) => Buffer::Bytes(values.repeat(count)),
            };
            (shape, buffer)
        };
        let inputs = self.inputs.iter();
        let inputs: Vec<Held> = inputs
            .map(|own| repeated(own, !matches!(own.0, "wh" | "bh")))
            .collect();
        let outputs: Vec<Held> = self.outputs.iter().map(|own| repeated(own, true)).collect();
        let arriving = |output: &str| {
            let mut values = vec![0.0; count * steps * hidden];
            if output == "h" {
                for row in 0..count {
                    values[(row * steps + to) * hidden + first + row] = 1.0;
                }
            }
            values
        };
        let rows = self.pull_back(&inputs, &outputs, arriving, |step| step.target == 0);
        ["dh", "dc"].map(|name| kept(&rows[0], name))
    }
}

/// What a gradient step wrote under this name.
fn kept(row: &super::reverse::Row, name: &str) -> Option<Vec<f64>> {
    let declared = row.step.op.outputs();
    let at = declared.iter().position(|output| output.name == name)?;
    Some(reals(&row.outputs[at]).to_vec())
}

/// The operands of a node for one sample.
async fn strand<'a>(
    inspector: &'a Inspector,
    id: NodeId,
    sample: usize,
) -> Result<Strand<'a>, SessionError> {
    let node = inspector.graph.node(id);
    let [batch, steps, hidden] = node.dims.all(["N", "T", "H"]);
    let (is_reversed, truncate) =
        order_of_steps(&node.op).expect("the node was found as one over time");
    let read = async |values: &[ValueId], names: Vec<(&'static str, bool)>| {
        let mut read = inspector.executor.read_many(values).await?;
        for (values, &value) in read.iter_mut().zip(values) {
            if let Some(before) = inspector.before_update(value, node.phase) {
                *values = before;
            }
        }
        let operands = names.into_iter().zip(values).zip(read);
        let operands = operands.map(|(((name, is_batched), &value), values)| {
            let mut dims = inspector.graph.value(value).shape.dims().to_vec();
            let values = if is_batched {
                dims[0] = 1;
                row_of(&values, batch, sample)
            } else {
                values
            };
            let shape = Shape::new(dims).expect("part of a tensor that fits");
            (name, (shape, Buffer::from_values(&values)))
        });
        Ok::<_, SessionError>(operands.collect::<Vec<(&'static str, Held)>>())
    };
    let names = node.op.inputs();
    let names = names.iter().map(|i| (i.name, i.dims.first() == Some(&"N")));
    let inputs = read(&node.inputs, names.collect()).await?;
    let names = node.op.outputs();
    let names = names.iter().map(|output| (output.name, true));
    let outputs = read(&node.outputs, names.collect()).await?;
    let length = match find(&inputs, "lengths") {
        Some((_, Buffer::Index(lengths))) => lengths[0] as usize,
        _ => steps,
    };
    Ok(Strand {
        op: &node.op,
        inputs,
        outputs,
        steps,
        hidden,
        length: length.min(steps),
        is_reversed,
        truncate,
    })
}

/// The path from a hidden unit at step `to` back to step `from`.
pub(super) async fn path(
    inspector: &Inspector,
    (number, id): (u32, NodeId),
    sample: u32,
    [to, from, unit]: [u32; 3],
    way: TimeWay,
) -> Result<Result<TimePathFacts, Refusal>, SessionError> {
    let graph = &inspector.graph;
    let node = graph.node(id);
    let names = node.op.outputs();
    let value_of = |symbol: &str| {
        let at = names.iter().position(|output| output.name == symbol);
        at.map(|at| node.outputs[at])
    };
    let state = value_of("h").expect("an operation over time has hidden states");
    let name = graph.value(state).name.clone();
    if !inspector.is_computed(state) {
        return Ok(Err(Refusal::NotComputed { name }));
    }
    let cell = value_of("c");
    if way == TimeWay::Cell && cell.is_none() {
        let name = format!("{}.c", node.name);
        return Ok(Err(Refusal::UnknownTensor { name }));
    }
    let [steps, hidden] = node.dims.all(["T", "H"]);
    let fits = |step: u32| (step as usize) < steps;
    if sample >= inspector.values.valid || unit as usize >= hidden || !fits(to) || !fits(from) {
        let step = if fits(to) { from } else { to };
        let shape = graph.value(state).shape.dims();
        return Ok(Err(Refusal::OutsideTensor {
            name,
            shape: shape.iter().map(|&size| size as u32).collect(),
            index: vec![sample, step, unit],
        }));
    }
    let strand = strand(inspector, id, sample as usize).await?;
    let (to, from) = (to as usize, from as usize);
    let is_inside = to.max(from) < strand.length;
    if !is_inside || strand.order(from) > strand.order(to) {
        let end = |step: usize| format!("{name}[{sample}, {step}, {unit}]");
        let (from, to) = (end(from), end(to));
        return Ok(Err(Refusal::NoPath { from, to }));
    }
    let tensors = [Some(state), cell];
    let label = |kind: usize| tensors[kind].map(|value| graph.value(value).name.clone());
    let stops = strand.follow(sample, [to, from], unit as usize, way, |kind| {
        label(kind).unwrap_or_default()
    });
    Ok(Ok(TimePathFacts {
        node: number,
        sample,
        way,
        hidden: hidden as u32,
        stops,
    }))
}

/// Which tensor a stop lies in.
const STATE: usize = 0;
const CELL: usize = 1;

impl Strand<'_> {
    fn follow(
        &self,
        sample: u32,
        [to, from]: [usize; 2],
        unit: usize,
        way: TimeWay,
        name: impl Fn(usize) -> String,
    ) -> Vec<TimeStop> {
        let (all, norms) = self.over_all_paths(to, unit);
        let hidden = self.hidden;
        let stop = |kind: usize, step: usize, unit: usize, factor: f64, product: f64| {
            let at = step * hidden + unit;
            TimeStop {
                element: ElementName {
                    tensor: name(kind),
                    index: vec![sample, step as u32, unit as u32],
                },
                step: step as u32,
                value: self.state(["h", "c"][kind]).map_or(0.0, |all| all[at]),
                factor,
                product,
                all: all[kind].as_ref().map_or(0.0, |all| all[at]),
                norm: norms[step],
            }
        };
        let mut stops = vec![stop(STATE, to, unit, 1.0, 1.0)];
        let (mut at, mut unit, mut product) = (to, unit, 1.0);
        if way == TimeWay::Cell {
            let factor = self.step_row(to, "h", unit).by_own_cell[unit];
            product *= factor;
            stops.push(stop(CELL, to, unit, factor, product));
        }
        while at != from {
            let Some(before) = self.before(at) else { break };
            let row = match way {
                TimeWay::Cell => self.step_row(at, "c", unit).by_cell,
                _ => self.step_row(at, "h", unit).by_state,
            };
            if way == TimeWay::Strongest {
                let largest = |best: usize, k: usize| match row[k].abs() > row[best].abs() {
                    true => k,
                    false => best,
                };
                unit = (0..hidden).fold(0, largest);
            }
            let every = self.truncate;
            let is_cut = every.is_some_and(|every| self.order(at).is_multiple_of(every));
            let factor = if is_cut { 0.0 } else { row[unit] };
            product *= factor;
            let kind = usize::from(way == TimeWay::Cell);
            stops.push(stop(kind, before, unit, factor, product));
            at = before;
        }
        stops
    }

    /// The derivatives of one unit at step `to` by hidden and cell states of all steps (T, H), and at every step the
    /// norm of the derivatives of all units by its hidden states.
    fn over_all_paths(&self, to: usize, unit: usize) -> ([Option<Vec<f64>>; 2], Vec<f64>) {
        let (steps, hidden) = (self.steps, self.hidden);
        let mut own = [None, None];
        let mut squares = vec![0.0; steps];
        for first in (0..hidden).step_by(ROWS) {
            let count = ROWS.min(hidden - first);
            let found = self.derivatives(to, first, count);
            let states = found[STATE].as_deref().unwrap_or_default();
            for (number, row) in states.chunks_exact(hidden).enumerate() {
                squares[number % steps] += row.iter().map(|value| value * value).sum::<f64>();
            }
            if (first..first + count).contains(&unit) {
                let start = (unit - first) * steps * hidden;
                let cut = |all: Vec<f64>| all[start..start + steps * hidden].to_vec();
                own = found.map(|all| all.map(cut));
            }
        }
        (own, squares.into_iter().map(f64::sqrt).collect())
    }
}
