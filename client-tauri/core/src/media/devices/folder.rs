//! Pictures of a folder, one after the other, as a camera.

use std::{
    fs::File,
    io::{Cursor, Read},
    path::{Path, PathBuf},
};

use super::{Camera, CameraGone};
use crate::media::picture::{PICTURE_PX_MAX, Picture, Pixels};

/// Pictures that are taken from one folder.
pub const FOLDER_PICTURES_MAX: usize = 10_000;
/// One file at most, in bytes.
pub const PICTURE_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Why a folder is no camera.
#[derive(Debug, thiserror::Error)]
pub enum FolderRefused {
    #[error("The folder cannot be read: {0}. Choose another one.")]
    Unreadable(#[from] std::io::Error),
    #[error("The folder has no JPEG or PNG pictures. Choose another one.")]
    Empty,
}

/// Shows the JPEG and PNG files of a folder in the order of their names, and begins anew at the end.
/// What cannot be read is left out.
#[derive(Clone, Debug)]
pub struct FolderCamera {
    files: Vec<PathBuf>,
    next: usize,
}

impl FolderCamera {
    pub fn open(folder: &Path) -> Result<FolderCamera, FolderRefused> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| kind_of(path).is_some())
            .take(FOLDER_PICTURES_MAX)
            .collect();
        files.sort();
        match files.is_empty() {
            true => Err(FolderRefused::Empty),
            false => Ok(FolderCamera { files, next: 0 }),
        }
    }
}

impl Camera for FolderCamera {
    fn capture(&mut self) -> Result<Picture, CameraGone> {
        for _ in 0..self.files.len() {
            let path = &self.files[self.next];
            self.next = (self.next + 1) % self.files.len();
            match read(path) {
                Some(picture) => return Ok(picture),
                None => tracing::debug!(?path, "a picture of the folder was left out"),
            }
        }
        Err(CameraGone)
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Jpeg,
    Png,
}

fn kind_of(path: &Path) -> Option<Kind> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "jpg" | "jpeg" => Some(Kind::Jpeg),
        "png" => Some(Kind::Png),
        _ => None,
    }
}

fn read(path: &Path) -> Option<Picture> {
    let file = File::open(path).ok()?;
    if file.metadata().ok()?.len() > PICTURE_FILE_BYTES_MAX {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(PICTURE_FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .ok()?;
    match kind_of(path)? {
        Kind::Jpeg => Picture::of_jpeg(bytes.into()).ok(),
        Kind::Png => read_png(&bytes),
    }
}

fn read_png(bytes: &[u8]) -> Option<Picture> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().ok()?;
    let (width, height) = reader.info().size();
    if width > PICTURE_PX_MAX || height > PICTURE_PX_MAX || width == 0 || height == 0 {
        return None;
    }
    let mut pixels = vec![0; reader.output_buffer_size()?];
    let info = reader.next_frame(&mut pixels).ok()?;
    pixels.truncate(info.buffer_size());
    let rgb = match info.color_type {
        png::ColorType::Rgb => pixels,
        png::ColorType::Rgba => pixels
            .chunks_exact(4)
            .flat_map(|p| [p[0], p[1], p[2]])
            .collect(),
        png::ColorType::Grayscale => pixels.iter().flat_map(|&grey| [grey; 3]).collect(),
        png::ColorType::GrayscaleAlpha => pixels.chunks_exact(2).flat_map(|p| [p[0]; 3]).collect(),
        png::ColorType::Indexed => return None,
    };
    Some(Picture {
        width,
        height,
        pixels: Pixels::Rgb(rgb),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png_of(color: [u8; 3]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 4, 2);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&color.repeat(8)).unwrap();
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn pictures_come_in_the_order_of_their_names_and_then_anew() {
        let folder = tempfile::tempdir().unwrap();
        let put =
            |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        put("2.png", &png_of([2, 2, 2]));
        put("1.png", &png_of([1, 1, 1]));
        put("3.png", b"no picture");
        put("letter.txt", b"hello");
        let jpeg = Picture {
            width: 4,
            height: 2,
            pixels: Pixels::Rgb([9, 9, 9].repeat(8)),
        };
        put("4.jpg", &jpeg.to_jpeg(90).unwrap());

        let mut camera = FolderCamera::open(folder.path()).unwrap();
        let first = camera.capture().unwrap();
        assert_eq!(first.pixels, Pixels::Rgb([1, 1, 1].repeat(8)));
        assert_eq!(
            camera.capture().unwrap().pixels,
            Pixels::Rgb([2, 2, 2].repeat(8))
        );
        assert!(matches!(camera.capture().unwrap().pixels, Pixels::Jpeg(_)));
        assert_eq!(camera.capture().unwrap(), first);
    }

    #[test]
    fn a_folder_without_pictures_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            FolderCamera::open(folder.path()),
            Err(FolderRefused::Empty)
        ));
    }
}
