//! Training on the CPU executor, step by step, with what compression needs between the steps: weights that are quantized
//! for a step's forward and backward pass, a mask behind its update, a teacher's answers in its loss.

use super::{CompressError, Granularity, Masks, Network, Quantized};
use crate::data::{BatchSchedule, Dataset, Split};
use crate::exec::cpu::CpuExecutor;
use crate::exec::{Mode, Plan};
use crate::export::NamedTensor;
use crate::graph::{Graph, Phase, ValueId};
use crate::layers::{BatchSource, Model, ModelError};
use crate::models::Hyperparameters;
use crate::ops::{Add, KullbackLeibler, Multiply, Op, StepValues};
use crate::session::initial_parameters;
use crate::tensor::{ElementType, Shape, Tensor, Values};
use std::sync::Arc;

/// What a teacher says of every training sample, and how much it counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Teacher {
    /// (M, K)
    pub logits: Vec<f32>,
    /// Share of the teacher in the loss, λ.
    pub lambda: f32,
    /// T
    pub temperature: f32,
}

/// Bits and scales for a step's weights.
pub type Rounding = (u8, Granularity);

/// A network that learns from the training samples of a data set.
pub struct Trainer {
    model: Model,
    executor: CpuExecutor<f32>,
    batches: BatchSchedule,
    learning_rate: f32,
    /// Updates done.
    step: u64,
    /// Where a batch's logits of the teacher go, and those of all samples.
    teacher: Option<(ValueId, Vec<f32>)>,
}

/// Batches of up to `batch` images of a split.
pub(super) fn batch_source(data: &Dataset, split: &Split, batch: usize) -> BatchSource {
    let shape = split.shape();
    BatchSource::Images {
        samples: split.count() as usize,
        shape: [shape.channels, shape.height, shape.width].map(|size| size as usize),
        mean: data.normalization.mean.to_vec(),
        standard_deviation: data.normalization.standard_deviation.to_vec(),
        order_length: batch,
        margin: None,
    }
}

/// `(1 − λ)·CE + λ·T²·KL(teacher_T ‖ student_T)` behind the student's logits (N, K); the teacher's (N, K) are a new input.
/// Returns the outputs of the cross-entropy, the sum in place of its first, and that input.
pub(super) fn distillation_loss(
    graph: &mut Graph,
    spec_loss: Op,
    [logits, target]: [ValueId; 2],
    (lambda, temperature): (f32, f32),
) -> Result<(Vec<ValueId>, ValueId), ModelError> {
    let shape = graph.value(logits).shape.clone();
    let teacher = graph.input("teacher", shape, ElementType::F32);
    let apply = |graph: &mut Graph, op: Op, name: &str, inputs: [ValueId; 2]| {
        graph.apply_in(Phase::Loss, None, op, name.into(), &inputs)
    };
    let mut outputs = apply(graph, spec_loss, "loss", [logits, target])?;
    let divergence = Op::KullbackLeibler(KullbackLeibler {
        temperature,
        ..KullbackLeibler::default()
    });
    // The operation multiplies by T² itself.
    let divergence = apply(graph, divergence, "divergence", [logits, teacher])?[0];
    let weighted = |graph: &mut Graph, share: f32, name: &str, part: ValueId| {
        let share = Tensor::f32(Shape::scalar(), vec![share])?;
        let share = graph.constant(format!("{name}.share"), share);
        let product = Op::Multiply(Multiply {});
        Ok::<_, ModelError>(apply(graph, product, name, [part, share])?[0])
    };
    let labels = weighted(graph, 1.0 - lambda, "loss_of_labels", outputs[0])?;
    let teaching = weighted(graph, lambda, "loss_of_teacher", divergence)?;
    let sum = Op::Add(Add {});
    let inputs = [labels, teaching];
    outputs[0] = graph.apply_in(Phase::Loss, None, sum, "loss_sum".into(), &inputs)?[0];
    Ok((outputs, teacher))
}

impl Trainer {
    /// A trainer at step 0, of given weights or of initial ones drawn from the seed.
    ///
    /// # Errors
    /// When the network does not fit the data.
    pub fn new(
        network: Network,
        data: &Dataset,
        settings: &Hyperparameters,
        seed: u64,
        weights: Option<&[NamedTensor]>,
        teacher: Option<Teacher>,
    ) -> Result<Self, CompressError> {
        let spec = (network.preset.spec)();
        let update = settings
            .optimizer
            .update(settings.momentum, &settings.options);
        let batch = settings.batch.min(data.train.count());
        let source = batch_source(data, &data.train, batch as usize);
        let mut teacher_input = None;
        let mut apply = |graph: &mut Graph, logits, target| {
            let op = spec.loss.op();
            let Some(teacher) = &teacher else {
                return Ok(graph.apply_in(
                    Phase::Loss,
                    None,
                    op,
                    "loss".into(),
                    &[logits, target],
                )?);
            };
            let shares = (teacher.lambda, teacher.temperature);
            let (outputs, input) = distillation_loss(graph, op, [logits, target], shares)?;
            teacher_input = Some(input);
            Ok(outputs)
        };
        let model = Model::build_with_loss(&spec, &source, batch as usize, update, &mut apply)?;
        let graph = Arc::new(model.graph.clone());
        let keep: Vec<ValueId> = [model.loss].into_iter().chain(model.correct).collect();
        let plan = Arc::new(Plan::new(&graph, Mode::Train, &keep));
        let mut executor = CpuExecutor::new(graph, plan);
        let gathered = model.gathered.expect("images are gathered");
        executor.give(gathered.samples, Values::U8(data.train.images().to_vec()));
        executor.give(gathered.targets, Values::U32(data.train.labels().to_vec()));
        let mut trainer = Self {
            batches: BatchSchedule::shuffled(seed, data.train.count(), batch)?,
            learning_rate: settings.learning_rate,
            step: 0,
            teacher: teacher_input.zip(teacher.map(|teacher| teacher.logits)),
            model,
            executor,
        };
        match weights {
            Some(weights) => trainer.write(weights),
            None => {
                let initial = initial_parameters(network.preset, &trainer.model, seed);
                for (parameter, values) in trainer.model.parameters.iter().zip(initial) {
                    trainer.executor.write(parameter.value, &values);
                }
            }
        }
        Ok(trainer)
    }

