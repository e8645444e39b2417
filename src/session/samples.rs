//! Where a session's samples come from: given files, whole data sets, drawn points, the learner's own table.

use super::{Event, Session, SessionError};
use crate::data::{
    DataError, DataSource, Dataset, SampleSet, Subset, TableSet, TextSet, TextSource,
    columns_of_csv, series_from_text, table_from_csv,
};
use crate::models::{self, Preset, PresetData, TEXT_WINDOW};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a session holds to learn from.
#[derive(Default)]
pub(super) struct SampleStore {
    /// Given files by path, until a data set is made of them.
    files: BTreeMap<String, Vec<u8>>,
    /// Parts of data sets; one without a subset was given whole and serves every preset.
    datasets: Vec<(DataSource, Option<Subset>, Arc<SampleSet>)>,
    own_table: Option<Arc<SampleSet>>,
    own_series: Option<Arc<SampleSet>>,
    /// Texts, cut into windows.
    texts: Vec<(TextSource, Arc<SampleSet>)>,
    own_text: Option<Arc<SampleSet>>,
}

impl SampleStore {
    pub(super) fn give_file(&mut self, path: String, bytes: Vec<u8>) {
        self.files.insert(path, bytes);
    }

    fn give_dataset(&mut self, source: DataSource, dataset: Dataset) {
        self.datasets.retain(|(known, _, _)| *known != source);
        self.datasets
            .push((source, None, Arc::new(SampleSet::Images(dataset))));
    }

    fn find(&self, source: DataSource, subset: Subset) -> Option<&Arc<SampleSet>> {
        let fits = |known: &Option<Subset>| known.is_none_or(|known| known == subset);
        let mut datasets = self.datasets.iter();
        datasets
            .find(|(known, part, _)| *known == source && fits(part))
            .map(|(_, _, samples)| samples)
    }

    fn find_text(&self, source: TextSource, window: usize) -> Option<&Arc<SampleSet>> {
        let mut texts = self.texts.iter();
        let found = texts.find(|(known, samples)| {
            let cut = samples.text().map(TextSet::window);
            *known == source && cut == Some(window)
        });
        found.map(|(_, samples)| samples)
    }

    /// A text that Glassbox ships, made of the given file where it was not before.
    fn text(&mut self, source: TextSource, window: usize) -> Result<Arc<SampleSet>, SessionError> {
        if let Some(samples) = self.find_text(source, window) {
            return Ok(Arc::clone(samples));
        }
        let Some(bytes) = self.files.get(source.path()) else {
            return Err(SessionError::MissingData {
                dataset: source.name(),
                path: source.path(),
            });
        };
        let text = TextSet::from_bytes(source.name(), bytes, window)?;
        let samples = Arc::new(SampleSet::Text(text));
        self.texts.push((source, Arc::clone(&samples)));
        Ok(samples)
    }

    /// Paths of files that a preset needs and that have not been given.
    fn missing_files(&self, data: &PresetData) -> Vec<&'static str> {
        if let PresetData::Text { source, window } = *data {
            let is_here = self.find_text(source, window).is_some();
            let is_given = self.files.contains_key(source.path());
            return if is_here || is_given {
                Vec::new()
            } else {
                vec![source.path()]
            };
        }
        let PresetData::Images { source, subset, .. } = *data else {
            return Vec::new();
        };
        if self.find(source, subset).is_some() {
            return Vec::new();
        }
        let paths = source.page_files().iter().map(|file| file.path);
        paths
            .filter(|path| !self.files.contains_key(*path))
            .collect()
    }

    /// What a preset learns from; `None` for one that brings its sample along.
    pub(super) fn samples(
        &mut self,
        preset: &Preset,
    ) -> Result<Option<Arc<SampleSet>>, SessionError> {
        match preset.data {
            PresetData::Fixed(_) => Ok(None),
            PresetData::Toy(source) => Ok(Some(Arc::new(SampleSet::Table(source.draw()?)))),
            PresetData::Series(source) => Ok(Some(Arc::new(SampleSet::Table(source.draw()?)))),
            PresetData::OwnTable | PresetData::OwnSeries => {
                let own = match preset.data {
                    PresetData::OwnTable => &self.own_table,
                    _ => &self.own_series,
                };
                match own {
                    Some(own) => Ok(Some(Arc::clone(own))),
                    None => Err(SessionError::nothing_own(preset)),
                }
            }
            PresetData::Text { source, window } => self.text(source, window).map(Some),
            PresetData::OwnText { window } => {
                let own = self.own_text.as_ref().and_then(|own| own.text());
                let own = own.ok_or_else(|| SessionError::nothing_own(preset))?;
                if own.window() != window {
                    let cut = own.with_window(window)?;
                    self.own_text = Some(Arc::new(SampleSet::Text(cut)));
                }
                Ok(self.own_text.clone())
            }
            PresetData::Images { source, subset, .. } => {
                self.images(&preset.data, source, subset).map(Some)
            }
        }
    }

    /// A part of a data set, made of the given files where it was not before.
    fn images(
        &mut self,
        data: &PresetData,
        source: DataSource,
        subset: Subset,
    ) -> Result<Arc<SampleSet>, SessionError> {
        if let Some(samples) = self.find(source, subset) {
            return Ok(Arc::clone(samples));
        }
        if let Some(&path) = self.missing_files(data).first() {
            return Err(SessionError::MissingData {
                dataset: source.name(),
                path,
            });
        }
        let whole = source.assemble(&self.files)?;
        let samples = Arc::new(SampleSet::Images(whole.choose(subset)));
        self.datasets
            .push((source, Some(subset), Arc::clone(&samples)));
        Ok(samples)
    }
}

