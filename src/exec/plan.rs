//! A static plan: which nodes run together, in which order, and in whose memory.
//!
//! Everything is decided once, from shapes; a training step only encodes the
//! dispatches again. *Train* fuses kernels and lets activations share memory
//! once they are no longer needed; *inspect* keeps every value of every node.

use super::fusion::{self, Fused};
use crate::graph::{Graph, NodeId, Phase, Source, ValueId};
use crate::ops::{KernelCall, Operand, Params};
use crate::tensor::ElementType;
use std::ops::Range;

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Fused, memory shared.
    Train,
    /// Every node by itself, every value kept.
    Inspect,
}

/// A tensor that a kernel binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlannedOperand {
    Value(ValueId),
    /// Number in the plan's workspaces.
    Workspace(usize),
}

/// One dispatch of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedCall {
    pub shader: &'static str,
    pub constants: Vec<(&'static str, f64)>,
    pub params: Params,
    pub operands: Vec<PlannedOperand>,
    pub workgroups: [u32; 3],
}

/// Nodes that run as one.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub nodes: Vec<NodeId>,
    pub phase: Phase,
    /// The GPU's dispatches; the CPU runs the nodes' twins instead.
    pub calls: Vec<PlannedCall>,
}

/// Memory that one or, in turn, several values own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    pub element: ElementType,
    /// In elements.
    pub length: usize,
    /// Whether it outlives the step: inputs, parameters, states, results.
    pub persistent: bool,
}

/// Where a value lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub slot: usize,
    /// In elements.
    pub offset: usize,
}

/// The plan of a graph.
#[derive(Clone, Debug)]
pub struct Plan {
    pub mode: Mode,
    pub groups: Vec<Group>,
    pub slots: Vec<Slot>,
    /// By value number; `None` for a value that no node touches.
    pub(super) places: Vec<Option<Place>>,
    /// Sizes in f32 elements.
    pub workspaces: Vec<usize>,
}

impl Plan {
    /// Plans `graph`; the values in `keep` stay readable after a step in either mode.
    pub fn new(graph: &Graph, mode: Mode, keep: &[ValueId]) -> Self {
        Self::up_to(Phase::Update, graph, mode, keep)
    }

    /// As [`Plan::new`], without backward pass and update: what these need is not kept either.
    pub fn forward(graph: &Graph, mode: Mode, keep: &[ValueId]) -> Self {
        Self::up_to(Phase::Loss, graph, mode, keep)
    }

    fn up_to(last: Phase, graph: &Graph, mode: Mode, keep: &[ValueId]) -> Self {
        let mut plan = Self {
            mode,
            groups: Vec::new(),
            slots: Vec::new(),
            places: vec![None; graph.values().len()],
            workspaces: Vec::new(),
        };
        plan.group_nodes(last, graph, keep);
        plan.place_values(graph, keep, &|_| true);
        plan
    }

    /// Where a value lies.
    ///
    /// Panics for a value that the plan does not hold: a bug of the caller.
    pub fn place(&self, value: ValueId) -> Place {
        self.places[value.0].expect("the plan holds the value")
    }

    /// Where a value lies, if the plan holds it.
    pub fn find_place(&self, value: ValueId) -> Option<Place> {
        self.places[value.0]
    }

    /// The groups of some phases; phases run in their order, so these are neighbours.
    pub fn phases(&self, first: Phase, last: Phase) -> Range<usize> {
        let start = self.groups.partition_point(|group| group.phase < first);
        let end = self.groups.partition_point(|group| group.phase <= last);
        start..end
    }

    /// Bytes of all slots and workspaces.
    pub fn bytes(&self) -> u64 {
        let slots: usize = self
            .slots
            .iter()
            .map(|slot| slot.length * slot.element.bytes())
            .sum();
        let workspaces: usize = self.workspaces.iter().map(|length| length * 4).sum();
        (slots + workspaces) as u64
    }

    /// Bytes that no plan of these groups can do without: what outlives a step (parameters,
    /// gradients, optimizer states, data), and the activations that are alive at once.
    pub fn needed_bytes(&self, graph: &Graph) -> u64 {
        let mut outliving = 0;
        let mut alive = vec![0; self.groups.len()];
        for (id, life) in graph.value_ids().zip(self.lives(graph)) {
            let value = graph.value(id);
            let bytes = (value.shape.count() * value.element.bytes()) as u64;
            match (&value.source, life) {
                _ if value.view.is_some() => {}
                (Source::Node { .. }, Some(life)) => {
                    let groups = &mut alive[life.start..=life.end];
                    groups.iter_mut().for_each(|sum| *sum += bytes);
                }
                (Source::Node { .. }, None) => {}
                _ => outliving += bytes,
            }
        }
        outliving + alive.into_iter().max().unwrap_or(0)
    }

    /// GPU dispatches of one training step, data to update.
    pub fn dispatches(&self) -> usize {
        self.groups.iter().map(|group| group.calls.len()).sum()
    }

