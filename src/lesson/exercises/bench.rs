//! A small graph in f64 on the CPU, every value kept, with finite differences of its loss.

use crate::exec::cpu::CpuExecutor;
use crate::exec::{Mode, Plan};
use crate::graph::{Graph, ValueId};
use crate::ops::StepValues;
use std::sync::Arc;

/// Half the distance between the two points of a difference: off by STEP²·f‴/6 and by the rounding of f64 over STEP,
/// both about 1e-10 of a gradient of 1.
const STEP: f64 = 1e-5;

/// A graph that runs.
pub(super) struct Bench {
    executor: CpuExecutor<f64>,
    /// Rows of the batch.
    batch: u32,
}

impl Bench {
    pub(super) fn new(graph: Graph, batch: usize) -> Self {
        let plan = Plan::new(&graph, Mode::Inspect, &[]);
        Self {
            executor: CpuExecutor::new(Arc::new(graph), Arc::new(plan)),
            batch: batch as u32,
        }
    }

    /// Overwrites a value of reals.
    ///
    /// Panics when their number differs: a bug of the caller.
    pub(super) fn write(&mut self, value: ValueId, numbers: &[f64]) {
        self.executor.reals_mut(value).copy_from_slice(numbers);
    }

    /// Overwrites classes.
    pub(super) fn write_classes(&mut self, value: ValueId, classes: &[u32]) {
        let classes = crate::tensor::Values::U32(classes.to_vec());
        self.executor.write(value, &classes);
    }

    /// Runs every node.
    pub(super) fn run(&mut self) {
        let groups = self.executor.plan().groups.len();
        let step = StepValues::forward(self.batch).in_training();
        self.executor.run(0..groups, &step);
    }

    pub(super) fn read(&self, value: ValueId) -> Vec<f64> {
        self.executor.reals(value).to_vec()
    }

    /// The gradient of the loss with respect to a value, as the backward pass computed it.
    ///
    /// Panics when the value was not differentiated: a bug of the caller.
    pub(super) fn gradient(&self, value: ValueId) -> Vec<f64> {
        let gradient = self.executor.graph().value(value).gradient;
        self.read(gradient.expect("the value was differentiated"))
    }

    /// Central finite differences of `loss` with respect to every element of an input or parameter.
    pub(super) fn slopes(&mut self, value: ValueId, loss: ValueId) -> Vec<f64> {
        let start = self.read(value);
        let mut slopes = Vec::with_capacity(start.len());
        for (at, &middle) in start.iter().enumerate() {
            let [right, left] = [STEP, -STEP].map(|step| {
                self.executor.reals_mut(value)[at] = middle + step;
                self.run();
                self.executor.reals(loss)[0]
            });
            self.executor.reals_mut(value)[at] = middle;
            slopes.push((right - left) / (2.0 * STEP));
        }
        self.run();
        slopes
    }
}

/// The largest |a − b|; infinite where the numbers are not equally many, NaN where one is.
pub(super) fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |largest, next| {
        if next.is_nan() || next > largest {
            next
        } else {
            largest
        }
    })
}

/// The largest |a|; NaN where one is.
pub(super) fn largest(a: &[f64]) -> f64 {
    largest_difference(a, &vec![0.0; a.len()])
}
