//! [`Compress`]: carries out commands, on the CPU executor.

use super::job::{Goal, Gradual, Job, Lesson, Outcome, Subject, Tuning, Work};
use super::network::{is_weight, sized_network};
use super::prune::check_sparsity;
use super::quantize::levels;
use super::{
    BaseFacts, Command, CompressError, CompressedModel, DistilSettings, Evaluator, Event, FineTune,
    Histogram, Loaded, Masks, Measured, Network, Origin, Recipe, Sized, Stage, TrainSettings,
    Trainer, Try,
};
use crate::data::{DataSource, Dataset, Split, Subset};
use crate::export::{Checkpoint, NamedTensor};
use crate::models::Hyperparameters;
use crate::optim::MAX_LEARNING_RATE;
use crate::platform::now_millis;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Most epochs of a training.
const MAX_EPOCHS: u32 = 100;

/// Temperatures of distillation: below the lowest the teacher's answers are 0 and 1 even where its logits differ by
/// little, and logits over T soon exceed float32; beyond the highest all classes are as good as alike.
const TEMPERATURES: RangeInclusive<f32> = 0.05..=100.0;

/// Tries that are kept with their files.
pub const MAX_TRIES: usize = 200;

/// Bytes of all files that are kept.
const MAX_BYTES: u64 = 512 << 20;

type Emit<'a> = &'a mut dyn FnMut(Event);

/// A network with its weights.
struct Trained {
    network: Network,
    weights: Vec<NamedTensor>,
    /// How it was taught, if it is a student.
    distilled: Option<DistilSettings>,
}

/// A try with its file.
struct Kept {
    facts: Try,
    file: Vec<u8>,
    /// For all held-out samples.
    logits: Vec<f32>,
}

/// The instrument: a trained network, a student, and what was tried with them.
pub struct Compress {
    data: Option<Arc<Dataset>>,
    base: Option<Trained>,
    facts: Option<BaseFacts>,
    student: Option<Trained>,
    /// The first is the network as trained.
    tries: Vec<Kept>,
    /// That the files of all tries may take.
    pub(super) most_bytes: u64,
    job: Option<Job>,
}

impl Default for Compress {
    fn default() -> Self {
        Self {
            data: None,
            base: None,
            facts: None,
            student: None,
            tries: Vec::new(),
            most_bytes: MAX_BYTES,
            job: None,
        }
    }
}

fn check_epochs(epochs: u32) -> Result<u32, CompressError> {
    if (1..=MAX_EPOCHS).contains(&epochs) {
        return Ok(epochs);
    }
    let most = MAX_EPOCHS;
    Err(CompressError::BadEpochs { epochs, most })
}

/// How a network is trained, with a learning rate of its own if one is given.
fn settings_of(
    network: Network,
    learning_rate: Option<f32>,
) -> Result<Hyperparameters, CompressError> {
    let usual = network.usual();
    Ok(Hyperparameters {
        learning_rate: check_rate(learning_rate.unwrap_or(usual.learning_rate))?,
        ..usual
    })
}

fn check_rate(learning_rate: f32) -> Result<f32, CompressError> {
    let most = MAX_LEARNING_RATE;
    if learning_rate > 0.0 && learning_rate <= most {
        return Ok(learning_rate);
    }
    Err(CompressError::BadLearningRate {
        learning_rate,
        most,
    })
}

impl TrainSettings {
    /// That everything can be used, to be said before anything is done.
    ///
    /// # Errors
    /// For the first setting that cannot.
    pub fn check(&self) -> Result<(), CompressError> {
        Network::find(&self.network)?;
        self.learning_rate.map(check_rate).transpose()?;
        self.epochs.map(check_epochs).transpose()?;
        Ok(())
    }
}

impl DistilSettings {
    /// That everything lies in its range, to be said before anything is done.
    ///
    /// # Errors
    /// For the first setting that does not.
    pub fn check(&self) -> Result<(), CompressError> {
        check_epochs(self.epochs)?;
        self.learning_rate.map(check_rate).transpose()?;
        let lambda = self.lambda;
        if !(0.0..=1.0).contains(&lambda) {
            return Err(CompressError::BadLambda { lambda });
        }
        let temperature = self.temperature;
        if !TEMPERATURES.contains(&temperature) {
            return Err(CompressError::BadTemperature {
                temperature,
                least: *TEMPERATURES.start(),
                most: *TEMPERATURES.end(),
            });
        }
        Ok(())
    }
}

