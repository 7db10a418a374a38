//! Pictures on their way between camera and network: scaling, JPEG, and decoding within limits.

use bytes::Bytes;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

/// Width and height of a picture at most, in pixels: what a camera may give and a frame may hold.
pub const PICTURE_PX_MAX: u32 = 4_096;

/// One picture of a camera.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub pixels: Pixels,
}

/// Rows from top to bottom without padding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Pixels {
    /// Three bytes a pixel.
    Rgb(Vec<u8>),
    /// Four bytes a pixel; the last is ignored.
    Bgra(Vec<u8>),
    /// Already encoded; passed on as it is where the size fits.
    Jpeg(Bytes),
}

/// Why bytes are not a picture.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PictureRefused {
    #[error("The picture is damaged: {0}")]
    Damaged(String),
    #[error("The picture is wider or higher than {PICTURE_PX_MAX} pixels.")]
    TooLarge,
}

impl PictureRefused {
    fn damaged(why: impl ToString) -> PictureRefused {
        PictureRefused::Damaged(why.to_string())
    }
}

impl Picture {
    /// A JPEG as it came; only its header is read.
    pub fn of_jpeg(jpeg: Bytes) -> Result<Picture, PictureRefused> {
        let (width, height) = jpeg_size(&jpeg)?;
        Ok(Picture {
            width,
            height,
            pixels: Pixels::Jpeg(jpeg),
        })
    }

    /// The size at `height_px`, keeping the shape; even, and never larger than this picture.
    pub fn size_at(&self, height_px: u32) -> (u32, u32) {
        let height = height_px.min(self.height).max(2) & !1;
        let width = u64::from(self.width) * u64::from(height) / u64::from(self.height.max(1));
        let width = u32::try_from(width).unwrap_or(PICTURE_PX_MAX);
        (width.clamp(2, PICTURE_PX_MAX) & !1, height)
    }

    /// The same picture at another size, smaller or equal, each pixel the mean of those it covers.
    pub fn scaled(&self, width: u32, height: u32) -> Result<Picture, PictureRefused> {
        let (source, bytes, order) = match &self.pixels {
            Pixels::Rgb(rgb) => (rgb, 3, [0, 1, 2]),
            Pixels::Bgra(bgra) => (bgra, 4, [2, 1, 0]),
            Pixels::Jpeg(jpeg) => return decode_jpeg(jpeg)?.scaled(width, height),
        };
        let (from_width, from_height) = (self.width as usize, self.height as usize);
        if source.len() < from_width * from_height * bytes || source.is_empty() {
            return Err(PictureRefused::damaged("it has fewer pixels than it says"));
        }
        let (to_width, to_height) = (width.max(1) as usize, height.max(1) as usize);
        let mut rgb = Vec::with_capacity(to_width * to_height * 3);
        let mut sums = vec![[0_u32; 3]; to_width];
        let columns: Vec<(usize, usize)> = (0..to_width)
            .map(|x| covered(x, from_width, to_width))
            .collect();
        for y in 0..to_height {
            let (top, bottom) = covered(y, from_height, to_height);
            sums.fill([0; 3]);
            for row in source
                .chunks_exact(from_width * bytes)
                .take(bottom)
                .skip(top)
            {
                for (sum, &(left, right)) in sums.iter_mut().zip(&columns) {
                    for pixel in row[left * bytes..right * bytes].chunks_exact(bytes) {
                        for (channel, at) in sum.iter_mut().zip(order) {
                            *channel += u32::from(pixel[at]);
                        }
                    }
                }
            }
            for (sum, &(left, right)) in sums.iter().zip(&columns) {
                let count = ((bottom - top) * (right - left)) as u32;
                rgb.extend(sum.map(|channel| ((channel + count / 2) / count) as u8));
            }
        }
        Ok(Picture {
            width: to_width as u32,
            height: to_height as u32,
            pixels: Pixels::Rgb(rgb),
        })
    }

    /// Encodes with colours at half resolution (4:2:0, half the cost of 4:4:4). `quality` is 1 to 100.
    pub fn to_jpeg(&self, quality: u8) -> Result<Bytes, PictureRefused> {
        let (data, colors) = match &self.pixels {
            Pixels::Rgb(rgb) => (rgb, ColorType::Rgb),
            Pixels::Bgra(bgra) => (bgra, ColorType::Bgra),
            Pixels::Jpeg(jpeg) => return Ok(jpeg.clone()),
        };
        if self.width > PICTURE_PX_MAX || self.height > PICTURE_PX_MAX {
            return Err(PictureRefused::TooLarge);
        }
        let mut jpeg = Vec::new();
        let mut encoder = Encoder::new(&mut jpeg, quality.clamp(1, 100));
        encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
        encoder
            .encode(data, self.width as u16, self.height as u16, colors)
            .map_err(PictureRefused::damaged)?;
        Ok(jpeg.into())
    }
}

/// Which source pixels the `at`th of `to` covers, of `from`; at least one.
fn covered(at: usize, from: usize, to: usize) -> (usize, usize) {
    let first = (at * from / to).min(from - 1);
    let end = ((at + 1) * from / to).clamp(first + 1, from);
    (first, end)
}

