//! Where the command line's data comes from.

use super::CliError;
use super::arguments::TableArguments;
use crate::data::csv_table::MAX_CSV_BYTES;
use crate::data::text::MAX_TEXT_BYTES;
use crate::data::{
    DataSource, SampleSet, TextSet, TextSource, default_folders, mnist_from_bytes,
    series_from_text, table_from_csv,
};
use crate::models::{Preset, PresetData};

/// A text that is part of the program.
fn shipped_text(source: TextSource) -> &'static [u8] {
    match source {
        TextSource::Shakespeare => include_bytes!("../../assets/data/text/en-shakespeare.txt"),
        TextSource::FiveCharacterPoems => include_bytes!("../../assets/data/text/zh-wuyan.txt"),
    }
}

/// What a preset learns from; `None` for one that brings its sample along. MNIST's subset is part of the program,
/// other images lie in `GLASSBOX_DATA`, `data` or `assets/data`, points are drawn, and `--csv` names the learner's
/// own table.
pub fn samples(preset: &Preset, own: &TableArguments) -> Result<Option<SampleSet>, CliError> {
    let is_table = preset.data == PresetData::OwnTable;
    if own.csv.is_some() && !is_table && preset.data != PresetData::OwnSeries {
        return Err(CliError::Usage(format!(
            "--csv: {} does not learn from a table of your own; mlp-csv does",
            preset.id
        )));
    }
    if own.text.is_some() && !matches!(preset.data, PresetData::OwnText { .. }) {
        return Err(CliError::Usage(format!(
            "--text: {} does not learn from a text of your own; own-text does",
            preset.id
        )));
    }
    if let Some(asked) = own.window {
        let refusal = match preset.data {
            PresetData::OwnSeries => None,
            // Weights are saved without the length, which `generate` takes from the preset.
            PresetData::Text { window, .. } | PresetData::OwnText { window } => Some(format!(
                "reads windows of {window} characters, not of {asked}; expected no --window"
            )),
            _ => Some("does not learn from a series of your own; own-series does".to_string()),
        };
        if let Some(refusal) = refusal {
            return Err(CliError::Usage(format!(
                "--window: {} {refusal}",
                preset.id
            )));
        }
    }
    if own.target.is_some() && !is_table {
        return Err(CliError::Usage(format!(
            "--target: {} has no column to choose; mlp-csv does",
            preset.id
        )));
    }
    Ok(match preset.data {
        PresetData::Fixed(_) => None,
        PresetData::Toy(source) => Some(source.draw()?.into()),
        PresetData::Series(source) => Some(source.draw()?.into()),
        PresetData::OwnTable | PresetData::OwnSeries => {
            let path = own.csv.as_deref().ok_or_else(|| {
                let what = if is_table { "table" } else { "series" };
                CliError::Usage(format!(
                    "{} learns from a {what} of your own: --csv FILE",
                    preset.id
                ))
            })?;
            let bytes = super::picture::read_file(path, MAX_CSV_BYTES as u64)?;
            let name = path.display().to_string();
            let table = if is_table {
                table_from_csv(&name, &bytes, own.target.as_deref())
            } else {
                series_from_text(&name, &bytes, own.window)
            };
            Some(table?.into())
        }
        PresetData::Text { source, window } => {
            Some(TextSet::from_bytes(source.name(), shipped_text(source), window)?.into())
        }
        PresetData::OwnText { window } => {
            let path = own.text.as_deref().ok_or_else(|| {
                CliError::Usage(format!(
                    "{} learns from a text of your own: --text FILE",
                    preset.id
                ))
            })?;
            let bytes = super::picture::read_file(path, MAX_TEXT_BYTES as u64)?;
            Some(TextSet::from_bytes(&path.display().to_string(), &bytes, window)?.into())
        }
        PresetData::Images { source, subset, .. } => {
            let whole = match source {
                DataSource::Mnist => mnist_from_bytes(
                    include_bytes!("../../assets/data/mnist/train-images-idx3-ubyte.gz"),
                    include_bytes!("../../assets/data/mnist/train-labels-idx1-ubyte.gz"),
                    include_bytes!("../../assets/data/mnist/t10k-images-idx3-ubyte.gz"),
                    include_bytes!("../../assets/data/mnist/t10k-labels-idx1-ubyte.gz"),
                )?,
                other => other.load(&default_folders())?,
            };
            Some(whole.choose(subset).into())
        }
    })
}
