//! `glassbox train`

use super::CliError;
use super::arguments::TrainArguments;
use super::driver::{Driver, RUN, Started, find_preset};
use super::lines::{Done, ForecastErrors, Line, Number, print};
use crate::export::{Checkpoint, MAX_FILE_BYTES, RunFacts};
use crate::models::{Hyperparameters, Preset};
use crate::optim::{OptimizerKind, OptionKey};
use crate::plot::{CurveOptions, CurveSet, Evaluation as PlottedEvaluation};
use crate::session::{
    BestFacts, Command, Event, ExecutionFigures, Failure, FailureKind, Forecast, Kept,
    ResolvedConfig, RunConfig, StepRecord,
};
use crate::train::Evaluation;
use crate::view::texts::Locale;
use indicatif::{ProgressBar, ProgressStyle};
use std::fs;
use std::path::Path;

/// Labels of PNG plots.
pub(super) const FONT: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans-subset.ttf");

/// Width and height of plots, and image pixels for each of a PNG's.
const PLOT_SIZE: (u32, u32) = (960, 640);
const PLOT_PIXEL_RATIO: u32 = 2;

/// Numbers that a series is continued by.
const FREE_RUN: u32 = 100;

/// Seed where none is given.
const SEED: u64 = 1;

/// A plot's file format.
#[derive(Clone, Copy)]
pub(super) enum PlotFormat {
    Svg,
    Png,
}

pub fn run(arguments: &TrainArguments) -> Result<(), CliError> {
    let preset = find_preset(&arguments.preset)?;
    let plot = arguments.plot.as_deref().map(plot_format).transpose()?;
    for path in [&arguments.plot, &arguments.save].into_iter().flatten() {
        check_folder(path)?;
    }
    let resumed = arguments.resume.as_deref().map(read_weights).transpose()?;
    let facts = resumed.as_deref().map(Checkpoint::read_facts).transpose()?;
    let defaults = defaults(arguments, preset)?;
    let config = configure(arguments, &defaults, facts.as_ref())?;
    let (mut driver, started) = Driver::start(preset, &arguments.table, config)?;
    check_effects(arguments, &started.config)?;

    let per_epoch = started.config.steps_per_epoch.max(1);
    let steps = match (arguments.steps, arguments.epochs) {
        (Some(steps), _) => steps,
        (None, epochs) => epochs
            .unwrap_or(defaults.epochs)
            .checked_mul(per_epoch)
            .ok_or_else(|| CliError::Usage("--epochs: too many steps to count".into()))?,
    };
    let mut report = Report::new(&started, steps, arguments.json);
    report.introduce()?;
    if let Some(bytes) = resumed {
        let load = Command::Load { run: RUN, bytes };
        driver.finish(load, &mut |event| report.take(event))?;
    }
    let command = Command::SetEvaluationInterval { run: RUN, steps: 0 };
    driver.send(command, &mut |event| report.take(event))?;
    let command = Command::StepBatches {
        run: RUN,
        count: steps,
    };
    let trained = driver.finish(command, &mut |event| report.take(event));
    report.bar.finish_and_clear();
    let trained = trained.map_err(|error| keep_last(arguments, &mut driver, &report, error));
    // The curve of a run that broke down is worth seeing most of all.
    if let (Some(format), Some(path)) = (plot, &arguments.plot) {
        write(path, &report.draw(format)?)?;
    }
    trained?;
    let is_measured = report.evaluated_at == report.step;
    // A forecast needs an evaluation of its own; where the last step was measured, it tells nothing new.
    let last = match preset.data.is_series() {
        true => Some(Command::WatchForecast {
            run: RUN,
            free_run: FREE_RUN,
        }),
        false if started.config.test_count > 0 && !is_measured => {
            Some(Command::Evaluate { run: RUN })
        }
        false => None,
    };
    if let Some(command) = last {
        driver.finish(command, &mut |event| report.take(event))?;
        if let (Some(format), Some(path)) = (plot, &arguments.plot) {
            write(path, &report.draw(format)?)?;
        }
    }
    if let Some(path) = &arguments.save {
        let best = report
            .best
            .filter(|_| started.config.options.patience.is_some());
        let command = match best {
            Some(_) => Command::SaveKept {
                run: RUN,
                which: Kept::Best,
            },
            None => Command::Save { run: RUN },
        };
        save(&mut driver, command, path)?;
        if let (Some(best), false) = (best, arguments.json) {
            let text = format!("{} holds step {}, the best one", path.display(), best.step);
            report.say(&text)?;
        }
    }
    report.conclude()
}

