//! `glassbox compress`

use super::arguments::{CompressArguments, TableArguments};
use super::lines::{CompressedPart, Line, Number, print};
use super::train::read_weights;
use super::{CliError, data, driver};
use crate::data::{Dataset, SampleSet};
use crate::export::Checkpoint;
use crate::lab::compress::{
    Budgeted, Command, Compress, CompressError, DistilSettings, Event, FineTune, MAX_TRIES,
    Network, Origin, Recipe, Stage, TrainSettings, Try, best_under,
};
use crate::session::FailureKind;
use indicatif::{ProgressBar, ProgressStyle};
use pollster::block_on;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Milliseconds of work between two looks at the events.
const BUDGET_MILLIS: f64 = 100.0;

/// Bits of a value that is not quantized, as they are typed.
const REAL_BITS: u32 = 32;

pub fn run(arguments: &CompressArguments) -> Result<(), CliError> {
    // All that was typed is checked before minutes of training.
    let recipes = recipes(arguments)?;
    let lesson = lesson(arguments)?;
    let source = Source::read(&arguments.source, arguments)?;
    if let Some(path) = &arguments.out {
        super::train::check_folder(path)?;
    }
    let mut bench = Bench::new(arguments, source.data()?);
    bench.carry_out(source.command)?;
    if let Some(lesson) = lesson {
        bench.carry_out(Command::Distil(lesson))?;
    }
    for recipe in recipes {
        bench.carry_out(Command::Try(recipe))?;
    }
    let chosen = bench.choose()?;
    match &arguments.out {
        Some(path) => bench.save(chosen, path),
        None => Ok(()),
    }
}

/// How a student is to be taught, where one is asked for.
fn lesson(arguments: &CompressArguments) -> Result<Option<DistilSettings>, CliError> {
    let Some(student) = arguments.distil else {
        return Ok(None);
    };
    let usual = Network::find(&format!("student-{}", student.name()))?.usual();
    let lesson = DistilSettings {
        student,
        lambda: arguments.lambda,
        temperature: arguments.temperature,
        epochs: arguments.distil_epochs.unwrap_or(usual.epochs),
        learning_rate: None,
        seed: arguments.seed,
    };
    lesson.check()?;
    Ok(Some(lesson))
}

/// In the words of `failed` lines.
pub fn kind_of(error: &CompressError) -> FailureKind {
    match error {
        CompressError::UnknownNetwork { .. } => FailureKind::UnknownPreset,
        CompressError::File(_) | CompressError::BadFile { .. } => FailureKind::BadFile,
        CompressError::NoData | CompressError::OtherData { .. } => FailureKind::MissingData,
        CompressError::NonFinite { .. } => FailureKind::NonFinite,
        CompressError::Internal { .. } => FailureKind::Internal,
        CompressError::NoBase
        | CompressError::NoStudent
        | CompressError::Busy
        | CompressError::UnknownTry { .. }
        | CompressError::TooManyTries { .. }
        | CompressError::TooManyBytes { .. } => FailureKind::BadCommand,
        _ => FailureKind::BadConfig,
    }
}

/// What is compressed.
struct Source {
    network: Network,
    command: Command,
}

impl Source {
    /// A file that `train --save` wrote, or a preset to train.
    fn read(name: &str, arguments: &CompressArguments) -> Result<Self, CliError> {
        let path = Path::new(name);
        if !path.exists() && crate::models::find(name).is_some() {
            let settings = TrainSettings {
                network: name.into(),
                epochs: arguments.epochs,
                learning_rate: arguments.lr,
                seed: arguments.seed,
            };
            settings.check()?;
            return Ok(Self {
                network: Network::find(name)?,
                command: Command::Train(settings),
            });
        }
        if path.extension().is_none() && !path.exists() {
            // Not a file: the message lists the presets.
            driver::find_preset(name)?;
        }
        let bytes = read_weights(path)?;
        let network = Network::find(&Checkpoint::read_facts(&bytes)?.preset)?;
        if arguments.epochs.is_some() || arguments.lr.is_some() {
            return Err(CliError::Usage(
                "--epochs and --lr say how a preset is trained; a file is trained already".into(),
            ));
        }
        Ok(Self {
            network,
            command: Command::LoadBase { bytes },
        })
    }