/// Width and height that a JPEG's header says.
pub fn jpeg_size(jpeg: &[u8]) -> Result<(u32, u32), PictureRefused> {
    let mut decoder = limited(jpeg);
    decoder.decode_headers().map_err(PictureRefused::damaged)?;
    size_of(&decoder)
}

/// Decodes a JPEG to RGB. Its size is checked before memory is taken.
pub fn decode_jpeg(jpeg: &[u8]) -> Result<Picture, PictureRefused> {
    let mut decoder = limited(jpeg);
    decoder.decode_headers().map_err(PictureRefused::damaged)?;
    let (width, height) = size_of(&decoder)?;
    let rgb = decoder.decode().map_err(PictureRefused::damaged)?;
    Ok(Picture {
        width,
        height,
        pixels: Pixels::Rgb(rgb),
    })
}

fn limited(jpeg: &[u8]) -> JpegDecoder<ZCursor<&[u8]>> {
    let options = DecoderOptions::default()
        .set_max_width(PICTURE_PX_MAX as usize)
        .set_max_height(PICTURE_PX_MAX as usize)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    JpegDecoder::new_with_options(ZCursor::new(jpeg), options)
}

fn size_of(decoder: &JpegDecoder<ZCursor<&[u8]>>) -> Result<(u32, u32), PictureRefused> {
    let (width, height) = decoder
        .dimensions()
        .ok_or_else(|| PictureRefused::damaged("it has no size"))?;
    let limit = PICTURE_PX_MAX as usize;
    match width <= limit && height <= limit && width > 0 && height > 0 {
        true => Ok((width as u32, height as u32)),
        false => Err(PictureRefused::TooLarge),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chequered(width: u32, height: u32) -> Picture {
        let pixels = (0..height)
            .flat_map(|y| (0..width).map(move |x| [((x + y) % 2 * 200) as u8, 50, (y % 256) as u8]))
            .flatten()
            .collect();
        Picture {
            width,
            height,
            pixels: Pixels::Rgb(pixels),
        }
    }

    #[test]
    fn a_pixel_of_a_scaled_picture_is_the_mean_of_those_it_covers() {
        let half = chequered(8, 4).scaled(4, 2).unwrap();
        assert_eq!((half.width, half.height), (4, 2));
        let Pixels::Rgb(rgb) = half.pixels else {
            panic!("scaling gives RGB")
        };
        // Rows 0 and 1, then 2 and 3; halves are rounded up.
        assert_eq!(
            rgb,
            [[100, 50, 1].repeat(4), [100, 50, 3].repeat(4)].concat()
        );
    }

    #[test]
    fn blue_and_red_of_a_bgra_picture_do_not_change_places() {
        let picture = Picture {
            width: 2,
            height: 2,
            pixels: Pixels::Bgra([10, 20, 30, 0].repeat(4)),
        };
        let same = picture.scaled(2, 2).unwrap();
        assert_eq!(same.pixels, Pixels::Rgb([30, 20, 10].repeat(4)));
    }

    #[test]
    fn a_layer_keeps_the_shape_and_is_never_larger_than_the_camera() {
        assert_eq!(chequered(1_280, 720).size_at(180), (320, 180));
        assert_eq!(chequered(640, 480).size_at(360), (480, 360));
        assert_eq!(chequered(640, 480).size_at(720), (640, 480));
    }

    #[test]
    fn a_picture_survives_encoding() {
        let flat = Picture {
            width: 64,
            height: 48,
            pixels: Pixels::Rgb([90, 120, 150].repeat(64 * 48)),
        };
        let jpeg = flat.to_jpeg(80).unwrap();
        assert_eq!(jpeg_size(&jpeg), Ok((64, 48)));
        let Pixels::Rgb(rgb) = decode_jpeg(&jpeg).unwrap().pixels else {
            panic!("decoding gives RGB")
        };
        let wrong = rgb
            .chunks(3)
            .flat_map(|pixel| pixel.iter().zip([90_u8, 120, 150]))
            .map(|(got, wanted)| got.abs_diff(wanted))
            .max();
        assert!(wrong <= Some(4), "{wrong:?}");
    }

    #[test]
    fn bytes_that_are_no_picture_are_refused() {
        assert!(decode_jpeg(b"").is_err());
        assert!(decode_jpeg(&[0xff; 300]).is_err());
        let whole = chequered(64, 64).to_jpeg(60).unwrap();
        assert!(decode_jpeg(&whole[..40]).is_err());
    }

    #[test]
    fn a_picture_that_says_to_be_huge_is_refused_before_it_is_decoded() {
        let mut jpeg = chequered(64, 64).to_jpeg(60).unwrap().to_vec();
        let start_of_frame = jpeg.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
        jpeg[start_of_frame + 5..start_of_frame + 9].copy_from_slice(&[0xff, 0xf0, 0xff, 0xf0]);
        assert!(decode_jpeg(&jpeg).is_err());
    }
}
