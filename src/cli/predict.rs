//! `glassbox predict`

use super::CliError;
use super::arguments::{PredictArguments, TableArguments};
use super::driver::{Driver, RUN, find_preset};
use super::lines::{Line, Number, print};
use super::picture::{self, Picture};
use super::train::read_weights;
use crate::data::ImageShape;
use crate::export::Checkpoint;
use crate::lab::compress::{CompressedModel, MAGIC, class_probabilities};
use crate::models::PresetData;
use crate::session::{Command, DevicePreference, Event, RunConfig};
use crate::train::evaluation::arg_max;

/// Length of the bar of a probability of 1.
const BAR: f32 = 40.0;

pub fn run(arguments: &PredictArguments) -> Result<(), CliError> {
    let bytes = read_weights(&arguments.weights)?;
    if bytes.starts_with(&MAGIC) {
        return run_compressed(arguments, &bytes);
    }
    let facts = Checkpoint::read_facts(&bytes)?;
    let preset = find_preset(&facts.preset)?;
    let PresetData::Images { source, .. } = preset.data else {
        return Err(CliError::Usage(format!("{} reads no images", preset.id)));
    };
    let picture = picture::read(&arguments.image, arguments.index, source.shape())?;
    describe(&picture, source.shape());
    let config = RunConfig {
        preset: preset.id.into(),
        device: arguments.device,
        seed: facts.seed,
        batch: Some(1),
        ..RunConfig::default()
    };
    let (mut driver, started) = Driver::start(preset, &TableArguments::default(), config)?;
    let mut probabilities = Vec::new();
    let mut take = |event| {
        if let Event::Prediction {
            probabilities: predicted,
            ..
        } = event
        {
            probabilities = predicted;
        }
        Ok(())
    };
    driver.send(Command::Load { run: RUN, bytes }, &mut take)?;
    let Picture {
        pixels,
        is_inverted,
        is_centred,
    } = picture;
    driver.send(Command::Predict { run: RUN, pixels }, &mut take)?;

    let classes = started.model.classes.iter();
    let told = Told {
        classes: classes.map(|(name, _)| &name[..]).collect(),
        probabilities,
        network: preset.id,
        step: Some(facts.step),
        is_inverted,
        is_centred,
    };
    told.print(arguments.json)
}

/// By a network that `compress --out` wrote, on the CPU.
fn run_compressed(arguments: &PredictArguments, bytes: &[u8]) -> Result<(), CliError> {
    if arguments.device == DevicePreference::Gpu {
        return Err(CliError::Usage(
            "--device gpu: compressed networks are computed on the CPU".into(),
        ));
    }
    let model = CompressedModel::decode(bytes)?;
    let source = model.network.source;
    let picture = picture::read(&arguments.image, arguments.index, source.shape())?;
    describe(&picture, source.shape());
    let told = Told {
        classes: source.classes().iter().map(|class| class.en).collect(),
        probabilities: class_probabilities(&model, picture.pixels)?,
        network: model.network.id(),
        step: None,
        is_inverted: picture.is_inverted,
        is_centred: picture.is_centred,
    };
    told.print(arguments.json)
}

/// What a network says of a picture.
struct Told<'a> {
    classes: Vec<&'a str>,
    probabilities: Vec<f32>,
    network: &'a str,
    /// Updates that made it, where the file says so.
    step: Option<u64>,
    is_inverted: bool,
    is_centred: bool,
}

impl Told<'_> {
    fn print(&self, json: bool) -> Result<(), CliError> {
        let best = arg_max(&self.probabilities);
        if json {
            let probabilities = self.probabilities.iter();
            return Line::Prediction {
                class: self.classes[best],
                probabilities: probabilities.map(|&p| Number::from(p)).collect(),
                preset: self.network,
                step: self.step,
                is_inverted: self.is_inverted,
                is_centred: self.is_centred,
            }
            .print();
        }
        let after = self.step.map_or_else(
            || ", compressed".into(),
            |step| format!(" after {step} steps"),
        );
        print(&format!(
            "{} ({:.1} %), by {}{after}",
            self.classes[best],
            100.0 * self.probabilities[best],
            self.network,
        ))?;
        for (name, probability) in self.classes.iter().zip(&self.probabilities) {
            let bar = "#".repeat((probability * BAR).round() as usize);
            print(&format!("{name:>12} {:>6.2} % {bar}", 100.0 * probability))?;
        }
        Ok(())
    }
}

/// Says on stderr what was done to a picture, in either form of output.
fn describe(picture: &Picture, shape: ImageShape) {
    if picture.is_inverted {
        eprintln!("glassbox: the picture is dark on light; it was turned to light on dark");
    }
    if picture.is_centred {
        eprintln!(
            "glassbox: the drawing was scaled and centred in {} x {} pixels, as MNIST's digits are",
            shape.width, shape.height
        );
    }
}
