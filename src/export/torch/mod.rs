//! A PyTorch script of a layer list, with its weights and batches: the same training, by one process or by several
//! under `torchrun` with DistributedDataParallel.
//!
//! Three files: the script, the initial weights, and the samples with their order and the learning rate of every step,
//! the latter two as safetensors. The script reads them with Python's standard library and PyTorch alone.

mod layers;
#[cfg(test)]
mod tests;

use crate::data::{BatchSchedule, SampleSet, Targets};
use crate::layers::{Loss, Model, ModelSpec};
use crate::models::Preset;
use crate::ops::Reduction;
use crate::optim::{MAX_LEARNING_RATE, OptimizerKind, Options, Schedule};
use crate::tensor::{ElementType, Values};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use std::fmt::Write;

/// Longest run that is written.
pub const MAX_STEPS: u32 = 1_000_000;

/// Most samples of all steps together: the order of samples takes 4 bytes each.
pub const MAX_ORDER: u64 = 50_000_000;

/// Why a network cannot be written as a PyTorch script.
#[derive(Debug, thiserror::Error)]
pub enum TorchError {
    #[error("layer \"{layer}\" is a {kind}, which the PyTorch script has no counterpart of")]
    Kind { layer: String, kind: &'static str },
    #[error("layer \"{layer}\": {what}, which PyTorch's layer does not have")]
    Attribute { layer: String, what: String },
    #[error("the loss {loss} is not one that the PyTorch script has")]
    Loss { loss: String },
    #[error("{preset} moves its images at random, which the PyTorch script does not do again")]
    MovedImages { preset: String },
    #[error("{preset} has no samples to write")]
    NoSamples { preset: String },
    #[error("{actual} {what}, expected 1 to {most}")]
    Count {
        what: &'static str,
        actual: u32,
        most: u32,
    },
    #[error("{steps} steps of {batch} samples are {}, expected at most {MAX_ORDER}", u64::from(*.steps) * u64::from(*.batch))]
    Order { steps: u32, batch: u32 },
    #[error(
        "the learning rate is {actual}, expected a number above 0 and at most {MAX_LEARNING_RATE}"
    )]
    LearningRate { actual: f32 },
    #[error("safetensors: {message}")]
    File { message: String },
}

/// What a script trains, and how.
pub struct TorchRun<'a> {
    pub preset: &'a Preset,
    pub spec: &'a ModelSpec,
    /// Of the layer list, for any batch.
    pub model: &'a Model,
    pub samples: &'a SampleSet,
    /// One for each of the model's parameters.
    pub weights: &'a [Values],
    pub seed: u64,
    pub batch: u32,
    pub steps: u32,
    pub optimizer: OptimizerKind,
    pub momentum: f32,
    pub learning_rate: f32,
    pub options: Options,
}

/// The three files.
#[derive(Clone, Debug, PartialEq)]
pub struct TorchFiles {
    /// Python.
    pub script: String,
    /// safetensors: the initial weights by their names in PyTorch's state_dict.
    pub weights: Vec<u8>,
    /// safetensors: samples, targets, order, counts and rates.
    pub data: Vec<u8>,
}

impl TorchFiles {
    /// Names of the three files, in their order.
    pub fn names(name: &str) -> [String; 3] {
        [
            format!("{name}.py"),
            format!("{name}.weights.safetensors"),
            format!("{name}.data.safetensors"),
        ]
    }
}