impl Session {
    /// Paths below `assets/data/` of files that a preset needs and that have not been given.
    pub fn missing_files(&self, preset: &str) -> Vec<&'static str> {
        models::find(preset)
            .map_or_else(Vec::new, |preset| self.samples.missing_files(&preset.data))
    }

    /// Gives a whole data set, instead of its files.
    pub fn provide_dataset(&mut self, source: DataSource, dataset: Dataset) {
        self.samples.give_dataset(source, dataset);
    }

    /// Gives the learner's own table, for the next start of a preset that learns from one.
    pub fn provide_table(&mut self, table: TableSet) {
        self.samples.own_table = Some(Arc::new(SampleSet::Table(table)));
    }

    /// Reads the learner's own table from CSV text and tells what it holds.
    pub(super) fn read_table(
        &mut self,
        name: &str,
        bytes: &[u8],
        target: Option<&str>,
    ) -> Result<(), DataError> {
        let columns = columns_of_csv(name, bytes)?;
        let table = table_from_csv(name, bytes, target)?;
        self.emit(Event::TableRead {
            name: name.into(),
            columns,
            target: table.target.clone(),
            train_count: table.train.count(),
            test_count: table.test.count(),
        });
        self.provide_table(table);
        Ok(())
    }

    /// Gives a text that Glassbox ships, instead of its file.
    pub fn provide_source_text(&mut self, source: TextSource, text: TextSet) {
        let samples = Arc::new(SampleSet::Text(text));
        self.samples.texts.push((source, samples));
    }

    /// Gives the learner's own text, for the next start of a preset that learns from one.
    pub fn provide_text(&mut self, text: TextSet) {
        self.samples.own_text = Some(Arc::new(SampleSet::Text(text)));
    }

    /// Gives the learner's own series, cut into windows, for the next start of a preset that learns from one.
    pub fn provide_series(&mut self, windows: TableSet) {
        self.samples.own_series = Some(Arc::new(SampleSet::Table(windows)));
    }

    /// Reads the learner's own series and tells what it holds.
    pub(super) fn read_series(
        &mut self,
        name: &str,
        bytes: &[u8],
        window: Option<u32>,
    ) -> Result<(), DataError> {
        let windows = series_from_text(name, bytes, window)?;
        self.emit(Event::SeriesRead {
            name: name.into(),
            window: windows.columns.len() as u32,
            train_count: windows.train.count(),
            test_count: windows.test.count(),
        });
        self.provide_series(windows);
        Ok(())
    }

    /// Reads the learner's own text and tells what it holds; what cannot be read leaves the one before it.
    pub(super) fn read_text(&mut self, name: &str, bytes: &[u8]) -> Result<(), DataError> {
        let text = TextSet::from_bytes(name, bytes, TEXT_WINDOW)?;
        self.emit(Event::TextRead {
            name: name.into(),
            characters: text.tokens().len() as u32,
            vocabulary: text.vocabulary.len() as u32,
        });
        self.provide_text(text);
        Ok(())
    }
}
