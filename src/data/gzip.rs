//! Inflating gzip from untrusted bytes, with a limit on what comes out.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::GzDecoder;

use super::error::FileProblem;

/// First two bytes of every gzip stream (RFC 1952, 2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The contents of a file that may be gzipped or plain.
///
/// At most `max_bytes + 1` bytes are ever inflated, whatever the stream claims, and the stream's checksum is
/// verified.
///
/// # Errors
/// When the contents are longer than `max_bytes`, or the gzip stream is broken or followed by other bytes.
pub fn inflate(bytes: &[u8], max_bytes: u64) -> Result<Cow<'_, [u8]>, FileProblem> {
    if !bytes.starts_with(&GZIP_MAGIC) {
        if bytes.len() as u64 > max_bytes {
            return Err(FileProblem::TooLarge {
                limit: max_bytes,
                got: Some(bytes.len() as u128),
            });
        }
        return Ok(Cow::Borrowed(bytes));
    }
    let mut plain = Vec::new();
    // One byte more than allowed tells "too large" from "just fits", and lets the decoder reach the checksum.
    let mut limited = GzDecoder::new(bytes).take(max_bytes.saturating_add(1));
    limited
        .read_to_end(&mut plain)
        .map_err(|error| FileProblem::Gzip(error.to_string()))?;
    if plain.len() as u64 > max_bytes {
        return Err(FileProblem::TooLarge {
            limit: max_bytes,
            got: None,
        });
    }
    let rest = limited.into_inner().into_inner().len();
    if rest > 0 {
        let expected = (bytes.len() - rest) as u64;
        return Err(FileProblem::TrailingBytes {
            expected,
            got: bytes.len() as u64,
        });
    }
    Ok(Cow::Owned(plain))
}
