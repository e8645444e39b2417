//! Training steps on a GPU that stores float16: the same three ways as in `stepper`, by real kernels.
//!
//! Float32 runs the plan that trains, with its fused kernels. The other two run a plan whose activations lie in memory
//! as float16 (`exec/half.rs`), and which rounds where the emulation rounds.
//!
//! A step is two submits: forward and backward pass; then, if no gradient was infinite or NaN, the update. In between the
//! loss and, of a scaled loss, one word that says whether there was such a gradient are read back.

use super::float16;
use super::mode::{MemoryParts, PrecisionMode};
use super::scaler::LossScale;
use super::stepper::StepOutcome;
use crate::exec::gpu::{GpuDevice, GpuError, GpuExecutor, MAX_STEPS_PER_SUBMIT};
use crate::exec::half::{HalfPlan, HalfRules, Unscale};
use crate::exec::{Mode, Plan};
use crate::graph::{Graph, NodeId, PARAMETERS, Phase, Source, ValueId};
use crate::ops::StepValues;
use crate::ops::shader::HALF_SHADERS;
use crate::platform::now_millis;
use crate::tensor::{ElementType, Values};
use std::sync::Arc;

/// The word that a bad gradient sets.
const FLAG: &str = "gradients.is_bad";

/// A graph with its weights and optimizer states on a GPU, trained in one precision.
pub struct DeviceStepper {
    mode: PrecisionMode,
    executor: GpuExecutor,
    loss: ValueId,
    /// The derivative of the loss with respect to itself.
    seed: ValueId,
    /// Of mixed precision.
    flag: Option<ValueId>,
    weights: ValueId,
    gradients: ValueId,
    states: Vec<ValueId>,
    memory: MemoryParts,
    half_nodes: Vec<NodeId>,
    scale: LossScale,
    updates: u64,
}

impl DeviceStepper {
    /// As [`super::Stepper::new`], on a device with `shader-f16`. `keep` names what is to be read beside the loss.
    ///
    /// # Errors
    /// When the device refuses a shader or is out of memory.
    ///
    /// Panics when the graph has no backward pass or no update.
    pub async fn new(
        gpu: &GpuDevice,
        graph: &Graph,
        loss: ValueId,
        keep: &[ValueId],
        mode: PrecisionMode,
        scale: LossScale,
    ) -> Result<Self, GpuError> {
        let mut graph = graph.clone();
        let seed = graph.value(loss).gradient;
        let seed = seed.expect("the loss was differentiated");
        let find = |name: &str| graph.find_value(name).expect("an update was appended");
        let (weights, gradients) = (find(PARAMETERS), find(&format!("{PARAMETERS}.grad")));
        let states = graph.optimizer_states();
        let is_mixed = mode == PrecisionMode::Mixed;
        let flag = is_mixed.then(|| graph.input(FLAG, [1].into(), ElementType::U32));
        let keep = [&[loss], keep].concat();
        let (plan, half) = match mode {
            PrecisionMode::Float32 => (Plan::new(&graph, Mode::Train, &keep), None),
            _ => {
                let half = HalfPlan::new(
                    &graph,
                    &HalfRules {
                        rounds: &|phase| mode.rounds(phase),
                        keep: &keep,
                        unscale: flag.map(|flag| Unscale {
                            gradients,
                            scale: seed,
                            flag,
                        }),
                    },
                );
                (half.plan, Some((half.bytes, half.half_nodes)))
            }
        };
        let (bytes, half_nodes) = half.unzip();
        let memory = stored(&graph, &plan, bytes.unwrap_or_default());
        let executor =
            GpuExecutor::with_shaders(gpu, HALF_SHADERS, Arc::new(graph), Arc::new(plan)).await?;
        Ok(Self {
            mode,
            executor,
            loss,
            seed,
            flag,
            weights,
            gradients,
            states: states.into_iter().map(|(_, value)| value).collect(),
            memory,
            half_nodes: half_nodes.unwrap_or_default(),
            scale,
            updates: 0,
        })
    }

    pub fn graph(&self) -> &Graph {
        self.executor.graph()
    }

    /// What its buffers take; scratch memory by itself, data left out.
    pub fn memory(&self) -> MemoryParts {
        self.memory
    }

    /// The nodes that kernels with float16 storage run.
    pub fn half_nodes(&self) -> &[NodeId] {
        &self.half_nodes
    }

    /// Overwrites data, the order of samples and the like.
    pub fn write(&mut self, value: ValueId, values: &Values) {
        self.executor.write(value, values);
    }

    /// Overwrites one parameter, rounded as the mode stores it.
    pub fn write_parameter(&mut self, parameter: ValueId, values: &[f32]) {
        let mut values = values.to_vec();
        if self.mode == PrecisionMode::Float16 {
            float16::round_all(&mut values);
        }
        self.executor.write(parameter, &Values::F32(values));
    }

    pub fn scale(&self) -> &LossScale {
        &self.scale
    }

    pub fn updates(&self) -> u64 {
        self.updates
    }

    async fn reals(&self, values: &[ValueId]) -> Result<Vec<Vec<f32>>, GpuError> {
        let read = self.executor.read_many(values).await?.into_iter();
        Ok(read
            .map(|values| match values {
                Values::F32(values) => values,
                _ => panic!("only reals are asked for"),
            })
            .collect())
    }

    /// All weights as the update sees them.
    ///
    /// # Errors
    /// When the device is lost.
    pub async fn weights(&self) -> Result<Vec<f32>, GpuError> {
        Ok(self.reals(&[self.weights]).await?.swap_remove(0))
    }

