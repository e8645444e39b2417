//! A plan for the GPU whose activations lie in memory as float16.
//!
//! Dense layers and convolutions read and write them as they are, by kernels with float16 storage that sum in float32,
//! and so do ReLU and maximum pooling, which only choose.
//! For every other operation what it reads is widened into scratch memory that all groups share, its usual kernels run
//! there, and what they wrote is rounded back. Gradients of parameters, parameters and optimizer states lie in their
//! float32 arenas; a step begins with a float16 copy of the parameters, which is all that its forward and backward pass
//! see of them.
//!
//! The executor knows nothing of it: float16 memory is a workspace to it, and the conversions are calls like others
//! (`shaders/float16_*.wgsl`).

use super::plan::{Group, Place, PlannedCall, PlannedOperand, Slot};
use super::{Mode, Plan};
use crate::graph::{Graph, Node, NodeId, Phase, Source, ValueId};
use crate::ops::{
    KernelCall, Op, Operand, Params, WORKGROUP_SIZE, conv2d, linear, linear_workgroups, params,
};
use crate::tensor::ElementType;
use std::collections::HashMap;

params! {
    /// Mirrors `Float16Params` of the shaders that convert.
    Float16Params { count: u32, row_length: u32, unused_0: u32, unused_1: u32 }
}

/// What a plan stores as float16.
pub struct HalfRules<'a> {
    /// Whether the results of a phase are rounded.
    pub rounds: &'a dyn Fn(Phase) -> bool,
    /// Values that stay readable as float32.
    pub keep: &'a [ValueId],
    /// Of a scaled loss.
    pub unscale: Option<Unscale>,
}

/// The end of a backward pass of a scaled loss: gradients are divided by the scale.
#[derive(Clone, Copy, Debug)]
pub struct Unscale {
    /// All gradients in one row.
    pub gradients: ValueId,
    /// The scale.
    pub scale: ValueId,
    /// u32 (1): becomes 1 where a gradient is infinite or NaN. No node touches it, and whoever runs the plan writes 0
    /// before.
    pub flag: ValueId,
}

/// Bytes of the memory of a [`HalfPlan`], data left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HalfBytes {
    /// Activations and their gradients as float16.
    pub activations: u64,
    /// The float16 copy of the parameters.
    pub copies: u64,
    /// Shared by all groups: float32 forms of what an operation reads and writes, and its own workspaces.
    pub scratch: u64,
}

/// A plan with float16 memory.
pub struct HalfPlan {
    pub plan: Plan,
    pub bytes: HalfBytes,
    /// Nodes that kernels with float16 storage run.
    pub half_nodes: Vec<NodeId>,
}

impl HalfPlan {
    /// Plans a differentiated graph with an update.
    pub fn new(graph: &Graph, rules: &HalfRules<'_>) -> Self {
        let base = Plan::new(graph, Mode::Inspect, &[]);
        let mut builder = Builder {
            graph,
            is_half: half_values(graph, rules),
            own: base.workspaces.clone(),
            scratch: Vec::new(),
            stored: Vec::new(),
            copies: HashMap::new(),
            homes: HashMap::new(),
            half_nodes: Vec::new(),
        };
        let groups = builder.groups(&base, rules);
        builder.finish(groups, rules)
    }
}

/// Where a call finds a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Home {
    /// A slot of the plan.
    Value(ValueId),
    /// A workspace of the operation's own kernels.
    Own(usize),
    /// Scratch memory of this group, by its number in it.
    Scratch(usize),
    /// Float16 memory of the value, which owns it.
    Stored(ValueId),
}

struct Call {
    shader: &'static str,
    constants: Vec<(&'static str, f64)>,
    params: Params,
    operands: Vec<Home>,
    workgroups: [u32; 3],
}

/// A group that is being written.
struct Draft {
    nodes: Vec<NodeId>,
    phase: Phase,
    calls: Vec<Call>,
    /// Lengths of its scratch memory, in words of 32 bits.
    scratch: Vec<usize>,
}

impl Draft {
    fn scratch(&mut self, words: usize) -> Home {
        self.scratch.push(words);
        Home::Scratch(self.scratch.len() - 1)
    }
}

struct Builder<'a> {
    graph: &'a Graph,
    /// By value number, of values that own memory.
    is_half: Vec<bool>,
    /// Lengths in words.
    own: Vec<usize>,
    scratch: Vec<usize>,
    stored: Vec<usize>,
    /// Parameters with a float16 copy.
    copies: HashMap<ValueId, usize>,
    /// Float16 memory of each value.
    homes: HashMap<ValueId, usize>,
    half_nodes: Vec<NodeId>,
}

