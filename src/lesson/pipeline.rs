//! The six steps of a training pipeline on a small real run: preprocess, graph, loss, train, evaluate, deploy.
//!
//! Every card holds what was measured there, and rules that its numbers keep or break. A rule knows nothing of the fault
//! that was switched on: it is computed from the run alone.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::LessonError;
use crate::data::source::Part;
use crate::data::{DataSource, Dataset, Normalization, Split, Subset, mnist_from_bytes};
use crate::export::{Checkpoint, NamedTensor, RunFacts};
use crate::lab::compress::{CompressError, Evaluator, Measured, Network, Trainer};
use crate::layers::{
    BatchSource, Flatten, Layer, LayerSummary, Linear, Loss, Model, ModelSpec, Relu, Softmax,
    summarize,
};
use crate::models::{Hyperparameters, Preset, PresetData};
use crate::optim::{OptimizerKind, Options};
use crate::platform::now_millis;

/// Images to learn from, held-out images, and images that nobody has used when the network is handed over.
pub const TRAINING: u32 = 1000;
pub const HELD_OUT: u32 = 500;
pub const FRESH: u32 = 500;

/// Images that the reloaded network is asked about.
const ASKED: u32 = 10;

const BATCH: u32 = 50;
const EPOCHS: u32 = 15;
const LEARNING_RATE: f32 = 3e-3;

/// How far the loss at the start may be from ln 10, in nats.
const START_BOUND: f64 = 0.5;

/// Share of the loss at the start that the last epoch's mean may reach.
const FALL_BOUND: f64 = 0.5;

/// Standard errors that are taken for chance.
const ERRORS_BOUND: f64 = 3.0;

/// What can be done wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    #[default]
    None,
    /// Pixels from 0 to 255 go in as they are.
    Scale,
    /// The network ends in softmax, and the loss applies softmax once more.
    Loss,
    /// The held-out images are among those that are learned from.
    Leak,
}

impl Fault {
    pub const ALL: [Self; 4] = [Self::None, Self::Scale, Self::Loss, Self::Leak];

    /// As links have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Scale => "scale",
            Self::Loss => "loss",
            Self::Leak => "leak",
        }
    }
}

/// The six steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Card {
    Preprocess,
    Graph,
    Loss,
    Train,
    Evaluate,
    Deploy,
}

impl Card {
    pub const ALL: [Self; 6] = [
        Self::Preprocess,
        Self::Graph,
        Self::Loss,
        Self::Train,
        Self::Evaluate,
        Self::Deploy,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Preprocess => "preprocess",
            Self::Graph => "graph",
            Self::Loss => "loss",
            Self::Train => "train",
            Self::Evaluate => "evaluate",
            Self::Deploy => "deploy",
        }
    }
}

/// What the numbers of a card must keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rule {
    /// Fewest training images of a class: at least 1.
    EveryClass,
    /// Numbers that the last layer makes for an image: as many as there are classes.
    OneOutputPerClass,
    /// Distance of the loss before training from ln 10, a guess among ten: at most 0.5.
    StartsAtGuess,
    /// Mean loss of the last epoch, as a share of the loss before training: at most one half.
    LossFalls,
    /// Held-out accuracy: above that of always naming the most frequent class, by more than chance.
    BeatsGuessing,
    /// Held-out images that are also among the training images: none.
    NothingShared,
    /// Images about which the reloaded network says the same to the last bit: all that it was asked about.
    SamePredictions,
    /// By how much the accuracy on fresh images falls short of the one that was evaluated: no more than chance.
    FreshAgrees,
}

impl Rule {
    pub fn card(self) -> Card {
        match self {
            Self::EveryClass => Card::Preprocess,
            Self::OneOutputPerClass => Card::Graph,
            Self::StartsAtGuess => Card::Loss,
            Self::LossFalls => Card::Train,
            Self::BeatsGuessing | Self::NothingShared => Card::Evaluate,
            Self::SamePredictions | Self::FreshAgrees => Card::Deploy,
        }
    }
}

