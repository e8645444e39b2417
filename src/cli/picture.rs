//! Image files to the pixels that a network reads: grey, 0 = background.

use super::CliError;
use crate::data::gzip::inflate;
use crate::data::idx::parse_idx;
use crate::data::{ImageShape, MAX_FILE_BYTES};
use crate::view::digit::{SIDE, mnist_image};
use image::{ImageReader, Limits};
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

/// Largest picture along each side, and the most memory that decoding may take.
const MOST_PIXELS: u32 = 4_096;
const MOST_BYTES: u64 = 128 << 20;

/// First bytes of an IDX file of unsigned bytes, and of a gzipped file.
const IDX_MAGIC: [u8; 3] = [0, 0, 8];
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Pixels for a network, and what was done to get them.
#[derive(Debug)]
pub struct Picture {
    pub pixels: Vec<u8>,
    /// Dark on light in the file: turned round.
    pub is_inverted: bool,
    /// Scaled and centred as MNIST's digits were.
    pub is_centred: bool,
}

/// Reads a file of at most `most` bytes.
pub fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(|error| CliError::file(path, error))?;
    if bytes.len() as u64 > most {
        let message = format!("larger than {most} bytes");
        return Err(CliError::file(path, message));
    }
    Ok(bytes)
}

/// The picture in a PNG, JPEG or IDX file; `index` picks from an IDX file.
pub fn read(path: &Path, index: u32, shape: ImageShape) -> Result<Picture, CliError> {
    let bytes = read_file(path, MAX_FILE_BYTES)?;
    let picture = if bytes.starts_with(&IDX_MAGIC) || bytes.starts_with(&GZIP_MAGIC) {
        from_idx(&bytes, index, shape)
    } else {
        from_drawing(&bytes, shape)
    };
    picture.map_err(|message| CliError::file(path, message))
}

fn from_idx(bytes: &[u8], index: u32, shape: ImageShape) -> Result<Picture, String> {
    let plain = inflate(bytes, MAX_FILE_BYTES).map_err(|problem| problem.to_string())?;
    let images = parse_idx::<3>(&plain).map_err(|problem| problem.to_string())?;
    let [count, height, width] = images.dimensions;
    if (shape.channels, shape.height, shape.width) != (1, height, width) {
        return Err(format!(
            "the images are (1, {height}, {width}), expected {shape}"
        ));
    }
    if index >= count {
        return Err(format!(
            "there is no image {index}; the file has {count}, counted from 0"
        ));
    }
    let start = index as usize * shape.values();
    Ok(Picture {
        pixels: images.values[start..start + shape.values()].to_vec(),
        is_inverted: false,
        is_centred: false,
    })
}

fn from_drawing(bytes: &[u8], shape: ImageShape) -> Result<Picture, String> {
    let side = SIDE as u32;
    if (shape.channels, shape.height, shape.width) != (1, side, side) {
        return Err(format!("pictures of {shape} are not read yet"));
    }
    let (mut grey, width, height) = decode(bytes)?;
    // The ground is what lies along the edge.
    let is_inverted = mean_of_edge(&grey, width) > 127.0;
    if is_inverted {
        grey.iter_mut().for_each(|pixel| *pixel = 255 - *pixel);
    }
    let is_centred = (width, height) != (SIDE, SIDE);
    let pixels = if is_centred {
        let image = mnist_image(&grey, width, height);
        image.ok_or("nothing is drawn on it")?.to_vec()
    } else {
        grey
    };
    Ok(Picture {
        pixels,
        is_inverted,
        is_centred,
    })
}

/// Grey levels, width and height. What is transparent shows white paper.
fn decode(bytes: &[u8]) -> Result<(Vec<u8>, usize, usize), String> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_PIXELS);
    limits.max_image_height = Some(MOST_PIXELS);
    limits.max_alloc = Some(MOST_BYTES);
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| error.to_string())?;
    if reader.format().is_none() {
        return Err("neither a PNG, a JPEG nor an IDX file".into());
    }
    reader.limits(limits);
    let image = reader.decode().map_err(|error| error.to_string())?;
    let image = image.into_luma_alpha8();
    let (width, height) = (image.width() as usize, image.height() as usize);
    let over_white = |grey: u8, alpha: u8| {
        let (grey, alpha) = (u32::from(grey), u32::from(alpha));
        ((grey * alpha + 255 * (255 - alpha)) / 255) as u8
    };
    let pixels = image
        .pixels()
        .map(|pixel| over_white(pixel.0[0], pixel.0[1]));
    Ok((pixels.collect(), width, height))
}

fn mean_of_edge(pixels: &[u8], width: usize) -> f64 {
    let height = pixels.len() / width.max(1);
    let mut sum = 0.0;
    let mut count = 0.0f64;
    for (at, &pixel) in pixels.iter().enumerate() {
        let (x, y) = (at % width, at / width);
        if x == 0 || y == 0 || x + 1 == width || y + 1 == height {
            sum += f64::from(pixel);
            count += 1.0;
        }
    }
    sum / count.max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape {
        channels: 1,
        height: 28,
        width: 28,
    };

    /// A PNG of `side` pixels: `ground` with a bar of `ink`.
    fn png(side: u32, ground: u8, ink: u8) -> Vec<u8> {
        let bar = |x: u32, y: u32| {
            let middle = (side * 4 / 10..side * 6 / 10).contains(&x);
            middle && (side / 5..side * 4 / 5).contains(&y)
        };
        let image = image::GrayImage::from_fn(side, side, |x, y| {
            image::Luma([if bar(x, y) { ink } else { ground }])
        });
        let mut bytes = Cursor::new(Vec::new());
        image
            .write_to(&mut bytes, image::ImageFormat::Png)
            .expect("a PNG is written to memory");
        bytes.into_inner()
    }

    #[test]
    fn an_image_of_the_right_size_stays_as_it_is() {
        let picture = from_drawing(&png(28, 0, 200), SHAPE).expect("a picture");
        assert!(!picture.is_inverted && !picture.is_centred);
        assert_eq!(picture.pixels.iter().max(), Some(&200));
        assert_eq!(picture.pixels[0], 0);
    }

    #[test]
    fn dark_on_light_is_turned_round_and_large_drawings_are_centred() {
        let dark = from_drawing(&png(100, 250, 10), SHAPE).expect("a picture");
        let light = from_drawing(&png(100, 0, 240), SHAPE).expect("a picture");
        assert!(dark.is_inverted && dark.is_centred);
        assert!(!light.is_inverted && light.is_centred);
        assert_eq!(dark.pixels.len(), 28 * 28);
        let distance = dark.pixels.iter().zip(&light.pixels);
        assert!(distance.map(|(a, b)| a.abs_diff(*b)).max() < Some(10));
    }

    #[test]
    fn broken_and_hostile_files_are_refused() {
        let whole = png(28, 0, 200);
        assert!(from_drawing(&whole[..whole.len() / 2], SHAPE).is_err());
        let error = from_drawing(b"not a picture", SHAPE).expect_err("no picture");
        assert_eq!(error, "neither a PNG, a JPEG nor an IDX file");
        let error = from_drawing(&png(60, 0, 0), SHAPE).expect_err("an empty picture");
        assert_eq!(error, "nothing is drawn on it");
        // A header that asks for 65,535 by 65,535 pixels.
        let mut huge = whole;
        huge[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
        assert!(from_drawing(&huge, SHAPE).is_err());
        let idx = [&[0, 0, 8, 3][..], &[0xff; 12]].concat();
        assert!(from_idx(&idx, 0, SHAPE).is_err());
    }
}