/// Words of 32 bits that hold `count` numbers of 16.
fn words(count: usize) -> usize {
    count.div_ceil(2)
}

/// A shader that converts `count` numbers, one invocation for each pair or for each; its operands are the caller's.
pub(crate) fn conversion(shader: &'static str, count: usize) -> KernelCall {
    let takes_pairs = matches!(shader, "float16_narrow" | "float16_widen");
    let invocations = if takes_pairs { words(count) } else { count };
    let (workgroups, row_length) = linear_workgroups(invocations, WORKGROUP_SIZE);
    KernelCall {
        shader,
        constants: Vec::new(),
        params: Float16Params {
            count: count as u32,
            row_length,
            unused_0: 0,
            unused_1: 0,
        }
        .params(),
        operands: Vec::new(),
        workgroups,
    }
}

fn call(call: KernelCall, operands: Vec<Home>) -> Call {
    Call {
        shader: call.shader,
        constants: call.constants,
        params: call.params,
        operands,
        workgroups: call.workgroups,
    }
}

fn narrow(count: usize, from: Home, to: Home) -> Call {
    call(conversion("float16_narrow", count), vec![from, to])
}

fn widen(count: usize, from: Home, to: Home) -> Call {
    call(conversion("float16_widen", count), vec![from, to])
}

/// By value number: the values that a node writes whose results are rounded, with memory of their own that nobody asked
/// to read as float32, and no part of which is a value of its own.
fn half_values(graph: &Graph, rules: &HalfRules<'_>) -> Vec<bool> {
    let mut is_half: Vec<bool> = graph
        .values()
        .iter()
        .map(|value| match value.source {
            Source::Node { node, .. } => {
                value.element == ElementType::F32
                    && value.view.is_none()
                    && (rules.rounds)(graph.node(node).phase)
            }
            _ => false,
        })
        .collect();
    for id in graph.value_ids() {
        let (owner, offset) = graph.storage(id);
        let is_part = graph.value(id).shape.count() != graph.value(owner).shape.count();
        if offset != 0 || is_part || rules.keep.contains(&id) {
            is_half[owner.0] = false;
        }
    }
    is_half
}

/// The kernels with float16 storage for some nodes: how many nodes, what they read and write, and the lengths of their
/// float32 workspaces.
struct HalfCalls<'a> {
    length: usize,
    inputs: &'a [ValueId],
    outputs: Vec<ValueId>,
    calls: Vec<KernelCall>,
    workspaces: Vec<usize>,
}

/// For the nodes at the start; `None` where there are no such kernels, or their sizes do not suit them.
fn half_calls<'a>(node: &'a Node, next: Option<&Node>) -> Option<HalfCalls<'a>> {
    use Operand::{Input, Output};
    let named = |mut call: KernelCall, shader, operands: Option<Vec<Operand>>| {
        call.shader = shader;
        call.constants = Vec::new();
        if let Some(operands) = operands {
            call.operands = operands;
        }
        call
    };
    // The float32 kernel binds an activation's output as a third input; these have none.
    let backward = || Some(vec![Input(0), Input(1), Output(0)]);
    let bias = next.filter(|next| {
        let is_bias = matches!(
            next.op,
            Op::Conv2dBackwardBias(_) | Op::LinearBackwardBias(_)
        );
        is_bias && next.inputs[0] == node.inputs[1]
    });
    let mut outputs = node.outputs.clone();
    let mut length = 1;
    let mut workspaces = Vec::new();
    let dims = &node.dims;
    let renamed = |shader| {
        let calls = node.op.kernels(&node.dims).into_iter();
        calls.map(|call| named(call, shader, None)).collect()
    };
    let calls = match &node.op {
        Op::Relu(_) => renamed("relu_f16"),
        Op::ReluBackward(_) => renamed("relu_backward_f16"),
        Op::MaxPool2d(_) => renamed("max_pool2d_f16"),
        Op::MaxPool2dBackward(_) => renamed("max_pool2d_backward_f16"),
        Op::Linear(_) => vec![named(linear::blocked(dims, 0)?, "linear_f16", None)],
        Op::Conv2d(op) => vec![named(conv2d::blocked(op, dims, 0)?, "conv2d_f16", None)],
        Op::LinearBackwardInput(_) => {
            let call = linear::backward_input_blocked(dims, 0)?;
            vec![named(call, "linear_backward_input_f16", backward())]
        }
        Op::Conv2dBackwardInput(op) => {
            let call = conv2d::backward_input_blocked(op, dims, 0)?;
            vec![named(call, "conv2d_backward_input_f16", backward())]
        }
        Op::LinearBackwardWeight(_) => {
            outputs.push(bias?.outputs[0]);
            length = 2;
            let call = linear::backward_parameters(dims)?;
            vec![named(call, "linear_backward_parameters_f16", None)]
        }
        Op::Conv2dBackwardWeight(op) => {
            outputs.push(bias?.outputs[0]);
            length = 2;
            let (calls, lengths) = conv2d::backward_parameters(op, dims, true)?;
            workspaces = lengths;
            let names = [
                "conv2d_backward_parameters_f16",
                "conv2d_backward_parameters_reduce_f16",
            ];
            let calls = calls.into_iter().zip(names);
            calls.map(|(call, name)| named(call, name, None)).collect()
        }
        _ => return None,
    };
    Some(HalfCalls {
        length,
        inputs: &node.inputs,
        outputs,
        calls,
        workspaces,
    })
}

