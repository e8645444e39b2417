//! Training steps of any graph in one of three precisions, on the CPU executor.
//!
//! Nodes run one by one, and what each writes is rounded before the next one reads it: products are summed in float32
//! inside an operation and rounded once at its end, as tensor cores and kernels with float16 storage do. Nothing of
//! this is known to the executor.
//!
//! **Where the loss scale comes in.** The backward pass starts from a constant of the graph, `loss.L.grad`, the
//! derivative of the loss with respect to itself: 1. Of s·L it is s, so writing s there is all that scaling takes. The
//! graph stays the same, and so do its operations and kernels, on either executor. A multiplication behind the loss
//! would do the same with one more node; a value of the step would have to be read by every loss.
//!
//! **What stays in float32** in mixed precision: the master weights, the optimizer's states and its update; the loss
//! and its softmax, as PyTorch's autocast keeps them; and the scale. The gradient of the logits is the first number of
//! the backward pass that is rounded.

use super::float16;
use super::mode::PrecisionMode;
use super::scaler::LossScale;
use crate::exec::cpu::CpuExecutor;
use crate::exec::{Mode, Plan};
use crate::graph::{Graph, Node, PARAMETERS, Phase, ValueId};
use crate::ops::StepValues;
use crate::tensor::{ElementType, Values};
use std::ops::Range;
use std::sync::Arc;

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepOutcome {
    /// Before the update, without the scale.
    pub loss: f32,
    /// By which the loss was multiplied; 1 but in mixed precision.
    pub scale: f32,
    /// Whether a gradient was infinite or NaN, so that weights and states were left as they were. In mixed precision
    /// alone: the others update whatever comes.
    pub is_skipped: bool,
}

/// A graph with its weights and optimizer states, trained in one precision.
pub struct Stepper {
    mode: PrecisionMode,
    executor: CpuExecutor<f32>,
    loss: ValueId,
    /// The derivative of the loss with respect to itself.
    seed: ValueId,
    weights: ValueId,
    gradients: ValueId,
    states: Vec<ValueId>,
    /// Of mixed precision: float32, what the update changes.
    master: Vec<f32>,
    scale: LossScale,
    /// Updates done; skipped steps do not count, as in PyTorch.
    updates: u64,
}

impl Stepper {
    /// A differentiated graph with an update of its parameters. Weights and states are 0 until they are written.
    ///
    /// Panics when the graph has no backward pass or no update.
    pub fn new(graph: Arc<Graph>, loss: ValueId, mode: PrecisionMode, scale: LossScale) -> Self {
        let seed = graph
            .value(loss)
            .gradient
            .expect("the loss was differentiated");
        let find = |name: &str| graph.find_value(name).expect("an update was appended");
        let (weights, gradients) = (find(PARAMETERS), find(&format!("{PARAMETERS}.grad")));
        let states = graph.optimizer_states();
        let plan = Arc::new(Plan::new(&graph, Mode::Inspect, &[]));
        Self {
            mode,
            loss,
            seed,
            weights,
            gradients,
            states: states.into_iter().map(|(_, value)| value).collect(),
            master: vec![0.0; graph.value(weights).shape.count()],
            executor: CpuExecutor::new(graph, plan),
            scale,
            updates: 0,
        }
    }

    pub fn graph(&self) -> &Graph {
        self.executor.graph()
    }

    /// Overwrites data, the order of samples and the like.
    pub fn write(&mut self, value: ValueId, values: &Values) {
        self.executor.write(value, values);
    }

    /// As [`Stepper::write`], of values that nobody else needs.
    pub fn give(&mut self, value: ValueId, values: Values) {
        self.executor.give(value, values);
    }

    /// Overwrites one parameter, rounded as the mode stores it.
    pub fn write_parameter(&mut self, parameter: ValueId, values: &[f32]) {
        let (_, offset) = self.graph().storage(parameter);
        self.master[offset..offset + values.len()].copy_from_slice(values);
        self.executor.reals_mut(parameter).copy_from_slice(values);
        if self.mode == PrecisionMode::Float16 {
            float16::round_all(self.executor.reals_mut(parameter));
        }
    }

    /// A value as it stands.
    pub fn reals(&self, value: ValueId) -> &[f32] {
        self.executor.reals(value)
    }

    /// All weights as the update sees them: the master weights where there are some.
    pub fn weights(&self) -> &[f32] {
        match self.mode {
            PrecisionMode::Mixed => &self.master,
            _ => self.executor.reals(self.weights),
        }
    }

