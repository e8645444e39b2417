//! One replica: the engine's own plan of the model, on the CPU, with its own parameters and optimizer states.

use super::message::{Exchanged, ReplicaError};
use super::subject::Subject;
use crate::exec::cpu::CpuExecutor;
use crate::exec::{Mode as PlanMode, Plan};
use crate::graph::{Phase, ValueId};
use crate::lab::ring::{Message, Receipt};
use crate::layers::Model;
use crate::ops::StepValues;
use crate::optim::OptimizerKind;
use crate::session::{given_values, initial_parameters, order_values};
use crate::tensor::Real;
use std::sync::Arc;

/// Parameters, optimizer states and number of updates, as they stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept<T> {
    pub updates: u64,
    pub parameters: Vec<T>,
    pub optimizer: Vec<Vec<T>>,
}

/// One execution of a model's plan.
pub struct Replica<T> {
    subject: Subject,
    model: Model,
    executor: CpuExecutor<T>,
    seed: u64,
    learning_rate: f32,
    updates: u64,
    /// What goes round the ring: all elements of the gradients or of the parameters without the padding of their
    /// arenas, or one loss.
    buffer: Vec<T>,
}

impl<T: Real> Replica<T> {
    /// A replica with the initial weights of the seed, for passes of up to `capacity` samples.
    ///
    /// # Errors
    /// When the model does not fit.
    pub fn new(
        subject: &Subject,
        seed: u64,
        optimizer: OptimizerKind,
        learning_rate: f32,
        capacity: u32,
    ) -> Result<Self, ReplicaError> {
        let model = subject.model(capacity, optimizer, seed)?;
        let graph = Arc::new(model.graph.clone());
        let plan = Plan::new(&graph, PlanMode::Train, &[model.loss]);
        let mut executor = CpuExecutor::new(graph, Arc::new(plan));
        for (value, values) in given_values(&model, subject.preset, Some(&subject.samples)) {
            executor.give(value, values);
        }
        let initial = initial_parameters(subject.preset, &model, seed);
        for (parameter, values) in model.parameters.iter().zip(&initial) {
            executor.write(parameter.value, values);
        }
        Ok(Self {
            subject: subject.clone(),
            model,
            executor,
            seed,
            learning_rate,
            updates: 0,
            buffer: Vec::new(),
        })
    }

    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    pub fn capacity(&self) -> u32 {
        self.model.batch as u32
    }

    pub fn parameter_count(&self) -> u64 {
        self.model.parameter_count()
    }

    /// Updates done.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Runs phases of the plan on some samples.
    fn run(&mut self, samples: &[u32], first: Phase, last: Phase) {
        if let Some(gathered) = self.model.gathered {
            // The epoch matters only to images that are moved.
            let order: Vec<(u64, u32)> = samples.iter().map(|&sample| (0, sample)).collect();
            for (value, values) in order_values(&gathered, self.subject.preset, self.seed, &order) {
                self.executor.write(value, &values);
            }
        }
        let update = self.model.graph.update();
        let [bias_correction_1, bias_correction_2] =
            update.map_or([1.0; 2], |op| op.bias_corrections(self.updates + 1));
        let step = StepValues {
            step: self.updates as u32,
            learning_rate: self.learning_rate,
            bias_correction_1,
            bias_correction_2,
            ..StepValues::forward(samples.len() as u32).in_training()
        };
        let groups = self.executor.plan().phases(first, last);
        self.executor.run(groups, &step);
    }

    /// Forward and backward pass on at most `capacity` samples; the mean loss. Changes no parameter.
    pub fn compute(&mut self, samples: &[u32]) -> f64 {
        self.run(samples, Phase::Data, Phase::Backward);
        self.executor.reals(self.model.loss)[0].to_f64()
    }

    /// The optimizer's step with the gradients as they stand.
    pub fn update(&mut self) {
        self.run(&[], Phase::Update, Phase::Update);
        self.updates += 1;
    }