impl Builder<'_> {
    fn count(&self, value: ValueId) -> usize {
        self.graph.value(value).shape.count()
    }

    fn owner(&self, value: ValueId) -> ValueId {
        self.graph.storage(value).0
    }

    fn has_half(&self, value: ValueId) -> bool {
        self.is_half[self.owner(value).0]
    }

    fn is_real(&self, value: ValueId) -> bool {
        self.graph.value(value).element == ElementType::F32
    }

    fn is_parameter(&self, value: ValueId) -> bool {
        self.graph.value(value).source == Source::Parameter
    }

    fn groups(&mut self, base: &Plan, rules: &HalfRules<'_>) -> Vec<Draft> {
        let mut drafts = Vec::with_capacity(base.groups.len());
        let mut at = 0;
        while let Some(group) = base.groups.get(at) {
            let node = self.graph.node(group.nodes[0]);
            let next = base.groups.get(at + 1);
            let next = next.map(|group| self.graph.node(group.nodes[0]));
            let half = match (rules.rounds)(group.phase) {
                true => half_calls(node, next),
                false => None,
            };
            let length = half.as_ref().map_or(1, |half| half.length);
            let mut draft = Draft {
                nodes: (at..at + length)
                    .map(|at| base.groups[at].nodes[0])
                    .collect(),
                phase: group.phase,
                calls: Vec::new(),
                scratch: Vec::new(),
            };
            match half {
                Some(half) => self.add_half(&mut draft, &half),
                None => self.add_plain(&mut draft, node, &group.calls, rules),
            }
            drafts.push(draft);
            at += length;
        }
        self.add_copies(&mut drafts);
        if let Some(unscale) = rules.unscale {
            self.add_unscale(&mut drafts, unscale);
        }
        drafts
    }

    /// The float16 memory of something that a node reads; what has none is narrowed into scratch memory first.
    fn narrowed(&mut self, draft: &mut Draft, value: ValueId) -> Home {
        if self.has_half(value) {
            return Home::Stored(self.owner(value));
        }
        if !self.is_real(value) {
            return Home::Value(value);
        }
        let count = self.count(value);
        if self.is_parameter(value) {
            self.copies.insert(value, words(count));
            return Home::Stored(value);
        }
        let home = draft.scratch(words(count));
        draft.calls.push(narrow(count, Home::Value(value), home));
        home
    }

    fn add_half(&mut self, draft: &mut Draft, half: &HalfCalls<'_>) {
        self.half_nodes.extend(&draft.nodes);
        let inputs: Vec<Home> = half
            .inputs
            .iter()
            .map(|&input| self.narrowed(draft, input))
            .collect();
        let mut after = Vec::new();
        let mut outputs = Vec::with_capacity(half.outputs.len());
        for &output in &half.outputs {
            outputs.push(if self.has_half(output) {
                Home::Stored(self.owner(output))
            } else if !self.is_real(output) {
                Home::Value(output)
            } else {
                let count = self.count(output);
                let home = draft.scratch(words(count));
                after.push(widen(count, home, Home::Value(output)));
                home
            });
        }
        self.reserve(&half.workspaces);
        for kernel in &half.calls {
            let operands = kernel.operands.iter().map(|&operand| match operand {
                Operand::Input(number) => inputs[number],
                Operand::Output(number) => outputs[number],
                Operand::Workspace(number) => Home::Own(number),
            });
            draft.calls.push(call(kernel.clone(), operands.collect()));
        }
        draft.calls.extend(after);
    }

    fn reserve(&mut self, lengths: &[usize]) {
        if self.own.len() < lengths.len() {
            self.own.resize(lengths.len(), 0);
        }
        for (own, &length) in self.own.iter_mut().zip(lengths) {
            *own = length.max(*own);
        }
    }

    /// A node's usual kernels, on float32 forms of what is stored as float16.
    fn add_plain(
        &mut self,
        draft: &mut Draft,
        node: &Node,
        calls: &[PlannedCall],
        rules: &HalfRules<'_>,
    ) {
        let rounds = (rules.rounds)(node.phase);
        let mut homes: HashMap<ValueId, Home> = HashMap::new();
        let bound = calls.iter().flat_map(|call| &call.operands);
        for operand in bound {
            let &PlannedOperand::Value(value) = operand else {
                continue;
            };
            let is_output = node.outputs.contains(&value);
            let is_copied = rounds && !is_output && self.is_parameter(value);
            if homes.contains_key(&value) || !(self.has_half(value) || is_copied) {
                continue;
            }
            let count = self.count(value);
            let home = draft.scratch(count);
            homes.insert(value, home);
            if !is_output {
                let stored = self.narrowed(draft, value);
                draft.calls.push(widen(count, stored, home));
            }
        }
        for call in calls {
            let operands = call.operands.iter().map(|&operand| match operand {
                PlannedOperand::Value(value) => {
                    homes.get(&value).copied().unwrap_or(Home::Value(value))
                }
                PlannedOperand::Workspace(number) => Home::Own(number),
            });
            draft.calls.push(Call {
                shader: call.shader,
                constants: call.constants.clone(),
                params: call.params.clone(),
                operands: operands.collect(),
                workgroups: call.workgroups,
            });
        }
        // What has no kernel, such as a flattening, writes nothing: its result is its input's memory.
        if !rounds || calls.is_empty() {
            return;
        }
        for &output in &node.outputs {
            if !self.is_real(output) {
                continue;
            }
            let count = self.count(output);
            draft.calls.push(match homes.get(&output) {
                Some(&home) => narrow(count, home, Home::Stored(self.owner(output))),
                None => call(
                    conversion("float16_round", count),
                    vec![Home::Value(output)],
                ),
            });
        }
    }

    /// A step begins with the float16 copies of the parameters.
    fn add_copies(&self, drafts: &mut [Draft]) {
        let Some(first) = drafts.first_mut() else {
            return;
        };
        let parameters = self.graph.parameters().into_iter();
        let parameters = parameters.filter(|parameter| self.copies.contains_key(parameter));
        let mut calls: Vec<Call> = parameters
            .map(|parameter| {
                let to = Home::Stored(parameter);
                narrow(self.count(parameter), Home::Value(parameter), to)
            })
            .collect();
        calls.append(&mut first.calls);
        first.calls = calls;
    }

    fn add_unscale(&self, drafts: &mut [Draft], unscale: Unscale) {
        let mut backward = drafts.iter_mut();
        let last = backward.rfind(|draft| draft.phase == Phase::Backward);
        let last = last.expect("the graph was differentiated");
        let count = self.count(unscale.gradients);
        let operands = [unscale.scale, unscale.gradients, unscale.flag].map(Home::Value);
        let unscaling = conversion("float16_unscale", count);
        last.calls.push(call(unscaling, operands.into()));
    }

    fn finish(mut self, drafts: Vec<Draft>, rules: &HalfRules<'_>) -> HalfPlan {
        let mut plan = Plan {
            mode: Mode::Train,
            groups: drafts
                .iter()
                .map(|draft| Group {
                    nodes: draft.nodes.clone(),
                    phase: draft.phase,
                    calls: Vec::new(),
                })
                .collect(),
            slots: Vec::new(),
            places: vec![None; self.graph.values().len()],
            workspaces: Vec::new(),
        };
        plan.place_values(self.graph, rules.keep, &|value| !self.is_half[value.0]);
        if let Some(Unscale { flag, .. }) = rules.unscale {
            plan.add_slot(flag, self.graph);
        }
        self.store_values(&plan);
        let ranks: Vec<Vec<usize>> = drafts
            .iter()
            .map(|draft| self.rank_scratch(&draft.scratch))
            .collect();
        let first_scratch = self.own.len();
        let first_stored = first_scratch + self.scratch.len();
        for ((group, draft), ranks) in plan.groups.iter_mut().zip(drafts).zip(ranks) {
            let find = |home: Home| match home {
                Home::Value(value) => PlannedOperand::Value(value),
                Home::Own(number) => PlannedOperand::Workspace(number),
                Home::Scratch(number) => PlannedOperand::Workspace(first_scratch + ranks[number]),
                Home::Stored(value) => PlannedOperand::Workspace(first_stored + self.homes[&value]),
            };
            let calls = draft.calls.into_iter();
            group.calls = calls
                .map(|call| PlannedCall {
                    shader: call.shader,
                    constants: call.constants,
                    params: call.params,
                    operands: call.operands.into_iter().map(find).collect(),
                    workgroups: call.workgroups,
                })
                .collect();
        }
        let bytes = |lengths: &[usize]| 4 * lengths.iter().sum::<usize>() as u64;
        let copies = 4 * self.copies.values().sum::<usize>() as u64;
        let counted = HalfBytes {
            activations: bytes(&self.stored) - copies,
            copies,
            scratch: bytes(&self.own) + bytes(&self.scratch),
        };
        plan.workspaces = [self.own, self.scratch, self.stored].concat();
        HalfPlan {
            plan,
            bytes: counted,
            half_nodes: self.half_nodes,
        }
    }

    /// Float16 memory for every value that has it: copies keep theirs, activations take turns.
    fn store_values(&mut self, plan: &Plan) {
        let mut copies: Vec<(ValueId, usize)> = self.copies.clone().into_iter().collect();
        copies.sort_unstable();
        for (parameter, length) in copies {
            self.homes.insert(parameter, self.stored.len());
            self.stored.push(length);
        }
        let lives = plan.lives(self.graph);
        let mut by_birth: Vec<ValueId> = self
            .graph
            .value_ids()
            .filter(|value| self.is_half[value.0] && lives[value.0].is_some())
            .collect();
        by_birth.sort_by_key(|value| lives[value.0].as_ref().map(|life| life.start));
        // (its number, the group behind which it is free)
        let mut taken: Vec<(usize, usize)> = Vec::new();
        for value in by_birth {
            let life = lives[value.0].clone().expect("the value is touched");
            let needed = words(self.count(value));
            let free = taken.iter().enumerate();
            let free = free.filter(|(_, (_, end))| *end < life.start);
            let nearest = free.min_by_key(|(_, (number, _))| self.stored[*number].abs_diff(needed));
            let number = match nearest.map(|(at, _)| at) {
                Some(at) => taken.swap_remove(at).0,
                None => {
                    self.stored.push(0);
                    self.stored.len() - 1
                }
            };
            self.stored[number] = self.stored[number].max(needed);
            taken.push((number, life.end));
            self.homes.insert(value, number);
        }
    }

    /// Which of the shared scratch buffers a group's own take: its largest the first, so that large ones meet.
    fn rank_scratch(&mut self, lengths: &[usize]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        order.sort_by_key(|&number| std::cmp::Reverse(lengths[number]));
        let mut ranks = vec![0; lengths.len()];
        for (rank, number) in order.into_iter().enumerate() {
            ranks[number] = rank;
            if self.scratch.len() <= rank {
                self.scratch.push(0);
            }
            self.scratch[rank] = self.scratch[rank].max(lengths[number]);
        }
        ranks
    }
}

impl Plan {
    /// A slot for a value that no node touches.
    fn add_slot(&mut self, value: ValueId, graph: &Graph) {
        let described = graph.value(value);
        self.slots.push(Slot {
            element: described.element,
            length: described.shape.count().max(1),
            persistent: true,
        });
        self.places[value.0] = Some(Place {
            slot: self.slots.len() - 1,
            offset: 0,
        });
    }
}