impl TorchRun<'_> {
    /// Writes script, weights and data.
    ///
    /// # Errors
    /// Names the first layer or setting that has no counterpart.
    pub fn files(&self) -> Result<TorchFiles, TorchError> {
        if self.preset.augmentation().is_some() {
            return Err(TorchError::MovedImages {
                preset: self.preset.id.into(),
            });
        }
        let train = self.samples.train_count();
        for (what, actual, most) in [
            ("steps", self.steps, MAX_STEPS),
            ("samples a batch", self.batch, train),
        ] {
            if actual == 0 || actual > most {
                return Err(TorchError::Count { what, actual, most });
            }
        }
        let (steps, batch) = (self.steps, self.batch);
        if u64::from(steps) * u64::from(batch) > MAX_ORDER {
            return Err(TorchError::Order { steps, batch });
        }
        let actual = self.learning_rate;
        if !(actual > 0.0 && actual <= MAX_LEARNING_RATE) {
            return Err(TorchError::LearningRate { actual });
        }
        Ok(TorchFiles {
            script: self.script()?,
            weights: self.weights()?,
            data: self.data()?,
        })
    }

    fn script(&self) -> Result<String, TorchError> {
        let (modules, forward) = layers::code(self.spec, self.model)?;
        let random = self.spec.layers.iter().any(|l| l.kind.name() == "dropout");
        let statistics = self
            .spec
            .layers
            .iter()
            .any(|l| l.kind.name() == "batch_norm");
        let mut note = String::new();
        if random {
            note += "Dropout draws other random numbers than Glassbox: its losses differ.\n";
        }
        if statistics {
            note += "Batch normalization takes the statistics of each process's own part: with several processes the losses\ndiffer from those of one.\n";
        }
        let clip = match self.options.clip {
            Some(norm) => format!(
                "        nn.utils.clip_grad_norm_(model.parameters(), {})\n",
                float(norm)
            ),
            None => String::new(),
        };
        let id = self.preset.id;
        let parts = [
            ("{{TITLE}}", id.to_string()),
            ("{{NAME}}", id.to_string()),
            ("{{NOTE}}", note),
            ("{{MODULES}}", modules),
            ("{{FORWARD}}", forward),
            ("{{LOSS}}", self.loss()?),
            ("{{READ}}", self.reading()),
            ("{{OPTIMIZER}}", self.optimizer()),
            ("{{CLIP}}", clip),
        ];
        let script = include_str!("script.py").to_string();
        Ok(parts
            .iter()
            .fold(script, |script, (mark, code)| script.replace(mark, code)))
    }

    fn loss(&self) -> Result<String, TorchError> {
        let elementwise = |function: &str, factor: f32, reduction: Reduction| {
            if reduction == Reduction::Sum {
                return Err(TorchError::Loss {
                    loss: format!("{function} by sum"),
                });
            }
            let scale = if factor == 1.0 {
                String::new()
            } else {
                format!("{} * ", float(factor))
            };
            Ok(format!("{scale}F.{function}(z, y)"))
        };
        match &self.spec.loss {
            Loss::SoftmaxCrossEntropy => Ok("F.cross_entropy(z, y)".into()),
            Loss::SequenceCrossEntropy(op) => Ok(format!(
                "F.cross_entropy(z.transpose(1, 2), y, ignore_index={})",
                op.ignore_index
            )),
            Loss::BinaryCrossEntropy => Ok("F.binary_cross_entropy_with_logits(z, y)".into()),
            Loss::MeanSquaredError(op) => elementwise("mse_loss", op.factor, op.reduction),
            Loss::MeanAbsoluteError(op) => elementwise("l1_loss", op.factor, op.reduction),
            other => Err(TorchError::Loss {
                loss: other.op().name().into(),
            }),
        }
    }

    /// How samples become batches, as the operations of the data phase have it.
    fn reading(&self) -> String {
        let mut code = String::new();
        let mut line = |text: String| {
            let _ = writeln!(code, "        {text}");
        };
        let column = |values: &[f32], shape: &str| {
            let numbers: Vec<String> = values.iter().map(|&value| float(value)).collect();
            format!(
                "torch.tensor([{}], device=self.device){shape}",
                numbers.join(", ")
            )
        };
        match self.samples {
            SampleSet::Images(images) => {
                let standard = &images.normalization;
                line(format!(
                    "mean = {}",
                    column(standard.mean, ".view(1, -1, 1, 1)")
                ));
                let deviation = column(standard.standard_deviation, ".view(1, -1, 1, 1)");
                line(format!("std = {deviation}"));
                line("x = (self.samples[at].float() / 255 - mean) / std".into());
                line("return x, self.targets[at].long()".into());
            }
            SampleSet::Table(table) => {
                let standard = &table.standardization;
                line(format!("mean = {}", column(&standard.mean, "")));
                line(format!("std = {}", column(&standard.deviation, "")));
                line("x = (self.samples[at] - mean) / std".into());
                if self.reads_classes() {
                    line("return x, self.targets[at].long()".into());
                } else {
                    let standard = &table.target_standardization;
                    let (mean, deviation) = (standard.mean[0], standard.deviation[0]);
                    line(format!(
                        "y = (self.targets[at] - {}) / {}",
                        float(mean),
                        float(deviation)
                    ));
                    line("return x, y.unsqueeze(1)".into());
                }
            }
            SampleSet::Text(text) => {
                let window = text.window();
                line("# A window of tokens; the answer to each is the token behind it.".into());
                line(format!(
                    "at = self.targets[at].unsqueeze(1).long() + torch.arange({}, device=self.device)",
                    window + 1
                ));
                line("window = self.samples[at].long()".into());
                line("return window[:, :-1], window[:, 1:]".into());
            }
        }
        code
    }

    fn reads_classes(&self) -> bool {
        self.spec.loss.target_element() == ElementType::U32
    }

    fn optimizer(&self) -> String {
        let given = self.options.or(&self.optimizer.defaults());
        let number = |value: Option<f32>| float(value.unwrap_or_default());
        let decay = number(given.weight_decay);
        let rate = float(self.learning_rate);
        let momentum = float(self.momentum);
        let betas = format!("({}, {})", number(given.beta1), number(given.beta2));
        let eps = number(given.eps);
        let python = |flag: bool| if flag { "True" } else { "False" };
        let (class, settings) = match self.optimizer {
            OptimizerKind::Sgd => ("SGD", String::new()),
            OptimizerKind::Momentum => (
                "SGD",
                format!(
                    ", momentum={momentum}, dampening={}",
                    number(given.dampening)
                ),
            ),
            OptimizerKind::Nesterov => (
                "SGD",
                format!(
                    ", momentum={momentum}, nesterov={}",
                    python(self.momentum > 0.0)
                ),
            ),
            OptimizerKind::RmsProp => (
                "RMSprop",
                format!(
                    ", alpha={}, eps={eps}, momentum={}, centered={}",
                    number(given.alpha),
                    number(given.rmsprop_momentum),
                    python(given.centered.unwrap_or_default())
                ),
            ),
            OptimizerKind::Adagrad => (
                "Adagrad",
                format!(", lr_decay={}, eps={eps}", number(given.lr_decay)),
            ),
            OptimizerKind::Adam => ("Adam", format!(", betas={betas}, eps={eps}")),
            OptimizerKind::AdamW => ("AdamW", format!(", betas={betas}, eps={eps}")),
        };
        format!(
            "torch.optim.{class}(model.parameters(), lr={rate}{settings}, weight_decay={decay})"
        )
    }

    fn weights(&self) -> Result<Vec<u8>, TorchError> {
        let mut tensors = Vec::new();
        let graph = &self.model.graph;
        for (parameter, values) in self.model.parameters.iter().zip(self.weights) {
            let value = graph.value(parameter.value);
            let numbers = reals(values);
            tensors.push(Raw::f32(&value.name, value.shape.dims().to_vec(), numbers));
        }
        for buffer in graph.buffers() {
            let value = graph.value(buffer);
            let initial = graph.initial_buffer(buffer);
            let numbers = reals(&initial);
            tensors.push(Raw::f32(&value.name, value.shape.dims().to_vec(), numbers));
            if let Some(layer) = value.name.strip_suffix(".running_mean") {
                tensors.push(Raw {
                    name: format!("{layer}.num_batches_tracked"),
                    dtype: Dtype::I64,
                    shape: Vec::new(),
                    bytes: 0_i64.to_le_bytes().to_vec(),
                });
            }
        }
        serialize(&tensors)
    }

    fn data(&self) -> Result<Vec<u8>, TorchError> {
        let train = self.samples.train_count();
        let schedule = BatchSchedule::shuffled(self.seed, train, self.batch);
        let mut schedule = schedule.map_err(|error| TorchError::File {
            message: error.to_string(),
        })?;
        let steps_per_epoch = u64::from(schedule.steps_per_epoch());
        let rates = Schedule::new(&self.options, steps_per_epoch, self.steps.into());
        let (mut order, mut counts, mut rate) = (Vec::new(), Vec::new(), Vec::new());
        for step in 0..u64::from(self.steps) {
            let batch = schedule.at(step);
            order.extend_from_slice(batch.indices);
            counts.push(batch.valid());
            rate.push(rates.rate(self.learning_rate.into(), step) as f32);
        }
        let rows = train as usize;
        let (samples, targets) = match self.samples {
            SampleSet::Images(images) => {
                let shape = images.train.shape();
                let [channels, height, width] =
                    [shape.channels, shape.height, shape.width].map(|size| size as usize);
                (
                    Raw {
                        name: "samples".into(),
                        dtype: Dtype::U8,
                        shape: vec![rows, channels, height, width],
                        bytes: images.train.images().to_vec(),
                    },
                    Raw::u32("targets", images.train.labels()),
                )
            }
            SampleSet::Table(table) => {
                let shape = vec![rows, table.train.features()];
                let targets = match table.train.targets() {
                    Targets::Classes(classes) if self.reads_classes() => {
                        Raw::u32("targets", classes)
                    }
                    Targets::Classes(classes) => {
                        let numbers: Vec<f32> = classes.iter().map(|&class| class as f32).collect();
                        Raw::f32("targets", vec![rows], &numbers)
                    }
                    Targets::Numbers(numbers) => Raw::f32("targets", vec![rows], numbers),
                };
                (Raw::f32("samples", shape, table.train.rows()), targets)
            }
            SampleSet::Text(text) => (
                Raw::u32("samples", text.tokens()),
                Raw::u32("targets", text.starts()),
            ),
        };
        let length = rate.len();
        serialize(&[
            samples,
            targets,
            Raw::u32("order", &order),
            Raw::u32("counts", &counts),
            Raw::f32("rates", vec![length], &rate),
        ])
    }
}

