//! Runs as JPEG and PNG, and back within limits.

use std::io::Cursor;

use conclave_core::media::tiles::{PixelRect, Span, TileGrid};
use conclave_wire::screen::{Run, RunCodec};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

/// Of what moves; what stands is sent exactly a moment later.
const JPEG_QUALITY: u8 = 75;
/// A decoder may take this much for one run, whose pixels are 256 KiB at most for our own encoder and
/// four bytes for each pixel of the widest screen's row of tiles for any other.
const PNG_MEMORY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why a run is not what it says.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RunUnreadable {
    #[error("the run lies outside of the screen")]
    OutsideScreen,
    #[error("the run's picture has another size than its tiles")]
    OtherSize,
    #[error("the run's picture is damaged: {0}")]
    Damaged(String),
}

impl RunUnreadable {
    fn damaged(why: impl ToString) -> RunUnreadable {
        RunUnreadable::Damaged(why.to_string())
    }
}

/// BGRA without gaps to JPEG with colours at half resolution; `None` should the encoder refuse.
pub(super) fn encode_jpeg(bgra: &[u8], rect: PixelRect) -> Option<Vec<u8>> {
    let mut jpeg = Vec::with_capacity(bgra.len() / 8);
    let mut encoder = Encoder::new(&mut jpeg, JPEG_QUALITY);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    let (width, height) = (rect.width as u16, rect.height as u16);
    encoder.encode(bgra, width, height, ColorType::Bgra).ok()?;
    Some(jpeg)
}

/// BGRA without gaps to PNG, without its fourth byte; `None` should the encoder refuse.
pub(super) fn encode_png(bgra: &[u8], rect: PixelRect) -> Option<Vec<u8>> {
    let rgb: Vec<u8> = bgra
        .chunks_exact(4)
        .flat_map(|pixel| [pixel[2], pixel[1], pixel[0]])
        .collect();
    let mut png = Vec::with_capacity(bgra.len() / 4);
    let mut encoder = png::Encoder::new(&mut png, rect.width, rect.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&rgb).ok()?;
    writer.finish().ok()?;
    Some(png)
}

/// The pixels of a run, BGRA without gaps. Its size is checked before memory is taken.
///
/// # Errors
/// [`RunUnreadable`]
pub fn decode_run(grid: TileGrid, run: &Run<'_>) -> Result<Vec<u8>, RunUnreadable> {
    let span = Span::of(run);
    if !grid.contains(span) {
        return Err(RunUnreadable::OutsideScreen);
    }
    let rect = grid.pixels(span);
    match run.codec {
        RunCodec::Jpeg => decode_jpeg(run.bytes, rect),
        RunCodec::Png => decode_png(run.bytes, rect),
    }
}

fn decode_jpeg(jpeg: &[u8], rect: PixelRect) -> Result<Vec<u8>, RunUnreadable> {
    let options = DecoderOptions::default()
        .set_max_width(rect.width as usize)
        .set_max_height(rect.height as usize)
        .jpeg_set_out_colorspace(ColorSpace::BGRA);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    decoder.decode_headers().map_err(RunUnreadable::damaged)?;
    if decoder.dimensions() != Some((rect.width as usize, rect.height as usize)) {
        return Err(RunUnreadable::OtherSize);
    }
    let bgra = decoder.decode().map_err(RunUnreadable::damaged)?;
    match bgra.len() == bytes_of(rect) {
        true => Ok(bgra),
        false => Err(RunUnreadable::OtherSize),
    }
}