    /// The mean loss on the samples that all replicas are measured on.
    pub fn measure(&mut self) -> f64 {
        let samples: Vec<u32> = self.subject.measured().collect();
        let mut sum = 0.0;
        for part in samples.chunks(self.model.batch) {
            self.run(part, Phase::Data, Phase::Loss);
            sum += self.executor.reals(self.model.loss)[0].to_f64() * part.len() as f64;
        }
        sum / samples.len() as f64
    }

    /// Fills the buffer of the ring.
    pub fn load(&mut self, exchanged: Exchanged, weight: f64) {
        self.buffer = match exchanged {
            Exchanged::Gradients => self.gradients(),
            Exchanged::Parameters => self.parameters(),
            Exchanged::Loss => self.executor.reals(self.model.loss)[..1].to_vec(),
        };
        let weight = T::from_f64(weight);
        for value in &mut self.buffer {
            *value *= weight;
        }
    }

    pub fn buffer(&self) -> &[T] {
        &self.buffer
    }

    /// Does with an arriving chunk what its message says.
    ///
    /// # Panics
    /// When the chunk lies outside the buffer: callers check what comes from outside.
    pub fn receive(&mut self, message: &Message, values: &[T]) {
        let own = &mut self.buffer[message.elements.clone()];
        match message.receipt {
            Receipt::Add => {
                for (own, &value) in own.iter_mut().zip(values) {
                    *own += value;
                }
            }
            Receipt::Replace => own.copy_from_slice(values),
        }
    }

    /// Takes the buffer over as gradients or parameters.
    pub fn adopt(&mut self, exchanged: Exchanged) {
        let values: Vec<ValueId> = match exchanged {
            Exchanged::Gradients => self.gradient_values(),
            Exchanged::Parameters => self.model.parameters.iter().map(|p| p.value).collect(),
            Exchanged::Loss => return,
        };
        let mut rest = &self.buffer[..];
        for value in values {
            let own = self.executor.reals_mut(value);
            let (part, behind) = rest.split_at(own.len());
            own.copy_from_slice(part);
            rest = behind;
        }
    }

    fn gradient_values(&self) -> Vec<ValueId> {
        let parameters = self.model.parameters.iter();
        let gradient = |parameter: ValueId| self.model.graph.value(parameter).gradient;
        parameters
            .map(|parameter| gradient(parameter.value).expect("every parameter has a gradient"))
            .collect()
    }

    /// All elements of the gradients, in the order of the parameters.
    pub fn gradients(&self) -> Vec<T> {
        let values = self.gradient_values();
        values
            .into_iter()
            .flat_map(|value| self.executor.reals(value).iter().copied())
            .collect()
    }

    /// All elements of the parameters, in their order.
    pub fn parameters(&self) -> Vec<T> {
        let parameters = self.model.parameters.iter();
        parameters
            .flat_map(|parameter| self.executor.reals(parameter.value).iter().copied())
            .collect()
    }

    /// What it would need to go on from here.
    pub fn keep(&self) -> Kept<T> {
        let states = self.model.graph.optimizer_states();
        Kept {
            updates: self.updates,
            parameters: self.parameters(),
            optimizer: states
                .into_iter()
                .map(|(_, state)| self.executor.reals(state).to_vec())
                .collect(),
        }
    }

    /// Numbers of the parameters and of each of the optimizer's states.
    pub fn lengths(&self) -> (usize, Vec<usize>) {
        let states = self.model.graph.optimizer_states();
        let length = |value| self.model.graph.value(value).shape.count();
        (
            self.parameter_count() as usize,
            states.into_iter().map(|(_, state)| length(state)).collect(),
        )
    }

    /// Goes back, or on, to what was kept.
    ///
    /// # Panics
    /// When it has other [`Replica::lengths`].
    pub fn restore(&mut self, kept: &Kept<T>) {
        self.buffer.clone_from(&kept.parameters);
        self.adopt(Exchanged::Parameters);
        let states = self.model.graph.optimizer_states();
        for ((_, state), values) in states.into_iter().zip(&kept.optimizer) {
            self.executor.reals_mut(state).copy_from_slice(values);
        }
        self.updates = kept.updates;
    }
}