    /// All optimizer states, one row for each.
    ///
    /// # Errors
    /// When the device is lost.
    pub async fn states(&self) -> Result<Vec<Vec<f32>>, GpuError> {
        self.reals(&self.states).await
    }

    /// The gradients of all parameters, divided by the scale.
    ///
    /// # Errors
    /// When the device is lost.
    pub async fn gradients(&self) -> Result<Vec<f32>, GpuError> {
        Ok(self.reals(&[self.gradients]).await?.swap_remove(0))
    }

    /// By what the loss is multiplied.
    fn factor(&self) -> f32 {
        match self.mode {
            PrecisionMode::Mixed => self.scale.scale(),
            _ => 1.0,
        }
    }

    fn run(&mut self, first: Phase, last: Phase, step: &StepValues) {
        let groups = self.executor.plan().phases(first, last);
        self.executor.submit(groups, std::slice::from_ref(step));
    }

    /// Forward pass and loss, as in inference: the first element of a value.
    ///
    /// # Errors
    /// When the device is lost.
    pub async fn evaluate(&mut self, step: &StepValues, value: ValueId) -> Result<f32, GpuError> {
        self.run(Phase::Data, Phase::Loss, step);
        Ok(self.reals(&[value]).await?[0][0])
    }

    /// Forward and backward pass: the loss, and whether all gradients are finite, which is asked of a scaled loss
    /// alone.
    ///
    /// # Errors
    /// When the device is lost.
    pub async fn differentiate(&mut self, step: &StepValues) -> Result<(f32, bool), GpuError> {
        let factor = vec![self.factor()];
        self.executor.write(self.seed, &Values::F32(factor));
        let read: Vec<ValueId> = std::iter::once(self.loss).chain(self.flag).collect();
        if let Some(flag) = self.flag {
            self.executor.write(flag, &Values::U32(vec![0]));
        }
        self.run(Phase::Data, Phase::Backward, step);
        let read = self.executor.read_many(&read).await?;
        let Values::F32(loss) = &read[0] else {
            panic!("losses are reals");
        };
        let is_bad = matches!(read.get(1), Some(Values::U32(flag)) if flag[0] != 0);
        Ok((loss[0], !is_bad))
    }

    /// One step of training. `step` has the learning rate and the batch; the number of updates is counted here.
    ///
    /// # Errors
    /// When the device is lost.
    pub async fn step(&mut self, step: StepValues) -> Result<StepOutcome, GpuError> {
        let scale = self.factor();
        let (loss, is_finite) = self.differentiate(&step).await?;
        if self.mode == PrecisionMode::Mixed {
            self.scale.note(is_finite);
        }
        if is_finite {
            let step = self.with_updates(step);
            self.run(Phase::Update, Phase::Update, &step);
            self.updates += 1;
        }
        Ok(StepOutcome {
            loss,
            scale,
            is_skipped: !is_finite,
        })
    }

    fn with_updates(&self, step: StepValues) -> StepValues {
        let op = self.graph().update().expect("an update was appended");
        let [bias_correction_1, bias_correction_2] = op.bias_corrections(self.updates + 1);
        StepValues {
            step: self.updates as u32,
            bias_correction_1,
            bias_correction_2,
            ..step
        }
    }

    /// Milliseconds of so many whole steps in one submit, each with its update and none read back. Weights and states
    /// change, and nobody looks for gradients that are not finite.
    ///
    /// # Errors
    /// When the device is lost.
    pub async fn time(&mut self, step: &StepValues, steps: usize) -> Result<f64, GpuError> {
        let steps = vec![self.with_updates(*step); steps.min(MAX_STEPS_PER_SUBMIT)];
        let groups = self.executor.plan().phases(Phase::Data, Phase::Update);
        self.executor.wait().await?;
        let started = now_millis();
        self.executor.submit(groups, &steps);
        self.executor.wait().await?;
        Ok(now_millis() - started)
    }
}

/// Bytes of a plan's memory: arenas, float16 copies, and results of operations.
fn stored(graph: &Graph, plan: &Plan, half: crate::exec::half::HalfBytes) -> MemoryParts {
    let bytes_of = |name: &str| {
        let value = graph.find_value(name).map(|value| graph.value(value));
        value.map_or(0, |value| {
            (value.shape.count() * value.element.bytes()) as u64
        })
    };
    let weights = bytes_of(PARAMETERS);
    let states = graph.optimizer_states().into_iter();
    let states = states.map(|(_, state)| graph.value(state));
    let states = states.map(|state| (state.shape.count() * state.element.bytes()) as u64);
    // Slots of what nodes compute, each once however many values take turns in it.
    let mut of_nodes = vec![false; plan.slots.len()];
    for id in graph.value_ids() {
        let owner = graph.value(graph.storage(id).0);
        if let (Source::Node { .. }, Some(place)) = (&owner.source, plan.find_place(id)) {
            of_nodes[place.slot] = true;
        }
    }
    let slots = plan.slots.iter().zip(of_nodes);
    let results = slots.filter(|(_, is_result)| *is_result);
    let results = results.map(|(slot, _)| (slot.length * slot.element.bytes()) as u64);
    let workspaces = 4 * plan.workspaces.iter().sum::<usize>() as u64;
    let is_half = half.copies > 0;
    MemoryParts {
        weights: if is_half { half.copies } else { weights },
        master: if is_half { weights } else { 0 },
        gradients: bytes_of(&format!("{PARAMETERS}.grad")),
        states: states.sum(),
        activations: half.activations + results.sum::<u64>(),
        scratch: workspaces - half.activations - half.copies,
    }
}
