//! Where the command line's data comes from.

use super::CliError;
use crate::data::{DataSource, Dataset, default_folders, mnist_from_bytes};
use crate::models::{Preset, PresetData};

/// The data set of a preset: MNIST's subset is part of the program, others lie in
/// `GLASSBOX_DATA` or `assets/data`.
pub fn dataset(preset: &Preset) -> Result<Option<(DataSource, Dataset)>, CliError> {
    let PresetData::Images { source, per_class } = preset.data else {
        return Ok(None);
    };
    let dataset = match source {
        DataSource::Mnist => mnist_from_bytes(
            include_bytes!("../../assets/data/mnist/train-images-idx3-ubyte.gz"),
            include_bytes!("../../assets/data/mnist/train-labels-idx1-ubyte.gz"),
            include_bytes!("../../assets/data/mnist/t10k-images-idx3-ubyte.gz"),
            include_bytes!("../../assets/data/mnist/t10k-labels-idx1-ubyte.gz"),
        )?,
        other => other
            .load(&default_folders())?
            .subset(per_class.0 as usize, per_class.1 as usize),
    };
    Ok(Some((source, dataset)))
}