/// Held-out metrics in one line; what is 0/0 is "undefined".
fn in_words(evaluation: &Evaluation) -> String {
    let mut parts = vec![format!("loss {:.4}", evaluation.loss)];
    let percent = |value: f32| format!("{:.2} %", 100.0 * value);
    if let Some(accuracy) = evaluation.accuracy {
        parts.push(format!("accuracy {}", percent(accuracy)));
        if let Some(top) = evaluation.top_k {
            parts.push(format!("top {} {}", top.k, percent(top.share)));
        }
        if let Some(perplexity) = evaluation.perplexity {
            parts.push(format!("perplexity {perplexity:.2}"));
        } else {
            let f1 = evaluation.macro_f1;
            let f1 = f1.map_or_else(|| "undefined".into(), |f1| format!("{f1:.4}"));
            parts.push(format!("macro F1 {f1}"));
        }
    }
    for (name, value) in [("mse", evaluation.mse), ("mae", evaluation.mae)] {
        parts.extend(value.map(|value| format!("{name} {value:.6}")));
    }
    parts.join(", ")
}

/// Asks for a safetensors file and writes it.
fn save(driver: &mut Driver, command: Command, path: &Path) -> Result<(), CliError> {
    let mut saved = Vec::new();
    driver.send(command, &mut |event| {
        if let Event::Saved { bytes, .. } = event {
            saved = bytes;
        }
        Ok(())
    })?;
    write(path, &saved)
}

/// After training that broke: writes the last good checkpoint where `--save` says, and tells of it.
fn keep_last(
    arguments: &TrainArguments,
    driver: &mut Driver,
    report: &Report<'_>,
    error: CliError,
) -> CliError {
    let CliError::Engine(failure) = &error else {
        return error;
    };
    if failure.kind != FailureKind::NonFinite {
        return error;
    }
    let step = report.kept;
    let command = Command::SaveKept {
        run: RUN,
        which: Kept::Last,
    };
    let told = match &arguments.save {
        Some(path) => match save(driver, command, path) {
            Ok(()) => format!(
                "the last good checkpoint, of step {step}, is in {}: go on from it with --resume and \
                 a smaller --lr",
                path.display()
            ),
            Err(error) => format!("the last good checkpoint could not be written: {error}"),
        },
        None => {
            format!("with --save F the last good checkpoint, here of step {step}, would be in F")
        }
    };
    CliError::from(Failure {
        kind: failure.kind,
        message: format!("{}; {told}", failure.message),
        cause: None,
    })
}

/// That everything typed has an effect.
fn check_effects(arguments: &TrainArguments, config: &ResolvedConfig) -> Result<(), CliError> {
    let optimizer = config.optimizer;
    if arguments.momentum.is_some() && !optimizer.has_momentum() {
        return Err(CliError::Usage(format!(
            "--momentum belongs to --optimizer momentum and nesterov; this run has {}",
            optimizer.name()
        )));
    }
    let typed = arguments.options.options();
    for &key in OptionKey::ALL {
        if typed.text(key).is_some() && config.options.text(key).is_none() {
            return Err(CliError::Usage(format!(
                "--{} has no effect on a run with --optimizer {}, --schedule {} and --init {}",
                key.name(),
                optimizer.name(),
                config.options.schedule_kind().name(),
                config.options.init.unwrap_or_default().name()
            )));
        }
    }
    Ok(())
}

fn defaults(arguments: &TrainArguments, preset: &Preset) -> Result<Hyperparameters, CliError> {
    if !arguments.article {
        return Ok(preset.defaults);
    }
    preset.article.ok_or_else(|| {
        CliError::Usage(format!(
            "--article: {} has no settings of its own",
            preset.id
        ))
    })
}

