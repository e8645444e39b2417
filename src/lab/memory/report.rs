//! Bytes by tensor and over the step, from a plan's lifetimes.

use crate::exec::Plan;
use crate::exec::plan::PlannedOperand;
use crate::graph::{Graph, Phase, Source, ValueId};
use crate::lab::measure::Place;
use serde::{Deserialize, Serialize};

/// What memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Holds {
    /// Samples, their order, constants.
    Data,
    /// Weights, and what normalizations gather beside them.
    Parameters,
    /// Of the parameters.
    Gradients,
    /// States of the optimizer.
    Optimizer,
    /// What kernels hand to each other inside an operation.
    Workspace,
    /// The batch, and what forward pass and loss compute.
    Activations,
    /// Gradients of activations.
    ActivationGradients,
    /// Activations that are computed again.
    Recomputed,
}

/// In the order in which they are drawn, from below.
pub const KINDS: [Holds; 8] = [
    Holds::Data,
    Holds::Parameters,
    Holds::Gradients,
    Holds::Optimizer,
    Holds::Workspace,
    Holds::Activations,
    Holds::ActivationGradients,
    Holds::Recomputed,
];

impl Holds {
    /// As in the command line's lines and the page's names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Parameters => "parameters",
            Self::Gradients => "gradients",
            Self::Optimizer => "optimizer",
            Self::Workspace => "workspace",
            Self::Activations => "activations",
            Self::ActivationGradients => "activation_gradients",
            Self::Recomputed => "recomputed",
        }
    }

    /// Its place in [`KINDS`].
    pub fn number(self) -> usize {
        KINDS
            .into_iter()
            .position(|kind| kind == self)
            .expect("all kinds are there")
    }
}

/// A group of the plan, and what is alive while it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Names of its nodes, joined by ` + `.
    pub name: String,
    pub phase: Phase,
    pub is_recomputation: bool,
    /// Bytes by kind, in the order of [`KINDS`].
    pub bytes: [u64; KINDS.len()],
}

impl Moment {
    pub fn total(&self) -> u64 {
        self.bytes.iter().sum()
    }
}

/// A tensor that owns memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TensorRow {
    pub name: String,
    pub kind: Holds,
    pub shape: Vec<usize>,
    pub bytes: u64,
    /// First and last moment in which it is needed; `None`: it outlives the step.
    pub life: Option<(u32, u32)>,
}

/// Where the bytes of a step go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub moments: Vec<Moment>,
    /// The largest first.
    pub tensors: Vec<TensorRow>,
    /// Number of the moment in which most is alive.
    pub peak: u32,
    /// Bytes that the plan reserves: what is alive at the peak, and what is lost where memory is shared by tensors of
    /// different sizes.
    pub reserved: u64,
    /// Counted floating-point operations of the step.
    pub flops: u64,
}

impl Report {
    /// Bytes alive at the peak.
    pub fn peak_bytes(&self) -> u64 {
        self.moments[self.peak as usize].total()
    }

    /// Bytes of a kind at the peak.
    pub fn at_peak(&self, kind: Holds) -> u64 {
        self.moments[self.peak as usize].bytes[kind.number()]
    }
}

