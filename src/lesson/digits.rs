//! A digit of each kind, for pictures to look at.

use serde::{Deserialize, Serialize};

use super::LessonError;
use crate::data::gzip::inflate;
use crate::data::idx::parse_idx;
use crate::data::source::Part;
use crate::data::{DataError, DataSource, MAX_FILE_BYTES};

/// A handwritten digit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Digit {
    pub label: u8,
    /// (28, 28) bytes, 0 is paper.
    pub pixels: Vec<u8>,
}

/// The files below `assets/data/` that digits are read from: MNIST's test images and labels.
pub fn files() -> [&'static str; 2] {
    [Part::TestImages, Part::TestLabels].map(|part| {
        let files = DataSource::Mnist.page_files();
        let file = files.iter().find(|file| file.part == part);
        file.expect("MNIST has both").path
    })
}

/// The first digit of each kind, from 0 to 9, of these two files.
///
/// # Errors
/// When a file is broken, or they do not belong together.
pub fn digits([images, labels]: [&[u8]; 2]) -> Result<Vec<Digit>, LessonError> {
    let [images_path, labels_path] = files();
    let broken = |path: &'static str| {
        move |problem| {
            LessonError::Data(DataError::File {
                file: path.into(),
                problem,
            })
        }
    };
    let images = inflate(images, MAX_FILE_BYTES).map_err(broken(images_path))?;
    let images = parse_idx::<3>(&images).map_err(broken(images_path))?;
    let labels = inflate(labels, MAX_FILE_BYTES).map_err(broken(labels_path))?;
    let labels = parse_idx::<1>(&labels).map_err(broken(labels_path))?;
    let [count, height, width] = images.dimensions.map(|size| size as usize);
    if count != labels.values.len() {
        return Err(LessonError::Data(DataError::CountMismatch {
            who: "digits".into(),
            images: count as u64,
            labels: labels.values.len() as u64,
        }));
    }
    let first = |label: u8| {
        let at = labels.values.iter().position(|&known| known == label)?;
        let pixels = images.values[at * height * width..][..height * width].to_vec();
        Some(Digit { label, pixels })
    };
    Ok((0..10).filter_map(first).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_digit_of_each_kind() {
        let bytes = files().map(|path| std::fs::read(format!("assets/data/{path}")).unwrap());
        let digits = digits([&bytes[0], &bytes[1]]).unwrap();
        let labels: Vec<u8> = digits.iter().map(|digit| digit.label).collect();
        assert_eq!(labels, (0..10).collect::<Vec<u8>>());
        for digit in &digits {
            assert_eq!(digit.pixels.len(), 28 * 28);
            assert!(digit.pixels.iter().any(|&pixel| pixel > 200));
        }
        assert!(super::digits([&bytes[1], &bytes[0]]).is_err());
        assert!(super::digits([&bytes[0][..100], &bytes[1]]).is_err());
    }
}
