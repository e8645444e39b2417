//! What a run learns from: images, rows of a table, or windows of a text.

use super::dataset::Dataset;
use super::table::TableSet;
use super::text::TextSet;

/// Images, a table, or a text.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleSet {
    Images(Dataset),
    Table(TableSet),
    Text(TextSet),
}

impl SampleSet {
    /// Samples to learn from.
    pub fn train_count(&self) -> u32 {
        match self {
            Self::Images(images) => images.train.count(),
            Self::Table(table) => table.train.count(),
            Self::Text(text) => text.train_count(),
        }
    }

    /// Samples held out.
    pub fn test_count(&self) -> u32 {
        match self {
            Self::Images(images) => images.test.count(),
            Self::Table(table) => table.test.count(),
            Self::Text(text) => text.test_count(),
        }
    }

    /// Names of the classes in English and Chinese, by number, of a text its characters; empty where numbers are to be predicted.
    pub fn class_names(&self) -> Vec<(String, String)> {
        match self {
            Self::Images(images) => {
                let names = images.classes.iter();
                names.map(|name| (name.en.into(), name.zh.into())).collect()
            }
            Self::Table(table) => table.classes.clone(),
            Self::Text(text) => {
                let characters = text.vocabulary.characters().iter();
                characters.map(|c| (c.to_string(), c.to_string())).collect()
            }
        }
    }

    /// The class of each held-out sample; `None` where samples have none, or several.
    pub fn test_classes(&self) -> Option<&[u32]> {
        match self {
            Self::Images(images) => Some(images.test.labels()),
            Self::Table(table) => table.test.classes(),
            Self::Text(_) => None,
        }
    }

    /// The images, if it has images.
    pub fn images(&self) -> Option<&Dataset> {
        match self {
            Self::Images(images) => Some(images),
            Self::Table(_) | Self::Text(_) => None,
        }
    }

    /// The table, if it is one.
    pub fn table(&self) -> Option<&TableSet> {
        match self {
            Self::Table(table) => Some(table),
            Self::Images(_) | Self::Text(_) => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&TextSet> {
        match self {
            Self::Text(text) => Some(text),
            Self::Images(_) | Self::Table(_) => None,
        }
    }
}

impl From<Dataset> for SampleSet {
    fn from(images: Dataset) -> Self {
        Self::Images(images)
    }
}

impl From<TableSet> for SampleSet {
    fn from(table: TableSet) -> Self {
        Self::Table(table)
    }
}

impl From<TextSet> for SampleSet {
    fn from(text: TextSet) -> Self {
        Self::Text(text)
    }
}