    /// All optimizer states, one row for each.
    pub fn states(&self) -> Vec<&[f32]> {
        let states = self.states.iter();
        states.map(|&state| self.executor.reals(state)).collect()
    }

    pub fn scale(&self) -> &LossScale {
        &self.scale
    }

    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Whether a node's results are rounded.
    fn rounds(&self, node: &Node) -> bool {
        self.mode.rounds(node.phase)
    }

    /// Runs phases, rounding what the mode rounds.
    fn run(&mut self, phases: Range<Phase>, step: &StepValues) {
        let plan = Arc::clone(self.executor.plan());
        let graph = Arc::clone(self.executor.graph());
        for group in plan.phases(phases.start, phases.end) {
            self.executor.run(group..group + 1, step);
            for &node in &plan.groups[group].nodes {
                let node = graph.node(node);
                if !self.rounds(node) {
                    continue;
                }
                for &output in &node.outputs {
                    if graph.value(output).element == ElementType::F32 {
                        float16::round_all(self.executor.reals_mut(output));
                    }
                }
            }
        }
    }

    /// Puts the float16 copy of the master weights in place, for a pass.
    fn show_working_weights(&mut self) {
        if self.mode == PrecisionMode::Mixed {
            let weights = self.executor.reals_mut(self.weights);
            weights.copy_from_slice(&self.master);
            float16::round_all(weights);
        }
    }

    /// Forward pass and loss, as in inference.
    pub fn evaluate(&mut self, step: &StepValues) {
        self.show_working_weights();
        self.run(Phase::Data..Phase::Loss, step);
    }

    /// The gradients of all parameters in float32, of the weights that the update sees; nothing is rounded, nothing
    /// scaled, and the next step is the same as if this had not run.
    pub fn gradients_in_float32(&mut self, step: &StepValues) -> Vec<f32> {
        let mode = std::mem::replace(&mut self.mode, PrecisionMode::Float32);
        if mode == PrecisionMode::Mixed {
            let weights = self.executor.reals_mut(self.weights);
            weights.copy_from_slice(&self.master);
        }
        self.executor.write(self.seed, &Values::F32(vec![1.0]));
        self.run(Phase::Data..Phase::Backward, step);
        self.mode = mode;
        self.executor.reals(self.gradients).to_vec()
    }

    /// Forward and backward pass: the loss. Gradients are of s·L, as the mode stores them.
    pub fn differentiate(&mut self, step: &StepValues) -> f32 {
        self.show_working_weights();
        let scale = self.factor();
        self.executor.write(self.seed, &Values::F32(vec![scale]));
        self.run(Phase::Data..Phase::Backward, step);
        self.executor.reals(self.loss)[0]
    }

    /// By what the loss is multiplied.
    fn factor(&self) -> f32 {
        match self.mode {
            PrecisionMode::Mixed => self.scale.scale(),
            _ => 1.0,
        }
    }

    /// The gradients of all parameters, as they stand.
    pub fn gradients(&self) -> &[f32] {
        self.executor.reals(self.gradients)
    }

    /// One step of training. `step` has the learning rate and the batch; the number of updates is counted here.
    pub fn step(&mut self, step: StepValues) -> StepOutcome {
        let loss = self.differentiate(&step);
        let scale = self.factor();
        let mut outcome = StepOutcome {
            loss,
            scale,
            is_skipped: false,
        };
        if self.mode == PrecisionMode::Mixed {
            let is_finite = self.gradients().iter().all(|gradient| gradient.is_finite());
            self.scale.note(is_finite);
            if !is_finite {
                outcome.is_skipped = true;
                return outcome;
            }
            for gradient in self.executor.reals_mut(self.gradients) {
                *gradient /= scale;
            }
            let weights = self.executor.reals_mut(self.weights);
            weights.copy_from_slice(&self.master);
        }
        self.update(step);
        outcome
    }

    fn update(&mut self, step: StepValues) {
        let op = self.graph().update().expect("an update was appended");
        let [bias_correction_1, bias_correction_2] = op.bias_corrections(self.updates + 1);
        let step = StepValues {
            step: self.updates as u32,
            bias_correction_1,
            bias_correction_2,
            ..step
        };
        self.run(Phase::Update..Phase::Update, &step);
        self.updates += 1;
        if self.mode == PrecisionMode::Mixed {
            let weights = self.executor.reals(self.weights);
            self.master.copy_from_slice(weights);
        }
    }
}