    fn data(&self) -> Result<Dataset, CliError> {
        match data::samples(self.network.preset, &TableArguments::default())? {
            Some(SampleSet::Images(images)) => Ok(images),
            _ => unreachable!("the network classifies images"),
        }
    }
}

/// Every sparsity with every number of bits; none where neither is given and nothing is fine-tuned.
fn recipes(arguments: &CompressArguments) -> Result<Vec<Recipe>, CliError> {
    let is_plain = arguments.sparsity.is_empty() && arguments.bits.is_empty();
    if is_plain && arguments.finetune.is_none() {
        return Ok(Vec::new());
    }
    if arguments.finetune.is_none() && (arguments.gradual || arguments.through_quantized) {
        return Err(CliError::Usage(
            "--gradual and --through-quantized say how --finetune EPOCHS trains".into(),
        ));
    }
    let or = |given: &[f64], usual: f64| match given {
        [] => vec![usual],
        given => given.to_vec(),
    };
    let bits: Vec<Option<u8>> = match &arguments.bits[..] {
        [] => vec![None],
        given => given
            .iter()
            .map(|&bits| match bits {
                REAL_BITS => None,
                // What is out of range is refused with its reason by the instrument.
                bits => Some(u8::try_from(bits).unwrap_or(u8::MAX)),
            })
            .collect(),
    };
    let fine_tune = arguments.finetune.map(|epochs| FineTune {
        epochs,
        gradual: arguments.gradual,
        through_quantized: arguments.through_quantized,
        learning_rate: arguments.finetune_lr,
        seed: arguments.seed,
    });
    let origin = match arguments.distil {
        Some(_) => Origin::Student,
        None => Origin::Base,
    };
    let mut recipes = Vec::new();
    for sparsity in or(&arguments.sparsity, 0.0) {
        for &bits in &bits {
            recipes.push(Recipe {
                origin,
                sparsity,
                scope: arguments.scope,
                bits,
                granularity: arguments.per,
                fine_tune,
            });
        }
    }
    for recipe in &recipes {
        check(recipe)?;
    }
    let count = recipes.len();
    // The network as trained is a try, and so is a student.
    let room = MAX_TRIES - 1 - usize::from(arguments.distil.is_some());
    if count > room {
        return Err(CliError::Usage(format!(
            "--sparsity and --bits: {count} tries are asked for, expected at most {room}"
        )));
    }
    if arguments.out.is_some() && arguments.budget.is_none() && count > 1 {
        return Err(CliError::Usage(format!(
            "--out: {count} tries are asked for; --budget BYTES chooses the best that fits"
        )));
    }
    Ok(recipes)
}

/// That a recipe can be tried. Where neither sparsity nor bits can be used, both are told.
fn check(recipe: &Recipe) -> Result<(), CliError> {
    let Err(first) = recipe.check() else {
        return Ok(());
    };
    let unpruned = Recipe {
        sparsity: 0.0,
        fine_tune: None,
        ..*recipe
    };
    match (&first, unpruned.check()) {
        (CompressError::BadSparsity { .. }, Err(second)) => {
            Err(CliError::Usage(format!("{first}; {second}")))
        }
        _ => Err(first.into()),
    }
}

/// The instrument with what it has made so far.
struct Bench<'a> {
    arguments: &'a CompressArguments,
    compress: Compress,
    tries: Vec<Try>,
}

impl<'a> Bench<'a> {
    fn new(arguments: &'a CompressArguments, data: Dataset) -> Self {
        let mut compress = Compress::new();
        compress.provide(Arc::new(data));
        Self {
            arguments,
            compress,
            tries: Vec::new(),
        }
    }

    /// Works until a command is done.
    fn carry_out(&mut self, command: Command) -> Result<(), CliError> {
        let mut events = Vec::new();
        block_on(
            self.compress
                .handle(command, &mut |event| events.push(event)),
        )?;
        let bar = ProgressBar::new(0);
        let template = "{msg:11} {bar:30} {pos}/{len}";
        bar.set_style(ProgressStyle::with_template(template).expect("the template is valid"));
        loop {
            let more = block_on(
                self.compress
                    .advance(BUDGET_MILLIS, &mut |event| events.push(event)),
            );
            for event in events.drain(..) {
                self.tell(event, &bar)?;
            }
            if !more? {
                bar.finish_and_clear();
                return Ok(());
            }
        }
    }

