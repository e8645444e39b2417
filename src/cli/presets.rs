//! `glassbox presets`

use super::CliError;
use super::arguments::ListArguments;
use super::lines::{Line, print};
use super::subject::Subject;
use crate::models::PRESETS;

/// All presets' names.
pub fn names() -> String {
    let names: Vec<&str> = PRESETS.iter().map(|preset| preset.id).collect();
    names.join(", ")
}

pub fn run(arguments: &ListArguments) -> Result<(), CliError> {
    for preset in PRESETS {
        let model = Subject::new(preset, 1, 1)?.model;
        let parameters = model.parameter_count();
        let input_shape = model.graph.value(model.input).shape.dims()[1..].to_vec();
        let defaults = preset.defaults;
        if arguments.json {
            Line::Preset {
                id: preset.id,
                parameters,
                input_shape,
                batch: defaults.batch,
                learning_rate: defaults.learning_rate.into(),
                optimizer: defaults.optimizer.name(),
                epochs: defaults.epochs,
                has_article: preset.article.is_some(),
            }
            .print()?;
        } else {
            print(&format!(
                "{:<14} {parameters:>7} parameters, batch {}, {} at {}, {} epochs{}",
                preset.id,
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
