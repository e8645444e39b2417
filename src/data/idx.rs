//! IDX, the format of MNIST and Fashion-MNIST: a big-endian magic number (0, 0, element type, number of
//! dimensions), one 32-bit size per dimension, then the values row by row.
//! Only unsigned bytes (element type 0x08) are used by these data sets.

use super::MAX_FILE_BYTES;
use super::error::FileProblem;

/// Third byte of the magic number: values are unsigned bytes.
const UNSIGNED_BYTE: u32 = 0x08;
/// Bytes of the magic number and of each dimension.
const WORD_BYTES: usize = 4;

/// The contents of an IDX file of unsigned bytes with `RANK` dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idx<'a, const RANK: usize> {
    /// Size of each dimension, outermost first: images are (N, H, W), labels (N).
    pub dimensions: [u32; RANK],
    /// Row-major values; their number is the product of the dimensions.
    pub values: &'a [u8],
}

/// Reads an uncompressed IDX file that must have `RANK` dimensions and nothing after its values.
///
/// Sizes in the header are believed only as far as the bytes that are there.
///
/// # Errors
/// On another magic number, on sizes whose product exceeds [`MAX_FILE_BYTES`], and on too few or too many bytes.
pub fn parse_idx<const RANK: usize>(bytes: &[u8]) -> Result<Idx<'_, RANK>, FileProblem> {
    let got = bytes.len() as u64;
    let header_bytes = WORD_BYTES * (1 + RANK);
    let truncated_header = FileProblem::Truncated {
        what: "the header",
        expected: header_bytes as u64,
        got,
    };

    let magic = word(bytes, 0).ok_or_else(|| truncated_header.clone())?;
    let expected = UNSIGNED_BYTE << 8 | RANK as u32;
    if magic != expected {
        return Err(FileProblem::WrongMagic {
            expected,
            got: magic,
        });
    }
    let mut dimensions = [0; RANK];
    for (position, dimension) in dimensions.iter_mut().enumerate() {
        *dimension = word(bytes, 1 + position).ok_or_else(|| truncated_header.clone())?;
    }
    let value_bytes = value_bytes(&dimensions)?;
    let expected = header_bytes as u64 + value_bytes;
    if got < expected {
        return Err(FileProblem::Truncated {
            what: "the header with its values",
            expected,
            got,
        });
    }
    if got > expected {
        return Err(FileProblem::TrailingBytes { expected, got });
    }
    Ok(Idx {
        dimensions,
        values: &bytes[header_bytes..],
    })
}

/// The big-endian word number `position`.
fn word(bytes: &[u8], position: usize) -> Option<u32> {
    bytes
        .get(WORD_BYTES * position..)?
        .first_chunk()
        .map(|word| u32::from_be_bytes(*word))
}

/// The product of the dimensions, if a file may be that long.
fn value_bytes(dimensions: &[u32]) -> Result<u64, FileProblem> {
    // Four 32-bit sizes fit in 128 bits; more would saturate, which is too large all the same.
    let product = dimensions.iter().fold(1u128, |product, &size| {
        product.saturating_mul(u128::from(size))
    });
    match u64::try_from(product) {
        Ok(bytes) if bytes <= MAX_FILE_BYTES => Ok(bytes),
        _ => Err(FileProblem::TooLarge {
            limit: MAX_FILE_BYTES,
            got: Some(product),
        }),
    }
}
