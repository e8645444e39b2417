//! What the page knows of the presets before the engine runs.

use crate::models::{self, Hyperparameters, PRESETS, PresetData};

/// The identifiers of all presets, in the order in which they are offered.
pub fn ids() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|preset| preset.id)
}

/// The hyperparameters of a preset; `None` where there is no such preset.
pub fn defaults(id: &str) -> Option<Hyperparameters> {
    models::find(id).map(|preset| preset.defaults)
}

/// Whether a preset learns from a table of the learner's own.
pub fn needs_table(id: &str) -> bool {
    models::find(id).is_some_and(|preset| preset.data == PresetData::OwnTable)
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