impl Recipe {
    /// That everything lies in its range, for the page and the command line to say so before anything is done.
    ///
    /// # Errors
    /// For the first setting that does not.
    pub fn check(&self) -> Result<(), CompressError> {
        check_sparsity(self.sparsity)?;
        self.bits.map(levels).transpose()?;
        if let Some(fine_tune) = self.fine_tune {
            check_epochs(fine_tune.epochs)?;
            fine_tune.learning_rate.map(check_rate).transpose()?;
            if fine_tune.gradual && self.sparsity == 0.0 {
                return Err(CompressError::NothingToPrune);
            }
            if fine_tune.through_quantized && self.bits.is_none() {
                return Err(CompressError::NothingToQuantize);
            }
        }
        Ok(())
    }
}

impl Compress {
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the samples to learn from and to measure with.
    pub fn provide(&mut self, data: Arc<Dataset>) {
        self.data = Some(data);
    }

    pub fn has_data(&self) -> bool {
        self.data.is_some()
    }

    /// Whether [`Compress::advance`] has something to do.
    pub fn is_working(&self) -> bool {
        self.job.is_some()
    }

    /// Ends what is under way.
    pub fn stop(&mut self) {
        self.job = None;
    }

    /// Files of the digits that a command needs, as long as there are no digits.
    pub fn missing_files(&self, command: &Command) -> Vec<&'static str> {
        let needs_data = matches!(
            command,
            Command::Train(_)
                | Command::LoadBase { .. }
                | Command::Load { .. }
                | Command::Sizes { .. }
        );
        if !needs_data || self.has_data() {
            return Vec::new();
        }
        let files = DataSource::Mnist.page_files().iter();
        files.map(|file| file.path).collect()
    }

    /// As [`Compress::handle`], with the digits from `files` where there are none yet; what is refused is told as
    /// [`Event::Refused`].
    pub async fn handle_or_tell(
        &mut self,
        command: Command,
        files: &BTreeMap<String, Vec<u8>>,
        emit: Emit<'_>,
    ) {
        if !self.missing_files(&command).is_empty() {
            match DataSource::Mnist.assemble(files) {
                Ok(whole) => self.provide(Arc::new(whole.choose(Subset::THOUSAND_OF_EACH))),
                Err(error) => return emit(Event::Refused(error.into())),
            }
        }
        if let Err(error) = self.handle(command, emit).await {
            emit(Event::Refused(error));
        }
    }

    /// As [`Compress::advance`]; what ends the work is told as [`Event::Refused`].
    pub async fn advance_or_tell(&mut self, budget_millis: f64, emit: Emit<'_>) -> bool {
        match self.advance(budget_millis, emit).await {
            Ok(more) => more,
            Err(error) => {
                emit(Event::Refused(error));
                false
            }
        }
    }

    /// The compressed file of a try.
    ///
    /// # Errors
    /// When there is no such try.
    pub fn file(&self, number: u32) -> Result<&[u8], CompressError> {
        let kept = self.tries.get(number as usize);
        Ok(&kept.ok_or(CompressError::UnknownTry { number })?.file)
    }

    /// Begins what is asked; [`Compress::advance`] does it.
    ///
    /// # Errors
    /// When it is refused; everything is as it was.
    pub async fn handle(&mut self, command: Command, emit: Emit<'_>) -> Result<(), CompressError> {
        match command {
            Command::Cancel => {
                self.job = None;
                emit(Event::Cancelled);
                return Ok(());
            }
            Command::Save { number } => {
                let bytes = self.file(number)?.to_vec();
                emit(Event::Saved { number, bytes });
                return Ok(());
            }
            _ if self.job.is_some() => return Err(CompressError::Busy),
            Command::Clear => {
                self.tries.truncate(1);
                emit(Event::Cleared);
            }
            Command::Recall => {
                self.facts
                    .iter()
                    .cloned()
                    .for_each(|facts| emit(Event::Base(facts)));
                for kept in &self.tries {
                    emit(Event::Tried(Box::new(kept.facts.clone())));
                }
            }
            Command::Sizes { seed } => self.job = Some(self.size(0, seed)?),
            Command::Train(settings) => self.job = Some(self.train(&settings)?),
            Command::LoadBase { bytes } => self.job = Some(self.load_base(&bytes)?),
            Command::Try(recipe) => self.job = Some(self.compress(recipe)?),
            Command::Distil(settings) => self.job = Some(self.distil(settings)?),
            Command::Load { bytes } => {
                let model = CompressedModel::decode(&bytes)?;
                let data = self.data_of(model.network)?;
                let subject = Subject {
                    model,
                    threshold: None,
                    steps: 0,
                };
                self.job = Some(Job {
                    goal: Goal::Load(bytes.len() as u64),
                    network: subject.model.network,
                    before: Vec::new(),
                    work: measuring(&data, &data.test, subject)?,
                });
            }
        }
        Ok(())
    }

    /// Works for about `budget_millis`; true while there is more to do.
    ///
    /// # Errors
    /// When the work cannot go on; it has ended then, and what was there before still is.
    pub async fn advance(
        &mut self,
        budget_millis: f64,
        emit: Emit<'_>,
    ) -> Result<bool, CompressError> {
        let deadline = now_millis() + budget_millis;
        let Some(mut job) = self.job.take() else {
            return Ok(false);
        };
        loop {
            match job.work()? {
                Outcome::Working => {}
                Outcome::Trained {
                    weights,
                    threshold,
                    steps,
                } => {
                    report(&mut job, emit);
                    job.work = self.trained(
                        &mut job.before,
                        &job.goal,
                        job.network,
                        weights,
                        threshold,
                        steps,
                    )?;
                }
                Outcome::Measured(subject, measured) => {
                    report(&mut job, emit);
                    let next = match job.goal {
                        Goal::Size(number, _, seed) => Some((number + 1, seed)),
                        _ => None,
                    };
                    self.conclude(job, *subject, measured, emit);
                    let next = next.filter(|&(number, _)| sized_network(number).is_some());
                    self.job = next
                        .map(|(number, seed)| self.size(number, seed))
                        .transpose()?;
                    return Ok(self.job.is_some());
                }
            }
            if now_millis() >= deadline {
                report(&mut job, emit);
                self.job = Some(job);
                return Ok(true);
            }
        }
    }

    /// The samples that a network learns from.
    fn data_of(&self, network: Network) -> Result<Arc<Dataset>, CompressError> {
        let data = self.data.as_ref().ok_or(CompressError::NoData)?;
        let learns_from = network.source.name();
        if data.name != learns_from {
            return Err(CompressError::OtherData {
                actual: network.id().into(),
                learns_from: learns_from.into(),
                expected: data.name.into(),
            });
        }
        Ok(Arc::clone(data))
    }

    fn train(&self, settings: &TrainSettings) -> Result<Job, CompressError> {
        let network = Network::find(&settings.network)?;
        let data = self.data_of(network)?;
        let hyper = settings_of(network, settings.learning_rate)?;
        let epochs = check_epochs(settings.epochs.unwrap_or(hyper.epochs))?;
        let trainer = Trainer::new(network, &data, &hyper, settings.seed, None, None)?;
        Ok(Job {
            goal: Goal::Base,
            network,
            before: Vec::new(),
            work: Work::Tuning(Box::new(Tuning::new(trainer, epochs, Stage::Training))),
        })
    }

    /// Network number `number` of exercise X15.
    fn size(&self, number: usize, seed: u64) -> Result<Job, CompressError> {
        let (network, width) = sized_network(number).expect("a number of the list");
        let data = self.data_of(network)?;
        let trainer = Trainer::new(network, &data, &network.usual(), seed, None, None)?;
        Ok(Job {
            goal: Goal::Size(number, width, seed),
            network,
            before: Vec::new(),
            work: Work::Tuning(Box::new(Tuning::new(trainer, 1, Stage::Training))),
        })
    }

    fn load_base(&self, bytes: &[u8]) -> Result<Job, CompressError> {
        let facts = Checkpoint::read_facts(bytes)?;
        let network = Network::find(&facts.preset)?;
        let file = Checkpoint::from_bytes(bytes, network.id(), &network.tensors()?, &[])?;
        let work = self.trained(
            &mut Vec::new(),
            &Goal::Base,
            network,
            file.tensors.clone(),
            None,
            facts.step,
        )?;
        Ok(Job {
            goal: Goal::Base,
            network,
            before: file.tensors,
            work,
        })
    }

    fn origin(&self, origin: Origin) -> Result<&Trained, CompressError> {
        match origin {
            Origin::Base => self.base.as_ref().ok_or(CompressError::NoBase),
            Origin::Student => self.student.as_ref().ok_or(CompressError::NoStudent),
        }
    }

    /// That one more try can be kept, of a network whose file is longest where all values are floats.
    fn check_room(&self, network: Network) -> Result<(), CompressError> {
        if self.tries.len() >= MAX_TRIES {
            return Err(CompressError::TooManyTries {
                limit: MAX_TRIES as u32,
            });
        }
        let kept = self.tries.iter().map(|kept| kept.file.len() as u64);
        let parameters = network
            .tensors()?
            .iter()
            .map(|(_, shape)| shape.count() as u64)
            .sum::<u64>();
        let bytes = kept.sum::<u64>() + 4 * parameters;
        let limit = self.most_bytes;
        if bytes > limit {
            return Err(CompressError::TooManyBytes { bytes, limit });
        }
        Ok(())
    }

    fn compress(&self, recipe: Recipe) -> Result<Job, CompressError> {
        recipe.check()?;
        let &Trained {
            network,
            ref weights,
            ..
        } = self.origin(recipe.origin)?;
        self.check_room(network)?;
        let data = self.data_of(network)?;
        let mut before = weights.clone();
        let goal = Goal::Try(recipe);
        let work = match recipe.fine_tune {
            Some(fine_tune) => {
                let tuning = fine_tuning(network, &data, weights, recipe, fine_tune)?;
                Work::Tuning(Box::new(tuning))
            }
            None => {
                let masks = Masks::new(weights, recipe.sparsity, recipe.scope)?;
                let mut pruned = weights.clone();
                masks.apply(&mut pruned);
                self.trained(&mut before, &goal, network, pruned, masks.threshold, 0)?
            }
        };
        Ok(Job {
            goal,
            network,
            before,
            work,
        })
    }

    fn distil(&self, settings: DistilSettings) -> Result<Job, CompressError> {
        let base = self.base.as_ref().ok_or(CompressError::NoBase)?;
        settings.check()?;
        let network = Network::of(settings.student.preset()).expect("students read images");
        self.check_room(network)?;
        // The student learns from what the teacher has learned from.
        let data = self.data_of(network)?;
        let hyperparameters = settings_of(network, settings.learning_rate)?;
        Ok(Job {
            goal: Goal::Student(settings),
            network,
            before: Vec::new(),
            work: Work::Asking {
                evaluator: Evaluator::new(base.network, &data, &data.train, &base.weights)?,
                lesson: Box::new(Lesson {
                    data,
                    hyperparameters,
                    settings,
                }),
            },
        })
    }

    /// What follows on training: quantization, and measuring what the file will hold.
    fn trained(
        &self,
        before: &mut Vec<NamedTensor>,
        goal: &Goal,
        network: Network,
        weights: Vec<NamedTensor>,
        threshold: Option<f32>,
        steps: u64,
    ) -> Result<Work, CompressError> {
        let recipe = match goal {
            Goal::Try(recipe) => *recipe,
            _ => Recipe::default(),
        };
        let model = CompressedModel::new(network, &weights, recipe.bits, recipe.granularity)?;
        if before.is_empty() {
            *before = weights;
        }
        let subject = Subject {
            model,
            threshold,
            steps,
        };
        let data = self.data_of(network)?;
        let split = match goal {
            // The formula's L(M, D) is that of the samples that were learned from.
            Goal::Size(..) => &data.train,
            _ => &data.test,
        };
        measuring(&data, split, subject)
    }

    /// Keeps what was made, and tells of it.
    fn conclude(&mut self, job: Job, subject: Subject, measured: Measured, emit: Emit<'_>) {
        let network = job.network;
        let after = subject.model.weights();
        let (weights, zeros) = count_weights(&after);
        if let Goal::Load(bytes) = job.goal {
            let same = |kept: &&Kept| {
                let bits = |logits: &[f32]| logits.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                kept.facts.network == network.id() && bits(&kept.logits) == bits(&measured.logits)
            };
            emit(Event::Loaded(Loaded {
                network: network.id().into(),
                bytes,
                accuracy: measured.accuracy,
                loss: measured.loss,
                weights,
                zeros,
                same_as: self.tries.iter().find(same).map(|kept| kept.facts.number),
                samples: measured.samples,
            }));
            return;
        }
        if let Goal::Size(number, width, _) = job.goal {
            let is_last = sized_network(number + 1).is_none();
            emit(Event::Sized(Sized {
                width,
                bytes: subject.model.encode().0.len() as u64,
                loss: measured.loss,
                is_last,
            }));
            return;
        }
        let trained = |distilled| Trained {
            network,
            weights: job.before.clone(),
            distilled,
        };
        let mut recipe = Recipe::default();
        let mut distilled = None;
        match job.goal {
            Goal::Base => {
                self.base = Some(trained(None));
                self.student = None;
                self.tries.clear();
                let facts = BaseFacts {
                    network: network.id().into(),
                    steps: subject.steps,
                    parameters: job.before.iter().map(|t| t.values.len() as u64).sum(),
                    weights,
                };
                self.facts = Some(facts.clone());
                emit(Event::Base(facts));
            }
            Goal::Student(settings) => {
                self.student = Some(trained(Some(settings)));
                recipe.origin = Origin::Student;
                distilled = Some(settings);
            }
            Goal::Try(own) => {
                recipe = own;
                if own.origin == Origin::Student {
                    distilled = self.student.as_ref().and_then(|student| student.distilled);
                }
            }
            Goal::Load(_) | Goal::Size(..) => unreachable!("answered above"),
        }
        let (file, parts) = subject.model.encode();
        let before = Histogram::new(&job.before, None);
        let facts = Try {
            number: self.tries.len() as u32,
            network: network.id().into(),
            recipe,
            distilled,
            bytes: file.len() as u64,
            accuracy: measured.accuracy,
            halves: measured.halves,
            loss: measured.loss,
            weights,
            zeros,
            threshold: subject.threshold,
            parts,
            after: Histogram::new(&after, Some(before.largest)),
            before,
            steps: subject.steps,
        };
        emit(Event::Tried(Box::new(facts.clone())));
        self.tries.push(Kept {
            facts,
            file,
            logits: measured.logits,
        });
    }
}

