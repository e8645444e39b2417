//! `glassbox predict`

use super::CliError;
use super::arguments::{PredictArguments, TableArguments};
use super::driver::{Driver, RUN, find_preset};
use super::lines::{Line, Number, print};
use super::picture::{self, Picture};
use super::train::read_weights;
use crate::data::ImageShape;
use crate::export::Checkpoint;
use crate::models::PresetData;
use crate::session::{Command, Event, RunConfig};
use crate::train::evaluation::arg_max;

/// Length of the bar of a probability of 1.
const BAR: f32 = 40.0;

pub fn run(arguments: &PredictArguments) -> Result<(), CliError> {
    let bytes = read_weights(&arguments.weights)?;
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

    let classes = &started.model.classes;
    let best = arg_max(&probabilities);
    if arguments.json {
        return Line::Prediction {
            class: &classes[best].0,
            probabilities: probabilities.iter().map(|&p| Number::from(p)).collect(),
            preset: preset.id,
            step: facts.step,
            is_inverted,
            is_centred,
        }
        .print();
    }
    print(&format!(
        "{} ({:.1} %), by {} after {} steps",
        classes[best].0,
        100.0 * probabilities[best],
        preset.id,
        facts.step
    ))?;
    for ((name, _), probability) in classes.iter().zip(&probabilities) {
        let bar = "#".repeat((probability * BAR).round() as usize);
        print(&format!("{name:>12} {:>6.2} % {bar}", 100.0 * probability))?;
    }
    Ok(())
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
