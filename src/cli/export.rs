//! `glassbox export`

use super::arguments::ExportArguments;
use super::driver::find_preset;
use super::lines::{Line, print};
use super::{CliError, data};
use crate::export::torch::{TorchError, TorchFiles, TorchRun};
use crate::lab::replicas::{LINEAR, Subject, linear_samples};
use crate::models::PresetData;
use crate::optim::OptimizerKind;
use crate::session::{OptimizerChoice, build_model, build_spec, initial_parameters};

pub fn run(arguments: &ExportArguments) -> Result<(), CliError> {
    let is_linear = arguments.preset == LINEAR.id;
    let preset = if is_linear {
        Subject::preset(LINEAR.id)?
    } else {
        find_preset(&arguments.preset)?
    };
    let samples = if is_linear {
        Some(linear_samples(arguments.seed))
    } else {
        data::samples(preset, &arguments.table)?
    };
    let samples = samples.ok_or_else(|| TorchError::NoSamples {
        preset: preset.id.into(),
    })?;
    let train = samples.train_count();
    let defaults = preset.defaults;
    let batch = arguments.batch.unwrap_or(defaults.batch.min(train));
    let steps = arguments
        .steps
        .unwrap_or_else(|| defaults.epochs * train.div_ceil(batch));
    let optimizer = arguments.optimizer.unwrap_or(defaults.optimizer);
    let choice = OptimizerChoice::of(preset);
    // One sample is enough for the shapes, but for statistics of a batch.
    let model = match preset.data {
        PresetData::OwnTable if is_linear => {
            build_spec(&(preset.spec)(), preset, Some(&samples), 2, choice)?
        }
        _ => build_model(preset, Some(&samples), 2.min(train), choice)?,
    };
    let spec = match (&preset.data, samples.table()) {
        (PresetData::OwnTable, Some(table)) if !is_linear => crate::models::table_spec(table),
        (PresetData::OwnSeries, Some(table)) => crate::models::series_spec(table.columns.len()),
        _ => match (&preset.data, samples.text()) {
            (PresetData::OwnText { .. }, Some(text)) => crate::models::text_spec(text),
            _ => (preset.spec)(),
        },
    };
    let weights = initial_parameters(preset, &model, arguments.seed);
    let options = defaults
        .options
        .resolve(optimizer, &defaults.options, defaults.optimizer);
    let files = TorchRun {
        preset,
        spec: &spec,
        model: &model,
        samples: &samples,
        weights: &weights,
        seed: arguments.seed,
        batch,
        steps,
        optimizer,
        momentum: defaults.momentum,
        learning_rate: arguments.lr.unwrap_or(defaults.learning_rate),
        options,
    }
    .files()?;
    let names = TorchFiles::names(preset.id);
    let folder = &arguments.out;
    std::fs::create_dir_all(folder).map_err(|error| CliError::file(folder, error))?;
    let contents = [files.script.as_bytes(), &files.weights, &files.data];
    for (name, bytes) in names.iter().zip(contents) {
        let path = folder.join(name);
        std::fs::write(&path, bytes).map_err(|error| CliError::file(&path, error))?;
    }
    let [script, ..] = &names;
    if arguments.json {
        return Line::Exported {
            format: "torch",
            files: names
                .iter()
                .map(|name| folder.join(name).display().to_string())
                .collect(),
            steps,
            batch,
        }
        .print();
    }
    let script = folder.join(script);
    print(&format!(
        "wrote {} with weights and {steps} batches of {batch} ({})\nrun it: torchrun --nproc_per_node 2 {}",
        script.display(),
        OptimizerKind::name(optimizer),
        script.display()
    ))
}
