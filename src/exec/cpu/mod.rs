//! The CPU executor: runs the operations' twins, in f32 to train with or in f64
//! as the oracle.

use super::plan::{Place, Plan};
use crate::graph::{Graph, Source, ValueId};
use crate::ops::{Buffer, Io, Slice, SliceMut, StepValues};
use crate::platform;
use crate::tensor::{ElementType, Real, Values};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// A graph's values in host memory.
#[derive(Clone, Debug)]
pub struct CpuExecutor<T> {
    graph: Arc<Graph>,
    plan: Arc<Plan>,
    slots: Vec<Buffer<T>>,
    /// Microseconds of each group that ran timed.
    times: HashMap<usize, f64>,
}

impl<T: Real> CpuExecutor<T> {
    /// Reserves all memory; values that nodes compute start as NaN, states as 0.
    pub fn new(graph: Arc<Graph>, plan: Arc<Plan>) -> Self {
        Self::borrowing(graph, plan, &[])
    }

    /// As [`CpuExecutor::new`], without memory for the first values of the pairs: another executor holds the second
    /// ones and lends them by [`CpuExecutor::exchange`]. The values own their memory.
    pub fn borrowing(graph: Arc<Graph>, plan: Arc<Plan>, shared: &[(ValueId, ValueId)]) -> Self {
        let lent: Vec<usize> = shared
            .iter()
            .map(|&(own, _)| plan.place(own).slot)
            .collect();
        let slots = plan
            .slots
            .iter()
            .enumerate()
            .map(|(number, slot)| {
                let is_lent = lent.contains(&number);
                Buffer::unwritten(slot.element, if is_lent { 0 } else { slot.length })
            })
            .collect();
        let mut executor = Self {
            graph,
            plan,
            slots,
            times: HashMap::new(),
        };
        executor.write_initial(&lent);
        executor
    }

    /// Swaps memory with the executor that lends it: once to borrow, once more to give it back.
    ///
    /// Panics when the memory of a pair differs in size: a bug of the caller.
    pub fn exchange(&mut self, other: &mut Self, shared: &[(ValueId, ValueId)]) {
        for &(own, theirs) in shared {
            let (own, theirs) = (self.plan.place(own), other.plan.place(theirs));
            let lengths = [self.plan.slots[own.slot], other.plan.slots[theirs.slot]];
            assert_eq!(
                lengths[0].length, lengths[1].length,
                "memory of another size"
            );
            std::mem::swap(&mut self.slots[own.slot], &mut other.slots[theirs.slot]);
        }
    }

    /// Constants, and zeros wherever nothing else is written: states, the padding of arenas.
    fn write_initial(&mut self, lent: &[usize]) {
        let graph = Arc::clone(&self.graph);
        for id in graph.value_ids() {
            let place = self.plan.find_place(id);
            if place.is_none_or(|place| lent.contains(&place.slot)) {
                continue;
            }
            match &graph.value(id).source {
                Source::Constant(values) => self.write(id, values),
                // Bytes are 0 already; a data set will be given, and takes no memory before.
                Source::Input if self.graph.value(id).element == ElementType::U8 => {}
                Source::State | Source::Arena | Source::Input => self.write_zeros(id),
                Source::Buffer { .. } => self.write(id, &graph.initial_buffer(id)),
                Source::Parameter | Source::Node { .. } => {}
            }
        }
    }

    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Overwrites a value with zeros, in place.
    pub fn write_zeros(&mut self, value: ValueId) {
        let count = self.graph.value(value).shape.count();
        let Place { slot, offset } = self.plan.place(value);
        match &mut self.slots[slot] {
            Buffer::Real(values) => values[offset..offset + count].fill(T::ZERO),
            Buffer::Index(values) => values[offset..offset + count].fill(0),
            Buffer::Bytes(values) => values[offset..offset + count].fill(0),
        }
    }

    /// Overwrites a value from its start; fewer elements than it has leave the rest.
    ///
    /// Panics when the type differs or there are too many elements: callers check
    /// what comes from outside.
    pub fn write(&mut self, value: ValueId, values: &Values) {
        let Place { slot, offset } = self.plan.place(value);
        let count = values.len();
        assert!(
            count <= self.graph.value(value).shape.count(),
            "too many values"
        );
        match (&mut self.slots[slot], values) {
            (Buffer::Real(slot), Values::F32(values)) => {
                for (slot, &value) in slot[offset..].iter_mut().zip(values) {
                    *slot = T::from_f64(f64::from(value));
                }
            }
            (Buffer::Index(slot), Values::U32(values)) => {
                slot[offset..offset + count].copy_from_slice(values);
            }
            (Buffer::Bytes(slot), Values::U8(values)) => {
                slot[offset..offset + count].copy_from_slice(values);
            }
            (_, values) => panic!("{} values do not fit the slot", values.element_type()),
        }
    }

