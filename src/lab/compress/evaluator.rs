//! What a network says of samples: logits, and how many are right.

use super::trainer::batch_source;
use super::{CompressError, CompressedModel, Network};
use crate::data::{Dataset, Split};
use crate::exec::cpu::CpuExecutor;
use crate::exec::{Mode, Plan};
use crate::export::NamedTensor;
use crate::graph::Phase;
use crate::layers::Model;
use crate::ops::StepValues;
use crate::tensor::Values;
use crate::train::evaluation::{Tally, arg_max};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Samples of a pass: some ten milliseconds of LeNet-5, so that the page gets its turn.
const PASS: u32 = 100;

/// A network's forward pass over a split of a data set, pass by pass.
pub struct Evaluator {
    model: Model,
    executor: CpuExecutor<f32>,
    labels: Vec<u32>,
    /// Samples done.
    done: u32,
    tally: Tally,
    /// Right ones among the samples of even and of odd number, counted from 0.
    right: [u32; 2],
    logits: Vec<f32>,
}

/// Accuracy on two halves of the held-out samples. What is chosen by an accuracy looks better by it than it is, because
/// luck has its part in the choice: so one half chooses, and the other, which had no say, is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Halves {
    /// On the half that chooses: samples of even number, counted from 0.
    pub choosing: f32,
    /// On the other half.
    pub reporting: f32,
}

/// What a network says of all samples of a split.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Share of the samples that are right.
    pub accuracy: f32,
    /// The same of every second sample: those of even number, counted from 0, and those of odd number.
    pub halves: Halves,
    /// Mean over the samples, nats.
    pub loss: f32,
    pub right: u32,
    pub samples: u32,
    /// (M, K)
    pub logits: Vec<f32>,
}

impl Evaluator {
    /// Of `split`, a part of `data`, with these weights.
    ///
    /// # Errors
    /// When the network does not fit the data.
    pub fn new(
        network: Network,
        data: &Dataset,
        split: &Split,
        weights: &[NamedTensor],
    ) -> Result<Self, CompressError> {
        let spec = (network.preset.spec)();
        let batch = PASS.min(split.count());
        let source = batch_source(data, split, batch as usize);
        let hyper = network.preset.defaults;
        let update = hyper.optimizer.update(hyper.momentum, &hyper.options);
        let model = Model::build(&spec, &source, batch as usize, update)?;
        let graph = Arc::new(model.graph.clone());
        let mut keep = vec![model.loss_of_row, model.logits];
        keep.extend(model.probabilities);
        let plan = Arc::new(Plan::forward(&graph, Mode::Train, &keep));
        let mut executor = CpuExecutor::new(graph, plan);
        let gathered = model.gathered.expect("images are gathered");
        executor.give(gathered.samples, Values::U8(split.images().to_vec()));
        executor.give(gathered.targets, Values::U32(split.labels().to_vec()));
        for (parameter, tensor) in model.parameters.iter().zip(weights) {
            executor
                .reals_mut(parameter.value)
                .copy_from_slice(&tensor.values);
        }
        Ok(Self {
            model,
            executor,
            labels: split.labels().to_vec(),
            done: 0,
            tally: Tally::new(data.classes.len()),
            right: [0; 2],
            logits: Vec::new(),
        })
    }

    /// Samples done, and all.
    pub fn progress(&self) -> (u64, u64) {
        (self.done.into(), self.labels.len() as u64)
    }

    /// Runs the next samples; what was measured once all are done.
    pub fn pass(&mut self) -> Option<Measured> {
        let count = self.labels.len() as u32;
        let valid = (count - self.done).min(self.model.batch as u32);
        let gathered = self.model.gathered.expect("images are gathered");
        let order: Vec<u32> = (self.done..self.done + valid).collect();
        self.executor.write(gathered.order, &Values::U32(order));
        let plan = Arc::clone(self.executor.plan());
        let values = StepValues::forward(valid);
        self.executor
            .run(plan.phases(Phase::Data, Phase::Loss), &values);
        let rows = valid as usize;
        let first_rows = |value| {
            let values = self.executor.reals(value);
            &values[..values.len() / self.model.batch * rows]
        };
        let logits = first_rows(self.model.logits);
        let probabilities = first_rows(self.model.probabilities.expect("classes are told apart"));
        let losses = first_rows(self.model.loss_of_row);
        let labels = &self.labels[self.done as usize..][..rows];
        self.tally.add(probabilities, losses, labels);
        let width = logits.len() / rows.max(1);
        let told = probabilities.chunks_exact(width).zip(labels);
        for (number, (row, &label)) in (self.done as usize..).zip(told) {
            self.right[number % 2] += u32::from(arg_max(row) == label as usize);
        }
        self.logits.extend_from_slice(logits);
        self.done += valid;
        if self.done < count {
            return None;
        }
        let evaluation = self.tally.clone().finish();
        Some(Measured {
            accuracy: evaluation.accuracy.unwrap_or_default(),
            halves: Halves {
                choosing: self.right[0] as f32 / count.div_ceil(2) as f32,
                // Of a single sample there is no other half.
                reporting: self.right[1] as f32 / (count / 2).max(1) as f32,
            },
            loss: evaluation.loss,
            right: self.right.iter().sum(),
            samples: count,
            logits: std::mem::take(&mut self.logits),
        })
    }

    /// Runs all samples.
    pub fn measure(mut self) -> Measured {
        loop {
            if let Some(measured) = self.pass() {
                return measured;
            }
        }
    }
}

/// The probabilities of the classes for one image of (C, H, W) bytes.
///
/// # Errors
/// When the image has another size.
pub fn class_probabilities(
    model: &CompressedModel,
    pixels: Vec<u8>,
) -> Result<Vec<f32>, CompressError> {
    let source = model.network.source;
    let classes = source.classes();
    // An evaluation wants labels; that of one image does not matter.
    let split = Split::new(
        "the image",
        source.shape(),
        pixels,
        vec![0],
        classes.len() as u32,
    )?;
    let data = Dataset {
        name: source.name(),
        train: split.clone(),
        test: split,
        classes,
        normalization: source.normalization(),
        absent: Vec::new(),
    };
    let mut evaluator = Evaluator::new(model.network, &data, &data.test, &model.weights())?;
    evaluator.pass();
    let probabilities = evaluator
        .model
        .probabilities
        .expect("classes are told apart");
    Ok(evaluator.executor.reals(probabilities).to_vec())
}
