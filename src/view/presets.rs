//! What the page knows of the presets before the engine runs.

use crate::data::DataSource;
use crate::models::{self, Hyperparameters, PRESETS, PresetData};

/// The identifiers of all presets, in the order in which they are offered.
pub fn ids() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|preset| preset.id)
}

/// The hyperparameters of a preset; `None` where there is no such preset.
pub fn defaults(id: &str) -> Option<Hyperparameters> {
    models::find(id).map(|preset| preset.defaults)
}

/// What a preset needs of the learner before it can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnData {
    Table,
    Series,
    Text,
}

/// What a preset learns from that the learner has to bring along; `None` where it brings its own samples.
pub fn own_data(id: &str) -> Option<OwnData> {
    match models::find(id)?.data {
        PresetData::OwnTable => Some(OwnData::Table),
        PresetData::OwnSeries => Some(OwnData::Series),
        PresetData::OwnText { .. } => Some(OwnData::Text),
        _ => None,
    }
}

/// Whether a preset learns from images.
pub fn has_images(id: &str) -> bool {
    models::find(id).is_some_and(|preset| matches!(preset.data, PresetData::Images { .. }))
}

/// Whether a preset learns from digits, which can be drawn by hand.
pub fn has_digits(id: &str) -> bool {
    models::find(id).is_some_and(|preset| {
        matches!(
            preset.data,
            PresetData::Images {
                source: DataSource::Mnist,
                ..
            }
        )
    })
}

/// Whether a preset learns from a series, whose next numbers can be forecast.
pub fn is_series(id: &str) -> bool {
    models::find(id).is_some_and(|preset| preset.data.is_series())
}

/// Whether a preset learns from a text: every character is a class, and a sample has many.
pub fn reads_text(id: &str) -> bool {
    models::find(id).is_some_and(|preset| {
        matches!(
            preset.data,
            PresetData::Text { .. } | PresetData::OwnText { .. }
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::texts::Locale;
    use crate::view::url::DEFAULT_PRESET;

    #[test]
    fn every_preset_has_texts_and_the_default_one_exists() {
        assert!(ids().count() >= 3);
        for locale in Locale::ALL {
            for id in ids() {
                assert!(locale.texts().preset(id).is_some(), "{id} has no texts");
            }
        }
        assert!(defaults(DEFAULT_PRESET).is_some());
        assert!(defaults("lenet9").is_none());
    }
}
