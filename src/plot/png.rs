//! The drawing as a PNG file.
//!
//! Plotters draws the lines into a larger bitmap, which is averaged down so that edges are
//! smooth; labels are drawn with `ab_glyph` at their final size. Both are plain Rust on any
//! target: no system font, no global font table.

use std::io::Write;

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use plotters::prelude::{BitMapBackend, IntoDrawingArea};

use super::curves::PlotError;
use super::scene::{Anchor, Joints, Label, Scene, TEXT_SIZE, draw_layer};

/// Drawn pixels to an image pixel, along each side.
const OVERSAMPLING: u32 = 3;
/// The most pixels an image may have.
const MOST_PIXELS: u64 = 32 << 20;

/// (height, width, 3) row-major sRGB bytes.
struct Bitmap {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
}

pub fn draw(scene: &Scene, font: &[u8], pixel_ratio: u32) -> Result<Vec<u8>, PlotError> {
    let (width, height) = (scene.width, scene.height);
    let pixels = u64::from(width) * u64::from(height);
    let ratio = u64::from(pixel_ratio);
    if pixels.saturating_mul(ratio).saturating_mul(ratio) > MOST_PIXELS {
        return Err(PlotError::TooLarge { width, height });
    }
    let font = FontRef::try_from_slice(font).map_err(|_| PlotError::Font)?;
    let mut bitmap = rasterise(scene, pixel_ratio)?;
    for label in &scene.labels {
        draw_label(&mut bitmap, label, &font, pixel_ratio as f32);
    }
    Ok(encode(&bitmap)?)
}

fn rasterise(scene: &Scene, pixel_ratio: u32) -> Result<Bitmap, PlotError> {
    let (width, height) = (
        (scene.width * pixel_ratio) as usize,
        (scene.height * pixel_ratio) as usize,
    );
    let factor = OVERSAMPLING as usize;
    let ground = [scene.ground.0, scene.ground.1, scene.ground.2];
    let mut large = ground.repeat(width * height * factor * factor);
    {
        let size = ((width * factor) as u32, (height * factor) as u32);
        let area = BitMapBackend::with_buffer(&mut large, size).into_drawing_area();
        for layer in &scene.layers {
            draw_layer(
                &area,
                layer,
                f64::from(pixel_ratio * OVERSAMPLING),
                Joints::Dots,
            )?;
        }
        area.present()
            .map_err(|error| PlotError::Drawing(error.to_string()))?;
    }
    let row_length = width * factor * 3;
    let mut bytes = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            for channel in 0..3 {
                let first = y * factor * row_length + x * factor * 3 + channel;
                let sum: u32 = (0..factor * factor)
                    .map(|i| u32::from(large[first + i / factor * row_length + i % factor * 3]))
                    .sum();
                bytes.push((sum / (OVERSAMPLING * OVERSAMPLING)) as u8);
            }
        }
    }
    Ok(Bitmap {
        width,
        height,
        bytes,
    })
}

fn draw_label(bitmap: &mut Bitmap, label: &Label, font: &FontRef<'_>, pixel_ratio: f32) {
    // ab_glyph scales by ascent and descent, labels are measured in ems.
    let em = TEXT_SIZE as f32 * pixel_ratio;
    let units_per_em = font.units_per_em().unwrap_or(1000.0);
    let scale = PxScale::from(em * font.height_unscaled() / units_per_em);
    let scaled = font.as_scaled(scale);
    let glyphs: Vec<GlyphId> = label.text.chars().map(|c| font.glyph_id(c)).collect();
    let kern = |index: usize| match index.checked_sub(1) {
        Some(before) => scaled.kern(glyphs[before], glyphs[index]),
        None => 0.0,
    };
    let advances = (0..glyphs.len()).map(|index| kern(index) + scaled.h_advance(glyphs[index]));
    let width: f32 = advances.sum();
    let mut x = label.at.0 as f32 * pixel_ratio
        - match label.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => width / 2.0,
            Anchor::End => width,
        };
    let baseline = (label.at.1 as f32 * pixel_ratio).round();
    for (index, id) in glyphs.iter().enumerate() {
        x += kern(index);
        let glyph = id.with_scale_and_position(scale, point(x, baseline));
        if let Some(outline) = font.outline_glyph(glyph) {
            let bounds = outline.px_bounds();
            outline.draw(|dx, dy, coverage| {
                let (x, y) = (
                    bounds.min.x as i64 + i64::from(dx),
                    bounds.min.y as i64 + i64::from(dy),
                );
                blend(
                    bitmap,
                    x,
                    y,
                    [label.color.0, label.color.1, label.color.2],
                    coverage,
                );
            });
        }
        x += scaled.h_advance(*id);
    }
}

fn blend(bitmap: &mut Bitmap, x: i64, y: i64, color: [u8; 3], coverage: f32) {
    if x < 0 || y < 0 || x >= bitmap.width as i64 || y >= bitmap.height as i64 {
        return;
    }
    let first = (y as usize * bitmap.width + x as usize) * 3;
    for (byte, color) in bitmap.bytes[first..first + 3].iter_mut().zip(color) {
        let share = coverage.clamp(0.0, 1.0);
        *byte = (f32::from(*byte) * (1.0 - share) + f32::from(color) * share).round() as u8;
    }
}

/// 8-bit RGB, not interlaced (PNG specification, third edition).
fn encode(bitmap: &Bitmap) -> std::io::Result<Vec<u8>> {
    let mut header = Vec::with_capacity(13);
    header.extend((bitmap.width as u32).to_be_bytes());
    header.extend((bitmap.height as u32).to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::default());
    for row in bitmap.bytes.chunks_exact(bitmap.width * 3) {
        // Filter type 0: rows as they are.
        rows.write_all(&[0])?;
        rows.write_all(row)?;
    }
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    push_chunk(&mut file, b"IHDR", &header);
    push_chunk(&mut file, b"IDAT", &rows.finish()?);
    push_chunk(&mut file, b"IEND", &[]);
    Ok(file)
}

fn push_chunk(file: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let mut crc = Crc::new();
    crc.update(kind);
    crc.update(data);
    file.extend(kind);
    file.extend(data);
    file.extend(crc.sum().to_be_bytes());
}
