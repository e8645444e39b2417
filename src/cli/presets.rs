//! `glassbox presets`

use super::CliError;
use super::arguments::ListArguments;
use super::lines::{Line, TargetLine, print};
use crate::layers::Model;
use crate::models::{PRESETS, PresetData};
use crate::session::outline;

/// All presets' names.
pub fn names() -> String {
    let names: Vec<&str> = PRESETS.iter().map(|preset| preset.id).collect();
    names.join(", ")
}

fn data_name(data: &PresetData) -> &'static str {
    match data {
        PresetData::Images { source, .. } => source.name(),
        PresetData::Toy(source) => source.shape.name(),
        PresetData::OwnTable => "own table",
        PresetData::Series(source) => source.name(),
        PresetData::OwnSeries => "own series",
        PresetData::Text { source, .. } => source.name(),
        PresetData::OwnText { .. } => "own text",
        PresetData::Fixed(_) => "one sample",
    }
}

pub fn run(arguments: &ListArguments) -> Result<(), CliError> {
    for preset in PRESETS {
        // A table of the learner's own decides the sizes.
        let model = outline(preset)?;
        let parameters = model.as_ref().map(Model::parameter_count);
        let input_shape = model.as_ref().map_or_else(Vec::new, |model| {
            model.graph.value(model.input).shape.dims()[1..].to_vec()
        });
        let defaults = preset.defaults;
        if arguments.json {
            Line::Preset {
                id: preset.id,
                parameters,
                data: data_name(&preset.data),
                input_shape,
                batch: defaults.batch,
                learning_rate: defaults.learning_rate.into(),
                optimizer: defaults.optimizer.name(),
                schedule: defaults.options.schedule_kind().name(),
                init: defaults.options.init.unwrap_or_default().name(),
                epochs: defaults.epochs,
                has_article: preset.article.is_some(),
                targets: preset.targets().map(TargetLine::from).collect(),
            }
            .print()?;
        } else {
            print(&format!(
                "{:<16} {} parameters, batch {}, {} at {}, {} epochs{}",
                preset.id,
                parameters.map_or_else(|| format!("{:>10}", "own"), |count| format!("{count:>10}")),
                defaults.batch,
                defaults.optimizer.name(),
                defaults.learning_rate,
                defaults.epochs,
                if preset.article.is_some() {
                    ", has --article"
                } else {
                    ""
                }
            ))?;
        }
    }
    Ok(())
}