fn report(job: &mut Job, emit: Emit<'_>) {
    let (stage, done, total, loss) = job.progress();
    emit(Event::Progress {
        stage,
        done,
        total,
        loss,
    });
}

/// Measures what a file holds, not what it was made of.
fn measuring(data: &Dataset, split: &Split, subject: Subject) -> Result<Work, CompressError> {
    let weights = subject.model.weights();
    let evaluator = Evaluator::new(subject.model.network, data, split, &weights)?;
    Ok(Work::Measuring {
        evaluator,
        subject: Box::new(subject),
    })
}

/// Weights, biases left out, and how many of them are 0.
fn count_weights(tensors: &[NamedTensor]) -> (u64, u64) {
    let tensors = || tensors.iter().filter(|tensor| is_weight(tensor));
    let weights = tensors().map(|tensor| tensor.values.len()).sum::<usize>();
    let zeros = tensors().flat_map(|tensor| tensor.values.iter().filter(|v| **v == 0.0));
    (weights as u64, zeros.count() as u64)
}

/// Training of what a recipe leaves.
fn fine_tuning(
    network: Network,
    data: &Dataset,
    weights: &[NamedTensor],
    recipe: Recipe,
    fine_tune: FineTune,
) -> Result<Tuning, CompressError> {
    let hyper = settings_of(network, fine_tune.learning_rate)?;
    let seed = fine_tune.seed;
    let trainer = Trainer::new(network, data, &hyper, seed, Some(weights), None)?;
    let mut tuning = Tuning::new(trainer, fine_tune.epochs, Stage::FineTuning);
    if fine_tune.gradual {
        tuning.gradual = Some(Gradual { recipe, done: 0 });
    } else if recipe.sparsity > 0.0 {
        let masks = Masks::new(weights, recipe.sparsity, recipe.scope)?;
        tuning.trainer.mask(&masks);
        tuning.masks = Some(masks);
    }
    if fine_tune.through_quantized {
        tuning.rounding = recipe.bits.map(|bits| (bits, recipe.granularity));
    }
    Ok(tuning)
}
