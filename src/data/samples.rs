//! What a run learns from: images or rows of a table.

use super::dataset::Dataset;
use super::table::TableSet;

/// Images or a table.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleSet {
    Images(Dataset),
    Table(TableSet),
}

impl SampleSet {
    /// Samples to learn from.
    pub fn train_count(&self) -> u32 {
        match self {
            Self::Images(images) => images.train.count(),
            Self::Table(table) => table.train.count(),
        }
    }

    /// Samples held out.
    pub fn test_count(&self) -> u32 {
        match self {
            Self::Images(images) => images.test.count(),
            Self::Table(table) => table.test.count(),
        }
    }

    /// Names of the classes in English and Chinese, by number; empty where numbers are to be predicted.
    pub fn class_names(&self) -> Vec<(String, String)> {
        match self {
            Self::Images(images) => {
                let names = images.classes.iter();
                names.map(|name| (name.en.into(), name.zh.into())).collect()
            }
            Self::Table(table) => table.classes.clone(),
        }
    }

    /// The classes of the held-out samples; `None` where numbers are to be predicted.
    pub fn test_classes(&self) -> Option<&[u32]> {
        match self {
            Self::Images(images) => Some(images.test.labels()),
            Self::Table(table) => table.test.classes(),
        }
    }

    /// The images, if it has images.
    pub fn images(&self) -> Option<&Dataset> {
        match self {
            Self::Images(images) => Some(images),
            Self::Table(_) => None,
        }
    }

    /// The table, if it is one.
    pub fn table(&self) -> Option<&TableSet> {
        match self {
            Self::Table(table) => Some(table),
            Self::Images(_) => None,
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