    pub fn steps_per_epoch(&self) -> u64 {
        self.batches.steps_per_epoch().into()
    }

    /// Updates done.
    pub fn step_count(&self) -> u64 {
        self.step
    }

    /// The weights as they stand.
    pub fn weights(&self) -> Vec<NamedTensor> {
        self.model
            .parameters
            .iter()
            .map(|parameter| {
                let value = self.model.graph.value(parameter.value);
                NamedTensor {
                    name: value.name.clone(),
                    shape: value.shape.clone(),
                    values: self.executor.reals(parameter.value).to_vec(),
                }
            })
            .collect()
    }

    pub(super) fn write(&mut self, weights: &[NamedTensor]) {
        for (parameter, tensor) in self.model.parameters.iter().zip(weights) {
            self.executor
                .reals_mut(parameter.value)
                .copy_from_slice(&tensor.values);
        }
    }

    /// Sets pruned weights to 0.
    pub fn mask(&mut self, masks: &Masks) {
        for (number, parameter) in self.model.parameters.iter().enumerate() {
            masks.apply_to(number, self.executor.reals_mut(parameter.value));
        }
    }

    /// One step: gradients of the weights, rounded first where `rounding` says so, then the update of the weights as
    /// they were before, then the mask. Returns the batch's mean loss.
    ///
    /// # Errors
    /// When the loss is not finite; the weights are spoilt then.
    pub fn step(
        &mut self,
        rounding: Option<Rounding>,
        masks: Option<&Masks>,
    ) -> Result<f32, CompressError> {
        let batch = self.batches.at(self.step);
        let (valid, order) = (batch.valid(), batch.padded().collect::<Vec<u32>>());
        if let Some((input, logits)) = &self.teacher {
            let classes = self.model.graph.value(*input).shape.dims()[1];
            let rows = order.iter().flat_map(|&sample| {
                let first = sample as usize * classes;
                &logits[first..first + classes]
            });
            let rows: Vec<f32> = rows.copied().collect();
            self.executor.write(*input, &Values::F32(rows));
        }
        let gathered = self.model.gathered.expect("images are gathered");
        self.executor.write(gathered.order, &Values::U32(order));
        let update = self.model.graph.update();
        let [bias_correction_1, bias_correction_2] =
            update.map_or([1.0; 2], |op| op.bias_corrections(self.step + 1));
        let values = StepValues {
            step: self.step as u32,
            learning_rate: self.learning_rate,
            bias_correction_1,
            bias_correction_2,
            ..StepValues::forward(valid).in_training()
        };
        let latent = rounding.map(|rounding| self.round(rounding)).transpose()?;
        let plan = Arc::clone(self.executor.plan());
        self.executor
            .run(plan.phases(Phase::Data, Phase::Backward), &values);
        let loss = self.executor.reals(self.model.loss)[0];
        if !loss.is_finite() {
            return Err(CompressError::NonFinite {
                step: self.step + 1,
            });
        }
        // Straight through: the gradient by a rounded weight moves the weight that was rounded (Bengio, Léonard and
        // Courville, 2013).
        if let Some(latent) = latent {
            self.write(&latent);
        }
        self.executor
            .run(plan.phases(Phase::Update, Phase::Update), &values);
        if let Some(masks) = masks {
            self.mask(masks);
        }
        self.step += 1;
        Ok(loss)
    }

    /// Puts rounded weights in the place of the weights, which it returns.
    fn round(&mut self, (bits, granularity): Rounding) -> Result<Vec<NamedTensor>, CompressError> {
        let latent = self.weights();
        for (parameter, tensor) in self.model.parameters.iter().zip(&latent) {
            if super::network::is_weight(tensor) {
                let scales = granularity.scales(tensor.shape.dims()[0]);
                let rounded = Quantized::new(&tensor.values, scales, bits)?.values();
                self.executor
                    .reals_mut(parameter.value)
                    .copy_from_slice(&rounded);
            }
        }
        Ok(latent)
    }
}
