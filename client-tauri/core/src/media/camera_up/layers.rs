//! One layer of one picture: its size and its JPEG.

use conclave_wire::{
    Layer, QualityChoice,
    limits::{QUIET_FRAME_BYTES_MAX, QUIET_HEIGHT_PX, QUIET_WIDTH_PX},
};

use crate::media::picture::{Picture, PictureRefused, Pixels};

/// JPEG qualities of quiet company, until one is small enough.
const QUIET_QUALITIES: [u8; 5] = [60, 45, 30, 18, 8];

/// What a person's choice means for sending.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SendQuality {
    /// JPEG quality, 1 to 100.
    pub jpeg: u8,
    /// No larger layer is sent.
    pub layer_max: Layer,
}

impl SendQuality {
    pub const fn of(choice: QualityChoice) -> SendQuality {
        let (jpeg, layer_max) = match choice {
            QualityChoice::Low => (45, Layer::Normal),
            QualityChoice::Auto | QualityChoice::Normal => (65, Layer::Large),
            QualityChoice::High => (82, Layer::Large),
        };
        SendQuality { jpeg, layer_max }
    }
}

/// Encodes the picture at the layer's size. A JPEG from the camera that has this size is passed on as it
/// is; a camera that is smaller than the layer gives its own size.
pub fn encode_layer(
    picture: &Picture,
    layer: Layer,
    quality: SendQuality,
) -> Result<Vec<u8>, PictureRefused> {
    let (width, height) = picture.size_at(layer.height_px());
    let same = (width, height) == (picture.width, picture.height);
    let jpeg = match (&picture.pixels, same) {
        (Pixels::Jpeg(jpeg), true) => jpeg.clone(),
        (Pixels::Rgb(_) | Pixels::Bgra(_), true) => picture.to_jpeg(quality.jpeg)?,
        (_, false) => picture.scaled(width, height)?.to_jpeg(quality.jpeg)?,
    };
    Ok(jpeg.into())
}

/// Encodes a picture for quiet company: as good as the few bytes allow that each may have.
pub fn encode_quiet(picture: &Picture) -> Result<Vec<u8>, PictureRefused> {
    let (width, height) = picture.size_at(QUIET_HEIGHT_PX);
    let small = picture.scaled(width.min(QUIET_WIDTH_PX), height)?;
    for quality in QUIET_QUALITIES {
        let jpeg = small.to_jpeg(quality)?;
        if jpeg.len() <= QUIET_FRAME_BYTES_MAX {
            return Ok(jpeg.into());
        }
    }
    Err(PictureRefused::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{
        devices::{Camera, SyntheticCamera},
        picture::jpeg_size,
    };

    #[test]
    fn each_layer_has_its_size_and_a_poorer_choice_fewer_bytes() {
        let picture = SyntheticCamera::new(1).capture().unwrap();
        let mut sizes = Vec::new();
        for layer in Layer::ALL {
            let of = |choice| encode_layer(&picture, layer, SendQuality::of(choice)).unwrap();
            let jpeg = of(QualityChoice::Auto);
            sizes.push(jpeg_size(&jpeg).unwrap());
            assert!(of(QualityChoice::Low).len() < jpeg.len());
            assert!(of(QualityChoice::High).len() > jpeg.len());
        }
        assert_eq!(sizes, [(320, 180), (640, 360), (1_280, 720)]);
    }

    #[test]
    fn a_picture_of_quiet_company_is_small_whatever_it_shows() {
        let picture = SyntheticCamera::new(1).capture().unwrap();
        let jpeg = encode_quiet(&picture).unwrap();
        assert_eq!(jpeg_size(&jpeg), Ok((160, 90)));
        // Nothing is harder to encode than noise.
        let mut noise = 1u32;
        let rgb = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        });
        let picture = Picture {
            width: 640,
            height: 360,
            pixels: Pixels::Rgb(rgb.take(640 * 360 * 3).collect()),
        };
        assert!(encode_quiet(&picture).unwrap().len() <= QUIET_FRAME_BYTES_MAX);
    }

    #[test]
    fn a_jpeg_of_the_right_size_is_not_encoded_again() {
        let mut camera = SyntheticCamera::with_size(1, 640, 360);
        let jpeg = camera.capture().unwrap().to_jpeg(90).unwrap();
        let picture = Picture::of_jpeg(jpeg.clone()).unwrap();
        let quality = SendQuality::of(QualityChoice::Auto);
        assert_eq!(
            encode_layer(&picture, Layer::Normal, quality).unwrap(),
            jpeg
        );
        let small = encode_layer(&picture, Layer::Thumbnail, quality).unwrap();
        assert_eq!(jpeg_size(&small), Ok((320, 180)));
    }
}