    fn tell(&mut self, event: Event, bar: &ProgressBar) -> Result<(), CliError> {
        match event {
            Event::Progress {
                stage, done, total, ..
            } => {
                bar.set_length(total);
                bar.set_position(done);
                bar.set_message(match stage {
                    Stage::Training => "training",
                    Stage::Teacher => "teacher",
                    Stage::Distilling => "distilling",
                    Stage::FineTuning => "fine-tuning",
                    Stage::Measuring => "measuring",
                });
                Ok(())
            }
            Event::Base(base) => {
                if self.arguments.json {
                    return Line::Base {
                        network: &base.network,
                        steps: base.steps,
                        parameters: base.parameters,
                        weights: base.weights,
                    }
                    .print();
                }
                print(&format!(
                    "{}: {} parameters, {} of them weights, after {} steps",
                    base.network, base.parameters, base.weights, base.steps
                ))
            }
            Event::Tried(tried) => {
                let told = self.tell_try(&tried);
                self.tries.push(*tried);
                told
            }
            _ => Ok(()),
        }
    }

    fn tell_try(&self, tried: &Try) -> Result<(), CliError> {
        let recipe = &tried.recipe;
        if self.arguments.json {
            return Line::Try {
                number: tried.number,
                network: &tried.network,
                sparsity: recipe.sparsity.into(),
                scope: recipe.scope.name(),
                bits: recipe.bits.map_or(REAL_BITS, u32::from),
                per: recipe.granularity.name(),
                fine_tune_steps: tried.steps,
                bytes: tried.bytes,
                accuracy: tried.accuracy.into(),
                choosing_accuracy: tried.halves.choosing.into(),
                reporting_accuracy: tried.halves.reporting.into(),
                loss: tried.loss.into(),
                weights: tried.weights,
                zeros: tried.zeros,
                threshold: tried.threshold.map(Number::from),
                parts: tried.parts.iter().map(CompressedPart::from).collect(),
            }
            .print();
        }
        if tried.number == 0 {
            print(" try  network       sparsity  bits     bytes  accuracy")?;
        }
        print(&format!(
            "{:>4}  {:<13} {:>8}  {:>4}  {:>8}  {:.4}",
            tried.number,
            tried.network,
            recipe.sparsity,
            recipe.bits.map_or(REAL_BITS, u32::from),
            tried.bytes,
            tried.accuracy
        ))
    }

    /// The try to save: the best that fits the budget, or the last.
    fn choose(&self) -> Result<&Try, CliError> {
        let last = self.tries.last().expect("the network as trained is a try");
        let Some(budget) = self.arguments.budget else {
            return Ok(last);
        };
        match best_under(&self.tries, budget) {
            Budgeted::Best(best) => {
                let best = &self.tries[best];
                if self.arguments.json {
                    Line::Best {
                        number: best.number,
                        budget,
                        bytes: best.bytes,
                        choosing_accuracy: best.halves.choosing.into(),
                        accuracy: best.halves.reporting.into(),
                    }
                    .print()?;
                } else {
                    print(&format!(
                        "best within {budget} bytes: try {}, {} bytes; chosen by its accuracy on one half of the held-out samples, {:.4}; on the other half {:.4}",
                        best.number, best.bytes, best.halves.choosing, best.halves.reporting
                    ))?;
                }
                Ok(best)
            }
            Budgeted::TooSmall { smallest } => Err(CliError::Budget { budget, smallest }),
            Budgeted::NoTries => unreachable!("the network as trained is a try"),
        }
    }

    fn save(&self, tried: &Try, path: &Path) -> Result<(), CliError> {
        let file = self.compress.file(tried.number)?;
        fs::write(path, file).map_err(|error| CliError::file(path, error))?;
        if self.arguments.json {
            return Line::CompressedSaved {
                path: &path.display().to_string(),
                number: tried.number,
                bytes: file.len() as u64,
            }
            .print();
        }
        print(&format!("{}: {} bytes", path.display(), file.len()))
    }
}
