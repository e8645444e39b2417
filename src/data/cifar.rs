//! CIFAR-10's binary records: one label byte, then 1,024 red, 1,024 green and 1,024 blue bytes, row by row.
//! That is (C, H, W) already. <https://www.cs.toronto.edu/~kriz/cifar.html>, "Binary version".

use super::MAX_FILE_BYTES;
use super::dataset::ImageShape;
use super::error::FileProblem;

/// Three channels of 32 x 32.
pub const CIFAR10_SHAPE: ImageShape = ImageShape {
    channels: 3,
    height: 32,
    width: 32,
};
const IMAGE_BYTES: usize = 3 * 32 * 32;
const RECORD_BYTES: usize = 1 + IMAGE_BYTES;

/// Appends the images (N, C, H, W) and labels of one uncompressed batch file. Labels are not checked here.
///
/// # Errors
/// When the file is empty, not made of whole records, or larger than [`MAX_FILE_BYTES`]; nothing is appended then.
pub fn append_cifar10(
    bytes: &[u8],
    images: &mut Vec<u8>,
    labels: &mut Vec<u32>,
) -> Result<(), FileProblem> {
    let got = bytes.len() as u64;
    if got > MAX_FILE_BYTES {
        return Err(FileProblem::TooLarge {
            limit: MAX_FILE_BYTES,
            got: Some(u128::from(got)),
        });
    }
    let (records, rest) = bytes.as_chunks::<RECORD_BYTES>();
    if records.is_empty() || !rest.is_empty() {
        return Err(FileProblem::PartialRecord {
            record_bytes: RECORD_BYTES as u64,
            got,
        });
    }
    images.reserve(records.len() * IMAGE_BYTES);
    labels.reserve(records.len());
    for [label, image @ ..] in records {
        labels.push(u32::from(*label));
        images.extend_from_slice(image);
    }
    Ok(())
}

/// As [`append_cifar10`], of records that were packed for the page ([`super::residual`]).
///
/// # Errors
/// As [`append_cifar10`].
pub fn append_packed_cifar10(
    mut bytes: Vec<u8>,
    images: &mut Vec<u8>,
    labels: &mut Vec<u32>,
) -> Result<(), FileProblem> {
    super::residual::unpack(&mut bytes, CIFAR10_SHAPE.height as usize);
    append_cifar10(&bytes, images, labels)
}
