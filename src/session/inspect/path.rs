//! One path of the chain rule: from an element of a late tensor back to an element of an early one,
//! a factor for each operation passed.
//!
//! Every factor is an element of the operation's Jacobian, found by the operation itself: its gradient
//! step runs in f64 with an upstream gradient that is 1 at the one output element and 0 elsewhere, and
//! the element of its result is read. No operation is known here by name.
//!
//! Which way to go: duals ([`Dual`]) carry the derivative by the input element forward, so that at each
//! stop it is known how much of the derivative comes in through each element before it. The way goes
//! through the largest part, greedily from the output back, unless the learner has chosen another one.

use super::reverse::{Reverse, Row, behind, is_forward};
use super::*;
use crate::graph::Node;
use crate::ops::GradientOperand;
use crate::tensor::{Dual, ElementType};
use std::collections::HashMap;

/// Other ways that are listed at each stop.
const MAX_ALTERNATIVES: usize = 12;

/// What is left of an equation that is listed.
const MAX_PATH_TERMS: usize = 4;

/// The most floating-point operations of a forward pass that runs in f64 and in duals while the
/// learner waits: some seconds.
const MAX_FLOPS: u64 = 4_000_000_000;

impl Run {
    pub(super) async fn follow_path(
        &self,
        inspector: &Inspector,
        [from, to]: [&ElementName; 2],
        via: &[ElementName],
    ) -> Result<Result<PathFacts, Refusal>, SessionError> {
        let graph = &inspector.graph;
        let find = |name: &ElementName| {
            let value = inspector.find(&name.tensor)?;
            Ok::<Place, Refusal>((value, inspector.offset(value, &name.index)?))
        };
        let ends = find(from).and_then(|from| Ok([from, find(to)?]));
        let [from, to] = match ends.and_then(|ends| check_ends(graph, ends)) {
            Ok(ends) => ends,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // A way that is not there is not taken.
        let via: Vec<Place> = via.iter().filter_map(|name| find(name).ok()).collect();
        let mut ground = Ground {
            graph,
            order: &inspector.order,
            step: inspector.values,
            exact: self.oracle::<f64>(inspector).await?,
            along: self.oracle::<Dual>(inspector).await?,
            is_behind: behind(graph, from.0),
        };
        ground.run(from);
        Ok(Ok(ground.follow(from, to, &via)))
    }
}

/// An element: its tensor, and its row-major position there.
type Place = (ValueId, usize);

fn check_ends(graph: &Graph, [from, to]: [Place; 2]) -> Result<[Place; 2], Refusal> {
    let (first, last) = (graph.value(from.0), graph.value(to.0));
    for value in [first, last] {
        if value.element != ElementType::F32 {
            return Err(Refusal::NoDerivative {
                name: value.name.clone(),
            });
        }
    }
    let is_result = match last.source {
        Source::Node { node, .. } => is_forward(graph.node(node)),
        _ => false,
    };
    if !is_result || from == to || !behind(graph, from.0)[to.0.0] {
        return Err(Refusal::NoPath {
            from: first.name.clone(),
            to: last.name.clone(),
        });
    }
    let nodes = graph.nodes().iter().filter(|node| is_forward(node));
    let flops: u64 = nodes.map(|node| node.op.flops(&node.dims)).sum();
    if flops > MAX_FLOPS {
        let most = MAX_FLOPS;
        return Err(Refusal::TooMuchWork { flops, most });
    }
    Ok([from, to])
}

/// A way on from a stop.
struct Way {
    /// Which of the rows that were computed there.
    row: usize,
    place: Place,
    derivative: f64,
    /// Part of the derivative of the stop by the path's start that comes in here.
    carried: f64,
}

/// The batch in f64, and in duals along the path's first element.
struct Ground<'a> {
    graph: &'a Graph,
    order: &'a [NodeId],
    step: StepValues,
    exact: CpuExecutor<f64>,
    along: CpuExecutor<Dual>,
    is_behind: Vec<bool>,
}

