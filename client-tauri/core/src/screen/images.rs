//! Pictures of a folder as a screen: for tests, and for measuring on real pages.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{ScreenGone, ScreenSource, Shot};
use crate::media::picture::{Picture, PictureRefused, Pixels, decode_jpeg};

/// Files of one folder.
const FILES_MAX: usize = 10_000;
/// One file.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// What a PNG decoder may take: a picture of 8K.
const PNG_MEMORY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Shows the JPEG and PNG files of a folder in the order of their names, each for some captures, again and
/// again.
pub struct ImageSequence {
    files: Vec<PathBuf>,
    captures_each: u32,
    captured: u32,
    next: usize,
    width: u32,
    height: u32,
    bgra: Vec<u8>,
}

impl ImageSequence {
    /// # Errors
    /// When the folder cannot be read or has no such file.
    pub fn open(folder: &Path, captures_each: u32) -> io::Result<ImageSequence> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)?.take(FILES_MAX) {
            let path = entry?.path();
            let kind = path.extension().map(|kind| kind.to_ascii_lowercase());
            if kind.is_some_and(|kind| kind == "png" || kind == "jpg" || kind == "jpeg") {
                files.push(path);
            }
        }
        files.sort();
        if files.is_empty() {
            let sentence = "there is no PNG or JPEG file in the folder";
            return Err(io::Error::new(io::ErrorKind::NotFound, sentence));
        }
        Ok(ImageSequence {
            files,
            captures_each: captures_each.max(1),
            captured: 0,
            next: 0,
            width: 0,
            height: 0,
            bgra: Vec::new(),
        })
    }

    fn turn(&mut self) -> Result<(), ScreenGone> {
        let file = &self.files[self.next];
        self.next = (self.next + 1) % self.files.len();
        let picture = read(file).map_err(|error| {
            tracing::warn!(file = %file.display(), %error, "a picture cannot be shown");
            ScreenGone
        })?;
        (self.width, self.height) = (picture.width, picture.height);
        self.bgra = match picture.pixels {
            Pixels::Rgb(rgb) => {
                let pixels = rgb.chunks_exact(3);
                pixels
                    .flat_map(|pixel| [pixel[2], pixel[1], pixel[0], 255])
                    .collect()
            }
            Pixels::Bgra(bgra) => bgra,
            Pixels::Jpeg(_) => return Err(ScreenGone),
        };
        Ok(())
    }
}

impl ScreenSource for ImageSequence {
    fn capture(&mut self) -> Result<Shot<'_>, ScreenGone> {
        if self.captured.is_multiple_of(self.captures_each) {
            self.turn()?;
        }
        self.captured = self.captured.wrapping_add(1) % self.captures_each;
        Ok(Shot {
            width_px: self.width,
            height_px: self.height,
            bgra: &self.bgra,
            stride: 4 * self.width as usize,
            pointer: None,
        })
    }
}

#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    File(#[from] io::Error),
    #[error("it is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    #[error(transparent)]
    Picture(#[from] PictureRefused),
    #[error(transparent)]
    Png(#[from] png::DecodingError),
    #[error("its colours are of a kind that is not supported")]
    Colours,
}

fn read(file: &Path) -> Result<Picture, Unreadable> {
    if fs::metadata(file)?.len() > FILE_BYTES_MAX {
        return Err(Unreadable::TooLarge);
    }
    let bytes = fs::read(file)?;
    match bytes.starts_with(b"\x89PNG") {
        true => decode_png(&bytes),
        false => Ok(decode_jpeg(&bytes)?),
    }
}

fn decode_png(png: &[u8]) -> Result<Picture, Unreadable> {
    let limits = png::Limits {
        bytes: PNG_MEMORY_BYTES_MAX,
    };
    let mut decoder = png::Decoder::new_with_limits(io::Cursor::new(png), limits);
    let plain = png::Transformations::normalize_to_color8() | png::Transformations::ALPHA;
    decoder.set_transformations(plain);
    let mut reader = decoder.read_info()?;
    let bytes = reader
        .output_buffer_size()
        .filter(|&bytes| bytes <= PNG_MEMORY_BYTES_MAX);
    let mut bgra = vec![0; bytes.ok_or(Unreadable::TooLarge)?];
    let frame = reader.next_frame(&mut bgra)?;
    match frame.color_type {
        png::ColorType::Rgba => bgra.chunks_exact_mut(4).for_each(|pixel| pixel.swap(0, 2)),
        png::ColorType::GrayscaleAlpha => {
            let pixels = bgra.chunks_exact(2);
            bgra = pixels
                .flat_map(|pixel| [pixel[0], pixel[0], pixel[0], pixel[1]])
                .collect();
        }
        png::ColorType::Grayscale | png::ColorType::Rgb | png::ColorType::Indexed => {
            return Err(Unreadable::Colours);
        }
    }
    Ok(Picture {
        width: frame.width,
        height: frame.height,
        pixels: Pixels::Bgra(bgra),
    })
}

#[cfg(test)]
mod tests {
    use conclave_core::media::tiles::PixelRect;

    use super::{super::codec::encode_png, *};

    #[test]
    fn pictures_of_a_folder_are_shown_in_turn() {
        let folder = tempfile::tempdir().unwrap();
        let rect = PixelRect {
            x: 0,
            y: 0,
            width: 8,
            height: 4,
        };
        for (name, shade) in [("b.png", 20), ("a.png", 10)] {
            let png = encode_png(&[shade; 8 * 4 * 4], rect).unwrap();
            fs::write(folder.path().join(name), png).unwrap();
        }
        fs::write(folder.path().join("notes.txt"), "not a picture").unwrap();
        let mut images = ImageSequence::open(folder.path(), 2).unwrap();
        let shades: Vec<u8> = (0..6).map(|_| images.capture().unwrap().bgra[0]).collect();
        assert_eq!(shades, [10, 10, 20, 20, 10, 10]);
    }

    #[test]
    fn a_folder_without_pictures_is_refused_and_a_damaged_one_ends_the_screen() {
        let folder = tempfile::tempdir().unwrap();
        assert!(ImageSequence::open(folder.path(), 1).is_err());
        fs::write(folder.path().join("a.png"), b"\x89PNG and no more").unwrap();
        let mut images = ImageSequence::open(folder.path(), 1).unwrap();
        assert!(images.capture().is_err());
    }
}