/// What was typed, else what the file says, else the defaults.
fn configure(
    arguments: &TrainArguments,
    defaults: &Hyperparameters,
    facts: Option<&RunFacts>,
) -> Result<RunConfig, CliError> {
    let of_file = facts
        .map(|facts| {
            OptimizerKind::from_name(&facts.optimizer).ok_or_else(|| {
                CliError::Usage(format!(
                    "--resume: the file's optimizer is \"{}\", which this version does not have",
                    facts.optimizer
                ))
            })
        })
        .transpose()?;
    let seed = arguments.seed.or(facts.map(|facts| facts.seed));
    // Of a preset's defaults the session knows the batch that its data allow.
    let article = arguments.article.then_some(defaults);
    let learning_rate = facts.map(|facts| facts.learning_rate);
    let mut options_of_file = facts.map(|facts| facts.options).unwrap_or_default();
    if arguments
        .optimizer
        .is_some_and(|typed| Some(typed) != of_file)
    {
        for &key in OptionKey::ALL.iter().filter(|key| key.is_of_optimizer()) {
            options_of_file.clear(key);
        }
    }
    let article_options = article.map(|article| article.options).unwrap_or_default();
    let typed = arguments.options.options();
    Ok(RunConfig {
        preset: arguments.preset.clone(),
        device: arguments.device,
        seed: seed.unwrap_or(SEED),
        batch: arguments
            .batch
            .or(facts.map(|facts| facts.batch))
            .or(article.map(|article| article.batch)),
        learning_rate: arguments
            .lr
            .or(learning_rate)
            .or(article.map(|article| article.learning_rate)),
        optimizer: arguments
            .optimizer
            .or(of_file)
            .or(article.map(|article| article.optimizer)),
        momentum: arguments
            .momentum
            .or(facts.map(|facts| facts.momentum))
            .or(article.map(|article| article.momentum)),
        options: typed.or(&options_of_file).or(&article_options),
        steps: arguments.steps.map(u64::from),
        epochs: match arguments.steps {
            Some(_) => None,
            None => Some(arguments.epochs.unwrap_or(defaults.epochs).into()),
        },
        resumed_step: facts.map_or(0, |facts| facts.step),
    })
}

pub(super) fn plot_format(path: &Path) -> Result<PlotFormat, CliError> {
    let ending = path.extension().and_then(|ending| ending.to_str());
    match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("svg") => Ok(PlotFormat::Svg),
        Some("png") => Ok(PlotFormat::Png),
        _ => Err(CliError::Usage(format!(
            "--plot: {} ends neither in .svg nor in .png",
            path.display()
        ))),
    }
}

/// Before training for minutes: whether there will be a place for the results.
pub(super) fn check_folder(path: &Path) -> Result<(), CliError> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    if path.is_dir() || folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(CliError::file(path, "cannot be written: no such folder"));
    }
    Ok(())
}

/// Reads a weights file of at most [`MAX_FILE_BYTES`].
pub fn read_weights(path: &Path) -> Result<Vec<u8>, CliError> {
    super::picture::read_file(path, MAX_FILE_BYTES as u64)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    fs::write(path, bytes).map_err(|error| CliError::file(path, error))
}

/// Tells what a run does, and remembers what the end needs.
struct Report<'a> {
    started: &'a Started,
    json: bool,
    bar: ProgressBar,
    curves: CurveSet,
    /// The last step, of the whole run.
    step: u64,
    evaluated_at: u64,
    /// Trained by this command.
    steps: u64,
    samples: u64,
    millis: f64,
    figures: ExecutionFigures,
    /// Of the last step.
    learning_rate: f32,
    /// Step of the last good checkpoint that the session keeps.
    kept: u64,
    best: Option<BestFacts>,
    /// Of the last forecast of a series.
    free_run_mse: Option<f32>,
}

impl<'a> Report<'a> {
    fn new(started: &'a Started, steps: u32, json: bool) -> Self {
        let bar = ProgressBar::new(steps.into());
        let template = "{bar:30} {pos}/{len} steps, {per_sec}, {eta} left, {msg}";
        bar.set_style(ProgressStyle::with_template(template).expect("the template is valid"));
        Self {
            started,
            json,
            bar,
            curves: CurveSet::new(),
            step: 0,
            evaluated_at: 0,
            steps: 0,
            samples: 0,
            millis: 0.0,
            figures: ExecutionFigures::default(),
            learning_rate: started.config.learning_rate,
            kept: 0,
            best: None,
            free_run_mse: None,
        }
    }

    fn say(&self, text: &str) -> Result<(), CliError> {
        self.bar.suspend(|| print(text))
    }

    fn introduce(&self) -> Result<(), CliError> {
        if self.json {
            return Ok(());
        }
        let (config, model) = (&self.started.config, &self.started.model);
        self.say(&format!(
            "{}: {} parameters; {} training and {} test samples; batch {}, {} at {}, {} schedule, \
             seed {}; on {}",
            model.preset,
            model.parameters,
            config.train_count,
            config.test_count,
            config.batch,
            config.optimizer.name(),
            config.learning_rate,
            config.options.schedule_kind().name(),
            config.seed,
            self.started.adapter()
        ))
    }