impl Ground<'_> {
    /// Runs the forward pass, in duals along `from`.
    fn run(&mut self, (from, offset): Place) {
        let plan = Arc::clone(self.exact.plan());
        let groups = plan.phases(Phase::Forward, Phase::Loss);
        self.exact.run(groups.clone(), &self.step);
        let producer = |group: usize| {
            let nodes = &plan.groups[group].nodes;
            nodes
                .iter()
                .any(|&node| self.graph.node(node).outputs.contains(&from))
        };
        let mark = |along: &mut CpuExecutor<Dual>| along.reals_mut(from)[offset].tangent = 1.0;
        if !groups.clone().any(producer) {
            mark(&mut self.along);
        }
        for group in groups {
            self.along.run(group..group + 1, &self.step);
            if producer(group) {
                mark(&mut self.along);
            }
        }
    }

    /// The derivative of an element by the path's first one, over all paths.
    fn below(&self, (value, offset): Place) -> f64 {
        self.along.reals(value)[offset].tangent
    }

    fn name(&self, (value, offset): Place) -> ElementName {
        let value = self.graph.value(value);
        ElementName {
            tensor: value.name.clone(),
            index: unsigned(&value.shape.index(offset)),
        }
    }

    fn follow(&self, from: Place, to: Place, via: &[Place]) -> PathFacts {
        let above = self.derivatives_of(to);
        let stop = |place: Place, product: f64, factor: Option<PathFactor>| PathStop {
            element: self.name(place),
            value: self.exact.reals(place.0)[place.1],
            above: above.get(&place.0).map_or(0.0, |all| all[place.1]),
            below: self.below(place),
            product,
            factor,
        };
        let mut stops = vec![stop(to, 1.0, None)];
        let (mut at, mut product) = (to, 1.0);
        while at != from {
            let Some((place, factor)) = self.step_back(at, via) else {
                break;
            };
            product *= factor.derivative;
            stops.push(stop(place, product, Some(factor)));
            at = place;
        }
        let is_whole = at == from;
        PathFacts {
            from: self.name(from),
            to: self.name(to),
            total: above.get(&from.0).map_or(0.0, |all| all[from.1]),
            product: if is_whole { product } else { 0.0 },
            blocked_at: (!is_whole).then(|| self.blocked_at(to)).flatten(),
            is_whole,
            stops,
        }
    }

    /// The way on from a stop, and the factor that it brings; `None` where no way carries anything.
    fn step_back(&self, at: Place, via: &[Place]) -> Option<(Place, PathFactor)> {
        let Source::Node { node, output } = self.graph.value(at.0).source else {
            return None;
        };
        let number = self.order.iter().position(|&other| other == node)?;
        let node = self.graph.node(node);
        let mut upstream = vec![0.0; self.graph.value(at.0).shape.count()];
        upstream[at.1] = 1.0;
        let rows = self.reverse().pull_back(node, output, &upstream);
        let mut ways = self.ways(node, &rows);
        ways.retain(|way| way.carried != 0.0);
        // The largest part first; of equal ones the first in memory.
        ways.sort_by(|a, b| b.carried.abs().total_cmp(&a.carried.abs()));
        let chosen = ways.iter().position(|way| via.contains(&way.place));
        let chosen = ways.get(chosen.unwrap_or(0))?;
        let listed = |way: &Way| PathAlternative {
            element: self.name(way.place),
            derivative: way.derivative,
            carried: way.carried,
        };
        let mut alternatives: Vec<PathAlternative> =
            ways.iter().take(MAX_ALTERNATIVES).map(listed).collect();
        if !alternatives
            .iter()
            .any(|a| a.element == self.name(chosen.place))
        {
            alternatives.push(listed(chosen));
        }
        let row = &rows[chosen.row];
        let factor = PathFactor {
            node: number as u32,
            operation: row.step.op.name().into(),
            derivative: chosen.derivative,
            equation: self.equation(row, chosen.place.0),
            terms: self.terms(node, row, chosen.place.1),
            way_count: ways.len() as u32,
            alternatives,
        };
        Some((chosen.place, factor))
    }

    /// Every element that a stop is computed from and that depends on the path's start.
    fn ways(&self, node: &Node, rows: &[Row]) -> Vec<Way> {
        let mut ways: Vec<Way> = Vec::new();
        let mut seen: HashMap<Place, usize> = HashMap::new();
        for (number, row) in rows.iter().enumerate() {
            let value = node.inputs[row.step.target];
            let below = self.along.reals(value);
            for (offset, (&derivative, below)) in row.values.iter().zip(below).enumerate() {
                if derivative == 0.0 || below.tangent == 0.0 {
                    continue;
                }
                // An operation that reads a tensor twice has the sum as its derivative.
                let place = (value, offset);
                let at = *seen.entry(place).or_insert(ways.len());
                if at == ways.len() {
                    ways.push(Way {
                        row: number,
                        place,
                        derivative: 0.0,
                        carried: 0.0,
                    });
                }
                ways[at].derivative += derivative;
                ways[at].carried += derivative * below.tangent;
            }
        }
        ways
    }

    fn reverse(&self) -> Reverse<'_> {
        Reverse {
            graph: self.graph,
            exact: &self.exact,
            step: self.step,
            is_behind: &self.is_behind,
        }
    }

    /// The derivatives of one element by every value before it that lies on a path, over all paths.
    fn derivatives_of(&self, to: Place) -> HashMap<ValueId, Vec<f64>> {
        let mut start = vec![0.0; self.graph.value(to.0).shape.count()];
        start[to.1] = 1.0;
        self.reverse().gradients(to.0, start)
    }

    /// The equation of a factor: that of the gradient step's first output.
    fn equation(&self, row: &Row, target: ValueId) -> EquationFacts {
        let equations = row.step.op.equations(&row.dims);
        let symbol = row.step.op.outputs()[0].name;
        let equation = equations
            .iter()
            .find(|equation| equation.output == symbol)
            .expect("an operation has an equation of its first output");
        EquationFacts {
            tensor: self.graph.value(target).name.clone(),
            mathml: crate::equation::render::mathml(equation),
            latex: crate::equation::render::latex(equation),
        }
    }

    /// What is left of the equation when the upstream gradient is 1 at one element and 0 elsewhere:
    /// the terms that are not 0, without that 1.
    fn terms(&self, node: &Node, row: &Row, offset: usize) -> Vec<TermFacts> {
        let op = &row.step.op;
        let (inputs, outputs) = (op.inputs(), op.outputs());
        let mut environment = OperationEnvironment::new(op, &row.dims, self.step);
        let names = inputs.iter().map(|input| input.name);
        let names = names.chain(outputs.iter().map(|output| output.name));
        for (name, (shape, buffer)) in names.zip(row.operands.iter().chain(&row.outputs)) {
            environment = environment.with_tensor(name, shape, |at| buffer.number(at));
        }
        let equations = op.equations(&row.dims);
        let equation = equations.iter().find(|e| e.output == outputs[0].name);
        let Some(equation) = equation else {
            return Vec::new();
        };
        let shape = &row.outputs[0].0;
        let position = if equation.indices.len() == shape.rank() {
            shape.index(offset)
        } else {
            vec![offset]
        };
        let explanation = equation.explain(&environment, &position);
        // Which tensor of the graph a symbol is; the upstream gradient is none.
        let bound = |symbol: &str| {
            let place = inputs.iter().position(|input| input.name == symbol)?;
            match row.step.operands[place] {
                GradientOperand::Input(input) => Some(node.inputs[input]),
                GradientOperand::Output(output) => Some(node.outputs[output]),
                GradientOperand::GradientOf(_)
                | GradientOperand::GradientOrZero(_)
                | GradientOperand::Step(..) => None,
            }
        };
        let terms = explanation.groups.iter().flat_map(|group| &group.terms);
        terms
            .filter(|term| term.value != 0.0)
            .take(MAX_PATH_TERMS)
            .map(|term| TermFacts {
                value: term.value,
                references: term
                    .references
                    .iter()
                    .filter_map(|reference| {
                        let value = bound(reference.tensor)?;
                        let shape = &self.graph.value(value).shape;
                        let index = match reference.index[..] {
                            [at] if shape.rank() != 1 => shape.index(at as usize),
                            _ => reference.index.iter().map(|&at| at as usize).collect(),
                        };
                        Some(ReferenceFacts {
                            tensor: self.graph.value(value).name.clone(),
                            index: unsigned(&index),
                            value: reference.value,
                        })
                    })
                    .collect(),
            })
            .collect()
    }

    /// The first operation on the way to `to` behind which nothing depends on the path's start any
    /// more, although what goes into it does.
    fn blocked_at(&self, to: Place) -> Option<u32> {
        let mut leads_on = vec![false; self.graph.values().len()];
        leads_on[to.0.0] = true;
        for node in self.graph.nodes().iter().rev().filter(|n| is_forward(n)) {
            if node.outputs.iter().any(|output| leads_on[output.0]) {
                for input in &node.inputs {
                    leads_on[input.0] = true;
                }
            }
        }
        let moves = |value: &ValueId| {
            self.is_behind[value.0] && self.along.reals(*value).iter().any(|d| d.tangent != 0.0)
        };
        let number = self.order.iter().position(|&node| {
            let node = self.graph.node(node);
            let leads_on = node.outputs.iter().any(|output| leads_on[output.0]);
            is_forward(node)
                && leads_on
                && node.inputs.iter().any(moves)
                && !node.outputs.iter().any(moves)
        });
        number.map(|number| number as u32)
    }
}

fn unsigned(index: &[usize]) -> Vec<u32> {
    index.iter().map(|&at| at as u32).collect()
}
