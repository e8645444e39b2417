//! What evaluates held-out samples: a plan of its own, with room for more samples than a batch of training has.
//!
//! A batch of training may be one sample; to measure 2,000 by it takes as many passes, and on a GPU each waits for
//! its results. The evaluator runs forward pass and loss alone, on the very parameters, running statistics and
//! samples that training uses.

use super::Run;
use crate::exec::cpu::CpuExecutor;
use crate::exec::{Executor, Mode, Plan};
use crate::graph::{Phase, ValueId};
use crate::layers::Model;
use crate::ops::StepValues;
use crate::session::start::{OptimizerChoice, build_model, build_spec};
use crate::session::{ExecutionFigures, SessionError};
use crate::tensor::Values;
use std::sync::Arc;

/// Samples of a pass that are worth waiting for on a GPU.
const GPU_SAMPLES: u32 = 1_024;

/// The CPU does not wait; more samples would only leave its caches.
const CPU_SAMPLES: u32 = 64;

/// Work of a pass: some tens of milliseconds on a CPU, so that the page gets its turn.
const MAX_FLOPS: u64 = 1 << 30;

/// Memory of its own.
const MAX_BYTES: u64 = 16 << 20;

/// A model of larger capacity that borrows what training holds.
pub(super) struct Evaluator {
    pub model: Model,
    executor: Executor,
    /// (own value, training's): memory that both use.
    shared: Vec<(ValueId, ValueId)>,
    own_bytes: u64,
    /// GPU objects that it was made of.
    made: u64,
}

/// What the plans of evaluation keep: outputs and losses of the rows.
fn kept(model: &Model) -> Vec<ValueId> {
    let mut keep = vec![model.loss, model.loss_of_row];
    keep.extend(model.weight_of_row);
    keep.push(model.told());
    keep
}

/// Pairs of values, one of each model, that name the same parameters, running statistics and samples.
fn shared_values(own: &Model, training: &Model) -> Vec<(ValueId, ValueId)> {
    let values = |model: &Model| {
        let graph = &model.graph;
        let mut values: Vec<ValueId> = model.parameters.iter().map(|p| p.value).collect();
        values.extend(graph.buffers());
        values.extend(model.gathered.iter().flat_map(|g| [g.samples, g.targets]));
        let owners = values.into_iter().map(|value| graph.storage(value).0);
        owners.collect::<Vec<ValueId>>()
    };
    let mut pairs: Vec<_> = values(own).into_iter().zip(values(training)).collect();
    // All parameters lie in one piece of memory.
    pairs.dedup();
    pairs
}

/// Bytes of a plan without those of `shared` values.
fn own_bytes(plan: &Plan, shared: &[(ValueId, ValueId)]) -> u64 {
    let of_shared = shared.iter().filter_map(|&(own, _)| {
        let slot = plan.slots[plan.find_place(own)?.slot];
        Some((slot.length * slot.element.bytes()) as u64)
    });
    plan.bytes() - of_shared.sum::<u64>()
}

impl Evaluator {
    /// Runs forward pass and loss in inference, from the phase `first` on, and reads some values.
    ///
    /// # Errors
    /// When the GPU is lost or out of memory.
    async fn run(
        &mut self,
        training: &mut Executor,
        pass: &Pass,
        read: &[ValueId],
    ) -> Result<Vec<Values>, SessionError> {
        self.executor.exchange(training, &self.shared);
        let values = pass.run(&mut self.executor, read).await;
        self.executor.exchange(training, &self.shared);
        values
    }

    /// Memory and GPU objects beside those of training.
    pub fn add_to(&self, figures: &mut ExecutionFigures) {
        match &self.executor {
            Executor::Cpu(_) => figures.peak_bytes += self.own_bytes,
            Executor::Gpu(gpu) => {
                let counters = gpu.counters();
                figures.peak_bytes += counters.bytes;
                figures.allocations_in_warm_up += self.made;
                figures.allocations_after_warm_up += counters.allocations() - self.made;
            }
        }
    }
}

/// One run through forward pass and loss.
pub(super) struct Pass {
    pub writes: Vec<(ValueId, Values)>,
    /// `Phase::Data` to gather samples, `Phase::Forward` for given ones.
    pub first: Phase,
    pub valid: u32,
}

impl Pass {
    async fn run(
        &self,
        executor: &mut Executor,
        read: &[ValueId],
    ) -> Result<Vec<Values>, SessionError> {
        for (value, values) in &self.writes {
            executor.write(*value, values);
        }
        let groups = executor.plan().phases(self.first, Phase::Loss);
        executor.run(groups, &StepValues::forward(self.valid));
        Ok(executor.read_many(read).await?)
    }
}