/// Counts a plan; `kept` are the values that it keeps readable, and those in `left_out` (the data set) do not count. The
/// CPU executor has no workspaces.
pub fn report(
    graph: &Graph,
    plan: &Plan,
    (kept, left_out): (&[ValueId], &[ValueId]),
    place: Place,
) -> Report {
    let mut moments: Vec<Moment> = plan
        .groups
        .iter()
        .map(|group| {
            let names = group.nodes.iter().map(|&node| graph.node(node));
            let names: Vec<&str> = names.map(|node| node.name.as_str()).collect();
            Moment {
                name: names.join(" + "),
                phase: group.phase,
                is_recomputation: group.nodes.iter().any(|&node| graph.is_recomputation(node)),
                bytes: [0; KINDS.len()],
            }
        })
        .collect();
    let last = moments.len().saturating_sub(1);
    let kept: Vec<ValueId> = kept.iter().map(|&value| graph.storage(value).0).collect();
    let mut tensors = Vec::new();
    for (id, life) in graph.value_ids().zip(plan.lives(graph)) {
        let value = graph.value(id);
        if value.view.is_some() || plan.find_place(id).is_none() || left_out.contains(&id) {
            continue;
        }
        let kind = kind(graph, id);
        let bytes = (value.shape.count() * value.element.bytes()) as u64;
        let life = match (&value.source, life) {
            (Source::Node { .. }, Some(life)) if kept.contains(&id) => Some((life.start, last)),
            (Source::Node { .. }, Some(life)) => Some((life.start, life.end)),
            _ => None,
        };
        let (from, to) = life.unwrap_or((0, last));
        for moment in &mut moments[from..=to] {
            moment.bytes[kind.number()] += bytes;
        }
        tensors.push(TensorRow {
            name: value.name.clone(),
            kind,
            shape: value.shape.dims().to_vec(),
            bytes,
            life: life.map(|(from, to)| (from as u32, to as u32)),
        });
    }
    if place == Place::Gpu {
        add_workspaces(plan, &mut moments, &mut tensors);
    }
    tensors.sort_by_key(|row| std::cmp::Reverse(row.bytes));
    let highest = moments.iter().map(Moment::total).max().unwrap_or(0);
    let peak = moments.iter().position(|moment| moment.total() == highest);
    let workspaces: usize = plan.workspaces.iter().map(|length| length * 4).sum();
    let nodes = plan.groups.iter().flat_map(|group| &group.nodes);
    let bytes_left_out: u64 = left_out
        .iter()
        .map(|&id| graph.value(id))
        .map(|value| (value.shape.count() * value.element.bytes()) as u64)
        .sum();
    Report {
        moments,
        tensors,
        peak: peak.unwrap_or(0) as u32,
        reserved: plan.bytes()
            - bytes_left_out
            - match place {
                Place::Gpu => 0,
                Place::Cpu => workspaces as u64,
            },
        flops: nodes
            .map(|&node| graph.node(node))
            .map(|node| node.op.flops(&node.dims))
            .sum(),
    }
}

/// Groups share the workspaces, which are there all the time.
fn add_workspaces(plan: &Plan, moments: &mut [Moment], tensors: &mut Vec<TensorRow>) {
    for (number, &length) in plan.workspaces.iter().enumerate() {
        let bytes = length as u64 * 4;
        for moment in moments.iter_mut() {
            moment.bytes[Holds::Workspace.number()] += bytes;
        }
        debug_assert!(plan.groups.iter().any(|group| {
            let mut operands = group.calls.iter().flat_map(|call| &call.operands);
            operands.any(|operand| *operand == PlannedOperand::Workspace(number))
        }));
        tensors.push(TensorRow {
            name: format!("workspace {}", number + 1),
            kind: Holds::Workspace,
            shape: vec![length],
            bytes,
            life: None,
        });
    }
}

fn kind(graph: &Graph, id: ValueId) -> Holds {
    let value = graph.value(id);
    match &value.source {
        Source::Input | Source::Constant(_) => Holds::Data,
        Source::Arena if value.name.ends_with(".grad") => Holds::Gradients,
        Source::Arena | Source::Parameter | Source::Buffer { .. } => Holds::Parameters,
        Source::State => Holds::Optimizer,
        Source::Node { node, .. } => match graph.node(*node).phase {
            Phase::Data | Phase::Forward | Phase::Loss => Holds::Activations,
            Phase::Backward if graph.is_recomputation(*node) => Holds::Recomputed,
            Phase::Backward => Holds::ActivationGradients,
            // Clipped gradients and their norm.
            Phase::Update => Holds::Gradients,
        },
    }
}