    /// As [`CpuExecutor::write`]; bytes that fill their slot are taken over, so that a data set does not
    /// lie in memory twice.
    pub fn give(&mut self, value: ValueId, values: Values) {
        let Place { slot, offset } = self.plan.place(value);
        match (&mut self.slots[slot], values) {
            (Buffer::Bytes(slot), Values::U8(values))
                if offset == 0 && slot.len() == values.len() =>
            {
                *slot = values;
            }
            (_, values) => self.write(value, &values),
        }
    }

    /// A value as it stands; reals rounded to f32.
    pub fn read(&self, value: ValueId) -> Values {
        match self.slice(value) {
            Slice::Real(values) => Values::F32(values.iter().map(|v| v.to_f64() as f32).collect()),
            Slice::Index(values) => Values::U32(values.to_vec()),
            Slice::Bytes(values) => Values::U8(values.to_vec()),
        }
    }

    /// A value as it stands, in the executor's own precision.
    pub fn slice(&self, value: ValueId) -> Slice<'_, T> {
        let Place { slot, offset } = self.plan.place(value);
        self.slots[slot].slice(offset, self.graph.value(value).shape.count())
    }

    /// A real value's elements, to change in place.
    ///
    /// Panics when the value does not hold reals.
    pub fn reals_mut(&mut self, value: ValueId) -> &mut [T] {
        let Place { slot, offset } = self.plan.place(value);
        let count = self.graph.value(value).shape.count();
        match &mut self.slots[slot] {
            Buffer::Real(values) => &mut values[offset..offset + count],
            _ => panic!("the value does not hold reals"),
        }
    }

    /// A real value's elements.
    ///
    /// Panics when the value does not hold reals.
    pub fn reals(&self, value: ValueId) -> &[T] {
        match self.slice(value) {
            Slice::Real(values) => values,
            _ => panic!("the value does not hold reals"),
        }
    }

    /// Runs one group and keeps how long it took.
    pub fn run_timed(&mut self, group: usize, step: &StepValues) {
        let start = platform::now_millis();
        self.run(group..group + 1, step);
        let micros = (platform::now_millis() - start) * 1e3;
        self.times.insert(group, micros);
    }

    /// Microseconds of a group's last timed run; 0 where the clock is too coarse.
    pub fn time(&self, group: usize) -> Option<f64> {
        self.times.get(&group).copied()
    }

    /// Runs groups of the plan.
    pub fn run(&mut self, groups: Range<usize>, step: &StepValues) {
        let plan = Arc::clone(&self.plan);
        for group in &plan.groups[groups] {
            for &node in &group.nodes {
                self.run_node(node, step);
            }
        }
    }

    fn run_node(&mut self, node: crate::graph::NodeId, step: &StepValues) {
        let graph = Arc::clone(&self.graph);
        let node = graph.node(node);
        // Output slots leave the table while the twin writes them.
        let output_places: Vec<Place> = node.outputs.iter().map(|&v| self.plan.place(v)).collect();
        let mut taken: Vec<(usize, Buffer<T>)> = Vec::with_capacity(output_places.len());
        for place in &output_places {
            assert!(
                taken.iter().all(|(slot, _)| *slot != place.slot),
                "{}: two outputs share a slot",
                node.name
            );
            let buffer = std::mem::replace(&mut self.slots[place.slot], Buffer::Bytes(Vec::new()));
            taken.push((place.slot, buffer));
        }
        let inputs = node
            .inputs
            .iter()
            .map(|&input| {
                let Place { slot, offset } = self.plan.place(input);
                if taken.iter().any(|(taken, _)| *taken == slot) {
                    return None;
                }
                let count = graph.value(input).shape.count();
                Some(self.slots[slot].slice(offset, count))
            })
            .collect();
        let outputs: Vec<SliceMut<'_, T>> = taken
            .iter_mut()
            .zip(&output_places)
            .zip(&node.outputs)
            .map(|(((_, buffer), place), &output)| {
                buffer.slice_mut(place.offset, graph.value(output).shape.count())
            })
            .collect();
        let mut io = Io {
            inputs,
            outputs,
            step: *step,
        };
        node.op.twin(&node.dims, &mut io);
        for (slot, buffer) in taken {
            self.slots[slot] = buffer;
        }
    }

    /// The first value among a group's outputs that holds an infinite or NaN element.
    pub fn find_non_finite(&self, group: usize) -> Option<ValueId> {
        let nodes = self.plan.groups[group].nodes.iter();
        nodes
            .flat_map(|&node| self.graph.node(node).outputs.iter().copied())
            .find(|&output| match self.slice(output) {
                Slice::Real(values) => values.iter().any(|v| !v.to_f64().is_finite()),
                _ => false,
            })
    }

    /// Bytes of host memory that the values take.
    pub fn bytes(&self) -> u64 {
        self.plan
            .slots
            .iter()
            .map(|slot| match slot.element {
                ElementType::F32 => slot.length * size_of::<T>(),
                other => slot.length * other.bytes(),
            })
            .sum::<usize>() as u64
    }
}