/// The model that a pass runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Through {
    Training,
    Evaluator,
}

impl Run {
    /// Where to run `count` samples, and how many at a time.
    pub(super) async fn way_for(&mut self, count: u32) -> Result<(Through, u32), SessionError> {
        let batch = self.config.batch;
        if count <= batch {
            return Ok((Through::Training, batch));
        }
        if self.evaluator.is_none() {
            let made = self.make_evaluator().await?;
            self.evaluator = Some(made.map(Box::new));
        }
        let evaluator = self.evaluator.as_ref().and_then(Option::as_ref);
        Ok(match evaluator {
            Some(evaluator) => (Through::Evaluator, evaluator.model.batch as u32),
            None => (Through::Training, batch),
        })
    }

    /// The model behind [`Run::way_for`].
    pub(super) fn model_of(&self, through: Through) -> &Model {
        match (through, &self.evaluator) {
            (Through::Evaluator, Some(Some(evaluator))) => &evaluator.model,
            _ => &self.model,
        }
    }

    /// Runs a pass on the model of `through`.
    pub(super) async fn run_pass(
        &mut self,
        through: Through,
        pass: &Pass,
        read: &[ValueId],
    ) -> Result<Vec<Values>, SessionError> {
        match (through, &mut self.evaluator) {
            (Through::Evaluator, Some(Some(evaluator))) => {
                evaluator.run(&mut self.executor, pass, read).await
            }
            _ => pass.run(&mut self.executor, read).await,
        }
    }

    /// An evaluator, if one with room for at least two batches of training keeps the limits of work and memory.
    async fn make_evaluator(&self) -> Result<Option<Evaluator>, SessionError> {
        let graph = &self.model.graph;
        let forward = graph
            .nodes()
            .iter()
            .filter(|node| node.phase <= Phase::Loss);
        let flops: u64 = forward.map(|node| node.op.flops(&node.dims)).sum();
        let of_sample = flops.div_ceil(u64::from(self.config.batch)).max(1);
        let most = match self.executor {
            Executor::Cpu(_) => CPU_SAMPLES,
            Executor::Gpu(_) => GPU_SAMPLES,
        };
        let most = u64::from(most).min(MAX_FLOPS / of_sample) as u32;
        let count = self.config.test_count;
        let mut passes = count.div_ceil(most.max(1)).max(1);
        loop {
            // Passes of one size: the last one is not mostly empty.
            let capacity = count.div_ceil(passes);
            if capacity < 2 * self.config.batch {
                return Ok(None);
            }
            let model = self.model_for(capacity)?;
            let shared = shared_values(&model, &self.model);
            let plan = Plan::forward(&model.graph, Mode::Train, &kept(&model));
            let own_bytes = own_bytes(&plan, &shared);
            if own_bytes <= MAX_BYTES {
                return self
                    .evaluator_of(model, plan, shared, own_bytes)
                    .await
                    .map(Some);
            }
            passes *= 2;
        }
    }

    /// The run's model for batches of another size.
    pub(in crate::session) fn model_for(&self, batch: u32) -> Result<Model, SessionError> {
        let optimizer = OptimizerChoice {
            kind: self.config.optimizer,
            momentum: self.config.momentum,
            options: self.config.options,
        };
        let samples = self.samples.as_deref();
        match &self.spec {
            Some(spec) => build_spec(spec, self.preset, samples, batch, optimizer),
            None => build_model(self.preset, samples, batch, optimizer),
        }
    }

    async fn evaluator_of(
        &self,
        model: Model,
        plan: Plan,
        mut shared: Vec<(ValueId, ValueId)>,
        own_bytes: u64,
    ) -> Result<Evaluator, SessionError> {
        shared.retain(|&(own, _)| plan.find_place(own).is_some());
        let (graph, plan) = (Arc::new(model.graph.clone()), Arc::new(plan));
        let executor = match &self.executor {
            Executor::Cpu(_) => {
                let own = CpuExecutor::borrowing(graph, plan, &shared);
                Executor::Cpu(Box::new(own))
            }
            Executor::Gpu(gpu) => Executor::Gpu(Box::new(gpu.sharing(graph, plan, &shared).await?)),
        };
        let made = match &executor {
            Executor::Cpu(_) => 0,
            Executor::Gpu(gpu) => gpu.counters().allocations(),
        };
        Ok(Evaluator {
            model,
            executor,
            shared,
            own_bytes,
            made,
        })
    }
}