    fn take(&mut self, event: Event) -> Result<(), CliError> {
        match event {
            Event::Steps {
                records, figures, ..
            } => {
                self.figures = figures;
                records.iter().try_for_each(|record| self.take_step(record))
            }
            Event::Evaluated {
                step, evaluation, ..
            } => self.take_evaluation(step, &evaluation),
            Event::Forecast { step, forecast, .. } => self.take_forecast(step, &forecast),
            Event::Loaded { step, .. } => {
                self.step = step;
                Ok(())
            }
            Event::Kept { last, best, .. } => {
                (self.kept, self.best) = (last, best);
                Ok(())
            }
            Event::StoppedEarly { step, best, .. } => self.take_early_stop(step, best),
            _ => Ok(()),
        }
    }

    fn take_step(&mut self, record: &StepRecord) -> Result<(), CliError> {
        self.step = record.step;
        self.steps += 1;
        self.samples += u64::from(self.started.samples_of(record.step));
        self.millis += f64::from(record.step_millis);
        self.curves.push(record.step, record.loss);
        self.bar.set_position(self.steps);
        let (loss, rate) = (record.loss, record.learning_rate);
        self.bar
            .set_message(format!("loss {loss:.4}, learning rate {rate:.3e}"));
        self.learning_rate = rate;
        if self.json {
            Line::step(record).print()?;
        }
        Ok(())
    }

    fn take_evaluation(&mut self, step: u64, evaluation: &Evaluation) -> Result<(), CliError> {
        if self.evaluated_at == step {
            return Ok(());
        }
        self.evaluated_at = step;
        self.curves.push_evaluation(PlottedEvaluation {
            step,
            loss: evaluation.loss,
            accuracy: evaluation.accuracy,
        });
        if self.json {
            return Line::evaluation(step, evaluation).print();
        }
        let epoch = step as f64 / f64::from(self.started.config.steps_per_epoch.max(1));
        self.say(&format!(
            "epoch {epoch:.2}, step {step}: test {}, learning rate {:.3e}",
            in_words(evaluation),
            self.learning_rate
        ))
    }

    fn take_forecast(&mut self, step: u64, forecast: &Forecast) -> Result<(), CliError> {
        self.free_run_mse = Some(forecast.free_run_mse);
        if self.json {
            return Line::Forecast(ForecastErrors::of(step, forecast)).print();
        }
        self.say(&format!(
            "step {step}: one step ahead mse {:.3e} (repeating the last number {:.3e}); {} steps running free \
             mse {:.3e} (repeating {:.3e})",
            forecast.one_step_mse,
            forecast.repeat_mse,
            forecast.free_run.len(),
            forecast.free_run_mse,
            forecast.repeat_free_run_mse
        ))
    }

    fn take_early_stop(&self, step: u64, best: BestFacts) -> Result<(), CliError> {
        self.bar.abandon();
        if self.json {
            return Line::StoppedEarly {
                step,
                best_step: best.step,
                best_loss: best.loss.into(),
                best_accuracy: best.accuracy.map(Number::from),
            }
            .print();
        }
        self.say(&format!(
            "stopped early at step {step}: the best was step {}, test loss {:.4}{}",
            best.step,
            best.loss,
            best.accuracy.map_or_else(String::new, |accuracy| {
                format!(", accuracy {:.2} %", 100.0 * accuracy)
            })
        ))
    }

    fn draw(&self, format: PlotFormat) -> Result<Vec<u8>, CliError> {
        let mut options = CurveOptions::new(PLOT_SIZE.0, PLOT_SIZE.1, Locale::English);
        options.show_accuracy =
            self.started.config.test_count > 0 && !self.started.model.classes.is_empty();
        Ok(match format {
            PlotFormat::Svg => self.curves.figure(&options)?.svg.into_bytes(),
            PlotFormat::Png => self.curves.png(&options, FONT, PLOT_PIXEL_RATIO)?,
        })
    }

    fn conclude(&self) -> Result<(), CliError> {
        let rate = self.samples as f64 / self.millis.max(f64::MIN_POSITIVE) * 1e3;
        if self.json {
            let mut done = Done::new(self.started, self.steps, rate, &self.figures);
            done.free_run_mse = self.free_run_mse.map(Number::from);
            return Line::Done(done).print();
        }
        let loss = self.curves.last().map_or(f32::NAN, |(_, loss)| loss);
        self.say(&format!(
            "{} steps, last loss {loss:.6}; {rate:.0} samples/s on {}",
            self.steps,
            self.started.adapter()
        ))
    }
}