fn decode_png(png: &[u8], rect: PixelRect) -> Result<Vec<u8>, RunUnreadable> {
    let limits = png::Limits {
        bytes: PNG_MEMORY_BYTES_MAX,
    };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(png), limits);
    decoder.set_transformations(png::Transformations::ALPHA | png::Transformations::STRIP_16);
    let header = decoder.read_header_info().map_err(RunUnreadable::damaged)?;
    if (header.width, header.height) != (rect.width, rect.height) {
        return Err(RunUnreadable::OtherSize);
    }
    let mut reader = decoder.read_info().map_err(RunUnreadable::damaged)?;
    let rgba = (png::ColorType::Rgba, png::BitDepth::Eight);
    if reader.output_color_type() != rgba {
        return Err(RunUnreadable::damaged("it is not in colour"));
    }
    let mut bgra = vec![0; bytes_of(rect)];
    reader
        .next_frame(&mut bgra)
        .map_err(RunUnreadable::damaged)?;
    bgra.chunks_exact_mut(4).for_each(|pixel| pixel.swap(0, 2));
    Ok(bgra)
}

fn bytes_of(rect: PixelRect) -> usize {
    4 * rect.width as usize * rect.height as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(rect: PixelRect) -> Vec<u8> {
        let pixels = (0..rect.height).flat_map(|y| (0..rect.width).map(move |x| (x, y)));
        pixels
            .flat_map(|(x, y)| [x as u8, (y * 4) as u8, (x + y) as u8, 255])
            .collect()
    }

    fn run(codec: RunCodec, width: u16, bytes: &[u8]) -> Run<'_> {
        Run {
            generation: 1,
            x: 0,
            y: 0,
            width,
            codec,
            bytes,
        }
    }

    fn grid() -> TileGrid {
        TileGrid::new(150, 100).unwrap()
    }

    fn rect(width: u16) -> PixelRect {
        grid().pixels(Span { x: 0, y: 0, width })
    }

    #[test]
    fn a_png_run_comes_back_exactly_and_a_jpeg_run_nearly() {
        let pixels = gradient(rect(3));
        let png = encode_png(&pixels, rect(3)).unwrap();
        assert_eq!(
            decode_run(grid(), &run(RunCodec::Png, 3, &png)),
            Ok(pixels.clone())
        );
        let jpeg = encode_jpeg(&pixels, rect(3)).unwrap();
        let near = decode_run(grid(), &run(RunCodec::Jpeg, 3, &jpeg)).unwrap();
        assert_eq!(near.len(), pixels.len());
        let wrong: u64 = near
            .iter()
            .zip(&pixels)
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum();
        assert!(wrong / (near.len() as u64) < 8, "{wrong}");
    }

    #[test]
    fn a_picture_of_another_size_than_its_tiles_is_refused_by_its_header() {
        let (wide, narrow) = (rect(2), rect(1));
        let png = encode_png(&gradient(wide), wide).unwrap();
        let jpeg = encode_jpeg(&gradient(wide), wide).unwrap();
        assert_eq!(
            decode_run(grid(), &run(RunCodec::Png, 1, &png)),
            Err(RunUnreadable::OtherSize)
        );
        assert!(decode_run(grid(), &run(RunCodec::Jpeg, 1, &jpeg)).is_err());
        let png = encode_png(&gradient(narrow), narrow).unwrap();
        let jpeg = encode_jpeg(&gradient(narrow), narrow).unwrap();
        assert_eq!(
            decode_run(grid(), &run(RunCodec::Png, 2, &png)),
            Err(RunUnreadable::OtherSize)
        );
        assert_eq!(
            decode_run(grid(), &run(RunCodec::Jpeg, 2, &jpeg)),
            Err(RunUnreadable::OtherSize)
        );
        assert_eq!(
            decode_run(grid(), &run(RunCodec::Png, 4, &png)),
            Err(RunUnreadable::OutsideScreen)
        );
    }

    #[test]
    fn damaged_pictures_are_refused() {
        let pixels = gradient(rect(1));
        let png = encode_png(&pixels, rect(1)).unwrap();
        for bytes in [&png[..png.len() / 2], &png[..20], &[0xff; 200], b"x"] {
            assert!(decode_run(grid(), &run(RunCodec::Png, 1, bytes)).is_err());
            assert!(decode_run(grid(), &run(RunCodec::Jpeg, 1, bytes)).is_err());
        }
    }
}