/// A rule with its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    pub rule: Rule,
    pub measured: f64,
    pub bound: f64,
    pub holds: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocessed {
    pub training: u32,
    pub held_out: u32,
    pub fresh: u32,
    /// Training images of each class.
    pub classes: Vec<u32>,
    /// Smallest and largest byte of the training images.
    pub bytes: [u8; 2],
    /// Of the numbers that the network reads, over all training images.
    pub low: f32,
    pub high: f32,
    pub mean: f64,
    pub deviation: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Built {
    pub layers: Vec<LayerSummary>,
    pub batch: u32,
    pub parameters: u64,
}

/// Before training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// Over the training images.
    pub loss: f64,
    pub accuracy: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trained {
    /// Of every step's batch; the last one is not finite where training broke.
    pub losses: Vec<f32>,
    pub epochs: u32,
    pub steps_per_epoch: u32,
    pub learning_rate: f32,
    /// Mean over the steps of the last epoch, once all have run.
    pub last_epoch: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluated {
    pub loss: f64,
    pub accuracy: f64,
    pub right: u32,
    pub samples: u32,
    /// Share of the most frequent class.
    pub most_frequent: f64,
    /// Held-out images that are also among the training images.
    pub shared: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployed {
    /// Of the safetensors file.
    pub bytes: u64,
    pub tensors: u32,
    /// Images about which the reloaded network was asked, and said the same to the last bit.
    pub asked: u32,
    pub same: u32,
    pub fresh_accuracy: f64,
    pub fresh: u32,
}

/// The cards as far as the run has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub fault: Fault,
    pub preprocess: Option<Preprocessed>,
    pub graph: Option<Built>,
    pub loss: Option<Started>,
    pub train: Option<Trained>,
    pub evaluate: Option<Evaluated>,
    pub deploy: Option<Deployed>,
    pub checks: Vec<Check>,
    /// Pieces of work done, of all.
    pub done: u32,
    pub total: u32,
    /// Milliseconds of computing.
    pub millis: f64,
}

impl Report {
    pub fn is_done(&self) -> bool {
        self.deploy.is_some()
    }

    /// Whether all rules of a card hold; `None` until its numbers are there.
    pub fn holds(&self, card: Card) -> Option<bool> {
        let mut checks = self.checks.iter().filter(|check| check.rule.card() == card);
        let first = checks.next()?;
        Some(first.holds && checks.all(|check| check.holds))
    }

    fn check(&mut self, rule: Rule, measured: f64, bound: f64, holds: bool) {
        self.checks.push(Check {
            rule,
            measured,
            bound,
            holds,
        });
    }
}

fn linear(name: &str, out_features: usize) -> Layer {
    Layer::new(name, Linear { out_features })
}

/// 784-32-10 with ReLU: 25,450 parameters.
fn network() -> ModelSpec {
    ModelSpec {
        layers: vec![
            Layer::new("flatten", Flatten {}),
            linear("fc1", 32),
            Layer::new("relu1", Relu {}),
            linear("fc2", 10),
        ],
        loss: Loss::SoftmaxCrossEntropy,
    }
}

/// The same with a softmax that the loss applies once more.
fn network_with_softmax() -> ModelSpec {
    let mut spec = network();
    spec.layers.push(Layer::new("softmax", Softmax {}));
    spec
}

const fn preset(id: &'static str, spec: fn() -> ModelSpec) -> Preset {
    Preset {
        id,
        spec,
        data: PresetData::Images {
            source: DataSource::Mnist,
            subset: Subset::WHOLE,
            augmentation: None,
        },
        initial: &[],
        defaults: Hyperparameters {
            batch: BATCH,
            learning_rate: LEARNING_RATE,
            optimizer: OptimizerKind::Adam,
            momentum: 0.9,
            epochs: EPOCHS,
            options: Options::NONE,
        },
        article: None,
    }
}

static RIGHT: Preset = preset("pipeline", network);
static WITH_SOFTMAX: Preset = preset("pipeline-softmax", network_with_softmax);

/// Pixels as they are: (p / 255 − 0) / (1 / 255).
const AS_THEY_ARE: Normalization = Normalization {
    mean: &[0.0],
    standard_deviation: &[1.0 / 255.0],
};

/// The files below `assets/data/` that a run needs, in the order in which it takes them.
pub fn files() -> [&'static str; 4] {
    [
        Part::TrainImages,
        Part::TrainLabels,
        Part::TestImages,
        Part::TestLabels,
    ]
    .map(|part| {
        let mut files = DataSource::Mnist.page_files().iter();
        let file = files.find(|file| file.part == part);
        file.expect("MNIST has all four").path
    })
}

/// What is under way.
enum Stage {
    Starting(Box<Evaluator>),
    Training(Box<Trainer>),
    Evaluating(Box<Evaluator>),
    Deploying(Box<Evaluator>),
    Done,
}

/// A run of the pipeline.
pub struct Pipeline {
    network: Network,
    /// Training and held-out images.
    data: Dataset,
    fresh: Split,
    seed: u64,
    stage: Stage,
    weights: Vec<NamedTensor>,
    report: Report,
}

impl Pipeline {
    /// A run with a fault, on MNIST's four files: training images and labels, test images and labels.
    ///
    /// # Errors
    /// When a file is broken or has too few images.
    pub fn new(fault: Fault, seed: u64, files: [&[u8]; 4]) -> Result<Self, LessonError> {
        let [train_images, train_labels, test_images, test_labels] = files;
        let mnist = mnist_from_bytes(train_images, train_labels, test_images, test_labels)?;
        let mut train = pick("training", &mnist.train, 0, TRAINING)?;
        let held_out = pick("held-out", &mnist.test, 0, HELD_OUT)?;
        let fresh = pick("fresh", &mnist.test, HELD_OUT, FRESH)?;
        if fault == Fault::Leak {
            train = Split::new(
                "training",
                train.shape(),
                [train.images(), held_out.images()].concat(),
                [train.labels(), held_out.labels()].concat(),
                10,
            )?;
        }
        let preset = match fault {
            Fault::Loss => &WITH_SOFTMAX,
            _ => &RIGHT,
        };
        let network = Network {
            preset,
            source: DataSource::Mnist,
            subset: Subset::WHOLE,
        };
        let data = Dataset {
            train,
            test: held_out,
            normalization: match fault {
                Fault::Scale => AS_THEY_ARE,
                _ => mnist.normalization,
            },
            ..mnist
        };
        let trainer = Trainer::new(network, &data, &preset.defaults, seed, None, None)?;
        let weights = trainer.weights();
        let starting = Evaluator::new(network, &data, &data.train, &weights)?;
        let steps = trainer.steps_per_epoch() as u32;
        let mut run = Self {
            network,
            data,
            fresh,
            seed,
            stage: Stage::Starting(Box::new(starting)),
            weights,
            report: Report {
                fault,
                total: steps * EPOCHS + 3,
                ..Report::default()
            },
        };
        run.preprocess();
        run.build()?;
        Ok(run)
    }

    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Works for about `budget_millis`. Returns whether there is more to do.
    ///
    /// # Errors
    /// When the network does not fit, or the file cannot be written and read: faults of Glassbox itself.
    pub fn advance(&mut self, budget_millis: f64) -> Result<bool, LessonError> {
        let start = now_millis();
        loop {
            let more = self.piece()?;
            let spent = now_millis() - start;
            if !more || spent >= budget_millis {
                self.report.millis += spent;
                return Ok(more);
            }
        }
    }

    fn piece(&mut self) -> Result<bool, LessonError> {
        match &mut self.stage {
            Stage::Starting(evaluator) => {
                if let Some(measured) = evaluator.pass() {
                    self.start(&measured)?;
                }
            }
            Stage::Training(trainer) => {
                let told = trainer.step(None, None);
                let total = u64::from(self.report.total) - 3;
                let is_over = trainer.step_count() >= total;
                self.report.done += 1;
                let losses = &mut self.report.train.get_or_insert_default().losses;
                match told {
                    Ok(loss) => losses.push(loss),
                    Err(CompressError::NonFinite { .. }) => losses.push(f32::NAN),
                    Err(error) => return Err(error.into()),
                }
                let broke = losses.last().is_some_and(|loss| !loss.is_finite());
                if is_over || broke {
                    self.weights = trainer.weights();
                    self.trained()?;
                }
            }
            Stage::Evaluating(evaluator) => {
                if let Some(measured) = evaluator.pass() {
                    self.evaluated(&measured)?;
                }
            }
            Stage::Deploying(evaluator) => {
                if let Some(measured) = evaluator.pass() {
                    self.deployed(&measured)?;
                }
            }
            Stage::Done => {}
        }
        Ok(!matches!(self.stage, Stage::Done))
    }

    fn preprocess(&mut self) {
        let train = &self.data.train;
        let bytes = train.images();
        let count = bytes.len() as f64;
        let number = |&byte: &u8| self.data.normalization.apply(0, byte);
        let numbers = || bytes.iter().map(number);
        let mean = numbers().map(f64::from).sum::<f64>() / count;
        let square = |value: f32| (f64::from(value) - mean).powi(2);
        let deviation = (numbers().map(square).sum::<f64>() / count).sqrt();
        let mut classes = vec![0; 10];
        for &label in train.labels() {
            classes[label as usize] += 1;
        }
        let fewest = classes.iter().copied().min().unwrap_or(0);
        self.report.preprocess = Some(Preprocessed {
            training: train.count(),
            held_out: self.data.test.count(),
            fresh: self.fresh.count(),
            classes,
            bytes: [
                bytes.iter().copied().min().unwrap_or(0),
                bytes.iter().copied().max().unwrap_or(0),
            ],
            low: numbers().fold(f32::INFINITY, f32::min),
            high: numbers().fold(f32::NEG_INFINITY, f32::max),
            mean,
            deviation,
        });
        self.report
            .check(Rule::EveryClass, fewest.into(), 1.0, fewest >= 1);
    }

    fn build(&mut self) -> Result<(), LessonError> {
        let preset = self.network.preset;
        let shape = self.data.train.shape();
        let source = BatchSource::Images {
            samples: self.data.train.count() as usize,
            shape: [shape.channels, shape.height, shape.width].map(|size| size as usize),
            mean: self.data.normalization.mean.to_vec(),
            standard_deviation: self.data.normalization.standard_deviation.to_vec(),
            order_length: BATCH as usize,
            margin: None,
        };
        let hyper = preset.defaults;
        let update = hyper.optimizer.update(hyper.momentum, &hyper.options);
        let model = Model::build(&(preset.spec)(), &source, BATCH as usize, update)?;
        let layers = summarize(&model);
        let outputs = layers.last().and_then(|layer| layer.output_shape.last());
        let outputs = outputs.copied().unwrap_or(0);
        let classes = self.data.classes.len();
        self.report.graph = Some(Built {
            layers,
            batch: BATCH,
            parameters: model.parameter_count(),
        });
        let (measured, bound) = (outputs as f64, classes as f64);
        self.report
            .check(Rule::OneOutputPerClass, measured, bound, outputs == classes);
        Ok(())
    }

    fn start(&mut self, measured: &Measured) -> Result<(), LessonError> {
        let loss = f64::from(measured.loss);
        self.report.loss = Some(Started {
            loss,
            accuracy: measured.accuracy.into(),
        });
        let away = (loss - std::f64::consts::LN_10).abs();
        // What is not a number keeps no rule.
        self.report
            .check(Rule::StartsAtGuess, away, START_BOUND, away <= START_BOUND);
        self.report.done += 1;
        let defaults = &self.network.preset.defaults;
        let weights = Some(&self.weights[..]);
        let trainer = Trainer::new(self.network, &self.data, defaults, self.seed, weights, None)?;
        self.report.train = Some(Trained {
            losses: Vec::new(),
            epochs: EPOCHS,
            steps_per_epoch: trainer.steps_per_epoch() as u32,
            learning_rate: LEARNING_RATE,
            last_epoch: None,
        });
        self.stage = Stage::Training(Box::new(trainer));
        Ok(())
    }

    fn trained(&mut self) -> Result<(), LessonError> {
        let report = &mut self.report;
        report.done = report.total - 2;
        let before = report.loss.as_ref().map_or(f64::NAN, |before| before.loss);
        let trained = report.train.get_or_insert_default();
        let first =
            trained.losses.len() - (trained.steps_per_epoch as usize).min(trained.losses.len());
        let last = &trained.losses[first..];
        let mean = last.iter().copied().map(f64::from).sum::<f64>() / last.len() as f64;
        trained.last_epoch = Some(mean);
        let share = mean / before;
        report.check(Rule::LossFalls, share, FALL_BOUND, share <= FALL_BOUND);
        let evaluator = Evaluator::new(self.network, &self.data, &self.data.test, &self.weights)?;
        self.stage = Stage::Evaluating(Box::new(evaluator));
        Ok(())
    }

    fn evaluated(&mut self, measured: &Measured) -> Result<(), LessonError> {
        let (train, held_out) = (&self.data.train, &self.data.test);
        let known: HashSet<&[u8]> = (0..train.count()).map(|index| train.image(index)).collect();
        let shared = (0..held_out.count()).filter(|&index| known.contains(held_out.image(index)));
        let shared = shared.count() as u32;
        let most = (0..10).map(|class| {
            let labels = held_out.labels().iter();
            labels.filter(|&&label| label == class).count()
        });
        let samples = f64::from(measured.samples);
        let most_frequent = most.max().unwrap_or(0) as f64 / samples;
        let accuracy = f64::from(measured.right) / samples;
        self.report.evaluate = Some(Evaluated {
            loss: measured.loss.into(),
            accuracy,
            right: measured.right,
            samples: measured.samples,
            most_frequent,
            shared,
        });
        let chance = ERRORS_BOUND * (most_frequent * (1.0 - most_frequent) / samples).sqrt();
        let bound = most_frequent + chance;
        self.report
            .check(Rule::BeatsGuessing, accuracy, bound, accuracy > bound);
        self.report
            .check(Rule::NothingShared, shared.into(), 0.0, shared == 0);
        self.report.done += 1;
        let evaluator = Evaluator::new(self.network, &self.data, &self.fresh, &self.weights)?;
        self.stage = Stage::Deploying(Box::new(evaluator));
        Ok(())
    }

    /// Writes the network to a file, reads it back, and asks both about the same images.
    fn deployed(&mut self, fresh: &Measured) -> Result<(), LessonError> {
        let preset = self.network.preset;
        let checkpoint = Checkpoint {
            facts: RunFacts {
                preset: preset.id.into(),
                optimizer: preset.defaults.optimizer.name().into(),
                step: (self.report.total - 3).into(),
                seed: self.seed,
                batch: BATCH,
                learning_rate: LEARNING_RATE,
                momentum: preset.defaults.momentum,
                options: preset.defaults.options,
                vocabulary: None,
            },
            tensors: self.weights.clone(),
        };
        let file = checkpoint.to_bytes()?;
        let names = self.weights.iter();
        let names: Vec<_> = names
            .map(|tensor| (tensor.name.clone(), tensor.shape.clone()))
            .collect();
        let reloaded = Checkpoint::from_bytes(&file, preset.id, &names, &[])?;
        let asked = pick("asked", &self.fresh, 0, ASKED)?;
        let answers = |weights: &[NamedTensor]| {
            let evaluator = Evaluator::new(self.network, &self.data, &asked, weights)?;
            let bits = |logit: &f32| logit.to_bits();
            let logits: Vec<u32> = evaluator.measure().logits.iter().map(bits).collect();
            Ok::<Vec<u32>, LessonError>(logits)
        };
        let (kept, read) = (answers(&self.weights)?, answers(&reloaded.tensors)?);
        let width = kept.len() / ASKED as usize;
        let rows = kept.chunks(width).zip(read.chunks(width));
        let same = rows.filter(|(kept, read)| kept == read).count() as u32;
        let samples = f64::from(fresh.samples);
        let accuracy = f64::from(fresh.right) / samples;
        self.report.deploy = Some(Deployed {
            bytes: file.len() as u64,
            tensors: reloaded.tensors.len() as u32,
            asked: ASKED,
            same,
            fresh_accuracy: accuracy,
            fresh: fresh.samples,
        });
        self.report.check(
            Rule::SamePredictions,
            same.into(),
            ASKED.into(),
            same == ASKED,
        );
        let promised = self.report.evaluate.as_ref();
        let promised = promised.map_or(f64::NAN, |evaluated| evaluated.accuracy);
        // Standard error of the difference of two shares, pooled.
        let (first, second) = (f64::from(HELD_OUT), samples);
        let pooled = (promised * first + accuracy * second) / (first + second);
        let error = (pooled * (1.0 - pooled) * (1.0 / first + 1.0 / second)).sqrt();
        let (short, bound) = (promised - accuracy, ERRORS_BOUND * error);
        self.report
            .check(Rule::FreshAgrees, short, bound, short <= bound);
        self.report.done = self.report.total;
        self.stage = Stage::Done;
        Ok(())
    }
}

/// `count` samples of a split from number `first` on.
fn pick(who: &str, split: &Split, first: u32, count: u32) -> Result<Split, LessonError> {
    let (from, to) = (first as usize, (first + count) as usize);
    let values = split.shape().values();
    let labels = split.labels().get(from..to).unwrap_or_default().to_vec();
    let images = split.images().get(from * values..to * values);
    let images = images.unwrap_or_default().to_vec();
    Ok(Split::new(who, split.shape(), images, labels, 10)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(fault: Fault, seed: u64) -> Report {
        let bytes = files().map(|path| std::fs::read(format!("assets/data/{path}")).unwrap());
        let mut pipeline =
            Pipeline::new(fault, seed, bytes.each_ref().map(|file| &file[..])).unwrap();
        while pipeline.advance(20.0).unwrap() {}
        pipeline.report().clone()
    }

    fn red(report: &Report) -> Vec<Card> {
        let cards = Card::ALL.into_iter();
        let red = cards.filter(|&card| !report.holds(card).expect("every card has rules"));
        red.collect()
    }

    #[test]
    fn a_clean_run_keeps_every_rule_and_its_file_says_the_same() {
        for seed in [1, 2] {
            let report = run(Fault::None, seed);
            assert_eq!(red(&report), [], "{:?}", report.checks);
            let (preprocess, graph) = (report.preprocess.unwrap(), report.graph.unwrap());
            assert_eq!((preprocess.training, preprocess.bytes), (1000, [0, 255]));
            assert!(preprocess.mean.abs() < 0.1 && (preprocess.deviation - 1.0).abs() < 0.1);
            assert_eq!(graph.parameters, 784 * 32 + 32 + 32 * 10 + 10);
            let deploy = report.deploy.unwrap();
            assert_eq!((deploy.asked, deploy.same, deploy.tensors), (10, 10, 4));
            assert!(deploy.bytes > 4 * graph.parameters);
            assert!(report.evaluate.unwrap().accuracy > 0.8);
            assert_eq!((report.done, report.total), (303, 303));
            assert_eq!(report.train.unwrap().losses.len(), 300);
        }
    }

    #[test]
    fn raw_pixels_show_at_the_loss() {
        for seed in [1, 2] {
            let report = run(Fault::Scale, seed);
            assert_eq!(red(&report), [Card::Loss], "{:?}", report.checks);
            let preprocess = report.preprocess.unwrap();
            assert_eq!((preprocess.low, preprocess.high.round()), (0.0, 255.0));
            assert!(report.loss.unwrap().loss > 4.0);
        }
    }

    #[test]
    fn a_second_softmax_shows_in_training() {
        for seed in [1, 2] {
            let report = run(Fault::Loss, seed);
            assert_eq!(red(&report), [Card::Train], "{:?}", report.checks);
            // A softmax of probabilities cannot say more than e / (e + 9): the loss stays above ln(e + 9) − 1.
            let floor = (std::f64::consts::E + 9.0).ln() - 1.0;
            assert!(report.train.unwrap().last_epoch.unwrap() > floor - 1e-6);
        }
    }

    #[test]
    fn a_leak_shows_in_the_evaluation_and_on_fresh_images() {
        for seed in [1, 2] {
            let report = run(Fault::Leak, seed);
            assert_eq!(
                red(&report),
                [Card::Evaluate, Card::Deploy],
                "{:?}",
                report.checks
            );
            let evaluated = report.evaluate.unwrap();
            assert_eq!(evaluated.shared, 500);
            assert!(evaluated.accuracy > report.deploy.unwrap().fresh_accuracy + 0.05);
        }
    }

    #[test]
    fn broken_files_are_refused() {
        assert!(Pipeline::new(Fault::None, 1, [&[1, 2], &[], &[], &[]]).is_err());
    }
}