    fn group_nodes(&mut self, last: Phase, graph: &Graph, keep: &[ValueId]) {
        let mut order: Vec<NodeId> = graph.node_ids().collect();
        order.retain(|&node| graph.node(node).phase <= last);
        order.sort_by_key(|&node| graph.node(node).phase);
        let mut at = 0;
        while at < order.len() {
            let fused = match self.mode {
                Mode::Train => fusion::fuse(graph, &order[at..], keep),
                Mode::Inspect => None,
            };
            let fused = fused.unwrap_or_else(|| node_calls(graph, order[at]));
            let nodes = order[at..at + fused.length].to_vec();
            let phase = graph.node(nodes[0]).phase;
            self.reserve_workspaces(&fused.workspaces);
            self.groups.push(Group {
                nodes,
                phase,
                calls: fused.calls,
            });
            at += fused.length;
        }
    }

    /// Groups run one after the other and hand nothing on in workspaces, so they share them.
    fn reserve_workspaces(&mut self, lengths: &[usize]) {
        if self.workspaces.len() < lengths.len() {
            self.workspaces.resize(lengths.len(), 0);
        }
        for (shared, &length) in self.workspaces.iter_mut().zip(lengths) {
            *shared = (*shared).max(length);
        }
    }

    /// The values that a group reads and writes, by the values that own their memory.
    fn touched(&self, graph: &Graph, group: usize) -> Vec<ValueId> {
        let nodes = self.groups[group].nodes.iter();
        nodes
            .flat_map(|&node| {
                let node = graph.node(node);
                node.inputs.iter().chain(&node.outputs)
            })
            .map(|&value| graph.storage(value).0)
            .collect()
    }

    /// Gives memory to the values that groups touch, and that `has_slot` says are to have a slot.
    pub(super) fn place_values(
        &mut self,
        graph: &Graph,
        keep: &[ValueId],
        has_slot: &dyn Fn(ValueId) -> bool,
    ) {
        let lives = self.lives(graph);
        let kept: Vec<ValueId> = keep.iter().map(|&value| graph.storage(value).0).collect();
        // Slots of transient values that are free again after the given group.
        let mut free_after: Vec<(usize, usize)> = Vec::new();
        let mut by_birth: Vec<ValueId> = graph
            .value_ids()
            .filter(|&value| lives[value.0].is_some() && has_slot(value))
            .collect();
        by_birth.sort_by_key(|v| lives[v.0].as_ref().map(|life| life.start));
        for owner in by_birth {
            let life = lives[owner.0].clone().expect("the value is touched");
            let value = graph.value(owner);
            let transient = matches!(value.source, Source::Node { .. })
                && !kept.contains(&owner)
                && self.mode == Mode::Train;
            let needed = Slot {
                element: value.element,
                length: value.shape.count().max(1),
                persistent: !transient,
            };
            let reused = transient
                .then(|| self.take_free(&mut free_after, &life, needed))
                .flatten();
            let slot = reused.unwrap_or_else(|| {
                self.slots.push(needed);
                self.slots.len() - 1
            });
            if transient {
                free_after.push((slot, life.end));
            }
            self.places[owner.0] = Some(Place { slot, offset: 0 });
        }
        for value in graph.value_ids() {
            let (owner, offset) = graph.storage(value);
            self.places[value.0] = self.places[owner.0].map(|place| Place {
                slot: place.slot,
                offset: place.offset + offset,
            });
        }
    }

    /// First and last group that touch each value that owns memory, by value number; `None` for one that no group
    /// touches, and for views.
    pub fn lives(&self, graph: &Graph) -> Vec<Option<Range<usize>>> {
        let mut lives: Vec<Option<Range<usize>>> = vec![None; graph.values().len()];
        for group in 0..self.groups.len() {
            for owner in self.touched(graph, group) {
                match &mut lives[owner.0] {
                    Some(life) => life.end = group,
                    life => *life = Some(group..group),
                }
            }
        }
        lives
    }

    /// The free slot of the right type that needs to grow least.
    fn take_free(
        &mut self,
        free_after: &mut Vec<(usize, usize)>,
        life: &Range<usize>,
        needed: Slot,
    ) -> Option<usize> {
        let (at, _) = free_after
            .iter()
            .enumerate()
            .filter(|(_, (slot, end))| {
                *end < life.start && self.slots[*slot].element == needed.element
            })
            .min_by_key(|(_, (slot, _))| self.slots[*slot].length.abs_diff(needed.length))?;
        let (slot, _) = free_after.swap_remove(at);
        let length = &mut self.slots[slot].length;
        *length = (*length).max(needed.length);
        Some(slot)
    }
}

/// A node's own kernel calls; workspaces are numbered from 0.
fn node_calls(graph: &Graph, node: NodeId) -> Fused {
    let node = graph.node(node);
    let calls = node.op.kernels(&node.dims);
    Fused {
        length: 1,
        calls: calls
            .into_iter()
            .map(|call| bind(call, &node.inputs, &node.outputs))
            .collect(),
        workspaces: node.op.workspaces(&node.dims),
    }
}

/// Puts values in place of an operation's own operands.
pub(super) fn bind(call: KernelCall, inputs: &[ValueId], outputs: &[ValueId]) -> PlannedCall {
    let operands = call
        .operands
        .iter()
        .map(|&operand| match operand {
            Operand::Input(input) => PlannedOperand::Value(inputs[input]),
            Operand::Output(output) => PlannedOperand::Value(outputs[output]),
            Operand::Workspace(number) => PlannedOperand::Workspace(number),
        })
        .collect();
    PlannedCall {
        shader: call.shader,
        constants: call.constants,
        params: call.params,
        operands,
        workgroups: call.workgroups,
    }
}
