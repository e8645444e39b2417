//! One of the two executors, behind the calls that both have.

use super::Plan;
use super::cpu::CpuExecutor;
use super::gpu::{GpuError, GpuExecutor};
use crate::graph::ValueId;
use crate::ops::StepValues;
use crate::tensor::Values;
use std::ops::Range;
use std::sync::Arc;

/// What computes a run.
pub enum Executor {
    Cpu(Box<CpuExecutor<f32>>),
    Gpu(Box<GpuExecutor>),
}

impl Executor {
    pub fn plan(&self) -> &Arc<Plan> {
        match self {
            Self::Cpu(executor) => executor.plan(),
            Self::Gpu(executor) => executor.plan(),
        }
    }

    /// Overwrites a value from its start.
    pub fn write(&mut self, value: ValueId, values: &Values) {
        match self {
            Self::Cpu(executor) => executor.write(value, values),
            Self::Gpu(executor) => executor.write(value, values),
        }
    }

    /// As [`Executor::write`], of values that nobody else needs.
    pub fn give(&mut self, value: ValueId, values: Values) {
        match self {
            Self::Cpu(executor) => executor.give(value, values),
            Self::Gpu(executor) => executor.write(value, &values),
        }
    }

    /// Overwrites a value of reals with zeros.
    pub fn write_zeros(&mut self, value: ValueId) {
        match self {
            Self::Cpu(executor) => executor.write_zeros(value),
            Self::Gpu(executor) => executor.write_zeros(value),
        }
    }

    /// Hands memory over to an executor that another one shares its values with, and takes it back when called
    /// again: `shared` has pairs of this one's and the other's values. On a GPU both hold the same buffers anyway.
    ///
    /// Panics when the two are of different kinds.
    pub fn exchange(&mut self, other: &mut Self, shared: &[(ValueId, ValueId)]) {
        match (self, other) {
            (Self::Cpu(own), Self::Cpu(other)) => own.exchange(other, shared),
            (Self::Gpu(_), Self::Gpu(_)) => {}
            _ => panic!("a CPU and a GPU share no memory"),
        }
    }

    /// Values as they stand.
    ///
    /// # Errors
    /// When the GPU is lost or out of memory.
    pub async fn read_many(&self, values: &[ValueId]) -> Result<Vec<Values>, GpuError> {
        match self {
            Self::Cpu(executor) => Ok(values.iter().map(|&value| executor.read(value)).collect()),
            Self::Gpu(executor) => executor.read_many(values).await,
        }
    }

    /// Runs one group once and measures how long it takes, for [`Executor::read_time`].
    pub fn run_timed(&mut self, group: usize, step: &StepValues) {
        match self {
            Self::Cpu(executor) => executor.run_timed(group, step),
            Self::Gpu(executor) => executor.submit_timed(group, step),
        }
    }

    /// Microseconds that a group took when it last ran timed; `None` where nothing measured it.
    ///
    /// # Errors
    /// When the GPU is lost.
    pub async fn read_time(&self, group: usize) -> Result<Option<f64>, GpuError> {
        match self {
            Self::Cpu(executor) => Ok(executor.time(group)),
            Self::Gpu(executor) => executor.read_time(group).await,
        }
    }

    /// Runs groups of the plan once; on the GPU they may still be running on return.
    pub fn run(&mut self, groups: Range<usize>, step: &StepValues) {
        match self {
            Self::Cpu(executor) => executor.run(groups, step),
            Self::Gpu(executor) => executor.submit(groups, std::slice::from_ref(step)),
        }
    }
}