/// Parameters and buffers hold reals.
fn reals(values: &Values) -> &[f32] {
    match values {
        Values::F32(values) => values,
        other => panic!("parameters are f32, not {}", other.element_type()),
    }
}

/// A number as Python reads it back to the same f32.
fn float(value: f32) -> String {
    // `1e-5` and `0.1` as they were written; Python's own doubles hold every digit.
    format!("{value:?}")
}

/// A tensor of a file.
struct Raw {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Raw {
    fn f32(name: &str, shape: Vec<usize>, values: &[f32]) -> Self {
        Self {
            name: name.into(),
            dtype: Dtype::F32,
            shape,
            bytes: values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
        }
    }

    /// Classes, tokens and places fit 31 bits.
    fn u32(name: &str, values: &[u32]) -> Self {
        Self {
            name: name.into(),
            dtype: Dtype::I32,
            shape: vec![values.len()],
            bytes: values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
        }
    }
}

fn serialize(tensors: &[Raw]) -> Result<Vec<u8>, TorchError> {
    let failed = |error: safetensors::SafeTensorError| TorchError::File {
        message: error.to_string(),
    };
    let mut views = Vec::with_capacity(tensors.len());
    for raw in tensors {
        let view = TensorView::new(raw.dtype, raw.shape.clone(), &raw.bytes).map_err(failed)?;
        views.push((raw.name.as_str(), view));
    }
    safetensors::serialize(views, None).map_err(failed)
}
